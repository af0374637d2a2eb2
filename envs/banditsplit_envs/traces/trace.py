"""What every exit says of every sample: recorded once, replayed at simulation speed."""

import json
import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import Any, Final, Self, TypeAlias, final

import numpy as np
from numpy.typing import NDArray
from scipy.special import entr

from banditsplit import _checks
from banditsplit._typing import Float, Int
from banditsplit_envs.traces.trace_file import (
    SUMS,
    UNREADABLE,
    Array,
    Column,
    read_members,
    write_members,
)

__all__ = ["Metadata", "Trace"]

FORMAT: Final = "banditsplit.trace"
VERSION: Final = 2
SUMLESS: Final = 1  # the version before: compressed, without sums, entropy and metadata

ARRAYS: Final = ("confidence", "prediction", "label", "entropy")

# What must be the same in two traces of one network; `record` writes it.
NETWORK: Final = ("splits", "classes", "weights_sha256", "temperature")

LARGEST: Final = np.iinfo(np.int64).max  # class number
_CHUNK = 65_536  # samples whose entropy is worked out at a time

Classes: TypeAlias = NDArray[np.integer[Any]]
Entropy: TypeAlias = NDArray[np.floating[Any]]
Value: TypeAlias = str | int | float | tuple["Value", ...]


@final
class Metadata(Mapping[str, Value]):
    """Strings, finite numbers and tuples of them by name; read-only.

    Raises:
        TypeError: A name is no string, or a value is something else.
        ValueError: A number is not finite.
    """

    __slots__ = ("_values",)

    def __init__(self, values: Any) -> None:
        if not isinstance(values, Mapping) or not all(isinstance(name, str) for name in values):
            raise TypeError(f"`metadata` must map strings to values, got {values!r}.")
        self._values = {name: _value(name, value) for name, value in values.items()}

    def __getitem__(self, name: str) -> Value:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Metadata({self._values!r})"


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """What every exit says of every sample, `[samples, exits]`, and the labels, `[samples]`.

    Rectangular lists are accepted; what is kept are read-only copies, or the array itself where
    it is read-only, owns its memory and has the type that is kept. A million samples of 24
    exits are 310 MB.

    Attributes:
        confidence: In `[0, 1]`; float64, as what counts near 1 is the distance to it.
        prediction: Class numbers from 0, of the smallest unsigned type that holds them:
            compare them, and convert them before you subtract.
        label: The same of the truth, int64, or None where it is unknown.
        entropy: Of each exit's calibrated distribution, in nats, or None where it was not
            recorded; float32, which keeps its digits near 0.
        metadata: Where the trace comes from: strings, numbers and tuples of them.

    Raises:
        TypeError: a dtype that would have to be guessed at (text, bools, fractional classes).
        ValueError: ragged, empty, out of range, or shapes that do not fit together.
    """

    confidence: Float
    prediction: Classes
    label: Int | None = None
    _: KW_ONLY
    entropy: Entropy | None = None
    metadata: Mapping[str, Value] = field(default_factory=dict)

    def __post_init__(self) -> None:
        confidence = _floats("confidence", self.confidence)
        low, high = confidence.min(), confidence.max()  # nan, if there is one
        if not (low >= 0 and high <= 1):
            outside = high if low >= 0 else low
            raise ValueError(f"`confidence` must lie in [0, 1], got {outside}.")
        prediction = _classes("prediction", self.prediction, axes=("samples", "exits"))
        _same("prediction", prediction.shape, confidence.shape)
        label, entropy = self.label, self.entropy
        if label is not None:
            label = _classes("label", label, axes=("samples",))
            _same("label", label.shape, confidence.shape[:1])
        if entropy is not None:
            entropy = _floats("entropy", entropy)
            _same("entropy", entropy.shape, confidence.shape)
            low, high = entropy.min(), entropy.max()
            if not (low >= 0 and high <= np.finfo(np.float32).max):
                outside = high if low >= 0 else low
                raise ValueError(f"`entropy` must be finite and not negative, got {outside}.")
        kept = {
            "confidence": _kept(confidence, np.dtype(np.float64)),
            "prediction": _kept(prediction, np.min_scalar_type(int(prediction.max()))),
            "label": None if label is None else _kept(label, np.dtype(np.int64)),
            "entropy": None if entropy is None else _kept(entropy, np.dtype(np.float32)),
            "metadata": Metadata(self.metadata),
        }
        for name, value in kept.items():
            object.__setattr__(self, name, value)

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

    def with_binary_entropy(self) -> Self:
        """Return it with the entropy that follows from the confidence if there are two classes.

        For traces that were recorded without it.

        Raises:
            ValueError: There are more than two classes: ``metadata`` says so, there is a
                prediction of another one, or a confidence below 1/2.
        """
        wanted = "must be that of two classes"
        if (classes := self.metadata.get("classes", 2)) != 2:  # noqa: PLR2004 - binary
            raise ValueError(f"`metadata` {wanted}, got {classes} classes.")
        if (largest := int(self.prediction.max())) > 1:
            raise ValueError(f"`prediction` {wanted}, 0 or 1, got {largest}.")
        if (least := float(self.confidence.min())) < 1 / 2:
            raise ValueError(f"`confidence` {wanted}, at least 1/2, got {least}.")
        entropy = np.empty(self.confidence.shape, np.float32)
        for start in range(0, self.samples, _CHUNK):
            some = self.confidence[start : start + _CHUNK]
            entropy[start : start + _CHUNK] = entr(some) + entr(1 - some)
        entropy.flags.writeable = False
        return replace(self, entropy=entropy)

    def check_same_network(self, other: "Trace", *, name: str = "other") -> None:
        """Refuse a trace of another network, which an error calls ``name``: it has other arms.

        Compared are the number of exits and, as far as both traces know them, the splits, the
        classes, the weights and the temperatures.

        Raises:
            TypeError: ``other`` is no trace.
            ValueError: It is one of another network.
        """
        _checks.instance(name, other, Trace)
        wanted = f"`{name}` must be a trace of the same network"
        if other.exits != self.exits:
            raise ValueError(f"{wanted}, with {self.exits} exits, got one with {other.exits}.")
        for part in NETWORK:
            own, others = self.metadata.get(part), other.metadata.get(part)
            if own is not None and others is not None and own != others:
                raise ValueError(f"{wanted}, with `{part}` {own!r}, got {others!r}.")

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write exactly ``path``, whole or not at all."""
        save_joined(path, [self], self.metadata)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read what `save` wrote, of this version or an earlier one.

        Raises:
            FileNotFoundError: There is no file.
            ValueError: It is anything else, of a newer version, or damaged.
        """
        version = _version(path)
        try:
            arrays, found = read_members(path)
            sums = found
            if version == VERSION:
                sums = dict(json.loads(arrays.pop(SUMS).item()))
                del found[SUMS]
            for array in arrays.values():
                array.flags.writeable = False  # so that `_kept` keeps it
        except UNREADABLE as error:
            raise _foreign(path, "something unreadable") from error
        if differ := sorted(n for n in {*sums, *found} if sums.get(n) != found.get(n)):
            raise _foreign(path, f"damaged or missing contents ({', '.join(differ)})")
        try:
            fields: dict[str, Any] = {**arrays}
            del fields["format"], fields["version"]
            if version == VERSION:
                fields["metadata"] = json.loads(fields["metadata"].item())
            return cls(**fields)
        except UNREADABLE as error:
            raise _foreign(path, f"other contents ({error})") from error


