"""`simulate` plays Gymnasium's environments to the round, in every autoreset mode."""

from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from banditsplit import ArmStats, Policy, Track, UniformRandom, compose, simulate
from banditsplit._typing import Bool, Float
from banditsplit.feedback import Cell
from banditsplit.indices import Index
from banditsplit.memories import Full

HORIZON, ARMS, LANES = 16, 3, 4  # at 16 some lanes have had fewer resets than others
MODES = list(AutoresetMode)

Observed = dict[int, list[float]]  # cell of `[runs, arms]` -> the values that were learned


class Lane(gym.Env[np.int64, np.int64]):
    """Deterministic episodes of 1 to 3 rounds, other ones in every lane.

    Lane 1 says nothing but its rewards; lane 2 never reveals an arm, and lane 0 does so
    from its second round on. Every other episode is truncated and not terminated.
    """

    action_space = gym.spaces.Discrete(ARMS)
    observation_space = gym.spaces.Discrete(1)

    def __init__(self, lane: int) -> None:
        self.lane, self.episode, self.step_in_episode = lane, 0, 0
        self.played: list[tuple[int, float, float, bool]] = []  # arm, reward, cost, revealed

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.int64, dict[str, Any]]:
        super().reset(seed=seed, options=options)
        if seed is not None:
            self.episode, self.played = 0, []
        else:
            self.episode += 1
        self.step_in_episode = 0
        return np.int64(0), {}

    def step(self, action: np.int64) -> tuple[np.int64, float, bool, bool, dict[str, Any]]:
        arm, number = int(action), len(self.played)
        self.step_in_episode += 1
        over = self.step_in_episode == 1 + (self.lane + self.episode) % 3
        truncated = over and self.episode % 2 == 1
        reward = 1 + self.lane + arm / 8 + number / 64
        talks = self.lane != 1
        cost = (1 + arm) / 4 if talks else 0.0
        reveals = talks and self.lane != 2 and (number > 0 or self.lane != 0)
        self.played.append((arm, reward, cost, reveals))
        info: dict[str, Any] = {}
        if talks:
            info = {"cost": cost, "expected_reward": np.array([0.5, 0.75, 1.0]), "seen": number}
        if reveals:
            info["side_observations"] = self.side(arm, number)
        return np.int64(0), reward, over and not truncated, truncated, info

    def side(self, arm: int, number: int) -> dict[str, Any]:
        """The next arm, worth 100 and more."""
        revealed = np.arange(ARMS) == (arm + 1) % ARMS
        reward = np.where(revealed, 100.0 + number, 0.0)
        return {
            "revealed": revealed,
            "reward": reward,
            "cost": np.zeros(ARMS),
            "kind": "surrogate",
        }


@dataclass(frozen=True, slots=True)
class TakingNotes:
    """`Full` memory that writes down all it is told."""

    values: Observed = field(default_factory=dict)
    rounds: list[Any] = field(default_factory=list)

    def empty(self, runs: int | None, arms: int, *, variance: bool = False) -> ArmStats:
        return Full().empty(runs, arms, variance=variance)

    def stats(self, state: ArmStats) -> ArmStats:
        return state

    def observe(self, state: ArmStats, cell: Cell, value: float | Float) -> None:
        for place, number in zip(np.atleast_1d(cell), np.atleast_1d(value), strict=True):
            self.values.setdefault(int(place), []).append(float(number))
        Full().observe(state, cell, value)

    def advance(self, state: ArmStats, where: Bool | None) -> None:
        Full().advance(state, where)
        self.rounds[:] = [np.array(state.t).tolist()]


@dataclass(frozen=True, slots=True)
class Cycle(Index):
    """Arm t mod arms: no chance, so that one run and a row of many do the same."""

    scores_untried: ClassVar[bool] = True

    def __call__(self, stats: ArmStats, rng: np.random.Generator) -> Float:
        del rng
        arms = stats.mean.shape[-1]
        scores: Float = (np.arange(arms) == stats.t % arms) * 1.0
        return scores


def cycle(notes: TakingNotes) -> Policy:
    return compose(ARMS, Cycle(), memory=notes, side_observations=True)


def vector(mode: AutoresetMode) -> SyncVectorEnv:
    return SyncVectorEnv([partial(Lane, lane) for lane in range(LANES)], autoreset_mode=mode)


def play(env: Any, runs: int, notes: TakingNotes) -> Track:
    return simulate(
        {"it": cycle(notes)},
        env,
        horizon=HORIZON,
        runs=runs,
        seed=0,
        checkpoints=HORIZON,
        record=("seen",) if runs > 1 else (),
    )["it"]


