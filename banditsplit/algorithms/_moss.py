"""MOSS, with and without a horizon."""

from typing import Unpack

from banditsplit import indices
from banditsplit.compose import Options, compose
from banditsplit.policy import Policy


def MOSS(arms: int, *, horizon: int, span: float = 1.0, **options: Unpack[Options]) -> Policy:
    """Return MOSS (Audibert & Bubeck 2009); see `indices.MOSS`.

    Args:
        arms: How many arms there are.
        horizon: Rounds that will be played.
        span: Largest minus smallest value, in value units.
        **options: The other parts, ``runs`` and ``seed``; see `Options`.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: `arms` or `horizon` is below 1, or `span` not positive.
    """
    return compose(arms, indices.MOSS(horizon, span), **options)


def AnytimeMOSS(
    arms: int, *, alpha: float = 1.0, span: float = 1.0, **options: Unpack[Options]
) -> Policy:
    """Return anytime MOSS (Degenne & Perchet 2016); see `indices.AnytimeMOSS`.

    Args:
        arms: How many arms there are.
        alpha: 1 keeps the constant of MOSS.
        span: Largest minus smallest value, in value units.
        **options: The other parts, ``runs`` and ``seed``; see `Options`.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: `arms` is below 1, or `alpha` or `span` not positive.
    """
    return compose(arms, indices.AnytimeMOSS(alpha, span), **options)
