"""Upper confidence bounds from the divergence between laws."""

from dataclasses import dataclass, field
from typing import Any, final

import numpy as np

from banditsplit import _checks
from banditsplit._stats import ArmStats
from banditsplit._typing import Float
from banditsplit.indices._index import Index
from banditsplit.theory import Bernoulli, Family


@final
@dataclass(frozen=True, slots=True)
class KLUCB(Index):
    """The largest ``q`` with ``pulls * kl(mean, q) <= ln t + c ln ln t``.

    Garivier & Cappe 2011, Alg. 1; Cappe, Garivier, Maillard, Munos & Stoltz 2013. The
    theorems take ``c=3``; the advice for practice is ``c=0``. ``ln ln t`` counts as 0 as long
    as ``ln t`` is below 1, as in the authors' own code.

    Attributes:
        family: Where the divergence comes from; `Bernoulli` serves all values in [0, 1].
        c: Weight of ``ln ln t``.
    """

    family: Family = field(default_factory=Bernoulli)
    c: float = 0.0

    @property
    def support(self) -> tuple[float, float]:
        """The family's."""
        return self.family.support

    def __post_init__(self) -> None:
        _checks.instance("family", self.family, Family)
        _checks.nonnegative("c", self.c)

    def __call__(self, stats: ArmStats, rng: np.random.Generator) -> Float:
        """Return the upper bounds, `[..., arms]`, in value units."""
        del rng
        return upper(self.family, stats, self.exploration(stats.t))

    def exploration(self, t: Any) -> Any:
        """Return ``ln t + c ln ln t`` for a round ``t``, a number or `[runs, 1]`."""
        log_t = np.log(t)
        return log_t + self.c * np.log(np.maximum(log_t, 1.0)) if self.c else log_t


@final
@dataclass(frozen=True, slots=True)
class KLUCBPlusPlus(Index):
    """The largest ``q`` with ``pulls * kl(mean, q) <= g(pulls)``.

    ``g(n) = ln+(x (1 + ln+(x)**2))``, ``x = horizon / (arms * n)``, ``ln+ = max(ln, 0)``:
    Menard & Garivier 2017, at once asymptotically optimal and minimax.

    Attributes:
        horizon: Rounds that will be played.
        family: Where the divergence comes from; `Bernoulli` serves all values in [0, 1].
    """

    horizon: int
    family: Family = field(default_factory=Bernoulli)

    @property
    def support(self) -> tuple[float, float]:
        """The family's."""
        return self.family.support

    def __post_init__(self) -> None:
        _checks.integer("horizon", self.horizon, least=1)
        _checks.instance("family", self.family, Family)

    def __call__(self, stats: ArmStats, rng: np.random.Generator) -> Float:
        """Return the upper bounds, `[..., arms]`, in value units."""
        del rng
        arms = stats.pulls.shape[-1]
        return upper(self.family, stats, self.exploration(stats.pulls, arms))

    def exploration(self, pulls: Any, arms: int) -> Any:
        """Return ``g`` of ``pulls``, a number or an array."""
        # Below 1 both logarithms are 0, as at 1.
        x = np.maximum(self.horizon / (arms * pulls), 1.0)
        log_x = np.log(x)
        return log_x + np.log1p(np.square(log_x))


def upper(family: Family, stats: ArmStats, exploration: Any) -> Float:
    """Return the upper bounds of pulled arms at ``exploration / pulls``, `[..., arms]`."""
    # A running mean may end an ulp outside.
    mean = np.clip(stats.mean, *family.means)
    bound: Float = family.kl_upper_bound(mean, exploration / stats.pulls)
    return bound
