"""What every index can do, and the one convention that all of them share."""

import math
from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from banditsplit._stats import ArmStats
from banditsplit._typing import Float


class Index(ABC):
    """A frozen formula from `ArmStats` to a score for every arm.

    A subclass is a frozen dataclass, is final, and says where it departs from this:

    Attributes:
        scores_untried: False where the formula speaks of pulled arms only; then an
            untried arm has index ``inf``, so that each gets its chance.
        needs_variance: Whether the formula reads ``stats.variance``.
        support: The interval in which values must lie.
    """

    __slots__ = ()

    scores_untried: ClassVar[bool] = False
    needs_variance: ClassVar[bool] = False

    @property
    def support(self) -> tuple[float, float]:
        """The interval in which values must lie."""
        return (-math.inf, math.inf)

    @abstractmethod
    def __call__(self, stats: ArmStats, rng: np.random.Generator) -> Float:
        """Return the index of every arm, `[..., arms]`; ties are the caller's matter."""


def score(index: Index, stats: ArmStats, rng: np.random.Generator) -> Any:
    """Return ``index`` of every arm, `[..., arms]`; ``inf`` where it needs a first pull.

    The formulas stay as they are printed, because no untried arm ever reaches them, and
    their ``t`` is the number of rounds that the memory still counts.
    """
    if stats.effective is not None:
        stats = replace(stats, t=stats.effective, effective=None)
    if not stats.untried or index.scores_untried:
        return index(stats, rng)
    tried = stats.pulls > 0
    stand_in = replace(stats, pulls=np.where(tried, stats.pulls, 1.0))
    return np.where(tried, index(stand_in, rng), np.inf)
