"""Data from folders and from others' loaders; broken files are named, with the line."""

import gzip
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from banditsplit_envs import load_images, load_texts

REVIEWS = 'label\ttext\n1\tA "fine film\n0\tdull, dull\n'


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text, newline="")
    return path


# ----- Texts from a folder


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("imdb", "imdb_test.tsv.gz"),
        ("imdb", "imdb/test.tsv"),
        ("sst2", "sst2/dev.tsv.gz"),
        ("sst2", "sst2/validation.tsv"),
        ("reviews/books", "reviews/books.tsv.gz"),
    ],
)
def test_a_file_is_found_by_its_name_and_split(tmp_path: Path, name: str, file: str) -> None:
    written(tmp_path, file, REVIEWS)
    written(tmp_path, "sst2/train.tsv", "sentence\tlabel\nother\t1\n")
    texts, labels, pairs = load_texts(name, tmp_path)

    assert texts == ['A "fine film', "dull, dull"]  # a tsv file knows no quotes
    assert labels.tolist() == [1, 0]
    assert labels.dtype == np.int64
    assert pairs is None


def test_a_csv_file_has_quotes(tmp_path: Path) -> None:
    text = 'label,text\r\n1,"He said ""good"",\nand left"\r\n0,bad\r\n'
    written(tmp_path, "films.csv.gz", text)

    assert load_texts("films", tmp_path).texts == ['He said "good",\nand left', "bad"]


@pytest.mark.parametrize(
    "names", ["premise\thypothesis", "sentence1\tsentence2", "question1\tquestion2"]
)
def test_pairs_of_sentences_come_in_two_lists(tmp_path: Path, names: str) -> None:
    written(tmp_path, "qqp_train.tsv", f"id\t{names}\tlabel\n7\tWho?\tWhat?\t0\n8\ta\tb\t1\n")
    texts, labels, pairs = load_texts("qqp", tmp_path, split="train")

    assert (texts, pairs, labels.tolist()) == (["Who?", "a"], ["What?", "b"], [0, 1])


def test_a_file_without_a_split_in_its_name_is_not_trained_on(tmp_path: Path) -> None:
    written(tmp_path, "books.tsv", REVIEWS)

    with pytest.raises(
        FileNotFoundError, match=r"one of books/train, books_train, with ending"
    ):
        load_texts("books", tmp_path, split="train")


def test_two_files_that_could_be_meant_are_refused(tmp_path: Path) -> None:
    written(tmp_path, "books.tsv", REVIEWS)
    written(tmp_path, "books_test.csv", "label,text\n1,a\n")

    with pytest.raises(ValueError, match=r"one file of 'books' to test, got books_test.csv, "):
        load_texts("books", tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"must name its columns in the first line, .* got \[\]"),
        ("label\ttext\n", "must have at least one row below its header, got none"),
        ("a\tb\n1\tx\n", r"`label` and one of .*premise with hypothesis.* got \['a', 'b'\]"),
        ("text\nx\n", r"got \['text'\]"),
        ("label\ttext\n1\ta\n0\n", "line 3, must have the 2 fields of its header, got fewer"),
        ("label\ttext\n1\ta\tb\n", "line 2, must have the 2 fields of its header, got more"),
        ("label\ttext\n1\ta\n2\tb\n", "line 3, must have one of 0 .. 1 as label, got '2'"),
        ("label\ttext\n-1\ta\n", "line 2, must have one of 0 .. 1 as label, got '-1'"),
        ("label\ttext\npos\ta\n", "line 2, must have one of 0 .. 1 as label, got 'pos'"),
        ("label\ttext\n\ta\n", "line 2, must have one of 0 .. 1 as label, got ''"),
    ],
)
def test_a_broken_table_is_refused_with_its_file_and_line(
    tmp_path: Path, text: str, message: str
) -> None:
    path = written(tmp_path, "imdb_test.tsv", text)

    with pytest.raises(ValueError, match=message) as caught:
        load_texts("imdb", tmp_path)
    assert str(path) in str(caught.value)


