"""The table: by hand on three samples, and the paper's claim on a synthetic trace."""

from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

import banditsplit as bs
from banditsplit_envs import Comparison, SplitCost, Trace, compare
from banditsplit_envs.evaluation.comparison import (
    AGREEING,
    BASELINES,
    CERTIFIED,
    HINDSIGHT,
    JOINT,
    SEQUENTIAL,
)
from banditsplit_envs.evaluation.figures import accuracy_cost_figure, regret_figure

NAMED = ["SplitEE", "SplitEE-S", "UCB1", "Thompson", "epsilon-greedy", "Thompson-S"]
KEYS = {
    "policy",
    "kind",
    "evaluates",
    "side_kind",
    "audit_cost",
    "cost_cut",
    *(key + end for key in ("accuracy", "cost", "offload_rate") for end in ("", "_ci")),
    *(key + end for key in ("pseudo_regret", "shortfall") for end in ("", "_ci")),
}

# Threshold .8; gamma = 1.5, 2.5, 3.5 for one exit and 1.5, 3, 4.5 for every exit; 5 to upload.
CONFIDENCE = np.array([[0.9, 0.95, 0.7], [0.3, 0.85, 0.6], [0.4, 0.5, 0.75]])
RIGHT = np.array([[1, 1, 0], [0, 1, 1], [0, 0, 1]])
ENTROPY = np.array([[0.6, 0.5, 0.1], [0.4, 0.9, 0.9], [0.9, 0.9, 0.9]])  # nats
TRACE = Trace(CONFIDENCE, RIGHT, np.ones(3, np.int64), entropy=ENTROPY)
COST = SplitCost(layer=1.0, exit=0.5, offload=5.0)
# Net values of the arms, summed over the samples: 2.25 - 1.45, 2.55 - 1.25, 2.05 - 1.05.
FIXED = {f"arm {arm}": bs.FixedArm(3, arm) for arm in range(3)}


def small(**changes: Any) -> Comparison:
    how: dict[str, Any] = {"cost": COST, "threshold": 0.8, "tradeoff": 0.1, "passes": 3}
    return compare(changes.pop("trace", TRACE), **(how | changes))


@cache
def by_hand() -> Comparison:
    return small(policies=FIXED)


def check(row: dict[str, Any], **expected: float) -> None:
    for key, value in expected.items():
        assert row[key] == pytest.approx(value, abs=1e-12), key
        if f"{key}_ci" in row:  # every pass is a shuffle of the same three
            np.testing.assert_allclose(row[f"{key}_ci"], value, atol=1e-12)


# ----- Rows


def test_there_is_a_row_for_every_policy_baseline_and_the_best_arm() -> None:
    rows = by_hand().rows
    policies = [*NAMED, *FIXED, SEQUENTIAL]
    kinds = ["policy"] * len(policies) + ["baseline"] * len(BASELINES) + ["hindsight"]

    assert [row["policy"] for row in rows] == [*policies, *BASELINES, HINDSIGHT]
    assert [row["kind"] for row in rows] == kinds
    for row in rows:
        assert set(row) == KEYS
        assert by_hand().row(row["policy"]) is row
    with pytest.raises(KeyError, match="nobody"):
        by_hand().row("nobody")


def test_every_exit_is_charged_to_whoever_evaluates_it() -> None:
    evaluates = {row["policy"]: row["evaluates"] for row in by_hand().rows}
    every = {name for name, what in evaluates.items() if what == "all"}

    sides = {"SplitEE-S", "Thompson-S", "UEE-UCB"}

    sequential = {f"{what} at every exit" for what in ("threshold", "entropy", "patience")}
    assert every == sides | sequential
    assert evaluates.pop(SEQUENTIAL) == "asked"
    assert set(evaluates.values()) == {"all", "split"}


def test_the_side_mode_stands_where_it_was_learned_from() -> None:
    kinds = {row["policy"]: row["side_kind"] for row in by_hand().rows}

    for name in ("SplitEE-S", "Thompson-S", SEQUENTIAL):
        assert kinds.pop(name) == "surrogate"
    assert kinds.pop("UEE-UCB") == "observed"
    assert set(kinds.values()) == {None}


