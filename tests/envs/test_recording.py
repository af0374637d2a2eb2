"""A recorded trace is what the network says, sample by sample, exit by exit."""

import importlib.metadata
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import entropy as scipy_entropy
from torch.utils.data import DataLoader, TensorDataset
from transformers import BertConfig, BertForSequenceClassification

from banditsplit_envs.networks.attaching import attach_exits
from banditsplit_envs.networks.exit_cnn import exit_cnn
from banditsplit_envs.networks.exit_network import ExitNetwork
from banditsplit_envs.traces.recording import record
from banditsplit_envs.traces.trace import Trace

IMAGES = torch.rand(11, 1, 5, 5, generator=torch.Generator().manual_seed(0)).numpy()
LABELS = np.arange(11) % 3


def made() -> ExitNetwork:
    network = exit_cnn(classes=3, width=4, blocks=3, seed=2)
    network.temperature.copy_(torch.tensor([0.1, 0.2, 0.3]))
    return network


@pytest.fixture
def network() -> ExitNetwork:
    return made()


def test_it_is_the_calibrated_maximum_and_its_class(network: ExitNetwork) -> None:
    """Exit by exit with numpy; one batch, so the same logits to the last bit."""
    trace = record(network, IMAGES, LABELS)
    logits = network(torch.from_numpy(IMAGES)).detach().numpy().astype(np.float64)
    for exit_, temperature in enumerate([0.1, 0.2, 0.3]):
        power = np.exp(logits[exit_] / np.float32(temperature))
        softmax = power / power.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(trace.confidence[:, exit_], softmax.max(axis=1))
        np.testing.assert_array_equal(trace.prediction[:, exit_], softmax.argmax(axis=1))
        assert trace.entropy is not None
        nats = scipy_entropy(softmax, axis=1)
        np.testing.assert_allclose(trace.entropy[:, exit_], nats, rtol=1e-6)
    assert trace.label is not None
    np.testing.assert_array_equal(trace.label, LABELS)


@pytest.mark.parametrize("batch", [1, 3, 11, 500])
def test_the_batch_matters_by_rounding_only(network: ExitNetwork, batch: int) -> None:
    whole, parts = record(network, IMAGES), record(network, IMAGES, batch=batch)
    np.testing.assert_allclose(parts.confidence, whole.confidence, atol=1e-5)
    np.testing.assert_array_equal(parts.prediction, whole.prediction)


def test_a_device_and_a_cloud_say_what_the_trace_says(network: ExitNetwork) -> None:
    trace, x = record(network, IMAGES), torch.from_numpy(IMAGES)
    with torch.inference_mode():
        for split in range(network.exits):
            hidden = network.head(x, split)
            device = network.probabilities(network.exit(hidden, split), split)
            cloud = network.probabilities(network.tail(hidden, split), network.exits - 1)
            np.testing.assert_array_equal(device.amax(-1), trace.confidence[:, split])
            np.testing.assert_array_equal(cloud.amax(-1), trace.confidence[:, -1])


def test_labels_may_be_unknown(network: ExitNetwork) -> None:
    assert record(network, IMAGES).label is None


def test_recording_leaves_the_network_and_the_images_alone(network: ExitNetwork) -> None:
    before = {name: value.clone() for name, value in network.state_dict().items()}
    images = IMAGES.copy()
    images.flags.writeable = False
    record(network, images)

    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])
    assert all(parameter.requires_grad for parameter in network.parameters())


