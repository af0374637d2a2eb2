"""Epsilon-greedy play whose exploration decays."""

import math

import numpy as np

from banditsplit import _checks
from banditsplit.objectives import Objective
from banditsplit.theory._bounds._values import arm_gaps, finite
from banditsplit.theory._problems import Problem


def epsilon_greedy_regret_bound(
    problem: Problem, horizon: int, *, epsilon: float, objective: Objective | None = None
) -> float:
    """Return the bound on decaying epsilon-greedy's pseudo-regret after ``horizon`` rounds.

    A round explores with probability ``min(1, epsilon / t)``. Auer, Cesa-Bianchi & Fischer
    2002, Thm. 3, write ``epsilon = c k / d**2`` for k arms and any ``d`` up to the smallest
    gap, which is taken here. In round ``t`` after the first ``epsilon`` a given suboptimal arm
    is pulled with probability at most ``c / (d**2 t) + 2 (c / d**2) ln(x) x**(-c / (5 d**2)) +
    (4 e / d**2) x**(-c / 2)`` with ``x = (t - 1) d**2 sqrt(e) / (c k)``. The bound is the sum
    over the rounds of what they lose at most; those before count as lost. It grows like
    ``ln n`` where c is above 5, and is close to nothing said where it is not.

    That every arm is pulled once first, which the theorem has not, only makes the number of
    explorations of each arm less random.

    Args:
        problem: Independent rounds, rewards within an interval of length 1.
        horizon: Rounds, at least 1.
        epsilon: The policy's, with ``decay=True``; a constant one has linear regret.
        objective: What gaps are measured in; `Reward` by default.

    Raises:
        TypeError: `problem` is no `Problem`, or a number is of the wrong type.
        ValueError: Values span more than 1, or an argument is out of range.
    """
    horizon = _checks.integer("horizon", horizon, least=1)
    epsilon = _checks.positive("epsilon", epsilon)
    gap = arm_gaps(problem, 1.0, objective)
    positive = gap[gap > 0]
    if not positive.size:
        return 0.0
    d, arms = float(positive.min()), problem.arms
    c = epsilon * d**2 / arms
    worst = float(positive.max())
    first = min(horizon, math.ceil(epsilon) + arms)
    t = np.arange(first + 1, horizon + 1, dtype=np.float64)
    x = (t - 1) * math.sqrt(math.e) / epsilon
    chance = (
        epsilon / (arms * t)
        + 2 * (epsilon / arms) * np.log(x) * x ** (-epsilon / (5 * arms))
        + 4 * math.e / d**2 * x ** (-c / 2)
    )
    lost = np.minimum(chance * positive.sum(), worst)
    return finite(first * worst + float(lost.sum()))
