"""Regret bounds as functions: what they say, whom they cover, and what they refuse.

`CASES` lists policies with the bound that is stated for them; a new one joins it and inherits
the tests of this file.
"""

import functools
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq, minimize_scalar
from scipy.special import rel_entr
from scipy.stats import binom

from banditsplit import (
    DUCB,
    EXP3,
    EXP3IX,
    EXP3S,
    EXP3SET,
    GLRUCB,
    IMED,
    KLUCB,
    MOSS,
    OFUL,
    SWUCB,
    UCB,
    UCB1,
    UCBV,
    AnytimeMOSS,
    AsymptoticallyOptimalUCB,
    BernoulliProblem,
    EpsilonGreedy,
    ExploreThenCommit,
    GaussianProblem,
    LinTS,
    LinUCB,
    Net,
    Policy,
    Ratio,
    SplitEE,
    SplitEES,
    SuccessiveElimination,
    ThompsonSampling,
    TsallisINF,
    UniformRandom,
    compose,
    indices,
    simulate,
    with_budget,
)
from banditsplit.memories import SlidingWindow
from banditsplit.recipes import (
    ExponentialWeighting,
    ImportanceWeighting,
    SamplingRecipe,
    TsallisWeighting,
)
from banditsplit.theory import (
    CostlyProblem,
    Gaussian,
    GraphProblem,
    LinearProblem,
    PiecewiseProblem,
    Problem,
    Situation,
    World,
    asymptotically_optimal_ucb_regret_bound,
    discounted_ucb_regret_bound,
    epsilon_greedy_regret_bound,
    exp3_ix_regret_bound,
    exp3_regret_bound,
    exp3_set_regret_bound,
    explore_then_commit_regret_bound,
    kl_ucb_regret_bound,
    lin_ucb_regret_bound,
    moss_regret_bound,
    oful_regret_bound,
    sliding_window_ucb_regret_bound,
    split_ee_regret_bound,
    successive_elimination_regret_bound,
    thompson_bayesian_regret_bound,
    thompson_regret_bound,
    tsallis_inf_regret_bound,
    ucb1_regret_bound,
    ucb_n_regret_bound,
    ucb_regret_bound,
    ucb_v_regret_bound,
)
from banditsplit.theory._bounds._cliques import clique_cover
from banditsplit.theory._bounds._drift import chance_of_failing

RUNS = 60


class Scaled:
    """Rewards of another problem in other units: ``factor`` of them are one of the old."""

    def __init__(self, problem: Problem, factor: float) -> None:
        self.problem, self.factor, self.arms = problem, factor, problem.arms
        self.expected_reward = np.multiply(factor, problem.expected_reward)
        self.expected_cost = np.multiply(factor, problem.expected_cost)
        self.span = factor * problem.span

    def draw(self, arm: Any, rng: np.random.Generator) -> tuple[Any, Any]:
        reward, cost = self.problem.draw(arm, rng)
        return self.factor * reward, self.factor * cost


def bernoulli(*means: float, costs: tuple[float, ...] = ()) -> BernoulliProblem:
    return BernoulliProblem(np.array(means), np.array(costs))


def edges(arms: int, *pairs: tuple[int, int]) -> Any:
    """The directed graph with these edges."""
    graph = np.zeros((arms, arms), np.bool_)
    for j, i in pairs:
        graph[j, i] = True
    return graph


FOUR = bernoulli(0.8, 0.5, 0.4, 0.3)
TWO = bernoulli(0.9, 0.1)
FIXED = GraphProblem(FOUR, edges(4, (0, 1), (1, 0), (1, 2), (2, 1)))
DRAWN = GraphProblem(FOUR, 0.3)
SWITCH = PiecewiseProblem([bernoulli(0.9, 0.1, 0.2), bernoulli(0.1, 0.9, 0.2)], [4001])
SHARED = LinearProblem(np.array([0.6, 0.8, 0.0]), arms=5, std=0.1, contexts="sphere")
APART = LinearProblem(np.array([[0.6, 0.8], [-0.6, 0.8]]), std=0.1, contexts="sphere")
GAMMA = 0.05


@dataclass(frozen=True)
class Case:
    """A policy and the bound on its mean pseudo-regret, in a world."""

    policy: Policy
    world: Problem | World
    bound: Callable[[Any, int], float]
    horizon: int = 3000
    least: int = 1  # the shortest horizon that the theorem speaks of


