"""Reward per cost: the objective, the optimistic ratio, UCB-BV1 and budgeted Thompson."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import banditsplit
from banditsplit import (
    UCB1,
    UCBBV,
    BernoulliProblem,
    BudgetedThompsonSampling,
    CostlyProblem,
    EpsilonGreedy,
    GaussianProblem,
    IndexRecipe,
    Policy,
    Ratio,
    RatioRecipe,
    Subsidy,
    ThompsonSampling,
    UniformRandom,
    compose,
    simulate,
    with_budget,
)
from banditsplit._typing import Float
from banditsplit.indices import UCB, UCBBV1, BetaThompson, GaussianThompson, Greedy
from tests.channels import Make, bad, check_masks_and_files

RATIOS: dict[str, Make] = {
    "UCBBV": lambda arms, **o: UCBBV(arms, smallest_cost=0.1, **o),
    "BudgetedThompsonSampling": BudgetedThompsonSampling,
    "UCB1": lambda arms, **o: UCB1(arms, objective=Ratio(), **o),
    "UCB, side": lambda arms, **o: compose(
        arms, UCB(), objective=Ratio(2.0), side_observations=True, **o
    ),
    "epsilon-greedy": lambda arms, **o: EpsilonGreedy(arms, objective=Ratio(), **o),
    "uniform": lambda arms, **o: UniformRandom(arms, objective=Ratio(), **o),
}
every = pytest.mark.parametrize("make", RATIOS.values(), ids=RATIOS)

# After these rounds arm 0 has 2 pulls, mean reward 3/4, mean cost 1/2; arm 1 has 3, 1/3, 1/4.
ROUNDS = [(0, 1.0, 0.75), (1, 0.0, 0.25), (0, 0.5, 0.25), (1, 1.0, 0.5), (1, 0.0, 0.0)]


def after_rounds(policy: Policy) -> Policy:
    for round_ in ROUNDS:
        policy.update(*round_)
    return policy


def scores(policy: Policy) -> Float:
    """What the recipe makes of the rewards and costs it has seen."""
    recipe, state = policy.recipe, policy._state
    assert isinstance(recipe, RatioRecipe)
    return recipe._scores(state.reward, state.cost, np.random.default_rng(0))


def test_gaps_are_what_the_cost_would_have_earned_on_the_best_ratio() -> None:
    """Ratios 2, 3/2 and 1: the second arm's cost of 1/2 would have earned 1, not 3/4."""
    gaps = Ratio().gaps([0.5, 0.75, 0.5], [0.25, 0.5, 0.5])

    assert gaps.tolist() == [0.0, 0.25, 0.5]


def test_gaps_of_a_batch_are_those_of_its_rows() -> None:
    reward, cost = np.array([[0.5, 0.75], [1.0, 0.25]]), np.array([[0.25, 0.5], [0.5, 0.25]])

    rows = [Ratio().gaps(r, c).tolist() for r, c in zip(reward, cost, strict=True)]

    assert Ratio().gaps(reward, cost).tolist() == rows == [[0.0, 0.25], [0.0, 0.25]]


def test_an_audit_costs_what_the_best_ratio_would_have_earned() -> None:
    assert Ratio().charge([0.5, 0.75], [0.25, 0.5], 0.5) == 1.0
    assert np.shape(Ratio().charge([0.5, 0.75], [0.25, 0.5], 0.5)) == ()  # a number, as asked
    assert Ratio().charge([0.5, 0.75], [0.25, 0.5], np.array([0.5, 0.0])).tolist() == [1.0, 0.0]


@pytest.mark.parametrize("cost", [[0.0, 1.0], [1.0, -1.0]])
def test_a_ratio_refuses_to_judge_where_an_arm_is_free(cost: list[float]) -> None:
    with pytest.raises(ValueError, match=r"`cost` must be positive"):
        Ratio().gaps([0.5, 0.5], cost)


def test_without_expected_costs_there_is_no_gap_to_tell() -> None:
    assert np.isnan(Ratio().gaps([0.5, 0.75], np.nan)).all()


def test_the_ratio_score_is_an_upper_bound_by_a_lower_one() -> None:
    """At t = 6 with UCB1's ``sqrt(2 ln t / n)``, by hand; arm 1's cost may be nothing."""
    policy = after_rounds(UCB1(2, objective=Ratio(4.0)))
    upper = [3 / 4 + math.sqrt(2 * math.log(6) / 2), 1 / 3 + math.sqrt(2 * math.log(6) / 3)]

    # Costs are shares of 4: 1/8 and 1/16, far below the widths.
    np.testing.assert_allclose(scores(policy), np.array(upper) / 1e-12, rtol=1e-12)


