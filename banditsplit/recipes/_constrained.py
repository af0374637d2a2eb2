"""Play the cheapest arm that is certified to lose little."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, final

import numpy as np

from banditsplit import _checks
from banditsplit._draw import draw
from banditsplit._stats import ArmStats
from banditsplit._typing import Bool, Float, Int
from banditsplit.feedback import Pull, Seen
from banditsplit.memories import Full
from banditsplit.recipes._channels import refuse_outside, told_costs
from banditsplit.recipes._index import LARGEST
from banditsplit.recipes._recipe import Recipe
from banditsplit.theory import BetaMixture, ConfidenceSequence

_MEANS = Full()


@dataclass(frozen=True, slots=True, eq=False)
class Certificate:
    """What is certified of each arm at this moment, and what it took.

    With probability at least ``1 - delta``, at all times at once, every bound holds and every
    certified arm loses at most ``level`` on average.

    Attributes:
        level: The largest mean loss allowed.
        delta: Probability that any statement made here is ever wrong.
        deployed: The arm that is played when no audit is due: an int, or `[runs]`.
        observed: `[..., arms]`, how many losses of each arm were seen.
        loss: `[..., arms]`, their mean; nan where none was seen.
        upper: `[..., arms]`, anytime-valid upper bound of the mean loss.
        certified: `[..., arms]`, whether the arm may be played.
        refuted: `[..., arms]`, whether its mean loss is known to exceed ``level``.
        audits: How often the revealing arm was pulled: an int, or `[runs]`.
        settled: Whether no cheaper arm can take over any more, so that no audit is due: a
            bool, or `[runs]`.
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


@dataclass(slots=True, eq=False)
class ConstrainedState:
    """What was seen of each arm, and what follows from it for good.

    Attributes:
        loss: Rounds, counts and means of the losses that were seen.
        cost: Counts and means of the costs that were seen; None where they were told.
        upper: The sequence of upper bounds of the mean losses.
        lower: The sequence of lower bounds.
        passed: `[..., arms]`, arms whose upper bound ever reached the level.
        refuted: `[..., arms]`, arms whose lower bound ever exceeded it.
        audits: `[]` or `[runs]`, how often the revealing arm was pulled.
    """

    loss: ArmStats
    cost: ArmStats | None
    upper: Any
    lower: Any
    passed: Bool
    refuted: Bool
    audits: Int


