"""The parts of the digits are disjoint, and a distortion does what it says and no more."""

import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from banditsplit_envs.digits import DigitsSplit, deployment_stream, digits_split, distort

KINDS = ["noise", "blur", "contrast", "mixed"]


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


pictures = arrays.arrays(
    np.float32,
    st.tuples(st.integers(1, 4), st.integers(1, 2), st.integers(1, 6), st.integers(1, 6)),
    elements=st.floats(0, 1, width=32),
)


@given(
    images=pictures,
    kind=st.sampled_from(KINDS),
    strength=st.floats(0, 1),
    seed=st.integers(0, 9),
)
@settings(max_examples=200)
def test_a_distorted_image_stays_an_image(
    images: Any, kind: str, strength: float, seed: int
) -> None:
    before = images.copy()
    out = distort(images, kind=kind, strength=strength, seed=seed)

    assert out.shape == images.shape
    assert out.dtype == np.float32
    assert np.all((out >= 0) & (out <= 1))
    np.testing.assert_array_equal(images, before)
    np.testing.assert_array_equal(distort(images, kind=kind, strength=strength, seed=seed), out)


@pytest.mark.parametrize("kind", KINDS)
def test_strength_0_changes_no_bit(split: DigitsSplit, kind: str) -> None:
    images = split.deployment.images
    out = distort(images, kind=kind, strength=0.0, seed=1)

    assert out.tobytes() == images.tobytes()
    assert not np.shares_memory(out, images)


@pytest.mark.parametrize("kind", KINDS)
def test_every_copy_is_distorted_anew(split: DigitsSplit, kind: str) -> None:
    same = np.repeat(split.deployment.images[:1], 6, axis=0)
    out = distort(same, kind=kind, strength=0.7, seed=0).reshape(6, -1)

    assert len(np.unique(out, axis=0)) == 6
    assert not np.any(np.all(out == same[0].ravel(), axis=1))


@pytest.mark.parametrize("kind", KINDS)
def test_more_strength_is_more_distortion(split: DigitsSplit, kind: str) -> None:
    images = split.deployment.images
    off = [
        np.abs(distort(images, kind=kind, strength=s, seed=0) - images).mean()
        for s in (0.2, 0.5, 1.0)
    ]
    assert 0 < off[0] < off[1] < off[2]


def test_a_blur_keeps_a_flat_image_and_contrast_keeps_grey() -> None:
    """Both by hand: the kernel sums to 1 at the edges, too; grey is the fixed point."""
    flat = np.full((5, 1, 4, 7), 0.3, dtype=np.float32)
    np.testing.assert_allclose(distort(flat, kind="blur", strength=1.0, seed=0), flat)

    faded = distort(np.ones((50, 1, 1, 1), np.float32), kind="contrast", strength=1.0, seed=0)
    assert np.all((faded >= 0.55 - 1e-6) & (faded <= 0.775 + 1e-6))  # half to all of 0.9
    grey = np.full((5, 1, 2, 2), 0.5, dtype=np.float32)
    np.testing.assert_array_equal(distort(grey, kind="contrast", strength=1.0, seed=0), grey)


def test_noise_has_the_deviation_it_says() -> None:
    """Around grey nothing is clipped: 0.05 to 0.1 at strength 1/4; 10 sigma of room."""
    grey = np.full((2000, 1, 8, 8), 0.5, dtype=np.float32)
    deviation = distort(grey, kind="noise", strength=0.25, seed=0).std(axis=(1, 2, 3))
    assert abs(deviation.mean() - 0.4 * 0.25 * 0.75) < 0.005


def test_mixed_draws_each_of_the_three() -> None:
    """A flat white image tells them apart: blur keeps it, contrast flattens it elsewhere."""
    white = np.ones((600, 1, 8, 8), dtype=np.float32)
    out = distort(white, kind="mixed", strength=0.5, seed=0).reshape(600, -1)
    noisy = np.ptp(out, axis=1) > 0.01
    faded = ~noisy & (out[:, 0] < 0.99)
    for kind in (noisy, faded, ~noisy & ~faded):
        assert 140 < kind.sum() < 260  # 200 expected; 60 is 5.2 standard deviations


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


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"strength": 1.4}, ValueError, r"`strength` must lie in \[0, 1\], got 1.4"),
        ({"strength": -0.1}, ValueError, "`strength` must lie"),
        ({"strength": np.nan}, ValueError, "`strength` must be a finite number"),
        ({"strength": "much"}, TypeError, "`strength` must be a finite number"),
        ({"kind": "rain"}, ValueError, "`kind` must be one of noise, blur, contrast, mixed"),
        ({"seed": -1}, TypeError, "`seed` must be"),
        ({"images": np.zeros((2, 8, 8))}, ValueError, "`images` must be an array"),
        ({"images": np.zeros((0, 1, 8, 8))}, ValueError, "none of them 0"),
        ({"images": np.full((1, 1, 2, 2), 1.5)}, ValueError, r"`images` must lie in \[0, 1\]"),
        ({"images": np.full((1, 1, 2, 2), np.nan)}, ValueError, "`images` must lie"),
        ({"images": np.zeros((1, 1, 2, 2), int)}, TypeError, "`images` must hold floats"),
        ({"images": [[[[0.1], [0.1, 0.2]]]]}, ValueError, "got ragged rows"),
    ],
)
def test_a_distortion_that_makes_no_sense_is_refused(
    change: dict[str, Any], error: type[Exception], message: str
) -> None:
    arguments: dict[str, Any] = {
        "images": np.zeros((2, 1, 8, 8)),
        "kind": "noise",
        "strength": 0.5,
        "seed": 0,
    }
    with pytest.raises(error, match=message):
        distort(**(arguments | change))


def test_a_stream_without_samples_is_refused(split: DigitsSplit) -> None:
    with pytest.raises(ValueError, match="`samples` must be an integer of at least 1, got 0"):
        deployment_stream(split, samples=0)


def test_a_stream_of_an_unknown_kind_is_refused_when_clean_too(split: DigitsSplit) -> None:
    with pytest.raises(ValueError, match="`kind` must be one of"):
        deployment_stream(split, samples=3, kind="rain")
