"""Bounds that hold at all times: literal formulas, enumeration, simulation."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from functools import partial
from itertools import product
from typing import Any, Literal, cast, final

import numpy as np
import pytest
from scipy import integrate, optimize, special, stats

from banditsplit._typing import Bool, Float
from banditsplit.theory import (
    BetaMixture,
    Betting,
    ConfidenceSequence,
    EmpiricalBernstein,
    Hoeffding,
    ImportanceWeighted,
)
from banditsplit.theory._confidence import Side

SIDES: tuple[Side, Side] = ("lower", "upper")
KINDS: dict[str, Any] = {
    "BetaMixture": BetaMixture,
    "Betting": Betting,
    "EmpiricalBernstein": EmpiricalBernstein,
    "Hoeffding": Hoeffding,
    "ImportanceWeighted": partial(ImportanceWeighted, least=1.0),
}
BETS = ("Betting", "ImportanceWeighted")
every_kind = pytest.mark.parametrize("kind", KINDS)


def build(
    kind: str, delta: float = 0.1, *, means: tuple[float, ...] | None = None, **given: Any
) -> Any:
    """A sequence; one that bets does so at just these means, where they are given."""
    if kind in BETS and means is not None:
        given["grid"] = means
    return KINDS[kind](delta, **given)


def after(sequence: Any, values: Any, **given: Any) -> Any:
    """The state of one sequence after these values."""
    state = sequence.empty(())
    for value in values:
        sequence.observe(state, 0, value, **given)
    return state


def same(one: Any, other: Any) -> bool:
    names = [field.name for field in fields(one)]
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in names)


def copied(state: Any) -> Any:
    names = [field.name for field in fields(state)]
    return type(state)(**{name: getattr(state, name).copy() for name in names})


# --- the formulas, one by one -------------------------------------------------------------


def mixture_by_quadrature(count: float, total: float, m: float, side: Side) -> float:
    """The integral of the definition, with a Beta(1, 3) prior."""

    def integrand(q: float) -> float:
        ratio = total * math.log(q / m) + (count - total) * math.log((1 - q) / (1 - m))
        return math.exp(ratio) * 3 * (1 - q) ** 2

    ends = (0.0, m) if side == "upper" else (m, 1.0)
    mean = total / count
    inside = [mean] if ends[0] < mean < ends[1] else None
    value, _ = integrate.quad(integrand, *ends, points=inside, epsabs=0, limit=200)
    mass = 1 - (1 - m) ** 3
    return math.log(value + (1 - mass if side == "upper" else mass))


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(
    ("count", "total", "m"),
    [(1, 0.3, 0.5), (10, 2, 0.6), (10, 2, 0.1), (50, 1.7, 0.2), (400, 4, 0.02), (7, 7, 0.9)],
)
def test_the_mixture_is_the_integral_that_defines_it(
    count: int, total: float, m: float, side: Side
) -> None:
    sequence = BetaMixture(0.1, a=1.0, b=3.0)
    state = after(sequence, [total / count] * count)

    evidence = sequence.log_evidence(state, m, side)
    assert evidence == pytest.approx(mixture_by_quadrature(count, total, m, side), abs=1e-7)


def test_the_mixture_is_exact_for_ten_million_values() -> None:
    """Against the integral over 40 standard deviations, scaled by its largest value."""
    count, total, m = 1e7, 1e4, 0.00105
    sequence = BetaMixture(0.1, a=1.0, b=1.0)
    state = sequence.empty(())
    state.count[...], state.total[...] = count, total
    mean = total / count
    peak = count * (special.rel_entr(mean, m) + special.rel_entr(1 - mean, 1 - m))

    def integrand(q: float) -> float:
        ratio = total * math.log(q / m) + (count - total) * math.log((1 - q) / (1 - m))
        return math.exp(ratio - peak)

    value, _ = integrate.quad(integrand, mean * 0.8, m, points=[mean], epsabs=0, limit=500)
    expected = np.logaddexp(peak + math.log(value), math.log(1 - m))  # larger q: weight 1 - m
    assert sequence.log_evidence(state, m, "upper") == pytest.approx(expected, abs=1e-5)
    lower, upper = sequence.bounds(state)
    assert 0.00094 < lower < mean < upper < 0.00106


def plug_ins(values: list[float]) -> Iterator[tuple[int, float, float, float]]:
    """Round, value, and what was estimated before it, by sums over everything before."""
    for t, x in enumerate(values, start=1):
        means = [(0.5 + sum(values[:i])) / (i + 1) for i in range(t)]
        squares = [(values[i - 1] - means[i]) ** 2 for i in range(1, t)]
        yield t, x, means[-1], (0.25 + sum(squares)) / t


def hoeffding(values: list[float], m: float, threshold: float) -> float:
    log_wealth = 0.0
    for t, x, _, _ in plug_ins(values):
        bet = min(1.0, math.sqrt(8 * threshold / (t * math.log(t + 1))))
        log_wealth += bet * (x - m) - bet**2 / 8
    return log_wealth


def empirical_bernstein(values: list[float], m: float, threshold: float) -> float:
    log_wealth = 0.0
    for t, x, mean, variance in plug_ins(values):
        bet = min(0.5, math.sqrt(2 * threshold / (variance * t * math.log(t + 1))))
        log_wealth += bet * (x - m) - 4 * (x - mean) ** 2 * (-math.log(1 - bet) - bet) / 4
    return log_wealth


def betting(values: list[float], m: float, threshold: float) -> float:
    del threshold
    wealth = 1.0
    for _, x, mean, variance in plug_ins(values):
        bet = (mean - m) / (variance + (mean - m) ** 2)
        wealth *= 1 + min(max(bet, 0.0), 0.5 / m) * (x - m)
    return math.log(wealth)


LITERAL = {
    "Hoeffding": hoeffding,
    "EmpiricalBernstein": empirical_bernstein,
    "Betting": betting,
    "ImportanceWeighted": betting,
}
MEANS = (0.1, 0.25, 0.5, 0.8)


@pytest.mark.parametrize("kind", LITERAL)
def test_the_evidence_is_that_of_the_paper(kind: str) -> None:
    """Against "or more" it is that against "or less" of everything mirrored at 1/2."""
    values = np.random.default_rng(0).beta(0.5, 1.5, 60).tolist()
    mirrored = [1 - value for value in values]
    sequence, literal = build(kind, means=MEANS), LITERAL[kind]
    state = after(sequence, values)

    for m in MEANS:
        lower = literal(values, m, math.log(20))
        assert sequence.log_evidence(state, m, "lower") == pytest.approx(lower)
        upper = literal(mirrored, 1 - m, math.log(20))
        assert sequence.log_evidence(state, m, "upper") == pytest.approx(upper)


def test_a_value_seen_at_random_counts_as_what_stands_in_for_it() -> None:
    """By hand: bets of at most half the wealth on ``f + seen (x - f) / p``."""
    rng = np.random.default_rng(1)
    sequence = ImportanceWeighted(0.1, least=0.1, grid=(0.3,))
    state = sequence.empty(())
    wealth, estimates = 1.0, [0.5]
    squares = 0.25
    for t in range(1, 41):
        x, f, p = rng.random(3)
        p = 0.1 + 0.9 * p
        seen = bool(rng.random() < p)
        stand_in = f + (x - f) / p if seen else f
        mean, variance = estimates[-1], squares / t
        bet = (mean - 0.3) / (variance + (mean - 0.3) ** 2)
        wealth *= 1 + min(max(bet, 0.0), 0.5 / (0.3 + 9)) * (stand_in - 0.3)
        estimates.append(estimates[-1] + (stand_in - estimates[-1]) / (t + 1))
        squares += (stand_in - estimates[-1]) ** 2
        sequence.observe(state, 0, x, propensity=p, seen=seen, prediction=f)

    assert wealth > 1.1
    assert sequence.log_evidence(state, 0.3, "lower") == pytest.approx(math.log(wealth))


def test_without_a_prediction_the_mean_so_far_stands_in() -> None:
    sequence = ImportanceWeighted(0.1, least=0.5)
    known = after(sequence, [0.9, 0.2])
    told = copied(known)
    sequence.observe(known, 0, 0.0, propensity=0.5, seen=False)
    sequence.observe(told, 0, 1.0, propensity=0.5, seen=False, prediction=1.6 / 3)

    for one, other in zip(sequence.bounds(known), sequence.bounds(told), strict=True):
        assert one == other
    np.testing.assert_allclose(known.above, told.above)


def test_where_every_value_must_be_seen_importance_weights_are_betting() -> None:
    values = np.random.default_rng(2).random(50)

    assert same(after(Betting(0.1), values), after(ImportanceWeighted(0.1, least=1.0), values))


# --- bounds and evidence agree ------------------------------------------------------------


def test_the_mixture_is_inverted_exactly() -> None:
    rng = np.random.default_rng(3)
    sequence = BetaMixture(0.05)
    state = sequence.empty((200,))
    state.count[:] = rng.integers(200, 10_000, 200)
    state.total[:] = state.count * np.clip(rng.beta(0.3, 0.7, 200), 0.01, 0.99)
    lower, upper = sequence.bounds(state)

    assert (lower < state.total / state.count).all()
    assert (upper > state.total / state.count).all()
    for side, bound, out in (("lower", lower, -1e-12), ("upper", upper, 1e-12)):
        evidence = sequence.log_evidence(state, bound, cast("Side", side))
        np.testing.assert_allclose(evidence, sequence.threshold, rtol=1e-6)
        beyond = np.clip(bound * (1 + out) + out, 0, 1)
        assert sequence.excludes(state, beyond, cast("Side", side)).all()


@pytest.mark.parametrize("kind", ["Hoeffding", "EmpiricalBernstein"])
def test_the_best_bound_so_far_is_kept(kind: str) -> None:
    """By finding the root of the literal formula after every value."""
    values = [*np.random.default_rng(4).random(30).tolist(), *[1.0] * 30, *[0.0] * 30]
    sequence, literal = build(kind), LITERAL[kind]
    state = sequence.empty(())
    best, threshold = 0.0, sequence.threshold
    for n, value in enumerate(values, start=1):
        sequence.observe(state, 0, value)
        past = values[:n]
        if literal(past, 0.0, threshold) >= threshold:
            root = optimize.brentq(lambda m: literal(past, m, threshold) - threshold, 0, 1)  # noqa: B023 - used at once
            best = max(best, root)
        assert sequence.bounds(state)[0] == pytest.approx(best, abs=1e-9)
    assert best > 0.3
    assert not sequence.excludes(state, best, "lower")  # now, after all those zeros


@pytest.mark.parametrize("kind", BETS)
def test_the_bound_is_the_mean_of_the_grid_beyond_which_all_are_excluded(kind: str) -> None:
    rng = np.random.default_rng(5)
    sequence = build(kind, means=tuple(np.linspace(0.05, 0.95, 19)))
    state = sequence.empty((20,))
    best = np.zeros(20), np.ones(20)
    for _ in range(150):
        sequence.observe(state, np.arange(20), rng.beta(2, 5, 20))
        above = np.array([sequence.excludes(state, m, "lower") for m in sequence.grid])
        below = np.array([sequence.excludes(state, m, "upper") for m in sequence.grid])
        for i, m in enumerate(sequence.grid):
            best[0][above[: i + 1].all(0)] = np.maximum(best[0], m)[above[: i + 1].all(0)]
            best[1][below[i:].all(0)] = np.minimum(best[1], m)[below[i:].all(0)]
        lower, upper = sequence.bounds(state)
        np.testing.assert_allclose(lower, best[0])
        np.testing.assert_allclose(upper, best[1])
    assert (lower > 0).all()
    assert (upper < 1).all()


def test_a_mean_between_two_of_the_grid_is_judged_by_the_one_that_helps_it() -> None:
    sequence = Betting(0.1, grid=(0.2, 0.4, 0.6))
    state = after(sequence, [0.3] * 60)

    def evidence(m: float, side: Side) -> float:
        return float(sequence.log_evidence(state, m, side))

    assert evidence(0.25, "lower") == evidence(0.4, "lower")
    assert evidence(0.55, "upper") == evidence(0.4, "upper")
    assert evidence(0.4, "upper") > evidence(0.2, "upper") == 0
    assert evidence(0.7, "lower") == evidence(0.1, "upper") == 0  # nothing is known there
    assert list(sequence.bounds(state)) == [0.2, 0.4]


@every_kind
def test_two_sides_are_two_one_sided_sequences_at_half_of_delta(kind: str) -> None:
    values = np.random.default_rng(6).beta(1, 3, 80)
    both, lower, upper = (
        build(kind),
        build(kind, 0.05, side="lower"),
        build(kind, 0.05, side="upper"),
    )
    bounds = both.bounds(after(both, values))
    below, above = (s.bounds(after(s, values)) for s in (lower, upper))

    assert bounds == (below[0], above[1])
    assert 0 < bounds[0] < bounds[1] < 1
    assert (below[1], above[0]) == (1, 0)
    assert upper.log_evidence(after(upper, values), 0.9, "lower") == 0
    assert lower.log_evidence(after(lower, values), 0.1, "upper") == 0
    assert not upper.excludes(after(upper, values), 0.9, "lower")


@every_kind
def test_values_may_lie_in_any_interval(kind: str) -> None:
    values = np.random.default_rng(7).beta(1, 3, 80)
    unit, wide = build(kind), build(kind, low=-3.0, high=5.0)
    bounds = unit.bounds(after(unit, values))
    scaled = wide.bounds(after(wide, 8 * values - 3))

    np.testing.assert_allclose(scaled, 8 * np.array(bounds) - 3)
    np.testing.assert_allclose(
        wide.log_evidence(after(wide, 8 * values - 3), 8 * 0.4 - 3, "upper"),
        unit.log_evidence(after(unit, values), 0.4, "upper"),
    )


@every_kind
def test_every_cell_is_a_sequence_of_its_own(kind: str) -> None:
    """Many at once, one by one, and in another shape: the same numbers."""
    rng = np.random.default_rng(8)
    sequence = build(kind)
    together, apart = sequence.empty((2, 3)), [sequence.empty(()) for _ in range(6)]
    for _ in range(60):
        cells = rng.permutation(6)[:4]
        values = rng.random(4)
        sequence.observe(together, cells, values)
        for cell, value in zip(cells, values, strict=True):
            sequence.observe(apart[cell], 0, value)

    for bound, *single in zip(
        sequence.bounds(together), *map(sequence.bounds, apart), strict=True
    ):
        assert bound.shape == (2, 3)
        np.testing.assert_allclose(bound.reshape(-1), single, rtol=1e-12)
    for side in SIDES:
        everywhere = sequence.log_evidence(together, 0.3, side)
        some = sequence.log_evidence(together, 0.3, side, np.array([4, 1]))
        np.testing.assert_array_equal(some, everywhere.reshape(-1)[[4, 1]])
        assert sequence.log_evidence(together, 0.3, side, 5) == everywhere[1, 2]


@every_kind
def test_before_the_first_value_nothing_is_known(kind: str) -> None:
    sequence = build(kind, low=2.0, high=4.0)
    state = sequence.empty((3,))
    lower, upper = sequence.bounds(state)

    assert lower.tolist() == [2, 2, 2]
    assert upper.tolist() == [4, 4, 4]
    for side, mean in product(SIDES, (2.0, 3.0, 4.0)):
        np.testing.assert_allclose(sequence.log_evidence(state, mean, side), 0, atol=1e-12)


@every_kind
@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_ten_thousand_times_the_same_value_leave_finite_numbers(
    kind: str, value: float
) -> None:
    sequence = build(kind, means=MEANS)
    state = sequence.empty((1,))
    for _ in range(10_000):
        sequence.observe(state, 0, value)

    assert all(np.isfinite(getattr(state, field.name)).all() for field in fields(state))
    lower, upper = sequence.bounds(state)
    assert lower <= value <= upper
    for side, mean in product(SIDES, (0.0, 0.5, 1.0)):
        assert not np.isnan(sequence.log_evidence(state, mean, side)).any()


def test_a_rare_look_leaves_finite_numbers() -> None:
    sequence = ImportanceWeighted(0.1, least=1e-9)
    state = after(sequence, [1.0, 0.0, 0.0, 1.0] * 20, propensity=1e-9)

    assert all(np.isfinite(getattr(state, field.name)).all() for field in fields(state))


# --- the mean of an e-process is at most 1: by enumeration --------------------------------

Play = Callable[[Any, Any, Any, Any, np.random.Generator], None]


def plainly(
    sequence: Any, state: Any, cells: Any, values: Any, rng: np.random.Generator
) -> None:
    del rng
    sequence.observe(state, cells, values)


def peeking(
    sequence: Any, state: Any, cells: Any, values: Any, rng: np.random.Generator
) -> None:
    """Bets are placed when the value has had its say in the estimates."""
    del rng
    estimates = ("count", "mean", "variance")
    before = copied(state)
    sequence.observe(state, cells, values)
    informed = copied(state)
    for field in fields(state):
        if field.name not in estimates:
            getattr(state, field.name)[...] = getattr(before, field.name)
    sequence.observe(state, cells, values)
    for name in estimates:
        getattr(state, name)[...] = getattr(informed, name)


def expected_evidence(
    sequence: Any, law: dict[float, float], mean: float, side: Side, play: Play = plainly
) -> Float:
    """The mean of the e-process after each of seven rounds, over all paths."""
    paths = np.array(list(product(law, repeat=7)))
    weight = np.array(list(product(law.values(), repeat=7))).prod(1)
    state = sequence.empty((len(paths),))
    expected = []
    for values in paths.T:
        play(sequence, state, np.arange(len(paths)), values, np.random.default_rng(0))
        expected.append(weight @ np.exp(sequence.log_evidence(state, mean, side)))
    return np.array(expected)


LAWS = [{0.0: 0.7, 1.0: 0.3}, {0.0: 0.55, 0.25: 0.2, 1.0: 0.25}, {0.2: 0.875, 1.0: 0.125}]


@every_kind
@pytest.mark.parametrize("side", SIDES)
def test_an_e_process_has_a_mean_of_at_most_1(kind: str, side: Side) -> None:
    """Where the null hypothesis holds: at its edge, and inside it."""
    for law in LAWS:
        mean = sum(value * p for value, p in law.items())
        for tried in (mean, mean + (0.1 if side == "lower" else -0.1)):
            sequence = build(kind, means=(tried,))
            assert (expected_evidence(sequence, law, tried, side) <= 1 + 1e-12).all()


@pytest.mark.parametrize("kind", ["BetaMixture", *BETS])
@pytest.mark.parametrize("side", SIDES)
def test_nothing_is_lost_where_bets_are_fair(kind: str, side: Side) -> None:
    sequence = build(kind, means=(0.3,))

    np.testing.assert_allclose(expected_evidence(sequence, LAWS[0], 0.3, side), 1)


def expected_after_looks(least: tuple[float, float], side: Side) -> float:
    """The mean of the e-process over all paths of four rounds of context, value and look.

    The value is .1 or .8. Its mean is .1 in one context and .5 in the other, and so .3; how
    often one looks, and the prediction, follow the context and the past. ``least``, and so
    the bets, may be told for each context apart.
    """
    mean = 0.3
    steps = list(product((0, 1), (0.1, 0.8), (False, True)))
    paths = list(product(range(len(steps)), repeat=4))
    state = ImportanceWeighted(0.1, least=least[0], grid=(mean,)).empty((len(paths),))
    weight, last = np.ones(len(paths)), np.zeros(len(paths))
    for t in range(4):
        chosen = [steps[path[t]] for path in paths]
        context, value, look = (np.array(each) for each in zip(*chosen, strict=True))
        high = np.where(context == 1, 4 / 7, 0.0)
        p = np.where(context == 1, 0.9, 0.2) - 0.1 * last
        weight *= 0.5 * np.where(value == 0.8, high, 1 - high) * np.where(look, p, 1 - p)
        for now in (0, 1):
            cells = np.flatnonzero(context == now)
            sequence = ImportanceWeighted(0.1, least=least[now], grid=(mean,))
            sequence.observe(
                state,
                cells,
                value[cells],
                propensity=p[cells],
                seen=look[cells],
                prediction=(0.05, 0.6)[now],
            )
        last = look * value
    evidence = np.exp(sequence.log_evidence(state, mean, side))
    assert weight.sum() == pytest.approx(1)
    assert np.ptp(evidence) > 0.2  # something was at stake
    return float(weight @ evidence)


@pytest.mark.parametrize("side", SIDES)
def test_looking_with_a_probability_that_is_known_before_keeps_the_mean_at_1(
    side: Side,
) -> None:
    assert expected_after_looks((0.1, 0.1), side) == pytest.approx(1)


@pytest.mark.parametrize("side", SIDES)
def test_bets_that_follow_the_context_would_not_be_fair(side: Side) -> None:
    """The control, and why ``least`` is fixed beforehand: rounds differ in their means."""
    assert abs(expected_after_looks((0.1, 0.8), side) - 1) > 0.01


# --- coverage: at any time in at most the stated share of runs ----------------------------

DELTA, RUNS, ROUNDS = 0.4, 400, 1000
# A level at which Ville's inequality is nearly sharp within so few rounds, so that a mistake
# shows. Each test makes five comparisons per sequence, and a sound sequence fails one with
# probability 1e-6 at most: all of this file together with less than 1e-4.
SMALLEST_P_VALUE = 1e-6


@dataclass(frozen=True)
class Law:
    """What values are drawn from, and their mean."""

    mean: float
    draw: Callable[[np.random.Generator, int], Any]


WORLDS = {
    "Bernoulli(.5)": Law(0.5, lambda rng, runs: rng.random(runs) < 0.5),
    "Bernoulli(.02)": Law(0.02, lambda rng, runs: rng.random(runs) < 0.02),
    "Beta(.2, 1.8)": Law(0.1, lambda rng, runs: rng.beta(0.2, 1.8, runs)),
    "Beta(9, 1)": Law(0.9, lambda rng, runs: rng.beta(9, 1, runs)),
    "2 % ones, else .2": Law(0.216, lambda rng, runs: 0.2 + 0.8 * (rng.random(runs) < 0.02)),
}
TRUE = np.array([[law.mean] for law in WORLDS.values()])


def ever_wrong(sequence: Any, play: Play = plainly, seed: int = 0) -> Bool:
    """In which runs the true mean was excluded at any time, `[worlds, runs]`."""
    rng = np.random.default_rng(seed)
    state = sequence.empty((len(WORLDS), RUNS))
    cells, wrong = np.arange(len(WORLDS) * RUNS), np.zeros((len(WORLDS), RUNS), np.bool_)
    for _ in range(ROUNDS):
        values = np.array([law.draw(rng, RUNS) for law in WORLDS.values()], np.float64)
        play(sequence, state, cells, values.reshape(-1), rng)
        for side in SIDES:
            wrong |= sequence.excludes(state, TRUE, side)
    return wrong


def check_share(wrong: Bool, delta: float = DELTA) -> None:
    for world, share in zip(WORLDS, wrong, strict=True):
        test = stats.binomtest(int(share.sum()), share.size, delta, alternative="greater")
        assert test.pvalue > SMALLEST_P_VALUE, (world, share.mean())


def weighted(
    sequence: Any, state: Any, cells: Any, values: Any, rng: np.random.Generator
) -> None:
    """Look more often where the context promises a large value."""
    context = (values + rng.random(values.size)) / 2
    p = 0.1 + 0.9 * context**2
    seen = rng.random(values.size) < p
    sequence.observe(
        state,
        cells,
        np.where(seen, values, 0.0),
        propensity=p,
        seen=seen,
        prediction=context,
    )


ALL_MEANS = tuple(sorted(TRUE[:, 0].tolist()))
SOUND: dict[str, tuple[Any, Play]] = {
    **{kind: (build(kind, DELTA, means=ALL_MEANS), plainly) for kind in list(KINDS)[:4]},
    "ImportanceWeighted": (ImportanceWeighted(DELTA, least=0.1, grid=ALL_MEANS), weighted),
}


@pytest.mark.parametrize(("sequence", "play"), SOUND.values(), ids=SOUND)
def test_the_mean_is_ever_excluded_in_at_most_the_stated_share_of_runs(
    sequence: Any, play: Play
) -> None:
    wrong = ever_wrong(sequence, play)

    check_share(wrong)
    assert wrong.any()  # the check is not idle


@dataclass(slots=True, eq=False)
class Moments:
    """Count, sum, and sum of squares."""

    count: Float
    total: Float
    squares: Float


class Planted(ConfidenceSequence):
    """A sequence with evidence worked out from moments."""

    def empty(self, shape: tuple[int, ...]) -> Moments:
        return Moments(np.zeros(shape), np.zeros(shape), np.zeros(shape))

    def observe(self, state: Moments, cell: Any, value: Any) -> None:
        state.count.reshape(-1)[cell] += 1
        state.total.reshape(-1)[cell] += value
        state.squares.reshape(-1)[cell] += value**2

    def bounds(self, state: Moments) -> tuple[Float, Float]:
        return np.zeros_like(state.count), np.ones_like(state.count)


@final
@dataclass(frozen=True)
class FixedTimeHoeffding(Planted):
    """The interval for one time, looked at all the time."""

    delta: float
    side: Literal["both", "lower", "upper"] = "both"
    low: float = 0.0
    high: float = 1.0

    def log_evidence(self, state: Moments, mean: Any, side: Side, cell: Any = None) -> Float:
        del cell
        distance = state.total / state.count - mean
        distance = np.maximum(distance if side == "lower" else -distance, 0)
        evidence: Float = 2 * state.count * distance**2
        return evidence


@final
@dataclass(frozen=True)
class SampleVariance(Planted):
    """A normal mixture, which holds at all times, with the sample's own variance in it."""

    delta: float
    side: Literal["both", "lower", "upper"] = "both"
    low: float = 0.0
    high: float = 1.0

    def log_evidence(self, state: Moments, mean: Any, side: Side, cell: Any = None) -> Float:
        del cell
        n, average = state.count, state.total / state.count
        variance = np.maximum(state.squares / n - average**2, 1e-9)
        distance = average - mean
        distance = np.maximum(distance if side == "lower" else -distance, 0)
        evidence: Float = (n * distance) ** 2 / (2 * variance * (n + 1)) - np.log1p(n) / 2
        return evidence


