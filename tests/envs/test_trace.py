"""A trace is whole and true from its construction on, and so is its file."""

import copy
import hashlib
import io
import json
import pickle
import random
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.stats import entropy as scipy_entropy

from banditsplit_envs.traces.trace import Metadata, Trace
from banditsplit_envs.traces.trace_file import BLOCK

CONFIDENCE = [[0.5, 0.9], [0.7, 1.0], [0.2, 0.0]]
PREDICTION = [[1, 2], [0, 0], [2, 2]]
LABEL = [2, 0, 1]
ENTROPY = [[0.9, 0.3], [0.7, 0.0], [1.0, 1.1]]
METADATA = {"data": "made up", "classes": 3, "temperature": [1.5, 2], "splits": ["a", "b"]}


def trace(**changes: Any) -> Trace:
    fields: dict[str, Any] = {
        "confidence": CONFIDENCE,
        "prediction": PREDICTION,
        "label": LABEL,
    }
    return Trace(**(fields | changes))


def test_lists_become_read_only_copies() -> None:
    confidence = np.array(CONFIDENCE)
    made = trace(confidence=confidence)
    confidence[0, 0] = 0.0

    assert made.confidence[0, 0] == 0.5
    assert made.label is not None
    for array in (made.confidence, made.prediction, made.label):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_it_counts_samples_and_exits() -> None:
    assert (trace().samples, trace().exits) == (3, 2)
    assert trace().confidence.dtype == np.float64
    assert trace().prediction.dtype == np.uint8


def test_accuracy_is_the_share_of_right_answers_of_each_exit() -> None:
    np.testing.assert_array_equal(trace().accuracy, [1 / 3, 2 / 3])


def test_accuracy_without_labels_is_refused() -> None:
    with pytest.raises(ValueError, match="`label` must be given"):
        _ = trace(label=None).accuracy