CASES = {
    "UCB": Case(UCB(4, alpha=2.5), FOUR, lambda p, n: ucb_regret_bound(p, n, alpha=2.5)),
    "UCB1": Case(UCB1(4), FOUR, ucb1_regret_bound),
    "UCBV": Case(UCBV(4), FOUR, ucb_v_regret_bound, 4000, least=2),
    "KLUCB": Case(KLUCB(4, c=3.0), FOUR, lambda p, n: kl_ucb_regret_bound(p, n, c=3.0)),
    "AsymptoticallyOptimalUCB": Case(
        AsymptoticallyOptimalUCB(3, std=0.5),
        GaussianProblem(np.array([1.0, 0.5, 0.0]), 0.5),
        lambda p, n: asymptotically_optimal_ucb_regret_bound(p, n, std=0.5),
    ),
    "MOSS": Case(
        MOSS(2, horizon=22_000), bernoulli(1.0, 0.0), moss_regret_bound, horizon=22_000
    ),
    "ExploreThenCommit": Case(
        ExploreThenCommit(4, pulls_each=100),
        FOUR,
        lambda p, n: explore_then_commit_regret_bound(p, n, pulls_each=100),
        least=400,
    ),
    "EpsilonGreedy": Case(
        EpsilonGreedy(2, epsilon=8.0, decay=True),
        TWO,
        lambda p, n: epsilon_greedy_regret_bound(p, n, epsilon=8.0),
    ),
    "SuccessiveElimination": Case(
        SuccessiveElimination(4, delta=0.05),
        FOUR,
        lambda p, n: successive_elimination_regret_bound(p, n, delta=0.05),
        12_000,
    ),
    "ThompsonSampling": Case(ThompsonSampling(4), FOUR, thompson_regret_bound),
    "EXP3": Case(EXP3(4), FOUR, exp3_regret_bound),
    "EXP3 of gains": Case(
        EXP3(4, gamma=GAMMA), FOUR, lambda p, n: exp3_regret_bound(p, n, gamma=GAMMA)
    ),
    "EXP3IX": Case(EXP3IX(4), FOUR, exp3_ix_regret_bound),
    "EXP3IX of a horizon": Case(
        EXP3IX(4, eta=0.02), FOUR, lambda p, n: exp3_ix_regret_bound(p, n, eta=0.02)
    ),
    "EXP3SET": Case(EXP3SET(4), FIXED, exp3_set_regret_bound),
    "EXP3SET of a step size": Case(
        EXP3SET(4, eta=0.03), FIXED, lambda p, n: exp3_set_regret_bound(p, n, eta=0.03)
    ),
    "EXP3SET on random graphs": Case(
        EXP3SET(4, independence=2.5),
        DRAWN,
        lambda p, n: exp3_set_regret_bound(p, n, independence=2.5),
    ),
    "TsallisINF": Case(TsallisINF(4), FOUR, tsallis_inf_regret_bound),
    "TsallisINF of reduced variance": Case(
        TsallisINF(4, reduced_variance=True),
        FOUR,
        lambda p, n: tsallis_inf_regret_bound(p, n, reduced_variance=True),
    ),
    "UCB-N": Case(UCB1(4, side_observations=True), FIXED, ucb_n_regret_bound),
    "SWUCB": Case(
        SWUCB(3, window=1000, xi=0.6),
        SWITCH,
        lambda p, n: sliding_window_ucb_regret_bound(p, n, window=1000, xi=0.6),
        8000,
    ),
    "DUCB": Case(
        DUCB(3, discount=0.998),
        SWITCH,
        lambda p, n: discounted_ucb_regret_bound(p, n, discount=0.998),
        8000,
    ),
    "OFUL": Case(
        OFUL(5, features=3, noise=0.1, shared=True),
        SHARED,
        lambda p, n: oful_regret_bound(p, n, noise=0.1),
    ),
    "OFUL of arms apart": Case(
        OFUL(2, features=2, noise=0.1, norm=1.5),
        APART,
        lambda p, n: oful_regret_bound(p, n, noise=0.1, norm=1.5),
    ),
    "LinUCB": Case(
        LinUCB(5, features=3, alpha=1.6, shared=True),
        SHARED,
        lambda p, n: lin_ucb_regret_bound(p, n, alpha=1.6),
    ),
    "SplitEE": Case(
        SplitEE(4, tradeoff=0.1, beta=1.5),
        bernoulli(0.9, 0.8, 0.5, 0.4, costs=(1.0, 4.0, 1.0, 1.0)),
        lambda p, n: split_ee_regret_bound(p, n, tradeoff=0.1, beta=1.5, span=1.0),
    ),
}
OBJECTIVES = {"SplitEE": Net(0.1)}
# Where even play that never learns is, on its instance, below what is proved.
TOO_LOOSE = {"OFUL of arms apart"}


@functools.cache
def regret(name: str, *, of_ignorant: bool = False) -> Any:
    """Pseudo-regret at a case's horizon, `[runs]`: its policy's, or that of `ignorant` play."""
    case = CASES[name]
    policy = ignorant(case) if of_ignorant else case.policy
    history = simulate(
        {"it": policy},
        case.world,
        horizon=case.horizon,
        runs=RUNS,
        seed=1,
        checkpoints=1,
        objective=OBJECTIVES.get(name),
    )
    return history["it"].pseudo_regret[:, -1]


def ignorant(case: Case) -> Policy:
    """Uniform play; where contexts are shown, one that only ever explores."""
    if isinstance(case.world, LinearProblem):
        return LinUCB(case.world.arms, features=3, alpha=1e9, shared=True)
    return UniformRandom(case.policy.arms)


@pytest.mark.parametrize("name", CASES)
def test_mean_regret_is_below_the_bound(name: str) -> None:
    """Means are below half of it, and single runs deviate by .06 of it.

    So the mean of 60 runs is above it with a probability far below 1e-12.
    """
    case = CASES[name]
    assert regret(name).mean() < case.bound(case.world, case.horizon)


@pytest.mark.parametrize("name", [name for name in CASES if name not in TOO_LOOSE])
def test_play_that_never_learns_breaks_the_bound(name: str) -> None:
    """The control: each bound says something on its instance."""
    case = CASES[name]
    assert regret(name, of_ignorant=True).mean() > case.bound(case.world, case.horizon)


@pytest.mark.parametrize("name", CASES)
def test_a_policy_points_to_its_own_bound(name: str) -> None:
    case = CASES[name]
    assert case.policy.regret_bound(case.world, case.horizon) == case.bound(
        case.world, case.horizon
    )


def above(name: str, *, of_ignorant: bool = False) -> int:
    case, lost = CASES[name], regret(name, of_ignorant=of_ignorant)
    return int((lost > case.bound(case.world, case.horizon)).sum())


@pytest.mark.parametrize("name", ["OFUL", "LinUCB"])
def test_few_runs_exceed_a_bound_of_high_probability(name: str) -> None:
    """Five in a hundred may; more than this many do in 1 test of a million."""
    limit = binom.ppf(1 - 1e-6, RUNS, 0.05)

    assert above(name) <= limit
    assert above(name, of_ignorant=True) > limit


