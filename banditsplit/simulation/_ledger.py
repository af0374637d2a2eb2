"""The books of one block of runs: sums, read off at the checkpoints."""

from typing import Any

import numpy as np

from banditsplit._typing import Bool, Float, Int
from banditsplit.simulation._history import Track

SUMS = ("pseudo_regret", "reward", "cost", "audit_cost")


class Ledger:
    """Adds up what each run got, and copies the sums when a run reaches a checkpoint.

    Runs may be at different rounds (a vector environment may skip some in a step, and a policy
    may finish early), so each has its own count.

    Args:
        runs: How many runs.
        arms: How many arms.
        rounds: `[checkpoints]`, the last one being the horizon.
        record: What is added up beside `SUMS`.
        gaps: `[arms]`, where they are the same in every round: then regrets are worked out
            from the pulls whenever the books are read, and need not be added.
    """

    def __init__(
        self,
        runs: int,
        arms: int,
        rounds: Int,
        record: tuple[str, ...],
        gaps: Float | None = None,
    ) -> None:
        self.rounds, self.record, self.gaps = rounds, record, gaps
        self.pulls = np.zeros((runs, arms), np.int64)
        self.side_kind: str | None = None
        self._sums = np.zeros((len(SUMS) + len(record), runs))
        self._read = np.zeros((*self._sums.shape, len(rounds)))
        self._first_cell = np.arange(runs) * arms
        # Rounds booked for all runs at once; the others, run by run, if there was one.
        self._together = 0
        self._apart: Int | None = None
        self._reads = 0  # checkpoints that all runs passed together

    @property
    def count(self) -> Int:
        """Rounds of each run, `[runs]`."""
        apart = np.zeros(len(self.pulls), np.int64) if self._apart is None else self._apart
        return apart + self._together

    def add(self, arm: Any, amounts: Any, where: Bool | None = None) -> None:
        """Book a round: ``amounts`` in the order of `SUMS`, then what is recorded.

        An amount is a number or `[runs]`, or None where there is nothing to add.
        """
        cells = self._first_cell + arm
        self.pulls.reshape(-1)[cells if where is None else cells[where]] += 1
        for row, amount in enumerate(amounts):
            if amount is not None:
                self._sums[row] += amount if where is None else np.where(where, amount, 0.0)
        if where is None:
            self._together += 1
        else:
            self._apart = where + (0 if self._apart is None else self._apart)
        if self._apart is None:  # the usual case: all runs are at the same round
            if self._together == self.rounds[self._reads]:
                self._read[..., self._reads] = self._charged()
                self._reads += 1
            return
        count = self.count
        place = np.searchsorted(self.rounds, count)
        due = self.rounds[np.minimum(place, len(self.rounds) - 1)] == count
        if due.any():
            self._read[:, due, place[due]] = self._charged()[:, due]

    def track(self) -> Track:
        """Return the curves; where a run ended early, its sums stay as they were."""
        missing = self.rounds > self.count[:, None]  # [runs, checkpoints]
        self._read = np.where(missing, self._charged()[..., None], self._read)
        sums: dict[str, Float] = dict(zip((*SUMS, *self.record), self._read, strict=True))
        recorded = {name: sums.pop(name) for name in self.record}
        return Track(**sums, pulls=self.pulls, recorded=recorded, side_kind=self.side_kind)

    def _charged(self) -> Float:
        """Return the sums, `[sums, runs]`, with regrets brought up to date."""
        if self.gaps is not None:
            self._sums[0] = (self.pulls * self.gaps).sum(-1)
        return self._sums


def joined(tracks: list[Track]) -> Track:
    """Return the runs of all ``tracks`` as one."""
    first = tracks[0]
    return Track(
        **{name: np.concatenate([getattr(t, name) for t in tracks]) for name in SUMS},
        pulls=np.concatenate([t.pulls for t in tracks]),
        recorded={
            name: np.concatenate([t.recorded[name] for t in tracks]) for name in first.recorded
        },
        side_kind=first.side_kind,
    )
