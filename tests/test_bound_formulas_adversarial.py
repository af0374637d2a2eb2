"""Bounds of exponential weights and Tsallis-INF: by hand, and how often runs exceed them."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from banditsplit import EXP3IX, BernoulliProblem, Policy, UniformRandom, simulate
from banditsplit.theory import (
    GraphProblem,
    Situation,
    exp3_ix_regret_bound,
    exp3_regret_bound,
    exp3_set_regret_bound,
    tsallis_inf_regret_bound,
)
from tests.bound_problems import FIXED, FOUR, bernoulli, edges


def test_exp3_by_hand() -> None:
    """Two arms, 50 rounds: 2 sqrt(100 ln 2), and (e - 1) 25 + 4 ln 2 for gamma 1/2."""
    two = bernoulli(0.5, 0.7)

    assert math.isclose(exp3_regret_bound(two, 50), 20 * math.sqrt(math.log(2)))
    assert math.isclose(
        exp3_regret_bound(two, 50, gamma=0.5), 25 * (math.e - 1) + 4 * math.log(2)
    )


def test_exp3_tuned_for_a_horizon_has_the_corollarys_bound() -> None:
    gamma = math.sqrt(4 * math.log(4) / ((math.e - 1) * 5000))
    corollary = 2 * math.sqrt((math.e - 1) * 5000 * 4 * math.log(4))

    assert math.isclose(exp3_regret_bound(FOUR, 5000, gamma=gamma), corollary)


def test_exp3_ix_by_hand() -> None:
    """Two arms, 32 rounds. Anytime, and with the step size of Neu's theorem."""
    two, log = bernoulli(0.5, 0.7), math.log(2)
    root = math.sqrt(64 * log)
    assert math.isclose(exp3_ix_regret_bound(two, 32), 3 * root)
    anytime = 4 * root + (math.sqrt(64 / log) + 1) * math.log(20)
    assert math.isclose(exp3_ix_regret_bound(two, 32, delta=0.1), anytime)

    eta = math.sqrt(2 * log / 64)
    known = 2 * math.sqrt(2) * root + (math.sqrt(32 / log) + 1) * math.log(20)
    assert math.isclose(exp3_ix_regret_bound(two, 32, eta=eta, delta=0.1), known)


class Recorded:
    """A problem that every arm is drawn of in every round, and what each has given."""

    def __init__(self, problem: BernoulliProblem) -> None:
        self.problem, self.arms = problem, problem.arms
        self.given: Any = 0.0

    def situation(self, t: int, runs: int, rng: np.random.Generator) -> Situation:
        del t, runs, rng
        return Situation(self.problem.expected_reward, self.problem.expected_cost)

    def respond(
        self, situation: Situation, arm: Any, rng: np.random.Generator
    ) -> tuple[Any, Any, None]:
        del situation
        table = np.tile(np.arange(self.arms), (len(arm), 1))
        reward, cost = self.problem.draw(table, rng)
        self.given = self.given + reward
        rows = np.arange(len(arm))
        return reward[rows, arm], cost[rows, arm], None


def runs_above(policy: Policy, delta: float) -> int:
    """How many of 200 runs have a realised regret above the bound."""
    world = Recorded(bernoulli(0.9, 0.1))
    history = simulate({"it": policy}, world, horizon=2000, runs=200, seed=3, checkpoints=1)
    regret = world.given.max(-1) - history["it"].reward[:, -1]
    return int((regret > exp3_ix_regret_bound(world.problem, 2000, delta=delta)).sum())


@pytest.mark.parametrize("delta", [0.3, 0.05])
def test_realised_regret_of_exp3_ix_seldom_exceeds_its_bound(delta: float) -> None:
    """With the stated probability, more runs exceed it than this in 1 test of a million.

    Uniform play exceeds it in all of them.
    """
    limit = binom.ppf(1 - 1e-6, 200, delta)

    assert runs_above(EXP3IX(2), delta) <= limit
    assert runs_above(UniformRandom(2), delta) > limit


