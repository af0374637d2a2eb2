/* UCB1 and Thompson sampling as a textbook has them: one run after another, one arm after another.

   What the simulation is measured against:  gcc -O3 textbook.c -lm
   textbook ucb1|thompson  runs  horizon  seed  mean...   prints  seconds  mean-pseudo-regret */

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MOST_ARMS 10000

/* xoshiro256+ (Blackman & Vigna 2021), seeded by splitmix64. */
static uint64_t s[4];

static uint64_t rotated(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }

static uint64_t next(void) {
    uint64_t result = s[0] + s[3], t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotated(s[3], 45);
    return result;
}

static void seed_with(uint64_t x) {
    for (int i = 0; i < 4; i++) {
        uint64_t z = (x += 0x9e3779b97f4a7c15);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        s[i] = z ^ (z >> 31);
    }
}

static double uniform(void) { return (next() >> 11) * 0x1.0p-53; }

/* The polar method: two at a time. */
static double normal(void) {
    static double spare;
    static int have_spare;
    if (have_spare) {
        have_spare = 0;
        return spare;
    }
    double u, v, square;
    do {
        u = 2 * uniform() - 1;
        v = 2 * uniform() - 1;
        square = u * u + v * v;
    } while (square >= 1 || square == 0);
    double scale = sqrt(-2 * log(square) / square);
    spare = v * scale;
    have_spare = 1;
    return u * scale;
}

/* Marsaglia & Tsang 2000, for shapes of at least 1. */
static double gamma_draw(double shape) {
    double d = shape - 1.0 / 3, c = 1 / sqrt(9 * d);
    for (;;) {
        double x = normal(), v = 1 + c * x;
        if (v <= 0) continue;
        v = v * v * v;
        double u = uniform();
        if (u < 1 - 0.0331 * x * x * x * x) return d * v;
        if (log(u) < 0.5 * x * x + d * (1 - v + log(v))) return d * v;
    }
}

/* The best score, ties broken evenly. */
static int best_of(const double *score, int arms) {
    int best = 0, tied = 1;
    for (int i = 1; i < arms; i++) {
        if (score[i] > score[best]) {
            best = i;
            tied = 1;
        } else if (score[i] == score[best] && uniform() * ++tied < 1) {
            best = i;
        }
    }
    return best;
}

static double ucb1(const double *law, int arms, long horizon) {
    double pulls[MOST_ARMS], mean[MOST_ARMS], score[MOST_ARMS], regret = 0, top = 0;
    for (int i = 0; i < arms; i++) {
        pulls[i] = mean[i] = 0;
        if (law[i] > top) top = law[i];
    }
    for (long t = 1; t <= horizon; t++) {
        double log_t = log((double)t);
        for (int i = 0; i < arms; i++)
            score[i] = pulls[i] > 0 ? mean[i] + sqrt(2 * log_t / pulls[i]) : INFINITY;
        int arm = best_of(score, arms);
        double reward = uniform() < law[arm];
        pulls[arm] += 1;
        mean[arm] += (reward - mean[arm]) / pulls[arm];
        regret += top - law[arm];
    }
    return regret;
}

static double thompson(const double *law, int arms, long horizon) {
    double won[MOST_ARMS], lost[MOST_ARMS], score[MOST_ARMS], regret = 0, top = 0;
    for (int i = 0; i < arms; i++) {
        won[i] = lost[i] = 1;
        if (law[i] > top) top = law[i];
    }
    for (long t = 1; t <= horizon; t++) {
        for (int i = 0; i < arms; i++) {
            double a = gamma_draw(won[i]), b = gamma_draw(lost[i]);
            score[i] = a / (a + b);
        }
        int arm = best_of(score, arms);
        if (uniform() < law[arm]) won[arm] += 1;
        else lost[arm] += 1;
        regret += top - law[arm];
    }
    return regret;
}

int main(int count, char **word) {
    int arms = count - 5;
    if (arms < 1 || arms > MOST_ARMS) return 2;
    double law[MOST_ARMS], regret = 0;
    for (int i = 0; i < arms; i++) law[i] = atof(word[5 + i]);
    long runs = atol(word[2]), horizon = atol(word[3]);
    seed_with(strtoull(word[4], NULL, 10));
    double (*play)(const double *, int, long) = strcmp(word[1], "ucb1") ? thompson : ucb1;
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (long run = 0; run < runs; run++) regret += play(law, arms, horizon);
    clock_gettime(CLOCK_MONOTONIC, &end);
    double seconds = (end.tv_sec - start.tv_sec) + 1e-9 * (end.tv_nsec - start.tv_nsec);
    printf("%.9f %.6f\n", seconds, regret / runs);
    return 0;
}
