"""Passes over a trace, side by side or one: what every replay shares."""

from abc import ABC, abstractmethod
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from banditsplit import _checks
from banditsplit._typing import Float, Int
from banditsplit_envs.rows import first_row, sample_order
from banditsplit_envs.trace import Trace

Info = dict[str, Any]


class ReplayVector(VectorEnv[Int, Int, Any], ABC):
    """Passes over a trace, side by side; each row answers one sample a round.

    Args:
        trace: What every exit says of every sample.
        arms: How many arms there are.
        num_envs: How many passes.
        rounds: Draws with replacement in a pass; by default a pass is one shuffle.
        order: `[num_envs, rounds]`, the samples of every pass, in place of random ones.

    Raises:
        TypeError: ``trace`` is something else.
        ValueError: An argument is outside its range.
    """

    metadata = {"autoreset_mode": AutoresetMode.NEXT_STEP}  # noqa: RUF012 - Gymnasium's name and type

    def __init__(
        self,
        trace: Trace,
        *,
        arms: int,
        num_envs: int = 1,
        rounds: int | None = None,
        order: Any = None,
    ) -> None:
        self.num_envs = _checks.integer("num_envs", num_envs, least=1)
        self.trace, self.arms = trace, arms
        self.rounds = None if rounds is None else _checks.integer("rounds", rounds, least=1)
        self._given = None if order is None else _order(order, self.num_envs, trace.samples)
        self.single_action_space = gym.spaces.Discrete(arms)
        self.single_observation_space = gym.spaces.Discrete(1)  # a bandit shows no state
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self._observation = np.zeros(self.num_envs, np.int64)
        self._order: Int | None = None
        self._round = 0

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: Info | None = None
    ) -> tuple[Int, Info]:
        """Begin a new pass in every row; ``seed`` restarts the random numbers."""
        if isinstance(seed, list):  # all rows draw from one generator
            self.np_random = np.random.default_rng([s or 0 for s in seed])
        else:
            super().reset(seed=seed, options=options)
        if self._given is not None:
            self._order = self._given
        else:
            self._order = sample_order(
                self.trace.samples, self.num_envs, self.rounds, self.np_random
            )
        self._round = 0
        return self._observation.copy(), {}

    def step(self, actions: Any) -> tuple[Int, Float, Any, Any, Info]:
        """Answer the next sample of every pass.

        After the last one the next step begins new passes; it plays no round, pays nothing
        and has an empty ``info``.

        Raises:
            ValueError: ``actions`` is not one arm for each row.
            RuntimeError: There was no `reset`.
        """
        nobody = np.zeros(self.num_envs, np.bool_)
        if self._order is None:
            raise RuntimeError("`reset` must be called before `step`.")
        if self.finished:
            observation, info = self.reset()
            return observation, np.zeros(self.num_envs), nobody, nobody.copy(), info
        arm = _arms(actions, self.num_envs, self.arms)
        sample = self._order[:, self._round]
        self._round += 1
        reward, info = self._answer(sample, arm)
        truncated = np.full(self.num_envs, self._round == self._order.shape[1])
        return self._observation.copy(), reward, nobody, truncated, info

    @property
    def finished(self) -> bool:
        """Whether the passes are over, so that the next step begins new ones."""
        return self._order is not None and self._round == self._order.shape[1]

    @abstractmethod
    def _answer(self, sample: Int, arm: Int) -> tuple[Float, Info]:
        """Return the rewards of a round and its info, for rows of `sample` and `arm`."""


class ReplayRow(gym.Env[np.int64, np.int64], ABC):
    """One pass over a trace: a row of a `ReplayVector`."""

    _row: ReplayVector

    def _wrap(self, row: ReplayVector) -> None:
        """Become the single row of ``row``."""
        self._row = row
        self.action_space = row.single_action_space
        self.observation_space = row.single_observation_space

    def reset(
        self, *, seed: int | None = None, options: Info | None = None
    ) -> tuple[np.int64, Info]:
        """Begin a new pass; ``seed`` restarts the random numbers."""
        super().reset(seed=seed, options=options)
        # The row draws from this environment's generator, so Gymnasium's rules hold for it.
        self._row._np_random = self.np_random  # noqa: SLF001
        self._row.reset()
        return np.int64(0), {}

    def step(self, action: np.int64) -> tuple[np.int64, float, bool, bool, Info]:
        """Answer the next sample; truncate when none is left.

        Raises:
            TypeError, ValueError: `action` is no arm.
            RuntimeError: The pass is over, or never began.
        """
        arm = np.array([_checks.below("action", action, self._row.arms)])
        if self._row.finished:  # where the vector form would begin anew
            raise RuntimeError("`reset` must be called before `step`.")
        _, reward, _, truncated, info = self._row.step(arm)
        return np.int64(0), float(reward[0]), False, bool(truncated[0]), first_row(info)


def _order(order: Any, passes: int, samples: int) -> Int:
    wanted = f"`order` must be [{passes}, rounds] integers in 0 .. {samples - 1}"
    try:
        array = np.array(order)  # a copy: the caller's may change
    except ValueError:  # ragged
        raise ValueError(f"{wanted}, got {order!r}.") from None
    good = array.dtype.kind in "iu" and array.ndim == 2 and len(array) == passes  # noqa: PLR2004
    if not good or not array.size or array.min() < 0 or array.max() >= samples:
        raise ValueError(f"{wanted}, got {order!r}.")
    return array


def _arms(actions: Any, passes: int, exits: int) -> Int:
    try:
        arm = np.asarray(actions)
    except ValueError:  # ragged
        arm = np.array(np.nan)
    if (
        arm.shape != (passes,) or arm.dtype.kind not in "iu"
    ):  # the message last: arrays print slowly
        raise ValueError(f"`actions` must be {passes} integers, got {actions!r}.")
    if arm.min() < 0 or arm.max() >= exits:
        raise ValueError(f"`actions` must lie in 0 .. {exits - 1}, got {actions!r}.")
    return arm
