"""Every memory against a recomputation from the whole history, and what it forgets."""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from banditsplit import ArmStats, Net, Policy, compose, load
from banditsplit._typing import Bool, Float
from banditsplit.indices import KLUCB, UCB, BetaThompson, Exploring, Greedy, Index
from banditsplit.memories import (
    CUSUM,
    GLR,
    Detector,
    Discounted,
    Full,
    Memory,
    Restarting,
    SlidingWindow,
    tuned_discount,
    tuned_window,
)
from banditsplit.memories._detectors import GLRState


@dataclass(frozen=True)
class Round:
    """What every run saw: `[runs, arms]`, and which runs had feedback, `[runs]`."""

    value: Float
    seen: Bool  # nothing outside `where`, exactly the pulled arm and what was revealed inside
    pulled: Any
    where: Bool


def history(rng: np.random.Generator, rounds: int, runs: int, arms: int) -> list[Round]:
    """Rounds with side observations, of which a fifth of the runs has no feedback."""
    made = []
    for _ in range(rounds):
        where = rng.random(runs) < 0.8
        pulled = rng.integers(arms, size=runs)
        seen = rng.random((runs, arms)) < 0.2
        seen[np.arange(runs), pulled] = True
        seen &= where[:, None]
        made.append(Round(rng.random((runs, arms)), seen, pulled, where))
    return made


@st.composite
def histories(draw: st.DrawFn) -> list[Round]:
    """1-4 runs of 1-4 arms over 1-60 rounds."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return history(
        rng, draw(st.integers(1, 60)), draw(st.integers(1, 4)), draw(st.integers(1, 4))
    )


def feed(memory: Memory, state: Any, told: Round) -> None:
    """Let many runs live through a round: the pulls first, then what was revealed."""
    arms = told.value.shape[1]
    pulls = np.flatnonzero(told.where) * arms + told.pulled[told.where]
    side = np.setdiff1d(np.flatnonzero(told.seen), pulls)
    flat = told.value.reshape(-1)
    memory.observe(state, pulls, flat[pulls])
    memory.observe(state, side, flat[side])
    memory.advance(state, None if told.where.all() else told.where)


def feed_one(memory: Memory, state: Any, told: Round, run: int) -> None:
    """Let one run alone live through it, through the one-run door's scalars."""
    if not told.where[run]:
        return
    pulled = int(told.pulled[run])
    memory.observe(state, pulled, float(told.value[run, pulled]))
    side = np.setdiff1d(np.flatnonzero(told.seen[run]), [pulled])
    if side.size:
        memory.observe(state, side, told.value[run, side])
    memory.advance(state, None)


def weighted(weights: Float, told: list[Round], run: int) -> tuple[Float, Float, Float]:
    """Pulls, means and variances of one run from its whole history."""
    value = np.array([r.value[run] for r in told])
    weight = weights[:, None] * np.array([r.seen[run] for r in told])
    pulls = weight.sum(0)
    some = np.where(pulls > 0, pulls, 1.0)
    mean = (weight * value).sum(0) / some
    return pulls, mean, (weight * (value - mean) ** 2).sum(0) / some


def lived(told: list[Round], run: int) -> list[Round]:
    """The rounds that passed for this run."""
    return [r for r in told if r.where[run]]


Oracle = Callable[[int], tuple[Float, float]]  # rounds passed: weights oldest first, t to see


def discounted(discount: float) -> Oracle:
    """Weights by age, and their sum with the coming round."""
    return lambda n: (
        np.power(discount, np.arange(n - 1, -1, -1, dtype=np.float64)),
        math.fsum(discount**k for k in range(n + 1)),
    )


def windowed(window: int) -> Oracle:
    """The last ones alone."""
    return lambda n: (np.where(np.arange(n) >= n - window, 1.0, 0.0), float(min(n + 1, window)))


REMEMBERING = [
    (Full(), discounted(1.0)),
    (Discounted(1.0), discounted(1.0)),
    (Discounted(0.9), discounted(0.9)),
    (Discounted(0.3), discounted(0.3)),
    (SlidingWindow(1), windowed(1)),
    (SlidingWindow(2), windowed(2)),
    (SlidingWindow(7), windowed(7)),
    (SlidingWindow(1000), windowed(1000)),
]
NEVER = CUSUM(threshold=1e9, tolerance=0.0, baseline=1)
EASY = CUSUM(threshold=0.7, tolerance=0.05, baseline=2)  # cries often
MEMORIES = [
    *(memory for memory, _ in REMEMBERING),
    Restarting(NEVER),
    Restarting(EASY),
    Restarting(EASY, every_arm=False),
    Restarting(GLR(0.5, every=1)),
]
every_memory = pytest.mark.parametrize("memory", MEMORIES, ids=repr)


