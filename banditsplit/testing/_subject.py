"""A policy under test: how to make it, how to play it, and what can be seen of it.

A subject may be anyone's class. It is asked only what its signatures take, so that a policy
of thirty lines can be held to the laws that concern it.
"""

import copy
import dataclasses
import functools
import inspect
import pickle
import tempfile
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias, final

import numpy as np

import banditsplit
from banditsplit import _checks
from banditsplit._typing import Bool, Float, Int
from banditsplit.indices import Index
from banditsplit.memories import Full
from banditsplit.policy import Policy

MakePolicy: TypeAlias = Callable[..., Any]
Load: TypeAlias = Callable[[Path], Any]

LIFETIME = 400  # rounds of the probe that finds out whether a policy ends


@final
class Subject:
    """A policy under test.

    Args:
        make: Returns a fresh policy: ``make(seed=0)`` and, where many runs go side by side,
            ``make(runs=3, seed=0)``. Further keywords that it takes say what more may be
            asked of it: ``reward_scale`` and ``reward_shift`` (a policy for
            rewards ``reward_scale * r + reward_shift``),
            ``objective``, ``side_observations``.
        rewards: The lowest and the highest reward that it takes.
        costs: The lowest and the highest cost that it takes.
        load: Reads what the policy's ``save`` wrote. By default `banditsplit.load` for ours,
            and for others the ``load`` of their class.

    Raises:
        TypeError: `make` cannot be called, or what it makes lacks `select` or `update`.
        ValueError: `rewards` or `costs` is no interval, or the policy has no arms.
    """

    def __init__(
        self,
        make: MakePolicy,
        *,
        rewards: tuple[float, float] = (0.0, 1.0),
        costs: tuple[float, float] = (0.125, 1.0),
        load: Load | None = None,
    ) -> None:
        if not callable(make):
            raise TypeError(f"`make_policy` must be callable, got {make!r}.")
        self._make, self._load = make, load
        self.rewards, self.costs = _interval("rewards", rewards), _interval("costs", costs)
        _checks.nonnegative("costs", costs[0])
        self._options = _keywords(make)
        self.policy = self.make(seed=0)
        for method in ("select", "update"):
            if not callable(getattr(self.policy, method, None)):
                wanted = f"`make_policy` must return a policy with `{method}`"
                raise TypeError(f"{wanted}, got {self.policy!r}.")
        self.arms = _checks.integer("arms", getattr(self.policy, "arms", 0), least=1)

    def make(self, *, seed: int, runs: int | None = None, **options: Any) -> Any:
        """Return a fresh policy; it is told of ``runs`` only where there are many."""
        if runs is not None:
            options["runs"] = runs
        return self._make(seed=seed, **options)

    # What can be seen of it.

    def offers(self, option: str) -> bool:
        """Whether `make` takes ``option``."""
        return option in self._options

    @property
    def batch(self) -> bool:
        """Whether many runs go side by side."""
        return self.offers("runs")

    @functools.cached_property
    def takes(self) -> frozenset[str]:
        """What `select` and `update` may be told."""
        return _keywords(self.policy.select) | _keywords(self.policy.update)

    @functools.cached_property
    def context_shape(self) -> tuple[int, ...] | None:
        """The shape of one run's context; None where it does not look at contexts."""
        shape: tuple[int, ...] | None = self._trait("context_shape", None)
        return shape

    @functools.cached_property
    def resources(self) -> int | None:
        """How many costs a pull has; None where it is one number."""
        resources: int | None = self._trait("resources", None)
        return resources

    @functools.cached_property
    def index(self) -> Index | None:
        """The index whose best score is pulled; None where scores cannot be seen."""
        index = getattr(getattr(self.policy, "recipe", None), "index", None)
        return index if isinstance(index, Index) else None

    @functools.cached_property
    def forgets(self) -> bool:
        """Whether it is seen to have a memory that does not weigh all rounds alike."""
        memory = getattr(getattr(self.policy, "recipe", None), "memory", None)
        return memory is not None and not isinstance(memory, Full)

    @functools.cached_property
    def draws(self) -> bool:
        """Whether it tells the probabilities that it draws its arms from."""
        return self.probabilities(self.policy, self._some_context()) is not None

    @functools.cached_property
    def late(self) -> bool:
        """Whether feedback can name the decision that it answers."""
        return all(callable(getattr(self.policy, name, None)) for name in ("decide", "learn"))

    @functools.cached_property
    def lifetime(self) -> int | None:
        """How many rounds it plays before it finishes; None if that is not soon."""
        policy = self.make(seed=0)
        if not hasattr(policy, "finished"):
            return None
        rng = np.random.default_rng(0)
        for played in range(LIFETIME):
            if policy.finished:
                return played
            arm = self.select(policy, self._some_context())
            low, high = self.rewards
            self.update(policy, arm, float(rng.uniform(low, high)), self.usual_cost())
        return None

    def side_options(self) -> dict[str, Any] | None:
        """Return what makes it learn from side observations; None if nothing does."""
        if self._trait("side_observations", default=False):
            return {}
        return {"side_observations": True} if self.offers("side_observations") else None

    def _trait(self, name: str, default: Any) -> Any:
        """Return what the policy says of itself, or its recipe of it."""
        for holder in (self.policy, getattr(self.policy, "recipe", None)):
            if hasattr(holder, name):
                return getattr(holder, name)
        return default

    def _some_context(self) -> Any:
        return None if self.context_shape is None else np.ones(self.context_shape)

    # How to play it.

    def cost(self, cost: float, runs: int | None = None) -> Any:
        """Return ``cost`` in the shape of a pull's costs, for one run or many."""
        shape = (*lead(runs), *(() if self.resources is None else (self.resources,)))
        return np.full(shape, cost) if shape else cost

    def usual_cost(self, runs: int | None = None) -> Any:
        """Return the cost in the middle, in the shape of a pull's costs."""
        return self.cost(sum(self.costs) / 2, runs)

    def select(self, policy: Any, context: Any = None, available: Any = None) -> Any:
        """Return the arm that ``policy`` chooses: an int or `[runs]`, and a valid one."""
        return self._valid(policy, policy.select(**self._about(context, available)))

    def decide(self, policy: Any, context: Any = None) -> tuple[Any, int]:
        """Return a decision of a policy of one run, and its arm."""
        decision = policy.decide(**self._about(context, None))
        return decision, self._valid(policy, decision.arm)

    def update(
        self,
        policy: Any,
        arm: Any,
        reward: Any,
        cost: Any = None,
        *,
        side: Any = None,
        where: Any = None,
    ) -> None:
        """Tell ``policy`` of a round, as far as it can be told."""
        told = {"cost": cost, "side": side, "where": where}
        policy.update(arm, reward, **_understood(policy.update, told))

    def learn(
        self, policy: Any, decision: Any, reward: Any, cost: Any = None, *, side: Any = None
    ) -> None:
        """Tell ``policy`` what came of a decision, as far as it can be told."""
        told = {"cost": cost, "side": side}
        policy.learn(decision, reward, **_understood(policy.learn, told))

    def probabilities(self, policy: Any, context: Any = None, available: Any = None) -> Any:
        """Return the probabilities of the arms; None where nobody tells."""
        if not hasattr(policy, "probabilities"):
            return None
        return policy.probabilities(**self._about(context, available))

    def stored(self, policy: Any) -> Any:
        """Return ``policy`` after it was stored and read again.

        By its own `save`; where it has none, by pickling what it is made of.
        """
        if not hasattr(policy, "save"):
            twin = copy.copy(policy)
            if hasattr(twin, "__dict__"):
                again = pickle.loads(pickle.dumps(vars(twin)))  # noqa: S301 - our own bytes
                twin.__dict__ = again
            return twin
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "policy"
            policy.save(path)
            return self._reader(policy)(path)

    def _reader(self, policy: Any) -> Load:
        if self._load is not None:
            return self._load
        if isinstance(policy, Policy):
            parts = tuple(_parts(policy.recipe))
            return functools.partial(banditsplit.load, parts=parts)
        reader: Load = type(policy).load
        return reader

    def _about(self, context: Any, available: Any) -> dict[str, Any]:
        told = {"context": context, "available": available}
        return {name: value for name, value in told.items() if value is not None}

    def _valid(self, policy: Any, arm: Any) -> Any:
        """Refuse what is no arm."""
        runs = getattr(policy, "runs", None) if self.batch else None
        if runs is None and type(arm) is int and 0 <= arm < self.arms:
            return arm  # as nearly always
        arms = np.asarray(arm)
        valid = arms.dtype.kind in "iu" and arms.shape == lead(runs)
        if not valid or (arms < 0).any() or (arms >= self.arms).any():
            wanted = "an integer" if runs is None else f"integers [{runs}]"
            raise AssertionError(f"`select` must return {wanted} below {self.arms}: {arm!r}.")
        return arms if runs is not None else int(arm)


