"""What the algorithms that draw from probabilities have in common."""

import math
from typing import Any

from banditsplit._typing import Seed
from banditsplit.objectives import Objective, Reward
from banditsplit.policy import Policy
from banditsplit.recipes import Estimator, SamplingRecipe, Weighting


def log_arms(arms: int) -> float:
    """Return ``ln arms``, which step sizes need; of 2 for a single arm: nothing to tune."""
    return math.log(max(arms, 2))


def given(**options: Any) -> list[str]:
    """Return the names of the options that are not None."""
    return [name for name, value in options.items() if value is not None]


def one_of(**options: Any) -> None:
    """Refuse more than one of ``options``: each says the same thing in another way."""
    names = given(**options)
    if len(names) > 1:
        wanted = f"`{names[0]}` must be None where `{names[1]}` is given"
        raise ValueError(f"{wanted}, got {options[names[0]]!r}.")


def sampling(
    arms: int,
    weighting: Weighting,
    estimator: Estimator,
    *,
    graph: Any = None,
    side_observations: bool = False,
    objective: Objective | None = None,
    low: float = 0.0,
    span: float = 1.0,
    runs: int | None = None,
    seed: Seed = None,
) -> Policy:
    """Return a policy that draws its arm."""
    objective = Reward() if objective is None else objective
    recipe = SamplingRecipe(
        arms, weighting, estimator, objective, low, span, side_observations, graph
    )
    return Policy(recipe, runs=runs, seed=seed)
