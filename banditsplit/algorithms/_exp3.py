"""Exp3 and its variants: exponential weights of importance-weighted estimates."""

import math
from typing import Any, Unpack

from banditsplit import _checks
from banditsplit.algorithms._sampling import given, log_arms, one_of, sampling
from banditsplit.compose import SamplingOptions
from banditsplit.policy import Policy
from banditsplit.recipes import ExponentialWeighting, ImportanceWeighting


def EXP3(
    arms: int,
    *,
    gamma: float | None = None,
    horizon: int | None = None,
    **options: Unpack[SamplingOptions],
) -> Policy:
    """Return Exp3 (Auer, Cesa-Bianchi, Freund & Schapire 2002), for adversarial values.

    With ``gamma`` it is their Fig. 1: ``p = (1 - gamma) w / sum w + gamma / arms`` and
    ``w_i *= exp(gamma * estimate_i / arms)`` with estimates of gains. With ``horizon``, gamma
    is that of their Cor. 3.2, ``min(1, sqrt(arms ln arms / ((e - 1) horizon)))``.

    With neither it is anytime, and counts losses, ``1 - value``, without uniform play: step
    size ``sqrt(ln arms / (arms t))`` (Bubeck & Cesa-Bianchi 2012, Thm. 3.1:
    pseudo-regret at most ``2 sqrt(n arms ln arms)``).

    A choice is drawn, and late feedback counts with the probability it was drawn with. An arm
    that was chosen elsewhere counts with its present probability.

    Args:
        arms: How many arms there are.
        gamma: Share of uniform play, in (0, 1].
        horizon: Rounds that will be played.
        **options: ``objective``, ``low``, ``span``, ``runs`` and ``seed``; see
            `SamplingOptions`. Values must lie in [low, low + span].

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: An argument is out of its range, or `gamma` and `horizon` are both given.
    """
    arms = _checks.integer("arms", arms, least=1)
    one_of(gamma=gamma, horizon=horizon)
    if horizon is not None:
        horizon = _checks.integer("horizon", horizon, least=1)
        gamma = min(1.0, math.sqrt(arms * log_arms(arms) / ((math.e - 1) * horizon)))
    if gamma is None:
        weighting = ExponentialWeighting(math.sqrt(log_arms(arms) / arms), decay=True)
        return sampling(arms, weighting, ImportanceWeighting(), **options)
    gamma = _checks.share("gamma", gamma)
    weighting = ExponentialWeighting(gamma / arms, mixing=gamma)
    return sampling(arms, weighting, ImportanceWeighting(baseline=0.0), **options)


def EXP3IX(
    arms: int,
    *,
    eta: float | None = None,
    horizon: int | None = None,
    **options: Unpack[SamplingOptions],
) -> Policy:
    """Return Exp3-IX (Neu 2015, Alg. 1): Exp3 whose regret is bounded with high probability.

    Losses count divided by probability plus gamma, ``gamma = eta / 2`` (implicit
    exploration). With ``horizon``, ``eta = sqrt(2 ln arms / (arms horizon))``; with neither,
    ``eta_t = sqrt(ln arms / (arms t))`` (both Thm. 1).

    Args:
        arms: How many arms there are.
        eta: Step size, positive; constant.
        horizon: Rounds that will be played.
        **options: As in `EXP3`.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: An argument is out of its range, or `eta` and `horizon` are both given.
    """
    arms = _checks.integer("arms", arms, least=1)
    one_of(eta=eta, horizon=horizon)
    eta, decay = _step_size(eta, horizon, log_arms(arms) / arms)
    estimator = ImportanceWeighting(gamma=eta / 2, decay=decay)
    return sampling(arms, ExponentialWeighting(eta, decay), estimator, **options)