def expected(lane: Lane) -> Observed:
    """What a learner has seen of the first rounds that ``lane`` played, by arm."""
    values: Observed = {}
    for number, (arm, reward, _, revealed) in enumerate(lane.played[:HORIZON]):
        values.setdefault(arm, []).append(reward)
        if revealed:
            values.setdefault((arm + 1) % ARMS, []).append(100.0 + number)
    return values


def curves(lane: Lane) -> tuple[Float, Float]:
    """Cumulative rewards and costs of the rounds that ``lane`` played."""
    played = np.array([(reward, cost) for _, reward, cost, _ in lane.played[:HORIZON]])
    return played[:, 0].cumsum(), played[:, 1].cumsum()


@pytest.mark.parametrize("number", range(LANES))
def test_an_env_is_learned_and_booked_as_it_was_played(number: int) -> None:
    lane, notes = Lane(number), TakingNotes()
    track = play(lane, 1, notes)
    reward, cost = curves(lane)

    assert len(lane.played) == HORIZON
    assert notes.values == expected(lane)
    np.testing.assert_allclose(track.reward[0], reward)
    np.testing.assert_allclose(track.cost[0], cost)
    assert np.isnan(track.pseudo_regret).all() == (number == 1)
    assert track.side_kind == ("surrogate" if number in (0, 3) else None)


@pytest.mark.parametrize("mode", MODES)
def test_a_vector_env_is_learned_and_booked_as_each_row_was_played(mode: AutoresetMode) -> None:
    """No made-up reset round, no lost last round of an episode, no round beyond the horizon."""
    env, notes = vector(mode), TakingNotes()
    track = play(env, LANES, notes)
    for row, lane in enumerate(env.envs):
        assert isinstance(lane, Lane)
        reward, cost = curves(lane)
        arms = [arm for arm, *_ in lane.played[:HORIZON]]
        learned = {
            cell - row * ARMS: values
            for cell, values in notes.values.items()
            if cell // ARMS == row
        }

        assert len(lane.played) >= HORIZON
        assert learned == expected(lane)
        np.testing.assert_allclose(track.reward[row], reward)
        np.testing.assert_allclose(track.cost[row], cost)
        assert track.pulls[row].tolist() == np.bincount(arms, minlength=ARMS).tolist()
    assert notes.rounds == [[[HORIZON + 1]] * LANES]


@pytest.mark.parametrize("mode", MODES)
def test_a_row_of_a_vector_env_is_the_env_alone(mode: AutoresetMode) -> None:
    together = play(vector(mode), LANES, TakingNotes())
    for row in range(LANES):
        alone = play(Lane(row), 1, TakingNotes())

        for name in ("reward", "cost", "pseudo_regret", "pulls"):
            np.testing.assert_allclose(
                getattr(together, name)[row], getattr(alone, name)[0], err_msg=name
            )


@pytest.mark.parametrize("mode", MODES)
def test_a_row_that_says_nothing_has_no_cost_and_no_known_regret(mode: AutoresetMode) -> None:
    """Gymnasium fills its places with zeros and marks them as missing; others are as usual."""
    track = play(vector(mode), LANES, TakingNotes())

    assert not track.cost[1].any()
    assert np.isnan(track.pseudo_regret[1]).all()
    others = [0, 2, 3]
    assert (track.cost[others, -1] > 0).all()
    np.testing.assert_allclose(
        track.pseudo_regret[others, -1], track.pulls[others] @ [0.5, 0.25, 0.0]
    )
    assert track.recorded["seen"][:, -1].tolist() == [
        sum(range(HORIZON)) * (row != 1) for row in range(LANES)
    ]


@pytest.mark.parametrize("mode", MODES)
def test_the_kind_of_side_observations_is_read_where_there_are_some(
    mode: AutoresetMode,
) -> None:
    """In the first round row 0 reveals nothing, so its place holds no kind."""
    assert play(vector(mode), LANES, TakingNotes()).side_kind == "surrogate"


def test_runs_must_equal_num_envs() -> None:
    with pytest.raises(ValueError, match=r"^`runs` must equal .*num_envs, 4, got 3"):
        simulate({"it": UniformRandom(ARMS)}, vector(MODES[0]), horizon=3, runs=3, seed=0)


def test_a_policy_with_other_arms_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"^`policies` must have the environment's 3 arms, got 2"
    ):
        simulate({"it": UniformRandom(2)}, Lane(0), horizon=3, runs=3, seed=0)
