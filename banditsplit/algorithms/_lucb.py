"""LUCB and KL-LUCB."""

from typing import Unpack

from banditsplit.compose import RunOptions
from banditsplit.objectives import Objective, Reward
from banditsplit.policy import Policy
from banditsplit.recipes import IdentificationRecipe, LUCBRule


def LUCB(
    arms: int,
    *,
    delta: float,
    epsilon: float = 0.0,
    span: float = 1.0,
    objective: Objective | None = None,
    side_observations: bool = False,
    **options: Unpack[RunOptions],
) -> Policy:
    """Return LUCB (Kalyanakrishnan, Tewari, Auer & Stone 2012); see `recipes.LUCBRule`.

    It has `finished` when the best arm is known; the arm is its `recommendation`.

    Args:
        arms: How many arms there are.
        delta: Probability of ever stopping at an arm that is not good enough, in (0, 1).
        epsilon: How far below the best is good enough, in value units. At 0 it does not stop
            where two arms are the best.
        span: Largest minus smallest value, in value units.
        objective: What reward and cost are worth; `Reward` by default.
        side_observations: Whether to learn from arms revealed without a pull.
        **options: ``runs`` and ``seed``; see `RunOptions`.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: `arms` is below 1, `delta` not in (0, 1), `epsilon` negative, or `span`
            not positive.
    """
    objective = Reward() if objective is None else objective
    rule = LUCBRule(delta, epsilon, span)
    return Policy(IdentificationRecipe(arms, rule, objective, side_observations), **options)


def KLLUCB(
    arms: int,
    *,
    delta: float,
    epsilon: float = 0.0,
    objective: Objective | None = None,
    side_observations: bool = False,
    **options: Unpack[RunOptions],
) -> Policy:
    """Return KL-LUCB (Kaufmann & Kalyanakrishnan 2013); see `recipes.LUCBRule`.

    As `LUCB`, with bounds from the Bernoulli divergence, for values in [0, 1]: sooner where
    means are near 0 or 1.

    Args:
        arms: How many arms there are.
        delta: Probability of ever stopping at an arm that is not good enough, in (0, 1).
        epsilon: How far below the best is good enough, in value units. At 0 it does not stop
            where two arms are the best.
        objective: What reward and cost are worth; `Reward` by default.
        side_observations: Whether to learn from arms revealed without a pull.
        **options: ``runs`` and ``seed``; see `RunOptions`.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: `arms` is below 1, `delta` not in (0, 1), `epsilon` negative, or the
            objective leaves [0, 1].
    """
    objective = Reward() if objective is None else objective
    rule = LUCBRule(delta, epsilon, kl=True)
    return Policy(IdentificationRecipe(arms, rule, objective, side_observations), **options)
