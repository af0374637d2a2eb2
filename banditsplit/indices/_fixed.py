"""Scores that no observation changes: what learning has to beat."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from banditsplit import _checks
from banditsplit._stats import ArmStats
from banditsplit._typing import Float
from banditsplit.indices._index import Index


@final
@dataclass(frozen=True, slots=True)
class Constant(Index):
    """The same score for every arm: fair ties make it uniform play."""

    scores_untried: ClassVar[bool] = True

    def __call__(self, stats: ArmStats, rng: np.random.Generator) -> Float:
        """Return zeros, `[..., arms]`."""
        del rng
        return np.zeros_like(stats.mean)


@final
@dataclass(frozen=True, slots=True)
class Fixed(Index):
    """1 for ``arm``, 0 for the others.

    Attributes:
        arm: The arm to pull.
    """

    arm: int

    scores_untried: ClassVar[bool] = True

    def __post_init__(self) -> None:
        _checks.integer("arm", self.arm, least=0)

    def __call__(self, stats: ArmStats, rng: np.random.Generator) -> Float:
        """Return the scores, `[..., arms]`."""
        del rng
        scores = np.zeros_like(stats.mean)
        scores[..., self.arm] = 1.0
        return scores

    def change_arms(self, kept: Sequence[int], added: int) -> "Fixed":
        """Return the index with the new number of its arm, which must stay."""
        del added
        if self.arm not in kept:
            raise ValueError(f"`arms` must not hold the arm of {self!r}, got {self.arm}.")
        return Fixed(list(kept).index(self.arm))
