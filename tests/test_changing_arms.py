"""Arms come and go: what is known of the others stays, as if there had never been more."""

import dataclasses
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import banditsplit as bs
from banditsplit import Policy
from banditsplit.indices import UCB, Exploring, Fixed
from banditsplit.memories import CUSUM, GLR, Discounted, Full, Memory, Restarting, SlidingWindow

Make = Callable[..., Policy]
REFUSAL = r"(?s)^`[^`]+` must .*, got .*"
NEVER = CUSUM(threshold=1e9, tolerance=0.0, baseline=1)
EASY = CUSUM(threshold=0.7, tolerance=0.05, baseline=2)  # cries often

# How many arms to policy.
CHANGING: dict[str, Make] = {
    "UCB1": bs.UCB1,
    "UCBV": bs.UCBV,
    "KLUCB": bs.KLUCB,
    "KLUCBPlusPlus": partial(bs.KLUCBPlusPlus, horizon=500),
    "MOSS": partial(bs.MOSS, horizon=500),
    "AnytimeMOSS": bs.AnytimeMOSS,
    "IMED": bs.IMED,
    "ThompsonSampling": bs.ThompsonSampling,
    "NIGThompsonSampling": bs.NIGThompsonSampling,
    "EpsilonGreedy": bs.EpsilonGreedy,
    "BoltzmannGumbel": bs.BoltzmannGumbel,
    "UniformRandom": bs.UniformRandom,
    "SplitEES": partial(bs.SplitEES, tradeoff=0.1),
    "DUCB": partial(bs.DUCB, discount=0.9),
    "DUCB variance": partial(bs.UCBV, memory=Discounted(0.9)),
    "SWUCB": partial(bs.SWUCB, window=7),
    "SWUCB variance": partial(bs.UCBV, memory=SlidingWindow(7)),
    "CUSUM": partial(bs.UCB1, memory=Restarting(EASY)),
    "CUSUM local": partial(bs.UCB1, memory=Restarting(EASY, every_arm=False)),
    "GLR": partial(bs.UCB1, memory=Restarting(GLR(0.5, every=1))),
    "Ratio": partial(bs.UCB1, objective=bs.Ratio()),
    "UCBBV": partial(bs.UCBBV, smallest_cost=0.1),
    "Ratio windowed": partial(bs.UCB1, objective=bs.Ratio(), memory=SlidingWindow(7)),
    "CSUCB": partial(bs.CSUCB, factor=0.2, horizon=500),
    "ExploreThenCommit": partial(bs.ExploreThenCommit, pulls_each=3),
    "SuccessiveElimination": partial(bs.SuccessiveElimination, delta=0.5, span=0.1),
    "OFUL": partial(bs.OFUL, features=2),
    "LinTS": partial(bs.LinTS, features=2),
    "SquareCB": partial(bs.SquareCB, features=2, gamma=5.0),
    "PrimalDualBwK": partial(bs.PrimalDualBwK, budgets=[90.0, 80.0], horizon=500),
    "UCB1 with a budget": lambda arms, **options: bs.with_budget(
        bs.UCB1(arms, **options), 90.0, seed=options["seed"]
    ),
}
every = pytest.mark.parametrize("make", CHANGING.values(), ids=CHANGING)


def exactly(policy: Policy, folder: Path) -> bytes:
    """Everything the policy is."""
    policy.save(folder / "policy.json")
    return (folder / "policy.json").read_bytes()


def same(one: Any, other: Any) -> bool:
    """Whether two states are alike to the bit."""
    if dataclasses.is_dataclass(one):
        return type(one) is type(other) and all(
            same(getattr(one, field.name), getattr(other, field.name))
            for field in dataclasses.fields(one)
        )
    return np.array_equal(one, other) and np.shape(one) == np.shape(other)


def context(policy: Policy, rng: np.random.Generator) -> Any:
    shape, lead = policy.recipe.context_shape, () if policy.runs is None else (policy.runs,)
    return None if shape is None else rng.normal(size=(*lead, *shape))


def paid(policy: Policy, cost: Any) -> Any:
    """The cost of a pull, for each resource where there are several."""
    resources = policy.recipe.resources
    return cost if resources is None else np.repeat(np.asarray(cost)[..., None], resources, -1)


