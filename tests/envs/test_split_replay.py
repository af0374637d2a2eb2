"""The replay: Gymnasium's contract, whole passes, and rows that are single environments."""

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode

import banditsplit as bs
from banditsplit_envs import SplitCost, SplitReplay, SplitReplayVector, Trace

ID = "banditsplit/SplitReplay-v0"
GENERATOR = np.random.default_rng(0)
TRACE = Trace(
    GENERATOR.uniform(0.4, 1, (7, 4)),
    GENERATOR.integers(10, size=(7, 4)),
    GENERATOR.integers(10, size=7),
)
HOW: dict[str, Any] = {"threshold": 0.8, "cost": SplitCost(evaluates="all")}
MODES = [
    {"side": "surrogate"},
    {"side": "doubly_robust", "audit_rate": 0.3},
    {"side": "as_published"},
    {"side": "observed"},
]


def vector(**changes: Any) -> SplitReplayVector:
    return SplitReplayVector(TRACE, **(HOW | changes))


def named_samples() -> Trace:
    """Every sample's prediction is its own number, so that infos tell who was answered."""
    names = np.repeat(np.arange(7)[:, None], 4, axis=1)
    return Trace(TRACE.confidence, names, np.arange(7))


def visited(env: SplitReplayVector, rounds: int) -> Any:
    """The samples that `named_samples` was asked for, `[rounds, rows]`."""
    arm = np.zeros(env.num_envs, np.int64)
    return np.array([env.step(arm)[4]["prediction"] for _ in range(rounds)])


# ----- Gymnasium's contract


@pytest.mark.parametrize("evaluates", ["split", "all"])
@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode["side"])
def test_gymnasium_accepts_it(mode: dict[str, Any], evaluates: str) -> None:
    cost = SplitCost(evaluates=evaluates)
    env = gym.make(ID, trace=TRACE, threshold=0.8, cost=cost, **mode)
    check_env(env.unwrapped, skip_render_check=True)


def test_its_name_is_registered_for_one_and_for_many() -> None:
    one = gym.make(ID, trace=TRACE, **HOW)
    many = gym.make_vec(
        ID, num_envs=3, vectorization_mode="vector_entry_point", trace=TRACE, **HOW
    )

    assert isinstance(one.unwrapped, SplitReplay)
    assert isinstance(many, SplitReplayVector)
    assert many.num_envs == 3
    assert one.action_space == many.single_action_space == gym.spaces.Discrete(4)
    assert one.observation_space == many.single_observation_space == gym.spaces.Discrete(1)
    assert many.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP


def test_gymnasium_makes_a_vector_of_single_environments_too() -> None:
    """Rows of `SyncVectorEnv` get the numbers of the native form on the same order."""
    seeds = [3, 4]
    order = [np.random.default_rng(seed).permutation(7) for seed in seeds]
    native = vector(num_envs=2, order=order)
    synced: Any = gym.make_vec(ID, num_envs=2, vectorization_mode="sync", trace=TRACE, **HOW)
    native.reset()
    synced.reset(seed=seeds)
    for arm in ([0, 1], [2, 3], [3, 0]):
        _, reward, _, _, info = native.step(np.array(arm))
        _, gymnasiums, _, _, its_info = synced.step(np.array(arm))

        np.testing.assert_array_equal(gymnasiums, reward)
        np.testing.assert_array_equal(its_info["cost"], info["cost"])
        for part in ("revealed", "reward", "cost"):
            np.testing.assert_array_equal(
                its_info["side_observations"][part], info["side_observations"][part]
            )


def test_what_it_returns_lies_in_its_spaces() -> None:
    env = vector(num_envs=3)
    observation, info = env.reset(seed=0)

    assert env.observation_space.contains(observation)
    assert info == {}
    observation, reward, terminated, truncated, _ = env.step(env.action_space.sample())
    assert env.observation_space.contains(observation)
    assert [array.shape for array in (reward, terminated, truncated)] == [(3,)] * 3
    assert [array.dtype.kind for array in (reward, terminated, truncated)] == ["f", "b", "b"]


@pytest.mark.parametrize("evaluates", ["split", "all"])
def test_an_info_holds_what_the_house_says(evaluates: str) -> None:
    env = vector(num_envs=2, cost=SplitCost(evaluates=evaluates))
    env.reset(seed=0)
    info = env.step(np.array([1, 2]))[4]
    told = {"cost", "offloaded", "audited", "audit_cost", "prediction", "correct"}
    told |= {"expected_reward", "expected_cost"}

    assert set(info) == told | ({"side_observations"} if evaluates == "all" else set())
    np.testing.assert_array_equal(info["expected_reward"].shape, (4,))


