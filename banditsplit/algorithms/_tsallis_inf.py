"""Tsallis-INF."""

from typing import Unpack

from banditsplit import _checks
from banditsplit.algorithms._sampling import sampling
from banditsplit.compose import SamplingOptions
from banditsplit.policy import Policy
from banditsplit.recipes import ImportanceWeighting, ReducedVariance, TsallisWeighting


def TsallisINF(
    arms: int, *, reduced_variance: bool = False, **options: Unpack[SamplingOptions]
) -> Policy:
    """Return Tsallis-INF (Zimmert & Seldin 2021, Alg. 1 with alpha = 1/2).

    Optimal up to constants for adversarial and for stochastic values, without being told
    which: mirror descent with Tsallis entropy. Step size ``2 / sqrt(t)`` with importance-
    weighted losses, ``4 / sqrt(t)`` with the reduced-variance estimator (both Thm. 1).
    Feedback that is late, and arms chosen elsewhere, count as in `EXP3`.

    Args:
        arms: How many arms there are.
        reduced_variance: Whether to take the estimator with the better constant.
        **options: As in `EXP3`.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: An argument is out of its range.
    """
    _checks.instance("reduced_variance", reduced_variance, bool)
    if reduced_variance:
        return sampling(arms, TsallisWeighting(eta=4.0), ReducedVariance(eta=4.0), **options)
    return sampling(arms, TsallisWeighting(eta=2.0), ImportanceWeighting(), **options)