def test_the_final_exit_by_hand() -> None:
    check(
        by_hand().row("final exit"),
        accuracy=2 / 3,
        cost=3.5,
        cost_cut=0,
        offload_rate=0,
        pseudo_regret=0.3,
        shortfall=0.1,
        audit_cost=0,
    )


def test_always_offload_by_hand() -> None:
    """It earns 2.05 for 19.5 lambda, .1 in all, where the best arm has 1.3."""
    row = by_hand().row("always offload")
    check(row, accuracy=2 / 3, cost=6.5, cost_cut=1 - 6.5 / 3.5, offload_rate=1, shortfall=0.4)
    assert np.isnan(row["pseudo_regret"])


def test_the_threshold_at_every_exit_by_hand() -> None:
    """It answers at exits 1, 2 and 3 for 1.5, 3 and 4.5, earns 2.5, and beats every arm."""
    row = by_hand().row("threshold at every exit")
    check(row, accuracy=1, cost=3, cost_cut=0.5 / 3.5, offload_rate=0, shortfall=-0.1)
    assert np.isnan(row["pseudo_regret"])


def test_the_best_fixed_arm_by_hand() -> None:
    check(
        by_hand().row("best fixed arm"),
        accuracy=1,
        cost=12.5 / 3,
        cost_cut=1 - 12.5 / 10.5,
        offload_rate=1 / 3,
        pseudo_regret=0,
        shortfall=0,
    )


def test_the_random_exit_has_the_mean_of_all_gaps() -> None:
    """Gaps .5, 0 and .3, over three samples."""
    assert by_hand().row("random exit")["pseudo_regret"] == pytest.approx(0.8 / 3)


def test_a_policy_by_hand() -> None:
    """Arm 0 answers once and offloads twice: 1.5, 6.5 and 6.5 lambda."""
    check(
        by_hand().row("arm 0"),
        accuracy=1,
        cost=14.5 / 3,
        cost_cut=1 - 14.5 / 10.5,
        offload_rate=2 / 3,
        pseudo_regret=0.5,
        shortfall=0.5 / 3,
    )


def test_a_policy_with_side_observations_pays_for_every_exit() -> None:
    """Arm 1 for 3, 3 and 8 lambda: best of its own arms, and behind the cheaper benchmark."""
    policies = {"every exit": bs.FixedArm(3, 1, side_observations=True)}
    row = small(policies=policies).row("every exit")
    check(row, accuracy=1, cost=14 / 3, pseudo_regret=0, shortfall=0.15 / 3)

    assert (row["evaluates"], row["side_kind"]) == ("all", "surrogate")


def test_entropy_by_hand() -> None:
    """Of two classes at .8 it is .5004 nats at most: exits 2, 1 and 3, one of them wrong."""
    check(by_hand().row("entropy at every exit"), accuracy=2 / 3, cost=3, offload_rate=0)


def test_patience_by_hand() -> None:
    """One agreement of three exits: the answers are 1, 1 and 0 after 2, 3 and 2 exits."""
    row = by_hand().row("patience at every exit")
    check(row, accuracy=2 / 3, cost=(3 + 4.5 + 3) / 3, offload_rate=0)


def test_learners_of_other_papers_are_judged_by_confidence_like_everyone() -> None:
    """Every sample is (.6, .9), and its answer changes at the second exit.

    AdaEE leaves for .6 - .15 or offloads for .9 - .65; UEE-UCB answers at the first exit for
    .6 - .15 or at the second for .9 - .3, both having been asked; accuracy tells how often. The
    best fixed arm's net value is .9 - .25. By their own rewards they learn the first and the
    second.
    """
    trace = Trace(np.tile([0.6, 0.9], (8, 1)), np.tile([0, 1], (8, 1)), np.ones(8, int))
    table = small(trace=trace, tradeoff=0.1, rounds=100)
    for name, first, second in (("AdaEE", 0.45, 0.25), ("UEE-UCB", 0.45, 0.6)):
        row = table.row(name)
        share = row["accuracy"]  # the second exit alone is right
        assert row["shortfall"] == pytest.approx(0.65 - (first * (1 - share) + second * share))
        assert np.isnan(row["pseudo_regret"])
    assert table.row("AdaEE")["accuracy"] < 0.5 < table.row("UEE-UCB")["accuracy"]


