"""Best-arm identification: stopping when it is known, and how often that is wrong."""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import integrate, optimize
from scipy import stats as laws

from banditsplit import (
    KLLUCB,
    LUCB,
    BernoulliProblem,
    FixedArm,
    GaussianProblem,
    Net,
    Policy,
    SuccessiveHalving,
    TopTwoThompson,
    load,
    simulate,
    with_budget,
)
from banditsplit._stats import ArmStats
from banditsplit._typing import Bool, Float, Int
from banditsplit.recipes import (
    HalvingRecipe,
    IdentificationRecipe,
    IdentificationRule,
    LUCBRule,
    TopTwoRule,
)
from banditsplit.theory import (
    Bernoulli,
    best_arm_lower_bound,
    halving_phases,
    sequential_halving_error_bound,
)

REFUSAL = r"(?s)^`[^`]+` must .*, got .*"
NAN, INF = float("nan"), float("inf")
Make = Callable[..., Policy]
Draw = Callable[[np.random.Generator, Float], Float]

IDENTIFY: dict[str, Make] = {
    "LUCB": partial(LUCB, delta=0.1),
    "KLLUCB": partial(KLLUCB, delta=0.1),
    "TopTwoThompson": partial(TopTwoThompson, delta=0.1),
    "TopTwoThompson std": partial(TopTwoThompson, delta=0.1, std=0.5),
}
POLICIES = IDENTIFY | {"SuccessiveHalving": partial(SuccessiveHalving, budget=60)}
identify = pytest.mark.parametrize("make", IDENTIFY.values(), ids=IDENTIFY)
every = pytest.mark.parametrize("make", POLICIES.values(), ids=POLICIES)
both_doors = pytest.mark.parametrize("runs", [None, 3])


def coins(rng: np.random.Generator, mean: Float) -> Float:
    return np.asarray(rng.random(mean.shape) < mean, np.float64)


def fractions(rng: np.random.Generator, mean: Float) -> Float:
    """Values in [0, 1] that are no coins, and skewed."""
    return np.asarray(rng.beta(0.5 * mean, 0.5 * (1 - mean)), np.float64)


def normal(rng: np.random.Generator, mean: Float) -> Float:
    return rng.normal(mean, 0.5)


@dataclass(frozen=True)
class Outcome:
    """What came of a race: `[runs]` each."""

    finished: Bool
    wrong: Bool
    rounds: Int


def race(
    policy: Policy, means: Float, *, rounds: int, draw: Draw = coins, seed: int = 0
) -> Outcome:
    """Every run plays arms of its own ``means``, `[runs, arms]`, until it knows the best."""
    rng, row = np.random.default_rng(seed), np.arange(len(means))
    played = np.zeros(len(means), np.int64)
    for _ in range(rounds):
        if policy.finished.all():
            break
        played += ~policy.finished
        arm = policy.select()
        policy.update(arm, draw(rng, means[row, arm]))
    wrong = policy.finished & (means[row, policy.recommendation] < means.max(-1))
    return Outcome(policy.finished, wrong, played)


def wrong_too_often(wrong: Bool, delta: float) -> bool:
    """Whether more than a share ``delta`` is wrong: binomial test, false alarm 1e-6."""
    return float(laws.binom.sf(wrong.sum() - 1, len(wrong), delta)) < 1e-6


# How often the choice is wrong.


def close(runs: int, arms: int) -> Float:
    """Instances whose arms are nearly alike, which mislead whoever stops too soon."""
    return 0.5 + np.random.default_rng(7).uniform(-0.02, 0.02, (runs, arms))


def far(runs: int, arms: int) -> Float:
    """Instances whose best arm is ahead by .35 or more."""
    rng = np.random.default_rng(8)
    means = rng.uniform(0.1, 0.5, (runs, arms))
    means[np.arange(runs), rng.integers(arms, size=runs)] = 0.85
    return means


CASES: dict[str, tuple[Make, Draw]] = {
    "LUCB": (IDENTIFY["LUCB"], coins),
    "KLLUCB": (IDENTIFY["KLLUCB"], coins),
    "TopTwoThompson": (IDENTIFY["TopTwoThompson"], coins),
    "TopTwoThompson of fractions": (IDENTIFY["TopTwoThompson"], fractions),
    "TopTwoThompson of normal values": (IDENTIFY["TopTwoThompson std"], normal),
}


@pytest.mark.parametrize(("make", "draw"), CASES.values(), ids=CASES)
def test_nearly_equal_arms_are_confused_in_at_most_delta_of_the_runs(
    make: Make, draw: Draw
) -> None:
    """1,000 instances of two arms at delta = .1, looked at in each of 1,000 rounds."""
    outcome = race(make(2, runs=1000, seed=1), close(1000, 2), rounds=1000, draw=draw)

    assert not wrong_too_often(outcome.wrong, 0.1)


@pytest.mark.parametrize(("make", "draw"), CASES.values(), ids=CASES)
def test_arms_that_differ_are_told_apart_in_finite_time(make: Make, draw: Draw) -> None:
    """200 instances of four arms: all stop, and hardly one is wrong."""
    outcome = race(make(4, runs=200, seed=1), far(200, 4), rounds=4000, draw=draw)

    assert outcome.finished.all()
    assert not wrong_too_often(outcome.wrong, 0.1)


