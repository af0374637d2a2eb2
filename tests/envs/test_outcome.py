"""The rule of the paper: by hand, and against a transcription of its text."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from banditsplit_envs import Side, SplitCost, SplitRule

# One lambda a layer, half a lambda an exit, 5 lambda an upload.
ALL = SplitCost(layer=1.0, exit=0.5, offload=5.0, evaluates="all")  # gamma = 1.5, 3, 4.5
SPLIT = replace(ALL, evaluates="split")  # gamma = 1.5, 2.5, 3.5

Reveal: TypeAlias = Callable[..., Side]
Table: TypeAlias = "np.ndarray[Any, np.dtype[np.float64]]"


def rule(side: str = "surrogate", audit_rate: float = 0.0, cost: SplitCost = ALL) -> SplitRule:
    return SplitRule(0.8, cost, side, audit_rate)


def pull(
    row: list[float], arm: int, *, cost: SplitCost = SPLIT, audited: bool = False
) -> tuple[int, float, float, bool, float]:
    """The outcome of one sample."""
    outcome = rule(cost=cost).settle(np.array([row]), np.array([arm]), np.array([audited]))
    exit_, reward, paid, offloaded, audit = (field[0] for field in outcome)
    return int(exit_), float(reward), float(paid), bool(offloaded), float(audit)


def shown(
    shows: SplitRule, row: list[float], arm: int, *, audited: bool = False
) -> dict[int, tuple[float, float]]:
    """What one sample reveals, arm -> (reward, cost), by a rule that sees what it computed."""
    confidence, arms, audit = np.array([row]), np.array([arm]), np.array([audited])
    cloud = shows.offloads(confidence[:, arm], arms, 3) | audit
    seen = np.where(shows.computed(arms, cloud, 3), confidence, np.nan)
    final = confidence[:, -1] if shows.side == "as_published" else None
    side = shows.reveal(seen, arms, audit, final)
    hidden = ~side.revealed

    assert not side.revealed[0, arm:].any()
    np.testing.assert_array_equal(side.reward[hidden], 0.0)
    np.testing.assert_array_equal(side.cost[hidden], 0.0)
    return {
        int(k): (float(side.reward[0, k]), float(side.cost[0, k]))
        for k in np.flatnonzero(side.revealed[0])
    }


# ----- What a pull gives


def test_a_confident_exit_answers_on_the_device() -> None:
    assert pull([0.5, 0.9, 0.95], 1) == (1, 0.9, 2.5, False, 0.0)


def test_an_unsure_exit_offloads_and_earns_the_final_confidence() -> None:
    assert pull([0.5, 0.9, 0.95], 0) == (2, 0.95, 1.5 + 5, True, 0.0)


def test_the_last_layer_never_offloads() -> None:
    assert pull([0.5, 0.6, 0.1], 2) == (2, 0.1, 3.5, False, 0.0)


def test_a_confidence_at_the_threshold_is_enough() -> None:
    assert pull([0.8, 0.3, 0.4], 0) == (0, 0.8, 1.5, False, 0.0)
    assert pull([np.nextafter(0.8, 0), 0.3, 0.4], 0) == (2, 0.4, 6.5, True, 0.0)


def test_a_threshold_of_0_never_offloads_and_1_takes_certainty() -> None:
    row, arm, nobody = np.array([[0.0, 0.7], [1.0, 0.7]]), np.array([0, 0]), np.zeros(2, bool)

    assert not SplitRule(0, ALL).settle(row, arm, nobody).offloaded.any()
    np.testing.assert_array_equal(
        SplitRule(1, ALL).settle(row, arm, nobody).offloaded, [True, False]
    )


def test_who_evaluates_every_exit_pays_for_every_exit() -> None:
    assert pull([0.5, 0.9, 0.95], 1, cost=ALL) == (1, 0.9, 3.0, False, 0.0)


def test_an_audit_changes_the_answer_but_not_what_the_arm_gets() -> None:
    """The final exit answers; the arm keeps its own confidence, and the upload is apart."""
    assert pull([0.5, 0.9, 0.95], 1, audited=True) == (2, 0.9, 2.5, True, 5.0)


def test_samples_are_settled_side_by_side() -> None:
    table = np.array([[0.9, 0.1, 0.6], [0.2, 0.85, 0.7], [0.3, 0.4, 0.5]])
    outcome = rule(cost=SPLIT).settle(table, np.array([0, 1, 1]), np.zeros(3, bool))

    np.testing.assert_array_equal(outcome.exit, [0, 1, 2])
    np.testing.assert_array_equal(outcome.reward, [0.9, 0.85, 0.5])
    np.testing.assert_array_equal(outcome.cost, [1.5, 2.5, 7.5])
    np.testing.assert_array_equal(outcome.offloaded, [False, False, True])


@st.composite
def tables(draw: st.DrawFn) -> Table:
    """1 to 6 samples, 1 to 5 exits; many confidences sit exactly at a threshold."""
    shape = (draw(st.integers(1, 6)), draw(st.integers(1, 5)))
    some = st.sampled_from([0.0, 0.25, 0.5, 0.8, 1.0]) | st.floats(0, 1)
    return draw(arrays.arrays(np.float64, shape, elements=some, fill=st.nothing()))


def papers_reward(c: list[float], i: int, *, alpha: float, mu: float, cost: Any) -> float:
    """Reward of arm i, from 1, transcribed from Sec. 3 of the paper."""
    last = len(c)
    gamma: float = cost.layer * i + cost.exit
    if cost.evaluates == "all":
        gamma = (cost.layer + cost.exit) * i
    if c[i - 1] >= alpha or i == last:
        return c[i - 1] - mu * gamma
    away: float = gamma + cost.offload
    return c[last - 1] - mu * away


@given(
    table=tables(),
    alpha=st.sampled_from([0.0, 0.25, 0.5, 0.8, 1.0]),
    mu=st.floats(0, 2),
    amounts=st.tuples(st.floats(0, 9), st.floats(0, 9), st.floats(0, 9)),
    evaluates=st.sampled_from(["split", "all"]),
)
def test_reward_minus_cost_is_the_papers_reward(
    table: Table, alpha: float, mu: float, amounts: tuple[float, float, float], evaluates: str
) -> None:
    cost = SplitCost(*amounts, evaluates=evaluates)
    samples, exits = table.shape
    literal = np.zeros((samples, exits))
    ours = np.zeros((samples, exits))
    for arm in range(exits):
        outcome = SplitRule(alpha, cost).settle(
            table, np.full(samples, arm), np.zeros(samples, bool)
        )
        ours[:, arm] = outcome.reward - mu * outcome.cost
        for n in range(samples):
            row = table[n].tolist()
            literal[n, arm] = papers_reward(row, arm + 1, alpha=alpha, mu=mu, cost=cost)

    np.testing.assert_allclose(ours, literal, atol=1e-12)


@given(table=tables(), evaluates=st.sampled_from(["split", "all"]))
def test_expected_values_are_means_over_all_samples(table: Table, evaluates: str) -> None:
    """Brute force: the paper's reward with mu = 0 is the reward; mu = 1 takes the cost off."""
    cost = replace(ALL, evaluates=evaluates)
    reward, paid = SplitRule(0.8, cost).expected(table)
    for i in range(1, table.shape[1] + 1):
        free, net = (
            [papers_reward(row, i, alpha=0.8, mu=mu, cost=cost) for row in table.tolist()]
            for mu in (0.0, 1.0)
        )

        assert reward[i - 1] == pytest.approx(sum(free) / len(table))
        assert reward[i - 1] - paid[i - 1] == pytest.approx(sum(net) / len(table))