def tell(policy: Policy, rng: np.random.Generator, arms: list[int], rounds: int) -> None:
    """Tell a policy of pulls of ``arms``, which it did not choose."""
    for _ in range(rounds):
        shape = () if policy.runs is None else policy.runs
        arm = np.asarray(arms)[rng.integers(len(arms), size=shape)]
        reward, cost, seen = rng.random(shape), rng.random(shape), context(policy, rng)
        if seen is not None:
            policy.select(seen)
        policy.update(arm if policy.runs else int(arm), reward, paid(policy, cost))


def decisions(policy: Policy, rounds: int = 30) -> list[Any]:
    """What it decides from here on, with feedback that hangs on the arm alone."""
    rng, chosen = np.random.default_rng(8), []
    policy._rng = np.random.default_rng(9)
    for _ in range(rounds):
        arm = policy.select(context(policy, rng))
        policy.update(arm, (np.asarray(arm) + 1) / 8, paid(policy, (np.asarray(arm) + 2) / 9))
        chosen.append(np.asarray(arm).tolist())
    return chosen


@every
@given(gone=st.sets(st.integers(0, 4), min_size=1, max_size=4), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=8)
@pytest.mark.parametrize("runs", [None, 1, 7])
def test_without_arms_that_it_never_saw_it_is_as_if_they_had_never_been(
    make: Make, runs: int | None, gone: set[int], seed: int
) -> None:
    """To the bit: state, recipe and all decisions to come."""
    kept = [arm for arm in range(5) if arm not in gone]
    wide, narrow = make(5, runs=runs, seed=0), make(len(kept), runs=runs, seed=0)
    for policy, arms in ((wide, kept), (narrow, list(range(len(kept))))):
        tell(policy, np.random.default_rng(seed), arms, 25)

    wide.remove_arms(gone if len(gone) > 1 else min(gone))

    assert wide.recipe == narrow.recipe
    assert wide.arms == len(kept)
    wide._state, narrow._state = settled(wide), settled(narrow)
    assert same(wide._state, narrow._state)
    assert decisions(wide) == decisions(narrow)


def settled(policy: Policy) -> Any:
    """The state, with what was decided by the way decided anew: commitments, dropped arms."""
    return policy.recipe.change_arms(policy._state, range(policy.arms), 0)[1]


@every
@pytest.mark.parametrize("runs", [None, 1, 7])
def test_more_arms_are_as_if_they_had_always_been_there(make: Make, runs: int | None) -> None:
    """To the bit: untried, and numbered behind the others."""
    narrow, wide = make(2, runs=runs, seed=0), make(5, runs=runs, seed=0)
    for policy in (narrow, wide):
        tell(policy, np.random.default_rng(4), [0, 1], 25)

    narrow.add_arms(3)

    assert narrow.recipe == wide.recipe
    wide._state, narrow._state = settled(wide), settled(narrow)
    assert same(narrow._state, wide._state)
    assert decisions(narrow) == decisions(wide)


@every
def test_arms_that_came_and_went_leave_no_trace(make: Make, tmp_path: Path) -> None:
    policy = make(3, seed=0)
    tell(policy, np.random.default_rng(4), [0, 1, 2], 25)
    policy._state, policy._latest = settled(policy), (None, None)
    before = exactly(policy, tmp_path)

    policy.add_arms(2)
    assert policy.arms == 5
    policy.remove_arms([3, 4])

    assert exactly(policy, tmp_path) == before


@every
def test_it_goes_on_from_a_file_with_the_arms_that_it_has(make: Make, tmp_path: Path) -> None:
    policy = make(3, runs=2, seed=0)
    tell(policy, np.random.default_rng(4), [0, 1, 2], 10)
    policy.add_arms()
    policy.remove_arms(0)
    policy.save(tmp_path / "policy.json")

    again = bs.load(tmp_path / "policy.json")

    assert again.recipe == policy.recipe
    assert decisions(again) == decisions(policy)


WEIGHING: dict[str, tuple[Memory, bool]] = {
    "Full": (Full(), False),
    "Full variance": (Full(), True),
    "Discounted": (Discounted(0.9), True),
    "SlidingWindow": (SlidingWindow(5), True),
    "SlidingWindow long": (SlidingWindow(50), False),
    "Restarting": (Restarting(NEVER), False),
}