@final
class Crowd:
    """Many independent learners: a batch where there is one, else one policy each."""

    def __init__(self, subject: Subject, size: int, *, seed: int, **options: Any) -> None:
        self.subject, self.size = subject, size
        if subject.batch:
            self.policies = [subject.make(runs=size, seed=seed, **options)]
        else:
            seeds = range(seed * size, (seed + 1) * size)
            self.policies = [subject.make(seed=s, **options) for s in seeds]

    def select(self, context: Any = None, available: Any = None) -> Int:
        """Return the arms, `[size]`."""
        if self.subject.batch:
            arms: Int = self.subject.select(self.policies[0], context, available)
            return arms
        chosen = [
            self.subject.select(policy, _row(context, r), _row(available, r))
            if not self._over(policy)
            else 0
            for r, policy in enumerate(self.policies)
        ]
        return np.array(chosen)

    def update(self, arm: Int, reward: Float, cost: Any) -> None:
        """Tell everyone of a round; who has finished does not listen."""
        if self.subject.batch:
            self.subject.update(self.policies[0], arm, reward, cost)
            return
        rows = zip(self.policies, arm, reward, cost, strict=True)
        for policy, a, r, c in rows:
            if not self._over(policy):
                paid = c if self.subject.resources is not None else float(c)
                self.subject.update(policy, int(a), float(r), paid)

    @property
    def playing(self) -> Bool:
        """Who goes on, `[size]`."""
        if self.subject.batch:
            finished = getattr(self.policies[0], "finished", False)
            return np.broadcast_to(~np.asarray(finished, np.bool_), (self.size,))
        return np.array([not self._over(policy) for policy in self.policies])

    def _over(self, policy: Any) -> bool:
        return bool(getattr(policy, "finished", False))


