"""Play the arm with the best reward per cost, optimistically in both."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from banditsplit import _checks
from banditsplit._argmax import argmax
from banditsplit._stats import ArmStats
from banditsplit._typing import Bool, Float
from banditsplit.feedback import Pull, Seen
from banditsplit.indices import Greedy, Index, JointIndex
from banditsplit.indices._index import score
from banditsplit.memories import Full, Memory
from banditsplit.recipes._channels import (
    Channels,
    merged,
    mirrored,
    refuse_outside,
    tried,
    with_arms,
)
from banditsplit.recipes._index import LARGEST
from banditsplit.recipes._recipe import Recipe, unable

# A lower score of the cost may be nothing, or less. The ratio is then as large as it gets, and
# arms that could all be free are ranked by what they may give.
SMALLEST = 1e-12


@dataclass(frozen=True, slots=True)
class RatioRecipe(Recipe):
    """Take the arm with the largest upper score of reward per lower score of cost.

    The index is applied twice: to the rewards, and to ``1 - cost / largest_cost``, whose upper
    score is a lower one of the cost. With `UCB` this is m-UCB (Xia, Qin, Ding, Li, Zhang, Yu &
    Liu 2017, *Finite budget analysis of multi-armed bandit problems*, there with other
    constants); with `BetaThompson` it is budgeted Thompson sampling (Xia, Li, Qin, Yu & Liu
    2015, Alg. 1). It holds for indices whose scores are plausible means, in value units, of
    values that span as much as the index was told; costs span 1.

    `stats` are those of the rewards.

    Attributes:
        arms: How many arms there are.
        index: The score of one value, or a joint one of reward and cost.
        largest_cost: No pull costs more, in cost units; a larger one is refused.
        memory: What is kept of the past, of rewards and of costs.
        side_observations: Whether to learn from arms revealed without a pull.
    """

    arms: int
    index: Index | JointIndex
    largest_cost: float = 1.0
    memory: Memory = field(default_factory=Full)
    side_observations: bool = False

    def __post_init__(self) -> None:
        _checks.integer("arms", self.arms, least=1)
        if not isinstance(self.index, Index | JointIndex):
            wanted = "`index` must be of type Index or JointIndex"
            raise TypeError(f"{wanted}, got {self.index!r}.")
        _checks.positive("largest_cost", self.largest_cost)
        _checks.instance("side_observations", self.side_observations, bool)
        _checks.method("memory", self.memory, "observe")

    def empty(self, runs: int | None) -> Channels:
        """Return the state before the first round."""
        variance = self.index.needs_variance
        return Channels(
            *(self.memory.empty(runs, self.arms, variance=variance) for _ in range(2))
        )

    def stats(self, state: Channels) -> ArmStats:
        """Return what is known of each arm's rewards."""
        return self.memory.stats(state.reward)

    def choose(
        self, state: Channels, rng: np.random.Generator, context: Any, available: Bool | None
    ) -> tuple[Any, None]:
        """Return the available arm with the best ratio."""
        del context
        reward, cost = self.memory.stats(state.reward), self.memory.stats(state.cost)
        scores = self._scores(reward, cost, rng)
        if available is not None:
            scores = np.where(available, scores, -np.inf)
        return argmax(scores, rng), None

    def _scores(self, reward: ArmStats, cost: ArmStats, rng: np.random.Generator) -> Float:
        """Return the ratio's score, `[..., arms]`, in reward units per largest cost."""
        index = self.index
        if isinstance(index, JointIndex):
            if not reward.untried:
                return index(reward, cost, rng)
            known, stand_in = tried(reward)
            _, spent = tried(cost)
            return np.where(known, index(stand_in, spent, rng), np.inf)
        upper = score(index, reward, rng)
        # Greedy play explores by a toss for the round, and that was the rewards'.
        saving = Greedy(0.0) if isinstance(index, Greedy) else index
        lower = 1.0 - score(saving, mirrored(cost), rng)
        ratio: Float = upper / np.maximum(lower, SMALLEST)
        return ratio

    def learn(self, state: Channels, pull: Pull, side: Seen | None) -> None:
        """Learn from a round and end it."""
        share = self._share(pull.reward, pull.cost)
        seen = [(pull.cell, pull.reward, share)]
        if side is not None:
            seen.append((side.cell, side.reward, self._share(side.reward, side.cost)))
        for cell, reward, part in seen:
            self.memory.observe(state.reward, cell, reward)
            self.memory.observe(state.cost, cell, part)
        for channel in (state.reward, state.cost):
            self.memory.advance(channel, pull.where)

    def merge(self, states: Sequence[Channels]) -> Channels:
        """Return the state of one that saw what all of ``states`` saw, if the memory can."""
        return merged(self.memory, states)

    def warm_start(self, state: Channels, prior: ArmStats) -> Channels:
        """Refuse: a prior tells one value of an arm, and here it has two."""
        del state, prior
        raise unable(self, "start warm", "it learns reward and cost apart")

    def change_arms(
        self, state: Channels, kept: Sequence[int], added: int
    ) -> tuple["RatioRecipe", Channels]:
        """Return recipe and state for other arms, if the memory can."""
        index = self.index
        if isinstance(index, Index):
            index = index.change_arms(kept, added)
        recipe = replace(self, arms=len(kept) + added, index=index)
        return recipe, with_arms(self.memory, state, kept, added)

    def _share(self, reward: Any, cost: Any) -> Any:
        """Return costs as shares of the largest one, or refuse an observation."""
        low, high = self.index.support
        largest = LARGEST * SMALLEST  # so that no ratio overflows
        refuse_outside("reward", reward, max(low, -largest), min(high, largest), self.index)
        refuse_outside("cost", cost, 0.0, self.largest_cost, self)
        return cost / self.largest_cost
