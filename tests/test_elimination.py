"""Policies that explore first: commitment and elimination, with what masks do to them."""

import copy
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats as laws

from banditsplit import (
    BernoulliProblem,
    ExploreThenCommit,
    GaussianProblem,
    Net,
    Policy,
    SuccessiveElimination,
    load,
    simulate,
)
from banditsplit.recipes import CommitRecipe, EliminationRecipe
from banditsplit.theory import explore_then_commit_regret_bound

REFUSAL = r"(?s)^`[^`]+` must .*, got .*"
NAN = float("nan")
Make = Callable[..., Policy]
POLICIES: dict[str, Make] = {
    "commit": partial(ExploreThenCommit, pulls_each=20),
    "eliminate": partial(SuccessiveElimination, delta=0.1),
}
every = pytest.mark.parametrize("make", POLICIES.values(), ids=POLICIES)
both_doors = pytest.mark.parametrize("runs", [None, 3])


def played(policy: Policy, rounds: int, seed: int = 0, means: Any = (0.1, 0.9, 0.5)) -> Any:
    """The arms of some rounds against Bernoulli arms."""
    rng, arms = np.random.default_rng(seed), []
    for _ in range(rounds):
        arm = policy.select()
        arms.append(np.asarray(arm).tolist())
        policy.update(arm, (rng.random(policy.runs) < np.asarray(means)[arm]) * 1.0)
    return arms


def evenly(counts: Any) -> bool:
    """Whether the counts could be of equally likely arms: chi-square at 1e-6."""
    return bool(laws.chisquare(counts).pvalue > 1e-6)


# Commitment.


@both_doors
def test_every_arm_is_explored_equally_and_then_the_best_is_kept(runs: int | None) -> None:
    policy = ExploreThenCommit(3, pulls_each=7, runs=runs, seed=0)
    arms = np.array(played(policy, 60, means=(0.0, 1.0, 0.0))).reshape(60, -1)
    for run in arms.T:
        assert np.bincount(run[:21]).tolist() == [7, 7, 7]
        for turn in range(7):
            assert sorted(run[3 * turn : 3 * turn + 3]) == [0, 1, 2]
        assert set(run[21:]) == {1}


def test_a_commitment_is_for_good() -> None:
    """After it, arm 0 gives nothing and arm 1, played elsewhere, everything: counted only."""
    policy = ExploreThenCommit(2, pulls_each=1, seed=0)
    policy.update(0, 1.0)
    policy.update(1, 0.0)
    assert policy.select() == 0
    for _ in range(50):
        policy.update(0, 0.0)
        policy.update(1, 1.0)

        assert policy.select() == 0
    assert policy.stats.mean[1] > 0.9
    assert not policy.finished


def test_commitments_to_equal_arms_are_even_and_kept() -> None:
    """6,000 runs whose arms 1 and 3 are best alike; 1e-6."""
    policy = ExploreThenCommit(4, pulls_each=1, runs=6000, seed=3)
    for arm in range(4):
        policy.update(np.full(6000, arm), np.full(6000, float(arm % 2)))
    first = policy.select()

    assert set(first) == {1, 3}
    assert evenly(np.bincount(first)[[1, 3]])
    for _ in range(3):
        policy.update(first, np.zeros(6000))

        assert policy.select().tolist() == first.tolist()


def test_a_masked_commitment_is_stood_in_for_by_the_best_available_mean() -> None:
    policy = ExploreThenCommit(3, pulls_each=1, seed=0)
    for arm, reward in enumerate([0.2, 1.0, 0.5]):
        policy.update(arm, reward)

    assert policy.select() == 1
    assert policy.select(available=[True, False, True]) == 2
    assert policy.select(available=[True, False, False]) == 0
    assert policy.select() == 1


def test_a_mask_at_the_moment_of_commitment_does_not_bend_it() -> None:
    policy = ExploreThenCommit(3, pulls_each=1, seed=0)
    for arm, reward in enumerate([0.2, 1.0, 0.5]):
        policy.update(arm, reward)

    assert policy.select(available=[True, False, True]) == 2
    assert policy.select() == 1


