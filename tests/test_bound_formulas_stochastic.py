"""Bounds for arms that stay as they are: by hand, by the sums of their proofs, by scipy."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq, minimize_scalar
from scipy.special import rel_entr
from scipy.stats import binom

from banditsplit import (
    UCB1,
    GaussianProblem,
    Net,
    SplitEE,
    ThompsonSampling,
    UniformRandom,
    simulate,
)
from banditsplit.theory import (
    CostlyProblem,
    Problem,
    Situation,
    World,
    asymptotically_optimal_ucb_regret_bound,
    epsilon_greedy_regret_bound,
    kl_ucb_regret_bound,
    moss_regret_bound,
    split_ee_regret_bound,
    successive_elimination_regret_bound,
    thompson_bayesian_regret_bound,
    thompson_regret_bound,
    ucb1_regret_bound,
    ucb_regret_bound,
    ucb_v_regret_bound,
)
from tests.bound_problems import FOUR, TWO, Scaled, bernoulli


class Shifted:
    """Rewards of another problem plus 3."""

    def __init__(self, problem: Problem) -> None:
        self.arms, self.span = problem.arms, problem.span
        self.expected_reward = problem.expected_reward + 3
        self.expected_cost = problem.expected_cost

    def draw(self, arm: Any, rng: np.random.Generator) -> tuple[Any, Any]:
        del arm, rng
        raise AssertionError


def test_ucb1_by_hand() -> None:
    """Gaps .3 and .4, n = 100: 8 ln n / gap + (1 + pi**2 / 3) gap; values of span 2 have 32."""
    problem = bernoulli(0.7, 0.4, 0.3)
    rest = (1 + math.pi**2 / 3) * 0.7

    for span, factor in ((1.0, 8), (2.0, 32)):
        expected = factor * math.log(100) * (1 / 0.3 + 1 / 0.4) + rest
        assert math.isclose(ucb1_regret_bound(problem, 100, span=span), expected)


def test_ucb_by_hand_for_its_alpha() -> None:
    """Gaps .3 and .4, n = 100, alpha 3: 2 alpha ln n / gap + 3 gap."""
    problem = bernoulli(0.7, 0.4, 0.3)
    expected = 6 * math.log(100) * (1 / 0.3 + 1 / 0.4) + 3 * 0.7

    assert math.isclose(ucb_regret_bound(problem, 100, alpha=3.0), expected)
    for alpha in (2.0, 1.0):
        with pytest.raises(ValueError, match=r"^`alpha` must be above 2, got "):
            ucb_regret_bound(problem, 100, alpha=alpha)
    with pytest.raises(ValueError, match=r"^`alpha` must be positive, got -1"):
        ucb_regret_bound(problem, 100, alpha=-1)


def test_ucb_v_by_hand_and_only_where_its_constant_is_known() -> None:
    problem = bernoulli(0.5, 0.25, 0.0)
    expected = 10 * math.log(20) * (0.1875 / 0.25 + 2 + 0 + 2)

    assert math.isclose(ucb_v_regret_bound(problem, 20), expected)
    other = Scaled(problem, 4.0)
    given = np.array([4.0, 3.0, 0.0])
    assert math.isclose(
        ucb_v_regret_bound(other, 20, span=4.0, variance=given),
        10 * math.log(20) * (3 / 1 + 8 + 0 + 8),
    )
    with pytest.raises(ValueError, match=r"^`zeta` and `c` must be 1\.2 and 1\.0, .* got 1\.5"):
        ucb_v_regret_bound(problem, 20, zeta=1.5)
    with pytest.raises(ValueError, match=r"^`variance` must be given for rewards"):
        ucb_v_regret_bound(other, 20, span=4.0)
    for wrong in (
        [1.0, 1.0],
        [5.0, 1, 1],
        [-1.0, 1, 1],
        [math.nan, 1, 1],
        ["a", "b", "c"],
        [[1], [1, 2]],
    ):
        with pytest.raises(ValueError, match=r"^`variance` must hold 3 numbers in \[0, 4\.0\]"):
            ucb_v_regret_bound(other, 20, span=4.0, variance=wrong)
    with pytest.raises(ValueError, match=r"^`horizon` must be an integer of at least 2, got 1"):
        ucb_v_regret_bound(problem, 1)


def test_kl_ucb_sums_what_its_proof_sums() -> None:
    """Term by term with floats and a root finder, for n = 200, means .8 and .5."""
    n, best, mean, c = 200, 0.8, 0.5, 3.0

    def kl(p: float, q: float) -> float:
        return float(rel_entr(p, q) + rel_entr(1 - p, 1 - q))

    def f(t: int) -> float:
        return math.log(t) + c * math.log(max(math.log(t), 1.0))

    missed = sum(
        min(1.0, math.e * math.ceil(f(t) * math.log(t)) * math.exp(-f(t)))
        for t in range(1, n + 1)
    )
    overshot = 0.0
    for s in range(1, n + 1):
        level, reached = f(n) / s, mean
        if kl(0.0, best) > level:
            reached = brentq(lambda r, level=level: kl(r, best) - level, 0.0, best)
        else:
            reached = 0.0
        overshot += math.exp(-s * kl(reached, mean)) if reached > mean else 1.0
    expected = 0.3 * (1 + missed + overshot)
    assert expected < 0.3 * n  # or else it would be that

    problem = bernoulli(best, mean)
    assert math.isclose(kl_ucb_regret_bound(problem, n, c=c), expected, rel_tol=1e-9)
    with pytest.raises(
        ValueError, match=r"^`c` must lie in \[3\.0, 1e\+100\] for a bound, got 0"
    ):
        kl_ucb_regret_bound(problem, n, c=0.0)
    with pytest.raises(ValueError, match=r"^`objective` must keep rewards in \[0, 1\]"):
        kl_ucb_regret_bound(problem, n, c=3.0, objective=Net(0.1))
    for wrong in (Shifted(problem), GaussianProblem(problem.means)):
        with pytest.raises(ValueError, match=r"^`problem` must have rewards in \[0, 1\]"):
            kl_ucb_regret_bound(wrong, n, c=3.0)
    assert kl_ucb_regret_bound(bernoulli(1.0, 0.0), n, c=3.0) <= n


def test_asymptotically_optimal_ucb_by_hand_at_the_best_split_of_the_gap() -> None:
    """The best e is found by scipy; a grid of 1,000 is a trifle above it, and never below."""
    n, gap, std = 1000, 0.5, 2.0
    f = math.log(1 + n * math.log(n) ** 2)

    def pulls(e: float) -> float:
        g = gap / std
        return 1 + 5 / e**2 + 2 * (f + math.sqrt(math.pi * f) + 1) / (g - e) ** 2

    best = minimize_scalar(pulls, bounds=(1e-6, gap / std - 1e-6), method="bounded").fun
    problem = GaussianProblem(np.array([1.0, 0.5]), std)
    bound = asymptotically_optimal_ucb_regret_bound(problem, n, std=std)
    assert gap * best <= bound < gap * best * 1.001
    with pytest.raises(ValueError, match=r"^`std` must be at least .* 2\.0, and .* got 1\.9"):
        asymptotically_optimal_ucb_regret_bound(problem, n, std=1.9)
    with pytest.raises(ValueError, match=r"^`std` must be at least .* 0\.5, and .* got 0\.4"):
        asymptotically_optimal_ucb_regret_bound(FOUR, n, std=0.4)
    plain = asymptotically_optimal_ucb_regret_bound(FOUR, n, std=0.5)
    scaled = asymptotically_optimal_ucb_regret_bound(Scaled(FOUR, 8.0), n, std=4.0)
    assert math.isclose(scaled, 8 * plain)


def test_moss_by_hand_and_not_beyond_its_horizon() -> None:
    assert moss_regret_bound(FOUR, 100) == 49 * math.sqrt(400)
    assert moss_regret_bound(FOUR, 50, known=100) == 49 * math.sqrt(400)
    assert moss_regret_bound(FOUR, 1, known=1) == 49 * math.sqrt(4)
    with pytest.raises(ValueError, match=r"^`horizon` must be at most 100, .* got 101"):
        moss_regret_bound(FOUR, 101, known=100)
    with pytest.raises(ValueError, match=r"^`known` must be an integer of at least 1, got 0"):
        moss_regret_bound(FOUR, 1, known=0)


def test_epsilon_greedy_by_the_law_of_its_explorations() -> None:
    """Three arms, round by round: how often each was explored, by convolution."""
    n, epsilon, gaps, span = 40, 30.0, (1.0, 1.6), 2.0
    total, lost_most = sum(gaps), max(gaps)
    law = np.array([0.0, 1.0])  # of the explorations of one arm, the first pull among them
    for t in range(4, n + 1):
        explores = min(1.0, epsilon / t)
        at_most = np.cumsum(law)
        lost = 0.0
        for gap in gaps:
            q = math.exp(-(gap**2) / (2 * span**2))
            off = sum(q**s * at_most[min(s, len(law) - 1)] for s in range(1, 3000))
            lost += gap * (explores / 3 + (1 - explores) * min(1.0, 2 * off))
        total += min(lost, lost_most)
        law = np.convolve(law, [1 - explores / 3, explores / 3])
    problem = Scaled(bernoulli(0.9, 0.4, 0.1), 2.0)

    bound = epsilon_greedy_regret_bound(problem, n, epsilon=epsilon, span=span)
    assert math.isclose(bound, total)
    assert epsilon_greedy_regret_bound(bernoulli(0.5, 0.5), n, epsilon=epsilon) == 0
    with pytest.raises(ValueError, match=r"^`epsilon` must be positive, got 0"):
        epsilon_greedy_regret_bound(problem, n, epsilon=0)


def test_epsilon_greedy_explores_enough_for_a_logarithm_or_not() -> None:
    """With a gap of .8 and two arms that takes an ``epsilon`` of 2 / .274 = 7.3."""

    def growth(epsilon: float) -> float:
        bounds = [
            epsilon_greedy_regret_bound(TWO, n, epsilon=epsilon) for n in (10**4, 10**5, 10**6)
        ]
        return (bounds[2] - bounds[1]) / (bounds[1] - bounds[0])

    assert math.isclose(growth(12.0), 1.0, abs_tol=0.1)
    assert growth(5.0) > 1.8


@given(
    gap=st.floats(0.05, 1.0),
    delta=st.floats(0.001, 1.0),
    horizon=st.integers(1, 200_000),
)
def test_elimination_counts_pulls_until_four_radii_fit_in_the_gap(
    gap: float, delta: float, horizon: int
) -> None:
    pulls = next(
        (
            m
            for m in range(1, horizon + 1)
            if 4 * math.sqrt(math.log(8 * m * m / delta) / m) <= gap * (1 - 1e-12)
        ),
        horizon,
    )
    problem = bernoulli(1.0, 1.0 - gap)
    distance = float(problem.means[0] - problem.means[1])
    fails = sum(2 * 2 * (delta / (8 * m * m)) ** 2 for m in range(1, 200))
    expected = distance * pulls + horizon * distance * fails
    bound = successive_elimination_regret_bound(problem, horizon, delta=delta)

    assert math.isclose(bound, expected, rel_tol=1e-5, abs_tol=1.01 * distance)


def test_elimination_counts_no_pull_too_few_and_none_too_many() -> None:
    """Gap by gap, with two arms and a delta so small that what may fail adds nothing."""
    delta = 1e-12
    for gap in np.linspace(0.3, 1, 40):
        problem = bernoulli(1.0, 1.0 - gap)
        distance = float(problem.means[0] - problem.means[1])
        pulls = 1
        while 16 * math.log(8 * pulls**2 / delta) / pulls > distance**2:
            pulls += 1
        bound = successive_elimination_regret_bound(problem, 100_000, delta=delta)

        assert round(bound / distance, 6) == pulls


@pytest.mark.parametrize(
    ("best", "mean"), [(0.9, 0.1), (0.6, 0.45), (1.0, 0.5), (0.5, 0.0), (1.0, 0.0)]
)
def test_thompson_bounds_what_its_proof_sums_exactly(best: float, mean: float) -> None:
    """Both sums by the binomial laws of scipy, at the best threshold for them."""
    n = 120

    def pulls(y: float) -> float:
        total = 0.0
        for k in range(n):
            successes = np.arange(k + 1)
            above = binom.cdf(successes, k + 1, y)  # that a draw is, given the successes
            of_best = binom.pmf(successes, k, best)
            odds = of_best[of_best > 0] * (1 / above[of_best > 0] - 1)
            total += (
                odds.sum() + (binom.pmf(successes, k, mean) * np.minimum(1, n * above)).sum()
            )
        return total

    exact = min(pulls(mean + (best - mean) * share) for share in np.linspace(0.05, 0.95, 19))
    bound = thompson_regret_bound(bernoulli(best, mean), n) / (best - mean)

    assert min(exact, n) <= bound < 4 * exact


@pytest.mark.parametrize(("best", "mean"), [(0.9, 0.1), (0.75, 0.5), (1.0, 0.5), (0.5, 0.0)])
def test_thompson_by_the_closed_form_of_its_docstring(best: float, mean: float) -> None:
    """Term by term, one ``k`` and one threshold at a time."""
    n = 2000

    def b(u: float, v: float) -> float:
        return math.sqrt(u * v) + math.sqrt((1 - u) * (1 - v))

    def pulls(y: float) -> float:
        total = 0.0
        for k in range(n):
            s = min(math.floor((k + 1) * y + 1e-9), k)
            of_series = (best / y) ** s * ((1 - best) / (1 - y)) ** (k - s)
            below = best / (best - y) * of_series
            below += 2 * math.sqrt(y / best) * b(y, best) ** (2 * k + 1)
            drawn = math.sqrt((1 - y) / (1 - mean)) * b(mean, y) ** (2 * k + 1)
            total += below + min(1.0, n * drawn)
        return total

    least = min(pulls(mean + (best - mean) * share / 20) for share in range(1, 20))
    bound = thompson_regret_bound(bernoulli(best, mean), n)

    assert least < n
    assert math.isclose(bound, (best - mean) * least, rel_tol=1e-9)


@given(
    best=st.floats(0.01, 1.0),
    share=st.floats(0.0, 0.99),
    horizon=st.sampled_from([2, 50, 5000]),
)
def test_thompson_is_bounded_below_the_constants_for_two_arms(
    best: float, share: float, horizon: int
) -> None:
    """Those that Agrawal & Goyal 2012 give after their Thm. 1."""
    problem = bernoulli(best, best * share)
    gap = best - best * share
    published = 40 * math.log(horizon) / gap + 48 / gap**3 + 18 * gap

    assert thompson_regret_bound(problem, horizon) < published / 10


def test_thompson_adds_arms_up_and_wants_rewards_of_0_or_1() -> None:
    problem = bernoulli(0.75, 0.25)
    pair, other = thompson_regret_bound(problem, 50), bernoulli(0.75, 0.5)

    three = thompson_regret_bound(bernoulli(0.25, 0.75, 0.5, 0.75), 50)
    assert math.isclose(three, pair + thompson_regret_bound(other, 50))
    assert thompson_regret_bound(bernoulli(0.5, 0.5), 50) == 0
    assert thompson_regret_bound(bernoulli(0.5, np.nextafter(0.5, 0)), 50) < 1e-12
    costly = CostlyProblem(np.array([0.75, 0.25]), np.array([0.2, 0.4]))
    assert thompson_regret_bound(costly, 50) == pair
    for wrong in (Shifted(problem), GaussianProblem(problem.means)):
        with pytest.raises(ValueError, match=r"^`problem` must have rewards 0 or 1, got "):
            thompson_regret_bound(wrong, 50)
    with pytest.raises(ValueError, match=r"^`objective` must keep rewards 0 or 1"):
        thompson_regret_bound(problem, 50, objective=Net(0.5))


class Drawn(World):
    """Four arms of 0 or 1, whose means each run draws anew from the uniform prior."""

    arms = 4

    def __init__(self) -> None:
        self.means = np.zeros((0, self.arms))

    def situation(self, t: int, runs: int, rng: np.random.Generator) -> Situation:
        if t == 1:
            self.means = rng.random((runs, self.arms))
        return Situation(self.means, np.zeros_like(self.means))

    def respond(self, situation: Situation, arm: Any, rng: np.random.Generator) -> Any:
        runs = np.arange(len(arm))
        won = rng.random(len(arm)) < situation.expected_reward[runs, arm]
        return won * 1.0, np.zeros(len(arm)), None


def test_thompson_on_average_over_its_prior() -> None:
    """Problems drawn from the uniform prior: the mean is a fiftieth of the bound.

    Uniform play loses .3 a round, and breaks it by 12,000 rounds of four arms.
    """
    assert thompson_bayesian_regret_bound(5, 500) == 14 * 50
    for arms, horizon in ((0, 5), (5, 0)):
        with pytest.raises(ValueError, match="must be an integer of at least 1, got 0"):
            thompson_bayesian_regret_bound(arms, horizon)

    lost = {}
    for name, policy in {"it": ThompsonSampling(4), "uniform": UniformRandom(4)}.items():
        history = simulate({name: policy}, Drawn(), horizon=12_000, runs=100, seed=1)
        lost[name] = history[name].pseudo_regret[:, -1].mean()
    assert lost["it"] < thompson_bayesian_regret_bound(4, 12_000) < lost["uniform"]


def test_split_ee_has_a_bound_for_an_honest_span_that_is_told() -> None:
    problem = bernoulli(0.9, 0.8, 0.5, 0.4, costs=(1.0, 4.0, 1.0, 1.0))
    policy = SplitEE(4, tradeoff=0.1, beta=1.5)

    assert math.isclose(
        policy.regret_bound(problem, 100, span=1.4),
        split_ee_regret_bound(problem, 100, tradeoff=0.1, beta=1.5, span=1.4),
    )
    with pytest.raises(ValueError, match=r"^`alpha` must be above 2"):
        policy.regret_bound(problem, 100, span=1.6)
    with pytest.raises(ValueError, match=r"^`span` must be at least"):
        policy.regret_bound(problem, 100, span=0.5)
    wide = UCB1(4, span=2.0)  # values span 1: the width is that of alpha 16
    assert wide.regret_bound(FOUR, 100, span=1.0) == ucb_regret_bound(FOUR, 100, alpha=16.0)


def test_split_ee_by_hand() -> None:
    """Net values .5 and .25; beta 2 at span 1 is alpha 8, at span 1.5 it is 32 / 9."""
    problem = bernoulli(0.5, 0.75, costs=(0.0, 1.0))
    bound = split_ee_regret_bound(problem, 7, tradeoff=0.5, beta=2.0, span=1.0)
    assert math.isclose(bound, 16 / 0.25 * math.log(7) + 8 / 6 * 0.25)

    wider = split_ee_regret_bound(problem, 7, tradeoff=0.5, beta=2.0, span=1.5)
    assert math.isclose(wider, 16 / 0.25 * math.log(7) + 32 / 14 * 0.25)


def test_split_ees_default_is_refused() -> None:
    problem = bernoulli(0.5, 0.75, costs=(0.0, 1.0))

    for beta, span in ((1.0, 1.0), (1.0, 1.4), (1.4, 1.4)):
        with pytest.raises(
            ValueError, match=r"^`beta` must exceed `span`, .*, got 1\.\d and 1"
        ):
            split_ee_regret_bound(problem, 100, tradeoff=0.5, beta=beta, span=span)
    with pytest.raises(ValueError, match=r"^`span` must be at least .* 1\.0, got 0\.9"):
        split_ee_regret_bound(problem, 100, tradeoff=0.5, span=0.9)
    with pytest.raises(ValueError, match=r"^`tradeoff` must not be negative, got -1"):
        split_ee_regret_bound(problem, 100, tradeoff=-1, beta=2.0, span=1.0)
