"""The cheapest arm whose reward is within a factor of the best: bandits with cost subsidy.

Sinha, Sankararaman, Kazerouni & Avadhanula 2021 (AISTATS, arXiv:2011.01488).
"""

import math
from collections.abc import Sequence
from typing import Unpack

from banditsplit import _checks
from banditsplit.compose import RunOptions
from banditsplit.indices import BetaThompson, HorizonUCB, Index
from banditsplit.policy import Policy
from banditsplit.recipes import SubsidyRecipe


def CSUCB(
    arms: int,
    *,
    factor: float,
    horizon: int,
    costs: Sequence[float] | None = None,
    **options: Unpack[RunOptions],
) -> Policy:
    """Return CS-UCB (Sinha, Sankararaman, Kazerouni & Avadhanula 2021).

    After one pull of each arm: of the arms whose ``min(mean + sqrt(2 ln T / pulls), 1)`` is at
    least ``1 - factor`` times the largest such bound, the cheapest. Rewards lie in [0, 1]. The
    paper shows it may have linear regret; `CSETC` has not.

    Args:
        arms: How many arms there are.
        factor: The paper's alpha, in [0, 1): the share of the best reward that may be given
            up for a lower cost.
        horizon: The paper's ``T``, how many rounds there will be.
        costs: `[arms]`, not negative, in cost units, as in the paper; None to learn them as
            means of those observed.
        **options: ``runs`` and ``seed``; see `Options`.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: `arms` or `horizon` is below 1, `factor` outside [0, 1), or `costs` holds
            a negative number or not one for each arm.
    """
    return _subsidised(arms, HorizonUCB(horizon), factor, costs, **options)


def CSTS(
    arms: int,
    *,
    factor: float,
    costs: Sequence[float] | None = None,
    **options: Unpack[RunOptions],
) -> Policy:
    """Return CS-TS (Sinha, Sankararaman, Kazerouni & Avadhanula 2021).

    `CSUCB` with draws from Beta(1 + successes, 1 + failures) in place of the bounds. The other
    arguments and errors are `CSUCB`'s.
    """
    return _subsidised(arms, BetaThompson(), factor, costs, **options)


def CSETC(
    arms: int,
    *,
    factor: float,
    horizon: int,
    explore: int | None = None,
    costs: Sequence[float] | None = None,
    **options: Unpack[RunOptions],
) -> Policy:
    """Return CS-ETC (Sinha, Sankararaman, Kazerouni & Avadhanula 2021): it explores first.

    After ``explore`` pulls of each arm: of the arms whose upper bound is at least ``1 -
    factor`` times the largest lower bound, the cheapest; the bounds are ``mean +- sqrt(2 ln T
    / pulls)``, cut to [0, 1], and go on to be updated. With the default its regret of both
    kinds is of the order of ``arms**(1/3) * T**(2/3)``, up to logarithms.

    Args:
        arms: How many arms there are.
        factor: As `CSUCB`'s.
        horizon: As `CSUCB`'s.
        explore: How many pulls each arm gets first; None for ``(T / arms)**(2/3)``, rounded
            up.
        costs: As `CSUCB`'s.
        **options: ``runs`` and ``seed``; see `Options`.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: As `CSUCB`'s, or `explore` is below 1.
    """
    index = HorizonUCB(horizon)
    if explore is None:
        arms = _checks.integer("arms", arms, least=1)
        explore = math.ceil((horizon / arms) ** (2 / 3))
    return _subsidised(arms, index, factor, costs, cautious=True, explore=explore, **options)


def _subsidised(
    arms: int,
    index: Index,
    factor: float,
    costs: Sequence[float] | None,
    *,
    cautious: bool = False,
    explore: int = 1,
    **options: Unpack[RunOptions],
) -> Policy:
    return Policy(SubsidyRecipe(arms, index, factor, costs, cautious, explore), **options)
