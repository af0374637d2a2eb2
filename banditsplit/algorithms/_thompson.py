"""Thompson sampling."""

from typing import Unpack

from banditsplit.compose import Options, compose
from banditsplit.indices import BetaThompson, GaussianThompson
from banditsplit.policy import Policy


def ThompsonSampling(
    arms: int,
    *,
    prior: tuple[float, float] = (1.0, 1.0),
    std: float | None = None,
    **options: Unpack[Options],
) -> Policy:
    """Return Thompson sampling (Thompson 1933; Agrawal & Goyal 2012, 2013).

    Args:
        arms: How many arms there are.
        prior: Successes and failures of the Beta prior, for values in [0, 1].
        std: Given for values of any size: Gaussian noise of this standard deviation, in
            value units, and a flat prior in place of ``prior``.
        **options: The other parts, ``runs`` and ``seed``; see `Options`.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: `arms` is below 1, `prior` or `std` not positive, or the objective leaves
            [0, 1] and `std` is not given.
    """
    if std is not None:
        return compose(arms, GaussianThompson(std), **options)
    try:
        successes, failures = prior
    except (TypeError, ValueError):
        raise TypeError(f"`prior` must be a pair of numbers, got {prior!r}.") from None
    return compose(arms, BetaThompson(successes, failures), **options)
