"""Laws of feedback: what is refused, what is hidden, what is revealed, what is masked."""

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np
from hypothesis import strategies as st

from banditsplit._typing import Bool
from banditsplit.objectives import Net, Reward
from banditsplit.testing._compare import UNLIKELY, alike, chance_of_expected, counts
from banditsplit.testing._law import Strategies, law
from banditsplit.testing._strategies import masks
from banditsplit.testing._subject import LIFETIME, Crowd, Subject, lead
from banditsplit.testing._symmetry import worlds
from banditsplit.testing._world import World, first_difference, play

DRAWS = 2000


def _maskable(subject: Subject) -> str | None:
    return None if "available" in subject.takes else "`select` takes no `available`"


def _masked_worlds(subject: Subject) -> Strategies:
    """Return strategies of a world and a mask for each of its rounds."""
    doors: list[int | None] = [None, 3] if subject.batch else [None]

    def with_masks(runs: int | None) -> st.SearchStrategy[Any]:
        drawn = st.lists(masks(arms=subject.arms, runs=runs), min_size=1, max_size=15)
        return st.tuples(st.just(runs), drawn)

    return {
        "seed": st.integers(0, 999),
        "masked": st.sampled_from(doors).flatmap(with_masks),
    }


@law(
    "A masked arm is never chosen",
    scope="Policies whose `select` takes `available`.",
    applies=_maskable,
    examples=_masked_worlds,
)
def masked(subject: Subject, seed: int, masked: tuple[int | None, list[Bool]]) -> None:
    """Not even by a policy that wants no other; a mask that allows all is none."""
    runs, mask_of = masked
    world = World.draw(subject, runs, len(mask_of), seed)
    policy = subject.make(runs=runs, seed=seed)
    for t, mask in enumerate(mask_of):
        if np.all(getattr(policy, "finished", False)):
            return
        playing = ~np.asarray(getattr(policy, "finished", False))
        context = world.situation(t)
        free, masked_by_none = copy.deepcopy(policy), copy.deepcopy(policy)
        one = subject.select(free, context)
        other = subject.select(masked_by_none, context, np.ones_like(mask))
        if not np.array_equal(np.asarray(one)[playing], np.asarray(other)[playing]):
            raise AssertionError(f"a mask that allows all turned {one} into {other}.")
        arm = subject.select(policy, context, mask)
        allowed = np.take_along_axis(mask, np.expand_dims(np.asarray(arm), -1), -1)[..., 0]
        if not (allowed | ~playing).all():
            raise AssertionError(f"round {t + 1}: {arm} was chosen, masked by {mask.tolist()}.")
        told = subject.probabilities(policy, context, mask)
        if told is not None:
            told = np.asarray(told)[playing] if runs is not None else np.asarray(told)
            seen = mask[playing] if runs is not None else mask
            if (told[~seen] != 0).any() or not np.allclose(told.sum(-1), 1):
                raise AssertionError(f"probabilities {told} under {seen.tolist()}.")
        subject.update(policy, arm, *world.answer(t, arm))


def _drawing(subject: Subject) -> str | None:
    return None if subject.draws else "it tells no probabilities"


@law(
    "Arms are drawn with the probabilities that are told",
    scope="Policies with `probabilities`.",
    applies=_drawing,
    examples=lambda s: worlds(s, 12, doors=(None,)),
    max_examples=3,
)
def drawn(subject: Subject, world: World) -> None:
    """Of 2,000 decisions without an answer each arm gets its share."""
    policy = subject.make(seed=world.seed)
    play(subject, policy, world)
    if np.any(getattr(policy, "finished", False)):
        return
    context = world.situation(-1)
    told = np.asarray(subject.probabilities(policy, context))
    chosen = np.array([subject.select(policy, context) for _ in range(DRAWS)])
    found = counts(chosen, subject.arms)
    if not np.isclose(told.sum(), 1) or chance_of_expected(found, told) < UNLIKELY:
        raise AssertionError(f"{told} was told, {found.tolist()} chosen.")
    if subject.late:
        decision, arm = subject.decide(policy, context)
        propensity = getattr(decision, "propensity", told[arm])
        if not np.isclose(propensity, told[arm]):
            raise AssertionError(f"propensity {propensity} of arm {arm} with {told}.")


