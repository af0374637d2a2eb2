"""Spend a fixed number of pulls in phases, and keep the better half after each."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn, final

import numpy as np

from banditsplit import _checks
from banditsplit._stats import ArmStats
from banditsplit._typing import Bool, Float, Int
from banditsplit.feedback import Pull, Seen
from banditsplit.memories import Full
from banditsplit.objectives import Objective, Reward
from banditsplit.recipes._common import least_observed, values
from banditsplit.recipes._recipe import Recipe, best_mean, unable
from banditsplit.theory import halving_phases


@dataclass(slots=True, eq=False)
class HalvingState:
    """What was observed, in this phase and in all.

    Attributes:
        phase: `[]` or `[runs]`, phases that are over.
        alive: `[..., arms]`, at least one in each run.
        lot: `[..., arms]`, which decides ties; 0 before the first choice.
        count: `[..., arms]`, observations of this phase.
        mean: `[..., arms]`, their mean, in the objective's units.
        stats: Counts and means of everything that was observed, in the objective's units.
    """

    phase: Int
    alive: Bool
    lot: Float
    count: Float
    mean: Float
    stats: ArmStats


@final
@dataclass(frozen=True, slots=True)
class HalvingRecipe(Recipe):
    """Sequential halving: in each phase all arms left equally often; the better half stays.

    Karnin, Koren & Somekh 2013, Alg. 2. There are ``ceil(log2(arms))`` phases of equal shares
    of the budget, and in each the ``s`` arms that are left get ``floor(budget / (s phases))``
    observations; the ``ceil(s / 2)`` best means of the phase go on. After the last phase one
    arm is left, and the policy has finished; pulls that rounding left over are not spent.
    How often the arm is wrong: `banditsplit.theory.sequential_halving_error_bound`.

    Least observed first, ties broken evenly, and ties of means by a lot that each run draws
    once. What a phase has enough of no longer counts in it, nor what comes of arms that are
    out; late feedback counts in the phase in which it comes. Where a mask leaves no arm that
    the phase still wants, the available arm with the best mean stands in, in a round that is
    not a part of the budget.

    Attributes:
        arms: How many arms there are.
        budget: Pulls that may be spent, at least one for each arm in each phase.
        objective: What reward and cost are worth.
    """

    arms: int
    budget: int
    objective: Objective = field(default_factory=Reward)
    _size: Int = field(init=False, repr=False, compare=False)
    _each: Int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        phases = halving_phases(self.arms, self.budget)
        _checks.method("objective", self.objective, "value")
        # When all phases are over one arm is left, of which nothing is wanted.
        size, each = zip(*phases, (1, 0), strict=True)
        object.__setattr__(self, "_size", np.array(size))
        object.__setattr__(self, "_each", np.array(each))

    def empty(self, runs: int | None) -> HalvingState:
        """Return the state before the first round."""
        stats = ArmStats.empty(runs, self.arms)
        shape = stats.mean.shape
        return HalvingState(
            phase=np.zeros(shape[:-1], np.int64),
            alive=np.ones(shape, np.bool_),
            lot=np.zeros(shape),
            count=np.zeros(shape),
            mean=np.zeros(shape),
            stats=stats,
        )

    def stats(self, state: HalvingState) -> ArmStats:
        """Return what is known of each arm."""
        return state.stats

    def choose(
        self,
        state: HalvingState,
        rng: np.random.Generator,
        context: Any,
        available: Bool | None,
    ) -> tuple[Any, None]:
        """Return the least observed arm of which the phase wants more."""
        del context
        if not state.lot.any():
            state.lot[...] = 1.0 - rng.random(state.lot.shape)  # above 0
        wanted = state.alive & (state.count < self._each[state.phase][..., None])
        return least_observed(wanted, state.stats, available, rng), None

    def learn(self, state: HalvingState, pull: Pull, side: Seen | None) -> None:
        """Learn from a round, end it, and end the phase if that was all it wanted."""
        del side
        memory = Full()
        for cell, value in values(self.objective, pull):
            memory.observe(state.stats, cell, value)
            self._take_in(state, np.atleast_1d(cell), np.atleast_1d(value))
        memory.advance(state.stats, pull.where)
        each = self._each[state.phase][..., None]
        over = (~state.alive | (state.count >= each)).all(-1) & (each[..., 0] > 0)
        if over.any():
            self._halve(state, over)

    def _take_in(self, state: HalvingState, cell: Int, value: Float) -> None:
        """Count observations of distinct cells, as far as the phase wants them."""
        alive = state.alive.reshape(-1)
        count, mean = state.count.reshape(-1), state.mean.reshape(-1)
        each = self._each[state.phase.reshape(-1)[cell // self.arms]]
        wanted = alive[cell] & (count[cell] < each)
        cell, value = cell[wanted], value[wanted]
        count[cell] += 1  # these are views
        mean[cell] += (value - mean[cell]) / count[cell]

    def _halve(self, state: HalvingState, over: Bool) -> None:
        """Keep the better half of the arms in the runs whose phase is ``over``."""
        score = np.where(state.alive, state.mean, -np.inf)
        rank = np.lexsort((state.lot, score), -1).argsort(-1)  # the best comes last
        state.phase += over
        left = self._size[state.phase][..., None]
        state.alive &= ~over[..., None] | (rank >= self.arms - left)
        state.count[over] = state.mean[over] = 0.0

    def merge(self, states: Sequence[HalvingState]) -> NoReturn:
        """Refuse: each of several has its own phase, and its own arms left in it."""
        del states
        raise unable(self, "merge", "the phases of several do not add up")

    def warm_start(self, state: HalvingState, prior: ArmStats) -> NoReturn:
        """Refuse: a phase counts what was observed in it."""
        del state, prior
        raise unable(self, "start warm", "a phase counts what was observed in it")

    def change_arms(self, state: HalvingState, kept: Sequence[int], added: int) -> NoReturn:
        """Refuse: the budget was divided among the arms that it began with."""
        del state, kept, added
        raise unable(
            self, "change its arms", "the budget was divided among those it began with"
        )

    def recommend(self, state: HalvingState) -> Any:
        """Return the arm that is left, or so far the best mean of those: an int or `[runs]`."""
        return best_mean(state.stats, state.alive)

    def finished(self, state: HalvingState) -> Any:
        """Return whether one arm is left, `[]` or `[runs]`."""
        return state.phase == len(self._size) - 1