def test_exploration_waits_for_arms_that_are_masked() -> None:
    """Arms 0 and 1 are explored, arm 2 is not available: the better of the two is played."""
    policy = ExploreThenCommit(3, pulls_each=2, seed=0)
    for arm, reward in ((0, 0.25), (1, 0.5), (0, 0.25), (1, 0.5)):
        policy.update(arm, reward)
    for _ in range(5):
        assert policy.select(available=[True, True, False]) == 1
        policy.update(1, 0.5)
    for reward in (1.0, 1.0):
        assert policy.select() == 2
        policy.update(2, reward)

    assert policy.select() == 2


def test_side_observations_shorten_exploration() -> None:
    """Every arm is seen in every round: two rounds are enough."""
    policy = ExploreThenCommit(3, pulls_each=2, side_observations=True, seed=0)
    rewards = np.array([0.1, 0.2, 0.9])
    for _ in range(2):
        arm = policy.select()
        side = {
            "revealed": np.arange(3) != arm,
            "reward": rewards,
            "cost": np.zeros(3),
            "kind": "observed",
        }
        policy.update(arm, rewards[arm], 0.0, side)

    assert policy.stats.pulls.tolist() == [2.0, 2.0, 2.0]
    assert policy.select() == 2
    assert policy.round == 3


def test_explore_then_commit_keeps_its_bound_and_a_hasty_one_breaks_it() -> None:
    """400 runs, so that 5 standard errors are far below the distance."""
    problem = BernoulliProblem(np.array([0.3, 0.7]))
    templates = {
        "40": ExploreThenCommit(2, pulls_each=40),
        "1": ExploreThenCommit(2, pulls_each=1),
    }
    history = simulate(templates, problem, horizon=2000, runs=400, seed=0, checkpoints=1)
    regret = {name: float(track.pseudo_regret[:, -1].mean()) for name, track in history.items()}
    bound = explore_then_commit_regret_bound(problem, 2000, pulls_each=40)

    assert regret["40"] < bound
    assert regret["1"] > bound  # the control
    assert regret["1"] < explore_then_commit_regret_bound(problem, 2000, pulls_each=1)


def test_the_bound_by_hand() -> None:
    """Gaps 0 and .5, ten pulls, 100 rounds: 10 * .5 + 80 * .5 * exp(-10 / 4)."""
    problem = BernoulliProblem(np.array([0.25, 0.75]))
    bound = explore_then_commit_regret_bound(problem, 100, pulls_each=10)

    assert bound == pytest.approx(5 + 40 * math.exp(-2.5))
    wide = explore_then_commit_regret_bound(problem, 100, pulls_each=10, span=2.0)
    assert wide == pytest.approx(5 + 40 * math.exp(-0.625))


def test_regret_of_explore_then_commit_is_that_of_its_law() -> None:
    """Arms of .5 and 0, one pull each: it commits wrongly with probability 1/4 (a tie, halved).

    So 100 rounds cost .5 + 98 * .5 / 4 on average; 4,000 runs, 5 standard errors: 6e-7.
    """
    problem = BernoulliProblem(np.array([0.5, 0.0]))
    policy = ExploreThenCommit(2, pulls_each=1)
    track = simulate({"it": policy}, problem, horizon=100, runs=4000, seed=1)["it"]
    regret = track.pseudo_regret[:, -1]

    assert abs(regret.mean() - 12.75) < 5 * regret.std() / math.sqrt(4000)


# Elimination.


def test_the_radius_is_its_formula() -> None:
    recipe = EliminationRecipe(3, 0.1, span=2.0)
    radius = recipe.radius(np.array([0.0, 1.0, 9.0]))

    assert radius[0] == math.inf
    assert radius[1] == pytest.approx(2 * math.sqrt(math.log(120)))
    assert radius[2] == pytest.approx(2 * math.sqrt(math.log(120 * 81) / 9))