@dataclass(frozen=True)
class Planted(IdentificationRule):
    """Top-two sampling with a stopping rule that has a fault."""

    fault: Callable[[TopTwoRule, ArmStats, Int], Float]
    delta: float = 0.1

    def choose(self, stats: ArmStats, rng: np.random.Generator, available: Bool) -> Any:
        return TopTwoRule(self.delta).choose(stats, rng, available)

    def margin(self, stats: ArmStats, leader: Int) -> Float:
        return self.fault(TopTwoRule(self.delta), stats, leader)


def at_a_fixed_time(rule: TopTwoRule, stats: ArmStats, leader: Int) -> Float:
    del rule, leader
    return np.asarray(stats.t[:, 0] - 30.0)


def at_once(rule: TopTwoRule, stats: ArmStats, leader: Int) -> Float:
    """Greedy: whoever leads when all have been tried."""
    del rule, stats
    return np.zeros(leader.shape)


def whatever_delta(rule: TopTwoRule, stats: ArmStats, leader: Int) -> Float:
    return rule.margin(stats, leader) + math.log(1 / rule.delta)


def as_if_looked_at_once(rule: TopTwoRule, stats: ArmStats, leader: Int) -> Float:
    """The prices forgotten, which pay for looking again and again: a fixed-time test."""
    price = rule._price(stats)
    rival = 1 - leader[:, None]
    paid = np.take_along_axis(price, rival, 1)[:, 0]
    return rule.margin(stats, leader) + paid + np.take_along_axis(price, 1 - rival, 1)[:, 0]


def one_width_forgotten(rule: TopTwoRule, stats: ArmStats, leader: Int) -> Float:
    """LUCB that holds the rival's mean for its upper bound, and looks as if once."""
    del rule
    mean, pulls = (np.take_along_axis(x, leader[:, None], 1) for x in (stats.mean, stats.pulls))
    rival = np.take_along_axis(stats.mean, 1 - leader[:, None], 1)
    return np.asarray((mean - rival - np.sqrt(math.log(10) / (2 * pulls)))[:, 0])


@pytest.mark.parametrize(
    "fault",
    [at_a_fixed_time, at_once, whatever_delta, as_if_looked_at_once, one_width_forgotten],
)
def test_the_same_check_catches_rules_that_stop_too_soon(
    fault: Callable[[TopTwoRule, ArmStats, Int], Float],
) -> None:
    policy = Policy(IdentificationRecipe(2, Planted(fault)), runs=1000, seed=1)
    outcome = race(policy, close(1000, 2), rounds=1000)

    assert wrong_too_often(outcome.wrong, 0.1)


def ever_outside(width: Callable[[Float, Float], Float], mean: float) -> Bool:
    """Whether an arm of this mean is ever above its upper bound, in 2,000 runs of 1,000 rounds.

    Nobody else is pulled, so that rounds are as few as they can be for so many pulls.
    """
    rng, n = np.random.default_rng(3), np.arange(1.0, 1001.0)
    found = (rng.random((2000, 1000)) < mean).cumsum(1) / n
    outside: Bool = (found + width(found, n) < mean).any(1)
    return outside


@pytest.mark.parametrize(("kl", "mean"), [(False, 0.5), (True, 0.5), (True, 0.9)])
def test_upper_bounds_hold_in_every_round(*, kl: bool, mean: float) -> None:
    """With one arm's share of delta = .3 among three; its control forgets the union."""
    rule = LUCBRule(0.3, kl=kl)

    def proved(found: Float, n: Float) -> Float:
        stats = ArmStats(n + 1, n, np.zeros((1, 3)), 0)
        return rule._width(found, rule._level(stats) / n)

    def union_forgotten(found: Float, n: Float) -> Float:
        return rule._width(found, math.log(3 / 0.3) / n)

    assert not wrong_too_often(ever_outside(proved, mean), 0.1)
    assert wrong_too_often(ever_outside(union_forgotten, mean), 0.1)


# How long it takes.


def ratios(make: Make, means: list[float]) -> tuple[float, float]:
    """The mean number of rounds of 200 runs over what it takes at least, and its error."""
    at_least = best_arm_lower_bound(BernoulliProblem(np.array(means)), 0.1)
    policy = make(len(means), runs=200, seed=2)
    outcome = race(policy, np.tile(means, (200, 1)), rounds=20_000)
    assert outcome.finished.all()
    ratio = outcome.rounds / at_least
    return float(ratio.mean()), float(ratio.std() / math.sqrt(200))


@pytest.mark.parametrize(
    ("make", "most"),
    [
        pytest.param(IDENTIFY["LUCB"], 60.0, id="LUCB"),
        pytest.param(IDENTIFY["KLLUCB"], 50.0, id="KLLUCB"),
        pytest.param(IDENTIFY["TopTwoThompson"], 7.0, id="TopTwoThompson"),
        pytest.param(IDENTIFY["TopTwoThompson std"], 8.0, id="TopTwoThompson std"),
    ],
)
def test_it_takes_longer_than_the_lower_bound_and_not_much_longer(
    make: Make, most: float
) -> None:
    """Arms of .6, .3, .2 and .1, for which nobody can do with fewer than 48.9 pulls on average.

    Found: 39, 37, 4.5 and 4.7 times as many; LUCB pays for its union over rounds and counts.
    At 5 standard errors this fails with probability 6e-7.
    """
    ratio, error = ratios(make, [0.6, 0.3, 0.2, 0.1])

    assert 1 + 5 * error < ratio < most


def test_who_stops_before_the_lower_bound_is_noticed() -> None:
    """The control: 30 rounds are too few."""
    policy = partial(
        lambda arms, **how: Policy(IdentificationRecipe(arms, Planted(at_a_fixed_time)), **how)
    )
    ratio, error = ratios(policy, [0.6, 0.3, 0.2, 0.1])

    assert not 1 + 5 * error < ratio


