"""MOSS: widths that shrink to nothing once an arm has had its share of the rounds."""

import math
from dataclasses import dataclass
from typing import final

import numpy as np

from banditsplit import _checks
from banditsplit._stats import ArmStats
from banditsplit._typing import Float
from banditsplit.indices._index import Index


@final
@dataclass(frozen=True, slots=True)
class MOSS(Index):
    """Mean plus ``span * sqrt(max(ln(horizon / (arms * pulls)), 0) / pulls)``.

    Audibert & Bubeck 2009: regret of order ``sqrt(arms * horizon)``, and no policy has a
    smaller order in the worst case.

    Attributes:
        horizon: Rounds that will be played.
        span: Largest minus smallest value, in value units.
    """

    horizon: int
    span: float = 1.0

    def __post_init__(self) -> None:
        _checks.integer("horizon", self.horizon, least=1)
        _checks.positive("span", self.span)

    def __call__(self, stats: ArmStats, rng: np.random.Generator) -> Float:
        """Return mean plus width, `[..., arms]`, in value units."""
        del rng
        return stats.mean + self.width(stats)

    def width(self, stats: ArmStats) -> Float:
        """Return the confidence width of pulled arms, `[..., arms]`, in value units."""
        share = self.horizon / (stats.pulls.shape[-1] * stats.pulls)
        width: Float = self.span * np.sqrt(np.log(np.maximum(share, 1.0)) / stats.pulls)
        return width


@final
@dataclass(frozen=True, slots=True)
class AnytimeMOSS(Index):
    """Mean plus ``span * sqrt((1 + alpha) / 2 * max(ln(t / (arms * pulls)), 0) / pulls)``.

    Degenne & Perchet 2016: `MOSS` with the round in place of the horizon.

    Attributes:
        alpha: Above 0; 1 keeps the constant of MOSS, and the paper's bound takes 1.35.
        span: Largest minus smallest value, in value units.
    """

    alpha: float = 1.0
    span: float = 1.0

    def __post_init__(self) -> None:
        _checks.positive("alpha", self.alpha)
        _checks.positive("span", self.span)

    def __call__(self, stats: ArmStats, rng: np.random.Generator) -> Float:
        """Return mean plus width, `[..., arms]`, in value units."""
        del rng
        return stats.mean + self.width(stats)

    def width(self, stats: ArmStats) -> Float:
        """Return the confidence width of pulled arms, `[..., arms]`, in value units."""
        share = stats.t / (stats.pulls.shape[-1] * stats.pulls)
        scale = self.span * math.sqrt((1 + self.alpha) / 2)
        width: Float = scale * np.sqrt(np.log(np.maximum(share, 1.0)) / stats.pulls)
        return width
