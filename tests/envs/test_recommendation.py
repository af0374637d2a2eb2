"""What is recommended from a trace: by hand, by its guarantee, and where nothing is certain."""

import json
import math
import runpy
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from banditsplit_envs import (
    JointArm,
    JointReplayVector,
    Recommendation,
    SplitCost,
    SplitReplayVector,
    Trace,
    recommend,
)
from banditsplit_envs.evaluation.figures import recommendation_figure
from banditsplit_envs.evaluation.recommending import _clopper_pearson, _empirical_bernstein

COST = SplitCost(layer=0.75, exit=0.25, offload=5.0)
EXAMPLE = Path(__file__).parents[2] / "examples" / "recommend.py"


def by_hand(*, labels: bool = True) -> Trace:
    """Return 200 samples of two exits: the first is sure of 150 of them, and wrong in one."""
    confidence = np.full((200, 2), 0.9)
    confidence[150:, 0] = 0.1
    prediction = np.ones((200, 2), np.int64)
    prediction[0, 0] = 0
    return Trace(confidence, prediction, np.ones(200, np.int64) if labels else None)


def hand(**options: Any) -> Recommendation:
    """Return what is recommended for the trace above."""
    given: dict[str, Any] = {
        "trace": by_hand(),
        "cost": COST,
        "max_disagreement": 0.1,
        "thresholds": (0.8,),
        "source": by_hand(labels=False),
    }
    return recommend(**(given | options))


def sure_exits(rates: list[float], samples: int, rng: np.random.Generator) -> Trace:
    """Return draws of a network whose every exit is sure, and differs at its own rate.

    An arm answers at its first stop, so the truth is known: it disagrees at that exit's rate.
    The last exit's rate is 0.
    """
    differs = rng.random((samples, len(rates))) < rates
    return Trace(np.ones((samples, len(rates))), differs.astype(np.int64))


def network(samples: int, seed: int = 0) -> Trace:
    """Return a trace in which later exits are surer and more often right."""
    rng = np.random.default_rng(seed)
    hard = rng.random((samples, 1))
    right = hard < np.linspace(0.8, 1.0, 6)
    confidence = np.clip(1.05 - hard * np.linspace(0.9, 0.1, 6), 0, 1)
    return Trace(confidence, 1 - right.astype(int), np.ones(samples, int))


def test_a_small_trace_comes_out_as_by_hand() -> None:
    """Sure: 1 lambda; else both layers and exits, 2. All of it costs 1.75, offloading 6."""
    found = hand()

    assert (found.deploy, found.arm) == ("fixed arm", JointArm((0, 1), 0.8))
    assert (found.split, found.threshold, found.samples) == (1, 0.8, 200)
    assert found.cost == pytest.approx((150 * 1 + 50 * 2) / 200)
    assert found.final_cost == pytest.approx(1.75)
    assert found.final_saving == pytest.approx(0.5 / 1.75)
    assert found.offload_saving == pytest.approx(4.75 / 6)
    assert found.disagreement == pytest.approx(1 / 200)
    assert found.disagreement_bound == 0.1
    assert found.accuracy_loss == pytest.approx(1 / 200)
    assert found.answered == pytest.approx((0.75, 0.25))
    assert found.offloaded == 0
    assert found.likely is None
    assert found.more_samples is None


def test_the_intervals_come_out_as_by_hand() -> None:
    """One arm is tested, so each interval has all of delta; costs are 1 or 2."""
    found = hand()
    log, variance = math.log(4 / 0.05), 150 * 50 / 200 / 199
    half = math.sqrt(2 * variance * log / 200) + 7 * log / (3 * 199)
    worst, best = (
        stats.binomtest(count, 200).proportion_ci(1 - 0.05 / 2, "exact") for count in (1, 0)
    )

    assert len(found.tested) == 1
    assert found.cost_ci == pytest.approx((1.25 - half, 1.25 + half))
    low, high = found.cost_ci
    assert found.final_saving_ci == pytest.approx((1 - high / 1.75, 1 - low / 1.75))
    assert found.offload_saving_ci == pytest.approx((1 - high / 6, 1 - low / 6))
    assert found.accuracy_loss_ci == pytest.approx(
        (worst.low - best.high, worst.high - best.low)
    )


