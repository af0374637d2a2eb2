"""Regret bounds as functions: what they say, whom they cover, and what they refuse.

`CASES` lists policies with the bound that is stated for them; a new one joins it and inherits
the tests of this file. The files beside it take the bounds one by one, family by family.
"""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
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
    thompson_regret_bound,
    tsallis_inf_regret_bound,
    ucb1_regret_bound,
    ucb_n_regret_bound,
    ucb_regret_bound,
    ucb_v_regret_bound,
)
from tests.bound_problems import (
    APART,
    DRAWN,
    FIXED,
    FOUR,
    SHARED,
    SWITCH,
    TWO,
    Scaled,
    bernoulli,
    edges,
)

RUNS = 60


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


def test_what_a_policy_says_of_itself_is_not_for_the_caller_to_change() -> None:
    assert SuccessiveElimination(4, delta=0.05).regret_bound(
        FOUR, 100, delta=1.0
    ) == successive_elimination_regret_bound(FOUR, 100, delta=0.05)
    with pytest.raises(TypeError, match="unexpected keyword"):
        UCB1(4).regret_bound(FOUR, 100, gamma=0.5)


def test_a_single_arm_has_finite_bounds() -> None:
    one = bernoulli(0.5)

    for bound in BOUNDED.values():
        assert 0 <= bound(one) < 1e5
    assert split_ee_regret_bound(one, 10, tradeoff=0, beta=2, span=1) == 0
    assert ucb_n_regret_bound(GraphProblem(one, edges(1)), 10) == 0
