"""Bandits with knapsacks: PrimalDualBwK against a literal loop, and against the optimum."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import linprog

import banditsplit
from banditsplit import (
    UCB1,
    CostlyProblem,
    KnapsackRecipe,
    Policy,
    PrimalDualBwK,
    ThompsonSampling,
    simulate,
    with_budget,
)


class Literal:
    """The algorithm as it is printed, one arm and one resource after the other."""

    def __init__(
        self, arms: int, budgets: list[float], horizon: int, radius: float | None
    ) -> None:
        self.every = [*budgets, float(horizon)]  # time is a resource
        self.smallest = min(self.every)
        d = len(self.every)
        self.radius = math.log(d * horizon * arms) if radius is None else radius
        self.epsilon = math.sqrt(math.log(d) / self.smallest)
        self.pulls = [0] * arms
        self.reward = [0.0] * arms
        self.cost = [[0.0] * d for _ in range(arms)]
        self.v = [1.0] * d

    def rad(self, mean: float, n: int) -> float:
        return math.sqrt(self.radius * mean / n) + self.radius / n

    def upper(self, arm: int) -> float:
        mean = self.reward[arm] / self.pulls[arm]
        return min(1.0, mean + self.rad(mean, self.pulls[arm]))

    def lower(self, arm: int, i: int) -> float:
        scale = self.smallest / self.every[i]
        if i == len(self.every) - 1:
            return scale  # time is known
        mean = scale * self.cost[arm][i] / self.pulls[arm]
        return max(0.0, mean - self.rad(mean, self.pulls[arm]))

    def ratios(self) -> list[float]:
        return [
            self.upper(arm) / sum(self.lower(arm, i) * v for i, v in enumerate(self.v))
            for arm in range(len(self.pulls))
        ]

    def learn(self, arm: int, reward: float, cost: list[float]) -> None:
        if self.pulls[arm]:
            for i in range(len(self.v)):
                self.v[i] *= (1 + self.epsilon) ** self.lower(arm, i)
        self.pulls[arm] += 1
        self.reward[arm] += reward
        for i, paid in enumerate(cost):
            self.cost[arm][i] += paid


@pytest.mark.parametrize("radius", [None, 0.125])
def test_it_is_the_printed_algorithm(radius: float | None) -> None:
    """The best ratio, and with it the arm, in every round of a run; ties are too rare."""
    rng, horizon, budgets = np.random.default_rng(0), 400, [150.0, 90.0]
    means = np.array([[0.9, 0.8, 0.2], [0.5, 0.1, 0.6], [0.3, 0.1, 0.1]])
    policy = PrimalDualBwK(3, budgets=budgets, horizon=horizon, radius=radius, seed=1)
    literal, compared = Literal(3, budgets, horizon, radius), 0
    while not policy.finished:
        arm = policy.select()
        if min(literal.pulls) > 0:
            ratios = literal.ratios()
            assert ratios[arm] == pytest.approx(max(ratios), rel=1e-9)
            compared += 1
        else:
            assert literal.pulls[arm] == 0
        reward, *cost = (rng.random(3) < means[arm]) * 1.0
        policy.update(arm, reward, cost)
        literal.learn(arm, reward, [float(c) for c in cost])
        play = policy._state.play
        weights = np.exp(play.price - play.price[-1]) * literal.v[-1]
        np.testing.assert_allclose(weights, literal.v, rtol=1e-9)

    assert compared > 100
    assert sorted(literal.pulls)[1] > 50  # two arms share the rounds


def test_its_numbers_by_hand() -> None:
    """Budgets 4 and 8 in 16 rounds: B = 4, scales 1, 1/2, 1/4, epsilon = sqrt(ln 3 / 4)."""
    recipe = KnapsackRecipe(2, (4.0, 8.0), 16)

    assert recipe._scale.tolist() == [1.0, 0.5, 0.25]
    assert recipe._growth == pytest.approx(math.log(1 + math.sqrt(math.log(3) / 4)))
    assert recipe._radius == math.log(3 * 16 * 2)


def test_a_batch_prices_each_run_by_its_own_pulls() -> None:
    rng = np.random.default_rng(0)
    recipe = PrimalDualBwK(3, budgets=[40, 50], horizon=200, radius=0.1)
    batch, alone = recipe.fresh(runs=2, seed=0), [recipe.fresh(seed=0) for _ in range(2)]
    for _ in range(60):
        arm, reward, cost = rng.integers(3, size=2), rng.random(2), rng.random((2, 2)) / 2
        batch.update(arm, reward, cost)
        for b, policy in enumerate(alone):
            policy.update(arm[b], reward[b], cost[b])
    together = batch._state.play

    assert (together.price > 0).all()
    for b, policy in enumerate(alone):
        assert together.price[b].tolist() == policy._state.play.price.tolist()
        assert together.cost[b].tolist() == policy._state.play.cost.tolist()


def test_a_run_without_feedback_keeps_its_prices() -> None:
    policy = PrimalDualBwK(1, budgets=[5.0], horizon=9, radius=0.1, runs=2, seed=0)
    for _ in range(2):
        policy.update([0, 0], [1.0, 1.0], [[0.5], [0.5]], where=np.array([True, False]))

    assert policy._state.play.price[0].min() > 0
    assert policy._state.play.price[1].tolist() == [0.0, 0.0]
    assert policy._state.spent.tolist() == [[1.0], [0.0]]
    assert policy.round[:, 0].tolist() == [3, 1]


def test_the_end_of_the_horizon_is_the_end() -> None:
    for runs in (None, 2):
        policy = PrimalDualBwK(2, budgets=99.0, horizon=3, runs=runs, seed=0)
        for _ in range(3):
            assert not np.any(policy.finished)
            policy.update(policy.select(), 1.0 if runs is None else np.ones(2), 0.5)

        assert np.all(policy.finished)


@pytest.mark.parametrize("runs", [None, 3])
@pytest.mark.parametrize("budgets", [30.0, [30.0, 40.0]])
def test_masks_hold_and_play_goes_on_after_save_and_load(
    budgets: Any, runs: int | None, tmp_path: Path
) -> None:
    def play(policy: Policy, rounds: int, seed: int) -> list[Any]:
        rng, chosen = np.random.default_rng(seed), []
        shape = () if runs is None else (runs,)
        paid = shape if isinstance(budgets, float) else (*shape, 2)
        for _ in range(rounds):
            if np.all(policy.finished):
                break
            mask = rng.random((*shape, 4)) < 0.5
            mask[..., rng.integers(4)] = True
            arm = policy.select(available=mask)
            assert np.take_along_axis(mask, np.asarray(arm)[..., None], -1).all()
            policy.update(arm, rng.random(shape), rng.random(paid))
            chosen.append(np.asarray(arm).tolist())
        return chosen

    policy = PrimalDualBwK(4, budgets=budgets, horizon=300, runs=runs, seed=0)
    play(policy, 25, 0)
    policy.save(tmp_path / "policy.json")
    loaded = banditsplit.load(tmp_path / "policy.json")

    assert loaded.recipe == policy.recipe
    assert play(loaded, 300, 1) == play(policy, 300, 1)
    assert np.all(policy.finished)


# Two arms that use up a resource each, and a frugal third one: the optimum mixes them.
MEANS = np.array([0.9, 0.6, 0.4])
COSTS = np.array([[0.8, 0.1], [0.1, 0.7], [0.2, 0.2]])


def optimum(budgets: Any, horizon: int) -> float:
    """The most that any play can expect: the linear programme of Badanidiyuru et al."""
    rows = np.vstack([COSTS.T, np.ones(3)])
    least = linprog(-MEANS, A_ub=rows, b_ub=[*budgets, horizon]).fun
    assert least is not None
    return -float(least)


def test_the_optimum_is_a_mixture_that_no_single_arm_reaches() -> None:
    """Alone an arm lasts until its dearer resource is used up, or the horizon is over."""
    alone = MEANS * np.minimum(1000, 300 / COSTS.max(1))

    assert alone.tolist() == pytest.approx([337.5, 257.142857, 400.0])
    assert optimum([300, 300], 1000) == pytest.approx(551.724138)


def shares(make: Callable[[Any, int], Policy], horizons: tuple[int, ...]) -> list[float]:
    """Mean reward of 20 runs as a share of the optimum, for budgets of 3/10 of each horizon."""
    found = []
    for horizon in horizons:
        budgets = [0.3 * horizon, 0.3 * horizon]
        history = simulate(
            {"it": make(budgets, horizon)},
            CostlyProblem(MEANS, COSTS),
            horizon=horizon,
            runs=20,
            seed=2,
            checkpoints=1,
        )
        track = history["it"]
        assert (track.cost[:, -1] <= sum(budgets) + 2).all()
        found.append(float(track.reward[:, -1].mean()) / optimum(budgets, horizon))
    return found


def test_it_approaches_the_optimum_as_the_horizon_grows() -> None:
    """83 % at 1,000 rounds, 94 % at 4,000; the standard errors are below half a per cent."""
    early, late = shares(lambda b, t: PrimalDualBwK(3, budgets=b, horizon=t), (1000, 4000))

    assert early < late
    assert 0.80 < early < 1
    assert 0.92 < late < 1


@pytest.mark.parametrize("blind", [UCB1, ThompsonSampling])
def test_play_that_does_not_price_its_resources_stays_away_from_it(
    blind: Callable[[int], Policy],
) -> None:
    """The control: the arm that gives most uses up one resource and leaves the other."""
    early, late = shares(lambda b, _: with_budget(blind(3), b), (1000, 4000))

    assert max(early, late) < 0.7


BAD: dict[str, tuple[dict[str, Any], str]] = {
    **{f"budgets={bad!r}": ({"budgets": bad}, "budgets") for bad in (0, -1.0, math.nan, "1")},
    **{
        f"budgets={b!r}": ({"budgets": b}, "budgets") for b in ([], [1, 0], [1, math.inf], None)
    },
    **{f"horizon={bad!r}": ({"horizon": bad}, "horizon") for bad in (0, 1.5, None, True)},
    **{f"radius={bad!r}": ({"radius": bad}, "radius") for bad in (0.0, -1.0, math.nan, "1")},
    "no arms": ({"arms": 0}, "arms"),
}


@pytest.mark.parametrize(("changes", "name"), BAD.values(), ids=BAD)
def test_it_refuses(changes: dict[str, Any], name: str) -> None:
    good: dict[str, Any] = {"arms": 2, "budgets": [5.0, 5.0], "horizon": 10}
    with pytest.raises((ValueError, TypeError), match=rf"^`{name}` must .*, got "):
        PrimalDualBwK(**good | changes)


@pytest.mark.parametrize(
    ("reward", "cost"),
    [
        *((1.5, [0.5, 0.5]), (-0.5, [0.5, 0.5]), (0.5, [0.5, 1.5]), (0.5, [0.5]), (0.5, 0.5)),
        *((0.5, [0.5, math.nan]), (math.nan, [0.5, 0.5]), (0.5, [[0.5, 0.5]])),
    ],
)
def test_bad_feedback_changes_nothing(reward: float, cost: Any, tmp_path: Path) -> None:
    policy = PrimalDualBwK(2, budgets=[5.0, 5.0], horizon=10, seed=0)
    policy.update(1, 0.5, [0.5, 0.25])
    policy.save(tmp_path / "before")
    with pytest.raises(ValueError, match=r"must .*, got "):
        policy.update(1, reward, cost)
    policy.save(tmp_path / "after")

    assert (tmp_path / "before").read_bytes() == (tmp_path / "after").read_bytes()
