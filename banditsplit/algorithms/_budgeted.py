"""Play for a budget of cost."""

from collections.abc import Sequence
from typing import Unpack

from banditsplit import _checks
from banditsplit.compose import RunOptions, compose
from banditsplit.indices import UCBBV1, BetaThompson
from banditsplit.objectives import Ratio
from banditsplit.policy import Policy
from banditsplit.recipes import BudgetRecipe, KnapsackRecipe, RatioRecipe


def UCBBV(
    arms: int,
    *,
    smallest_cost: float,
    largest_cost: float = 1.0,
    **options: Unpack[RunOptions],
) -> Policy:
    """Return UCB-BV1 (Ding, Qin, Zhang & Liu 2013, Alg. 1), for the best reward per cost.

    After one pull of each arm it takes the largest ``r / c + (1 + 1 / lambda) * w / (lambda -
    w)``, ``w = sqrt(ln(t - 1) / pulls)``; see `indices.UCBBV1`. Rewards lie in [0, 1]. It
    plays for ever: `with_budget` makes it stop.

    Args:
        arms: How many arms there are.
        smallest_cost: The paper's lambda: a positive lower bound of every arm's expected
            cost, in cost units.
        largest_cost: No pull costs more, in cost units; the paper has 1.
        **options: ``runs`` and ``seed``; see `Options`.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: `arms` is below 1, a cost is not positive, or the smallest is above the
            largest.
    """
    largest_cost = _checks.positive("largest_cost", largest_cost)
    smallest_cost = _checks.positive("smallest_cost", smallest_cost)
    if smallest_cost > largest_cost:
        wanted = f"`smallest_cost` must be at most the largest, {largest_cost}"
        raise ValueError(f"{wanted}, got {smallest_cost!r}.")
    index = UCBBV1(smallest_cost / largest_cost)
    return Policy(RatioRecipe(arms, index, largest_cost), **options)


def BudgetedThompsonSampling(
    arms: int, *, largest_cost: float = 1.0, **options: Unpack[RunOptions]
) -> Policy:
    """Return budgeted Thompson sampling (Xia, Li, Qin, Yu & Liu 2015, Alg. 1).

    It takes the largest ratio of two draws, from the Beta posteriors of an arm's reward and of
    its cost, whose priors are uniform. Rewards in [0, 1], and costs as shares of the largest,
    are added as fractions of a success, where the paper's Alg. 2 tosses a coin of that bias.
    It plays for ever: `with_budget` makes it stop.

    Args:
        arms: How many arms there are.
        largest_cost: No pull costs more, in cost units; the paper has 1.
        **options: ``runs`` and ``seed``; see `Options`.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: `arms` is below 1, or `largest_cost` not positive.
    """
    return compose(arms, BetaThompson(), objective=Ratio(largest_cost), **options)


def PrimalDualBwK(
    arms: int,
    *,
    budgets: float | Sequence[float],
    horizon: int,
    radius: float | None = None,
    **options: Unpack[RunOptions],
) -> Policy:
    """Return PrimalDualBwK, for several budgets and a horizon at once.

    Badanidiyuru, Kleinberg & Slivkins 2018 (*Bandits with knapsacks*), Alg. 2: see
    `KnapsackRecipe` for the constants. It has finished when a budget is spent (the pull that
    reaches it is the last) or the horizon is over. Rewards and costs lie in [0, 1].

    Args:
        arms: How many arms there are.
        budgets: Positive, in cost units: a number, or one for each resource; then costs are
            `[..., resources]`.
        horizon: How many rounds there are.
        radius: The paper's ``C_rad``; None for ``ln(d * horizon * arms)`` with ``d`` resources
            and time among them.
        **options: ``runs`` and ``seed``; see `Options`.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: `arms` or `horizon` is below 1, or a budget or `radius` not positive.
    """
    recipe = KnapsackRecipe(arms, budgets, horizon, radius)
    return Policy(BudgetRecipe(recipe, recipe.budgets), **options)
