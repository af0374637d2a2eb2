"""Replays that follow one another: a stream whose domain changes."""

from collections.abc import Sequence
from typing import Any, final

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv

from banditsplit import _checks
from banditsplit._typing import Float, Int
from banditsplit_envs.replay import Info, ReplayVector


@final
class DriftingReplayVector(VectorEnv[Int, Int, Any]):
    """One replay after the other, on the same arms; it never ends by itself.

    What `banditsplit.theory.PiecewiseProblem` is for known laws. Every round is answered by
    the replay that holds, and told its ``expected_reward`` and ``expected_cost``: so what
    `banditsplit.simulate` reports is the *dynamic* pseudo-regret. A replay whose pass is over
    begins another one at once; no round is lost.

    Args:
        replays: `SplitReplayVector` or `JointReplayVector`, with as many passes and arms as
            the first, which holds from round 1. They are reset and stepped from here.
        changes: The rounds at which the next one begins: integers, increasing, from 2.

    Raises:
        TypeError: A replay is none, or a change is no integer.
        ValueError: No replays, other passes or arms in one of them, one of them twice, not
            one change between each two, or changes that do not increase from 2.
    """

    metadata = {"autoreset_mode": AutoresetMode.NEXT_STEP}  # noqa: RUF012 - Gymnasium's name and type

    def __init__(self, replays: Sequence[ReplayVector], changes: Sequence[int]) -> None:
        self.replays, self.changes = tuple(replays), tuple(changes)
        if not self.replays:
            raise ValueError(f"`replays` must hold at least one replay, got {replays!r}.")
        for replay in self.replays:
            _checks.instance("replays", replay, ReplayVector)
        first = self.replays[0]
        shape = (first.num_envs, first.arms)
        if any((replay.num_envs, replay.arms) != shape for replay in self.replays):
            got = [(replay.num_envs, replay.arms) for replay in self.replays]
            raise ValueError(f"`replays` must all have the same passes and arms, got {got}.")
        if len({id(replay) for replay in self.replays}) < len(self.replays):
            raise ValueError("`replays` must be different objects, got one of them twice.")
        if len(self.changes) != len(self.replays) - 1:
            wanted = f"one round for each of {len(self.replays) - 1} changes"
            raise ValueError(f"`changes` must hold {wanted}, got {changes!r}.")
        least = 2
        for change in self.changes:
            least = _checks.integer("changes", change, least=least) + 1
        self.num_envs = first.num_envs
        self.single_action_space = first.single_action_space
        self.single_observation_space = first.single_observation_space
        self.action_space, self.observation_space = first.action_space, first.observation_space
        self._round = 0

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: Info | None = None
    ) -> tuple[Int, Info]:
        """Begin again at round 1; ``seed`` restarts the random numbers of all replays."""
        del options
        seeds: list[int | None] = [None] * len(self.replays)
        if seed is not None:
            sequence = np.random.SeedSequence(
                [s or 0 for s in seed] if isinstance(seed, list) else seed
            )
            seeds = [int(number) for number in sequence.generate_state(len(self.replays))]
        observation: Int = self.replays[0].reset(seed=seeds[0])[0]
        for replay, its_seed in zip(self.replays[1:], seeds[1:], strict=True):
            replay.reset(seed=its_seed)
        self._round = 1
        return observation, {}

    def step(self, actions: Any) -> tuple[Int, Float, Any, Any, Info]:
        """Answer the next sample of every pass, in the replay that holds.

        Raises:
            ValueError: ``actions`` is not one arm for each row.
            RuntimeError: There was no `reset`.
        """
        if self._round == 0:
            raise RuntimeError("`reset` must be called before `step`.")
        replay = self.replays[int(np.searchsorted(self.changes, self._round, side="right"))]
        if replay.finished:
            replay.reset()
        observation, reward, _, _, info = replay.step(actions)
        self._round += 1
        nobody = np.zeros(self.num_envs, np.bool_)
        return observation, reward, nobody, nobody.copy(), info
