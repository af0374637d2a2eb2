"""Laws of symmetry: no arm and no run is special, and no unit of reward is."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, cast, final

import numpy as np
from hypothesis import strategies as st

from banditsplit._stats import ArmStats
from banditsplit._typing import Float, Int
from banditsplit.indices._index import score
from banditsplit.testing._compare import (
    UNLIKELY,
    chance_of,
    chance_of_expected,
    counts,
)
from banditsplit.testing._law import Strategies, law
from banditsplit.testing._strategies import arm_stats
from banditsplit.testing._subject import Crowd, Subject
from banditsplit.testing._world import World, first_difference, play

CROWD = 100
TIES = 3000

# How many parameters stand before the size: what a generator draws cell by cell.
PARAMETERS = {
    "random": 0,
    "standard_normal": 0,
    "standard_exponential": 0,
    "standard_cauchy": 0,
    "exponential": 1,
    "standard_gamma": 1,
    "chisquare": 1,
    "standard_t": 1,
    "rayleigh": 1,
    "normal": 2,
    "uniform": 2,
    "beta": 2,
    "gamma": 2,
    "gumbel": 2,
    "laplace": 2,
    "logistic": 2,
}


@final
class Still:
    """A generator that does not move: a draw is a function of its parameters alone."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in PARAMETERS:
            raise AttributeError(name)
        return partial(self._draw, PARAMETERS[name], name)

    @staticmethod
    def _draw(number: int, name: str, *given: Any, size: Any = None) -> Any:
        parameters = [np.asarray(p, np.float64) for p in given[:number]]
        size = given[number] if len(given) > number else size
        if name == "beta":
            drawn = parameters[0] / (parameters[0] + parameters[1])
        else:
            drawn = np.asarray(0.5 + sum(0.5 * p for p in parameters))
        return drawn if size is None else np.broadcast_to(drawn, size).copy()


def _scores(index: Any, stats: ArmStats) -> Float:
    """Return the scores without chance, `[..., arms]`."""
    scores: Float = score(index, stats, cast("np.random.Generator", Still()))
    return scores


def _scored(subject: Subject) -> str | None:
    if subject.index is None:
        return "its scores cannot be seen"
    stats = ArmStats(2, np.ones(subject.arms), np.full(subject.arms, 0.5), 0)
    try:
        _scores(subject.index, replace(stats, variance=np.zeros(subject.arms)))
    except AttributeError as error:
        return f"its index draws by `{error.name}`, arms together"
    return None


def _stats(subject: Subject) -> st.SearchStrategy[ArmStats]:
    variance = subject.index is not None and subject.index.needs_variance
    return arm_stats(arms=subject.arms, rewards=subject.rewards, variance=variance)


def _reordered(stats: ArmStats, order: list[int]) -> ArmStats:
    variance = None if stats.variance is None else stats.variance[..., order]
    pulls, mean = stats.pulls[..., order], stats.mean[..., order]
    return replace(stats, pulls=pulls, mean=mean, variance=variance)


@law(
    "Renaming the arms renames their scores",
    scope="Policies that take the best score of an index, exactly; not a fixed arm.",
    applies=_scored,
    examples=lambda s: {
        "stats": _stats(s),
        "order": st.permutations(range(s.arms)),
    },
)
def renamed_scores(subject: Subject, stats: ArmStats, order: list[int]) -> None:
    """No arm is special because of its number."""
    before = _scores(subject.index, stats)[..., order]
    after = _scores(subject.index, _reordered(stats, order))
    if not np.array_equal(before, after):
        raise AssertionError(f"scores {before.tolist()} became {after.tolist()}.")


@law(
    "A batch has the scores of its runs",
    scope="Policies that take the best score of an index, exactly.",
    applies=_scored,
    examples=lambda s: {"stats": _stats(s)},
)
def batched_scores(subject: Subject, stats: ArmStats) -> None:
    """Row b of the batch is run b alone, through either door: no run sees another."""
    together = _scores(subject.index, stats)
    for b in range(len(stats.mean)):
        untried = int((stats.pulls[b] == 0).sum())
        for row, t in ((slice(b, b + 1), stats.t[b : b + 1]), (b, int(stats.t[b, 0]))):
            variance = None if stats.variance is None else stats.variance[row]
            alone = ArmStats(t, stats.pulls[row], stats.mean[row], untried, variance)
            apart = _scores(subject.index, alone).reshape(-1)
            if not np.array_equal(apart, together[b]):
                came = f"{apart.tolist()} alone, {together[b].tolist()} in the batch"
                raise AssertionError(f"run {b} scores {came}.")


