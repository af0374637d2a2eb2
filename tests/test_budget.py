"""Budgets: what is paid is booked exactly, and the pull that reaches the budget is the last."""

import math
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import banditsplit
from banditsplit import (
    UCB1,
    BernoulliProblem,
    BudgetedThompsonSampling,
    BudgetRecipe,
    CostlyProblem,
    FixedArm,
    Net,
    Policy,
    PrimalDualBwK,
    SplitEES,
    ThompsonSampling,
    compose,
    simulate,
    with_budget,
)
from banditsplit.indices import UCB

COSTS = st.lists(st.floats(0, 1, allow_subnormal=False), min_size=1, max_size=40)


def rounds_played(costs: list[float], budget: float) -> int:
    """By the rule, in exact arithmetic: until the sum, rounded, has reached the budget."""
    total = Fraction(0)
    for n, cost in enumerate(costs, 1):
        total += Fraction(cost)
        if float(total) >= budget:
            return n
    return len(costs)


@given(costs=COSTS, budget=st.floats(0.01, 20))
def test_one_run_plays_until_its_budget_is_reached(costs: list[float], budget: float) -> None:
    policy, spent = with_budget(FixedArm(2, 0), budget), Fraction(0)
    for n, cost in enumerate(costs, 1):
        assert not policy.finished
        policy.update(policy.select(), 0.5, cost)
        spent += Fraction(cost)
        state = policy._state
        assert float(state.spent[0] + state.carry[0]) == pytest.approx(float(spent), rel=1e-15)
        if policy.finished:
            assert n == rounds_played(costs, budget)
            assert float(spent) - cost < budget + 1e-12  # before the last pull it was not spent
            break
    else:
        assert float(spent) < budget


@given(rows=st.lists(COSTS, min_size=3, max_size=3), budget=st.floats(0.01, 20))
def test_runs_stop_one_by_one_and_their_rows_are_left_alone(
    rows: list[list[float]], budget: float
) -> None:
    rounds = min(map(len, rows))
    policy = with_budget(UCB1(2, runs=3), budget, seed=0)
    for n in range(rounds):
        if policy.finished.all():
            break
        cost = np.array([row[n] for row in rows])
        policy.update(policy.select(), np.ones(3), cost)

    pulls = policy.stats.pulls.sum(-1).tolist()
    assert pulls == [rounds_played(row[:rounds], budget) for row in rows]
    assert policy.round[:, 0].tolist() == [n + 1 for n in pulls]


def test_ten_times_a_tenth_is_one() -> None:
    """Plain sums of floats give 0.9999999999999999, and an eleventh pull."""
    policy = with_budget(FixedArm(1, 0), 1.0)
    for _ in range(10):
        assert not policy.finished
        policy.update(0, 1.0, 0.1)

    assert policy.finished


def test_the_pull_that_overspends_is_learned_from_and_is_the_last() -> None:
    policy = with_budget(FixedArm(2, 1), 1.0)
    policy.update(1, 0.5, 0.75)
    policy.update(1, 1.0, 0.75)

    assert policy.finished
    assert policy.stats.mean.tolist() == [0.0, 0.75]
    with pytest.raises(RuntimeError, match="`select` must not be called"):
        policy.select()
    with pytest.raises(RuntimeError, match="`update` must not be called"):
        policy.update(1, 1.0, 0.0)


def test_free_pulls_go_on_for_ever() -> None:
    policy = with_budget(FixedArm(1, 0), 1e-300)
    for _ in range(50):
        policy.update(0, 1.0)

    assert not policy.finished


def test_the_first_resource_that_is_used_up_ends_it() -> None:
    policy = with_budget(FixedArm(1, 0), [2.0, 1.0])
    policy.update(0, 1.0, [0.25, 0.5])
    assert not policy.finished
    policy.update(0, 1.0, [0.25, 0.5])

    assert policy.finished
    assert policy._state.spent.tolist() == [0.5, 1.0]


