"""Decisions that wait for their feedback: each is answered once, and not too many wait."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from banditsplit._stats import change_arms
from banditsplit._typing import Bool
from banditsplit.feedback import Decision

# Feedback that never comes is forgotten only when so many decisions came after it.
MOST = 100_000


class Waiting(NamedTuple):
    """A decision, and the runs that have not had their feedback.

    Attributes:
        decision: As it was handed out.
        left: `[runs]`, the runs that still wait; None for all.
    """

    decision: Decision
    left: Bool | None = None


@dataclass(slots=True, eq=False)
class Pending:
    """What a policy knows of its unanswered decisions.

    Attributes:
        most: How many may wait; when one more comes, the oldest expires.
        made: How many decisions there were, and the number of the next one.
        waiting: The decisions that wait by their numbers, oldest first.
    """

    most: int = MOST
    made: int = 0
    waiting: dict[int, Waiting] = field(default_factory=dict)

    def copy(self) -> "Pending":
        """Return one that goes on from here on its own; decisions never change."""
        return Pending(self.most, self.made, dict(self.waiting))

    def register(self, arm: Any, probability: Any, context: Any) -> Decision:
        """Return a new decision, which waits from now on.

        Its arrays are read-only: what is learned is what was decided, whatever the caller does
        with them.
        """
        decision = Decision(self.made, _kept(arm), _kept(probability), _kept(context))
        self.waiting[decision.id] = Waiting(decision)
        self.made += 1
        self.shrink()
        return decision

    def shrink(self) -> None:
        """Let the oldest decisions expire until no more than ``most`` wait."""
        while len(self.waiting) > self.most:
            del self.waiting[next(iter(self.waiting))]

    def find(self, decision: Decision | int) -> Waiting:
        """Return what waits under the number of ``decision``, or say why nothing does.

        Raises:
            TypeError: It is neither a decision nor a number.
            ValueError: It was not made here, or has been answered, or has expired.
        """
        number = decision.id if isinstance(decision, Decision) else decision
        if isinstance(number, bool) or not isinstance(number, int | np.integer):
            wanted = "`decision` must be a Decision or the number of one"
            raise TypeError(f"{wanted}, got {decision!r}.")
        if not 0 <= number < self.made:
            wanted = f"`decision` must be one of the {self.made} that this policy made"
            raise ValueError(f"{wanted}, got {decision!r}.")
        found = self.waiting.get(int(number))
        if found is None:
            # The oldest expire first, so what is younger than one that waits has not.
            expired = not self.waiting or number < next(iter(self.waiting))
            ends = "answered, forgotten or expired" if expired else "answered or forgotten"
            wanted = f"`decision` must wait for its feedback, and not be {ends}"
            raise ValueError(f"{wanted}, got {decision!r}.")
        if isinstance(decision, Decision) and not same(decision, found.decision):
            wanted = f"`decision` must be of this policy, which made {found.decision!r}"
            raise ValueError(f"{wanted}, got {decision!r}.")
        return found

    def rows(self, waiting: Waiting, where: Bool | None) -> Bool | None:
        """Return the runs that are answered: those of ``where``, which must all wait."""
        left = waiting.left
        if where is None:
            return left
        if left is not None and (where & ~left).any():
            wanted = "`where` must mark runs whose feedback has not come yet"
            raise ValueError(f"{wanted}, got {where!r}.")
        return where

    def change_arms(self, kept: Sequence[int], added: int, *, context_by_arm: bool) -> None:
        """Go on with the ``kept`` arms and ``added`` ones: nothing waits for the others.

        In a batch, the runs that do not wait for others go on waiting.
        """
        waiting = {}
        for number, (decision, left) in self.waiting.items():
            arm = np.asarray(decision.arm)
            stays = np.isin(arm, kept)
            if left is not None:
                stays &= left
            if not stays.any():
                continue
            place = np.minimum(np.searchsorted(kept, arm), len(kept) - 1)
            probability, context = decision.probability, decision.context
            if probability is not None:
                probability = change_arms(probability, kept, added)
            if context is not None and context_by_arm:
                context = change_arms(context, kept, added, arm.ndim)
            again = Decision(number, place if place.ndim else int(place), probability, context)
            waiting[number] = Waiting(again, None if stays.all() else stays)
        self.waiting = waiting

    def answered(self, waiting: Waiting, where: Bool | None) -> None:
        """Note that ``waiting`` has its feedback, in all runs or in those of ``where``."""
        decision, left = waiting
        if where is not None:
            rest = ~where if left is None else left & ~where
            if rest.any():
                self.waiting[decision.id] = Waiting(decision, rest)
                return
        del self.waiting[decision.id]


def _kept(value: Any) -> Any:
    """Return ``value``; an array as a read-only copy."""
    if isinstance(value, np.ndarray):
        value = value.copy()
        value.flags.writeable = False
    return value


def same(one: Decision, other: Decision) -> bool:
    """Return whether two decisions say the same."""
    if one is other:
        return True
    pairs = (
        (one.arm, other.arm),
        (one.probability, other.probability),
        (one.context, other.context),
    )
    return all((a is None) == (b is None) and np.array_equal(a, b) for a, b in pairs)
