"""Linear contextual bandits: ridge regression, and what to do with its predictions."""

from typing import Unpack

from banditsplit.compose import LinearOptions, compose_linear
from banditsplit.policy import Policy
from banditsplit.recipes import (
    InverseGap,
    LinearConfidence,
    LinearGreedy,
    LinearThompson,
    LinearUCB,
)


def LinUCB(
    arms: int, *, features: int, alpha: float = 1.0, **options: Unpack[LinearOptions]
) -> Policy:
    """Return LinUCB (Li, Chu, Langford & Schapire 2010, Alg. 1, with linear models apart).

    It takes the largest prediction plus ``alpha`` times its width. With ``shared`` the arms
    have one parameter vector; see `OFUL` for a width that is proved to suffice there.

    Args:
        arms: How many arms there are.
        features: How many numbers describe a context.
        alpha: Width of the confidence bound, in units of the noise; the paper's is
            ``1 + sqrt(ln(2 / delta) / 2)``, with ``ridge`` 1.
        **options: ``shared``, ``ridge`` and the other parts; see `LinearOptions`.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: `arms` or `features` is below 1, or `alpha` or `ridge` not positive.
    """
    return compose_linear(arms, LinearUCB(alpha), features=features, **options)


def OFUL(
    arms: int,
    *,
    features: int,
    delta: float = 0.05,
    noise: float = 1.0,
    norm: float = 1.0,
    **options: Unpack[LinearOptions],
) -> Policy:
    """Return OFUL (Abbasi-Yadkori, Pal & Szepesvari 2011, with the width of Thm. 2).

    The paper's form has ``shared=True``. Without it, all arms' parameters count as one
    vector, for which the theorem holds as well.

    Args:
        arms: How many arms there are.
        features: How many numbers describe a context, or an arm in it.
        delta: Probability that the confidence bounds fail in some round.
        noise: The noise is sub-Gaussian of this scale, in value units.
        norm: Largest Euclidean norm of the parameters.
        **options: ``shared``, ``ridge`` and the other parts; see `LinearOptions`.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: `arms` or `features` is below 1, `delta` not between 0 and 1, or `noise`,
            `norm` or `ridge` not positive.
    """
    rule = LinearConfidence(delta, noise, norm)
    return compose_linear(arms, rule, features=features, **options)


def LinTS(
    arms: int,
    *,
    features: int,
    scale: float = 1.0,
    delta: float | None = None,
    **options: Unpack[LinearOptions],
) -> Policy:
    """Return linear Thompson sampling (Agrawal & Goyal 2013, Alg. 1).

    The paper's form has ``shared=True`` and ``ridge`` 1.

    Args:
        arms: How many arms there are.
        features: How many numbers describe a context, or an arm in it.
        scale: Width of the draws, in value units: the noise's standard deviation for a
            Gaussian posterior.
        delta: Given for the width that the regret bound is proved for,
            ``scale * sqrt(9 d ln(t / delta))`` with ``d`` parameters in all.
        **options: ``shared``, ``ridge`` and the other parts; see `LinearOptions`.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: `arms` or `features` is below 1, `scale` or `ridge` not positive, or
            `delta` not between 0 and 1.
    """
    return compose_linear(arms, LinearThompson(scale, delta), features=features, **options)


def LinGreedy(
    arms: int,
    *,
    features: int,
    epsilon: float = 0.1,
    decay: bool = False,
    **options: Unpack[LinearOptions],
) -> Policy:
    """Return epsilon-greedy play on ridge regression.

    It draws, so `Policy.probabilities` and a decision's propensity are known.

    Args:
        arms: How many arms there are.
        features: How many numbers describe a context, or an arm in it.
        epsilon: Probability of a uniform draw; with ``decay`` it is ``min(1, epsilon / t)``.
        decay: Whether exploration falls as 1 / t.
        **options: ``shared``, ``ridge`` and the other parts; see `LinearOptions`.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: `arms` or `features` is below 1, `epsilon` outside [0, 1] (below 0 with
            ``decay``), or `ridge` not positive.
    """
    return compose_linear(arms, LinearGreedy(epsilon, decay), features=features, **options)


def SquareCB(
    arms: int,
    *,
    features: int,
    gamma: float,
    anytime: bool = False,
    **options: Unpack[LinearOptions],
) -> Policy:
    """Return SquareCB (Foster & Rakhlin 2020, Alg. 1, mu = arms) on ridge regression.

    It draws: arms that are predicted to be worse by a gap have probability
    ``1 / (arms + gamma * gap)``, and the best one has the rest.

    Args:
        arms: How many arms there are.
        features: How many numbers describe a context, or an arm in it.
        gamma: How fast the gap counts, per value unit; it grows with the root of the horizon
            in Thm. 1, see `banditsplit.recipes.InverseGap`.
        anytime: Whether ``gamma`` is multiplied by ``sqrt(t)``, for want of a horizon.
        **options: ``shared``, ``ridge`` and the other parts; see `LinearOptions`.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: `arms` or `features` is below 1, or `gamma` or `ridge` not positive.
    """
    return compose_linear(arms, InverseGap(gamma, anytime), features=features, **options)
