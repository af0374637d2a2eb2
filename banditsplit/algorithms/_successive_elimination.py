"""Successive elimination."""

from typing import Unpack

from banditsplit import _checks
from banditsplit.compose import RunOptions
from banditsplit.objectives import Objective, Reward
from banditsplit.policy import Policy
from banditsplit.recipes import EliminationRecipe


def SuccessiveElimination(
    arms: int,
    *,
    delta: float | None = None,
    horizon: int | None = None,
    span: float = 1.0,
    objective: Objective | None = None,
    side_observations: bool = False,
    **options: Unpack[RunOptions],
) -> Policy:
    """Return successive elimination (Even-Dar, Mannor & Mansour 2006, Sec. 3).

    Arms are played in turn, and dropped when another is surely better; the radius is that of
    `banditsplit.recipes.EliminationRecipe`.

    Args:
        arms: How many arms there are.
        delta: Probability of ever dropping the best arm, in (0, 1].
        horizon: Rounds that will be played, in place of ``delta``, which is then
            ``1 / horizon``: a wrong drop costs at most one gap in expectation.
        span: Largest minus smallest value, in value units.
        objective: What reward and cost are worth; `Reward` by default.
        side_observations: Whether to learn from arms revealed without a pull.
        **options: ``runs`` and ``seed``; see `RunOptions`.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: An argument is out of its range, or not exactly one of `delta` and
            `horizon` is given.
    """
    if (delta is None) == (horizon is None):
        wanted = "`delta` must be given exactly where `horizon` is not"
        raise ValueError(f"{wanted}, got {delta!r} and {horizon!r}.")
    if delta is None:
        delta = 1 / _checks.integer("horizon", horizon, least=1)
    objective = Reward() if objective is None else objective
    recipe = EliminationRecipe(arms, delta, span, objective, side_observations)
    return Policy(recipe, **options)
