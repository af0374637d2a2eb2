"""Evidence by betting."""

from dataclasses import dataclass, field
from typing import Literal, final

from banditsplit._typing import Float
from banditsplit.feedback import Cell
from banditsplit.theory._confidence._sequence import ConfidenceSequence
from banditsplit.theory._confidence._wealth import Wealth, WealthSequence


@final
@dataclass(frozen=True, slots=True)
class Betting(WealthSequence):
    """Capital processes at a grid of means (Waudby-Smith & Ramdas 2024, Theorem 3).

    On the unit scale the evidence against a mean of at most ``m`` is ``prod_i (1 + l_i (x_i -
    m))``, where the bet ``l_i`` in [0, 1 / (2 m)] depends on the values before alone; against
    at least ``m`` the bets are negative. It adapts to variance as no bound in closed form
    does, and each value costs time in proportion to the grid. Where only one question is asked,
    "is the mean below .02?", a grid of that one mean answers it.

    Assumes that values lie in [low, high] and that each has, given those before it, the same
    mean. Then both bounds hold at all times at once with probability at least ``1 - delta``.

    Attributes:
        delta: Probability of ever being wrong, in (0, 1).
        side: Which bounds there are.
        low: The smallest value there is.
        high: The largest one.
        grid: The means at which wealth is kept, ascending, between ``low`` and ``high``; or an
            int, in how many steps the interval is cut, finer towards its ends.
    """

    delta: float
    side: Literal["both", "lower", "upper"] = "both"
    low: float = 0.0
    high: float = 1.0
    grid: int | tuple[float, ...] = 500
    _grid: Float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        ConfidenceSequence.__post_init__(self)
        self._lay_grid()

    def observe(self, state: Wealth, cell: Cell, value: float | Float) -> None:
        """Take in one value for each cell."""
        self._play(state, cell, self.units(cell, value))