def test_of_unknown_texts_any_class_number_is_taken(tmp_path: Path) -> None:
    written(tmp_path, "news.tsv", "label\ttext\n19\ta\n")
    assert load_texts("news", tmp_path).labels.tolist() == [19]

    written(tmp_path, "news.tsv", "label\ttext\n1.5\ta\n")
    with pytest.raises(
        ValueError, match=r"line 2, must have a class number as label, got '1.5'"
    ):
        load_texts("news", tmp_path)


def test_half_a_gzip_file_is_refused_with_the_line_it_came_to(tmp_path: Path) -> None:
    rows = "".join(f"{n % 2}\t{np.random.default_rng(n).bytes(40).hex()}\n" for n in range(500))
    path = written(tmp_path, "imdb_test.tsv.gz", "label\ttext\n" + rows)
    path.write_bytes(path.read_bytes()[:9000])

    with pytest.raises(ValueError, match=r"imdb_test.tsv.gz, behind line \d+, must be a whole"):
        load_texts("imdb", tmp_path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("imdb_test.tsv.gz", b"label\ttext\n1\ta\n"),  # not packed at all
        ("imdb_test.tsv", b"label\ttext\n1\t\xff\xfe\n"),  # no UTF-8
        ("imdb_test.csv", b'label,text\n1,"open\n'),  # a quote that does not end
        ("imdb_test.tsv", b"label\ttext\n1\t" + b"x" * 200_000),  # longer than any field
    ],
)
def test_bytes_that_are_no_table_are_refused(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)

    with pytest.raises(ValueError, match=f"{name}.* must be a whole table in UTF-8: "):
        load_texts("imdb", tmp_path)


# ----- Images from a folder


def arrays(**changes: Any) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    images = rng.integers(256, size=(5, 3, 4), dtype=np.uint8)
    images[0, 0, :2] = [0, 255]
    labels = np.arange(5, dtype=np.uint8)
    whole = {"x_train": images, "y_train": labels, "x_test": images[:2], "y_test": labels[:2]}
    return whole | changes


def test_images_are_scaled_and_get_their_channel(tmp_path: Path) -> None:
    np.savez(tmp_path / "mnist.npz", **arrays())
    images, labels = load_images("mnist", tmp_path, split="train")

    assert images.shape == (5, 1, 3, 4)
    assert images.dtype == np.float32
    assert labels.dtype == np.int64
    np.testing.assert_array_equal(images[0, 0, 0, :2], [0, 1])
    np.testing.assert_allclose(images[:, 0] * 255, arrays()["x_train"], rtol=1e-6)
    assert len(load_images("mnist", tmp_path).labels) == 2


def test_channels_come_to_the_front(tmp_path: Path) -> None:
    colours = np.zeros((2, 3, 4, 3), np.uint8)
    colours[..., 1] = 255
    np.savez(tmp_path / "own.npz", **arrays(x_test=colours))
    images, _ = load_images("own", tmp_path)

    assert images.shape == (2, 3, 3, 4)
    np.testing.assert_array_equal(images.mean((0, 2, 3)), [0, 1, 0])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x_test": np.zeros((2, 3, 4))}, "images as bytes .* got float64 of shape"),
        ({"x_test": np.zeros((2, 12), np.uint8)}, r"got uint8 of shape \(2, 12\)"),
        ({"x_test": np.zeros((0, 3, 4), np.uint8)}, r"got uint8 of shape \(0, 3, 4\)"),
        ({"y_test": np.zeros(3, int)}, r"2 integers as labels, got int64 of shape \(3,\)"),
        ({"y_test": np.zeros(2)}, r"2 integers as labels, got float64 of shape \(2,\)"),
        ({"y_test": np.array([0, 10])}, r"classes 0 .. 9 as labels, got 0 .. 10"),
        ({"y_test": np.array([-1, 0])}, r"classes 0 .. 9 as labels, got -1 .. 0"),
    ],
)
def test_arrays_that_are_no_images_are_refused(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    np.savez(tmp_path / "mnist.npz", **arrays(**changes))

    with pytest.raises(ValueError, match=rf"mnist.npz must hold .*{message}"):
        load_images("mnist", tmp_path)


def test_a_missing_array_is_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "mnist.npz", x_test=arrays()["x_test"], labels=[1, 2])

    with pytest.raises(
        ValueError, match=r"must hold the arrays \['y_test'\], got x_test, labels"
    ):
        load_images("mnist", tmp_path)


