"""Evidence whose logarithm is linear in the mean, so that bounds are in closed form."""

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np

from banditsplit._typing import Float
from banditsplit.feedback import Cell
from banditsplit.theory._confidence import _plug_in
from banditsplit.theory._confidence._sequence import ConfidenceSequence, Side, at


@dataclass(slots=True, eq=False)
class Line:
    """Sums over the values so far, all on the unit scale and of one shape.

    Attributes:
        count: How many values there were.
        mean: Estimated mean.
        variance: Estimated variance.
        bet: Sum of the bets.
        gain: Sum of bet times value.
        price: Sum of what the bets cost.
        lower: The best lower bound so far.
        upper: The best upper bound so far.
    """

    count: Float
    mean: Float
    variance: Float
    bet: Float
    gain: Float
    price: Float
    lower: Float
    upper: Float


class LinearSequence(ConfidenceSequence):
    """The evidence against a mean of at most ``m`` is ``exp(gain - m * bet - price)``.

    Against at least ``m`` it is ``exp(m * bet - gain - price)``: the same bets on values and
    mean mirrored at 1/2.
    """

    __slots__ = ()

    @abstractmethod
    def _stake(self, count: Float, variance: Float) -> Float:
        """Return the bet on the next value: it may depend on those before alone."""

    @abstractmethod
    def _price(self, bet: Float, deviation: Float) -> Float:
        """Return what a bet costs, given how far the value fell from the estimated mean."""

    def empty(self, shape: tuple[int, ...]) -> Line:
        """Return the state before the first value."""
        return Line(
            count=np.zeros(shape),
            mean=np.full(shape, _plug_in.MEAN),
            variance=np.full(shape, _plug_in.VARIANCE),
            bet=np.zeros(shape),
            gain=np.zeros(shape),
            price=np.zeros(shape),
            lower=np.zeros(shape),
            upper=np.ones(shape),
        )

    def observe(self, state: Line, cell: Cell, value: float | Float) -> None:
        """Take in one value for each cell."""
        values = self.units(cell, value)
        count, mean, variance = (
            at(sums, cell) for sums in (state.count, state.mean, state.variance)
        )
        bet = self._stake(count, variance)
        total = at(state.bet, cell) + bet
        gain = at(state.gain, cell) + bet * values
        price = at(state.price, cell) + self._price(bet, values - mean)
        new_mean, new_variance = _plug_in.moved(count, mean, variance, values)
        # A bound that ever held is kept: all hold at once.
        half = price + self.threshold
        if self.keeps("lower"):
            lower = np.maximum((gain - half) / total, at(state.lower, cell))
            state.lower.reshape(-1)[cell] = lower
        if self.keeps("upper"):
            upper = np.minimum((gain + half) / total, at(state.upper, cell))
            state.upper.reshape(-1)[cell] = upper
        state.count.reshape(-1)[cell] += 1
        state.mean.reshape(-1)[cell] = new_mean
        state.variance.reshape(-1)[cell] = new_variance
        state.bet.reshape(-1)[cell] = total
        state.gain.reshape(-1)[cell] = gain
        state.price.reshape(-1)[cell] = price

    def log_evidence(
        self, state: Line, mean: float | Float, side: Side, cell: Cell | None = None
    ) -> Float:
        """Return the logarithm of the e-process."""
        bet, gain, price = (at(sums, cell) for sums in (state.bet, state.gain, state.price))
        excess = gain - self.unit(mean) * bet
        if not self.keeps(side):
            return np.zeros_like(excess)
        evidence: Float = (excess if side == "lower" else -excess) - price
        return evidence

    def bounds(self, state: Line) -> tuple[Float, Float]:
        """Return the best lower and upper bounds so far."""
        return self.scaled(state.lower, state.upper)