def by_its_outcome(
    sequence: Any, state: Any, cells: Any, values: Any, rng: np.random.Generator
) -> None:
    """Seen because of what it is, and weighted as if it were by chance."""
    seen = rng.random(values.size) < 0.2 + 0.3 * values
    sequence.observe(state, cells, np.where(seen, values, 0.0), propensity=0.2, seen=seen)


def unweighted(
    sequence: Any, state: Any, cells: Any, values: Any, rng: np.random.Generator
) -> None:
    """Looks that follow the context, taken for a sample of all."""
    seen = rng.random(values.size) < 0.1 + 0.4 * (values + rng.random(values.size))
    sequence.observe(state, cells[seen], values[seen])


PLANTED: dict[str, tuple[Any, Play]] = {
    "a fixed-time interval at all times": (FixedTimeHoeffding(DELTA), plainly),
    "the variance of the sample itself": (SampleVariance(DELTA), plainly),
    "bets that know the value": (Betting(DELTA, grid=ALL_MEANS), peeking),
    "looks by outcome": (ImportanceWeighted(DELTA, least=0.1, grid=ALL_MEANS), by_its_outcome),
    "looks by context, unweighted": (Hoeffding(DELTA), unweighted),
    "delta not halved": (Hoeffding(2 * DELTA), plainly),
}


