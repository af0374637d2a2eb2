"""Decisions and what came of them, as lines of JSON, written as they come."""

import errno
import json
import os
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, final

import numpy as np

from banditsplit import _checks
from banditsplit.feedback import Decision

__all__ = ["DecisionLog", "read_log"]

# What is read of a record again; a decision has its round and propensity beside it.
_FIELDS = {
    "decision": {"id", "arm", "probability", "context"},
    "feedback": {"id", "reward", "cost", "side", "where"},
}


@final
class DecisionLog:
    """A file to which a policy's decisions and their feedback are appended.

    Given to `Policy.log`, it gets a line for each `Policy.decide` and each `Policy.learn`:

    - ``{"event": "decision", "id", "round", "arm", "propensity", "probability", "context"}``
    - ``{"event": "feedback", "id", "reward", "cost", "side", "where"}``

    What is not there is null: a propensity and probabilities where nobody drew, a context
    where none is looked at. Each line is with the operating system before the call returns,
    so that it survives the process; a half line that a crash left is cut off when the file is
    opened again. Threads may share it, processes must not.

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

    def write(self, lines: bytes) -> None:
        """Append whole lines, all of them or none.

        Raises:
            OSError: The file cannot be written; it is as it was.
        """
        with self._lock:
            before = os.fstat(self._file.fileno()).st_size
            written = self._file.write(lines)
            if written != len(lines):  # a disk that is nearly full takes a part
                self._file.truncate(before)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))

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


def read_log(path: str | os.PathLike[str]) -> Iterator[dict[str, Any]]:
    """Yield the records of a `DecisionLog`, as they were written.

    A last line without its end is what a crash left of one: it is passed over. Lists stand for
    arrays.

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
                checked(record)
            except (ValueError, TypeError, RecursionError):
                wanted = "`path` must hold records of decisions and feedback"
                raise ValueError(
                    f"{wanted}, got {line!r} in line {number} of {path!s}."
                ) from None
            yield record


def decision_line(decision: Decision, t: Any) -> bytes:
    """Return the line for a decision that was made in round ``t``."""
    return _line(
        event="decision",
        id=decision.id,
        round=t,
        arm=decision.arm,
        propensity=decision.propensity,
        probability=decision.probability,
        context=decision.context,
    )


def feedback_line(decision: Decision, reward: Any, cost: Any, side: Any, where: Any) -> bytes:
    """Return the line for what came of a decision.

    Raises:
        TypeError, ValueError: JSON cannot hold it.
    """
    return _line(
        event="feedback", id=decision.id, reward=reward, cost=cost, side=side, where=where
    )


def last_number(log: DecisionLog) -> int:
    """Return the highest number of a decision in the file of ``log``; -1 without any."""
    made = (record["id"] for record in read_log(log.path) if record["event"] == "decision")
    return max(made, default=-1)


def checked(record: Any) -> dict[str, Any]:
    """Return a record as it was before it was written: lists as arrays.

    Raises:
        TypeError: Its number is no integer.
        ValueError: It is no record of a decision or of feedback, or its number is below 0.
    """
    event = record.get("event") if isinstance(record, Mapping) else None
    if not isinstance(event, str) or not _FIELDS.get(event, {""}) <= record.keys():
        wanted = "`records` must hold what a log holds of decisions and feedback"
        raise ValueError(f"{wanted}, got {record!r}.")
    _checks.integer("id", record["id"], least=0)
    return {key: _as_arrays(value) for key, value in record.items()}


def _as_arrays(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _as_arrays(item) for key, item in value.items()}
    return np.asarray(value) if isinstance(value, list) else value


def _line(**record: Any) -> bytes:
    try:
        return json.dumps(record, default=_plain, allow_nan=False).encode() + b"\n"
    except (TypeError, ValueError, RecursionError) as error:
        wanted = "`log` must get what JSON can hold: finite numbers, strings and arrays"
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{wanted}, got {record!r}.") from None


def _plain(value: Any) -> Any:
    """Return arrays and numbers of any library as those of Python."""
    array = np.asarray(value)
    return float(value) if array.dtype == object else array.tolist()  # a fraction, say


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
