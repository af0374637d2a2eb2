"""What a round revealed, checked and laid out flat: the ground that recipes learn from."""

from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from banditsplit._typing import Bool, Int

__all__ = ["KINDS", "Cell", "Decision", "Pull", "Seen"]

# Where an observation belongs in the flattened `[runs, arms]`: one place, or many.
Cell: TypeAlias = int | Int

KINDS = ("observed", "surrogate", "doubly_robust", "as_published")


class Seen(NamedTuple):
    """Observations of distinct cells: one number each, or arrays `[cells]`.

    Attributes:
        cell: Places in the flattened `[runs, arms]`.
        reward: In reward units.
        cost: In cost units; `[..., resources]` where the recipe has several.
    """

    cell: Cell
    reward: Any
    cost: Any


class Pull(NamedTuple):
    """The pulled arms of a round, and what was known when they were chosen.

    Only the runs that have feedback are in it, so ``[pulled]`` is at most ``[runs]``; for one
    run there are plain numbers.

    Attributes:
        cell: Places in the flattened `[runs, arms]`.
        reward: In reward units.
        cost: In cost units; `[..., resources]` where the recipe has several.
        where: The runs that have feedback, `[runs]`; None for all.
        probability: The probability with which each arm was chosen; None where nobody drew.
        context: What the choice was based on, `[..., features]`; None without one.
        graph: Who reveals whom in this round, bool `[..., arms, arms]`, where it was told.
        distribution: The probabilities of all arms in that choice, `[..., arms]`; None where
            nobody drew.
    """

    cell: Cell
    reward: Any
    cost: Any
    where: Bool | None = None
    probability: Any = None
    context: Any = None
    graph: Any = None
    distribution: Any = None


@dataclass(frozen=True, slots=True, eq=False)
class Decision:
    """A choice that waits for its feedback.

    Attributes:
        id: Its number, from 0, in the policy that made it.
        arm: The chosen arm: an int, or `[runs]`.
        probability: `[..., arms]`, with which it was drawn; None for policies that do not draw.
        context: What it was based on; None without one.
    """

    id: int
    arm: Any
    probability: Any = None
    context: Any = None

    @property
    def propensity(self) -> Any:
        """The probability with which ``arm`` was chosen; None where it was not drawn."""
        if self.probability is None:
            return None
        if self.probability.ndim == 1:
            return float(self.probability[self.arm])
        return self.probability[range(len(self.arm)), self.arm]