@pytest.mark.parametrize("name", CASES)
def test_bounds_do_not_fall_with_the_horizon(name: str) -> None:
    case = CASES[name]
    horizons = (1, 2, 3, 10, 100, 999, 1000, 1001, 2500, 2999, 3000)
    bounds = [case.bound(case.world, n) for n in horizons if n >= case.least]

    assert bounds == sorted(bounds)
    assert all(math.isfinite(bound) and bound >= 0 for bound in bounds)


@pytest.mark.parametrize("name", CASES)
def test_horizons_are_integers_from_the_first_one_on(name: str) -> None:
    case = CASES[name]
    wanted = rf"^`horizon` must be an integer of at least {case.least}, got {case.least - 1}"
    with pytest.raises(ValueError, match=wanted):
        case.bound(case.world, case.least - 1)
    for wrong in (2.5, True, None, "10"):
        with pytest.raises(TypeError, match=r"^`horizon` must be an integer"):
            case.bound(case.world, wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", CASES)
def test_worlds_of_another_kind_are_refused(name: str) -> None:
    case = CASES[name]
    world = SHARED if case.world is not SHARED and case.world is not APART else FOUR
    for wrong in (world, None):
        with pytest.raises(TypeError, match=r"^`problem` must "):
            case.bound(wrong, case.horizon)


BOUNDED: dict[str, Callable[..., float]] = {
    "UCB": lambda p, **o: ucb_regret_bound(p, 50, alpha=3.0, **o),
    "UCB1": lambda p, **o: ucb1_regret_bound(p, 50, **o),
    "MOSS": lambda p, **o: moss_regret_bound(p, 50, **o),
    "ExploreThenCommit": lambda p, **o: explore_then_commit_regret_bound(
        p, 50, pulls_each=9, **o
    ),
    "EpsilonGreedy": lambda p, **o: epsilon_greedy_regret_bound(p, 50, epsilon=30.0, **o),
    "UCBV": lambda p, span=1.0, **o: ucb_v_regret_bound(
        p, 50, span=span, variance=np.full(p.arms, span**2 / 8), **o
    ),
    "SuccessiveElimination": lambda p, **o: successive_elimination_regret_bound(
        p, 5000, delta=0.1, **o
    ),
    "EXP3": lambda p, **o: exp3_regret_bound(p, 50, **o),
    "EXP3 of gains": lambda p, **o: exp3_regret_bound(p, 50, gamma=0.1, **o),
    "EXP3IX": lambda p, **o: exp3_ix_regret_bound(p, 50, **o),
    "EXP3IX of one run": lambda p, **o: exp3_ix_regret_bound(p, 50, delta=0.1, **o),
    "EXP3SET": lambda p, **o: exp3_set_regret_bound(GraphProblem(p, 0.5), 50, **o),
    "TsallisINF": lambda p, **o: tsallis_inf_regret_bound(p, 10**6, **o),
    "TsallisINF of reduced variance": lambda p, **o: tsallis_inf_regret_bound(
        p, 10**6, reduced_variance=True, **o
    ),
    "UCB-N": lambda p, **o: ucb_n_regret_bound(
        GraphProblem(p, np.ones((p.arms, p.arms), np.bool_)), 50, **o
    ),
    "SWUCB": lambda p, **o: sliding_window_ucb_regret_bound(
        PiecewiseProblem([p, p], [600]), 1000, window=300, **o
    ),
    "DUCB": lambda p, **o: discounted_ucb_regret_bound(
        PiecewiseProblem([p, p], [600]), 1000, discount=0.99, **o
    ),
}


@pytest.mark.parametrize("name", BOUNDED)
def test_bounds_scale_with_the_rewards(name: str) -> None:
    plain = BOUNDED[name](bernoulli(0.9, 0.5, 0.2))
    scaled = BOUNDED[name](Scaled(bernoulli(0.9, 0.5, 0.2), 8.0), span=8.0)

    assert math.isclose(scaled, 8 * plain)


@pytest.mark.parametrize("name", BOUNDED)
def test_wider_rewards_than_was_told_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"^`span` must be at least .* inf, got 1\.0"):
        BOUNDED[name](GaussianProblem(np.array([0.5, 0.75])))
    with pytest.raises(ValueError, match=r"^`span` must be at least .* 1\.0, got 0\.5"):
        BOUNDED[name](FOUR, span=0.5)
    with pytest.raises(ValueError, match=r"^`span` must be positive, got 0"):
        BOUNDED[name](FOUR, span=0)
    with pytest.raises(ValueError, match=r"^`span` must be a finite number, got nan"):
        BOUNDED[name](FOUR, span=math.nan)


@pytest.mark.parametrize("name", BOUNDED)
def test_objectives_without_a_value_or_with_random_costs_are_refused(name: str) -> None:
    costly = CostlyProblem(np.array([0.5, 0.7]), np.array([0.2, 0.4]))

    with pytest.raises(ValueError, match=r"^`objective` must be Reward or Net here, got Ratio"):
        BOUNDED[name](bernoulli(0.5, 0.6, costs=(1.0, 1.0)), objective=Ratio())
    with pytest.raises(ValueError, match=r"^`problem` must have fixed costs"):
        BOUNDED[name](costly, objective=Net(0.5))
    assert BOUNDED[name](costly) == BOUNDED[name](bernoulli(0.5, 0.7))


