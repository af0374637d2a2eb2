"""Thompson sampling: of a single problem, and on average over problems."""

import math

import numpy as np

from banditsplit import _checks
from banditsplit.objectives import Objective
from banditsplit.theory._bounds._values import (
    SUMMED,
    expected_values,
    finite,
    gaps_of,
    rounds,
    tradeoff_of,
)
from banditsplit.theory._costly import CostlyProblem
from banditsplit.theory._problems import BernoulliProblem, Problem

# Where between the two means the proof may put its threshold, as shares of the gap.
_THRESHOLDS = np.linspace(0, 1, 21)[1:-1]


def thompson_regret_bound(
    problem: Problem, horizon: int, *, objective: Objective | None = None
) -> float:
    """Return the bound on Thompson sampling's pseudo-regret after ``horizon`` rounds.

    For rewards 0 or 1, uniform priors and any number of arms: the proof of Agrawal & Goyal
    2013 (*Further optimal regret bounds*), Thm. 1, with its probabilities bounded and summed
    here. (The constants for two arms of their paper of 2012, ``40 ln(n) / gap + 48 / gap**3 +
    18 gap``, are ten times as large and more.) Let the arm's mean be ``m``, the best one's
    ``M``, and ``m < y < M``. A pull of the arm comes with a draw above ``y`` or below.

    Below: so is then the best arm's draw. Where that exceeds ``y`` with probability ``p``, such
    a pull is at most ``(1 - p) / p`` times as likely as one of the best arm (their Lemma 1). So
    the expected number of them is at most the sum over ``k < n`` of ``E[(1 - p) / p]``, the
    best arm having had ``k`` pulls and S successes; ``p = P(X <= S)``, X ~ Bin(k + 1, y). Let
    ``s = floor((k + 1) y)`` and ``b(u, v) = sqrt(u v) + sqrt((1 - u) (1 - v))``.

    - ``S > s`` is no less than the median of X, hence ``(1 - p) / p <= 2 P(X > S)``, and by
      Chernoff's inequality ``P(X > S) <= sqrt(y / M) b(y, M)**(2 k + 1)``.
    - ``S <= s``: with ``p >= P(X = S)``, the sum of ``P(S) / p`` is at most that of a geometric
      series, ``M / (M - y) (M / y)**s ((1 - M) / (1 - y))**(k - s)``.

    Above: after ``k`` pulls the draw is above ``y`` with some probability ``q``, in each of at
    most n rounds, and one pull ends them. So the expected number is at most the sum over ``k <
    n`` of ``min(1, n E[q])``, where ``E[q] <= sqrt((1 - y) / (1 - m)) b(m, y)**(2 k + 1)``, by
    Chernoff again. The best ``y`` of a grid is taken.

    Args:
        problem: Rewards 0 or 1, in independent rounds.
        horizon: Rounds, at least 1; at most 10 million.
        objective: What gaps are measured in: `Reward`, which is all that it takes.

    Raises:
        TypeError: `problem` is no `Problem`, or a number is of the wrong type.
        ValueError: Rewards are not 0 or 1, costs count, or the horizon is out of range.
    """
    horizon = rounds(horizon, most=SUMMED)
    if tradeoff_of(objective):
        raise ValueError(f"`objective` must keep rewards 0 or 1, got {objective!r}.")
    mean = expected_values(problem, objective)
    zero_or_one = isinstance(problem, BernoulliProblem | CostlyProblem)
    if not zero_or_one:
        raise ValueError(f"`problem` must have rewards 0 or 1, got {problem!r}.")
    gap, best = gaps_of(mean), float(mean.max())
    suboptimal = zip(mean[gap > 0], gap[gap > 0], strict=True)
    return finite(math.fsum(float(d) * _pulls(best, float(m), horizon) for m, d in suboptimal))


def _pulls(best: float, mean: float, horizon: int) -> float:
    """Return the bound on the expected pulls of an arm beside the best."""
    # Here, for it takes longer to import than all the rest of the package.
    from scipy.special import xlogy  # noqa: PLC0415

    k = np.arange(horizon)
    least = float(horizon)
    for y in mean + (best - mean) * _THRESHOLDS:
        if not mean < y < best:  # where floats are too coarse
            continue
        s = np.minimum(np.floor((k + 1) * y + 1e-9), k)  # in doubt the larger one holds, too
        series = np.exp(xlogy(s, best / y) + xlogy(k - s, (1 - best) / (1 - y)))
        missed = math.sqrt(y / best) * _affinity(y, best) ** (2 * k + 1)
        below = best / (best - y) * series + 2 * missed
        q = math.sqrt((1 - y) / (1 - mean)) * _affinity(mean, y) ** (2 * k + 1)
        least = min(least, float((below + np.minimum(1.0, horizon * q)).sum()))
    return least


def _affinity(u: float, v: float) -> float:
    """Return the ``b`` of the theorem's proof, 1 where both are the same."""
    return math.sqrt(u * v) + math.sqrt((1 - u) * (1 - v))


def thompson_bayesian_regret_bound(arms: int, horizon: int) -> float:
    """Return the bound on Thompson sampling's pseudo-regret on average over problems.

    ``14 sqrt(n k)`` for n rounds and k arms with rewards in [0, 1], where problems are drawn
    from the prior that it is given: Bubeck & Liu 2013, Thm. 1, as it is stated there. Of a
    single problem it says nothing.

    Args:
        arms: How many arms there are, at least 1.
        horizon: Rounds, at least 1.

    Raises:
        TypeError: A number is of the wrong type.
        ValueError: It is out of range.
    """
    arms = _checks.integer("arms", arms, least=1)
    return 14 * math.sqrt(rounds(horizon) * arms)