def test_the_ratio_score_with_a_narrow_bound() -> None:
    policy = after_rounds(compose(2, UCB(alpha=0.01), objective=Ratio()))
    width = [math.sqrt(0.005 * math.log(6) / n) for n in (2, 3)]

    np.testing.assert_allclose(
        scores(policy),
        [(3 / 4 + width[0]) / (1 / 2 - width[0]), (1 / 3 + width[1]) / (1 / 4 - width[1])],
        rtol=1e-12,
    )


def test_ucb_bv1_is_the_printed_formula() -> None:
    """``r / c + (1 + 1 / lambda) w / (lambda - w)``, ``w = sqrt(ln(t - 1) / n)``, by a loop."""
    index, rng = UCBBV1(0.5), np.random.default_rng(0)
    stats = {
        name: banditsplit.ArmStats(9, np.array([20.0, 40.0, 5.0]), np.array(mean), 0)
        for name, mean in {"reward": [0.5, 0.25, 0.75], "cost": [0.75, 0.5, 1.0]}.items()
    }
    wanted = []
    for n, r, c in zip((20, 40, 5), (0.5, 0.25, 0.75), (0.75, 0.5, 1.0), strict=True):
        w = math.sqrt(math.log(9 - 1) / n)
        wanted.append(math.inf if w >= 0.5 else r / c + (1 + 1 / 0.5) * w / (0.5 - w))

    np.testing.assert_allclose(index(stats["reward"], stats["cost"], rng), wanted, rtol=1e-14)
    assert [math.isinf(score) for score in wanted] == [False, False, True]


def test_ucb_bv1_in_other_cost_units_plays_the_same() -> None:
    """Four times the costs with four times the bounds; 4 is a power of 2, so exactly."""
    small, large = (
        UCBBV(3, smallest_cost=0.25 * unit, largest_cost=unit, seed=0) for unit in (1.0, 4.0)
    )
    rng = np.random.default_rng(0)
    for _ in range(300):
        arm = small.select()
        assert large.select() == arm
        reward, cost = float(rng.random() < 0.5), 0.5 + 0.5 * rng.random()
        small.update(arm, reward, cost)
        large.update(arm, reward, 4 * cost)


class Told:
    """A generator whose Beta draws are the means, and which keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[list[float], list[float]]] = []

    def beta(self, a: Float, b: Float) -> Float:
        self.asked.append((a.tolist(), b.tolist()))
        return a / (a + b)


def test_budgeted_thompson_draws_from_the_two_posteriors() -> None:
    """The cost's draw is 1 less one with its counts exchanged: Beta(1 + paid, 1 + unpaid)."""
    policy, told = after_rounds(BudgetedThompsonSampling(2)), Told()
    recipe, state = policy.recipe, policy._state
    assert isinstance(recipe, RatioRecipe)
    found = recipe._scores(state.reward, state.cost, told)  # type: ignore[arg-type]

    (gained, missed), (saved, paid) = np.round(told.asked, 12)
    assert gained.tolist() == [2.5, 2.0]
    assert missed.tolist() == [1.5, 3.0]
    assert saved.tolist() == [2.0, 3.25]
    assert paid.tolist() == [2.0, 1.75]
    np.testing.assert_allclose(found, [(2.5 / 4) / (2 / 4), (2 / 5) / (1.75 / 5)], rtol=1e-12)


def test_greedy_play_tosses_one_coin_a_round() -> None:
    """In 6,000 runs a tenth explores evenly; chance strays below 5 standard errors.

    Two coins would lead another 9 % of the runs to the arm that gives more.
    """
    policy = EpsilonGreedy(2, epsilon=0.1, objective=Ratio(), runs=6000, seed=0)
    for arm, reward, cost in ((0, 1.0, 1.0), (1, 0.5, 0.125)):
        policy.update(np.full(6000, arm), np.full(6000, reward), cost)

    share = float((policy.select() == 0).mean())
    assert abs(share - 0.05) < 5 * math.sqrt(0.05 * 0.95 / 6000)


def test_negative_rewards_have_a_ratio_too() -> None:
    policy = compose(2, GaussianThompson(1e-9), objective=Ratio(), seed=0)
    policy.update(0, -1.0, 0.5)
    policy.update(1, -1.0, 1.0)

    np.testing.assert_allclose(scores(policy), [-2.0, -1.0], rtol=1e-6)


@every
@pytest.mark.parametrize("runs", [None, 3])
def test_masks_hold_and_play_goes_on_after_save_and_load(
    make: Make, runs: int | None, tmp_path: Path
) -> None:
    check_masks_and_files(make, runs, tmp_path)