@final
@dataclass(frozen=True, slots=True)
class ConstrainedRecipe(Recipe):
    """Play the cheapest arm whose mean loss is certified to be at most ``level``.

    A round's loss is ``1 - reward``, rewards in [0, 1]. An *audit* is a pull of the revealing
    arm, which shows the loss of every arm. In round ``t`` one is drawn with probability
    ``max(audit_rate, burn_in / (burn_in + t - 1))``, before anything of the round is known;
    else the cheapest certified arm is played, and the safe arm until there is one.

    Theorem. Assume that (1) given the past, the loss of arm ``i`` in a round has mean
    ``mu_i``, the same in every round; (2) whether a round's loss is seen is drawn with a
    probability fixed by the past, independently of the round's outcome; (3) losses lie in
    [0, 1]. Then with probability at least ``1 - delta``, in all rounds at once, every arm
    that is played, other than the safe and the revealing one, has ``mu_i <= level``.

    Proof. By (1) to (3) the losses of arm ``i``, in the order seen, are what a confidence
    sequence asks for (`banditsplit.theory.ConfidenceSequence`). An arm is played only after
    its upper bound reached the level. Without ``order``, each of the candidates has a
    sequence at ``delta / candidates``, and the union over them is ``delta``. With ``order``,
    each has one at ``delta``, and is played only if all before it have passed, too: if the
    first of them with ``mu_i > level`` never passes, none behind it is played, and it passes
    with probability at most ``delta`` (fixed-sequence testing; Angelopoulos, Bates, Candes,
    Jordan & Lei 2021, *Learn then test*). The order must not depend on the data.

    What is claimed is about means. The share of losses that a run realises may exceed the
    level by the fluctuation of a sum. If (1) fails, if the losses drift, nothing is claimed.

    Candidates are the arms that may ever be played: neither safe nor revealing, and, where
    costs are told, cheaper than the safe arm. An arm is out when it is refuted: its lower
    bound, at ``delta`` over the candidates, exceeds the level. When every candidate cheaper
    than the one played is out, the choice has settled and audits stop, unless ``stationary``
    is False.

    Attributes:
        arms: How many arms there are.
        level: The largest mean loss allowed, in (0, 1).
        safe: The arm that is known to lose at most that.
        revealing: The arm whose pulls show the loss of every arm; it is not judged, either.
        delta: Probability of ever playing an arm that loses more, in (0, 1).
        costs: `[arms]`, not negative, in cost units; None to learn them.
        order: Arms in the order of testing; others are never played. None to test all alike.
        audit_rate: The smallest probability of an audit, in (0, 1].
        burn_in: More audits at the start: their rate has halved after so many rounds.
        own: Whether a pull of any arm always shows its own loss, and is learned from.
        safe_reveals: Whether a pull of the safe arm always shows the same arms, and is learned
            from. What it shows may not depend on the round's outcome.
        stationary: Whether laws stay what they are, so that audits may stop.
        sequence: The kind of confidence sequence; its ``delta`` and ``side`` are set here.
    """

    arms: int
    level: float
    safe: int
    revealing: int
    delta: float = 0.05
    costs: Sequence[float] | None = None
    order: Sequence[int] | None = None
    audit_rate: float = 0.01
    burn_in: float = 100.0
    own: bool = False
    safe_reveals: bool = False
    stationary: bool = True
    sequence: ConfidenceSequence = field(default_factory=lambda: BetaMixture(0.05))
    _told: Any = field(init=False, repr=False, compare=False)  # the costs as an array
    _candidates: Any = field(init=False, repr=False, compare=False)  # bool [arms]
    _upper: ConfidenceSequence = field(init=False, repr=False, compare=False)
    _lower: ConfidenceSequence = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _checks.integer("arms", self.arms, least=1)
        for name in ("level", "delta"):
            if not 0 < _checks.number(name, getattr(self, name)) < 1:
                msg = f"`{name}` must lie in (0, 1), got {getattr(self, name)!r}."
                raise ValueError(msg)
        for name in ("safe", "revealing"):
            _checks.below(name, getattr(self, name), self.arms)
        _checks.share("audit_rate", self.audit_rate)
        _checks.nonnegative("burn_in", self.burn_in)
        for name in ("own", "safe_reveals", "stationary"):
            _checks.instance(name, getattr(self, name), bool)
        _checks.instance("sequence", self.sequence, ConfidenceSequence)
        self._set("costs", told_costs(self.costs, self.arms))
        self._set("_told", None if self.costs is None else np.array(self.costs))
        candidates = np.ones(self.arms, np.bool_)
        if self._told is not None:
            candidates = self._told < self._told[self.safe]
        candidates[[self.safe, self.revealing]] = False
        if self.order is not None:
            self._set("order", self._ordered(self.order))
            listed = np.zeros(self.arms, np.bool_)
            listed[list(self.order)] = True
            candidates &= listed
        self._set("_candidates", candidates)
        several = max(int(candidates.sum()), 1)
        each = self.delta / several
        upper = each if self.order is None else self.delta
        self._set("_upper", replace(self.sequence, delta=upper, side="upper"))
        self._set("_lower", replace(self.sequence, delta=each, side="lower"))

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    def _ordered(self, order: Any) -> tuple[int, ...]:
        """Return the testing order as distinct arms, none of them safe or revealing."""
        if not isinstance(order, Iterable) or isinstance(order, str | bytes):
            raise TypeError(f"`order` must be a sequence of arms, got {order!r}.")
        arms = tuple(_checks.below("order", arm, self.arms) for arm in order)
        if len(set(arms)) < len(arms) or {self.safe, self.revealing} & set(arms):
            wanted = "`order` must hold distinct arms, neither `safe` nor `revealing`"
            raise ValueError(f"{wanted}, got {order!r}.")
        return arms

    def empty(self, runs: int | None) -> ConstrainedState:
        """Return the state before the first round."""
        loss = ArmStats.empty(runs, self.arms)
        shape = loss.mean.shape
        return ConstrainedState(
            loss=loss,
            cost=ArmStats.empty(runs, self.arms) if self._told is None else None,
            upper=self._upper.empty(shape),
            lower=self._lower.empty(shape),
            passed=np.zeros(shape, np.bool_),
            refuted=np.zeros(shape, np.bool_),
            audits=np.zeros(shape[:-1], np.int64),
        )

    def stats(self, state: ConstrainedState) -> ArmStats:
        """Return how often the reward of each arm was seen, and its mean."""
        mean = np.where(state.loss.pulls > 0, 1 - state.loss.mean, 0.0)
        return replace(state.loss, mean=mean)

    def certified(self, state: ConstrainedState) -> Bool:
        """Return the candidates that may be played, `[..., arms]`."""
        if self.order is None:
            return state.passed & self._candidates
        passed = np.zeros_like(state.passed)
        chain = list(self.order)
        passed[..., chain] = np.logical_and.accumulate(state.passed[..., chain], -1)
        return passed & self._candidates

    def deployed(self, state: ConstrainedState, available: Bool | None = None) -> Any:
        """Return the cheapest arm that may be played, an int or `[runs]`.

        Equal costs fall to the arm of the smaller number. Where a mask leaves neither a
        certified arm nor the safe one, the available arm with the smallest mean loss stands
        in: nothing is claimed of it.
        """
        cost = self._cost(state)
        allowed = self.certified(state)
        allowed[..., self.safe] = True
        if available is not None:
            allowed &= available
            nothing = ~allowed.any(-1, keepdims=True)
            loss = np.where(state.loss.pulls > 0, state.loss.mean, 2.0)
            cost = np.where(nothing, loss, cost)
            allowed |= nothing & available
        # A certified arm whose cost is unknown waits; the safe one never does.
        cost = np.where(allowed, np.minimum(cost, np.finfo(np.float64).max), np.inf)
        arm = cost.argmin(-1)
        return arm if arm.ndim else int(arm)

    def settled(self, state: ConstrainedState) -> Any:
        """Return whether every candidate cheaper than the deployed arm is out, `[...]`."""
        cost = self._cost(state)
        arm = np.asarray(self.deployed(state))[..., None]
        paid = np.take_along_axis(np.broadcast_to(cost, state.passed.shape), arm, -1)
        # Arms of unknown costs are not out; nor are arms of equal costs cheaper.
        open_ = self._candidates & ~state.refuted & ((cost < paid) | np.isinf(cost))
        if self.order is not None:
            # Behind a refuted arm nothing will be played any more.
            chain = list(self.order)
            closed = np.logical_or.accumulate(state.refuted[..., chain], -1)
            open_[..., chain] &= ~closed
        settled = ~open_.any(-1)
        return settled if settled.ndim else bool(settled)

    def audit_probability(self, state: ConstrainedState) -> Any:
        """Return the probability that this round is an audit: a float, or `[runs]`."""
        t = state.loss.t if isinstance(state.loss.t, int) else state.loss.t[:, 0]
        rate = np.maximum(self.audit_rate, self.burn_in / (self.burn_in + t - 1.0 + _TINY))
        if self.stationary:
            rate = np.where(self.settled(state), 0.0, rate)
        return rate

    def probabilities(
        self, state: ConstrainedState, context: Any, available: Bool | None
    ) -> Float:
        """Return the probabilities of the arms, `[..., arms]`."""
        del context
        rate = np.asarray(self.audit_probability(state))[..., None]
        if available is not None:
            rate = rate * np.asarray(available)[..., [self.revealing]]
        arm = np.asarray(self.deployed(state, available))[..., None]
        number = np.arange(self.arms)
        probability: Float = rate * (number == self.revealing) + (1 - rate) * (number == arm)
        return probability

    def choose(
        self,
        state: ConstrainedState,
        rng: np.random.Generator,
        context: Any,
        available: Bool | None,
    ) -> tuple[Any, Float]:
        """Return the revealing arm for an audit, else the deployed one."""
        probability = self.probabilities(state, context, available)
        return draw(probability, rng), probability

    def learn(self, state: ConstrainedState, pull: Pull, side: Seen | None) -> None:
        """Learn the losses and costs that were sure to be shown, and end the round."""
        cell = np.atleast_1d(pull.cell)
        arm = cell % self.arms
        audit = arm == self.revealing
        shows = audit | (arm == self.safe) if self.safe_reveals else audit
        seen, reward, cost = cell, np.atleast_1d(pull.reward), np.atleast_1d(pull.cost)
        used = shows | self.own
        if side is not None and shows.any():
            tells = np.zeros(state.passed.size // self.arms, np.bool_)
            tells[cell // self.arms] = shows
            told = tells[side.cell // self.arms]
            seen = np.concatenate([cell, side.cell[told]])
            reward = np.concatenate([reward, side.reward[told]])
            cost = np.concatenate([cost, side.cost[told]])
            used = np.concatenate([used, told[told]])
        loss = 1.0 - reward[used]
        refuse_outside("reward", reward[used], 0.0, 1.0, self)
        refuse_outside("cost", cost, 0.0, LARGEST, self)

        if state.cost is not None:
            _MEANS.observe(state.cost, seen, cost)
        self._take_in(state, seen[used], loss)
        _MEANS.advance(state.loss, pull.where)
        state.audits += _rows(audit, pull.where)

    def _take_in(self, state: ConstrainedState, cell: Int, loss: Float) -> None:
        """Take in losses of distinct cells, and conclude what follows from them."""
        _MEANS.observe(state.loss, cell, loss)
        for sequence, known, concluded in (
            (self._upper, state.upper, state.passed),
            (self._lower, state.lower, state.refuted),
        ):
            sequence.observe(known, cell, loss)
            concluded.reshape(-1)[cell] |= sequence.excludes(known, self.level, cell)

    def recommend(self, state: ConstrainedState) -> Any:
        """Return the cheapest arm that may be played, an int or `[runs]`."""
        return self.deployed(state)

    def certificate(self, state: ConstrainedState) -> Certificate:
        """Return what is certified now."""
        seen = state.loss.pulls > 0
        one = state.audits.ndim == 0
        return Certificate(
            level=self.level,
            delta=self.delta,
            deployed=self.deployed(state),
            observed=state.loss.pulls.copy(),
            loss=np.where(seen, state.loss.mean, np.nan),
            upper=self._upper.bounds(state.upper)[1],
            certified=self.certified(state),
            refuted=state.refuted.copy(),
            audits=int(state.audits) if one else state.audits.copy(),
            settled=self.settled(state),
        )

    def _cost(self, state: ConstrainedState) -> Float:
        """Return the costs as far as known, `[..., arms]`; inf where unknown."""
        if state.cost is None:
            return np.broadcast_to(self._told, state.passed.shape)
        return np.where(state.cost.pulls > 0, state.cost.mean, np.inf)