def agrees(stats: ArmStats, run: int, told: list[Round], oracle: Oracle) -> bool:
    """Whether the statistics of a run are those of its history."""
    weights, t = oracle(len(told))
    shape = stats.mean.shape[-1]
    if told:
        expected = weighted(weights, told, run)
    else:
        expected = (np.zeros(shape), np.zeros(shape), np.zeros(shape))
    variance = stats.variance
    assert variance is not None
    found = (np.atleast_2d(a)[run] for a in (stats.pulls, stats.mean, variance))
    seen_t = np.ravel(stats.t if stats.effective is None else stats.effective)[run]
    close = all(
        np.allclose(f, e, rtol=1e-9, atol=1e-12) for f, e in zip(found, expected, strict=True)
    )
    return close and math.isclose(seen_t, t, rel_tol=1e-9)


@pytest.mark.parametrize(
    ("memory", "oracle"),
    REMEMBERING,
    ids=lambda part: "oracle" if callable(part) else repr(part),
)
@given(told=histories())
@settings(max_examples=25)
def test_a_memory_is_its_weighted_history(
    memory: Memory, oracle: Oracle, told: list[Round]
) -> None:
    """After every round, for every run, with side observations and runs without feedback."""
    runs, arms = told[0].value.shape
    state = memory.empty(runs, arms, variance=True)
    for n, one in enumerate(told, start=1):
        feed(memory, state, one)
        stats = memory.stats(state)
        for run in range(runs):
            own = lived(told[:n], run)
            assert agrees(stats, run, own, oracle)
            assert stats.t[run, 0] == len(own) + 1
        assert stats.untried == np.count_nonzero(stats.pulls == 0)


def test_a_window_that_is_one_too_long_is_noticed() -> None:
    """The control."""
    told = history(np.random.default_rng(0), 40, 1, 2)
    state = SlidingWindow(8).empty(1, 2, variance=True)
    for one in told:
        feed(SlidingWindow(8), state, one)

    own, stats = lived(told, 0), SlidingWindow(8).stats(state)
    assert agrees(stats, 0, own, windowed(8))
    assert not agrees(stats, 0, own, windowed(7))
    assert not agrees(stats, 0, own, discounted(0.9))


@every_memory
@given(told=histories())
@settings(max_examples=25)
def test_a_batch_is_its_runs_side_by_side(memory: Memory, told: list[Round]) -> None:
    """Bit for bit, through either door: no run sees another, nor waits for it."""
    runs, arms = told[0].value.shape
    together = memory.empty(runs, arms, variance=True)
    alone = [memory.empty(None, arms, variance=True) for _ in range(runs)]
    for one in told:
        feed(memory, together, one)
        for run, state in enumerate(alone):
            feed_one(memory, state, one, run)
    stats = memory.stats(together)
    untried = 0
    for run, state in enumerate(alone):
        own = memory.stats(state)
        assert own.pulls.tobytes() == stats.pulls[run].tobytes()
        assert own.mean.tobytes() == stats.mean[run].tobytes()
        assert own.variance is not None
        assert stats.variance is not None
        assert own.variance.tobytes() == stats.variance[run].tobytes()
        assert (own.t, own.effective) == (
            stats.t[run, 0],
            None if stats.effective is None else stats.effective[run, 0],
        )
        untried += own.untried
    assert stats.untried == untried


@every_memory
@given(told=histories(), data=st.data())
@settings(max_examples=15)
def test_renaming_the_arms_renames_what_is_remembered(
    memory: Memory, told: list[Round], data: st.DataObject
) -> None:
    runs, arms = told[0].value.shape
    order = np.array(data.draw(st.permutations(range(arms))))
    plain, renamed = (memory.empty(runs, arms, variance=True) for _ in range(2))
    for one in told:
        feed(memory, plain, one)
        place = np.argsort(order)[one.pulled]
        feed(memory, renamed, Round(one.value[:, order], one.seen[:, order], place, one.where))

    assert memory.stats(renamed).mean.tobytes() == memory.stats(plain).mean[:, order].tobytes()


@every_memory
@pytest.mark.parametrize("runs", [None, 2])
def test_a_memory_keeps_variances_only_where_it_is_asked_to(
    memory: Memory, runs: int | None
) -> None:
    kept = [
        memory.stats(memory.empty(runs, 3, **asked)).variance
        for asked in ({}, {"variance": False}, {"variance": True})
    ]

    assert kept[0] is kept[1] is None
    assert kept[2] is not None


