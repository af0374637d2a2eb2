"""Everything counts, and counts the same."""

from dataclasses import dataclass

import numpy as np

from banditsplit._stats import ArmStats
from banditsplit._typing import Bool, Float
from banditsplit.feedback import Cell


@dataclass(frozen=True, slots=True)
class Full:
    """All observations with equal weight: right where the arms' laws never change."""

    def empty(self, runs: int | None, arms: int, *, variance: bool = False) -> ArmStats:
        """Return the state before the first round."""
        return ArmStats.empty(runs, arms, variance=variance)

    def stats(self, state: ArmStats) -> ArmStats:
        """Return the state: it is what an index needs."""
        return state

    def observe(self, state: ArmStats, cell: Cell, value: float | Float) -> None:
        """Move each cell's mean, and variance, towards its new value by 1 / pulls."""
        pulls, mean = state.pulls.reshape(-1), state.mean.reshape(-1)  # views
        count, old = pulls[cell] + 1.0, mean[cell]
        new = old + (value - old) / count
        pulls[cell] = count
        mean[cell] = new
        if state.variance is not None:  # Welford 1962
            variance = state.variance.reshape(-1)
            variance[cell] += ((value - old) * (value - new) - variance[cell]) / count
        if state.untried:
            state.untried -= int(np.count_nonzero(count == 1.0))

    def advance(self, state: ArmStats, where: Bool | None) -> None:
        """End a round."""
        if where is None:
            state.t += 1
        else:
            state.t[where] += 1
