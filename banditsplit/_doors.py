"""The two doors of a policy: one run, scalars in and out; many runs, arrays `[runs]`.

Everything that comes in is checked here, once, before anything changes; behind the doors
there is one formula for both. An observation leaves with its cell, its place in the
flattened `[runs, arms]`. Rows outside ``where`` have no feedback, so theirs is not read.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from math import isfinite
from operator import index
from typing import Any, final

import numpy as np

from banditsplit import _checks
from banditsplit._stats import ArmStats
from banditsplit._typing import Bool, Float, Int
from banditsplit.feedback import KINDS, Cell, Seen

# A prior of more pulls than this would never be moved, and its variance could not be squared.
MOST_PULLS, LARGEST_VARIANCE = 1e15, 1e300


class Door(ABC):
    """What both doors check alike: arrays whose first axis is the runs, if there are many."""

    runs: int | None

    def __init__(
        self,
        arms: int,
        *,
        resources: int | None = None,
        context_shape: tuple[int, ...] | None = None,
    ) -> None:
        self.arms, self.context_shape = arms, context_shape
        self._paid = () if resources is None else (resources,)

    @property
    def _lead(self) -> tuple[int, ...]:
        """The axes in front: none, or the runs."""
        return () if self.runs is None else (self.runs,)

    @abstractmethod
    def pulled(self, arm: Any, reward: Any, cost: Any, where: Bool | None) -> Seen:
        """Return the pulled cells with their rewards and costs, checked."""

    @abstractmethod
    def arm(self, arm: Any) -> Any:
        """Return the arm of a decision, an int or `[runs]`, checked."""

    @abstractmethod
    def where(self, where: Any) -> Bool | None:
        """Return the mark of the runs that have feedback, checked."""

    def available(self, mask: Any) -> Bool:
        """Return the arms that may be pulled, `[..., arms]`, checked; `[arms]` is for all."""
        shape = (*self._lead, self.arms)
        available: Bool = _array(
            "available", mask, shape, "b", one_for_all=self.runs is not None
        )
        if not available.any(-1).all():
            raise ValueError(f"`available` must leave at least one arm, got {mask!r}.")
        return available

    def context(self, context: Any) -> Any:
        """Return the context as floats, `[..., *context_shape]`, checked."""
        if self.context_shape is None:
            return None
        shape = (*self._lead, *self.context_shape)
        if context is None:
            raise ValueError(f"`context` must be given, of shape {shape}, got None.")
        checked = _array("context", context, shape, "fiub").astype(np.float64)
        if not np.isfinite(checked).all():
            raise ValueError(f"`context` must be finite, got {context!r}.")
        return checked

    def probability(self, probability: Any) -> Any:
        """Return the probabilities of a decision, `[..., arms]` or None, checked."""
        if probability is None:
            return None
        shape = (*self._lead, self.arms)
        checked = _array("decision.probability", probability, shape, "f")
        if not ((checked >= 0) & (checked <= 1)).all():
            raise ValueError(f"`decision.probability` must lie in [0, 1], got {probability!r}.")
        if not np.allclose(checked.sum(-1), 1.0, rtol=0.0, atol=1e-6):
            raise ValueError(f"`decision.probability` must add up to 1, got {probability!r}.")
        return checked

    def revealed(self, side: Any, cell: Cell, where: Bool | None) -> Seen:
        """Return the revealed cells with their rewards and costs, checked."""
        keys = ("revealed", "reward", "cost", "kind")
        if not isinstance(side, Mapping) or any(key not in side for key in keys):
            raise ValueError(f"`side` must be a mapping with {', '.join(keys)}, got {side!r}.")
        shape = (*self._lead, self.arms)
        revealed: Bool = _array("side['revealed']", side["revealed"], shape, "b")
        if where is not None:
            revealed = revealed & where[:, None]
        reward = _array("side['reward']", side["reward"], shape, "fiub")
        cost = _array("side['cost']", side["cost"], (*shape, *self._paid), "fiub")
        if revealed.reshape(-1)[cell].any():
            msg = "`side['revealed']` must not mark the pulled arm, which is `reward`'s"
            raise ValueError(f"{msg}, got {side['revealed']!r}.")
        kind = side["kind"]
        if self.runs is not None and not isinstance(kind, str):
            # A batch of environments reports its kind row by row; a silent row has none.
            kinds = _array("side['kind']", kind, (self.runs,), "OUT")[revealed.any(-1)]
        else:
            kinds = [kind]
        for one in kinds:
            _checks.member("side['kind']", one, KINDS)
        cells: Int = np.flatnonzero(revealed)
        gained, paid = reward.reshape(-1)[cells], cost.reshape(-1, *self._paid)[cells]
        _amounts(gained, paid, "side ")
        return Seen(cells, gained.astype(np.float64), paid.astype(np.float64))

    def graph(self, side: Any) -> Bool | None:
        """Return the feedback graph that ``side`` tells, `[..., arms, arms]`, or None."""
        if not isinstance(side, Mapping) or side.get("graph") is None:
            return None
        shape = (*self._lead, self.arms, self.arms)
        graph: Bool = _array(
            "side['graph']", side["graph"], shape, "b", one_for_all=self.runs is not None
        )
        return graph

    def prior(self, mean: Any, pulls: Any, variance: Any) -> ArmStats:
        """Return what is said to be known of the arms, as statistics of no round, checked."""
        prior = ArmStats.empty(self.runs, self.arms)
        means, counts = self._by_arm("mean", mean), self._by_arm("pulls", pulls)
        if not ((counts == 0) | ((counts >= 1) & (counts <= MOST_PULLS))).all():
            raise ValueError(f"`pulls` must be 0 or lie in [1, {MOST_PULLS}], got {pulls!r}.")
        prior.pulls[...] = counts
        prior.mean[...] = np.where(counts > 0, means, 0.0)
        prior.untried = int(np.count_nonzero(counts == 0))
        if variance is not None:
            spread = self._by_arm("variance", variance)
            if not ((spread >= 0) & (spread <= LARGEST_VARIANCE)).all():
                wanted = f"`variance` must lie in [0, {LARGEST_VARIANCE}]"
                raise ValueError(f"{wanted}, got {variance!r}.")
            prior.variance = np.where(counts > 0, spread, 0.0)
        return prior

    def _by_arm(self, name: str, value: Any) -> Float:
        """Return finite numbers `[..., arms]`; one is for all arms, `[arms]` for all runs."""
        shape = (*self._lead, self.arms)
        if np.isscalar(value):
            value = np.full(shape, value)
        array = _array(name, value, shape, "fiu", one_for_all=self.runs is not None)
        if not np.isfinite(array).all():
            raise ValueError(f"`{name}` must be finite, got {value!r}.")
        numbers: Float = array.astype(np.float64)
        return numbers


@final
class OneRun(Door):
    """A single learner: the fast door, without arrays."""

    runs = None

    def pulled(self, arm: Any, reward: Any, cost: Any, where: Bool | None) -> Seen:
        """Return the pulled cell with its reward and cost, checked."""
        del where
        if self._paid:
            cost = _array("cost", cost, self._paid, "fiub").astype(np.float64)
            cell, reward = (
                _checks.below("arm", arm, self.arms),
                _checks.number("reward", reward),
            )
            _amounts(reward, cost)
            return Seen(cell, reward, cost)
        return Seen(*self.plain(arm, reward, cost))

    def plain(self, arm: Any, reward: Any, cost: Any) -> tuple[Cell, Any, Any]:
        """Return the pulled cell with its reward and its one cost, checked."""
        try:  # one test for the good case, which is the usual one
            cell = index(arm)
            finite = isfinite(reward) and isfinite(cost)  # refuses strings
            good = finite and cost >= 0 and 0 <= cell < self.arms and type(arm) is not bool
        except (TypeError, ValueError, OverflowError):
            good = False
        if not good:  # which one was it?
            cell = _checks.below("arm", arm, self.arms)
            _checks.number("reward", reward)
            _checks.nonnegative("cost", cost)
        return cell, float(reward), float(cost)

    def arm(self, arm: Any) -> int:
        """Return the arm of a decision, checked."""
        return _checks.below("decision.arm", arm, self.arms)

    def where(self, where: Any) -> None:
        """Refuse a mark of runs: with one run there is nothing to mark."""
        if where is not None:
            raise ValueError(f"`where` must be None for a policy of one run, got {where!r}.")


@final
class ManyRuns(Door):
    """Learners side by side, each in its own row."""

    runs: int

    def __init__(
        self,
        arms: int,
        runs: int,
        *,
        resources: int | None = None,
        context_shape: tuple[int, ...] | None = None,
    ) -> None:
        super().__init__(arms, resources=resources, context_shape=context_shape)
        self.runs = runs
        self._first_cell = np.arange(runs, dtype=np.int64) * arms

    def pulled(self, arm: Any, reward: Any, cost: Any, where: Bool | None) -> Seen:
        """Return the pulled cells with their rewards and costs, checked."""
        shape = (self.runs,)
        arm = _array("arm", arm, shape, "iu")
        reward = _array("reward", reward, shape, "fiub")
        cost = _array("cost", cost, (*shape, *self._paid), "fiub", one_for_all=True)
        first_cell = self._first_cell
        if where is not None:
            first_cell, arm = first_cell[where], arm[where]
            reward, cost = reward[where], cost[where]
        if arm.size and not (arm.min() >= 0 and arm.max() < self.arms):
            raise ValueError(f"`arm` must lie in 0 .. {self.arms - 1}, got {arm!r}.")
        _amounts(reward, cost)
        arm = arm.astype(np.int64)  # unsigned and signed would add up to floats
        return Seen(first_cell + arm, reward.astype(np.float64), cost.astype(np.float64))

    def plain(self, arm: Any, reward: Any, cost: Any) -> tuple[Cell, Any, Any]:
        """Return the pulled cells of all runs, their rewards and single costs, checked."""
        return self.pulled(arm, reward, cost, None)

    def cells(self, arm: Int) -> Int:
        """Return the cells of ``arm``, `[runs]`, unchecked: for a simulation's own rounds."""
        return self._first_cell + arm

    def arm(self, arm: Any) -> Int:
        """Return the arms of a decision, `[runs]`, checked."""
        arms: Int = _array("decision.arm", arm, (self.runs,), "iu").astype(np.int64)
        if not ((arms >= 0) & (arms < self.arms)).all():
            wanted = f"`decision.arm` must lie in 0 .. {self.arms - 1}"
            raise ValueError(f"{wanted}, got {arm!r}.")
        return arms

    def where(self, where: Any) -> Bool | None:
        """Return the mark of the runs that have feedback, `[runs]`, checked."""
        return None if where is None else _array("where", where, (self.runs,), "b")


