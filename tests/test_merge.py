"""Merging is as having seen everything: against one policy that saw it, whatever the order.

Tolerance: pulls, rounds and what was spent are exact; means and variances agree to 1e-12 of the
largest value, regressions to 1e-9.
"""

import copy
import dataclasses
import itertools
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import banditsplit as bs
from banditsplit import ArmStats, Policy, recipes
from banditsplit._stats import pooled
from banditsplit.feedback import Pull, Seen
from banditsplit.memories import CUSUM, Discounted, Restarting, SlidingWindow

Make = Callable[..., Policy]
REFUSAL = r"(?s)^`[^`]+` must .*, got .*"
ARMS, FEATURES = 4, 2
RATIO = bs.Ratio()
FULL_GRAPH = np.ones((ARMS, ARMS), np.bool_)

MERGING: dict[str, Make] = {
    "UCB1": partial(bs.UCB1, ARMS),
    "UCB1 side": partial(bs.UCB1, ARMS, objective=bs.Net(0.5), side_observations=True),
    "UCBV": partial(bs.UCBV, ARMS),
    "UCBV side": partial(bs.UCBV, ARMS, side_observations=True),
    "KLUCB": partial(bs.KLUCB, ARMS),
    "ThompsonSampling": partial(bs.ThompsonSampling, ARMS),
    "NIGThompsonSampling": partial(bs.NIGThompsonSampling, ARMS),
    "EpsilonGreedy": partial(bs.EpsilonGreedy, ARMS, decay=True, epsilon=3.0),
    "SplitEES": partial(bs.SplitEES, ARMS, tradeoff=0.1),
    "Ratio": partial(bs.UCB1, ARMS, objective=RATIO, side_observations=True),
    "Ratio variance": partial(bs.UCBV, ARMS, objective=RATIO),
    "CSUCB": partial(bs.CSUCB, ARMS, factor=0.2, horizon=100),
    "CSUCB told": partial(bs.CSUCB, ARMS, factor=0.2, horizon=100, costs=[1.0, 2.0, 3.0, 4.0]),
    "ExploreThenCommit": partial(bs.ExploreThenCommit, ARMS, pulls_each=3),
    "SuccessiveElimination": partial(bs.SuccessiveElimination, ARMS, delta=0.5, span=0.1),
    "EXP3": partial(bs.EXP3, ARMS),
    "EXP3 gamma": partial(bs.EXP3, ARMS, gamma=0.1),
    "EXP3IX eta": partial(bs.EXP3IX, ARMS, eta=0.05),
    "EXP3SET": partial(bs.EXP3SET, ARMS, graph=FULL_GRAPH),
    "TsallisINF": partial(bs.TsallisINF, ARMS),
    "OFUL": partial(bs.OFUL, ARMS, features=FEATURES),
    "OFUL side": partial(bs.OFUL, ARMS, features=FEATURES, side_observations=True),
    "LinUCB shared": partial(bs.LinUCB, ARMS, features=FEATURES, shared=True, ridge=0.3),
    "LinGreedy": partial(bs.LinGreedy, ARMS, features=FEATURES),
}
every = pytest.mark.parametrize("make", MERGING.values(), ids=MERGING)

Told = tuple[Pull, Seen | None]


def seen_by_one(policy: Policy, rng: np.random.Generator, rounds: int) -> list[Told]:
    """Let a policy of one run live, and return what it was told, with what it drew from."""
    recipe, state, told = policy.recipe, policy._state, []
    for _ in range(rounds):
        shape = recipe.context_shape
        context = None if shape is None else rng.normal(size=shape)
        arm, drawn = recipe.choose(state, rng, context, None)
        reward, cost = rng.random(ARMS), rng.random(ARMS)
        chance = None if drawn is None else drawn[arm]
        pull = Pull(
            arm, reward[arm], cost[arm], probability=chance, context=context, distribution=drawn
        )
        side = None
        if recipe.side_observations:
            every_arm = isinstance(recipe, recipes.SamplingRecipe)
            shown = np.flatnonzero((rng.random(ARMS) < 0.4) | every_arm)
            shown = shown[shown != arm]
            side = Seen(shown, reward[shown], cost[shown])
        recipe.learn(state, pull, side)
        told.append((pull, side))
    return told


