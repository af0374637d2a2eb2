"""Composing a policy from its parts: index x memory x objective x feedback."""

from collections.abc import Sequence
from typing import TypedDict

from banditsplit._typing import Seed
from banditsplit.indices import Index
from banditsplit.memories import Full, Memory
from banditsplit.objectives import Objective, Ratio, Reward, Subsidy
from banditsplit.policy import Policy
from banditsplit.recipes import (
    BudgetRecipe,
    IndexRecipe,
    LinearIndex,
    LinearLottery,
    LinearRecipe,
    RatioRecipe,
    Recipe,
    SubsidyRecipe,
)


class RunOptions(TypedDict, total=False):
    """What every named algorithm takes.

    Attributes:
        runs: None for one learner; how many learners side by side otherwise.
        seed: An int, a `SeedSequence` or a `Generator`.
    """

    runs: int | None
    seed: Seed


class DriftOptions(RunOptions, total=False):
    """What every algorithm takes whose memory is a part of it.

    Attributes:
        objective: What reward and cost are worth; `Reward` unless said otherwise.
        side_observations: Whether to learn from arms revealed without a pull.
    """

    objective: Objective
    side_observations: bool


class Options(RunOptions, total=False):
    """What every algorithm takes that leaves the other parts open.

    Attributes:
        objective: What reward and cost are worth; `Reward` unless said otherwise.
        memory: What is kept of the past; `Full` unless said otherwise.
        side_observations: Whether to learn from arms revealed without a pull.
    """

    objective: Objective
    memory: Memory
    side_observations: bool


class SamplingOptions(RunOptions, total=False):
    """What every algorithm takes that draws its arm from probabilities.

    Attributes:
        objective: What reward and cost are worth; `Reward` unless said otherwise.
        low: The smallest value there is, in value units; 0 unless said otherwise.
        span: Largest minus smallest value, in value units; 1 unless said otherwise.
    """

    objective: Objective
    low: float
    span: float


class LinearOptions(RunOptions, total=False):
    """What every algorithm takes that regresses values on a context.

    Attributes:
        shared: False: a context is `[features]`, and each arm has parameters of its own.
            True: a context is `[arms, features]`, and all arms share one parameter vector.
        ridge: Weight of the penalty on the parameters, 1 unless said otherwise.
        objective: What reward and cost are worth; `Reward` unless said otherwise.
        side_observations: Whether to learn from arms revealed without a pull.
    """

    shared: bool
    ridge: float
    objective: Objective
    side_observations: bool


def compose(
    arms: int,
    index: Index,
    *,
    objective: Objective | None = None,
    memory: Memory | None = None,
    side_observations: bool = False,
    runs: int | None = None,
    seed: Seed = None,
) -> Policy:
    """Return a policy that pulls the arm with the best ``index``.

    ``index`` may be one of `banditsplit.indices` or your own. The objectives `Ratio` and
    `Subsidy` have recipes of their own, which use the index on rewards and costs apart.

    Raises:
        TypeError: `arms`, `runs` or `seed` is of the wrong type.
        ValueError: `arms` or `runs` is below 1, or the index cannot work on the objective.
    """
    memory = Full() if memory is None else memory
    recipe: Recipe
    if isinstance(objective, Ratio):
        recipe = RatioRecipe(arms, index, objective.largest_cost, memory, side_observations)
    elif isinstance(objective, Subsidy):
        recipe = SubsidyRecipe(
            arms,
            index,
            objective.factor,
            memory=memory,
            side_observations=side_observations,
        )
    else:
        objective = Reward() if objective is None else objective
        recipe = IndexRecipe(arms, index, objective, memory, side_observations)
    return Policy(recipe, runs=runs, seed=seed)


def with_budget(
    policy: Policy, budget: float | Sequence[float], *, seed: Seed = None
) -> Policy:
    """Return a policy that plays as ``policy`` does until ``budget`` is spent.

    It has seen nothing, and has as many runs. A run has `finished` when it has paid the budget
    of a resource, or more: the pull that does so is its last, so that it overshoots by less
    than one pull. With several budgets costs are `[..., resources]`.

    Args:
        policy: Any policy.
        budget: Total cost that may be spent, positive, in cost units: a number, or one for
            each resource.
        seed: An int, a `SeedSequence` or a `Generator`.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: A budget is not positive and finite, or there are not as many as the
            policy has resources.
    """
    if not isinstance(policy, Policy):
        raise TypeError(f"`policy` must be a Policy, got {policy!r}.")
    return Policy(BudgetRecipe(policy.recipe, budget), runs=policy.runs, seed=seed)


def compose_linear(
    arms: int,
    rule: LinearIndex | LinearLottery,
    *,
    features: int,
    shared: bool = False,
    ridge: float = 1.0,
    objective: Objective | None = None,
    side_observations: bool = False,
    runs: int | None = None,
    seed: Seed = None,
) -> Policy:
    """Return a policy that predicts values by ridge regression and acts by ``rule``.

    ``rule`` may be one of `banditsplit.recipes` or your own; the rest is `LinearRecipe`'s.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: `arms`, `features` or `runs` is below 1, or `ridge` not positive.
    """
    recipe = LinearRecipe(
        arms,
        features,
        rule,
        shared,
        ridge,
        Reward() if objective is None else objective,
        side_observations,
    )
    return Policy(recipe, runs=runs, seed=seed)
