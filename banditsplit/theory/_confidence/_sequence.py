"""What every confidence sequence can do."""

import math
from abc import ABC, abstractmethod
from typing import Any, Literal, TypeAlias

import numpy as np

from banditsplit import _checks
from banditsplit._typing import Bool, Float
from banditsplit.feedback import Cell

Side: TypeAlias = Literal["lower", "upper"]


class ConfidenceSequence(ABC):
    """Bounds of a mean that hold at all times at once, whenever one looks or stops.

    Values lie in [low, high], and each has, given those before it, the same mean. Then with
    probability at least ``1 - delta`` the bounds hold after every number of values. So one
    may look at any time, stop when it suits, and start again: a fixed-time interval promises
    that for one time only, chosen beforehand.

    A subclass is a frozen dataclass and is final; its state is separate, one sequence for
    each cell of a shape, so many run side by side. What it must have is the logarithm of an
    *e-process*: a process that starts at 1 and, where the null hypothesis holds, is at most a
    nonnegative supermartingale. By Ville's inequality it ever reaches ``1 / delta`` with
    probability at most ``delta``.

    Attributes:
        delta: Probability of ever being wrong, in (0, 1).
        side: ``"both"`` spends half of ``delta`` on each bound. ``"lower"`` or ``"upper"``
            spends all of it on that bound, and the other one says nothing.
        low: The smallest value there is.
        high: The largest one.
    """

    __slots__ = ()

    delta: float
    side: Literal["both", "lower", "upper"]
    low: float
    high: float

    def __post_init__(self) -> None:
        _checks.open_fraction("delta", self.delta)
        _checks.member("side", self.side, ("both", "lower", "upper"))
        if _checks.number("low", self.low) >= _checks.number("high", self.high):
            raise ValueError(f"`low` must lie below `high`, got {self.low!r}, {self.high!r}.")

    @property
    def threshold(self) -> float:
        """The logarithm of the evidence at which a mean is excluded."""
        return math.log((2 if self.side == "both" else 1) / self.delta)

    def keeps(self, side: Side) -> bool:
        """Return whether there is a bound on this side."""
        _checks.member("side", side, ("lower", "upper"))
        return self.side in ("both", side)

    @abstractmethod
    def empty(self, shape: tuple[int, ...]) -> Any:
        """Return the state before the first value, one sequence for each cell of ``shape``."""

    @abstractmethod
    def observe(self, state: Any, cell: Cell, value: float | Float) -> None:
        """Take in one value for each cell; the cells of one call are distinct.

        Raises:
            TypeError: A value is no number; nothing was taken in.
            ValueError: A value lies outside [low, high], or there is not one for each cell;
                nothing was taken in.
        """

    @abstractmethod
    def log_evidence(
        self, state: Any, mean: Any, side: Side, cell: Cell | None = None
    ) -> Float:
        """Return the logarithm of an e-process, of the state's shape or that of ``cell``.

        Against "the mean is ``mean`` or more" for ``"upper"``, "or less" for ``"lower"``; 0
        on a side that has no bound. It is that of now, and may have been larger.

        Raises:
            TypeError: ``mean`` is no number.
            ValueError: ``mean`` lies outside [low, high].
        """

    @abstractmethod
    def bounds(self, state: Any) -> tuple[Float, Float]:
        """Return lower and upper bounds of the means, each of the state's shape.

        Every mean beyond them is excluded, by the evidence of now or of before. A lower bound
        above the upper one is proof that the assumptions fail, up to the probability
        ``delta``.
        """

    def excludes(self, state: Any, mean: Any, side: Side, cell: Cell | None = None) -> Bool:
        """Return whether means of ``mean`` and beyond are excluded now.

        Beyond means larger for ``"upper"`` and smaller for ``"lower"``.
        """
        excluded: Bool = self.log_evidence(state, mean, side, cell) >= self.threshold
        return excluded

    def unit(self, mean: Any) -> Float:
        """Return means on the scale on which values lie in [0, 1]; refuse any outside it."""
        return self._unit("mean", mean)

    def units(self, cell: Cell, value: Any, *, name: str = "value") -> Float:
        """Return values on the unit scale; refuse any outside it, or not one for each cell."""
        values = self._unit(name, value)
        one_each(name, values, cell)
        return values

    def _unit(self, name: str, value: Any) -> Float:
        inside = _checks.inside(name, value, self.low, self.high)
        unit: Float = (inside - self.low) / (self.high - self.low)
        return unit

    def scaled(self, lower: Float, upper: Float) -> tuple[Float, Float]:
        """Return bounds on the unit scale as bounds of the values' own scale."""
        span = self.high - self.low
        return self.low + span * lower, self.low + span * upper


def at(array: Float, cell: Cell | None) -> Float:
    """Return what stands in the flat places ``cell``, or everything."""
    chosen: Float = array if cell is None else array.reshape(-1)[cell]
    return chosen


def one_each(name: str, array: Float | Bool, cell: Cell) -> None:
    """Refuse an array that holds neither one entry for all nor one for each cell."""
    if array.shape not in {(), np.shape(cell)}:
        wanted = f"`{name}` must hold one entry for each cell, of shape {np.shape(cell)}"
        raise ValueError(f"{wanted}, got shape {array.shape}.")
