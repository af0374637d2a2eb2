"""What every memory can do."""

from typing import Any, Protocol

from banditsplit._stats import ArmStats
from banditsplit._typing import Bool, Float
from banditsplit.feedback import Cell


class Memory(Protocol):
    """A frozen recipe for a state: how observations become the statistics of an index.

    The state is a dataclass of arrays and numbers, so that it can be saved and copied
    without knowing which memory it belongs to.

    A memory may do more, where that makes sense for it; a policy asks, and refuses what it
    cannot do:

    - ``merge(states)`` returns the state of one that saw what all of them saw;
    - ``warm_start(state, prior)`` returns what it is after the observations of which
      ``prior``, an `ArmStats`, tells, which belong to no round;
    - ``change_arms(state, kept, added)`` returns what is known of the ``kept`` arms, and
      ``added`` untried ones behind them.
    """

    def empty(self, runs: int | None, arms: int, *, variance: bool) -> Any:
        """Return the state before the first round, with variances where asked for."""
        ...

    def stats(self, state: Any) -> ArmStats:
        """Return what the index may see: a view, which later rounds may change."""
        ...

    def observe(self, state: Any, cell: Cell, value: float | Float) -> None:
        """Take in one value for each cell; the cells of one call are distinct."""
        ...

    def advance(self, state: Any, where: Bool | None) -> None:
        """End a round, in all runs or in those marked by ``where``, `[runs]`."""
        ...


# What else a memory may do, and what a policy says where one cannot.
_OPTIONAL = {
    "merge": "count rounds alike whatever their order, which nobody knows between devices",
    "warm_start": "know how much an observation weighs that was made in no round",
    "change_arms": "say what is left of it when arms come or go (`change_arms`)",
}


def ask(memory: Memory, method: str) -> Any:
    """Return a ``method`` that not every memory has, or refuse."""
    if not hasattr(memory, method):
        raise ValueError(f"`memory` must {_OPTIONAL[method]}, got {memory!r}.")
    return getattr(memory, method)
