"""What an index may look at: the past of every arm, in the objective's units."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
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

    def change_arms(
        self, kept: Sequence[int], added: int, *, order: Literal["C", "F"] = "C"
    ) -> "ArmStats":
        """Return what is known of the ``kept`` arms, and ``added`` untried ones behind them."""
        arrays: dict[str, Any] = {"pulls": self.pulls, "mean": self.mean}
        if self.variance is not None:
            arrays["variance"] = self.variance
        changed = {
            name: np.asarray(change_arms(array, kept, added), order=order)
            for name, array in arrays.items()
        }
        untried = int(np.count_nonzero(changed["pulls"] == 0.0))
        return replace(self, untried=untried, **changed)


def change_arms(array: Any, kept: Sequence[int], added: int, axis: int = -1) -> Any:
    """Return ``array`` with the ``kept`` arms alone, and zeros for ``added`` ones behind."""
    room = [(0, 0)] * array.ndim
    room[axis] = (0, added)
    return np.pad(np.take(array, kept, axis), room)


def pooled(several: Sequence[ArmStats]) -> ArmStats:
    """Return the statistics of all observations of ``several``, with the first one's rounds.

    Chan, Golub & LeVeque 1979, for any number of parts at once. Parts are weighed by their
    shares, so that nothing overflows, and moved to their centre, so that equal means stay what
    they are. Sums run over sorted terms: the order of the parts changes no bit.
    """
    count = np.stack([stats.pulls for stats in several], -1)
    means = np.stack([stats.mean for stats in several], -1)
    pulls = total(count)
    known = pulls > 0
    share = count / np.where(known, pulls, 1.0)[..., None]
    centre = total(share * means)
    mean = centre + total(share * (means - centre[..., None]))
    # A mean lies among those of its parts, whatever rounding says.
    least = np.where(count > 0, means, np.inf).min(-1)
    most = np.where(count > 0, means, -np.inf).max(-1)
    whole = deepcopy(several[0])
    whole.pulls[...] = pulls
    whole.mean[...] = np.where(known, np.clip(mean, least, most), 0.0)
    whole.untried = int(np.count_nonzero(~known))
    if whole.variance is not None:
        variances: list[Any] = [stats.variance for stats in several]
        spread = np.stack(variances, -1) + np.square(means - whole.mean[..., None])
        whole.variance[...] = total(share * spread)
    return whole


def total(terms: Float) -> Float:
    """Return the sum over the last axis, the same in whatever order the terms stand."""
    summed: Float = np.sort(terms, -1).sum(-1)
    return summed


def warmed(state: ArmStats, prior: ArmStats) -> ArmStats:
    """Return the statistics of ``state`` and ``prior``, which belongs to no round."""
    if state.variance is not None and prior.variance is None:
        raise ValueError("`variance` must be given where an index looks at it, got None.")
    return pooled([state, prior])
