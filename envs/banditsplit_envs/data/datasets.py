"""The data of the paper and of its studies: from a folder, or from where the public gets it.

A folder holds files as people have them: ``sst2/train.tsv.gz``, ``imdb_test.tsv``,
``mnist.npz``. Without a folder Hugging Face's `datasets` and torchvision fetch and keep them;
both are extras, imported where they are needed.
"""

import csv
import gzip
import importlib
import io
import os
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from banditsplit import _checks
from banditsplit._typing import Int

__all__ = ["LabelledImages", "LabelledTexts", "load_images", "load_texts"]

# What a split may be called in a file's name.
SPLITS = {"train": ("train",), "test": ("test", "dev", "validation")}
TABLES = (".tsv", ".tsv.gz", ".csv", ".csv.gz")
COLUMNS = (
    ("sentence",),
    ("text",),
    ("premise", "hypothesis"),
    ("sentence1", "sentence2"),
    ("question1", "question2"),
)

# Whatever numpy and zipfile raise at bytes that are no npz file.
_UNREADABLE = (
    AttributeError,
    EOFError,
    OSError,
    TypeError,
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
)


class LabelledTexts(NamedTuple):
    """``texts`` and their ``labels``, `[samples]`; ``pairs`` are the second sentences, if any.

    A tokenizer takes both: ``tokenizer(texts, pairs)``.
    """

    texts: list[str]
    labels: Int
    pairs: list[str] | None = None


class LabelledImages(NamedTuple):
    """``images``, float32 `[samples, channels, height, width]` in `[0, 1]`, and ``labels``."""

    images: NDArray[np.float32]
    labels: Int


@dataclass(frozen=True, slots=True)
class _Public:
    """A set of texts of Hugging Face's.

    Attributes:
        path: Its name there, and the name of its configuration.
        columns: The sentence, or both of them.
        classes: How many there are.
        test: Which of its splits to test on: GLUE keeps the labels of its test sets secret.
        words: The classes in order, where labels are words.
    """

    path: tuple[str, ...]
    columns: tuple[str, ...]
    classes: int
    test: str = "test"
    words: tuple[str, ...] = ()


def _glue(task: str, *columns: str, classes: int = 2, test: str = "validation") -> _Public:
    return _Public(("nyu-mll/glue", task), columns, classes, test)


TEXTS = {
    "imdb": _Public(("stanfordnlp/imdb",), ("text",), 2),
    "mnli": _glue("mnli", "premise", "hypothesis", classes=3, test="validation_matched"),
    "mrpc": _glue("mrpc", "sentence1", "sentence2"),
    "qqp": _glue("qqp", "question1", "question2"),
    "rte": _glue("rte", "sentence1", "sentence2"),
    "scitail": _Public(
        ("allenai/scitail", "tsv_format"),
        ("premise", "hypothesis"),
        2,
        words=("entails", "neutral"),  # RTE's order
    ),
    "snli": _Public(("stanfordnlp/snli",), ("premise", "hypothesis"), 3),
    "sst2": _glue("sst2", "sentence"),
    "yelp": _Public(("fancyzhx/yelp_polarity",), ("text",), 2),
}
UNKNOWN = -1  # what Hugging Face writes for a label that is secret, or that nobody agreed on
IMAGES = {"mnist": ("MNIST", 10), "cifar10": ("CIFAR10", 10)}  # torchvision's name, classes


def load_texts(
    name: str, folder: str | os.PathLike[str] | None = None, *, split: str = "test"
) -> LabelledTexts:
    """Return texts, or pairs of them, with their labels.

    In a folder: one of ``NAME/SPLIT``, ``NAME_SPLIT`` and, to test on, ``NAME`` alone, with
    ending ``.tsv``, ``.csv``, ``.tsv.gz`` or ``.csv.gz``, where ``test`` may be called ``dev``
    or ``validation`` as well. The first line names the columns: ``label``, class numbers from
    0, and ``sentence``, ``text``, or two sentences as GLUE calls them. A tsv file knows no
    quotes: a tab ends a field, and a line ends a row.

    Args:
        name: Any that the folder has. Without a folder "imdb", "mnli", "mrpc", "qqp", "rte",
            "scitail", "snli", "sst2" or "yelp": from Hugging Face, of GLUE the (matched)
            validation sets to test on. Of SNLI the pairs that its annotators could not agree
            on are left out.
        folder: Where the files are.
        split: "test" or "train".

    Raises:
        FileNotFoundError: The folder has no such file.
        ImportError: There is no folder, and `datasets` is not installed.
        ValueError: An argument is out of range, two files are meant, or a file is broken:
            the message says which one, and in which line.
    """
    _checks.member("split", split, tuple(SPLITS))
    if folder is None:
        _checks.member("name", name, tuple(TEXTS))
        return _fetch_texts(name, split)
    path = _find(Path(folder), name, split)
    known = TEXTS.get(name)
    return _read_texts(path, None if known is None else known.classes)


