"""What is shown before a choice: the first exit's confidence, and a bandwidth that changes."""

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.wrappers.vector import TransformObservation

import banditsplit as bs
from banditsplit_envs import (
    MarkovBandwidth,
    SplitCost,
    SplitLayer,
    SplitReplay,
    SplitReplayVector,
    SplitRule,
    Trace,
    record,
)
from tests.envs.networks import Spy, network

FIRST = SplitCost(layer=1.0, exit=0.5, offload=4.0, evaluates="first", overhead=1.0)
TRACE = Trace(
    np.array([[0.9, 0.5, 0.8], [0.4, 0.7, 0.8], [0.3, 0.2, 0.6]]),
    np.array([[0, 1, 0], [1, 1, 1], [0, 1, 2]]),
    np.array([0, 1, 2]),
)
BOTH = ("bandwidth", "confidence")
CHAIN = MarkovBandwidth((0.25, 1.0, 4.0), ((0.8, 0.2, 0.0), (0.1, 0.8, 0.1), (0.0, 0.2, 0.8)))


def replay(**changes: Any) -> SplitReplayVector:
    how: dict[str, Any] = {"threshold": 0.7, "cost": FIRST, "order": [[0, 1, 2]]}
    return SplitReplayVector(TRACE, **(how | changes))


# ----- What is shown, and what it costs


def test_what_is_shown_is_what_the_first_exit_says_and_the_bandwidth_now() -> None:
    """In the order that was asked for; nothing is left to show after the last round."""
    env = replay(context=BOTH, bandwidth=[2.0, 0.5])
    shown = [env.reset()[0], *(env.step(np.array([1]))[0] for _ in range(3))]

    np.testing.assert_array_equal(shown, [[[2, 0.9]], [[0.5, 0.4]], [[2, 0.3]], [[0, 0]]])
    np.testing.assert_array_equal(env.step(np.array([1]))[0], [[2, 0.9]])  # the next pass
    one = replay(context="confidence")
    np.testing.assert_array_equal(one.reset()[0], [[0.9]])


def test_the_first_exit_is_paid_for_whatever_is_chosen_and_uploads_by_the_bandwidth() -> None:
    """Layers 1, 2, 3; exits .5 or twice that; uploads 4 over the bandwidth, and 1."""
    env = replay(context=BOTH, bandwidth=[2.0, 0.5])
    paid = {}
    for arm in range(3):
        env.reset()
        infos = [env.step(np.array([arm]))[4] for _ in range(3)]
        paid[arm] = [float(info["cost"][0]) for info in infos]
        assert [float(info["bandwidth"][0]) for info in infos] == [2, 0.5, 2]

    assert paid == {0: [1.5, 1.5 + 9, 1.5 + 3], 1: [3 + 3, 3, 3 + 3], 2: [4, 4, 4]}


def test_the_first_exit_is_a_side_observation_of_who_went_further() -> None:
    env = replay(context=BOTH, bandwidth=[2.0, 0.5])
    env.reset()
    seen = [env.step(np.array([2]))[4]["side_observations"] for _ in range(3)]

    assert [side["revealed"][0].tolist() for side in seen] == [[True, False, False]] * 3
    assert [float(side["cost"][0, 0]) for side in seen] == [1.5, 1.5 + 9, 1.5 + 3]
    assert [float(side["reward"][0, 0]) for side in seen] == [0.9, 0.8, 0.6]


def test_expected_costs_are_those_at_the_bandwidth_now() -> None:
    env = replay(bandwidth=[2.0, 0.5], context="bandwidth")
    rule = SplitRule(0.7, FIRST)
    env.reset()
    for bandwidth in (2.0, 0.5, 2.0):
        info = env.step(np.array([0]))[4]
        reward, cost = rule.expected(TRACE.confidence, bandwidth)
        np.testing.assert_allclose(info["expected_reward"], [reward])
        np.testing.assert_allclose(info["expected_cost"], [cost])
    row = SplitReplay(TRACE, threshold=0.7, cost=FIRST, bandwidth=[0.5])
    row.reset(seed=0)
    assert row.step(np.int64(0))[4]["expected_cost"].shape == (3,)


def test_where_a_confidence_is_shown_nobody_knows_what_to_expect() -> None:
    env = replay(context="confidence")
    env.reset()

    assert not {"expected_reward", "expected_cost"} & env.step(np.array([0]))[4].keys()


