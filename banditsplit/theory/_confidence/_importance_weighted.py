"""Evidence from values that are seen at random."""

from dataclasses import dataclass, field
from typing import Literal, final

import numpy as np

from banditsplit import _checks
from banditsplit._typing import Bool, Float
from banditsplit.feedback import Cell
from banditsplit.theory._confidence._sequence import ConfidenceSequence, at, one_each
from banditsplit.theory._confidence._wealth import Wealth, WealthSequence

_SMALLEST = 1e-9  # of `least`: squares of what weighs more would overflow


@final
@dataclass(frozen=True, slots=True)
class ImportanceWeighted(WealthSequence):
    """The mean of values of which each is seen with its own probability, as in audits.

    In every round there is a value ``x``, and it is seen with probability ``p``. What is
    known before, such as how sure a device is, may decide ``p`` and a prediction ``f`` of the
    value. Then on the unit scale

        ``f + (x - f) / p`` where it is seen, and ``f`` where not

    has the mean of ``x``, and lies within ``1 / least - 1`` of [0, 1]; bets are made on it as
    in `Betting`. So how often one looks may depend on what one expects to see, and looking
    where predictions are poor is what makes bounds narrow. How much may be bet depends on
    ``least``, not on this round's ``p``: a bet that follows what is known of the round
    prefers rounds of large values, and is fair no more. With ``least=1`` this is `Betting`.
    (Waudby-Smith, Wu, Ramdas, Karampatziakis & Mineiro 2024, *Anytime-valid off-policy
    inference for contextual bandits*, with doubly robust pseudo-outcomes.)

    Assumes that values lie in [low, high], seen or not; that each has, given the rounds
    before, the same mean; that ``p`` and ``f`` are functions of the rounds before and of what
    is known of this one before the draw; and that, given that, whether a value is seen is drawn
    with probability ``p``, independently of the value. Then both bounds hold at all times at
    once with probability at least ``1 - delta``. A value that shows because of what it is,
    such as an offload that a low confidence caused, has no such ``p``.

    Attributes:
        delta: Probability of ever being wrong, in (0, 1).
        side: Which bounds there are.
        low: The smallest value there is.
        high: The largest one.
        grid: The means at which wealth is kept, ascending, between ``low`` and ``high``; or an
            int, in how many steps the interval is cut, finer towards its ends.
        least: The smallest propensity that a round may have, in [1e-9, 1]. If it is smaller
            than need be, bets are timid and bounds wide.
    """

    delta: float
    side: Literal["both", "lower", "upper"] = "both"
    low: float = 0.0
    high: float = 1.0
    grid: int | tuple[float, ...] = 500
    least: float = field(kw_only=True)
    _grid: Float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        ConfidenceSequence.__post_init__(self)
        if not _SMALLEST <= _checks.number("least", self.least) <= 1:
            raise ValueError(f"`least` must lie in [{_SMALLEST}, 1], got {self.least!r}.")
        self._lay_grid()

    def observe(
        self,
        state: Wealth,
        cell: Cell,
        value: float | Float,
        *,
        propensity: float | Float = 1.0,
        seen: bool | Bool = True,
        prediction: float | Float | None = None,
    ) -> None:
        """Take in one round for each cell.

        Args:
            state: The state.
            cell: Flat places, distinct.
            value: What was seen, one for each cell; where nothing was, any number in
                [low, high], which is not looked at.
            propensity: The probability with which it was to be seen, in [least, 1].
            seen: Whether it was.
            prediction: The value as predicted beforehand, in [low, high]; None for the mean so
                far.

        Raises:
            TypeError: Something is no number, or ``seen`` no bool; nothing was taken in.
            ValueError: Something lies outside its interval, or has another shape than
                ``cell``; nothing was taken in.
        """
        values = self.units(cell, value)
        p = _checks.inside("propensity", propensity, self.least, 1.0)
        shown = _checks.flags("seen", seen)
        if prediction is None:
            guess = np.clip(at(state.mean, cell), 0.0, 1.0)
        else:
            guess = self.units(cell, prediction, name="prediction")
        one_each("propensity", p, cell)
        one_each("seen", shown, cell)
        if ((p == 1) & ~shown).any():
            raise ValueError(f"`seen` must be True where `propensity` is 1, got {seen!r}.")
        estimate = guess + np.where(shown, (values - guess) / p, 0.0)
        self._play(state, cell, estimate, reach=1 / self.least - 1)