@pytest.mark.parametrize("name", BOUNDED)
def test_bounds_speak_of_net_values(name: str) -> None:
    """Values .9, .5 and .2, wherever they come from; the arms' intervals lie apart by .3."""
    net = bernoulli(0.9, 0.8, 0.2, costs=(0.0, 0.3, 0.0))
    alone = {"UCB", "UCB1", "MOSS", "ExploreThenCommit", "SuccessiveElimination"}
    alone |= {
        "EpsilonGreedy",
        "UCBV",
        "UCB-N",
        "SWUCB",
        "DUCB",
    }  # for these every arm's own span counts
    span = 1.0 if name in alone else 1.3

    bound = BOUNDED[name](net, objective=Net(1.0), span=span)

    assert math.isclose(bound, BOUNDED[name](bernoulli(0.9, 0.5, 0.2), span=span))
    if name not in alone:
        with pytest.raises(ValueError, match=r"^`span` must be at least .* 1\.3, got 1\.0"):
            BOUNDED[name](net, objective=Net(1.0))


def test_gaps_beyond_the_floats_are_refused() -> None:
    tiny = bernoulli(1e-200, 0.0)
    for name in ("UCB-N", "SWUCB", "DUCB", "TsallisINF"):
        with pytest.raises(ValueError, match=r"^`problem` must have gaps that are 0 or at "):
            BOUNDED[name](tiny)
    with pytest.raises(ValueError, match=r"^`problem` must have a finite bound"):
        exp3_regret_bound(FOUR, 10, gamma=1e-320)


# Stochastic


@pytest.mark.parametrize("name", ["UCB", "UCB1", "UCBV", "KLUCB", "EpsilonGreedy"])
def test_bounds_are_above_what_the_first_rounds_lose(name: str) -> None:
    """Each arm is pulled once, in any order."""
    case = CASES[name]
    assert isinstance(case.world, BernoulliProblem)
    gap = case.world.means.max() - case.world.means
    for horizon in range(case.least, case.world.arms + 1):
        assert case.bound(case.world, horizon) >= horizon * gap.mean()


EXTREME: dict[str, Callable[[Problem, int, float], float]] = {
    "UCB": lambda p, n, x: ucb_regret_bound(p, n, alpha=x, span=2.0),
    "UCB of any span": lambda p, n, x: ucb_regret_bound(p, n, alpha=3.0, span=x),
    "UCB1": lambda p, n, x: ucb1_regret_bound(p, n, span=x),
    "UCBV": lambda p, n, x: ucb_v_regret_bound(p, n, span=x),
    "KLUCB": lambda p, n, x: kl_ucb_regret_bound(p, n, c=x),
    "AsymptoticallyOptimalUCB": lambda p, n, x: asymptotically_optimal_ucb_regret_bound(
        p, n, std=x
    ),
    "MOSS": lambda p, n, x: moss_regret_bound(p, n, span=x),
    "ExploreThenCommit": lambda p, n, x: explore_then_commit_regret_bound(
        p, n, pulls_each=1, span=x
    ),
    "EpsilonGreedy": lambda p, n, x: epsilon_greedy_regret_bound(p, n, epsilon=x),
    "EpsilonGreedy of any span": lambda p, n, x: epsilon_greedy_regret_bound(
        p, n, epsilon=9.0, span=x
    ),
    "SuccessiveElimination": lambda p, n, x: successive_elimination_regret_bound(
        p, n, delta=min(x, 1.0)
    ),
    "SuccessiveElimination of any span": lambda p, n, x: successive_elimination_regret_bound(
        p, n, delta=0.1, span=x
    ),
    "ThompsonSampling": lambda p, n, _: thompson_regret_bound(p, n),
    "EXP3": lambda p, n, x: exp3_regret_bound(p, n, span=x),
    "EXP3 of gains": lambda p, n, x: exp3_regret_bound(p, n, gamma=min(x, 1.0)),
    "EXP3IX": lambda p, n, x: exp3_ix_regret_bound(p, n, delta=0.1, span=x),
    "EXP3IX of a step size": lambda p, n, x: exp3_ix_regret_bound(p, n, eta=x),
    "EXP3SET": lambda p, n, x: exp3_set_regret_bound(GraphProblem(p, 0.5), n, eta=x),
    "TsallisINF": lambda p, n, x: tsallis_inf_regret_bound(p, n, span=x),
    "TsallisINF of reduced variance": lambda p, n, x: tsallis_inf_regret_bound(
        p, n, reduced_variance=True, span=x
    ),
    "UCB-N": lambda p, n, x: ucb_n_regret_bound(
        GraphProblem(p, np.ones((p.arms, p.arms), np.bool_)), n, span=x
    ),
    "SWUCB": lambda p, n, x: sliding_window_ucb_regret_bound(
        PiecewiseProblem([p], []), n, window=5, xi=x
    ),
    "DUCB": lambda p, n, x: discounted_ucb_regret_bound(
        PiecewiseProblem([p, p], [7]), n, discount=min(x, 1.0), xi=x
    ),
    "OFUL": lambda _, n, x: oful_regret_bound(SHARED, n, noise=0.1, ridge=x),
    "OFUL of any noise": lambda _, n, x: oful_regret_bound(SHARED, n, noise=x),
    "LinUCB": lambda _, n, x: lin_ucb_regret_bound(SHARED, n, alpha=x),
    "SplitEE": lambda p, n, x: split_ee_regret_bound(p, n, tradeoff=0.1, beta=x, span=1.0),
}


@pytest.mark.parametrize("name", EXTREME)
@given(
    means=st.lists(
        st.floats(0, 1) | st.sampled_from([0.0, 0.5, 0.5 + 1e-12, 1.0]), min_size=1, max_size=3
    ),
    horizon=st.integers(1, 50) | st.sampled_from([10**15, 10**400]),
    number=st.floats(1e-300, 1e308) | st.sampled_from([1.0, 1e100, 1e101]),
)
def test_whatever_the_numbers_a_bound_is_finite_or_refused(
    name: str, means: list[float], horizon: int, number: float
) -> None:
    reason = "`"
    try:
        bound = EXTREME[name](bernoulli(*means), horizon, number)
    except ValueError as refused:
        bound, reason = 0.0, str(refused)
    assert 0 <= bound < math.inf
    assert reason.startswith("`")


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


