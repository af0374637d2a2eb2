"""Algorithms for arms whose laws change: an index, and a memory that lets go."""

from typing import Unpack

from banditsplit import _checks
from banditsplit.compose import DriftOptions, compose
from banditsplit.indices import UCB, BetaThompson, Exploring
from banditsplit.memories import CUSUM, GLR, Discounted, Restarting, SlidingWindow
from banditsplit.policy import Policy


def DUCB(
    arms: int,
    *,
    discount: float,
    xi: float = 0.5,
    span: float = 1.0,
    **options: Unpack[DriftOptions],
) -> Policy:
    """Return D-UCB (Garivier & Moulines 2011, arXiv:0805.3415, Alg. 1).

    Index: discounted mean + ``2 span * sqrt(xi * ln n / pulls)``, with discounted pulls and
    a discounted number ``n`` of rounds: `UCB` x `Discounted`.

    Args:
        arms: How many arms there are.
        discount: In (0, 1]; `banditsplit.memories.tuned_discount` is theirs.
        xi: Width of the confidence bound; their experiments use 1/2, their Thm. 1 asks for
            more.
        span: Largest minus smallest value, in value units.
        **options: The other parts, ``runs`` and ``seed``; see `DriftOptions`.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: `arms` is below 1, `discount` outside (0, 1], `xi` or `span` not positive.
    """
    index = UCB(alpha=8 * _checks.positive("xi", xi), span=span)
    return compose(arms, index, memory=Discounted(discount), **options)


def SWUCB(
    arms: int,
    *,
    window: int,
    xi: float = 0.5,
    span: float = 1.0,
    **options: Unpack[DriftOptions],
) -> Policy:
    """Return SW-UCB (Garivier & Moulines 2011, arXiv:0805.3415, Sec. 3).

    Index: mean + ``span * sqrt(xi * ln min(t, window) / pulls)``, of the last ``window``
    rounds: `UCB` x `SlidingWindow`.

    Args:
        arms: How many arms there are.
        window: Rounds, at least 1; `banditsplit.memories.tuned_window` is theirs.
        xi: Width of the confidence bound; their experiments use 1/2, their Thm. 2 asks for
            more.
        span: Largest minus smallest value, in value units.
        **options: The other parts, ``runs`` and ``seed``; see `DriftOptions`.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: `arms` or `window` is below 1, `xi` or `span` not positive.
    """
    index = UCB(alpha=2 * _checks.positive("xi", xi), span=span)
    return compose(arms, index, memory=SlidingWindow(window), **options)


def DiscountedThompson(
    arms: int,
    *,
    discount: float,
    prior: tuple[float, float] = (1.0, 1.0),
    **options: Unpack[DriftOptions],
) -> Policy:
    """Return discounted Thompson sampling (Raj & Kalyani 2017, arXiv:1707.09727, Alg. 1).

    Every round multiplies all successes and failures by ``discount``, so that the posterior
    of an arm that is left alone returns to the prior: `BetaThompson` x `Discounted`.

    Args:
        arms: How many arms there are.
        discount: In (0, 1]; their gamma.
        prior: Successes and failures of the Beta prior, for values in [0, 1].
        **options: The other parts, ``runs`` and ``seed``; see `DriftOptions`.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: `arms` is below 1, `discount` outside (0, 1], `prior` not positive, or the
            objective leaves [0, 1].
    """
    try:
        successes, failures = prior
    except (TypeError, ValueError):
        raise TypeError(f"`prior` must be a pair of numbers, got {prior!r}.") from None
    index = BetaThompson(successes, failures)
    return compose(arms, index, memory=Discounted(discount), **options)


def CUSUMUCB(
    arms: int,
    *,
    threshold: float,
    tolerance: float,
    baseline: int,
    exploration: float,
    xi: float = 1.0,
    span: float = 1.0,
    **options: Unpack[DriftOptions],
) -> Policy:
    """Return CUSUM-UCB (Liu, Lee & Shroff 2018, arXiv:1711.03539, Alg. 1 and 3).

    Index: mean + ``span * sqrt(xi * ln n / pulls)`` over what an arm gave since its own last
    alarm, ``n`` being the pulls of all arms that still count: `UCB` x `Restarting` with
    `CUSUM` and local restarts, `Exploring` with probability ``exploration``.

    Args:
        arms: How many arms there are.
        threshold: Their h, in value units; they let it grow as ``ln(horizon / changes)``.
        tolerance: Their epsilon, in value units: what a value may stray without suspicion.
        baseline: Their M: how many values of an arm tell what is normal.
        exploration: Their alpha: probability of a uniform draw; they let it fall as
            ``sqrt(changes / horizon * ln(horizon / changes))``.
        xi: Width of the confidence bound, which they leave open.
        span: Largest minus smallest value, in value units.
        **options: The other parts, ``runs`` and ``seed``; see `DriftOptions`.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: An argument is out of range.
    """
    index = UCB(alpha=2 * _checks.positive("xi", xi), span=span)
    memory = Restarting(CUSUM(threshold, tolerance, baseline), every_arm=False)
    share = _checks.fraction("exploration", exploration)
    return compose(arms, Exploring(index, share), memory=memory, **options)


def GLRUCB(
    arms: int,
    *,
    delta: float,
    exploration: float,
    alpha: float = 1.0,
    every: int = 10,
    **options: Unpack[DriftOptions],
) -> Policy:
    """Return GLR-klUCB with global restarts and Hoeffding's bound in place of kl-UCB's.

    Besson, Kaufmann, Maillard & Seznec 2022 (JMLR 23, arXiv:1902.01575), Alg. 1: `UCB` x
    `Restarting` with `GLR`, `Exploring`. They explore on a fixed schedule, here the same
    share of the rounds explores by chance. With ``alpha=1`` the bound is what Pinsker's
    inequality makes of kl-UCB's.

    Args:
        arms: How many arms there are.
        delta: Of the test, in (0, 1); theirs is ``1 / sqrt(changes * horizon)``.
        exploration: Probability of a uniform draw; theirs is of order
            ``sqrt(changes / horizon * ln(horizon))``.
        alpha: Of the index; see `UCB`.
        every: Values of an arm between two tests.
        **options: The other parts, ``runs`` and ``seed``; see `DriftOptions`. Values must lie
            in [0, 1].

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: An argument is out of range.
    """
    share = _checks.fraction("exploration", exploration)
    memory = Restarting(GLR(delta, every))
    return compose(arms, Exploring(UCB(alpha), share), memory=memory, **options)