def test_the_lower_bound_of_gaussian_arms_is_its_closed_form() -> None:
    """Equal rivals: ``2 std**2 (1 + sqrt(arms - 1))**2 / gap**2`` (set all rates equal)."""
    for arms, gap in ((2, 0.5), (3, 1e3), (1000, 1e-3)):
        problem = GaussianProblem(np.array([1.0] + [1.0 - gap] * (arms - 1)), 2.0)
        rate = gap**2 / (2 * 4.0 * (1 + math.sqrt(arms - 1)) ** 2)
        expected = (0.1 * math.log(1 / 9) + 0.9 * math.log(9)) / rate

        assert best_arm_lower_bound(problem, 0.1) == pytest.approx(expected, rel=1e-6)


def test_the_lower_bound_of_rare_events_is_its_closed_form() -> None:
    """A mean of nearly 0 against 0: the best share is 1 / e, which tells ``mean / e``."""
    expected = math.e * 1e9 * (0.1 * math.log(1 / 9) + 0.9 * math.log(9))
    rare = BernoulliProblem(np.array([0.0, 1e-9]))
    nearly_sure = BernoulliProblem(np.array([1 - 1e-9, 1.0]))

    assert best_arm_lower_bound(rare, 0.1) == pytest.approx(expected, rel=1e-5)
    assert best_arm_lower_bound(nearly_sure, 0.1) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("means", [[0.6, 0.3, 0.2], [0.95, 0.9, 0.1], [0.5, 0.5 - 1e-3, 0.0]])
def test_the_lower_bound_is_the_best_of_all_shares(means: list[float]) -> None:
    """A search over shares, which knows nothing of how the bound is worked out."""
    kl = Bernoulli().kl

    def learned(logits: Float) -> float:
        w = np.exp(np.append(logits, 0.0))
        w /= w.sum()
        least = min(
            w[0] * kl(means[0], q) + w[b] * kl(means[b], q)
            for b in (1, 2)
            for q in [(w[0] * means[0] + w[b] * means[b]) / (w[0] + w[b])]
        )
        return -float(least)

    starts = ([0.0, 0.0], [2.0, 2.0], [3.0, 2.5])
    found = [
        optimize.minimize(
            learned,
            start,
            method="Nelder-Mead",
            options={"xatol": 1e-9, "fatol": 1e-15, "maxiter": 2000},
        )
        for start in starts
    ]
    rate = -min(result.fun for result in found)

    bound = best_arm_lower_bound(BernoulliProblem(np.array(means)), 0.1)
    assert bound == pytest.approx(kl(0.1, 0.9) / rate, rel=1e-5)


def test_what_the_lower_bound_says_at_its_ends() -> None:
    two = BernoulliProblem(np.array([0.5, 0.5]))

    assert best_arm_lower_bound(BernoulliProblem(np.array([0.5])), 0.1) == 0
    assert best_arm_lower_bound(BernoulliProblem(np.array([0.5, 0.2])), 0.5) == 0
    assert best_arm_lower_bound(two, 0.1) == INF


# The rules, by hand.


def test_the_bounds_of_lucb_are_its_formula() -> None:
    """Two arms in round 10 at delta .1: level ln(5 * 2 * 10**4 / .4), two counts."""
    stats = ArmStats(10, np.array([4.0, 5.0]), np.array([0.5, 1.5]), 0)
    level = math.log(5 * 2 * 10**4 / 0.4)
    apart = 1.0 - 2.0 * (math.sqrt(level / 10) + math.sqrt(level / 8))

    margin = LUCBRule(0.1, epsilon=0.25, span=2.0).margin(stats, np.array(1))
    assert float(margin) == pytest.approx(apart + 0.25)


def test_the_bounds_of_kl_lucb_are_where_the_divergence_is_the_level() -> None:
    stats = ArmStats(100, np.array([40.0, 59.0]), np.array([0.2, 0.9]), 0)
    level, kl = math.log(5 * 2 * 100**4 / 0.4), Bernoulli().kl
    lower = optimize.brentq(lambda q: 59 * kl(0.9, q) - level, 1e-12, 0.9)
    upper = optimize.brentq(lambda q: 40 * kl(0.2, q) - level, 0.2, 1 - 1e-12)
    rule = LUCBRule(0.1, kl=True)

    assert float(rule.margin(stats, np.array(1))) == pytest.approx(lower - upper, abs=1e-9)
    assert rule.margin(stats, np.array(1)) > LUCBRule(0.1).margin(stats, np.array(1))


def average_of_coins(n: float, mean: float, q: float) -> float:
    """The likelihood averaged over the prior Beta(1/2, 1/2), over that at ``q``."""
    won, lost = n * mean, n * (1 - mean)

    def integrand(angle: float) -> float:
        p = math.sin(angle) ** 2  # then the angle is uniform
        ratio = won * math.log(p / q) + lost * math.log((1 - p) / (1 - q))
        return math.exp(ratio) * 2 / math.pi

    ends = (1e-12, math.pi / 2 - 1e-12)
    return float(integrate.quad(integrand, *ends, limit=500, epsabs=0, epsrel=1e-10)[0])


def average_of_normal_values(n: float, mean: float, q: float) -> float:
    """The same for noise of .5 and a prior around ``q`` that is as wide as the noise."""

    def integrand(shift: float) -> float:
        ratio = n * ((mean - q) * shift - shift**2 / 2) / 0.25
        return math.exp(ratio - shift**2 / 0.5) / math.sqrt(2 * math.pi * 0.25)

    ends = (-5.0, 5.0)
    return float(integrate.quad(integrand, *ends, limit=500, epsabs=0, epsrel=1e-10)[0])


