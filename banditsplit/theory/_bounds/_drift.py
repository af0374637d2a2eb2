"""Confidence bounds with a memory that lets go, where the arms' laws change at times.

The theorems of Garivier & Moulines 2011 (arXiv:0805.3415), Thm. 1 and 2, leave out what is
small. Their proof is followed here, piece by piece of the problem, with every constant kept.

In a round let ``n`` be the (discounted) number of rounds that the memory holds, N the pulls of
an arm in it, and ``h = span * sqrt(xi * ln n / N)``.

1. The arm's mean strays to one side from the expectation of what it averages by ``h`` or more
   with probability at most ``chance_of_failing(n, xi)``.
2. If nothing older than the last change weighs too much, that expectation is within ``w - h``
   of the arm's present one, w being the index's width: ``h`` itself for a window, which holds
   no such thing or counts as unsettled; ``2 h`` for a discount.
3. So in a settled round, an arm below the best by a gap of at least ``2 w`` is pulled only
   where 1. fails for it or the best arm. That is to say: where its N is at least
   ``(2 w sqrt(N) / gap)**2``, which has no N in it.
4. With fewer pulls than such an A in memory, an arm is pulled a limited number of times.
"""

import itertools
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from banditsplit import _checks
from banditsplit._typing import Float
from banditsplit.objectives import Objective
from banditsplit.theory._bounds._values import (
    LARGEST,
    SUMMED,
    expected_values,
    gaps_of,
    require_span,
    rounds,
)
from banditsplit.theory._drift import PiecewiseProblem


def sliding_window_ucb_regret_bound(
    problem: PiecewiseProblem,
    horizon: int,
    *,
    window: int,
    xi: float = 0.5,
    span: float = 1.0,
    objective: Objective | None = None,
) -> float:
    """Return the bound on SW-UCB's expected dynamic pseudo-regret after ``horizon`` rounds.

    Its index is ``mean + span * sqrt(xi * ln(min(t, window)) / pulls)`` over the last
    ``window`` rounds. For every piece of the problem: the ``window`` rounds after a change cost
    the largest gap. In the ``l`` rounds that are left each arm with a gap costs it in at most
    ``ceil(l / window) * ceil(4 span**2 xi ln(window) / gap**2)`` rounds, and in those
    where a confidence bound fails. No piece costs more than its rounds times its largest gap.
    As in Garivier & Moulines 2011, Thm. 2, it is of order
    ``(horizon / window + changes * window) ln(window)`` for xi above 1/2.

    Args:
        problem: Rewards of an arm within an interval of length ``span``, in each piece.
        horizon: Rounds, at least 1; at most 10 million.
        window: The policy's, at least 1.
        xi: The policy's, positive.
        span: What the policy was told, in value units.
        objective: What gaps are measured in; `Reward` by default.

    Raises:
        TypeError: `problem` is no `PiecewiseProblem`, or a number is of the wrong type.
        ValueError: Values spread wider than ``span``, or a number is out of range.
    """
    window = _checks.integer("window", window, least=1)
    xi = _exploration(xi)
    total = 0.0
    for piece in _pieces(problem, horizon, span, objective):
        settled = (piece.t >= piece.first + window) | (piece.first == 1)
        rounds = np.minimum(piece.t, window)[settled]
        # Of pulls within `window` rounds, all but the last are in its memory.
        passes = math.ceil(len(rounds) / window)
        level = 4 * span**2 * xi * math.log(min(piece.t[-1], window))
        with np.errstate(over="ignore"):  # a gap too small to be found out
            pulls = passes * np.ceil(level / piece.gap**2)
        total += piece.cost(pulls, chance_of_failing(rounds, xi))
    return total


