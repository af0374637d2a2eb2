"""Epsilon-greedy play."""

from typing import Unpack

from banditsplit.compose import Options, compose
from banditsplit.indices import Greedy
from banditsplit.policy import Policy


def EpsilonGreedy(
    arms: int, *, epsilon: float = 0.1, decay: bool = False, **options: Unpack[Options]
) -> Policy:
    """Return epsilon-greedy play (Auer, Cesa-Bianchi & Fischer 2002, Fig. 3, where decaying).

    Args:
        arms: How many arms there are.
        epsilon: Probability of a uniform draw; with ``decay`` it is ``min(1, epsilon / t)``.
        decay: Whether exploration falls as 1 / t.
        **options: The other parts, ``runs`` and ``seed``; see `Options`.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: `arms` is below 1, or `epsilon` outside [0, 1] (below 0 with ``decay``).
    """
    return compose(arms, Greedy(epsilon, decay), **options)