@pytest.mark.parametrize(("sequence", "play"), PLANTED.values(), ids=PLANTED)
def test_the_same_check_catches_planted_bugs(sequence: Any, play: Play) -> None:
    wrong = ever_wrong(sequence, play)
    with pytest.raises(AssertionError):
        check_share(wrong)


BROKEN: dict[str, tuple[Any, Play]] = {
    "a fixed-time interval": (FixedTimeHoeffding(0.1), plainly),
    "a variance that knows the value": (EmpiricalBernstein(0.1), peeking),
    "bets that know the value": (Betting(0.1, grid=(0.3,)), peeking),
}


@pytest.mark.parametrize(("sequence", "play"), BROKEN.values(), ids=BROKEN)
def test_the_enumeration_catches_planted_bugs(sequence: Any, play: Play) -> None:
    expected = expected_evidence(sequence, LAWS[0], 0.3, "upper", play)

    assert expected[-1] > 1.01


# --- what is refused ----------------------------------------------------------------------

REFUSED: dict[str, tuple[type[Exception], str, Any]] = {
    f"{name}={value!r}": (error, name, value)
    for error, name, values in (
        (ValueError, "delta", (0.0, 1.0, -0.1, 1.5, math.nan, math.inf)),
        (TypeError, "delta", ("0.1", None, 1j)),
        (ValueError, "side", ("left", "", None, 1)),
        (ValueError, "low", (1.0, 2.0, math.nan, -math.inf)),
        (ValueError, "high", (math.nan, math.inf)),
        (TypeError, "low", ("0", None)),
    )
    for value in values
}


