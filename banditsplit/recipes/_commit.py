"""Explore every arm equally, then commit to the best for good."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from banditsplit import _checks
from banditsplit._argmax import argmax
from banditsplit._stats import ArmStats
from banditsplit._typing import Bool, Int
from banditsplit.feedback import Pull, Seen
from banditsplit.memories import Full
from banditsplit.objectives import Objective, Reward
from banditsplit.recipes._common import least_observed, refuse_prior, values
from banditsplit.recipes._recipe import Recipe


@dataclass(slots=True, eq=False)
class CommitState:
    """What was observed, and what was made of it.

    Attributes:
        committed: The arm that is played for good, -1 before: `[]` or `[runs]`.
        stats: Counts and means of what was observed, in the objective's units.
    """

    committed: Int
    stats: ArmStats


@dataclass(frozen=True, slots=True)
class CommitRecipe(Recipe):
    """Observe every arm ``pulls_each`` times, then play the best mean for good.

    Lattimore & Szepesvari 2020, Alg. 1. While exploring, the arm that was observed least is
    next, ties broken evenly. The first choice after every arm has its observations commits,
    ties broken evenly again; what is learned later is counted and changes nothing.

    No mask changes a commitment. While the committed arm is masked, and while the arms that
    still want exploring are, the available arm with the best mean stands in.

    Where it did not learn from one round after another (memories were merged, a warm start,
    other arms), it commits anew, by all that is known then.

    Attributes:
        arms: How many arms there are.
        pulls_each: Observations of every arm before committing, at least 1.
        objective: What reward and cost are worth.
        side_observations: Whether arms revealed without a pull count as observed.
    """

    arms: int
    pulls_each: int
    objective: Objective = field(default_factory=Reward)
    side_observations: bool = False

    def __post_init__(self) -> None:
        _checks.integer("arms", self.arms, least=1)
        _checks.integer("pulls_each", self.pulls_each, least=1)
        _checks.instance("side_observations", self.side_observations, bool)
        _checks.method("objective", self.objective, "value")

    def empty(self, runs: int | None) -> CommitState:
        """Return the state before the first round."""
        return _undecided(ArmStats.empty(runs, self.arms))

    def stats(self, state: CommitState) -> ArmStats:
        """Return what is known of each arm."""
        return state.stats

    def choose(
        self, state: CommitState, rng: np.random.Generator, context: Any, available: Bool | None
    ) -> tuple[Any, None]:
        """Return the least observed arm, or the committed one."""
        del context
        stats, committed = state.stats, state.committed
        wanted = stats.pulls < self.pulls_each
        decided = np.asarray(~wanted.any(-1))
        due = decided & (committed < 0)
        if due.any():
            committed[due] = argmax(stats.mean[due], rng)
        wanted |= decided[..., None] & (np.arange(self.arms) == committed[..., None])
        return least_observed(wanted, stats, available, rng), None

    def learn(self, state: CommitState, pull: Pull, side: Seen | None) -> None:
        """Learn from a round and end it."""
        memory = Full()
        for cell, value in values(self.objective, pull, side):
            memory.observe(state.stats, cell, value)
        memory.advance(state.stats, pull.where)

    def merge(self, states: Sequence[CommitState]) -> CommitState:
        """Return the state of one that saw what all of ``states`` saw."""
        return _undecided(Full().merge([state.stats for state in states]))

    def warm_start(self, state: CommitState, prior: ArmStats) -> CommitState:
        """Return the state after the observations of ``prior``."""
        refuse_prior(prior, self)
        return _undecided(Full().warm_start(state.stats, prior))

    def change_arms(
        self, state: CommitState, kept: Sequence[int], added: int
    ) -> tuple["CommitRecipe", CommitState]:
        """Return recipe and state for other arms; untried ones are explored first."""
        recipe = replace(self, arms=len(kept) + added)
        return recipe, _undecided(state.stats.change_arms(kept, added))


def _undecided(stats: ArmStats) -> CommitState:
    """Return the state that has not committed yet."""
    return CommitState(np.full(stats.mean.shape[:-1], -1, np.int64), stats)
