"""MOSS: the same bound for every problem."""

import math

from banditsplit import _checks
from banditsplit.objectives import Objective
from banditsplit.theory._bounds._values import arm_gaps, finite, rounds
from banditsplit.theory._problems import Problem


def moss_regret_bound(
    problem: Problem,
    horizon: int,
    *,
    known: int | None = None,
    span: float = 1.0,
    objective: Objective | None = None,
) -> float:
    """Return the bound on MOSS's expected pseudo-regret after ``horizon`` rounds.

    ``49 span sqrt(n k)`` for the n rounds it was told of and k arms, whatever the gaps are:
    Audibert & Bubeck 2009, Thm. 5. Of anytime MOSS it says nothing.

    Args:
        problem: Independent rounds, each arm's values within an interval of length ``span``.
        horizon: Rounds, at least 1.
        known: The horizon that the policy was told, at least ``horizon``; None for the same.
        span: The policy's, in value units.
        objective: What values are; `Reward` by default.

    Raises:
        TypeError: `problem` is no `Problem`, or a number is of the wrong type.
        ValueError: Values span more than ``span``, or an argument is out of range.
    """
    horizon = rounds(horizon)
    known = horizon if known is None else _checks.integer("known", known, least=1)
    if horizon > known:
        wanted = f"`horizon` must be at most {known}, which the policy was told"
        raise ValueError(f"{wanted}, got {horizon!r}.")
    arm_gaps(problem, span, objective)
    return finite(49 * span * math.sqrt(known * problem.arms))