@pytest.mark.parametrize("std", [None, 0.5])
@pytest.mark.parametrize(
    ("pulls", "mean"),
    [([10.0, 10.0], [0.2, 0.8]), ([3.0, 40.0], [0.5, 0.75]), ([30.0, 5.0], [0.0, 1.0])],
)
def test_the_evidence_is_the_least_product_of_averages(
    pulls: list[float], mean: list[float], std: float | None
) -> None:
    """By integration over the prior and a search for the common mean, from the definition."""

    def at(q: float) -> float:
        average = average_of_coins if std is None else average_of_normal_values
        return sum(math.log(average(n, m, q)) for n, m in zip(pulls, mean, strict=True))

    least = optimize.minimize_scalar(at, bounds=(1e-6, 1 - 1e-6), method="bounded").fun
    stats = ArmStats(99, np.array(pulls), np.array(mean), 0)

    margin = TopTwoRule(0.1, std).margin(stats, np.array(1))
    assert float(margin) == pytest.approx(least - math.log(1 / 0.1), abs=1e-5)


def test_the_evidence_asks_less_than_the_published_threshold() -> None:
    """Garivier & Kaufmann 2016, Thm. 10: prices are at most ln(2 t) together."""
    rng = np.random.default_rng(0)
    pulls = rng.integers(1, 500, (200, 2)).astype(np.float64)
    mean = np.round(rng.random((200, 2)) * pulls) / pulls
    stats = ArmStats(pulls.sum(1, keepdims=True) + 1, pulls, mean, 0)
    price = TopTwoRule(0.1)._price(stats)

    assert (price >= 0).all()
    assert (price.sum(1) <= np.log(2 * pulls.sum(1))).all()


def test_the_closest_rival_decides() -> None:
    """Of three, the one behind by less: what stands for the others does not matter."""
    stats = ArmStats(99, np.array([30.0, 30.0, 30.0]), np.array([0.9, 0.6, 0.1]), 0)
    two = ArmStats(99, np.array([30.0, 30.0]), np.array([0.9, 0.6]), 0)
    three = float(TopTwoRule(0.1).margin(stats, np.array(0)))

    assert three == pytest.approx(float(TopTwoRule(0.05).margin(two, np.array(0))))


def test_lucb_is_the_papers_loop() -> None:
    """Leader or challenger, evenly (1e-6), by a loop over numbers; values without ties."""
    rng = np.random.default_rng(5)
    stream = rng.random((4, 4000)) * 0.3 + np.array([[0.1], [0.7], [0.2], [0.0]])
    policy = LUCB(4, delta=0.1, seed=0)
    total, count, turns = [0.0] * 4, [0] * 4, [0, 0]
    for t in range(1, 5000):
        arm = policy.select()
        level = math.log(5 * 4 * t**4 / (4 * 0.1))
        if min(count) > 0:
            mean = [s / n for s, n in zip(total, count, strict=True)]
            upper = [m + math.sqrt(level / (2 * n)) for m, n in zip(mean, count, strict=True)]
            leader = mean.index(max(mean))
            others = [a for a in range(4) if a != leader]
            challenger = max(others, key=lambda a: upper[a])

            assert arm in (leader, challenger)
            turns[arm == leader] += 1
        else:
            assert count[arm] == 0
        policy.update(arm, stream[arm, count[arm]])
        total[arm] += stream[arm, count[arm]]
        count[arm] += 1
        if policy.finished:
            break
    level = math.log(5 * 4 * (t + 1) ** 4 / (4 * 0.1))
    mean = [s / n for s, n in zip(total, count, strict=True)]
    width = [math.sqrt(level / (2 * n)) for n in count]
    rivals = max(mean[a] + width[a] for a in (0, 2, 3))

    assert laws.chisquare(turns).pvalue > 1e-6
    assert policy.recommendation == 1
    assert mean[1] - width[1] >= rivals
    assert policy.certificate.margin == pytest.approx(mean[1] - width[1] - rivals)


def test_the_second_arm_is_the_closest_rival_half_of_the_time() -> None:
    """4,000 choices where the posterior leaves no doubt about the first; 1e-6."""
    stats = ArmStats(
        np.full((4000, 1), 3000),
        np.tile([1000.0, 1000.0, 1000.0], (4000, 1)),
        np.tile([0.9, 0.6, 0.3], (4000, 1)),
        0,
    )
    everyone = np.ones((4000, 3), bool)
    for share in (0.5, 0.8):
        rule = TopTwoRule(0.1, share=share)
        arm = rule.choose(stats, np.random.default_rng(0), everyone)
        first, second, third = np.bincount(arm, minlength=3)

        assert third == 0
        assert laws.chisquare([first, second], [4000 * share, 4000 * (1 - share)]).pvalue > 1e-6


# Ties.


@pytest.mark.parametrize("make", [LUCB, KLLUCB], ids=["LUCB", "KLLUCB"])
def test_two_best_arms_stop_where_a_tolerance_says_so(make: Make) -> None:
    """And without one they go on: it is not said that one is better."""
    means = np.tile([0.6, 0.6, 0.1], (50, 1))
    content = race(make(3, delta=0.1, epsilon=0.4, runs=50, seed=0), means, rounds=2500)
    strict = race(make(3, delta=0.1, runs=50, seed=0), means, rounds=2500)

    assert content.finished.all()
    assert not content.wrong.any()
    assert not strict.finished.any()


