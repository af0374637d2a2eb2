"""The upper confidence bound whose leading constant is the best possible for normal values."""

from dataclasses import dataclass
from typing import final

import numpy as np

from banditsplit import _checks
from banditsplit._stats import ArmStats
from banditsplit._typing import Float
from banditsplit.indices._index import Index


@final
@dataclass(frozen=True, slots=True)
class AsymptoticallyOptimalUCB(Index):
    """Mean plus ``std * sqrt(2 ln f(t) / pulls)``, ``f(t) = 1 + t (ln t)**2``.

    Lattimore & Szepesvari 2020, Alg. 6 and Thm. 8.1, for values that are ``std``-subgaussian.

    Attributes:
        std: Subgaussian scale, in value units: the standard deviation of normal values; half
            the span of bounded ones.
    """

    std: float = 1.0

    def __post_init__(self) -> None:
        _checks.positive("std", self.std)

    def __call__(self, stats: ArmStats, rng: np.random.Generator) -> Float:
        """Return mean plus width, `[..., arms]`, in value units."""
        del rng
        return stats.mean + self.width(stats)

    def width(self, stats: ArmStats) -> Float:
        """Return the confidence width of pulled arms, `[..., arms]`, in value units."""
        log_f = np.log1p(stats.t * np.square(np.log(stats.t)))
        width: Float = self.std * np.sqrt(2 * log_f / stats.pulls)
        return width