# ----- Passes


def test_a_shuffle_visits_every_sample_once() -> None:
    env = SplitReplayVector(named_samples(), num_envs=3, **HOW)
    env.reset(seed=1)
    samples = visited(env, 7)

    for row in samples.T:
        assert sorted(row) == list(range(7))
    assert len({tuple(row) for row in samples.T}) == 3  # each row its own order


def test_rounds_are_draws_with_replacement() -> None:
    """Of 60 draws among 7 samples some return, whatever the seed."""
    env = SplitReplayVector(named_samples(), num_envs=2, rounds=60, **HOW)
    env.reset(seed=1)
    samples = visited(env, 60)

    assert samples.shape == (60, 2)
    assert set(samples.ravel()) == set(range(7))  # (6 / 7)**120 * 7 < 1e-6 that one is missing
    assert env.step(np.zeros(2, np.int64))[4] == {}


def test_a_given_order_is_played_as_it_is() -> None:
    order = [[6, 0, 0], [1, 2, 3]]
    env = SplitReplayVector(named_samples(), num_envs=2, order=order, **HOW)
    for seed in (0, 1):
        env.reset(seed=seed)
        np.testing.assert_array_equal(visited(env, 3).T, order)


def test_the_order_is_a_copy() -> None:
    order = np.array([[6, 0, 1]])
    env = SplitReplayVector(named_samples(), order=order, **HOW)
    order[:] = 5
    env.reset()
    np.testing.assert_array_equal(visited(env, 3).T, [[6, 0, 1]])


def test_after_the_last_sample_comes_a_reset_round_and_then_a_new_pass() -> None:
    env = SplitReplayVector(named_samples(), num_envs=2, **HOW)
    env.reset(seed=0)
    arm = np.zeros(2, np.int64)
    for n in range(1, 8):
        _, _, terminated, truncated, _ = env.step(arm)
        assert not terminated.any()
        np.testing.assert_array_equal(truncated, [n == 7, n == 7])
    observation, reward, terminated, truncated, info = env.step(arm)

    np.testing.assert_array_equal(observation, [0, 0])
    np.testing.assert_array_equal(reward, [0.0, 0.0])
    assert not (terminated | truncated).any()
    assert info == {}
    for row in visited(env, 7).T:
        assert sorted(row) == list(range(7))


def test_the_single_form_ends_and_asks_for_a_reset() -> None:
    env = SplitReplay(TRACE, rounds=2, **HOW)
    env.reset(seed=0)
    assert not env.step(np.int64(0))[3]
    assert env.step(np.int64(0))[3]
    with pytest.raises(RuntimeError, match="`reset` must be called before `step`"):
        env.step(np.int64(0))
    env.reset()
    assert not env.step(np.int64(0))[3]


# ----- Seeds


def test_the_same_seed_gives_the_same_pass() -> None:
    passes = []
    for seed in (5, 5, 6):
        env = SplitReplayVector(named_samples(), num_envs=2, **HOW)
        env.reset(seed=seed)
        passes.append(visited(env, 7))

    np.testing.assert_array_equal(passes[0], passes[1])
    assert (passes[0] != passes[2]).any()


def test_without_a_seed_the_next_pass_is_another() -> None:
    env = SplitReplayVector(named_samples(), num_envs=4, **HOW)
    env.reset(seed=5)
    first = visited(env, 7)
    env.reset()

    assert (visited(env, 7) != first).any()  # 1 / 5040**4 by chance


def test_asking_for_the_seed_changes_no_draw() -> None:
    env = vector(num_envs=1, side="doubly_robust", audit_rate=0.5)
    audited = []
    for asks in (False, True):
        env.reset(seed=5)
        if asks:
            assert env.np_random_seed == 5
        audited.append([env.step(np.array([0]))[4]["audited"][0] for _ in range(7)])

    assert audited[0] == audited[1]


def test_rows_may_have_seeds_of_their_own() -> None:
    env = SplitReplayVector(named_samples(), num_envs=2, **HOW)
    env.reset(seed=[1, 2])
    first = visited(env, 7)
    env.reset(seed=[1, 2])
    np.testing.assert_array_equal(visited(env, 7), first)