def test_a_bandwidth_of_1_is_the_replay_without_one() -> None:
    """Bit for bit, whether it is shown or not."""
    plain, one = replay(), replay(context="bandwidth", bandwidth=[1.0])
    plain.reset(seed=0)
    one.reset(seed=0)
    for arm in (0, 1, 0):
        _, reward, _, _, info = plain.step(np.array([arm]))
        _, its_reward, _, _, its_info = one.step(np.array([arm]))
        assert reward == its_reward
        assert info["cost"] == its_info["cost"]
        side, its_side = info["side_observations"], its_info["side_observations"]
        np.testing.assert_array_equal(side["cost"], its_side["cost"])


# ----- A bandwidth that wanders


def test_a_chain_without_chance_goes_its_way() -> None:
    """From each level to the next one, and from the last to the first."""
    ring = MarkovBandwidth((1.0, 2.0, 3.0), ((0, 1, 0), (0, 0, 1), (1, 0, 0)))
    drawn = ring.draw(50, 7, np.random.default_rng(0))

    assert drawn.shape == (50, 7)
    assert {*drawn[:, 0]} == {1.0, 2.0, 3.0}  # but for 1 in 3e8 seeds
    np.testing.assert_array_equal(drawn[:, 1:] % 3, (drawn[:, :-1] + 1) % 3)


@pytest.mark.parametrize("counted", ["forwards", "backwards"])
def test_a_chain_moves_as_often_as_it_says(counted: str) -> None:
    """Each share of 9 is within 5 standard errors: fails with less than 1e-5 by chance.

    The control: moves counted backwards are not those of this chain, which is not reversible.
    """
    chances = np.array([[0.7, 0.3, 0.0], [0.0, 0.6, 0.4], [0.5, 0.0, 0.5]])
    drawn = MarkovBandwidth((0.0625, 0.5, 1.0), tuple(map(tuple, chances))).draw(
        50, 400, np.random.default_rng(3)
    )
    level = np.searchsorted([0.0625, 0.5, 1.0], drawn)
    before, after = level[:, :-1].ravel(), level[:, 1:].ravel()
    if counted == "backwards":
        before, after = after, before
    counts = np.zeros((3, 3))
    np.add.at(counts, (before, after), 1)
    visits = counts.sum(1, keepdims=True)
    error = 5 * np.sqrt(chances * (1 - chances) / visits)
    close = np.abs(counts / visits - chances) <= error

    assert close.all() == (counted == "forwards")


def test_a_pass_draws_its_own_bandwidth_and_a_seed_repeats_it() -> None:
    env = SplitReplayVector(
        TRACE, threshold=0.7, cost=FIRST, num_envs=8, rounds=30, bandwidth=CHAIN, context=BOTH
    )

    def drawn(**how: Any) -> Any:
        shown = [env.reset(**how)[0][:, 0]]
        shown += [env.step(np.zeros(8, int))[0][:, 0] for _ in range(29)]
        return np.stack(shown, 1)

    first, second, again = drawn(seed=1), drawn(), drawn(seed=1)
    np.testing.assert_array_equal(first, again)
    assert (first != second).any()
    assert len({*map(tuple, first.tolist())}) == 8  # the rows are independent


# ----- Live


IMAGES = np.random.default_rng(0).random((12, 1, 5, 5), np.float32)


@pytest.mark.parametrize("context", [(), "bandwidth", "confidence", BOTH], ids=str)
@pytest.mark.parametrize("evaluates", ["first", "all"])
def test_live_and_replay_show_the_same_and_pay_the_same(context: Any, evaluates: str) -> None:
    """Bit for bit, with the same seed, audits and all."""
    cost = SplitCost(evaluates=evaluates, overhead=0.5)
    how: dict[str, Any] = {
        "cost": cost, "context": context, "bandwidth": CHAIN,
        "side": "doubly_robust", "audit_rate": 0.3,
    }  # fmt: skip
    trace = record(network(), IMAGES, batch=1)
    threshold = float(np.median(trace.confidence))
    live = SplitLayer(network(), IMAGES, threshold=threshold, **how)
    other = SplitReplay(trace, threshold=threshold, **how)
    np.testing.assert_array_equal(live.reset(seed=3)[0], other.reset(seed=3)[0])
    for arm in np.random.default_rng(1).integers(4, size=12):
        shown, *mine, info = live.step(arm)
        its_shown, *theirs, its_info = other.step(arm)

        np.testing.assert_array_equal(shown, its_shown)
        assert mine == theirs
        for name, value in info.items():
            if name != "side_observations":
                assert value == its_info[name]
                continue
            for part in value:
                np.testing.assert_array_equal(value[part], its_info[name][part])


