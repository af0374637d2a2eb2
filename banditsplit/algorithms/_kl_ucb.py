"""KL-UCB and KL-UCB++."""

from typing import Unpack

from banditsplit import indices
from banditsplit.compose import Options, compose
from banditsplit.policy import Policy
from banditsplit.theory import Bernoulli, Family


def KLUCB(
    arms: int, *, family: Family | None = None, c: float = 0.0, **options: Unpack[Options]
) -> Policy:
    """Return KL-UCB (Cappe, Garivier, Maillard, Munos & Stoltz 2013); see `indices.KLUCB`.

    Args:
        arms: How many arms there are.
        family: Where the divergence comes from, of `banditsplit.theory`; by default
            `Bernoulli`, which serves all values in [0, 1].
        c: Weight of ``ln ln t``; 3 in the theorems.
        **options: The other parts, ``runs`` and ``seed``; see `Options`.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: `arms` is below 1, `c` negative, or the objective may leave the
            family's support.
    """
    return compose(arms, indices.KLUCB(Bernoulli() if family is None else family, c), **options)


def KLUCBPlusPlus(
    arms: int, *, horizon: int, family: Family | None = None, **options: Unpack[Options]
) -> Policy:
    """Return KL-UCB++ (Menard & Garivier 2017); see `indices.KLUCBPlusPlus`.

    Args:
        arms: How many arms there are.
        horizon: Rounds that will be played.
        family: Where the divergence comes from, of `banditsplit.theory`; by default
            `Bernoulli`, which serves all values in [0, 1].
        **options: The other parts, ``runs`` and ``seed``; see `Options`.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: `arms` or `horizon` is below 1, or the objective may leave the
            family's support.
    """
    return compose(
        arms,
        indices.KLUCBPlusPlus(horizon, Bernoulli() if family is None else family),
        **options,
    )
