"""From what a round showed of some arms to what it was worth for all of them."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import final

import numpy as np

from banditsplit import _checks
from banditsplit._typing import Bool, Float, Int


class Estimator(ABC):
    """A frozen formula from observed values to estimates for every arm.

    Its expectation over the draw is the value itself, up to a number that all arms share and
    to what the formula says. A subclass is a frozen dataclass and is final.
    """

    __slots__ = ()

    @property
    def additive(self) -> bool:
        """Whether a round adds the same whenever it is learned: False unless it says so."""
        return False

    @abstractmethod
    def __call__(self, value: Float, seen: Bool, chance: Float, t: int | Int) -> Float:
        """Return what round ``t`` adds to the score of every arm, `[..., arms]`.

        Args:
            value: In [0, 1], and 0 where it was not seen.
            seen: Whether the arm's value was observed.
            chance: With which probability it was going to be, positive.
            t: The round, an int or `[..., 1]`.
        """


@final
@dataclass(frozen=True, slots=True)
class ImportanceWeighting(Estimator):
    """``(value - baseline) / (chance + gamma)`` where seen, else 0.

    With baseline 1 it counts losses, ``1 - value`` (Bubeck & Cesa-Bianchi 2012, Sec. 3.1);
    with 0 it counts gains (Auer et al. 2002, Fig. 1). A positive ``gamma`` is implicit
    exploration (Neu 2015, Sec. 2): estimates are too low on purpose, and vary less.

    Attributes:
        baseline: What an arm must give to be worth 0, in [0, 1].
        gamma: Implicit exploration, not negative; 0 makes estimates unbiased.
        decay: Whether it is ``gamma / sqrt(t)``.
    """

    baseline: float = 1.0
    gamma: float = 0.0
    decay: bool = False

    def __post_init__(self) -> None:
        _checks.fraction("baseline", self.baseline)
        _checks.nonnegative("gamma", self.gamma)
        _checks.instance("decay", self.decay, bool)

    @property
    def additive(self) -> bool:
        """Only a ``gamma`` that decays looks at the round."""
        return not (self.gamma and self.decay)

    def __call__(self, value: Float, seen: Bool, chance: Float, t: int | Int) -> Float:
        """Return what round ``t`` adds to the score of every arm, `[..., arms]`."""
        gamma = self.gamma / np.sqrt(t) if self.decay else self.gamma
        return np.where(seen, (value - self.baseline) / (chance + gamma), 0.0)


@final
@dataclass(frozen=True, slots=True)
class ReducedVariance(Estimator):
    """Minus ``(loss - B) / chance + B`` where seen, minus ``B`` elsewhere.

    Zimmert & Seldin 2021: ``B = 1/2`` for arms of chance at least ``eta_t**2``, else
    0; ``loss = 1 - value`` and ``eta_t = eta / sqrt(t)``.

    Attributes:
        eta: The step size that is played with, positive.
    """

    eta: float = 4.0

    def __post_init__(self) -> None:
        _checks.positive("eta", self.eta)

    def __call__(self, value: Float, seen: Bool, chance: Float, t: int | Int) -> Float:
        """Return what round ``t`` adds to the score of every arm, `[..., arms]`."""
        base = 0.5 * (chance >= self.eta**2 / t)
        return -np.where(seen, (1 - value - base) / chance + base, base)
