"""Worlds whose arms do not stay what they are."""

from collections.abc import Sequence
from typing import Any, final

import numpy as np

from banditsplit import _checks
from banditsplit.theory._problems import Problem
from banditsplit.theory._worlds import Situation


@final
class PiecewiseProblem:
    """One problem after the other, on the same arms.

    Every round is judged against its own best arm, so what `banditsplit.simulate` reports is
    the *dynamic* pseudo-regret.

    Args:
        problems: The first one holds from round 1.
        changes: The rounds at which the next one begins: integers, increasing, from 2.

    Raises:
        TypeError: A problem cannot be drawn from, or a change is no integer.
        ValueError: No problems, other arms in one of them, not one change between each two,
            or changes that do not increase from 2.
    """

    def __init__(self, problems: Sequence[Problem], changes: Sequence[int]) -> None:
        self.problems, self.changes = tuple(problems), tuple(changes)
        if not self.problems:
            raise ValueError(f"`problems` must hold at least one problem, got {problems!r}.")
        for problem in self.problems:
            if not hasattr(problem, "draw"):
                msg = "`problems` must hold problems, with a method `draw`"
                raise TypeError(f"{msg}, got {problem!r}.")
            if problem.arms != self.arms:
                msg = f"`problems` must all have the {self.arms} arms of the first"
                raise ValueError(f"{msg}, got {problem.arms} in {problem!r}.")
        if len(self.changes) != len(self.problems) - 1:
            msg = f"`changes` must hold one round for each of {len(self.problems) - 1} changes"
            raise ValueError(f"{msg}, got {changes!r}.")
        least = 2
        for change in self.changes:
            least = _checks.integer("changes", change, least=least) + 1
        self._pieces = tuple(
            Situation(p.expected_reward, p.expected_cost) for p in self.problems
        )

    @property
    def arms(self) -> int:
        """How many there are."""
        return self.problems[0].arms

    @property
    def span(self) -> float:
        """Largest minus smallest reward of one pull, in any of the problems."""
        return max(problem.span for problem in self.problems)

    def situation(self, t: int, runs: int, rng: np.random.Generator) -> Situation:
        """Return round ``t``, from 1: the expectations of the problem that holds."""
        del runs, rng
        return self._pieces[int(np.searchsorted(self.changes, t, side="right"))]

    def respond(
        self, situation: Situation, arm: Any, rng: np.random.Generator
    ) -> tuple[Any, Any, None]:
        """Return rewards and costs of ``arm``, `[runs]`, in a round from `situation`."""
        piece = next(n for n, known in enumerate(self._pieces) if known is situation)
        return *self.problems[piece].draw(arm, rng), None

    def __repr__(self) -> str:
        return f"PiecewiseProblem({list(self.problems)!r}, {list(self.changes)!r})"
