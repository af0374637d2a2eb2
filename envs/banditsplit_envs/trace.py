"""What every exit says of every sample: recorded once, replayed at simulation speed."""

import io
import os
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from banditsplit._files import write_atomically
from banditsplit._typing import Float, Int

__all__ = ["Trace"]

FORMAT = "banditsplit.trace"
VERSION = 1

# Whatever numpy and zipfile raise at bytes that are no trace.
_UNREADABLE = (
    EOFError,
    KeyError,
    NotImplementedError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
)


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """Confidence and prediction of every exit, `[samples, exits]`, and the labels, `[samples]`.

    Rectangular lists are accepted; what is kept are read-only copies. ``confidence`` lies in
    `[0, 1]`, ``prediction`` and ``label`` are class numbers from 0.

    Raises:
        TypeError: a dtype that would have to be guessed at (text, bools, fractional classes).
        ValueError: ragged, empty, out of range, or shapes that do not fit together.
    """

    confidence: Float
    prediction: Int
    label: Int | None = None

    def __post_init__(self) -> None:
        confidence = _array("confidence", self.confidence, axes=("samples", "exits"))
        if not np.all((confidence >= 0) & (confidence <= 1)):  # nan fails both
            outside = confidence[~((confidence >= 0) & (confidence <= 1))][0]
            raise ValueError(f"`confidence` must lie in [0, 1], got {outside}.")
        prediction = _classes("prediction", self.prediction, axes=("samples", "exits"))
        _same("prediction", prediction.shape, confidence.shape)
        label = self.label
        if label is not None:
            label = _classes("label", label, axes=("samples",))
            _same("label", label.shape, confidence.shape[:1])
            label.flags.writeable = False
        for array in (confidence, prediction):
            array.flags.writeable = False
        object.__setattr__(self, "confidence", confidence)
        object.__setattr__(self, "prediction", prediction)
        object.__setattr__(self, "label", label)

    @property
    def samples(self) -> int:
        """How many samples were recorded."""
        return int(self.confidence.shape[0])

    @property
    def exits(self) -> int:
        """How many exits the network has."""
        return int(self.confidence.shape[1])

    @property
    def accuracy(self) -> Float:
        """Share of samples that each exit answers correctly, `[exits]`; needs labels."""
        if self.label is None:
            raise ValueError("`label` must be given where accuracy is asked for, got None.")
        share: Float = np.mean(self.prediction == self.label[:, None], axis=0)
        return share

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write exactly ``path``, whole or not at all."""
        arrays: dict[str, Any] = {"format": FORMAT, "version": VERSION}
        arrays |= {"confidence": self.confidence, "prediction": self.prediction}
        if self.label is not None:
            arrays["label"] = self.label
        write_atomically(path, lambda file: np.savez_compressed(file, **arrays))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read what `save` wrote; a file that is anything else raises a ValueError."""
        content = Path(path).read_bytes()
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            marker, version = arrays.pop("format").item(), arrays.pop("version").item()
        except (*_UNREADABLE, AttributeError) as error:
            raise _foreign(path, "something unreadable") from error
        if marker != FORMAT:
            raise _foreign(path, f"the format {marker!r}")
        if version != VERSION:
            raise _foreign(path, f"version {version!r}")
        try:
            return cls(**arrays)
        except (TypeError, ValueError) as error:
            raise _foreign(path, f"other contents ({error})") from error


def _foreign(path: str | os.PathLike[str], found: str) -> ValueError:
    wanted = f"a trace of version {VERSION} written by `Trace.save`"
    return ValueError(f"`path` must be {wanted}, got {found} in {os.fspath(path)!r}.")


def _array(name: str, values: Any, *, axes: tuple[str, ...]) -> Float:
    """Return a float64 copy of ``values``, one dimension for each of ``axes``, none empty."""
    array = _rectangular(name, values, axes=axes)
    if array.dtype.kind not in "fiu":
        raise TypeError(f"`{name}` must be an array of floats, got dtype {array.dtype}.")
    return array.astype(np.float64)


def _classes(name: str, values: Any, *, axes: tuple[str, ...]) -> Int:
    """Return an int64 copy of ``values``: class numbers, none negative."""
    array = _rectangular(name, values, axes=axes)
    if array.dtype.kind not in "iu":
        raise TypeError(f"`{name}` must be an array of integers, got dtype {array.dtype}.")
    classes = array.astype(np.int64)
    if classes.min() < 0:
        raise ValueError(f"`{name}` must not be negative, got {array.min()}.")
    return classes


def _rectangular(name: str, values: Any, *, axes: tuple[str, ...]) -> np.ndarray[Any, Any]:
    wanted = f"`{name}` must be a rectangular array [{', '.join(axes)}]"
    try:
        array = np.asarray(values)
    except ValueError:
        raise ValueError(f"{wanted}, got ragged rows.") from None
    if array.ndim != len(axes) or array.size == 0:
        raise ValueError(f"{wanted}, none of them 0, got shape {array.shape}.")
    return array


def _same(name: str, shape: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    if shape != wanted:
        raise ValueError(f"`{name}` must have shape {wanted} like `confidence`, got {shape}.")
