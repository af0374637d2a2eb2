"""Joint arms on a real network: what a replay says, and no layer more than it takes."""

from collections import Counter
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import banditsplit as bs
from banditsplit_envs import (
    ExitNetwork,
    JointArm,
    JointLayer,
    JointReplay,
    JointRule,
    SplitCost,
    Trace,
    calibrate,
    digits_split,
    exit_cnn,
    joint_arms,
    record,
    train,
)
from tests.envs.networks import Spy

ID = "banditsplit/JointLayer-v0"
EXITS, SAMPLES = 4, 12
# What nobody knows live.
JUDGEMENTS = {"agrees", "expected_reward", "expected_cost"}
REPORTS = ["final", "all"]

every_report = pytest.mark.parametrize("reports", REPORTS)


@pytest.fixture(scope="module")
def network() -> ExitNetwork:
    """Trained on a few scans, so that its exits differ in how sure they are."""
    split = digits_split(seed=0)
    made = exit_cnn(width=4, blocks=EXITS, seed=0)
    train(made, split.train.images[:200], split.train.labels[:200], epochs=2, seed=0)
    calibrate(made, split.calibration.images[:100], split.calibration.labels[:100])
    return made


@pytest.fixture(scope="module")
def scans() -> dict[str, Any]:
    deployed = digits_split(seed=0).deployment
    return {"images": deployed.images[:SAMPLES], "labels": deployed.labels[:SAMPLES]}


@pytest.fixture(scope="module")
def trace(network: ExitNetwork, scans: dict[str, Any]) -> Trace:
    """What the network says of one scan at a time, as the environment asks it."""
    return record(network, scans["images"], scans["labels"], batch=1)


@pytest.fixture(scope="module")
def rule(trace: Trace) -> JointRule:
    """One, two, some or all exits asked; about half of the samples go all the way."""
    half = float(np.median(trace.confidence))
    most = float(np.median(trace.confidence[:, :-1].max(1)))
    stops = ((0,), (2,), (0, 1), (1, 2), (0, 1, 2))
    # Layers get dearer, so that some audits end here and some in the cloud.
    cost = SplitCost((0.5, 0.75, 1.0, 2.0), 0.25, (4.0, 3.0, 2.0, 0.0))
    arms = [JointArm(some, half) for some in stops]
    return JointRule(EXITS, (*arms, JointArm((0, 1, 2, 3), most)), cost)


def same(one: Any, other: Any) -> None:
    """Bit for bit, names included."""
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for name, value in one.items():
            same(value, other[name])
    else:
        np.testing.assert_array_equal(one, other)


@every_report
def test_every_arm_says_of_every_sample_what_the_replay_says(
    reports: str, network: ExitNetwork, scans: dict[str, Any], trace: Trace, rule: JointRule
) -> None:
    """Rewards, costs, answers and side observations, bit for bit, in the same order."""
    live = JointLayer(network, **scans, rule=rule, cloud_reports=reports)
    replay = JointReplay(trace, rule=rule, cloud_reports=reports)
    ways: Counter[tuple[str, bool]] = Counter()
    for number in range(rule.arms):
        live.reset(seed=number)
        replay.reset(seed=number)
        kind = {rule.safe: "safe", rule.revealing: "audit"}.get(number, "arm")
        for left in reversed(range(SAMPLES)):
            *mine, info = live.step(np.int64(number))
            *theirs, its_info = replay.step(np.int64(number))
            ways[kind, bool(info["offloaded"])] += 1

            assert mine == theirs
            assert mine[-1] == (left == 0)
            assert set(its_info) - set(info) == JUDGEMENTS
            same(info, {name: its_info[name] for name in info})
    wanted = {("safe", True), ("arm", True), ("arm", False), ("audit", False), ("audit", True)}
    assert set(ways) == wanted  # every way was taken


