"""Arrays in one file that other tools read, and that knows when it was damaged.

An npz, that is a zip of npy members, nothing compressed: ``numpy.load`` opens it. The last
member, ``sha256``, is JSON and has the sum of every other member as it lies in the zip; what
``unzip -p FILE confidence.npy | sha256sum`` says. Rows are written and read in blocks, so that
nothing is in memory twice.
"""

import hashlib
import json
import math
import os
import tokenize
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Any, Final, NamedTuple, TypeAlias, final

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from banditsplit._files import write_atomically

Array: TypeAlias = NDArray[Any]

BLOCK: Final = 1 << 20  # bytes read at a time
SUMS: Final = "sha256"
SUFFIX: Final = ".npy"
EPOCH: Final = (1980, 1, 1, 0, 0, 0)  # a zip's first day: the same arrays make the same file

# Whatever numpy and zipfile raise at bytes that are no such file.
UNREADABLE: Final = (
    AttributeError,
    EOFError,
    KeyError,
    NotImplementedError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)


class Column(NamedTuple):
    """An array whose rows come in blocks, one after the other."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    blocks: Iterable[Array]

    @classmethod
    def of(cls, value: Any) -> "Column":
        """Return ``value``, an array or a scalar, as one block."""
        array = np.asarray(value)
        return cls(array.dtype, array.shape, (array,))


class Members(NamedTuple):
    """What a file holds, and the sum of each member as it was read."""

    arrays: dict[str, Array]
    sums: dict[str, str]


def write_members(path: str | os.PathLike[str], columns: Mapping[str, Column]) -> None:
    """Write ``columns`` and their sums to exactly ``path``, whole or not at all."""

    def fill(file: IO[bytes]) -> None:
        with zipfile.ZipFile(file, "w") as archive:
            sums = {name: _add(archive, name, column) for name, column in columns.items()}
            _add(archive, SUMS, Column.of(json.dumps(sums)))

    write_atomically(path, fill)


def read_members(path: str | os.PathLike[str], names: Iterable[str] | None = None) -> Members:
    """Return the members called ``names``, or all of them.

    Raises:
        FileNotFoundError: There is no file.
        Exception: One of `UNREADABLE`, where it is anything else, or cut off.
    """
    arrays, sums = {}, {}
    with Path(path).open("rb") as file, zipfile.ZipFile(file) as archive:
        if names is None:
            names = [name.removesuffix(SUFFIX) for name in archive.namelist()]
        for name in names:
            info = archive.getinfo(name + SUFFIX)
            with archive.open(info) as member:
                arrays[name], sums[name] = _read(_Summed(member), info.file_size)
    return Members(arrays, sums)


@final
class _Summed:
    """A member, and the sum of all that was written to it or read from it."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file, self.done, self.sum = file, 0, hashlib.sha256()

    def write(self, data: Any) -> None:
        self.sum.update(data)
        self.file.write(data)

    def read(self, size: int = -1) -> bytes:
        data = self.file.read(size)
        self.done += len(data)
        self.sum.update(data)
        return data


def _add(archive: zipfile.ZipFile, name: str, column: Column) -> str:
    """Write a member and return its sum."""
    info = zipfile.ZipInfo(name + SUFFIX, EPOCH)
    with archive.open(info, "w", force_zip64=True) as file:
        member: Any = _Summed(file)
        header = {
            "descr": npy.dtype_to_descr(column.dtype),
            "fortran_order": False,
            "shape": column.shape,
        }
        npy.write_array_header_1_0(member, header)
        for block in column.blocks:
            member.write(_bytes(np.ascontiguousarray(block, column.dtype)).data)
    return str(member.sum.hexdigest())


def _read(member: Any, size: int) -> tuple[Array, str]:
    """Return the array of a member of ``size`` bytes, and its sum."""
    if npy.read_magic(member) != (1, 0):
        raise ValueError("another version of npy")
    shape, fortran, dtype = npy.read_array_header_1_0(member)
    if dtype.hasobject:
        raise ValueError("Python objects")
    # A damaged header must not ask for more memory than there are bytes in the file.
    if math.prod(shape) * dtype.itemsize != size - member.done:
        raise ValueError("another size")
    array = np.empty(shape, dtype, order="F" if fortran else "C")
    rest = _bytes(array.T if fortran else array).data
    while rest:
        data = member.read(min(BLOCK, len(rest)))
        if not data:
            raise EOFError
        rest[: len(data)] = data
        rest = rest[len(data) :]
    if member.read():  # and so the zip's own sum is checked
        raise ValueError("more bytes than the array has")
    return array, str(member.sum.hexdigest())


def _bytes(array: Array) -> NDArray[np.uint8]:
    """Return the memory of an array of C order."""
    return array.reshape(-1).view(np.uint8)
