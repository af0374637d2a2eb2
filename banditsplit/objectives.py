"""Objectives: what a reward and a cost are worth together."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from banditsplit import _checks
from banditsplit._typing import Float

__all__ = ["Net", "Objective", "Reward", "below_best"]


class Objective(Protocol):
    """Turns reward and cost into the one value that is learned and judged."""

    def value(self, reward: Any, cost: Any) -> Any:
        """Return the value of rewards and costs, floats or arrays of one shape."""
        ...

    def gaps(self, reward: Any, cost: Any) -> Float:
        """Return how far each arm lies below the best, `[..., arms]`, given expectations."""
        ...

    @property
    def keeps_support(self) -> bool:
        """Whether values stay in whatever interval the rewards lie in."""
        ...


@dataclass(frozen=True, slots=True)
class Reward:
    """The reward alone: costs are reported, and weigh nothing."""

    def value(self, reward: Any, cost: Any) -> Any:
        """Return ``reward``."""
        del cost
        return reward

    def gaps(self, reward: Any, cost: Any) -> Float:
        """Return how far each arm lies below the best, `[..., arms]`, in reward units."""
        return below_best(self.value(reward, cost))

    @property
    def keeps_support(self) -> bool:
        """A reward is its own value."""
        return True


@dataclass(frozen=True, slots=True)
class Net:
    """Reward minus ``tradeoff`` times cost.

    ``tradeoff`` is the paper's mu: reward units given up for one unit of cost
    (SplitEE, arXiv:2309.09195, Eq. 1). At 0 this is `Reward`.
    """

    tradeoff: float

    def __post_init__(self) -> None:
        _checks.nonnegative("tradeoff", self.tradeoff)

    def value(self, reward: Any, cost: Any) -> Any:
        """Return ``reward - tradeoff * cost``, in reward units."""
        return reward - self.tradeoff * cost

    def gaps(self, reward: Any, cost: Any) -> Float:
        """Return how far each arm lies below the best, `[..., arms]`, in reward units."""
        return below_best(self.value(reward, cost))

    @property
    def keeps_support(self) -> bool:
        """Costs push values down."""
        return self.tradeoff == 0


def below_best(value: Any) -> Float:
    """Return how far each entry lies below the best of its row, `[..., arms]`."""
    value = np.asarray(value, np.float64)
    gap: Float = value.max(-1, keepdims=True) - value
    return gap
