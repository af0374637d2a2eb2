"""Everything counts, until a detector says that something has changed."""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from banditsplit import _checks
from banditsplit._stats import ArmStats, change_arms
from banditsplit._typing import Bool, Float
from banditsplit.feedback import Cell
from banditsplit.memories._detectors import Detector
from banditsplit.memories._full import Full


@dataclass(slots=True, eq=False)
class RestartingState:
    """The state of a `Restarting`.

    Attributes:
        seen: What was observed since the last restart.
        detector: The state of the detector.
        changed: `[..., arms]`, where it cried in this round.
    """

    seen: ArmStats
    detector: Any
    changed: Bool


@final
@dataclass(frozen=True, slots=True)
class Restarting:
    """All observations with equal weight, until ``detector`` finds that an arm has changed.

    Then, at the end of the round, everything is forgotten and every arm is untried again; or
    with ``every_arm=False`` that arm alone, a *local* restart. The detector sees values, so a
    change of costs restarts as well where the objective weighs them. It can only find what
    is pulled: compose it with `banditsplit.indices.Exploring`.

    An index reads as ``t`` the rounds since the last restart (Besson et al. 2022, global
    restarts), the one being decided among them; with local restarts the number of
    observations that still count (Liu, Lee & Shroff 2018, Alg. 1: ``n_t``) plus 1, and never
    more than the round.

    Attributes:
        detector: `CUSUM`, `GLR`, or your own.
        every_arm: Whether a change of one arm makes all of them forgotten.
    """

    detector: Detector
    every_arm: bool = True

    def __post_init__(self) -> None:
        for method in ("empty", "observe", "forget"):
            if not hasattr(self.detector, method):
                wanted = f"`detector` must have a method `{method}`"
                raise TypeError(f"{wanted}, got {self.detector!r}.")
        _checks.instance("every_arm", self.every_arm, bool)

    @property
    def support(self) -> tuple[float, float]:
        """The interval in which values must lie: the detector's."""
        support: tuple[float, float] = getattr(self.detector, "support", (-math.inf, math.inf))
        return support

    def empty(self, runs: int | None, arms: int, *, variance: bool = False) -> RestartingState:
        """Return the state before the first round."""
        seen = ArmStats.empty(runs, arms, variance=variance)
        seen.effective = 1 if runs is None else np.ones((runs, 1), np.int64)
        changed = np.zeros(seen.mean.shape, np.bool_)
        return RestartingState(seen, self.detector.empty(runs, arms), changed)

    def stats(self, state: RestartingState) -> ArmStats:
        """Return what was observed since the last restart."""
        return state.seen

    def observe(self, state: RestartingState, cell: Cell, value: float | Float) -> None:
        """Learn the values, and show them to the detector."""
        Full().observe(state.seen, cell, value)
        cells, values = np.atleast_1d(cell), np.atleast_1d(np.asarray(value, np.float64))
        state.changed.reshape(-1)[cells] = self.detector.observe(state.detector, cells, values)

    def advance(self, state: RestartingState, where: Bool | None) -> None:
        """End a round, and forget what a change has made worthless."""
        seen = state.seen
        Full().advance(seen, where)
        changed = state.changed
        restarts: Bool = np.any(changed, axis=-1, keepdims=True)
        if restarts.any():
            self._forget(state, restarts | changed if self.every_arm else changed.copy())
        if not self.every_arm:
            _count_what_counts(seen)
        elif isinstance(seen.effective, int):
            seen.effective = 1 if restarts[0] else seen.effective + 1
        else:
            seen.effective += 1 if where is None else where[:, None]
            seen.effective[restarts] = 1

    def change_arms(
        self, state: RestartingState, kept: Sequence[int], added: int
    ) -> RestartingState:
        """Return the state of the ``kept`` arms, and ``added`` untried ones behind them.

        Raises:
            ValueError: The detector's state is not laid out by arms.
        """
        shape, watched = state.changed.shape, {}
        for field in dataclasses.fields(state.detector):
            array = getattr(state.detector, field.name)
            if np.shape(array)[: len(shape)] != shape:
                wanted = f"`detector` must keep arrays of shape {shape} and more"
                raise ValueError(f"{wanted}, got {field.name}={array!r} of {self.detector!r}.")
            watched[field.name] = change_arms(array, kept, added, len(shape) - 1)
        seen = state.seen.change_arms(kept, added)
        if not self.every_arm:
            _count_what_counts(seen)
        detector = dataclasses.replace(state.detector, **watched)
        return RestartingState(seen, detector, change_arms(state.changed, kept, added))

    def _forget(self, state: RestartingState, which: Bool) -> None:
        seen = state.seen
        for array in (seen.pulls, seen.mean, seen.variance):
            if array is not None:
                array[which] = 0.0
        seen.untried = int(np.count_nonzero(seen.pulls == 0.0))
        self.detector.forget(state.detector, which)
        state.changed[...] = False


def _count_what_counts(seen: ArmStats) -> None:
    """Set ``effective`` to the observations that still count plus 1, at most the round."""
    known = seen.pulls.sum(-1, keepdims=True).astype(np.int64) + 1
    if isinstance(seen.effective, int):
        seen.effective = min(seen.t, int(known[0]))
    else:
        np.minimum(seen.t, known, out=seen.effective)
