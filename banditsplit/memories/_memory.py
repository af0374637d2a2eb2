"""What every memory can do."""

from typing import Any, Protocol

from banditsplit._stats import ArmStats
from banditsplit._typing import Bool, Float
from banditsplit.feedback import Cell


class Memory(Protocol):
    """A frozen recipe for a state: how observations become the statistics of an index.

    The state is a dataclass of arrays and numbers, so that it can be saved and copied
    without knowing which memory it belongs to.
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