@every_kind
@pytest.mark.parametrize(("error", "name", "value"), REFUSED.values(), ids=REFUSED)
def test_a_sequence_that_makes_no_sense_is_not_built(
    kind: str, error: type[Exception], name: str, value: Any
) -> None:
    with pytest.raises(error, match=rf"^`{name}` must .*, got .*"):
        build(kind, **({"delta": 0.1} | {name: value}))


NO_GRIDS = [
    *[(TypeError, bad) for bad in (2.5, "10", None, True, ("0.1",))],
    *[
        (ValueError, bad)
        for bad in (1, 0, (), (0.0, 0.5), (0.5, 1.0), (0.5, 0.2), (0.2, 0.2), (0.1, math.nan))
    ],
    (ValueError, ((0.1, 0.2), (0.3, 0.4))),
]


@pytest.mark.parametrize("kind", BETS)
@pytest.mark.parametrize(("error", "grid"), NO_GRIDS, ids=[repr(g) for _, g in NO_GRIDS])
def test_a_grid_is_ascending_means_or_a_number_of_steps(
    kind: str, error: type[Exception], grid: Any
) -> None:
    with pytest.raises(error, match=r"^`grid` must .*, got .*"):
        build(kind, grid=grid)


@pytest.mark.parametrize("least", [0.0, -1.0, 1.1, math.nan, 1e-12])
def test_the_least_propensity_is_a_probability(least: float) -> None:
    with pytest.raises(ValueError, match=r"^`least` must .*, got .*"):
        ImportanceWeighted(0.1, least=least)


