"""Scores of reward and cost together, which no score of one value can express."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from banditsplit import _checks
from banditsplit._stats import ArmStats
from banditsplit._typing import Float


class JointIndex(ABC):
    """A frozen formula from what is known of rewards and of costs to a score of every arm.

    A subclass is a frozen dataclass and is final. It meets pulled arms only: an untried arm
    gets its chance first. Costs come as shares of the largest one, in [0, 1].

    Attributes:
        needs_variance: Whether the formula reads ``variance``.
    """

    __slots__ = ()

    needs_variance: ClassVar[bool] = False

    @property
    def support(self) -> tuple[float, float]:
        """The interval in which rewards must lie."""
        return (0.0, 1.0)

    @abstractmethod
    def __call__(self, reward: ArmStats, cost: ArmStats, rng: np.random.Generator) -> Float:
        """Return the score of every arm, `[..., arms]`; ties are the caller's matter."""


@final
@dataclass(frozen=True, slots=True)
class UCBBV1(JointIndex):
    """The observed ratio, and how far it may be off: UCB-BV1.

    Ding, Qin, Zhang & Liu 2013 (*Multi-armed bandit with budget constraint and variable
    costs*), Alg. 1: ``r / c + (1 + 1 / lambda) * w / (lambda - w)``, where ``r`` and ``c`` are
    the means and ``w = sqrt(ln(t - 1) / pulls)``. The paper leaves open what holds while ``w``
    is not below ``lambda``: the sum then bounds nothing, so the score is ``inf`` here.

    Attributes:
        smallest_cost: The paper's lambda, in (0, 1]: a lower bound of every arm's expected
            cost, as a share of the largest cost.
    """

    smallest_cost: float

    def __post_init__(self) -> None:
        if not 0 < _checks.number("smallest_cost", self.smallest_cost) <= 1:
            raise ValueError(f"`smallest_cost` must lie in (0, 1], got {self.smallest_cost!r}.")

    def __call__(self, reward: ArmStats, cost: ArmStats, rng: np.random.Generator) -> Float:
        """Return the ratio's upper bound, `[..., arms]`, in reward units per largest cost."""
        del rng
        least = self.smallest_cost
        width = np.sqrt(np.log(np.maximum(reward.t - 1, 1)) / reward.pulls)
        left = least - width
        known = left > 0
        bonus = (1 + 1 / least) * width / np.where(known, left, 1.0)
        ratio = reward.mean / np.maximum(cost.mean, np.finfo(np.float64).tiny)
        scores: Float = np.where(known, ratio + bonus, np.inf)
        return scores
