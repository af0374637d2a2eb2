"""Upper confidence bounds from Hoeffding's inequality."""

from dataclasses import dataclass
from typing import final

import numpy as np

from banditsplit import _checks
from banditsplit._stats import ArmStats
from banditsplit._typing import Float
from banditsplit.indices._index import Index


@final
@dataclass(frozen=True, slots=True)
class UCB(Index):
    """Mean plus the width ``span * sqrt(alpha * ln t / (2 * pulls))``.

    The alpha form of Bubeck & Cesa-Bianchi 2012, Sec. 2.2. ``alpha=4`` is UCB1 (Auer,
    Cesa-Bianchi & Fischer 2002, Fig. 1); ``alpha=2 * beta**2`` is SplitEE's
    ``beta * sqrt(ln t / pulls)``. Regret bounds of this form need ``alpha > 2``.

    Attributes:
        alpha: How sure to be: wider and slower as it grows.
        span: Largest minus smallest value, in value units.
    """

    alpha: float = 4.0
    span: float = 1.0

    def __post_init__(self) -> None:
        _checks.positive("alpha", self.alpha)
        _checks.positive("span", self.span)

    def __call__(self, stats: ArmStats, rng: np.random.Generator) -> Float:
        """Return mean plus width, `[..., arms]`, in value units."""
        del rng
        return stats.mean + self.width(stats)

    def width(self, stats: ArmStats) -> Float:
        """Return the confidence half-width of pulled arms, `[..., arms]`, in value units."""
        log_t = np.log(1.0 * stats.t)  # of a float, which numpy does faster
        width: Float = np.sqrt(self.span**2 * self.alpha / 2 * log_t / stats.pulls)
        return width