@pytest.mark.parametrize(
    ("field", "value", "error", "message"),
    [
        ("confidence", [], ValueError, "`confidence` must be a rectangular array"),
        ("confidence", np.zeros((0, 2)), ValueError, "none of them 0"),
        ("confidence", [[0.5], [0.1, 0.2], [0.3]], ValueError, "got ragged rows"),
        ("confidence", [0.5, 0.9], ValueError, "samples, exits"),
        ("confidence", [[0.5, np.nan]] * 3, ValueError, r"lie in \[0, 1\], got nan"),
        ("confidence", [[0.5, 1.1]] * 3, ValueError, r"lie in \[0, 1\], got 1.1"),
        ("confidence", [[-0.1, 0.5]] * 3, ValueError, r"lie in \[0, 1\], got -0.1"),
        ("confidence", [["high", "low"]] * 3, TypeError, "`confidence` must be an array of"),
        ("confidence", [[None, 0.5]] * 3, TypeError, "`confidence` must be an array of"),
        ("confidence", [[True, False]] * 3, TypeError, "`confidence` must be an array of"),
        ("prediction", [], ValueError, "`prediction` must be a rectangular array"),
        ("prediction", [[1], [1, 2], [3]], ValueError, "got ragged rows"),
        ("prediction", [[1.0, 2.0]] * 3, TypeError, "`prediction` must be an array of int"),
        ("prediction", [["a", "b"]] * 3, TypeError, "`prediction` must be an array of int"),
        ("prediction", [[True, False]] * 3, TypeError, "`prediction` must be an array of int"),
        ("prediction", [[-1, 0]] * 3, ValueError, "`prediction` must not be negative, got -1"),
        ("prediction", [[1, 2]] * 2, ValueError, r"`prediction` must have shape \(3, 2\)"),
        ("label", [0, 1], ValueError, r"`label` must have shape \(3,\)"),
        ("label", [[0], [1], [2]], ValueError, "`label` must be a rectangular array"),
        ("label", [0.0, 1.0, 2.0], TypeError, "`label` must be an array of integers"),
        ("label", [0, 1, -2], ValueError, "`label` must not be negative, got -2"),
        ("label", [], ValueError, "`label` must be a rectangular array"),
        ("label", np.full(3, 2**63, np.uint64), ValueError, "`label` must be at most 9223372"),
        ("prediction", np.full((3, 2), 2**63, np.uint64), ValueError, "must be at most 92233"),
        ("entropy", [[0.5, np.nan]] * 3, ValueError, "`entropy` must be finite and not negati"),
        (
            "entropy",
            [[0.5, np.inf]] * 3,
            ValueError,
            "must be finite and not negative, got inf",
        ),
        ("entropy", [[0.5, 1e300]] * 3, ValueError, "finite and not negative, got 1e"),
        ("entropy", [[-0.5, 0.1]] * 3, ValueError, "finite and not negative, got -0.5"),
        ("entropy", [[0.5, 0.1]] * 2, ValueError, r"`entropy` must have shape \(3, 2\)"),
        ("entropy", [[0.5], [0.1, 0.2]], ValueError, "got ragged rows"),
        ("entropy", [["a", "b"]] * 3, TypeError, "`entropy` must be an array of floats"),
        ("metadata", ["classes"], TypeError, "`metadata` must map strings to values"),
        ("metadata", {1: "one"}, TypeError, "`metadata` must map strings to values"),
        ("metadata", {"x": None}, TypeError, r"`metadata\['x'\]` must be a string, a number"),
        ("metadata", {"x": {"y": 1}}, TypeError, r"`metadata\['x'\]` must be a string, a"),
        ("metadata", {"x": [1, b"y"]}, TypeError, r"`metadata\['x'\]` must be a string, a"),
        ("metadata", {"x": [np.nan]}, ValueError, r"`metadata\['x'\]` must be finite, got nan"),
    ],
)
def test_what_is_no_trace_is_refused(
    field: str, value: object, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        trace(**{field: value})


def test_predictions_take_no_more_memory_than_they_need() -> None:
    kinds = {255: np.uint8, 256: np.uint16, 65_536: np.uint32, 2**32: np.uint64}
    for largest, kind in kinds.items():
        made = trace(prediction=[[0, largest]] * 3)
        assert made.prediction.dtype == kind
        np.testing.assert_array_equal(made.prediction[0], [0, largest])


def test_what_nobody_can_write_to_is_not_copied() -> None:
    given: dict[str, Any] = {
        "confidence": np.array(CONFIDENCE),
        "prediction": np.array(PREDICTION, np.uint8),
        "label": np.array(LABEL),
        "entropy": np.array(ENTROPY, np.float32),
    }
    for array in given.values():
        array.flags.writeable = False
    made = trace(**given)
    view = np.array(CONFIDENCE)[:]
    view.flags.writeable = False  # what it is a view of is writeable

    assert all(getattr(made, name) is array for name, array in given.items())
    assert trace(confidence=view).confidence is not view


def test_entropies_near_zero_keep_their_digits() -> None:
    made = trace(entropy=[[1e-30, 2e-30]] * 3)

    assert made.entropy is not None
    assert made.entropy.dtype == np.float32
    np.testing.assert_allclose(made.entropy[0], [1e-30, 2e-30], rtol=1e-6)


def test_metadata_are_read_only_and_survive_copies() -> None:
    made = trace(metadata=METADATA)
    wanted = {**METADATA, "temperature": (1.5, 2), "splits": ("a", "b")}

    assert made.metadata == wanted
    assert trace().metadata == {}
    assert dict(made.metadata.items()) == wanted
    assert repr(made.metadata).startswith("Metadata({'data': 'made up'")
    for same in (copy.deepcopy(made), pickle.loads(pickle.dumps(made))):  # noqa: S301 - ours
        assert same.metadata == wanted
    with pytest.raises(TypeError, match="does not support item assignment"):
        made.metadata["data"] = "other"  # type: ignore[index] # that is the point


def test_numpy_numbers_in_metadata_become_plain_ones() -> None:
    made = Metadata({"x": np.float32(0.5), "y": [np.int64(3)]})

    assert made == {"x": 0.5, "y": (3,)}
    assert json.dumps(dict(made)) == '{"x": 0.5, "y": [3]}'


def test_the_entropy_of_two_classes_follows_from_the_confidence() -> None:
    confidence = np.array([[0.5, 0.75], [0.9, 1 - 1e-12], [1.0, 0.6]])
    made = Trace(confidence, np.zeros((3, 2), np.int64), metadata={"data": "x"})
    both = made.with_binary_entropy()

    assert made.entropy is None
    assert both.entropy is not None
    wanted = scipy_entropy(np.stack([confidence, 1 - confidence]), axis=0)
    np.testing.assert_allclose(both.entropy, wanted, rtol=1e-6)
    assert both.confidence is made.confidence
    assert both.metadata == made.metadata


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"prediction": [[0, 2]] * 3}, "`prediction` must be that of two classes, .* got 2"),
        ({"confidence": [[0.4, 0.9]] * 3}, "`confidence` must be that of two .*, got 0.4"),
        ({"metadata": {"classes": 3}}, "`metadata` must be that of two classes, got 3"),
    ],
)
def test_no_entropy_follows_where_there_may_be_three_classes(
    changes: dict[str, Any], message: str
) -> None:
    two = {"confidence": [[0.5, 0.9]] * 3, "prediction": [[0, 1]] * 3}
    with pytest.raises(ValueError, match=message):
        trace(**{**two, **changes}).with_binary_entropy()


