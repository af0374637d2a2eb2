"""Score every arm and take the best."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from banditsplit import _checks
from banditsplit._argmax import argmax
from banditsplit._stats import ArmStats
from banditsplit._typing import Bool
from banditsplit.feedback import Cell, Pull, Seen
from banditsplit.indices import Fixed, Index
from banditsplit.indices._index import score
from banditsplit.memories import Full, Memory
from banditsplit.memories._memory import ask
from banditsplit.objectives import Objective, Ratio, Reward, Subsidy
from banditsplit.recipes._recipe import Recipe

# Beyond it the difference of two values may overflow, and a mean be lost for good.
LARGEST = 1e300


@dataclass(frozen=True, slots=True)
class IndexRecipe(Recipe):
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
    _low: float = field(init=False, repr=False, compare=False)
    _high: float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _checks.integer("arms", self.arms, least=1)
        _checks.instance("index", self.index, Index)
        _checks.instance("side_observations", self.side_observations, bool)
        _checks.method("objective", self.objective, "value")
        _checks.method("memory", self.memory, "observe")
        if isinstance(self.objective, Ratio | Subsidy):
            wanted = "`objective` must give single pulls a value (`compose` knows the recipe)"
            raise TypeError(f"{wanted}, got {self.objective!r}.")
        if isinstance(self.index, Fixed):
            _checks.below("arm", self.index.arm, self.arms)
        low, high = self.index.support
        bounded = low > -np.inf or high < np.inf
        # A change detector may be made for an interval, too, but for one of values: costs only
        # rule it out where it leaves no room for them.
        least, most = getattr(self.memory, "support", (-np.inf, np.inf))
        low, high = max(low, least), min(high, most)
        if (bounded or least >= 0) and not self.objective.keeps_support:
            wanted = f"keep values in [{low}, {high}] for {self.index!r} x {self.memory!r}"
            raise ValueError(f"`objective` must {wanted}, got {self.objective!r}.")
        # A variance squares what it sees.
        largest = math.sqrt(LARGEST) if self.index.needs_variance else LARGEST
        object.__setattr__(self, "_low", max(low, -largest))
        object.__setattr__(self, "_high", min(high, largest))

    def empty(self, runs: int | None) -> Any:
        """Return the state before the first round."""
        return self.memory.empty(runs, self.arms, variance=self.index.needs_variance)

    def stats(self, state: Any) -> ArmStats:
        """Return what is known of each arm."""
        return self.memory.stats(state)

    def choose(
        self, state: Any, rng: np.random.Generator, context: Any, available: Bool | None
    ) -> tuple[Any, None]:
        """Return the best available arm."""
        del context
        scores = score(self.index, self.memory.stats(state), rng, available)
        if available is not None:
            scores = np.where(available, scores, -np.inf)
        return argmax(scores, rng), None

    def learn(self, state: Any, pull: Pull, side: Seen | None) -> None:
        """Learn from a round and end it."""
        if side is None and pull.where is None:
            self.learn_plain(state, pull.cell, pull.reward, pull.cost)
            return
        value = self._value(pull.reward, pull.cost)
        revealed = None if side is None else (side.cell, self._value(side.reward, side.cost))
        self.memory.observe(state, pull.cell, value)
        if revealed is not None:
            self.memory.observe(state, *revealed)
        self.memory.advance(state, pull.where)

    def learn_plain(self, state: Any, cell: Cell, reward: Any, cost: Any) -> None:
        """Learn from pulls in all runs, and end the round: the usual one."""
        value, memory = self.objective.value(reward, cost), self.memory
        if not (type(value) is float and self._low <= value <= self._high):
            self._check(value)
        memory.observe(state, cell, value)
        memory.advance(state, None)

    def merge(self, states: Sequence[Any]) -> Any:
        """Return the state of one that saw what all of ``states`` saw, if the memory can."""
        return ask(self.memory, "merge")(states)

    def warm_start(self, state: Any, prior: ArmStats) -> Any:
        """Return the state after the observations of ``prior``, if the memory can."""
        self._check(prior.mean[prior.pulls > 0], "mean")
        return ask(self.memory, "warm_start")(state, prior)

    def change_arms(
        self, state: Any, kept: Sequence[int], added: int
    ) -> tuple["IndexRecipe", Any]:
        """Return recipe and state for other arms, if the memory can."""
        index = self.index.change_arms(kept, added)
        recipe = replace(self, arms=len(kept) + added, index=index)
        return recipe, ask(self.memory, "change_arms")(state, kept, added)

    def _value(self, reward: Any, cost: Any) -> Any:
        """Return what observations are worth under the objective, or refuse them."""
        value = self.objective.value(reward, cost)
        self._check(value)
        return value

    def _check(self, value: Any, name: str = "reward") -> None:
        """Refuse values, a number or an array, that index or memory cannot take."""
        if np.size(value) and not (np.min(value) >= self._low and np.max(value) <= self._high):
            parts = f"{self.index!r} x {self.memory!r}"
            wanted = f"have a value in [{self._low}, {self._high}] for {parts}"
            came = f"{value!r} under {self.objective!r}"
            raise ValueError(f"`{name}` must {wanted}, got {came}.")
