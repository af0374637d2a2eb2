"""Arms that change: the world, the named algorithms, and what forgetting is good for."""

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from banditsplit import (
    CUSUMUCB,
    DUCB,
    GLRUCB,
    SWUCB,
    UCB1,
    BernoulliProblem,
    DiscountedThompson,
    FixedArm,
    GaussianProblem,
    IndexRecipe,
    Net,
    PiecewiseProblem,
    Policy,
    simulate,
)
from banditsplit.indices import UCB, BetaThompson, Exploring
from banditsplit.memories import (
    CUSUM,
    GLR,
    Discounted,
    Restarting,
    SlidingWindow,
    tuned_discount,
    tuned_window,
)

# The world


def bernoulli(means: list[float], costs: list[float] | None = None) -> BernoulliProblem:
    """Its arms as lists."""
    return BernoulliProblem(np.array(means), np.array([] if costs is None else costs))


SWITCH = PiecewiseProblem(
    [bernoulli([0.9, 0.5], [0.1, 0.2]), bernoulli([0.1, 0.5], [0.1, 0.8])], [4]
)


def test_a_piece_holds_from_its_round_on() -> None:
    rng = np.random.default_rng(0)
    rewards = [SWITCH.situation(t, 2, rng).expected_reward.tolist() for t in (1, 3, 4, 99)]

    assert rewards == [[0.9, 0.5]] * 2 + [[0.1, 0.5]] * 2
    assert SWITCH.situation(4, 2, rng).expected_cost.tolist() == [0.1, 0.8]
    assert (SWITCH.arms, SWITCH.span) == (2, 1.0)


def test_rewards_and_costs_are_those_of_the_piece() -> None:
    certain = PiecewiseProblem(
        [bernoulli([0.0, 1.0], [0.0, 1.0]), bernoulli([1.0, 0.0], [2.0, 3.0])],
        [2],
    )
    rng = np.random.default_rng(0)
    answers = [
        certain.respond(certain.situation(t, 3, rng), np.array([0, 1, 1]), rng) for t in (1, 2)
    ]

    assert [a[0].tolist() for a in answers] == [[0.0, 1.0, 1.0], [1.0, 0.0, 0.0]]
    assert [a[1].tolist() for a in answers] == [[0.0, 1.0, 1.0], [2.0, 3.0, 3.0]]
    assert answers[0][2] is None


def test_every_round_is_judged_against_its_own_best_arm() -> None:
    """Arm 0 for 10 rounds, 3 of them before the change: 7 * .4; arm 1: 3 * .4."""
    fixed = {"zero": FixedArm(2, 0), "one": FixedArm(2, 1)}
    history = simulate(fixed, SWITCH, horizon=10, runs=2, seed=0)

    assert history["zero"].pseudo_regret[:, -1] == pytest.approx(7 * 0.4)
    assert history["one"].pseudo_regret[:, -1] == pytest.approx(3 * 0.4)


def test_costs_that_change_count_under_net() -> None:
    """At tradeoff 1 arm 0 nets .8, then 0; arm 1 nets .3, then -.3."""
    history = simulate(
        {"one": FixedArm(2, 1)}, SWITCH, horizon=10, runs=2, seed=0, objective=Net(1.0)
    )

    assert history["one"].pseudo_regret[:, -1] == pytest.approx(3 * 0.5 + 7 * 0.3)


def test_one_problem_is_itself() -> None:
    problem = bernoulli([0.2, 0.8])
    same = [
        simulate({"ucb": UCB1(2)}, world, horizon=200, runs=5, seed=3)["ucb"].reward.tolist()
        for world in (problem, PiecewiseProblem([problem], []))
    ]

    assert same[0] == same[1]


A, B, THREE = (
    bernoulli([0.1, 0.2]),
    bernoulli([0.2, 0.1]),
    bernoulli([0.5] * 3),
)
BAD: list[tuple[Any, Any, type[Exception], str]] = [
    ([], [], ValueError, "`problems` must hold at least one"),
    ([A, THREE], [5], ValueError, "`problems` must all have the 2 arms"),
    ([A, 0.5], [5], TypeError, "`problems` must hold problems"),
    ([0.5], [], TypeError, "`problems` must hold problems"),
    ([A, B], [], ValueError, "`changes` must hold one round for each of 1"),
    ([A], [5], ValueError, "`changes` must hold one round for each of 0"),
    ([A, B], [1], ValueError, "`changes` must be an integer of at least 2"),
    ([A, B, A], [9, 9], ValueError, "`changes` must be an integer of at least 10"),
    ([A, B, A], [9, 4], ValueError, "`changes` must be an integer of at least 10"),
    ([A, B], [4.5], TypeError, "`changes` must be an integer"),
]


