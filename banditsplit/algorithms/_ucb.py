"""UCB1."""

from typing import Unpack

from banditsplit.compose import Options, compose
from banditsplit.indices import UCB
from banditsplit.policy import Policy


def UCB1(arms: int, *, span: float = 1.0, **options: Unpack[Options]) -> Policy:
    """Return UCB1 (Auer, Cesa-Bianchi & Fischer 2002, Fig. 1).

    Index: mean + ``span * sqrt(2 ln t / pulls)``; its regret bound is
    `banditsplit.theory.ucb1_regret_bound`.

    Args:
        arms: How many arms there are.
        span: Largest minus smallest value, in value units.
        **options: The other parts, ``runs`` and ``seed``; see `Options`.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: `arms` is below 1, or `span` not positive.
    """
    return compose(arms, UCB(alpha=4.0, span=span), **options)
