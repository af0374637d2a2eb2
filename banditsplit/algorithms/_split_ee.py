"""SplitEE: learn the split layer of a network with exits, online and without labels."""

from typing import Unpack

from banditsplit import _checks
from banditsplit.compose import RunOptions, compose
from banditsplit.indices import UCB
from banditsplit.objectives import Net
from banditsplit.policy import Policy


def SplitEE(
    arms: int, *, tradeoff: float, beta: float = 1.0, **options: Unpack[RunOptions]
) -> Policy:
    """Return SplitEE (Bajpai, Trivedi, Yadav & Hanawal 2023, arXiv:2309.09195, Alg. 1).

    After one pull of each arm it takes the largest ``Q + beta * sqrt(ln t / N)``, where
    ``Q`` is the mean net reward: UCB with ``alpha = 2 * beta**2`` x `Full` x `Net`.

    Args:
        arms: The exits of the network: arm ``i`` runs layers up to ``i`` on the device.
        tradeoff: The paper's mu: reward units given up for one unit of cost.
        beta: Width of the confidence bound; published runs use 1. Net rewards span more
            than 1, so the paper's regret theorem does not cover that choice.
        **options: ``runs`` and ``seed``; see `Options`.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: `arms` is below 1, `beta` not positive, or `tradeoff` negative.
    """
    return _split_ee(arms, tradeoff, beta, side_observations=False, **options)


def SplitEES(
    arms: int, *, tradeoff: float, beta: float = 1.0, **options: Unpack[RunOptions]
) -> Policy:
    """Return SplitEE-S: `SplitEE` that also learns from the exits before the split.

    The source, arguments and errors are `SplitEE`'s. Its side observations say by their
    ``kind`` how they were obtained; no regret bound is claimed for them.
    """
    return _split_ee(arms, tradeoff, beta, side_observations=True, **options)


def _split_ee(
    arms: int,
    tradeoff: float,
    beta: float,
    *,
    side_observations: bool,
    **options: Unpack[RunOptions],
) -> Policy:
    beta = _checks.positive("beta", beta)
    index = UCB(alpha=2 * beta * beta)
    objective = Net(tradeoff)
    return compose(
        arms, index, objective=objective, side_observations=side_observations, **options
    )
