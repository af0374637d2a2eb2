"""Confidence ellipsoids around ridge regression, where values are linear in a context."""

import math

import numpy as np

from banditsplit import _checks
from banditsplit.objectives import Objective
from banditsplit.theory._bounds._values import (
    LARGEST,
    SMALLEST,
    finite,
    rounds,
    tradeoff_of,
)
from banditsplit.theory._contextual import LinearProblem


def oful_regret_bound(
    problem: LinearProblem,
    horizon: int,
    *,
    delta: float = 0.05,
    noise: float = 1.0,
    norm: float = 1.0,
    ridge: float = 1.0,
    objective: Objective | None = None,
) -> float:
    """Return what OFUL's pseudo-regret exceeds with probability at most ``delta``.

    In no round at all, with probability ``1 - delta``, and in any one run: the pseudo-regret
    sums each round's gaps in its own context. The bound is ``2 r sqrt(n c g)`` for n rounds
    and d parameters, with the growth ``g = d ln(1 + n / (ridge d))``, the last radius
    ``r = noise sqrt(g + 2 ln(1 / delta)) + sqrt(ridge) norm`` and
    ``c = (1 / ridge) / ln(1 + 1 / ridge)``: Abbasi-Yadkori, Pal & Szepesvari 2011, proof of
    Thm. 3 for contexts of norm 1. Their ``c`` is 2, for a ridge of at least 1.

    Args:
        problem: Contexts on the sphere.
        horizon: Rounds, at least 1.
        delta: What the policy was told, strictly between 0 and 1.
        noise: What the policy was told, in value units.
        norm: What the policy was told: at least the parameters' norm, of all arms together.
        ridge: The policy's.
        objective: `Reward`, or `Net` where nothing costs: costs are not linear in a context.

    Raises:
        TypeError: `problem` is no `LinearProblem`, or a number is of the wrong type.
        ValueError: Contexts have no bound, noise or parameters are larger than was told, the
            objective weighs a cost, or a number is out of range.
    """
    largest_noise, largest_norm = _facts(problem, objective)
    if _checks.positive("noise", noise) < largest_noise:
        msg = f"`noise` must be at least the problem's own, {largest_noise}"
        raise ValueError(f"{msg}, got {noise!r}.")
    if _checks.positive("norm", norm) < largest_norm:
        msg = f"`norm` must be at least that of the problem's parameters, {largest_norm}"
        raise ValueError(f"{msg}, got {norm!r}.")
    growth = _growth(problem, horizon, ridge)
    return _bound(_radius(growth, delta, noise, norm, ridge), growth, horizon, ridge)


def lin_ucb_regret_bound(
    problem: LinearProblem,
    horizon: int,
    *,
    alpha: float,
    delta: float = 0.05,
    ridge: float = 1.0,
    objective: Objective | None = None,
) -> float:
    """Return what LinUCB's pseudo-regret exceeds with probability at most ``delta``.

    LinUCB's width is ``alpha`` in every round. Where that is at least the radius that the
    problem's noise and parameters ask for up to the horizon, it is wide enough, and the bound
    is `oful_regret_bound`'s with ``r = alpha``. For a smaller one there is no theorem.

    Args:
        problem: Contexts on the sphere.
        horizon: Rounds, at least 1.
        alpha: The policy's, in value units.
        delta: Probability of exceeding the bound, strictly between 0 and 1.
        ridge: The policy's.
        objective: `Reward`, or `Net` where nothing costs.

    Raises:
        TypeError: `problem` is no `LinearProblem`, or a number is of the wrong type.
        ValueError: Contexts have no bound, ``alpha`` is too small for this horizon, the
            objective weighs a cost, or a number is out of range.
    """
    noise, norm = _facts(problem, objective)
    growth = _growth(problem, horizon, ridge)
    least = _radius(growth, delta, noise, norm, ridge)
    if _checks.positive("alpha", alpha) < least:
        msg = f"`alpha` must be at least {least} for this problem and horizon"
        raise ValueError(f"{msg}, got {alpha!r}.")
    return _bound(alpha, growth, horizon, ridge)


def _facts(problem: LinearProblem, objective: Objective | None) -> tuple[float, float]:
    """Return the scale of the noise and the norm of all parameters, or refuse the problem."""
    _checks.instance("problem", problem, LinearProblem)
    if problem.contexts != "sphere":
        wanted = "`problem` must have contexts of bounded norm, 'sphere'"
        raise ValueError(f"{wanted}, got {problem.contexts!r}.")
    if tradeoff_of(objective) and problem.costs.any():
        wanted = "`objective` must weigh no costs, for they are not linear in a context"
        raise ValueError(f"{wanted}, got {objective!r}.")
    return float(np.max(problem.std)), float(np.linalg.norm(problem.parameters))


def _growth(problem: LinearProblem, horizon: int, ridge: float) -> float:
    """Return the most that the second moment's determinant can grow, as a logarithm."""
    size = problem.parameters.size
    if not SMALLEST <= _checks.positive("ridge", ridge) <= LARGEST:
        wanted = f"`ridge` must lie in [{SMALLEST}, {LARGEST}] for a bound"
        raise ValueError(f"{wanted}, got {ridge!r}.")
    return size * math.log1p(rounds(horizon) / (ridge * size))


def _radius(growth: float, delta: float, noise: float, norm: float, ridge: float) -> float:
    """Return the radius of the last ellipsoid, in value units."""
    doubt = -2 * math.log(_checks.open_fraction("delta", delta))
    return noise * math.sqrt(growth + doubt) + math.sqrt(ridge) * norm


def _bound(radius: float, growth: float, horizon: int, ridge: float) -> float:
    """Return twice the radius times a bound on the sum of the widths.

    A squared width u is at most 1 / ridge, so at most ``c ln(1 + u)``; these sum to the growth.
    """
    c = 1 / (ridge * math.log1p(1 / ridge))
    return finite(2 * radius * math.sqrt(horizon * c * growth))
