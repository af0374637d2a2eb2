"""Successive elimination."""

import math

import numpy as np

from banditsplit import _checks
from banditsplit._typing import Float
from banditsplit.objectives import Objective
from banditsplit.theory._bounds._values import arm_gaps, finite, rounds
from banditsplit.theory._problems import Problem


def successive_elimination_regret_bound(
    problem: Problem,
    horizon: int,
    *,
    delta: float,
    span: float = 1.0,
    objective: Objective | None = None,
) -> float:
    """Return the bound on successive elimination's pseudo-regret after ``horizon`` rounds.

    After Even-Dar, Mannor & Mansour 2006, with the radius ``r(m) = span sqrt(ln(4 k m**2 /
    delta) / m)`` of m observations. By Hoeffding's inequality a mean of k arms ever leaves
    its radius with probability at most ``sum over k arms and all m of 2 (delta / (4 k
    m**2))**2 = pi**4 delta**2 / (720 k)``. Else the best arm stays, and an arm goes when it
    and the best one have ``m`` observations with ``4 r(m) <= gap``; as the least observed arm
    is next, it has no more of them. So the bound is ``sum_i gap_i min(m_i, n)`` and n times
    the largest gap times that probability.

    Args:
        problem: Independent rounds, each arm's values within an interval of length ``span``.
        horizon: Rounds, at least 1.
        delta: The policy's, in (0, 1].
        span: The policy's, in value units.
        objective: What gaps are measured in; `Reward` by default.

    Raises:
        TypeError: `problem` is no `Problem`, or a number is of the wrong type.
        ValueError: Values span more than ``span``, or an argument is out of range.
    """
    horizon = rounds(horizon)
    delta = _checks.share("delta", delta)
    gap = arm_gaps(problem, span, objective)
    gap = gap[gap > 0]
    if not gap.size:
        return 0.0
    fails = math.pi**4 * delta**2 / (720 * problem.arms)
    pulls = _pulls_until_gone(gap / span, 4 * problem.arms / delta, horizon)
    return finite(float((gap * pulls).sum()) + horizon * float(gap.max()) * min(fails, 1.0))


def _pulls_until_gone(gap: Float, scale: float, horizon: int) -> Float:
    """Return the least ``m`` with ``16 ln(scale m**2) / m <= gap**2``, at most ``horizon``.

    The left side falls with m, for ``scale`` is at least 8 where there are two arms.
    """
    low, high = np.zeros_like(gap), np.full_like(gap, float(horizon))
    while ((high - low) > 1).any():
        middle = np.ceil((low + high) / 2)
        gone = 16 * (math.log(scale) + 2 * np.log(middle)) / middle <= gap**2
        low, high = np.where(gone, low, middle), np.where(gone, middle, high)
    return high