def fleet(make: Make, rng: np.random.Generator, lives: Sequence[int]) -> tuple[Any, Policy]:
    """Devices that lived so many rounds each, and one that was told everything."""
    devices, one = [make(seed=0) for _ in lives], make(seed=0)
    for device, rounds in zip(devices, lives, strict=True):
        for pull, side in seen_by_one(device, rng, rounds):
            one.recipe.learn(one._state, pull, side)
    return devices, one


def known(state: Any) -> list[Any]:
    """Everything that a state knows, in numbers that only rounding may change.

    Roots are known up to a rotation; what was decided by the way (arms dropped, a commitment)
    is not among what was seen.
    """
    if dataclasses.is_dataclass(state):
        found = []
        for field in dataclasses.fields(state):
            value = getattr(state, field.name)
            if field.name == "root":
                value = np.swapaxes(value, -1, -2) @ value
            if field.name not in ("alive", "committed"):
                found += known(value)
        return found
    return [] if state is None else [np.asarray(state, np.float64)]


def agree(one: Policy, other: Policy, tolerance: float | None = None) -> bool:
    """Whether two policies know the same."""
    if tolerance is None:
        tolerance = 1e-9 if one.recipe.context_shape else 1e-12
    return all(
        a.shape == b.shape and np.allclose(a, b, rtol=tolerance, atol=tolerance)
        for a, b in zip(known(one._state), known(other._state), strict=True)
    )


def exactly(policy: Policy, folder: Path) -> bytes:
    """Everything the policy is."""
    policy.save(folder / "policy.json")
    return (folder / "policy.json").read_bytes()


lives = st.lists(st.integers(0, 15), min_size=2, max_size=5)
seeds = st.integers(0, 2**32 - 1)


@every
@given(lived=lives, seed=seeds)
@settings(max_examples=15)
def test_merged_devices_know_what_one_knows_that_saw_everything(
    make: Make, lived: list[int], seed: int
) -> None:
    devices, one = fleet(make, np.random.default_rng(seed), lived)

    merged = devices[0].merge(*devices[1:], seed=3)

    assert agree(merged, one)
    assert merged.round == one.round == 1 + sum(lived)
    assert merged.stats.pulls.tolist() == one.stats.pulls.tolist()
    assert merged.stats.untried == one.stats.untried
    assert merged.recipe == one.recipe


@every
@given(lived=lives, seed=seeds)
@settings(max_examples=10)
def test_neither_order_nor_brackets_matter(make: Make, lived: list[int], seed: int) -> None:
    """The order not by a bit, where sums are all there is; brackets by rounding."""
    devices, _ = fleet(make, np.random.default_rng(seed), lived)
    first, *rest = devices

    whole, turned = first.merge(*rest), devices[-1].merge(*devices[:-1])
    chained = first
    for device in rest:
        chained = chained.merge(device)
    right = devices[-1]
    for device in reversed(devices[:-1]):
        right = device.merge(right)

    assert agree(whole, turned, None if whole.recipe.context_shape else 0.0)
    assert agree(whole, chained)
    assert agree(chained, right)


@every
def test_the_merged_goes_on_as_one_would_that_saw_everything(make: Make) -> None:
    """The same decisions from the same seed, for 40 rounds more, from well separated data."""
    devices, one = fleet(make, np.random.default_rng(7), [30, 0, 20])
    merged = devices[0].merge(*devices[1:], seed=11)
    decided = []
    for policy in (merged, one):
        policy._rng = np.random.default_rng(11)
        if isinstance(policy.recipe, recipes.EliminationRecipe | recipes.CommitRecipe):
            # What was dropped or settled on the way is decided anew; by one, too.
            policy._state = policy.recipe.merge([policy._state, policy.fresh(seed=0)._state])
        rng, arms = np.random.default_rng(5), []
        for _ in range(40):
            shape = policy.recipe.context_shape
            arms.append(policy.select(None if shape is None else rng.normal(size=shape)))
            if not policy.recipe.side_observations:
                policy.update(arms[-1], rng.random(), rng.random())
        decided.append(arms)

    assert decided[0] == decided[1]


