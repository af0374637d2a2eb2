"""Laws of learning: every arm gets its chance, and what was seen changes what is done."""

import math
from typing import Any

import numpy as np
from hypothesis import strategies as st

from banditsplit._typing import Float
from banditsplit.objectives import Net
from banditsplit.testing._law import law
from banditsplit.testing._subject import Crowd, Subject

CHANCE = 1000  # rounds in which every arm must get its chance
SHORT = 100  # a policy that ends before has no time to learn
SIGMAS = 6.0
LOOKS = 10  # at a learner's gain, which slow ones need a while to show
ROUNDS = 300  # from one look to the next


def _size(subject: Subject) -> int:
    """Return how many learners: few where each is a Python object."""
    return (6 if subject.batch else 2) * subject.arms


def _context(subject: Subject, size: int, rng: np.random.Generator) -> Any:
    """Return contexts, `[size, ...]`: of every arm in [0, 1], or shared and always 1."""
    shape = subject.context_shape
    if shape is None:
        return None
    if len(shape) == 1:
        return np.ones((size, *shape))
    return rng.random((size, *shape))


@law(
    "Every arm gets its chance",
    scope="Everyone; not a fixed arm, nor greedy play.",
    examples=lambda s: {
        "gain": st.lists(
            st.sampled_from([0.0, 0.5, 0.75]),
            min_size=s.arms,
            max_size=s.arms,
        ),
    },
    max_examples=6,
)
def chance(subject: Subject, gain: list[float]) -> None:
    """Whatever the first arms gave, within 1,000 rounds of each run that lasts so long.

    ``gain`` is each arm's reward, from 0 for the least to 1 for the most. None is perfect, for
    beside a perfect arm Thompson sampling may wait long to look at another. Play that explores
    5 % of its rounds evenly misses one of 4 arms with probability 4e-6.
    """
    size, rng = _size(subject), np.random.default_rng(0)
    crowd = Crowd(subject, size, seed=2)
    pulls = np.zeros((size, subject.arms))
    low, high = subject.rewards
    gains = low + (high - low) * np.asarray(gain)
    for _ in range(CHANCE):
        if (pulls > 0).all() or not crowd.playing.any():
            break
        arm = crowd.select(_context(subject, size, rng))
        pulls[np.arange(size), arm] += crowd.playing
        crowd.update(arm, gains[arm], subject.usual_cost(size))
    missed = (pulls == 0) & crowd.playing[:, None]
    if missed.any():
        run, arm = np.argwhere(missed)[0].tolist()
        raise AssertionError(f"in {CHANCE} rounds run {run} never pulled arm {arm}.")