@every
def test_a_batch_learns_what_its_rows_learn(make: Make) -> None:
    rng = np.random.default_rng(0)
    batch, alone = make(3, runs=2, seed=0), [make(3, seed=0) for _ in range(2)]
    for _ in range(50):
        arm, reward, cost = rng.integers(3, size=2), rng.integers(2, size=2), rng.random(2)
        batch.update(arm, reward, cost)
        for b, policy in enumerate(alone):
            policy.update(arm[b], reward[b], cost[b])

    for b, policy in enumerate(alone):
        for channel in ("reward", "cost"):
            together, single = getattr(batch._state, channel), getattr(policy._state, channel)
            assert together.mean[b].tolist() == single.mean.tolist()
            assert together.pulls[b].tolist() == single.pulls.tolist()


@given(
    means=st.lists(st.sampled_from([0.25, 0.5, 0.75, 1.0]), min_size=2, max_size=4),
    factor=st.sampled_from([0.5, 2.0, 8.0]),
)
def test_gaps_grow_with_the_reward_unit_and_not_with_the_cost_unit(
    means: list[float], factor: float
) -> None:
    reward, cost = np.array(means), np.array(means)[::-1] + 0.25
    gaps = Ratio().gaps(reward, cost)

    assert (gaps >= -1e-12).all()
    assert gaps.min() == pytest.approx(0, abs=1e-12)
    np.testing.assert_allclose(Ratio().gaps(factor * reward, cost), factor * gaps, atol=1e-12)
    np.testing.assert_allclose(Ratio().gaps(reward, factor * cost), gaps, atol=1e-12)


REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    **bad(Ratio, "largest_cost", 0.0, -1.0, math.nan, math.inf, "1", None),
    **bad(UCBBV1, "smallest_cost", 0.0, -0.5, 1.5, math.nan, "1", None),
    **bad(UCBBV, "smallest_cost", 0.0, 2.0, math.nan, None, arms=2),
    "UCBBV, largest": (lambda: UCBBV(2, smallest_cost=1.0, largest_cost=0.0), "largest_cost"),
    "BTS, largest": (lambda: BudgetedThompsonSampling(2, largest_cost=-1.0), "largest_cost"),
    "no arms": (lambda: BudgetedThompsonSampling(0), "arms"),
    "no index": (lambda: RatioRecipe(2, "UCB"), "index"),  # type: ignore[arg-type]
    "no memory": (lambda: RatioRecipe(2, UCB(), memory=None), "memory"),  # type: ignore[arg-type]
    "side": (lambda: RatioRecipe(2, UCB(), side_observations=1), "side_observations"),  # type: ignore[arg-type]
    "another recipe": (lambda: IndexRecipe(2, UCB(), Ratio()), "objective"),
    "a value": (lambda: Ratio().value(1.0, 1.0), "objective"),
    "a value of a subsidy": (lambda: Subsidy(0.5).value(1.0, 1.0), "objective"),
}


@pytest.mark.parametrize(("call", "name"), REFUSED.values(), ids=REFUSED)
def test_constructors_refuse(call: Callable[[], object], name: str) -> None:
    with pytest.raises((ValueError, TypeError), match=rf"^`{name}` must .*, got .*"):
        call()


SIDE = {"revealed": [False, True], "reward": [0.0, 0.5], "cost": [0.0, 3.0], "kind": "observed"}


@pytest.mark.parametrize(
    ("reward", "cost", "side"),
    [
        *((0.5, 2.5, None), (1e300, 1.0, None), (math.nan, 1.0, None), (0.5, -1.0, None)),
        (0.5, 0.5, SIDE),  # the cost that was revealed is too large
    ],
)
def test_bad_feedback_changes_nothing(
    reward: float, cost: float, side: Any, tmp_path: Path
) -> None:
    policy = RATIOS["UCB, side"](2, seed=0)
    policy.save(tmp_path / "before")
    with pytest.raises(ValueError, match="must"):
        policy.update(0, reward, cost, side)
    policy.save(tmp_path / "after")

    assert (tmp_path / "before").read_bytes() == (tmp_path / "after").read_bytes()


@pytest.mark.parametrize("make", [RATIOS["UCBBV"], BudgetedThompsonSampling])
def test_rewards_outside_the_unit_interval_are_refused_where_it_matters(make: Make) -> None:
    with pytest.raises(ValueError, match="`reward` must lie in"):
        make(2).update(0, 1.5, 0.5)


# The first arm gives most, and costs too much: ratios 0.89, 2 and 1.
COSTLY = CostlyProblem(np.array([0.8, 0.5, 0.3]), np.array([0.9, 0.25, 0.3]))


def earned(policies: dict[str, Policy], budget: float) -> dict[str, float]:
    """Mean reward of 40 runs for ``budget``."""
    budgeted = {name: with_budget(policy, budget) for name, policy in policies.items()}
    history = simulate(budgeted, COSTLY, horizon=3000, runs=40, seed=1, objective=Ratio())
    for track in history.values():
        assert (track.cost[:, -1] >= budget).all()  # everyone got to the end of it
        # What was earned, and what the same cost would have earned, differ by the regret.
        missing = 2 * track.cost[:, -1] - track.pseudo_regret[:, -1] - track.reward[:, -1]
        assert abs(missing.mean()) < 5 * missing.std() / math.sqrt(40)
    return {name: float(track.reward[:, -1].mean()) for name, track in history.items()}