@pytest.mark.parametrize(("count", "samples"), [(0, 10), (3, 10), (10, 10), (7, 3000)])
def test_bounds_of_a_share_are_clopper_and_pearsons(count: int, samples: int) -> None:
    expected = stats.binomtest(count, samples).proportion_ci(0.9, "exact")

    assert _clopper_pearson(count, samples, 0.05) == pytest.approx(tuple(expected))


def test_an_interval_never_leaves_what_can_be_paid() -> None:
    assert _empirical_bernstein(np.array([1.0, 2.0, 2.0]), 1.0, 2.0, 0.05) == (1.0, 2.0)
    assert _empirical_bernstein(np.full(5, 6.0), 6.0, 6.0, 0.05) == (6.0, 6.0)


def test_an_interval_of_the_cost_covers_the_truth() -> None:
    """The probability of a sure first exit is .5, so the mean cost is 1.5.

    At delta .1 at most 20 of 200 intervals miss on average, and more than 37 with probability
    below 1e-4. These are wide, and miss never; a tenth of their width is caught.
    """
    rng, missed, caught = np.random.default_rng(0), 0, 0
    for _ in range(200):
        paid = np.where(rng.random(300) < 0.5, 2.0, 1.0)
        low, high = _empirical_bernstein(paid, 1.0, 2.0, 0.1)
        missed += not low <= 1.5 <= high
        caught += abs(paid.mean() - 1.5) > 0.1 * (high - low) / 2

    assert stats.binom.sf(37, 200, 0.1) < 1e-4
    assert missed <= 37 < caught


def wrong(found: Recommendation) -> bool:
    """Whether an exit that disagrees too much is recommended; they all do but the last."""
    return found.arm is not None and found.arm.stops[0] < found.rule.exits - 1


def test_an_arm_that_is_too_bad_is_recommended_with_probability_delta_at_most() -> None:
    """All arms are just too bad: .102 where .1 is allowed, 500 traces, delta .1.

    Then more than 77 are wrong with probability at most 1e-4. Two ways to be wrong are caught:
    to choose by the samples that test (the source is a copy of the trace), and to take the
    cheapest arm that looks good enough.
    """
    rng, rates = np.random.default_rng(0), [0.102] * 7 + [0.0]
    options: dict[str, Any] = {"thresholds": (0.5,), "max_disagreement": 0.1, "delta": 0.1}
    certified = same = naive = 0
    for _ in range(500):
        trace = sure_exits(rates, 300, rng)
        certified += wrong(recommend(trace, cost=COST, **options))
        copy = Trace(trace.confidence, trace.prediction)
        same += wrong(recommend(trace, cost=COST, source=copy, **options))
        naive += bool((trace.prediction[:, :-1].mean(0) <= 0.1).any())

    assert stats.binom.sf(77, 500, 0.1) < 1e-4
    assert 0 < certified <= 77 < same < naive


def test_with_a_source_the_guarantee_is_the_same() -> None:
    """300 traces, delta .1: more than 51 are wrong with probability at most 1e-4."""
    rng, rates, found = np.random.default_rng(1), [0.102] * 7 + [0.0], 0
    for _ in range(300):
        trace, source = (sure_exits(rates, samples, rng) for samples in (300, 100))
        found += wrong(
            recommend(
                trace,
                cost=COST,
                source=source,
                thresholds=(0.5,),
                max_disagreement=0.1,
                delta=0.1,
            )
        )

    assert stats.binom.sf(51, 300, 0.1) < 1e-4
    assert found <= 51


