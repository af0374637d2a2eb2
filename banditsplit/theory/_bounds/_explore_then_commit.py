"""Explore first, then commit."""

import numpy as np

from banditsplit import _checks
from banditsplit.objectives import Objective
from banditsplit.theory._bounds._values import arm_gaps, finite, rounds
from banditsplit.theory._problems import Problem


def explore_then_commit_regret_bound(
    problem: Problem,
    horizon: int,
    *,
    pulls_each: int,
    span: float = 1.0,
    objective: Objective | None = None,
) -> float:
    """Return the bound on explore-then-commit's pseudo-regret after ``horizon`` rounds.

    ``m sum_i gap_i + (n - m k) sum_i gap_i exp(-m gap_i**2 / span**2)`` with n rounds, k arms
    and m pulls of each: Lattimore & Szepesvari 2020, Thm. 6.1, for rewards that are
    span / 2-sub-Gaussian because they lie in an interval of length ``span``.

    Args:
        problem: Independent rounds, rewards within an interval of length ``span``.
        horizon: Rounds, at least ``pulls_each`` for each arm.
        pulls_each: Pulls of every arm before committing, at least 1.
        span: Largest minus smallest value, in value units.
        objective: What gaps are measured in; `Reward` by default.

    Raises:
        ValueError: The problem's rewards span more than ``span``, or the horizon ends before
            the commitment: the theorem says nothing.
    """
    pulls_each = _checks.integer("pulls_each", pulls_each, least=1)
    gap = arm_gaps(problem, span, objective)
    explored = pulls_each * problem.arms
    horizon = rounds(horizon, least=explored)
    gap = gap[gap > 0]
    wrong = gap * np.exp(-pulls_each * (gap / span) ** 2)
    return finite(pulls_each * float(gap.sum()) + (horizon - explored) * float(wrong.sum()))
