"""A distortion does what it says and no more, and a schedule says when."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from banditsplit_envs import DistortionSchedule, DistortionSegment, digits_split, distort

KINDS = ["noise", "blur", "contrast", "occlusion", "mixed"]


@pytest.fixture(scope="module")
def scans() -> Any:
    return digits_split().deployment.images


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
def test_strength_0_changes_no_bit(scans: Any, kind: str) -> None:
    out = distort(scans, kind=kind, strength=0.0, seed=1)

    assert out.tobytes() == scans.tobytes()
    assert not np.shares_memory(out, scans)


@pytest.mark.parametrize("kind", KINDS)
def test_every_copy_is_distorted_anew(scans: Any, kind: str) -> None:
    same = np.repeat(scans[:1], 6, axis=0)
    out = distort(same, kind=kind, strength=0.7, seed=0).reshape(6, -1)

    assert len(np.unique(out, axis=0)) == 6
    assert not np.any(np.all(out == same[0].ravel(), axis=1))


@pytest.mark.parametrize("kind", KINDS)
def test_more_strength_is_more_distortion(scans: Any, kind: str) -> None:
    off = [
        np.abs(distort(scans, kind=kind, strength=s, seed=0) - scans).mean()
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


def test_an_occlusion_is_one_grey_square_inside_the_image() -> None:
    """Its side is 30 % to 60 % of 10 pixels, rounded up; anywhere is as likely."""
    white = np.ones((400, 2, 10, 15), np.float32)
    out = distort(white, kind="occlusion", strength=1.0, seed=0)
    corners = []
    for image in out:
        rows, columns = np.nonzero(image[0] == 0.5)
        side = np.ptp(rows) + 1
        assert 4 <= side <= 6
        assert np.ptp(columns) + 1 == side
        assert len(rows) == side**2  # it is full
        np.testing.assert_array_equal(image[0], image[1])
        assert np.all((image == 0.5) | (image == 1))
        corners.append((rows.min(), columns.min()))

    assert {row for row, _ in corners} == set(range(7))  # 0 to 10 - 4
    assert {column for _, column in corners} == set(range(12))


def test_a_blur_is_as_wide_as_the_image_says() -> None:
    """A bright pixel in the middle spreads by 15 % of the side at most, times the strength."""
    point = np.zeros((300, 1, 41, 41), np.float32)
    point[:, 0, 20, 20] = 1
    out = distort(point, kind="blur", strength=0.4, seed=0)[:, 0].astype(np.float64)
    away = np.arange(41) - 20
    deviation = np.sqrt((out.sum(1) * away**2).sum(-1) / out.sum((1, 2)))

    assert 0.15 * 41 * 0.2 * 0.99 < deviation.min() < deviation.max() < 0.15 * 41 * 0.4 * 1.01


@pytest.mark.parametrize("kind", KINDS)
def test_every_image_may_have_a_strength_of_its_own(scans: Any, kind: str) -> None:
    strength = np.repeat([0.0, 0.3, 1.0], [200, 200, 139])
    out = distort(scans, kind=kind, strength=strength, seed=0)
    off = np.abs(out - scans).mean((1, 2, 3))

    np.testing.assert_array_equal(out[:200], scans[:200])
    assert 0 < off[200:400].mean() < off[400:].mean()
    again = distort(scans, kind=kind, strength=list(strength), seed=0)
    np.testing.assert_array_equal(again, out)


def test_images_that_are_all_alike_in_strength_need_one_number(scans: Any) -> None:
    one = distort(scans, kind="mixed", strength=0.7, seed=3)
    each = distort(scans, kind="mixed", strength=np.full(len(scans), 0.7), seed=3)

    np.testing.assert_array_equal(one, each)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"strength": 1.4}, ValueError, r"`strength` must lie in \[0, 1\], got 1.4"),
        ({"strength": -0.1}, ValueError, "`strength` must lie"),
        ({"strength": np.nan}, ValueError, "`strength` must be a finite number"),
        ({"strength": "much"}, TypeError, "`strength` must be a finite number"),
        (
            {"strength": [0.5, 0.5, 0.5]},
            ValueError,
            r"one for each of 2 images, got shape \(3,\)",
        ),
        ({"strength": [0.5, 1.4]}, ValueError, r"`strength` must lie in \[0, 1\]"),
        ({"strength": [0.5, np.nan]}, ValueError, r"`strength` must lie in \[0, 1\]"),
        ({"strength": [[0.5], [0.5, 1]]}, ValueError, r"`strength` must lie in \[0, 1\]"),
        ({"strength": ["a", "b"]}, TypeError, r"`strength` must lie in \[0, 1\]"),
        (
            {"kind": "rain"},
            ValueError,
            "`kind` must be one of noise, blur, contrast, occlusion, mixed",
        ),
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


# ----- Schedules

SCHEDULE = DistortionSchedule(
    (
        DistortionSegment(101, "noise", 0.6),
        DistortionSegment(201, "noise", 1.0, ramp=4),
        DistortionSegment(301, "blur", 0.5, ramp=2),
    )
)


@pytest.mark.parametrize(
    ("t", "kind", "strength"),
    [
        (1, "none", 0.0),
        (100, "none", 0.0),
        (101, "noise", 0.6),
        (200, "noise", 0.6),
        (201, "noise", 0.7),  # from .6 to 1 in four steps
        (202, "noise", 0.8),
        (204, "noise", 1.0),
        (300, "noise", 1.0),
        (301, "blur", 0.25),  # another kind begins at 0
        (302, "blur", 0.5),
        (10**9, "blur", 0.5),
    ],
)
def test_a_schedule_says_what_holds_in_a_round(t: int, kind: str, strength: float) -> None:
    found, how_strong = SCHEDULE.at(t)

    assert found == kind
    assert how_strong == pytest.approx(strength)
    assert SCHEDULE.strength(np.array([t, t])) == pytest.approx([strength, strength])


def test_a_stream_is_distorted_as_its_rounds_say(scans: Any) -> None:
    stream = SCHEDULE(scans[:310], seed=0)
    off = np.abs(stream - scans[:310]).mean((1, 2, 3))

    np.testing.assert_array_equal(stream[:100], scans[:100])
    assert np.all(off[100:] > 0)
    # Noise that is not clipped goes both ways; a blur keeps the light.
    assert off[100:200].mean() < off[204:300].mean()
    np.testing.assert_array_equal(SCHEDULE(scans[:310], seed=0), stream)
    assert not np.array_equal(SCHEDULE(scans[:310], seed=1), stream)


def test_a_stream_may_begin_late(scans: Any) -> None:
    clean = SCHEDULE(scans[:5], start=96, seed=0)
    after = SCHEDULE(scans[:5], start=97, seed=0)

    np.testing.assert_array_equal(clean, scans[:5])
    np.testing.assert_array_equal(after[:4], scans[:4])
    assert not np.array_equal(after[4], scans[4])


def test_segments_may_be_plain_tuples() -> None:
    plain = ((101, "noise", 0.6), (201, "noise", 1.0, 4), (301, "blur", 0.5, 2))

    assert DistortionSchedule(plain) == SCHEDULE  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("segments", "error", "message"),
    [
        ((), ValueError, "`segments` must be a list of at least one segment"),
        ("noise", TypeError, "`segments` must be a list"),
        (3, TypeError, "`segments` must be a list"),
        ([(1, "noise")], TypeError, r"must hold \(start, kind, strength\)"),
        ([5], TypeError, r"must hold \(start, kind, strength\)"),
        ([(0, "noise", 0.5)], ValueError, "`start` must be an integer of at least 1, got 0"),
        ([(1.5, "noise", 0.5)], TypeError, "`start` must be an integer"),
        ([(1, "rain", 0.5)], ValueError, "`kind` must be one of"),
        ([(1, "noise", 1.5)], ValueError, r"`strength` must lie in \[0, 1\]"),
        ([(1, "noise", np.nan)], ValueError, "`strength` must be a finite number"),
        ([(1, "noise", 0.5, -1)], ValueError, "`ramp` must be an integer of at least 0"),
        ([(5, "noise", 0.5), (5, "blur", 0.5)], ValueError, "each behind the ramp before it"),
        ([(5, "noise", 0.5, 9), (13, "blur", 0.5)], ValueError, "each behind the ramp before"),
    ],
)
def test_a_schedule_that_makes_no_sense_is_refused(
    segments: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        DistortionSchedule(segments)


def test_a_round_that_is_none_is_refused(scans: Any) -> None:
    with pytest.raises(ValueError, match="`t` must be an integer of at least 1, got 0"):
        SCHEDULE.at(0)
    with pytest.raises(ValueError, match="`start` must be an integer of at least 1, got 0"):
        SCHEDULE(scans, start=0, seed=0)
    with pytest.raises(ValueError, match=r"`images` must lie in \[0, 1\]"):
        SCHEDULE(scans + 2, seed=0)