def _one_world(least: int, most: int) -> Callable[[Subject], Strategies]:
    """Return strategies of a world of one run, of so many rounds."""

    def examples(subject: Subject) -> Strategies:
        return {
            "world": st.builds(
                partial(World.draw, subject, None, fine=True),
                st.integers(least, most),
                st.integers(0, 999),
            )
        }

    return examples


def natural(
    subject: Subject, world: World, order: list[int], *, seed: int, asks: int = 1
) -> Int:
    """Return the arms of a crowd in a world of one run, `[rounds, CROWD]`.

    The crowd knows arm ``order[j]`` of the world as its arm ``j``, and selects ``asks`` times
    before it tells what the last arm gave.
    """
    crowd, chosen = Crowd(subject, CROWD, seed=seed), []
    shape = subject.context_shape
    for t in range(world.rounds):
        if not crowd.playing.all():
            break
        context = world.situation(t)
        if shape is not None:
            if len(shape) > 1:  # features of every arm
                context = context[order]
            context = np.broadcast_to(context, (CROWD, *shape)).copy()
        for _ in range(asks):
            arm = crowd.select(context)
        named = np.asarray(order)[arm]
        crowd.update(arm, world.reward[t, named], world.cost[t, named])
        chosen.append(named)
    return np.array(chosen, np.int64)


def same_law(one: Int, other: Int, arms: int) -> None:
    """Refuse arms `[rounds, CROWD]` of different laws."""
    if abs(len(one) - len(other)) > 0:
        raise AssertionError(f"{len(one)} rounds against {len(other)}.")
    for t, (a, b) in enumerate(zip(one, other, strict=True)):
        first, second = counts(a, arms), counts(b, arms)
        if chance_of(first, second) < UNLIKELY:
            came = f"{first.tolist()} against {second.tolist()}"
            raise AssertionError(f"in round {t + 1} of {CROWD} runs each arm got {came}.")


@law(
    "Renaming the arms renames the decisions",
    scope="Everyone, in distribution; not a fixed arm, nor a fixed order of first pulls.",
    examples=lambda s: {**_one_world(1, 10)(s), "order": st.permutations(range(s.arms))},
    max_examples=6,
)
def renamed_decisions(subject: Subject, world: World, order: list[int]) -> None:
    """A crowd that knows the arms by other names chooses the same ones as often."""
    plain = natural(subject, world, list(range(subject.arms)), seed=1)
    renamed = natural(subject, world, order, seed=2)
    same_law(plain, renamed, subject.arms)


def _batched(subject: Subject) -> str | None:
    return None if subject.batch else "`make_policy` takes no `runs`: it is one run at a time"