def test_audits_are_charged_to_who_learns_from_them() -> None:
    """Arm 1 is audited on both samples it is sure of: 10 lambda more, answered by the cloud."""
    policies = {"every exit": bs.FixedArm(3, 1, side_observations=True), **FIXED}
    table = small(policies=policies, side="doubly_robust", audit_rate=1.0)
    row = table.row("every exit")
    check(
        row,
        accuracy=2 / 3,
        cost=24 / 3,
        audit_cost=10 / 3,
        offload_rate=1,
        pseudo_regret=1.0,
        shortfall=(1.3 - 0.15) / 3,
    )

    assert row["side_kind"] == "doubly_robust"
    assert "doubly_robust" in str(table)


def test_who_learns_from_no_side_observation_pays_for_no_audit() -> None:
    audited = small(policies=FIXED, side="doubly_robust", audit_rate=1.0)
    for row in by_hand().rows:
        if row["evaluates"] == "split":
            np.testing.assert_equal(audited.row(row["policy"]), row)


# ----- Sequential exits


def test_sequential_arms_are_charged_for_the_exits_that_they_ask() -> None:
    """Exits 1 and 2 for 1.5 and 3, all three for 4.5, 5 to upload: what `JointRule` says.

    Net values summed over the samples: always offload 2.05 - 1.95; one exit 2.25 - 1.45; two
    2.5 - 1.25 (the third sample is offloaded from there); three 2.5 - .9.
    """
    table = small(rounds=3000, passes=2)
    row, history = table.row(SEQUENTIAL), table.history[SEQUENTIAL]
    gaps = (1.6 - np.array([0.1, 0.8, 1.25, 1.6])) / 3

    assert row["pseudo_regret"] == pytest.approx((history.pulls @ gaps).mean())
    assert history.pulls.argmax(1).tolist() == [3, 3]
    # Almost as "threshold at every exit", whose arm it finds.
    assert row["accuracy"] == pytest.approx(1, abs=0.02)
    assert row["cost"] == pytest.approx(3, rel=0.02)


@cache
def calibrated() -> Comparison:
    return small(
        trace=synthetic(2000, 12), rounds=300, calibration=synthetic(1000, 12), level=0.1
    )


def test_a_calibration_trace_adds_the_joint_and_the_certified_policy() -> None:
    rows = calibrated().rows
    names = [*NAMED, SEQUENTIAL, JOINT, AGREEING, CERTIFIED, *BASELINES, HINDSIGHT]
    names.remove("entropy at every exit")  # which this trace does not have

    assert [row["policy"] for row in rows] == names
    assert [*calibrated().history] == names[:10]
    kinds = {JOINT: "surrogate", AGREEING: "surrogate", CERTIFIED: "observed"}
    for name, kind in kinds.items():
        row = calibrated().row(name)
        assert (row["kind"], row["evaluates"], row["side_kind"]) == ("policy", "asked", kind)
        assert set(row) == KEYS


def test_other_rows_do_not_change_with_a_calibration_trace() -> None:
    without = small(trace=synthetic(2000, 12), rounds=300)
    for row in without.rows:
        np.testing.assert_equal(calibrated().row(row["policy"]), row)


def test_the_certified_policy_is_judged_by_confidence_like_everyone() -> None:
    """In three rounds nothing is certified: it offloads, or audits, and the cloud answers."""
    table = small(calibration=TRACE, loss=0.5, level=0.5, cloud_reports="all")
    row, offload = table.row(CERTIFIED), table.row("always offload")

    for key in ("accuracy", "cost", "cost_cut", "offload_rate", "shortfall"):
        assert row[key] == pytest.approx(offload[key]), key
    assert np.isnan(row["pseudo_regret"])
    assert f"{CERTIFIED} (observed)" not in legend(regret_figure({"one": table}))


