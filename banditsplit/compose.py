"""Composing a policy from its parts: index x memory x objective x feedback."""

from typing import TypedDict

from banditsplit._typing import Seed
from banditsplit.indices import Index
from banditsplit.memories import Full, Memory
from banditsplit.objectives import Objective, Reward
from banditsplit.policy import Policy
from banditsplit.recipes import IndexRecipe


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
