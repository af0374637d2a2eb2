"""Thompson sampling: the index is a draw from the posterior of the arm's mean."""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from banditsplit import _checks
from banditsplit._stats import ArmStats
from banditsplit._typing import Float
from banditsplit.indices._index import Index


@final
@dataclass(frozen=True, slots=True)
class BetaThompson(Index):
    """A draw from Beta(successes + sum, failures + pulls - sum), for values in [0, 1].

    Thompson 1933; Agrawal & Goyal 2012, Alg. 1. Values between 0 and 1 are added as
    fractions of a success; the published guarantees are for binary values.

    Attributes:
        successes: Pseudo-count of the prior; with ``failures`` both 1 it is uniform.
        failures: Pseudo-count of the prior.
    """

    successes: float = 1.0
    failures: float = 1.0

    scores_untried: ClassVar[bool] = True  # the prior speaks for an untried arm

    @property
    def support(self) -> tuple[float, float]:
        """Successes and failures are what it counts."""
        return (0.0, 1.0)

    def __post_init__(self) -> None:
        _checks.positive("successes", self.successes)
        _checks.positive("failures", self.failures)

    def __call__(self, stats: ArmStats, rng: np.random.Generator) -> Float:
        """Return one draw for each arm, `[..., arms]`, in value units."""
        gained = stats.pulls * stats.mean
        # A running mean may end an ulp above 1, and no posterior has a negative count.
        missed = np.maximum(stats.pulls - gained, 0.0)
        return rng.beta(self.successes + gained, self.failures + missed)


@final
@dataclass(frozen=True, slots=True)
class GaussianThompson(Index):
    """A draw from Normal(mean, std**2 / pulls): Gaussian noise of known scale, flat prior.

    Agrawal & Goyal 2013 (*Further optimal regret bounds*), Sec. 2.2, use ``std=1`` and
    ``pulls + 1``; here an untried arm is pulled first instead.

    Attributes:
        std: Standard deviation of one observation, in value units.
    """

    std: float = 1.0

    def __post_init__(self) -> None:
        _checks.positive("std", self.std)

    def __call__(self, stats: ArmStats, rng: np.random.Generator) -> Float:
        """Return one draw for each arm, `[..., arms]`, in value units."""
        return rng.normal(stats.mean, self.std / np.sqrt(stats.pulls))
