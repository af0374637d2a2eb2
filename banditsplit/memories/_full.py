"""Everything counts, and counts the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from banditsplit._stats import ArmStats, pooled, warmed
from banditsplit._typing import Bool, Float
from banditsplit.feedback import Cell


@dataclass(frozen=True, slots=True)
class Full:
    """All observations with equal weight: right where the arms' laws never change.

    Where there are more runs than arms its arrays are in Fortran order, for numpy goes fastest
    along the longer axis. So `observe` is the way to a cell: flattening would copy.
    """

    def empty(self, runs: int | None, arms: int, *, variance: bool = False) -> ArmStats:
        """Return the state before the first round."""
        order = _order(1 if runs is None else runs, arms)
        return ArmStats.empty(runs, arms, variance=variance, order=order)

    def stats(self, state: ArmStats) -> ArmStats:
        """Return the state: it is what an index needs."""
        return state

    def observe(self, state: ArmStats, cell: Cell, value: float | Float) -> None:
        """Move each cell's mean, and variance, towards its new value by 1 / pulls."""
        pulls, mean, variance = state.pulls, state.mean, state.variance
        place: Any = cell
        if type(cell) is int:  # numbers of Python's, which are faster one by one
            count, old = pulls.item(cell) + 1.0, mean.item(cell)
        else:
            if pulls.flags.c_contiguous:
                pulls, mean = pulls.reshape(-1), mean.reshape(-1)  # views
                variance = None if variance is None else variance.reshape(-1)
            else:
                runs, arms = pulls.shape
                pulls, mean = pulls.T.reshape(-1), mean.T.reshape(-1)
                variance = None if variance is None else variance.T.reshape(-1)
                run = place // arms
                place = place * runs - run * (runs * arms - 1)  # arm * runs + run
            count, old = pulls[place] + 1.0, mean[place]
        new = old + (value - old) / count
        pulls[place] = count
        mean[place] = new
        if variance is not None:  # Welford 1962
            variance[place] += ((value - old) * (value - new) - variance[place]) / count
        if state.untried:
            state.untried -= int(np.count_nonzero(count == 1.0))

    def advance(self, state: ArmStats, where: Bool | None) -> None:
        """End a round."""
        if where is None:
            state.t += 1
        else:
            state.t[where] += 1

    def merge(self, states: Sequence[ArmStats]) -> ArmStats:
        """Return the state of one that saw what all of ``states`` saw, in any order."""
        merged = pooled(states)
        merged.t = 1 + sum(state.t - 1 for state in states)
        return merged

    def warm_start(self, state: ArmStats, prior: ArmStats) -> ArmStats:
        """Return the state after the observations of ``prior``, which belong to no round."""
        return warmed(state, prior)

    def change_arms(self, state: ArmStats, kept: Sequence[int], added: int) -> ArmStats:
        """Return the state of the ``kept`` arms, and ``added`` untried ones behind them."""
        runs = state.mean.size // state.mean.shape[-1]
        return state.change_arms(kept, added, order=_order(runs, len(kept) + added))


def _order(runs: int, arms: int) -> Literal["C", "F"]:
    """Return which axis is adjacent in memory: the longer one."""
    return "F" if runs > arms else "C"
