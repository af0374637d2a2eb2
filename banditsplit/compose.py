"""Composing a policy from its parts: index x memory x objective x feedback."""

from typing import TypedDict

from banditsplit._typing import Seed
from banditsplit.indices import Index
from banditsplit.memories import Full, Memory
from banditsplit.objectives import Objective, Reward
from banditsplit.policy import Policy
from banditsplit.recipes import IndexRecipe, LinearIndex, LinearLottery, LinearRecipe


class RunOptions(TypedDict, total=False):
    """What every named algorithm takes.

    Attributes:
        runs: None for one learner; how many learners side by side otherwise.
        seed: An int, a `SeedSequence` or a `Generator`.
    """

    runs: int | None
    seed: Seed


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

    ``index`` may be one of `banditsplit.indices` or your own.

    Raises:
        TypeError: `arms`, `runs` or `seed` is of the wrong type.
        ValueError: `arms` or `runs` is below 1, or the index cannot work on the objective.
    """
    recipe = IndexRecipe(
        arms,
        index,
        Reward() if objective is None else objective,
        Full() if memory is None else memory,
        side_observations,
    )
    return Policy(recipe, runs=runs, seed=seed)


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