def EXP3S(
    arms: int,
    *,
    horizon: int | None = None,
    changes: int | None = None,
    gamma: float | None = None,
    share: float | None = None,
    **options: Unpack[SamplingOptions],
) -> Policy:
    """Return Exp3.S (Auer, Cesa-Bianchi, Freund & Schapire 2002, Sec. 8): the best arm changes.

    Exp3 with gains, in which every arm also gets ``e * share / arms`` of all weights after a
    round. ``share`` is the paper's alpha. From the horizon T come ``share = 1 / T`` and
    ``gamma = min(1, sqrt(K ln(K T) / T))``, or where ``changes`` bounds how often the best arm
    changes, ``gamma = min(1, sqrt(K (S ln(K T) + e) / ((e - 1) T)))`` with
    ``S = changes + 1``.

    Args:
        arms: How many arms there are, the paper's K.
        horizon: Rounds that will be played; needed unless ``gamma`` and ``share`` are given.
        changes: How often the best arm may change, from 0.
        gamma: Share of uniform play, in (0, 1], in place of the above.
        share: Weight sharing, in (0, 1], in place of the above.
        **options: As in `EXP3`.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: An argument is out of its range, or `horizon` is missing.
    """
    arms = _checks.integer("arms", arms, least=1)
    one_of(changes=changes, gamma=gamma)
    if horizon is not None:
        horizon = _checks.integer("horizon", horizon, least=1)
        share = 1 / horizon if share is None else share
        log_all = math.log(max(arms * horizon, 2))
        if gamma is None and changes is None:
            gamma = min(1.0, math.sqrt(arms * log_all / horizon))
        elif gamma is None:
            parts = _checks.integer("changes", changes, least=0) + 1
            best = arms * (parts * log_all + math.e) / ((math.e - 1) * horizon)
            gamma = min(1.0, math.sqrt(best))
    elif len(given(gamma=gamma, share=share)) < 2:  # noqa: PLR2004 - both
        msg = "`horizon` must be given unless `gamma` and `share` are, got None."
        raise ValueError(msg)
    gamma, share = _checks.share("gamma", gamma), _checks.share("share", share)
    weighting = ExponentialWeighting(gamma / arms, mixing=gamma, share=share)
    return sampling(arms, weighting, ImportanceWeighting(baseline=0.0), **options)


def EXP3SET(
    arms: int,
    *,
    graph: Any = None,
    eta: float | None = None,
    horizon: int | None = None,
    independence: float | None = None,
    **options: Unpack[SamplingOptions],
) -> Policy:
    """Return Exp3-SET (Alon, Cesa-Bianchi, Gentile & Mansour 2013), for feedback graphs.

    Losses, those of revealed arms included, count divided by the probability that they were
    going to be seen, ``q_i = sum_j graph[j, i] p_j``. The graph may become known with the
    feedback. With ``horizon``, ``eta = sqrt(2 ln arms / (independence * horizon))`` (their
    tuning); with neither, ``eta_t = sqrt(ln arms / (independence * t))``, as in `EXP3`.

    Args:
        arms: How many arms there are.
        graph: Arm ``j`` reveals arm ``i`` where ``graph[j][i]``, bool `[arms, arms]`; each
            arm reveals itself. Rounds whose ``side["graph"]`` tells another one use that;
            without either, learning is refused.
        eta: Step size, positive; constant.
        horizon: Rounds that will be played.
        independence: A bound on the graph's independence number, from 1; `arms` by default,
            which every graph has. For random directed graphs of edge probability r it is
            ``(1 - (1 - r)**arms) / r``.
        **options: As in `EXP3`.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: An argument is out of its range or has the wrong shape, or `eta` is given
            together with `horizon` or `independence`.
    """
    arms = _checks.integer("arms", arms, least=1)
    one_of(eta=eta, horizon=horizon)
    one_of(eta=eta, independence=independence)
    spread = (
        float(arms) if independence is None else _checks.number("independence", independence)
    )
    if not 1 <= spread <= arms:
        wanted = f"`independence` must lie in [1, {arms}]"
        raise ValueError(f"{wanted}, got {independence!r}.")
    eta, decay = _step_size(eta, horizon, log_arms(arms) / spread)
    weighting = ExponentialWeighting(eta, decay)
    return sampling(
        arms, weighting, ImportanceWeighting(), graph=graph, side_observations=True, **options
    )


def _step_size(eta: float | None, horizon: int | None, squared: float) -> tuple[float, bool]:
    """Return a step size and whether it decays.

    What is given, or ``sqrt(2 * squared / horizon)``, or ``sqrt(squared / t)``.
    """
    if eta is not None:
        return _checks.positive("eta", eta), False
    if horizon is not None:
        return math.sqrt(2 * squared / _checks.integer("horizon", horizon, least=1)), False
    return math.sqrt(squared), True
