"""Upper confidence bounds from Hoeffding's inequality."""

import math

import numpy as np

from banditsplit import _checks
from banditsplit.objectives import Objective
from banditsplit.theory._bounds._common import gaps
from banditsplit.theory._problems import Problem


def ucb1_regret_bound(
    problem: Problem, horizon: int, *, span: float = 1.0, objective: Objective | None = None
) -> float:
    """Return the bound on UCB1's expected pseudo-regret after ``horizon`` rounds.

    ``sum_i 8 span**2 ln(n) / gap_i + (1 + pi**2 / 3) sum_i gap_i`` over the arms with a
    gap: Auer, Cesa-Bianchi & Fischer 2002, Thm. 1, scaled to rewards of the given span.

    Args:
        problem: Independent rounds, rewards within an interval of length ``span``.
        horizon: Rounds, at least 1.
        span: What UCB1 was told, in value units.
        objective: What gaps are measured in; `Reward` by default.

    Raises:
        ValueError: The problem's rewards span more than ``span``: the theorem says nothing.
    """
    horizon = _checks.integer("horizon", horizon, least=1)
    gap = gaps(problem, span, objective)
    logarithmic = float(np.sum(8 * span**2 * math.log(horizon) / gap))
    return logarithmic + (1 + math.pi**2 / 3) * float(gap.sum())