def test_a_recipe_that_knows_one_cost_is_told_the_sum() -> None:
    """Also of what was revealed, which nobody pays for."""
    inner = compose(2, UCB(), objective=Net(1.0), side_observations=True)
    for runs, one in ((None, False), (2, True)):
        policy = with_budget(inner.fresh(runs=runs, seed=0), (1.0, 1.0))
        side: dict[str, Any] = {
            "revealed": [False, True],
            "reward": [0.0, 1.0],
            "cost": [[0.0, 0.0], [0.25, 0.5]],
            "kind": "observed",
        }
        if one:
            side |= {name: [side[name]] * 2 for name in ("revealed", "reward", "cost")}
            policy.update([0, 0], [1.0, 1.0], [[0.125, 0.25]] * 2, side)
        else:
            policy.update(0, 1.0, [0.125, 0.25], side)

        mean = np.broadcast_to([0.625, 0.25], policy.stats.mean.shape)
        assert policy.stats.mean.tolist() == mean.tolist()
        assert policy._state.spent.reshape(-1, 2)[-1].tolist() == [0.125, 0.25]


MADE: dict[str, tuple[Callable[[], Policy], Any]] = {
    "UCB1": (lambda: UCB1(3), 20.0),
    "SplitEES": (lambda: SplitEES(3, tradeoff=0.1), 20.0),
    "budgeted Thompson": (lambda: BudgetedThompsonSampling(3), 20.0),
    "two resources": (lambda: ThompsonSampling(3), (20.0, 30.0)),
    "a budget in a budget": (lambda: with_budget(UCB1(3), 15.0), 20.0),
    "knapsack in a budget": (lambda: PrimalDualBwK(3, budgets=[20, 20], horizon=99), [15, 15]),
}


def arms_until_the_end(policy: Policy, rng: np.random.Generator, rounds: int) -> list[Any]:
    """Masked play, at most ``rounds`` rounds."""
    arms: list[Any] = []
    shape = () if policy.runs is None else (policy.runs,)
    resources = policy.recipe.resources
    paid = shape if resources is None else (*shape, resources)
    for _ in range(rounds):
        if np.all(policy.finished):
            break
        mask = rng.random((*shape, 3)) < 0.6
        mask[..., rng.integers(3)] = True
        arm = policy.select(available=mask)
        assert np.take_along_axis(mask, np.asarray(arm)[..., None], -1).all()
        reward, cost = rng.random(shape), rng.random(paid)
        policy.update(arm, reward if shape else float(reward), cost)
        arms.append(np.asarray(arm).tolist())
    return arms


@pytest.mark.parametrize("runs", [None, 4])
@pytest.mark.parametrize(("make", "budget"), MADE.values(), ids=MADE)
def test_play_goes_on_to_the_same_end_after_save_and_load(
    make: Callable[[], Policy], budget: Any, runs: int | None, tmp_path: Path
) -> None:
    policy = with_budget(make(), budget).fresh(runs=runs, seed=3)
    arms_until_the_end(policy, np.random.default_rng(0), 15)
    policy.save(tmp_path / "policy.json")
    loaded = banditsplit.load(tmp_path / "policy.json")
    assert loaded.recipe == policy.recipe

    futures = [arms_until_the_end(p, np.random.default_rng(1), 500) for p in (policy, loaded)]

    assert futures[0] == futures[1]
    assert np.all(policy.finished)
    assert np.all(loaded.finished)
    assert loaded._state.spent.tolist() == policy._state.spent.tolist()
    assert (policy._state.spent < np.atleast_1d(budget) + 1).all()  # one pull costs at most 1


def test_what_was_wrapped_is_left_as_it_was() -> None:
    template = UCB1(2, runs=3, seed=0)
    template.update([0, 1, 0], [1.0, 1.0, 1.0], 5.0)
    policy = with_budget(template, 1.0, seed=0)

    assert policy.runs == 3
    assert policy.stats.pulls.sum() == 0
    assert not template.finished.any()
    assert template.stats.pulls.sum() == 3


def test_probabilities_and_contexts_are_those_of_what_is_wrapped() -> None:
    policy = with_budget(UCB1(2), 1.0)

    assert policy.probabilities() is None
    assert policy.recipe.context_shape is None
    assert policy.recipe.resources is None
    assert not policy.recipe.side_observations


