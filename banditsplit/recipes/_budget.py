"""Play until the budget is spent, whatever the play is."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from banditsplit import _checks
from banditsplit._stats import ArmStats
from banditsplit._typing import Bool, Float
from banditsplit.feedback import Pull, Seen
from banditsplit.recipes._channels import refuse_outside
from banditsplit.recipes._index import LARGEST
from banditsplit.recipes._recipe import Recipe


@dataclass(slots=True, eq=False)
class BudgetState:
    """What was paid, and the state of the recipe that plays.

    Attributes:
        spent: `[..., resources]`, in cost units.
        carry: `[..., resources]`, what rounding took from ``spent``: ten times 0.1 is 1.
        play: The state of the recipe that plays.
    """

    spent: Float
    carry: Float
    play: Any


@dataclass(frozen=True, slots=True)
class BudgetRecipe(Recipe):
    """Another recipe, until the budget of cost is spent.

    What a pull costs is known after it, so the pull that reaches the budget of a resource, or
    goes beyond it, is learned from and is the last: the overshoot is less than its cost. Only
    what was pulled is paid for, not what was revealed.

    With several budgets there are as many resources. A recipe that knows but one cost is
    told the sum of them.

    Attributes:
        recipe: How it decides and learns.
        budget: Total cost that may be spent, positive, in cost units: a number, or one for
            each resource.
    """

    recipe: Recipe
    budget: float | Sequence[float]
    arms: int = field(init=False, repr=False, compare=False)
    _limit: Float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not hasattr(self.recipe, "learn"):
            wanted = "`recipe` must have a method `learn`"
            raise TypeError(f"{wanted}, got {self.recipe!r}.")
        budget = amounts("budget", self.budget)
        asked = self.recipe.resources
        if asked is not None and (isinstance(budget, float) or len(budget) != asked):
            wanted = f"`budget` must hold {asked} numbers, one for each resource"
            raise ValueError(f"{wanted}, got {self.budget!r}.")
        object.__setattr__(self, "arms", self.recipe.arms)
        object.__setattr__(self, "budget", budget)
        object.__setattr__(self, "_limit", np.atleast_1d(np.array(budget)))

    @property
    def side_observations(self) -> bool:
        """Whether the recipe learns from arms that were revealed without a pull."""
        return self.recipe.side_observations

    @property
    def context_shape(self) -> tuple[int, ...] | None:
        """The shape of one run's context; None if the recipe does not look at contexts."""
        return self.recipe.context_shape

    @property
    def resources(self) -> int | None:
        """How many costs a pull has; None if it is one number."""
        return None if isinstance(self.budget, float) else len(self.budget)

    def empty(self, runs: int | None) -> BudgetState:
        """Return the state before the first round."""
        shape = (len(self._limit),) if runs is None else (runs, len(self._limit))
        return BudgetState(np.zeros(shape), np.zeros(shape), self.recipe.empty(runs))

    def stats(self, state: BudgetState) -> ArmStats:
        """Return what the recipe knows of each arm."""
        return self.recipe.stats(state.play)

    def choose(
        self, state: BudgetState, rng: np.random.Generator, context: Any, available: Bool | None
    ) -> tuple[Any, Any]:
        """Return the recipe's choice, and its probabilities."""
        return self.recipe.choose(state.play, rng, context, available)

    def probabilities(self, state: BudgetState, context: Any, available: Bool | None) -> Any:
        """Return the recipe's probabilities of the arms, `[..., arms]`; None without any."""
        return self.recipe.probabilities(state.play, context, available)

    def learn(self, state: BudgetState, pull: Pull, side: Seen | None) -> None:
        """Learn from a round, end it, and pay for it."""
        refuse_outside("cost", pull.cost, 0.0, LARGEST, self.recipe)  # or the sum overflows
        summed = self.resources is not None and self.recipe.resources is None
        told = pull._replace(cost=_sum(pull.cost)) if summed else pull
        if summed and side is not None:
            side = side._replace(cost=side.cost.sum(-1))
        self.recipe.learn(state.play, told, side)
        if state.spent.ndim == 1:
            _pay(state, ..., np.asarray(pull.cost))
        else:
            _pay(state, pull.cell // self.arms, pull.cost.reshape(-1, len(self._limit)))

    def recommend(self, state: BudgetState) -> Any:
        """Return the arm that the recipe would keep."""
        return self.recipe.recommend(state.play)

    def certificate(self, state: BudgetState) -> Any:
        """Return what the recipe certifies."""
        return self.recipe.certificate(state.play)

    def finished(self, state: BudgetState) -> Any:
        """Return whether a resource is used up, or the recipe has finished."""
        spent = (state.spent + state.carry >= self._limit).any(-1)
        return spent | self.recipe.finished(state.play)

    def merge(self, states: Sequence[BudgetState]) -> BudgetState:
        """Return the state of one that saw, and paid for, what all of ``states`` did."""
        play = self.recipe.merge([state.play for state in states])
        paid = np.stack([part for state in states for part in (state.spent, state.carry)], -1)
        spent, carry = np.empty_like(states[0].spent), np.empty_like(states[0].spent)
        for place in np.ndindex(spent.shape):
            parts = paid[place].tolist()
            spent[place] = total = math.fsum(parts)
            carry[place] = math.fsum([*parts, -total])
        return BudgetState(spent, carry, play)

    def warm_start(self, state: BudgetState, prior: ArmStats) -> BudgetState:
        """Return the state after the observations of ``prior``, which cost nothing."""
        return replace(state, play=self.recipe.warm_start(state.play, prior))

    def change_arms(
        self, state: BudgetState, kept: Sequence[int], added: int
    ) -> tuple["BudgetRecipe", BudgetState]:
        """Return recipe and state for other arms, if the recipe can; what is spent is spent."""
        recipe, play = self.recipe.change_arms(state.play, kept, added)
        return replace(self, recipe=recipe), replace(state, play=play)


def _sum(cost: Any) -> Any:
    """Return the sum over the resources: a number for one run."""
    return float(cost.sum()) if cost.ndim == 1 else cost.sum(-1)


def _pay(state: BudgetState, rows: Any, cost: Float) -> None:
    """Add costs to what was spent, and keep what the rounding of the sum takes away.

    Knuth's two-sum (*The Art of Computer Programming*, vol. 2, Sec. 4.2.2, Thm. B).
    """
    old = state.spent[rows]
    new = old + cost
    added = new - old
    state.carry[rows] += (old - (new - added)) + (cost - added)
    state.spent[rows] = new


def amounts(name: str, value: Any) -> float | tuple[float, ...]:
    """Return a positive amount, or one for each resource, as floats."""
    one = not isinstance(value, Iterable) or isinstance(value, str | bytes)
    if one or getattr(value, "ndim", 1) == 0:  # an array without axes
        return _checks.positive(name, value)
    several = tuple(_checks.positive(name, amount) for amount in value)
    if not several:
        raise ValueError(f"`{name}` must hold at least one number, got {value!r}.")
    return several
