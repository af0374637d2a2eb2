"""Successive, or sequential, halving."""

from typing import Unpack

from banditsplit.compose import RunOptions
from banditsplit.objectives import Objective, Reward
from banditsplit.policy import Policy
from banditsplit.recipes import HalvingRecipe


def SuccessiveHalving(
    arms: int,
    *,
    budget: int,
    objective: Objective | None = None,
    **options: Unpack[RunOptions],
) -> Policy:
    """Return sequential halving (Karnin, Koren & Somekh 2013); see `recipes.HalvingRecipe`.

    It has `finished` after at most ``budget`` pulls; the arm is its `recommendation`. How
    often it is wrong: `banditsplit.theory.sequential_halving_error_bound`.

    Args:
        arms: How many arms there are.
        budget: Pulls that may be spent, at least ``arms * ceil(log2(arms))``.
        objective: What reward and cost are worth; `Reward` by default.
        **options: ``runs`` and ``seed``; see `RunOptions`.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: `arms` is below 1, or `budget` too small.
    """
    objective = Reward() if objective is None else objective
    return Policy(HalvingRecipe(arms, budget, objective), **options)
