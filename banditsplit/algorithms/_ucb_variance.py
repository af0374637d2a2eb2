"""UCB-Tuned and UCB-V."""

from typing import Unpack

from banditsplit import indices
from banditsplit.compose import Options, compose
from banditsplit.policy import Policy


def UCBTuned(arms: int, *, span: float = 1.0, **options: Unpack[Options]) -> Policy:
    """Return UCB-Tuned (Auer, Cesa-Bianchi & Fischer 2002, Sec. 4); see `indices.UCBTuned`.

    Args:
        arms: How many arms there are.
        span: Largest minus smallest value, in value units.
        **options: The other parts, ``runs`` and ``seed``; see `Options`.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: `arms` is below 1, or `span` not positive.
    """
    return compose(arms, indices.UCBTuned(span), **options)


def UCBV(
    arms: int,
    *,
    zeta: float = 1.2,
    c: float = 1.0,
    span: float = 1.0,
    **options: Unpack[Options],
) -> Policy:
    """Return UCB-V (Audibert, Munos & Szepesvari 2009); see `indices.UCBV`.

    Args:
        arms: How many arms there are.
        zeta: How fast exploration grows; the theorems need more than 1.
        c: Weight of the term that pays for not knowing the variance.
        span: Largest minus smallest value, in value units.
        **options: The other parts, ``runs`` and ``seed``; see `Options`.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: `arms` is below 1, or `zeta`, `c` or `span` not positive.
    """
    return compose(arms, indices.UCBV(zeta, c, span), **options)
