"""`AuditedTotal`: a bound of a sum of which parts are seen at random, whatever the values."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import optimize, stats

from banditsplit._typing import Bool, Float
from banditsplit.theory import AuditedTotal

DELTA, LEAST = 0.1, 0.1


def by_hand(least: float, delta: float, looks: list[tuple[float, float]]) -> float:
    """The bound after these looks, (value, propensity): rate by rate, the root by search."""

    def excess(total: float) -> float:
        mixture = 0.0
        for k in range(12):
            share = 0.95 * least / 2**k
            rate = -math.log(1 - share)
            price = sum(-math.log(1 - share / p) * x for x, p in looks)
            mixture += math.exp(rate * total - price) / ((k + 1) * (k + 2))
        return mixture - 1 / delta

    root: float = optimize.brentq(excess, 0.0, 1e4, xtol=1e-10)
    return root


def after(total: AuditedTotal, rounds: list[tuple[float, float, bool]]) -> Any:
    """The state after rounds of (value, propensity, seen)."""
    state = total.empty(())
    for value, p, seen in rounds:
        total.observe(state, 0, value, propensity=p, seen=seen)
    return state


def test_the_bound_is_where_the_mixture_reaches_one_over_delta() -> None:
    total = AuditedTotal(DELTA, least=0.05)
    nothing = [(0.0, 0.05, True)] * 5 + [(1.0, 0.05, False)] * 500
    some = [(1.0, 0.05, True), (0.5, 0.2, True), (1.0, 1.0, True), (0.0, 0.3, True)]

    assert total.upper(total.empty(())) == 0  # there was nothing
    assert total.upper(after(total, nothing)) == pytest.approx(by_hand(0.05, DELTA, []))
    expected = by_hand(0.05, DELTA, [look[:2] for look in some])
    assert total.upper(after(total, nothing + some)) == pytest.approx(expected, rel=1e-9)


def test_no_more_can_be_lost_than_was_not_seen_or_seen_to_be() -> None:
    total = AuditedTotal(DELTA, least=0.05)

    rounds = [(1.0, 0.05, False)] * 7 + [(0.25, 0.05, True), (0.0, 0.05, True)]
    assert total.upper(after(total, rounds)) == 7.25


@pytest.mark.parametrize("p", [0.1, 0.3, 0.99, 1.0])
def test_every_factor_is_fair_for_zero_and_one_and_better_than_fair_between(p: float) -> None:
    """The mean over the coin, which is what the proof asks for, of each rate's factor."""
    total = AuditedTotal(DELTA, least=LEAST)
    for value in np.linspace(0, 1, 21):
        price = after(total, [(float(value), p, True)]).price
        mean = np.exp(total._rate * value) * (1 - p + p * np.exp(-price))
        if value in (0.0, 1.0) or p == 1:
            np.testing.assert_allclose(mean, 1)
        else:
            assert (mean < 1).all()


def test_cells_are_apart_and_the_estimate_weighs_what_was_seen() -> None:
    total = AuditedTotal(DELTA, least=LEAST)
    state = total.empty((2, 2))
    total.observe(
        state, np.array([1, 2]), [0.5, 1.0], propensity=[0.1, 0.5], seen=np.array([True, False])
    )
    total.observe(state, np.array([2]), 1.0, propensity=0.25, seen=True)

    assert state.hidden.tolist() == [[0, 0], [1, 0]]
    assert state.seen.tolist() == [[0, 0.5], [1, 0]]
    assert state.estimate.tolist() == [[0, 5], [4, 0]]
    alone = after(total, [(1.0, 0.25, True)])
    assert state.bound[1, 0] == alone.bound


# --- how often it fails -------------------------------------------------------------------

Adversary = Callable[[int, Float, Float], Float]  # round, losses so far, those seen -> value


def always(t: int, lost: Float, seen: Float) -> Float:
    """All rounds alike."""
    del t, seen
    return np.full_like(lost, 0.9)


def until_seen(t: int, lost: Float, seen: Float) -> Float:
    """Stop at the first look: what is left then is the most that goes unseen."""
    del t, lost
    return np.where(seen == 0, 1.0, 0.0)


