"""Bad input is refused by name, and leaves state and generator bit for bit as they were."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import banditsplit
from banditsplit import (
    EXP3,
    UCB1,
    BernoulliProblem,
    Decision,
    EpsilonGreedy,
    FixedArm,
    GaussianProblem,
    Net,
    Policy,
    SplitEE,
    SplitEES,
    ThompsonSampling,
    UniformRandom,
    compose,
    simulate,
)
from banditsplit.indices import UCB, BetaThompson, Fixed, GaussianThompson, Greedy
from banditsplit.theory import ucb1_regret_bound

NAN, INF = float("nan"), float("inf")
REFUSAL = r"(?s)^`[^`]+` must .*, got .*"
ARRAY = np.array

BAD_ARMS = [-1, 3, 10**30, 1.0, True, np.True_, None, "1", [1], ARRAY([1]), 1j]
BAD_REWARDS = [NAN, INF, -INF, "1", b"1", None, [1.0], ARRAY([1.0]), 1j, 10**400, 1e301, -1e301]
BAD_COSTS = [NAN, INF, -INF, -1.0, "1", None, [1.0], ARRAY([1.0, 2.0]), 1j, 10**400]


def side(**changes: Any) -> dict[str, Any]:
    """Arm 0 revealed beside a pull of arm 1, with some entries changed."""
    good = {
        "revealed": ARRAY([True, False, False]),
        "reward": ARRAY([0.5, 0.0, 0.0]),
        "cost": ARRAY([1.0, 0.0, 0.0]),
        "kind": "observed",
    }
    return good | changes


def sides(**changes: Any) -> dict[str, Any]:
    """The same for two runs."""
    two = {name: ARRAY([value, value]) for name, value in side().items()}
    return two | changes


def without(full: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in full.items() if name != key}


BAD_SIDES = {
    **{f"no {key}": without(side(), key) for key in side()},
    "no mapping": [True, False, False],
    "a string": "revealed",
    "an unknown kind": side(kind="guessed"),
    "no kind": side(kind=None),
    "a numeric kind": side(kind=3),
    "an empty list of kinds": side(kind=[]),
    "the pulled arm": side(revealed=ARRAY([True, True, False])),
    "a nan": side(reward=ARRAY([NAN, 0.0, 0.0])),
    "an infinite cost": side(cost=ARRAY([INF, 0.0, 0.0])),
    "a negative cost": side(cost=ARRAY([-1.0, 0.0, 0.0])),
    "an enormous reward": side(reward=ARRAY([1e301, 0.0, 0.0])),
    "an arm too many": side(reward=np.zeros(4)),
    "an arm too few": side(revealed=ARRAY([True, False])),
    "a row too many": side(cost=np.zeros((1, 3))),
    "marks that are numbers": side(revealed=ARRAY([1, 0, 0])),
    "words for rewards": side(reward=["a", "b", "c"]),
    "ragged costs": side(cost=[[1.0], [1.0, 2.0]]),
}
BAD_SIDES_OF_TWO = {
    "a single row": side(),
    "a nan in the second row": sides(reward=ARRAY([[0.5, 0.0, 0.0], [NAN, 0.0, 0.0]])),
    "the pulled arm": sides(revealed=ARRAY([[True, False, False], [False, True, False]])),
    "one unknown kind": sides(kind=ARRAY(["observed", "guessed"])),
    "a row without a kind": sides(kind=ARRAY(["observed", None], object)),
    "a kind too few": sides(kind=["observed"]),
    "kinds that are numbers": sides(kind=[1, 2]),
    "no kind": sides(kind=None),
    "ragged rewards": sides(reward=[[0.5, 0.0, 0.0], [0.5]]),
}
BAD_MASKS = {
    "nothing is left": [False, False, False],
    "too short": [True, False],
    "too long": [True, False, True, True],
    "numbers": [1, 0, 1],
    "words": ["yes", "no", "no"],
    "one value": True,
    "ragged": [[True], [True, False]],
    "a word": "all",
}

Refused = tuple[str, tuple[Any, ...]]  # the method and what it is given

ONE_RUN: dict[str, Refused] = {
    **{f"arm {bad!r}": ("update", (bad, 0.5)) for bad in BAD_ARMS},
    **{f"reward {bad!r}": ("update", (1, bad)) for bad in BAD_REWARDS},
    **{f"cost {bad!r}": ("update", (1, 0.5, bad)) for bad in BAD_COSTS},
    **{f"side: {name}": ("update", (1, 0.5, 1.0, bad)) for name, bad in BAD_SIDES.items()},
    **{f"mask: {name}": ("select", (None, bad)) for name, bad in BAD_MASKS.items()},
    "a mark of runs": ("update", (1, 0.5, 0.0, None, ARRAY([True]))),
    "a side of two runs": ("update", (1, 0.5, 1.0, sides())),
}

BATCHES: dict[str, tuple[Any, Any, Any]] = {
    "an arm too large": ([1, 3], [0.5, 0.5], 0.0),
    "a negative arm": ([-1, 1], [0.5, 0.5], 0.0),
    "fractional arms": ([0.0, 1.0], [0.5, 0.5], 0.0),
    "boolean arms": ([True, False], [0.5, 0.5], 0.0),
    "no arm": ([None, 1], [0.5, 0.5], 0.0),
    "enormous arms": ([0, 10**30], [0.5, 0.5], 0.0),
    "one arm": (1, [0.5, 0.5], 0.0),
    "three arms": ([1, 1, 1], [0.5, 0.5], 0.0),
    "a column of arms": ([[1], [1]], [0.5, 0.5], 0.0),
    "ragged arms": ([[1], [1, 2]], [0.5, 0.5], 0.0),
    "a nan": ([1, 1], [0.5, NAN], 0.0),
    "an infinite reward": ([1, 1], [INF, 0.5], 0.0),
    "an enormous reward": ([1, 1], [1e301, 0.5], 0.0),
    "a scalar reward": ([1, 1], 0.5, 0.0),
    "three rewards": ([1, 1], [0.5, 0.5, 0.5], 0.0),
    "words": ([1, 1], ["0.5", "0.5"], 0.0),
    "complex rewards": ([1, 1], [0.5j, 0.5], 0.0),
    "rewards of None": ([1, 1], None, 0.0),
    "ragged rewards": ([1, 1], [[0.5], [0.5, 0.5]], 0.0),
    "a negative cost": ([1, 1], [0.5, 0.5], [1.0, -1.0]),
    "one negative cost": ([1, 1], [0.5, 0.5], -1.0),
    "an infinite cost": ([1, 1], [0.5, 0.5], [INF, 1.0]),
    "a nan cost": ([1, 1], [0.5, 0.5], NAN),
    "a cost of None": ([1, 1], [0.5, 0.5], None),
    "a word of cost": ([1, 1], [0.5, 0.5], "1"),
    "three costs": ([1, 1], [0.5, 0.5], [1.0, 1.0, 1.0]),
    "ragged costs": ([1, 1], [0.5, 0.5], [[1.0], [1.0, 2.0]]),
}
BAD_MARKS = {
    "a number": 1,
    "numbers": [1, 0],
    "one value": True,
    "three": [True, False, True],
    "ragged": [[True], [True, False]],
    "a word": "all",
}
BATCH_MASKS = BAD_MASKS | {
    "a run without an arm": [[True, True, True], [False, False, False]],
    "three runs": np.ones((3, 3), bool),
}
TWO: tuple[Any, Any] = ([1, 1], [0.5, 0.5])
MANY_RUNS: dict[str, Refused] = {
    **{name: ("update", bad) for name, bad in BATCHES.items()},
    **{f"side: {k}": ("update", (*TWO, 1.0, bad)) for k, bad in BAD_SIDES_OF_TWO.items()},
    **{f"where: {k}": ("update", (*TWO, 0.0, None, bad)) for k, bad in BAD_MARKS.items()},
    **{f"mask: {k}": ("select", (None, bad)) for k, bad in BATCH_MASKS.items()},
}

UNIT_INTERVAL: dict[str, Refused] = {  # a Beta posterior exists for values in [0, 1] only
    "above 1": ("update", (0, 1.5)),
    "just above 1": ("update", (0, np.nextafter(1.0, 2.0))),
    "below 0": ("update", (0, -0.1)),
}

LAWS = BernoulliProblem(ARRAY([0.25, 0.75]))


def play(**changes: Any) -> object:
    """A simulation with some arguments changed."""
    good: dict[str, Any] = {"policies": {"it": UCB1(2)}, "environment": LAWS}
    good |= {"horizon": 3, "runs": 2, "seed": 0}
    return simulate(**good | changes)


Make = Any  # a function, or a partial of one


def each(make: Make, *values: Any, argument: str | None = None) -> dict[str, Make]:
    """A call of ``make`` for each bad value, given by position or by name."""
    name = (make.func if isinstance(make, partial) else make).__name__
    if argument is None:
        return {f"{name}({bad!r})": partial(make, bad) for bad in values}
    return {f"{name}({argument}={bad!r})": partial(make, **{argument: bad}) for bad in values}


def bounded(**changes: Any) -> object:
    """A regret bound with some arguments changed."""
    arguments: dict[str, Any] = {"problem": LAWS, "horizon": 3}
    return ucb1_regret_bound(**arguments | changes)


def ucb1(**changes: Any) -> object:
    return UCB1(**{"arms": 3} | changes)


def fresh(**changes: Any) -> object:
    return UCB1(3).fresh(**{"seed": 0} | changes)


def thompson(**changes: Any) -> object:
    return ThompsonSampling(**{"arms": 3} | changes)


def greedy(**changes: Any) -> object:
    return EpsilonGreedy(**{"arms": 3} | changes)


def split_ee(**changes: Any) -> object:
    return SplitEE(**{"arms": 3, "tradeoff": 0.1} | changes)


def split_ees(**changes: Any) -> object:
    return SplitEES(**{"arms": 3, "tradeoff": 0.1} | changes)


def two_arms(**changes: Any) -> object:
    return BernoulliProblem(**{"means": [0.5, 0.5]} | changes)


def two_gaussian_arms(**changes: Any) -> object:
    return GaussianProblem(**{"means": [0.5, 0.5]} | changes)


NOT_COUNTS: tuple[Any, ...] = (0, -1, 1.5, "3", True)  # at least 1 was wanted
NOT_POSITIVE: tuple[Any, ...] = (0.0, -1.0, NAN, INF, "1")
NOT_MEANS: tuple[Any, ...] = (
    *([], [NAN, 0.5], [INF], [[0.5, 0.5]]),
    *(0.5, ["a"], None, [[0.5], [0.5, 0.1]]),
)
CONSTRUCTORS: dict[str, Make] = {
    **each(ucb1, *NOT_COUNTS, None, argument="arms"),
    **each(thompson, *NOT_COUNTS, None, argument="arms"),
    **each(greedy, *NOT_COUNTS, None, argument="arms"),
    **each(UniformRandom, *NOT_COUNTS, None),
    **each(split_ee, *NOT_COUNTS, None, argument="arms"),
    **each(split_ee, -0.1, NAN, INF, "1", None, argument="tradeoff"),
    **each(split_ee, *NOT_POSITIVE, None, 1e200, argument="beta"),
    **each(split_ees, *NOT_COUNTS, None, argument="arms"),
    **each(split_ees, -0.1, NAN, INF, "1", None, argument="tradeoff"),
    **each(split_ees, *NOT_POSITIVE, None, 1e200, argument="beta"),
    **each(ucb1, *NOT_COUNTS, argument="runs"),
    **each(fresh, *NOT_COUNTS, argument="runs"),
    **each(ucb1, -1, 1.5, "1", b"1", NAN, {}, object, argument="seed"),
    **each(fresh, -1, 1.5, "1", b"1", NAN, {}, object, argument="seed"),
    **each(ucb1, *NOT_POSITIVE, argument="span"),
    **each(partial(FixedArm, 3), 3, -1, 0.5, None, np.True_),
    **each(Fixed, -1, 0.5, None, np.True_),
    **each(greedy, -0.1, 1.1, NAN, "1", None, argument="epsilon"),
    **each(partial(Greedy, decay=True), -0.1, INF, "1"),
    **each(thompson, (0.0, 1.0), (1.0, -1.0), (NAN, 1.0), ("1", 1.0), argument="prior"),
    **each(thompson, (1.0,), (1.0, 1.0, 1.0), 1.0, None, argument="prior"),
    **each(thompson, *NOT_POSITIVE, argument="std"),
    **each(thompson, Net(0.1), argument="objective"),
    **each(UCB, *NOT_POSITIVE, None),
    **each(BetaThompson, *NOT_POSITIVE, None),
    **each(GaussianThompson, *NOT_POSITIVE, None),
    **each(Net, -0.1, NAN, INF, "1", None),
    **each(partial(compose, index=UCB()), *NOT_COUNTS),
    **each(BernoulliProblem, *NOT_MEANS, [-0.1, 0.5], [0.5, 1.1]),
    **each(GaussianProblem, *NOT_MEANS),
    **each(two_arms, [1.0], [1.0, -1.0], [NAN, 0.0], ["a", "b"], argument="costs"),
    **each(two_arms, None, 1.0, [[1.0], [1.0, 2.0]], argument="costs"),
    **each(two_gaussian_arms, *NOT_POSITIVE, None, argument="std"),
    **each(two_gaussian_arms, [1.0], [1.0, 0.0], [[1.0], [1.0, 2.0]], argument="std"),
    **each(play, *NOT_COUNTS, None, argument="horizon"),
    **each(play, *NOT_COUNTS, None, argument="runs"),
    **each(play, *NOT_COUNTS, None, argument="checkpoints"),
    **each(play, -1, 1.5, "3", None, argument="seed"),
    **each(play, {}, [UCB1(2)], None, {"it": None}, {"it": UCB1.__name__}, argument="policies"),
    **each(play, {"it": UCB1(3)}, argument="policies"),  # an arm too many
    **each(play, None, [0.25, 0.75], argument="environment"),
    **each(play, ("accuracy",), argument="record"),
    **each(bounded, *NOT_COUNTS, argument="horizon"),
    **each(bounded, *NOT_POSITIVE, 0.5, argument="span"),
}


def learned(policy: Policy) -> Policy:
    """``policy`` after a few rounds, with a generator that has been used."""
    for _ in range(5):
        arm = policy.select()
        policy.update(arm, 0.5 if policy.runs is None else np.full(policy.runs, 0.5))
    return policy


def refuses(call: Callable[[], object], policy: Policy, folder: Path) -> None:
    """Assert that ``call`` is refused by name and changes nothing."""
    policy.save(folder / "before.json")
    with pytest.raises((ValueError, TypeError), match=REFUSAL):
        call()
    policy.save(folder / "after.json")

    assert (folder / "after.json").read_bytes() == (folder / "before.json").read_bytes()


@pytest.mark.parametrize(("method", "given"), ONE_RUN.values(), ids=ONE_RUN)
def test_one_run_refuses(method: str, given: tuple[Any, ...], tmp_path: Path) -> None:
    policy = learned(SplitEES(3, tradeoff=0.1, seed=0))

    refuses(partial(getattr(policy, method), *given), policy, tmp_path)


@pytest.mark.parametrize(("method", "given"), MANY_RUNS.values(), ids=MANY_RUNS)
def test_many_runs_refuse(method: str, given: tuple[Any, ...], tmp_path: Path) -> None:
    policy = learned(SplitEES(3, tradeoff=0.1, runs=2, seed=0))

    refuses(partial(getattr(policy, method), *given), policy, tmp_path)


@pytest.mark.parametrize(("method", "given"), UNIT_INTERVAL.values(), ids=UNIT_INTERVAL)
def test_a_beta_posterior_refuses_values_outside_its_interval(
    method: str, given: tuple[Any, ...], tmp_path: Path
) -> None:
    policy = learned(ThompsonSampling(3, seed=0))

    refuses(partial(getattr(policy, method), *given), policy, tmp_path)


@pytest.mark.parametrize("call", CONSTRUCTORS.values(), ids=CONSTRUCTORS)
def test_constructors_refuse(call: Make) -> None:
    with pytest.raises((ValueError, TypeError), match=REFUSAL):
        call()


FORGED = {
    "no decision": 3,
    "shape": Decision(0, 1, np.ones(2) / 2),
    "nan": Decision(0, 1, np.array([NAN, 0.5, 0.5])),
    "above 1": Decision(0, 1, np.array([2.0, 0.5, 0.5])),
    "integers": Decision(0, 1, np.array([0, 1, 0])),
    "arm": Decision(0, 3, np.ones(3) / 3),
}


@pytest.mark.parametrize("decision", FORGED.values(), ids=FORGED)
def test_a_forged_decision_is_refused(decision: Any, tmp_path: Path) -> None:
    policy = EXP3(3, seed=0)
    policy.update(policy.select(), 1.0)

    refuses(lambda: policy.learn(decision, 0.5), policy, tmp_path)


def test_the_same_check_notices_a_refusal_that_comes_too_late(tmp_path: Path) -> None:
    """The control: a call that learns and then raises does not pass."""

    policy = learned(UCB1(3, seed=0))

    def too_late() -> None:
        policy.update(1, 0.5)
        policy.update(1, NAN)

    with pytest.raises(AssertionError):
        refuses(too_late, policy, tmp_path)


def test_what_these_tables_vary_is_accepted_as_it_is() -> None:
    """The other control: without the change, everything passes."""
    one, two = SplitEES(3, tradeoff=0.1, seed=0), SplitEES(3, tradeoff=0.1, runs=2, seed=0)
    one.update(1, 0.5, 1.0, side())
    two.update([1, 1], [0.5, 0.5], 1.0, sides(), [True, False])
    play()

    assert one.stats.pulls.tolist() == [1.0, 1.0, 0.0]
    assert two.stats.pulls.tolist() == [[1.0, 1.0, 0.0], [0.0, 0.0, 0.0]]


# What a named algorithm cannot do without, beside its arms.
REQUIRED: dict[str, dict[str, Any]] = {
    "CSETC": {"factor": 0.2, "horizon": 100},
    "CSTS": {"factor": 0.2},
    "Constrained": {"level": 0.3, "safe": 0, "revealing": 2},
    "CSUCB": {"factor": 0.2, "horizon": 100},
    "CUSUMUCB": {"threshold": 5.0, "tolerance": 0.1, "baseline": 20, "exploration": 0.1},
    "DUCB": {"discount": 0.98},
    "DiscountedThompson": {"discount": 0.98},
    "EXP3S": {"horizon": 100, "changes": 2},
    "EXP3SET": {"graph": np.eye(3, dtype=bool)},
    "ExploreThenCommit": {"pulls_each": 2},
    "FixedArm": {"arm": 0},
    "GLRUCB": {"delta": 0.05, "exploration": 0.1},
    "KLUCBPlusPlus": {"horizon": 100},
    "KLLUCB": {"delta": 0.1},
    "LUCB": {"delta": 0.1},
    "LinGreedy": {"features": 2},
    "LinTS": {"features": 2},
    "LinUCB": {"features": 2},
    "MOSS": {"horizon": 100},
    "OFUL": {"features": 2},
    "PrimalDualBwK": {"budgets": [10.0], "horizon": 100},
    "SWUCB": {"window": 100},
    "SplitEE": {"tradeoff": 0.1},
    "SplitEES": {"tradeoff": 0.1},
    "SquareCB": {"features": 2, "gamma": 5.0},
    "SuccessiveElimination": {"delta": 0.1},
    "SuccessiveHalving": {"budget": 100},
    "TopTwoThompson": {"delta": 0.1},
    "UCB": {"alpha": 3.0},
    "UCBBV": {"smallest_cost": 0.1},
}
WRONG: dict[str, dict[str, Any]] = {
    **{f"arms={arms!r}": {"arms": arms} for arms in (0, -1, 1.5, True, None, "3")},
    **{f"runs={runs!r}": {"runs": runs} for runs in (0, -1, 1.5, True)},
    "seed=-1": {"seed": -1},
    "seed='x'": {"seed": "x"},
}


@pytest.mark.parametrize("name", banditsplit.algorithms.__all__)
@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_every_named_algorithm_refuses(name: str, wrong: dict[str, Any]) -> None:
    good = {"arms": 3, "seed": 0, **REQUIRED.get(name, {})}
    build = getattr(banditsplit, name)

    assert build(**good).arms == 3
    with pytest.raises((ValueError, TypeError), match=REFUSAL):
        build(**good | wrong)
