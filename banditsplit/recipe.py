"""The frozen half of a policy: how it decides and how it learns."""

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from banditsplit import _checks
from banditsplit._argmax import argmax
from banditsplit._stats import ArmStats
from banditsplit._typing import Bool, Float
from banditsplit.indices import Fixed, Index
from banditsplit.indices._index import score
from banditsplit.memories import Cell, Full, Memory
from banditsplit.objectives import Objective, Reward

# Beyond it the difference of two values may overflow, and a mean be lost for good.
LARGEST = 1e300


class Recipe(Protocol):
    """What a `Policy` asks of the algorithm it plays.

    Everything arrives here checked, and every check that can refuse feedback stands in
    `value`, which changes nothing: so a refused round leaves the state as it was.
    """

    @property
    def arms(self) -> int:
        """How many arms there are."""
        ...

    @property
    def side_observations(self) -> bool:
        """Whether it learns from arms that were revealed without a pull."""
        ...

    def empty(self, runs: int | None) -> Any:
        """Return the state before the first round."""
        ...

    def stats(self, state: Any) -> ArmStats:
        """Return what is known of each arm."""
        ...

    def choose(self, state: Any, rng: np.random.Generator, available: Bool | None) -> Any:
        """Return the arm to pull: an int, or `[runs]`."""
        ...

    def value(self, reward: Any, cost: Any) -> Any:
        """Return what observations are worth, or refuse them."""
        ...

    def observe(self, state: Any, cell: Cell, value: float | Float) -> None:
        """Learn from observations of distinct cells."""
        ...

    def advance(self, state: Any, where: Bool | None) -> None:
        """End a round."""
        ...


@dataclass(frozen=True, slots=True)
class IndexRecipe:
    """Score every arm and take the best: index x memory x objective x feedback.

    Attributes:
        arms: How many arms there are.
        index: The score.
        objective: What reward and cost are worth.
        memory: What is kept of the past.
        side_observations: Whether to learn from arms revealed without a pull.
    """

    arms: int
    index: Index
    objective: Objective = field(default_factory=Reward)
    memory: Memory = field(default_factory=Full)
    side_observations: bool = False

    def __post_init__(self) -> None:
        _checks.integer("arms", self.arms, least=1)
        if isinstance(self.index, Fixed) and self.index.arm >= self.arms:
            msg = f"`arm` must be below the number of arms, {self.arms}, got {self.index.arm}."
            raise ValueError(msg)
        if self.index.unit_interval and not self.objective.keeps_unit_interval:
            msg = (
                f"`objective` must keep values in [0, 1] for {self.index!r}, "
                f"got {self.objective!r}."
            )
            raise ValueError(msg)

    def empty(self, runs: int | None) -> Any:
        """Return the state before the first round."""
        return self.memory.empty(runs, self.arms)

    def stats(self, state: Any) -> ArmStats:
        """Return what is known of each arm."""
        return self.memory.stats(state)

    def choose(self, state: Any, rng: np.random.Generator, available: Bool | None) -> Any:
        """Return the best available arm."""
        scores = score(self.index, self.memory.stats(state), rng)
        if available is not None:
            scores = np.where(available, scores, -np.inf)
        return argmax(scores, rng)

    def value(self, reward: Any, cost: Any) -> Any:
        """Return what observations are worth under the objective."""
        value = self.objective.value(reward, cost)
        low, high = (0.0, 1.0) if self.index.unit_interval else (-LARGEST, LARGEST)
        inside = (value >= low) & (value <= high)
        if not (inside if type(inside) is bool else inside.all()):
            msg = f"`reward` must have a value in [{low}, {high}] for {self.index!r}"
            raise ValueError(f"{msg}, got {value!r} under {self.objective!r}.")
        return value

    def observe(self, state: Any, cell: Cell, value: float | Float) -> None:
        """Learn from observations of distinct cells."""
        self.memory.observe(state, cell, value)

    def advance(self, state: Any, where: Bool | None) -> None:
        """End a round."""
        self.memory.advance(state, where)