@pytest.mark.parametrize(("name", "value"), [("a", 0.0), ("b", -1.0), ("a", math.nan)])
def test_a_prior_has_positive_weights(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"^`{name}` must .*, got .*"):
        BetaMixture(0.1, **cast("Any", {name: value}))


VALUES: dict[str, tuple[type[Exception], Any]] = {
    "nan": (ValueError, math.nan),
    "infinity": (ValueError, math.inf),
    "below": (ValueError, [2.5, 1.99]),
    "above": (ValueError, [2.5, 4.01]),
    "nan among others": (ValueError, [2.5, math.nan]),
    "too many": (ValueError, [2.5, 2.5, 2.5]),
    "another shape": (ValueError, [[2.5, 2.5]]),
    "none": (ValueError, []),
    "ragged": (ValueError, [[2.5], [2.5, 3.0]]),
    "text": (TypeError, "2.5"),
    "nothing": (TypeError, None),
    "complex": (TypeError, 2.5j),
    "objects": (TypeError, [2.5, None]),
}


@every_kind
@pytest.mark.parametrize(("error", "value"), VALUES.values(), ids=VALUES)
def test_a_bad_value_is_refused_and_nothing_taken_in(
    kind: str, error: type[Exception], value: Any
) -> None:
    sequence = build(kind, low=2.0, high=4.0)
    state = sequence.empty((3,))
    sequence.observe(state, np.array([0, 1, 2]), np.array([2.0, 3.0, 4.0]))
    before = copied(state)

    with pytest.raises(error, match=r"^`value` must .*, got .*"):
        sequence.observe(state, np.array([0, 2]), value)
    assert same(state, before)
    with pytest.raises(IndexError):
        sequence.observe(state, np.array([0, 3]), 3.0)
    assert same(state, before)