def literal(rewards: np.ndarray[Any, np.dtype[np.float64]], delta: float) -> list[list[int]]:
    """The arms alive after each full turn, by the paper's loop: two radii apart, and out."""
    turns, arms = rewards.shape
    alive, total, kept = list(range(arms)), [0.0] * arms, []
    for n in range(1, turns + 1):
        for arm in alive:
            total[arm] += rewards[n - 1, arm]
        radius = math.sqrt(math.log(4 * arms * n**2 / delta) / n)
        best = max(total[arm] / n for arm in alive)
        alive = [arm for arm in alive if best - total[arm] / n < 2 * radius]
        kept.append(alive)
    return kept


def test_elimination_is_the_papers_loop() -> None:
    """Every arm gives the same every time, so that the order within a turn does not matter."""
    rewards = np.tile([0.1, 0.9, 0.5, 0.85], (600, 1))
    kept = literal(rewards, 0.1)
    policy = SuccessiveElimination(4, delta=0.1, seed=0)
    for alive in kept:
        for _ in range(int(policy._state.alive.sum())):
            arm = policy.select()
            policy.update(arm, rewards[0, arm])
            if policy._state.alive.sum() == 1:
                break

        assert np.flatnonzero(policy._state.alive).tolist() == alive
    assert kept[-1] == [1, 3]  # .05 apart: not told apart yet, and arms 0 and 2 are out
    assert len(kept[0]) == 4


def test_the_best_arm_survives_as_often_as_delta_says() -> None:
    """2,000 runs at delta = .2: drops are rarer than that by far, or five errors say so."""
    policy = SuccessiveElimination(3, delta=0.2, runs=2000, seed=0)
    played(policy, 1500, means=(0.2, 0.8, 0.5))
    alive = policy._state.alive

    assert (~alive[:, 1]).mean() < 0.2
    assert (~alive[:, 0]).mean() > 0.99  # and the worst one is out


def test_a_radius_that_is_too_small_drops_the_best_arm_too_often() -> None:
    """The control: a span of a twentieth."""
    policy = SuccessiveElimination(3, delta=0.2, span=0.05, runs=2000, seed=0)
    played(policy, 300, means=(0.2, 0.8, 0.5))

    assert (~policy._state.alive[:, 1]).mean() > 0.2


@pytest.mark.parametrize("values", [(0.0, 1.0, 2.0), (1e20, 1e20, 1e20), (-1e200, 0.0, 1e200)])
def test_the_last_arm_is_never_dropped(values: tuple[float, ...]) -> None:
    """Not even where a radius vanishes beside the mean, or everything comes at once."""
    policy = SuccessiveElimination(3, delta=1.0, span=1e-6, runs=40, seed=0)
    for _ in range(30):
        arm = policy.select()
        policy.update(arm, np.array(values)[arm])

        assert policy._state.alive.any(-1).all()
    assert not policy.finished.any()


def test_a_dropped_arm_does_not_return() -> None:
    """Arm 0 is out; later it gives 1 wherever it is played elsewhere."""
    policy = SuccessiveElimination(2, delta=0.1, span=0.1, seed=0)
    for _ in range(20):
        policy.update(0, 0.0)
        policy.update(1, 0.5)
    assert policy._state.alive.tolist() == [False, True]
    for _ in range(300):
        policy.update(0, 1.0)

    assert policy.select() == 1
    assert policy.select(available=[True, False]) == 0
    assert policy._state.alive.tolist() == [False, True]


def test_alive_arms_take_turns_and_ties_are_even() -> None:
    """6,000 runs; 1e-6."""
    policy = SuccessiveElimination(4, delta=0.1, runs=6000, seed=1)
    first = policy.select()
    policy.update(first, np.zeros(6000))
    second = policy.select()

    assert evenly(np.bincount(first))
    assert (first != second).all()


def test_a_horizon_is_a_delta() -> None:
    assert (
        SuccessiveElimination(3, horizon=1000).recipe
        == SuccessiveElimination(3, delta=0.001).recipe
    )


# Both.


@every
@both_doors
def test_a_policy_saved_midway_goes_on_bit_for_bit(
    make: Make, runs: int | None, tmp_path: Path
) -> None:
    """Before and after it has made up its mind."""
    policy = make(3, runs=runs, seed=4)
    for rounds in (30, 400):
        played(policy, rounds)
        policy.save(tmp_path / "policy.json")
        back = load(tmp_path / "policy.json")
        assert back.recipe == policy.recipe
        twin = copy.deepcopy(policy)

        assert played(back, 200, seed=9) == played(twin, 200, seed=9)
        assert back.stats.mean.tobytes() == twin.stats.mean.tobytes()