class Shifted:
    """Rewards of another problem plus 3."""

    def __init__(self, problem: Problem) -> None:
        self.arms, self.span = problem.arms, problem.span
        self.expected_reward = problem.expected_reward + 3
        self.expected_cost = problem.expected_cost

    def draw(self, arm: Any, rng: np.random.Generator) -> tuple[Any, Any]:
        del arm, rng
        raise AssertionError


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


REFUSED: dict[str, Policy] = {
    "plain KL-UCB": KLUCB(4),
    "KL-UCB of another family": KLUCB(4, family=Gaussian(0.5), c=3.0),
    "constant exploration": EpsilonGreedy(4),
    "IMED": IMED(4),
    "anytime MOSS": AnytimeMOSS(4),
    "Thompson of normal values": ThompsonSampling(4, std=0.5),
    "SplitEE at its default": SplitEE(4, tradeoff=0.1),
    "SplitEE-S": SplitEES(4, tradeoff=0.1, beta=2.0),
    "UCB with side observations": UCB(4, alpha=3.0, side_observations=True),
    "a window and a KL": compose(4, indices.KLUCB(), memory=SlidingWindow(100)),
    "UCB with restarts": GLRUCB(4, delta=0.05, exploration=0.1),
    "EXP3.S": EXP3S(4, horizon=100),
    "Tsallis of another rate": Policy(
        SamplingRecipe(4, TsallisWeighting(3.0), ImportanceWeighting()), seed=0
    ),
    "EXP3 of another rate": Policy(
        SamplingRecipe(4, ExponentialWeighting(0.1, decay=True), ImportanceWeighting()), seed=0
    ),
    "uniform play": UniformRandom(4),
    "LinTS": LinTS(4, features=2),
    "a ratio": UCB1(4, objective=Ratio()),
    "a budget": with_budget(UCB1(4), 10.0),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_theorem_covers_has_no_bound(name: str) -> None:
    with pytest.raises(ValueError, match=r"^`(policy|c|alpha)` must .*, got "):
        REFUSED[name].regret_bound(FOUR, 100)


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


def test_what_a_policy_says_of_itself_is_not_for_the_caller_to_change() -> None:
    assert SuccessiveElimination(4, delta=0.05).regret_bound(
        FOUR, 100, delta=1.0
    ) == successive_elimination_regret_bound(FOUR, 100, delta=0.05)
    with pytest.raises(TypeError, match="unexpected keyword"):
        UCB1(4).regret_bound(FOUR, 100, gamma=0.5)


# Adversarial


def test_exp3_by_hand() -> None:
    """Two arms, 50 rounds: 2 sqrt(100 ln 2), and (e - 1) 25 + 4 ln 2 for gamma 1/2."""
    two = bernoulli(0.5, 0.7)

    assert math.isclose(exp3_regret_bound(two, 50), 20 * math.sqrt(math.log(2)))
    assert math.isclose(
        exp3_regret_bound(two, 50, gamma=0.5), 25 * (math.e - 1) + 4 * math.log(2)
    )


def test_exp3_tuned_for_a_horizon_has_the_corollarys_bound() -> None:
    gamma = math.sqrt(4 * math.log(4) / ((math.e - 1) * 5000))
    corollary = 2 * math.sqrt((math.e - 1) * 5000 * 4 * math.log(4))

    assert math.isclose(exp3_regret_bound(FOUR, 5000, gamma=gamma), corollary)


def test_exp3_ix_by_hand() -> None:
    """Two arms, 32 rounds. Anytime, and with the step size of Neu's theorem."""
    two, log = bernoulli(0.5, 0.7), math.log(2)
    root = math.sqrt(64 * log)
    assert math.isclose(exp3_ix_regret_bound(two, 32), 3 * root)
    anytime = 4 * root + (math.sqrt(64 / log) + 1) * math.log(20)
    assert math.isclose(exp3_ix_regret_bound(two, 32, delta=0.1), anytime)

    eta = math.sqrt(2 * log / 64)
    known = 2 * math.sqrt(2) * root + (math.sqrt(32 / log) + 1) * math.log(20)
    assert math.isclose(exp3_ix_regret_bound(two, 32, eta=eta, delta=0.1), known)


class Recorded:
    """A problem that every arm is drawn of in every round, and what each has given."""

    def __init__(self, problem: BernoulliProblem) -> None:
        self.problem, self.arms = problem, problem.arms
        self.given: Any = 0.0

    def situation(self, t: int, runs: int, rng: np.random.Generator) -> Situation:
        del t, runs, rng
        return Situation(self.problem.expected_reward, self.problem.expected_cost)

    def respond(
        self, situation: Situation, arm: Any, rng: np.random.Generator
    ) -> tuple[Any, Any, None]:
        del situation
        table = np.tile(np.arange(self.arms), (len(arm), 1))
        reward, cost = self.problem.draw(table, rng)
        self.given = self.given + reward
        rows = np.arange(len(arm))
        return reward[rows, arm], cost[rows, arm], None


def runs_above(policy: Policy, delta: float) -> int:
    """How many of 200 runs have a realised regret above the bound."""
    world = Recorded(bernoulli(0.9, 0.1))
    history = simulate({"it": policy}, world, horizon=2000, runs=200, seed=3, checkpoints=1)
    regret = world.given.max(-1) - history["it"].reward[:, -1]
    return int((regret > exp3_ix_regret_bound(world.problem, 2000, delta=delta)).sum())


@pytest.mark.parametrize("delta", [0.3, 0.05])
def test_realised_regret_of_exp3_ix_seldom_exceeds_its_bound(delta: float) -> None:
    """With the stated probability, more runs exceed it than this in 1 test of a million.

    Uniform play exceeds it in all of them.
    """
    limit = binom.ppf(1 - 1e-6, 200, delta)

    assert runs_above(EXP3IX(2), delta) <= limit
    assert runs_above(UniformRandom(2), delta) > limit


def test_exp3_set_by_hand() -> None:
    """Three arms, 25 rounds. Q is 1 with all edges, 3 with none, 1.75 with half of them."""
    three, log = bernoulli(0.2, 0.5, 0.7), math.log(3)
    complete = GraphProblem(three, np.ones((3, 3), np.bool_))
    half = GraphProblem(three, 0.5)

    told = exp3_set_regret_bound(complete, 25, independence=1.0)
    assert math.isclose(told, 10 * math.sqrt(log))
    untold = exp3_set_regret_bound(complete, 25)
    assert math.isclose(untold, 5 * math.sqrt(log) * (math.sqrt(3) + 1 / math.sqrt(3)))
    none = GraphProblem(three, edges(3))
    assert math.isclose(exp3_set_regret_bound(none, 25), exp3_regret_bound(three, 25))
    constant = exp3_set_regret_bound(half, 25, eta=0.2)
    assert math.isclose(constant, 5 * log + 1.75 / 2 * 5)
    for certain, q in ((0.0, 3.0), (1.0, 1.0), (1e-13, 3.0)):
        bound = exp3_set_regret_bound(GraphProblem(three, certain), 25, eta=0.2)
        assert math.isclose(bound, 5 * log + q / 2 * 5)


@given(arms=st.integers(1, 6), density=st.floats(0, 1), seed=st.integers(0, 2**32 - 1))
def test_pulled_over_seen_sums_to_no_more_than_exp3_set_counts_with(
    arms: int, density: float, seed: int
) -> None:
    """The bound on ``sum p / q``, against probabilities drawn on drawn directed graphs."""
    rng = np.random.default_rng(seed)
    graph = rng.random((arms, arms)) < density
    problem = GraphProblem(BernoulliProblem(np.full(arms, 0.5)), graph)
    bound = exp3_set_regret_bound(problem, 2, eta=1.0) - math.log(arms)  # is Q
    p = rng.dirichlet(np.full(arms, rng.choice([0.1, 1.0])), 20) + 1e-12

    q = p @ (graph | np.eye(arms, dtype=np.bool_))

    assert ((p / q).sum(-1) <= bound * (1 + 1e-9)).all()


def test_tsallis_inf_by_hand() -> None:
    """One arm .5 and one 1 below the best of three, and a hundred rounds or a million."""
    three, log = bernoulli(1.0, 0.5, 0.0), math.log(10**6)

    assert math.isclose(tsallis_inf_regret_bound(three, 3), 13)
    fixed = (4 * log + 20) * 3 + 4 * math.sqrt(3)
    assert math.isclose(tsallis_inf_regret_bound(three, 10**6), fixed)
    early = tsallis_inf_regret_bound(three, 3, reduced_variance=True)
    assert math.isclose(early, 22 + 42 * math.log(3))
    late = tsallis_inf_regret_bound(three, 10**6, reduced_variance=True)
    fixed = (log + 3) * 3 + 4 + 84 * log + 1.5 * math.sqrt(3) + 32
    assert math.isclose(late, fixed)


def test_tsallis_inf_with_two_best_arms_has_the_adversarial_bound() -> None:
    assert tsallis_inf_regret_bound(bernoulli(1.0, 1.0, 0.0, 0.0), 10**6) == 8001


# Graphs


def test_ucb_n_by_hand() -> None:
    """Gaps .25 and .5. In one clique: .5 / .25**2 = 8, plus 6 for both apart."""
    three = bernoulli(0.75, 0.5, 0.25)
    rest = 0.75 * (1 + math.pi**2 / 3)
    both = GraphProblem(three, edges(3, (1, 2), (2, 1)))
    assert math.isclose(ucb_n_regret_bound(both, 7), 48 * math.log(7) + rest)
    # Gaps .4 and .5: 1 / .4 + 1 / .5 = 4.5 apart, and .5 / .16 = 3.125 together.
    close = GraphProblem(bernoulli(0.9, 0.5, 0.4), both.graph)
    together = 8 * 3.125 * math.log(7) + 0.9 * (1 + math.pi**2 / 3)
    assert math.isclose(ucb_n_regret_bound(close, 7), together)


def test_cliques_are_counted_without_the_best_arms() -> None:
    """In the triangle with the best arm, the two others stay a clique."""
    close = bernoulli(0.9, 0.5, 0.4)
    triangle = GraphProblem(close, np.ones((3, 3), np.bool_))
    edge = GraphProblem(close, edges(3, (1, 2), (2, 1)))

    assert ucb_n_regret_bound(triangle, 7) == ucb_n_regret_bound(edge, 7)


@given(arms=st.integers(1, 7), density=st.floats(0, 1), seed=st.integers(0, 2**32 - 1))
def test_ucb_n_is_never_promised_more_regret_than_ucb1(
    arms: int, density: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    graph = np.triu(rng.random((arms, arms)) < density)
    problem = BernoulliProblem(rng.random(arms))

    bound = ucb_n_regret_bound(GraphProblem(problem, graph | graph.T), 1000)

    assert bound <= ucb1_regret_bound(problem, 1000) * (1 + 1e-9)


@given(arms=st.integers(1, 7), density=st.floats(0, 1), seed=st.integers(0, 2**32 - 1))
def test_covers_are_of_cliques_and_of_every_arm_once(
    arms: int, density: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    graph = rng.random((arms, arms)) < density
    cliques = clique_cover(graph, rng.random(arms) + 0.01)

    assert sorted(itertools.chain(*cliques)) == list(range(arms))
    for clique in cliques:
        assert all(graph[j, i] for j in clique for i in clique if i != j)


def test_graphs_outside_ucb_ns_theorem_are_refused() -> None:
    for graph in (edges(4, (0, 1)), 0.5, 0.0):
        with pytest.raises(ValueError, match=r"^`problem` must have a fixed graph whose edges"):
            ucb_n_regret_bound(GraphProblem(FOUR, graph), 10)


# Drift


def strays(rounds: int, xi: float) -> float:
    """The probability that a fair coin's mean ever is too low by its width, exactly.

    ``mean <= 1/2 - sqrt(xi ln n / s)`` after any s of n tosses, by dynamic programming.
    """
    alive, gone = np.array([1.0]), 0.0
    for s in range(1, rounds + 1):
        alive = np.append(alive, 0.0) / 2 + np.append(0.0, alive) / 2
        low = np.arange(s + 1) / s <= 0.5 - math.sqrt(xi * math.log(rounds) / s)
        gone += float(alive[low].sum())
        alive = np.where(low, 0.0, alive)
    return gone


@pytest.mark.parametrize("xi", [0.05, 0.2, 0.5, 0.6, 1.0])
def test_confidence_bounds_fail_no_more_often_than_is_counted_with(xi: float) -> None:
    for rounds in (1, 2, 3, 5, 10, 50, 300):
        assert strays(rounds, xi) <= float(chance_of_failing(rounds, xi)) <= 1


def test_the_chance_of_failing_is_near_what_the_exponent_says() -> None:
    """It is ``sqrt(e) / 2 * ln(n)**1.5 * sqrt(xi) * n**(-2 xi)`` and less by ever so little."""
    for xi, rounds in ((0.5, 1e4), (1.0, 1e6)):
        log = math.log(rounds)
        about = math.sqrt(math.e * xi * log**3) / 2 * rounds ** (-2 * xi)
        assert about / 4 < float(chance_of_failing(rounds, xi)) < about


def by_round(horizon: int, changes: int, settle: int, pulls: Callable[[float], float]) -> float:
    """Two arms whose gap of .5 changes sides at ``changes``: the cost but failures."""
    total = 0.0
    for first, end, settled in ((1, changes, 0), (changes, horizon + 1, settle)):
        total += 0.5 * min(end - first, settled + pulls(end - first - settled))
    return total


@pytest.mark.parametrize(("window", "windows", "each"), [(190, (6, 10), 84), (200, (5, 9), 85)])
def test_a_sliding_windows_bound_by_hand(
    window: int, windows: tuple[int, int], each: int
) -> None:
    """It changes after 1000 rounds of 3000; ``each`` is 4 ln(window) / .5**2, rounded up."""
    world = PiecewiseProblem([bernoulli(0.75, 0.25), bernoulli(0.25, 0.75)], [1001])
    failures = [float(chance_of_failing(min(t, window), 1.0)) for t in range(1, 3001)]
    first = 0.5 * (windows[0] * each + 2 * sum(failures[:1000]))
    second = 0.5 * (window + windows[1] * each + 2 * sum(failures[1000 + window :]))

    bound = sliding_window_ucb_regret_bound(world, 3000, window=window, xi=1.0)

    assert first < 500  # no piece has more than its rounds times the gap
    assert second < 1000
    assert math.isclose(bound, first + second)


def test_a_discounts_bound_by_hand() -> None:
    """Means move by .5, the span is 1: older rounds may weigh 4 ln(n), n being about 1000."""
    discount = 0.999
    world = PiecewiseProblem([bernoulli(0.75, 0.25), bernoulli(0.25, 0.75)], [6001])
    n = [(1 - discount**t) / (1 - discount) for t in range(1, 12_001)]
    failures = [float(chance_of_failing(rounds, 1.0)) for rounds in n]
    wait = 0
    while 0.25 * discount**wait / (1 - discount) > math.log(n[6000 + wait]):
        wait += 1
    pulls = [64 * math.log(n[last]) + 1 for last in (5999, 11_999)]  # 16 ln(n) / .5**2
    first = 0.5 * (pulls[0] * (1 + 6.0) + 2 * sum(failures[:6000]))
    left = 6000 - wait
    second = 0.5 * (wait + pulls[1] * (1 + left / 1000) + 2 * sum(failures[6000 + wait :]))

    bound = discounted_ucb_regret_bound(world, 12_000, discount=discount, xi=1.0)

    assert 3000 < wait < 4000
    assert max(first, second) < 3000  # no piece costs more than its rounds times the gap
    assert math.isclose(bound, first + second, rel_tol=1e-9)
    eightfold = PiecewiseProblem([Scaled(p, 8.0) for p in world.problems], [6001])
    scaled = discounted_ucb_regret_bound(eightfold, 12_000, discount=discount, xi=1.0, span=8.0)
    assert math.isclose(scaled, 8 * bound)


def test_forgetting_nothing_leaves_a_discount_with_its_first_piece() -> None:
    """After a change the bound is the gap, round by round; before, it is logarithmic."""
    still = PiecewiseProblem([bernoulli(0.9, 0.1)], [])
    moved = PiecewiseProblem([bernoulli(0.9, 0.1), bernoulli(0.1, 0.9)], [10_001])
    first = discounted_ucb_regret_bound(still, 10_000, discount=1.0)

    assert first < 800
    longer = discounted_ucb_regret_bound(moved, 10_100, discount=1.0)
    assert math.isclose(longer, first + 80)


def test_where_nothing_moves_nothing_has_to_settle() -> None:
    """A change of the problem for the same one costs a discount no unsettled rounds."""
    best = bernoulli(0.5, 0.5)
    costs = PiecewiseProblem([best, best], [500])

    for bound in (
        discounted_ucb_regret_bound(costs, 1000, discount=0.99),
        sliding_window_ucb_regret_bound(costs, 1000, window=50),
    ):
        assert bound == 0


def test_no_piece_costs_more_than_its_largest_gap_in_every_round() -> None:
    assert math.isclose(sliding_window_ucb_regret_bound(SWITCH, 5000, window=1), 0.8 * 5000)
    assert math.isclose(discounted_ucb_regret_bound(SWITCH, 5000, discount=0.1), 0.8 * 5000)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"window": 0}, r"^`window` must be an integer of at least 1, got 0"),
        ({"window": 10, "xi": 0.0}, r"^`xi` must be positive, got 0"),
        ({"window": 10, "xi": math.inf}, r"^`xi` must be a finite number, got inf"),
        ({"window": 10, "xi": 1e101}, r"^`xi` must be at most 1e\+100, got 1e\+101"),
    ],
)
def test_bad_windows_are_refused(options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sliding_window_ucb_regret_bound(SWITCH, 10, **options)


@pytest.mark.parametrize("discount", [0.0, 1.1, math.nan])
def test_bad_discounts_are_refused(discount: float) -> None:
    with pytest.raises(ValueError, match=r"^`discount` must "):
        discounted_ucb_regret_bound(SWITCH, 10, discount=discount)


# Linear


def test_oful_by_hand() -> None:
    """Two parameters, 6 rounds, ridge 1: growth 2 ln 4; widths count 1 / ln 2 times."""
    problem = LinearProblem(np.array([0.6, 0.8]), arms=3, std=0.5, contexts="sphere")
    growth = 4 * math.log(2)
    radius = 0.5 * math.sqrt(growth + 2 * math.log(20)) + 1
    bound = 2 * radius * math.sqrt(6 / math.log(2) * growth)

    assert math.isclose(oful_regret_bound(problem, 6, noise=0.5), bound)
    assert math.isclose(lin_ucb_regret_bound(problem, 6, alpha=radius * 1.5), 1.5 * bound)


def test_arms_apart_are_one_long_parameter() -> None:
    """Of norm sqrt(2), with four entries."""
    growth = 4 * math.log1p(100 / (3 * 4))
    radius = 0.1 * math.sqrt(growth + 2 * math.log(10)) + math.sqrt(3) * 1.5
    widths = 100 / (3 * math.log(4 / 3)) * growth

    bound = oful_regret_bound(APART, 100, delta=0.1, noise=0.1, norm=1.5, ridge=3)

    assert math.isclose(bound, 2 * radius * math.sqrt(widths))


def test_linear_bounds_scale_with_the_rewards() -> None:
    larger = LinearProblem(4 * SHARED.parameters, arms=5, std=0.4, contexts="sphere")

    assert math.isclose(
        oful_regret_bound(larger, 100, noise=0.4, norm=4.0),
        4 * oful_regret_bound(SHARED, 100, noise=0.1),
    )


def test_what_no_linear_theorem_covers_is_refused() -> None:
    unbounded = LinearProblem(SHARED.parameters, arms=5, std=0.1)
    costly = LinearProblem(APART.parameters, costs=np.array([0.0, 1.0]), contexts="sphere")

    with pytest.raises(ValueError, match=r"^`problem` must have contexts of bounded norm"):
        oful_regret_bound(unbounded, 10)
    with pytest.raises(ValueError, match=r"^`objective` must weigh no costs, .* Net"):
        oful_regret_bound(costly, 10, norm=2.0, objective=Net(0.5))
    with pytest.raises(ValueError, match=r"^`noise` must be at least .* 0\.1, got 0\.05"):
        oful_regret_bound(SHARED, 10, noise=0.05)
    with pytest.raises(ValueError, match=r"^`norm` must be at least .* 1\.4.*, got 1\.0"):
        oful_regret_bound(APART, 10)
    with pytest.raises(ValueError, match=r"^`alpha` must be at least .*, got 1\.1"):
        lin_ucb_regret_bound(SHARED, 3000, alpha=1.1)
    with pytest.raises(ValueError, match=r"^`delta` must lie strictly between 0 and 1, got 1"):
        oful_regret_bound(SHARED, 10, delta=1)
    with pytest.raises(ValueError, match=r"^`ridge` must be positive, got 0"):
        oful_regret_bound(SHARED, 10, ridge=0)
    for ridge in (1e-100, 1e100):
        assert oful_regret_bound(SHARED, 10, ridge=ridge) > 0
    for ridge in (1e-101, 1e101):
        with pytest.raises(ValueError, match=r"^`ridge` must lie in \[1e-100, 1e\+100\] for"):
            oful_regret_bound(SHARED, 10, ridge=ridge)
    assert oful_regret_bound(costly, 10, norm=2.0) > 0


# Splitting


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


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: exp3_regret_bound(FOUR, 9, gamma=0.0), r"^`gamma` must lie in \(0, 1\], got"),
        (lambda: exp3_ix_regret_bound(FOUR, 9, eta=-1.0), r"^`eta` must be positive, got -1"),
        (lambda: exp3_ix_regret_bound(FOUR, 9, delta=0.0), r"^`delta` must lie strictly"),
        (
            lambda: exp3_set_regret_bound(FIXED, 9, independence=4.5),
            r"^`independence` must lie in \[1, 4\], got 4\.5",
        ),
        (
            lambda: exp3_set_regret_bound(FIXED, 9, eta=1.0, independence=2.0),
            r"^`eta` must be None where `independence` is given, got 1\.0",
        ),
    ],
    ids=["gamma", "eta", "delta", "independence", "both"],
)
def test_bad_numbers_are_refused(call: Callable[[], float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_a_single_arm_has_finite_bounds() -> None:
    one = bernoulli(0.5)

    for bound in BOUNDED.values():
        assert 0 <= bound(one) < 1e5
    assert split_ee_regret_bound(one, 10, tradeoff=0, beta=2, span=1) == 0
    assert ucb_n_regret_bound(GraphProblem(one, edges(1)), 10) == 0
