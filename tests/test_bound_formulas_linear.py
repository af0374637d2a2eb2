"""Bounds of linear policies: by hand, and what their theorems do not cover."""

import math

import numpy as np
import pytest

from banditsplit import Net
from banditsplit.theory import LinearProblem, lin_ucb_regret_bound, oful_regret_bound
from tests.bound_problems import APART, SHARED


def test_oful_by_hand() -> None:
    """Two parameters, 6 rounds, ridge 1: growth 2 ln 4; widths count 1 / ln 2 times."""
    problem = LinearProblem(np.array([0.6, 0.8]), arms=3, std=0.5, contexts="sphere")
    growth = 4 * math.log(2)
    radius = 0.5 * math.sqrt(growth + 2 * math.log(20)) + 1
    bound = 2 * radius * math.sqrt(6 / math.log(2) * growth)

    assert math.isclose(oful_regret_bound(problem, 6, noise=0.5), bound)
    assert math.isclose(lin_ucb_regret_bound(problem, 6, alpha=radius * 1.5), 1.5 * bound)


def test_arms_apart_are_one_long_parameter() -> None:
    """Of norm sqrt(2), with four entries."""
    growth = 4 * math.log1p(100 / (3 * 4))
    radius = 0.1 * math.sqrt(growth + 2 * math.log(10)) + math.sqrt(3) * 1.5
    widths = 100 / (3 * math.log(4 / 3)) * growth

    bound = oful_regret_bound(APART, 100, delta=0.1, noise=0.1, norm=1.5, ridge=3)

    assert math.isclose(bound, 2 * radius * math.sqrt(widths))


def test_linear_bounds_scale_with_the_rewards() -> None:
    larger = LinearProblem(4 * SHARED.parameters, arms=5, std=0.4, contexts="sphere")

    assert math.isclose(
        oful_regret_bound(larger, 100, noise=0.4, norm=4.0),
        4 * oful_regret_bound(SHARED, 100, noise=0.1),
    )


def test_what_no_linear_theorem_covers_is_refused() -> None:
    unbounded = LinearProblem(SHARED.parameters, arms=5, std=0.1)
    costly = LinearProblem(APART.parameters, costs=np.array([0.0, 1.0]), contexts="sphere")

    with pytest.raises(ValueError, match=r"^`problem` must have contexts of bounded norm"):
        oful_regret_bound(unbounded, 10)
    with pytest.raises(ValueError, match=r"^`objective` must weigh no costs, .* Net"):
        oful_regret_bound(costly, 10, norm=2.0, objective=Net(0.5))
    with pytest.raises(ValueError, match=r"^`noise` must be at least .* 0\.1, got 0\.05"):
        oful_regret_bound(SHARED, 10, noise=0.05)
    with pytest.raises(ValueError, match=r"^`norm` must be at least .* 1\.4.*, got 1\.0"):
        oful_regret_bound(APART, 10)
    with pytest.raises(ValueError, match=r"^`alpha` must be at least .*, got 1\.1"):
        lin_ucb_regret_bound(SHARED, 3000, alpha=1.1)
    with pytest.raises(ValueError, match=r"^`delta` must lie strictly between 0 and 1, got 1"):
        oful_regret_bound(SHARED, 10, delta=1)
    with pytest.raises(ValueError, match=r"^`ridge` must be positive, got 0"):
        oful_regret_bound(SHARED, 10, ridge=0)
    for ridge in (1e-100, 1e100):
        assert oful_regret_bound(SHARED, 10, ridge=ridge) > 0
    for ridge in (1e-101, 1e101):
        with pytest.raises(ValueError, match=r"^`ridge` must lie in \[1e-100, 1e\+100\] for"):
            oful_regret_bound(SHARED, 10, ridge=ridge)
    assert oful_regret_bound(costly, 10, norm=2.0) > 0