@pytest.mark.parametrize(("memory", "variance"), WEIGHING.values(), ids=WEIGHING)
@given(seed=st.integers(0, 2**32 - 1), runs=st.sampled_from([None, 1, 6]))
@settings(max_examples=15)
def test_of_an_arm_that_was_pulled_the_rounds_stay_and_nothing_else(
    *, memory: Memory, variance: bool, seed: int, runs: int | None
) -> None:
    """As a memory without it, in which rounds passed that showed nothing."""
    make = bs.UCBV if variance else bs.UCB1
    policy, rng = make(3, memory=memory, runs=runs, seed=0), np.random.default_rng(seed)
    without = memory.empty(runs, 2, variance=variance)
    for _ in range(22):
        arm, value = rng.integers(3, size=runs or 1), rng.random(runs or 1)
        others = np.flatnonzero(arm != 1)
        memory.observe(without, others * 2 + arm[others] // 2, value[others])
        memory.advance(without, None)
        policy.update(*(a if runs else a.item() for a in (arm, value)))

    policy.remove_arms(1)

    assert same(policy._state, without)
    policy.update(*([0] * (runs or 1), [0.5] * (runs or 1)) if runs else (0, 0.5))


def test_restarts_count_what_still_counts_of_the_arms_that_are_left() -> None:
    """5 pulls of arm 0 and 3 of arm 1, with local restarts: t is 4 without arm 0, of 9."""
    policy = bs.UCB1(2, memory=Restarting(NEVER, every_arm=False), seed=0)
    for arm in [0] * 5 + [1] * 3:
        policy.update(arm, 0.5)
    assert policy.stats.effective == 9

    policy.remove_arms(0)

    assert (policy.round, policy.stats.effective) == (9, 4)


def test_the_numbers_above_move_down() -> None:
    policy = bs.UCB1(5, seed=0)
    for arm, pulls in enumerate([1, 2, 3, 4, 5]):
        for _ in range(pulls):
            policy.update(arm, arm / 10)

    policy.remove_arms(np.array([3, 0]))

    assert policy.stats.pulls.tolist() == [2.0, 3.0, 5.0]
    assert policy.stats.mean.tolist() == pytest.approx([0.1, 0.2, 0.4])
    assert policy.round == 16


def test_the_generator_and_the_number_of_decisions_go_on() -> None:
    policy, untouched = bs.UniformRandom(3, seed=4), bs.UniformRandom(3, seed=4)
    for one in (policy, untouched):
        one.decide()

    policy.add_arms(2)
    policy.remove_arms([1, 2])

    assert policy._rng.bit_generator.state == untouched._rng.bit_generator.state
    assert policy.decide().id == 1


def test_a_newcomer_is_tried_and_masks_speak_of_it() -> None:
    policy = bs.UCB1(2, seed=0)
    tell(policy, np.random.default_rng(0), [0, 1], 10)

    policy.add_arms()

    assert policy.select() == 2
    assert policy.select(available=[True, False, False]) == 0
    with pytest.raises(ValueError, match=r"^`available` must have shape \(3,\)"):
        policy.select(available=[True, True])
    with pytest.raises(ValueError, match=r"^`arm` must be an integer in 0 .. 2, got 3"):
        policy.update(3, 0.5)


def test_a_newcomer_beside_a_commitment_is_explored_and_may_be_chosen() -> None:
    policy = bs.ExploreThenCommit(2, pulls_each=2, seed=0)
    for arm in (0, 1, 0, 1):
        policy.update(arm, [0.2, 0.6][arm])
    assert policy.select() == 1

    policy.add_arms()
    for _ in range(2):
        assert policy.select() == 2
        policy.update(2, 0.9)

    assert policy.select() == 2


def test_without_the_arm_that_dropped_others_they_come_back() -> None:
    """Arm 2 is surely better than both; without it, neither is surely better than the other."""
    policy = bs.SuccessiveElimination(3, delta=0.5, span=0.1, seed=0)
    for _ in range(40):
        for arm, reward in enumerate([0.5, 0.5, 0.9]):
            policy.update(arm, reward)
    assert policy._state.alive.tolist() == [False, False, True]

    policy.remove_arms(2)

    assert policy._state.alive.tolist() == [True, True]


@pytest.mark.parametrize("index", [Fixed(2), Exploring(Fixed(2), 0.0)], ids=repr)
def test_a_fixed_arm_keeps_its_number_up_to_date(index: Any) -> None:
    policy = bs.compose(4, index, seed=0)

    policy.add_arms()
    policy.remove_arms([0, 3])

    assert policy.select() == 1
    with pytest.raises(
        ValueError, match=r"^`arms` must not hold the arm of Fixed\(arm=1\), got 1"
    ):
        policy.remove_arms([1])
    assert policy.arms == 3


def test_told_costs_go_with_their_arms_and_none_may_lack() -> None:
    policy = bs.CSUCB(3, factor=0.9, horizon=9, costs=[3.0, 2.0, 1.0], seed=0)
    for arm in range(3):
        policy.update(arm, 1.0, 1.0)
    policy.remove_arms(2)

    assert policy.select() == 1
    assert isinstance(policy.recipe, bs.SubsidyRecipe)
    assert policy.recipe.costs == (3.0, 2.0)
    with pytest.raises(ValueError, match=r"^`recipe` must be able to add arms, got Subsidy"):
        policy.add_arms()


def test_a_shared_model_speaks_for_newcomers_at_once() -> None:
    """The second feature is what pays, and the newcomer has most of it."""
    policy = bs.LinUCB(2, features=2, shared=True, alpha=0.1, seed=0)
    two = np.array([[1.0, 0.0], [0.0, 1.0]])
    for _ in range(50):
        policy.select(two)
        policy.update(0, 0.0)
        policy.select(two)
        policy.update(1, 1.0)

    policy.add_arms()

    assert policy.recipe.context_shape == (3, 2)
    assert policy.select(np.vstack([two, [0.0, 2.0]])) == 2


def test_the_latest_choice_is_forgotten() -> None:
    """Its context spoke of other arms."""
    policy = bs.LinUCB(2, features=2, shared=True, seed=0)
    policy.select(np.eye(2))

    policy.add_arms()

    with pytest.raises(ValueError, match=r"^`context` must be known"):
        policy.update(0, 1.0)


REFUSING: dict[str, Make] = {
    "EXP3": bs.EXP3,
    "EXP3S": partial(bs.EXP3S, horizon=99, changes=1),
    "EXP3SET": lambda arms, **options: bs.EXP3SET(arms, graph=np.eye(arms) > 0, **options),
    "TsallisINF": bs.TsallisINF,
    "EXP3 with a budget": lambda arms, **options: bs.with_budget(bs.EXP3(arms), 9.0, **options),
}


@pytest.mark.parametrize("make", REFUSING.values(), ids=REFUSING)
def test_who_compares_arms_over_the_same_rounds_refuses(make: Make, tmp_path: Path) -> None:
    policy = make(3, seed=0)
    policy.update(policy.select(), 0.5)
    before = exactly(policy, tmp_path)

    for change in (policy.add_arms, partial(policy.remove_arms, 1)):
        with pytest.raises(ValueError, match=r"^`recipe` must be able to change its arms, got"):
            change()

    assert exactly(policy, tmp_path) == before


@pytest.mark.parametrize("count", [0, -1, 1.0, True, None, "1", float("nan")])
def test_a_number_of_arms_that_is_none_is_refused(count: Any, tmp_path: Path) -> None:
    policy = bs.UCB1(3, seed=0)
    before = exactly(policy, tmp_path)

    with pytest.raises((TypeError, ValueError), match=r"^`count` must .*, got "):
        policy.add_arms(count)

    assert exactly(policy, tmp_path) == before


BAD_ARMS: dict[str, Any] = {
    "too large": 3,
    "negative": -1,
    "half": 0.5,
    "a float": 1.0,
    "a bool": True,
    "a mask": [True, False, False],
    "nan": float("nan"),
    "nothing": None,
    "none of them": [],
    "a word": "01",
    "twice": [1, 1],
    "one too large": [0, 3],
    "all": [0, 1, 2],
    "rows": [[0], [1]],
    "an array without axes": np.array(3),
}


@pytest.mark.parametrize("arms", BAD_ARMS.values(), ids=BAD_ARMS)
def test_arms_that_cannot_go_are_refused(arms: Any, tmp_path: Path) -> None:
    policy = bs.UCB1(3, seed=0)
    before = exactly(policy, tmp_path)

    with pytest.raises((TypeError, ValueError), match=r"^`arms` must .*, got "):
        policy.remove_arms(arms)

    assert exactly(policy, tmp_path) == before


def test_the_last_arm_stays() -> None:
    with pytest.raises(ValueError, match=r"^`arms` must leave at least one arm, got \[0, 1\]"):
        bs.UCB1(2).remove_arms([0, 1])


def test_an_array_without_axes_is_an_arm() -> None:
    policy = bs.UCB1(3, seed=0)
    policy.remove_arms(np.array(1))

    assert policy.arms == 2


@dataclasses.dataclass
class Watching:
    """A detector's state that is laid out by runs alone."""

    cries: Any


@dataclasses.dataclass(frozen=True)
class Odd:
    """A detector of one's own that never cries."""

    def empty(self, runs: int | None, arms: int) -> Watching:
        del arms
        return Watching(np.zeros(runs or 1))

    def observe(self, state: Watching, cell: Any, value: Any) -> Any:
        del state, value
        return np.zeros(len(cell), np.bool_)

    def forget(self, state: Watching, which: Any) -> None: ...


def test_parts_of_ones_own_that_do_not_say_how_are_refused() -> None:
    @dataclasses.dataclass(frozen=True)
    class Own:
        empty = staticmethod(Full().empty)
        stats = staticmethod(Full().stats)
        observe = staticmethod(Full().observe)
        advance = staticmethod(Full().advance)

    for memory, name in ((Own(), "memory"), (Restarting(Odd()), "detector")):
        policy = bs.compose(3, UCB(), memory=memory, seed=0)
        policy.update(0, 0.5)
        with pytest.raises(ValueError, match=rf"^`{name}` must .*, got "):
            policy.remove_arms(0)
        assert policy.arms == 3


def test_a_removal_that_takes_the_wrong_column_is_caught() -> None:
    """The control of "as if they had never been"."""
    wide, narrow = bs.UCB1(3, seed=0), bs.UCB1(2, seed=0)
    for policy, arms in ((wide, [0, 2]), (narrow, [0, 1])):
        tell(policy, np.random.default_rng(1), arms, 20)
    wrong = wide.recipe.change_arms(wide._state, [0, 1], 0)[1]
    right = wide.recipe.change_arms(wide._state, [0, 2], 0)[1]

    assert same(right, narrow._state)
    assert not same(wrong, narrow._state)


# Decisions that wait.


def test_decisions_for_removed_arms_wait_no_longer_and_others_get_their_new_numbers() -> None:
    policy = bs.UCB1(3, seed=0)
    made = {}
    for arm in range(3):
        available = np.arange(3) == arm
        made[arm] = policy.decide(available=available).id

    policy.remove_arms(1)

    assert [(one.id, one.arm) for one in policy.pending] == [(made[0], 0), (made[2], 1)]
    with pytest.raises(ValueError, match=r"^`decision` must wait for its feedback"):
        policy.learn(made[1], 0.5)
    policy.learn(made[2], 0.75)
    policy.learn(policy.pending[0], 0.25)
    assert policy.stats.mean.tolist() == [0.25, 0.75]
    assert not policy.pending


def test_in_a_batch_the_runs_whose_arms_stay_go_on_waiting(tmp_path: Path) -> None:
    policy = bs.UCB1(3, runs=3, seed=0)
    decision = policy.decide(available=np.eye(3, dtype=bool))
    assert decision.arm.tolist() == [0, 1, 2]

    policy.remove_arms(1)
    policy.save(tmp_path / "policy.json")

    for one in (policy, bs.load(tmp_path / "policy.json")):
        one.learn(decision.id, [0.25, 9.0, 0.75])
        assert one.stats.pulls.tolist() == [[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]]
        assert one.stats.mean.tolist() == [[0.25, 0.0], [0.0, 0.0], [0.0, 0.75]]
        assert not one.pending


@pytest.mark.parametrize("runs", [None, 2])
def test_contexts_and_chances_of_waiting_decisions_are_those_of_the_arms_that_stay(
    runs: int | None, tmp_path: Path
) -> None:
    """Shared models: a feature vector for each arm; the newcomer had none then."""
    policy = bs.SquareCB(3, features=2, gamma=2.0, shared=True, runs=runs, seed=0)
    seen = np.arange(6.0).reshape(3, 2)
    seen = seen if runs is None else np.stack([seen, -seen])
    mask = np.array([False, True, True])
    decision = policy.decide(seen, mask)
    chance = decision.propensity

    policy.remove_arms(0)
    policy.add_arms()
    policy.save(tmp_path / "policy.json")

    (waiting,) = bs.load(tmp_path / "policy.json").pending
    assert np.array_equal(waiting.arm, decision.arm - 1)
    assert np.array_equal(waiting.propensity, chance)
    assert np.array_equal(waiting.context[..., :2, :], seen[..., 1:, :])
    assert not waiting.context[..., 2, :].any()
    policy.learn(decision.id, 0.5 if runs is None else [0.5, 0.5])