def joined(parts: Sequence[Trace], metadata: Mapping[str, Value]) -> Trace:
    """Return ``parts``, at least one, one after the other, with ``metadata``, not theirs."""
    arrays: dict[str, Any] = {}
    for name in ARRAYS:
        if getattr(parts[0], name) is not None:
            arrays[name] = np.concatenate([getattr(part, name) for part in parts])
            arrays[name].flags.writeable = False
    return Trace(**arrays, metadata=metadata)


def save_joined(
    path: str | os.PathLike[str], parts: Iterable[Trace], metadata: Mapping[str, Value]
) -> None:
    """Write ``parts`` one after the other as one trace, with ``metadata`` in place of theirs.

    They are iterated once for each array, and only one of them need be in memory.
    """

    def rows(name: str) -> Iterator[Array]:
        for part in parts:
            yield getattr(part, name)

    samples, kinds = 0, dict[str, set[np.dtype[Any]]]()
    for part in parts:
        samples += part.samples
        shape = (samples, part.exits)
        for name in ARRAYS:
            if (array := getattr(part, name)) is not None:
                kinds.setdefault(name, set()).add(array.dtype)
    columns = {
        "format": Column.of(FORMAT),
        "version": Column.of(VERSION),
        "metadata": Column.of(json.dumps(dict(metadata))),
    }
    for name, dtypes in kinds.items():
        own = shape[:1] if name == "label" else shape
        columns[name] = Column(np.result_type(*dtypes), own, rows(name))
    write_members(path, columns)


