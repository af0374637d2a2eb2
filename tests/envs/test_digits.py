"""The parts of the digits are disjoint, and streams are drawn from one of them alone."""

import sys

import numpy as np
import pytest

from banditsplit_envs import DigitsSplit, deployment_stream, digits_split


@pytest.fixture(scope="module")
def split() -> DigitsSplit:
    return digits_split()


def test_the_parts_together_are_the_1797_scans(split: DigitsSplit) -> None:
    from sklearn.datasets import load_digits  # noqa: PLC0415 - as the module itself does

    parts = (split.train, split.calibration, split.deployment)
    assert [len(part.labels) for part in parts] == [898, 360, 539]
    together = np.concatenate([part.images for part in parts]).reshape(-1, 64)
    scans = load_digits().data / 16

    # Rows in lexicographic order: each scan is in exactly one part.
    np.testing.assert_array_equal(together[np.lexsort(together.T)], scans[np.lexsort(scans.T)])


def test_images_are_float32_between_0_and_1(split: DigitsSplit) -> None:
    for part in (split.train, split.calibration, split.deployment):
        assert part.images.shape == (len(part.labels), 1, 8, 8)
        assert part.images.dtype == np.float32
        assert part.labels.dtype == np.int64
        assert (part.images.min(), part.images.max()) == (0, 1)


def test_every_part_has_every_digit_in_proportion(split: DigitsSplit) -> None:
    whole = np.bincount(
        np.concatenate([split.train.labels, split.calibration.labels, split.deployment.labels])
    )
    shares = {0.5: split.train, 0.2: split.calibration, 0.3: split.deployment}
    for share, part in shares.items():
        assert np.all(np.abs(np.bincount(part.labels) - share * whole) <= 1)


def test_a_seed_gives_its_split(split: DigitsSplit) -> None:
    np.testing.assert_array_equal(digits_split(seed=0).train.images, split.train.images)
    assert not np.array_equal(digits_split(seed=1).train.images, split.train.images)


def test_without_scikit_learn_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ImportError, match=r"banditsplit\[examples\]"):
        digits_split()


def test_a_stream_draws_every_scan_equally_often(split: DigitsSplit) -> None:
    stream = deployment_stream(split, samples=3 * 539 + 5)
    _, counts = np.unique(stream.images, axis=0, return_counts=True)
    first = stream.labels[:539]

    assert len(counts) == 539
    assert set(counts.tolist()) == {3, 4}
    np.testing.assert_array_equal(np.sort(first), np.sort(split.deployment.labels))
    assert not np.array_equal(first, split.deployment.labels)


def test_the_labels_of_a_stream_belong_to_its_images(split: DigitsSplit) -> None:
    known = {
        image.tobytes(): int(label) for image, label in zip(*split.deployment, strict=True)
    }
    stream = deployment_stream(split, samples=700, seed=3)
    for image, label in zip(*stream, strict=True):
        assert known[image.tobytes()] == label


def test_a_distorted_stream_has_the_shape_and_order_of_the_clean_one(
    split: DigitsSplit,
) -> None:
    clean = deployment_stream(split, samples=600)
    shifted = deployment_stream(split, samples=600, strength=0.5)

    np.testing.assert_array_equal(shifted.labels, clean.labels)
    assert not np.any(np.all(shifted.images == clean.images, axis=(1, 2, 3)))
    assert len(deployment_stream(split).labels) == 10_000


def test_a_stream_without_samples_is_refused(split: DigitsSplit) -> None:
    with pytest.raises(ValueError, match="`samples` must be an integer of at least 1, got 0"):
        deployment_stream(split, samples=0)


def test_a_stream_of_an_unknown_kind_is_refused_when_clean_too(split: DigitsSplit) -> None:
    with pytest.raises(ValueError, match="`kind` must be one of"):
        deployment_stream(split, samples=3, kind="rain")
