"""Minimum empirical divergence."""

from dataclasses import dataclass, field
from typing import ClassVar, final

import numpy as np

from banditsplit import _checks
from banditsplit._stats import ArmStats
from banditsplit._typing import Float
from banditsplit.indices._index import Index
from banditsplit.theory import Bernoulli, Family


@final
@dataclass(frozen=True, slots=True)
class IMED(Index):
    """Minus ``pulls * kl(mean, best mean) + ln pulls``: what IMED minimises.

    Honda & Takemura 2015, with the divergence of a one-parameter family; for binary
    values it is theirs. The first term is what it would take to believe that the arm is as
    good as the best one looks, so the smallest sum is pulled, and the score is its negative.

    Attributes:
        family: Where the divergence comes from; `Bernoulli` serves all values in [0, 1].
    """

    family: Family = field(default_factory=Bernoulli)

    scores_untried: ClassVar[bool] = True  # ln 0 is -inf: an untried arm comes first
    compares_arms: ClassVar[bool] = True

    @property
    def support(self) -> tuple[float, float]:
        """The family's."""
        return self.family.support

    def __post_init__(self) -> None:
        _checks.instance("family", self.family, Family)

    def __call__(self, stats: ArmStats, rng: np.random.Generator) -> Float:
        """Return minus the divergences, `[..., arms]`."""
        del rng
        low, high = self.family.means
        mean = np.clip(stats.mean, low, high)  # a running mean may end an ulp outside
        tried = stats.pulls > 0
        pulls = np.where(tried, stats.pulls, 1.0)
        best = np.where(tried, mean, low).max(-1, keepdims=True)
        divergence = pulls * self.family.kl(mean, best) + np.log(pulls)
        return np.where(tried, -divergence, np.inf)