def test_expected_values_charge_no_audits() -> None:
    table = np.array([[0.9, 0.5], [0.9, 0.6]])
    _, cost = rule("doubly_robust", 1.0).expected(table)

    np.testing.assert_array_equal(cost, [1.5, 3.0])


# ----- What was computed


def test_the_split_alone_or_every_exit_before_it_was_computed() -> None:
    arm, cloud = np.array([1, 1, 2]), np.array([False, True, False])

    np.testing.assert_array_equal(
        rule(cost=SPLIT).computed(arm, cloud, 3), [[0, 1, 0], [0, 1, 1], [0, 0, 1]]
    )
    np.testing.assert_array_equal(
        rule(cost=ALL).computed(arm, cloud, 3), [[1, 1, 0], [1, 1, 1], [1, 1, 1]]
    )


# ----- Audits


def test_only_confident_samples_before_the_last_layer_are_audited() -> None:
    everyone = rule("doubly_robust", 1.0)
    arm, offloaded = np.array([0, 0, 2]), np.array([False, True, False])
    audited = everyone.audits(offloaded, arm, 3, np.random.default_rng(0))

    np.testing.assert_array_equal(audited, [True, False, False])


def test_audits_come_at_their_rate() -> None:
    """10,000 draws at .2 leave 2000 +- 200, five deviations, with probability < 1e-6."""
    arm, stayed = np.zeros(10_000, np.int64), np.zeros(10_000, bool)
    count = rule("doubly_robust", 0.2).audits(stayed, arm, 3, np.random.default_rng(1)).sum()

    assert abs(count - 2000) < 200
    assert abs(10_000 * 0.25 - 2000) > 200  # a rate of .25 would be noticed


