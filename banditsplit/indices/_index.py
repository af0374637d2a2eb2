"""What every index can do, and the one convention that all of them share."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from banditsplit._stats import ArmStats
from banditsplit._typing import Bool, Float


class Index(ABC):
    """A frozen formula from `ArmStats` to a score for every arm.

    A subclass is a frozen dataclass, is final, and says where it departs from this:

    Attributes:
        scores_untried: False where the formula speaks of pulled arms only; then an
            untried arm has index ``inf``, so that each gets its chance.
        needs_variance: Whether the formula reads ``stats.variance``.
        compares_arms: Whether an arm's score depends on what other arms gave; then arms that
            may not be pulled are shown as untried, and the formula must tell those apart.
        support: The interval in which values must lie.
    """

    __slots__ = ()

    scores_untried: ClassVar[bool] = False
    needs_variance: ClassVar[bool] = False
    compares_arms: ClassVar[bool] = False

    @property
    def support(self) -> tuple[float, float]:
        """The interval in which values must lie."""
        return (-math.inf, math.inf)

    @abstractmethod
    def __call__(self, stats: ArmStats, rng: np.random.Generator) -> Float:
        """Return the index of every arm, `[..., arms]`; ties are the caller's matter."""

    def change_arms(self, kept: Sequence[int], added: int) -> "Index":
        """Return the index for the ``kept`` arms and ``added`` ones behind: most know none."""
        del kept, added
        return self


def score(
    index: Index, stats: ArmStats, rng: np.random.Generator, available: Bool | None = None
) -> Any:
    """Return ``index`` of every arm, `[..., arms]`; ``inf`` where it needs a first pull.

    The formulas stay as they are printed, because no untried arm ever reaches them, and
    their ``t`` is the number of rounds that the memory still counts. What stands for arms
    that are not ``available`` means nothing.
    """
    if stats.effective is not None:
        stats = replace(stats, t=stats.effective, effective=None)
    if available is not None and index.compares_arms:
        pulls = np.where(available, stats.pulls, 0.0)
        stats = replace(stats, pulls=pulls, untried=int(np.count_nonzero(pulls == 0)))
    if not stats.untried or index.scores_untried:
        return index(stats, rng)
    tried = stats.pulls > 0
    stand_in = replace(stats, pulls=np.where(tried, stats.pulls, 1.0))
    return np.where(tried, index(stand_in, rng), np.inf)


def variance_of(index: Index, stats: ArmStats) -> Float:
    """Return the variances, `[..., arms]`, or say that the memory did not keep them."""
    if stats.variance is None:
        raise ValueError(f"`stats.variance` must be there for {index!r}, got None.")
    return stats.variance