def test_progress_wraps_the_batches(network: ExitNetwork) -> None:
    seen: list[int] = []

    def watched(starts: Iterable[int]) -> Iterable[int]:
        for start in starts:
            seen.append(start)
            yield start

    record(network, IMAGES, batch=4, progress=watched)
    assert seen == [0, 4, 8]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"inputs": IMAGES[:0]}, ValueError, "`inputs` must be a tensor .*, not empty"),
        ({"inputs": IMAGES * np.nan}, ValueError, "`inputs` must be finite"),
        ({"inputs": IMAGES[:, 0]}, ValueError, "`inputs` must have shape"),
        ({"labels": LABELS[:-1]}, ValueError, r"`labels` must have shape \(11,\)"),
        ({"labels": LABELS + 1}, ValueError, r"`labels` must lie in 0 \.\. 2"),
        ({"batch": 0}, ValueError, "`batch` must be an integer of at least 1"),
    ],
)
def test_what_cannot_be_recorded_is_refused(
    network: ExitNetwork, change: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        record(network, **({"inputs": IMAGES, "labels": LABELS} | change))


def test_a_network_in_training_mode_is_refused(network: ExitNetwork) -> None:
    network.train()
    with pytest.raises(ValueError, match="`network` must be in eval mode"):
        record(network, IMAGES)


def test_confidences_that_a_float32_would_round_to_one_differ(network: ExitNetwork) -> None:
    network.temperature.fill_(0.002)
    trace = record(network, IMAGES)
    near = trace.confidence[(trace.confidence < 1) & (trace.confidence.astype(np.float32) == 1)]

    assert len(np.unique(near)) > 3
    assert trace.entropy is not None
    assert (trace.entropy[trace.confidence < 1] > 0).all()


def test_it_says_where_it_comes_from(network: ExitNetwork) -> None:
    trace = record(network, IMAGES, LABELS, metadata={"data": "noise", "seeds": [0, 2]})
    said = dict(trace.metadata)

    for name in ("weights_sha256", "data_sha256"):
        value = said.pop(name)
        assert isinstance(value, str)
        assert len(value) == 64
    assert said == {
        "data": "noise",
        "seeds": (0, 2),
        "splits": network.splits,
        "classes": 3,
        "temperature": tuple(network.temperature.tolist()),
        "banditsplit": importlib.metadata.version("banditsplit"),
        "torch": torch.__version__,
        "numpy": np.__version__,
    }


def test_a_source_tree_that_is_not_installed_says_so(
    network: ExitNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", missing)
    assert record(network, IMAGES).metadata["banditsplit"] == "not installed"


def test_the_sums_tell_networks_and_data_apart(network: ExitNetwork) -> None:
    def sums(*data: Any, batch: int = 256) -> tuple[Any, Any]:
        said = record(network, *data, batch=batch).metadata
        return said["weights_sha256"], said["data_sha256"]

    weights, data = sums(IMAGES, LABELS)
    assert sums(IMAGES, LABELS, batch=3) == (weights, data)
    assert sums(IMAGES[::-1], LABELS)[1] != data
    assert sums(IMAGES, LABELS[::-1])[1] != data
    assert sums(IMAGES)[1] != data
    assert sums(IMAGES.reshape(11, 1, 25, 1), LABELS)[1] != data
    network.temperature.mul_(2)
    assert sums(IMAGES, LABELS) == (weights, data)
    with torch.no_grad():
        next(network.parameters()).mul_(2)
    assert sums(IMAGES, LABELS)[0] != weights


def test_a_trace_of_one_sample_is_enough_to_know_a_network(network: ExitNetwork) -> None:
    trace = record(network, IMAGES, LABELS)
    trace.check_same_network(record(network, IMAGES[:1]))
    network.temperature.mul_(2)
    with pytest.raises(ValueError, match=r"`other` must be .* with `temperature`"):
        trace.check_same_network(record(network, IMAGES[:1]))


def same(one: Trace, other: Trace) -> None:
    """Both are equal in everything."""
    for name in ("confidence", "prediction", "label", "entropy"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert one.metadata == other.metadata


def parts(size: int = 2, *, labels: bool = True) -> Iterator[Any]:
    """A generator of batches."""
    for start in range(0, len(IMAGES), size):
        rows = slice(start, start + size)
        yield (IMAGES[rows], LABELS[rows]) if labels else IMAGES[rows]


def test_batches_that_somebody_else_made_say_the_same(network: ExitNetwork) -> None:
    whole, unlabelled = (
        record(network, IMAGES, LABELS, batch=2),
        record(network, IMAGES, batch=2),
    )
    images, labels = torch.from_numpy(IMAGES), torch.from_numpy(LABELS)
    same(record(network, parts()), whole)
    same(record(network, parts(labels=False)), unlabelled)
    loader: Any = DataLoader(TensorDataset(images, labels), batch_size=2)
    same(record(network, loader), whole)
    loader = DataLoader(TensorDataset(images), batch_size=2)
    same(record(network, loader), unlabelled)


def test_progress_knows_how_many_batches_there_are_where_anyone_does(
    network: ExitNetwork,
) -> None:
    seen: list[Any] = []

    def watched(starts: Iterable[int]) -> Iterable[int]:
        try:
            seen.append(len(starts))  # type: ignore[arg-type] # as tqdm does
        except TypeError:
            seen.append(None)
        for start in starts:
            seen.append(start)
            yield start

    loader: Any = DataLoader(TensorDataset(torch.from_numpy(IMAGES)), batch_size=4)
    for batches in (parts(4), loader):
        record(network, batches, progress=watched)
    assert seen == [None, 0, 4, 8, 3, 0, 4, 8]


@pytest.mark.parametrize(
    ("batches", "message"),
    [
        (iter([]), "`inputs` must hold at least one batch, got none"),
        (iter([IMAGES, (IMAGES, LABELS)]), "`batch 1` must come without labels"),
        (iter([(IMAGES, LABELS), IMAGES]), "`batch 1` must come with labels, got it without"),
        (
            iter([(IMAGES, LABELS, LABELS)]),
            "`batch 0` must be inputs, or inputs and labels, got 3",
        ),
        (iter([IMAGES, IMAGES[:0]]), "`batch 1` must be a tensor .*, not empty"),
        (iter([IMAGES, IMAGES * np.nan]), "`batch 1` must be finite, got nan or inf"),
        (iter([IMAGES, IMAGES[:, 0]]), "`batch 1` must have shape"),
        (iter([(IMAGES, LABELS[:3])]), r"`labels of batch 0` must have shape \(11,\)"),
        (iter([(IMAGES, LABELS + 1)]), r"`labels of batch 0` must lie in 0 \.\. 2"),
    ],
)
def test_batches_that_cannot_be_recorded_are_refused(
    network: ExitNetwork, batches: Iterable[Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        record(network, batches)


def test_labels_apart_from_their_batches_are_refused(network: ExitNetwork) -> None:
    with pytest.raises(ValueError, match="`labels` must come with their batches"):
        record(network, parts(), LABELS)


class StoppedError(Exception):
    pass


def stopping(after: int) -> Any:
    """A progress that fails before batch ``after``."""

    def progress(starts: Iterable[int]) -> Iterator[int]:
        for number, start in enumerate(starts):
            if number == after:
                raise StoppedError
            yield start

    return progress


def forwards(network: ExitNetwork) -> list[int]:
    """Return a list that grows by the size of each batch that the network runs."""
    sizes: list[int] = []
    network.register_forward_pre_hook(lambda _, args: sizes.append(len(args[0])))
    return sizes


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The file of a recording in batches of 2 that nothing interrupted."""
    path = tmp_path_factory.mktemp("unbroken") / "trace.npz"
    record(made(), IMAGES, LABELS, batch=2, path=path)
    return path.read_bytes()


@pytest.mark.parametrize("every", [1, 4, 100])
def test_a_recording_on_disk_is_the_one_in_memory(
    network: ExitNetwork, every: int, tmp_path: Path
) -> None:
    path = tmp_path / "trace.npz"
    trace = record(network, IMAGES, LABELS, batch=2, path=path, every=every)

    same(trace, record(network, IMAGES, LABELS, batch=2))
    same(Trace.load(path), trace)
    assert list(files(tmp_path)) == ["trace.npz"]
    trace.save(again := tmp_path / "again.npz")
    assert again.read_bytes() == path.read_bytes()


@pytest.mark.parametrize("after", range(7))
@pytest.mark.parametrize("every", [1, 2, 100])
def test_after_an_error_it_goes_on_where_it_was(
    network: ExitNetwork, every: int, after: int, unbroken: bytes, tmp_path: Path
) -> None:
    """Six batches; with 6 it does not fail at all, and is then read from its file."""
    path, sizes = tmp_path / "trace.npz", forwards(network)
    how: Any = {"path": path, "every": every}
    if after < 6:
        with pytest.raises(StoppedError):
            record(network, parts(), **how, progress=stopping(after))
        assert not path.exists()
    record(network, parts(), **how)
    if after == 6:
        record(network, parts(), **how)

    assert path.read_bytes() == unbroken
    assert sizes == [2, 2, 2, 2, 2, 1]
    assert list(files(tmp_path)) == ["trace.npz"]


@pytest.mark.parametrize("lost", [1, 2, 3])
def test_parts_that_were_not_written_are_recorded_again(
    network: ExitNetwork, lost: int, unbroken: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "trace.npz"
    with pytest.raises(StoppedError):
        record(network, parts(), path=path, every=2, progress=stopping(5))
    left = sorted((tmp_path / "trace.npz.parts").iterdir())
    assert [file.name for file in left] == [f"{start:012}.npz" for start in (0, 4, 8)]
    for file in left[-lost:]:
        file.unlink()
    record(network, parts(), path=path, every=3)

    assert path.read_bytes() == unbroken


# The same network and batches, but without all that this file imports.
CHILD = """
import os, signal, sys
import numpy as np
import torch
torch.set_num_threads(1)
from banditsplit_envs import exit_cnn, record

images = torch.rand(11, 1, 5, 5, generator=torch.Generator().manual_seed(0)).numpy()
network = exit_cnn(classes=3, width=4, blocks=3, seed=2)
network.temperature.copy_(torch.tensor([0.1, 0.2, 0.3]))

def batches():
    for start in range(0, len(images), 2):
        if start == int(sys.argv[2]):
            os.kill(os.getpid(), signal.SIGKILL)
        rows = np.arange(len(images))[start : start + 2]
        yield images[rows], rows % 3

record(network, batches(), path=sys.argv[1], every=2)
"""


def test_killed_twice_it_ends_with_the_same_file(
    network: ExitNetwork, unbroken: bytes, tmp_path: Path
) -> None:
    """Killed before samples 6 and 10, with one and two parts of two batches written."""
    path, sizes = tmp_path / "trace.npz", forwards(network)
    for number, before in enumerate((6, 10), 1):
        command = [sys.executable, "-c", CHILD, str(path), str(before)]
        killed = subprocess.run(command, check=False, timeout=600)  # noqa: S603 - our own
        assert killed.returncode == -signal.SIGKILL
        assert len(files(tmp_path)) == number
    record(network, parts(), path=path, every=2)

    assert files(tmp_path) == {"trace.npz": unbroken}
    assert sizes == [2, 1]


def test_killed_before_its_parts_are_gone_it_is_finished(
    network: ExitNetwork, unbroken: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "trace.npz"
    with pytest.raises(StoppedError):
        record(network, parts(), path=path, progress=stopping(2))
    path.write_bytes(unbroken)
    record(network, parts(), path=path)

    assert files(tmp_path) == {"trace.npz": unbroken}


def other_weights(network: ExitNetwork) -> Any:
    with torch.no_grad():
        next(network.parameters()).mul_(2)
    return {}


def other_temperature(network: ExitNetwork) -> Any:
    network.temperature.mul_(2)
    return {}


OTHER: Any = [
    (other_weights, "other weights_sha256 in"),
    (other_temperature, "other temperature in"),
    (lambda _: {"metadata": {"data": "others"}}, "other data in"),
    (lambda _: {"inputs": parts(labels=False)}, "other data in"),
    (lambda _: {"inputs": IMAGES[::-1], "labels": LABELS, "batch": 2}, "other data in"),
]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        *OTHER,
        (lambda _: {"inputs": parts(3)}, "other batches in"),
        (lambda _: {"inputs": IMAGES, "labels": LABELS, "batch": 4}, "other batches in"),
        (lambda _: {"inputs": iter([(IMAGES[:2], LABELS[:2])])}, "other batches in"),
    ],
)
def test_parts_of_another_recording_are_refused_and_left_alone(
    network: ExitNetwork, change: Any, message: str, tmp_path: Path
) -> None:
    how: dict[str, Any] = {"inputs": parts(), "path": tmp_path / "trace.npz", "every": 2}
    with pytest.raises(StoppedError):
        record(network, **how, progress=stopping(5))
    before, how["inputs"] = files(tmp_path), parts()
    changed, sizes = {**how, **change(network)}, forwards(network)
    with pytest.raises(ValueError, match=f"`path` must be .* one with {message} .*parts'"):
        record(network, **changed)

    assert files(tmp_path) == before
    assert not sizes


@pytest.mark.parametrize(("change", "message"), OTHER)
def test_the_file_of_another_recording_is_refused_and_left_alone(
    network: ExitNetwork, change: Any, message: str, unbroken: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "trace.npz"
    path.write_bytes(unbroken)
    changed = {"inputs": parts(), "path": path, **change(network)}
    with pytest.raises(ValueError, match=f"`path` must be .* one with {message} .*npz'"):
        record(network, **changed)

    assert files(tmp_path) == {"trace.npz": unbroken}


def test_a_trace_without_metadata_is_no_recording(network: ExitNetwork, tmp_path: Path) -> None:
    path = tmp_path / "trace.npz"
    Trace(np.full((1, 3), 0.5), np.zeros((1, 3), np.int64)).save(path)
    with pytest.raises(ValueError, match="one with other banditsplit, classes, data_sha256"):
        record(network, parts(), path=path)


def test_a_missing_or_damaged_part_is_refused(network: ExitNetwork, tmp_path: Path) -> None:
    with pytest.raises(StoppedError):
        record(network, parts(), path=tmp_path / "trace.npz", every=1, progress=stopping(5))
    second = tmp_path / "trace.npz.parts" / "000000000002.npz"
    content = bytearray(second.read_bytes())
    content[content.index(b"confidence.npy") + 160] ^= 1
    second.write_bytes(content)
    with pytest.raises(ValueError, match=r"`path` must be a trace .*000000000002\.npz"):
        record(network, parts(), path=tmp_path / "trace.npz")
    second.unlink()
    with pytest.raises(
        ValueError, match=r"with other parts \(one is missing\) in .*npz\.parts'"
    ):
        record(network, parts(), path=tmp_path / "trace.npz")


def test_what_is_not_finite_is_named_and_what_is_done_is_kept(
    unbroken: bytes, tmp_path: Path
) -> None:
    """Sample 5 is the second one of batch 2; exits 1 and 2 see what exit 0 does not."""
    network, path = made(), tmp_path / "trace.npz"

    def spoil(_: Any, __: Any, logits: torch.Tensor) -> torch.Tensor:
        seen.append(len(seen))
        if seen[-1] == 2:
            logits[1:, 1, 0] = torch.nan
        return logits

    seen: list[int] = []
    handle = network.register_forward_hook(spoil)
    with pytest.raises(ValueError, match="finite logits, got others of sample 5 at exit 1"):
        record(network, parts(), path=path)
    assert list(files(tmp_path)) == ["trace.npz.parts/000000000000.npz"]
    handle.remove()
    sizes = forwards(network)
    record(network, parts(), path=path)

    assert path.read_bytes() == unbroken
    assert sizes == [2, 2, 2, 1]


def test_where_nothing_was_recorded_nothing_is_left(
    network: ExitNetwork, tmp_path: Path
) -> None:
    for batches in ([], [IMAGES[:0]], [IMAGES * np.inf]):
        with pytest.raises(ValueError, match=r"inputs|batch 0"):
            record(network, iter(batches), path=tmp_path / "trace.npz")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there_is_refused_before_any_work(
    network: ExitNetwork, tmp_path: Path
) -> None:
    sizes = forwards(network)
    with pytest.raises(FileNotFoundError):
        record(network, parts(), path=tmp_path / "nowhere" / "trace.npz")
    assert not sizes


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"every": 0}, ValueError, "`every` must be an integer of at least 1"),
        ({"metadata": {"x": None}}, TypeError, r"`metadata\['x'\]` must be a string"),
        ({"metadata": {"numpy": "3"}}, ValueError, r"leave out .* got \['numpy'\]"),
        ({"metadata": {"start": 0}}, ValueError, r"leave out .* got \['start'\]"),
    ],
)
def test_settings_that_make_no_sense_are_refused(
    network: ExitNetwork, change: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        record(network, IMAGES, **change)


def test_tokenised_batches_stream_and_one_that_is_too_long_loses_nothing(
    tmp_path: Path,
) -> None:
    config = BertConfig(
        vocab_size=40,
        max_position_embeddings=8,
        hidden_size=8,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=8,
    )
    network = attach_exits(BertForSequenceClassification(config), "bert.encoder.layer")
    draws = torch.Generator().manual_seed(0)

    def tokens(*lengths: int) -> Iterator[dict[str, torch.Tensor]]:
        for length in lengths:
            ids = torch.randint(1, 40, (3, length), generator=draws.manual_seed(length))
            yield {"input_ids": ids, "attention_mask": torch.ones_like(ids)}

    path = tmp_path / "trace.npz"
    for wrong, message in ((9, "at most 8 tokens a sample, got 9"), (0, "not empty, got")):
        with pytest.raises(ValueError, match=rf"`batch 2\['input_ids'\]` .*{message}"):
            record(network, tokens(5, 8, wrong), path=path)
        assert list(files(tmp_path)) == ["trace.npz.parts/000000000000.npz"]
    sizes = forwards(network)
    trace = record(network, tokens(5, 8, 3), path=path)

    assert sizes == [3]
    same(trace, record(network, tokens(5, 8, 3)))
    # Of two classes, so the entropy follows from the confidence.
    derived: Any = Trace(trace.confidence, trace.prediction).with_binary_entropy().entropy
    np.testing.assert_allclose(np.asarray(trace.entropy, np.float64), derived, rtol=1e-6)
