"""Evidence as the wealth of a gambler, kept at a grid of means."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from banditsplit import _checks
from banditsplit._typing import Float
from banditsplit.feedback import Cell
from banditsplit.theory._confidence import _plug_in
from banditsplit.theory._confidence._sequence import ConfidenceSequence, Side, at

_STAKE = 0.5  # the largest share of the wealth that one value may cost


@dataclass(slots=True, eq=False)
class Wealth:
    """What was won by betting against each mean of the grid, all on the unit scale.

    Attributes:
        count: `[...]`, how many values there were.
        mean: `[...]`, estimated mean.
        variance: `[...]`, estimated variance.
        above: `[..., grid]`, logarithm of the wealth of who bets that the mean is larger.
        below: `[..., grid]`, of who bets that it is smaller.
        lower: `[...]`, the best lower bound so far.
        upper: `[...]`, the best upper bound so far.
    """

    count: Float
    mean: Float
    variance: Float
    above: Float
    below: Float
    lower: Float
    upper: Float


class WealthSequence(ConfidenceSequence):
    """Bets on every value, at the odds that each mean of a grid makes fair.

    Who bets that the mean is larger than ``g`` multiplies wealth by ``1 + l (x - g)`` with
    ``l >= 0`` fixed before ``x``: a supermartingale if the mean is ``g`` or less. A mean ``m``
    between two means of the grid is tried at the one that makes the null hypothesis larger:
    "``m`` or less" at the next one above, "``m`` or more" at the next one below. So a mean is
    excluded only by evidence that is valid for it, and the bound is the mean of the grid beyond
    which all are excluded: never too tight, and wide by one step of the grid at most. There is
    one gambler for every mean, and one alone can err about it.
    """

    __slots__ = ()

    grid: int | tuple[float, ...]
    _grid: Float  # on the unit scale, `[grid]`

    def _lay_grid(self) -> None:
        """Check the grid, and work it out."""
        grid: Any = self.grid
        if isinstance(grid, tuple | list):
            means = _checks.inside("grid", grid, self.low, self.high)
            inner = np.array([self.low, *means.flat, self.high])
            if means.ndim != 1 or not means.size or not (np.diff(inner) > 0).all():
                msg = "`grid` must hold ascending means between `low` and `high`"
                raise ValueError(f"{msg}, got {grid!r}.")
            object.__setattr__(self, "grid", tuple(means.tolist()))
            units = self.unit(means)
        else:
            steps = _checks.integer("grid", grid, least=2)
            # Steps like sqrt(m (1 - m)), as the widths are.
            units = np.sin(np.pi / 2 * np.arange(1, steps) / steps) ** 2
        object.__setattr__(self, "_grid", units)

    def empty(self, shape: tuple[int, ...]) -> Wealth:
        """Return the state before the first value."""
        return Wealth(
            count=np.zeros(shape),
            mean=np.full(shape, _plug_in.MEAN),
            variance=np.full(shape, _plug_in.VARIANCE),
            above=np.zeros((*shape, self._grid.size)),
            below=np.zeros((*shape, self._grid.size)),
            lower=np.zeros(shape),
            upper=np.ones(shape),
        )

    def _play(self, state: Wealth, cell: Cell, value: Float, *, reach: float = 0.0) -> None:
        """Settle the bets on a value in [-reach, 1 + reach].

        Bets are those of "approximate GRAPA" (Waudby-Smith & Ramdas 2024, appendix B.3): the
        wealth grows fastest with ``(mean - g) / (variance + (mean - g)**2)``, nearly, and the
        estimates are those from before. They are cut to what may be lost.
        """
        grid = self._grid
        count, mean, variance = (
            at(known, cell) for known in (state.count, state.mean, state.variance)
        )
        edge = mean[..., None] - grid
        bet = edge / (variance[..., None] + edge**2)
        gain = value[..., None] - grid
        moved = _plug_in.moved(count, mean, variance, value)
        if self.keeps("lower"):
            largest = _STAKE / (grid + reach)
            above = state.above.reshape(-1, grid.size)
            wealth = above[cell] + np.log1p(np.clip(bet, 0.0, largest) * gain)
            # Where the first mean that is not excluded stands, the one before is the bound.
            steps = np.logical_and.accumulate(wealth >= self.threshold, -1).sum(-1)
            bound = np.concatenate([[0.0], grid])[steps]
            above[cell] = wealth
            lower = state.lower.reshape(-1)
            lower[cell] = np.maximum(lower[cell], bound)
        if self.keeps("upper"):
            largest = _STAKE / (1 + reach - grid)
            below = state.below.reshape(-1, grid.size)
            wealth = below[cell] + np.log1p(np.clip(bet, -largest, 0.0) * gain)
            excluded = wealth[..., ::-1] >= self.threshold
            steps = np.logical_and.accumulate(excluded, -1).sum(-1)
            bound = np.concatenate([[1.0], grid[::-1]])[steps]
            below[cell] = wealth
            upper = state.upper.reshape(-1)
            upper[cell] = np.minimum(upper[cell], bound)
        state.count.reshape(-1)[cell] += 1
        state.mean.reshape(-1)[cell], state.variance.reshape(-1)[cell] = moved

    def log_evidence(
        self, state: Wealth, mean: float | Float, side: Side, cell: Cell | None = None
    ) -> Float:
        """Return the logarithm of the wealth that speaks against ``mean``; 0 off the grid."""
        unit, grid = self.unit(mean), self._grid
        if side == "lower":
            place, wealth = np.searchsorted(grid, unit, "left"), state.above
        else:
            place, wealth = np.searchsorted(grid, unit, "right") - 1, state.below
        if cell is None:
            cell = np.arange(state.count.size).reshape(state.count.shape)
        known = (place >= 0) & (place < grid.size) & self.keeps(side)
        evidence: Float = wealth.reshape(-1, grid.size)[cell, np.where(known, place, 0)]
        return np.where(known, evidence, 0.0)

    def bounds(self, state: Wealth) -> tuple[Float, Float]:
        """Return the best lower and upper bounds so far."""
        return self.scaled(state.lower, state.upper)