def _array(
    name: str, value: Any, shape: tuple[int, ...], kinds: str, *, one_for_all: bool = False
) -> Any:
    """Return ``value`` as an array of ``shape`` whose dtype is of one of ``kinds``.

    With ``one_for_all`` it may lack the first axis, and then holds for every run.
    """
    try:
        array = np.asarray(value)
    except ValueError:  # ragged
        raise ValueError(f"`{name}` must have shape {shape}, got {value!r}.") from None
    if one_for_all and array.shape == shape[1:]:
        array = np.broadcast_to(array, shape)
    if array.shape != shape:
        raise ValueError(f"`{name}` must have shape {shape}, got shape {array.shape}.")
    if array.dtype.kind not in kinds:
        wanted = {"iu": "integers", "b": "booleans", "OUT": "strings"}.get(kinds, "numbers")
        raise TypeError(f"`{name}` must hold {wanted}, got dtype {array.dtype}.")
    return array


def _amounts(reward: Any, cost: Any, prefix: str = "") -> None:
    """Refuse rewards and costs that are not finite, and costs below 0."""
    if not np.isfinite(reward).all():
        raise ValueError(f"`{prefix}reward` must be finite, got {reward!r}.")
    if not (np.isfinite(cost).all() and (cost >= 0).all()):
        raise ValueError(f"`{prefix}cost` must be finite and not negative, got {cost!r}.")
