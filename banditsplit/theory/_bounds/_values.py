"""What bounds need to know of a problem's values, and what they refuse.

A value is a reward, or a reward less ``tradeoff`` times a fixed cost: then an arm's values
spread no wider than its rewards, and their expectations are known.
"""

import math
from typing import Any

import numpy as np

from banditsplit import _checks
from banditsplit._typing import Float
from banditsplit.objectives import Net, Objective, Reward, below_best
from banditsplit.theory._costly import CostlyProblem
from banditsplit.theory._problems import Problem

# Within these, floats can square what they are told, and divide by it.
SMALLEST, LARGEST = 1e-100, 1e100
# Every integer up to it is a float.
MOST = 10**15
# Beyond it a sum over all rounds is no matter of seconds.
SUMMED = 10_000_000


def rounds(horizon: Any, *, least: int = 1, most: int = MOST) -> int:
    """Return ``horizon`` as an int, or refuse one that is too short or too long to compute."""
    n = _checks.integer("horizon", horizon, least=least)
    if n > most:
        raise ValueError(f"`horizon` must be at most {most} to compute, got {horizon!r}.")
    return n


def tradeoff_of(objective: Objective | None) -> float:
    """Return what a unit of cost weighs, in reward units; refuse objectives of other kinds."""
    if objective is None or isinstance(objective, Reward):
        return 0.0
    if isinstance(objective, Net):
        return objective.tradeoff
    raise ValueError(f"`objective` must be Reward or Net here, got {objective!r}.")


def expected_values(problem: Problem, objective: Objective | None) -> Float:
    """Return the expected value of every arm, `[arms]`, in reward units.

    Raises:
        TypeError: `problem` is of another kind: a world, say.
        ValueError: `objective` is neither `Reward` nor `Net`; or it weighs costs that are
            random, so that values spread wider than rewards.
    """
    _checks.method("problem", problem, "expected_reward")
    tradeoff = tradeoff_of(objective)
    if tradeoff and isinstance(problem, CostlyProblem):
        wanted = "`problem` must have fixed costs where the objective weighs them"
        raise ValueError(f"{wanted}, got {problem!r}.")
    value: Float = problem.expected_reward - tradeoff * problem.expected_cost
    return value


def arm_gaps(problem: Problem, span: float, objective: Objective | None) -> Float:
    """Return the gap of every arm, `[arms]`, where each arm's own values span ``span``.

    Raises:
        TypeError: `problem` is no `Problem`.
        ValueError: Values spread wider, or the objective is of another kind.
    """
    value = expected_values(problem, objective)
    require_span(problem.span, span)
    return gaps_of(value, span)


def gaps_of(value: Float, unit: float = 1.0) -> Float:
    """Return how far each value is below the best, or refuse gaps that floats cannot square.

    That is, as a share of ``unit`` too, with which a bound compares them.
    """
    gap, least = below_best(value), SMALLEST * max(unit, 1.0)
    if (((gap > 0) & (gap < least)) | (gap > LARGEST)).any():
        wanted = f"`problem` must have gaps that are 0 or at least {least}, at most {LARGEST}"
        raise ValueError(f"{wanted}, got {gap!r}.")
    return gap


def arms_of_interval(problem: Problem, span: float, objective: Objective | None) -> int:
    """Return how many arms there are, where the values of all arms share a ``span``.

    Raises:
        TypeError: `problem` is no `Problem`.
        ValueError: Values spread wider, or the objective is of another kind.
    """
    expected_values(problem, objective)
    together = problem.span + tradeoff_of(objective) * float(np.ptp(problem.expected_cost))
    require_span(together, span)
    return problem.arms


def require_span(least: float, span: Any) -> None:
    """Refuse a ``span`` that is not positive, or below what values spread over."""
    if _checks.positive("span", span) < least:
        raise ValueError(f"`span` must be at least the problem's own, {least}, got {span!r}.")
    if span > LARGEST:
        raise ValueError(f"`span` must be at most {LARGEST}, got {span!r}.")


def finite(bound: float) -> float:
    """Return ``bound``, or refuse to state one that is beyond the floats."""
    if not math.isfinite(bound):
        raise ValueError(
            f"`problem` must have a finite bound for these arguments, got {bound}."
        )
    return bound
