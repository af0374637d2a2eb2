"""Thompson sampling that learns the variance."""

from typing import Unpack

from banditsplit import indices
from banditsplit.compose import Options, compose
from banditsplit.policy import Policy


def NIGThompsonSampling(
    arms: int, *, alpha: float = -1.0, **options: Unpack[Options]
) -> Policy:
    """Return Thompson sampling for normal values of unknown variance.

    Honda & Takemura 2014; see `indices.NIGThompson`.

    Args:
        arms: How many arms there are.
        alpha: Exponent of the prior; below 0, and -1 is the uniform prior.
        **options: The other parts, ``runs`` and ``seed``; see `Options`.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: `arms` is below 1, or `alpha` not finite.
    """
    return compose(arms, indices.NIGThompson(alpha), **options)
