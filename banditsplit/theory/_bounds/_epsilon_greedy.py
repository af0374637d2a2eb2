"""Epsilon-greedy play whose exploration decays."""

import numpy as np

from banditsplit import _checks
from banditsplit.objectives import Objective
from banditsplit.theory._bounds._values import SUMMED, arm_gaps, finite, rounds
from banditsplit.theory._problems import Problem


def epsilon_greedy_regret_bound(
    problem: Problem,
    horizon: int,
    *,
    epsilon: float,
    span: float = 1.0,
    objective: Objective | None = None,
) -> float:
    """Return the bound on decaying epsilon-greedy's pseudo-regret after ``horizon`` rounds.

    Every arm is pulled once; later a round explores with probability ``e_t = min(1, epsilon /
    t)``. The argument is that of Auer, Cesa-Bianchi & Fischer 2002, Thm. 3, summed as it
    stands instead of by their closed form, which takes more steps than it needs to. Of k arms,
    an arm with a gap is pulled in round ``t`` by exploration, with probability ``e_t / k``, or
    because its mean or the best arm's is off by half the gap. An arm with ``s`` pulls is off
    by so much with probability at most ``q**s``, ``q = exp(-gap**2 / (2 span**2))``
    (Hoeffding). Of its pulls, ``R`` did not depend on what any arm gave: the first one and
    the explorations. So it is off in round ``t`` with probability at most ``sum over s of
    P(R <= s) q**s``, which is ``E[q**R] / (1 - q)``, and ``E[q**R]`` is ``q`` times the product
    of ``1 - (1 - q) e_u / k`` over the rounds ``u`` between. A round loses at most the largest
    gap.

    It grows like ``ln n`` where ``epsilon (1 - q)`` exceeds k for the smallest gap, which
    takes an ``epsilon`` a little above ``2 k span**2 / gap**2``.

    Args:
        problem: Independent rounds, each arm's values within an interval of length ``span``.
        horizon: Rounds, at least 1; at most 10 million.
        epsilon: The policy's, with ``decay=True``; a constant one has linear regret.
        span: Largest minus smallest value, in value units.
        objective: What gaps are measured in; `Reward` by default.

    Raises:
        TypeError: `problem` is no `Problem`, or a number is of the wrong type.
        ValueError: Values span more than ``span``, or an argument is out of range.
    """
    horizon = rounds(horizon, most=SUMMED)
    epsilon = _checks.positive("epsilon", epsilon)
    gap = arm_gaps(problem, span, objective)
    arms, gap = problem.arms, gap[gap > 0]
    if not gap.size:
        return 0.0
    t = np.arange(arms + 1, horizon + 1)
    explores = np.minimum(1.0, epsilon / t)
    lost = np.zeros(len(t))
    for one in gap:
        exponent = (one / span) ** 2 / 2
        differs = -np.expm1(-exponent)  # 1 - q
        factor = np.log1p(-differs * explores / arms)
        moment = np.exp(-exponent + np.cumsum(factor) - factor)  # of the rounds before t
        off = np.minimum(2 * moment / differs, 1.0)
        lost += one * (explores / arms + (1 - explores) * off)
    return finite(float(gap.sum() + np.minimum(lost, gap.max()).sum()))
