"""The best arm, ties broken evenly."""

from typing import Any

import numpy as np

from banditsplit._typing import Float


def argmax(scores: Float, rng: np.random.Generator) -> Any:
    """Return the arm with the largest score: an int for `[arms]`, `[runs]` for `[runs, arms]`.

    Among equal best scores each is as likely. ``rng`` is used only where there is a tie:
    the first and the last best arm differ.
    """
    last_arm = scores.shape[-1] - 1
    best = scores.argmax(-1)
    last = last_arm - scores[..., ::-1].argmax(-1)
    if scores.ndim == 1:
        if best == last:
            return int(best)
        return int(_draw_among_best(scores[None], rng)[0])
    tied = np.flatnonzero(best != last)
    if tied.size:
        best[tied] = _draw_among_best(scores[tied], rng)
    return best


def _draw_among_best(scores: Float, rng: np.random.Generator) -> Any:
    """Return one of each row's best arms, `[rows]`, drawn evenly."""
    best = scores == scores.max(-1, keepdims=True)
    which = rng.integers(best.sum(-1))  # [rows]: take the which-th best arm of the row
    return (best.cumsum(-1) > which[:, None]).argmax(-1)
