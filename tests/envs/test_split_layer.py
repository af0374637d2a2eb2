"""The live environment: what it says is what a recorded trace says, and it runs no more."""

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env

import banditsplit as bs
from banditsplit_envs import SplitCost, SplitLayer, SplitReplay, Splittable, Trace, record
from tests.envs.networks import Spy, network

ID = "banditsplit/SplitLayer-v0"
SAMPLES, EXITS = 24, 4
IMAGES = np.random.default_rng(0).random((SAMPLES, 1, 5, 5), np.float32)
LABELS = np.arange(SAMPLES) % 3
ALL, SPLIT = SplitCost(evaluates="all"), SplitCost(evaluates="split")


def trace() -> Trace:
    """What the network says of one image at a time, as the environment asks it."""
    return record(network(), IMAGES, LABELS, batch=1)


THRESHOLD = float(np.median(trace().confidence))  # half of the exits are sure

MODES = [
    {"cost": SPLIT},
    {"cost": ALL},
    {"cost": ALL, "side": "observed"},
    {"cost": ALL, "side": "doubly_robust", "audit_rate": 0.5},
    {"cost": SPLIT, "side": "doubly_robust", "audit_rate": 0.5},
]

every_mode = pytest.mark.parametrize(
    "mode",
    MODES,
    ids=lambda mode: f"{mode['cost'].evaluates}-{mode.get('side', 'surrogate')}",
)


def live(**changes: Any) -> SplitLayer:
    how: dict[str, Any] = {"threshold": THRESHOLD, "cost": ALL, "labels": LABELS}
    return SplitLayer(changes.pop("network", network()), IMAGES, **(how | changes))


@every_mode
def test_gymnasium_accepts_it(mode: dict[str, Any]) -> None:
    env = gym.make(
        ID, network=network(), images=IMAGES, labels=LABELS, threshold=THRESHOLD, **mode
    )

    assert isinstance(env.unwrapped, SplitLayer)
    assert env.action_space == gym.spaces.Discrete(EXITS)
    check_env(env.unwrapped, skip_render_check=True)


@every_mode
@pytest.mark.parametrize("rounds", [None, 60])
def test_it_says_round_by_round_what_the_replay_says(
    mode: dict[str, Any], rounds: int | None
) -> None:
    """Same seed, same order, same audits: bit for bit, expected values aside."""
    env = live(rounds=rounds, **mode)
    replay = SplitReplay(trace(), threshold=THRESHOLD, rounds=rounds, **mode)
    arms = np.random.default_rng(1).integers(EXITS, size=rounds or SAMPLES)
    env.reset(seed=7)
    replay.reset(seed=7)
    ways = set()
    for arm in arms:
        _, reward, terminated, truncated, info = env.step(arm)
        _, its_reward, its_terminated, its_truncated, its_info = replay.step(arm)
        for name in ("expected_reward", "expected_cost"):
            del its_info[name]

        assert (reward, terminated, truncated) == (its_reward, its_terminated, its_truncated)
        assert set(info) == set(its_info)
        side, its_side = (i.pop("side_observations", {}) for i in (info, its_info))
        assert info == its_info
        assert set(side) == set(its_side)
        for part in set(side) - {"kind"}:
            np.testing.assert_array_equal(side[part], its_side[part])
        assert side.get("kind") == its_side.get("kind")
        ways.add((bool(info["offloaded"]), bool(info["audited"])))
    assert truncated
    audits = {(True, True)} if "audit_rate" in mode else set()
    assert ways == {(False, False), (True, False)} | audits  # every way was taken


def test_a_whole_policy_learns_the_same_live_and_replayed() -> None:
    """Three passes; nobody knows the expected values of a live network."""
    live_env = live(side="doubly_robust", audit_rate=0.3)
    replay = SplitReplay(
        trace(), threshold=THRESHOLD, cost=ALL, side="doubly_robust", audit_rate=0.3
    )
    policies = {"SplitEE-S": bs.SplitEES(EXITS, tradeoff=0.1)}
    one, other = (
        bs.simulate(policies, env, horizon=3 * SAMPLES, runs=1, seed=0)["SplitEE-S"]
        for env in (live_env, replay)
    )

    np.testing.assert_array_equal(one.pulls, other.pulls)
    np.testing.assert_array_equal(one.reward, other.reward)
    np.testing.assert_array_equal(one.cost, other.cost)
    np.testing.assert_array_equal(one.audit_cost, other.audit_cost)
    assert one.audit_cost[0, -1] > 0
    assert one.side_kind == "doubly_robust"
    assert np.isnan(one.pseudo_regret).all()


# ----- What really runs


def test_any_network_that_can_be_split_will_do() -> None:
    spy: Splittable = Spy(network())
    exits: Splittable = network()

    assert spy.exits == exits.exits


@pytest.mark.parametrize("evaluates", ["split", "all"])
@pytest.mark.parametrize("audit_rate", [0.0, 0.5])
def test_only_what_is_paid_for_runs(evaluates: str, audit_rate: float) -> None:
    """Blocks up to the split, its exit or all up to it, and the tail if the cloud answers."""
    spy, cost = Spy(network()), SplitCost(evaluates=evaluates)
    side = "doubly_robust" if audit_rate else "surrogate"
    env = live(network=spy, cost=cost, side=side, audit_rate=audit_rate, rounds=80)
    env.reset(seed=0)
    tails = 0
    for n in range(80):
        arm = n % EXITS
        spy.ran.clear()
        info = env.step(np.int64(arm))[4]

        assert spy.blocks == list(range(arm + 1))
        assert spy.asked == (spy.blocks if evaluates == "all" else [arm])
        assert spy.tails == ([arm] if info["offloaded"] else [])
        assert not (info["audited"] and info["cost"] > 5)  # an upload is paid once
        assert info["audit_cost"] == 5 * info["audited"]
        tails += len(spy.tails)
    assert 0 < tails < 80


