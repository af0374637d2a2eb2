"""What the replay and the live environment share: the order of samples, and single rows."""

from typing import Any

import numpy as np

from banditsplit._typing import Int

Info = dict[str, Any]


def first_row(info: Info) -> Info:
    """Return the info of a batch of one as the info of one."""
    row: Info = {}
    for name, value in info.items():
        if isinstance(value, dict):
            row[name] = first_row(value)
        elif isinstance(value, str) or (name.startswith("expected") and value.ndim == 1):
            row[name] = value
        else:
            row[name] = value[0]
    return row


def sample_order(
    samples: int, passes: int, rounds: int | None, rng: np.random.Generator
) -> Int:
    """Return the samples of each pass, `[passes, rounds]`: a shuffle, or ``rounds`` draws."""
    if rounds is not None:
        return rng.integers(samples, size=(passes, rounds))
    return np.stack([rng.permutation(samples) for _ in range(passes)])