def test_the_certified_policy_plays_the_same_live_and_replayed(
    network: ExitNetwork, scans: dict[str, Any], trace: Trace, rule: JointRule
) -> None:
    """All of its decisions: it needs nothing that a device cannot know.

    It can certify the first arm, which always offloads, from the second layer, for less.
    """
    few = JointRule(EXITS, (JointArm((1,), 1.0), *rule.joint[:2]), rule.cost)
    tracks = []
    for env in (
        JointLayer(network, **scans, rule=few, rounds=150),
        JointReplay(trace, rule=few, rounds=150),
    ):
        policy = bs.Constrained(
            few.arms, level=0.4, delta=0.2, safe=few.safe, revealing=few.revealing,
            order=few.order, audit_rate=0.2, safe_reveals=True, burn_in=20.0,
        )  # fmt: skip
        tracks.append(
            bs.simulate({"it": policy}, env, horizon=150, runs=1, seed=0, record=("correct",))
        )
    live, replayed = (track["it"] for track in tracks)

    np.testing.assert_array_equal(live.pulls, replayed.pulls)
    np.testing.assert_array_equal(live.cost, replayed.cost)
    np.testing.assert_array_equal(live.reward, replayed.reward)
    np.testing.assert_array_equal(live.recorded["correct"], replayed.recorded["correct"])
    assert live.pulls[0, few.revealing] > 0
    assert live.pulls[0, 1:-1].sum() > 0  # something was certified and deployed


# ----- What really runs


def test_the_device_runs_and_asks_what_it_pays_for_and_nothing_else(
    network: ExitNetwork, scans: dict[str, Any], trace: Trace, rule: JointRule
) -> None:
    """Layers one by one, to the first sure exit that the arm asks; a tail if it offloads."""
    spy = Spy(network)
    env = JointLayer(spy, **scans, rule=rule, rounds=SAMPLES)
    order = JointReplay(trace, rule=rule, rounds=SAMPLES)  # the same seed, the same order
    for number in rule.order:
        arm = rule.joint[number - 1]
        env.reset(seed=number)
        order.reset(seed=number)
        for _ in range(SAMPLES):
            spy.ran.clear()
            info = env.step(np.int64(number))[4]
            paid = order.step(np.int64(number))[4]["cost"]
            depth = len(spy.blocks) - 1

            assert spy.blocks == list(range(depth + 1))
            assert depth <= arm.stops[-1]
            assert spy.asked == [stop for stop in arm.stops if stop <= depth]
            assert spy.tails == ([arm.stops[-1]] if info["offloaded"] else [])
            head = [0.5, 1.25, 2.25, 4.25][depth] + 0.25 * len(spy.asked)
            assert paid == pytest.approx(head + info["offloaded"] * [4.0, 3.0, 2.0, 0.0][depth])


@every_report
def test_the_safe_arm_runs_one_layer_and_leaves_the_rest_to_the_cloud(
    reports: str, network: ExitNetwork, scans: dict[str, Any], rule: JointRule
) -> None:
    """A cloud that reports all exits evaluates those that some arm asks, each once."""
    spy = Spy(network)
    env = JointLayer(spy, **scans, rule=rule, cloud_reports=reports)
    env.reset(seed=0)
    info = env.step(np.int64(rule.safe))[4]

    assert info["offloaded"]
    if reports == "final":
        assert (spy.blocks, spy.asked, spy.tails) == ([0], [0], [0])
    else:
        assert (spy.blocks, spy.asked, spy.tails) == ([*range(EXITS)], [*range(EXITS)], [])


