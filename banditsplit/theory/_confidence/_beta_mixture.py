"""Evidence averaged over what the mean may be, in closed form."""

from dataclasses import dataclass
from typing import Literal, final

import numpy as np

from banditsplit import _checks
from banditsplit._typing import Bool, Float
from banditsplit.feedback import Cell
from banditsplit.theory._confidence._sequence import ConfidenceSequence, Side, at
from banditsplit.theory._divergences import Bernoulli

# Halvings of [0, 1] until nothing is left that a float could tell.
_HALVINGS = 60


@dataclass(slots=True, eq=False)
class Sums:
    """How many values there were, and their sum on the unit scale.

    Attributes:
        count: Of any shape.
        total: Of the same shape.
    """

    count: Float
    total: Float


@final
@dataclass(frozen=True, slots=True)
class BetaMixture(ConfidenceSequence):
    """The method of mixtures for values in an interval (Robbins 1970; Howard et al. 2021).

    On the unit scale, with ``n`` values of sum ``S``, the evidence against "``m`` or more" is

        ``integral_0^m  (q / m)**S ((1 - q) / (1 - m))**(n - S) dB(q)  +  1 - B(m)``

    with ``B`` the Beta(a, b) distribution; against "or less" likewise with ``q > m``. Each
    integrand is a supermartingale: by convexity ``(q / m)**x ((1 - q) / (1 - m))**(1 - x)`` is
    at most ``x q / m + (1 - x) (1 - q) / (1 - m)``, whose mean is at most 1 where that of ``x``
    is ``m`` or more. For 0 and 1 it is the likelihood ratio itself, so that nothing is lost
    there; for values of small variance `Betting` is sharper. The evidence grows with ``m`` from
    the sample mean on (its derivative is the integral times ``(n m - S) / (m (1 - m))``), so
    that bounds are found by halving.

    (Howard, Ramdas, McAuliffe & Sekhon 2021, *Time-uniform, nonparametric, nonasymptotic
    confidence sequences*, call it the two-sided beta-binomial mixture.)

    Attributes:
        delta: Probability of ever being wrong, in (0, 1).
        side: Which bounds there are.
        low: The smallest value there is.
        high: The largest one.
        a: Prior weight of large values, positive: sharpest where the mean is as ``B`` says.
        b: Prior weight of small values, positive.
    """

    delta: float
    side: Literal["both", "lower", "upper"] = "both"
    low: float = 0.0
    high: float = 1.0
    a: float = 0.5
    b: float = 0.5

    def __post_init__(self) -> None:
        ConfidenceSequence.__post_init__(self)
        _checks.positive("a", self.a)
        _checks.positive("b", self.b)

    def empty(self, shape: tuple[int, ...]) -> Sums:
        """Return the state before the first value."""
        return Sums(np.zeros(shape), np.zeros(shape))

    def observe(self, state: Sums, cell: Cell, value: float | Float) -> None:
        """Take in one value for each cell."""
        values = self.units(cell, value)
        state.count.reshape(-1)[cell] += 1
        state.total.reshape(-1)[cell] += values

    def log_evidence(
        self, state: Sums, mean: float | Float, side: Side, cell: Cell | None = None
    ) -> Float:
        """Return the logarithm of the e-process."""
        count, total, means = at(state.count, cell), at(state.total, cell), self.unit(mean)
        if not self.keeps(side):
            return np.zeros(np.broadcast(count, means).shape)
        return self._log_evidence(count, total, means, side)

    def _log_evidence(self, count: Float, total: Float, mean: Float, side: Side) -> Float:
        # Here, for it takes longer to import than all the rest of the package.
        from scipy import special  # noqa: PLC0415

        high, low = total, np.maximum(count - total, 0.0)
        inside = special.betainc if side == "upper" else special.betaincc
        beyond = special.betaincc if side == "upper" else special.betainc
        share = inside(high + self.a, low + self.b, mean)
        # The logarithm of 0 is as it should be. Where the share is 0, be it by underflow, the
        # sample lies beyond the mean: the integrand, and so what is dropped, is below 1.
        with np.errstate(divide="ignore", invalid="ignore"):
            integral = (
                special.betaln(high + self.a, low + self.b)
                - special.betaln(self.a, self.b)
                + np.log(share)
                - special.xlogy(high, mean)
                - special.xlog1py(low, -mean)
            )
            rest = np.log(beyond(self.a, self.b, mean))
        evidence: Float = np.logaddexp(np.where(share > 0, integral, -np.inf), rest)
        return evidence

    def excludes(
        self, state: Sums, mean: float | Float, side: Side, cell: Cell | None = None
    ) -> Bool:
        """Return whether means of ``mean`` and beyond are excluded now.

        No mixture exceeds the largest likelihood ratio that it is made of, and that is far
        cheaper: only where it is large enough the mixture is worked out.
        """
        count, total, m = np.broadcast_arrays(
            at(state.count, cell), at(state.total, cell), self.unit(mean)
        )
        excluded = np.zeros(count.shape, np.bool_)
        if self.keeps(side):
            best = np.clip(total / np.maximum(count, 1.0), 0.0, 1.0)
            beyond = best < m if side == "upper" else best > m
            ratio = count * Bernoulli().kl(best, m)
            asked = beyond & (ratio >= self.threshold)
            evidence = self._log_evidence(count[asked], total[asked], m[asked], side)
            excluded[asked] = evidence >= self.threshold
        return excluded

    def bounds(self, state: Sums) -> tuple[Float, Float]:
        """Return lower and upper bounds of the means, by the evidence of now."""
        lower, upper = np.zeros(state.count.shape), np.ones(state.count.shape)
        if self.keeps("lower"):
            lower = self._bound(state, "lower")
        if self.keeps("upper"):
            upper = self._bound(state, "upper")
        return self.scaled(lower, upper)

    def _bound(self, state: Sums, side: Side) -> Float:
        """Return the bound on the unit scale: beyond it, every mean is excluded."""
        count, total = state.count, state.total
        mean = np.clip(total / np.maximum(count, 1.0), 0.0, 1.0)
        inside, outside = mean, np.full_like(mean, 1.0 if side == "upper" else 0.0)
        for _ in range(_HALVINGS):
            middle = (inside + outside) / 2
            excluded = self._log_evidence(count, total, middle, side) >= self.threshold
            inside = np.where(excluded, inside, middle)
            outside = np.where(excluded, middle, outside)
        # Where nothing is excluded this ends at 0 or 1 itself.
        return outside
