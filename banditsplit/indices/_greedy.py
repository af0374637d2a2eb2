"""Greedy play with a share of uniform exploration."""

from dataclasses import dataclass
from typing import Any, final

import numpy as np

from banditsplit import _checks
from banditsplit._stats import ArmStats
from banditsplit._typing import Float
from banditsplit.indices._index import Index


@final
@dataclass(frozen=True, slots=True)
class Greedy(Index):
    """The mean; in a share of the rounds, the same for every arm, so that any may win.

    Constant: a round explores with probability ``epsilon``. Decaying: with
    ``min(1, epsilon / t)``, where Auer, Cesa-Bianchi & Fischer 2002, Fig. 3, have
    ``epsilon = c * arms / gap**2``. ``epsilon=0`` is pure greedy play, which may settle on
    the wrong arm for good.

    Attributes:
        epsilon: Probability of exploring, in [0, 1]; any number from 0 when it decays.
        decay: Whether it falls as 1 / t.
    """

    epsilon: float = 0.1
    decay: bool = False

    def __post_init__(self) -> None:
        check = _checks.nonnegative if self.decay else _checks.fraction
        check("epsilon", self.epsilon)

    def __call__(self, stats: ArmStats, rng: np.random.Generator) -> Float:
        """Return the means, or zeros in the runs that explore, `[..., arms]`."""
        one_for_each = None if stats.mean.ndim == 1 else (len(stats.mean), 1)
        explore: Any = rng.random(one_for_each) < self.probability(stats.t)
        if explore is False:
            return stats.mean
        if explore is True:  # what `where` gives for one run, sooner
            return np.zeros(stats.mean.shape)
        return np.where(explore, 0.0, stats.mean)

    def probability(self, t: Float | int) -> Float | float:
        """Return the probability of exploring in round ``t``; above 1 means surely."""
        return self.epsilon / t if self.decay else self.epsilon