@every
def test_merging_changes_none_of_the_merged(make: Make, tmp_path: Path) -> None:
    """And the merged shares no array with them."""
    devices, _ = fleet(make, np.random.default_rng(3), [5, 6, 7])
    before = [exactly(device, tmp_path) for device in devices]

    merged = devices[0].merge(*devices[1:], seed=0)
    seen_by_one(merged, np.random.default_rng(0), 5)
    alone = devices[0].merge(seed=0)
    seen_by_one(alone, np.random.default_rng(0), 5)

    assert [exactly(device, tmp_path) for device in devices] == before


@every
def test_one_device_alone_is_copied_to_the_bit(make: Make) -> None:
    (device,), _ = fleet(make, np.random.default_rng(3), [20])

    assert agree(device.merge(seed=0), device, 0.0)


def test_a_merged_policy_can_be_saved_and_merged_again(tmp_path: Path) -> None:
    devices, one = fleet(MERGING["UCBV"], np.random.default_rng(1), [5, 6, 7])
    devices[0].merge(devices[1]).save(tmp_path / "merged.json")

    assert agree(bs.load(tmp_path / "merged.json").merge(devices[2]), one)


@pytest.mark.parametrize("name", ["UCB1", "UCBV", "ThompsonSampling", "EXP3", "OFUL"])
@pytest.mark.parametrize("runs", [1, 3, 9])
def test_many_runs_merge_row_by_row(name: str, runs: int) -> None:
    """Rows that had no feedback among them; more runs than arms lie in another order."""
    make, rng = MERGING[name], np.random.default_rng(2)
    batches, rows = [], [[make(seed=0) for _ in range(3)] for _ in range(runs)]
    for number in range(3):
        batch = make(runs=runs, seed=number)
        shape = batch.recipe.context_shape
        for _ in range(12):
            context = None if shape is None else rng.normal(size=(runs, *shape))
            arm, reward = batch.select(context), rng.random(runs)
            where = rng.random(runs) < 0.7
            drawn = batch._latest[0]
            batch.update(arm, reward, where=where)
            for row in np.flatnonzero(where).tolist():
                device = rows[row][number]
                pull = Pull(
                    int(arm[row]),
                    float(reward[row]),
                    0.0,
                    probability=None if drawn is None else drawn[row, arm[row]],
                    context=None if context is None else context[row],
                    distribution=None if drawn is None else drawn[row],
                )
                device.recipe.learn(device._state, pull, None)
        batches.append(batch)

    merged = batches[0].merge(*batches[1:], seed=0)

    for row, devices in enumerate(rows):
        alone = devices[0].merge(*devices[1:], seed=0)
        stats, own = merged.stats, alone.stats
        assert stats.pulls[row].tolist() == own.pulls.tolist()
        np.testing.assert_allclose(stats.mean[row], own.mean, rtol=1e-12, atol=1e-15)
        assert merged.round[row, 0] == alone.round
        if shape is not None:
            np.testing.assert_allclose(merged._state.estimate[row], alone._state.estimate)
    merged.update(
        merged.select(None if shape is None else np.ones((runs, *shape))), rng.random(runs)
    )


# A thousand devices.


def variance_of(stats: ArmStats) -> Any:
    assert stats.variance is not None
    return stats.variance


