"""Real scans and a domain shift: scikit-learn's digits, distorted anew for every sample.

Alpaydin & Kaynak 1998, *Optical Recognition of Handwritten Digits*: 1,797 scans of 8x8 pixels.
"""

from dataclasses import dataclass

import numpy as np

from banditsplit import _checks
from banditsplit._typing import Int, Seed
from banditsplit_envs.data.datasets import LabelledImages
from banditsplit_envs.data.distortions import distort

__all__ = ["DigitsSplit", "deployment_stream", "digits_split"]

SHARES = (0.5, 0.2)  # train and calibration; the rest is deployment


@dataclass(frozen=True, slots=True, eq=False)
class DigitsSplit:
    """Three disjoint parts, each with every digit in the same proportion.

    Images are float32 `[samples, 1, 8, 8]`.
    """

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
