"""The last rounds count, and nothing else.

A running sum that gives back what leaves the window would carry its rounding errors along for
good, and a huge value would leave a trace. So nothing is ever subtracted. A ring of ``window``
slots is filled pass after pass; when a pass is complete, its slots are replaced by the
statistics of all its rounds *from* that slot *on*. In the next pass, the window is then the
slot ahead, which speaks for what is left of the old pass, together with what was seen in the
new one: two numbers to merge, in constant time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from banditsplit import _checks
from banditsplit._stats import ArmStats, change_arms
from banditsplit._typing import Bool, Float
from banditsplit.feedback import Cell
from banditsplit.memories._full import Full


@dataclass(slots=True, eq=False)
class WindowState:
    """The state of a `SlidingWindow`.

    Attributes:
        seen: The statistics of the window, at the start of the round.
        recent: Those of the present pass alone; its ``t`` counts the rounds of the pass.
        pulls: `[..., window, arms]`: behind the present slot and in it, what each round
            observed; ahead of it, what the old pass observed from there on.
        mean: As ``pulls``, the mean value.
        spread: As ``pulls``, the sum of squared deviations; None without variances.
    """

    seen: ArmStats
    recent: ArmStats
    pulls: NDArray[np.int32]
    mean: Float
    spread: Float | None


@final
@dataclass(frozen=True, slots=True)
class SlidingWindow:
    """What the last ``window`` rounds observed, all of it with equal weight.

    Garivier & Moulines 2011 (arXiv:0805.3415), Sec. 3. A round may observe several arms, and
    an arm may become untried again. An index reads ``min(t, window)`` as ``t``, as in the
    paper. For many runs, a round passes only in the runs that have feedback.

    It keeps a slot for every arm in every round of the window, because a round may reveal
    them all: 12 bytes, or 20 with variances, times ``runs * window * arms``.

    Attributes:
        window: Rounds, at least 1.
    """

    window: int

    def __post_init__(self) -> None:
        _checks.integer("window", self.window, least=1)

    def empty(self, runs: int | None, arms: int, *, variance: bool = False) -> WindowState:
        """Return the state before the first round."""
        lead = () if runs is None else (runs,)
        ring = (*lead, self.window, arms)
        seen = ArmStats.empty(runs, arms, variance=variance)
        seen.effective = 1 if runs is None else np.ones((runs, 1), np.int64)
        return WindowState(
            seen,
            ArmStats.empty(runs, arms, variance=variance),
            np.zeros(ring, np.int32),
            np.zeros(ring),
            np.zeros(ring) if variance else None,
        )

    def stats(self, state: WindowState) -> ArmStats:
        """Return the statistics of the window."""
        return state.seen

    def observe(self, state: WindowState, cell: Cell, value: float | Float) -> None:
        """Note the values in the round's slot, and add them to the present pass."""
        arms = state.seen.mean.shape[-1]
        run = cell // arms
        slot = np.ravel(state.recent.t)[run] - 1
        place = cell + arms * (run * (self.window - 1) + slot)
        state.pulls.reshape(-1)[place] = 1
        state.mean.reshape(-1)[place] = value
        Full().observe(state.recent, cell, value)

    def advance(self, state: WindowState, where: Bool | None) -> None:
        """End a round: what is one round too old leaves the window."""
        Full().advance(state.seen, where)
        Full().advance(state.recent, where)
        seen, recent = state.seen, state.recent
        clock = np.reshape(recent.t, -1)
        rows = np.arange(len(clock)) if where is None else np.flatnonzero(where)
        complete = rows[clock[rows] > self.window]
        if complete.size:
            self._begin_anew(state, complete)
            clock = np.reshape(recent.t, -1)
        slot = clock[rows] - 1
        self._look(state, rows, slot)
        for ring in (state.pulls, state.mean, state.spread):  # make room for the new round
            if ring is not None:
                _by_run(ring, 2)[rows, slot] = 0
        seen.untried = int(np.count_nonzero(seen.pulls == 0.0))
        if where is None and isinstance(seen.t, int):
            seen.effective = min(seen.t, self.window)
        else:
            np.minimum(seen.t, self.window, out=seen.effective)

    def change_arms(self, state: WindowState, kept: Sequence[int], added: int) -> WindowState:
        """Return the state of the ``kept`` arms, and ``added`` untried ones behind them."""
        spread = state.spread
        return WindowState(
            state.seen.change_arms(kept, added),
            state.recent.change_arms(kept, added),
            change_arms(state.pulls, kept, added),
            change_arms(state.mean, kept, added),
            None if spread is None else change_arms(spread, kept, added),
        )

    def _begin_anew(self, state: WindowState, rows: Any) -> None:
        """Turn the slots of a complete pass into suffixes, and start the next one."""
        pulls, mean = _by_run(state.pulls, 2), _by_run(state.mean, 2)
        observed, value = pulls[rows], mean[rows]
        count = _from_here_on(observed)
        average = _from_here_on(value) / np.maximum(count, 1)
        pulls[rows], mean[rows] = count, average
        if state.spread is not None:  # Welford 1962, backwards
            before = np.zeros_like(average)
            before[:, :-1] = average[:, 1:]
            added = np.maximum((value - before) * (value - average) * observed, 0.0)
            _by_run(state.spread, 2)[rows] = _from_here_on(added)
        recent = state.recent
        for array in (recent.pulls, recent.mean, recent.variance):
            if array is not None:
                _by_run(array, 1)[rows] = 0.0
        recent.untried = int(np.count_nonzero(recent.pulls == 0.0))
        if isinstance(recent.t, int):
            recent.t = 1
        else:
            recent.t[rows] = 1

    def _look(self, state: WindowState, rows: Any, slot: Any) -> None:
        """Merge what is left of the old pass with the present one (Chan et al. 1979)."""
        seen, recent = state.seen, state.recent
        older, newer = _by_run(state.pulls, 2)[rows, slot], _by_run(recent.pulls, 1)[rows]
        mean = _by_run(state.mean, 2)[rows, slot]
        pulls = older + newer
        some = np.maximum(pulls, 1.0)
        share = newer / some
        shift = _by_run(recent.mean, 1)[rows] - mean
        _by_run(seen.pulls, 1)[rows] = pulls
        _by_run(seen.mean, 1)[rows] = mean + shift * share
        if seen.variance is not None and recent.variance is not None:
            spread = newer * _by_run(recent.variance, 1)[rows]
            spread += _by_run(state.spread, 2)[rows, slot] + shift * shift * older * share
            _by_run(seen.variance, 1)[rows] = spread / some


def _by_run(array: Any, axes: int) -> Any:
    """Return a view `[runs, ...]` with ``axes`` axes behind the runs, also for one run."""
    return array.reshape(-1, *array.shape[-axes:])


def _from_here_on(ring: Any) -> Any:
    """Return for every slot the sum of itself and all later ones, `[rows, window, arms]`."""
    return ring[:, ::-1].cumsum(1)[:, ::-1]
