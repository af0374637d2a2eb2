"""Objectives: what a reward and a cost are worth together."""

from dataclasses import dataclass
from typing import Any, Protocol

from banditsplit import _checks


class Objective(Protocol):
    """Turns reward and cost into the one value that is learned and judged."""

    def value(self, reward: Any, cost: Any) -> Any:
        """Return the value of rewards and costs, floats or arrays of one shape."""
        ...

    @property
    def keeps_unit_interval(self) -> bool:
        """Whether rewards in [0, 1] always have values in [0, 1]."""
        ...


@dataclass(frozen=True, slots=True)
class Reward:
    """The reward alone: costs are reported, and weigh nothing."""

    def value(self, reward: Any, cost: Any) -> Any:
        """Return ``reward``."""
        del cost
        return reward

    @property
    def keeps_unit_interval(self) -> bool:
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

    @property
    def keeps_unit_interval(self) -> bool:
        """Costs push values below 0."""
        return self.tradeoff == 0