def test_the_first_layer_runs_before_the_choice_and_only_once() -> None:
    """The rest runs after it, and nothing of the next sample but its first layer and exit."""
    spy = Spy(network())
    env = SplitLayer(spy, IMAGES, threshold=0.0, cost=FIRST, context="confidence")
    first = [("block", 0), ("exit", 0)]
    env.reset(seed=0)
    assert spy.ran == first
    for number, arm in enumerate((0, 2, 1, 3)):
        spy.ran.clear()
        env.step(np.int64(arm))
        rest = [("block", depth) for depth in range(1, arm + 1)]
        rest += [("exit", arm)] if arm else []
        assert spy.ran == rest + first, number


def test_a_bandwidth_alone_runs_nothing_before_the_choice() -> None:
    spy = Spy(network())
    env = SplitLayer(spy, IMAGES, threshold=0.0, cost=FIRST, context="bandwidth", bandwidth=[1])
    env.reset(seed=0)

    assert not spy.ran


def test_a_new_pass_begins_with_its_own_sample() -> None:
    """What the first exit said of a sample that nobody asked for any more is forgotten."""
    env = SplitLayer(network(), IMAGES, threshold=0.5, cost=FIRST, context="confidence")
    shown = [float(env.reset(seed=seed)[0][0]) for seed in (0, 1, 0)]
    env.reset(seed=1)
    info = env.step(np.int64(0))[4]

    assert shown[0] == shown[2]
    assert shown[0] != shown[1]
    assert info["cost"] == (1.5 if shown[1] >= 0.5 else 6.5)


# ----- As an environment


@pytest.mark.parametrize("context", ["bandwidth", "confidence", BOTH], ids=str)
def test_gymnasium_accepts_it(context: Any) -> None:
    how: dict[str, Any] = {"threshold": 0.7, "cost": FIRST, "bandwidth": CHAIN}
    one = gym.make("banditsplit/SplitReplay-v0", trace=TRACE, context=context, **how)
    live = gym.make(
        "banditsplit/SplitLayer-v0", network=network(), images=IMAGES, context=context, **how
    )
    for env in (one, live):
        check_env(env.unwrapped, skip_render_check=True)
        space = env.observation_space
        assert isinstance(space, gym.spaces.Box)
        highest = {"bandwidth": 4.0, "confidence": 1.0}
        parts = (context,) if isinstance(context, str) else context
        np.testing.assert_array_equal(space.high, [highest[part] for part in parts])
    many: Any = gym.make_vec(
        "banditsplit/SplitReplay-v0", num_envs=3, vectorization_mode="vector_entry_point",
        trace=TRACE, context=context, **how,
    )  # fmt: skip
    assert many.observation_space.contains(many.reset(seed=0)[0])


def world(seed: int = 0, samples: int = 400) -> Trace:
    """Later exits are surer, and the last one always is, at a price."""
    hard = np.random.default_rng(seed).random((samples, 1))
    confidence = 1 - hard * [0.8, 0.6, 0.5, 0.05]
    return Trace(confidence, np.zeros((samples, 4), int), np.zeros(samples, int))


def features(shown: Any) -> Any:
    """A constant, whether the first exit is sure, and what an upload costs then and now."""
    confidence, bandwidth = shown[..., 0], shown[..., 1]
    unsure = (confidence < 0.7).astype(float)
    slowness = 1 / np.maximum(bandwidth, 0.05)  # 0 where nothing is left to show
    return np.stack([np.ones_like(unsure), unsure, unsure * slowness], -1)


POLICIES = {
    "LinUCB": bs.LinUCB(4, features=3, alpha=0.5, objective=bs.Net(0.1)),
    "LinTS": bs.LinTS(4, features=3, scale=0.2, objective=bs.Net(0.1)),
    "SquareCB": bs.SquareCB(4, features=3, gamma=200.0, objective=bs.Net(0.1)),
}