@identify
def test_equal_arms_that_never_vary_are_never_told_apart(make: Make) -> None:
    policy = make(2, seed=0)
    for _ in range(300):
        policy.update(policy.select(), 0.5)

    assert not policy.finished
    assert policy.certificate.margin < 0


@every
def test_a_single_arm_is_known_at_once(make: Make) -> None:
    one, many = make(1, seed=0), make(1, runs=2, seed=0)

    assert one.finished is True
    assert one.recommendation == 0
    assert many.finished.tolist() == [True, True]
    assert many.recommendation.tolist() == [0, 0]
    with pytest.raises(RuntimeError):
        one.select()


# Masks, batches, late feedback, files.


def played(policy: Policy, rounds: int, seed: int = 0, means: Any = (0.1, 0.95, 0.3)) -> Any:
    """The arms of some rounds against coins, until it has finished."""
    rng, arms = np.random.default_rng(seed), []
    for _ in range(rounds):
        if np.all(policy.finished):
            break
        arm = policy.select()
        arms.append(np.asarray(arm).tolist())
        policy.update(arm, (rng.random(policy.runs) < np.asarray(means)[arm]) * 1.0)
    return arms


@every
def test_masked_arms_are_never_chosen(make: Make) -> None:
    policy = make(4, runs=50, seed=2)
    rng, row = np.random.default_rng(0), np.arange(50)
    for _ in range(200):
        playing = ~policy.finished
        if not playing.any():
            break
        mask = rng.random((50, 4)) < 0.4
        mask[row, rng.integers(4, size=50)] = True
        arm = policy.select(available=mask)

        assert mask[row, arm][playing].all()
        policy.update(arm, (rng.random(50) < arm / 4) * 1.0)


@identify
def test_while_an_arm_was_never_seen_nothing_is_known(make: Make) -> None:
    policy = make(3, seed=0)
    rng = np.random.default_rng(0)
    for _ in range(1500):
        arm = policy.select(available=[True, True, False])
        policy.update(arm, float(rng.random() < [0.05, 0.95][arm]))

    assert not policy.finished
    assert policy.certificate.margin == -INF
    for _ in range(1500):
        if policy.finished:
            break
        policy.update(policy.select(), float(rng.random() < 0.05))
    assert policy.stats.pulls[2] > 0


def test_a_mask_of_one_arm_is_obeyed_by_leader_and_challenger() -> None:
    for make in IDENTIFY.values():
        policy = make(3, runs=20, seed=0)
        played(policy, 20)
        for _ in range(4):
            arm = policy.select(available=[False, False, True])

            assert (arm[~policy.finished] == 2).all()
            policy.update(arm, np.zeros(20))


@every
def test_runs_finish_at_different_times_and_then_stay(make: Make) -> None:
    policy = make(3, runs=30, seed=0)
    rng, means = np.random.default_rng(1), np.array([0.1, 0.95, 0.3])
    frozen: dict[int, Any] = {}
    for _ in range(8000):
        for run in np.flatnonzero(policy.finished):
            now = policy.recommendation[run], policy.stats.pulls[run].tolist()
            assert frozen.setdefault(int(run), now) == now
        if policy.finished.all():
            break
        arm = policy.select()
        policy.update(arm, (rng.random(30) < means[arm]) * 1.0)

    assert policy.finished.all()
    assert (policy.recommendation == 1).mean() > 0.8
    if make is not POLICIES["SuccessiveHalving"]:  # whose runs all take as long
        assert len({sum(pulls) for _, pulls in frozen.values()}) > 3


@every
def test_one_that_has_finished_decides_and_learns_no_more(make: Make) -> None:
    policy = make(3, seed=0)
    played(policy, 8000)

    assert policy.finished
    with pytest.raises(RuntimeError):
        policy.select()
    with pytest.raises(RuntimeError):
        policy.update(0, 1.0)


@every
def test_a_device_freezes_its_choice(make: Make) -> None:
    policy = make(3, seed=0)
    played(policy, 8000)
    frozen = FixedArm(policy.arms, policy.recommendation)

    assert frozen.select() == policy.recommendation == 1


@every
def test_late_feedback_in_any_order_counts(make: Make) -> None:
    """Ten decisions wait at a time, and are answered from the last to the first."""
    policy, rng = make(3, seed=0), np.random.default_rng(0)
    means = [0.05, 0.95, 0.2]
    for _ in range(1500):
        waiting = [policy.decide() for _ in range(10)]
        for decision in reversed(waiting):
            if policy.finished:
                break
            policy.learn(decision, float(rng.random() < means[decision.arm]))
        if policy.finished:
            break

    assert policy.finished
    assert policy.recommendation == 1


@every
@both_doors
def test_a_policy_saved_midway_goes_on_bit_for_bit(
    make: Make, runs: int | None, tmp_path: Path
) -> None:
    policy = make(3, runs=runs, seed=4)
    for rounds in (1, 30, 8000):
        played(policy, rounds)
        policy.save(tmp_path / "policy.json")
        back, twin = load(tmp_path / "policy.json"), copy.deepcopy(policy)

        assert back.recipe == policy.recipe
        assert np.array_equal(back.finished, policy.finished)
        assert played(back, 50, seed=9) == played(twin, 50, seed=9)
        assert np.array_equal(back.recommendation, twin.recommendation)
    assert np.all(policy.finished)