# ----- The same passes for everyone


def test_everyone_answers_the_same_samples() -> None:
    """On 7 draws with replacement, a policy and a baseline that do the same get the same."""
    table = small(policies=FIXED, rounds=7, passes=4, seed=3)
    pairs = (("final exit", "arm 2"), ("best fixed arm", "arm 1"))
    for baseline, policy in pairs:
        one, other = table.row(baseline), table.row(policy)
        for key in ("accuracy", "cost", "offload_rate", "shortfall"):
            np.testing.assert_allclose(one[key], other[key], atol=1e-12)
            np.testing.assert_allclose(one[f"{key}_ci"], other[f"{key}_ci"], atol=1e-12)
        assert one["pseudo_regret"] == pytest.approx(other["pseudo_regret"])
    assert table.row("arm 0")["cost"] != by_hand().row("arm 0")["cost"]  # draws, no shuffle


def test_on_a_shuffle_the_final_exit_is_as_accurate_as_the_trace() -> None:
    trace = synthetic(200, 12)
    table = small(trace=trace)

    assert table.row("final exit")["accuracy"] == pytest.approx(trace.accuracy[-1])
    assert table.row("final exit")["cost"] == pytest.approx(12.5)


def test_a_pass_is_a_shuffle_or_so_many_rounds() -> None:
    assert small().history.rounds[-1] == 3
    assert small(rounds=11).history.rounds[-1] == 11


def test_the_same_seed_gives_the_same_numbers() -> None:
    one, other, third = (small(rounds=20, seed=seed) for seed in (4, 4, 5))

    np.testing.assert_equal(one.rows, other.rows)
    assert one.row("SplitEE")["cost"] != third.row("SplitEE")["cost"]


def test_another_policy_changes_no_other_row() -> None:
    more = small(
        policies={"new": bs.UniformRandom(3), "s": bs.SplitEES(3, tradeoff=1)}, rounds=20
    )
    for row in small(rounds=20).rows:
        np.testing.assert_equal(more.row(row["policy"]), row)


def test_a_named_policy_can_be_replaced() -> None:
    table = small(policies={"UCB1": bs.FixedArm(3, 0)})

    names = [*NAMED, SEQUENTIAL, *BASELINES, HINDSIGHT]
    assert [row["policy"] for row in table.rows] == names
    assert table.row("UCB1")["cost"] == pytest.approx(14.5 / 3)


def test_templates_stay_as_they_are() -> None:
    template = bs.SplitEE(3, tradeoff=0.1, seed=0)
    small(policies={"mine": template})

    assert template.round == 1


def test_the_costs_own_evaluates_does_not_matter() -> None:
    """Each row is charged for what it does."""
    every = SplitCost(layer=1.0, exit=0.5, offload=5.0, evaluates="all")

    np.testing.assert_equal(small(cost=every).rows, small().rows)


def test_progress_is_shown_for_every_policy() -> None:
    seen = []

    def watched(jobs: Iterable[Any]) -> Iterable[Any]:
        for job in jobs:
            seen.append(job[0])
            yield job

    small(progress=watched)
    assert sorted(seen) == sorted([*NAMED, SEQUENTIAL])


def test_where_everything_is_free_there_is_no_cost_to_cut() -> None:
    table = small(cost=SplitCost(0, 0, 0))

    assert all(np.isnan(row["cost_cut"]) for row in table.rows)
    assert {row["cost"] for row in table.rows} == {0.0}


def test_a_network_of_one_exit_leaves_nothing_to_learn() -> None:
    only = Trace(np.array([[0.9], [0.5]]), np.array([[1], [0]]), np.ones(2, np.int64))
    table = small(trace=only)
    for row in table.rows:
        assert (row["accuracy"], row["offload_rate"]) == (0.5, 0.0)
        assert row["cost"] == pytest.approx(1.5)
        # Whatever a row learns from, it is judged by the confidence of its answers.
        assert row["shortfall"] == pytest.approx(0.0)
    assert regret_figure({"one exit": table}).axes


