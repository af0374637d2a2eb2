"""Problems: arms with known laws, which simulation plays and theory speaks about."""

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from banditsplit import _checks
from banditsplit._typing import Float


class Problem(Protocol):
    """Stationary arms whose expected rewards and costs are known to the one who asks.

    Attributes:
        arms: How many there are.
        expected_reward: `[arms]`, in reward units.
        expected_cost: `[arms]`, in cost units.
        span: Largest minus smallest reward of one pull; inf where it has no bound.
    """

    @property
    def arms(self) -> int: ...
    @property
    def expected_reward(self) -> Float: ...
    @property
    def expected_cost(self) -> Float: ...
    @property
    def span(self) -> float: ...

    def draw(self, arm: Any, rng: np.random.Generator) -> tuple[Any, Any]:
        """Return rewards and costs of pulls of ``arm``, of its shape."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class BernoulliProblem:
    """Arms that give 1 with probability ``means``, else 0, for a fixed cost each.

    Attributes:
        means: `[arms]`, in [0, 1].
        costs: `[arms]`, not negative, in cost units; nothing by default.

    Raises:
        ValueError: An argument is empty, not `[arms]`, not finite or out of range.
    """

    means: Float
    costs: Float = field(default_factory=lambda: np.zeros(0))

    def __post_init__(self) -> None:
        means = _vector("means", self.means)
        if ((means < 0) | (means > 1)).any():
            raise ValueError(f"`means` must lie in [0, 1], got {self.means!r}.")
        object.__setattr__(self, "means", means)
        object.__setattr__(self, "costs", _costs(self.costs, len(means)))

    @property
    def arms(self) -> int:
        """How many there are."""
        return len(self.means)

    @property
    def expected_reward(self) -> Float:
        """``means``."""
        return self.means

    @property
    def expected_cost(self) -> Float:
        """``costs``."""
        return self.costs

    @property
    def span(self) -> float:
        """Rewards are 0 or 1."""
        return 1.0

    def draw(self, arm: Any, rng: np.random.Generator) -> tuple[Any, Any]:
        """Return rewards and costs of pulls of ``arm``, of its shape."""
        won = rng.random(np.shape(arm)) < self.means[arm]
        return won.astype(np.float64), self.costs[arm]


@dataclass(frozen=True, slots=True, eq=False)
class GaussianProblem:
    """Arms that give Normal(means, std**2), for a fixed cost each.

    Attributes:
        means: `[arms]`, in reward units.
        std: Positive, one for all arms or `[arms]`, in reward units.
        costs: `[arms]`, not negative, in cost units; nothing by default.

    Raises:
        ValueError: An argument is empty, not `[arms]`, not finite or out of range.
    """

    means: Float
    std: Float | float = 1.0
    costs: Float = field(default_factory=lambda: np.zeros(0))

    def __post_init__(self) -> None:
        means = _vector("means", self.means)
        std = _vector("std", self.std, len(means), one_for_all=True)
        if (std <= 0).any():
            raise ValueError(f"`std` must be positive, got {self.std!r}.")
        object.__setattr__(self, "means", means)
        object.__setattr__(self, "std", std)
        object.__setattr__(self, "costs", _costs(self.costs, len(means)))

    @property
    def arms(self) -> int:
        """How many there are."""
        return len(self.means)

    @property
    def expected_reward(self) -> Float:
        """``means``."""
        return self.means

    @property
    def expected_cost(self) -> Float:
        """``costs``."""
        return self.costs

    @property
    def span(self) -> float:
        """A normal reward has no bound."""
        return np.inf

    def draw(self, arm: Any, rng: np.random.Generator) -> tuple[Any, Any]:
        """Return rewards and costs of pulls of ``arm``, of its shape."""
        noise = rng.standard_normal(np.shape(arm))
        return self.means[arm] + np.asarray(self.std)[arm] * noise, self.costs[arm]


def _vector(
    name: str, value: Any, arms: int | None = None, *, one_for_all: bool = False
) -> Float:
    """Return ``value`` as a finite, read-only vector of one number for each arm."""
    wanted = f"`{name}` must be a vector of finite numbers" + (f" [{arms}]" if arms else "")
    try:
        vector = np.array(value)
    except ValueError:  # ragged
        raise ValueError(f"{wanted}, got {value!r}.") from None
    if one_for_all and vector.ndim == 0:
        vector = np.full(arms or 1, vector)
    if vector.dtype.kind not in "fiu" or vector.ndim != 1 or not vector.size:
        raise ValueError(f"{wanted}, got {value!r}.")
    if not np.isfinite(vector).all() or (arms is not None and len(vector) != arms):
        raise ValueError(f"{wanted}, got {value!r}.")
    vector = vector.astype(np.float64)
    vector.flags.writeable = False
    return vector


def _costs(costs: Any, arms: int) -> Float:
    """Return ``costs`` as a vector that holds no negative number; zeros if it is empty."""
    try:
        nothing = np.size(costs) == 0
    except ValueError:  # ragged
        nothing = False
    vector = _vector("costs", np.zeros(arms) if nothing else costs, arms)
    for cost in vector:
        _checks.nonnegative("costs", cost)
    return vector
