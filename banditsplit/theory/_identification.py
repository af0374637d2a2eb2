"""Finding the best arm: what it takes, and how often a fixed budget fails."""

import math
from typing import Any

import numpy as np

from banditsplit import _checks
from banditsplit._typing import Float
from banditsplit.objectives import Objective
from banditsplit.theory._bounds._values import arm_gaps
from banditsplit.theory._divergences import Bernoulli, Family
from banditsplit.theory._lower_bounds import families_of
from banditsplit.theory._problems import Problem

# Logarithms of ratios of pulls are looked for up to this size, by so many halvings.
_MOST, _HALVINGS = 15.0, 60
# A divergence below is lost in rounding.
_LEAST = 1e-10


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
    their Thm. 5. It holds for any rule that is wrong with probability at most ``delta`` on
    every problem of the family, and observes one arm in a round.

    Args:
        problem: Arms with known expectations.
        delta: Probability of a wrong choice, in (0, 1).
        family: What laws an arm might have, one for all. By default that of the problem:
            Bernoulli, or Gaussian with its standard deviation.

    Returns:
        0 for one arm, and where ``delta`` is 1/2 or more, of which the theorem says nothing.
        inf where several arms are the best.

    Raises:
        TypeError: `family` is no `Family`.
        ValueError: `delta` is out of range, a mean lies outside the family, the best is ahead
            by no more than rounding, or the problem says no family, or several, and none is
            given.
    """
    _checks.open_fraction("delta", delta)
    families = families_of(problem, family)
    if any(one != families[0] for one in families):
        raise ValueError(f"`family` must be given where arms differ in theirs, got {family!r}.")
    # Here, for they take longer to import than all the rest of the package.
    from scipy import optimize, special  # noqa: PLC0415

    kl = families[0].kl
    means = np.sort(np.asarray(problem.expected_reward))[::-1]
    best, others = means[0], means[1:]
    if problem.arms == 1 or delta >= 0.5:  # noqa: PLR2004 - one half
        return 0.0
    if others[0] == best:
        return math.inf
    if kl(best, others[0]) < _LEAST:
        wanted = "`problem` must have a best arm that is ahead by more than rounding"
        raise ValueError(f"{wanted}, got {problem!r}.")

    def learned(log_ratio: Any, other: Any) -> tuple[Any, Any]:
        """Return what one pull of the best and so many of another tell, and the pooled mean."""
        pooled = best + special.expit(log_ratio) * (other - best)
        return kl(best, pooled) + np.exp(log_ratio) * kl(other, pooled), pooled

    def shares(closest: float) -> tuple[float, float, Float]:
        """Return the imbalance of shares, what they tell, and the logarithms of their ratios.

        ``closest`` is the closest rival's; the others are pulled until they tell as much.
        """
        level = float(learned(closest, others[0])[0])
        low, high = np.full(len(others), -_MOST), np.full(len(others), closest)
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            enough = learned(middle, others)[0] >= level
            low, high = np.where(enough, low, middle), np.where(enough, middle, high)
        pooled = learned(high, others)[1]
        balance = kl(best, pooled) / np.maximum(kl(others, pooled), _LEAST**2)
        return float(np.minimum(balance.sum(), 1e9)) - 1.0, level, high

    closest = optimize.brentq(lambda log_ratio: shares(log_ratio)[0], -_MOST, _MOST)
    _, level, log_ratio = shares(closest)
    rate = level / (1.0 + float(np.exp(log_ratio).sum()))
    return float(Bernoulli().kl(delta, 1 - delta)) / rate
