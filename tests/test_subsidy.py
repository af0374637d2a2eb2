"""Cost subsidy: the cheapest arm whose reward is within a factor of the best."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from banditsplit import (
    CSETC,
    CSTS,
    CSUCB,
    UCB1,
    ArmStats,
    BernoulliProblem,
    IndexRecipe,
    Policy,
    Subsidy,
    SubsidyRecipe,
    ThompsonSampling,
    compose,
    simulate,
)
from banditsplit.indices import UCB, GaussianThompson, HorizonUCB
from tests.channels import Make, bad, check_masks_and_files

SUBSIDISED: dict[str, Make] = {
    "CSUCB": lambda arms, **o: CSUCB(arms, factor=0.2, horizon=500, **o),
    "CSTS": lambda arms, **o: CSTS(arms, factor=0.2, **o),
    "CSETC": lambda arms, **o: CSETC(arms, factor=0.2, horizon=500, explore=3, **o),
    "told": lambda arms, **o: CSTS(arms, factor=0.5, costs=[1.0] * arms, **o),
    "composed": lambda arms, **o: compose(
        arms, UCB(alpha=0.5), objective=Subsidy(0.1), side_observations=True, **o
    ),
}
every = pytest.mark.parametrize("make", SUBSIDISED.values(), ids=SUBSIDISED)


def test_gaps_by_hand() -> None:
    """Good enough is 3/4 of 1: arms 0 and 1; the cheapest of them costs 1."""
    reward, cost = [1.0, 0.75, 0.5], [4.0, 1.0, 0.25]

    assert Subsidy(0.25).gaps(reward, cost).tolist() == [0.0, 0.0, 0.25]
    assert Subsidy(0.25, "cost").gaps(reward, cost).tolist() == [3.0, 0.0, 0.0]


def test_without_a_factor_only_the_best_is_good_enough() -> None:
    reward, cost = [1.0, 0.75, 1.0], [4.0, 1.0, 2.0]

    assert Subsidy(0.0).gaps(reward, cost).tolist() == [0.0, 0.25, 0.0]
    assert Subsidy(0.0, "cost").gaps(reward, cost).tolist() == [2.0, 0.0, 0.0]


def test_gaps_of_a_batch_are_those_of_its_rows() -> None:
    reward, cost = np.array([[1.0, 0.5], [0.25, 0.5]]), np.array([[2.0, 1.0], [2.0, 1.0]])

    assert Subsidy(0.5, "cost").gaps(reward, cost).tolist() == [[1.0, 0.0], [1.0, 0.0]]
    assert Subsidy(0.25).gaps(reward, cost).tolist() == [[0.0, 0.25], [0.125, 0.0]]


def test_an_audit_adds_to_the_cost_part_alone() -> None:
    assert Subsidy(0.5).charge([1.0], [1.0], 0.5) == 0.0
    assert Subsidy(0.5, "cost").charge([1.0], [1.0], 0.5) == 0.5


def test_a_free_audit_adds_nothing_to_the_quality_part() -> None:
    charged = Subsidy(0.2).charge([0.5, 1.0], [1.0, 1.0], np.array([0.0, 2.0]))

    assert charged.tolist() == [0.0, 0.0]


def test_the_horizon_bound_is_the_printed_formula() -> None:
    stats = ArmStats(7, np.array([40.0, 4.0]), np.array([0.25, 0.5]), 0)
    width = math.sqrt(2 * math.log(100) / 40)

    found = HorizonUCB(100)(stats, np.random.default_rng(0))
    np.testing.assert_allclose(found, [0.25 + width, 1.0], rtol=1e-15)


def literal_choice(
    pulls: list[int], mean: list[float], costs: list[float], horizon: int, *, cautious: bool
) -> int:
    """CS-UCB's and CS-ETC's second line, one arm after the other; the factor is 0.2."""
    width = [math.sqrt(2 * math.log(horizon) / n) for n in pulls]
    upper = [min(m + w, 1.0) for m, w in zip(mean, width, strict=True)]
    lower = [max(m - w, 0.0) for m, w in zip(mean, width, strict=True)]
    best = max(lower if cautious else upper)
    good = [i for i, u in enumerate(upper) if u >= (1 - 0.2) * best]
    return min(good, key=lambda i: costs[i])


@pytest.mark.parametrize("cautious", [False, True])
def test_the_choice_is_the_printed_one(cautious: bool) -> None:  # noqa: FBT001 - parametrized
    """Over 600 rounds; rewards are Bernoulli, costs all different."""
    rng, horizon, costs = np.random.default_rng(3), 600, [0.9, 0.5, 0.2, 0.7]
    policy = (
        CSETC(4, factor=0.2, horizon=horizon, explore=60, seed=0)
        if cautious
        else CSUCB(4, factor=0.2, horizon=horizon, seed=0)
    )
    explore = 60 if cautious else 1
    pulls, sums, seen = [0] * 4, [0.0] * 4, set()
    for _ in range(horizon):
        arm = policy.select()
        if min(pulls) < explore:
            assert pulls[arm] == min(pulls)
        else:
            mean = [s / n for s, n in zip(sums, pulls, strict=True)]
            assert arm == literal_choice(pulls, mean, costs, horizon, cautious=cautious)
            seen.add(arm)
        reward = float(rng.random() < [0.9, 0.85, 0.1, 0.5][arm])
        policy.update(arm, reward, costs[arm])
        pulls[arm] += 1
        sums[arm] += reward

    assert len(seen) > 1  # it was not the same answer all along


def test_thompson_compares_its_draws() -> None:
    """With posteriors as narrow as these the draws are the means: .9, .8 and .3."""
    for factor, wanted in ((0.05, 0), (0.25, 1), (0.8, 2)):
        policy = CSTS(3, factor=factor, costs=[3.0, 2.0, 1.0], runs=200, seed=0)
        state = policy._state.reward
        state.pulls[:], state.mean[:], state.untried = 1e9, [0.9, 0.8, 0.3], 0

        assert (policy.select() == wanted).all()


def test_exploring_takes_the_arm_that_had_least_and_ties_evenly() -> None:
    """In 6,000 runs each of four arms is first within 5 standard errors of a fourth."""
    policy = CSETC(4, factor=0.2, horizon=99, explore=2, runs=6000, seed=0)
    first = policy.select()
    counts = np.bincount(first, minlength=4)
    assert np.abs(counts - 1500).max() < 5 * math.sqrt(6000 * 3 / 16)
    for _ in range(8):
        policy.update(policy.select(), np.full(6000, 0.5), 1.0)

    assert (policy.stats.pulls == 2).all()


def test_the_default_exploration_is_the_papers() -> None:
    """``(T / K)**(2/3)``: 1,000 rounds of 8 arms give 25."""
    recipe = CSETC(8, factor=0.1, horizon=1000).recipe

    assert isinstance(recipe, SubsidyRecipe)
    assert recipe.explore == 25


def test_equally_cheap_arms_are_taken_evenly() -> None:
    policy = CSUCB(3, factor=0.5, horizon=50, costs=[2.0, 1.0, 1.0], runs=6000, seed=0)
    for arm in range(3):
        policy.update(np.full(6000, arm), np.full(6000, 1.0))
    counts = np.bincount(policy.select(), minlength=3)

    assert counts[0] == 0
    assert abs(counts[1] - 3000) < 5 * math.sqrt(6000 / 4)


def test_where_all_is_negative_only_the_best_is_good_enough() -> None:
    policy = compose(3, GaussianThompson(1e-9), objective=Subsidy(0.5), seed=0)
    for arm, reward, cost in ((0, -1.0, 1.0), (1, -0.5, 9.0), (2, -0.6, 2.0)):
        policy.update(arm, reward, cost)

    assert policy.select() == 1


def test_costs_are_learned_as_means_or_told() -> None:
    learned, told = CSTS(2, factor=0.9, seed=0), CSTS(2, factor=0.9, costs=[1, 2], seed=0)
    for policy in (learned, told):
        for cost in (1.0, 4.0):
            policy.update(0, 1.0, cost)
        policy.update(1, 1.0, 2.0)
        state = policy._state.reward
        state.pulls[:], state.mean[:] = 1e9, [0.75, 0.75]

    assert learned.select() == 1  # 2.5 and 2 were observed
    assert told.select() == 0


def test_one_index_serves_through_compose() -> None:
    wanted = SubsidyRecipe(3, UCB(), 0.25)

    assert compose(3, UCB(), objective=Subsidy(0.25)).recipe == wanted
    assert UCB1(3, objective=Subsidy(0.25, "cost")).recipe == wanted


@every
@pytest.mark.parametrize("runs", [None, 3])
def test_masks_hold_and_play_goes_on_after_save_and_load(
    make: Make, runs: int | None, tmp_path: Path
) -> None:
    check_masks_and_files(make, runs, tmp_path)


def test_masked_arms_set_no_benchmark() -> None:
    """Without the best arm, the cheapest near the second best; the costs rise with rewards."""
    policy = CSUCB(3, factor=0.2, horizon=2, costs=[3.0, 2.0, 1.0], seed=0)
    state = policy._state.reward
    state.pulls[:], state.mean[:], state.untried = 1e9, [0.9, 0.5, 0.45], 0

    assert policy.select() == 0
    assert policy.select(available=[False, True, True]) == 2
    assert policy.select(available=[False, True, False]) == 1


def test_what_was_revealed_counts_for_rewards_and_costs() -> None:
    policy = SUBSIDISED["composed"](2)
    side = {"revealed": [False, True], "reward": [0.0, 0.5], "cost": [0.0, 3.0]}
    policy.update(0, 1.0, 2.0, side | {"kind": "observed"})

    assert policy._state.reward.mean.tolist() == [1.0, 0.5]
    assert policy._state.cost.mean.tolist() == [2.0, 3.0]


# The best arm is dear; the second is good enough at a factor of .25; the third is too bad.
PROBLEM = BernoulliProblem(np.array([0.8, 0.75, 0.2]), np.array([1.0, 0.5, 0.1]))


def shares(policies: dict[str, Policy], horizon: int) -> dict[str, Any]:
    """How often 20 runs pulled each arm, as shares."""
    history = simulate(policies, PROBLEM, horizon=horizon, runs=20, seed=2)
    return {name: track.pulls.mean(0) / horizon for name, track in history.items()}


def test_it_ends_on_the_cheapest_arm_that_is_good_enough() -> None:
    """Shares over 4,000 rounds; 90 % for it, which play that is blind to cost never reaches."""
    found = shares(
        {
            "CSUCB": CSUCB(3, factor=0.25, horizon=4000),
            "CSTS": CSTS(3, factor=0.25),
            "UCB1": UCB1(3),
            "Thompson": ThompsonSampling(3),
        },
        4000,
    )

    assert found["CSUCB"][1] > 0.9
    assert found["CSTS"][1] > 0.9
    # The controls.
    assert found["UCB1"][1] < 0.5
    assert found["Thompson"][1] < 0.5


def test_exploring_first_ends_there_too() -> None:
    """CS-ETC's bounds are wide, so it takes a wider gap: means 1, .8, .1 and 4,000 rounds."""
    problem = BernoulliProblem(np.array([1.0, 0.8, 0.1]), np.array([1.0, 0.5, 0.1]))
    history = simulate(
        {"it": CSETC(3, factor=0.3, horizon=4000)}, problem, horizon=4000, runs=20, seed=2
    )
    pulls = history["it"].pulls

    # (4000 / 3)**(2/3) = 121.1 pulls of each arm at first; then hardly any of the others.
    assert (pulls >= 122).all()
    assert pulls[:, 1].mean() > 0.9 * 4000


