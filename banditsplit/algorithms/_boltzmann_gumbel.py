"""Boltzmann-Gumbel exploration."""

from typing import Unpack

from banditsplit import indices
from banditsplit.compose import Options, compose
from banditsplit.policy import Policy


def BoltzmannGumbel(arms: int, *, c: float = 1.0, **options: Unpack[Options]) -> Policy:
    """Return Boltzmann-Gumbel exploration (Cesa-Bianchi, Gentile, Lugosi & Neu 2017).

    Index: mean + ``c / sqrt(pulls)`` times a draw of the standard Gumbel law.

    Args:
        arms: How many arms there are.
        c: The paper's C: the subgaussian scale, half the span of bounded values.
        **options: The other parts, ``runs`` and ``seed``; see `Options`.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: `arms` is below 1, or `c` not positive.
    """
    return compose(arms, indices.BoltzmannGumbel(c), **options)
