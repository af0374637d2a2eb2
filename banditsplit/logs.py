"""Decisions and what came of them, as lines of JSON, written as they come."""

import json
import os
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, final

import numpy as np

from banditsplit.feedback import Decision

__all__ = ["DecisionLog", "read_log"]


@final
class DecisionLog:
    """A file to which a policy's decisions and their feedback are appended.

    Given to `Policy.log`, it gets a line for each `Policy.decide` and each `Policy.learn`:

    - ``{"event": "decision", "id", "round", "arm", "propensity", "probability", "context"}``
    - ``{"event": "feedback", "id", "reward", "cost", "side", "where"}``

    What is not there is null: a propensity and probabilities where nobody drew, a context
    where none is looked at. Each line is with the operating system before the call returns,
    so that it survives the process; a half line that a crash left is cut off when the file is
    opened again. Threads may share it.

    Args:
        path: Where to append; the file is made if it is not there.

    Raises:
        OSError: ``path`` cannot be opened.
    """

    __slots__ = ("_file", "_lock", "path")

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._lock = threading.Lock()
        _cut_half_line(self.path)
        self._file = self.path.open("ab", buffering=0)

    def decided(self, decision: Decision, t: Any) -> None:
        """Append a decision that was made in round ``t``."""
        self._append(
            event="decision",
            id=decision.id,
            round=t,
            arm=decision.arm,
            propensity=decision.propensity,
            probability=decision.probability,
            context=decision.context,
        )

    def learned(
        self, decision: Decision, reward: Any, cost: Any, side: Any, where: Any
    ) -> None:
        """Append what came of a decision."""
        self._append(
            event="feedback", id=decision.id, reward=reward, cost=cost, side=side, where=where
        )

    def close(self) -> None:
        """Close the file; a policy that still writes to it then fails."""
        self._file.close()

    def __enter__(self) -> Self:
        """Return itself: the file is open."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file."""
        self.close()

    def _append(self, **record: Any) -> None:
        line = json.dumps(record, default=_plain, allow_nan=False) + "\n"
        with self._lock:
            self._file.write(line.encode())


def read_log(path: str | os.PathLike[str]) -> Iterator[dict[str, Any]]:
    """Yield the records of a `DecisionLog`, as they were written.

    A last line without its end is what a crash left of one: it is passed over.

    Raises:
        OSError: The file cannot be read.
        ValueError: Another line is no record.
    """
    with Path(path).open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                return
            try:
                record = json.loads(line)
                whole = record["event"] in ("decision", "feedback") and "id" in record
            except (ValueError, TypeError, KeyError, RecursionError):
                whole = False
            if not whole:
                wanted = "`path` must hold records of decisions and feedback"
                raise ValueError(f"{wanted}, got {line!r} in line {number} of {path!s}.")
            yield record


def as_arrays(value: Any) -> Any:
    """Return a value of a record as it was before it was written: lists as arrays."""
    if isinstance(value, Mapping):
        return {key: as_arrays(item) for key, item in value.items()}
    return np.asarray(value) if isinstance(value, list) else value


def _plain(value: Any) -> Any:
    """Return numpy's numbers and arrays as those of Python."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    raise TypeError(f"`record` must hold numbers, strings and arrays, got {value!r}.")


def _cut_half_line(path: Path) -> None:
    """Cut off what stands behind the last end of a line."""
    if not path.exists():
        return
    with path.open("r+b") as file:
        end = file.seek(0, os.SEEK_END)
        while end:
            start = max(0, end - 65536)
            file.seek(start)
            block = file.read(end - start)
            if b"\n" in block:
                end = start + block.rindex(b"\n") + 1
                break
            end = start
        file.truncate(end)