def test_a_simulation_judges_both_parts() -> None:
    policies = {"it": CSTS(3, factor=0.25), "blind": ThompsonSampling(3)}
    quality, cost = (
        simulate(
            policies, PROBLEM, horizon=1000, runs=10, seed=0, objective=Subsidy(0.25, part)
        )
        for part in ("quality", "cost")
    )
    for name in policies:
        pulls = quality[name].pulls
        assert pulls.tolist() == cost[name].pulls.tolist()
        np.testing.assert_allclose(quality[name].pseudo_regret[:, -1], pulls @ [0, 0, 0.4])
        np.testing.assert_allclose(cost[name].pseudo_regret[:, -1], pulls @ [0.5, 0, 0])

    assert cost["it"].pseudo_regret[:, -1].mean() < 100
    assert cost["blind"].pseudo_regret[:, -1].mean() > 200  # the control


REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    **bad(CSTS, "factor", 1.0, -0.1, 1.5, math.nan, "0.5", None, arms=2),
    **bad(CSTS, "costs", [1.0], [1.0, 2.0, 3.0], [1.0, -1.0], [], 1.0, arms=2, factor=0.5),
    **bad(CSTS, "costs", [1.0, math.nan], ["a", "b"], [[1.0], [2.0, 3.0]], arms=2, factor=0.5),
    **bad(CSUCB, "horizon", 0, 1.5, None, "3", arms=2, factor=0.5),
    "Subsidy": (lambda: Subsidy(1.0), "factor"),
    "part": (lambda: Subsidy(0.5, "both"), "part"),
    "CSETC horizon": (lambda: CSETC(2, factor=0.5, horizon=0), "horizon"),
    "CSETC arms": (lambda: CSETC(0, factor=0.5, horizon=9), "arms"),
    "CSETC explore": (lambda: CSETC(2, factor=0.5, horizon=9, explore=0), "explore"),
    "no arms": (lambda: CSTS(0, factor=0.5), "arms"),
    "no index": (lambda: SubsidyRecipe(2, None, 0.5), "index"),  # type: ignore[arg-type]
    "no memory": (lambda: SubsidyRecipe(2, UCB(), 0.5, memory=None), "memory"),  # type: ignore[arg-type]
    "cautious": (lambda: SubsidyRecipe(2, UCB(), 0.5, cautious=1), "cautious"),  # type: ignore[arg-type]
    "another recipe": (lambda: IndexRecipe(2, UCB(), Subsidy(0.5)), "objective"),
}


@pytest.mark.parametrize(("call", "name"), REFUSED.values(), ids=REFUSED)
def test_it_refuses(call: Callable[[], object], name: str) -> None:
    with pytest.raises((ValueError, TypeError), match=rf"^`{name}` must .*, got .*"):
        call()


@pytest.mark.parametrize(
    ("reward", "cost"), [(1.5, 1.0), (-0.5, 1.0), (0.5, -1.0), (0.5, 1e301), (math.nan, 1.0)]
)
@pytest.mark.parametrize("name", ["CSUCB", "CSTS", "CSETC"])
def test_bad_feedback_changes_nothing(
    name: str, reward: float, cost: float, tmp_path: Path
) -> None:
    policy = SUBSIDISED[name](2, seed=0)
    policy.save(tmp_path / "before")
    with pytest.raises(ValueError, match=r"must .*, got "):
        policy.update(0, reward, cost)
    policy.save(tmp_path / "after")

    assert (tmp_path / "before").read_bytes() == (tmp_path / "after").read_bytes()