@law(
    "An arm that began badly gets another chance",
    scope="Everyone; not a fixed arm, nor greedy play, nor commitment after one look.",
    examples=lambda s: {"best": st.integers(0, s.arms - 1)},
    max_examples=3,
)
def second_chance(subject: Subject, best: int) -> None:
    """One arm gives the least at first and then the most, the others always the middle.

    Within 1,500 rounds of each run that lasts so long the arm is pulled again.
    """
    size, rng = _size(subject), np.random.default_rng(0)
    crowd = Crowd(subject, size, seed=3)
    low, high = subject.rewards
    pulls = np.zeros(size)
    for _ in range(CHANCE + CHANCE // 2):
        if (pulls > 1).all() or not crowd.playing.any():
            break
        arm = crowd.select(_context(subject, size, rng))
        gain = np.where(arm == best, np.where(pulls > 0, high, low), (low + high) / 2)
        pulls += (arm == best) & crowd.playing
        crowd.update(arm, gain, subject.usual_cost(size))
    missed = (pulls < 2) & crowd.playing  # noqa: PLR2004 - the first pull and another one
    if missed.any():
        times = int(pulls[missed.argmax()])
        raise AssertionError(f"a run pulled the best arm {times} times.")


def _gain(subject: Subject, value: Float, cost: Float, rewards: Any, **options: Any) -> float:
    """Return how far above uniform play a crowd came, in standard deviations of that.

    It looks ten times, every 300 rounds, and stops when it has seen enough.

    Arm ``a`` of run ``r`` is worth ``value[r, a]``, in context its first feature.
    """
    size, rng = len(value), np.random.default_rng(1)
    crowd, rows = Crowd(subject, size, seed=4, **options), np.arange(len(value))
    gained, variance = 0.0, 0.0
    for t in range(LOOKS * ROUNDS):
        playing = crowd.playing
        enough = t % ROUNDS == 0 and gained > SIGMAS * math.sqrt(variance)
        if enough or not playing.any():
            break
        context = _context(subject, size, rng)
        per_arm = context is not None and context.ndim > 2  # noqa: PLR2004 - [runs, arms, d]
        worth = context[..., 0] if per_arm else value
        arm = crowd.select(context)
        paid = cost[rows, arm]
        spent = (
            paid
            if subject.resources is None
            else np.repeat(paid[:, None], subject.resources, 1)
        )
        crowd.update(arm, rewards(worth, arm, rng), spent)
        above = worth[rows, arm] - worth.mean(1)
        gained += float(above[playing].sum())
        variance += float(worth.var(1)[playing].sum())
    return gained / math.sqrt(variance)


def _has_time(subject: Subject) -> str | None:
    if subject.arms == 1:
        return "with one arm there is nothing to learn"
    if subject.lifetime is not None and subject.lifetime < SHORT:
        return f"it ends after {subject.lifetime} rounds"
    return None


@law(
    "What it sees changes what it does: it beats uniform play",
    scope="Learners; not uniform play, nor a fixed arm, nor policies that end within 100 "
    "rounds.",
    applies=_has_time,
)
def learns(subject: Subject) -> None:
    """One arm succeeds with probability .9, the others with .1: each is the best once.

    The gain beats uniform play's by 6 standard deviations within 3,000 rounds: uniform play
    does so with probability 1e-8, a fixed arm never.
    """
    low, high = subject.rewards
    size = _size(subject)
    mean = np.where(np.eye(subject.arms, dtype=np.bool_), 0.9, 0.1)
    mean = np.tile(mean, (size // subject.arms, 1))
    rows = np.arange(size)

    def rewards(mean: Float, arm: Any, rng: np.random.Generator) -> Float:
        return np.where(rng.random(size) < mean[rows, arm], high, low)

    gain = _gain(subject, mean, np.full(mean.shape, sum(subject.costs) / 2), rewards)
    if not gain > SIGMAS:
        raise AssertionError(f"it is {gain:.1f} standard deviations above uniform play.")


def _prices(subject: Subject) -> str | None:
    if not subject.offers("objective"):
        return "`make_policy` takes no `objective`"
    try:
        subject.make(seed=0, objective=Net(0.5))
    except ValueError as error:
        return f"it refuses `Net`: {error}"
    return _has_time(subject)


@law(
    "Of equal arms it prefers the cheap one under a net objective",
    scope="Learners that take an objective and do not refuse `Net`.",
    applies=_prices,
)
def cost_aware(subject: Subject) -> None:
    """All give the middle, one costs the least and the others the most: each is cheap once."""
    low, high = subject.rewards
    size, middle = _size(subject), (low + high) / 2
    least, most = subject.costs
    cost = np.where(np.eye(subject.arms, dtype=np.bool_), least, most)
    cost = np.tile(cost, (size // subject.arms, 1))

    def rewards(mean: Float, arm: Any, rng: np.random.Generator) -> Float:
        del mean, arm, rng
        return np.full(size, middle)

    gain = _gain(subject, -0.5 * cost, cost, rewards, objective=Net(0.5))
    if not gain > SIGMAS:
        raise AssertionError(f"it is {gain:.1f} standard deviations above uniform play.")


LAWS = (chance, second_chance, learns, cost_aware)