def one_arm(memory: Memory, values: list[float]) -> ArmStats:
    """What one run of one arm remembers."""
    state = memory.empty(None, 1, variance=True)
    for value in values:
        memory.observe(state, 0, value)
        memory.advance(state, None)
    return memory.stats(state)


def test_a_discount_on_paper() -> None:
    """Values 1, 0, 1 at .5: weights .25, .5, 1; n_t(.5) of round 4 is 1.875."""
    stats = one_arm(Discounted(0.5), [1.0, 0.0, 1.0])

    assert stats.pulls.tolist() == [1.75]
    assert stats.mean[0] == pytest.approx(1.25 / 1.75)
    assert (stats.t, stats.effective) == (4, 1.875)


@pytest.mark.parametrize("huge", [1e16, -1e200, 1e300])
@pytest.mark.parametrize("rounds", range(3, 9))
def test_a_window_forgets_without_a_trace(huge: float, rounds: int) -> None:
    """Whatever fell out of it, the state seen is that of a run that never met it."""
    after = [0.1 * k for k in range(rounds)]
    memory = SlidingWindow(3)
    states = [memory.empty(None, 1, variance=False) for _ in range(2)]
    for state, first in zip(states, (huge, 0.5), strict=True):
        for value in [first, *after]:
            memory.observe(state, 0, value)
            memory.advance(state, None)
    met, spared = (memory.stats(state) for state in states)

    assert met.mean.tobytes() == spared.mean.tobytes()
    assert met.mean[0] == pytest.approx(np.mean(after[-3:]), rel=1e-15)


def test_an_arm_becomes_untried_when_its_last_pull_leaves_the_window() -> None:
    policy = compose(2, UCB(), memory=SlidingWindow(3), seed=0)
    for arm in (0, 1, 1, 1):
        policy.update(arm, 0.5)

    assert policy.stats.pulls.tolist() == [0.0, 3.0]
    assert (policy.stats.untried, policy.stats.mean[0]) == (1, 0.0)
    assert policy.select() == 0


def test_a_faded_arm_becomes_untried_before_its_weight_leaves_the_floats() -> None:
    """.1 ** 101 is below 1e-100; a plain product would become 0 after 324 rounds, unnoticed."""
    policy = compose(2, UCB(), memory=Discounted(0.1), seed=0)
    policy.update(0, 0.5)
    for rounds in range(110):
        assert policy.stats.untried == (1 if rounds == 0 or rounds > 100 else 0)
        policy.update(1, 0.5)

    assert policy.stats.pulls[0] == policy.stats.mean[0] == 0.0
    assert policy.select() == 0


def test_an_arm_is_forgotten_below_the_faintest_weight_and_not_at_it() -> None:
    """A round leaves 1e-100 of a pull, which still counts, and the next one less than that."""
    policy = compose(2, UCB(), memory=Discounted(1e-100), seed=0)
    policy.update(0, 0.5)
    pulls = []
    for _ in range(3):
        policy.update(1, 0.25)
        pulls.append(policy.stats.pulls[0])

    assert pulls == [1e-100, 0.0, 0.0]


@pytest.mark.parametrize("memory", [Discounted(0.99), SlidingWindow(150)], ids=repr)
def test_errors_do_not_add_up_over_twenty_thousand_rounds(memory: Memory) -> None:
    """With values of very different size: as exact as after a thousand rounds."""
    rng = np.random.default_rng(3)
    values = (rng.random(20_000) * 10.0 ** rng.integers(-3, 7, 20_000)).tolist()
    values[-2000:] = rng.random(2000).tolist()
    weights, _ = (discounted(0.99) if isinstance(memory, Discounted) else windowed(150))(2000)
    recent = np.array(values[-2000:])
    mean = np.average(recent, weights=weights)
    variance = np.average((recent - mean) ** 2, weights=weights)
    stats = one_arm(memory, values)

    assert stats.variance is not None
    old = 1e6 * 0.99**2000  # what is left of the large ones under discounting
    tolerance = old if isinstance(memory, Discounted) else 0.0
    assert stats.mean[0] == pytest.approx(mean, rel=1e-13, abs=tolerance)
    assert stats.variance[0] == pytest.approx(
        variance, rel=1e-12, abs=1e12 * 0.99**2000 if tolerance else 0
    )


def test_a_running_sum_that_gives_back_is_noticed() -> None:
    """The control: the same stream, with what leaves subtracted, is far off."""
    rng = np.random.default_rng(3)
    values = rng.random(20_000) * 10.0 ** rng.integers(-3, 7, 20_000)
    values[-2000:] = rng.random(2000)
    total = 0.0
    for n, value in enumerate(values):
        total += value - (values[n - 150] if n >= 150 else 0.0)

    assert total / 150 != pytest.approx(values[-150:].mean(), rel=1e-13)