def test_a_file_that_is_no_archive_or_half_of_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mnist.npz"
    np.savez(path, **arrays())
    whole = path.read_bytes()
    single = tmp_path / "single.npy"
    np.save(single, arrays()["x_test"])
    for content in (b"", b"text", whole[: len(whole) // 2], single.read_bytes()):
        path.write_bytes(content)
        with pytest.raises(
            ValueError, match=r"mnist.npz must be a whole npz file without objects: "
        ):
            load_images("mnist", tmp_path)


def test_a_pickle_is_not_opened(tmp_path: Path) -> None:
    objects = np.array([{}, {}], dtype=object)
    np.savez(tmp_path / "mnist.npz", **arrays(x_test=objects))

    with pytest.raises(
        ValueError, match=r"mnist.npz must be a whole npz file without objects: "
    ):
        load_images("mnist", tmp_path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"`folder` must hold 'mnist.npz', got"):
        load_images("mnist", tmp_path)


# ----- From others


class Column(Sequence[Any]):
    """A column of `datasets` 4 and later: no list, a slice of it is; rows take their time."""

    def __init__(self, values: Sequence[Any]) -> None:
        self.values = list(values)

    def __getitem__(self, key: Any) -> Any:
        return self.values[key]

    def __len__(self) -> int:
        return len(self.values)

    def __iter__(self) -> Iterator[Any]:
        raise AssertionError("row after row takes a hundred times as long as a slice")


def fake_datasets(
    monkeypatch: pytest.MonkeyPatch, kind: Any = Column, **columns: Sequence[Any]
) -> list[Any]:
    """Put a `datasets` into the place of the real one; return what it is asked for."""
    asked: list[Any] = []

    def load_dataset(path: str, name: str | None = None, *, split: str) -> dict[str, Any]:
        asked.append((path, split) if name is None else (path, name, split))
        return {column: kind(values) for column, values in columns.items()}

    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=load_dataset))
    return asked


@pytest.mark.parametrize("column", [Column, list], ids=["4 and later", "before"])
def test_glue_is_tested_on_its_validation_set(
    monkeypatch: pytest.MonkeyPatch, column: Any
) -> None:
    asked = fake_datasets(monkeypatch, column, sentence=["good", "bad"], label=[1, 0])
    texts, labels, pairs = load_texts("sst2")
    assert labels.dtype == np.int64
    assert type(texts) is list  # as a tokenizer wants it
    load_texts("sst2", split="train")

    assert (texts, labels.tolist(), pairs) == (["good", "bad"], [1, 0], None)
    assert asked == [("nyu-mll/glue", "sst2", "validation"), ("nyu-mll/glue", "sst2", "train")]


@pytest.mark.parametrize(
    ("name", "asked", "columns"),
    [
        ("imdb", ("stanfordnlp/imdb", "test"), ["text"]),
        ("yelp", ("fancyzhx/yelp_polarity", "test"), ["text"]),
        ("mrpc", ("nyu-mll/glue", "mrpc", "validation"), ["sentence1", "sentence2"]),
        ("rte", ("nyu-mll/glue", "rte", "validation"), ["sentence1", "sentence2"]),
        ("qqp", ("nyu-mll/glue", "qqp", "validation"), ["question1", "question2"]),
        ("mnli", ("nyu-mll/glue", "mnli", "validation_matched"), ["premise", "hypothesis"]),
        ("snli", ("stanfordnlp/snli", "test"), ["premise", "hypothesis"]),
    ],
)
def test_every_set_of_the_paper_has_its_place_and_columns(
    monkeypatch: pytest.MonkeyPatch, name: str, asked: tuple[str, ...], columns: list[str]
) -> None:
    given = {column: [f"{column} {n}" for n in range(3)] for column in columns}
    requests = fake_datasets(monkeypatch, **given, label=[0, 1, 0])
    texts, labels, pairs = load_texts(name)

    assert requests == [asked]
    assert texts == given[columns[0]]
    assert pairs == (given[columns[1]] if len(columns) > 1 else None)
    assert labels.tolist() == [0, 1, 0]


