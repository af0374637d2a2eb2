"""Which regret bound belongs to which policy: the parts that its theorem speaks of.

Theory knows no policy, and a part alone has no bound: it is the composition that has one. So
the compositions that some theorem covers stand here, each with the bound of its own.
"""

import math
from collections.abc import Callable
from typing import Any, TypeAlias

from banditsplit import _checks, theory
from banditsplit.indices import (
    KLUCB,
    MOSS,
    UCB,
    UCBV,
    AsymptoticallyOptimalUCB,
    BetaThompson,
    Greedy,
)
from banditsplit.memories import Discounted, Full, SlidingWindow
from banditsplit.recipes import (
    CommitRecipe,
    EliminationRecipe,
    ExponentialWeighting,
    ImportanceWeighting,
    IndexRecipe,
    LinearConfidence,
    LinearRecipe,
    LinearUCB,
    Recipe,
    ReducedVariance,
    SamplingRecipe,
    TsallisWeighting,
)

# A bound, and what it is told of the policy.
Theorem: TypeAlias = tuple[Callable[..., float], dict[str, Any]]

# UCB1 in the alpha form, and the learning rates that Tsallis-INF's theorems are stated for.
UCB1, TSALLIS, TSALLIS_REDUCED = 4.0, 2.0, 4.0


def regret_bound(recipe: Recipe, problem: Any, horizon: int, **assumed: Any) -> float:
    """Return the bound of the theorem that covers ``recipe``, on its pseudo-regret.

    What the recipe says of itself goes before what is ``assumed``.

    Raises:
        TypeError: ``assumed`` is not what the theorem asks for, or ``problem`` of another kind.
        ValueError: No theorem with explicit constants covers the recipe, or not on this
            problem.
    """
    match recipe:
        case IndexRecipe(index=UCB() as index, memory=Full(), side_observations=False):
            found = _of_ucb(index, assumed.get("span", index.span))
        case IndexRecipe(index=UCB() as index, memory=Full()) if index.alpha == UCB1:
            found = theory.ucb_n_regret_bound, {"span": index.span}
        case IndexRecipe(memory=Full(), side_observations=False):
            found = _of_index(recipe.index)
        case IndexRecipe(index=UCB() as index, side_observations=False):
            found = _of_drift(index, recipe.memory)
        case CommitRecipe(side_observations=False):
            found = (
                theory.explore_then_commit_regret_bound,
                {"pulls_each": recipe.pulls_each},
            )
        case EliminationRecipe(side_observations=False):
            found = (
                theory.successive_elimination_regret_bound,
                {"delta": recipe.delta, "span": recipe.span},
            )
        case SamplingRecipe(side_observations=False):
            found = _of_sampling(recipe)
        case SamplingRecipe():
            found = _of_graphs(recipe)
        case LinearRecipe(side_observations=False):
            found = _of_regression(recipe.rule)
            found[1]["ridge"] = recipe.ridge
        case _:
            raise _nothing_proved(recipe)
    bound, told = found
    return bound(problem, horizon, **(assumed | told | {"objective": recipe.objective}))


def _of_ucb(index: UCB, span: float) -> Theorem:
    """Return the theorem for a UCB whose values span ``span``.

    If that is not what the index was told, its width is that of another alpha. So it is that
    SplitEE's honest span comes in.
    """
    if index.alpha == UCB1 and span == index.span:
        return theory.ucb1_regret_bound, {"span": span}
    alpha = index.alpha * (index.span / _checks.positive("span", span)) ** 2
    return theory.ucb_regret_bound, {"alpha": alpha, "span": span}


def _of_index(index: Any) -> Theorem:
    """Return the theorem for an index that remembers everything and sees what it pulls."""
    match index:
        case UCBV(zeta, c, span):
            return theory.ucb_v_regret_bound, {"zeta": zeta, "c": c, "span": span}
        case AsymptoticallyOptimalUCB(std):
            return theory.asymptotically_optimal_ucb_regret_bound, {"std": std}
        case KLUCB(theory.Bernoulli(), c):
            return theory.kl_ucb_regret_bound, {"c": c}
        case MOSS(known, span):
            return theory.moss_regret_bound, {"known": known, "span": span}
        case BetaThompson(1.0, 1.0):
            return theory.thompson_regret_bound, {}
        case Greedy(epsilon, True):
            return theory.epsilon_greedy_regret_bound, {"epsilon": epsilon}
    raise _nothing_proved(index)


