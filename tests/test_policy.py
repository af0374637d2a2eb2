"""A policy from outside: two doors, rounds, masks, marks, templates that stay as they are."""

import copy
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

from banditsplit import (
    UCB1,
    EpsilonGreedy,
    Policy,
    SplitEE,
    SplitEES,
    ThompsonSampling,
    UniformRandom,
)
from banditsplit._typing import Bool


def saved(policy: Policy, folder: Path) -> bytes:
    """Everything the policy is, generator included."""
    path = folder / "policy.json"
    policy.save(path)
    return path.read_bytes()


def test_one_run_takes_and_gives_scalars() -> None:
    policy = UCB1(3, seed=0)

    arm = policy.select()
    policy.update(arm, 1.0)

    assert type(arm) is int
    assert policy.runs is None
    assert policy.round == 2
    assert policy.finished is False
    assert policy.stats.pulls.shape == policy.stats.mean.shape == (3,)


@pytest.mark.parametrize("runs", [1, 4])
def test_many_runs_take_and_give_arrays_even_when_there_is_one(runs: int) -> None:
    policy = UCB1(3, runs=runs, seed=0)

    arm = policy.select()
    policy.update(arm, np.ones(runs))

    assert arm.shape == (runs,)
    assert arm.dtype.kind == "i"
    assert policy.runs == runs
    assert policy.round.shape == (runs, 1)
    assert (policy.round == 2).all()
    assert policy.finished.shape == (runs,)  # the many-runs door
    assert not policy.finished.any()
    assert policy.stats.pulls.shape == policy.stats.mean.shape == (runs, 3)


def test_any_sort_of_number_is_a_reward_and_any_sort_of_integer_an_arm() -> None:
    plain, numpy = UCB1(2, seed=0), UCB1(2, seed=0)
    plain.update(1, 1.0, 2.0)
    numpy.update(np.uint8(1), np.float32(1), np.int64(2))

    many = UCB1(2, runs=2, seed=0)
    many.update(np.array([1, 0], np.uint64), [True, False], np.float32(2))

    assert plain.stats.mean.tolist() == numpy.stats.mean.tolist() == [0.0, 1.0]
    assert many.stats.mean.tolist() == [[0.0, 1.0], [0.0, 0.0]]
    assert many.stats.pulls.tolist() == [[0.0, 1.0], [1.0, 0.0]]


def test_one_cost_stands_for_every_run() -> None:
    one, each = (
        SplitEE(2, tradeoff=0.5, runs=2, seed=0),
        SplitEE(2, tradeoff=0.5, runs=2, seed=0),
    )
    one.update([0, 1], [1.0, 1.0], 1.0)
    each.update([0, 1], [1.0, 1.0], [1.0, 1.0])

    assert one.stats.mean.tolist() == each.stats.mean.tolist() == [[0.5, 0.0], [0.0, 0.5]]


def test_means_and_rounds_are_what_a_hand_computes() -> None:
    policy = SplitEE(2, tradeoff=0.5, seed=0)
    policy.update(0, 1.0, 1.0)  # worth 0.5
    policy.update(0, 1.0, 2.0)  # worth 0
    policy.update(1, 0.75)

    assert policy.stats.pulls.tolist() == [2.0, 1.0]
    assert policy.stats.mean.tolist() == [0.25, 0.75]
    assert policy.round == policy.stats.t == 4


def test_side_observations_count_as_observations_and_never_as_rounds() -> None:
    policy = SplitEES(3, tradeoff=0.5, seed=0)
    side = {
        "revealed": np.array([True, False, False]),
        "reward": np.array([0.75, 0.0, 0.0]),
        "cost": np.array([0.5, 0.0, 0.0]),
        "kind": "surrogate",
    }
    policy.update(1, 1.0, 1.0, side)

    assert policy.stats.pulls.tolist() == [1.0, 1.0, 0.0]
    assert policy.stats.mean.tolist() == [0.5, 0.5, 0.0]
    assert policy.round == 2


def test_a_fresh_policy_has_seen_nothing_and_the_template_is_untouched(tmp_path: Path) -> None:
    template = UCB1(3, seed=0)
    template.update(2, 1.0)
    before = saved(template, tmp_path)

    fresh = template.fresh(runs=2, seed=1)
    fresh.update(fresh.select(), [1.0, 0.0])

    assert fresh.recipe == template.recipe
    assert fresh.runs == 2
    assert template.fresh(seed=1).runs is None
    assert template.fresh(seed=1).stats.pulls.tolist() == [0.0, 0.0, 0.0]
    assert saved(template, tmp_path) == before


def test_a_fresh_policy_decides_like_a_new_one() -> None:
    template = UniformRandom(5, seed=0)
    new, fresh = UniformRandom(5, seed=7), template.fresh(seed=7)

    assert [new.select() for _ in range(50)] == [fresh.select() for _ in range(50)]


def test_a_generator_that_is_handed_in_is_shared() -> None:
    rng, twin = np.random.default_rng(3), np.random.default_rng(3)
    first, second = UniformRandom(5, seed=rng), UniformRandom(5, seed=rng)
    alone = UniformRandom(5, seed=twin)

    taken = [policy.select() for policy in (first, second) * 20]

    assert taken == [alone.select() for _ in range(40)]


def test_what_stats_shows_is_a_copy() -> None:
    policy = UCB1(2, runs=1, seed=0)
    policy.update([0], [1.0])
    shown = policy.stats
    shown.pulls[:] = shown.mean[:] = 99.0
    shown.t[:] = 99
    policy.round[:] = 99

    assert policy.stats.pulls.tolist() == [[1.0, 0.0]]
    assert policy.stats.mean.tolist() == [[1.0, 0.0]]
    assert policy.round.tolist() == [[2]]