def _wrong(subject: Subject, runs: int | None) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what an update must refuse: a name, and its arguments."""
    low, high = subject.rewards
    middle = (low + high) / 2
    good = {"arm": 0, "reward": middle, "cost": subject.usual_cost()}
    arms = (-1, subject.arms)
    rewards = (np.nan, np.inf, -np.inf)
    costs = [np.nan, np.inf, -1.0]
    if runs is None:
        yield from ((f"arm={arm!r}", good | {"arm": arm}) for arm in (*arms, 0.5, None))
        for reward in (*rewards, None, "much"):
            yield f"reward={reward!r}", good | {"reward": reward}
        bad = ((cost, subject.cost(cost)) for cost in costs)
    else:  # one bad row spoils the round
        some = np.arange(runs) == runs - 1
        good = {"arm": np.zeros(runs, np.int64), "reward": np.full(runs, middle)}
        good |= {"cost": subject.usual_cost(runs)}
        for arm in arms:
            yield f"one arm={arm!r}", good | {"arm": np.where(some, arm, 0)}
        yield "fractions for arms", good | {"arm": np.full(runs, 0.5)}
        yield "an arm too many", good | {"arm": np.zeros(runs + 1, np.int64)}
        yield "a reward too many", good | {"reward": np.full(runs + 1, middle)}
        for number in rewards:
            yield f"one reward={number!r}", good | {"reward": np.where(some, number, middle)}
        rows = some if subject.resources is None else some[:, None]
        bad = ((c, np.where(rows, c, subject.usual_cost(runs))) for c in costs)
    if "cost" in subject.takes:
        yield from ((f"cost={name!r}", good | {"cost": cost}) for name, cost in bad)
    if "side" in subject.takes and subject.side_options() is not None:
        yield from _wrong_sides(subject, good, runs)


def _wrong_sides(
    subject: Subject, good: dict[str, Any], runs: int | None
) -> Iterator[tuple[str, dict[str, Any]]]:
    world = World.draw(subject, runs, 1, 0)
    fine = world.side(0, good["arm"], everything=True)
    only = fine["revealed"]  # somebody is revealed, unless there is one arm
    yield "a side without its kind", good | {"side": {k: fine[k] for k in ("revealed",)}}
    yield "a side that is no mapping", good | {"side": [1.0]}
    changes: dict[str, Any] = {
        "the pulled arm revealed": ("revealed", np.ones_like(only)),
        "an unknown kind": ("kind", "guessed"),
        "revealed of the wrong shape": ("revealed", np.ones(subject.arms + 1, np.bool_)),
        "a revealed nan": ("reward", np.where(only, np.nan, 0.0)),
        "a revealed cost below 0": ("cost", fine["cost"] - 2.0),
    }
    for name, (key, value) in changes.items():
        if only.any() or key != "cost":
            yield name, good | {"side": fine | {key: value}}


def _wrong_questions(
    subject: Subject, runs: int | None, context: Any
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what a select must refuse: a name, and its arguments."""
    base = {} if context is None else {"context": context}
    shape = (*lead(runs), subject.arms)
    if "available" in subject.takes:
        yield "all arms masked", base | {"available": np.zeros(shape, np.bool_)}
        yield "a mask too long", base | {"available": np.ones(subject.arms + 1, np.bool_)}
    if context is not None:
        yield "a context with nan", {"context": np.full_like(context, np.nan)}
        yield "a context of another shape", {"context": np.zeros((*context.shape, 7))}
        yield "no context", {}


@law(
    "What is wrong is refused and changes nothing",
    scope="Everyone: arms, rewards, costs, and what else the policy takes.",
    examples=lambda s: worlds(s, 6),
    max_examples=4,
)
def refused(subject: Subject, world: World) -> None:
    """The future after a refusal is the future without it."""
    runs = world.runs
    options = subject.side_options() or {}
    policy, twin = (subject.make(runs=runs, seed=world.seed, **options) for _ in range(2))
    rounds, half = range(world.rounds), world.rounds // 2
    for one in (policy, twin):
        play(subject, one, world, rounds[:half])
    if np.any(getattr(policy, "finished", False)):
        return
    context = world.situation(half)
    wrong = [("select", *case) for case in _wrong_questions(subject, runs, context)]
    wrong += [("update", *case) for case in _wrong(subject, runs)]
    future = play(subject, copy.deepcopy(twin), world, rounds[half:])
    for method, name, arguments in wrong:
        told = {k: v for k, v in arguments.items() if k in subject.takes}
        try:
            getattr(policy, method)(**told)
        except (ArithmeticError, LookupError, TypeError, ValueError):
            pass
        else:
            raise AssertionError(f"`{method}` took {name}.")
        came = play(subject, copy.deepcopy(policy), world, rounds[half:])
        if difference := first_difference(future, came):
            raise AssertionError(f"after {name} was refused, {difference}.")
    if runs is None:
        alike(subject, policy, twin, context)


def _tells_side(subject: Subject) -> str | None:
    return None if "side" in subject.takes else "`update` takes no `side`"


@law(
    "What was not revealed does not count",
    scope="Policies whose `update` takes `side`, whether they learn from it or not.",
    applies=_tells_side,
    examples=lambda s: worlds(s, 40),
)
def hidden(subject: Subject, world: World) -> None:
    """Not even where it says nan."""
    options = subject.side_options() or {}
    clean, dirty = (subject.make(runs=world.runs, seed=world.seed, **options) for _ in range(2))
    arms = play(subject, clean, world)
    if difference := first_difference(arms, play(subject, dirty, world, hidden=np.nan)):
        raise AssertionError(difference)


