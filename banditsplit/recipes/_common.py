"""What recipes share."""

from typing import Any

import numpy as np

from banditsplit._argmax import argmax
from banditsplit._stats import ArmStats
from banditsplit._typing import Bool
from banditsplit.objectives import Objective
from banditsplit.recipes._channels import refuse_outside
from banditsplit.recipes._index import LARGEST


def values(
    objective: Objective, *seen: Any, low: float = -LARGEST, high: float = LARGEST
) -> list[tuple[Any, Any]]:
    """Return cells and values of each of ``seen`` that is not None, or refuse them."""
    valued = []
    for observed in seen:
        if observed is None:
            continue
        value = objective.value(observed.reward, observed.cost)
        if not np.all((value >= low) & (value <= high)):
            came = f"{value!r} under {objective!r}"
            raise ValueError(f"`reward` must have a value in [{low}, {high}], got {came}.")
        valued.append((observed.cell, value))
    return valued


def refuse_prior(prior: ArmStats, whom: Any) -> None:
    """Refuse a prior whose means are beyond what values may be."""
    refuse_outside("mean", prior.mean[prior.pulls > 0], -LARGEST, LARGEST, whom)


def least_observed(
    wanted: Bool, stats: ArmStats, available: Bool | None, rng: np.random.Generator
) -> Any:
    """Return the least observed of the ``wanted`` arms, an int or `[runs]`; ties evenly.

    Where none of them is available, the available arm with the best mean.
    """
    if available is not None:
        wanted = wanted & available
    scores = np.where(wanted, -stats.pulls, -np.inf)
    if available is not None:
        nothing = ~wanted.any(-1, keepdims=True)
        scores = np.where(nothing & available, stats.mean, scores)
    return argmax(scores, rng)
