"""Kullback-Leibler divergences of one-parameter families, and the confidence bounds they give.

Each law of a family is named by its mean. A bound is found by Newton's method from above
on a convex function, for a whole array at once and with a fixed number of steps: so an entry
does not depend on its neighbours. From the starts below, four steps reach the last bits.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np

from banditsplit import _checks

__all__ = ["Bernoulli", "Exponential", "Family", "Gaussian", "Poisson"]

STEPS = 4
_TINY = float(np.finfo(np.float64).tiny)
_MOST = float(np.finfo(np.float64).max)
_BELOW_ONE = 1 - 2**-53  # the largest float below 1


class Family(ABC):
    """Laws with one parameter, their mean; a subclass is a frozen dataclass and final.

    Attributes:
        means: The closed interval of means.
        support: The closed interval of values.
    """

    __slots__ = ()

    means: ClassVar[tuple[float, float]]
    support: ClassVar[tuple[float, float]]

    def kl(self, p: Any, q: Any) -> Any:
        """Return the divergence from mean ``p`` to mean ``q``, numbers or arrays, in nats.

        It is 0 where they are equal, and inf where ``p`` is impossible under ``q``.

        Raises:
            ValueError: A mean lies outside `means`.
        """
        return self._kl(self._mean("p", p), self._mean("q", q))[()]

    def kl_upper_bound(self, mean: Any, level: Any) -> Any:
        """Return the largest ``q`` with ``kl(mean, q) <= level``, numbers or arrays.

        At the end of the means it is that end, whatever the level.

        Raises:
            ValueError: ``mean`` lies outside `means`, or ``level`` is negative or not finite.
        """
        mean, level = self._mean("mean", mean), np.asarray(level, np.float64)
        if not ((level >= 0) & (level <= _MOST)).all():
            raise ValueError(f"`level` must be finite and not negative, got {level!r}.")
        return self._upper(mean, level)[()]

    @abstractmethod
    def _kl(self, p: Any, q: Any) -> Any:
        """Return the divergence between means that lie in `means`."""

    @abstractmethod
    def _upper(self, mean: Any, level: Any) -> Any:
        """Return the upper bound for a mean in `means` and a level that is not negative."""

    def _mean(self, name: str, value: Any) -> Any:
        value = np.asarray(value, np.float64)
        low, high = self.means
        if not ((value >= low) & (value <= high)).all():
            raise ValueError(f"`{name}` must lie in [{low}, {high}], got {value!r}.")
        return value


@final
@dataclass(frozen=True, slots=True)
class Bernoulli(Family):
    """``kl(p, q) = p ln(p / q) + (1 - p) ln((1 - p) / (1 - q))``.

    It bounds deviations of any values in [0, 1], not of binary ones alone (Garivier & Cappe
    2011): of all laws on [0, 1] with its mean, a Bernoulli law spreads the most.
    """

    means: ClassVar[tuple[float, float]] = (0.0, 1.0)
    support: ClassVar[tuple[float, float]] = (0.0, 1.0)

    def _kl(self, p: Any, q: Any) -> Any:
        # Rounding may leave equal laws an ulp below each other.
        return np.maximum(_part(p, q) + _part(1 - p, 1 - q), 0.0)

    def _upper(self, mean: Any, level: Any) -> Any:
        p, r = mean, 1 - mean
        level = np.minimum(level, 1e3)  # there the bound is 1 to the last bit
        share_p, share_r = np.maximum(p, _TINY), np.maximum(r, _TINY)
        # Start above by Bernstein's inequality for the lower tail of q, and for high levels
        # by leaving out the term `-p ln q`.
        c, b = 1 + 4 * level / 3, level * (1 - 5 * p / 3)
        near = (b + np.sqrt(b * b + 2 * p * r * level * c)) / c
        entropy = -p * np.log(share_p) - r * np.log(share_r)
        far = -p - np.expm1(-(level + entropy) / np.maximum(r, 1e-300))
        start = np.clip(np.minimum(near, far), 0.0, r)  # of the distance to p
        d = start
        for _ in range(STEPS):
            lost = np.minimum(d / share_r, _BELOW_ONE)
            above = -p * np.log1p(d / share_p) - r * np.log1p(-lost) - level
            slope = np.maximum(d, _TINY)  # times (p + d) (r - d)
            d = np.clip(d - above * (p + d) * (r - d) / slope, 0.0, start)
        return np.minimum(p + d, 1.0)


@final
@dataclass(frozen=True, slots=True)
class Gaussian(Family):
    """``kl(p, q) = (p - q)**2 / (2 std**2)``, for noise of known scale.

    Attributes:
        std: Standard deviation of one value, in value units.
    """

    std: float = 1.0

    means: ClassVar[tuple[float, float]] = (-_MOST, _MOST)
    support: ClassVar[tuple[float, float]] = (-math.inf, math.inf)

    def __post_init__(self) -> None:
        _checks.positive("std", self.std)

    def _kl(self, p: Any, q: Any) -> Any:
        with np.errstate(over="ignore"):  # beyond the floats it is inf
            return np.square((p - q) / self.std) / 2

    def _upper(self, mean: Any, level: Any) -> Any:
        return mean + self.std * math.sqrt(2) * np.sqrt(level)


@final
@dataclass(frozen=True, slots=True)
class Poisson(Family):
    """``kl(p, q) = q - p + p ln(p / q)``, for counts."""

    means: ClassVar[tuple[float, float]] = (0.0, _MOST)
    support: ClassVar[tuple[float, float]] = (0.0, math.inf)

    def _kl(self, p: Any, q: Any) -> Any:
        return np.maximum(q - p + _part(p, q), 0.0)

    def _upper(self, mean: Any, level: Any) -> Any:
        # Start above by `kl(p, q) >= (q - p)**2 / (2 q)`, at most three times too far: for the
        # divergence is below both `q - p` and `(q - p)**2 / (2 p)`.
        start = level + np.sqrt(level) * np.sqrt(level + 2 * mean)
        d = start
        for _ in range(STEPS):
            # A mean this far below d adds nothing to the sum.
            ratio = d / np.maximum(np.maximum(mean, 1e-30 * d), _TINY)
            above = d - mean * np.log1p(ratio) - level
            slope = np.maximum(d / np.maximum(mean + d, _TINY), _TINY)
            d = np.clip(d - above / slope, start / 3, start)
        return mean + d


@final
@dataclass(frozen=True, slots=True)
class Exponential(Family):
    """``kl(p, q) = p / q - 1 - ln(p / q)``, for waiting times; values are above 0.

    A mean of 0 is impossible under every other law, so that no value may be 0.
    """

    means: ClassVar[tuple[float, float]] = (0.0, _MOST)
    support: ClassVar[tuple[float, float]] = (_TINY, math.inf)

    def _kl(self, p: Any, q: Any) -> Any:
        possible = (p > 0) & (q > 0)
        p_, q_ = np.where(possible, p, 1.0), np.where(possible, q, 1.0)
        log_ratio = np.log(p_) - np.log(q_)
        with np.errstate(over="ignore"):  # beyond the floats it is inf
            divergence = np.maximum(np.expm1(log_ratio) - log_ratio, 0.0)
        return np.where(possible, divergence, np.where(p == q, 0.0, np.inf))

    def _upper(self, mean: Any, level: Any) -> Any:
        # u = ln(q / mean) solves u + exp(-u) - 1 = level. Start above by
        # `u**2 / (2 + u)` and by `u - 1`, both below the left-hand side.
        start = np.minimum((level + np.sqrt(level) * np.sqrt(level + 8)) / 2, level + 1)
        u = start
        for _ in range(STEPS):
            fallen = -np.expm1(-u)
            u = np.clip(u - (u - fallen - level) / np.maximum(fallen, _TINY), 0.0, start)
        at_most = math.log(_MOST) - np.log(np.maximum(mean, 1.0))
        return mean * np.exp(np.minimum(u, at_most - 1e-9))


def _part(p: Any, q: Any) -> Any:
    """Return ``p ln(p / q)``: 0 where ``p`` is, inf where only ``q`` is."""
    log_ratio = np.log(np.where(p > 0, p, 1.0)) - np.log(np.where(q > 0, q, 1.0))
    return np.where(p > 0, np.where(q > 0, p * log_ratio, np.inf), 0.0)