def test_an_audit_stops_asking_when_every_arm_is_done(
    network: ExitNetwork, scans: dict[str, Any]
) -> None:
    """Two arms that never look beyond the second layer: then the rest, and the last exit."""
    spy = Spy(network)
    arms = (JointArm((0,), 0.5), JointArm((0, 1), 1.0))
    near = JointRule(EXITS, arms, SplitCost(1.0, 0.25, offload=50.0))
    env = JointLayer(spy, **scans, rule=near)
    env.reset(seed=0)
    info = env.step(np.int64(near.revealing))[4]
    assert (spy.blocks, spy.asked, spy.tails) == ([*range(EXITS)], [0, 1, EXITS - 1], [])
    assert info["audited"]
    assert not info["offloaded"]

    far = JointRule(EXITS, arms, SplitCost(1.0, 0.25, offload=0.5))
    env = JointLayer(spy, **scans, rule=far)
    env.reset(seed=0)
    spy.ran.clear()
    info = env.step(np.int64(far.revealing))[4]
    assert (spy.blocks, spy.asked, spy.tails) == ([0, 1], [0, 1], [1])
    assert info["offloaded"]


# ----- As an environment


@every_report
def test_gymnasium_accepts_it(
    reports: str, network: ExitNetwork, scans: dict[str, Any], rule: JointRule
) -> None:
    env = gym.make(ID, network=network, **scans, rule=rule, cloud_reports=reports)

    assert isinstance(env.unwrapped, JointLayer)
    assert env.action_space == gym.spaces.Discrete(rule.arms)
    check_env(env.unwrapped, skip_render_check=True)


def test_without_labels_there_is_no_right_or_wrong(
    network: ExitNetwork, scans: dict[str, Any], rule: JointRule
) -> None:
    env = JointLayer(network, scans["images"], rule=rule)
    env.reset(seed=0)

    assert "correct" not in env.step(np.int64(0))[4]


def test_a_round_that_fails_can_be_played_again(
    network: ExitNetwork,
    scans: dict[str, Any],
    rule: JointRule,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The cloud is gone for a while; nothing is lost, and no sample is skipped."""
    spy = Spy(network)
    env, other = (JointLayer(net, **scans, rule=rule) for net in (spy, network))
    env.reset(seed=0)
    other.reset(seed=0)
    with monkeypatch.context() as patch:
        patch.setattr(spy, "tail", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            env.step(np.int64(0))
    for _ in range(5):
        mine, theirs = (e.step(np.int64(0))[4] for e in (env, other))
        assert mine["prediction"] == theirs["prediction"]


def test_what_does_not_fit_is_refused(
    network: ExitNetwork, scans: dict[str, Any], rule: JointRule
) -> None:
    bad: list[tuple[dict[str, Any], type[Exception], str]] = [
        ({"rule": "any"}, TypeError, "rule"),
        ({"rule": JointRule(5, joint_arms(5, (0.5,)))}, ValueError, "rule"),
        ({"cloud_reports": "none"}, ValueError, "cloud_reports"),
        ({"rounds": 0}, ValueError, "rounds"),
        ({"labels": scans["labels"][:-1]}, ValueError, "labels"),
        ({"labels": scans["labels"] / 2}, TypeError, "labels"),
        ({"images": scans["images"][:0]}, ValueError, "images"),
        ({"images": scans["images"] * np.nan}, ValueError, "images"),
    ]
    for changes, error, name in bad:
        given = {"network": network, **scans, "rule": rule, **changes}
        with pytest.raises(error, match=f"^`{name}` must "):
            JointLayer(**given)
    with pytest.raises(ValueError, match=r"^`network` must be in eval mode"):
        JointLayer(exit_cnn(blocks=EXITS, seed=0).train(), **scans, rule=rule)


@pytest.mark.parametrize(
    ("action", "error"),
    [(99, ValueError), (-1, ValueError), (1.0, TypeError), (True, TypeError)],
)
def test_an_action_is_an_arm(
    action: Any,
    error: type[Exception],
    network: ExitNetwork,
    scans: dict[str, Any],
    rule: JointRule,
) -> None:
    env = JointLayer(network, **scans, rule=rule)
    with pytest.raises(RuntimeError, match="`reset` must be called before `step`"):
        env.step(np.int64(0))
    env.reset(seed=0)
    with pytest.raises(error, match=r"^`action` must be an integer in 0 .. "):
        env.step(action)
