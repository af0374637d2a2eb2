"""Play the arms that may still be the best in turn, until one is left."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from banditsplit import _checks
from banditsplit._stats import ArmStats
from banditsplit._typing import Bool, Float
from banditsplit.feedback import Pull, Seen
from banditsplit.memories import Full
from banditsplit.objectives import Objective, Reward
from banditsplit.recipes._common import least_observed, refuse_prior, values
from banditsplit.recipes._recipe import Recipe


@dataclass(slots=True, eq=False)
class EliminationState:
    """What was observed, and which arms may still be the best.

    Attributes:
        alive: `[..., arms]`, at least one in each run.
        stats: Counts and means of what was observed, in the objective's units.
    """

    alive: Bool
    stats: ArmStats


@dataclass(frozen=True, slots=True)
class EliminationRecipe(Recipe):
    """Play the arms that are alive in turn; drop one when another is surely better.

    Successive elimination: Even-Dar, Mannor & Mansour 2006, Sec. 3. The radius of an arm
    after ``n`` observations is theirs, ``span * sqrt(ln(c * arms * n**2 / delta) / n)`` with
    ``c = 4``: by Hoeffding's inequality and a union bound, all means lie within their radii
    at all times with probability at least ``1 - delta``, so that the best arm stays. An arm
    is dropped when its mean plus radius is at most another's mean minus radius; with equal
    counts that is the paper's "two radii apart". It is checked after every observation, not
    only when all arms have had their turn.

    Least observed first, ties broken evenly. A dropped arm never returns, and the arm whose
    mean minus radius is largest is never dropped, so the last one stays. Where a mask leaves
    no arm alive, the available arm with the best mean stands in.

    Where it did not learn from one round after another (memories were merged, a warm start,
    other arms), the arms are alive that the statistics as they are then do not rule out. One
    that had been dropped may come back.

    Attributes:
        arms: How many arms there are.
        delta: Probability of ever dropping the best arm, in (0, 1].
        span: Largest minus smallest value, in value units.
        objective: What reward and cost are worth.
        side_observations: Whether to learn from arms revealed without a pull.
    """

    arms: int
    delta: float
    span: float = 1.0
    objective: Objective = field(default_factory=Reward)
    side_observations: bool = False

    def __post_init__(self) -> None:
        _checks.integer("arms", self.arms, least=1)
        _checks.share("delta", self.delta)
        _checks.positive("span", self.span)
        _checks.instance("side_observations", self.side_observations, bool)
        _checks.method("objective", self.objective, "value")

    def empty(self, runs: int | None) -> EliminationState:
        """Return the state before the first round."""
        stats = ArmStats.empty(runs, self.arms)
        return EliminationState(np.ones(stats.mean.shape, np.bool_), stats)

    def stats(self, state: EliminationState) -> ArmStats:
        """Return what is known of each arm."""
        return state.stats

    def radius(self, pulls: Float) -> Float:
        """Return the confidence half-width after ``pulls``, in value units; inf at 0."""
        n = np.maximum(pulls, 1.0)
        spread = np.log(4 * self.arms / self.delta) + 2 * np.log(n)
        return np.where(pulls > 0, self.span * np.sqrt(spread / n), math.inf)

    def choose(
        self,
        state: EliminationState,
        rng: np.random.Generator,
        context: Any,
        available: Bool | None,
    ) -> tuple[Any, None]:
        """Return the least observed arm that is alive."""
        del context
        return least_observed(state.alive, state.stats, available, rng), None

    def learn(self, state: EliminationState, pull: Pull, side: Seen | None) -> None:
        """Learn from a round and end it."""
        memory, stats = Full(), state.stats
        for cell, value in values(self.objective, pull, side):
            memory.observe(stats, cell, value)
        memory.advance(stats, pull.where)
        state.alive &= self._plausible(stats, state.alive)

    def merge(self, states: Sequence[EliminationState]) -> EliminationState:
        """Return the state of one that saw what all of ``states`` saw."""
        return self.anew(Full().merge([state.stats for state in states]))

    def warm_start(self, state: EliminationState, prior: ArmStats) -> EliminationState:
        """Return the state after the observations of ``prior``."""
        refuse_prior(prior, self)
        return self.anew(Full().warm_start(state.stats, prior))

    def change_arms(
        self, state: EliminationState, kept: Sequence[int], added: int
    ) -> tuple["EliminationRecipe", EliminationState]:
        """Return recipe and state for other arms; untried ones are alive."""
        recipe = replace(self, arms=len(kept) + added)
        return recipe, recipe.anew(state.stats.change_arms(kept, added))

    def anew(self, stats: ArmStats) -> EliminationState:
        """Return the state whose arms the statistics alone say to be alive."""
        alive = self._plausible(stats, np.ones(stats.mean.shape, np.bool_))
        return EliminationState(alive, stats)

    def _plausible(self, stats: ArmStats, among: Bool) -> Bool:
        """Return which arms no arm of ``among`` is surely better than, `[..., arms]`."""
        radius = self.radius(stats.pulls)
        low = np.where(among, stats.mean - radius, -math.inf)
        best = low.max(-1, keepdims=True)
        # Beside huge means a radius may vanish: the best arm does not drop itself.
        plausible: Bool = (stats.mean + radius > best) | (low == best)
        return plausible