def test_the_cheapest_good_arm_is_found_where_there_are_samples_enough() -> None:
    """Rates are far from the level: a wrong one passes with probability below 1e-9."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        trace = sure_exits([0.3, 0.2, 0.03, 0.01, 0.0], 1000, rng)
        found = recommend(trace, cost=COST, thresholds=(0.5,), max_disagreement=0.1)

        assert found.arm is not None
        assert found.arm.stops[0] == 2
        assert found.cost == pytest.approx(0.75 * 3 + 0.25)


def test_all_that_is_certified_is_certified_in_order() -> None:
    """Behind the first arm that fails none is, however good it looks."""
    tested = recommend(network(2000), cost=COST, max_disagreement=0.05).tested
    certified = [one.certified for one in tested]

    assert 0 < sum(certified) < len(tested)
    assert certified == sorted(certified, reverse=True)
    assert all(one.upper <= 0.05 for one in tested if one.certified)
    assert not tested[sum(certified)].upper <= 0.05


def test_labels_change_nothing_but_what_is_said_of_accuracy() -> None:
    labelled, plain = hand(), hand(trace=by_hand(labels=False))

    assert plain.accuracy_loss is None
    assert plain.accuracy_loss_ci is None
    assert "not known without labels" in str(plain)
    known, unknown = labelled.to_dict(), plain.to_dict()
    for name in ("accuracy_loss", "accuracy_loss_ci"):
        del known[name], unknown[name]
    assert known == unknown


@pytest.mark.parametrize("samples", [10, 60, 140])
def test_a_tiny_trace_certifies_nothing_and_says_how_many_samples_are_missing(
    samples: int,
) -> None:
    """No difference in n samples certifies .02 if .98 ** n <= .05, from 149 on."""
    trace = sure_exits([0.0] * 8, samples, np.random.default_rng(0))
    found = recommend(
        trace, cost=COST, source=sure_exits([0.0] * 8, 50, np.random.default_rng(1))
    )

    assert found.deploy == "Constrained"
    assert found.arm is None
    assert (found.cost, found.cost_ci, found.disagreement_bound) == (6.0, (6.0, 6.0), 0.0)
    assert found.offload_saving == 0
    assert found.likely is not None
    assert found.likely.arm.stops[0] == 0
    assert found.more_samples == 149 - samples
    assert f"about {149 - samples:,} more samples" in str(found)


def test_without_a_source_the_samples_that_choose_are_counted_as_well() -> None:
    """Of 149 / .7 = 212.9 samples 70 % test."""
    found = recommend(sure_exits([0.0] * 8, 100, np.random.default_rng(0)), cost=COST)

    assert found.samples == 70
    assert found.more_samples == 213 - 100


def test_with_the_samples_that_were_missing_the_test_passes() -> None:
    """At the rate that was measured, by the exact binomial law."""
    source = sure_exits([0.01] + [0.0] * 7, 400, np.random.default_rng(1))
    found = recommend(
        sure_exits([0.01] + [0.0] * 7, 200, np.random.default_rng(0)), cost=COST, source=source
    )

    assert found.likely is not None
    assert found.more_samples is not None
    assert 0 < found.likely.disagreement < 0.015
    enough = 200 + found.more_samples
    differ = math.ceil(found.likely.disagreement * enough)
    assert stats.binom.cdf(differ, enough, 0.02) <= 0.05


def test_where_rounds_are_too_few_to_learn_it_offloads() -> None:
    trace = sure_exits([0.0] * 8, 100, np.random.default_rng(0))
    few = recommend(trace, cost=COST, expected_rounds=148)
    enough = recommend(trace, cost=COST, expected_rounds=149)

    assert (few.deploy, enough.deploy) == ("always offload", "Constrained")
    assert "149" in few.why
    assert few.policy(seed=0).select() == few.rule.safe


def test_where_no_arm_is_good_enough_it_says_so() -> None:
    trace = sure_exits([0.5] * 7 + [0.0], 500, np.random.default_rng(0))
    found = recommend(trace, cost=COST)

    assert (found.deploy, found.arm, found.tested) == ("always offload", None, ())
    assert found.likely is None
    assert "no cheaper arm looks good enough" in str(found)
    assert found.answered == (0.0,) * 8
    assert found.offloaded == 1.0


def test_where_the_whole_network_is_cheaper_than_offloading_it_is_what_is_safe() -> None:
    """Two exits: running both costs 1.75. Too few samples to certify anything."""
    trace = sure_exits([0.0, 0.0], 30, np.random.default_rng(0))
    found = recommend(trace, cost=COST, expected_rounds=10)

    assert (found.deploy, found.split) == ("final exit", 1)
    assert (found.cost, found.final_saving) == (1.75, 0.0)
    assert found.answered == (0.0, 1.0)
    assert found.disagreement_bound == 0.0
    assert str(found).startswith("Run all 2 layers on the device.")
    assert found.rule.arm(int(found.policy(seed=0).select())) == found.arm
    learns = recommend(trace, cost=COST)
    assert learns.deploy == "Constrained"
    assert learns.rule.joint[0] == learns.arm == found.arm
    assert learns.policy(seed=0).recipe.safe == 1  # type: ignore[attr-defined]


def test_a_network_of_one_exit_runs_whole() -> None:
    found = recommend(sure_exits([0.0], 500, np.random.default_rng(0)), cost=COST)

    assert (found.deploy, found.cost) == ("final exit", 1.0)


def test_free_layers_and_free_offloading_leave_nothing_to_save() -> None:
    found = recommend(network(300), cost=SplitCost(0.0, 0.0, 0.0))

    assert found.cost == 0
    assert math.isnan(found.final_saving)
    assert found.to_dict()["final_saving"] is None
    assert str(found)


def test_a_tradeoff_gets_the_best_layer_and_an_index_policy() -> None:
    """Exit 2 is best: .97 - .05 * 2.5 = .845, exit 1 has .8 - .0875, offloading 1 - .3."""
    trace = sure_exits([0.5, 0.2, 0.03, 0.02, 0.0], 1000, np.random.default_rng(0))
    found = recommend(trace, cost=COST, tradeoff=0.05, thresholds=(0.5,))
    differ = round(found.disagreement * found.samples)

    assert (found.deploy, found.arm) == ("index policy", JointArm((2,), 0.5))
    assert found.disagreement_bound == pytest.approx(
        stats.beta.ppf(0.95, differ + 1, found.samples - differ)
    )
    assert found.policy(seed=0).arms == 5


def test_a_tradeoff_that_makes_offloading_best_offloads() -> None:
    trace = sure_exits([0.9] * 7 + [0.0], 300, np.random.default_rng(0))
    found = recommend(trace, cost=SplitCost(offload=1.0), tradeoff=0.01)

    assert (found.deploy, found.arm) == ("always offload", None)


def test_policies_play_what_they_are_said_to_play() -> None:
    trace = network(1000)
    fixed = recommend(trace, cost=COST, max_disagreement=0.05)
    learns = recommend(network(60), cost=COST, max_disagreement=0.05)

    assert (fixed.deploy, learns.deploy) == ("fixed arm", "Constrained")
    for found in (fixed, learns):
        env = JointReplayVector(trace, rule=found.rule, num_envs=2, rounds=20)
        env.reset(seed=0)
        policy = found.policy(runs=2, seed=0)
        for _ in range(20):
            arm = policy.select()
            _, reward, _, _, info = env.step(arm)
            policy.update(arm, reward, info["cost"], info["side_observations"])
    assert [fixed.rule.arm(int(a)) for a in fixed.policy(runs=2, seed=0).select()] == [
        fixed.arm,
        fixed.arm,
    ]


def test_an_index_policy_plays_layers() -> None:
    trace = network(1000)
    found = recommend(trace, cost=COST, tradeoff=0.05)
    assert found.threshold is not None
    env = SplitReplayVector(trace, threshold=found.threshold, cost=COST, num_envs=2, rounds=20)
    env.reset(seed=0)
    policy = found.policy(runs=2, seed=0)
    for _ in range(20):
        arm = policy.select()
        _, reward, _, _, info = env.step(arm)
        policy.update(arm, reward, info["cost"])

    assert found.deploy == "index policy"


def test_the_report_says_it_in_a_page() -> None:
    report = str(hand())
    lines = report.splitlines()

    assert lines[0] == (
        "Of 2 layers, ask the exits of layers 1 and 2 at threshold 0.8, else run the rest."
    )
    assert 10 <= len(lines) <= 16
    assert max(map(len, lines)) <= 96
    assert "at most 10.00 % (confidence 0.95)" in report
    assert "measured 0.50 %" in report
    assert "-0.50 points" in report
    assert "layer 1 75.00 %, layer 2 25.00 %, offloaded 0.00 %" in report


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(hand(), id="fixed arm"),
        pytest.param(recommend(network(60), cost=COST), id="Constrained"),
        pytest.param(recommend(network(60), cost=COST, tradeoff=0.05), id="index policy"),
        pytest.param(recommend(network(60), cost=COST, tradeoff=9.0), id="safe"),
    ],
)
def test_what_is_saved_is_json_that_says_the_same(
    found: Recommendation, tmp_path: Path
) -> None:
    found.save(tmp_path / "found.json")
    read = json.loads((tmp_path / "found.json").read_text())

    assert read == found.to_dict()
    assert read["deploy"] == found.deploy
    assert read["cost_ci"] == list(found.cost_ci)
    assert len(read["tested"]) == len(found.tested)
    assert [path.name for path in tmp_path.iterdir()] == ["found.json"]
    assert len(str(found).splitlines()) <= 18


def test_the_same_seed_finds_the_same_and_another_one_cuts_elsewhere() -> None:
    trace = network(300)
    one, two, other = (recommend(trace, cost=COST, seed=seed) for seed in (0, 0, 1))

    assert one.to_dict() == two.to_dict() != other.to_dict()


def test_the_picture_shows_every_arm_the_baselines_and_what_was_chosen() -> None:
    found = recommend(network(1000), cost=COST, max_disagreement=0.05)
    figure = recommendation_figure({"one": found, "two": hand()})
    lines = {line.get_label(): line for line in figure.axes[0].get_lines()}

    assert [ax.get_title() for ax in figure.axes] == ["one: fixed arm", "two: fixed arm"]
    assert len(np.asarray(lines["any arm"].get_xdata())) == len(found.candidates.joint)
    assert lines["recommended"].get_xdata() == [found.cost]
    assert lines["recommended"].get_ydata() == [100 * found.disagreement]
    assert lines["always offload"].get_xdata() == [6.0]
    assert lines["final exit"].get_xdata() == [found.final_cost]
    certified = np.asarray(lines["certified"].get_xdata())
    assert len(certified) == sum(one.certified for one in found.tested)
    assert "threshold at every exit" in lines
    (legend,) = figure.legends
    assert "level" in [text.get_text() for text in legend.get_texts()]


def test_a_picture_needs_a_recommendation() -> None:
    with pytest.raises(ValueError, match="`recommendations` must hold at least one, got none"):
        recommendation_figure({})


@pytest.mark.parametrize(
    ("options", "deploy"),
    [([], "Constrained"), (["--tradeoff", "0.05"], "index policy")],
    ids=["level", "tradeoff"],
)
def test_the_example_recommends_from_a_file(
    options: list[str],
    deploy: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Too few samples to certify an arm; a tradeoff needs no certificate."""
    network(60).save(tmp_path / "trace-few.npz")
    given = [str(tmp_path / "trace-few.npz"), "--out", str(tmp_path / "out"), *options]
    monkeypatch.setattr(sys, "argv", ["recommend", *given])
    runpy.run_path(str(EXAMPLE), run_name="__main__")

    assert json.loads((tmp_path / "out" / "few.json").read_text())["deploy"] == deploy
    assert (tmp_path / "out" / "recommend.png").stat().st_size > 0
    assert f"{deploy}: " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        ({"trace": [1]}, TypeError, "`trace` must be of type Trace"),
        ({"trace": network(9)}, ValueError, "`trace` must hold at least 10 samples, got 9"),
        ({"cost": 5.0}, TypeError, "`cost` must be of type SplitCost"),
        ({"max_disagreement": 0.0}, ValueError, "`max_disagreement` must lie strictly"),
        ({"max_disagreement": math.nan}, ValueError, "`max_disagreement` must be a finite"),
        ({"max_disagreement": "2 %"}, TypeError, "`max_disagreement` must be a finite"),
        ({"delta": 1.0}, ValueError, "`delta` must lie strictly"),
        ({"tradeoff": -0.1}, ValueError, "`tradeoff` must not be negative"),
        ({"tradeoff": math.inf}, ValueError, "`tradeoff` must be a finite"),
        ({"thresholds": ()}, ValueError, "`thresholds` must hold at least one"),
        ({"thresholds": (0.5, 0.5)}, ValueError, "none twice"),
        ({"thresholds": (0.5, 1.5)}, ValueError, r"`thresholds` must lie in \[0, 1\], got 1.5"),
        ({"thresholds": 0.5}, TypeError, "`thresholds` must be a sequence"),
        ({"thresholds": "0.5"}, TypeError, "`thresholds` must be a sequence"),
        ({"source": 3}, TypeError, "`source` must be of type Trace"),
        (
            {"source": network(50)},
            ValueError,
            "`source` must be a trace of the same network, with 2",
        ),
        ({"expected_rounds": 0}, ValueError, "`expected_rounds` must be an integer"),
        ({"expected_rounds": 1.5}, TypeError, "`expected_rounds` must be an integer"),
        ({"seed": -1}, ValueError, "`seed` must be an integer"),
        ({"seed": None}, TypeError, "`seed` must be an integer"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_bad_input_is_refused(bad: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        hand(**bad)


def test_what_chooses_may_not_test() -> None:
    trace = by_hand()
    with pytest.raises(ValueError, match="what chooses must not test"):
        hand(trace=trace, source=trace)
