"""Objectives: what a reward and a cost are worth together."""

from dataclasses import dataclass
from typing import Any, NoReturn, Protocol

import numpy as np

from banditsplit import _checks
from banditsplit._typing import Float

__all__ = [
    "Net",
    "Objective",
    "Ratio",
    "Reward",
    "Subsidy",
    "below_best",
]


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


@dataclass(frozen=True, slots=True)
class Ratio:
    """Expected reward per expected cost: what counts where a budget of cost is spent.

    A mean of ratios is no ratio of means, so rewards and costs are learned apart: `compose`
    builds a `RatioRecipe` for it. Given expectations it judges anybody's play.

    Attributes:
        largest_cost: No pull costs more, in cost units; whoever learns relies on it.
    """

    largest_cost: float = 1.0

    def __post_init__(self) -> None:
        _checks.positive("largest_cost", self.largest_cost)

    def value(self, reward: Any, cost: Any) -> NoReturn:
        """Refuse: a single pull has no value here."""
        _refuse_value(self, reward, cost, "RatioRecipe")

    def gaps(self, reward: Any, cost: Any) -> Float:
        """Return ``best ratio * cost - reward`` of each arm, `[..., arms]`, in reward units.

        Summed over a run it is what the cost that was paid would have earned on the arm with
        the best ratio, less what it did earn: the pseudo-regret of budgeted play (Ding, Qin,
        Zhang & Liu 2013; Xia, Li, Qin, Yu & Liu 2015), up to the last pull.

        Raises:
            ValueError: A cost is not positive.
        """
        reward, cost = np.asarray(reward, np.float64), np.asarray(cost, np.float64)
        gap: Float = np.asarray(self.charge(reward, cost, cost) - reward)
        return gap

    def charge(self, reward: Any, cost: Any, extra: Any) -> Any:
        """Return what ``extra`` cost would have earned on the arm with the best ratio."""
        reward, cost = np.asarray(reward, np.float64), np.asarray(cost, np.float64)
        if (cost <= 0).any():
            raise ValueError(f"`cost` must be positive where ratios count, got {cost!r}.")
        best = (reward / cost).max(-1, keepdims=np.ndim(extra) > 0)
        return best * extra

    @property
    def keeps_support(self) -> bool:
        """There are no values."""
        return False


@dataclass(frozen=True, slots=True)
class Subsidy:
    """The cheapest arm whose reward is within a factor of the best reward.

    Sinha, Sankararaman, Kazerouni & Avadhanula 2021 (*Multi-armed bandits with cost
    subsidy*, arXiv:2011.01488): an arm is good enough if its expected reward is at least
    ``(1 - factor) * best``; of those the cheapest is meant to be played. Regret has two
    parts, in two units: ``part`` says which of them `gaps` returns. `compose` builds a
    `SubsidyRecipe` for it, for which ``part`` is of no matter.

    Attributes:
        factor: The paper's alpha, in [0, 1): the share of the best reward that may be given
            up for a lower cost.
        part: "quality", rewards below what is good enough, or "cost", costs above those of
            the cheapest arm that is.
    """

    factor: float
    part: str = "quality"

    def __post_init__(self) -> None:
        if not 0 <= _checks.number("factor", self.factor) < 1:
            raise ValueError(f"`factor` must lie in [0, 1), got {self.factor!r}.")
        _checks.member("part", self.part, ("quality", "cost"))

    def value(self, reward: Any, cost: Any) -> NoReturn:
        """Refuse: a single pull has no value here."""
        _refuse_value(self, reward, cost, "SubsidyRecipe")

    def gaps(self, reward: Any, cost: Any) -> Float:
        """Return each arm's quality gap in reward units, or cost gap in cost units.

        ``max((1 - factor) * best - reward, 0)`` or ``max(cost - cheapest, 0)``, `[..., arms]`:
        Sinha et al. 2021, Sec. 2. An arm may be cheaper than the cheapest that is good
        enough; that earns nothing here.
        """
        reward, cost = np.asarray(reward, np.float64), np.asarray(cost, np.float64)
        enough = (1 - self.factor) * reward.max(-1, keepdims=True)
        if self.part == "quality":
            quality: Float = np.maximum(enough - reward, 0.0)
            return quality
        cheapest = np.where(reward >= enough, cost, np.inf).min(-1, keepdims=True)
        dearer: Float = np.maximum(cost - cheapest, 0.0)
        return dearer

    def charge(self, reward: Any, cost: Any, extra: Any) -> Any:
        """Return what ``extra`` cost adds to the part that counts."""
        del reward, cost
        return extra if self.part == "cost" else 0.0 * extra

    @property
    def keeps_support(self) -> bool:
        """There are no values."""
        return False


def _refuse_value(objective: Any, reward: Any, cost: Any, recipe: str) -> NoReturn:
    """Refuse to melt reward and cost into one number where they have to stay apart."""
    came = f"got reward {reward!r} and cost {cost!r} under {objective!r}"
    raise ValueError(
        f"`objective` must give single pulls a value (it needs a {recipe}), {came}."
    )


def below_best(value: Any) -> Float:
    """Return how far each entry lies below the best of its row, `[..., arms]`."""
    value = np.asarray(value, np.float64)
    gap: Float = value.max(-1, keepdims=True) - value
    return gap
