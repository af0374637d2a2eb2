"""Lose no more than a share of all rounds, whatever the losses do."""

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
from banditsplit.theory import AuditedTotal


@dataclass(slots=True, eq=False)
class ConstrainedDriftState:
    """What was seen of each arm lately, and what was lost altogether.

    Attributes:
        loss: Rounds, discounted counts and means of the losses that were seen.
        cost: Counts and means of the costs that were seen; None where they were told.
        audited: What audits say of the losses of the arms that were about to be played.
        lost: `[]` or `[runs]`, the losses that were seen, or that nobody could have seen.
        audits: `[]` or `[runs]`, how often the revealing arm was pulled.
    """

    loss: ArmStats
    cost: ArmStats | None
    audited: Any
    lost: Float
    audits: Int


@final
@dataclass(frozen=True, slots=True)
class ConstrainedDriftRecipe(DrawingRecipe):
    """Spend at most ``level`` losses a round on cheap arms, and count them by audits.

    A round's loss is ``1 - reward``, rewards in [0, 1]. An *audit* is a pull of the revealing
    arm, which shows the loss of every arm. In round ``t`` one is drawn with probability ``p =
    max(audit_rate, burn_in / (burn_in + t))``; else the arm in play is pulled. That is the
    cheapest arm that lately lost at most ``level``, its last ``window`` losses and one more
    counted, as long as all that may have been lost, and a loss in this round, is at most
    ``level * t``; else it is the safe arm, until there is room again.

    What was lost is unknown: an arm in play is not seen to lose. But each round was about to be
    an audit with probability ``p``, so those that were are a sample of all. Let ``U`` be the
    losses of safe and revealing arms, which are seen, and `banditsplit.theory.AuditedTotal`'s
    bound of the other arms' losses, less what audits have seen and so prevented.

    Theorem. Assume that (1) losses lie in [0, 1], and none depends on whether its round, or a
    later one, is audited; (2) audits are drawn as said, and show what the arm in play would
    have lost; (3) the safe and the revealing arm show their own loss, at most ``level``;
    (4) each round is learned before the next is decided. Then with probability at least ``1 -
    delta``, after all rounds at once, the losses so far are (a) at most ``U``, and (b) at most
    ``level`` times the rounds. There is no law in it: losses may drift, or be an adversary's,
    who sees everything but the coins to come.

    Proof. (a) The rounds in which another arm than these was in play have values, its losses,
    that coins show with probability ``p``: the assumptions of `AuditedTotal`, whose bound
    holds at all times at once with probability at least ``1 - delta``. What was lost in them
    is their total less the audited ones. (b) By induction, where (a) holds. If the safe arm is
    in play, the round adds at most ``level``. If another one is, it adds at most 1, to at most
    ``U``, and that is checked to be at most ``level * t``.

    Nothing is claimed of the arm in play. What is spent late was saved before: after a long
    good time a bad one may be answered badly for a while, which audits will notice. Where (3)
    fails, (a) still holds. What no audit could show counts as lost: a round whose arm was not
    drawn here, or was drawn where no audit could be. With late feedback, (b) may be exceeded by
    as many losses as there are decisions under way, and the order in which answers come must
    not depend on the draws. Under a mask that leaves nothing better, an arm stands in of which
    nothing is claimed; (a) holds.

    Attributes:
        arms: How many arms there are.
        level: The largest share lost, in (0, 1).
        safe: The arm that is known to lose at most that in every round.
        revealing: The arm whose pulls show the loss of every arm; it loses as little.
        delta: Probability of ever losing more, in (0, 1).
        costs: `[arms]`, not negative, in cost units; None to learn them.
        order: The arms that may be played; None for all.
        audit_rate: The smallest probability of an audit, in (0, 1]. Before arms can be played
            throughout, there are some ``4 / (audit_rate * level)`` rounds.
        burn_in: More audits at the start: their rate has halved after so many rounds.
        own: Whether a pull of any arm always shows its own loss.
        safe_reveals: Whether a pull of the safe arm always shows the same arms.
        window: How many of an arm's losses count, about; at least 1. The older, the less.
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
    window: float = 500.0
    _told: Any = field(init=False, repr=False, compare=False)  # the costs as an array
    _candidates: Any = field(init=False, repr=False, compare=False)  # bool [arms]
    _total: AuditedTotal = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        for name, value in _audits.check(self).items():
            set_(self, name, value)
        if _checks.number("window", self.window) < 1:
            raise ValueError(f"`window` must be at least 1, got {self.window!r}.")
        # What is audited more rarely counts as lost.
        set_(self, "_total", AuditedTotal(self.delta, least=max(self.audit_rate, 1e-9)))

    @property
    def side_observations(self) -> bool:
        """It learns from what audits reveal."""
        return True

    def empty(self, runs: int | None) -> ConstrainedDriftState:
        """Return the state before the first round."""
        shape = () if runs is None else (runs,)
        return ConstrainedDriftState(
            loss=ArmStats.empty(runs, self.arms),
            cost=ArmStats.empty(runs, self.arms) if self._told is None else None,
            audited=self._total.empty(shape),
            lost=np.zeros(shape),
            audits=np.zeros(shape, np.int64),
        )

    def stats(self, state: ConstrainedDriftState) -> ArmStats:
        """Return how often the reward of each arm was seen, discounted, and its mean."""
        mean = np.where(state.loss.pulls > 0, 1 - state.loss.mean, 0.0)
        return replace(state.loss, mean=mean)

    def at_most(self, state: ConstrainedDriftState) -> Float:
        """Return what may have been lost so far, `[]` or `[runs]`: the theorem's ``U``."""
        audited = state.audited
        most: Float = state.lost + self._total.upper(audited) - audited.seen
        return most

    def _play(self, state: ConstrainedDriftState, available: Bool) -> Int:
        """Return the arm in play, `[]` or `[runs]`."""
        t, loss = np.asarray(state.loss.t), state.loss
        t = t[:, 0] if t.ndim else t
        room = self.at_most(state) + 1 <= self.level * t
        trusted = self._candidates & (
            loss.pulls * loss.mean + 1 <= self.level * (loss.pulls + 1)
        )
        cost = _audits.known_cost(self._told, state)
        return _audits.cheapest(self, state, cost, trusted & room[..., None], available)

    def probabilities(
        self, state: ConstrainedDriftState, context: Any, available: Bool | None
    ) -> Float:
        """Return the probabilities of the arms, `[..., arms]`."""
        del context
        available = np.ones(self.arms, np.bool_) if available is None else available
        rate = _audits.audit_rate(self, state) * available[..., self.revealing]
        return _audits.with_audits(self, rate, self._play(state, available))

    def learn(self, state: ConstrainedDriftState, pull: Pull, side: Seen | None) -> None:
        """Count what was lost, learn the losses and costs that were sure to be shown."""
        shown = _audits.sure_to_show(self, state.audits.size, pull, side)
        self._count(state, pull, shown)
        _audits.learn_costs(state, shown)
        pulls, mean = state.loss.pulls.reshape(-1), state.loss.mean.reshape(-1)  # views
        for cells, reward, _, sample in shown:
            cell = cells[sample]
            pulls[cell] = (1 - 1 / self.window) * pulls[cell] + 1
            mean[cell] += (1 - reward[sample] - mean[cell]) / pulls[cell]
        state.loss.untried = int(np.count_nonzero(pulls == 0))
        _audits.end_round(self, state, pull)

    def _count(self, state: ConstrainedDriftState, pull: Pull, shown: Any) -> None:
        """Count what the round lost, or what an audit says of it."""
        (cell, reward, _, _), *others = shown
        run, arm = cell // self.arms, cell % self.arms
        audit = arm == self.revealing
        lost = 1 - reward
        if not self.own:
            planned, rate = self._drawn(pull, arm)
            drawn = rate >= self._total.least  # another arm was in play, and its draw is known
            unseen = np.ones((state.audits.size, self.arms))  # what is not shown is lost
            for cells, told, *_ in others:
                unseen.reshape(-1)[cells] = 1 - told
            would = unseen[run, planned]
            self._total.observe(
                state.audited,
                run[drawn],
                would[drawn],
                propensity=rate[drawn],
                seen=audit[drawn],
            )
            blind = ~audit & (arm != self.safe)
            lost = np.where(blind, np.where(drawn, 0.0, 1.0), lost)
        state.lost.reshape(-1)[run] += lost

    def _drawn(self, pull: Pull, arm: Int) -> tuple[Int, Float]:
        """Return the arms in play, and the probability of an audit; 0 where no claim is due.

        That is where nothing was drawn, or not this arm, or where the safe or the revealing
        one was in play.
        """
        if pull.distribution is None:
            return arm, np.zeros(len(arm))
        probability = np.array(np.atleast_2d(pull.distribution))
        drawn = np.take_along_axis(probability, arm[:, None], 1)[:, 0] > 0
        rate = probability[:, self.revealing].copy()
        probability[:, [self.safe, self.revealing]] = 0.0
        planned = probability.argmax(1)
        risky = probability[np.arange(len(arm)), planned] > 0
        return planned, np.where(drawn & risky, rate, 0.0)

    def recommend(self, state: ConstrainedDriftState) -> Any:
        """Return the arm in play, an int or `[runs]`."""
        return _audits.plain(self._play(state, np.ones(self.arms, np.bool_)))

    def certificate(self, state: ConstrainedDriftState) -> Certificate:
        """Return what is certified of all rounds so far; of the arms, nothing is."""
        loss, audited = state.loss, state.audited
        t = np.asarray(loss.t)
        rounds = np.maximum((t[:, 0] if t.ndim else t) - 1, 1)
        estimate = state.lost + audited.estimate - audited.seen
        nothing = np.zeros(loss.mean.shape, np.bool_)
        return Certificate(
            level=self.level,
            delta=self.delta,
            deployed=self.recommend(state),
            observed=loss.pulls.copy(),
            loss=np.where(loss.pulls > 0, loss.mean, np.nan),
            upper=np.ones_like(loss.mean),
            certified=nothing,
            refuted=nothing.copy(),
            audits=_audits.plain(state.audits),
            settled=_audits.plain(np.zeros(state.audits.shape, np.bool_)),
            running_loss=_audits.plain(estimate / rounds),
            running_upper=_audits.plain(self.at_most(state) / rounds),
        )