def test_pairs_that_nobody_agreed_on_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_datasets(
        monkeypatch, premise=["a", "b", "c"], hypothesis=["d", "e", "f"], label=[2, -1, 0]
    )

    assert load_texts("snli")._asdict() == {
        "texts": ["a", "c"],
        "labels": pytest.approx([2, 0]),
        "pairs": ["d", "f"],
    }


def test_words_become_classes_in_the_order_of_rte(monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["neutral", "entails"]
    fake_datasets(monkeypatch, premise=["a", "b"], hypothesis=["c", "d"], label=words)

    assert load_texts("scitail").labels.tolist() == [1, 0]


def test_labels_that_are_secret_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_datasets(monkeypatch, sentence=["a"], label=[-1])

    with pytest.raises(ValueError, match="'sst2' must have rows with labels to test on"):
        load_texts("sst2")


@pytest.mark.parametrize(
    ("name", "label", "message"),
    [
        ("sst2", 2, "'sst2' must have the labels 0, 1, got 2"),
        ("sst2", None, "'sst2' must have the labels 0, 1, got None"),
        ("scitail", "contradicts", "must have the labels entails, neutral, got contradicts"),
        ("snli", 3, "'snli' must have the labels 0, 1, 2, got 3"),
    ],
)
def test_labels_of_another_set_are_an_error(
    monkeypatch: pytest.MonkeyPatch, name: str, label: Any, message: str
) -> None:
    words = ["a", "b"]
    fake_datasets(
        monkeypatch, sentence=words, premise=words, hypothesis=words, label=[-1, label]
    )

    with pytest.raises(ValueError, match=message):
        load_texts(name)


@pytest.mark.parametrize(
    ("name", "data", "targets", "shape"),
    [
        (
            "mnist",
            torch.zeros(2, 28, 28, dtype=torch.uint8),
            torch.tensor([3, 4]),
            (2, 1, 28, 28),
        ),
        ("cifar10", np.zeros((2, 32, 32, 3), np.uint8), [3, 4], (2, 3, 32, 32)),
    ],
)
def test_torchvision_gives_images(  # noqa: PLR0917 - pytest passes them by name
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    name: str,
    data: Any,
    targets: Any,
    shape: tuple[int, ...],
) -> None:
    asked: list[Any] = []

    def dataset(root: Path, *, train: bool, download: bool) -> Any:
        asked.append((root, train, download))
        return SimpleNamespace(data=data, targets=targets)

    both = SimpleNamespace(MNIST=dataset, CIFAR10=dataset)
    monkeypatch.setitem(sys.modules, "torchvision", SimpleNamespace(datasets=both))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    images, labels = load_images(name, split="train")

    assert images.shape == shape
    assert labels.tolist() == [3, 4]
    assert asked == [(tmp_path / "hub/datasets", True, True)]


@pytest.mark.parametrize(
    ("load", "name", "extra"),
    [(load_texts, "imdb", "datasets"), (load_images, "mnist", "torchvision")],
)
def test_a_missing_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, load: Any, name: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, extra, None)

    with pytest.raises(ImportError, match=rf"pip install 'banditsplit\[{extra}\]'"):
        load(name)


def test_a_torchvision_that_was_built_for_another_torch_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # PyPI's torchvision beside a CPU build of torch ends with these words.
    said = "operator torchvision::nms does not exist"
    written(tmp_path, "torchvision.py", f"raise RuntimeError({said!r})\n")
    monkeypatch.delitem(sys.modules, "torchvision", raising=False)
    monkeypatch.syspath_prepend(tmp_path)

    wanted = re.escape(f"built for the installed torch, {torch.__version__}")
    with pytest.raises(ImportError, match=f"{wanted}; .* said: {said}"):
        load_images("mnist")


@pytest.mark.parametrize("load", [load_texts, load_images])
def test_a_split_or_name_that_is_none_is_refused(load: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="`split` must be one of train, test, got 'all'"):
        load("mnist", tmp_path, split="all")
    with pytest.raises(ValueError, match=r"`name` must be one of .* got 'books'"):
        load("books")