@pytest.mark.parametrize(("problems", "changes", "error", "message"), BAD)
def test_a_world_that_cannot_be_is_refused_by_name(
    problems: Any, changes: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        PiecewiseProblem(problems, changes)


def test_gaussian_pieces_have_no_span() -> None:
    assert PiecewiseProblem([A, GaussianProblem(np.array([0.0, 1.0]))], [2]).span == math.inf


# The named algorithms


def test_each_name_is_its_composition() -> None:
    recipes: list[tuple[Policy, Any, Any]] = [
        (DUCB(2, discount=0.9), UCB(4.0), Discounted(0.9)),
        (DUCB(2, discount=0.9, xi=0.6, span=3.0), UCB(4.8, 3.0), Discounted(0.9)),
        (SWUCB(2, window=50), UCB(1.0), SlidingWindow(50)),
        (
            DiscountedThompson(2, discount=0.9, prior=(2.0, 3.0)),
            BetaThompson(2.0, 3.0),
            Discounted(0.9),
        ),
        (
            CUSUMUCB(2, threshold=5.0, tolerance=0.1, baseline=50, exploration=0.05),
            Exploring(UCB(2.0), 0.05),
            Restarting(CUSUM(5.0, 0.1, 50), every_arm=False),
        ),
        (
            GLRUCB(2, delta=0.01, exploration=0.05),
            Exploring(UCB(1.0), 0.05),
            Restarting(GLR(0.01)),
        ),
    ]
    for policy, index, memory in recipes:
        recipe = policy.recipe
        assert isinstance(recipe, IndexRecipe)
        assert (recipe.index, recipe.memory) == (index, memory)


def score_of(policy: Policy) -> Any:
    """The index of a policy in its present state, for those that draw nothing."""
    from banditsplit.indices._index import score  # noqa: PLC0415 - an inner part

    assert isinstance(policy.recipe, IndexRecipe)
    return score(policy.recipe.index, policy.stats, np.random.default_rng(0))


def test_ducb_is_the_papers_index() -> None:
    """Arms 0, 1, 1 at .5: N = (.25, 1.5), n = 1.875; padding 2 sqrt(.5 ln n / N)."""
    policy = DUCB(2, discount=0.5)
    for arm, reward in ((0, 1.0), (1, 0.0), (1, 1.0)):
        policy.update(arm, reward)

    n = math.log(1.875)
    expected = [1 + 2 * math.sqrt(0.5 * n / 0.25), 2 / 3 + 2 * math.sqrt(0.5 * n / 1.5)]
    assert score_of(policy) == pytest.approx(expected)


def test_swucb_is_the_papers_index() -> None:
    """Of the last 4 rounds, arm 1 has 3, two of them 1; padding sqrt(.5 ln 4 / N)."""
    policy = SWUCB(2, window=4)
    for arm, reward in ((1, 1.0), (1, 0.0), (0, 1.0), (1, 1.0), (1, 1.0)):
        policy.update(arm, reward)

    padding = [math.sqrt(0.5 * math.log(4) / n) for n in (1, 3)]
    assert score_of(policy) == pytest.approx([1 + padding[0], 2 / 3 + padding[1]])


def test_discounted_thompson_returns_to_its_prior() -> None:
    """After 200 rounds at .9 nothing is left of arm 0's 50 successes: its draws are uniform.

    Of 4,000 runs, the mean is within six standard errors of .5 (below 1e-8).
    """
    n = 4000
    policy = DiscountedThompson(2, discount=0.9, runs=n, seed=0)
    for arm in [0] * 50 + [1] * 200:
        policy.update(np.full(n, arm), np.ones(n))
    drawn = BetaThompson()(policy.stats, np.random.default_rng(1))

    assert abs(drawn[:, 0].mean() - 0.5) < 6 * math.sqrt(1 / 12 / n)
    assert drawn[:, 1].mean() > 0.85


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: DUCB(2, discount=0.0), "`discount`"),
        (lambda: DUCB(2, discount=0.9, xi=0.0), "`xi`"),
        (lambda: SWUCB(2, window=0), "`window`"),
        (lambda: SWUCB(2, window=5, xi=-1.0), "`xi`"),
        (lambda: DiscountedThompson(2, discount=1.5), "`discount`"),
        (lambda: DiscountedThompson(2, discount=0.9, objective=Net(0.1)), "`objective`"),
        (lambda: GLRUCB(2, delta=2.0, exploration=0.1), "`delta`"),
        (lambda: GLRUCB(2, delta=0.1, exploration=1.1), "`exploration`"),
        (
            lambda: CUSUMUCB(2, threshold=1.0, tolerance=0.1, baseline=0, exploration=0.1),
            "`baseline`",
        ),
        (
            lambda: CUSUMUCB(2, threshold=1.0, tolerance=0.1, baseline=9, exploration=-0.1),
            "`exploration`",
        ),
    ],
)
def test_a_parameter_out_of_range_is_refused_by_name(
    make: Callable[[], Policy], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_a_prior_is_a_pair() -> None:
    with pytest.raises(TypeError, match="`prior` must be a pair"):
        DiscountedThompson(2, discount=0.9, prior=1.0)  # type: ignore[arg-type]


# What forgetting is good for

HORIZONS = (1000, 8000)
RUNS = 20
FORGETFUL: dict[str, Callable[[int], Policy]] = {
    "DUCB": lambda t: DUCB(2, discount=tuned_discount(t, 1)),
    "SWUCB": lambda t: SWUCB(2, window=tuned_window(t, 1)),
    "DiscountedThompson": lambda t: DiscountedThompson(2, discount=tuned_discount(t, 1)),
    "CUSUMUCB": lambda t: CUSUMUCB(
        2,
        threshold=math.log(t),
        tolerance=0.1,
        baseline=30,
        exploration=math.sqrt(math.log(t) / t),
    ),
    "GLRUCB": lambda t: GLRUCB(
        2, delta=1 / math.sqrt(t), exploration=math.sqrt(math.log(t) / t)
    ),
}
LINEAR: dict[str, Callable[[int], Policy]] = {
    "UCB1": lambda _: UCB1(2),
    "SWUCB, window 50": lambda _: SWUCB(2, window=50),
}


@functools.cache
def regret_per_round(name: str, horizon: int) -> tuple[float, float]:
    """Mean dynamic pseudo-regret over horizon, and its standard error.

    The best arm falls from .9 to .1 half way, the other stays at .5: full memory takes the
    rest of the game to see it, because the mean of *all* rounds stays above .5.
    """
    world = PiecewiseProblem([bernoulli([0.9, 0.5]), bernoulli([0.1, 0.5])], [horizon // 2])
    policy = {**FORGETFUL, **LINEAR}[name](horizon)
    track = simulate({name: policy}, world, horizon=horizon, runs=RUNS, seed=11, checkpoints=1)
    rate = track[name].pseudo_regret[:, -1] / horizon
    return float(rate.mean()), float(rate.std(ddof=1) / math.sqrt(RUNS))


def falls(name: str) -> bool:
    """Whether regret per round falls to .7 of itself or less, six standard errors sure.

    Constant at ``sqrt(horizon)`` it would fall to .35, with a factor ln(horizon) to .46; a
    linear one stays. Normal errors make either verdict wrong with probability below 1e-8.
    """
    (short, short_error), (long, long_error) = (regret_per_round(name, t) for t in HORIZONS)
    return long + 6 * math.hypot(long_error, 0.7 * short_error) < 0.7 * short


@pytest.mark.parametrize("name", FORGETFUL)
def test_a_tuned_memory_has_sublinear_dynamic_regret(name: str) -> None:
    assert falls(name)


@pytest.mark.parametrize("name", LINEAR)
def test_full_memory_and_a_fixed_window_have_linear_dynamic_regret(name: str) -> None:
    """The controls: it stays within a tenth, or grows."""
    assert not falls(name)
    assert regret_per_round(name, HORIZONS[1])[0] > 0.9 * regret_per_round(name, HORIZONS[0])[0]


@pytest.mark.parametrize("name", FORGETFUL)
def test_a_tuned_memory_beats_full_memory_after_a_change(name: str) -> None:
    """At 8,000 rounds, by six standard errors."""
    (mean, error), (full, full_error) = (regret_per_round(n, 8000) for n in (name, "UCB1"))

    assert mean + 6 * math.hypot(error, full_error) < full
