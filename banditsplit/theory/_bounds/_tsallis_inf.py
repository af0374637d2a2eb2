"""Tsallis-INF: for values that an adversary chose, and better for those with fixed laws."""

import math

import numpy as np

from banditsplit import _checks
from banditsplit.objectives import Objective
from banditsplit.theory._bounds._values import (
    arms_of_interval,
    expected_values,
    finite,
    gaps_of,
    rounds,
)
from banditsplit.theory._problems import Problem


def tsallis_inf_regret_bound(
    problem: Problem,
    horizon: int,
    *,
    reduced_variance: bool = False,
    span: float = 1.0,
    objective: Objective | None = None,
) -> float:
    """Return the bound on Tsallis-INF's expected pseudo-regret after ``horizon`` rounds.

    The smaller of two, both Zimmert & Seldin 2021, Thm. 1, times ``span`` and for gaps in
    units of it. Whatever the values, with n rounds and K arms: ``4 sqrt(K n) + 1``. With one
    best arm and independent rounds: ``sum_i (4 ln n + 20) / gap_i + 4 sqrt(K)``.

    With ``reduced_variance`` they are ``2 sqrt(K n) + 14 K ln n + 16`` and
    ``sum_i (ln n + 3) / gap_i + 2 / min gap + 28 K ln n + 1.5 sqrt(K) + 32``. The theorem
    prints 10 where its proof (Lemma 11, with step size 4 / sqrt(t)) gives the 14.

    Args:
        problem: Values of all arms within one interval of length ``span``.
        horizon: Rounds, at least 1.
        reduced_variance: Which estimator the policy has: step sizes are ``2 / sqrt(t)``
            without and ``4 / sqrt(t)`` with it.
        span: Largest minus smallest value of all arms, in value units.
        objective: What gaps are measured in; `Reward` by default.

    Raises:
        TypeError: `problem` is no `Problem`, or an argument is of the wrong type.
        ValueError: Values may spread wider than ``span``, or `horizon` is out of range.
    """
    horizon = rounds(horizon)
    _checks.instance("reduced_variance", reduced_variance, bool)
    arms = arms_of_interval(problem, span, objective)
    log, root = math.log(horizon), math.sqrt(arms * horizon)
    any_values = 2 * root + 14 * arms * log + 16 if reduced_variance else 4 * root + 1
    gap = gaps_of(expected_values(problem, objective)) / span
    gap = gap[gap > 0]
    if len(gap) != arms - 1 or arms == 1:
        return finite(span * any_values)
    inverse = float(np.sum(1 / gap))
    if reduced_variance:
        fixed_laws = (log + 3) * inverse + 2 / float(gap.min())
        fixed_laws += 28 * arms * log + 1.5 * math.sqrt(arms) + 32
    else:
        fixed_laws = (4 * log + 20) * inverse + 4 * math.sqrt(arms)
    return finite(span * min(any_values, fixed_laws))
