"""Arrays lie in memory as numpy goes fastest; no number depends on it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps
from scipy import stats as laws

from banditsplit import UCB1, BernoulliProblem, Policy, load, simulate
from banditsplit._argmax import argmax
from banditsplit._typing import Float
from banditsplit.memories import Full
from banditsplit.theory import Stationary

SHAPES = st.tuples(st.integers(1, 9), st.integers(1, 9))  # more runs than arms, and fewer


@given(
    shape=SHAPES,
    pulls=st.lists(st.integers(0, 8), min_size=1, max_size=20),
    variance=st.booleans(),
)
def test_a_memory_is_its_runs_one_by_one(
    shape: tuple[int, int], pulls: list[int], *, variance: bool
) -> None:
    """Run r pulls arm (n + r) modulo arms, and gets a value of its own."""
    runs, arms = shape
    memory = Full()
    many = memory.empty(runs, arms, variance=variance)
    alone = [memory.empty(None, arms, variance=variance) for _ in range(runs)]
    row = np.arange(runs)
    for n in pulls:
        arm, value = (n + row) % arms, n + row / 7
        memory.observe(many, row * arms + arm, value)
        memory.advance(many, None)
        for r in range(runs):
            memory.observe(alone[r], int(arm[r]), float(value[r]))
            memory.advance(alone[r], None)

    assert many.t[:, 0].tolist() == [one.t for one in alone]
    assert many.untried == sum(one.untried for one in alone)
    for name in ("pulls", "mean", "variance") if variance else ("pulls", "mean"):
        rows = [getattr(one, name).tolist() for one in alone]
        assert getattr(many, name).tolist() == rows


@pytest.mark.parametrize("runs", [3, 40])
def test_a_policy_that_was_loaded_goes_on_bit_for_bit(runs: int, tmp_path: Path) -> None:
    """A file knows no layout."""
    policy = UCB1(6, runs=runs, seed=0)

    def play(policy: Policy) -> list[Any]:
        arms = []
        for n in range(60):
            arm = policy.select()
            policy.update(arm, (arm * 7 + n) % 5 / 4)
            arms.append(arm.tolist())
        return arms

    play(policy)
    policy.save(tmp_path / "policy")
    loaded = load(tmp_path / "policy")

    assert play(loaded) == play(policy)


@given(
    scores=nps.arrays(float, SHAPES, elements=st.sampled_from([-np.inf, 0.0, 0.5, np.inf])),
    order=st.sampled_from("CF"),
)
def test_the_best_arm_is_one_of_the_best(scores: Float, order: Any) -> None:
    arm = argmax(np.array(scores, order=order), np.random.default_rng(0))

    assert (scores[np.arange(len(scores)), arm] == scores.max(1)).all()
    for row in scores:
        assert row[argmax(row, np.random.default_rng(0))] == row.max()


@pytest.mark.parametrize("arms", [4, 60])
@pytest.mark.parametrize("runs", [None, 20, 6000])
def test_ties_are_even_in_every_shape(arms: int, runs: int | None) -> None:
    """Arms 1, 2 and 3 are best in 6,000 draws; chi-square, fails with probability 1e-6."""
    scores = np.zeros((runs or 1, arms))
    scores[:, 1:4] = 1.0
    rng = np.random.default_rng(1)
    drawn = [argmax(scores if runs else scores[0], rng) for _ in range(6000 // (runs or 1))]
    counts = np.bincount(np.ravel(drawn), minlength=arms)

    assert counts[1:4].sum() == 6000
    assert laws.chisquare(counts[1:4]).pvalue > 1e-6


class Watched(Stationary):
    """The same problem as a world: its rounds are booked one by one and checked."""


def test_regret_from_pulls_is_regret_round_by_round() -> None:
    problem = BernoulliProblem(np.linspace(0.1, 0.9, 5), costs=np.arange(5.0))
    by_pulls, by_rounds = (
        simulate({"it": UCB1(5)}, world, horizon=200, runs=7, seed=3)["it"]
        for world in (problem, Watched(problem))
    )

    assert (by_pulls.pulls == by_rounds.pulls).all()
    assert (by_pulls.reward == by_rounds.reward).all()
    assert (by_pulls.cost == by_rounds.cost).all()
    np.testing.assert_allclose(by_pulls.pseudo_regret, by_rounds.pseudo_regret, atol=1e-10)


def test_many_arms_are_played_in_smaller_blocks() -> None:
    """5,000 arms: blocks of 20, so the first 20 of 30 runs are those of 20."""
    problem = BernoulliProblem(np.full(5000, 0.5))
    few, more = (
        simulate({"it": UCB1(5000)}, problem, horizon=5, runs=runs, seed=3)["it"].pulls
        for runs in (20, 30)
    )

    assert (more[:20] == few).all()
    assert more.shape == (30, 5000)
    assert not (more[20:] == few[:10]).all()
