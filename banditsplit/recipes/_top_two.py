"""Top-two Thompson sampling, and the generalised likelihood ratio that stops it."""

import math
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from banditsplit import _checks
from banditsplit._argmax import argmax
from banditsplit._stats import ArmStats
from banditsplit._typing import Bool, Float, Int
from banditsplit.indices import BetaThompson, GaussianThompson
from banditsplit.recipes._identification import IdentificationRule, marked
from banditsplit.theory import Bernoulli, Family, Gaussian


@final
@dataclass(frozen=True, slots=True)
class TopTwoRule(IdentificationRule):
    """Pull a posterior draw's best arm or its closest rival, until all rivals are refuted.

    Sampling (Russo 2016; T3C: Shang, de Heide, Menard, Kaufmann & Valko 2020): the first arm
    is the best of one draw from the posterior, Beta(1, 1) beforehand, or flat for Gaussian
    noise. With probability ``share`` it is pulled; else the second is, to which evidence
    would be transported most cheaply: the arm ``b`` of least
    ``n_a kl(mean_a, q) + n_b kl(mean_b, q)`` with the pooled mean ``q``, or 0 where ``b``
    looks better. Russo draws again until another arm wins, which takes ever longer.

    Stopping (Chernoff's rule: Garivier & Kaufmann 2016, Sec. 3.2): the leader ``a`` is known
    when for every rival ``b``

        ``min_q [n_a kl(mean_a, q) + n_b kl(mean_b, q)] - price_a - price_b``

    is at least ``ln((arms - 1) / delta)``. The price of an arm is what it costs not to know
    its mean: ``price = ln(largest likelihood / likelihood averaged over the Beta(1/2, 1/2)
    prior)``. Their Thm. 10, for ``ln(2 t (arms - 1) / delta)``, bounds the prices from
    above by ``ln(2 t)``; here they are taken as they are, which stops earlier.

    The promise: for an arm of mean ``m`` the likelihood averaged over the prior, divided by
    the likelihood at ``m``, is a martingale for 0 and 1, and a supermartingale for any values
    in [0, 1] (see `banditsplit.theory.BetaMixture`). So is the product of two arms', for a
    round observes one arm. If the leader ``a`` is worse than a best arm ``b``, the display
    is at most that product's logarithm at the true means, which ever reaches
    ``ln((arms - 1) / delta)`` with probability at most ``delta / (arms - 1)`` (Ville). There
    are ``arms - 1`` such leaders. With ``std`` the same holds for values that are
    sub-Gaussian about their mean: mixing over a normal prior around it (Robbins 1970) makes
    ``n**2 / (1 + n)`` of the counts and ``price = ln(1 + n) / 2``. Two arms observed in one
    round would need their joint law: there are no side observations.

    Two best arms are never told apart: it does not stop then.

    `margin` is the display at the closest rival minus ``ln((arms - 1) / delta)``: in nats.

    Attributes:
        delta: Probability of ever stopping at an arm that is not a best one, in (0, 1).
        std: Given for values of any size: their noise is sub-Gaussian of this standard
            deviation, in value units. Else values lie in [0, 1].
        share: Probability of pulling the first arm, in (0, 1).
    """

    delta: float
    std: float | None = None
    share: float = 0.5

    def __post_init__(self) -> None:
        _checks.open_fraction("delta", self.delta)
        if self.std is not None:
            _checks.positive("std", self.std)
        _checks.open_fraction("share", self.share)

    @property
    def family(self) -> Family:
        """Where the divergence comes from."""
        return Bernoulli() if self.std is None else Gaussian(self.std)

    @property
    def support(self) -> tuple[float, float]:
        """The family's."""
        return self.family.support

    def choose(self, stats: ArmStats, rng: np.random.Generator, available: Bool) -> Any:
        """Return the best arm of a posterior draw or its closest rival, an int or `[runs]`."""
        posterior = BetaThompson() if self.std is None else GaussianThompson(self.std)
        draw = np.where(available, posterior(stats, rng), -np.inf)
        first = argmax(draw, rng)
        rivals = available & ~marked(first, draw.shape[-1])
        cost = np.minimum(self._transport(stats, np.asarray(first)), np.finfo(float).max)
        second = argmax(np.where(rivals, -cost, -np.inf), rng)
        stays = (rng.random(np.shape(first)) < self.share) | ~rivals.any(-1)
        return np.where(stays, first, second)

    def margin(self, stats: ArmStats, leader: Int) -> Float:
        """Return the evidence against the closest rival, less what is asked of it."""
        price, arms = self._price(stats), stats.mean.shape[-1]
        evidence = self._transport(stats, leader) - price
        evidence = evidence - np.take_along_axis(price, leader[..., None], -1)
        least = np.min(evidence, -1, where=~marked(leader, arms), initial=np.inf)
        margin: Float = least - math.log(max(arms - 1, 1) / self.delta)
        return margin

    def _transport(self, stats: ArmStats, arm: Int) -> Float:
        """Return how much speaks for ``arm``, `[...]`, against each one, `[..., arms]`."""
        n, low, high = stats.pulls, *self.family.means
        n = n if self.std is None else n * n / (1 + n)
        mean = np.clip(stats.mean, low, high)  # a running mean may end an ulp outside
        n_arm, mean_arm = (np.take_along_axis(x, arm[..., None], -1) for x in (n, mean))
        pooled = mean_arm + n / (n_arm + n) * (mean - mean_arm)
        pooled = np.clip(pooled, low, high)
        kl = self.family.kl
        with np.errstate(over="ignore"):  # beyond the floats it is inf
            cost = n_arm * kl(mean_arm, pooled) + n * kl(mean, pooled)
        transport: Float = np.where(mean < mean_arm, cost, 0.0)
        return transport

    def _price(self, stats: ArmStats) -> Float:
        """Return what it costs not to know the means, `[..., arms]`, in nats."""
        n = stats.pulls
        if self.std is not None:
            return 0.5 * np.log1p(n)
        # Here, for it takes longer to import than all the rest of the package.
        from scipy import special  # noqa: PLC0415

        mean = np.clip(stats.mean, 0.0, 1.0)
        won, lost = n * mean, n * (1 - mean)
        largest = special.xlogy(won, mean) + special.xlog1py(lost, -mean)
        averaged = special.betaln(won + 0.5, lost + 0.5) - special.betaln(0.5, 0.5)
        price: Float = largest - averaged
        return price
