"""Exponential weights. The bounds hold for values that an adversary chose, so for any law.

Step sizes are ``eta_t``, the losses ``l`` of the K arms lie in [0, 1], and estimates of them
are ``e``. For weights ``exp(-eta_t * sum of e)`` and any arm j, as long as ``eta_t`` does not
rise (Bubeck & Cesa-Bianchi 2012, proof of Thm. 3.1)::

    sum_t sum_i p_i e_i - sum_t e_j <= ln K / eta_n + sum_t eta_t / 2 sum_i p_i e_i**2
"""

import math

from banditsplit import _checks
from banditsplit.objectives import Objective
from banditsplit.theory._bounds._cliques import clique_cover
from banditsplit.theory._bounds._values import arms_of_interval, finite, rounds
from banditsplit.theory._graphs import GraphProblem
from banditsplit.theory._problems import Problem


def exp3_regret_bound(
    problem: Problem,
    horizon: int,
    *,
    gamma: float | None = None,
    span: float = 1.0,
    objective: Objective | None = None,
) -> float:
    """Return the bound on Exp3's expected pseudo-regret after ``horizon`` rounds.

    ``span * 2 sqrt(n K ln K)`` with n rounds and K arms, for losses and the step size
    ``sqrt(ln K / (K t))`` (Bubeck & Cesa-Bianchi 2012, Thm. 3.1).

    With ``gamma`` the policy estimates gains and mixes uniform play in, and the bound is
    ``span * ((e - 1) gamma n + K ln K / gamma)`` (Auer, Cesa-Bianchi, Freund & Schapire 2002,
    Thm. 3.1, where the best arm's gains are at most n). If gamma was chosen for this horizon
    and is below 1, that is ``span * 2 sqrt((e - 1) n K ln K)``, their Cor. 3.2.

    Args:
        problem: Values of all arms within one interval of length ``span``.
        horizon: Rounds, at least 1.
        gamma: Share of uniform play, in (0, 1], if the policy has one.
        span: Largest minus smallest value of all arms, in value units.
        objective: What values are; `Reward` by default.

    Raises:
        TypeError: `problem` is no `Problem`, or a number is of the wrong type.
        ValueError: Values may spread wider than ``span``, or a number is out of range.
    """
    horizon = rounds(horizon)
    arms = arms_of_interval(problem, span, objective)
    if gamma is None:
        return finite(span * 2 * math.sqrt(horizon * arms * math.log(arms)))
    gamma = _checks.share("gamma", gamma)
    return finite(span * ((math.e - 1) * gamma * horizon + arms * math.log(arms) / gamma))


def exp3_ix_regret_bound(
    problem: Problem,
    horizon: int,
    *,
    delta: float | None = None,
    eta: float | None = None,
    span: float = 1.0,
    objective: Objective | None = None,
) -> float:
    """Return the bound on the regret of Exp3-IX after ``horizon`` rounds.

    With ``delta`` it is about the *realised* regret, of one run: what the best arm in
    hindsight gave in all rounds, less what the policy got. That exceeds ``span * (2 ln K /
    eta_n + K sum_t eta_t + (1 / eta_n + 1) ln(2 / delta))`` with probability at most delta:
    Neu 2015, proof of Thm. 1. For ``eta_t = sqrt(ln K / (K t))`` it is
    ``4 sqrt(n K ln K) + (sqrt(n K / ln K) + 1) ln(2 / delta)``; the theorem states twice that
    factor of the logarithm.

    Without, it is about the *expected pseudo-regret*, ``span * (ln K / eta_n + K sum_t
    eta_t)``, or ``3 sqrt(n K ln K)``: estimated losses are too low on average, which costs
    nothing there.

    Args:
        problem: Values of all arms within one interval of length ``span``.
        horizon: Rounds, at least 1.
        delta: Probability of exceeding the bound, strictly between 0 and 1; or None.
        eta: Step size if it is constant, for which ``gamma = eta / 2``.
        span: Largest minus smallest value of all arms, in value units.
        objective: What values are; `Reward` by default.

    Raises:
        TypeError: `problem` is no `Problem`, or a number is of the wrong type.
        ValueError: Values may spread wider than ``span``, or a number is out of range.
    """
    # With gamma_t = eta_t / 2 the loss is sum_i p_i e_i + eta_t / 2 sum_i e_i, and
    # p_i e_i <= 1: so in all there is ln K / eta_n + sum_t eta_t sum_i e_i + sum_t e_j, less
    # the losses of arm j. Where every e has an expectation of at most l, that is all. Each with
    # probability 1 - delta / 2, sum_t eta_t sum_i (e_i - l_i) <= ln(2 / delta) and, for all j
    # at once, sum_t (e_j - l_j) <= ln(2 K / delta) / eta_n: for Neu shows that
    # exp(sum_t sum_i a_ti (e_i - l_i)) has a mean of at most 1 where a_ti <= 2 gamma_t.
    horizon = rounds(horizon)
    arms = arms_of_interval(problem, span, objective)
    last, total = _steps(horizon, eta, _log(arms) / arms)
    expected = math.log(arms) / last + arms * total
    if delta is None:
        return finite(span * expected)
    deviation = (1 / last + 1) * math.log(2 / _checks.open_fraction("delta", delta))
    return finite(span * (expected + math.log(arms) / last + deviation))