def _of_drift(index: UCB, memory: Any) -> Theorem:
    """Return the theorem for a UCB that forgets, on its dynamic pseudo-regret."""
    match memory:
        case Discounted(discount):
            told = {"discount": discount, "xi": index.alpha / 8, "span": index.span}
            return theory.discounted_ucb_regret_bound, told
        case SlidingWindow(window):
            told = {"window": window, "xi": index.alpha / 2, "span": index.span}
            return theory.sliding_window_ucb_regret_bound, told
    raise _nothing_proved(memory)


def _of_sampling(recipe: SamplingRecipe) -> Theorem:
    """Return the theorem for a policy that draws from weights and sees what it pulls."""
    told: dict[str, Any] = {"span": recipe.span}
    arms, log_arms = recipe.arms, _log(recipe.arms)
    match recipe.weighting, recipe.estimator:
        case TsallisWeighting(eta), estimator:
            return theory.tsallis_inf_regret_bound, told | _of_tsallis(eta, estimator)
        case ExponentialWeighting(eta, False, mixing, 0.0), ImportanceWeighting(0.0, 0.0):
            if math.isclose(eta * arms, mixing):
                return theory.exp3_regret_bound, told | {"gamma": mixing}
        case ExponentialWeighting(eta, True, 0.0, 0.0), ImportanceWeighting(1.0, 0.0):
            if math.isclose(eta**2 * arms, log_arms):
                return theory.exp3_regret_bound, told
        case ExponentialWeighting(eta, True, 0.0, 0.0), ImportanceWeighting(1.0, gamma, True):
            if math.isclose(eta**2 * arms, log_arms) and math.isclose(gamma, eta / 2):
                return theory.exp3_ix_regret_bound, told
        case ExponentialWeighting(eta, False, 0.0, 0.0), ImportanceWeighting(1.0, gamma, False):
            if math.isclose(gamma, eta / 2):
                return theory.exp3_ix_regret_bound, told | {"eta": eta}
    raise _nothing_proved(recipe)


def _of_tsallis(eta: float, estimator: Any) -> dict[str, Any]:
    """Return which estimator Tsallis-INF has, where the theorem knows its learning rate."""
    match estimator:
        case ImportanceWeighting(1.0, 0.0) if eta == TSALLIS:
            return {}
        case ReducedVariance(rate) if eta == rate == TSALLIS_REDUCED:
            return {"reduced_variance": True}
    raise _nothing_proved(estimator)


def _of_graphs(recipe: SamplingRecipe) -> Theorem:
    """Return the theorem for a policy that draws from weights, over a feedback graph."""
    told: dict[str, Any] = {"span": recipe.span}
    match recipe.weighting, recipe.estimator:
        case ExponentialWeighting(eta, True, 0.0, 0.0), ImportanceWeighting(1.0, 0.0):
            told["independence"] = min(float(recipe.arms), _log(recipe.arms) / eta**2)
            return theory.exp3_set_regret_bound, told
        case ExponentialWeighting(eta, False, 0.0, 0.0), ImportanceWeighting(1.0, 0.0):
            return theory.exp3_set_regret_bound, told | {"eta": eta}
    raise _nothing_proved(recipe)


def _of_regression(rule: Any) -> Theorem:
    """Return the theorem for a policy that regresses on contexts; it holds for each run."""
    match rule:
        case LinearConfidence(delta, noise, norm):
            told = {"delta": delta, "noise": noise, "norm": norm}
            return theory.oful_regret_bound, told
        case LinearUCB(alpha):
            return theory.lin_ucb_regret_bound, {"alpha": alpha}
    raise _nothing_proved(rule)


def _log(arms: int) -> float:
    """Return the logarithm that EXP3's step sizes have: of two arms where there is one."""
    return math.log(max(arms, 2))


def _nothing_proved(what: Any) -> ValueError:
    wanted = "`policy` must be one that a theorem with explicit constants covers"
    return ValueError(f"{wanted}, got {what!r}.")