@every
def test_simulation_books_a_run_until_it_has_finished(make: Make) -> None:
    problem = BernoulliProblem(np.array([0.1, 0.95, 0.3]))
    track = simulate({"it": make(3)}, problem, horizon=6000, runs=40, seed=0)["it"]
    pulls = track.pulls.sum(1)

    assert (pulls < 6000).all()
    regret = track.pulls @ np.array([0.85, 0.0, 0.65])
    np.testing.assert_allclose(track.pseudo_regret[:, -1], regret)
    np.testing.assert_allclose(track.reward[:, -1], track.reward[:, -2])


@every
def test_it_finishes_within_a_budget_of_cost_too(make: Make) -> None:
    policy = with_budget(make(3), 10.0, seed=0)
    for _ in range(10):
        policy.update(policy.select(), 0.5, 1.0)

    assert policy.finished


@pytest.mark.parametrize(
    ("make", "rounds"),
    [pytest.param(m, 100 if "LUCB" in name else 14, id=name) for name, m in IDENTIFY.items()],
)
def test_what_several_devices_saw_may_be_enough_together(make: Make, rounds: int) -> None:
    """Of eight devices none is sure; the one that is told of all of it is."""
    devices = [make(3, seed=seed) for seed in range(8)]
    for device in devices:
        for _ in range(rounds):
            arm = device.select()
            device.update(arm, [0.125, 1.0, 0.25][arm])
        assert not device.finished
    merged = devices[0].merge(*devices[1:], seed=0)

    assert merged.finished
    assert merged.recommendation == 1
    np.testing.assert_allclose(
        merged.stats.pulls, np.sum([device.stats.pulls for device in devices], 0)
    )


# Objectives and side observations.


@pytest.mark.parametrize(
    "make",
    [
        partial(LUCB, delta=0.1, span=1.5),
        partial(TopTwoThompson, delta=0.1, std=0.75),
        partial(SuccessiveHalving, budget=200),
    ],
    ids=["LUCB", "TopTwoThompson", "SuccessiveHalving"],
)
def test_a_cost_counts_under_net(make: Make) -> None:
    """Arm 1 gives more and costs more still; values span 1.5."""
    policy = make(2, objective=Net(0.5), runs=20, seed=0)
    rng = np.random.default_rng(0)
    for _ in range(8000):
        if policy.finished.all():
            break
        arm = policy.select()
        policy.update(arm, (rng.random(20) < 0.5 + 0.2 * arm) * 1.0, 1.0 * arm)

    assert policy.finished.all()
    assert (policy.recommendation == 0).all()


@pytest.mark.parametrize("make", [LUCB, KLLUCB], ids=["LUCB", "KLLUCB"])
def test_side_observations_shorten_lucb(make: Make) -> None:
    """All arms are seen in all rounds, one sample for all of them: correlated to the full."""

    def rounds(policy: Policy) -> int:
        rng = np.random.default_rng(0)
        while not policy.finished:
            arm = policy.select()
            value = (rng.random() < np.array([0.2, 0.9, 0.3])) * 1.0
            side = {"revealed": np.arange(3) != arm, "reward": value, "cost": np.zeros(3)}
            policy.update(arm, value[arm], 0.0, side | {"kind": "observed"})
        assert policy.recommendation == 1
        return int(policy.round)

    seen, unseen = (
        rounds(make(3, delta=0.1, side_observations=s, seed=0)) for s in (True, False)
    )
    assert seen < 0.6 * unseen


def test_side_observations_are_refused_where_nothing_is_proved_for_them() -> None:
    with pytest.raises(ValueError, match=REFUSAL):
        IdentificationRecipe(3, TopTwoRule(0.1), side_observations=True)


def test_a_certificate_says_what_is_known() -> None:
    one, many = LUCB(3, delta=0.1, seed=0), LUCB(3, delta=0.1, runs=2, seed=0)
    before = one.certificate
    played(one, 8000)
    after = one.certificate

    assert (before.known, before.margin, before.delta) == (False, -INF, 0.1)
    assert (after.arm, after.known, after.delta) == (1, True, 0.1)
    assert type(after.margin) is float
    assert after.margin >= 0
    assert many.certificate.known.tolist() == [False, False]
    assert many.certificate.margin.shape == (2,)
    assert SuccessiveHalving(3, budget=60).certificate is None


@pytest.mark.parametrize("value", [1e20, 1e150, 1e299])
def test_widths_do_not_vanish_beside_huge_means(value: float) -> None:
    """Equal arms stay unknown where a mean is far larger than the span."""
    for make in (LUCB, partial(TopTwoThompson, std=1.0)):
        policy = make(2, delta=0.1, runs=3, seed=0)
        for _ in range(20):
            policy.update(policy.select(), np.full(3, value))

        assert not policy.finished.any()


@pytest.mark.parametrize("far_off", [1e154, 1e299])
def test_arms_that_are_a_world_apart_are_known(far_off: float) -> None:
    for make in (LUCB, partial(TopTwoThompson, std=1.0)):
        policy = make(3, delta=0.1, runs=5, seed=0)
        while not policy.finished.all():
            arm = policy.select()
            policy.update(arm, np.array([-far_off, far_off, 0.0])[arm])

        assert policy.finished.all()
        assert (policy.recommendation == 1).all()


# Halving.


def literal(stream: Float, budget: int) -> tuple[list[list[int]], list[int]]:
    """The arms of every phase, and their pulls, by a loop over the paper's lines."""
    arms = len(stream)
    left, used, kept, counts = list(range(arms)), [0] * arms, [], []
    for _ in range(math.ceil(math.log2(arms))):
        each = math.floor(budget / (len(left) * math.ceil(math.log2(arms))))
        mean = {a: stream[a, used[a] : used[a] + each].mean() for a in left}
        for a in left:
            used[a] += each
        left = sorted(sorted(left, key=lambda a: mean[a])[-math.ceil(len(left) / 2) :])
        kept.append(left)
        counts.append(sum(used))
    return kept, counts