def test_exp3_set_by_hand() -> None:
    """Three arms, 25 rounds. Q is 1 with all edges, 3 with none, 1.75 with half of them."""
    three, log = bernoulli(0.2, 0.5, 0.7), math.log(3)
    complete = GraphProblem(three, np.ones((3, 3), np.bool_))
    half = GraphProblem(three, 0.5)

    told = exp3_set_regret_bound(complete, 25, independence=1.0)
    assert math.isclose(told, 10 * math.sqrt(log))
    untold = exp3_set_regret_bound(complete, 25)
    assert math.isclose(untold, 5 * math.sqrt(log) * (math.sqrt(3) + 1 / math.sqrt(3)))
    none = GraphProblem(three, edges(3))
    assert math.isclose(exp3_set_regret_bound(none, 25), exp3_regret_bound(three, 25))
    constant = exp3_set_regret_bound(half, 25, eta=0.2)
    assert math.isclose(constant, 5 * log + 1.75 / 2 * 5)
    for certain, q in ((0.0, 3.0), (1.0, 1.0), (1e-13, 3.0)):
        bound = exp3_set_regret_bound(GraphProblem(three, certain), 25, eta=0.2)
        assert math.isclose(bound, 5 * log + q / 2 * 5)


@given(arms=st.integers(1, 6), density=st.floats(0, 1), seed=st.integers(0, 2**32 - 1))
def test_pulled_over_seen_sums_to_no_more_than_exp3_set_counts_with(
    arms: int, density: float, seed: int
) -> None:
    """The bound on ``sum p / q``, against probabilities drawn on drawn directed graphs."""
    rng = np.random.default_rng(seed)
    graph = rng.random((arms, arms)) < density
    problem = GraphProblem(BernoulliProblem(np.full(arms, 0.5)), graph)
    bound = exp3_set_regret_bound(problem, 2, eta=1.0) - math.log(arms)  # is Q
    p = rng.dirichlet(np.full(arms, rng.choice([0.1, 1.0])), 20) + 1e-12

    q = p @ (graph | np.eye(arms, dtype=np.bool_))

    assert ((p / q).sum(-1) <= bound * (1 + 1e-9)).all()


def test_tsallis_inf_by_hand() -> None:
    """One arm .5 and one 1 below the best of three, and a hundred rounds or a million."""
    three, log = bernoulli(1.0, 0.5, 0.0), math.log(10**6)

    assert math.isclose(tsallis_inf_regret_bound(three, 3), 13)
    fixed = (4 * log + 20) * 3 + 4 * math.sqrt(3)
    assert math.isclose(tsallis_inf_regret_bound(three, 10**6), fixed)
    early = tsallis_inf_regret_bound(three, 3, reduced_variance=True)
    assert math.isclose(early, 22 + 42 * math.log(3))
    late = tsallis_inf_regret_bound(three, 10**6, reduced_variance=True)
    fixed = (log + 3) * 3 + 4 + 84 * log + 1.5 * math.sqrt(3) + 32
    assert math.isclose(late, fixed)


def test_tsallis_inf_with_two_best_arms_has_the_adversarial_bound() -> None:
    assert tsallis_inf_regret_bound(bernoulli(1.0, 1.0, 0.0, 0.0), 10**6) == 8001


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: exp3_regret_bound(FOUR, 9, gamma=0.0), r"^`gamma` must lie in \(0, 1\], got"),
        (lambda: exp3_ix_regret_bound(FOUR, 9, eta=-1.0), r"^`eta` must be positive, got -1"),
        (lambda: exp3_ix_regret_bound(FOUR, 9, delta=0.0), r"^`delta` must lie strictly"),
        (
            lambda: exp3_set_regret_bound(FIXED, 9, independence=4.5),
            r"^`independence` must lie in \[1, 4\], got 4\.5",
        ),
        (
            lambda: exp3_set_regret_bound(FIXED, 9, eta=1.0, independence=2.0),
            r"^`eta` must be None where `independence` is given, got 1\.0",
        ),
    ],
    ids=["gamma", "eta", "delta", "independence", "both"],
)
def test_bad_numbers_are_refused(call: Callable[[], float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