NETWORK: dict[str, Any] = {
    "splits": ["a", "b"],
    "classes": 3,
    "weights_sha256": "f0",
    "temperature": [1, 2.5],
}


def test_traces_of_one_network_may_differ_in_all_else() -> None:
    own = trace(metadata={**NETWORK, "data": "one", "numpy": "2.0"})
    shorter = {"confidence": [[0.5, 0.6]], "prediction": [[1, 1]], "label": None}
    own.check_same_network(trace(**shorter, metadata={**NETWORK, "data": "other"}))
    own.check_same_network(trace())  # nobody knows


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("splits", ["a", "c"]),
        ("classes", 2),
        ("weights_sha256", "f1"),
        ("temperature", [1, 2.25]),
    ],
)
def test_a_trace_of_another_network_is_refused(name: str, value: Any) -> None:
    own, other = trace(metadata=NETWORK), trace(metadata={**NETWORK, name: value})
    for one, two in ((own, other), (other, own)):
        with pytest.raises(ValueError, match=f"trace of the same network, with `{name}`"):
            one.check_same_network(two)


def test_a_trace_with_other_exits_is_refused() -> None:
    other = trace(confidence=[[0.5]] * 3, prediction=[[0]] * 3)
    with pytest.raises(ValueError, match="same network, with 2 exits, got one with 1"):
        trace().check_same_network(other)
    with pytest.raises(TypeError, match="`other` must be of type Trace"):
        trace().check_same_network(CONFIDENCE)  # type: ignore[arg-type]