def _marks(subject: Subject) -> str | None:
    if not subject.batch:
        return "`make_policy` takes no `runs`: it is one run at a time"
    return None if "where" in subject.takes else "`update` takes no `where`"


@law(
    "Runs without feedback stay as they are",
    scope="Policies of many runs whose `update` takes `where`.",
    applies=_marks,
    examples=lambda s: {
        **worlds(s, 8, doors=(3,), fine=True),
        "where": st.lists(st.booleans(), min_size=3, max_size=3),
        "wrong": st.sampled_from([np.nan, np.inf, -np.inf]),
    },
)
def unmarked(subject: Subject, world: World, where: list[bool], wrong: float) -> None:
    """What stands in their rows is not read; the marked rows learn the same."""
    clean, dirty = (subject.make(runs=world.runs, seed=world.seed) for _ in range(2))
    marked = np.array(where)
    for t in range(world.rounds):
        if np.any(getattr(clean, "finished", False)):
            return
        arm, same = (subject.select(p, world.situation(t)) for p in (clean, dirty))
        if not np.array_equal(arm, same):
            raise AssertionError(f"round {t + 1}: {arm} against {same}.")
        reward, cost = world.answer(t, arm)
        rows = marked if cost.ndim == 1 else marked[:, None]
        subject.update(clean, arm, reward, cost, where=marked)
        spoilt = np.where(marked, arm, -9), np.where(marked, reward, wrong)
        subject.update(dirty, *spoilt, np.where(rows, cost, wrong), where=marked)
    if hasattr(clean, "stats"):
        pulls = np.asarray(clean.stats.pulls)
        if (pulls[~marked] != 0).any():
            raise AssertionError(f"of runs {where} the pulls are {pulls.tolist()}.")


def _learns_side(subject: Subject) -> str | None:
    if "side" not in subject.takes:
        return "`update` takes no `side`"
    if subject.side_options() is None:
        return "it does not learn from side observations"
    return None


@law(
    "With every arm revealed it does not matter which was pulled",
    scope="Policies that learn from side observations.",
    applies=_learns_side,
    examples=lambda s: {
        **worlds(s, 10, doors=(None,), fine=True),
        "shift": st.integers(1, max(s.arms - 1, 1)),
    },
)
def full_information(subject: Subject, world: World, shift: int) -> None:
    """Then it is a full-information policy: two that pulled otherwise know the same."""
    options = subject.side_options() or {}
    one, other = (subject.make(seed=world.seed, **options) for _ in range(2))
    for t in range(world.rounds):
        if np.any(getattr(one, "finished", False)) or np.any(getattr(other, "finished", False)):
            return
        arm = subject.select(one, world.situation(t))
        subject.select(other, world.situation(t))
        for policy, pulled in ((one, arm), (other, (arm + shift) % subject.arms)):
            side = world.side(t, pulled, everything=True)
            subject.update(policy, pulled, *world.answer(t, pulled), side=side)
    alike(subject, one, other, world.situation(-1))


def _takes_objective(subject: Subject) -> str | None:
    return None if subject.offers("objective") else "`make_policy` takes no `objective`"


@law(
    "Zero tradeoff is the reward alone",
    scope="Policies that take an objective (`make_policy` takes `objective`).",
    applies=_takes_objective,
    examples=lambda s: worlds(s, 40),
)
def zero_tradeoff(subject: Subject, world: World) -> None:
    """``Net(0)`` is ``Reward()``, and under both a cost weighs nothing."""
    reward, net = (
        subject.make(runs=world.runs, seed=world.seed, objective=objective)
        for objective in (Reward(), Net(0.0))
    )
    arms = play(subject, reward, world)
    if difference := first_difference(arms, play(subject, net, world)):
        raise AssertionError(difference)


def _ends(subject: Subject) -> str | None:
    if not hasattr(subject.policy, "finished"):
        return "it has no `finished`"
    if subject.lifetime is None:
        return f"it does not finish within {LIFETIME} rounds"
    return None


@law(
    "Who has finished decides no more",
    scope="Policies with `finished` that finish soon.",
    applies=_ends,
)
def finished(subject: Subject) -> None:
    """`finished` is said, stays, and `select` raises."""
    policy = subject.make(seed=0)
    crowd = Crowd(subject, 1, seed=0) if subject.batch else None
    world = World.draw(subject, None, 3 * LIFETIME, 0)
    play(subject, policy, world)
    if not policy.finished:
        raise AssertionError(f"`finished` is {policy.finished!r} after {3 * LIFETIME} rounds.")
    for one in (policy, copy.deepcopy(policy)):
        try:
            subject.select(one, world.situation(0))
        except RuntimeError:
            continue
        raise AssertionError("`select` returned an arm of a policy that has finished.")
    if crowd is not None and crowd.playing.shape != (1,):
        raise AssertionError(f"`finished` of 1 run is {crowd.policies[0].finished!r}.")


LAWS = (
    masked,
    drawn,
    refused,
    hidden,
    unmarked,
    full_information,
    zero_tradeoff,
    finished,
)
