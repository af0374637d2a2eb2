"""The best arm, ties broken evenly."""

from functools import lru_cache
from typing import Any

import numpy as np

from banditsplit._typing import Bool, Float, Int

_BACKWARDS = slice(None, None, -1)
_FEW = 50  # up to so many numbers a list is faster than an array


def argmax(scores: Float, rng: np.random.Generator) -> Any:
    """Return the arm with the largest score: an int for `[arms]`, `[runs]` for `[runs, arms]`.

    Among equal best scores each is as likely. ``rng`` is used only where there is a tie.
    """
    if scores.ndim == 1:
        first = int(scores.argmax())
        if len(scores) <= _FEW:
            ranked = scores.tolist()
            alone = ranked.count(ranked[first]) == 1
        else:
            alone = first == len(scores) - 1 - scores[_BACKWARDS].argmax()
        if alone:
            return first
        tied = (scores == scores[first]).nonzero()[0]
        return int(tied[rng.integers(len(tied))])
    runs, arms = scores.shape
    # Numpy goes fastest along the longer axis: row by row, or all runs arm by arm.
    if runs < arms:
        arm = scores.argmax(-1)
        best = (scores == scores[np.arange(runs), arm][:, None]).T
    else:
        # As it is where `scores` is in Fortran order.
        best, arm = _best_of_columns(np.ascontiguousarray(scores.T))
    if np.count_nonzero(best) > runs:
        tied = (np.add.reduce(best, dtype=_numbers(arms).dtype) > 1).nonzero()[0]
        lots = 1.0 - rng.random((arms, len(tied)))  # above 0
        lots *= best.take(tied, 1)
        arm[tied] = _best_of_columns(lots)[1]
    return arm


def _best_of_columns(columns: Float) -> tuple[Bool, Int]:
    """Return where `[arms, runs]` has each column's best, and the last such arm."""
    best = columns == np.maximum.reduce(columns)
    return best, np.maximum.reduce(best * _numbers(len(columns))).astype(np.int64)


@lru_cache(maxsize=16)
def _numbers(arms: int) -> Any:
    """Return the arms' numbers, `[arms, 1]`, in the smallest dtype that can count them."""
    return np.arange(arms, dtype=np.min_scalar_type(arms))[:, None]
