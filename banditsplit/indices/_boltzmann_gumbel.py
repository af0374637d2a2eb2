"""Boltzmann exploration with a temperature for each arm."""

from dataclasses import dataclass
from typing import final

import numpy as np

from banditsplit import _checks
from banditsplit._stats import ArmStats
from banditsplit._typing import Float
from banditsplit.indices._index import Index


@final
@dataclass(frozen=True, slots=True)
class BoltzmannGumbel(Index):
    """Mean plus ``c / sqrt(pulls)`` times a draw of the standard Gumbel law.

    Cesa-Bianchi, Gentile, Lugosi & Neu 2017, Sec. 4: with one temperature for all arms the
    largest of such sums follows the softmax; with one for each, regret is logarithmic squared.

    Attributes:
        c: The paper's C, in value units; for it to fit, the subgaussian scale: the standard
            deviation of normal values, half the span of bounded ones.
    """

    c: float = 1.0

    def __post_init__(self) -> None:
        _checks.positive("c", self.c)

    def __call__(self, stats: ArmStats, rng: np.random.Generator) -> Float:
        """Return one draw for each arm, `[..., arms]`, in value units."""
        return rng.gumbel(stats.mean, self.c / np.sqrt(stats.pulls))
