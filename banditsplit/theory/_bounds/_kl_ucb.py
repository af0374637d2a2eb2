"""KL-UCB for values in [0, 1], by its proof and no further estimate."""

import math

import numpy as np

from banditsplit import _checks
from banditsplit._typing import Float
from banditsplit.objectives import Objective
from banditsplit.theory._bounds._values import (
    LARGEST,
    SUMMED,
    expected_values,
    finite,
    gaps_of,
    rounds,
    tradeoff_of,
)
from banditsplit.theory._divergences import Bernoulli
from banditsplit.theory._problems import Problem

# The theorems have ln t + 3 ln ln t.
LEAST_C = 3.0
_HALVINGS = 60


def kl_ucb_regret_bound(
    problem: Problem, horizon: int, *, c: float, objective: Objective | None = None
) -> float:
    """Return the bound on KL-UCB's expected pseudo-regret after ``horizon`` rounds.

    For the Bernoulli divergence and ``f(t) = ln t + c ln ln t``, ``c`` from 3 on, as in Cappe,
    Garivier, Maillard, Munos & Stoltz 2013 and Garivier & Cappe 2011. Their proofs split the
    pulls of an arm ``i`` after its first in two. Either the best arm's index is below its
    mean ``m``: by Garivier & Cappe's Thm. 10 with probability at most
    ``e ceil(f(t) ln t) exp(-f(t))`` in round ``t``. Or the index of arm ``i`` reaches ``m``
    after ``s`` pulls, so that their mean reaches the ``r`` below ``m`` with
    ``kl(r, m) = f(n) / s``: by Chernoff's inequality with probability at most
    ``exp(-s kl(r, mean_i))`` where ``r`` is above ``mean_i``. Here both are summed as they
    stand, over all ``t`` and ``s``, instead of by the closed forms of the papers.

    Args:
        problem: Independent rounds, rewards in [0, 1].
        horizon: Rounds, at least 1; at most 10 million.
        c: The policy's; the plain variant, 0, has no such bound.
        objective: What gaps are measured in: `Reward`, which is all that KL-UCB takes.

    Raises:
        TypeError: `problem` is no `Problem`, or a number is of the wrong type.
        ValueError: ``c`` is below 3, rewards leave [0, 1], costs count, or the horizon is out
            of range.
    """
    horizon = rounds(horizon, most=SUMMED)
    if not LEAST_C <= _checks.nonnegative("c", c) <= LARGEST:
        raise ValueError(f"`c` must lie in [{LEAST_C}, {LARGEST}] for a bound, got {c!r}.")
    if tradeoff_of(objective):
        raise ValueError(f"`objective` must keep rewards in [0, 1], got {objective!r}.")
    mean = expected_values(problem, objective)
    gap = gaps_of(mean)
    if problem.span > 1 or ((mean < 0) | (mean > 1)).any():
        raise ValueError(f"`problem` must have rewards in [0, 1], got {problem!r}.")
    best = float(mean.max())
    t = np.arange(1, horizon + 1)
    log_t = np.log(t)
    f = log_t + c * np.log(np.maximum(log_t, 1.0))
    missed = np.minimum(1.0, math.e * np.ceil(f * log_t) * np.exp(-f)).sum()
    reach = _mean_that_reaches(best, f[-1] / t)
    total = 0.0
    for one, distance in zip(mean[gap > 0], gap[gap > 0], strict=True):
        exponent = t * Bernoulli().kl(reach, np.full(horizon, one))
        overshot = np.where(reach > one, np.exp(-exponent), 1.0).sum()
        total += float(distance) * min(1 + missed + overshot, horizon)
    return finite(total)


def _mean_that_reaches(best: float, divergence: Float) -> Float:
    """Return the ``r`` in [0, best] with ``kl(r, best) = divergence``, or 0 if it is below."""
    low, high = np.zeros_like(divergence), np.full_like(divergence, best)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        near = Bernoulli().kl(middle, np.full_like(middle, best)) <= divergence
        low, high = np.where(near, low, middle), np.where(near, middle, high)
    return low  # rounded down, so that the chance to overshoot it is not underrated
