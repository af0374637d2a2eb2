"""Feedback graphs: a pull reveals what other arms would have given."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from banditsplit import _checks
from banditsplit._typing import Bool, Float
from banditsplit.theory._problems import Problem
from banditsplit.theory._worlds import Situation


@dataclass(frozen=True, slots=True, eq=False)
class GraphProblem:
    """A `Problem` in which pulling arm ``j`` reveals arm ``i`` where ``graph[j, i]``.

    A world to simulate. Every arm is drawn in every round, so that policies of one seed meet
    the same rewards whatever is revealed to them.

    Attributes:
        problem: The arms.
        graph: Who reveals whom, bool `[arms, arms]`; the diagonal is not read, since a pulled
            arm is seen anyway. Or a number in [0, 1]: then the graph is drawn anew in every
            round and run, and each arm reveals each other one with this probability (directed
            Erdos-Renyi graphs; Alon, Cesa-Bianchi, Gentile & Mansour 2013).

    Raises:
        TypeError: `graph` holds other things than booleans.
        ValueError: `graph` is not `[arms, arms]`, or a number outside [0, 1].
    """

    problem: Problem
    graph: Bool | float
    _round: Situation = field(init=False, repr=False)

    def __post_init__(self) -> None:
        graph: Any = self.graph
        if isinstance(graph, int | float) and not isinstance(graph, bool):
            graph = _checks.fraction("graph", graph)
        else:
            graph = _checks.graph("graph", graph, self.problem.arms)
        object.__setattr__(self, "graph", graph)
        known = Situation(self.problem.expected_reward, self.problem.expected_cost)
        object.__setattr__(self, "_round", known)

    @property
    def arms(self) -> int:
        """How many there are."""
        return self.problem.arms

    def situation(self, t: int, runs: int, rng: np.random.Generator) -> Situation:
        """Return the round that all rounds are like."""
        del t, runs, rng
        return self._round

    def respond(
        self, situation: Situation, arm: Any, rng: np.random.Generator
    ) -> tuple[Float, Float, dict[str, Any]]:
        """Return rewards and costs of ``arm``, `[runs]`, and what it revealed.

        Side observations tell the round's graph: `[arms, arms]`, or `[runs, arms, arms]`
        where it was drawn.
        """
        del situation
        arms, runs = self.arms, np.arange(len(arm))
        reward, cost = self.problem.draw(np.tile(np.arange(arms), (len(arm), 1)), rng)
        graph: Any = self.graph
        if isinstance(graph, float):
            graph = rng.random((len(arm), arms, arms)) < graph
            revealed = graph[runs, arm]
        else:
            revealed = graph[arm]
        revealed[runs, arm] = False  # the pulled arm is no side observation
        side = {
            "revealed": revealed,
            "reward": np.where(revealed, reward, 0.0),
            "cost": np.where(revealed, cost, 0.0),
            "kind": "observed",
            "graph": graph,
        }
        return reward[runs, arm], cost[runs, arm], side