@pytest.mark.parametrize(("arms", "budget"), [(2, 7), (3, 20), (5, 61), (8, 24), (9, 200)])
def test_halving_is_the_papers_loop(arms: int, budget: int) -> None:
    stream = np.random.default_rng(arms).random((arms, 300))
    kept, counts = literal(stream, budget)
    policy, used, found = SuccessiveHalving(arms, budget=budget, seed=0), [0] * arms, []
    while not policy.finished:
        phase = int(policy._state.phase)
        arm = policy.select()
        policy.update(arm, stream[arm, used[arm]])
        used[arm] += 1
        if policy._state.phase > phase:
            found.append(np.flatnonzero(policy._state.alive).tolist())
            assert sum(used) == counts[phase]

    assert found == kept
    assert [policy.recommendation] == kept[-1]
    assert sum(used) <= budget


def test_phases_by_hand() -> None:
    assert halving_phases(8, 240) == ((8, 10), (4, 20), (2, 40))
    assert halving_phases(5, 60) == ((5, 4), (3, 6), (2, 10))
    assert halving_phases(1, 5) == ()


def test_halving_of_equal_arms_is_even() -> None:
    """6,000 runs in which everything is a tie; 1e-6."""
    policy = SuccessiveHalving(5, budget=30, runs=6000, seed=0)
    while not policy.finished.all():
        policy.update(policy.select(), np.full(6000, 0.5))

    assert laws.chisquare(np.bincount(policy.recommendation, minlength=5)).pvalue > 1e-6


def test_what_a_phase_did_not_ask_for_does_not_count_in_it() -> None:
    """Arm 0 gives 1 at first, and 0 in all the pulls that came from elsewhere."""
    policy = SuccessiveHalving(2, budget=4, seed=0)
    for arm, reward in ((0, 1.0), (0, 1.0), (0, 0.0), (0, 0.0), (0, 0.0), (1, 0.5)):
        policy.update(arm, reward)

    assert policy.stats.mean.tolist() == [0.4, 0.5]
    assert policy.select() == 1
    policy.update(1, 0.5)
    assert policy.finished
    assert policy.recommendation == 0


def test_a_masked_arm_is_waited_for() -> None:
    policy = SuccessiveHalving(3, budget=12, seed=0)
    for _ in range(20):
        arm = policy.select(available=[True, True, False])
        policy.update(arm, 0.25 * (1 + arm))

    assert not policy.finished
    assert policy.stats.pulls[2] == 0
    while not policy.finished:
        arm = policy.select()
        policy.update(arm, 0.25 * (1 + arm))
    assert policy.recommendation == 2


HALVED = BernoulliProblem(np.array([0.8, 0.5, 0.5, 0.45, 0.4, 0.4, 0.3, 0.2]))


def halved_wrong(policy: Policy, runs: int = 2000) -> Bool:
    return race(policy, np.tile(HALVED.means, (runs, 1)), rounds=2000).wrong


def test_halving_errs_at_most_as_often_as_its_bound() -> None:
    """2,000 runs; the bound at 600 pulls is .051, and one run in 2,000 was wrong."""
    bound = sequential_halving_error_bound(HALVED, 600)

    assert 0.01 < bound < 0.2
    wrong = halved_wrong(SuccessiveHalving(8, budget=600, runs=2000, seed=0))
    assert not wrong_too_often(wrong, bound)