# ----- One and many


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode["side"])
def test_the_single_form_is_a_vector_of_one(mode: dict[str, Any]) -> None:
    one, many = SplitReplay(TRACE, **HOW, **mode), vector(num_envs=1, **mode)
    one.reset(seed=4)
    many.reset(seed=4)
    for arm in (0, 1, 2, 3, 2, 1, 0):
        _, reward, terminated, truncated, info = one.step(np.int64(arm))
        _, rewards, ends, cuts, infos = many.step(np.array([arm]))

        assert (reward, terminated, truncated) == (rewards[0], ends[0], cuts[0])
        assert set(info) == set(infos)
        for name in ("cost", "offloaded", "audited", "audit_cost", "prediction", "correct"):
            assert info[name] == infos[name][0]
        for name in ("expected_reward", "expected_cost"):
            np.testing.assert_array_equal(info[name], infos[name])
        side, sides = info["side_observations"], infos["side_observations"]
        assert side["kind"] == sides["kind"] == mode["side"]
        for part in ("revealed", "reward", "cost"):
            np.testing.assert_array_equal(side[part], sides[part][0])


@pytest.mark.parametrize("evaluates", ["split", "all"])
def test_a_row_is_a_single_environment_on_the_same_order(evaluates: str) -> None:
    """The single form shuffles with its seed's generator; the rows are given that order."""
    seeds, cost = [11, 12, 13], SplitCost(evaluates=evaluates)
    order = [np.random.default_rng(seed).permutation(7) for seed in seeds]
    many = vector(num_envs=3, order=order, cost=cost)
    many.reset()
    singles = [SplitReplay(TRACE, threshold=0.8, cost=cost) for _ in seeds]
    for env, seed in zip(singles, seeds, strict=True):
        env.reset(seed=seed)
    arms = np.random.default_rng(0).integers(4, size=(7, 3))
    for arm in arms:
        _, rewards, _, _, infos = many.step(arm)
        for row, env in enumerate(singles):
            _, reward, _, _, info = env.step(arm[row])
            assert (reward, info["cost"]) == (rewards[row], infos["cost"][row])
            assert info["correct"] == infos["correct"][row]
            for part in ("revealed", "reward", "cost") if evaluates == "all" else ():
                np.testing.assert_array_equal(
                    info["side_observations"][part], infos["side_observations"][part][row]
                )


def test_an_info_belongs_to_whoever_gets_it() -> None:
    """Overwriting everything in it changes neither the next round nor the trace."""
    spoilt, clean = vector(num_envs=2), vector(num_envs=2)
    before = TRACE.confidence.copy()
    for env in (spoilt, clean):
        env.reset(seed=0)
    for _ in range(3):
        arm = np.array([1, 2])
        observation, reward, *ends, info = spoilt.step(arm)
        expected = clean.step(np.array([1, 2]))
        np.testing.assert_array_equal(reward, expected[1])
        for name, value in info.items():
            parts = value if isinstance(value, dict) else {name: value}
            wanted = expected[4][name] if isinstance(value, dict) else expected[4]
            for part, array in parts.items():
                np.testing.assert_array_equal(array, wanted[part])
        info["side_observations"]["kind"] = "spoilt"
        for array in (observation, reward, arm, *ends, *info.values()):
            for part in array.values() if isinstance(array, dict) else [array]:
                if isinstance(part, np.ndarray):
                    part[...] = 1
    np.testing.assert_array_equal(TRACE.confidence, before)


# ----- Simulation


def test_simulation_over_several_passes_counts_the_played_rounds() -> None:
    """Reset rounds are neither booked nor learned: 17 rounds are 2 passes of 7, and 3."""
    order = np.stack([np.arange(7), np.arange(7)[::-1]])
    env = vector(num_envs=2, order=order, cost=SplitCost(evaluates="split"))
    history = bs.simulate(
        {"always 1": bs.FixedArm(4, 1)}, env, horizon=17, runs=2, seed=0, record=["correct"]
    )
    track = history["always 1"]
    own, final = TRACE.confidence[:, 1], TRACE.confidence[:, -1]
    sure = own >= 0.8
    paid = np.where(sure, 1.8, 6.8)  # .8 + .8 + .2, and 5 for the upload
    answer = np.where(sure, TRACE.prediction[:, 1], TRACE.prediction[:, -1])
    right = answer == TRACE.label
    for row in range(2):
        played = np.concatenate([order[row], order[row], order[row, :3]])

        assert track.reward[row, -1] == pytest.approx(np.where(sure, own, final)[played].sum())
        assert track.cost[row, -1] == pytest.approx(paid[played].sum())
        assert track.recorded["correct"][row, -1] == right[played].sum()
    np.testing.assert_array_equal(track.pulls, [[0, 17, 0, 0]] * 2)