def test_without_audits_no_random_number_is_drawn() -> None:
    rng = np.random.default_rng(3)
    audited = rule().audits(np.zeros(5, bool), np.zeros(5, np.int64), 3, rng)

    assert not audited.any()
    assert rng.random() == np.random.default_rng(3).random()


# ----- Side observations, by hand: gamma = 1.5, 3, 4.5, and 5 for an upload

UNSURE_THEN_SURE = [0.5, 0.9, 0.95]
NEVER_SURE = [0.5, 0.6, 0.7]
SURE_TWICE = [0.85, 0.9, 0.95]


def test_the_surrogate_is_the_confidence_at_the_split() -> None:
    """Arm 0 would have offloaded; nobody knows .95, so .9 stands in."""
    assert shown(rule("surrogate"), UNSURE_THEN_SURE, 1) == {0: (0.9, 6.5)}


def test_the_published_side_reward_is_the_unseen_final_confidence() -> None:
    assert shown(rule("as_published"), UNSURE_THEN_SURE, 1) == {0: (0.95, 6.5)}


def test_observed_hides_an_arm_that_would_have_offloaded() -> None:
    assert shown(rule("observed"), UNSURE_THEN_SURE, 1) == {}


def test_doubly_robust_is_the_surrogate_without_an_audit_and_corrected_with_one() -> None:
    """.9 + (.95 - .9) / .25 = 1.1: it leaves [0, 1]."""
    robust = rule("doubly_robust", 0.25)

    assert shown(robust, UNSURE_THEN_SURE, 1) == {0: (0.9, 6.5)}
    ((reward, cost),) = shown(robust, UNSURE_THEN_SURE, 1, audited=True).values()

    assert reward == pytest.approx(1.1)
    assert cost == 6.5


MODES = pytest.mark.parametrize(
    "mode",
    [rule("surrogate"), rule("doubly_robust", 0.25), rule("as_published"), rule("observed")],
    ids=lambda mode: mode.side,
)


@MODES
def test_an_arm_that_would_have_answered_shows_its_own_confidence(mode: SplitRule) -> None:
    assert shown(mode, SURE_TWICE, 1) == {0: (0.85, 1.5)}


@MODES
def test_after_an_offload_every_mode_shows_the_final_confidence(mode: SplitRule) -> None:
    assert shown(mode, NEVER_SURE, 1) == {0: (0.7, 6.5)}


@MODES
def test_the_last_layer_shows_every_arm(mode: SplitRule) -> None:
    """The final confidence was computed on the device: .7 for arm 1, which was unsure."""
    assert shown(mode, [0.9, 0.6, 0.7], 2) == {0: (0.9, 1.5), 1: (0.7, 8.0)}