def load_images(
    name: str, folder: str | os.PathLike[str] | None = None, *, split: str = "test"
) -> LabelledImages:
    """Return images with their labels.

    Args:
        name: Of a file ``NAME.npz`` with the arrays ``x_train``, ``y_train``, ``x_test`` and
            ``y_test``: bytes, `[samples, height, width]` or `[samples, height, width,
            channels]`, and class numbers, `[samples]`. Without a folder "mnist" or "cifar10":
            by torchvision, into the folder of `torch.hub`.
        folder: Where the file is.
        split: "test" or "train".

    Raises:
        FileNotFoundError: The folder has no such file.
        ImportError: There is no folder, and `torchvision` is not installed, or built for
            another torch than the one that is.
        ValueError: An argument is out of range, or the file holds something else.
    """
    _checks.member("split", split, tuple(SPLITS))
    if folder is None:
        kind, classes = IMAGES[_checks.member("name", name, tuple(IMAGES))]
        vision = _extra("torchvision", "load_images").datasets
        root = Path(torch.hub.get_dir()) / "datasets"
        found = getattr(vision, kind)(root, train=split == "train", download=True)
        return _labelled(kind, np.asarray(found.data), np.asarray(found.targets), classes)
    path = Path(folder) / f"{name}.npz"
    if not path.is_file():
        raise FileNotFoundError(f"`folder` must hold {path.name!r}, got {os.fspath(folder)!r}.")
    images, labels = _read_arrays(path, (f"x_{split}", f"y_{split}"))
    known = IMAGES.get(name)
    return _labelled(str(path), images, labels, None if known is None else known[1])


# ----- Tables


def _find(folder: Path, name: str, split: str) -> Path:
    """Return the one file that is meant."""
    stems = [f"{name}{sign}{called}" for called in SPLITS[split] for sign in "/_"]
    if split == "test":  # never to be trained on by accident
        stems.append(name)
    paths = [folder / f"{stem}{ending}" for stem in stems for ending in TABLES]
    found = [path for path in paths if path.is_file()]
    if not found:
        wanted = f"one of {', '.join(stems)}, with ending {', '.join(TABLES)}"
        raise FileNotFoundError(f"`folder` must hold {wanted}, got {os.fspath(folder)!r}.")
    if len(found) > 1:
        names = ", ".join(str(path.relative_to(folder)) for path in found)
        raise ValueError(f"`folder` must hold one file of {name!r} to {split}, got {names}.")
    return found[0]


def _read_texts(path: Path, classes: int | None) -> LabelledTexts:
    columns: tuple[list[str], ...] = ()
    labels: list[int] = []
    for line, label, sentences in _rows(path):
        columns = columns or tuple([] for _ in sentences)
        for column, sentence in zip(columns, sentences, strict=True):
            column.append(sentence)
        labels.append(_label(path, line, label, classes))
    if not labels:
        raise ValueError(f"{path} must have at least one row below its header, got none.")
    return LabelledTexts(columns[0], np.array(labels), *columns[1:])


def _rows(path: Path) -> Iterator[tuple[int, str, tuple[str, ...]]]:
    """Yield the number of a line, its label, and its sentence or sentences."""
    line = 0
    try:
        with _opened(path) as file:
            reader = _table(path, file)
            names = reader.fieldnames or ()
            wanted = next((c for c in COLUMNS if {"label", *c} <= set(names)), None)
            if wanted is None:
                raise ValueError(
                    f"{path} must name its columns in the first line, `label` and one of "
                    f"{', '.join(' with '.join(c) for c in COLUMNS)}, got {list(names)}."
                )
            for row in reader:
                line = reader.line_num
                if None in row or None in row.values():
                    fields = f"the {len(names)} fields of its header"
                    have = "fewer" if None in row.values() else "more"
                    raise ValueError(f"{path}, line {line}, must have {fields}, got {have}.")
                yield line, row["label"], tuple(row[column] for column in wanted)
    except (EOFError, OSError, UnicodeDecodeError, csv.Error, zlib.error) as error:
        where = f"{path}, behind line {line}," if line else f"{path}"
        raise ValueError(f"{where} must be a whole table in UTF-8: {error}") from error