def bursts(t: int, lost: Float, seen: Float) -> Float:
    """Lose where fewer were seen than were to be expected, else rest: a run of luck goes on."""
    rest = np.full_like(lost, 0.01)
    return np.where(seen < 0.1 * lost + 0.2, 1.0, 0.0) if t % 2 else rest


ADVERSARIES: tuple[Adversary, ...] = (always, until_seen, bursts)


def ever_wrong(
    adversary: Adversary, upper: Callable[[AuditedTotal, Any], Float], runs: int = 400
) -> int:
    """In how many runs of 250 rounds the total ever exceeds its bound; propensities vary."""
    total, rng = AuditedTotal(DELTA, least=LEAST), np.random.default_rng(0)
    state, cell = total.empty((runs,)), np.arange(runs)
    lost, wrong = np.zeros(runs), np.zeros(runs, np.bool_)
    for t in range(250):
        value = adversary(t, lost, state.seen)
        p = np.where(t % 3 == 0, 0.2, np.full(runs, LEAST))
        seen: Bool = rng.random(runs) < p
        total.observe(state, cell, value, propensity=p, seen=seen)
        lost += value
        wrong |= lost > upper(total, state) + 1e-9
    return int(wrong.sum())


def check(wrong: int, runs: int = 400) -> None:
    """More than ``DELTA`` is refused at a level of 1e-6: so often it fails where it is true."""
    assert stats.binomtest(wrong, runs, DELTA, alternative="greater").pvalue > 1e-6


@pytest.mark.parametrize("adversary", ADVERSARIES)
def test_it_is_ever_wrong_with_probability_delta_at_most(adversary: Adversary) -> None:
    check(ever_wrong(adversary, AuditedTotal.upper))


def test_the_bound_is_not_far_too_wide() -> None:
    """An adversary who stops when seen beats it in some runs: it wastes no power of ten."""
    assert ever_wrong(until_seen, AuditedTotal.upper) > 3


def estimate(total: AuditedTotal, state: Any) -> Float:
    """A planted bug: the weighted sum, with no width."""
    del total
    found: Float = state.estimate
    return found


def fixed_time(total: AuditedTotal, state: Any) -> Float:
    """A planted bug: a normal interval for one time, used at all times."""
    del total
    width = stats.norm.isf(DELTA) * np.sqrt(np.maximum(state.estimate, 1) / LEAST)
    found: Float = state.estimate + width
    return found


def quartered(total: AuditedTotal, state: Any) -> Float:
    """A planted bug: what was seen costs a quarter."""
    found: Float = total._bound(state.price / 4)
    return found


@pytest.mark.parametrize(
    ("adversary", "upper"),
    [(always, estimate), (bursts, fixed_time), (always, quartered)],
    ids=["no width", "a fixed time", "a quarter of the price"],
)
def test_the_same_check_catches_planted_bugs(adversary: Adversary, upper: Any) -> None:
    with pytest.raises(AssertionError):
        check(ever_wrong(adversary, upper))


# --- what is refused ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("delta", bad) for bad in (0.0, 1.0, math.nan, "0.1", None)],
        *[("least", bad) for bad in (0.0, 1e-12, 1.1, math.nan, "0.1", None)],
    ],
)
def test_a_total_that_makes_no_sense_is_not_built(name: str, value: Any) -> None:
    given: Any = {"delta": DELTA, "least": LEAST} | {name: value}
    with pytest.raises((TypeError, ValueError), match=rf"^`{name}` must .*, got .*"):
        AuditedTotal(**given)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("value", bad) for bad in (-0.1, 1.1, math.nan, "1", None, [0.1, 0.2, 0.3])],
        *[("propensity", bad) for bad in (0.0, 0.09, 1.1, math.nan, "1", [0.1, 0.2, 0.3])],
        *[("seen", bad) for bad in (1, 0.5, "yes", None, np.array([True] * 3))],
    ],
    ids=str,
)
def test_bad_input_is_refused_and_nothing_taken_in(name: str, value: Any) -> None:
    total = AuditedTotal(DELTA, least=LEAST)
    state = total.empty((2,))
    given = {"value": 1.0, "propensity": 0.5, "seen": True} | {name: value}
    with pytest.raises((TypeError, ValueError), match=rf"^`{name}` must .*, got .*"):
        total.observe(state, np.arange(2), given.pop("value"), **given)

    assert state.hidden.tolist() == [0, 0]
    assert not state.price.any()
