"""Spend several budgets over a horizon: bandits with knapsacks, by primal and dual."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

import numpy as np

from banditsplit import _checks
from banditsplit._argmax import argmax
from banditsplit._stats import ArmStats, change_arms
from banditsplit._typing import Bool, Float
from banditsplit.feedback import Pull, Seen
from banditsplit.memories import Full
from banditsplit.recipes._budget import amounts
from banditsplit.recipes._channels import refuse_outside, tried
from banditsplit.recipes._recipe import Recipe, unable


@dataclass(slots=True, eq=False)
class KnapsackState:
    """What is known of each arm, and what each resource is worth.

    Attributes:
        arms: The rewards.
        cost: `[..., arms, resources]`, mean costs, in cost units.
        price: `[..., resources + 1]`, logarithm of the weight of each resource; time is last.
    """

    arms: ArmStats
    cost: Float
    price: Float


@dataclass(frozen=True, slots=True)
class KnapsackRecipe(Recipe):
    """Take the arm that may give most for its price, and raise the prices of what it takes.

    PrimalDualBwK: Badanidiyuru, Kleinberg & Slivkins 2018 (*Bandits with knapsacks*, J. ACM
    65(3), arXiv:1305.2545), Alg. 2. Time is one more resource, of which every pull takes 1 and
    there is ``horizon``. Costs are scaled by ``B / budget``, so that every resource has the
    same budget ``B``, the smallest. Each arm is pulled once. From then on the arm is taken
    with the largest ``U / (L . v)``, upper bound of the reward per priced lower bound of the
    costs, both cut to [0, 1], and the weight ``v`` of each resource is multiplied by
    ``(1 + epsilon) ** L`` of the pulled arm. The bounds lie ``sqrt(C x / n) + C / n`` beside a
    mean ``x`` of ``n`` pulls.

    ``epsilon = sqrt(ln(d) / B)`` for ``d`` resources with time. The paper has ``C`` of the
    order of ``ln(d * horizon * arms)``; that logarithm itself is the default here. The
    paper's null arm, which takes time alone and gives nothing, is never taken by this rule
    while any arm may give something; so there is none.

    It does not stop when a budget is spent: `BudgetRecipe` does. Rewards and costs lie in
    [0, 1].

    Attributes:
        arms: How many arms there are.
        budgets: Positive, in cost units: a number, or one for each resource.
        horizon: How many rounds there are; then it has finished.
        radius: The paper's ``C_rad``; None for ``ln(d * horizon * arms)``.
    """

    arms: int
    budgets: float | Sequence[float]
    horizon: int
    radius: float | None = None
    _scale: Float = field(init=False, repr=False, compare=False)  # B / budget, time last
    _radius: float = field(init=False, repr=False, compare=False)
    _growth: float = field(init=False, repr=False, compare=False)  # ln(1 + epsilon)

    def __post_init__(self) -> None:
        _checks.integer("arms", self.arms, least=1)
        _checks.integer("horizon", self.horizon, least=1)
        budgets = amounts("budgets", self.budgets)
        every = np.append(np.array(budgets), float(self.horizon))
        radius = math.log(len(every) * self.horizon * self.arms)
        if self.radius is not None:
            radius = _checks.positive("radius", self.radius)
        smallest = every.min()
        object.__setattr__(self, "budgets", budgets)
        object.__setattr__(self, "_scale", smallest / every)
        object.__setattr__(self, "_radius", radius)
        epsilon = math.sqrt(math.log(len(every)) / smallest)
        object.__setattr__(self, "_growth", math.log1p(epsilon))

    @property
    def resources(self) -> int | None:
        """How many costs a pull has, without time; None if it is one number."""
        return None if isinstance(self.budgets, float) else len(self.budgets)

    def empty(self, runs: int | None) -> KnapsackState:
        """Return the state before the first round."""
        stats = ArmStats.empty(runs, self.arms)
        resources = len(self._scale) - 1
        price = np.zeros((*stats.pulls.shape[:-1], resources + 1))
        return KnapsackState(stats, np.zeros((*stats.pulls.shape, resources)), price)

    def stats(self, state: KnapsackState) -> ArmStats:
        """Return what is known of each arm's rewards."""
        return state.arms

    def choose(
        self,
        state: KnapsackState,
        rng: np.random.Generator,
        context: Any,
        available: Bool | None,
    ) -> tuple[Any, None]:
        """Return the available arm that may give most for its price."""
        del context
        known, stats = tried(state.arms)
        upper = np.minimum(stats.mean + self._width(stats.mean, stats.pulls), 1.0)
        lower = self._lower(state.cost, stats.pulls)  # [..., arms, resources + 1]
        # Only the proportions of the weights count; the largest is 1.
        weight = np.exp(state.price - state.price.max(-1, keepdims=True))
        paid = np.maximum((lower * weight[..., None, :]).sum(-1), np.finfo(np.float64).tiny)
        scores = np.where(known, upper / paid, np.inf)
        if available is not None:
            scores = np.where(available, scores, -np.inf)
        return argmax(scores, rng), None

    def learn(self, state: KnapsackState, pull: Pull, side: Seen | None) -> None:
        """Raise the prices by what the pull was expected to take, learn, and end the round."""
        del side
        refuse_outside("reward", pull.reward, 0.0, 1.0, self)
        refuse_outside("cost", pull.cost, 0.0, 1.0, self)
        cell, resources = pull.cell, state.cost.shape[-1]
        cost = state.cost.reshape(-1, resources)  # a view, as the next one
        pulls = state.arms.pulls.reshape(-1)[cell]
        mean = cost[cell]
        raised = self._lower(mean, np.maximum(pulls, 1.0))
        raised = np.where(np.expand_dims(pulls > 0, -1), raised, 0.0) * self._growth
        if state.price.ndim == 1:
            state.price += raised
        else:
            state.price[cell // self.arms] += raised
        paid = np.reshape(pull.cost, mean.shape)
        cost[cell] = mean + (paid - mean) / np.expand_dims(pulls + 1, -1)
        Full().observe(state.arms, cell, pull.reward)
        Full().advance(state.arms, pull.where)

    def finished(self, state: KnapsackState) -> Any:
        """Return whether the horizon is over."""
        t = state.arms.t
        return t > self.horizon if isinstance(t, int) else t[:, 0] > self.horizon

    def merge(self, states: Sequence[KnapsackState]) -> NoReturn:
        """Refuse: what a pull raised the prices by hung on what was known before it."""
        del states
        raise unable(self, "merge", "prices depend on the order of the rounds")

    def warm_start(self, state: KnapsackState, prior: ArmStats) -> NoReturn:
        """Refuse: a prior tells one value of an arm, and here it has several."""
        del state, prior
        raise unable(self, "start warm", "it learns reward and costs apart")

    def change_arms(
        self, state: KnapsackState, kept: Sequence[int], added: int
    ) -> tuple["KnapsackRecipe", KnapsackState]:
        """Return recipe and state for other arms; prices stay, as what was taken is taken."""
        recipe = replace(self, arms=len(kept) + added)
        stats = state.arms.change_arms(kept, added)
        cost = change_arms(state.cost, kept, added, -2)
        return recipe, KnapsackState(stats, cost, state.price)

    def _lower(self, cost: Float, pulls: Float) -> Float:
        """Return lower bounds of the scaled costs, `[..., resources + 1]`; time's is exact."""
        scaled = cost * self._scale[:-1]
        width = self._width(scaled, np.expand_dims(pulls, -1))
        time = np.full((*scaled.shape[:-1], 1), self._scale[-1])
        return np.concatenate([np.maximum(scaled - width, 0.0), time], -1)

    def _width(self, mean: Float, pulls: Float) -> Float:
        """Return the confidence half-width, in the units of ``mean``."""
        width: Float = np.sqrt(self._radius * mean / pulls) + self._radius / pulls
        return width