def test_who_looks_before_choosing_earns_more_than_any_fixed_arm() -> None:
    """In 8 passes of 600 rounds each, although looking costs half a lambda for most arms.

    In expectation .645, where the best choice is known, against .523.
    """
    trace, runs, rounds = world(), 8, 600
    how: dict[str, Any] = {"threshold": 0.7, "num_envs": runs, "rounds": rounds}
    how |= {"bandwidth": MarkovBandwidth((0.5, 8.0), ((0.9, 0.1), (0.1, 0.9)))}
    first, plain = (SplitCost(1.0, 0.5, 4.0, evaluates) for evaluates in ("first", "split"))
    seeing = SplitReplayVector(trace, cost=first, context=("confidence", "bandwidth"), **how)
    box = gym.spaces.Box(-np.inf, np.inf, (runs, 3))
    single = gym.spaces.Box(-np.inf, np.inf, (3,))
    env = TransformObservation(seeing, features, box, single)
    history = bs.simulate(
        POLICIES, env, horizon=rounds, runs=runs, seed=0, objective=bs.Net(0.1)
    )
    blind = SplitReplayVector(trace, cost=plain, **how)
    fixed = {str(arm): bs.FixedArm(4, arm=arm) for arm in range(4)}
    still = bs.simulate(fixed, blind, horizon=rounds, runs=runs, seed=0)
    value = {
        name: (track.reward - 0.1 * track.cost)[:, -1] / rounds
        for name, track in [*history.items(), *still.items()]
    }
    best = max(value[name].mean() for name in fixed)

    for name in POLICIES:
        assert value[name].mean() > best + 0.03, (name, value[name].mean(), best)
        assert np.isnan(history[name].pseudo_regret).all()


def test_a_single_environment_is_played_by_context_over_several_passes() -> None:
    env = SplitReplay(TRACE, threshold=0.7, cost=FIRST, context=BOTH, bandwidth=CHAIN)
    policy = bs.LinUCB(3, features=2, objective=bs.Net(0.1))
    history = bs.simulate({"it": policy}, env, horizon=30, runs=2, seed=0)

    assert history["it"].pulls.sum() == 2 * 30


# ----- Bad input

BAD: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "something else": ({"context": "weather"}, ValueError, "context"),
    "a number": ({"context": 1}, TypeError, "context"),
    "twice the same": ({"context": ("confidence", "confidence")}, ValueError, "context"),
    "a confidence that nobody computes": (
        {"context": "confidence", "cost": SplitCost()},
        ValueError,
        "cost",
    ),
    "a bandwidth that nobody gave": ({"context": "bandwidth"}, ValueError, "bandwidth"),
    "no bandwidth at all": ({"bandwidth": []}, ValueError, "bandwidth"),
    "a bandwidth of 0": ({"bandwidth": [1.0, 0.0]}, ValueError, "bandwidth"),
    "a nan": ({"bandwidth": [np.nan]}, ValueError, "bandwidth"),
    "without end": ({"bandwidth": [np.inf]}, ValueError, "bandwidth"),
    "one number": ({"bandwidth": 2.0}, ValueError, "bandwidth"),
    "a table": ({"bandwidth": np.ones((2, 2))}, ValueError, "bandwidth"),
    "ragged": ({"bandwidth": [[1.0], [1.0, 2.0]]}, ValueError, "bandwidth"),
    "words": ({"bandwidth": ["fast"]}, TypeError, "bandwidth"),
}


@pytest.mark.parametrize(("changes", "error", "name"), BAD.values(), ids=BAD)
def test_a_context_that_cannot_be_is_refused(
    changes: dict[str, Any], error: type[Exception], name: str
) -> None:
    given: dict[str, Any] = {"threshold": 0.7, "cost": FIRST, **changes}
    with pytest.raises(error, match=f"^`{name}` must "):
        SplitReplayVector(TRACE, **given)
    with pytest.raises(error, match=f"^`{name}` must "):
        SplitLayer(network(), IMAGES, **given)


CHAINS: dict[str, tuple[Any, Any, type[Exception], str]] = {
    "no levels": ((), (), ValueError, "levels"),
    "a level of 0": ((0.0,), ((1.0,),), ValueError, "levels"),
    "words": (("fast",), ((1.0,),), TypeError, "levels"),
    "a row too few": ((1.0, 2.0), ((0.5, 0.5),), ValueError, "transition"),
    "too much": ((1.0, 2.0), ((0.5, 0.6), (0.5, 0.5)), ValueError, "transition"),
    "less than nothing": ((1.0, 2.0), ((-0.5, 1.5), (0.5, 0.5)), ValueError, "transition"),
    "a nan": ((1.0,), ((np.nan,),), ValueError, "transition"),
}


@pytest.mark.parametrize(("levels", "transition", "error", "name"), CHAINS.values(), ids=CHAINS)
def test_a_chain_that_is_none_is_refused(
    levels: Any, transition: Any, error: type[Exception], name: str
) -> None:
    with pytest.raises(error, match=f"^`{name}` must "):
        MarkovBandwidth(levels, transition)


def test_a_given_bandwidth_is_a_copy() -> None:
    given = np.array([2.0, 0.5])
    env = replay(context="bandwidth", bandwidth=given)
    given[:] = 9
    assert env.reset()[0][0, 0] == 2
