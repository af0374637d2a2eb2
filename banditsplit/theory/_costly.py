"""Problems whose costs are random, or of several resources."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from banditsplit import _checks
from banditsplit._typing import Float
from banditsplit.theory._problems import _vector


@dataclass(frozen=True, slots=True, eq=False)
class CostlyProblem:
    """Arms that give 1 with probability ``means``, else 0, for a random cost in [0, 1].

    Reward and costs of a pull are independent. A cost is 1 with probability ``cost_means``,
    else 0; or with a ``concentration`` of ``k`` it is Beta(``k * mean``, ``k * (1 - mean)``).

    Attributes:
        means: `[arms]`, in [0, 1].
        cost_means: `[arms]` or `[arms, resources]`, in [0, 1], in cost units.
        concentration: Positive: how closely costs lie around their means; None for 0 or 1.

    Raises:
        ValueError: An argument is empty, of another shape, not finite or out of range.
    """

    means: Float
    cost_means: Float
    concentration: float | None = None

    def __post_init__(self) -> None:
        means = _vector("means", self.means)
        wanted = f"`cost_means` must be numbers in [0, 1], [{len(means)}] or with resources"
        try:
            cost = np.array(self.cost_means)
        except ValueError:  # ragged
            raise ValueError(f"{wanted}, got {self.cost_means!r}.") from None
        fits = cost.ndim in (1, 2) and len(cost) == len(means) and cost.size > 0
        if cost.dtype.kind not in "fiu" or not fits or not ((cost >= 0) & (cost <= 1)).all():
            raise ValueError(f"{wanted}, got {self.cost_means!r}.")
        if ((means < 0) | (means > 1)).any():
            raise ValueError(f"`means` must lie in [0, 1], got {self.means!r}.")
        if self.concentration is not None:
            _checks.positive("concentration", self.concentration)
        cost = cost.astype(np.float64)
        cost.flags.writeable = False
        object.__setattr__(self, "means", means)
        object.__setattr__(self, "cost_means", cost)

    @property
    def arms(self) -> int:
        """How many there are."""
        return len(self.means)

    @property
    def resources(self) -> int | None:
        """How many costs a pull has; None if it is one number."""
        return None if self.cost_means.ndim == 1 else self.cost_means.shape[1]

    @property
    def expected_reward(self) -> Float:
        """``means``."""
        return self.means

    @property
    def expected_cost(self) -> Float:
        """``cost_means``, summed over the resources, `[arms]`."""
        if self.resources is None:
            return self.cost_means
        total: Float = self.cost_means.sum(-1)
        return total

    @property
    def span(self) -> float:
        """Rewards are 0 or 1."""
        return 1.0

    def draw(self, arm: Any, rng: np.random.Generator) -> tuple[Any, Any]:
        """Return rewards of pulls of ``arm``, of its shape, and costs; resources come last."""
        reward = (rng.random(np.shape(arm)) < self.means[arm]) * 1.0
        mean = self.cost_means[arm]
        if self.concentration is None:
            return reward, (rng.random(np.shape(mean)) < mean) * 1.0
        spread = (mean > 0) & (mean < 1)  # Beta knows no others
        inner = np.where(spread, mean, 0.5) * self.concentration
        return reward, np.where(spread, rng.beta(inner, self.concentration - inner), mean)