def test_the_same_check_catches_halving_that_keeps_the_worse_half_or_stints() -> None:
    """The controls: rewards upside down, and a sixteenth of the pulls."""
    bound = sequential_halving_error_bound(HALVED, 600)
    stinting = SuccessiveHalving(8, budget=600 // 16, runs=2000, seed=0)
    assert wrong_too_often(halved_wrong(stinting), bound)
    upside_down = SuccessiveHalving(8, budget=600, runs=2000, seed=0)

    outcome = race(
        upside_down,
        np.tile(HALVED.means, (2000, 1)),
        rounds=2000,
        draw=lambda rng, mean: 1 - coins(rng, mean),
    )
    assert wrong_too_often(outcome.wrong, bound)


def test_the_error_bound_by_hand() -> None:
    """Two arms, 20 pulls: exp(-10 gap**2). Three: the closer one, or half of both, twice."""
    two = BernoulliProblem(np.array([0.75, 0.25]))
    assert sequential_halving_error_bound(two, 20) == pytest.approx(math.exp(-2.5))
    wide = sequential_halving_error_bound(two, 20, span=2.0)
    assert wide == pytest.approx(math.exp(-0.625))

    three = BernoulliProblem(np.array([1.0, 0.5, 0.0]))  # 10 pulls each, then 15
    near, afar = math.exp(-10 * 0.25), math.exp(-10)
    expected = min((near + afar) / 2, afar) + math.exp(-15 * 0.25)
    assert sequential_halving_error_bound(three, 60) == pytest.approx(expected)


@pytest.mark.parametrize("arms", [2, 4, 8, 64])
def test_the_error_bound_is_below_the_published_one(arms: int) -> None:
    rng = np.random.default_rng(arms)
    for _ in range(50):
        problem = BernoulliProblem(rng.random(arms))
        phases = int(math.log2(arms))
        budget = arms * phases * int(rng.integers(1, 200))
        gap = np.sort(problem.means.max() - problem.means)[1:]
        hardness = (np.arange(2, arms + 1) / gap**2).max()
        published = 3 * phases * math.exp(-budget / (8 * hardness * phases))

        assert sequential_halving_error_bound(problem, budget) <= published


def test_of_equal_best_arms_the_error_bound_says_nothing() -> None:
    problem = BernoulliProblem(np.array([0.75, 0.75, 0.1]))

    assert sequential_halving_error_bound(problem, 6000) == 1


# Bad input.


def each(
    make: Callable[..., object], name: str, *values: Any, arms: int = 3
) -> dict[str, Callable[[], object]]:
    """A call of ``make`` for each bad value of an argument."""
    who = make.func if isinstance(make, partial) else make
    title = getattr(who, "__name__", "it")
    return {f"{title}({name}={bad!r})": partial(make, arms, **{name: bad}) for bad in values}


NOT_SHARES: tuple[Any, ...] = (0.0, 1.0, 1.5, -0.1, NAN, INF, "0.1", None)
ANYTHING: Any = 1
COINS = BernoulliProblem(np.array([0.5, 0.25]))
BAD: dict[str, Callable[[], object]] = {
    **each(LUCB, "delta", *NOT_SHARES),
    **each(KLLUCB, "delta", *NOT_SHARES),
    **each(TopTwoThompson, "delta", *NOT_SHARES),
    **each(partial(TopTwoThompson, delta=0.1), "share", *NOT_SHARES),
    **each(partial(TopTwoThompson, delta=0.1), "std", 0.0, -1.0, NAN, INF, "1"),
    **each(partial(LUCB, delta=0.1), "epsilon", -0.1, NAN, INF, "0", None),
    **each(partial(LUCB, delta=0.1), "span", 0.0, -1.0, NAN, INF, "1", None),
    **each(partial(LUCB, delta=0.1), "side_observations", 1, None),
    **each(partial(LUCB, delta=0.1), "objective", 5),
    **each(partial(KLLUCB, delta=0.1), "objective", Net(0.1)),
    **each(partial(TopTwoThompson, delta=0.1), "objective", Net(0.1)),
    **each(SuccessiveHalving, "budget", 5, 0, -1, 6.5, "60", None, np.True_),
    **each(partial(SuccessiveHalving, budget=60), "objective", 5),
    **each(IdentificationRecipe, "rule", None, LUCBRule, 0.1),
    "a span and kl": partial(LUCBRule, 0.1, span=2.0, kl=True),
    "kl is a number": partial(LUCBRule, 0.1, kl=ANYTHING),
    "no arms": partial(HalvingRecipe, 0, 5),
    "phases of no arms": partial(halving_phases, 0, 5),
    "an error bound for a budget too small": partial(sequential_halving_error_bound, COINS, 1),
    "an error bound without a span": partial(
        sequential_halving_error_bound, GaussianProblem(np.ones(2)), 20
    ),
    "an error bound for a span too small": partial(
        sequential_halving_error_bound, COINS, 20, span=0.5
    ),
    **{
        f"a lower bound at {delta!r}": partial(best_arm_lower_bound, COINS, delta)
        for delta in NOT_SHARES
    },
    "a lower bound of another family": partial(
        best_arm_lower_bound, GaussianProblem(np.array([2.0, 1.0])), 0.1, family=Bernoulli()
    ),
    "a lower bound of a gap that is lost in rounding": partial(
        best_arm_lower_bound, BernoulliProblem(np.array([0.5, 0.5 + 1e-9])), 0.1
    ),
    "a lower bound of no family": partial(best_arm_lower_bound, COINS, 0.1, family=ANYTHING),
    "a lower bound of two families": partial(
        best_arm_lower_bound, GaussianProblem(np.array([2.0, 1.0]), np.array([1.0, 2.0])), 0.1
    ),
}


@pytest.mark.parametrize("call", BAD.values(), ids=BAD)
def test_it_refuses(call: Callable[[], object]) -> None:
    with pytest.raises((ValueError, TypeError), match=REFUSAL):
        call()


@every
@pytest.mark.parametrize("reward", [1e301, NAN, INF, "1"])
def test_a_bad_reward_is_refused_and_changes_nothing(make: Make, reward: Any) -> None:
    policy = make(3, seed=0)
    played(policy, 10)
    before, arms = policy.stats, played(copy.deepcopy(policy), 20)
    with pytest.raises((ValueError, TypeError), match=REFUSAL):
        policy.update(0, reward)

    assert policy.stats.mean.tobytes() == before.mean.tobytes()
    assert played(policy, 20) == arms


@pytest.mark.parametrize("make", [KLLUCB, TopTwoThompson], ids=["KLLUCB", "TopTwoThompson"])
@pytest.mark.parametrize("reward", [-0.1, 1.1])
def test_values_outside_the_unit_interval_are_refused(make: Make, reward: float) -> None:
    policy = make(3, delta=0.1, seed=0)
    with pytest.raises(ValueError, match=REFUSAL):
        policy.update(0, reward)

    assert policy.round == 1


def test_a_rule_never_meets_an_untried_arm() -> None:
    """Statistics of one untried arm among three: no warning, nothing known."""
    recipe = IdentificationRecipe(3, TopTwoRule(0.1))
    state = recipe.empty(None)
    state.stats = replace(
        state.stats, t=3, pulls=np.array([1.0, 0.0, 1.0]), mean=np.array([0.0, 0.0, 1.0])
    )

    assert recipe.margin(state) == -INF
    assert recipe.choose(state, np.random.default_rng(0), None, None) == (1, None)
