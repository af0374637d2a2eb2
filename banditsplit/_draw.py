"""An arm drawn from probabilities."""

from typing import Any

import numpy as np

from banditsplit._typing import Float


def draw(probability: Float, rng: np.random.Generator) -> Any:
    """Return an arm: an int for `[arms]`, `[runs]` for `[runs, arms]`.

    The first arm at which the cumulated probabilities exceed a uniform draw: one draw for
    each run, and never an arm of probability 0.
    """
    edge = probability.cumsum(-1)
    # Times the last edge, which rounding may leave an ulp beside 1.
    if edge.ndim == 1:
        return int(edge.searchsorted(rng.random() * edge[-1], side="right"))
    mark = rng.random(len(edge)) * edge[:, -1]
    return (edge > mark[:, None]).argmax(-1)
