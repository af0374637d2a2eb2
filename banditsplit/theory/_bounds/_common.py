"""What bounds for bounded rewards share."""

from banditsplit import _checks
from banditsplit._typing import Float
from banditsplit.objectives import Objective, Reward
from banditsplit.theory._problems import Problem


def gaps(problem: Problem, span: float, objective: Objective | None) -> Float:
    """Return the positive gaps under ``objective``, or refuse rewards that span more.

    Raises:
        ValueError: `span` is not positive, or below the problem's own: what is proved for
            rewards in an interval of that length says nothing.
    """
    if problem.span > _checks.positive("span", span):
        msg = f"`span` must be at least the problem's own, {problem.span}, got {span!r}."
        raise ValueError(msg)
    judge = Reward() if objective is None else objective
    gap = judge.gaps(problem.expected_reward, problem.expected_cost)
    positive: Float = gap[gap > 0]
    return positive
