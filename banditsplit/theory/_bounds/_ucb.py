"""Upper confidence bounds from Hoeffding's inequality."""

import math

import numpy as np

from banditsplit import _checks
from banditsplit.objectives import Objective
from banditsplit.theory._bounds._values import (
    LARGEST,
    SMALLEST,
    arm_gaps,
    expected_values,
    finite,
    gaps_of,
    rounds,
)
from banditsplit.theory._problems import GaussianProblem, Problem


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
    horizon = rounds(horizon)
    gap = arm_gaps(problem, span, objective)
    gap = gap[gap > 0]
    logarithmic = 8 * span**2 * math.log(horizon) * float((1 / gap).sum())
    return finite(logarithmic + (1 + math.pi**2 / 3) * float(gap.sum()))


def ucb_regret_bound(
    problem: Problem,
    horizon: int,
    *,
    alpha: float,
    span: float = 1.0,
    objective: Objective | None = None,
) -> float:
    """Return the bound on UCB's expected pseudo-regret after ``horizon`` rounds.

    For the index ``mean + span * sqrt(alpha ln t / (2 pulls))`` it is ``sum_i 2 alpha span**2
    ln(n) / gap_i + alpha / (alpha - 2) gap_i`` over the arms with a gap: Bubeck & Cesa-Bianchi
    2012, Thm. 2.1 with Hoeffding's inequality, for ``alpha`` above 2.

    Args:
        problem: Independent rounds, each arm's values within an interval of length ``span``.
        horizon: Rounds, at least 1.
        alpha: The policy's.
        span: The policy's, in value units.
        objective: What gaps are measured in; `Reward` by default.

    Raises:
        TypeError: `problem` is no `Problem`, or a number is of the wrong type.
        ValueError: ``alpha`` is at most 2, values span more than ``span``, or another argument
            is outside what the theorem covers.
    """
    horizon = rounds(horizon)
    if _checks.positive("alpha", alpha) <= 2:  # noqa: PLR2004 - the theorem's
        raise ValueError(f"`alpha` must be above 2, got {alpha!r}.")
    gap = arm_gaps(problem, span, objective)
    gap = gap[gap > 0]
    logarithmic = 2 * alpha * span**2 * math.log(horizon) * float((1 / gap).sum())
    return finite(logarithmic + alpha / (alpha - 2) * float(gap.sum()))


def asymptotically_optimal_ucb_regret_bound(
    problem: Problem, horizon: int, *, std: float = 1.0, objective: Objective | None = None
) -> float:
    """Return the bound on asymptotically optimal UCB's pseudo-regret after ``horizon`` rounds.

    With ``f = 1 + n (ln n)**2`` it is the sum over the arms with a gap of ``inf over e in (0,
    gap_i) of gap_i (1 + 5 / e**2 + 2 (ln f + sqrt(pi ln f) + 1) / (gap_i - e)**2)``, gaps in
    units of ``std``: Lattimore & Szepesvari 2020, Thm. 8.1. The infimum is taken over a grid,
    where it is no smaller.

    Args:
        problem: Independent rounds whose values are ``std``-sub-Gaussian about their mean:
            normal with at most that deviation, or within an interval of length ``2 std``.
        horizon: Rounds, at least 1.
        std: The policy's, in value units.
        objective: What gaps are measured in; `Reward` by default.

    Raises:
        TypeError: `problem` is no `Problem`, or a number is of the wrong type.
        ValueError: Values spread wider than ``std`` allows, or an argument is out of range.
    """
    horizon = rounds(horizon)
    value = expected_values(problem, objective)
    # Hoeffding's lemma: what lies in an interval is sub-Gaussian with half its length.
    if isinstance(problem, GaussianProblem):
        least = float(np.max(problem.std))
    else:
        least = problem.span / 2
    if not max(least, SMALLEST) <= _checks.positive("std", std) <= LARGEST:
        wanted = f"`std` must be at least the problem's own, {least}, and at most {LARGEST}"
        raise ValueError(f"{wanted}, got {std!r}.")
    gap = gaps_of(value, std)
    gap = gap[gap > 0]
    # The pulls fall with the gap; one that large says all there is to say.
    ratio = np.minimum(gap / std, LARGEST)[:, None]
    log_f = math.log1p(horizon * math.log(horizon) ** 2)
    e = ratio * np.linspace(0, 1, 1001)[1:-1]
    pulls = 1 + 5 / e**2 + 2 * (log_f + math.sqrt(math.pi * log_f) + 1) / (ratio - e) ** 2
    return finite(float((gap * pulls.min(-1)).sum()))