def _opened(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8", newline="")
    return path.open(encoding="utf-8", newline="")


def _table(path: Path, file: Iterable[str]) -> "csv.DictReader[str]":
    if ".tsv" in path.suffixes:
        return csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
    return csv.DictReader(file, strict=True)  # an open quote at the end is no field


def _label(path: Path, line: int, label: str, classes: int | None) -> int:
    number = int(label) if label.isdecimal() else -1
    if number < 0 or (classes is not None and number >= classes):
        wanted = "a class number" if classes is None else f"one of 0 .. {classes - 1}"
        raise ValueError(f"{path}, line {line}, must have {wanted} as label, got {label!r}.")
    return number


# ----- Arrays


def _read_arrays(path: Path, names: tuple[str, str]) -> list[Any]:
    content = path.read_bytes()  # numpy leaves a file open that it cannot read
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            have = list(file.files)
            arrays = {name: file[name] for name in names if name in have}
    except _UNREADABLE as error:
        raise ValueError(f"{path} must be a whole npz file without objects: {error}") from error
    if missing := [name for name in names if name not in arrays]:
        got = ", ".join(have) or "none"
        raise ValueError(f"{path} must hold the arrays {missing}, got {got}.")
    return [arrays[name] for name in names]


def _labelled(source: str, images: Any, labels: Any, classes: int | None) -> LabelledImages:
    """Return bytes as images with the channels in front; ``source`` is named in errors."""
    if images.dtype != np.uint8 or images.ndim not in (3, 4) or images.size == 0:
        wanted = "bytes [samples, height, width] or [samples, height, width, channels]"
        got = f"{images.dtype} of shape {images.shape}"
        raise ValueError(f"{source} must hold images as {wanted}, got {got}.")
    if labels.dtype.kind not in "iu" or labels.shape != images.shape[:1]:
        got = f"{labels.dtype} of shape {labels.shape}"
        raise ValueError(f"{source} must hold {len(images)} integers as labels, got {got}.")
    if labels.min() < 0 or (classes is not None and labels.max() >= classes):
        wanted = "class numbers" if classes is None else f"classes 0 .. {classes - 1}"
        got = f"{labels.min()} .. {labels.max()}"
        raise ValueError(f"{source} must hold {wanted} as labels, got {got}.")
    if images.ndim == 3:  # noqa: PLR2004 - without channels
        images = images[..., None]
    pixels = np.ascontiguousarray(np.moveaxis(images, -1, 1), np.float32)
    pixels /= 255
    return LabelledImages(pixels, labels.astype(np.int64))


# ----- Others' loaders


def _fetch_texts(name: str, split: str) -> LabelledTexts:
    public = TEXTS[name]
    load = _extra("datasets", "load_texts").load_dataset
    rows = load(*public.path, split=public.test if split == "test" else split)
    # A slice is a list in all versions. Iterated, a column of newer ones takes a hundred times
    # as long.
    labels, *columns = (rows[column][:] for column in ("label", *public.columns))
    classes: Sequence[Any] = public.words or range(public.classes)
    if strange := {*labels} - {*classes, UNKNOWN}:
        wanted = f"{name!r} must have the labels {', '.join(map(str, classes))}"
        raise ValueError(f"{wanted}, got {', '.join(sorted(map(str, strange)))}.")
    kept = [n for n, label in enumerate(labels) if label != UNKNOWN]
    if not kept:
        raise ValueError(f"{name!r} must have rows with labels to {split} on, got none.")
    number = {label: n for n, label in enumerate(classes)}
    texts, *pairs = ([column[n] for n in kept] for column in columns)
    return LabelledTexts(texts, np.array([number[labels[n]] for n in kept]), *pairs)


def _extra(module: str, caller: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f"`{caller}` needs {module} where it gets no `folder`: "
            f"pip install 'banditsplit[{module}]'."
        ) from error
    except RuntimeError as error:  # torchvision's, which extends torch as it is imported
        raise ImportError(
            f"`{caller}` needs a {module} that was built for the installed torch, "
            f"{torch.__version__}; take both from one index. Its import said: {error}"
        ) from error
