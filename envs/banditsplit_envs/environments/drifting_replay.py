"""Replays that follow one another: a stream whose domain changes."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, final

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv

from banditsplit import _checks
from banditsplit._typing import Bool, Float, Int
from banditsplit_envs.environments.replay import Info, ReplayVector


@final
class DriftingReplayVector(VectorEnv[Any, Int, Any]):
    """One replay after the other, on the same arms; it never ends by itself.

    What `banditsplit.theory.PiecewiseProblem` is for known laws. Every round is answered by
    the replay that holds, and told its ``expected_reward`` and ``expected_cost``: so what
    `banditsplit.simulate` reports is the *dynamic* pseudo-regret. A replay whose pass is over
    begins another one at once; no round is lost.

    With a ``ramp`` the next one takes over little by little: each row draws which of the two
    answers, and what is expected is the mean over that draw.

    Args:
        replays: `SplitReplayVector` or `JointReplayVector`, with as many passes and arms as
            the first, which holds from round 1. They are reset and stepped from here.
        changes: The rounds at which the next one begins: integers, increasing, from 2.
        ramp: Over how many rounds from a change on the next one takes over: it answers with
            probability ``1 / ramp`` in the first of them, ``2 / ramp`` in the second, and so
            on. 0: at once.

    Raises:
        TypeError: A replay is none, or a change or ``ramp`` is no integer.
        ValueError: No replays, other passes or arms in one of them, one of them twice, not
            one change between each two, changes that do not increase from 2, or a ``ramp``
            that is negative, or longer than it is from a change to the next.
    """

    metadata = {"autoreset_mode": AutoresetMode.NEXT_STEP}  # noqa: RUF012 - Gymnasium's name and type

    def __init__(
        self, replays: Sequence[ReplayVector], changes: Sequence[int], *, ramp: int = 0
    ) -> None:
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
        self.ramp = _checks.integer("ramp", ramp, least=0)
        if any(end - start < self.ramp for start, end in pairwise(self.changes)):
            wanted = f"end before the next of the changes {self.changes}"
            raise ValueError(f"`ramp` must {wanted}, got {ramp!r}.")
        self.num_envs = first.num_envs
        self.single_action_space = first.single_action_space
        self.single_observation_space = first.single_observation_space
        self.action_space, self.observation_space = first.action_space, first.observation_space
        self._round = 0
        self._later = np.ones(self.num_envs, np.bool_)  # whose round it is, within a ramp

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: Info | None = None
    ) -> tuple[Any, Info]:
        """Begin again at round 1; ``seed`` restarts the random numbers of all replays."""
        del options
        seeds: list[int | None] = [None] * len(self.replays)
        if seed is not None:
            sequence = np.random.SeedSequence(
                [s or 0 for s in seed] if isinstance(seed, list) else seed
            )
            *numbers, own = sequence.generate_state(len(self.replays) + 1)
            seeds = [int(number) for number in numbers]
            self.np_random = np.random.default_rng(int(own))
        for replay, its_seed in zip(self.replays, seeds, strict=True):
            replay.reset(seed=its_seed)
        self._round = 0
        return self._begin(), {}

    def step(self, actions: Any) -> tuple[Any, Float, Any, Any, Info]:
        """Answer the next sample of every pass, in the replay that holds.

        Raises:
            ValueError: ``actions`` is not one arm for each row.
            RuntimeError: There was no `reset`.
        """
        if self._round == 0:
            raise RuntimeError("`reset` must be called before `step`.")
        number, share = self._turn
        _, reward, _, _, info = self.replays[number].step(actions)
        if share < 1:
            _, before, _, _, other = self.replays[number - 1].step(actions)
            reward = np.where(self._later, reward, before)
            info = _mixed(other, info, self._later, share)
        nobody = np.zeros(self.num_envs, np.bool_)
        return self._begin(), reward, nobody, nobody.copy(), info

    @property
    def _turn(self) -> tuple[int, float]:
        """Whose round it is, and with which probability; else it is the one before."""
        number = int(np.searchsorted(self.changes, self._round, side="right"))
        if number == 0 or self.ramp == 0:
            return number, 1.0
        return number, min((self._round - self.changes[number - 1] + 1) / self.ramp, 1.0)

    def _begin(self) -> Any:
        """Begin the next round: draw who answers in it, and return what is shown of it."""
        self._round += 1
        number, share = self._turn
        shown = self.replays[number].upcoming()
        if share < 1:
            self._later = self.np_random.random(self.num_envs) < share
            shown = _rows(self._later, self.replays[number - 1].upcoming(), shown)
        return shown


def _mixed(before: Info, after: Info, later: Bool, share: float) -> Info:
    """Return what two replays say of a round, row by row; what is expected is a mean."""
    mixed: Info = {}
    for name in (name for name in after if name in before):
        one, other = before[name], after[name]
        if isinstance(other, dict):
            mixed[name] = _mixed(one, other, later, share)
        elif name.startswith("expected"):
            mixed[name] = (1 - share) * one + share * other
        elif isinstance(other, str) and one == other:
            mixed[name] = other
        else:
            mixed[name] = _rows(later, one, other)
    return mixed


def _rows(later: Bool, before: Any, after: Any) -> Any:
    """Return the rows of ``after`` that are ``later``, and of ``before`` the rest."""
    return np.where(later.reshape(-1, *[1] * (np.ndim(after) - 1)), after, before)