@dataclass(frozen=True)
class Watchful(Index):
    """Reads all that there is, so that every part of a memory bears on the decision."""

    needs_variance = True

    def __call__(self, stats: ArmStats, rng: np.random.Generator) -> Float:
        del rng
        assert stats.variance is not None
        width: Float = np.sqrt((stats.variance + 0.1) * np.log(stats.t) / stats.pulls)
        return stats.mean + width


def decisions(policy: Policy, rng: np.random.Generator, rounds: int = 60) -> list[Any]:
    """Decisions in a world where the best arm changes, with side observations."""
    shape = (3,) if policy.runs is None else (policy.runs, 3)
    made = []
    for n in range(rounds):
        arm = np.asarray(policy.select())
        made.append(arm.tolist())
        reward = (rng.random(shape) < np.roll([0.2, 0.5, 0.9], n // 25)) * 1.0
        revealed = rng.random(shape) < 0.3
        np.put_along_axis(revealed, arm[..., None], values=False, axis=-1)
        zeros = np.zeros(shape)
        side = {"revealed": revealed, "reward": reward, "cost": zeros, "kind": "observed"}
        gained = np.take_along_axis(reward, arm[..., None], -1)[..., 0]
        policy.update(arm if policy.runs else int(arm), gained, side=side)
    return made


@every_memory
@pytest.mark.parametrize("runs", [None, 3])
def test_a_memory_is_saved_mid_way_bit_for_bit(
    memory: Memory, runs: int | None, tmp_path: Path
) -> None:
    policy = compose(3, Watchful(), memory=memory, side_observations=True, runs=runs, seed=0)
    rng = np.random.default_rng(1)
    decisions(policy, rng)
    policy.save(tmp_path / "policy.json")
    loaded = load(tmp_path / "policy.json", parts=(Watchful,))
    other = copy.deepcopy(rng)

    assert loaded.recipe == policy.recipe
    assert decisions(policy, rng, 150) == decisions(loaded, other, 150)
    assert policy.stats.mean.tobytes() == loaded.stats.mean.tobytes()


@pytest.mark.parametrize("memory", [Discounted(1.0), SlidingWindow(10**4), Restarting(NEVER)])
@pytest.mark.parametrize("runs", [None, 3])
def test_a_memory_that_never_lets_go_decides_as_full_does(
    memory: Memory, runs: int | None
) -> None:
    forever, full = (
        compose(3, UCB(), memory=m, side_observations=True, runs=runs, seed=0)
        for m in (memory, Full())
    )
    same = [decisions(p, np.random.default_rng(1), 200) for p in (forever, full)]

    assert same[0] == same[1]


@pytest.mark.parametrize(
    ("memory", "effective"),
    [(Discounted(0.5), [[1.0], [1.75]]), (SlidingWindow(2), [[1], [2]])],
)
def test_the_round_stays_visible_beside_what_counts(memory: Memory, effective: Any) -> None:
    """Run 0 never had feedback; run 1 had it twice."""
    policy = compose(2, UCB(), memory=memory, runs=2, seed=0)
    for _ in range(2):
        policy.update(np.array([0, 1]), np.array([0.5, 0.5]), where=np.array([False, True]))
    stats = policy.stats

    assert policy.round.tolist() == stats.t.tolist() == [[1], [3]]
    assert stats.effective.tolist() == effective
    stats.effective[...] = 99  # a copy
    assert policy.stats.effective.tolist() == effective


# Detectors


def cries(detector: Detector, values: Float) -> list[int]:
    """The first cry of each row of `[rows, n]`, from 1; 0 for none."""
    state = detector.empty(len(values), 1)
    first = np.zeros(len(values), np.int64)
    for n in range(values.shape[1]):
        crying = detector.observe(state, np.arange(len(values)), values[:, n])
        first[(first == 0) & crying] = n + 1
    return [int(n) for n in first]


def cusum_by_hand(detector: CUSUM, values: Float) -> int:
    """Alg. 3 of the paper, as a loop."""
    u = values[: detector.baseline].mean()
    up = down = 0.0
    for k, y in enumerate(values[detector.baseline :], start=detector.baseline + 1):
        up = max(0.0, up + y - u - detector.tolerance)
        down = max(0.0, down + u - y - detector.tolerance)
        if up >= detector.threshold or down >= detector.threshold:
            return k
    return 0


def kl(p: float, q: float) -> float:
    """The divergence of Bernoulli laws."""
    return sum(a * math.log(a / b) for a, b in ((p, q), (1 - p, 1 - q)) if a > 0)


def ratio(values: Float, split: int) -> float:
    """The statistic as it is printed."""
    one, two, both = values[:split].mean(), values[split:].mean(), values.mean()
    return split * kl(one, both) + (len(values) - split) * kl(two, both)


def test_cusum_is_the_papers_loop() -> None:
    detector = CUSUM(threshold=2.0, tolerance=0.1, baseline=10)
    values = np.random.default_rng(0).random((40, 150))
    values[:20, 80:] **= 3
    found = cries(detector, values)

    assert found == [cusum_by_hand(detector, row) for row in values]
    assert 0 in found
    assert len(set(found)) > 5


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-3.0, 2.0)])
def test_glr_is_the_printed_statistic_where_all_splits_are_kept(
    low: float, high: float
) -> None:
    """The last 8 splits and every even one of the last 16: all of them for 8 values."""
    rng = np.random.default_rng(0)
    values = (
        np.where(np.arange(8) < 4, rng.random((60, 8)) < 0.1, rng.random((60, 8)) < 0.9) * 1.0
    )
    detector = GLR(0.9, every=1, low=low, high=high)
    expected = []
    for row in values:
        over = [
            n
            for n in range(2, 9)
            if max(ratio(row[:n], s) for s in range(1, n)) >= math.log(3 * n**1.5 / 0.9)
        ]
        expected.append(over[0] if over else 0)

    assert cries(detector, low + (high - low) * values) == expected
    assert len(set(expected)) > 2


