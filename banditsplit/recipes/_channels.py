"""Rewards and costs remembered apart, for recipes that need both."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from banditsplit import _checks
from banditsplit._stats import ArmStats
from banditsplit.memories import Memory
from banditsplit.memories._memory import ask


@dataclass(slots=True, eq=False)
class Channels:
    """Two states of one memory.

    Attributes:
        reward: What is remembered of the rewards.
        cost: What is remembered of the costs; None where they were told.
    """

    reward: Any
    cost: Any


def merged(memory: Memory, states: Sequence[Channels]) -> Channels:
    """Return what all of ``states`` saw, if the memory can."""
    merge = ask(memory, "merge")
    told = states[0].cost is None
    cost = None if told else merge([state.cost for state in states])
    return Channels(merge([state.reward for state in states]), cost)


def with_arms(memory: Memory, state: Channels, kept: Sequence[int], added: int) -> Channels:
    """Return what is known of the ``kept`` arms and ``added`` ones, if the memory can."""
    change = ask(memory, "change_arms")
    cost = None if state.cost is None else change(state.cost, kept, added)
    return Channels(change(state.reward, kept, added), cost)


def mirrored(stats: ArmStats) -> ArmStats:
    """Return the statistics of ``1 - value``: an upper score of it is a lower one of value."""
    return replace(stats, mean=1.0 - stats.mean)


def tried(stats: ArmStats) -> tuple[Any, ArmStats]:
    """Return which arms were tried, and statistics in which every arm was.

    The formulas stay as they are printed; what they make of untried arms is not used.
    """
    known = stats.pulls > 0
    return known, replace(stats, pulls=np.where(known, stats.pulls, 1.0))


def refuse_outside(name: str, value: Any, low: float, high: float, whom: Any) -> None:
    """Refuse observations outside `[low, high]`."""
    inside = np.asarray((value >= low) & (value <= high))
    if not inside.all():
        raise ValueError(f"`{name}` must lie in [{low}, {high}] for {whom!r}, got {value!r}.")


def told_costs(costs: Any, arms: int) -> tuple[float, ...] | None:
    """Return the costs that were told, one for each arm, or None where they are learned."""
    if costs is None:
        return None
    wanted = f"`costs` must hold {arms} numbers, one for each arm"
    if not isinstance(costs, Iterable):
        raise TypeError(f"{wanted}, got {costs!r}.")
    told = tuple(_checks.nonnegative("costs", cost) for cost in costs)
    if len(told) != arms:
        raise ValueError(f"{wanted}, got {costs!r}.")
    return told
