"""Bayes-UCB: the index is a quantile of the posterior of the arm's mean."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np

from banditsplit import _checks
from banditsplit._stats import ArmStats
from banditsplit._typing import Float
from banditsplit.indices._index import Index


@final
@dataclass(frozen=True, slots=True)
class BetaBayesUCB(Index):
    """The quantile ``1 - 1 / (t (ln horizon)**c)`` of the Beta posterior, for values in [0, 1].

    Kaufmann, Cappe & Garivier 2012, Alg. 1. Their theorem takes ``c >= 5``, and they advise
    ``c=0`` in practice, which needs no horizon. Values between 0 and 1 are added as fractions
    of a success. The quantile is never taken below the median.

    Attributes:
        successes: Pseudo-count of the prior; with ``failures`` both 1 it is uniform.
        failures: Pseudo-count of the prior.
        c: Power of ``ln horizon``.
        horizon: Rounds that will be played; only ``c > 0`` needs it.
    """

    successes: float = 1.0
    failures: float = 1.0
    c: float = 0.0
    horizon: int | None = None

    scores_untried: ClassVar[bool] = True  # the prior speaks for an untried arm

    @property
    def support(self) -> tuple[float, float]:
        """Successes and failures are what it counts."""
        return (0.0, 1.0)

    def __post_init__(self) -> None:
        _checks.positive("successes", self.successes)
        _checks.positive("failures", self.failures)
        _check_level(self.c, self.horizon)

    def __call__(self, stats: ArmStats, rng: np.random.Generator) -> Float:
        """Return the quantiles, `[..., arms]`, in value units."""
        # Here, for it takes longer to import than all the rest of the package.
        from scipy.special import betainccinv  # noqa: PLC0415

        del rng
        gained = stats.pulls * stats.mean
        # A running mean may end an ulp above 1, and no posterior has a negative count.
        missed = np.maximum(stats.pulls - gained, 0.0)
        quantile = betainccinv(
            self.successes + gained, self.failures + missed, tail(stats.t, self.c, self.horizon)
        )
        return np.asarray(quantile, np.float64)


@final
@dataclass(frozen=True, slots=True)
class GaussianBayesUCB(Index):
    """The quantile ``1 - 1 / (t (ln horizon)**c)`` of Normal(mean, std**2 / pulls).

    Kaufmann, Cappe & Garivier 2012: normal values of known scale and a flat prior;
    the constants are as in `BetaBayesUCB`.

    Attributes:
        std: Standard deviation of one value, in value units.
        c: Power of ``ln horizon``.
        horizon: Rounds that will be played; only ``c > 0`` needs it.
    """

    std: float = 1.0
    c: float = 0.0
    horizon: int | None = None

    def __post_init__(self) -> None:
        _checks.positive("std", self.std)
        _check_level(self.c, self.horizon)

    def __call__(self, stats: ArmStats, rng: np.random.Generator) -> Float:
        """Return mean plus width, `[..., arms]`, in value units."""
        del rng
        return stats.mean + self.width(stats)

    def width(self, stats: ArmStats) -> Float:
        """Return how far the quantile lies above the mean, `[..., arms]`, in value units."""
        # Here, for it takes longer to import than all the rest of the package.
        from scipy.special import ndtri  # noqa: PLC0415

        width: Float = -ndtri(tail(stats.t, self.c, self.horizon)) * self.std
        return width / np.sqrt(stats.pulls)


def tail(t: Any, c: float, horizon: int | None) -> Any:
    """Return ``1 / (t (ln horizon)**c)``, the probability above the quantile; at most 1/2."""
    scale = math.log(horizon) ** c if c and horizon else 1.0
    return np.minimum(1 / (t * scale), 0.5)


def _check_level(c: float, horizon: int | None) -> None:
    _checks.nonnegative("c", c)
    if horizon is not None or c > 0:
        _checks.integer("horizon", horizon, least=2)
