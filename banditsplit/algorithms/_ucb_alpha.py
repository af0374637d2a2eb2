"""UCB with a constant of your own."""

from typing import Unpack

from banditsplit import indices
from banditsplit.compose import Options, compose
from banditsplit.policy import Policy


def UCB(arms: int, *, alpha: float, span: float = 1.0, **options: Unpack[Options]) -> Policy:
    """Return UCB in the alpha form of Bubeck & Cesa-Bianchi 2012, Sec. 2.2.

    Index: mean + ``span * sqrt(alpha ln t / (2 pulls))``. Packages mean
    different constants by "UCB", so this one must be given; 4 is `UCB1`.

    Args:
        arms: How many arms there are.
        alpha: How sure to be; regret bounds need more than 2.
        span: Largest minus smallest value, in value units.
        **options: The other parts, ``runs`` and ``seed``; see `Options`.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: `arms` is below 1, or `alpha` or `span` not positive.
    """
    return compose(arms, indices.UCB(alpha, span), **options)
