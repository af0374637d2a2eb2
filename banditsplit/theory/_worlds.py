"""Worlds: what a round looks like where it is more than pulling one of the same arms.

Arms that drift, arms that depend on a context, pulls that reveal other arms: each is a world.
"""

from typing import Any, NamedTuple, Protocol

import numpy as np

from banditsplit._typing import Float
from banditsplit.theory._problems import Problem


class Situation(NamedTuple):
    """A round before the choice.

    Attributes:
        expected_reward: `[arms]`, or `[runs, arms]` where runs differ, in reward units.
        expected_cost: As ``expected_reward``, in cost units.
        context: What policies are shown, `[runs, ...]`; None where there is nothing to show.
    """

    expected_reward: Float
    expected_cost: Float
    context: Any = None


class World(Protocol):
    """Rounds that simulation can play, many runs side by side."""

    @property
    def arms(self) -> int:
        """How many there are."""
        ...

    def situation(self, t: int, runs: int, rng: np.random.Generator) -> Situation:
        """Return round ``t``, from 1, before the choice."""
        ...

    def respond(
        self, situation: Situation, arm: Any, rng: np.random.Generator
    ) -> tuple[Any, Any, Any]:
        """Return rewards and costs of ``arm``, `[runs]`, and side observations or None."""
        ...


class Stationary:
    """A `Problem` as a world: every round is the same."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self._round = Situation(problem.expected_reward, problem.expected_cost)

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
    ) -> tuple[Any, Any, None]:
        """Return rewards and costs of ``arm``, `[runs]`."""
        del situation
        return *self.problem.draw(arm, rng), None
