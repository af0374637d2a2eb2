"""The bound of UCB-N on feedback graphs, and the cliques that it counts."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from banditsplit import BernoulliProblem
from banditsplit.theory import GraphProblem, ucb1_regret_bound, ucb_n_regret_bound
from banditsplit.theory._bounds._cliques import clique_cover
from tests.bound_problems import FOUR, bernoulli, edges


def test_ucb_n_by_hand() -> None:
    """Gaps .25 and .5. In one clique: .5 / .25**2 = 8, plus 6 for both apart."""
    three = bernoulli(0.75, 0.5, 0.25)
    rest = 0.75 * (1 + math.pi**2 / 3)
    both = GraphProblem(three, edges(3, (1, 2), (2, 1)))
    assert math.isclose(ucb_n_regret_bound(both, 7), 48 * math.log(7) + rest)
    # Gaps .4 and .5: 1 / .4 + 1 / .5 = 4.5 apart, and .5 / .16 = 3.125 together.
    close = GraphProblem(bernoulli(0.9, 0.5, 0.4), both.graph)
    together = 8 * 3.125 * math.log(7) + 0.9 * (1 + math.pi**2 / 3)
    assert math.isclose(ucb_n_regret_bound(close, 7), together)


def test_cliques_are_counted_without_the_best_arms() -> None:
    """In the triangle with the best arm, the two others stay a clique."""
    close = bernoulli(0.9, 0.5, 0.4)
    triangle = GraphProblem(close, np.ones((3, 3), np.bool_))
    edge = GraphProblem(close, edges(3, (1, 2), (2, 1)))

    assert ucb_n_regret_bound(triangle, 7) == ucb_n_regret_bound(edge, 7)


@given(arms=st.integers(1, 7), density=st.floats(0, 1), seed=st.integers(0, 2**32 - 1))
def test_ucb_n_is_never_promised_more_regret_than_ucb1(
    arms: int, density: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    graph = np.triu(rng.random((arms, arms)) < density)
    problem = BernoulliProblem(rng.random(arms))

    bound = ucb_n_regret_bound(GraphProblem(problem, graph | graph.T), 1000)

    assert bound <= ucb1_regret_bound(problem, 1000) * (1 + 1e-9)


@given(arms=st.integers(1, 7), density=st.floats(0, 1), seed=st.integers(0, 2**32 - 1))
def test_covers_are_of_cliques_and_of_every_arm_once(
    arms: int, density: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    graph = rng.random((arms, arms)) < density
    cliques = clique_cover(graph, rng.random(arms) + 0.01)

    assert sorted(itertools.chain(*cliques)) == list(range(arms))
    for clique in cliques:
        assert all(graph[j, i] for j in clique for i in clique if i != j)


def test_graphs_outside_ucb_ns_theorem_are_refused() -> None:
    for graph in (edges(4, (0, 1)), 0.5, 0.0):
        with pytest.raises(ValueError, match=r"^`problem` must have a fixed graph whose edges"):
            ucb_n_regret_bound(GraphProblem(FOUR, graph), 10)
