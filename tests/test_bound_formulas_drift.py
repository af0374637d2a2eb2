"""Bounds for means that change: by hand, and how often a confidence bound fails."""

import math
from typing import Any

import numpy as np
import pytest

from banditsplit.theory import (
    PiecewiseProblem,
    discounted_ucb_regret_bound,
    sliding_window_ucb_regret_bound,
)
from banditsplit.theory._bounds._drift import chance_of_failing
from tests.bound_problems import SWITCH, Scaled, bernoulli


def strays(rounds: int, xi: float) -> float:
    """The probability that a fair coin's mean ever is too low by its width, exactly.

    ``mean <= 1/2 - sqrt(xi ln n / s)`` after any s of n tosses, by dynamic programming.
    """
    alive, gone = np.array([1.0]), 0.0
    for s in range(1, rounds + 1):
        alive = np.append(alive, 0.0) / 2 + np.append(0.0, alive) / 2
        low = np.arange(s + 1) / s <= 0.5 - math.sqrt(xi * math.log(rounds) / s)
        gone += float(alive[low].sum())
        alive = np.where(low, 0.0, alive)
    return gone


@pytest.mark.parametrize("xi", [0.05, 0.2, 0.5, 0.6, 1.0])
def test_confidence_bounds_fail_no_more_often_than_is_counted_with(xi: float) -> None:
    for rounds in (1, 2, 3, 5, 10, 50, 300):
        assert strays(rounds, xi) <= float(chance_of_failing(rounds, xi)) <= 1


def test_the_chance_of_failing_is_near_what_the_exponent_says() -> None:
    """It is ``sqrt(e) / 2 * ln(n)**1.5 * sqrt(xi) * n**(-2 xi)`` and less by ever so little."""
    for xi, rounds in ((0.5, 1e4), (1.0, 1e6)):
        log = math.log(rounds)
        about = math.sqrt(math.e * xi * log**3) / 2 * rounds ** (-2 * xi)
        assert about / 4 < float(chance_of_failing(rounds, xi)) < about


@pytest.mark.parametrize(("window", "windows", "each"), [(190, (6, 10), 84), (200, (5, 9), 85)])
def test_a_sliding_windows_bound_by_hand(
    window: int, windows: tuple[int, int], each: int
) -> None:
    """It changes after 1000 rounds of 3000; ``each`` is 4 ln(window) / .5**2, rounded up."""
    world = PiecewiseProblem([bernoulli(0.75, 0.25), bernoulli(0.25, 0.75)], [1001])
    failures = [float(chance_of_failing(min(t, window), 1.0)) for t in range(1, 3001)]
    first = 0.5 * (windows[0] * each + 2 * sum(failures[:1000]))
    second = 0.5 * (window + windows[1] * each + 2 * sum(failures[1000 + window :]))

    bound = sliding_window_ucb_regret_bound(world, 3000, window=window, xi=1.0)

    assert first < 500  # no piece has more than its rounds times the gap
    assert second < 1000
    assert math.isclose(bound, first + second)


def test_a_discounts_bound_by_hand() -> None:
    """Means move by .5, the span is 1: older rounds may weigh 4 ln(n), n being about 1000."""
    discount = 0.999
    world = PiecewiseProblem([bernoulli(0.75, 0.25), bernoulli(0.25, 0.75)], [6001])
    n = [(1 - discount**t) / (1 - discount) for t in range(1, 12_001)]
    failures = [float(chance_of_failing(rounds, 1.0)) for rounds in n]
    wait = 0
    while 0.25 * discount**wait / (1 - discount) > math.log(n[6000 + wait]):
        wait += 1
    pulls = [64 * math.log(n[last]) + 1 for last in (5999, 11_999)]  # 16 ln(n) / .5**2
    first = 0.5 * (pulls[0] * (1 + 6.0) + 2 * sum(failures[:6000]))
    left = 6000 - wait
    second = 0.5 * (wait + pulls[1] * (1 + left / 1000) + 2 * sum(failures[6000 + wait :]))

    bound = discounted_ucb_regret_bound(world, 12_000, discount=discount, xi=1.0)

    assert 3000 < wait < 4000
    assert max(first, second) < 3000  # no piece costs more than its rounds times the gap
    assert math.isclose(bound, first + second, rel_tol=1e-9)
    eightfold = PiecewiseProblem([Scaled(p, 8.0) for p in world.problems], [6001])
    scaled = discounted_ucb_regret_bound(eightfold, 12_000, discount=discount, xi=1.0, span=8.0)
    assert math.isclose(scaled, 8 * bound)


def test_forgetting_nothing_leaves_a_discount_with_its_first_piece() -> None:
    """After a change the bound is the gap, round by round; before, it is logarithmic."""
    still = PiecewiseProblem([bernoulli(0.9, 0.1)], [])
    moved = PiecewiseProblem([bernoulli(0.9, 0.1), bernoulli(0.1, 0.9)], [10_001])
    first = discounted_ucb_regret_bound(still, 10_000, discount=1.0)

    assert first < 800
    longer = discounted_ucb_regret_bound(moved, 10_100, discount=1.0)
    assert math.isclose(longer, first + 80)


def test_where_nothing_moves_nothing_has_to_settle() -> None:
    """A change of the problem for the same one costs a discount no unsettled rounds."""
    best = bernoulli(0.5, 0.5)
    costs = PiecewiseProblem([best, best], [500])

    for bound in (
        discounted_ucb_regret_bound(costs, 1000, discount=0.99),
        sliding_window_ucb_regret_bound(costs, 1000, window=50),
    ):
        assert bound == 0


def test_no_piece_costs_more_than_its_largest_gap_in_every_round() -> None:
    assert math.isclose(sliding_window_ucb_regret_bound(SWITCH, 5000, window=1), 0.8 * 5000)
    assert math.isclose(discounted_ucb_regret_bound(SWITCH, 5000, discount=0.1), 0.8 * 5000)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"window": 0}, r"^`window` must be an integer of at least 1, got 0"),
        ({"window": 10, "xi": 0.0}, r"^`xi` must be positive, got 0"),
        ({"window": 10, "xi": math.inf}, r"^`xi` must be a finite number, got inf"),
        ({"window": 10, "xi": 1e101}, r"^`xi` must be at most 1e\+100, got 1e\+101"),
    ],
)
def test_bad_windows_are_refused(options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sliding_window_ucb_regret_bound(SWITCH, 10, **options)


@pytest.mark.parametrize("discount", [0.0, 1.1, math.nan])
def test_bad_discounts_are_refused(discount: float) -> None:
    with pytest.raises(ValueError, match=r"^`discount` must "):
        discounted_ucb_regret_bound(SWITCH, 10, discount=discount)
