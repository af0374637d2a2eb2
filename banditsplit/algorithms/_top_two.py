"""Top-two Thompson sampling."""

from typing import Unpack

from banditsplit.compose import RunOptions
from banditsplit.objectives import Objective, Reward
from banditsplit.policy import Policy
from banditsplit.recipes import IdentificationRecipe, TopTwoRule


def TopTwoThompson(
    arms: int,
    *,
    delta: float,
    std: float | None = None,
    share: float = 0.5,
    objective: Objective | None = None,
    **options: Unpack[RunOptions],
) -> Policy:
    """Return top-two Thompson sampling with Chernoff's stopping rule; see `recipes.TopTwoRule`.

    Russo 2016; Garivier & Kaufmann 2016; the second arm by transport cost: Shang, de Heide,
    Menard, Kaufmann & Valko 2020. It has `finished` when the best arm is known; the arm is
    its `recommendation`. Where two arms are the best it does not stop.

    Args:
        arms: How many arms there are.
        delta: Probability of ever stopping at an arm that is not a best one, in (0, 1).
        std: Given for values of any size: their noise is sub-Gaussian of this standard
            deviation, in value units; ``span / 2`` serves values in an interval. Without it
            values lie in [0, 1].
        share: Probability of pulling the first of the two arms, in (0, 1).
        objective: What reward and cost are worth; `Reward` by default.
        **options: ``runs`` and ``seed``; see `RunOptions`.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: `arms` is below 1, `delta` or `share` not in (0, 1), `std` not positive,
            or the objective leaves [0, 1] and `std` is not given.
    """
    objective = Reward() if objective is None else objective
    rule = TopTwoRule(delta, std, share)
    return Policy(IdentificationRecipe(arms, rule, objective), **options)
