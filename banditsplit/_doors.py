"""The two doors of a policy: one run, scalars in and out; many runs, arrays `[runs]`.

Everything that comes in is checked here, once, before anything changes; behind the doors
there is one formula for both. An observation leaves with its cell, its place in the
flattened `[runs, arms]`. Rows outside ``where`` have no feedback, so theirs is not read.
"""

import math
import operator
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np

from banditsplit import _checks
from banditsplit._typing import Bool, Float, Int
from banditsplit.memories import Cell

KINDS = ("observed", "surrogate", "doubly_robust", "as_published")

# Cells, their rewards and their costs.
Seen: TypeAlias = tuple[Cell, Any, Any]


class OneRun:
    """A single learner: the fast door, without arrays."""

    runs = None

    def __init__(self, arms: int) -> None:
        self.arms = arms

    def pulled(self, arm: Any, reward: Any, cost: Any, where: None) -> Seen:
        """Return the pulled cell with its reward and cost, checked."""
        del where
        try:  # one test for the good case, which is the usual one
            cell = operator.index(arm)
            finite = math.isfinite(reward) and math.isfinite(cost)  # refuses strings
            good = finite and cost >= 0 and 0 <= cell < self.arms and type(arm) is not bool
        except (TypeError, ValueError, OverflowError):
            good = False
        if not good:  # which one was it?
            cell = _checks.below("arm", arm, self.arms)
            _checks.number("reward", reward)
            _checks.nonnegative("cost", cost)
        return cell, float(reward), float(cost)

    def revealed(self, side: Any, cell: Cell, where: None) -> Seen:
        """Return the revealed cells with their rewards and costs, checked."""
        return _revealed(side, (self.arms,), cell, where)

    def available(self, mask: Any) -> Bool:
        """Return the arms that may be pulled, `[arms]`, checked."""
        return _available(mask, (self.arms,))

    def where(self, where: Any) -> None:
        """Refuse a mark of runs: with one run there is nothing to mark."""
        if where is not None:
            raise ValueError(f"`where` must be None for a policy of one run, got {where!r}.")


class ManyRuns:
    """Learners side by side, each in its own row."""

    def __init__(self, arms: int, runs: int) -> None:
        self.arms, self.runs = arms, runs
        self._first_cell = np.arange(runs, dtype=np.int64) * arms

    def pulled(self, arm: Any, reward: Any, cost: Any, where: Bool | None) -> Seen:
        """Return the pulled cells with their rewards and costs, checked."""
        shape = (self.runs,)
        arm = _array("arm", arm, shape, "iu")
        reward = _array("reward", reward, shape, "fiub")
        cost = _array("cost", cost, shape, "fiub", one_for_all=True)
        first_cell = self._first_cell
        if where is not None:
            first_cell, arm = first_cell[where], arm[where]
            reward, cost = reward[where], cost[where]
        if not ((arm >= 0) & (arm < self.arms)).all():
            raise ValueError(f"`arm` must lie in 0 .. {self.arms - 1}, got {arm!r}.")
        _amounts(reward, cost)
        arm = arm.astype(np.int64)  # unsigned and signed would add up to floats
        return first_cell + arm, reward.astype(np.float64), cost.astype(np.float64)

    def revealed(self, side: Any, cell: Cell, where: Bool | None) -> Seen:
        """Return the revealed cells with their rewards and costs, checked."""
        return _revealed(side, (self.runs, self.arms), cell, where)

    def available(self, mask: Any) -> Bool:
        """Return the arms that may be pulled, `[arms]` or `[runs, arms]`, checked."""
        return _available(mask, (self.runs, self.arms), one_for_all=True)

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
    if not (np.isfinite(cost) & (cost >= 0)).all():
        raise ValueError(f"`{prefix}cost` must be finite and not negative, got {cost!r}.")


def _available(mask: Any, shape: tuple[int, ...], *, one_for_all: bool = False) -> Bool:
    """Return a mask of arms that leaves every run at least one."""
    available: Bool = _array("available", mask, shape, "b", one_for_all=one_for_all)
    if not available.any(-1).all():
        raise ValueError(f"`available` must leave at least one arm, got {mask!r}.")
    return available


def _revealed(side: Any, shape: tuple[int, ...], cell: Cell, where: Bool | None) -> Seen:
    """Return what ``side`` reveals of arms that were not pulled, checked."""
    keys = ("revealed", "reward", "cost", "kind")
    if not isinstance(side, Mapping) or any(key not in side for key in keys):
        raise ValueError(f"`side` must be a mapping with {', '.join(keys)}, got {side!r}.")
    revealed: Bool = _array("side['revealed']", side["revealed"], shape, "b")
    if where is not None:
        revealed = revealed & where[:, None]
    reward: Float = _array("side['reward']", side["reward"], shape, "fiub")
    cost: Float = _array("side['cost']", side["cost"], shape, "fiub")
    if revealed.reshape(-1)[cell].any():
        msg = "`side['revealed']` must not mark the pulled arm, which is `reward`'s"
        raise ValueError(f"{msg}, got {side['revealed']!r}.")
    kind = side["kind"]
    if len(shape) > 1 and not isinstance(kind, str):
        # A batch of environments reports its kind row by row; a silent row has none.
        kinds = _array("side['kind']", kind, shape[:1], "OUT")[revealed.any(-1)]
    else:
        kinds = [kind]
    for one in kinds:
        _checks.member("side['kind']", one, KINDS)
    cells: Int = np.flatnonzero(revealed)
    gained, paid = reward.reshape(-1)[cells], cost.reshape(-1)[cells]
    _amounts(gained, paid, "side ")
    return cells, gained.astype(np.float64), paid.astype(np.float64)
