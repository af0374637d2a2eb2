"""Play the cheapest arm that is certified to lose little."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, final

import numpy as np

from banditsplit import _checks
from banditsplit._stats import ArmStats
from banditsplit._typing import Bool, Float, Int
from banditsplit.feedback import Pull, Seen
from banditsplit.recipes import _audits
from banditsplit.recipes._audits import Certificate
from banditsplit.recipes._recipe import DrawingRecipe
from banditsplit.theory import BetaMixture, ConfidenceSequence
from banditsplit.theory._confidence import Side


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
        deployed: `[]` or `[runs]`, the cheapest arm that may be played.
        settled: `[]` or `[runs]`, whether no cheaper one can take over any more.
    """

    loss: ArmStats
    cost: ArmStats | None
    upper: Any
    lower: Any
    passed: Bool
    refuted: Bool
    audits: Int
    deployed: Int
    settled: Bool


@final
@dataclass(frozen=True, slots=True)
class ConstrainedRecipe(DrawingRecipe):
    """Play the cheapest arm whose mean loss is certified to be at most ``level``.

    A round's loss is ``1 - reward``, rewards in [0, 1]. An *audit* is a pull of the revealing
    arm, which shows the loss of every arm. In round ``t`` one is drawn with probability
    ``max(audit_rate, burn_in / (burn_in + t))``, and at least ``until_certified`` while no arm
    is certified, before anything of the round is known; else the cheapest certified arm is
    played, and the safe arm until there is one.

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
        stationary: Whether audits stop when the choice has settled.
        sequence: The kind of confidence sequence, whose ``delta``, ``side`` and interval are
            set here; None for a `BetaMixture` that expects losses about the level.
        until_certified: The smallest probability of an audit while nothing but the safe arm
            may be played, in [0, 1]. Where an audit costs little more than the safe arm, 1 is
            cheapest; it is paid for ever where no arm can be certified, nor all be refuted.
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
    sequence: ConfidenceSequence | None = None
    until_certified: float = 0.0
    _told: Any = field(init=False, repr=False, compare=False)  # the costs as an array
    _candidates: Any = field(init=False, repr=False, compare=False)  # bool [arms]
    _upper: ConfidenceSequence = field(init=False, repr=False, compare=False)
    _lower: ConfidenceSequence = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name, value in _audits.check(self).items():
            self._set(name, value)
        _checks.instance("stationary", self.stationary, bool)
        _checks.fraction("until_certified", self.until_certified)
        if self.sequence is not None:
            _checks.instance("sequence", self.sequence, ConfidenceSequence)
        several = max(int(self._candidates.sum()), 1)
        each = self.delta / several
        upper = each if self.order is None else self.delta
        self._set("_upper", self._one_sided(upper, "upper"))
        self._set("_lower", self._one_sided(each, "lower"))

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    def _one_sided(self, delta: float, side: Side) -> ConfidenceSequence:
        sequence: Any = self.sequence
        if sequence is None:
            sequence = BetaMixture(delta, b=0.5 / self.level)
        bound: ConfidenceSequence = replace(sequence, delta=delta, side=side, low=0.0, high=1.0)
        return bound

    @property
    def side_observations(self) -> bool:
        """It learns from what audits reveal."""
        return True

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
            deployed=np.full(shape[:-1], self.safe),
            settled=np.full(shape[:-1], not self._candidates.any()),
        )

    def stats(self, state: ConstrainedState) -> ArmStats:
        """Return how often the reward of each arm was seen, and its mean."""
        mean = np.where(state.loss.pulls > 0, 1 - state.loss.mean, 0.0)
        return replace(state.loss, mean=mean)

    def certified(self, state: ConstrainedState) -> Bool:
        """Return the candidates that may be played, `[..., arms]`."""
        passed = state.passed
        if self.order is not None:
            chain = list(self.order)
            passed = np.zeros_like(passed)
            passed[..., chain] = np.logical_and.accumulate(state.passed[..., chain], -1)
        certified: Bool = passed & self._candidates
        return certified

    def _conclude(self, state: ConstrainedState) -> None:
        """Work out which arm to play, and whether another one may ever take over."""
        cost = _audits.known_cost(self._told, state)
        every = np.ones(self.arms, np.bool_)
        arm = _audits.cheapest(self, state, cost, self.certified(state), every)
        state.deployed[...] = arm
        paid = np.take_along_axis(cost, np.expand_dims(arm, -1), -1)
        out = state.refuted
        if self.order is not None:  # behind a refuted arm nothing will be played any more
            chain = list(self.order)
            out = out.copy()
            out[..., chain] = np.logical_or.accumulate(out[..., chain], -1)
        cheaper = (cost < paid) | (cost == _audits.UNKNOWN)
        state.settled[...] = ~(self._candidates & ~out & cheaper).any(-1)

    def audit_probability(self, state: ConstrainedState) -> Any:
        """Return the probability that this round is an audit: a float, or `[runs]`."""
        rate = _audits.audit_rate(self, state)
        if self.until_certified:
            waiting = state.deployed == self.safe
            rate = np.maximum(rate, self.until_certified * waiting)
        return np.where(state.settled, 0.0, rate) if self.stationary else rate

    def probabilities(
        self, state: ConstrainedState, context: Any, available: Bool | None
    ) -> Float:
        """Return the probabilities of the arms, `[..., arms]`."""
        del context
        rate, arm = self.audit_probability(state), state.deployed
        if available is not None:
            rate = rate * available[..., self.revealing]
            cost = _audits.known_cost(self._told, state)
            arm = _audits.cheapest(self, state, cost, self.certified(state), available)
        return _audits.with_audits(self, rate, arm)

    def learn(self, state: ConstrainedState, pull: Pull, side: Seen | None) -> None:
        """Learn the losses and costs that were sure to be shown, and end the round."""
        seen = _audits.sure_to_show(self, state.audits.size, pull, side)
        _audits.learn_costs(state, seen)
        for cells, reward, _, shown in seen:
            self._take_in(state, cells[shown], 1.0 - reward[shown])
        _audits.end_round(self, state, pull)
        if state.cost is not None or any(shown.any() for *_, shown in seen):
            self._conclude(state)

    def _take_in(self, state: ConstrainedState, cell: Int, loss: Float) -> None:
        """Take in losses of distinct cells, and keep what follows from them for good."""
        _audits.MEANS.observe(state.loss, cell, loss)
        self._upper.observe(state.upper, cell, loss)
        self._lower.observe(state.lower, cell, loss)
        # What is concluded stays so, and need not be asked again.
        passed, refuted = state.passed.reshape(-1), state.refuted.reshape(-1)  # views
        asked = cell[~passed[cell]]
        passed[asked] = self._upper.excludes(state.upper, self.level, "upper", asked)
        asked = cell[~refuted[cell]]
        refuted[asked] = self._lower.excludes(state.lower, self.level, "lower", asked)

    def recommend(self, state: ConstrainedState) -> Any:
        """Return the cheapest arm that may be played, an int or `[runs]`."""
        return _audits.plain(state.deployed)

    def certificate(self, state: ConstrainedState) -> Certificate:
        """Return what is certified now."""
        loss = state.loss
        return Certificate(
            level=self.level,
            delta=self.delta,
            deployed=_audits.plain(state.deployed),
            observed=loss.pulls.copy(),
            loss=np.where(loss.pulls > 0, loss.mean, np.nan),
            upper=self._upper.bounds(state.upper)[1],
            certified=self.certified(state),
            refuted=state.refuted.copy(),
            audits=_audits.plain(state.audits),
            settled=_audits.plain(state.settled),
        )
