"""Lower and upper confidence bounds: look at the leader and whom it may be confused with."""

from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np

from banditsplit import _checks
from banditsplit._argmax import argmax
from banditsplit._stats import ArmStats
from banditsplit._typing import Bool, Float, Int
from banditsplit.recipes._identification import IdentificationRule, marked
from banditsplit.theory import Bernoulli


@final
@dataclass(frozen=True, slots=True)
class LUCBRule(IdentificationRule):
    """Pull leader or challenger until the leader's lower bound is above all other upper ones.

    Kalyanakrishnan, Tewari, Auer & Stone 2012, for the single best arm. The leader has the
    best mean, the challenger the largest upper bound of the others. The bounds of an arm of
    ``n`` observations in round ``t``, at the level ``l = ln(5 arms t**4 / (4 delta))``, are
    ``mean +- span * sqrt(l / (2 n))``; with ``kl`` they are where ``n kl(mean, bound) = l``,
    never wider (KL-LUCB: Kaufmann & Kalyanakrishnan 2013, with this level for theirs).

    The promise is theirs, too: by Hoeffding's inequality, or Chernoff's, a bound fails on one
    side with probability at most ``exp(-l)``. A wrong stop needs the best arm's upper bound
    to fail or another arm's lower one, for a ``t`` and an ``n < t``; these probabilities add
    up to ``sum_t t arms exp(-l) <= .97 delta``. Whose turn it is does not matter, nor
    whether arms that are seen together depend on each other.

    The authors pull both arms in a round. Here a round has one pull, and a fair coin says
    whose: so both get their share also while many decisions wait for their feedback. (Their
    bound on the number of rounds is for pulling both, and not claimed.)

    Two best arms are never told apart where ``epsilon`` is 0: it does not stop then.

    `margin` is the leader's lower bound minus the largest other upper bound, plus
    ``epsilon``: in value units.

    Attributes:
        delta: Probability of ever stopping at an arm that is not good enough, in (0, 1).
        epsilon: How far below the best is good enough, not negative, in value units.
        span: Largest minus smallest value, in value units; or values are sub-Gaussian with
            standard deviation ``span / 2``.
        kl: Whether bounds are those of the Bernoulli divergence, for values in [0, 1].
    """

    delta: float
    epsilon: float = 0.0
    span: float = 1.0
    kl: bool = False

    allows_side: ClassVar[bool] = True

    def __post_init__(self) -> None:
        _checks.open_fraction("delta", self.delta)
        _checks.nonnegative("epsilon", self.epsilon)
        _checks.positive("span", self.span)
        _checks.instance("kl", self.kl, bool)
        if self.kl and self.span != 1:
            raise ValueError(f"`span` must be 1 where `kl` is True, got {self.span!r}.")

    @property
    def support(self) -> tuple[float, float]:
        """Where the divergence is defined, if it is used."""
        return (0.0, 1.0) if self.kl else (-np.inf, np.inf)

    def choose(self, stats: ArmStats, rng: np.random.Generator, available: Bool) -> Any:
        """Return leader or challenger, as a coin falls, an int or `[runs]`."""
        arms = stats.mean.shape[-1]
        leader = marked(argmax(np.where(available, stats.mean, -np.inf), rng), arms)
        upper = stats.mean + self._width(stats.mean, self._level(stats) / stats.pulls)
        others = available & ~leader
        challenger = others & marked(argmax(np.where(others, upper, -np.inf), rng), arms)
        heads = rng.random(leader.shape[:-1]) < 0.5  # noqa: PLR2004 - a fair coin
        turn = np.asarray(heads)[..., None] & challenger.any(-1, keepdims=True)
        return np.where(turn, challenger, leader).argmax(-1)

    def margin(self, stats: ArmStats, leader: Int) -> Float:
        """Return the leader's lower bound minus the best other upper one, plus ``epsilon``."""
        place, level = leader[..., None], self._level(stats)
        mean, pulls = (np.take_along_axis(x, place, -1) for x in (stats.mean, stats.pulls))
        below = self._width(1 - mean, level / pulls)
        above = self._width(stats.mean, level / stats.pulls)
        # The gap comes first: beside huge means widths would vanish.
        apart = (mean - stats.mean) - (below + above)
        rivals = ~marked(leader, stats.mean.shape[-1])
        margin: Float = np.min(apart, -1, where=rivals, initial=np.inf) + self.epsilon
        return margin

    def _level(self, stats: ArmStats) -> Any:
        """Return the exploration level of the round, a number or `[runs, 1]`."""
        arms = stats.mean.shape[-1]
        return np.log(5 * arms / (4 * self.delta)) + 4 * np.log(stats.t)

    def _width(self, mean: Float, level: Float) -> Float:
        """Return how far upper bounds lie above ``mean``, for a level per observation.

        Lower bounds lie as far below ``1 - mean``.
        """
        if not self.kl:
            return self.span * np.sqrt(level / 2)
        mean = np.clip(mean, 0.0, 1.0)  # a running mean may end an ulp outside
        width: Float = Bernoulli().kl_upper_bound(mean, level) - mean
        return width
