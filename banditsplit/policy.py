"""The policy: a frozen recipe, its state, and the generator that breaks its ties."""

import os
from dataclasses import replace
from typing import Any, final

import numpy as np

from banditsplit import _checks, _storage
from banditsplit._doors import ManyRuns, OneRun
from banditsplit._stats import ArmStats
from banditsplit._typing import Bool, Seed
from banditsplit.recipe import Recipe


@final
class Policy:
    """An algorithm at work: the one mutable object.

    With ``runs=None`` it is one learner, and scalars go in and out. With ``runs=n`` it is
    ``n`` independent learners side by side, and everything has shape `[n]`, even for 1.
    No call that raises changes anything.

    Args:
        recipe: How it decides and learns.
        runs: None, or how many learners.
        seed: An int, a `SeedSequence`, or a `Generator`, which is then shared.

    Raises:
        TypeError: `runs` is no integer, or `seed` is none of these.
        ValueError: `runs` is below 1.
    """

    __slots__ = ("_door", "_recipe", "_rng", "_state")

    def __init__(self, recipe: Recipe, *, runs: int | None = None, seed: Seed = None) -> None:
        self._recipe = recipe
        self._door: OneRun | ManyRuns
        if runs is None:
            self._door = OneRun(recipe.arms)
        else:
            self._door = ManyRuns(recipe.arms, _checks.integer("runs", runs, least=1))
        self._rng = _checks.generator(seed)
        self._state = recipe.empty(self._door.runs)

    def select(self, context: Any = None, available: Any = None) -> Any:
        """Return the arm to pull: an int, or `[runs]`.

        Args:
            context: What is known of this round; policies without context ignore it.
            available: The arms that may be pulled, bool `[arms]` or `[runs, arms]`.

        Raises:
            TypeError: `available` does not hold booleans.
            ValueError: `available` has another shape, or leaves a run without an arm.
        """
        del context
        if available is not None:
            available = self._door.available(available)
        return self._recipe.choose(self._state, self._rng, available)

    def update(
        self, arm: Any, reward: Any, cost: Any = 0.0, side: Any = None, where: Any = None
    ) -> None:
        """Learn what a round gave, and end the round.

        It answers the latest `select`, or an arm that was chosen elsewhere.

        Args:
            arm: The pulled arm, an int or `[runs]`.
            reward: What it gave, a number or `[runs]`, in reward units.
            cost: What it took, not negative, a number or `[runs]`, in cost units.
            side: Arms revealed without a pull: a mapping of ``revealed`` (bool), ``reward``
                and ``cost``, each `[arms]` or `[runs, arms]`, and ``kind``, which says how
                the numbers were obtained. Only policies with side observations read it.
            where: The runs that have feedback, bool `[runs]`; the others stay as they are.

        Raises:
            TypeError: An argument is of the wrong type or dtype.
            ValueError: An argument has the wrong shape, is not finite, names no arm, or
                lies outside what the index allows.
        """
        door, recipe = self._door, self._recipe
        where = door.where(where)
        cell, reward, cost = door.pulled(arm, reward, cost, where)
        value = recipe.value(reward, cost)
        cells = None
        if side is not None and recipe.side_observations:
            cells, side_reward, side_cost = door.revealed(side, cell, where)
            side_value = recipe.value(side_reward, side_cost)
        # Everything is checked: from here on nothing can fail.
        recipe.observe(self._state, cell, value)
        if cells is not None:
            recipe.observe(self._state, cells, side_value)
        recipe.advance(self._state, where)

    def fresh(self, *, runs: int | None = None, seed: Seed) -> "Policy":
        """Return a policy of the same recipe that has seen nothing."""
        return Policy(self._recipe, runs=runs, seed=seed)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write recipe, state and generator to exactly ``path``, as JSON, atomically.

        `banditsplit.load` brings the policy back; its decisions go on bit for bit.

        Raises:
            OSError: ``path`` cannot be written; what stood there is intact.
        """
        _storage.save(path, self._recipe, self._door.runs, self._state, self._rng)

    @property
    def recipe(self) -> Recipe:
        """How it decides and learns."""
        return self._recipe

    @property
    def arms(self) -> int:
        """How many arms there are."""
        return self._recipe.arms

    @property
    def runs(self) -> int | None:
        """How many learners stand side by side; None for the one-run door."""
        return self._door.runs

    @property
    def stats(self) -> ArmStats:
        """What is known of each arm: a copy."""
        stats = self._recipe.stats(self._state)
        return replace(stats, t=self.round, pulls=stats.pulls.copy(), mean=stats.mean.copy())

    @property
    def round(self) -> Any:
        """The round being decided, from 1: an int, or `[runs, 1]`."""
        t = self._recipe.stats(self._state).t
        return t if self.runs is None else t.copy()

    @property
    def finished(self) -> bool | Bool:
        """Whether there is nothing left to decide: a bool, or `[runs]`."""
        return False if self.runs is None else np.zeros(self.runs, np.bool_)

    def __repr__(self) -> str:
        return f"Policy({self._recipe!r}, runs={self.runs})"


def load(path: str | os.PathLike[str], *, parts: tuple[type, ...] = ()) -> Policy:
    """Return the policy that `Policy.save` wrote to ``path``.

    Args:
        path: The file.
        parts: Classes of your own that the recipe is made of (an index, an objective ...).

    Raises:
        OSError: The file cannot be read.
        ValueError: It is no policy file, is damaged, is of a newer schema, or names a part
            that is neither ours nor among ``parts``.
    """
    recipe, runs, state, rng = _storage.load(path, parts)
    policy = Policy(recipe, runs=runs, seed=rng)
    policy._state = state  # noqa: SLF001 - the one other place that makes a policy
    return policy
