"""Play the cheapest arm that is good enough."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from banditsplit import _checks
from banditsplit._argmax import argmax
from banditsplit._stats import ArmStats
from banditsplit._typing import Bool, Float
from banditsplit.feedback import Pull, Seen
from banditsplit.indices import Index
from banditsplit.indices._index import score
from banditsplit.memories import Full, Memory
from banditsplit.memories._memory import ask
from banditsplit.objectives import Subsidy
from banditsplit.recipes._channels import (
    Channels,
    merged,
    mirrored,
    refuse_outside,
    told_costs,
    with_arms,
)
from banditsplit.recipes._index import LARGEST
from banditsplit.recipes._recipe import Recipe, unable


@dataclass(frozen=True, slots=True)
class SubsidyRecipe(Recipe):
    """Of the arms whose score is within a factor of the best score, take the cheapest.

    Sinha, Sankararaman, Kazerouni & Avadhanula 2021 (*Multi-armed bandits with cost
    subsidy*). After ``explore`` pulls of each arm, arm ``i`` is good enough while ``score_i >=
    (1 - factor) * max_j benchmark_j``. The benchmark is the score itself (CS-UCB, CS-TS), or
    with ``cautious`` the arm's lower score (CS-ETC): ``1`` less the index of ``1 - reward``.
    Where the benchmark is negative, only the best arm is good enough.

    The paper knows the costs. Without ``costs`` they are learned: an arm's cost is the mean of
    those observed, which is exact from the first pull on where it is fixed.

    `stats` are those of the rewards.

    Attributes:
        arms: How many arms there are.
        index: The score.
        factor: The paper's alpha, in [0, 1): the share of the best reward that may be given
            up for a lower cost.
        costs: `[arms]`, not negative, in cost units; None to learn them.
        cautious: Whether to compare with lower scores; rewards must lie in [0, 1] then.
        explore: How many pulls each arm gets first; where it may be played.
        memory: What is kept of the past.
        side_observations: Whether to learn from arms revealed without a pull.
    """

    arms: int
    index: Index
    factor: float
    costs: Sequence[float] | None = None
    cautious: bool = False
    explore: int = 1
    memory: Memory = field(default_factory=Full)
    side_observations: bool = False
    _told: Any = field(init=False, repr=False, compare=False)  # the costs as an array

    def __post_init__(self) -> None:
        _checks.integer("arms", self.arms, least=1)
        _checks.instance("index", self.index, Index)
        Subsidy(self.factor)
        _checks.instance("cautious", self.cautious, bool)
        _checks.integer("explore", self.explore, least=1)
        _checks.instance("side_observations", self.side_observations, bool)
        _checks.method("memory", self.memory, "observe")
        object.__setattr__(self, "costs", told_costs(self.costs, self.arms))
        told = None if self.costs is None else np.array(self.costs)
        object.__setattr__(self, "_told", told)

    def empty(self, runs: int | None) -> Channels:
        """Return the state before the first round."""
        variance = self.index.needs_variance
        reward = self.memory.empty(runs, self.arms, variance=variance)
        if self.costs is not None:
            return Channels(reward, None)
        return Channels(reward, self.memory.empty(runs, self.arms, variance=False))

    def stats(self, state: Channels) -> ArmStats:
        """Return what is known of each arm's rewards."""
        return self.memory.stats(state.reward)

    def choose(
        self, state: Channels, rng: np.random.Generator, context: Any, available: Bool | None
    ) -> tuple[Any, None]:
        """Return the cheapest arm that is available and good enough."""
        del context
        stats = self.memory.stats(state.reward)
        cost = self._told if state.cost is None else self.memory.stats(state.cost).mean
        scores = score(self.index, stats, rng)
        benchmark = scores
        if self.cautious:
            benchmark = 1.0 - score(self.index, mirrored(stats), rng)
        # Not `pulls < explore`: what is left of one discounted pull is below 1.
        due = stats.pulls <= self.explore - 1
        if available is not None:
            scores, benchmark = (np.where(available, s, -np.inf) for s in (scores, benchmark))
            due &= available
        best = benchmark.max(-1, keepdims=True)
        enough = scores >= np.minimum((1 - self.factor) * best, best)
        wish: Float = np.where(enough, -cost, -np.inf)
        exploring = due.any(-1, keepdims=True)
        wish = np.where(exploring, np.where(due, -stats.pulls, -np.inf), wish)
        return argmax(wish, rng), None

    def learn(self, state: Channels, pull: Pull, side: Seen | None) -> None:
        """Learn from a round and end it."""
        told = (pull,) if side is None else (pull, side)
        for seen in told:
            self._refuse(seen.reward, seen.cost)
        for seen in told:
            self.memory.observe(state.reward, seen.cell, seen.reward)
            if state.cost is not None:
                self.memory.observe(state.cost, seen.cell, seen.cost)
        self.memory.advance(state.reward, pull.where)
        if state.cost is not None:
            self.memory.advance(state.cost, pull.where)

    def merge(self, states: Sequence[Channels]) -> Channels:
        """Return the state of one that saw what all of ``states`` saw, if the memory can."""
        return merged(self.memory, states)

    def warm_start(self, state: Channels, prior: ArmStats) -> Channels:
        """Return the state after the rewards of ``prior``, where costs were told."""
        if state.cost is not None:
            raise unable(self, "start warm", "it learns reward and cost apart")
        refuse_outside("mean", prior.mean[prior.pulls > 0], *self._rewards, self.index)
        return Channels(ask(self.memory, "warm_start")(state.reward, prior), None)

    def change_arms(
        self, state: Channels, kept: Sequence[int], added: int
    ) -> tuple["SubsidyRecipe", Channels]:
        """Return recipe and state for other arms, if the memory can; no told cost may lack."""
        if self.costs is not None and added:
            raise unable(self, "add arms", "their costs are not among those that it was told")
        costs = None if self.costs is None else [self.costs[arm] for arm in kept]
        index = self.index.change_arms(kept, added)
        recipe = replace(self, arms=len(kept) + added, index=index, costs=costs)
        return recipe, with_arms(self.memory, state, kept, added)

    @property
    def _rewards(self) -> tuple[float, float]:
        """The interval of rewards on which the index, and a lower score, can work."""
        low, high = (0.0, 1.0) if self.cautious else self.index.support
        return max(low, -LARGEST), min(high, LARGEST)

    def _refuse(self, reward: Any, cost: Any) -> None:
        """Refuse what the index, or a lower score, cannot work on."""
        refuse_outside("reward", reward, *self._rewards, self.index)
        refuse_outside("cost", cost, 0.0, LARGEST, self)