@MODES
def test_the_first_arm_shows_nothing(mode: SplitRule) -> None:
    assert shown(mode, NEVER_SURE, 0) == {}
    assert shown(mode, SURE_TWICE, 0) == {}


@MODES
def test_exits_that_were_not_evaluated_show_nothing(mode: SplitRule) -> None:
    alone = replace(mode, cost=SPLIT)

    assert shown(alone, NEVER_SURE, 1) == {}
    assert shown(alone, NEVER_SURE, 2) == {}


# ----- The doubly robust stand-in is unbiased


def mean_shown(reveal: Reveal, table: Table, arm: int, rate: float, threshold: float) -> Table:
    """Mean of what is shown of every arm before ``arm``, `[arm]`.

    Exact: over all samples, and over audited and not, weighted by how likely each is.
    """
    total, weight = np.zeros(arm), np.zeros(arm)
    exits = table.shape[1]
    for row in table:
        stays = arm < exits - 1 and row[arm] >= threshold
        for audited, chance in ((True, rate), (False, 1 - rate)) if stays else ((False, 1.0),):
            seen = np.where(np.arange(exits) <= arm, row, np.nan)
            if audited or not stays:
                seen[-1] = row[-1]
            side = reveal(seen[None], np.array([arm]), np.array([audited]))
            total += chance * side.reward[0, :arm]
            weight += chance * side.revealed[0, :arm]
    mean: Table = total / weight
    return mean


def true_means(table: Table, arm: int, threshold: float) -> Table:
    """Mean reward of every arm before ``arm``, all of which may offload, `[arm]`."""
    before = table[:, :arm]
    mean: Table = np.where(before >= threshold, before, table[:, -1:]).mean(0)
    return mean


@given(table=tables(), rate=st.floats(0.01, 1), threshold=st.floats(0, 1), data=st.data())
def test_over_the_audit_draws_the_doubly_robust_reward_is_the_true_one(
    table: Table, rate: float, threshold: float, data: st.DataObject
) -> None:
    arm = data.draw(st.integers(0, table.shape[1] - 1))
    robust = SplitRule(threshold, ALL, "doubly_robust", rate)

    np.testing.assert_allclose(
        mean_shown(robust.reveal, table, arm, rate, threshold),
        true_means(table, arm, threshold),
        atol=1e-12,
    )


# Unsure, then sure, and the cloud knows better or worse; and a sample that is sure at once.
BIASED = np.array([[0.3, 0.9, 0.5], [0.4, 0.8, 1.0], [0.95, 0.9, 0.6]])


@pytest.mark.parametrize(
    ("planted", "bias"),
    [
        # Arm 0 is truly worth (.5 + 1 + .95) / 3. The cloud's word where there was an
        # audit, else the surrogate: half of (.9 + .8 - 1.5) / 3 too much.
        pytest.param("surrogate", 0.1 / 3, id="correction without 1 / audit_rate"),
        # An unsure sample is seen in half of its rounds only, so the sure one weighs double.
        pytest.param(
            "observed", (0.25 + 0.5 + 0.95) / 2 - 2.45 / 3, id="skipping what is not known"
        ),
    ],
)
def test_the_same_check_notices_a_biased_stand_in(planted: str, bias: float) -> None:
    """The control: the table is right for doubly robust, and wrong for what is planted."""
    truth = true_means(BIASED, 1, 0.8)
    robust = mean_shown(rule("doubly_robust", 0.5).reveal, BIASED, 1, 0.5, 0.8)
    shows = mean_shown(rule(planted).reveal, BIASED, 1, 0.5, 0.8)

    np.testing.assert_allclose(robust, truth)
    np.testing.assert_allclose(shows - truth, [bias])


