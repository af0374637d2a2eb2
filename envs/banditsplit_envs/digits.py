"""Real scans and a domain shift: scikit-learn's digits, distorted anew for every sample.

Alpaydin & Kaynak 1998, *Optical Recognition of Handwritten Digits*: 1,797 scans of 8x8 pixels.
"""

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from banditsplit import _checks
from banditsplit._typing import Float, Int, Seed

__all__ = ["DigitsSplit", "LabelledImages", "deployment_stream", "digits_split", "distort"]

Images: TypeAlias = NDArray[np.float32]

KINDS = ("noise", "blur", "contrast")
SHARES = (0.5, 0.2)  # train and calibration; the rest is deployment

# What strength 1 is at its worst; every image draws between half of its strength and all.
NOISE = 0.4  # standard deviation, where black is 0 and white is 1
BLUR = 1.2  # standard deviation of the Gaussian, in pixels
CONTRAST = 0.9  # share of the contrast that is lost


class LabelledImages(NamedTuple):
    """``images``, float32 `[samples, 1, 8, 8]` in `[0, 1]`, and ``labels``, `[samples]`."""

    images: Images
    labels: Int


@dataclass(frozen=True, slots=True, eq=False)
class DigitsSplit:
    """Three disjoint parts, each with every digit in the same proportion."""

    train: LabelledImages
    calibration: LabelledImages
    deployment: LabelledImages


def digits_split(*, seed: Seed = 0) -> DigitsSplit:
    """Split the scans into train (50 %), calibration (20 %) and deployment (30 %)."""
    try:
        from sklearn.datasets import load_digits  # noqa: PLC0415 - an extra, not a dependency
    except ImportError as error:
        raise ImportError(
            "`digits_split` needs scikit-learn: pip install 'banditsplit[examples]'."
        ) from error
    generator = _checks.generator(seed)
    pixels, labels = load_digits(return_X_y=True)
    images = (pixels / 16).astype(np.float32).reshape(-1, 1, 8, 8)
    parts: tuple[list[Int], ...] = ([], [], [])
    for digit in np.unique(labels):
        members = generator.permutation(np.flatnonzero(labels == digit))
        cuts = np.rint(np.cumsum(SHARES) * len(members)).astype(np.int64)
        for part, chosen in zip(parts, np.split(members, cuts), strict=True):
            part.append(chosen)
    indices = [np.sort(np.concatenate(part)) for part in parts]
    return DigitsSplit(
        *(LabelledImages(images[index], labels[index].astype(np.int64)) for index in indices)
    )


def distort(images: Images, *, kind: str, strength: float, seed: Seed) -> Images:
    """Return distorted copies in `[0, 1]`, each image with draws of its own.

    Args:
        images: `[samples, channels, height, width]` in `[0, 1]`.
        kind: "noise", "blur", "contrast" (which fades to grey), or "mixed": each image draws
            one of the three.
        strength: in `[0, 1]`; 0 changes nothing.
        seed: of the draws.
    """
    clean = _images(images)
    kind = _checks.member("kind", kind, (*KINDS, "mixed"))
    strength = _checks.fraction("strength", strength)
    generator = _checks.generator(seed)
    if strength == 0:
        return clean.copy()
    samples = len(clean)
    amount = strength * generator.uniform(0.5, 1, samples)
    if kind == "mixed":
        chosen = generator.integers(len(KINDS), size=samples)
    else:
        chosen = np.full(samples, KINDS.index(kind))
    noisy, blurred, faded = (chosen == index for index in range(len(KINDS)))

    out = clean.astype(np.float64)
    scale = amount[:, None, None, None]
    out[noisy] += NOISE * scale[noisy] * generator.standard_normal(out[noisy].shape)
    out[blurred] = _blur(out[blurred], BLUR * amount[blurred])
    out[faded] = 0.5 + (out[faded] - 0.5) * (1 - CONTRAST * scale[faded])
    return np.clip(out, 0, 1).astype(np.float32)


def deployment_stream(
    split: DigitsSplit,
    *,
    samples: int = 10_000,
    strength: float = 0.0,
    kind: str = "mixed",
    seed: Seed = 0,
) -> LabelledImages:
    """Return ``samples`` deployment scans in random order, each distorted anew.

    Drawn in shuffled passes, so every scan comes equally often, give or take one.
    """
    samples = _checks.integer("samples", samples, least=1)
    generator = _checks.generator(seed)
    images, labels = split.deployment
    passes = -(-samples // len(labels))
    order = np.concatenate([generator.permutation(len(labels)) for _ in range(passes)])
    order = order[:samples]
    drawn = distort(images[order], kind=kind, strength=strength, seed=generator)
    return LabelledImages(drawn, labels[order])


def _blur(images: Float, deviation: Float) -> Float:
    """Blur each image by its own Gaussian, renormalised at the edges; `[samples]`, pixels."""
    # Far below a pixel the kernel is the identity; the floor keeps the quotient finite.
    width = np.maximum(deviation, 0.05)[:, None, None]

    def kernel(size: int) -> Float:
        apart = np.subtract.outer(np.arange(size), np.arange(size))
        weights = np.exp(-0.5 * (apart / width) ** 2)
        normal: Float = (weights / weights.sum(axis=-1, keepdims=True))[:, None]
        return normal

    height, breadth = images.shape[-2:]
    blurred: Float = kernel(height) @ images @ kernel(breadth).swapaxes(-1, -2)
    return blurred


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