def exp3_set_regret_bound(
    problem: GraphProblem,
    horizon: int,
    *,
    eta: float | None = None,
    independence: float | None = None,
    span: float = 1.0,
    objective: Objective | None = None,
) -> float:
    """Return the bound on the expected pseudo-regret of Exp3-SET after ``horizon`` rounds.

    ``span * (ln K / eta_n + Q / 2 sum_t eta_t)`` where Q bounds ``sum_i p_i / q_i``, the
    chance of pulling an arm over that of seeing it: Alon, Cesa-Bianchi, Gentile & Mansour
    2013, whose general bound has the average of that sum. For their random directed graphs of
    edge probability r it is ``(1 - (1 - r)**K) / r``. For a fixed graph it is here the size
    of a cover by cliques of arms that reveal each other: in a clique, ``q_i`` is at least what
    all of it is pulled with, so that its sum is at most 1. Their independence number, for
    undirected graphs, is never larger.

    Args:
        problem: Values of all arms within one interval of length ``span``; all that the
            graph reveals is observed.
        horizon: Rounds, at least 1.
        eta: Step size if it is constant.
        independence: What the policy was told otherwise: its step size is
            ``sqrt(ln K / (independence * t))``. K by default.
        span: Largest minus smallest value of all arms, in value units.
        objective: What values are; `Reward` by default.

    Raises:
        TypeError: `problem` is no `GraphProblem`, or a number is of the wrong type.
        ValueError: Values may spread wider than ``span``, a number is out of range, or `eta`
            and `independence` are both given.
    """
    horizon = rounds(horizon)
    _checks.instance("problem", problem, GraphProblem)
    arms = arms_of_interval(problem.problem, span, objective)
    if eta is not None and independence is not None:
        msg = "`eta` must be None where `independence` is given"
        raise ValueError(f"{msg}, got {eta!r}.")
    told = arms if independence is None else _checks.number("independence", independence)
    if not 1 <= told <= arms:
        raise ValueError(f"`independence` must lie in [1, {arms}], got {independence!r}.")
    last, total = _steps(horizon, eta, _log(arms) / told)
    return finite(span * (math.log(arms) / last + _spread(problem) / 2 * total))


def _spread(problem: GraphProblem) -> float:
    """Return a bound on ``sum_i p_i / q_i`` for any probabilities p."""
    graph = problem.graph
    if isinstance(graph, float):
        # `expm1` and `log1p`, so that a small edge probability leaves all of the arms.
        if graph in (0.0, 1.0):
            return 1.0 if graph else float(problem.arms)
        return -math.expm1(problem.arms * math.log1p(-graph)) / graph
    return float(len(clique_cover(graph, [1.0] * problem.arms)))


def _steps(horizon: int, eta: float | None, squared: float) -> tuple[float, float]:
    """Return the last step size, and a bound on the sum of all.

    They are ``eta``, or ``sqrt(squared / t)``: then the sum is below twice the root of n.
    """
    if eta is None:
        return math.sqrt(squared / horizon), 2 * math.sqrt(squared * horizon)
    eta = _checks.positive("eta", eta)
    return eta, eta * horizon


def _log(arms: int) -> float:
    """Return ``ln K``, but that of 2 for one arm: as the policies do, to have a step size."""
    return math.log(max(arms, 2))
