"""An upper confidence bound that holds for a whole horizon at once."""

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
class HorizonUCB(Index):
    """``min(mean + sqrt(2 * ln(horizon) / pulls), 1)``, for values in [0, 1].

    What CS-UCB and CS-ETC compute (Sinha, Sankararaman, Kazerouni & Avadhanula 2021).

    Attributes:
        horizon: How many rounds there will be.
    """

    horizon: int

    def __post_init__(self) -> None:
        _checks.integer("horizon", self.horizon, least=1)

    @property
    def support(self) -> tuple[float, float]:
        """The bound is cut at 1."""
        return (0.0, 1.0)

    def __call__(self, stats: ArmStats, rng: np.random.Generator) -> Float:
        """Return the bound, `[..., arms]`, in value units."""
        del rng
        width = np.sqrt(2 * math.log(self.horizon) / stats.pulls)
        return np.minimum(stats.mean + width, 1.0)
