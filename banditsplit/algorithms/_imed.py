"""IMED."""

from typing import Unpack

from banditsplit import indices
from banditsplit.compose import Options, compose
from banditsplit.policy import Policy
from banditsplit.theory import Bernoulli, Family


def IMED(arms: int, *, family: Family | None = None, **options: Unpack[Options]) -> Policy:
    """Return IMED (Honda & Takemura 2015); see `indices.IMED`.

    Args:
        arms: How many arms there are.
        family: Where the divergence comes from, of `banditsplit.theory`; by default
            `Bernoulli`, which serves all values in [0, 1].
        **options: The other parts, ``runs`` and ``seed``; see `Options`.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: `arms` is below 1, or the objective may leave the family's support.
    """
    return compose(arms, indices.IMED(Bernoulli() if family is None else family), **options)