def test_simulation_plays_the_single_form_over_several_passes() -> None:
    env = gym.make(ID, trace=TRACE, **HOW)
    history = bs.simulate({"S": bs.SplitEES(4, tradeoff=0.1)}, env, horizon=17, runs=2, seed=0)

    np.testing.assert_array_equal(history["S"].pulls.sum(axis=1), [17, 17])
    assert history["S"].side_kind == "surrogate"


# ----- Bad input


@pytest.mark.parametrize(
    ("changes", "error", "wanted"),
    [
        ({"threshold": 1.01}, ValueError, r"`threshold` must lie in \[0, 1\], got 1.01"),
        ({"threshold": float("nan")}, ValueError, "`threshold` must be a finite number"),
        ({"cost": 5}, TypeError, "`cost` must be a SplitCost, got 5"),
        ({"side": "psychic"}, ValueError, "`side` must be one of .* got 'psychic'"),
        ({"audit_rate": 0.1}, ValueError, "`audit_rate` must be .* got 0.1"),
        ({"side": "doubly_robust"}, ValueError, "`audit_rate` must be positive .* got 0.0"),
        ({"rounds": 0}, ValueError, "`rounds` must be an integer of at least 1, got 0"),
        ({"rounds": 2.5}, TypeError, "`rounds` must be an integer of at least 1, got 2.5"),
        ({"trace": [[0.5]]}, TypeError, r"`trace` must be a Trace, got \[\[0.5\]\]"),
    ],
)
@pytest.mark.parametrize("form", [SplitReplay, SplitReplayVector])
def test_a_replay_outside_its_range_is_refused(
    form: Any, changes: dict[str, Any], error: type[Exception], wanted: str
) -> None:
    arguments = {"trace": TRACE, **HOW, **changes}
    with pytest.raises(error, match=wanted):
        form(**arguments)


@pytest.mark.parametrize(
    ("num_envs", "error"), [(0, ValueError), (-2, ValueError), (1.0, TypeError)]
)
def test_there_is_at_least_one_row(num_envs: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="`num_envs` must be an integer of at least 1"):
        vector(num_envs=num_envs)


@pytest.mark.parametrize(
    "order",
    [
        [[0, 1]],  # one row for two
        [[0, 7], [0, 1]],
        [[0, -1], [0, 1]],
        [[0.0, 1.0], [0.0, 1.0]],
        [[], []],
        [0, 1],
        [[0, 1], [0]],
        "01",
    ],
)
def test_an_order_names_samples_for_every_row(order: Any) -> None:
    with pytest.raises(ValueError, match=r"`order` must be \[2, rounds\] integers in 0 .. 6"):
        vector(num_envs=2, order=order)


@pytest.mark.parametrize(
    "actions", [[0], [0, 1, 2], 1, [0.0, 1.0], [True, False], ["0", "1"], [[0, 1]], [[0], 1]]
)
def test_actions_are_one_integer_for_each_row(actions: Any) -> None:
    env = vector(num_envs=2)
    env.reset(seed=0)
    with pytest.raises(ValueError, match="`actions` must be 2 integers, got"):
        env.step(actions)


@pytest.mark.parametrize("actions", [[0, 4], [-1, 0]])
def test_actions_are_arms(actions: Any) -> None:
    env = vector(num_envs=2)
    env.reset(seed=0)
    with pytest.raises(ValueError, match=r"`actions` must lie in 0 .. 3, got"):
        env.step(np.array(actions))


def test_a_refused_action_plays_no_round() -> None:
    env = SplitReplayVector(named_samples(), **HOW)
    env.reset(seed=0)
    expected = visited(env, 7)
    env.reset(seed=0)
    for wrong in ([4], [0.5], [0, 0]):
        with pytest.raises(ValueError, match="`actions` must"):
            env.step(np.array(wrong))

    np.testing.assert_array_equal(visited(env, 7), expected)


@pytest.mark.parametrize(
    ("action", "error"),
    [(4, ValueError), (-1, ValueError), (1.0, TypeError), (True, TypeError), ("1", TypeError)],
)
def test_the_single_form_takes_one_arm(action: Any, error: type[Exception]) -> None:
    env = SplitReplay(TRACE, **HOW)
    env.reset(seed=0)
    with pytest.raises(error, match=r"`action` must be an integer in 0 .. 3, got"):
        env.step(action)


def test_nothing_is_played_before_a_reset() -> None:
    with pytest.raises(RuntimeError, match="`reset` must be called before `step`"):
        vector().step(np.array([0]))
    with pytest.raises(RuntimeError, match="`reset` must be called before `step`"):
        SplitReplay(TRACE, **HOW).step(np.int64(0))
