"""What recipes share that learn from audits: who may be played, and what was shown."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from banditsplit import _checks
from banditsplit._stats import ArmStats
from banditsplit._typing import Bool, Float, Int
from banditsplit.feedback import Pull, Seen
from banditsplit.memories import Full
from banditsplit.recipes._channels import refuse_outside, told_costs
from banditsplit.recipes._index import LARGEST

MEANS = Full()
UNKNOWN = float(np.finfo(np.float64).max)  # a cost that sorts behind all others


@dataclass(frozen=True, slots=True, eq=False)
class Certificate:
    """What is certified at this moment, and what it took.

    Where laws are assumed stationary: with probability at least ``1 - delta``, at all times at
    once, every bound of an arm holds and every certified arm loses at most ``level`` on
    average. Where they are not, nothing is certified of any arm, and with that probability the
    share lost so far is at most ``running_upper``, at all times at once.

    Attributes:
        level: The largest mean loss, or share lost, allowed.
        delta: Probability that any statement made here is ever wrong.
        deployed: The arm that is played when no audit is due: an int, or `[runs]`.
        observed: `[..., arms]`, how many losses of each arm were seen; what is long ago counts
            less where laws may change.
        loss: `[..., arms]`, their mean; nan where none was seen.
        upper: `[..., arms]`, anytime-valid upper bound of the mean loss; 1 where there is none.
        certified: `[..., arms]`, whether the arm may be played.
        refuted: `[..., arms]`, whether its mean loss is known to exceed ``level``.
        audits: How often the revealing arm was pulled: an int, or `[runs]`.
        settled: Whether no cheaper arm can take over any more, so that no audit is due: a
            bool, or `[runs]`.
        running_loss: The share lost so far, estimated: a float, or `[runs]`; None where laws
            are assumed stationary.
        running_upper: Its anytime-valid upper bound, likewise.
    """

    level: float
    delta: float
    deployed: Any
    observed: Float
    loss: Float
    upper: Float
    certified: Bool
    refuted: Bool
    audits: Any
    settled: Any
    running_loss: Any = None
    running_upper: Any = None


class Audited(Protocol):
    """A recipe with a safe arm, and a revealing one whose pulls are audits."""

    @property
    def arms(self) -> int: ...
    @property
    def level(self) -> float: ...
    @property
    def safe(self) -> int: ...
    @property
    def revealing(self) -> int: ...
    @property
    def delta(self) -> float: ...
    @property
    def costs(self) -> Any: ...
    @property
    def order(self) -> Any: ...
    @property
    def audit_rate(self) -> float: ...
    @property
    def burn_in(self) -> float: ...
    @property
    def own(self) -> bool: ...
    @property
    def safe_reveals(self) -> bool: ...


class Counting(Protocol):
    """The part of a state that every such recipe has."""

    loss: ArmStats
    cost: ArmStats | None
    audits: Int


def check(recipe: Audited) -> dict[str, Any]:
    """Refuse bad configuration; return fields to set, the candidates and told costs among them.

    Candidates are the arms that may ever be played: neither safe nor revealing, and, where
    costs are told, cheaper than the safe arm; of those in ``order``, if there is one.
    """
    _checks.integer("arms", recipe.arms, least=1)
    for name in ("level", "delta"):
        _checks.open_fraction(name, getattr(recipe, name))
    for name in ("safe", "revealing"):
        _checks.below(name, getattr(recipe, name), recipe.arms)
    _checks.share("audit_rate", recipe.audit_rate)
    _checks.nonnegative("burn_in", recipe.burn_in)
    for name in ("own", "safe_reveals"):
        _checks.instance(name, getattr(recipe, name), bool)
    costs = told_costs(recipe.costs, recipe.arms)
    told = None if costs is None else np.array(costs)
    candidates = np.ones(recipe.arms, np.bool_)
    if told is not None:
        candidates = told < told[recipe.safe]
    candidates[[recipe.safe, recipe.revealing]] = False
    order = recipe.order
    if order is not None:
        order = _ordered(recipe, order)
        listed = np.zeros(recipe.arms, np.bool_)
        listed[list(order)] = True
        candidates &= listed
    return {"costs": costs, "order": order, "_told": told, "_candidates": candidates}


def _ordered(recipe: Audited, order: Any) -> tuple[int, ...]:
    """Return the testing order as distinct arms, none of them safe or revealing."""
    if not isinstance(order, Iterable) or isinstance(order, str | bytes):
        raise TypeError(f"`order` must be a sequence of arms, got {order!r}.")
    arms = tuple(_checks.below("order", arm, recipe.arms) for arm in order)
    if len(set(arms)) < len(arms) or {recipe.safe, recipe.revealing} & set(arms):
        wanted = "`order` must hold distinct arms, neither `safe` nor `revealing`"
        raise ValueError(f"{wanted}, got {order!r}.")
    return arms


def cheapest(
    recipe: Audited, state: Counting, cost: Float, allowed: Bool, available: Bool
) -> Int:
    """Return the cheapest arm that is allowed and available, or the safe one, `[]` or `[runs]`.

    Where a mask leaves neither, the available arm with the smallest mean loss stands in:
    nothing is claimed of it.
    """
    allowed = allowed.copy()
    allowed[..., recipe.safe] = True
    allowed &= available
    nothing = ~allowed.any(-1, keepdims=True)
    loss = np.where(state.loss.pulls > 0, state.loss.mean, 2.0)
    cost = np.where(nothing, loss, cost)
    cost = np.where(np.where(nothing, available, allowed), cost, np.inf)
    return np.asarray(cost.argmin(-1))


def known_cost(told: Float | None, state: Counting) -> Float:
    """Return the costs as far as known, `[..., arms]`; an unknown one comes last."""
    if state.cost is None:
        return np.broadcast_to(np.asarray(told), state.loss.mean.shape)
    return np.where(state.cost.pulls > 0, state.cost.mean, UNKNOWN)


def audit_rate(recipe: Audited, state: Counting) -> Any:
    """Return the probability of an audit by the round alone: a float, or `[runs]`."""
    t = state.loss.t if isinstance(state.loss.t, int) else state.loss.t[:, 0]
    return np.maximum(recipe.audit_rate, recipe.burn_in / (recipe.burn_in + t))


def with_audits(recipe: Audited, rate: Any, arm: Int) -> Float:
    """Return the probabilities of the arms, `[..., arms]`: an audit, else ``arm``."""
    rate = np.asarray(rate)[..., None]
    probability: Float = (1 - rate) * (np.arange(recipe.arms) == arm[..., None])
    probability[..., recipe.revealing] += rate[..., 0]
    return probability


def sure_to_show(
    recipe: Audited, runs: int, pull: Pull, side: Seen | None
) -> list[tuple[Int, Float, Float, Bool]]:
    """Return cells, rewards, costs and what is a sample, of the pulled and the revealed arms.

    A sample is what was sure to be shown when the arm was pulled: all that audits show, what
    pulls of the safe arm show where ``safe_reveals``, and each arm's own where ``own``. Values
    outside what is allowed are refused.
    """
    cell: Int = np.atleast_1d(np.asarray(pull.cell))
    arm = cell % recipe.arms
    sure = arm == recipe.revealing
    if recipe.safe_reveals:
        sure |= arm == recipe.safe
    own = sure | recipe.own
    shown = [(cell, np.atleast_1d(pull.reward), np.atleast_1d(pull.cost), own)]
    if side is not None:
        tells = np.zeros(runs, np.bool_)
        tells[cell // recipe.arms] = sure
        revealed: Int = np.asarray(side.cell)
        told = tells[revealed // recipe.arms]
        shown.append((revealed[told], side.reward[told], side.cost[told], told[told]))
    for _, reward, cost, _ in shown:
        refuse_outside("reward", reward, 0.0, 1.0, recipe)
        refuse_outside("cost", cost, 0.0, LARGEST, recipe)
    return shown


def learn_costs(state: Counting, shown: list[tuple[Int, Float, Float, Bool]]) -> None:
    """Learn the costs that were shown, where they were not told."""
    if state.cost is not None:
        for cells, _, cost, _ in shown:
            MEANS.observe(state.cost, cells, cost)


def end_round(recipe: Audited, state: Counting, pull: Pull) -> None:
    """Count the round, and the audit if it was one."""
    MEANS.advance(state.loss, pull.where)
    audit = np.atleast_1d(np.asarray(pull.cell)) % recipe.arms == recipe.revealing
    if pull.where is None:
        state.audits += audit.reshape(state.audits.shape)
    else:
        state.audits[pull.where] += audit


def plain(value: Any) -> Any:
    """Return a copy of `[runs]`, or the number or bool that `[]` holds."""
    value = np.asarray(value)
    return value.copy() if value.ndim else value.item()
