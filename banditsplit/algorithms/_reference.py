"""Play that does not learn: what every result is measured against."""

from typing import Unpack

from banditsplit.compose import Options, compose
from banditsplit.indices import Constant, Fixed
from banditsplit.policy import Policy


def UniformRandom(arms: int, **options: Unpack[Options]) -> Policy:
    """Return uniform play: every arm is as likely in every round.

    Args:
        arms: How many arms there are.
        **options: The other parts, ``runs`` and ``seed``; see `Options`.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: `arms` is below 1.
    """
    return compose(arms, Constant(), **options)


def FixedArm(arms: int, arm: int, **options: Unpack[Options]) -> Policy:
    """Return play that pulls ``arm`` in every round.

    Args:
        arms: How many arms there are.
        arm: The arm to pull.
        **options: The other parts, ``runs`` and ``seed``; see `Options`.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: `arms` is below 1, or `arm` not in ``0 .. arms - 1``.
    """
    return compose(arms, Fixed(arm), **options)
