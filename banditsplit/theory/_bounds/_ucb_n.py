"""UCB1 that also learns from what its pulls reveal."""

import math

from banditsplit import _checks
from banditsplit._typing import Bool
from banditsplit.objectives import Objective
from banditsplit.theory._bounds._cliques import clique_cover
from banditsplit.theory._bounds._values import arm_gaps, finite, rounds
from banditsplit.theory._graphs import GraphProblem


def ucb_n_regret_bound(
    problem: GraphProblem,
    horizon: int,
    *,
    span: float = 1.0,
    objective: Objective | None = None,
) -> float:
    """Return the bound on UCB-N's expected pseudo-regret after ``horizon`` rounds.

    UCB-N is UCB1's index, ``mean + span * sqrt(2 ln t / observations)``, over all that was
    observed: pulls and everything that they revealed. With the suboptimal arms parted into
    cliques C of the graph, ``8 span**2 ln(n) sum_C max gap / (min gap)**2 + (1 + pi**2 / 3)
    sum_i gap_i`` (Caron, Kveton, Lelarge & Bhagat 2012). The cliques are found by a
    greedy search; without edges, or without a gain, they are single arms as in UCB1's bound.

    Args:
        problem: Rewards of an arm within an interval of length ``span``, on a fixed
            undirected graph.
        horizon: Rounds, at least 1.
        span: What the index was told, in value units.
        objective: What gaps are measured in; `Reward` by default.

    Raises:
        TypeError: `problem` is no `GraphProblem`, or a number is of the wrong type.
        ValueError: The graph is drawn anew every round or has an edge in one direction
            only, values spread wider than ``span``, or a number is out of range.
    """
    # Every pull in a clique shows all of it. So after 8 span**2 ln(n) / (min gap)**2 pulls in
    # it, rounded up, a pull needs a confidence bound to fail, as in UCB1's proof; before, one
    # costs at most the clique's largest gap. A best arm's pulls cost nothing and only help,
    # so that cliques are counted without it.
    horizon = rounds(horizon)
    _checks.instance("problem", problem, GraphProblem)
    graph = _undirected(problem)
    gap = arm_gaps(problem.problem, span, objective)
    worse = gap > 0
    gap, graph = gap[worse], graph[worse][:, worse]
    cliques = clique_cover(graph, gap)
    explored = sum(gap[c].max() / gap[c].min() ** 2 for c in cliques)
    logarithmic = 8 * span**2 * math.log(horizon) * float(explored)
    return finite(logarithmic + (1 + math.pi**2 / 3) * float(gap.sum()))


def _undirected(problem: GraphProblem) -> Bool:
    """Return the graph, or refuse one that is drawn, or has an edge in one direction only."""
    graph = problem.graph
    if isinstance(graph, float) or (graph != graph.T).any():
        wanted = "`problem` must have a fixed graph whose edges go both ways"
        raise ValueError(f"{wanted}, got {graph!r}.")
    return graph