# ----- What is shown


def test_the_table_prints_every_row_and_the_side_mode() -> None:
    header, *lines = str(by_hand()).splitlines()
    words = ("accuracy", "cost", "cut", "offload", "pseudo-regret", "shortfall")

    assert header.split() == list(words)
    for line, row in zip(lines, by_hand().rows, strict=True):
        assert line.startswith(row["policy"])
        assert f"{row['accuracy']:.4f}" in line
        assert line.endswith("  surrogate") == (row["side_kind"] == "surrogate")
    assert "nan" not in str(by_hand())


def legend(figure: Any) -> list[str]:
    (one,) = figure.legends
    return [text.get_text() for text in one.get_texts()]


def test_the_regret_figure_has_a_panel_for_each_comparison_and_names_the_side_mode() -> None:
    figure = regret_figure({"one": by_hand(), "two": by_hand()})

    assert [ax.get_title() for ax in figure.axes] == ["one", "two"]
    assert {"SplitEE", "SplitEE-S (surrogate)", "random exit", "final exit"} <= {
        *legend(figure)
    }


def test_the_accuracy_figure_draws_every_row_over_the_offload_costs() -> None:
    cheap = small(cost=SplitCost(1.0, 0.5, 1.0), side="doubly_robust", audit_rate=0.5)
    dear = small(side="doubly_robust", audit_rate=0.5)
    figure = accuracy_cost_figure({"stream": {5.0: dear, 1.0: cheap}})
    (ax,) = figure.axes
    names = [name + " (doubly_robust)" * (name[-2:] == "-S") for name in NAMED]
    names += [f"{SEQUENTIAL} (surrogate)", *BASELINES, HINDSIGHT]
    names[names.index("UEE-UCB")] = "UEE-UCB (observed)"

    assert legend(figure) == names
    assert ax.get_title() == "stream, offload cost 1 to 5 lambda"
    line = next(line for line in ax.lines if len(line.get_xdata()) == 2)
    expected = [table.row("SplitEE")["cost"] for table in (cheap, dear)]
    np.testing.assert_array_equal(line.get_xdata(), expected)


def test_a_sweep_needs_something_to_show() -> None:
    with pytest.raises(ValueError, match=r"`sweeps` must hold .* got none"):
        accuracy_cost_figure({"stream": {}})


def test_a_figure_needs_something_to_show() -> None:
    for figure in (regret_figure, accuracy_cost_figure):
        with pytest.raises(ValueError, match="`comparisons` must hold at least one"):
            figure({})


# ----- The claim


def synthetic(samples: int, exits: int) -> Trace:
    """Exits surer and better with depth; a right answer as often as the confidence says."""
    rng = np.random.default_rng(0)
    hardness = rng.random((samples, 1))
    noise = rng.normal(0, 0.6, (samples, exits))
    logit = 6 * (np.linspace(0.25, 1, exits) - hardness) + noise
    confidence = 0.3 + 0.7 / (1 + np.exp(-logit))
    label = rng.integers(10, size=samples)
    right = rng.random((samples, exits)) < confidence
    return Trace(confidence, np.where(right, label[:, None], (label[:, None] + 1) % 10), label)


def test_side_observations_save_regret_and_both_learn() -> None:
    """8 exits, 4,000 rounds, 3 passes with fixed seeds.

    A SplitEE that learns stays below a fifth of the random exit's regret, SplitEE-S below .6 of
    SplitEE's. In the run at hand they are at .08 and .42, with intervals of .01 and .06. The
    control is UCB1 with the span that net rewards have: it explores longer, and fails at .25.
    """
    table = compare(
        synthetic(4000, 8),
        cost=SplitCost(layer=1.6),
        threshold=0.8,
        tradeoff=0.1,
        passes=3,
        seed=0,
    )
    regret = {row["policy"]: row["pseudo_regret"] for row in table.rows}

    assert regret["SplitEE-S"] <= 0.6 * regret["SplitEE"]
    for name in ("SplitEE", "SplitEE-S"):
        assert regret[name] < 0.2 * min(regret["random exit"], regret["final exit"])
    assert regret["UCB1"] > 0.2 * min(regret["random exit"], regret["final exit"])


