"""The policy: a frozen recipe, its state, and the generator that breaks its ties."""

import copy
import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, final

import numpy as np

from banditsplit import _checks, _guarantees, _storage
from banditsplit._difference import difference
from banditsplit._doors import ManyRuns, OneRun
from banditsplit._pending import Pending
from banditsplit._stats import ArmStats
from banditsplit._typing import Bool, Seed
from banditsplit.feedback import Decision, Pull
from banditsplit.logs import DecisionLog, as_arrays
from banditsplit.recipes import Recipe


@final
class Policy:
    """An algorithm at work: the one mutable object.

    With ``runs=None`` it is one learner, and scalars go in and out. With ``runs=n`` it is
    ``n`` independent learners side by side, and everything has shape `[n]`, even for 1.
    No call that raises changes anything.

    Threads may share a policy: each call that changes it holds its one lock, so that they come
    one after the other. `select` and `update` are two calls, between which another thread may
    come; threads use `decide` and `learn`, which know what belongs to what.

    Args:
        recipe: How it decides and learns.
        runs: None, or how many learners.
        seed: An int, a `SeedSequence`, or a `Generator`, which is then shared.

    Raises:
        TypeError: `runs` is no integer, or `seed` is none of these.
        ValueError: `runs` is below 1.
    """

    __slots__ = (
        "_door",
        "_latest",
        "_lock",
        "_log",
        "_pending",
        "_plain",
        "_recipe",
        "_rng",
        "_state",
    )

    def __init__(self, recipe: Recipe, *, runs: int | None = None, seed: Seed = None) -> None:
        self._recipe = recipe
        self._door = _door(recipe, runs)
        self._rng = _checks.generator(seed)
        self._state = recipe.empty(self._door.runs)
        # Probabilities and context of the latest choice, which `update` answers.
        self._latest: tuple[Any, Any] = (None, None)
        self._pending = Pending()
        self._lock = threading.Lock()
        self._log: DecisionLog | None = None
        # Such a recipe never finishes and never draws, so most rounds can take a short way.
        self._plain = hasattr(recipe, "learn_plain")

    def select(self, context: Any = None, available: Any = None) -> Any:
        """Return the arm to pull: an int, or `[runs]`.

        Args:
            context: What is known of this round; policies without context ignore it.
            available: The arms that may be pulled, bool `[arms]` or `[runs, arms]`.

        Raises:
            TypeError: `available` does not hold booleans, or `context` numbers.
            ValueError: `available` or `context` has another shape, a run is left without an
                arm, or the context is not finite.
            RuntimeError: The policy has finished; see `finished`.
        """
        if self._plain and available is None:  # it changes nothing, so it waits for nobody
            return self._recipe.choose(self._state, self._rng, None, None)[0]
        with self._lock:
            return self._choose(context, available)

    def _choose(self, context: Any, available: Any) -> Any:
        """Choose an arm, and keep what the choice was based on."""
        finished = self._recipe.finished(self._state)
        if finished is not False and np.all(finished):
            raise RuntimeError("`select` must not be called: the policy has finished.")
        door = self._door
        if door.context_shape is not None:
            context = door.context(context)
        if available is not None:
            available = door.available(available)
        arm, probability = self._recipe.choose(self._state, self._rng, context, available)
        self._latest = (probability, None if door.context_shape is None else context)
        return arm

    def probabilities(self, context: Any = None, available: Any = None) -> Any:
        """Return the probabilities of the arms in this round, `[..., arms]`.

        None for policies that do not draw: they take the best score. The arguments and errors
        are `select`'s; nothing changes.
        """
        with self._lock:
            door = self._door
            if door.context_shape is not None:
                context = door.context(context)
            if available is not None:
                available = door.available(available)
            return self._recipe.probabilities(self._state, context, available)

    def update(
        self, arm: Any, reward: Any, cost: Any = 0.0, side: Any = None, where: Any = None
    ) -> None:
        """Learn what a round gave, and end the round.

        It answers the latest `select`, or an arm that was chosen elsewhere.

        Args:
            arm: The pulled arm, an int or `[runs]`.
            reward: What it gave, a number or `[runs]`, in reward units.
            cost: What it took, not negative, a number or `[runs]`, in cost units; with a
                last axis `[resources]` where the policy has several.
            side: Arms revealed without a pull: a mapping of ``revealed`` (bool), ``reward``
                and ``cost``, each `[arms]` or `[runs, arms]`, and ``kind``, which says how
                the numbers were obtained; ``graph``, bool `[..., arms, arms]`, may say who
                reveals whom. Only policies with side observations read it.
            where: The runs that have feedback, bool `[runs]`; the others stay as they are,
                and so do those that have finished.

        Raises:
            TypeError: An argument is of the wrong type or dtype.
            ValueError: An argument has the wrong shape, is not finite, names no arm, or
                lies outside what the index allows.
        """
        with self._lock:
            if self._plain and side is None and where is None:
                cell, reward, cost = self._door.plain(arm, reward, cost)
                self._recipe.learn_plain(self._state, cell, reward, cost)  # type: ignore[attr-defined]
                return
            where = self._door.where(where)
            self._learn((arm, reward, cost, side), self._latest, where)

    def update_unchecked(self, arm: Any, reward: Any, cost: Any) -> None:
        """Do what `update` does where many runs have feedback whose form is known to be right.

        That is what simulation makes itself: arms as `select` returned them, and finite floats
        `[runs]`, costs not negative. Whether the index can take the values is still checked.
        """
        if not self._plain or isinstance(self._door, OneRun):
            self.update(arm, reward, cost)
            return
        with self._lock:
            cells = self._door.cells(arm)
            self._recipe.learn_plain(self._state, cells, reward, cost)  # type: ignore[attr-defined]

    def decide(self, context: Any = None, available: Any = None) -> Decision:
        """Return what `select` would, as a decision that waits for its feedback.

        The arguments and errors are `select`'s.
        """
        with self._lock:
            arm = self._choose(context, available)
            decision = self._pending.register(arm, *self._latest)
            if self._log is not None:
                self._log.decided(decision, self._round())
            return decision

    def adopt(self, decision: Decision) -> Decision:
        """Take over a decision that was made elsewhere; return it under a number of ours.

        It waits for its feedback as if it had been made here, and keeps the probability it
        was made with: another device's decisions, or logged ones, are learned from like this.

        Raises:
            TypeError: `decision` is no Decision, or holds what is of the wrong dtype.
            ValueError: Its arm, probability or context does not fit this policy.
        """
        _checks.instance("decision", decision, Decision)
        with self._lock:
            return self._adopt(decision)

    def _adopt(self, decision: Decision) -> Decision:
        """Let a decision wait under the next number."""
        door = self._door
        arm = door.arm(decision.arm)
        probability = door.probability(decision.probability)
        context = door.context(decision.context)
        return self._pending.register(arm, probability, context)

    def learn(
        self,
        decision: Decision | int,
        reward: Any,
        cost: Any = 0.0,
        side: Any = None,
        where: Any = None,
    ) -> None:
        """Learn what came of ``decision``, in any order, and end a round.

        Estimates use the probability that the decision was made with, not today's. Each
        decision is answered once: in a batch, once for each run.

        Args:
            decision: One that waits (see `pending`), or its number.
            reward: As in `update`.
            cost: As in `update`.
            side: As in `update`.
            where: The runs whose feedback this is, bool `[runs]`; the others go on waiting.

        Raises:
            TypeError: An argument is of the wrong type or dtype.
            ValueError: The decision was not made here, has been answered or has expired, or
                another argument is not as in `update`.
        """
        with self._lock:
            learned = self._answer(decision, reward, cost, side, where)
            if self._log is not None:
                self._log.learned(*learned)

    def _answer(
        self,
        decision: Decision | int,
        reward: Any,
        cost: Any = 0.0,
        side: Any = None,
        where: Any = None,
    ) -> tuple[Any, ...]:
        """Learn what came of a decision that waits; return what there is to log."""
        waiting = self._pending.find(decision)
        where = self._pending.rows(waiting, self._door.where(where))
        made = waiting.decision
        answer = (made.arm, reward, cost, side)
        self._learn(answer, (made.probability, made.context), where)
        self._pending.answered(waiting, where)
        return made, reward, cost, side, where

    def learn_batch(self, answers: Iterable[tuple[Any, ...]]) -> None:
        """Learn what came of many decisions, or of none of them.

        Args:
            answers: The arguments of `learn` for each decision, in any order.

        Raises:
            TypeError, ValueError: As `learn` does, for any of them; then none was learned.
        """
        with self._lock:
            before = copy.deepcopy(self._state), dict(self._pending.waiting)
            try:
                learned = [self._answer(*answer) for answer in answers]
            except BaseException:
                self._state, self._pending.waiting = before
                raise
            if self._log is not None:
                for each in learned:
                    self._log.learned(*each)

    def replay(self, records: Iterable[Mapping[str, Any]]) -> int:
        """Learn from a log what this policy does not know yet; return how many answers.

        A policy that has seen nothing learns all of it: a warm start from logged decisions,
        weighed by the probabilities that are logged. One that was loaded from an older file
        takes up from there: decisions it has made are passed over, and so are answers to
        decisions that do not wait. Logs of other policies are for `adopt`.

        Args:
            records: What `banditsplit.read_log` yields, in that order.

        Raises:
            TypeError, ValueError: A record does not fit this policy; then nothing of the log
                was learned.
        """
        with self._lock:
            pending, learned = self._pending, 0
            before = copy.deepcopy(self._state), dict(pending.waiting), pending.made
            try:
                for record in records:
                    told = {key: as_arrays(value) for key, value in record.items()}
                    if told["event"] == "feedback":
                        if told["id"] in pending.waiting:
                            answer = (told[key] for key in ("reward", "cost", "side", "where"))
                            self._answer(told["id"], *answer)
                            learned += 1
                    elif told["id"] >= pending.made:
                        pending.made = told["id"]
                        fields = ("arm", "probability", "context")
                        self._adopt(Decision(told["id"], *(told[key] for key in fields)))
            except BaseException:
                self._state, pending.waiting, pending.made = before
                raise
            return learned

    def forget(self, decision: Decision | int) -> None:
        """Wait no longer for the feedback of ``decision``.

        Raises:
            TypeError, ValueError: As in `learn`.
        """
        with self._lock:
            del self._pending.waiting[self._pending.find(decision).decision.id]

    @property
    def pending(self) -> tuple[Decision, ...]:
        """The decisions that wait for their feedback, oldest first."""
        with self._lock:
            return tuple(waiting.decision for waiting in self._pending.waiting.values())

    @property
    def log(self) -> DecisionLog | None:
        """Where `decide` and `learn` write what they do; None for nowhere.

        It belongs to this policy alone: copies have none, and no file keeps it. Where it cannot
        be written, the call raises OSError after the policy did its part.
        """
        return self._log

    @log.setter
    def log(self, log: DecisionLog | None) -> None:
        if log is not None:
            _checks.instance("log", log, DecisionLog)
        with self._lock:
            self._log = log

    @property
    def max_pending(self) -> int:
        """How many decisions may wait, at least 1; when one more comes, the oldest expires."""
        return self._pending.most

    @max_pending.setter
    def max_pending(self, most: int) -> None:
        most = _checks.integer("max_pending", most, least=1)
        with self._lock:
            self._pending.most = most
            self._pending.shrink()

    def _learn(
        self, answer: tuple[Any, ...], basis: tuple[Any, Any], where: Bool | None
    ) -> None:
        """Learn an answer, and what its decision was based on."""
        (arm, reward, cost, side), (probability, context) = answer, basis
        door, recipe = self._door, self._recipe
        finished = recipe.finished(self._state)
        if finished is not False and np.any(finished):
            if self.runs is None:
                raise RuntimeError("`update` must not be called: the policy has finished.")
            where = ~finished if where is None else where & ~finished
        seen = door.pulled(arm, reward, cost, where)
        revealed = graph = None
        if side is not None and recipe.side_observations:
            revealed = door.revealed(side, seen.cell, where)
            graph = door.graph(side)
        distribution = probability
        if probability is not None:
            probability = probability.reshape(-1)[seen.cell]
        if where is not None:
            context = None if context is None else context[where]
            graph = None if graph is None else graph[where]
            distribution = None if distribution is None else distribution[where]
        pull = Pull(*seen, where, probability, context, graph, distribution)
        recipe.learn(self._state, pull, revealed)

    def regret_bound(self, problem: Any, horizon: int, **assumed: Any) -> float:
        """Return what is proved of this policy's pseudo-regret after ``horizon`` rounds.

        It is a function of `banditsplit.theory`, whose docstring has the theorem: on the
        expectation, or where it has a ``delta`` on each run. Nothing seen so far matters.

        Args:
            problem: What the theorem speaks of: a problem, or a world.
            horizon: Rounds from the first one on, at least 1.
            **assumed: What the theorem asks for and no policy knows, by the name it has there:
                ``variance`` for UCB-V; ``span``, the honest one, for SplitEE; ``delta`` for a
                bound that holds for each run.

        Raises:
            TypeError: An argument is of the wrong kind, or the theorem does not know it.
            ValueError: No theorem with explicit constants covers this policy, or not on this
                problem.
        """
        return _guarantees.regret_bound(self._recipe, problem, horizon, **assumed)

    def fresh(self, *, runs: int | None = None, seed: Seed) -> "Policy":
        """Return a policy of the same recipe that has seen nothing."""
        return Policy(self._recipe, runs=runs, seed=seed)

    def merge(self, *others: "Policy", seed: Seed = None) -> "Policy":
        """Return a policy that knows what this one and ``others`` have seen together.

        It is as one device that saw everything: the same whatever the order, and rounds,
        pulls and what was spent add up. Choices that wait for feedback stay with the policies
        that made them; none of these changes. Without others it is a copy with a generator of
        its own.

        Raises:
            TypeError: Another is no Policy, or `seed` is of the wrong type.
            ValueError: The recipes differ, or the runs; a policy is given twice; or what the
                recipe remembers depends on the order of the rounds.
        """
        recipe, state = self._snapshot()
        met, states = {id(self)}, [state]
        for number, other in enumerate(others):
            name = f"others[{number}]"
            _checks.instance(name, other, Policy)
            theirs, state = other._snapshot()  # noqa: SLF001 - a policy, too
            found = difference(f"{name}.recipe", recipe, theirs)
            found = found or difference(f"{name}.runs", self.runs, other.runs)
            if found is not None:
                raise ValueError(found)
            if id(other) in met:
                raise ValueError(f"`others` must hold every policy once, got {name} again.")
            met.add(id(other))
            states.append(state)
        merged = Policy(recipe, runs=self.runs, seed=seed)
        whole = recipe.merge(states) if others else states[0]
        merged._state = whole
        return merged

    def _snapshot(self) -> tuple[Recipe, Any]:
        """Return the recipe, and a copy of its state, of one moment."""
        with self._lock:
            return self._recipe, copy.deepcopy(self._state)

    def warm_start(self, mean: Any, pulls: Any, variance: Any = None) -> None:
        """Take in what is known beforehand, as if each arm had been observed ``pulls`` times.

        No round passes. It may be called at any time, and is the same as merging with a policy
        that observed so much beside its rounds.

        Args:
            mean: What the observations gave on average, in the objective's value units: a
                number, `[arms]` or `[runs, arms]`. Where there are no pulls it is not read.
            pulls: How many observations it is worth, 0 or from 1 to 1e15, of such a shape.
            variance: Their mean squared deviation, of such a shape, in those units squared;
                for indices that look at it, others ignore it.

        Raises:
            TypeError: An argument does not hold numbers.
            ValueError: An argument has the wrong shape, is not finite, or lies outside what
                the index allows; or the recipe does not learn from means of arms.
        """
        with self._lock:
            prior = self._door.prior(mean, pulls, variance)
            self._state = self._recipe.warm_start(self._state, prior)

    def add_arms(self, count: int = 1) -> None:
        """Go on with ``count`` more arms, untried and numbered behind the others.

        What is known of the others stays, and so does the round. Numbers that the recipe was
        made with stay, too, those that a named algorithm derived from the number of arms among
        them. What holds of waiting decisions and logs in `remove_arms` holds here.

        Raises:
            TypeError: `count` is no integer.
            ValueError: `count` is below 1, or the recipe cannot go on with other arms.
        """
        count = _checks.integer("count", count, least=1)
        with self._lock:
            self._change_arms(range(self.arms), count)

    def remove_arms(self, arms: Any) -> None:
        """Go on without some arms: those above move down, so that numbers have no holes.

        Of the removed arms nothing is kept, nor do decisions for them wait any longer; of the
        others, everything. Decisions that wait get the new numbers: answer them by their `id`,
        or take them from `pending` anew. The latest choice is forgotten: `update` then
        learns of an arm chosen elsewhere. A log says nothing of other arms, and ends here.

        Args:
            arms: An arm, or several.

        Raises:
            TypeError: An arm is no integer.
            ValueError: There is no such arm, it is named twice, none would be left, or the
                recipe cannot go on with other arms.
        """
        with self._lock:
            gone = set(_checks.several_below("arms", arms, self.arms))
            kept = [arm for arm in range(self.arms) if arm not in gone]
            if not kept:
                raise ValueError(f"`arms` must leave at least one arm, got {arms!r}.")
            self._change_arms(kept, 0)

    def _change_arms(self, kept: Sequence[int], added: int) -> None:
        """Go on with the ``kept`` arms and ``added`` ones, if the recipe can."""
        recipe, state = self._recipe.change_arms(self._state, kept, added)
        by_arm = recipe.context_shape != self._recipe.context_shape
        self._pending.change_arms(kept, added, context_by_arm=by_arm)
        self._door = _door(recipe, self.runs)
        self._recipe, self._state, self._latest = recipe, state, (None, None)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write recipe, state and generator to exactly ``path``, as JSON, atomically.

        `banditsplit.load` brings the policy back; its decisions go on bit for bit.

        Raises:
            OSError: ``path`` cannot be written; what stood there is intact.
        """
        with self._lock:
            text = _storage.encode(
                _storage.Saved(
                    self._recipe,
                    self._door.runs,
                    self._state,
                    self._rng,
                    self._latest,
                    self._pending,
                )
            )
        _storage.write(path, text)

    @property
    def recipe(self) -> Recipe:
        """How it decides and learns."""
        return self._recipe

    @property
    def arms(self) -> int:
        """How many arms there are."""
        return self._recipe.arms

    @property
    def runs(self) -> int | None:
        """How many learners stand side by side; None for the one-run door."""
        return self._door.runs

    @property
    def stats(self) -> ArmStats:
        """What is known of each arm: a copy."""
        with self._lock:
            stats = self._recipe.stats(self._state)
            copies: dict[str, Any] = {"pulls": stats.pulls.copy(), "mean": stats.mean.copy()}
            if stats.variance is not None:
                copies["variance"] = stats.variance.copy()
            if isinstance(stats.effective, np.ndarray):
                copies["effective"] = stats.effective.copy()
            return replace(stats, t=self._round(), **copies)

    @property
    def round(self) -> Any:
        """The round being decided, from 1: an int, or `[runs, 1]`."""
        with self._lock:
            return self._round()

    def _round(self) -> Any:
        """Return the round being decided."""
        t = self._recipe.stats(self._state).t
        return t if self.runs is None else t.copy()

    @property
    def recommendation(self) -> Any:
        """The arm to keep if learning stopped now: an int, or `[runs]`."""
        with self._lock:
            return self._recipe.recommend(self._state)

    @property
    def certificate(self) -> Any:
        """What is certified of the arms now; None for a policy that certifies nothing."""
        with self._lock:
            return self._recipe.certificate(self._state)

    @property
    def finished(self) -> Any:
        """Whether there is nothing left to decide: a bool, or `[runs]`."""
        with self._lock:
            finished = self._recipe.finished(self._state)
            if self.runs is None:
                return bool(finished)
            return np.broadcast_to(np.asarray(finished), (self.runs,)).copy()

    def __deepcopy__(self, memo: dict[int, Any]) -> "Policy":
        """Return a policy of its own that goes on from the same state."""
        with self._lock:
            own = ("_lock", "_log")
            parts = {name: getattr(self, name) for name in self.__slots__ if name not in own}
            parts = copy.deepcopy(parts, memo)
        twin = object.__new__(Policy)
        for name, part in parts.items():
            setattr(twin, name, part)
        twin._lock, twin._log = threading.Lock(), None
        return twin

    def __repr__(self) -> str:
        return f"Policy({self._recipe!r}, runs={self.runs})"


def _door(recipe: Recipe, runs: int | None) -> OneRun | ManyRuns:
    """Return the door to ``recipe`` for one run or many."""
    shapes: dict[str, Any] = {
        "resources": recipe.resources,
        "context_shape": recipe.context_shape,
    }
    if runs is None:
        return OneRun(recipe.arms, **shapes)
    return ManyRuns(recipe.arms, _checks.integer("runs", runs, least=1), **shapes)


def load(path: str | os.PathLike[str], *, parts: tuple[type, ...] = ()) -> Policy:
    """Return the policy that `Policy.save` wrote to ``path``.

    Args:
        path: The file.
        parts: Classes of your own that the recipe is made of (an index, an objective ...).

    Raises:
        OSError: The file cannot be read.
        ValueError: It is no policy file, is damaged, is of a newer schema, or names a part
            that is neither ours nor among ``parts``.
    """
    saved = _storage.load(path, parts)
    policy = Policy(saved.recipe, runs=saved.runs, seed=saved.rng)
    # The one other place that makes a policy.
    policy._state, policy._latest, policy._pending = saved.state, saved.latest, saved.pending  # noqa: SLF001
    return policy