@every_kind
@pytest.mark.parametrize(
    ("error", "mean"),
    [
        (ValueError, 1.9),
        (ValueError, 4.1),
        (ValueError, math.nan),
        (TypeError, "3"),
        (TypeError, None),
    ],
    ids=repr,
)
def test_evidence_is_of_a_mean_in_the_interval_and_of_a_side(
    kind: str, error: type[Exception], mean: Any
) -> None:
    sequence = build(kind, low=2.0, high=4.0)
    state = sequence.empty((3,))

    with pytest.raises(error, match=r"^`mean` must .*, got .*"):
        sequence.log_evidence(state, mean, "upper")
    with pytest.raises(ValueError, match=r"^`side` must .*, got 'both'"):
        sequence.excludes(state, 3.0, "both")


LOOKS: dict[str, tuple[type[Exception], str, dict[str, Any]]] = {
    "a propensity of 0": (ValueError, "propensity", {"propensity": 0.0}),
    "one below the least": (ValueError, "propensity", {"propensity": 0.19}),
    "one above 1": (ValueError, "propensity", {"propensity": [0.5, 1.1]}),
    "one that is nan": (ValueError, "propensity", {"propensity": math.nan}),
    "one that is text": (TypeError, "propensity", {"propensity": "0.5"}),
    "too many": (ValueError, "propensity", {"propensity": [0.5, 0.5, 0.5]}),
    "a number for a flag": (TypeError, "seen", {"seen": 1}),
    "three flags for two": (ValueError, "seen", {"propensity": 0.5, "seen": [True] * 3}),
    "unseen for sure": (ValueError, "seen", {"propensity": 1.0, "seen": [True, False]}),
    "a prediction outside": (ValueError, "prediction", {"prediction": 4.5}),
    "a prediction of nan": (ValueError, "prediction", {"prediction": [3.0, math.nan]}),
    "three predictions": (ValueError, "prediction", {"prediction": [3.0] * 3}),
}


