"""A trace is whole and true from its construction on, and so is its file."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from banditsplit_envs.trace import Trace

CONFIDENCE = [[0.5, 0.9], [0.7, 1.0], [0.2, 0.0]]
PREDICTION = [[1, 2], [0, 0], [2, 2]]
LABEL = [2, 0, 1]


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
    ],
)
def test_what_is_no_trace_is_refused(
    field: str, value: object, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        trace(**{field: value})


shapes = arrays.array_shapes(min_dims=2, max_dims=2, max_side=5)


@st.composite
def traces(draw: st.DrawFn) -> Trace:
    shape = draw(shapes)
    classes = st.integers(0, 2**62)
    label = st.none() | arrays.arrays(np.int64, shape[:1], elements=classes)
    return Trace(
        draw(arrays.arrays(np.float64, shape, elements=st.floats(0, 1))),
        draw(arrays.arrays(np.int64, shape, elements=classes)),
        draw(label),
    )


@given(made=traces())
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_saved_trace_comes_back_bit_for_bit(made: Trace, tmp_path: Path) -> None:
    path = tmp_path / "any.name"
    made.save(path)
    read = Trace.load(path)

    np.testing.assert_array_equal(read.confidence, made.confidence)
    np.testing.assert_array_equal(read.prediction, made.prediction)
    assert (read.label is None) == (made.label is None)
    if read.label is not None and made.label is not None:
        np.testing.assert_array_equal(read.label, made.label)
    assert [entry.name for entry in tmp_path.iterdir()] == ["any.name"]


def test_every_truncation_of_a_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "trace.npz"
    trace().save(path)
    content = path.read_bytes()
    for length in range(len(content)):
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

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        trace(label=None).save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        trace().save(tmp_path / "nowhere" / "trace.npz")