def _version(path: str | os.PathLike[str]) -> int:
    """Return the version of a trace's file."""
    try:
        head = read_members(path, ("format", "version")).arrays
        marker, version = head["format"].item(), head["version"].item()
    except FileNotFoundError:
        raise
    except UNREADABLE as error:
        raise _foreign(path, "something unreadable") from error
    if marker != FORMAT:
        raise _foreign(path, f"the format {marker!r}")
    if version not in (SUMLESS, VERSION):
        raise _foreign(path, f"version {version!r}")
    return int(version)


def _foreign(path: str | os.PathLike[str], found: str) -> ValueError:
    wanted = f"a trace of version {SUMLESS} or {VERSION} written by `Trace.save`"
    return ValueError(f"`path` must be {wanted}, got {found} in {os.fspath(path)!r}.")


def _floats(name: str, values: Any) -> Array:
    """Return ``values`` as an array of real numbers, `[samples, exits]`, none of them 0."""
    array = _rectangular(name, values, axes=("samples", "exits"))
    if array.dtype.kind not in "fiu":
        raise TypeError(f"`{name}` must be an array of floats, got dtype {array.dtype}.")
    return array


def _classes(name: str, values: Any, *, axes: tuple[str, ...]) -> Array:
    """Return ``values`` as an array of class numbers, none negative."""
    array = _rectangular(name, values, axes=axes)
    if array.dtype.kind not in "iu":
        raise TypeError(f"`{name}` must be an array of integers, got dtype {array.dtype}.")
    if array.min() < 0:
        raise ValueError(f"`{name}` must not be negative, got {array.min()}.")
    if array.max() > LARGEST:
        raise ValueError(f"`{name}` must be at most {LARGEST}, got {array.max()}.")
    return array


def _rectangular(name: str, values: Any, *, axes: tuple[str, ...]) -> Array:
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


def _kept(array: Array, dtype: np.dtype[Any]) -> Array:
    """Return ``array`` itself if it is of this type and nobody writes to it, else a copy."""
    flags = array.flags
    if array.dtype == dtype and flags.c_contiguous and flags.owndata and not flags.writeable:
        return array
    copy = np.array(array, dtype, order="C")
    copy.flags.writeable = False
    return copy


def _value(name: str, value: Any) -> Value:
    """Return a value of the metadata as JSON gives it back, lists being tuples."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, list | tuple):
        return tuple(_value(name, part) for part in value)
    if not isinstance(value, str | int | float):
        wanted = "must be a string, a number or a sequence of them"
        raise TypeError(f"`metadata[{name!r}]` {wanted}, got {value!r}.")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"`metadata[{name!r}]` must be finite, got {value!r}.")
    return value
