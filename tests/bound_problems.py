"""Problems that tests of regret bounds share."""

from typing import Any

import numpy as np

from banditsplit import BernoulliProblem
from banditsplit.theory import GraphProblem, LinearProblem, PiecewiseProblem, Problem


class Scaled:
    """Rewards of another problem in other units: ``factor`` of them are one of the old."""

    def __init__(self, problem: Problem, factor: float) -> None:
        self.problem, self.factor, self.arms = problem, factor, problem.arms
        self.expected_reward = np.multiply(factor, problem.expected_reward)
        self.expected_cost = np.multiply(factor, problem.expected_cost)
        self.span = factor * problem.span

    def draw(self, arm: Any, rng: np.random.Generator) -> tuple[Any, Any]:
        reward, cost = self.problem.draw(arm, rng)
        return self.factor * reward, self.factor * cost


def bernoulli(*means: float, costs: tuple[float, ...] = ()) -> BernoulliProblem:
    return BernoulliProblem(np.array(means), np.array(costs))


def edges(arms: int, *pairs: tuple[int, int]) -> Any:
    """The directed graph with these edges."""
    graph = np.zeros((arms, arms), np.bool_)
    for j, i in pairs:
        graph[j, i] = True
    return graph


FOUR = bernoulli(0.8, 0.5, 0.4, 0.3)
TWO = bernoulli(0.9, 0.1)
FIXED = GraphProblem(FOUR, edges(4, (0, 1), (1, 0), (1, 2), (2, 1)))
DRAWN = GraphProblem(FOUR, 0.3)
SWITCH = PiecewiseProblem([bernoulli(0.9, 0.1, 0.2), bernoulli(0.1, 0.9, 0.2)], [4001])
SHARED = LinearProblem(np.array([0.6, 0.8, 0.0]), arms=5, std=0.1, contexts="sphere")
APART = LinearProblem(np.array([[0.6, 0.8], [-0.6, 0.8]]), std=0.1, contexts="sphere")
