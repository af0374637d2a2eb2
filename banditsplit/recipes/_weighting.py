"""From cumulated scores to the probabilities that arms are drawn with."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import final

import numpy as np

from banditsplit import _checks
from banditsplit._typing import Bool, Float, Int

# How far from 1 the sum may be, for each arm, where Newton's method stops.
CLOSE = 1e-13


class Weighting(ABC):
    """A frozen formula from what each arm has been worth so far to its probability.

    Scores add up: the better, the larger. A number added to all of them changes nothing.
    A subclass is a frozen dataclass and is final.
    """

    __slots__ = ()

    @property
    def additive(self) -> bool:
        """Whether `add` is a sum, up to what all arms share: False unless it says so."""
        return False

    @abstractmethod
    def __call__(self, score: Float, t: int | Int, available: Bool | None = None) -> Float:
        """Return the probabilities of round ``t``, `[..., arms]`.

        With ``available``, only the ratios between available arms matter, which must not all
        be 0: the caller sets the others to 0 and divides by the sum.
        """

    @abstractmethod
    def add(self, score: Float, change: Float, t: int | Int) -> Float:
        """Return the scores after round ``t``, which was worth ``change``, `[..., arms]`."""


@final
@dataclass(frozen=True, slots=True)
class ExponentialWeighting(Weighting):
    """Weights ``w = exp(eta * score)``; ``p = (1 - mixing) * w / sum w + mixing / arms``.

    Auer, Cesa-Bianchi, Freund & Schapire 2002, Fig. 1. Weights stay logarithms until the
    largest of them is 1.

    Attributes:
        eta: Step size, positive, per value unit.
        decay: Whether the step size is ``eta / sqrt(t)``.
        mixing: Share of uniform play, in [0, 1].
        share: What every arm gets of all weights after a round, times arms / e: the alpha of
            Exp3.S (Sec. 8 there), ``w_i <- w_i * exp(eta * change_i) + e * share / arms *
            sum w``. In [0, 1]; only without decay.
    """

    eta: float
    decay: bool = False
    mixing: float = 0.0
    share: float = 0.0

    def __post_init__(self) -> None:
        _checks.positive("eta", self.eta)
        _checks.instance("decay", self.decay, bool)
        _checks.fraction("mixing", self.mixing)
        if _checks.fraction("share", self.share) and self.decay:
            raise ValueError(f"`share` must be 0 where `eta` decays, got {self.share!r}.")

    @property
    def additive(self) -> bool:
        """Sharing looks at the scores of its round."""
        return not self.share

    def __call__(self, score: Float, t: int | Int, available: Bool | None = None) -> Float:
        """Return the probabilities of round ``t``, `[..., arms]`."""
        log_weight = (self.eta / np.sqrt(t) if self.decay else self.eta) * score
        if available is not None and not self.mixing:
            # Beside the best arm of all, the available ones might all vanish.
            log_weight = np.where(available, log_weight, -np.inf)
        weight: Float = np.exp(log_weight - log_weight.max(-1, keepdims=True))
        weight /= weight.sum(-1, keepdims=True)
        if self.mixing:
            weight = (1 - self.mixing) * weight + self.mixing / score.shape[-1]
        return weight

    def add(self, score: Float, change: Float, t: int | Int) -> Float:
        """Return the scores after round ``t``, which was worth ``change``, `[..., arms]`."""
        del t
        if not self.share:
            return score + change
        arms, log_weight = score.shape[-1], self.eta * score
        top = log_weight.max(-1, keepdims=True)
        log_sum = top + np.log(np.exp(log_weight - top).sum(-1, keepdims=True))
        gift = math.log(math.e * self.share / arms) + log_sum
        log_weight = np.logaddexp(log_weight + self.eta * change, gift)
        # Weights grow for ever; their ratios are all that counts.
        log_weight -= log_weight.max(-1, keepdims=True)
        shared: Float = log_weight / self.eta
        return shared


@final
@dataclass(frozen=True, slots=True)
class TsallisWeighting(Weighting):
    """``p_i = 4 / (eta_t * (x - score_i))**2`` with the ``x`` that makes them sum to 1.

    Zimmert & Seldin 2021, Alg. 1 and 2 with alpha = 1/2, where ``eta_t = eta / sqrt(t)`` and
    scores are minus their cumulated losses.

    Attributes:
        eta: Step size, positive, per value unit.
    """

    eta: float = 2.0

    def __post_init__(self) -> None:
        _checks.positive("eta", self.eta)

    @property
    def additive(self) -> bool:
        """It is."""
        return True

    def __call__(self, score: Float, t: int | Int, available: Bool | None = None) -> Float:
        """Return the probabilities of round ``t``, `[..., arms]`."""
        del available  # they fall as a power, and none vanishes
        behind = self.eta / np.sqrt(t) * (score.max(-1, keepdims=True) - score)
        # With z = eta_t * (x - best score) this is p = 4 / (z + behind)**2, and 2 <= z <=
        # 2 * sqrt(arms), for the best arm has at least 1 / arms and at most 1. Newton's steps
        # are taken for sum(p)**(-1/2) = 1 rather than sum(p) = 1. That function is concave and
        # nearly straight, so they rise to the root, and 3 to 5 of them do.
        z = np.full((*score.shape[:-1], 1), 2.0)
        while True:
            weight: Float = 4 / (z + behind) ** 2
            total = weight.sum(-1, keepdims=True)
            far = np.abs(total - 1) > CLOSE * score.shape[-1]
            if not far.any():
                weight /= total
                return weight
            slope = (weight / (z + behind)).sum(-1, keepdims=True)  # minus total's, halved
            step = (np.sqrt(total) - 1) * total / slope
            # A row that has arrived waits: it must not depend on the other rows.
            z = np.where(far, z + step, z)

    def add(self, score: Float, change: Float, t: int | Int) -> Float:
        """Return the scores after round ``t``, which was worth ``change``, `[..., arms]`."""
        del t
        return score + change