def test_play_by_ratio_earns_more_per_budget_than_play_that_looks_at_rewards_alone() -> None:
    """A budget of 400 is worth 800 on the best ratio, and 356 on the best reward.

    Standard errors of these means are below 8; each threshold is over 5 away.
    """
    got = earned(
        {
            "budgeted Thompson": BudgetedThompsonSampling(3),
            "UCB by ratio": compose(3, UCB(alpha=1.0), objective=Ratio()),
            "UCB-BV1": UCBBV(3, smallest_cost=0.25),
            "Thompson": ThompsonSampling(3),
            "UCB1": UCB1(3),
        },
        400.0,
    )

    assert got["budgeted Thompson"] > 720
    assert got["UCB by ratio"] > 660
    assert got["UCB-BV1"] > 430
    # The controls: they know nothing of costs, and fail every one of these.
    assert max(got["Thompson"], got["UCB1"]) < 400


def test_costs_that_are_fixed_serve_as_well_as_random_ones() -> None:
    problem = BernoulliProblem(np.array([0.8, 0.5]), np.array([0.9, 0.25]))
    history = simulate(
        {"it": BudgetedThompsonSampling(2), "blind": ThompsonSampling(2)},
        problem,
        horizon=1000,
        runs=20,
        seed=0,
        objective=Ratio(),
    )
    pulls = {name: track.pulls.mean(0) for name, track in history.items()}

    assert pulls["it"][1] > 900
    assert pulls["blind"][1] < 100


def test_a_problem_with_free_arms_is_not_judged_by_ratio() -> None:
    with pytest.raises(ValueError, match="`cost` must be positive"):
        simulate(
            {"it": UCB1(2)},
            GaussianProblem(np.array([0.5, 1.0])),
            horizon=2,
            runs=1,
            seed=0,
            objective=Ratio(),
        )


def test_random_costs_have_the_means_they_were_given() -> None:
    """20,000 draws of each of three arms and two resources: within 5 standard errors."""
    rng, means = np.random.default_rng(0), np.array([[0.0, 0.5], [0.25, 1.0], [0.9, 0.1]])
    for concentration in (None, 4.0):
        problem = CostlyProblem(np.array([0.1, 0.5, 0.9]), means, concentration)
        reward, cost = problem.draw(np.repeat([0, 1, 2], 20_000), rng)
        seen = cost.reshape(3, 20_000, 2)

        assert np.abs(reward.reshape(3, -1).mean(1) - problem.means).max() < 5 * 0.5 / 141
        assert np.abs(seen.mean(1) - means).max() < 5 * 0.5 / 141
        assert ((cost >= 0) & (cost <= 1)).all()
        assert np.isin(cost, [0, 1]).all() == (concentration is None)
        assert problem.resources == 2
        assert problem.expected_cost.tolist() == [0.5, 1.25, 1.0]
        # Beta(m k, (1 - m) k) has variance m (1 - m) / (k + 1).
        spread = means * (1 - means) / (1 if concentration is None else 5)
        assert np.abs(seen.var(1) - spread).max() < 0.01


@pytest.mark.parametrize(
    ("means", "cost_means", "concentration"),
    [
        ([0.5, 1.5], [0.5, 0.5], None),
        ([0.5, math.nan], [0.5, 0.5], None),
        ([0.5, 0.5], [0.5], None),
        ([0.5, 0.5], [0.5, 1.5], None),
        ([0.5, 0.5], [0.5, math.nan], None),
        ([0.5, 0.5], [[0.5], [0.5, 0.5]], None),
        ([0.5, 0.5], [[], []], None),
        ([0.5, 0.5], [[[0.5]], [[0.5]]], None),
        ([0.5, 0.5], ["a", "b"], None),
        ([0.5, 0.5], None, None),
        ([0.5, 0.5], [0.5, 0.5], 0.0),
        ([0.5, 0.5], [0.5, 0.5], math.nan),
    ],
)
def test_a_costly_problem_refuses(means: Any, cost_means: Any, concentration: Any) -> None:
    with pytest.raises((ValueError, TypeError), match=r"^`\w+` must .*, got "):
        CostlyProblem(means, cost_means, concentration)


def test_an_index_of_its_own_keeps_its_prior_for_costs_too() -> None:
    recipe = RatioRecipe(2, BetaThompson(1.0, 1.0), 2.0)

    assert recipe == BudgetedThompsonSampling(2, largest_cost=2.0).recipe
    assert recipe != RatioRecipe(2, Greedy(0.0), 2.0)
