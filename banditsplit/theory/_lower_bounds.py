"""Lower bounds: how fast regret must grow, at least, as the horizon does.

They hold for policies that are good on every problem of a family: ones whose regret grows more
slowly than any power of the horizon, whatever the means. They are *asymptotic*: the regret
divided by ``ln(horizon)`` does not end up below the constant. At a finite horizon a good policy
may well be below ``constant * ln(horizon)``.
"""

import math
from typing import Any

import numpy as np

from banditsplit import _checks
from banditsplit._typing import Float
from banditsplit.objectives import Objective
from banditsplit.theory._bounds._values import expected_values, finite, tradeoff_of
from banditsplit.theory._costly import CostlyProblem
from banditsplit.theory._divergences import Bernoulli, Family, Gaussian
from banditsplit.theory._graphs import GraphProblem
from banditsplit.theory._problems import BernoulliProblem, GaussianProblem, Problem


def lai_robbins_constant(
    problem: Problem, *, family: Family | None = None, objective: Objective | None = None
) -> float:
    """Return ``sum_i gap_i / kl(mean_i, best mean)`` over the arms with a gap.

    Lai & Robbins 1985, for bandit feedback. Under `Net`, with costs that are fixed and known,
    it is the mean reward at which arm i would be worth as much as the best that takes the
    place of the best mean. An arm that cannot get there within its family adds nothing.

    Args:
        problem: Arms with known expectations.
        family: What laws an arm might have. By default that of the problem: Bernoulli, or
            Gaussian with the problem's standard deviations.
        objective: `Reward` by default, or `Net`.

    Returns:
        In reward units; 0 where every arm is a best one.

    Raises:
        TypeError: `problem` is no `Problem`, or `family` is no `Family`.
        ValueError: The problem says no family and none is given, a mean lies outside it, the
            objective is of another kind or weighs random costs, or a gap is too small for
            floats.
    """
    gap, information = _gaps_and_information(problem, family, objective)
    return finite(float(np.sum(gap / information)))


def lai_robbins_lower_bound(
    problem: Problem,
    horizon: int,
    *,
    family: Family | None = None,
    objective: Objective | None = None,
) -> float:
    """Return `lai_robbins_constant` times ``ln(horizon)``: asymptotic, see there.

    Raises:
        TypeError: As there, or `horizon` is no integer.
        ValueError: As there, or `horizon` is below 1.
    """
    log_horizon = math.log(_checks.integer("horizon", horizon, least=1))
    return lai_robbins_constant(problem, family=family, objective=objective) * log_horizon


def graves_lai_constant(
    problem: GraphProblem, *, family: Family | None = None, objective: Objective | None = None
) -> float:
    """Return the least regret per ``ln(horizon)`` that lets every arm be seen often enough.

    ``min sum_j c_j gap_j`` over pulls ``c >= 0`` such that every arm i with a gap is observed
    ``sum_j w_ji c_j >= 1 / kl_i`` times, with the divergences of `lai_robbins_constant`.
    Pulls of best arms are free. ``w_ji`` is 1 for ``j = i`` and where the graph has an edge;
    in random graphs it is the probability of one. Graves & Lai 1997; with side observations
    Buccapatnam, Eryilmaz & Shroff 2014 (*Stochastic bandits with side observations on
    networks*). Without edges it is `lai_robbins_constant`, and never more.

    Args:
        problem: Arms with known expectations, on a graph of either kind.
        family: As there.
        objective: As there.

    Returns:
        In reward units; 0 where best arms reveal all others.

    Raises:
        TypeError: `problem` is no `GraphProblem`, or as there.
        ValueError: As there.
    """
    _checks.instance("problem", problem, GraphProblem)
    gap, information = _gaps_and_information(problem.problem, family, objective)
    learned = np.flatnonzero(np.isfinite(information))
    if not learned.size:
        return 0.0
    # Here, for it takes longer to import than all the rest of the package.
    from scipy.optimize import linprog  # noqa: PLC0415

    graph: Any = problem.graph
    weight = np.broadcast_to(np.asarray(graph, np.float64), (problem.arms, problem.arms)).copy()
    np.fill_diagonal(weight, 1.0)
    # Every arm's pulls are counted in what it needs by itself, and costs in the largest one,
    # so that the solver's tolerances are relative ones.
    unit = 1 / np.where(np.isfinite(information), information, information[learned].min())
    cost = gap * unit
    seen = weight.T[learned] * unit * information[learned, None]
    result: Any = linprog(cost / cost.max(), A_ub=-seen, b_ub=-np.ones(len(learned)))
    return finite(float(cost.max() * result.fun))


def graves_lai_lower_bound(
    problem: GraphProblem,
    horizon: int,
    *,
    family: Family | None = None,
    objective: Objective | None = None,
) -> float:
    """Return `graves_lai_constant` times ``ln(horizon)``: asymptotic, see there.

    Raises:
        TypeError: As there, or `horizon` is no integer.
        ValueError: As there, or `horizon` is below 1.
    """
    log_horizon = math.log(_checks.integer("horizon", horizon, least=1))
    return graves_lai_constant(problem, family=family, objective=objective) * log_horizon


def _gaps_and_information(
    problem: Problem, family: Family | None, objective: Objective | None
) -> tuple[Float, Float]:
    """Return gaps, and what one observation tells against an arm being best, both `[arms]`.

    That is the divergence from the arm's law to the nearest one that makes it the best: inf
    for best arms, and where there is none.
    """
    value = expected_values(problem, objective)
    best, mean = value.max(), problem.expected_reward
    gap = best - value
    # Not `mean + gap`, which rounding may leave an ulp below the best mean.
    target = best + tradeoff_of(objective) * problem.expected_cost
    information = np.full(problem.arms, np.inf)
    for arm, law in enumerate(families_of(problem, family)):
        low, high = law.means
        if not low <= mean[arm] <= high:
            wanted = f"`family` must contain the problem's means, in [{low}, {high}]"
            raise ValueError(f"{wanted}, got {mean!r}.")
        if gap[arm] > 0 and target[arm] <= high:
            information[arm] = law.kl(mean[arm], target[arm])
    if (information == 0).any():
        wanted = "`problem` must have gaps that floats can tell by their divergence"
        raise ValueError(f"{wanted}, got {gap!r}.")
    return gap, information


def families_of(problem: Problem, family: Family | None) -> list[Family]:
    """Return the family of every arm."""
    if family is not None:
        _checks.instance("family", family, Family)
        return [family] * problem.arms
    if isinstance(problem, BernoulliProblem | CostlyProblem):
        return [Bernoulli()] * problem.arms
    if isinstance(problem, GaussianProblem):
        return [Gaussian(float(std)) for std in np.asarray(problem.std)]
    raise ValueError(f"`family` must be given for {type(problem).__name__}, got None.")
