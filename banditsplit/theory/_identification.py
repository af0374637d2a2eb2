"""Finding the best arm: what it takes, and how often a fixed budget fails."""

import math

import numpy as np
from scipy import optimize, special

from banditsplit import _checks
from banditsplit._typing import Float
from banditsplit.objectives import Objective
from banditsplit.theory._bounds._values import arm_gaps
from banditsplit.theory._divergences import Bernoulli, Family
from banditsplit.theory._lower_bounds import families_of
from banditsplit.theory._problems import Problem

# Halvings of the logarithm of a ratio of pulls, and the largest one that is looked at.
_HALVINGS, _LARGEST_LOG = 100, 60.0


def halving_phases(arms: int, budget: int) -> tuple[tuple[int, int], ...]:
    """Return, for each phase of sequential halving, its arms and the pulls of each of them.

    Karnin, Koren & Somekh 2013, Alg. 2: ``ceil(log2(arms))`` phases, from all arms to two; one
    arm alone needs none.

    Raises:
        TypeError: `arms` or `budget` is no integer.
        ValueError: `arms` is below 1, or `budget` too small for a pull of each arm in each
            phase.
    """
    arms = _checks.integer("arms", arms, least=1)
    phases = (arms - 1).bit_length()  # ceil(log2(arms))
    budget = _checks.integer("budget", budget, least=max(arms * phases, 1))
    sizes = [-(-arms // 2**phase) for phase in range(phases)]  # rounded up
    return tuple((size, budget // (size * phases)) for size in sizes)


def sequential_halving_error_bound(
    problem: Problem, budget: int, *, span: float = 1.0, objective: Objective | None = None
) -> float:
    """Return a bound on the probability that sequential halving does not end at the best arm.

    Karnin, Koren & Somekh 2013, Thm. 4.1 (Lemmas 4.2 and 4.3), with the counts as they are
    in place of powers of two, and so never above their ``3 log2(arms) exp(-budget / (8
    H2 log2(arms)))`` where those are powers of two. In a phase of ``s`` arms with ``n`` pulls
    each, an arm beats the best with probability at most ``exp(-n gap**2 / span**2)``
    (Hoeffding). The best is out only if ``k = ceil(s / 2)`` others beat it, so that, of all
    but the ``m - 1`` closest ones, at least ``k - m + 1`` do: by Markov's inequality with
    probability at most the sum over those, divided by ``k - m + 1``. The least of these over
    ``m = 1 .. k`` is summed over the phases; the arms that are left are at best the closest.

    Args:
        problem: Independent rounds, each arm's values within an interval of length ``span``.
        budget: Pulls, at least one for each arm in each phase.
        span: Largest minus smallest value, in value units.
        objective: What gaps are measured in; `Reward` by default.

    Returns:
        At most 1; that where several arms are the best.

    Raises:
        ValueError: The problem's values span more than ``span``, or the budget is too small.
    """
    gap = np.sort(arm_gaps(problem, span, objective))[1:]  # of all but one best arm
    failure = 0.0
    for size, pulls in halving_phases(problem.arms, budget):
        beats = np.exp(-pulls * (gap[: size - 1] / span) ** 2)
        keep = -(-size // 2)
        failure += min(
            float(beats[closest:].sum()) / (keep - closest) for closest in range(keep)
        )
    return min(failure, 1.0)


def best_arm_lower_bound(
    problem: Problem, delta: float, *, family: Family | None = None
) -> float:
    """Return how many pulls it takes on average, at least, to be sure of the best arm.

    ``T kl(delta, 1 - delta)``, where ``1 / T`` is what the best shares ``w`` of pulls learn of
    the closest alternative, ``max_w min_b [w_a kl(mean_a, q) + w_b kl(mean_b, q)]`` with ``a``
    the best arm and ``q`` the pooled mean: Garivier & Kaufmann 2016, Thm. 1, worked out by
    their Thm. 5. It holds at any ``delta``, for a rule that is wrong with probability at most
    ``delta`` on every problem of the family, and observes one arm in a round.

    Args:
        problem: Arms with known expectations.
        delta: Probability of a wrong choice, in (0, 1).
        family: What laws an arm might have, one for all. By default that of the problem:
            Bernoulli, or Gaussian with its standard deviation.

    Returns:
        0 for one arm, and where ``delta`` is 1/2 or more: a coin is then good enough, or
        nearly. inf where several arms are the best.

    Raises:
        TypeError: `family` is no `Family`.
        ValueError: `delta` is out of range, a mean lies outside the family, or the problem
            says no family, or several, and none is given.
    """
    _checks.open_fraction("delta", delta)
    families = families_of(problem, family)
    if any(one != families[0] for one in families):
        raise ValueError(f"`family` must be given where arms differ in theirs, got {family!r}.")
    kl = families[0].kl
    means = np.sort(np.asarray(problem.expected_reward))[::-1]
    best, others = means[0], means[1:]
    if problem.arms == 1 or delta >= 0.5:  # noqa: PLR2004 - a coin's
        return 0.0
    if others[0] == best:
        return math.inf

    def at(level: float) -> tuple[Float, Float]:
        """Return pulls of the others per pull of the best, and their pooled means.

        As many as it takes to learn ``level`` from each comparison.
        """
        low, high = np.full(len(others), -_LARGEST_LOG), np.full(len(others), _LARGEST_LOG)
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            pooled = best + special.expit(middle) * (others - best)
            learned = kl(best, pooled) + np.exp(middle) * kl(others, pooled)
            low = np.where(learned < level, middle, low)
            high = np.where(learned < level, high, middle)
        ratio = np.exp(low)
        return ratio, best + special.expit(low) * (others - best)

    def imbalance(level: float) -> float:
        pooled = at(level)[1]
        with np.errstate(divide="ignore"):  # another arm alone is looked at
            return float(np.sum(kl(best, pooled) / kl(others, pooled))) - 1.0

    most = min(float(kl(best, others[0])), 100.0)
    level: float = optimize.brentq(imbalance, most * 1e-9, most * (1 - 1e-9), xtol=1e-14)
    rate = level / (1.0 + float(at(level)[0].sum()))
    return float(Bernoulli().kl(delta, 1 - delta)) / rate