@pytest.mark.parametrize(
    "budget",
    [0.0, -1.0, math.nan, math.inf, "1", None, [], [1.0, 0.0], [1.0, math.nan], [[1.0]]],
)
def test_a_budget_that_is_none_is_refused(budget: Any) -> None:
    with pytest.raises((ValueError, TypeError), match=r"^`budget` must .*, got "):
        with_budget(UCB1(2), budget)


@pytest.mark.parametrize("budget", [1.0, [1.0], [1.0, 1.0, 1.0]])
def test_a_budget_for_another_number_of_resources_is_refused(budget: Any) -> None:
    inner = PrimalDualBwK(2, budgets=[1.0, 1.0], horizon=5)

    with pytest.raises(ValueError, match="`budget` must hold 2 numbers"):
        with_budget(inner, budget)


def test_only_policies_and_recipes_have_budgets() -> None:
    with pytest.raises(TypeError, match="`policy` must be a Policy"):
        with_budget(UCB1, 1.0)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="`recipe` must have a method"):
        BudgetRecipe(None, 1.0)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "cost",
    [0.5, [0.5], [0.5, 0.5, 0.5], [0.5, -0.5], [0.5, math.nan], [0.5, 1e301], ["a", "b"]],
)
def test_bad_costs_change_nothing(cost: Any, tmp_path: Path) -> None:
    policy = with_budget(UCB1(2), [5.0, 5.0], seed=0)
    policy.update(1, 0.5, [0.5, 0.25])
    policy.save(tmp_path / "before")
    with pytest.raises((ValueError, TypeError), match=r"`cost` must .*, got "):
        policy.update(0, 0.5, cost)
    policy.save(tmp_path / "after")

    assert (tmp_path / "before").read_bytes() == (tmp_path / "after").read_bytes()


def test_what_the_recipe_refuses_is_not_paid_for() -> None:
    policy = with_budget(ThompsonSampling(2), 5.0)
    with pytest.raises(ValueError, match="`reward` must"):
        policy.update(0, 1.5, 0.5)

    assert policy._state.spent.tolist() == [0.0]


def test_a_simulation_books_until_the_budget_is_spent() -> None:
    """Costs of 1/4 and 1/2 and a budget of 10: it ends at 10 or 10.25, and books go on."""
    problem = BernoulliProblem(np.array([0.5, 0.5]), np.array([0.25, 0.5]))
    history = simulate(
        {"it": with_budget(UCB1(2), 10.0), "free": UCB1(2)},
        problem,
        horizon=100,
        runs=30,
        seed=0,
    )
    track = history["it"]
    spent = track.cost[:, -1]

    assert np.isin(spent, [10.0, 10.25]).all()
    assert (track.pulls @ problem.costs).tolist() == spent.tolist()
    assert (track.cost[:, 50] == spent).all()
    assert (history["free"].pulls.sum(1) == 100).all()  # the control


def test_a_simulation_books_the_sum_over_resources() -> None:
    problem = CostlyProblem(np.array([0.5, 0.5]), np.array([[1.0, 0.0], [0.0, 1.0]]))
    history = simulate(
        {"it": with_budget(UCB1(2), [8.0, 8.0])}, problem, horizon=99, runs=20, seed=0
    )
    track = history["it"]

    assert (track.cost[:, -1] == track.pulls.sum(1)).all()
    assert (track.pulls.max(1) == 8).all()  # of each arm's own resource there were 8


class SlotMachine:
    """An environment of one run that says what its pulls cost, of two resources."""

    class Space:
        n = 2
        start = 0

    action_space = Space()

    def reset(
        self, *, seed: int | None = None, options: Any = None
    ) -> tuple[int, dict[str, Any]]:
        del seed, options
        return 0, {}

    def step(self, arm: int) -> tuple[int, float, bool, bool, dict[str, Any]]:
        info = {"cost": np.array([1.0, 0.5]) if arm else np.array([0.25, 1.0])}
        return 0, 1.0, False, False, info


def test_an_environment_may_have_several_resources() -> None:
    policy = with_budget(FixedArm(2, 1), [3.0, 3.0])
    history = simulate({"it": policy}, SlotMachine(), horizon=9, runs=2, seed=0)

    assert history["it"].cost[:, -1].tolist() == [4.5, 4.5]  # three pulls of 1 and 1/2
    assert history["it"].reward[:, -1].tolist() == [3.0, 3.0]