@pytest.mark.parametrize(("error", "name", "given"), LOOKS.values(), ids=LOOKS)
def test_a_bad_look_is_refused_and_nothing_taken_in(
    error: type[Exception], name: str, given: dict[str, Any]
) -> None:
    sequence = ImportanceWeighted(0.1, low=2.0, high=4.0, least=0.2)
    state = sequence.empty((3,))
    sequence.observe(state, np.array([0, 1]), 2.5, propensity=0.4)
    before = copied(state)

    with pytest.raises(error, match=rf"^`{name}` must .*, got .*"):
        sequence.observe(state, np.array([0, 1]), 3.0, **given)
    assert same(state, before)


@every_kind
def test_a_sequence_is_frozen_and_its_shapes_follow_from_it(kind: str) -> None:
    sequence = build(kind, means=MEANS)
    state = sequence.empty((2, 3))

    with pytest.raises(AttributeError):
        sequence.delta = 0.5
    assert sequence == build(kind, means=MEANS)
    assert hash(sequence) == hash(build(kind, means=MEANS))
    for field in fields(state):
        array = getattr(state, field.name)
        assert array.dtype == np.float64
        assert array.shape in {(2, 3), (2, 3, len(MEANS))}


PARTS = ("empty", "observe", "log_evidence", "bounds")


@pytest.mark.parametrize("missing", PARTS)
def test_a_sequence_that_lacks_a_part_cannot_be_made(missing: str) -> None:
    parts: dict[str, Any] = {name: getattr(Hoeffding, name) for name in PARTS}
    whole = type("Whole", (ConfidenceSequence,), parts)
    del parts[missing]
    lacking = type("Lacking", (ConfidenceSequence,), parts)

    assert isinstance(whole(), ConfidenceSequence)
    with pytest.raises(TypeError, match=missing):
        lacking()
