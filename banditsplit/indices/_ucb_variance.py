"""Upper confidence bounds that look at the variance of an arm."""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from banditsplit import _checks
from banditsplit._stats import ArmStats
from banditsplit._typing import Float
from banditsplit.indices._index import Index, variance_of


@final
@dataclass(frozen=True, slots=True)
class UCBTuned(Index):
    """Mean plus ``sqrt((ln t / pulls) * min(1/4, variance + sqrt(2 ln t / pulls)))``.

    Auer, Cesa-Bianchi & Fischer 2002, Sec. 4, for values that span 1; 1/4 is then the
    largest variance there is. It has no regret bound.

    Attributes:
        span: Largest minus smallest value, in value units; the width grows with it.
    """

    span: float = 1.0

    needs_variance: ClassVar[bool] = True

    def __post_init__(self) -> None:
        _checks.positive("span", self.span)

    def __call__(self, stats: ArmStats, rng: np.random.Generator) -> Float:
        """Return mean plus width, `[..., arms]`, in value units."""
        del rng
        return stats.mean + self.width(stats)

    def width(self, stats: ArmStats) -> Float:
        """Return the confidence width of pulled arms, `[..., arms]`, in value units."""
        variance = variance_of(self, stats) / self.span**2
        rate = np.log(stats.t) / stats.pulls
        width: Float = self.span * np.sqrt(
            rate * np.minimum(0.25, variance + np.sqrt(2 * rate))
        )
        return width


@final
@dataclass(frozen=True, slots=True)
class UCBV(Index):
    """Mean plus ``sqrt(2 variance E / pulls) + 3 c span E / pulls``, ``E = zeta ln t``.

    Audibert, Munos & Szepesvari 2009; their regret is logarithmic for ``c=1`` and any
    ``zeta > 1``, for which they name 1.2.

    Attributes:
        zeta: How fast exploration grows.
        c: Weight of the term that pays for not knowing the variance.
        span: Largest minus smallest value, in value units; the paper's b.
    """

    zeta: float = 1.2
    c: float = 1.0
    span: float = 1.0

    needs_variance: ClassVar[bool] = True

    def __post_init__(self) -> None:
        _checks.positive("zeta", self.zeta)
        _checks.positive("c", self.c)
        _checks.positive("span", self.span)

    def __call__(self, stats: ArmStats, rng: np.random.Generator) -> Float:
        """Return mean plus width, `[..., arms]`, in value units."""
        del rng
        return stats.mean + self.width(stats)

    def width(self, stats: ArmStats) -> Float:
        """Return the confidence width of pulled arms, `[..., arms]`, in value units."""
        rate = self.zeta * np.log(stats.t) / stats.pulls
        width: Float = np.sqrt(2 * variance_of(self, stats) * rate)
        width += 3 * self.c * self.span * rate
        return width
