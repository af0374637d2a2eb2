"""Play that needs no learning, by hand on three samples of three exits.

gamma = 1.5, 2.5, 3.5 for one exit and 1.5, 3, 4.5 for every exit; 5 for an upload.
"""

from typing import Any

import numpy as np
import pytest

from banditsplit_envs import Outcome, SplitCost, SplitRule
from banditsplit_envs.evaluation.baselines import (
    always_offload,
    final_exit,
    first_certain_exit,
    first_confident_exit,
    fixed_arm,
    flattest_entropy,
    patient_exit,
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


# In nats; at .9 two samples are certain at once, and one never.
ENTROPY = np.array([[0.5, 0.1, 0.2], [0.9, 0.8, 0.3], [1.0, 1.1, 1.05]])


def test_the_first_exit_of_low_entropy_answers_however_sure_it_is() -> None:
    check(
        first_certain_exit(RULE, TABLE, ENTROPY, most=0.9),
        exit_=[0, 0, 2],
        reward=[0.9, 0.3, 0.75],
        cost=[1.5, 1.5, 4.5],
    )
    np.testing.assert_array_equal(ENTROPY[0], [0.5, 0.1, 0.2])  # nothing is written there


def test_for_two_classes_low_entropy_and_high_confidence_are_one_rule() -> None:
    """Confidences of 2,000 samples and 5 exits; the entropy is written out here."""
    sure = np.random.default_rng(0).uniform(0.5, 1.0, (2000, 5))
    entropy = -sure * np.log(sure) - (1 - sure) * np.log(1 - sure)
    for threshold in (0.55, 0.7, 0.9):
        rule = SplitRule(threshold, RULE.cost)
        ours = first_certain_exit(rule, sure, entropy, most=flattest_entropy(threshold, 2))
        for one, other in zip(ours, first_confident_exit(rule, sure), strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_whoever_is_as_confident_has_at_most_the_flattest_entropy(classes: int) -> None:
    """No law of 40,000, peaked and flat, exceeds it; the flattest one attains it."""
    rng = np.random.default_rng(classes)
    laws = rng.dirichlet(np.full(classes, 0.3), 20_000)
    laws = np.concatenate([laws, rng.dirichlet(np.full(classes, 5.0), 20_000)])
    entropy = -(laws * np.log(np.maximum(laws, 1e-300))).sum(1)
    for threshold in (0.3, 0.6, 0.8, 0.95):
        confident = laws.max(1) >= threshold
        assert entropy[confident].max() <= flattest_entropy(threshold, classes) + 1e-12
        if threshold >= 1 / classes:
            flat = np.full(classes, (1 - threshold) / (classes - 1))
            flat[0] = threshold
            expected = -(flat * np.log(flat)).sum()
            assert flattest_entropy(threshold, classes) == pytest.approx(expected)


def test_the_flattest_entropy_ends_at_none_and_at_that_of_equal_chances() -> None:
    assert flattest_entropy(1.0, 4) == 0.0
    for threshold in (0.0, 0.1, 0.25):
        assert flattest_entropy(threshold, 4) == pytest.approx(np.log(4))


# Of 4 samples: agree at once, later, twice in a row, and never.
CLASSES = np.array([[1, 1, 1, 1], [0, 1, 1, 2], [0, 1, 1, 1], [0, 1, 2, 3]])


@pytest.mark.parametrize(
    ("patience", "exit_"), [(1, [1, 2, 2, 3]), (2, [2, 3, 3, 3]), (3, [3, 3, 3, 3])]
)
def test_patience_answers_once_so_many_exits_in_a_row_agreed(patience: int, exit_: Any) -> None:
    """It pays for every exit on the way, and takes the answer of the last one it asked."""
    confidence = np.arange(16).reshape(4, 4) / 16
    outcome = patient_exit(RULE, confidence, CLASSES, patience=patience)

    np.testing.assert_array_equal(outcome.exit, exit_)
    np.testing.assert_array_equal(outcome.reward, confidence[range(4), exit_])
    np.testing.assert_array_equal(outcome.cost, 1.5 * (np.array(exit_) + 1))
    assert not outcome.offloaded.any()


def test_an_agreement_that_breaks_is_counted_anew() -> None:
    """1 1 2 2 1 1 1: two in a row only at the end."""
    outcome = patient_exit(
        RULE, np.full((1, 7), 0.5), np.array([[1, 1, 2, 2, 1, 1, 1]]), patience=2
    )

    np.testing.assert_array_equal(outcome.exit, [6])


@pytest.mark.parametrize(
    ("call", "error", "wanted"),
    [
        (
            lambda: first_certain_exit(RULE, TABLE, ENTROPY[:2], most=0.5),
            ValueError,
            r"`entropy` must have shape \(3, 3\) like `confidence`, got \(2, 3\)",
        ),
        (
            lambda: first_certain_exit(RULE, TABLE, ENTROPY, most=-1),
            ValueError,
            "`most` must not be negative, got -1",
        ),
        (
            lambda: first_certain_exit(RULE, TABLE, ENTROPY, most=float("nan")),
            ValueError,
            "`most` must be a finite number, got nan",
        ),
        (
            lambda: patient_exit(RULE, TABLE, CLASSES, patience=1),
            ValueError,
            r"`prediction` must have shape \(3, 3\) like `confidence`, got \(4, 4\)",
        ),
        (
            lambda: patient_exit(RULE, TABLE, CLASSES[:3, :3], patience=0),
            ValueError,
            "`patience` must be an integer of at least 1, got 0",
        ),
        (
            lambda: patient_exit(RULE, TABLE, CLASSES[:3, :3], patience=1.5),  # type: ignore[arg-type]
            TypeError,
            "`patience` must be an integer of at least 1, got 1.5",
        ),
        (lambda: flattest_entropy(0.5, 1), ValueError, "`classes` must be .* least 2, got 1"),
        (lambda: flattest_entropy(1.5, 2), ValueError, r"`threshold` must lie in \[0, 1\]"),
    ],
    ids=range(8),
)
def test_bad_input_is_refused(call: Any, error: type[Exception], wanted: str) -> None:
    with pytest.raises(error, match=wanted):
        call()


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
        first_certain_exit(RULE, only, 1 - only, most=0.0),
        patient_exit(RULE, only, np.ones((3, 1), int), patience=1),
    ):
        check(outcome, exit_=[0, 0, 0], reward=[0.3, 0.9, 1.0], cost=[1.5] * 3)
