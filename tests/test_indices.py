"""Every index on numbers that a hand can check, and the laws of its kind."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps
from scipy import stats as laws

from banditsplit import ArmStats
from banditsplit.indices import (
    UCB,
    BetaThompson,
    Constant,
    Fixed,
    GaussianThompson,
    Greedy,
    Index,
)
from banditsplit.indices._index import score
from banditsplit.objectives import Net, Reward

RNG = np.random.default_rng(0)  # for indices that do not draw


def known(pulls: list[float], mean: list[float], t: int) -> ArmStats:
    """One run's statistics."""
    return ArmStats(t=t, pulls=np.array(pulls), mean=np.array(mean), untried=pulls.count(0))


@st.composite
def tried_arms(draw: st.DrawFn) -> ArmStats:
    """Any reachable memory of pulled arms: 1-4 runs of 1-8 arms."""
    shape = draw(st.tuples(st.integers(1, 4), st.integers(1, 8)))
    pulls = draw(nps.arrays(float, shape, elements=st.integers(1, 50)))
    mean = draw(nps.arrays(float, shape, elements=st.floats(0, 1)))
    t = pulls.sum(axis=1, keepdims=True).astype(np.int64) + 1
    return ArmStats(t=t, pulls=pulls, mean=mean, untried=0)


def test_ucb1_is_auers_formula() -> None:
    """Mean + sqrt(2 ln t / pulls): at t = 8, .5 + 2.0393 and .25 + 1.0197."""
    index = UCB()(known([1, 4], [0.5, 0.25], 8), RNG)

    expected = [0.5 + math.sqrt(2 * math.log(8)), 0.25 + math.sqrt(2 * math.log(8) / 4)]
    np.testing.assert_allclose(index, expected, rtol=1e-15)
    np.testing.assert_allclose(index, [2.5393, 1.2697], atol=5e-5)


def test_beta_of_split_ee_is_an_alpha() -> None:
    """Beta 1.5 is alpha 4.5: 1.5 * sqrt(ln 10 / 9) = .7587."""
    width = UCB(alpha=2 * 1.5**2).width(known([9], [0], 10))

    np.testing.assert_allclose(width, [0.7587], atol=5e-5)


def test_the_span_scales_the_width() -> None:
    stats = known([3, 5], [0, 0], 9)

    np.testing.assert_allclose(UCB(span=2.5).width(stats), 2.5 * UCB().width(stats), rtol=1e-15)


@pytest.mark.parametrize("index", [UCB(), UCB(alpha=1.0), UCB(span=2.0)], ids=repr)
@given(stats=tried_arms())
def test_another_pull_never_widens(index: UCB, stats: ArmStats) -> None:
    """At a fixed round, evidence only narrows the width."""
    more = replace(stats, pulls=stats.pulls + 1)

    assert np.all(index.width(more) <= index.width(stats))


@given(stats=tried_arms(), rounds=st.integers(1, 1000))
def test_waiting_never_narrows(stats: ArmStats, rounds: int) -> None:
    """At fixed evidence, the width only grows with the round."""
    later = replace(stats, t=stats.t + rounds)

    assert np.all(UCB().width(later) >= UCB().width(stats))


def draws(index: Index, stats: ArmStats, number: int) -> Any:
    """``number`` independent index vectors, `[number, arms]`."""
    shape = (number, stats.mean.size)
    many = ArmStats(
        t=np.full((number, 1), stats.t),
        pulls=np.broadcast_to(stats.pulls, shape),
        mean=np.broadcast_to(stats.mean, shape),
        untried=0,
    )
    return index(many, np.random.default_rng(7))


POSTERIORS = [  # prior, pulls, mean; the posterior is Beta(a + pulls * mean, b + the rest)
    ((1.0, 1.0), 0.0, 0.0, laws.beta(1, 1)),
    ((1.0, 1.0), 3.0, 2 / 3, laws.beta(3, 2)),
    ((0.5, 2.0), 10.0, 0.9, laws.beta(9.5, 3)),
    ((1.0, 1.0), 8.0, 0.3125, laws.beta(3.5, 6.5)),  # fractions of a success
]