def test_runs_outside_where_stay_as_they_are_and_their_feedback_is_not_read() -> None:
    """A row without feedback may hold anything: garbage, nan, a mask's leftovers."""
    policy, alone = UCB1(3, runs=3, seed=0), UCB1(3, runs=3, seed=0)
    for p in (policy, alone):
        p.update([0, 1, 2], [1.0, 0.5, 0.25])

    marked = np.array([True, False, False])
    policy.update([1, -99, 77], [0.5, np.nan, np.inf], [0.0, -1.0, np.nan], where=marked)
    alone.update([1, 0, 0], [0.5, 0.0, 0.0])

    assert policy.round.tolist() == [[3], [2], [2]]
    assert policy.stats.pulls[0].tolist() == alone.stats.pulls[0].tolist() == [1.0, 1.0, 0.0]
    assert policy.stats.pulls[1:].tolist() == [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    assert policy.stats.mean[1:].tolist() == [[0.0, 0.5, 0.0], [0.0, 0.0, 0.25]]


def test_side_observations_outside_where_are_not_read() -> None:
    policy = SplitEES(2, tradeoff=0.0, runs=2, seed=0)
    side = {
        "revealed": np.array([[True, False], [True, True]]),
        "reward": np.array([[0.5, np.nan], [np.nan, np.inf]]),
        "cost": np.array([[0.0, -1.0], [-1.0, np.nan]]),
        "kind": np.array(["surrogate", None], object),
    }
    policy.update([1, 1], [1.0, np.nan], 0.0, side, np.array([True, False]))

    assert policy.stats.pulls.tolist() == [[1.0, 1.0], [0.0, 0.0]]
    assert policy.stats.mean.tolist() == [[0.5, 1.0], [0.0, 0.0]]


def test_a_round_without_feedback_anywhere_changes_nothing(tmp_path: Path) -> None:
    policy = SplitEES(2, tradeoff=0.0, runs=2, seed=0)
    before = saved(policy, tmp_path)
    policy.update([7, 7], [np.nan, np.nan], where=np.zeros(2, bool))

    assert saved(policy, tmp_path) == before


@given(
    masks=nps.arrays(bool, st.tuples(st.integers(1, 6), st.integers(2, 4))),
    keeps=st.integers(0, 3),
    seed=st.integers(0, 9),
)
def test_an_arm_that_is_not_available_is_never_chosen(
    masks: Bool, keeps: int, seed: int
) -> None:
    """Neither while arms are untried nor later, by no run of a batch."""
    runs, arms = masks.shape
    masks[:, keeps % arms] = True
    policies = (
        UCB1(arms, runs=runs, seed=seed),
        ThompsonSampling(arms, runs=runs, seed=seed),
        EpsilonGreedy(arms, epsilon=0.9, runs=runs, seed=seed),
    )
    for policy in policies:
        for _ in range(4):
            arm = policy.select(available=masks)

            assert masks[np.arange(runs), arm].all()
            policy.update(arm, np.zeros(runs))


def test_one_mask_stands_for_every_run() -> None:
    mask = np.array([False, True, False, True])
    many, one = UniformRandom(4, runs=200, seed=0), UniformRandom(4, seed=0)

    assert set(many.select(available=mask).tolist()) == {1, 3}
    assert {one.select(available=mask.tolist()) for _ in range(50)} == {1, 3}


def test_a_mask_that_allows_everything_is_no_mask() -> None:
    masked, free = UCB1(4, runs=3, seed=0), UCB1(4, runs=3, seed=0)
    for _ in range(30):
        arm = masked.select(available=np.ones((3, 4), bool))

        assert arm.tolist() == free.select().tolist()
        for policy in (masked, free):
            policy.update(arm, (arm == 2) * 1.0)


def test_a_context_is_ignored() -> None:
    with_context, without = UniformRandom(5, seed=0), UniformRandom(5, seed=0)
    contexts = [object(), np.zeros((2, 3)), "anything", {}] * 10

    assert [with_context.select(c) for c in contexts] == [without.select() for _ in contexts]


def test_a_deep_copy_goes_its_own_way_from_the_same_state() -> None:
    policy = ThompsonSampling(3, seed=0)
    policy.update(0, 1.0)
    twin = copy.deepcopy(policy)

    future = [twin.select() for _ in range(20)]
    twin.update(1, 1.0)

    assert policy.stats.pulls.tolist() == [1.0, 0.0, 0.0]
    assert [policy.select() for _ in range(20)] == future


def test_a_policy_says_what_it_is() -> None:
    assert repr(SplitEE(12, tradeoff=0.1)) == (
        "Policy(IndexRecipe(arms=12, index=UCB(alpha=2.0, span=1.0), "
        "objective=Net(tradeoff=0.1), memory=Full(), side_observations=False), runs=None)"
    )


def test_the_recommendation_is_the_best_mean_and_among_equals_the_one_seen_more() -> None:
    one = UCB1(4, seed=0)
    assert one.recommendation == 0  # nothing speaks for any
    for arm, reward in [(0, 0.5), (2, 1.0), (2, 0.0), (3, 0.25), (1, 0.5)]:
        one.update(arm, reward)
    assert one.recommendation == 2
    assert type(one.recommendation) is int

    many = UCB1(2, runs=2, seed=0)
    many.update([0, 1], [0.0, 0.0])
    assert many.recommendation.tolist() == [0, 1]  # an untried arm has no mean