@pytest.mark.parametrize("make", [bs.UCBV, bs.NIGThompsonSampling], ids=["UCBV", "NIG"])
def test_a_thousand_devices_equal_one_that_saw_everything(make: Make) -> None:
    """50 rounds of each over 20 arms, with values of which most share their first digits."""
    rng = np.random.default_rng(0)
    devices, one = [make(20, seed=0) for _ in range(1000)], make(20, seed=0)
    values: list[list[float]] = [[] for _ in range(20)]
    for device in devices:
        for arm, value in zip(
            rng.integers(20, size=50).tolist(), rng.normal(100.0, 1.0, 50).tolist(), strict=True
        ):
            device.update(arm, value)
            one.update(arm, value)
            values[arm].append(value)

    stats = devices[0].merge(*devices[1:], seed=0).stats

    assert stats.t == 50_001
    assert stats.pulls.tolist() == one.stats.pulls.tolist() == [len(own) for own in values]
    np.testing.assert_allclose(stats.mean, one.stats.mean, rtol=1e-12)
    np.testing.assert_allclose(stats.mean, [np.mean(own) for own in values], rtol=1e-14)
    np.testing.assert_allclose(variance_of(stats), variance_of(one.stats), rtol=1e-9)
    np.testing.assert_allclose(variance_of(stats), [np.var(own) for own in values], rtol=1e-11)


def test_a_thousand_regressions_equal_one_that_saw_everything() -> None:
    """Few rounds of each, so that nearly all of what is added up are ridges."""
    devices, one = fleet(MERGING["OFUL"], np.random.default_rng(0), [5] * 1000)

    merged = devices[0].merge(*devices[1:], seed=0)

    assert agree(merged, one, 1e-10)


def predicted(policy: Policy, context: Any) -> recipes.Prediction:
    assert isinstance(policy.recipe, recipes.LinearRecipe)
    return policy.recipe.predict(policy._state, context)