@law(
    "A batch is its runs side by side",
    scope="Policies of many runs (`make_policy` takes `runs`), in distribution.",
    applies=_batched,
    examples=_one_world(6, 12),
    max_examples=4,
)
def batch(subject: Subject, world: World) -> None:
    """Its rows choose as often as policies of one run do, in different worlds at once."""
    other = World.draw(subject, None, world.rounds, world.seed + 1000, fine=True)
    worlds = [world, other] * (CROWD // 2)
    joined = World(
        CROWD,
        0,
        np.stack([w.reward for w in worlds], 1),
        np.stack([w.cost for w in worlds], 1),
        np.stack([w.revealed for w in worlds], 1),
        _stacked([w.context for w in worlds]),
    )
    rows = np.array(play(subject, subject.make(runs=CROWD, seed=1), joined), np.int64)
    singles = [play(subject, subject.make(seed=5000 + s), w) for s, w in enumerate(worlds)]
    length = min([len(rows), *map(len, singles)])
    alone = np.array([arms[:length] for arms in singles], np.int64).reshape(CROWD, length).T
    for half in (0, 1):
        same_law(rows[:length, half::2], alone[:, half::2], subject.arms)


def _stacked(contexts: list[Float | None]) -> Float | None:
    """Return contexts of many runs, `[rounds, runs, ...]`, of those of one."""
    known = [context for context in contexts if context is not None]
    return np.stack(known, 1) if known else None


@law(
    "The same seed makes the same decisions",
    scope="Everyone, through both doors.",
    examples=lambda s: worlds(s, 40),
)
def same_seed(subject: Subject, world: World) -> None:
    """All chance comes from the seed."""
    make = partial(subject.make, runs=world.runs, seed=world.seed)
    one, other = (play(subject, make(), world) for _ in range(2))
    if difference := first_difference(one, other):
        raise AssertionError(difference)


def worlds(
    subject: Subject,
    rounds: int,
    *,
    least: int = 1,
    doors: tuple[int | None, ...] = (None, 3),
    fine: bool = False,
) -> Strategies:
    """Return strategies of a world, for one run or for many."""
    open_doors = [runs for runs in doors if runs is None or subject.batch]
    draw = partial(World.draw, subject, fine=fine)
    world = st.builds(
        draw, st.sampled_from(open_doors), st.integers(least, rounds), st.integers(0, 999)
    )
    return {"world": world}


def _scalable(subject: Subject, option: str) -> str | None:
    if subject.offers(option):
        return None
    return f"`make_policy` takes no `{option}`: nobody says what it is for such rewards"


def _transformed(subject: Subject, world: World, scale: float, shift: float) -> None:
    """Refuse other decisions for ``scale * reward + shift``."""
    told = {
        n: v for n, v in (("reward_scale", scale), ("reward_shift", shift)) if subject.offers(n)
    }
    plain = subject.make(runs=world.runs, seed=world.seed)
    other = subject.make(runs=world.runs, seed=world.seed, **told)
    moved = replace(world, reward=world.reward * scale + shift)
    arms = play(subject, plain, world)
    if difference := first_difference(arms, play(subject, other, moved)):
        raise AssertionError(difference)


@law(
    "Scaling the rewards, and the span with them, changes no decision",
    scope="Policies that can be told their unit (`make_policy` takes `reward_scale`); dyadic "
    "factors, for which floating point is exact.",
    applies=partial(_scalable, option="reward_scale"),
    examples=lambda s: {
        **worlds(s, 40, fine=True),
        "scale": st.sampled_from([0.125, 0.25, 0.5, 2.0, 4.0, 8.0]),
    },
)
def scaled(subject: Subject, world: World, scale: float) -> None:
    """Euros or cents: the unit of a reward decides nothing."""
    _transformed(subject, world, scale, 0.0)


@law(
    "Shifting the rewards changes no decision",
    scope="Policies without a zero of their own (`make_policy` takes `reward_shift`).",
    applies=partial(_scalable, option="reward_shift"),
    examples=lambda s: {
        **worlds(s, 40, fine=True),
        "shift": st.sampled_from([-4.0, -1.0, -0.5, 0.5, 1.0, 4.0]),
    },
)
def shifted(subject: Subject, world: World, shift: float) -> None:
    """Only differences between rewards count."""
    _transformed(subject, world, 1.0, shift)


def _equal_context(subject: Subject, size: int) -> Any:
    shape = subject.context_shape
    return None if shape is None else np.full((size, *shape), 0.5)


@law(
    "Ties are broken evenly",
    scope="Everyone; not a fixed arm. Equal pasts are compared only where nobody draws or "
    "forgets, and masks are taken.",
)
def ties(subject: Subject) -> None:
    """Of 3,000 runs that know nothing each arm gets its share: fails with probability 2e-9.

    So do two arms that gave the same, where the others are masked.
    """
    context = _equal_context(subject, TIES)
    crowd = Crowd(subject, TIES, seed=3)
    even = np.full(subject.arms, 1 / subject.arms)
    _evenly(crowd.select(context), even, "that know nothing")
    if subject.draws or subject.forgets or "available" not in subject.takes:
        return
    if subject.arms == 1:
        return
    chosen = (1 % subject.arms, subject.arms - 1) if subject.arms > 2 else (0, 1)  # noqa: PLR2004
    crowd = Crowd(subject, TIES, seed=4)
    mask = np.zeros(subject.arms, np.bool_)
    mask[list(chosen)] = True
    for arm in chosen:
        if not crowd.playing.all():
            return
        if subject.context_shape is not None:
            crowd.select(context)  # the context that the update answers
        middle = np.full(TIES, sum(subject.rewards) / 2)
        crowd.update(np.full(TIES, arm), middle, subject.usual_cost(TIES))
    if crowd.playing.all():
        arms = crowd.select(context, np.tile(mask, (TIES, 1)))
        _evenly(arms, mask / mask.sum(), f"where arms {chosen} gave the same")


def _evenly(arms: Int, probability: Float, what: str) -> None:
    found = counts(arms, len(probability))
    if chance_of_expected(found, probability) < UNLIKELY:
        raise AssertionError(f"of {TIES} runs {what} each arm got {found.tolist()}.")


LAWS = (
    renamed_scores,
    renamed_decisions,
    batched_scores,
    batch,
    same_seed,
    scaled,
    shifted,
    ties,
)
