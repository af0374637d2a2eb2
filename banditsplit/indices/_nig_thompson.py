"""Thompson sampling for normal values of unknown mean and variance."""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from banditsplit import _checks
from banditsplit._stats import ArmStats
from banditsplit._typing import Float
from banditsplit.indices._index import Index, variance_of


@final
@dataclass(frozen=True, slots=True)
class NIGThompson(Index):
    """A draw of the mean from its posterior when mean and variance are unknown.

    Honda & Takemura 2014: with the prior ``variance**(-1 - alpha)``, a limit of
    normal-inverse-gamma priors, it is ``mean + sqrt(variance / freedom)`` times a draw of
    Student's t with ``freedom = pulls + 2 alpha - 1``. Their optimality needs ``alpha < 0``;
    -1 is the uniform prior, 0 the reference prior, 1/2 Jeffreys'. As there, an arm
    comes first until it has ``max(2, 3 - 2 alpha)`` pulls. An arm whose values never varied
    has its mean as index: the model is for values from a density.

    Attributes:
        alpha: Exponent of the prior.
    """

    alpha: float = -1.0

    needs_variance: ClassVar[bool] = True

    def __post_init__(self) -> None:
        _checks.number("alpha", self.alpha)

    def __call__(self, stats: ArmStats, rng: np.random.Generator) -> Float:
        """Return one draw for each arm, `[..., arms]`, in value units; inf where too early."""
        enough = stats.pulls >= max(2.0, 3 - 2 * self.alpha)
        freedom = np.where(enough, stats.pulls + 2 * self.alpha - 1, 1.0)
        scale = np.sqrt(variance_of(self, stats) / freedom)
        return np.where(enough, stats.mean + scale * rng.standard_t(freedom), np.inf)
