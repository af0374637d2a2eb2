"""Play that needs no learning, by hand on three samples of three exits.

gamma = 1.5, 2.5, 3.5 for one exit and 1.5, 3, 4.5 for every exit; 5 for an upload.
"""

from typing import Any

import numpy as np
import pytest

from banditsplit_envs import Outcome, SplitCost, SplitRule
from banditsplit_envs.baselines import (
    always_offload,
    final_exit,
    first_confident_exit,
    fixed_arm,
    random_exit,
)

RULE = SplitRule(0.8, SplitCost(layer=1.0, exit=0.5, offload=5.0))
TABLE = np.array(
    [
        [0.9, 0.95, 0.7],  # sure at once
        [0.3, 0.85, 0.6],  # sure at the second exit
        [0.4, 0.5, 0.75],  # never sure
    ]
)


def check(
    outcome: Outcome, *, exit_: Any, reward: Any, cost: Any, offloaded: Any = (False,) * 3
) -> None:
    np.testing.assert_array_equal(outcome.exit, exit_)
    np.testing.assert_array_equal(outcome.reward, reward)
    np.testing.assert_array_equal(outcome.cost, cost)
    np.testing.assert_array_equal(outcome.offloaded, offloaded)
    np.testing.assert_array_equal(outcome.audit_cost, [0, 0, 0])


def test_a_fixed_arm_answers_or_offloads_there() -> None:
    check(
        fixed_arm(RULE, TABLE, 1),
        exit_=[1, 1, 2],
        reward=[0.95, 0.85, 0.75],
        cost=[2.5, 2.5, 7.5],
        offloaded=[False, False, True],
    )


def test_each_sample_may_have_a_fixed_arm_of_its_own() -> None:
    check(
        fixed_arm(RULE, TABLE, [0, 2, 0]),
        exit_=[0, 2, 2],
        reward=[0.9, 0.6, 0.75],
        cost=[1.5, 3.5, 6.5],
        offloaded=[False, False, True],
    )


def test_the_final_exit_runs_every_layer_and_uploads_nothing() -> None:
    check(final_exit(RULE, TABLE), exit_=[2, 2, 2], reward=[0.7, 0.6, 0.75], cost=[3.5] * 3)


def test_always_offload_runs_one_layer_and_asks_the_cloud() -> None:
    check(
        always_offload(RULE, TABLE),
        exit_=[2, 2, 2],
        reward=[0.7, 0.6, 0.75],
        cost=[6.5] * 3,
        offloaded=[True] * 3,
    )


@pytest.mark.parametrize("threshold", [0.0, 0.8, 1.0])
def test_always_offload_offloads_whoever_is_certain(threshold: float) -> None:
    """A rounded softmax may be exactly 1, and so not below any threshold."""
    certain = np.array([[1.0, 1.0, 0.6], [1.0, 0.2, 1.0], [0.0, 1.0, 0.3]])
    before = certain.copy()
    rule = SplitRule(threshold, RULE.cost)
    check(
        always_offload(rule, certain),
        exit_=[2, 2, 2],
        reward=[0.6, 1.0, 0.3],
        cost=[6.5] * 3,
        offloaded=[True] * 3,
    )
    np.testing.assert_array_equal(certain, before)


def test_the_first_confident_exit_answers_and_is_what_is_paid_for() -> None:
    """Not the one after it, as in the published code: .95 and .6, for 3 and 4.5 lambda."""
    check(
        first_confident_exit(RULE, TABLE),
        exit_=[0, 1, 2],
        reward=[0.9, 0.85, 0.75],
        cost=[1.5, 3.0, 4.5],
    )


def test_the_published_off_by_one_pays_more_and_answers_otherwise() -> None:
    """The control: transcribed, it is one exit too deep wherever there is one."""
    corrected = first_confident_exit(RULE, TABLE)
    published = []
    for row in TABLE:
        layer = 0
        while layer < 2 and row[layer] < 0.8:
            layer += 1
        published.append(min(layer + 1, 2))

    np.testing.assert_array_equal(published, [1, 2, 2])
    np.testing.assert_array_equal(corrected.exit, [0, 1, 2])


def test_a_confidence_at_the_threshold_is_the_first_confident_one() -> None:
    outcome = first_confident_exit(RULE, np.array([[0.8, 0.9, 0.9], [0.79, 0.8, 0.9]]))

    np.testing.assert_array_equal(outcome.exit, [0, 1])


def test_a_random_exit_is_a_fixed_arm_of_its_draws() -> None:
    drawn = np.random.default_rng(6).integers(3, size=3)
    outcome = random_exit(RULE, TABLE, np.random.default_rng(6))
    expected = fixed_arm(RULE, TABLE, drawn)
    for ours, theirs in zip(outcome, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_random_exit_takes_each_layer_as_often() -> None:
    """At a threshold of 0 the exit is the arm: 3000 draws, 1000 +- 129, 5 deviations."""
    sure = SplitRule(0.0, RULE.cost)
    outcome = random_exit(sure, np.tile(TABLE, (1000, 1)), np.random.default_rng(0))

    assert np.abs(np.bincount(outcome.exit) - 1000).max() < 129  # fails with p < 2e-6


def test_with_one_exit_they_are_all_the_same() -> None:
    only = np.array([[0.3], [0.9], [1.0]])
    rng = np.random.default_rng(0)
    for outcome in (
        final_exit(RULE, only),
        random_exit(RULE, only, rng),
        always_offload(RULE, only),
        first_confident_exit(RULE, only),
    ):
        check(outcome, exit_=[0, 0, 0], reward=[0.3, 0.9, 1.0], cost=[1.5] * 3)