def test_the_last_layer_never_runs_a_tail() -> None:
    """Nobody is ever sure enough, and every sample would be audited."""
    spy = Spy(network())
    env = live(network=spy, threshold=1.0, side="doubly_robust", audit_rate=1.0)
    env.reset(seed=0)
    for _ in range(SAMPLES):
        env.step(np.int64(EXITS - 1))

    assert not spy.tails


def test_a_sure_exit_runs_no_tail_and_an_unsure_one_always_does() -> None:
    for threshold, tails in ((0.0, 0), (1.0, SAMPLES)):
        spy = Spy(network())
        env = live(network=spy, threshold=threshold)
        env.reset(seed=0)
        for _ in range(SAMPLES):
            env.step(np.int64(1))

        assert len(spy.tails) == tails


# ----- Passes and seeds


def answers(env: SplitLayer, rounds: int) -> list[float]:
    return [float(env.step(np.int64(0))[1]) for _ in range(rounds)]


def test_a_pass_answers_every_image_once() -> None:
    """At the first exit with a threshold of 0, the rewards are its confidences."""
    env = live(threshold=0.0)
    env.reset(seed=0)

    assert sorted(answers(env, SAMPLES)) == sorted(trace().confidence[:, 0])


def test_the_same_seed_gives_the_same_pass_and_the_next_pass_is_another() -> None:
    env = live(threshold=0.0)
    env.reset(seed=3)
    first = answers(env, SAMPLES)
    env.reset()
    second = answers(env, SAMPLES)
    env.reset(seed=3)

    assert answers(env, SAMPLES) == first != second


def test_without_labels_there_is_no_right_or_wrong() -> None:
    env = live(labels=None)
    env.reset(seed=0)

    assert "correct" not in env.step(np.int64(0))[4]


def test_playing_leaves_network_and_images_alone() -> None:
    played, images = network(), IMAGES.copy()
    images.flags.writeable = False
    before = {name: value.clone() for name, value in played.state_dict().items()}
    env = SplitLayer(played, images, threshold=THRESHOLD, cost=ALL)
    env.reset(seed=0)
    answers(env, SAMPLES)

    for name, value in played.state_dict().items():
        assert torch.equal(value, before[name])
    assert not played.training


# ----- Bad input


def test_what_a_device_cannot_know_is_refused() -> None:
    with pytest.raises(ValueError, match="`side` must be something a device can know"):
        live(side="as_published")


@pytest.mark.parametrize(
    ("changes", "error", "wanted"),
    [
        ({"threshold": 1.4}, ValueError, r"`threshold` must lie in \[0, 1\], got 1.4"),
        ({"cost": None}, TypeError, "`cost` must be a SplitCost, got None"),
        ({"side": "guess"}, ValueError, "`side` must be one of"),
        ({"audit_rate": 0.2}, ValueError, "`audit_rate` must be .* got 0.2"),
        ({"side": "doubly_robust"}, ValueError, "`audit_rate` must be positive"),
        ({"rounds": 0}, ValueError, "`rounds` must be an integer of at least 1, got 0"),
        ({"labels": LABELS[:-1]}, ValueError, r"`labels` must have shape \(24,\), got \(23,\)"),
        ({"labels": LABELS[:, None]}, ValueError, r"`labels` must have shape \(24,\), got"),
        ({"labels": LABELS / 2}, TypeError, "`labels` must hold integers, got dtype float64"),
        ({"network": network().train()}, ValueError, "`network` must be in eval mode"),
    ],
)
def test_an_environment_outside_its_range_is_refused(
    changes: dict[str, Any], error: type[Exception], wanted: str
) -> None:
    with pytest.raises(error, match=wanted):
        live(**changes)


@pytest.mark.parametrize(
    ("images", "wanted"),
    [
        (IMAGES[:0], r"got float32 of shape \(0, 1, 5, 5\)"),
        (0.5, r"got float32 of shape \(\)"),
        ([[1.0, 2.0], [3.0]], "inhomogeneous"),
        (np.full((2, 1, 5, 5), np.nan), "got nan or inf"),
        ([["a"]], "rectangular array of numbers"),
        (np.zeros((2, 1, 5, 5), np.uint8), "hold floats, got torch.uint8"),
        (np.zeros((2, 2, 5, 5)), r"have shape \[samples, 1, "),
    ],
)
def test_images_are_finite_numbers(images: Any, wanted: str) -> None:
    with pytest.raises((ValueError, TypeError), match=f"`images` must .*{wanted}"):
        SplitLayer(network(), images, threshold=0.8, cost=ALL)


@pytest.mark.parametrize(
    ("action", "error"),
    [(EXITS, ValueError), (-1, ValueError), (1.0, TypeError), (True, TypeError)],
)
def test_an_action_is_an_arm_and_a_refused_one_plays_no_round(
    action: Any, error: type[Exception]
) -> None:
    env, other = live(), live()
    env.reset(seed=0)
    other.reset(seed=0)
    with pytest.raises(error, match=r"`action` must be an integer in 0 .. 3, got"):
        env.step(action)

    assert answers(env, SAMPLES) == answers(other, SAMPLES)


def test_nothing_is_played_before_a_reset_or_after_the_end() -> None:
    env = live()
    with pytest.raises(RuntimeError, match="`reset` must be called before `step`"):
        env.step(np.int64(0))
    env.reset(seed=0)
    answers(env, SAMPLES)
    with pytest.raises(RuntimeError, match="`reset` must be called before `step`"):
        env.step(np.int64(0))