# ----- Bad input


@pytest.mark.parametrize(
    ("changes", "error", "wanted"),
    [
        ({"trace": CONFIDENCE}, TypeError, "`trace` must be of type Trace, got"),
        ({"trace": Trace(CONFIDENCE, RIGHT)}, ValueError, "`trace` must have labels, got None"),
        ({"cost": 5.0}, TypeError, "`cost` must be of type SplitCost, got 5.0"),
        ({"threshold": 1.4}, ValueError, r"`threshold` must lie in \[0, 1\], got 1.4"),
        ({"threshold": -0.1}, ValueError, r"`threshold` must lie in \[0, 1\], got -0.1"),
        ({"tradeoff": -1}, ValueError, "`tradeoff` must not be negative, got -1"),
        ({"tradeoff": float("nan")}, ValueError, "`tradeoff` must be a finite number"),
        ({"passes": 0}, ValueError, "`passes` must be an integer of at least 1, got 0"),
        ({"passes": 2.0}, TypeError, "`passes` must be an integer of at least 1, got 2.0"),
        ({"rounds": 0}, ValueError, "`rounds` must be an integer of at least 1, got 0"),
        ({"rounds": "all"}, TypeError, "`rounds` must be an integer of at least 1, got 'all'"),
        ({"seed": -1}, ValueError, "`seed` must be an integer of at least 0, got -1"),
        ({"side": "guess"}, ValueError, "`side` must be one of"),
        ({"audit_rate": 0.5}, ValueError, "`audit_rate` must be .* got 0.5"),
        ({"side": "doubly_robust"}, ValueError, "`audit_rate` must be positive .* got 0.0"),
        ({"calibration": CONFIDENCE}, TypeError, "`calibration` must be of type Trace, got"),
        (
            {"calibration": Trace(CONFIDENCE, RIGHT)},
            ValueError,
            "`calibration` must have labels",
        ),
        (
            {"calibration": Trace(CONFIDENCE[:, :2], RIGHT[:, :2], np.ones(3, np.int64))},
            ValueError,
            "`calibration` must be a trace of the same network, with 3 exits, got one with 2",
        ),
        (
            {
                "trace": replace(TRACE, metadata={"weights_sha256": "f0"}),
                "calibration": replace(TRACE, metadata={"weights_sha256": "f1"}),
            },
            ValueError,
            "`calibration` must be .* the same network, with `weights_sha256` 'f0', got 'f1'",
        ),
        (
            {"calibration": TRACE, "loss": 1.5},
            ValueError,
            r"`loss` must lie in \[0, 1\], got 1.5",
        ),
        ({"calibration": TRACE, "level": 0.0}, ValueError, "`level` must lie .*, got 0.0"),
        ({"calibration": TRACE, "cloud_reports": "no"}, ValueError, "`cloud_reports` must be"),
        ({"policies": [1]}, TypeError, r"`policies` must map names to policies, got \[1\]"),
        ({"policies": {"a": 1}}, TypeError, "`policies` must map .*, got 1 for 'a'"),
        (
            {"policies": {"a": bs.UniformRandom(4)}},
            ValueError,
            "`policies` must have the environment's 3 arms, got 4 for 'a'",
        ),
        *(
            (
                {"policies": {name: bs.UniformRandom(3)}},
                ValueError,
                f"`policies` must not have the name of a row that is there, got .*{name}",
            )
            for name in (*BASELINES, HINDSIGHT, SEQUENTIAL, JOINT, AGREEING, CERTIFIED)
        ),
    ],
)
def test_a_comparison_outside_its_range_is_refused(
    changes: dict[str, Any], error: type[Exception], wanted: str
) -> None:
    with pytest.raises(error, match=wanted):
        small(**changes)