@given(n=st.integers(2, 5000), seed=st.integers(0, 1000))
@settings(max_examples=40)
def test_glr_keeps_a_split_near_every_age(n: int, seed: int) -> None:
    """Its largest ratio lies between that of the splits it promises and that of all."""
    from banditsplit.memories._detectors import _largest_ratio  # noqa: PLC0415 - an inner part

    values = bernoulli(np.random.default_rng(seed).random(n), 0.5)
    detector = GLR(1e-9, every=10**6)
    state = detector.empty(None, 1)
    for value in values:
        detector.observe(state, np.zeros(1, np.int64), np.array([value]))
    found = _largest_ratio(state.count, state.total, state.split)[0]
    kept = sorted(
        {m << level for level in range(20) for m in range((n >> level) - 7, (n >> level) + 1)}
        & set(range(1, n))
    )
    for split in range(1, n, max(1, n // 50)):
        assert min(abs(split - k) for k in kept) <= (n - split) / 3
    assert found == pytest.approx(max(ratio(values, k) for k in kept), abs=1e-9)


def glr_after(first: int, then: int, shares: tuple[float, float]) -> GLRState:
    """What a `GLR` knows of an arm that gave one share always, and another later.

    After its docstring: the sum of the first ``k * 2**level`` values, for the latest 8 ``k``.
    """
    n = first + then
    state = GLR(0.5).empty(None, 1)
    state.count[0] = n

    def total(s: int) -> float:
        return shares[0] * min(s, first) + shares[1] * max(s - first, 0)

    state.total[0] = total(n)
    levels, splits = state.split.shape[1:]
    for level in range(levels):
        for k in range(max((n >> level) - splits + 1, 0), (n >> level) + 1):
            state.split[0, level, k % splits] = total(k << level)
    return state


@pytest.mark.parametrize(
    ("first", "then", "found"),
    [(2**20, 3 * 2**20, True), (2**19, 7 * 2**19, True), (2**19, 12 * 2**19, False)],
)
def test_glr_finds_a_change_of_up_to_four_million_values_ago(
    first: int,
    then: int,
    found: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """One that is 1.2 times as clear as it must be at its own split, and at no other is."""
    detector, shares = GLR(0.01, every=1), (0.5, 0.5)
    n = first + then

    def clear(shares: tuple[float, float]) -> float:
        one, two = shares
        both = (first * one + then * two) / n
        return first * kl(one, both) + then * kl(two, both)

    threshold = math.log(3 * n**1.5 / 0.01)
    while clear(shares) < 1.2 * threshold:
        shares = (0.5, shares[1] + 1e-5)
    state = glr_after(first, then, shares)

    cried = detector.observe(state, np.zeros(1, np.int64), np.array([shares[1]]))

    assert cried.tolist() == [found]


@pytest.mark.parametrize(
    "detector", [GLR(0.5, every=1), CUSUM(threshold=1.0, tolerance=0.1, baseline=3)], ids=repr
)
def test_after_a_cry_a_detector_is_as_new(detector: Any) -> None:
    """The arm that was forgotten; the other one goes on."""
    rng = np.random.default_rng(0)
    both, one = np.arange(2), np.zeros(1, np.int64)
    used, fresh, alone = (
        detector.empty(None, 2),
        detector.empty(None, 1),
        detector.empty(None, 1),
    )
    for value in rng.random(30):
        detector.observe(used, both, np.array([value, value]))
        detector.observe(alone, one, np.array([value]))
    detector.forget(used, np.array([True, False]))
    cried = []
    for value in np.repeat([0.2, 0.9], 20):
        found = detector.observe(used, both, np.array([value, value]))
        expected = [
            detector.observe(state, one, np.array([value]))[0] for state in (fresh, alone)
        ]
        assert found.tolist() == expected
        cried.append(expected[0])
    for name in ("total", "mean"):
        if hasattr(used, name):
            assert getattr(used, name).tolist() == [getattr(s, name)[0] for s in (fresh, alone)]

    assert True in cried


def bernoulli(uniform: Float, mean: float) -> Float:
    """Values 0 and 1 from uniform ones."""
    return np.where(uniform < mean, 1.0, 0.0)


STATIONARY = np.random.default_rng(5).random((400, 1000))


def alarm_rate(detector: CUSUM | GLR, mean: float) -> float:
    """The share of 400 Bernoulli streams of 1,000 values in which it cries."""
    return float(np.mean([n > 0 for n in cries(detector, bernoulli(STATIONARY, mean))]))


@pytest.mark.parametrize("mean", [0.1, 0.5, 0.9])
def test_glr_cries_wolf_less_often_than_delta(mean: float) -> None:
    """delta = .05 over 1,000 values; with exactly that rate more than 40 of 400 streams would
    cry with probability 2e-5."""
    assert alarm_rate(GLR(0.05, every=1), mean) <= 0.1


def test_cusum_with_a_high_threshold_rarely_cries_wolf() -> None:
    """In at most 4 % of the streams: the baseline of 100 values is more than .1 off in 3.5 %;
    else a walk of +-.5 - .1 reaches 15 from one of 1,000 starts with probability below
    1,000 * exp(-.8 * 15), .6 %. More than 40 of 400 would then be below 2e-6 (Chernoff)."""
    assert alarm_rate(CUSUM(threshold=15.0, tolerance=0.2, baseline=100), 0.5) <= 0.1


def test_a_detector_that_fires_at_random_values_is_noticed() -> None:
    """The control: thresholds far too low cry in nearly every stream."""
    assert alarm_rate(GLR(0.999999, every=1), 0.5) < 0.5
    assert alarm_rate(CUSUM(threshold=3.0, tolerance=0.0, baseline=10), 0.5) > 0.9


@pytest.mark.parametrize(
    ("detector", "delay"),
    [(GLR(0.01), 100), (CUSUM(threshold=8.0, tolerance=0.2, baseline=50), 100)],
    ids=repr,
)
def test_a_change_is_found_soon(detector: CUSUM | GLR, delay: int) -> None:
    """.2 becomes .8 after 200 values: within 100 more in each of 300 streams.

    With .6 or more of the 100 new values 1 (else: 2e-6 a stream), the ratio is at least 23
    and GLR needs 14.3. CUSUM's sum reaches 8 if the new values exceed its baseline by .28 on
    average; they do by .6 +- .07 (else: 2e-6). Over all streams, 6e-4.
    """
    rng = np.random.default_rng(8)
    values = np.concatenate([rng.random((300, 200)) < 0.2, rng.random((300, 200)) < 0.8], 1)
    found = np.array(cries(detector, values * 1.0))
    late = found[(found == 0) | (found > 200)]

    assert len(late) >= 280  # the others cried before the change
    assert ((late > 200) & (late <= 200 + delay)).all()


@dataclass(frozen=True)
class Deaf:
    """A planted fault: a detector that hears nothing."""

    def empty(self, runs: int | None, arms: int) -> Any:
        return GLR(0.01).empty(runs, arms)

    def observe(self, state: Any, cell: Any, value: Float) -> Bool:
        del state, value
        return np.zeros(len(cell), np.bool_)

    def forget(self, state: Any, which: Bool) -> None:
        del state, which


def found_by(detector: Any) -> bool:
    """Whether a change of arm 1 of 2 makes a memory start afresh."""
    policy = compose(2, UCB(), memory=Restarting(detector), seed=0)
    for n in range(400):
        policy.update(n % 2, float(n % 2 == 1 and n > 200))
    return bool(policy.stats.effective < policy.round)


def test_unless_told_otherwise_a_cry_makes_every_arm_start_afresh() -> None:
    assert Restarting(GLR(0.01)) == Restarting(GLR(0.01), every_arm=True)


def test_a_deaf_detector_is_noticed() -> None:
    assert found_by(GLR(0.01))
    assert found_by(CUSUM(threshold=5.0, tolerance=0.1, baseline=20))
    assert not found_by(Deaf())


@dataclass(frozen=True)
class OnTwo:
    """Cries at every 2."""

    def empty(self, runs: int | None, arms: int) -> Any:
        return NEVER.empty(runs, arms)

    def observe(self, state: Any, cell: Any, value: Float) -> Bool:
        NEVER.observe(state, cell, value)
        crying: Bool = value == 2.0
        return crying

    def forget(self, state: Any, which: Bool) -> None:
        NEVER.forget(state, which)


@pytest.mark.parametrize("every_arm", [True, False])
@given(told=histories())
@settings(max_examples=40)
def test_a_restart_forgets_what_came_before(every_arm: bool, told: list[Round]) -> None:  # noqa: FBT001 - a parameter of the test
    """Against the history since the last cry: of any arm, or of the arm itself."""
    memory = Restarting(OnTwo(), every_arm=every_arm)
    runs, arms = told[0].value.shape
    state = memory.empty(runs, arms, variance=True)
    told = [
        Round(np.where(r.value > 0.9, 2.0, r.value), r.seen, r.pulled, r.where) for r in told
    ]
    for one in told:
        feed(memory, state, one)
    stats = memory.stats(state)
    for run in range(runs):
        own = lived(told, run)
        cried = [r.seen[run] & (r.value[run] == 2.0) for r in own]
        begin = np.zeros(arms, np.int64)
        for n, arms_crying in enumerate(cried, start=1):
            begin[...] = np.where(arms_crying.any() if every_arm else arms_crying, n, begin)
        for arm in range(arms):
            values = [r.value[run, arm] for r in own[begin[arm] :] if r.seen[run, arm]]
            assert stats.pulls[run, arm] == len(values)
            assert stats.mean[run, arm] == pytest.approx(np.mean(values) if values else 0.0)
            assert stats.variance is not None
            spread = np.var(values) if values else 0.0
            assert stats.variance[run, arm] == pytest.approx(spread, abs=1e-12)
        since = len(own) + 1 - begin[0]
        known = min(len(own) + 1, int(stats.pulls[run].sum()) + 1)
        assert stats.effective[run, 0] == (since if every_arm else known)
        assert stats.t[run, 0] == len(own) + 1
    assert stats.untried == np.count_nonzero(stats.pulls == 0)


# Exploring


def test_exploring_draws_every_arm_with_its_share() -> None:
    """.3 of 40,000 runs see zeros, within five standard errors (below 1e-6); the others the
    index."""
    n = 40_000
    shape = (n, 2)
    stats = ArmStats(
        t=np.full((n, 1), 5), pulls=np.ones(shape), mean=np.tile([0.5, 0.25], (n, 1)), untried=0
    )
    scores = Exploring(Greedy(0.0), 0.3)(stats, np.random.default_rng(0))
    exploring = (scores == 0).all(1)

    assert abs(exploring.mean() - 0.3) < 5 * math.sqrt(0.21 / n)
    assert (scores[~exploring] == [0.5, 0.25]).all()


def test_exploring_is_the_index_where_its_share_is_nothing() -> None:
    plain, wrapped = (compose(3, i, seed=4) for i in (UCB(), Exploring(UCB(), 0.0)))

    for policy in (plain, wrapped):
        policy.update(1, 0.5)
    assert Exploring(UCB(), 0.0)(plain.stats, np.random.default_rng(0))[0] == np.inf
    assert (
        {plain.select() for _ in range(50)} == {wrapped.select() for _ in range(50)} == {0, 2}
    )


def test_exploring_needs_and_allows_what_its_index_does() -> None:
    assert Exploring(BetaThompson(), 0.1).support == (0.0, 1.0)
    assert Exploring(Watchful(), 0.1).needs_variance
    assert not Exploring(UCB(), 0.1).needs_variance
    policy = compose(2, Exploring(Watchful(), 0.1), memory=SlidingWindow(3))
    assert policy.stats.variance is not None


# Tuning and bad input


def test_tuning_is_the_papers() -> None:
    """At 10,000 rounds: 1 - 1/400 for one change; 2 sqrt(10,000 * 9.2103) = 606.97."""
    assert tuned_discount(10_000, 1) == 0.9975
    assert tuned_discount(10_000, 4, span=2.0) == 1 - 0.02 / 8
    assert tuned_window(10_000, 1) == 607
    assert tuned_window(10_000, 4, span=2.0) == 607
    assert (tuned_discount(100, 0), tuned_window(100, 0)) == (1.0, 100)
    assert (tuned_window(1, 1), tuned_window(10, 1)) == (1, 10)


BAD: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: Discounted(0.0), ValueError, "`discount` must lie in"),
    (lambda: Discounted(1.01), ValueError, "`discount` must lie in"),
    (lambda: Discounted(-0.5), ValueError, "`discount` must lie in"),
    (lambda: Discounted(1e-200), ValueError, "`discount` must lie in"),
    (lambda: Discounted(math.nan), ValueError, "`discount` must be a finite"),
    (lambda: Discounted("0.5"), TypeError, "`discount` must be a finite"),  # type: ignore[arg-type]
    (lambda: SlidingWindow(0), ValueError, "`window` must be an integer of at least 1"),
    (lambda: SlidingWindow(-3), ValueError, "`window` must be an integer of at least 1"),
    (lambda: SlidingWindow(2.5), TypeError, "`window` must be an integer"),  # type: ignore[arg-type]
    (lambda: SlidingWindow(True), TypeError, "`window` must be an integer"),  # noqa: FBT003 - the bad input
    (lambda: CUSUM(0.0, 0.1, 10), ValueError, "`threshold` must be positive"),
    (lambda: CUSUM(1.0, -0.1, 10), ValueError, "`tolerance` must not be negative"),
    (lambda: CUSUM(1.0, 0.1, 0), ValueError, "`baseline` must be an integer"),
    (lambda: GLR(0.0), ValueError, "`delta` must lie in"),
    (lambda: GLR(1.0), ValueError, "`delta` must lie in"),
    (lambda: GLR(0.1, every=0), ValueError, "`every` must be an integer"),
    (lambda: GLR(0.1, low=1.0), ValueError, "`high` must exceed `low`"),
    (lambda: Restarting(UCB()), TypeError, "`detector` must have a method"),  # type: ignore[arg-type]
    (lambda: Restarting(GLR(0.1), every_arm=1), TypeError, "`every_arm` must be"),  # type: ignore[arg-type]
    (lambda: Exploring(UCB(), 1.5), ValueError, "`share` must lie in"),
    (lambda: Exploring(0.1, 0.1), TypeError, "`index` must be of type Index"),  # type: ignore[arg-type]
    (lambda: tuned_window(0, 0), ValueError, "`horizon` must be"),
    (lambda: tuned_window(100, -1), ValueError, "`changes` must be"),
    (lambda: tuned_discount(100, 101), ValueError, "`changes` must be"),
    (lambda: tuned_discount(100, 1.5), TypeError, "`changes` must be"),  # type: ignore[arg-type]
    (lambda: tuned_discount(100, 100, span=0.1), ValueError, "`span` must exceed 0.25"),
    (lambda: tuned_window(100, 1, span=0.0), ValueError, "`span` must be positive"),
]


@pytest.mark.parametrize(("make", "error", "message"), BAD)
def test_what_cannot_be_is_refused_by_name(
    make: Callable[[], Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize("runs", [None, 2])
def test_a_value_outside_the_detectors_interval_is_refused_and_changes_nothing(
    runs: int | None,
) -> None:
    policy = compose(2, UCB(), memory=Restarting(GLR(0.1)), runs=runs, seed=0)
    before = policy.stats.pulls.tobytes()
    reward, arm = (1.5, 0) if runs is None else (np.array([0.5, 1.5]), np.array([0, 1]))

    with pytest.raises(ValueError, match=r"must have a value in \[0.0, 1.0\] for UCB.*GLR"):
        policy.update(arm, reward)
    assert policy.stats.pulls.tobytes() == before
    assert np.all(policy.round == 1)
    wide = compose(2, UCB(), memory=Restarting(GLR(0.1, high=2.0)), seed=0)
    wide.update(0, 1.5)
    assert wide.stats.mean[0] == 1.5


def test_a_detectors_interval_may_leave_room_for_costs() -> None:
    with pytest.raises(ValueError, match=r"`objective` must keep values in \[0.0, 1.0\] .*GLR"):
        compose(2, UCB(), objective=Net(0.1), memory=Restarting(GLR(0.1)))
    memory = Restarting(GLR(0.1, low=-0.5))
    policy = compose(2, UCB(), objective=Net(0.1), memory=memory, seed=0)
    policy.update(0, 0.25, 5.0)
    assert policy.stats.mean[0] == -0.25
    with pytest.raises(ValueError, match=r"must have a value in \[-0.5, 1.0\]"):
        policy.update(0, 0.25, 8.0)
    with pytest.raises(ValueError, match=r"`objective` must keep values in \[0.0, 1.0\]"):
        compose(2, KLUCB(), objective=Net(0.1), memory=memory)
