"""Thompson sampling: of two arms, and on average over problems."""

import math

from banditsplit import _checks
from banditsplit.objectives import Objective
from banditsplit.theory._bounds._values import arm_gaps, finite, tradeoff_of
from banditsplit.theory._costly import CostlyProblem
from banditsplit.theory._problems import BernoulliProblem, Problem

ARMS = 2


def thompson_regret_bound(
    problem: Problem, horizon: int, *, objective: Objective | None = None
) -> float:
    """Return the bound on Thompson sampling's pseudo-regret after ``horizon`` rounds.

    ``40 ln(n) / gap + 48 / gap**3 + 18 gap`` for two arms that give 0 or 1, and uniform priors:
    Agrawal & Goyal 2012, Thm. 1. For more arms its constants are left unspecified.

    Args:
        problem: Two arms with rewards 0 or 1, in independent rounds.
        horizon: Rounds, at least 1.
        objective: What gaps are measured in: `Reward`, which is all that it takes.

    Raises:
        TypeError: `problem` is no `Problem`, or a number is of the wrong type.
        ValueError: There are not two arms, rewards are not 0 or 1, or costs count.
    """
    horizon = _checks.integer("horizon", horizon, least=1)
    if tradeoff_of(objective):
        raise ValueError(f"`objective` must keep rewards 0 or 1, got {objective!r}.")
    gaps = arm_gaps(problem, 1.0, objective)
    zero_or_one = isinstance(problem, BernoulliProblem | CostlyProblem)
    if not zero_or_one or problem.arms != ARMS:
        wanted = "`problem` must have two arms and rewards 0 or 1 for explicit constants"
        raise ValueError(f"{wanted}, got {problem!r}.")
    gap = float(gaps.max())
    return finite(40 * math.log(horizon) / gap + 48 / gap**3 + 18 * gap) if gap else 0.0


def thompson_bayesian_regret_bound(arms: int, horizon: int) -> float:
    """Return the bound on Thompson sampling's pseudo-regret on average over problems.

    ``14 sqrt(n k)`` for n rounds and k arms with rewards in [0, 1], where problems are drawn
    from the prior that it is given: Bubeck & Liu 2013, Thm. 1. Of a single problem it says
    nothing.

    Args:
        arms: How many arms there are, at least 1.
        horizon: Rounds, at least 1.

    Raises:
        TypeError: A number is of the wrong type.
        ValueError: It is below 1.
    """
    arms = _checks.integer("arms", arms, least=1)
    return 14 * math.sqrt(_checks.integer("horizon", horizon, least=1) * arms)