def discounted_ucb_regret_bound(
    problem: PiecewiseProblem,
    horizon: int,
    *,
    discount: float,
    xi: float = 0.5,
    span: float = 1.0,
    objective: Objective | None = None,
) -> float:
    """Return the bound on D-UCB's expected dynamic pseudo-regret after ``horizon`` rounds.

    Its index is ``mean + 2 span * sqrt(xi * ln n / pulls)``, all discounted, with
    ``n = (1 - discount**t) / (1 - discount)``. For every piece of the problem: rounds cost the
    largest gap until what is older weighs at most ``xi ln n`` (times the square of span over
    how far means moved). In the ``l`` rounds that are left each arm with a gap costs it in at
    most ``(16 span**2 xi ln(n) / gap**2 + 1) (1 + (1 - discount) l)`` rounds, and in those
    where a confidence bound fails. No piece costs more than its rounds times its largest gap.
    Garivier & Moulines 2011, Thm. 1, up to the constants.

    Args:
        problem: Rewards of an arm within an interval of length ``span``, in each piece.
        horizon: Rounds, at least 1; at most 10 million.
        discount: The policy's, in (0, 1].
        xi: The policy's, positive.
        span: What the policy was told, in value units.
        objective: What gaps are measured in; `Reward` by default.

    Raises:
        TypeError: `problem` is no `PiecewiseProblem`, or a number is of the wrong type.
        ValueError: Values spread wider than ``span``, or a number is out of range.
    """
    discount, xi = _checks.share("discount", discount), _exploration(xi)
    total, fresh = 0.0, 1 - discount
    for piece in _pieces(problem, horizon, span, objective):
        t = piece.t
        rounds = -np.expm1(t * math.log(discount)) / fresh if fresh else 1.0 * t
        # What is older than the piece weighs at most x = discount**(t - first) / fresh of N,
        # so it moves the mean by at most moved * min(1, x / N) <= moved * sqrt(x / N).
        older = piece.moved**2 * discount ** (t - piece.first)
        settled = older <= span**2 * fresh * xi * np.log(rounds)
        level, rounds = 16 * span**2 * xi * math.log(rounds[-1]), rounds[settled]
        # Of the pulls made with fewer than A in memory, never more than A + 1 are in memory,
        # and every round forgets a share `fresh` of them. Every pull is there or forgotten.
        passes = 1 + fresh * len(rounds)
        with np.errstate(over="ignore"):
            pulls = passes * (level / piece.gap**2 + 1)
        total += piece.cost(pulls, chance_of_failing(rounds, xi))
    return total


class _Piece(NamedTuple):
    """A stretch of rounds with fixed laws.

    Attributes:
        first: Its first round.
        t: All its rounds up to the horizon.
        gap: The positive ones.
        moved: How far an arm's expectation has moved so far, the largest of the arms'.
    """

    first: int
    t: Any
    gap: Float
    moved: float

    def cost(self, pulls: Float, failure: Float) -> float:
        """Return a bound on its pseudo-regret.

        Args:
            pulls: How often each arm with a gap is pulled in settled rounds for want of pulls
                in memory.
            failure: Probability that a confidence bound fails, in each settled round.
        """
        largest = float(self.gap.max(initial=0.0))
        settled = float((self.gap * (pulls + 2 * failure.sum())).sum())
        unsettled = largest * (len(self.t) - len(failure))
        return min(largest * len(self.t), unsettled + settled)


def _exploration(xi: float) -> float:
    """Return ``xi``, or refuse what is not positive, or too large to be multiplied with."""
    if _checks.positive("xi", xi) > LARGEST:
        raise ValueError(f"`xi` must be at most {LARGEST}, got {xi!r}.")
    return xi


def _pieces(
    problem: PiecewiseProblem, horizon: int, span: float, objective: Objective | None
) -> Iterator[_Piece]:
    """Yield the pieces that begin by the horizon."""
    horizon = rounds(horizon, most=SUMMED)
    _checks.instance("problem", problem, PiecewiseProblem)
    require_span(problem.span, span)
    values = np.array([expected_values(p, objective) for p in problem.problems])
    starts = [1, *(change for change in problem.changes if change <= horizon), horizon + 1]
    for n, (first, end) in enumerate(itertools.pairwise(starts)):
        gap, moved = gaps_of(values[n]), float(np.ptp(values[: n + 1], axis=0).max())
        yield _Piece(first, np.arange(first, end), gap[gap > 0], moved)


def chance_of_failing(rounds: Any, xi: float) -> Float:
    """Return the probability that a mean strays to one side by ``h`` or more, `[rounds]`.

    ``h`` is ``span * sqrt(xi ln n / N)`` for N discounted pulls; N is random and at most n. It
    exceeds the span below ``N = xi ln n``. The rest, ``[xi ln n, n]``, is cut into slices by
    equal factors. In one with ends a and b, the boundary ``N h``, concave in N, is above its
    chord, and a sum of bounded deviations with discounted weights, whose squares sum to at
    most N, crosses that line with probability at most ``exp(-2 xi ln n / cosh(ln(b / a) /
    4)**2)`` (Hoeffding's inequality as a supermartingale). The number of slices is free to
    choose, and nearly minimises the sum.
    """
    rounds = np.asarray(rounds, np.float64)
    level = xi * np.log(rounds)
    inside = (level > 0) & (level < rounds)
    below = np.where(inside, level, rounds)
    log_ratio = np.log(rounds / below)
    slices = np.maximum(np.ceil(np.sqrt(below) * log_ratio / 2), 1.0)
    crossing = slices * np.exp(-2 * below / np.cosh(log_ratio / (4 * slices)) ** 2)
    failure: Float = np.where(inside, np.minimum(crossing, 1.0), 1.0 * (level <= 0))
    return failure
