"""UCB-V, which pays for an arm's variance rather than for its span."""

import math
from typing import Any

import numpy as np

from banditsplit.objectives import Objective
from banditsplit.theory._bounds._values import arm_gaps, finite, rounds
from banditsplit.theory._costly import CostlyProblem
from banditsplit.theory._problems import BernoulliProblem, Problem

# What the theorem is stated for, and its constant.
ZETA, C, FACTOR = 1.2, 1.0, 10.0


def ucb_v_regret_bound(
    problem: Problem,
    horizon: int,
    *,
    zeta: float = ZETA,
    c: float = C,
    span: float = 1.0,
    variance: Any = None,
    objective: Objective | None = None,
) -> float:
    """Return the bound on UCB-V's expected pseudo-regret after ``horizon`` rounds.

    ``10 sum_i (variance_i / gap_i + 2 span) ln n`` over the arms with a gap: Audibert, Munos &
    Szepesvari 2009, Thm. 4, which names the constant for ``zeta = 1.2`` and ``c = 1`` only.
    It is stated here as it is there, and was not derived again.

    Args:
        problem: Independent rounds, each arm's values within an interval of length ``span``.
        horizon: Rounds, at least 2.
        zeta: The policy's.
        c: The policy's.
        span: The policy's, in value units.
        variance: Of each arm's values, `[arms]`; None where they are 0 or 1 and it is known.
        objective: What gaps are measured in; `Reward` by default.

    Raises:
        TypeError: `problem` is no `Problem`, or a number is of the wrong type.
        ValueError: The theorem names no constant for ``zeta`` and ``c``; variances are missing
            or impossible for the span; or another argument is outside what it covers.
    """
    horizon = rounds(horizon, least=2)
    if (zeta, c) != (ZETA, C):
        wanted = f"`zeta` and `c` must be {ZETA} and {C}, for which the constant is known"
        raise ValueError(f"{wanted}, got {zeta!r} and {c!r}.")
    gap = arm_gaps(problem, span, objective)
    spread = _variance(problem, variance, span)
    suboptimal = gap > 0
    each = spread[suboptimal] / gap[suboptimal] + 2 * span
    return finite(FACTOR * float(each.sum()) * math.log(horizon))


def _variance(problem: Problem, variance: Any, span: float) -> Any:
    """Return the variances of the arms, `[arms]`, checked."""
    if variance is None:
        if not isinstance(problem, BernoulliProblem | CostlyProblem):
            wanted = "`variance` must be given for rewards that are not 0 or 1"
            raise ValueError(f"{wanted}, got None for {problem!r}.")
        return problem.means * (1 - problem.means)
    wanted = f"`variance` must hold {problem.arms} numbers in [0, {span**2 / 4}]"
    try:
        given = np.asarray(variance)
    except ValueError:  # ragged
        raise ValueError(f"{wanted}, got {variance!r}.") from None
    if given.dtype.kind not in "fiu" or given.shape != (problem.arms,):
        raise ValueError(f"{wanted}, got {variance!r}.")
    if not ((given >= 0) & (given <= span**2 / 4)).all():  # a nan is neither
        raise ValueError(f"{wanted}, got {variance!r}.")
    return given.astype(np.float64)