shapes = arrays.array_shapes(min_dims=2, max_dims=2, max_side=5)
plain: st.SearchStrategy[Any] = st.one_of(
    st.text(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
)
values: st.SearchStrategy[Any] = plain | st.lists(plain)


@st.composite
def traces(draw: st.DrawFn) -> Trace:
    shape = draw(shapes)
    classes = st.integers(0, draw(st.sampled_from([1, 300, 2**62])))
    nats = st.floats(0, 100, width=32)
    return Trace(
        draw(arrays.arrays(np.float64, shape, elements=st.floats(0, 1))),
        draw(arrays.arrays(np.int64, shape, elements=classes)),
        draw(st.none() | arrays.arrays(np.int64, shape[:1], elements=classes)),
        entropy=draw(st.none() | arrays.arrays(np.float32, shape, elements=nats)),
        metadata=draw(st.dictionaries(st.text(), values, max_size=3)),
    )


def same(read: Trace, made: Trace) -> bool:
    """Whether both are equal in everything, types included."""
    for name in ("confidence", "prediction", "label", "entropy"):
        one, other = getattr(read, name), getattr(made, name)
        if (one is None) != (other is None):
            return False
        if one is not None and (one.dtype, one.tolist()) != (other.dtype, other.tolist()):
            return False
    return read.metadata == made.metadata


@given(made=traces())
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_saved_trace_comes_back_bit_for_bit(made: Trace, tmp_path: Path) -> None:
    path = tmp_path / "any.name"
    made.save(path)
    read = Trace.load(path)

    assert same(read, made)
    for array in (read.confidence, read.prediction):
        assert not array.flags.writeable
    assert [entry.name for entry in tmp_path.iterdir()] == ["any.name"]
    content = path.read_bytes()
    read.save(path)
    assert path.read_bytes() == content


def full() -> Trace:
    return trace(entropy=ENTROPY, metadata=METADATA)


def test_other_tools_read_the_file_and_its_sums(tmp_path: Path) -> None:
    path = tmp_path / "trace.npz"
    full().save(path)
    with np.load(path) as file:
        found = dict(file)
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        members = {name.removesuffix(".npy"): archive.read(name) for name in archive.namelist()}

    np.testing.assert_array_equal(found["confidence"], CONFIDENCE)
    np.testing.assert_array_equal(found["prediction"], PREDICTION)
    np.testing.assert_array_equal(found["label"], LABEL)
    np.testing.assert_allclose(found["entropy"], ENTROPY, rtol=1e-6)
    assert json.loads(found["metadata"].item()) == METADATA
    sums = {name: hashlib.sha256(data).hexdigest() for name, data in members.items()}
    del sums["sha256"]
    assert json.loads(found["sha256"].item()) == sums


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("label", [LABEL, None])
def test_a_file_of_version_1_is_still_read(order: Any, label: Any, tmp_path: Path) -> None:
    """As it was written before there was a version 2: compressed, int64, no sums."""
    arrays = {
        "format": "banditsplit.trace",
        "version": 1,
        "confidence": np.array(CONFIDENCE, order=order),
        "prediction": np.array(PREDICTION, order=order),
    }
    if label is not None:
        arrays["label"] = np.array(label)
    with (path := tmp_path / "trace.npz").open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type] # not a file's name

    assert same(Trace.load(path), trace(label=label))


def test_nothing_is_in_memory_twice(tmp_path: Path) -> None:
    """Saving needs a block, loading the arrays and a block; of 8 MB of arrays here."""
    ones = np.ones((25_000, 25))
    made = Trace(ones, ones.astype(np.int64), np.ones(25_000, np.int64), entropy=ones)
    size = 25_000 * (25 * (8 + 1 + 4) + 8)
    tracemalloc.start()
    try:
        made.save(tmp_path / "trace.npz")
        saving = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        Trace.load(tmp_path / "trace.npz")
        loading = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()

    assert saving < 0.1 * size
    assert size < loading < size + 3 * BLOCK


