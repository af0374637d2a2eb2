"""What happens to images in the field: noise, blur, loss of contrast, occlusion, over time."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple, TypeAlias, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from banditsplit import _checks
from banditsplit._typing import Float, Int, Seed

__all__ = ["DistortionSchedule", "DistortionSegment", "distort"]

Images: TypeAlias = NDArray[np.float32]

KINDS = ("noise", "blur", "contrast", "occlusion")
MIXED = KINDS[:3]  # what "mixed" draws from

# What strength 1 is at its worst; every image draws between half of its strength and all.
NOISE = 0.4  # standard deviation, where black is 0 and white is 1
BLUR = 0.15  # standard deviation of the Gaussian, as a share of the shorter side
CONTRAST = 0.9  # share of the contrast that is lost
OCCLUSION = 0.6  # side of the grey square, as a share of the shorter side


def distort(images: Images, *, kind: str, strength: ArrayLike, seed: Seed) -> Images:
    """Return distorted copies in `[0, 1]`, each image with draws of its own.

    Args:
        images: `[samples, channels, height, width]` in `[0, 1]`.
        kind: "noise"; "blur"; "contrast", which fades to grey; "occlusion", a grey square
            somewhere (DeVries & Taylor 2017, arXiv:1708.04552); or "mixed": each image draws
            one of the first three.
        strength: in `[0, 1]`, one for all or `[samples]`; 0 changes nothing.
        seed: of the draws.
    """
    clean = _images(images)
    kind = _checks.member("kind", kind, (*KINDS, "mixed"))
    strengths = _strengths(strength, len(clean))
    generator = _checks.generator(seed)
    if not strengths.any():
        return clean.copy()
    amount = strengths * generator.uniform(0.5, 1, len(clean))
    if kind == "mixed":
        chosen = generator.integers(len(MIXED), size=len(clean))
    else:
        chosen = np.full(len(clean), KINDS.index(kind))
    chosen[amount == 0] = -1
    noisy, blurred, faded, hidden = (chosen == index for index in range(len(KINDS)))

    out = clean.astype(np.float64)
    scale = amount[:, None, None, None]
    out[noisy] += NOISE * scale[noisy] * generator.standard_normal(out[noisy].shape)
    out[blurred] = _blur(out[blurred], BLUR * amount[blurred])
    out[faded] = 0.5 + (out[faded] - 0.5) * (1 - CONTRAST * scale[faded])
    out[hidden] = _hide(out[hidden], OCCLUSION * amount[hidden], generator)
    return np.clip(out, 0, 1).astype(np.float32)


class DistortionSegment(NamedTuple):
    """What happens from a round on.

    Attributes:
        start: The first round, from 1.
        kind: As in `distort`.
        strength: In `[0, 1]`, as in `distort`.
        ramp: Over how many rounds the strength moves there in equal steps: from what it was
            before, or from 0 where that was of another kind. 0: at once.
    """

    start: int
    kind: str
    strength: float
    ramp: int = 0


@final
@dataclass(frozen=True, slots=True)
class DistortionSchedule:
    """One distortion after the other; before the first one images are clean.

    Attributes:
        segments: `DistortionSegment`, or tuples like them, by increasing ``start``.

    Raises:
        TypeError: A part of a segment is of the wrong type, or ``segments`` holds none.
        ValueError: A part is out of range, the starts do not increase, or a ramp does not
            end before the next segment begins.
    """

    segments: tuple[DistortionSegment, ...]

    def __post_init__(self) -> None:
        segments = tuple(_segment(given) for given in _listed(self.segments))
        for before, after in pairwise(segments):
            if after.start < before.start + max(before.ramp, 1):
                wanted = "begin one after the other, each behind the ramp before it"
                raise ValueError(f"`segments` must {wanted}, got {before!r}, {after!r}.")
        object.__setattr__(self, "segments", segments)

    def __call__(self, images: Images, *, start: int = 1, seed: Seed) -> Images:
        """Return distorted copies of the images of rounds ``start``, ``start + 1``, ...

        The arguments are those of `distort`.
        """
        clean = _images(images)
        rounds = _checks.integer("start", start, least=1) + np.arange(len(clean))
        generator = _checks.generator(seed)
        segment, strength = self._which(rounds), self.strength(rounds)
        out = clean.copy()
        for number in np.unique(segment[strength > 0]):
            rows = segment == number
            kind = self.segments[number].kind
            out[rows] = distort(clean[rows], kind=kind, strength=strength[rows], seed=generator)
        return out

    def at(self, t: int) -> tuple[str, float]:
        """Return kind and strength in round ``t``; ``"none"`` and 0 before the first segment.

        Raises:
            TypeError, ValueError: ``t`` is no integer, or below 1.
        """
        rounds = np.array([_checks.integer("t", t, least=1)])
        number = int(self._which(rounds)[0])
        kind = "none" if number < 0 else self.segments[number].kind
        return kind, float(self.strength(rounds)[0])

    def strength(self, rounds: Int) -> Float:
        """Return the strength in each of ``rounds``, integers from 1; of their shape."""
        number = self._which(rounds)
        found = np.zeros(number.shape)
        before = DistortionSegment(0, "none", 0.0)
        for n, segment in enumerate(self.segments):
            origin = before.strength if before.kind == segment.kind else 0.0
            # The first round of a ramp is a step away from what was before.
            done = np.minimum((rounds - segment.start + 1) / max(segment.ramp, 1), 1.0)
            moved = origin + (segment.strength - origin) * done
            found = np.where(number == n, moved, found)
            before = segment
        return found

    def _which(self, rounds: Int) -> Int:
        """Return the number of the segment of each round; -1 before the first."""
        starts = [segment.start for segment in self.segments]
        number: Int = np.searchsorted(starts, rounds, side="right") - 1
        return number


def _segment(given: Any) -> DistortionSegment:
    try:
        segment = DistortionSegment(*given)
    except TypeError:
        wanted = "`segments` must hold (start, kind, strength) or (start, kind, strength, ramp)"
        raise TypeError(f"{wanted}, got {given!r}.") from None
    return DistortionSegment(
        _checks.integer("start", segment.start, least=1),
        _checks.member("kind", segment.kind, (*KINDS, "mixed")),
        _checks.fraction("strength", segment.strength),
        _checks.integer("ramp", segment.ramp, least=0),
    )


def _listed(segments: Any) -> Sequence[Any]:
    wanted = f"`segments` must be a list of at least one segment, got {segments!r}."
    if isinstance(segments, str) or not isinstance(segments, Sequence):
        raise TypeError(wanted)
    if not segments:
        raise ValueError(wanted)
    return segments


def _strengths(strength: ArrayLike, samples: int) -> Float:
    """Return one strength for each image, `[samples]`."""
    if isinstance(strength, str) or not np.iterable(strength):
        return np.full(samples, _checks.fraction("strength", strength))
    strengths = _checks.inside("strength", strength, 0, 1)
    if strengths.shape != (samples,):
        wanted = f"one number, or one for each of {samples} images"
        raise ValueError(f"`strength` must be {wanted}, got shape {strengths.shape}.")
    return strengths


def _blur(images: Float, deviation: Float) -> Float:
    """Blur each image by its own Gaussian, renormalised at the edges.

    ``deviation``, `[samples]`, is in shares of the shorter side.
    """
    height, breadth = images.shape[-2:]
    # Far below a pixel the kernel is the identity; the floor keeps the quotient finite.
    width = np.maximum(deviation * min(height, breadth), 0.05)[:, None, None]

    def kernel(size: int) -> Float:
        apart = np.subtract.outer(np.arange(size), np.arange(size))
        weights = np.exp(-0.5 * (apart / width) ** 2)
        normal: Float = (weights / weights.sum(axis=-1, keepdims=True))[:, None]
        return normal

    blurred: Float = kernel(height) @ images @ kernel(breadth).swapaxes(-1, -2)
    return blurred


def _hide(images: Float, share: Float, generator: np.random.Generator) -> Float:
    """Put a grey square anywhere inside each image.

    Its side, ``share`` `[samples]` of the shorter side, is rounded up to whole pixels.
    """
    height, breadth = images.shape[-2:]
    side = np.ceil(share * min(height, breadth)).astype(np.int64)

    def covered(size: int) -> Any:
        first = generator.integers(size - side + 1)[:, None]
        pixel = np.arange(size)
        return (pixel >= first) & (pixel < first + side[:, None])

    rows, columns = covered(height), covered(breadth)
    square = (rows[:, :, None] & columns[:, None, :])[:, None]
    return np.where(square, 0.5, images)


def _images(images: Images) -> Images:
    try:
        array = np.asarray(images)
    except ValueError:
        raise ValueError("`images` must be a rectangular array, got ragged rows.") from None
    if array.dtype.kind != "f":
        raise TypeError(f"`images` must hold floats, got dtype {array.dtype}.")
    if array.ndim != 4 or array.size == 0:  # noqa: PLR2004 - the axes
        wanted = "[samples, channels, height, width], none of them 0"
        raise ValueError(f"`images` must be an array {wanted}, got shape {array.shape}.")
    if not np.all((array >= 0) & (array <= 1)):  # nan fails both
        raise ValueError("`images` must lie in [0, 1], got values outside or nan.")
    return array.astype(np.float32)
