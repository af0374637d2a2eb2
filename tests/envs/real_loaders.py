"""The real `datasets` and torchvision, which the tests stand in for; run by hand.

    python -m pip install -c constraints.txt -e '.[test,datasets,torchvision]'
    python -m pytest tests/envs/real_loaders.py

Nothing is fetched: folders as the Hub has them, and as torchvision leaves them, are written
here and read by the real libraries. It is not among the tests, for it needs both extras.
"""

import hashlib
import importlib
import json
import pickle
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

from banditsplit_envs import load_images, load_texts
from banditsplit_envs.data.datasets import TEXTS

ROWS = 12


class Hub(NamedTuple):
    """A set of texts on the Hub: where it is, and what its columns and splits are called."""

    path: str
    config: str
    columns: tuple[str, ...]
    classes: tuple[str, ...]  # ClassLabel's names; of "words", its strings
    test: str = "test"
    words: bool = False


TWO = ("premise", "hypothesis")
NLI = ("entailment", "neutral", "contradiction")
GLUE = "nyu-mll/glue"
HUB = {
    "imdb": Hub("stanfordnlp/imdb", "plain_text", ("text",), ("neg", "pos")),
    "mnli": Hub(GLUE, "mnli", TWO, NLI, "validation_matched"),
    "mrpc": Hub(
        GLUE, "mrpc", ("sentence1", "sentence2"), ("not_equivalent", "equivalent"), "validation"
    ),
    "qqp": Hub(
        GLUE, "qqp", ("question1", "question2"), ("not_duplicate", "duplicate"), "validation"
    ),
    "rte": Hub(
        GLUE, "rte", ("sentence1", "sentence2"), ("entailment", "not_entailment"), "validation"
    ),
    "scitail": Hub("allenai/scitail", "tsv_format", TWO, ("entails", "neutral"), words=True),
    "snli": Hub("stanfordnlp/snli", "plain_text", TWO, NLI),
    "sst2": Hub(GLUE, "sst2", ("sentence",), ("negative", "positive"), "validation"),
    "yelp": Hub("fancyzhx/yelp_polarity", "plain_text", ("text",), ("1", "2")),
}


def number(row: int, hub: Hub) -> int:
    """Return the class of a row; nobody agreed on some of SNLI's."""
    return row % (len(hub.classes) + 1) - 1 if "snli" in hub.path else row % len(hub.classes)


@pytest.fixture(scope="module")
def laid_out(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Lie in a folder that has each set as the Hub has it: parquet, and a head to name it."""
    folder = tmp_path_factory.mktemp("hub")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HOME", str(folder / "home"))
        patch.setenv("HF_HUB_OFFLINE", "1")
        patch.chdir(folder)
        datasets = importlib.import_module("datasets")  # reads the variables
        heads: dict[str, list[Any]] = {}
        for hub in HUB.values():
            text = datasets.Value("string")
            label = text if hub.words else datasets.ClassLabel(names=list(hub.classes))
            kinds = datasets.Features({**dict.fromkeys(hub.columns, text), "label": label})
            files = []
            for split in dict.fromkeys(("train", hub.test, "test")):
                secret = split not in ("train", hub.test)
                numbers = [-1 if secret else number(row, hub) for row in range(ROWS)]
                columns: dict[str, list[Any]] = {
                    column: [f"{split} {column} {row}" for row in range(ROWS)]
                    for column in hub.columns
                }
                columns["label"] = [hub.classes[n] for n in numbers] if hub.words else numbers
                file = Path(hub.path, hub.config, f"{split}-00000-of-00001.parquet")
                file.parent.mkdir(parents=True, exist_ok=True)
                datasets.Dataset.from_dict(columns, features=kinds).to_parquet(file)
                files.append({"split": split, "path": f"{hub.config}/{split}-*"})
            head = {"config_name": hub.config, "data_files": files}
            heads.setdefault(hub.path, []).append(head)
        for path, configs in heads.items():
            Path(path, "README.md").write_text(
                f"---\n{json.dumps({'configs': configs})}\n---\n"
            )
        yield


def test_every_set_is_laid_out() -> None:
    assert {*HUB} == {*TEXTS}


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("name", HUB)
@pytest.mark.usefixtures("laid_out")
def test_datasets_gives_texts(name: str, split: str) -> None:
    hub = HUB[name]
    called = hub.test if split == "test" else split
    kept = [row for row in range(ROWS) if number(row, hub) >= 0]
    texts, labels, pairs = load_texts(name, split=split)

    assert type(texts) is list
    assert texts == [f"{called} {hub.columns[0]} {row}" for row in kept]
    if len(hub.columns) == 1:
        assert pairs is None
    else:
        assert pairs == [f"{called} {hub.columns[1]} {row}" for row in kept]
    assert labels.dtype == np.int64
    assert labels.tolist() == [number(row, hub) for row in kept]


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Return the folder where torchvision looks."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    return tmp_path / "hub/datasets"


def drawn(*shape: int, below: int = 256, seed: int = 0) -> Any:
    return np.random.default_rng(seed).integers(below, size=shape, dtype=np.uint8)


def test_torchvision_gives_digits(root: Path) -> None:
    raw = root / "MNIST/raw"
    raw.mkdir(parents=True)
    images, labels = drawn(5, 28, 28), drawn(5, below=10)
    for split in ("train", "t10k"):
        for name, array in (("images-idx3", images), ("labels-idx1", labels)):
            head = struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
            (raw / f"{split}-{name}-ubyte").write_bytes(head + array.tobytes())

    for split in ("train", "test"):
        got = load_images("mnist", split=split)
        np.testing.assert_allclose(got.images[:, 0] * 255, images, rtol=1e-6)
        np.testing.assert_array_equal(got.labels, labels)


def test_torchvision_gives_colours(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = importlib.import_module("torchvision").datasets.CIFAR10
    folder = root / kind.base_folder
    folder.mkdir(parents=True)

    def kept(name: str, content: Any) -> str:
        (folder / name).write_bytes(pickle.dumps(content))
        return hashlib.md5((folder / name).read_bytes(), usedforsecurity=False).hexdigest()

    given: dict[str, list[Any]] = {"train_list": [], "test_list": []}
    for which, batches in given.items():
        files = []
        for seed, (name, _) in enumerate(getattr(kind, which)):
            pixels, labels = drawn(4, 3 * 32 * 32, seed=seed), drawn(4, below=10, seed=seed)
            files.append((name, kept(name, {"data": pixels, "labels": labels.tolist()})))
            batches.append((pixels, labels))
        monkeypatch.setattr(kind, which, files)  # with the sums of these files
    names = kept(kind.meta["filename"], {"label_names": [str(n) for n in range(10)]})
    monkeypatch.setitem(kind.meta, "md5", names)

    for split, batches in zip(("train", "test"), given.values(), strict=True):
        pixels, labels = (np.concatenate(parts) for parts in zip(*batches, strict=True))
        got = load_images("cifar10", split=split)
        wanted = pixels.reshape(-1, 3, 32, 32)
        np.testing.assert_allclose(got.images * 255, wanted, rtol=1e-6)
        np.testing.assert_array_equal(got.labels, labels)
