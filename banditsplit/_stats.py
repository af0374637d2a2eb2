"""What an index may look at: the past of every arm, in the objective's units."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from banditsplit._typing import Float


@dataclass(slots=True, eq=False)
class ArmStats:
    """The round and, for every arm, how often it was observed and what it gave.

    One run has `[arms]`, many have `[runs, arms]`: an index is written once, over the
    last axis.

    Attributes:
        t: The round being decided, from 1: an int for one run, `[runs, 1]` for many.
        pulls: `[..., arms]`, observations of each arm; fractional under discounting.
        mean: `[..., arms]`, mean value of those observations, in the objective's units;
            0 where there are none.
        untried: How many entries of ``pulls`` are 0, over all runs.
        variance: `[..., arms]`, mean squared deviation from ``mean``, in those units
            squared; None unless the index asked for it.
        effective: How many rounds the memory still counts, the one being decided among
            them, where that is not ``t``: what an index gets to see as ``t``. A number or
            `[runs, 1]`.
    """

    t: Any  # an int or an int array: what broadcasts against `mean`
    pulls: Float
    mean: Float
    untried: int
    variance: Float | None = None
    effective: Any = None  # where it is given, of the shape of `t`

    @classmethod
    def empty(
        cls,
        runs: int | None,
        arms: int,
        *,
        variance: bool = False,
        order: Literal["C", "F"] = "C",
    ) -> "ArmStats":
        """Return the statistics of arms that nobody has pulled, in numpy's ``order``."""
        shape = (arms,) if runs is None else (runs, arms)
        return cls(
            t=1 if runs is None else np.ones((runs, 1), np.int64),
            pulls=np.zeros(shape, order=order),
            mean=np.zeros(shape, order=order),
            untried=int(np.prod(shape)),
            variance=np.zeros(shape, order=order) if variance else None,
        )
