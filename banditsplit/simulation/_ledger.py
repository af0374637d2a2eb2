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
    """

    def __init__(self, runs: int, arms: int, rounds: Int, record: tuple[str, ...]) -> None:
        self.rounds, self.record = rounds, record
        self.count = np.zeros(runs, np.int64)
        self.pulls = np.zeros((runs, arms), np.int64)
        self.side_kind: str | None = None
        self._sums = np.zeros((len(SUMS) + len(record), runs))
        self._read = np.zeros((*self._sums.shape, len(rounds)))
        self._first_cell = np.arange(runs) * arms

    def add(self, arm: Any, amounts: Any, where: Bool | None = None) -> None:
        """Book a round: ``amounts`` in the order of `SUMS`, then what is recorded."""
        if where is None:
            self.pulls.reshape(-1)[self._first_cell + arm] += 1
            for row, amount in enumerate(amounts):
                self._sums[row] += amount
            self.count += 1
        else:
            self.pulls.reshape(-1)[(self._first_cell + arm)[where]] += 1
            for row, amount in enumerate(amounts):
                self._sums[row] += np.where(where, amount, 0.0)
            self.count += where
        place = np.searchsorted(self.rounds, self.count)
        due = self.rounds[np.minimum(place, len(self.rounds) - 1)] == self.count
        if due.any():
            self._read[:, due, place[due]] = self._sums[:, due]

    def track(self) -> Track:
        """Return the curves; where a run ended early, its sums stay as they were."""
        missing = self.rounds > self.count[:, None]  # [runs, checkpoints]
        self._read = np.where(missing, self._sums[..., None], self._read)
        sums: dict[str, Float] = dict(zip((*SUMS, *self.record), self._read, strict=True))
        recorded = {name: sums.pop(name) for name in self.record}
        return Track(**sums, pulls=self.pulls, recorded=recorded, side_kind=self.side_kind)


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
