"""Costs from measurements: every number by hand, and everything that asks a cost."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import banditsplit as bs
from banditsplit_envs import (
    JointArm,
    JointReplayVector,
    JointRule,
    Profile,
    SplitCost,
    SplitLayer,
    SplitReplay,
    SplitReplayVector,
    SplitRule,
    Trace,
    compare,
    exit_cnn,
    joint_arms,
    measured_cost,
    profile,
    record,
)
from banditsplit_envs.evaluation import baselines

ONES = np.ones(3)
PROFILE = Profile(
    split=("a", "b", "c"),
    batch=1,
    parameters=ONES.astype(np.int64),
    exit_parameters=ONES.astype(np.int64),
    flops=ONES,
    exit_flops=ONES,
    tail_flops=ONES,
    state_bytes=np.array([4000.0, 1000.0, 500.0]),
    head_p50=np.array([1.0, 3.0, 7.0]),
    head_p95=np.array([2.0, 5.0, 10.0]),
    exit_p50=np.array([0.5, 0.25, 0.125]),
    exit_p95=ONES,
    tail_p50=np.array([6.0, 4.0, 0.5]),
    tail_p95=np.array([9.0, 6.0, 1.0]),
)
LINK: dict[str, Any] = {"bandwidth": 8.0, "round_trip": 20.0, "device": 10.0, "cloud": 0.5}


def test_milliseconds_are_computing_sending_and_waiting() -> None:
    """8 Mbit/s is a byte a microsecond: 4, 1 and .5 ms. The device takes ten times as long."""
    cost = measured_cost(PROFILE, unit="ms", **LINK)

    np.testing.assert_allclose(cost.head(3), [15, 32.5, 71.25])
    np.testing.assert_allclose(replace(cost, evaluates="all").head(3), [15, 37.5, 78.75])
    # Upload, the way there and back, and half of the measured time for the tail.
    np.testing.assert_allclose(cost.offloading(3), [4 + 20 + 3, 1 + 20 + 2, 0.5 + 20 + 0.25])
    # Half the bandwidth doubles the first of the three.
    np.testing.assert_allclose(cost.offloading(3, 0.5)[:2], [8 + 20 + 3, 2 + 20 + 2])
    assert cost.unit == "ms"


def test_the_other_quantile_is_read_where_it_is_asked_for() -> None:
    cost = measured_cost(PROFILE, bandwidth=8.0, quantile="p95", evaluates="all")

    np.testing.assert_allclose(cost.head(3), [3, 7, 13])
    np.testing.assert_allclose(cost.offloading(3), [4 + 9, 1 + 6, 0.5 + 1])


def test_joules_are_watts_times_seconds() -> None:
    """2 W while computing, 1 W while sending: 15 ms is 30 mJ, an upload of 4 ms is 4 mJ."""
    cost = measured_cost(PROFILE, unit="joules", device_power=2.0, radio_power=1.0, **LINK)

    np.testing.assert_allclose(cost.head(3), [0.030, 0.065, 0.1425])
    np.testing.assert_allclose(cost.offloading(3), [0.004, 0.001, 0.0005])
    np.testing.assert_allclose(cost.offloading(3, 2.0), [0.002, 0.0005, 0.00025])


def test_bytes_are_sent_or_not_at_any_bandwidth() -> None:
    cost = measured_cost(replace(PROFILE, batch=32), unit="bytes")

    np.testing.assert_array_equal(cost.head(3), [0, 0, 0])
    np.testing.assert_array_equal(cost.offloading(3), [4000, 1000, 500])
    np.testing.assert_array_equal(cost.offloading(3, 0.1), [4000, 1000, 500])


def test_a_network_that_was_profiled_has_a_cost() -> None:
    """Whatever the machine measures: more layers take more time, and all of it is counted."""
    network = exit_cnn(classes=3, width=4, blocks=4, seed=0)
    measured = profile(network, np.zeros((1, 1, 5, 5), np.float32), repeats=3, warmup=1)
    cost = measured_cost(measured, bandwidth=10.0, round_trip=5.0)

    np.testing.assert_allclose(cost.running(4), measured.head_p50)
    np.testing.assert_allclose(cost.head(4), measured.head_p50 + measured.exit_p50)
    np.testing.assert_allclose(
        cost.offloading(4), measured.state_bytes * 8 / 1e4 + 5 + measured.tail_p50
    )


BAD: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "no profile": ({"profile": 3.0}, TypeError, "profile"),
    "batches": ({"profile": replace(PROFILE, batch=8)}, ValueError, "profile"),
    "another unit": ({"unit": "euros"}, ValueError, "unit"),
    "no bandwidth": ({"bandwidth": None}, TypeError, "bandwidth"),
    "a bandwidth of 0": ({"bandwidth": 0.0}, ValueError, "bandwidth"),
    "a nan bandwidth": ({"bandwidth": np.nan}, ValueError, "bandwidth"),
    "a negative way": ({"round_trip": -1.0}, ValueError, "round_trip"),
    "a device that takes no time": ({"device": 0.0}, ValueError, "device"),
    "an endless cloud": ({"cloud": np.inf}, ValueError, "cloud"),
    "another quantile": ({"quantile": "p99"}, ValueError, "quantile"),
    "other exits": ({"evaluates": "none"}, ValueError, "evaluates"),
    "no power": ({"unit": "joules"}, TypeError, "device_power"),
    "no radio": ({"unit": "joules", "device_power": 1.0}, TypeError, "radio_power"),
    "negative power": (
        {"unit": "joules", "device_power": -1.0, "radio_power": 1.0},
        ValueError,
        "device_power",
    ),
}


@pytest.mark.parametrize(("changes", "error", "name"), BAD.values(), ids=BAD)
def test_measurements_that_make_no_sense_are_refused(
    changes: dict[str, Any], error: type[Exception], name: str
) -> None:
    given = {"profile": PROFILE, **LINK, **changes}
    with pytest.raises(error, match=f"^`{name}` must "):
        measured_cost(given.pop("profile"), **given)


# ----- Everything that asks a cost

COST = measured_cost(PROFILE, unit="ms", **LINK)
HEAD, ALL, UPLOAD = [15.0, 32.5, 71.25], [15.0, 37.5, 78.75], [27.0, 23.0]
TRACE = Trace(
    np.array([[0.9, 0.5, 0.8], [0.4, 0.7, 0.8], [0.3, 0.2, 0.6]]),
    np.array([[0, 1, 0], [1, 1, 1], [0, 1, 2]]),
    np.array([0, 1, 2]),
)
CONFIDENCE = TRACE.confidence
NOBODY = np.zeros(3, np.bool_)


@pytest.mark.parametrize(
    ("arm", "paid"),
    [
        (0, [15, 15 + 27, 15 + 27]),
        (1, [32.5 + 23, 32.5, 32.5 + 23]),
        (2, [71.25, 71.25, 71.25]),
    ],
)
def test_a_split_costs_what_its_own_upload_costs(arm: int, paid: Any) -> None:
    outcome = SplitRule(0.7, COST).settle(CONFIDENCE, np.full(3, arm), NOBODY)

    np.testing.assert_allclose(outcome.cost, paid)


def test_an_audit_costs_the_upload_of_its_split() -> None:
    rule = SplitRule(0.7, replace(COST, evaluates="all"), "doubly_robust", 0.5)
    sure = np.array([True, False, False])
    outcome = rule.settle(CONFIDENCE, np.array([0, 1, 1]), sure)
    side = rule.reveal(CONFIDENCE, np.array([1, 1, 2]), NOBODY)

    np.testing.assert_allclose(outcome.audit_cost, [27, 0, 0])
    # The second sample would have been offloaded behind the first layer; the third twice.
    np.testing.assert_allclose(
        side.cost, [[15.0, 0, 0], [15.0 + 27, 0, 0], [15.0 + 27, 37.5 + 23, 0]]
    )


def test_slow_rounds_cost_more_only_where_something_is_sent() -> None:
    rule = SplitRule(0.7, COST)
    slow = np.array([0.5, 0.5, 1.0])
    outcome = rule.settle(CONFIDENCE, np.array([0, 0, 0]), NOBODY, slow)
    reward, cost = rule.expected(CONFIDENCE, 0.5)

    np.testing.assert_allclose(outcome.cost, [15, 15 + 31, 15 + 27])
    np.testing.assert_allclose(cost, [15 + 31 * 2 / 3, 32.5 + 24 * 2 / 3, 71.25])
    np.testing.assert_array_equal(reward, rule.expected(CONFIDENCE)[0])


def test_the_baselines_pay_measured_costs() -> None:
    rule = SplitRule(0.7, COST)

    np.testing.assert_allclose(baselines.final_exit(rule, CONFIDENCE).cost, [71.25] * 3)
    np.testing.assert_allclose(baselines.always_offload(rule, CONFIDENCE).cost, [42] * 3)
    np.testing.assert_allclose(baselines.first_confident_exit(rule, CONFIDENCE).cost, ALL)


def test_joint_arms_and_the_audit_pay_measured_costs() -> None:
    rule = JointRule(3, (JointArm((0, 1), 0.7), JointArm((1,), 0.7)), COST)
    verdict = rule.verdicts(CONFIDENCE)
    both = 30 + 5 + 2.5  # two layers, two exits

    assert rule.safe_cost == pytest.approx(42)
    np.testing.assert_allclose(
        verdict.cost[:, :3],
        [
            [42, 15, HEAD[1] + UPLOAD[1]],
            [42, both, HEAD[1]],
            [42, both + UPLOAD[1], HEAD[1] + UPLOAD[1]],
        ],
    )
    # All go to the second layer; the rest costs 41.25 here, and 23 over there.
    np.testing.assert_allclose(verdict.cost[:, 3], [both + 23] * 3)
    dear = JointRule(3, rule.joint, replace(COST, offload=(4.0, 30.0, 0.0)))
    np.testing.assert_allclose(dear.verdicts(CONFIDENCE).cost[:, 3], [both + 41.25] * 3)


@pytest.mark.parametrize("unit", ["ms", "bytes", "joules"])
def test_a_comparison_is_made_in_any_unit(unit: str) -> None:
    cost = measured_cost(PROFILE, unit=unit, device_power=1.0, radio_power=2.0, **LINK)
    tradeoff = 0.5 / cost.offloading(3).max()
    table = compare(TRACE, cost=cost, threshold=0.7, tradeoff=tradeoff, passes=3, rounds=50)

    assert table.row("final exit")["cost"] == pytest.approx(cost.head(3)[-1])
    assert table.row("always offload")["cost"] == pytest.approx(
        cost.head(3)[0] + cost.offloading(3)[0]
    )
    assert str(table).startswith(f"cost in {unit} ")


def test_replays_play_with_measured_costs() -> None:
    env = SplitReplayVector(TRACE, threshold=0.7, cost=COST, order=[[0, 1, 2]])
    env.reset()
    paid = [float(env.step(np.array([arm]))[4]["cost"][0]) for arm in (1, 1, 0)]

    np.testing.assert_allclose(paid, [55.5, 32.5, 42])
    joint = JointReplayVector(TRACE, rule=JointRule(3, joint_arms(3, (0.7,)), COST))
    joint.reset(seed=0)
    assert joint.step(np.array([0]))[4]["cost"][0] == pytest.approx(42)


def test_live_and_replayed_costs_are_the_same() -> None:
    network = exit_cnn(classes=3, width=4, blocks=3, seed=2)
    network.temperature.fill_(0.02)
    images = np.random.default_rng(0).random((12, 1, 5, 5), np.float32)
    trace = record(network, images, batch=1)
    threshold = float(np.median(trace.confidence))
    live = SplitLayer(network, images, threshold=threshold, cost=COST)
    replay = SplitReplay(trace, threshold=threshold, cost=COST)
    live.reset(seed=0)
    replay.reset(seed=0)
    for n in range(12):
        arm = np.int64(n % 3)
        assert live.step(arm)[4]["cost"] == replay.step(arm)[4]["cost"]


def test_policies_learn_in_milliseconds() -> None:
    """Over 300 rounds the best fixed split is found: arm 0 costs 33 ms of 46 and 71."""
    env = SplitReplayVector(TRACE, threshold=0.7, cost=COST, num_envs=4, rounds=300)
    objective = bs.Net(0.01)
    policy = bs.UCB1(3, span=1 + 0.01 * 27, objective=objective)
    history = bs.simulate(
        {"UCB1": policy}, env, horizon=300, runs=4, seed=0, objective=objective
    )

    assert (history["UCB1"].pulls.argmax(-1) == 0).all()


@pytest.mark.parametrize(
    "call",
    [
        lambda trace: SplitReplay(trace, threshold=0.7, cost=COST),
        lambda trace: JointRule(trace.exits, joint_arms(4, (0.7,)), COST),
        lambda trace: compare(trace, threshold=0.7, cost=COST, tradeoff=0.1),
        lambda _: SplitLayer(
            exit_cnn(classes=3, width=4, blocks=4, seed=0),
            np.zeros((2, 1, 5, 5), np.float32),
            threshold=0.7,
            cost=COST,
        ),
    ],
    ids=["replay", "joint rule", "comparison", "live"],
)
def test_the_cost_of_another_network_is_refused(call: Any) -> None:
    trace = Trace(np.full((2, 4), 0.5), np.zeros((2, 4), int), np.zeros(2, int))
    with pytest.raises(ValueError, match=r"^`cost` must be for 4 exits, got one for 3"):
        call(trace)


def test_the_paper_is_the_case_in_which_all_layers_are_alike() -> None:
    """Measured or assumed: the same numbers give the same costs."""
    alike = replace(
        PROFILE,
        head_p50=np.array([0.8, 1.6, 2.4]),
        exit_p50=0.2 * ONES,
        tail_p50=0 * ONES,
        state_bytes=5000.0 * ONES,
    )
    ours = measured_cost(alike, bandwidth=8.0)
    paper = SplitCost()

    for evaluates in ("split", "first", "all"):
        np.testing.assert_allclose(
            replace(ours, evaluates=evaluates).head(3),
            replace(paper, evaluates=evaluates).head(3),
        )
    np.testing.assert_allclose(ours.offloading(3), paper.offloading(3))
