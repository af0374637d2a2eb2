"""Laws that every policy obeys. A new named algorithm joins `POLICIES` and inherits all."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps
from scipy import stats as laws

import banditsplit
from banditsplit import (
    UCB1,
    ArmStats,
    EpsilonGreedy,
    FixedArm,
    IndexRecipe,
    Net,
    Policy,
    SplitEE,
    SplitEES,
    ThompsonSampling,
    UniformRandom,
    algorithms,
    compose,
)
from banditsplit._argmax import argmax
from banditsplit._typing import Float, Int
from banditsplit.indices import Index
from banditsplit.indices._index import score


@dataclass(frozen=True)
class Named:
    """A named algorithm, ready to be made, and what it claims."""

    name: str
    make: Callable[..., Policy]  # arms, then runs, seed ...
    any_arm: bool = True  # no arm is special because of its number, and each gets its chance
    any_objective: bool = True  # the objective may be chosen
    any_value: bool = True  # values may leave [0, 1]
    learns: bool = True  # what it saw changes what it does


def named(function: Callable[..., Policy], /, *claims: str, **arguments: Any) -> Named:
    """One entry of the list; ``claims`` are those that it does not make."""
    told = ", ".join(f"{key}={value}" for key, value in arguments.items())
    return Named(
        f"{function.__name__}({told})",
        lambda arms, **options: function(arms, **arguments, **options),
        **dict.fromkeys(claims, False),
    )


POLICIES = [
    named(UCB1),
    named(UCB1, span=2.5),
    named(SplitEE, "any_objective", tradeoff=0.1),
    named(SplitEES, "any_objective", tradeoff=0.1, beta=0.5),
    named(ThompsonSampling, "any_value"),
    named(ThompsonSampling, std=0.5),
    named(EpsilonGreedy),
    named(EpsilonGreedy, epsilon=5.0, decay=True),
    named(UniformRandom, "learns"),
    named(FixedArm, "any_arm", "learns", arm=1),
]


def every(law: Callable[[Named], bool] = lambda _: True) -> pytest.MarkDecorator:
    """Parametrize over the policies that claim ``law``."""
    subjects = [policy for policy in POLICIES if law(policy)]
    return pytest.mark.parametrize("named", subjects, ids=lambda n: n.name)


def test_every_named_algorithm_is_in_the_list() -> None:
    listed = {policy.name.partition("(")[0] for policy in POLICIES}

    assert listed == set(algorithms.__all__)
    assert listed <= set(banditsplit.__all__)


class World:
    """Rewards, costs and side observations of 3 arms, the same for everyone with its seed."""

    def __init__(self, runs: int | None, seed: int = 0) -> None:
        self.shape = (3,) if runs is None else (runs, 3)
        self.rng = np.random.default_rng(seed)
        self.noise = np.random.default_rng(99)

    def round(self, policy: Policy, *, hidden: float = 0.0, paid: float = 1.0) -> Any:
        """Let ``policy`` play a round and return its arm.

        ``hidden`` stands where nothing was revealed; ``paid`` scales the costs.
        """
        reward = (self.rng.random(self.shape) < [0.3, 0.5, 0.7]) * 1.0
        cost = self.rng.random(self.shape) * paid
        revealed = self.rng.random(self.shape) < 0.5
        arm = policy.select()
        cells = np.expand_dims(np.asarray(arm), -1)
        np.put_along_axis(revealed, cells, values=False, axis=-1)
        side = {
            "revealed": revealed,
            "reward": np.where(revealed, reward, hidden),
            "cost": np.where(revealed, cost, hidden),
            "kind": "observed",
        }
        gained, spent = (np.take_along_axis(x, cells, -1)[..., 0] for x in (reward, cost))
        policy.update(arm, gained if policy.runs else float(gained), spent, side)
        return arm if policy.runs is None else arm.tolist()


def decisions(policy: Policy, rounds: int, world: World | None = None, **how: Any) -> list[Any]:
    """The arms of ``rounds`` rounds."""
    world = World(policy.runs) if world is None else world
    return [world.round(policy, **how) for _ in range(rounds)]


both_doors = pytest.mark.parametrize("runs", [None, 3])


@every()
@both_doors
def test_the_same_seed_makes_the_same_decisions(named: Named, runs: int | None) -> None:
    first, second = (decisions(named.make(3, runs=runs, seed=5), 100) for _ in range(2))

    assert first == second


@every(lambda n: n.any_arm)
def test_another_seed_makes_other_decisions(named: Named) -> None:
    """The control of the law above."""
    one, other = (decisions(named.make(3, runs=3, seed=s), 100) for s in (5, 6))

    assert one != other


@every()
@both_doors
def test_decisions_go_on_bit_for_bit_after_save_and_load_and_deepcopy(
    named: Named, runs: int | None, tmp_path: Path
) -> None:
    policy, world = named.make(3, runs=runs, seed=5), World(runs)
    decisions(policy, 50, world)
    policy.save(tmp_path / "policy.json")
    loaded, copied = banditsplit.load(tmp_path / "policy.json"), copy.deepcopy(policy)

    futures = [decisions(p, 400, copy.deepcopy(world)) for p in (policy, loaded, copied)]

    assert futures[0] == futures[1] == futures[2]
    for other in (loaded, copied):
        assert other.stats.mean.tobytes() == policy.stats.mean.tobytes()
        assert other.recipe == policy.recipe


class Still:
    """A generator that does not move: a draw is a function of its law alone."""

    def beta(self, a: Float, b: Float) -> Float:
        return a / (a + b)

    def normal(self, loc: Float, scale: Float) -> Float:
        return loc + scale

    def random(self, shape: tuple[int, ...] | None = None) -> Float:
        return np.full(() if shape is None else shape, 0.5)


def index_of(named: Named, arms: int) -> Index:
    """The index that the policy takes the best of."""
    recipe = named.make(arms).recipe
    assert isinstance(recipe, IndexRecipe)
    return recipe.index


def still_score(named: Named, stats: ArmStats) -> Float:
    """The scores without chance, `[runs, arms]`."""
    index = index_of(named, max(2, stats.mean.shape[-1]))
    scores: Float = score(index, stats, cast("np.random.Generator", Still()))
    return scores


@st.composite
def arm_stats(draw: st.DrawFn) -> ArmStats:
    """Any reachable memory: 1-4 runs of 2-8 arms, some never pulled."""
    shape = draw(st.tuples(st.integers(1, 4), st.integers(2, 8)))
    pulls = draw(nps.arrays(float, shape, elements=st.integers(0, 50)))
    mean = draw(nps.arrays(float, shape, elements=st.floats(0, 1))) * (pulls > 0)
    t = pulls.sum(axis=1, keepdims=True).astype(np.int64) + 1
    return ArmStats(t=t, pulls=pulls, mean=mean, untried=int((pulls == 0).sum()))


@every(lambda n: n.any_arm)
@given(stats=arm_stats(), data=st.data())
def test_renaming_the_arms_renames_the_scores(
    named: Named, stats: ArmStats, data: st.DataObject
) -> None:
    """No arm is special because of its number."""
    order = data.draw(st.permutations(range(stats.mean.shape[1])))
    renamed = replace(stats, pulls=stats.pulls[:, order], mean=stats.mean[:, order])

    np.testing.assert_array_equal(
        still_score(named, renamed), still_score(named, stats)[:, order]
    )


@every()
@given(stats=arm_stats())
def test_a_batch_is_its_runs_side_by_side(named: Named, stats: ArmStats) -> None:
    """Row b of the batch is run b alone, through either door: no run sees another."""
    together = still_score(named, stats)
    for b, (t, pulls, mean) in enumerate(zip(stats.t, stats.pulls, stats.mean, strict=True)):
        untried = int((pulls == 0).sum())
        row = ArmStats(t=t[None], pulls=pulls[None], mean=mean[None], untried=untried)
        alone = ArmStats(t=int(t[0]), pulls=pulls, mean=mean, untried=untried)

        np.testing.assert_array_equal(still_score(named, row)[0], together[b])
        np.testing.assert_array_equal(still_score(named, alone), together[b])


@every()
@both_doors
def test_a_score_changes_nothing_that_it_looks_at(named: Named, runs: int | None) -> None:
    policy = named.make(3, runs=runs, seed=0)
    decisions(policy, 5)
    before = policy.stats
    policy.select()

    assert policy.stats.mean.tobytes() == before.mean.tobytes()
    assert policy.stats.pulls.tobytes() == before.pulls.tobytes()


def evenly(arms: Int, among: tuple[int, ...]) -> bool:
    """Whether the ``among`` occur equally often, and nothing else: chi-square at 1e-6."""
    counts = np.bincount(arms, minlength=max(among) + 1)
    chosen = counts[list(among)]
    return bool(chosen.sum() == len(arms) and laws.chisquare(chosen).pvalue > 1e-6)


@every(lambda n: n.any_arm)
def test_ties_are_broken_evenly(named: Named) -> None:
    """Of 6,000 runs that know nothing, each arm gets a fourth; fails with probability 1e-6."""
    assert evenly(named.make(4, runs=6000, seed=3).select(), among=(0, 1, 2, 3))


@every(lambda n: n.any_arm)
def test_ties_of_tried_arms_are_broken_evenly(named: Named) -> None:
    """Arms 1 and 3 gave the same, arms 0 and 2 may not be played; 1e-6 again."""
    policy = named.make(4, runs=6000, seed=3)
    for arm in (1, 3):
        policy.update(np.full(6000, arm), np.full(6000, 0.5))

    assert evenly(policy.select(available=[False, True, False, True]), among=(1, 3))


def test_one_run_breaks_its_ties_evenly_too() -> None:
    """In 6,000 decisions; 1e-6."""
    policy = UCB1(4, seed=3)

    assert evenly(np.array([policy.select() for _ in range(6000)]), among=(0, 1, 2, 3))


def test_a_first_come_argmax_and_a_slightly_loaded_one_are_noticed() -> None:
    """The controls."""
    loaded = np.random.default_rng(0).choice(4, 6000, p=[0.31, 0.23, 0.23, 0.23])

    assert not evenly(np.zeros((6000, 4)).argmax(1), among=(0, 1, 2, 3))
    assert not evenly(loaded, among=(0, 1, 2, 3))


def test_without_a_tie_the_generator_is_not_touched() -> None:
    rng, untouched = np.random.default_rng(0), np.random.default_rng(0)

    assert argmax(np.array([0.1, 0.3, 0.2]), rng) == 1
    assert argmax(np.array([[0.1, 0.3], [0.3, 0.2]]), rng).tolist() == [1, 0]
    assert rng.bit_generator.state == untouched.bit_generator.state


@every(lambda n: n.any_arm)
def test_every_arm_gets_its_chance(named: Named) -> None:
    """Whatever the first arms gave: within 300 rounds, in each of 50 runs.

    Uniform play misses an arm with probability 4 * .75**300 a run, below 1e-34.
    """
    policy = named.make(4, runs=50, seed=2)
    for _ in range(300):
        policy.update(policy.select(), np.full(50, 0.5))

    assert (policy.stats.pulls > 0).all()


def test_a_policy_that_never_tries_is_noticed() -> None:
    """The control: a fixed arm does not pass, which is why the law is not claimed for it."""
    policy = FixedArm(4, 1, runs=50, seed=2)
    for _ in range(300):
        policy.update(policy.select(), np.full(50, 0.5))

    assert not (policy.stats.pulls > 0).all()


@every()
def test_a_masked_arm_is_never_chosen(named: Named) -> None:
    """Not even by a policy that wants no other."""
    policy = named.make(4, runs=50, seed=2)
    rng = np.random.default_rng(0)
    for _ in range(100):
        mask = rng.random((50, 4)) < 0.4
        mask[np.arange(50), rng.integers(4, size=50)] = True
        arm = policy.select(available=mask)

        assert mask[np.arange(50), arm].all()
        policy.update(arm, rng.random(50))


@every()
@both_doors
def test_what_was_not_revealed_does_not_count(named: Named, runs: int | None) -> None:
    """Not even where it says nan."""
    clean, dirty = (named.make(3, runs=runs, seed=5) for _ in range(2))

    assert decisions(clean, 200) == decisions(dirty, 200, hidden=float("nan"))
    assert clean.stats.mean.tobytes() == dirty.stats.mean.tobytes()
    assert clean.stats.pulls.tobytes() == dirty.stats.pulls.tobytes()


def test_split_ee_does_not_look_at_side_observations() -> None:
    """One observation a round, of the pulled arm; SplitEES has seen more."""
    plain, more = SplitEE(3, tradeoff=0.1, seed=5), SplitEES(3, tradeoff=0.1, seed=5)
    decisions(plain, 100)
    decisions(more, 100)

    assert plain.stats.pulls.sum() == 100
    assert more.stats.pulls.sum() > 150
    assert plain.round == more.round == 101


def test_with_every_arm_revealed_split_ees_knows_as_much_as_full_information() -> None:
    rng = np.random.default_rng(0)
    rewards, costs = rng.random((60, 4)), rng.random((60, 4))
    policy = SplitEES(4, tradeoff=0.5, seed=0)
    for reward, cost in zip(rewards, costs, strict=True):
        arm = policy.select()
        others = np.arange(4) != arm
        side = {"revealed": others, "reward": reward, "cost": cost, "kind": "observed"}
        policy.update(arm, reward[arm], cost[arm], side)

    assert policy.stats.pulls.tolist() == [60.0] * 4
    np.testing.assert_allclose(policy.stats.mean, (rewards - 0.5 * costs).mean(0), rtol=1e-12)


@every(lambda n: n.any_objective)
@both_doors
def test_a_cost_that_weighs_nothing_changes_nothing(named: Named, runs: int | None) -> None:
    """``Net(0)`` is ``Reward()``."""
    plain = named.make(3, runs=runs, seed=5)
    net = named.make(3, runs=runs, seed=5, objective=Net(0.0))

    assert decisions(plain, 200) == decisions(net, 200)
    assert plain.stats.mean.tobytes() == net.stats.mean.tobytes()


@every(lambda n: n.any_objective)
def test_a_cost_changes_nothing_under_reward(named: Named) -> None:
    cheap, dear = (named.make(3, runs=3, seed=5) for _ in range(2))

    assert decisions(cheap, 200, paid=0.0) == decisions(dear, 200, paid=9.0)


@every(lambda n: n.any_value)
def test_a_cost_counts_under_net(named: Named) -> None:
    """Two pulls of arm 0 that cost 1 and 3 at tradeoff .25 lower its mean by .5."""
    free = {} if not named.any_objective else {"objective": Net(0.25)}
    tradeoff = 0.25 if named.any_objective else 0.1
    policy = named.make(3, seed=5, **free)
    policy.update(0, 1.0, 1.0)
    policy.update(0, 1.0, 3.0)

    assert policy.stats.mean[0] == pytest.approx(1 - 2 * tradeoff)


@every(lambda n: n.any_objective and n.any_value and n.learns)
def test_every_algorithm_becomes_cost_aware_by_its_objective(named: Named) -> None:
    """Of two arms of equal reward it prefers the cheap one, and only under `Net`."""
    share = []
    for options in ({}, {"objective": Net(0.5)}):
        policy = named.make(2, runs=100, seed=1, **options)
        for _ in range(400):
            arm = policy.select()
            policy.update(arm, np.full(100, 0.5), arm * 1.0)
        share.append(policy.stats.pulls[:, 0].sum() / policy.stats.pulls.sum())

    assert share[1] > 0.75
    assert abs(share[0] - 0.5) < 0.2


def test_a_composed_policy_is_its_named_one() -> None:
    """A name is a short constructor and nothing else."""
    composed = compose(3, index_of(POLICIES[2], 3), objective=Net(0.1), seed=5)

    assert decisions(composed, 200) == decisions(SplitEE(3, tradeoff=0.1, seed=5), 200)