def test_the_same_check_notices_that_only_audited_rounds_are_kept() -> None:
    """The control: corrected where audited, and silent where not."""
    robust = rule("doubly_robust", 0.5)

    def planted(seen: Table, arm: Any, audited: Any) -> Side:
        side = robust.reveal(seen, arm, audited)
        kept = side.revealed & (audited | (seen[:, 0] >= 0.8))[:, None]
        return Side(kept, side.reward * kept, side.cost * kept)

    shows = mean_shown(planted, BIASED, 1, 0.5, 0.8)

    assert abs(shows - true_means(BIASED, 1, 0.8))[0] > 0.01


# ----- Reports


def test_a_report_says_who_answered_and_what_it_cost() -> None:
    seen = np.array([[0.5, 0.9, np.nan], [0.5, 0.6, 0.7]])
    answers = np.array([[1, 2, 3], [4, 5, 6]])
    arm, nobody = np.array([1, 1]), np.zeros(2, bool)
    reward, info = rule().report(seen, answers, arm, nobody, label=np.array([2, 5]))

    np.testing.assert_array_equal(reward, [0.9, 0.7])
    np.testing.assert_array_equal(info["cost"], [3.0, 8.0])
    np.testing.assert_array_equal(info["prediction"], [2, 6])
    np.testing.assert_array_equal(info["correct"], [True, False])
    np.testing.assert_array_equal(info["offloaded"], [False, True])
    np.testing.assert_array_equal(info["audit_cost"], [0.0, 0.0])
    assert info["side_observations"]["kind"] == "surrogate"
    assert set(info["side_observations"]) == {"revealed", "reward", "cost", "kind"}


def test_a_report_without_labels_says_nothing_of_right_and_wrong() -> None:
    seen, arm = np.array([[0.9, np.nan]]), np.array([0])
    _, info = rule().report(seen, np.array([[1, 1]]), arm, np.zeros(1, bool))

    assert "correct" not in info


def test_who_evaluates_one_exit_reports_no_side_observations() -> None:
    seen, arm = np.array([[0.9, np.nan]]), np.array([0])
    _, info = rule(cost=SPLIT).report(seen, np.array([[1, 1]]), arm, np.zeros(1, bool))

    assert "side_observations" not in info


# ----- Bad input


@pytest.mark.parametrize(
    ("changes", "error", "wanted"),
    [
        ({"threshold": 1.4}, ValueError, r"`threshold` must lie in \[0, 1\], got 1.4"),
        ({"threshold": -0.1}, ValueError, r"`threshold` must lie in \[0, 1\], got -0.1"),
        ({"threshold": float("nan")}, ValueError, "`threshold` must be a finite number"),
        ({"threshold": "high"}, TypeError, "`threshold` must be a finite number, got 'high'"),
        ({"cost": 5.0}, TypeError, "`cost` must be a SplitCost, got 5.0"),
        ({"side": "guess"}, ValueError, "`side` must be one of surrogate, .* got 'guess'"),
        ({"side": None}, ValueError, "`side` must be one of surrogate, .* got None"),
        ({"audit_rate": 0.1}, ValueError, "`audit_rate` must be .* 0 otherwise, got 0.1"),
        ({"side": "doubly_robust"}, ValueError, "`audit_rate` must be positive .* got 0.0"),
        (
            {"side": "doubly_robust", "audit_rate": 1.5},
            ValueError,
            r"`audit_rate` must lie in \[0, 1\], got 1.5",
        ),
    ],
)
def test_a_rule_outside_its_range_is_refused(
    changes: dict[str, Any], error: type[Exception], wanted: str
) -> None:
    arguments: dict[str, Any] = {"threshold": 0.8, "cost": ALL}
    with pytest.raises(error, match=wanted):
        SplitRule(**(arguments | changes))


def test_as_published_needs_the_final_confidence() -> None:
    """Silently showing the surrogate under that name would be false."""
    seen, arm, nobody = np.array([[0.5, 0.9, np.nan]]), np.array([1]), np.zeros(1, bool)
    with pytest.raises(ValueError, match="`final` must be given for 'as_published', got None"):
        rule("as_published").reveal(seen, arm, nobody)