@pytest.mark.parametrize(("prior", "pulls", "mean", "posterior"), POSTERIORS)
def test_beta_thompson_draws_from_its_posterior(
    prior: tuple[float, float], pulls: float, mean: float, posterior: Any
) -> None:
    """Mean and variance of 100,000 draws; fails with probability below 1e-8 per law.

    Six standard errors: the mean's is std / sqrt(n), the variance's sqrt((kurtosis - 1) / n)
    times the variance.
    """
    n = 100_000
    drawn = draws(BetaThompson(*prior), known([pulls], [mean], 20), n)[:, 0]
    expected, variance, excess = (float(x) for x in posterior.stats("mvk"))

    assert abs(drawn.mean() - expected) < 6 * math.sqrt(variance / n)
    assert abs(drawn.var() - variance) < 6 * variance * math.sqrt((excess + 2) / n)


def test_beta_thompson_with_a_miscounted_success_is_noticed() -> None:
    """The control: Beta(2, 2) in place of Beta(3, 2) is 60 standard errors off."""
    n = 100_000
    drawn = draws(BetaThompson(), known([2], [0.5], 20), n)[:, 0]
    expected, variance = (float(x) for x in laws.beta(3, 2).stats("mv"))

    assert abs(drawn.mean() - expected) > 6 * math.sqrt(variance / n)


def test_a_mean_an_ulp_above_one_still_has_a_posterior() -> None:
    stats = known([3], [np.nextafter(1.0, 2.0)], 4)

    assert 0 <= BetaThompson(failures=1e-3)(stats, np.random.default_rng(0))[0] <= 1


def test_gaussian_thompson_draws_from_its_posterior() -> None:
    """Normal(.5, .2**2) and Normal(-3, .1**2); six standard errors, below 1e-8."""
    n = 100_000
    drawn = draws(GaussianThompson(std=0.4), known([4, 16], [0.5, -3.0], 21), n)
    std = np.array([0.2, 0.1])

    assert np.all(np.abs(drawn.mean(0) - [0.5, -3.0]) < 6 * std / math.sqrt(n))
    assert np.all(np.abs(drawn.var(0) - std**2) < 6 * std**2 * math.sqrt(2 / n))


def test_epsilon_decays_as_one_over_t_and_is_one_at_first() -> None:
    decaying = Greedy(epsilon=5.0, decay=True)

    assert [decaying.probability(t) for t in (1, 5, 10, 100)] == [5.0, 1.0, 0.5, 0.05]
    assert [Greedy(epsilon=0.25).probability(t) for t in (1, 100)] == [0.25, 0.25]


@pytest.mark.parametrize(
    ("index", "t", "share"),
    [
        (Greedy(epsilon=0.0), 10, 0.0),
        (Greedy(epsilon=0.3), 10, 0.3),
        (Greedy(epsilon=1.0), 10, 1.0),
        (Greedy(epsilon=4.0, decay=True), 10, 0.4),
        (Greedy(epsilon=4.0, decay=True), 2, 1.0),
    ],
    ids=repr,
)
def test_greedy_explores_with_its_probability(index: Greedy, t: int, share: float) -> None:
    """Of 40,000 runs, within five standard errors (below 1e-6); explorers score all alike."""
    n = 40_000
    scores = draws(index, known([1, 1], [0.5, 0.25], t), n)
    exploring = (scores == 0).all(axis=1)

    assert abs(exploring.mean() - share) <= 5 * math.sqrt(share * (1 - share) / n)
    assert (scores[~exploring] == [0.5, 0.25]).all()


def test_constant_and_fixed_do_not_look() -> None:
    stats = known([0, 3, 1], [0.0, 0.5, 1.0], 5)

    assert Constant()(stats, RNG).tolist() == [0.0, 0.0, 0.0]
    assert Fixed(1)(stats, RNG).tolist() == [0.0, 1.0, 0.0]


def test_an_untried_arm_comes_first_where_the_formula_is_silent_on_it() -> None:
    stats = known([0, 2], [0.0, 0.5], 3)

    assert score(UCB(), stats, RNG).tolist() == [math.inf, 0.5 + math.sqrt(math.log(3))]
    assert score(Fixed(1), stats, RNG).tolist() == [0.0, 1.0]


def test_objectives_on_paper() -> None:
    assert Reward().value(0.9, 5.0) == 0.9
    assert Net(0.1).value(0.9, 5.0) == 0.9 - 0.1 * 5.0
    assert Net(0.5).value(np.array([1.0, 0.5]), np.array([1.0, 2.0])).tolist() == [0.5, -0.5]
    assert [Reward().keeps_support, Net(0.0).keeps_support] == [True, True]
    assert not Net(0.1).keeps_support