def test_a_flipped_bit_is_refused_or_changes_nothing(tmp_path: Path) -> None:
    """Some of all bits; what a zip does not need, a date, say, may be anything."""
    path, made, chance = tmp_path / "trace.npz", full(), random.Random(0)  # noqa: S311
    made.save(path)
    content = path.read_bytes()
    refused = harmless = 0
    for place in chance.sample(range(8 * len(content)), 800):
        damaged = bytearray(content)
        damaged[place // 8] ^= 1 << place % 8
        path.write_bytes(damaged)
        try:
            read = Trace.load(path)
        except ValueError as error:
            refused += str(error).startswith("`path` must be a trace")
        else:
            assert same(read, made)
            harmless += 1
    assert refused + harmless == 800
    assert harmless < 0.2 * 800


def rewritten(path: Path, change: Callable[[dict[str, bytes]], object]) -> None:
    """Change the members of a file, the zip's own sums being right again."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)


def array_file(value: Any) -> bytes:
    np.save(buffer := io.BytesIO(), np.asarray(value))
    return buffer.getvalue()


def put(name: str, value: Any, *, summed: bool) -> Callable[[dict[str, bytes]], None]:
    """Put an array in a member's place, and its sum where the sums are, if ``summed``."""

    def change(members: dict[str, bytes]) -> None:
        members[f"{name}.npy"] = array_file(value)
        if summed:
            sums = json.loads(np.load(io.BytesIO(members["sha256.npy"])).item())
            sums[name] = hashlib.sha256(members[f"{name}.npy"]).hexdigest()
            members["sha256.npy"] = array_file(json.dumps(sums))

    return change


def huge(members: dict[str, bytes]) -> None:
    """A header that asks for a petabyte."""
    old = members["confidence.npy"]
    members["confidence.npy"] = old.replace(
        b"(3, 2), }             ", b"(3, 99999999999999), }"
    )


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda m: m.pop("label.npy"), r"damaged or missing contents \(label\)"),
        (lambda m: m.pop("confidence.npy"), r"missing contents \(confidence\)"),
        (lambda m: m.pop("metadata.npy"), r"missing contents \(metadata\)"),
        (lambda m: m.pop("sha256.npy"), "something unreadable"),
        (lambda m: m.pop("version.npy"), "something unreadable"),
        (lambda m: m.update({"more.npy": array_file(1)}), r"contents \(more\)"),
        (lambda m: m.update({"read.me": b"hello"}), "something unreadable"),
        (put("entropy", ENTROPY, summed=False), r"contents \(entropy\)"),
        (put("label", [2, 0, 0], summed=False), r"contents \(label\)"),
        (put("label", [2, 0], summed=True), "other contents .*`label` must have shape"),
        (put("confidence", [[0.5, np.nan]] * 3, summed=True), "other contents .*`confidence`"),
        (put("confidence", [["a", "b"]] * 3, summed=True), "other contents .*`confidence`"),
        (put("confidence", [[{}, {}]] * 3, summed=True), "something unreadable"),  # pickled
        (put("metadata", "[1]", summed=True), "other contents .*`metadata` must map"),
        (put("metadata", "{", summed=True), "other contents"),
        (put("sha256", "{}", summed=False), "damaged or missing contents"),
        (put("sha256", "7", summed=False), "something unreadable"),
        (put("sha256", 7, summed=False), "something unreadable"),
        (put("surprise", 1, summed=True), "other contents .*surprise"),
        (put("format", "another", summed=True), "the format 'another'"),
        (put("version", 3, summed=True), "version 3"),
        (huge, "something unreadable"),
    ],
)
def test_a_file_whose_contents_were_changed_is_refused(
    change: Callable[[dict[str, bytes]], object], found: str, tmp_path: Path
) -> None:
    full().save(path := tmp_path / "trace.npz")
    rewritten(path, dict)
    assert same(Trace.load(path), full())
    rewritten(path, change)
    with pytest.raises(ValueError, match=f"`path` must be a trace .*{found}"):
        Trace.load(path)


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "trace.npz"
    full().save(path)
    content = path.read_bytes()
    for length in (*range(0, len(content), 11), *range(len(content) - 30, len(content))):
        path.write_bytes(content[:length])
        with pytest.raises(ValueError, match=r"`path` must be a trace .*trace\.npz"):
            Trace.load(path)


def npz(**entries: object) -> bytes:
    buffer = io.BytesIO()
    fields: dict[str, Any] = {
        "format": "banditsplit.trace",
        "version": 1,
        "confidence": CONFIDENCE,
        "prediction": PREDICTION,
    }
    np.savez(buffer, **{k: v for k, v in (fields | entries).items() if v is not None})
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"hello", "something unreadable"),
        (npz(format="another"), "the format 'another'"),
        (npz(format=None), "something unreadable"),
        (npz(version=3), "version 3"),
        (npz(confidence=None), "other contents"),
        (npz(confidence=[[2.0, 2.0]] * 3), "other contents"),
        (npz(surprise=[1]), "other contents"),
        (npz(confidence=np.array([[{}, {}]] * 3)), "something unreadable"),  # pickled
    ],
)
def test_a_foreign_or_future_file_is_refused(
    content: bytes, found: str, tmp_path: Path
) -> None:
    path = tmp_path / "trace.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"`path` must be a trace .*{found}"):
        Trace.load(path)


def test_a_plain_numpy_array_is_no_trace(tmp_path: Path) -> None:
    path = tmp_path / "array.npy"
    np.save(path, np.zeros(3))
    with pytest.raises(ValueError, match="`path` must be a trace"):
        Trace.load(path)


def test_a_missing_file_says_that_it_is_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Trace.load(tmp_path / "nothing")


def test_a_failed_save_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "trace.npz"
    trace().save(path)
    before = path.read_bytes()

    def no_space(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", no_space)
    with pytest.raises(OSError, match="No space left"):
        trace(label=None).save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        trace().save(tmp_path / "nowhere" / "trace.npz")
