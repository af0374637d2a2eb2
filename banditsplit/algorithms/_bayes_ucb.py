"""Bayes-UCB."""

from typing import Unpack

from banditsplit.compose import Options, compose
from banditsplit.indices import BetaBayesUCB, GaussianBayesUCB
from banditsplit.policy import Policy


def BayesUCB(
    arms: int,
    *,
    prior: tuple[float, float] = (1.0, 1.0),
    std: float | None = None,
    c: float = 0.0,
    horizon: int | None = None,
    **options: Unpack[Options],
) -> Policy:
    """Return Bayes-UCB (Kaufmann, Cappe & Garivier 2012, Alg. 1).

    Index: the quantile ``1 - 1 / (t (ln horizon)**c)`` of the posterior; see
    `indices.BetaBayesUCB`.

    Args:
        arms: How many arms there are.
        prior: Successes and failures of the Beta prior, for values in [0, 1].
        std: Given for values of any size: Gaussian noise of this standard deviation, in
            value units, and a flat prior in place of ``prior``.
        c: Power of ``ln horizon``; at least 5 in the theorem.
        horizon: Rounds that will be played; only ``c > 0`` needs it.
        **options: The other parts, ``runs`` and ``seed``; see `Options`.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: `arms` is below 1, `prior` or `std` not positive, `c` negative, `horizon`
            below 2, or the objective leaves [0, 1] and `std` is not given.
    """
    if std is not None:
        return compose(arms, GaussianBayesUCB(std, c, horizon), **options)
    try:
        successes, failures = prior
    except (TypeError, ValueError):
        raise TypeError(f"`prior` must be a pair of numbers, got {prior!r}.") from None
    return compose(arms, BetaBayesUCB(successes, failures, c, horizon), **options)
