"""Asymptotically optimal UCB."""

from typing import Unpack

from banditsplit import indices
from banditsplit.compose import Options, compose
from banditsplit.policy import Policy


def AsymptoticallyOptimalUCB(
    arms: int, *, std: float = 1.0, **options: Unpack[Options]
) -> Policy:
    """Return asymptotically optimal UCB (Lattimore & Szepesvari 2020, Alg. 6).

    Index: mean + ``std * sqrt(2 ln(1 + t (ln t)**2) / pulls)``.

    Args:
        arms: How many arms there are.
        std: Subgaussian scale, in value units; half the span of bounded values.
        **options: The other parts, ``runs`` and ``seed``; see `Options`.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: `arms` is below 1, or `std` not positive.
    """
    return compose(arms, indices.AsymptoticallyOptimalUCB(std), **options)