def test_regressions_merge_where_directions_differ_much_in_scale() -> None:
    """One is 10,000 times the other, and they are no axes."""
    devices, one = [bs.OFUL(2, features=2, seed=0) for _ in range(10)], bs.OFUL(2, features=2)
    rng = np.random.default_rng(0)
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    for device in devices:
        for _ in range(30):
            context = turn @ (rng.normal(size=2) * [1e4, 1.0])
            reward = float(context @ [0.3, -0.2])
            for policy in (device, one):
                policy.select(context)
                policy.update(0, reward)

    merged = devices[0].merge(*devices[1:], seed=0)

    for context in (turn @ [1e4, 0.0], turn @ [0.0, 1.0]):
        mine, whole = (predicted(policy, context) for policy in (merged, one))
        np.testing.assert_allclose(mine.mean, whole.mean, rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(mine.width, whole.width, rtol=1e-6)
    np.testing.assert_allclose(
        merged._state.log_volume, one._state.log_volume, rtol=1e-9, atol=1e-9
    )


@given(data=st.data())
@settings(max_examples=50)
def test_a_pooled_mean_lies_among_its_parts_and_equal_ones_stay(data: st.DataObject) -> None:
    """Values up to the largest allowed, so that sums of products would overflow."""
    value = st.floats(-1e300, 1e300)
    parts = data.draw(st.lists(st.tuples(st.integers(0, 10**6), value), min_size=1, max_size=6))
    several = [part(count, mean) for count, mean in parts]

    whole = pooled(several)
    equal = pooled([part(count, 0.1) for count, _ in parts])

    seen = [mean for count, mean in parts if count]
    assert whole.pulls[0] == sum(count for count, _ in parts)
    assert whole.untried == (not seen)
    assert min(seen, default=0.0) <= whole.mean[0] <= max(seen, default=0.0)
    assert equal.mean[0] == (0.1 if seen else 0.0)


def part(count: int, mean: float) -> ArmStats:
    """One arm."""
    stats = ArmStats.empty(None, 1)
    stats.pulls[0], stats.mean[0] = count, mean if count else 0.0
    stats.untried = int(count == 0)
    return stats


# Recipes with more than statistics.


def spending(amounts: Sequence[float], budget: Any = 100.0) -> Policy:
    """A budgeted policy that paid so much."""
    policy = bs.with_budget(bs.UCB1(2), budget, seed=0)
    for amount in amounts:
        policy.update(0, 0.5, amount)
    return policy


def test_what_was_spent_adds_up_to_the_last_bit() -> None:
    """A thousand devices paid 0.1, which is all of 100; without the last it is not."""
    devices = [spending([0.1]) for _ in range(1000)]

    assert devices[0].merge(*devices[1:]).finished
    assert not devices[0].merge(*devices[1:-1]).finished
    assert devices[0].merge(*devices[1:])._state.spent.tolist() == [100.0]


def test_budgets_of_several_resources_merge_by_resource_and_run() -> None:
    batches = []
    for paid in (1.0, 2.5):
        batch = bs.with_budget(bs.UCB1(2, runs=3), [4.0, 50.0], seed=0)
        batch.update(
            [0, 1, 0], np.ones(3), np.full((3, 2), paid), where=np.array([1, 1, 0], bool)
        )
        batches.append(batch)
    merged = batches[0].merge(batches[1])

    assert merged._state.spent.tolist() == [[3.5, 3.5], [3.5, 3.5], [0.0, 0.0]]
    assert merged.finished.tolist() == [False] * 3
    assert merged.merge(batches[0]).finished.tolist() == [True, True, False]


def test_finished_policies_merge_and_what_they_learned_counts() -> None:
    done, other = spending([60.0, 50.0]), spending([1.0])
    assert done.finished

    merged = done.merge(other)

    assert merged.finished
    assert merged.stats.pulls.tolist() == [3.0, 0.0]


def test_arms_that_the_whole_rules_out_are_dropped_and_no_others() -> None:
    """Neither device of 20 pulls is sure; together they are: radius .1 sqrt(ln(8 n^2) / n)."""
    halves = [bs.SuccessiveElimination(2, delta=0.5, span=0.1, seed=0) for _ in range(2)]
    for half in halves:
        for _ in range(20):
            half.update(0, 0.5)
            half.update(1, 0.5 + 0.11)
        assert half._state.alive.tolist() == [True, True]

    merged = halves[0].merge(halves[1])

    assert merged._state.alive.tolist() == [False, True]


def test_an_arm_that_one_device_dropped_may_come_back() -> None:
    lucky, other = (bs.SuccessiveElimination(2, delta=0.5, span=0.1, seed=0) for _ in range(2))
    for _ in range(40):
        for policy, gained in ((lucky, 0.2), (other, 0.8)):
            policy.update(0, 0.5)
            policy.update(1, gained)
    assert lucky._state.alive.tolist() == [True, False]

    assert lucky.merge(other)._state.alive.tolist() == [True, True]


def test_commitments_are_made_anew_from_what_all_have_seen() -> None:
    """One committed to arm 0, one to arm 1; together arm 1 is better."""
    devices = [bs.ExploreThenCommit(2, pulls_each=1, seed=0) for _ in range(2)]
    for device, rewards in zip(devices, [(0.5, 0.4), (0.1, 0.9)], strict=True):
        for arm, reward in enumerate(rewards):
            device.update(arm, reward)
    assert [device.select() for device in devices] == [0, 1]

    assert devices[0].merge(devices[1]).select() == 1


# What is refused.

REFUSED: dict[str, Make] = {
    "discounted": partial(bs.DUCB, 3, discount=0.9),
    "windowed": partial(bs.SWUCB, 3, window=5),
    "restarting": partial(bs.GLRUCB, 3, delta=0.05, exploration=0.1),
    "discounted ratio": partial(bs.UCB1, 3, objective=RATIO, memory=Discounted(0.9)),
    "windowed subsidy": partial(bs.UCB1, 3, objective=bs.Subsidy(0.1), memory=SlidingWindow(9)),
    "restarting, budgeted": lambda **options: bs.with_budget(
        bs.UCB1(3, memory=Restarting(CUSUM(1.0, 0.1, 2)), **options), 9.0, seed=0
    ),
    "shared weights": partial(bs.EXP3S, 3, horizon=100, changes=2),
    "decaying bias": partial(bs.EXP3IX, 3),
    "a baseline by the round": partial(bs.TsallisINF, 3, reduced_variance=True),
    "prices": partial(bs.PrimalDualBwK, 3, budgets=9.0, horizon=100),
}


@pytest.mark.parametrize("make", REFUSED.values(), ids=REFUSED)
def test_what_hangs_on_the_order_of_the_rounds_is_refused(make: Make, tmp_path: Path) -> None:
    devices = [make(seed=number) for number in range(2)]
    for device in devices:
        device.update(1, 0.5, 0.25)
    before = [exactly(device, tmp_path) for device in devices]

    with pytest.raises(ValueError, match=REFUSAL):
        devices[0].merge(devices[1])

    assert [exactly(device, tmp_path) for device in devices] == before


UCB = partial(bs.UCB1, 3, seed=0)
UNLIKE: dict[str, tuple[Policy, Any, str]] = {
    "arms": (UCB(), bs.UCB1(4), "others[0].recipe.arms` must be 3, got 4"),
    "span": (UCB(), UCB(span=2.0), "others[0].recipe.index.span` must be 1.0, got 2.0"),
    "index": (UCB(), bs.MOSS(3, horizon=9), "others[0].recipe.index` must be UCB"),
    "objective": (UCB(), UCB(objective=bs.Net(0.5)), "recipe.objective` must be Reward()"),
    "tradeoff": (
        UCB(objective=bs.Net(0.25)),
        UCB(objective=bs.Net(0.5)),
        "recipe.objective.tradeoff` must be 0.25, got 0.5",
    ),
    "memory": (UCB(), UCB(memory=Discounted(0.9)), "recipe.memory` must be Full(), got Disc"),
    "kind": (UCB(), bs.EXP3(3), "others[0].recipe` must be IndexRecipe"),
    "feedback": (
        UCB(),
        UCB(side_observations=True),
        "recipe.side_observations` must be False, got True",
    ),
    "budget": (spending([]), spending([], 50.0), "recipe.budget` must be 100.0, got 50.0"),
    "runs": (UCB(), UCB(runs=3), "others[0].runs` must be None, got 3"),
    "more runs": (UCB(runs=2), UCB(runs=3), "others[0].runs` must be 2, got 3"),
    "costs": (
        bs.CSTS(2, factor=0.1, costs=[1.0, 2.0]),
        bs.CSTS(2, factor=0.1, costs=[1.0, 3.0]),
        "recipe.costs` must be (1.0, 2.0), got (1.0, 3.0)",
    ),
    "a state": (UCB(), UCB()._state, "others[0]` must be of type Policy"),
    "nothing": (UCB(), None, "others[0]` must be of type Policy"),
    "a list": (UCB(), [UCB()], "others[0]` must be of type Policy"),
}


@pytest.mark.parametrize(("one", "other", "says"), UNLIKE.values(), ids=UNLIKE)
def test_what_is_unlike_is_refused_by_the_field_that_differs(
    one: Policy, other: Any, says: str, tmp_path: Path
) -> None:
    before = exactly(one, tmp_path)

    with pytest.raises((TypeError, ValueError), match=REFUSAL) as refusal:
        one.merge(other)

    assert says in str(refusal.value)
    assert exactly(one, tmp_path) == before


def test_the_one_that_is_unlike_is_named() -> None:
    with pytest.raises(
        ValueError, match=r"^`others\[2\].recipe.index.span` must be 1.0, got 9"
    ):
        UCB().merge(UCB(), UCB(), UCB(span=9.0), UCB())


def test_no_policy_is_counted_twice() -> None:
    one, other = UCB(), UCB()

    with pytest.raises(
        ValueError, match=r"^`others` must hold every policy once, got others\[0\]"
    ):
        one.merge(one)
    with pytest.raises(
        ValueError, match=r"^`others` must hold every policy once, got others\[1\]"
    ):
        one.merge(other, other)


@pytest.mark.parametrize("seed", [-1, "x", 1.5])
def test_a_seed_that_is_none_is_refused(seed: Any) -> None:
    with pytest.raises(TypeError, match=REFUSAL):
        UCB().merge(UCB(), seed=seed)


def test_a_memory_of_ones_own_that_cannot_merge_is_refused() -> None:
    @dataclasses.dataclass(frozen=True)
    class Own:
        empty = staticmethod(bs.memories.Full().empty)
        stats = staticmethod(bs.memories.Full().stats)
        observe = staticmethod(bs.memories.Full().observe)
        advance = staticmethod(bs.memories.Full().advance)

    with pytest.raises(ValueError, match=r"^`memory` must count rounds alike whatever"):
        UCB(memory=Own()).merge(UCB(memory=Own()))


def test_a_regression_of_which_rounding_left_nothing_is_refused() -> None:
    devices = [bs.OFUL(2, features=1, seed=0) for _ in range(2)]
    for device in devices:
        device.select(np.array([1e90]))
        device.update(0, 1.0)

    with pytest.raises(ValueError, match=r"^`recipe` must be able to merge.*rounding"):
        devices[0].merge(devices[1])


# The controls.


def broken(combine: Callable[[Sequence[ArmStats]], ArmStats]) -> bool:
    """Whether the comparison with one that saw everything catches a wrong way to pool."""
    devices, one = fleet(MERGING["UCBV"], np.random.default_rng(0), [15, 4, 9])
    assert agree(devices[0].merge(*devices[1:]), one)
    merged = devices[0].merge(*devices[1:])
    merged._state = combine([device._state for device in devices])
    merged._state.t = one.round
    return not agree(merged, one)


def unweighted(several: Sequence[ArmStats]) -> ArmStats:
    whole = pooled(several)
    whole.mean[...] = np.mean([stats.mean for stats in several], 0)
    return whole


def within_alone(several: Sequence[ArmStats]) -> ArmStats:
    """A variance that forgets how far the means of the parts lie apart."""
    whole = pooled(several)
    assert whole.variance is not None
    spread = np.sum([s.pulls * np.asarray(s.variance) for s in several], 0)
    whole.variance[...] = spread / np.maximum(whole.pulls, 1.0)
    return whole


def latest(several: Sequence[ArmStats]) -> ArmStats:
    return copy.deepcopy(several[-1])


def twice(several: Sequence[ArmStats]) -> ArmStats:
    return pooled([*several, several[0]])


@pytest.mark.parametrize("combine", [unweighted, within_alone, latest, twice])
def test_a_wrong_merge_is_caught(combine: Callable[[Sequence[ArmStats]], ArmStats]) -> None:
    assert not broken(pooled)
    assert broken(combine)


def test_regressions_whose_ridges_are_not_taken_away_are_caught() -> None:
    devices, one = fleet(MERGING["OFUL"], np.random.default_rng(0), [15, 4, 9])
    merged = devices[0].merge(*devices[1:])
    assert agree(merged, one)
    roots = [np.linalg.inv(d._state.root) for d in devices]
    whole = sum(r @ np.swapaxes(r, -1, -2) for r in roots)
    merged._state.root = np.linalg.cholesky(np.linalg.inv(whole)).swapaxes(-1, -2)

    assert not agree(merged, one)


def test_every_pair_of_the_kinds_above_is_told_apart() -> None:
    """Whatever two of them are, they do not merge: no two recipes are alike."""
    policies = [make(seed=0) for make in MERGING.values()]

    for one, other in itertools.combinations(policies, 2):
        with pytest.raises(ValueError, match=r"^`others\[0\]\.recipe"):
            one.merge(other)
