"""Explore until the best arm is known with a stated confidence, then stop."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, NoReturn, final

import numpy as np

from banditsplit import _checks
from banditsplit._argmax import argmax
from banditsplit._stats import ArmStats
from banditsplit._typing import Bool, Float, Int
from banditsplit.feedback import Pull, Seen
from banditsplit.memories import Full
from banditsplit.objectives import Objective, Reward
from banditsplit.recipes._common import values
from banditsplit.recipes._index import LARGEST
from banditsplit.recipes._recipe import Recipe, unable


class IdentificationRule(ABC):
    """Which arm to look at next, and when to stop looking.

    A subclass is a frozen dataclass, is final, and keeps one promise: with probability at
    least ``1 - delta``, whenever `margin` is not negative, the leader is an arm of the best
    mean value, or as near to it as the rule is told to be content with. Its formulas never
    meet an untried arm.

    Attributes:
        delta: Probability of ever stopping at an arm that is not, in (0, 1).
        allows_side: Whether the promise holds when several arms are observed in one round,
            however their values depend on each other.
    """

    __slots__ = ()

    delta: float

    allows_side: ClassVar[bool] = False

    @property
    def support(self) -> tuple[float, float]:
        """The interval in which values must lie."""
        return (-math.inf, math.inf)

    @abstractmethod
    def choose(self, stats: ArmStats, rng: np.random.Generator, available: Bool) -> Any:
        """Return the arm to pull, an int or `[runs]`, of those ``available``, `[..., arms]`.

        In a run where none is, any arm will do.
        """

    @abstractmethod
    def margin(self, stats: ArmStats, leader: Int) -> Float:
        """Return by how much the leader, `[...]`, stands apart; not negative: it is known."""


@dataclass(frozen=True, slots=True, eq=False)
class Identification:
    """How well the best arm is known at this moment.

    Attributes:
        arm: The arm with the best mean: an int, or `[runs]`.
        known: Whether it is known to be a best one, or near enough: a bool, or `[runs]`.
        delta: Probability that this is ever said and not so.
        margin: By how much it stands apart, in the rule's units (see there); once it is not
            negative, the arm is known. A float, or `[runs]`.
    """

    arm: Any
    known: Any
    delta: float
    margin: Any


@dataclass(slots=True, eq=False)
class IdentificationState:
    """What was observed, and where the best arm is known.

    Attributes:
        known: `[]` or `[runs]`.
        stats: Counts and means of what was observed, in the objective's units.
    """

    known: Bool
    stats: ArmStats


@final
@dataclass(frozen=True, slots=True)
class IdentificationRecipe(Recipe):
    """Play by a rule until the best arm is known; then the policy has finished.

    What is promised (`IdentificationRule`) asks that the values of an arm have, given
    the past, the same mean in every round. It holds for any play, any masks and feedback in
    any order, as long as what comes back does not depend on what it says: whether, and how
    late. It speaks of the whole time, so that looking after every observation costs nothing.

    Untried arms are played first, ties broken evenly. A mask restricts whom the rule looks at,
    not whom it judges: no arm is known to be the best while another one was never observed.
    A single arm is known at once. What is known stays so: nothing is learned afterwards.

    Attributes:
        arms: How many arms there are.
        rule: Which arm to look at, and when to stop.
        objective: What reward and cost are worth.
        side_observations: Whether to learn from arms revealed without a pull.
    """

    arms: int
    rule: IdentificationRule
    objective: Objective = field(default_factory=Reward)
    side_observations: bool = False

    def __post_init__(self) -> None:
        _checks.integer("arms", self.arms, least=1)
        _checks.instance("rule", self.rule, IdentificationRule)
        _checks.instance("side_observations", self.side_observations, bool)
        _checks.method("objective", self.objective, "value")
        low, high = self.rule.support
        if (low > -math.inf or high < math.inf) and not self.objective.keeps_support:
            wanted = f"`objective` must keep values in [{low}, {high}] for {self.rule!r}"
            raise ValueError(f"{wanted}, got {self.objective!r}.")
        if self.side_observations and not self.rule.allows_side:
            wanted = f"`side_observations` must be False for {self.rule!r}"
            raise ValueError(f"{wanted}, got True.")

    def empty(self, runs: int | None) -> IdentificationState:
        """Return the state before the first round."""
        known = np.full(() if runs is None else runs, self.arms == 1)
        return IdentificationState(known, ArmStats.empty(runs, self.arms))

    def stats(self, state: IdentificationState) -> ArmStats:
        """Return what is known of each arm."""
        return state.stats

    def choose(
        self,
        state: IdentificationState,
        rng: np.random.Generator,
        context: Any,
        available: Bool | None,
    ) -> tuple[Any, None]:
        """Return an untried arm, or the one that the rule wants to look at."""
        del context
        stats = state.stats
        if available is None:
            available = np.ones(stats.mean.shape, np.bool_)
        untried = (stats.pulls == 0) & available
        arm = self.rule.choose(_tried(stats), rng, available & ~untried)
        if untried.any():
            first = argmax(untried.astype(np.float64), rng)
            arm = np.where(untried.any(-1), first, arm)
        return (arm if stats.mean.ndim > 1 else int(arm)), None

    def learn(self, state: IdentificationState, pull: Pull, side: Seen | None) -> None:
        """Learn from a round, end it, and see whether the best arm is known now."""
        memory, (low, high) = Full(), self.rule.support
        low, high = max(low, -LARGEST), min(high, LARGEST)
        for cell, value in values(self.objective, pull, side, low=low, high=high):
            memory.observe(state.stats, cell, value)
        memory.advance(state.stats, pull.where)
        state.known |= self.margin(state) >= 0

    def margin(self, state: IdentificationState) -> Float:
        """Return by how much the leader stands apart, `[]` or `[runs]`, in the rule's units."""
        stats = state.stats
        margin: Float = self.rule.margin(_tried(stats), np.asarray(self.recommend(state)))
        return np.where((stats.pulls > 0).all(-1), margin, -math.inf)

    def finished(self, state: IdentificationState) -> Any:
        """Return whether the best arm is known, `[]` or `[runs]`."""
        return state.known

    def merge(self, states: Sequence[IdentificationState]) -> IdentificationState:
        """Return the state of one that saw what all of ``states`` saw.

        What several saw, in the order of its time, is as good as what one saw; the promise
        is kept as long as nobody picks whom to merge by what they saw.
        """
        state = self.empty(None if states[0].stats.mean.ndim == 1 else len(states[0].known))
        state.stats = Full().merge([one.stats for one in states])
        state.known |= self.margin(state) >= 0
        return state

    def warm_start(self, state: IdentificationState, prior: ArmStats) -> NoReturn:
        """Refuse: its confidence would rest on what nobody observed."""
        del state, prior
        raise unable(self, "start warm", "its confidence rests on what was observed")

    def change_arms(
        self, state: IdentificationState, kept: Sequence[int], added: int
    ) -> NoReturn:
        """Refuse: its confidence is for the arms that it began with."""
        del state, kept, added
        raise unable(self, "change its arms", "its confidence is for those it began with")

    def certificate(self, state: IdentificationState) -> Identification:
        """Return how well the best arm is known now."""
        margin = self.margin(state)
        one = margin.ndim == 0
        return Identification(
            arm=self.recommend(state),
            known=bool(state.known) if one else state.known.copy(),
            delta=self.rule.delta,
            margin=float(margin) if one else margin,
        )


def _tried(stats: ArmStats) -> ArmStats:
    """Return ``stats`` as if untried arms had been observed once, for the formulas' sake."""
    return replace(stats, pulls=np.maximum(stats.pulls, 1.0)) if stats.untried else stats


def marked(arm: Any, arms: int) -> Bool:
    """Return where ``arm``, an int or `[...]`, is, `[..., arms]`."""
    mark: Bool = np.arange(arms) == np.asarray(arm)[..., None]
    return mark
