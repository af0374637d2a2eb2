"""Another index, with a share of uniform exploration."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from banditsplit import _checks
from banditsplit._stats import ArmStats
from banditsplit._typing import Float
from banditsplit.indices._index import Index, score


@final
@dataclass(frozen=True, slots=True)
class Exploring(Index):
    """The scores of ``index``; in a share of the rounds the same for every arm.

    So every arm is looked at again and again, which a change detector needs (Liu, Lee &
    Shroff 2018, Alg. 1, where ``share`` is alpha). Fair ties make such a round uniform over
    the arms that are available.

    Attributes:
        index: The score of the other rounds.
        share: Probability of exploring, in [0, 1].
    """

    index: Index
    share: float

    scores_untried: ClassVar[bool] = True  # it asks `score`, which spares the index

    def __post_init__(self) -> None:
        _checks.instance("index", self.index, Index)
        _checks.fraction("share", self.share)

    @property
    def needs_variance(self) -> bool:  # type: ignore[override] # as it is for the index
        """What ``index`` needs."""
        return self.index.needs_variance

    @property
    def support(self) -> tuple[float, float]:
        """The interval of ``index``."""
        return self.index.support

    def __call__(self, stats: ArmStats, rng: np.random.Generator) -> Float:
        """Return the scores, or zeros in the runs that explore, `[..., arms]`."""
        explore = rng.random((*stats.mean.shape[:-1], 1)) < self.share
        scores: Float = score(self.index, stats, rng)
        if not explore.any():
            return scores
        return np.where(explore, 0.0, scores)

    def change_arms(self, kept: Sequence[int], added: int) -> "Exploring":
        """Return it with the index for these arms."""
        return Exploring(self.index.change_arms(kept, added), self.share)
