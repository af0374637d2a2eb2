"""Explore, then commit."""

from typing import Unpack

from banditsplit.compose import RunOptions
from banditsplit.objectives import Objective, Reward
from banditsplit.policy import Policy
from banditsplit.recipes import CommitRecipe


def ExploreThenCommit(
    arms: int,
    *,
    pulls_each: int,
    objective: Objective | None = None,
    side_observations: bool = False,
    **options: Unpack[RunOptions],
) -> Policy:
    """Return explore-then-commit (Lattimore & Szepesvari 2020, Ch. 6, Alg. 1).

    Every arm is pulled ``pulls_each`` times, then the best mean is played for good. For the
    bound on its regret see `banditsplit.theory.explore_then_commit_regret_bound`; how masks
    count, `banditsplit.recipes.CommitRecipe`.

    Args:
        arms: How many arms there are.
        pulls_each: Observations of every arm before committing, at least 1.
        objective: What reward and cost are worth; `Reward` by default.
        side_observations: Whether arms revealed without a pull count as observed.
        **options: ``runs`` and ``seed``; see `RunOptions`.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: `arms` or `pulls_each` is below 1.
    """
    objective = Reward() if objective is None else objective
    return Policy(CommitRecipe(arms, pulls_each, objective, side_observations), **options)