def _interval(name: str, ends: tuple[float, float]) -> tuple[float, float]:
    low, high = (_checks.number(name, end) for end in ends)
    if not low < high:
        raise ValueError(f"`{name}` must be the lowest and the highest, got {ends!r}.")
    return low, high


def lead(runs: int | None) -> tuple[int, ...]:
    """Return the axes in front: none, or the runs."""
    return () if runs is None else (runs,)


def _understood(method: Callable[..., Any], told: dict[str, Any]) -> dict[str, Any]:
    """Return what there is to tell and ``method`` takes."""
    takes = _keywords(method)
    return {name: v for name, v in told.items() if v is not None and name in takes}


def _row(values: Any, row: int) -> Any:
    return None if values is None else values[row]


def _keywords(function: Callable[..., Any]) -> frozenset[str]:
    """Return the names that ``function`` may be told, those of a typed ``**options`` too."""
    code = getattr(function, "__func__", None)  # of a method: always the same signature
    return _read(function) if code is None else _of_method(code)


@functools.cache
def _of_method(function: Callable[..., Any]) -> frozenset[str]:
    return _read(function) - {"self"}


def _read(function: Callable[..., Any]) -> frozenset[str]:
    found: set[str] = set()
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:
            # Only a typed one, `**options: Unpack[Options]`, says what it takes.
            for typed in typing.get_args(parameter.annotation):
                found |= set(getattr(typed, "__annotations__", {}))
        elif parameter.kind is not parameter.VAR_POSITIONAL:
            found.add(name)
    return frozenset(found)


def _parts(part: Any) -> set[type]:
    """Return the classes that a recipe is made of."""
    if not dataclasses.is_dataclass(part) or isinstance(part, type):
        return set()
    inner = (_parts(getattr(part, field.name)) for field in dataclasses.fields(part))
    return {type(part)}.union(*inner)
