"""Passes over a trace, side by side or one: what every replay shares."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from banditsplit import _checks
from banditsplit._typing import Bool, Float, Int
from banditsplit_envs.environments.context import Context
from banditsplit_envs.environments.rows import first_row, sample_order
from banditsplit_envs.traces.trace import Trace

Info = dict[str, Any]


class ReplayVector(VectorEnv[Any, Int, Any], ABC):
    """Passes over a trace, side by side; each row answers one sample a round.

    Args:
        trace: What every exit says of every sample.
        arms: How many arms there are.
        num_envs: How many passes.
        rounds: Draws with replacement in a pass; by default a pass is one shuffle.
        order: `[num_envs, rounds]`, the samples of every pass, in place of random ones.
        context: What is shown before a choice; by default nothing.

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
        context: Context | None = None,
    ) -> None:
        self.num_envs = _checks.integer("num_envs", num_envs, least=1)
        self.trace, self.arms = trace, arms
        self.rounds = None if rounds is None else _checks.integer("rounds", rounds, least=1)
        self._given = None if order is None else _order(order, self.num_envs, trace.samples)
        self.single_action_space = gym.spaces.Discrete(arms)
        self._context = Context() if context is None else context
        self.single_observation_space = self._context.space
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self._order: Int | None = None
        self._bandwidth: Float | None = None
        self._round = 0

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: Info | None = None
    ) -> tuple[Any, Info]:
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
        rounds = self._order.shape[1]
        self._bandwidth = self._context.draw(self.num_envs, rounds, self.np_random)
        self._round = 0
        return self._observation(), {}

    def step(self, actions: Any) -> tuple[Any, Float, Any, Any, Info]:
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
        reward, info = self._answer(sample, arm)
        self._round += 1
        truncated = np.full(self.num_envs, self.finished)
        return self._observation(), reward, nobody, truncated, info

    def upcoming(self) -> Any:
        """Return what is shown of the next samples, of new passes where these are over."""
        return self.reset()[0] if self.finished else self._observation()

    @property
    def finished(self) -> bool:
        """Whether the passes are over, so that the next step begins new ones."""
        return self._order is not None and self._round == self._order.shape[1]

    @property
    def _bandwidth_now(self) -> Float | None:
        """What it is in this round, `[num_envs]`; None where it does not change."""
        return None if self._bandwidth is None else self._bandwidth[:, self._round]

    def _observation(self) -> Any:
        """Return what is shown of the next samples; zeros where none is left."""
        shape = (self.num_envs, *(self.single_observation_space.shape or ()))
        if self._order is None or self.finished or not self._context.parts:
            return np.zeros(shape, self.single_observation_space.dtype)
        first = self.trace.confidence[self._order[:, self._round], 0]
        return self._context.observe(first, self._bandwidth_now)

    def _report(
        self,
        sample: Int,
        exit_: Int,
        *,
        cost: Float,
        offloaded: Bool,
        expected: Mapping[str, Float],
    ) -> Info:
        """Return the info of rounds in which ``exit_`` answered ``sample``, for rows of both.

        It holds copies of what was ``expected``, for an info is its receiver's.
        """
        trace = self.trace
        answer = trace.prediction[sample, exit_].astype(np.int64)
        info: Info = {
            "cost": cost,
            "offloaded": offloaded,
            "prediction": answer,
            "confidence": trace.confidence[sample, exit_],
        }
        if trace.label is not None:
            info["correct"] = answer == trace.label[sample]
        return info | {name: value.copy() for name, value in expected.items()}

    @abstractmethod
    def _answer(self, sample: Int, arm: Int) -> tuple[Float, Info]:
        """Return the rewards of a round and its info, for rows of `sample` and `arm`."""


class ReplayRow(gym.Env[Any, np.int64], ABC):
    """One pass over a trace: a row of a `ReplayVector`."""

    _row: ReplayVector

    def _wrap(self, row: ReplayVector) -> None:
        """Become the single row of ``row``."""
        self._row = row
        self.action_space = row.single_action_space
        self.observation_space = row.single_observation_space

    def reset(
        self, *, seed: int | None = None, options: Info | None = None
    ) -> tuple[Any, Info]:
        """Begin a new pass; ``seed`` restarts the random numbers."""
        super().reset(seed=seed, options=options)
        # The row draws from this environment's generator, so Gymnasium's rules hold for it.
        self._row._np_random = self.np_random  # noqa: SLF001
        observation, info = self._row.reset()
        return observation[0], info

    def step(self, action: np.int64) -> tuple[Any, float, bool, bool, Info]:
        """Answer the next sample; truncate when none is left.

        Raises:
            TypeError, ValueError: `action` is no arm.
            RuntimeError: The pass is over, or never began.
        """
        arm = np.array([_checks.below("action", action, self._row.arms)])
        if self._row.finished:  # where the vector form would begin anew
            raise RuntimeError("`reset` must be called before `step`.")
        observation, reward, _, truncated, info = self._row.step(arm)
        return observation[0], float(reward[0]), False, bool(truncated[0]), first_row(info)


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