@every
def test_masked_arms_are_never_chosen(make: Make) -> None:
    policy = make(4, runs=50, seed=2)
    rng = np.random.default_rng(0)
    for _ in range(300):
        mask = rng.random((50, 4)) < 0.4
        mask[np.arange(50), rng.integers(4, size=50)] = True
        arm = policy.select(available=mask)

        assert mask[np.arange(50), arm].all()
        policy.update(arm, (rng.random(50) < arm / 4) * 1.0)


@every
def test_it_does_not_draw(make: Make) -> None:
    policy = make(3, seed=0)

    assert policy.probabilities() is None
    assert policy.decide().propensity is None


@every
def test_a_cost_counts_under_net(make: Make) -> None:
    """Arm 1 gives more and costs more still."""
    policy = make(2, objective=Net(0.5), runs=20, seed=0)
    for _ in range(1500):
        arm = policy.select()
        policy.update(arm, 0.2 + 0.2 * arm, 2.0 * arm)

    assert (policy.select() == 0).all()
    np.testing.assert_allclose(policy.stats.mean, np.tile([0.2, -0.6], (20, 1)), rtol=1e-9)


@every
def test_runs_without_feedback_stay_as_they_are(make: Make) -> None:
    policy = make(3, runs=3, seed=0)
    played(policy, 10)
    before = policy.stats
    policy.update(policy.select(), [0.0, NAN, 0.5], where=[True, False, True])

    assert policy.stats.pulls[1].tolist() == before.pulls[1].tolist()
    assert policy.round.ravel().tolist() == [12, 11, 12]


def each(
    make: Callable[..., object], name: str, *values: Any
) -> dict[str, Callable[[], object]]:
    """A call of ``make`` for each bad value of an argument."""
    return {f"{name}={bad!r}": partial(make, 3, **{name: bad}) for bad in values}


BAD: dict[str, Callable[[], object]] = {
    **each(ExploreThenCommit, "pulls_each", 0, 1.5, "3"),
    **each(SuccessiveElimination, "delta", 0.0, 1.5, -1.0, NAN, "1"),
    **each(partial(CommitRecipe, pulls_each=1), "objective", 5),
    **each(partial(CommitRecipe, pulls_each=1), "side_observations", 1),
    "no arms to commit to": partial(ExploreThenCommit, 0, pulls_each=1),
    "neither": partial(SuccessiveElimination, 3),
    "both": partial(SuccessiveElimination, 3, delta=0.1, horizon=9),
    "horizon": partial(SuccessiveElimination, 3, horizon=0),
    "span": partial(SuccessiveElimination, 3, delta=0.1, span=0.0),
    "no arms to eliminate": partial(SuccessiveElimination, 0, delta=0.1),
    "a horizon before the commitment": partial(
        explore_then_commit_regret_bound, BernoulliProblem(np.ones(2)), 9, pulls_each=5
    ),
    "a span that is too small": partial(
        explore_then_commit_regret_bound,
        BernoulliProblem(np.ones(2)),
        9,
        pulls_each=1,
        span=0.5,
    ),
    "no span": partial(
        explore_then_commit_regret_bound, GaussianProblem(np.ones(2)), 9, pulls_each=1
    ),
}


@pytest.mark.parametrize("call", BAD.values(), ids=BAD)
def test_it_refuses(call: Callable[[], object]) -> None:
    with pytest.raises((ValueError, TypeError), match=REFUSAL):
        call()


@every
def test_an_enormous_reward_is_refused_and_changes_nothing(make: Make) -> None:
    policy = make(3, seed=0)
    played(policy, 10)
    before = policy.stats
    with pytest.raises(ValueError, match=REFUSAL):
        policy.update(0, 1e301)

    assert policy.stats.mean.tobytes() == before.mean.tobytes()
    assert policy.round == 11
