"""Every index on numbers that a hand can check, and the laws of its kind."""

import math
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps
from scipy import stats as laws

from banditsplit import ArmStats
from banditsplit._typing import Float
from banditsplit.indices import (
    IMED,
    KLUCB,
    MOSS,
    UCB,
    UCBBV1,
    UCBV,
    AnytimeMOSS,
    AsymptoticallyOptimalUCB,
    BetaBayesUCB,
    BetaThompson,
    BoltzmannGumbel,
    Constant,
    Exploring,
    Fixed,
    GaussianBayesUCB,
    GaussianThompson,
    Greedy,
    HorizonUCB,
    Index,
    JointIndex,
    KLUCBPlusPlus,
    NIGThompson,
    UCBTuned,
)
from banditsplit.indices._index import score
from banditsplit.objectives import Net, Reward
from banditsplit.theory import Bernoulli, Gaussian, Poisson

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


HALF_LINE, REALS, UNIT = (0.0, math.inf), (-math.inf, math.inf), (0.0, 1.0)
WHAT_INDICES_SAY = [  # support, scores_untried, needs_variance, compares_arms
    (UCB(), REALS, (False, False, False)),
    (UCBTuned(), REALS, (False, True, False)),
    (UCBV(), REALS, (False, True, False)),
    (AsymptoticallyOptimalUCB(), REALS, (False, False, False)),
    (MOSS(10), REALS, (False, False, False)),
    (AnytimeMOSS(), REALS, (False, False, False)),
    (HorizonUCB(10), UNIT, (False, False, False)),
    (KLUCB(), UNIT, (False, False, False)),
    (KLUCB(Poisson()), HALF_LINE, (False, False, False)),
    (KLUCBPlusPlus(10), UNIT, (False, False, False)),
    (KLUCBPlusPlus(10, Gaussian()), REALS, (False, False, False)),
    (IMED(), UNIT, (True, False, True)),
    (IMED(Poisson()), HALF_LINE, (True, False, True)),
    (BetaBayesUCB(), UNIT, (True, False, False)),
    (GaussianBayesUCB(), REALS, (False, False, False)),
    (BetaThompson(), UNIT, (True, False, False)),
    (GaussianThompson(), REALS, (False, False, False)),
    (NIGThompson(), REALS, (False, True, False)),
    (BoltzmannGumbel(), REALS, (False, False, False)),
    (Greedy(), REALS, (False, False, False)),
    (Constant(), REALS, (True, False, False)),
    (Fixed(1), REALS, (True, False, False)),
    (Exploring(UCB(), 0.1), REALS, (True, False, False)),
    (Exploring(UCBV(), 0.1), REALS, (True, True, False)),
    (Exploring(BetaThompson(), 0.1), UNIT, (True, False, False)),
]


@pytest.mark.parametrize(("index", "support", "flags"), WHAT_INDICES_SAY, ids=repr)
def test_an_index_says_what_it_needs(
    index: Index, support: tuple[float, float], flags: tuple[bool, bool, bool]
) -> None:
    assert index.support == support
    assert (index.scores_untried, index.needs_variance, index.compares_arms) == flags


@pytest.mark.parametrize(
    ("index", "stated"),
    [
        (UCB(), UCB(alpha=4.0, span=1.0)),
        (UCBTuned(), UCBTuned(span=1.0)),
        (UCBV(), UCBV(zeta=1.2, c=1.0, span=1.0)),
        (AsymptoticallyOptimalUCB(), AsymptoticallyOptimalUCB(std=1.0)),
        (MOSS(7), MOSS(7, span=1.0)),
        (AnytimeMOSS(), AnytimeMOSS(alpha=1.0, span=1.0)),
        (KLUCB(), KLUCB(Bernoulli(), c=0.0)),
        (KLUCBPlusPlus(7), KLUCBPlusPlus(7, Bernoulli())),
        (IMED(), IMED(Bernoulli())),
        (BetaBayesUCB(), BetaBayesUCB(1.0, 1.0, c=0.0, horizon=None)),
        (GaussianBayesUCB(), GaussianBayesUCB(std=1.0, c=0.0, horizon=None)),
        (BetaThompson(), BetaThompson(successes=1.0, failures=1.0)),
        (GaussianThompson(), GaussianThompson(std=1.0)),
        (NIGThompson(), NIGThompson(alpha=-1.0)),
        (BoltzmannGumbel(), BoltzmannGumbel(c=1.0)),
        (Greedy(), Greedy(epsilon=0.1, decay=False)),
    ],
    ids=repr,
)
def test_an_index_has_the_constants_of_its_paper_unless_told_otherwise(
    index: Index, stated: Index
) -> None:
    assert index == stated


REFUSED_PARAMETERS: list[tuple[Any, dict[str, Any], str]] = [
    (UCB, {"alpha": 0.0}, "`alpha` must be positive"),
    (UCB, {"span": 0.0}, "`span` must be positive"),
    (UCBTuned, {"span": 0.0}, "`span` must be positive"),
    (UCBV, {"zeta": 0.0}, "`zeta` must be positive"),
    (UCBV, {"c": 0.0}, "`c` must be positive"),
    (UCBV, {"span": 0.0}, "`span` must be positive"),
    (AsymptoticallyOptimalUCB, {"std": 0.0}, "`std` must be positive"),
    (MOSS, {"horizon": 0}, "`horizon` must be an integer of at least 1"),
    (MOSS, {"horizon": 1, "span": 0.0}, "`span` must be positive"),
    (AnytimeMOSS, {"alpha": 0.0}, "`alpha` must be positive"),
    (AnytimeMOSS, {"span": 0.0}, "`span` must be positive"),
    (HorizonUCB, {"horizon": 0}, "`horizon` must be an integer of at least 1"),
    (KLUCB, {"family": "Bernoulli"}, "`family` must be of type Family"),
    (KLUCB, {"c": -1.0}, "`c` must not be negative"),
    (KLUCBPlusPlus, {"horizon": 0}, "`horizon` must be an integer of at least 1"),
    (KLUCBPlusPlus, {"horizon": 1, "family": 0}, "`family` must be of type Family"),
    (IMED, {"family": None}, "`family` must be of type Family"),
    (BetaBayesUCB, {"successes": 0.0}, "`successes` must be positive"),
    (BetaBayesUCB, {"failures": 0.0}, "`failures` must be positive"),
    (BetaBayesUCB, {"c": -1.0, "horizon": 9}, "`c` must not be negative"),
    (BetaBayesUCB, {"c": 0.5}, "`horizon` must be an integer of at least 2"),
    (BetaBayesUCB, {"horizon": 1}, "`horizon` must be an integer of at least 2"),
    (GaussianBayesUCB, {"std": 0.0}, "`std` must be positive"),
    (GaussianBayesUCB, {"c": 0.5}, "`horizon` must be an integer of at least 2"),
    (BetaThompson, {"successes": 0.0}, "`successes` must be positive"),
    (BetaThompson, {"failures": 0.0}, "`failures` must be positive"),
    (GaussianThompson, {"std": 0.0}, "`std` must be positive"),
    (NIGThompson, {"alpha": math.nan}, "`alpha` must be a finite number"),
    (BoltzmannGumbel, {"c": 0.0}, "`c` must be positive"),
    (Greedy, {"epsilon": 1.1}, "`epsilon` must lie in"),
    (Greedy, {"epsilon": -0.1, "decay": True}, "`epsilon` must not be negative"),
    (Fixed, {"arm": -1}, "`arm` must be an integer of at least 0"),
    (Exploring, {"index": 1.0, "share": 0.1}, "`index` must be of type Index"),
    (Exploring, {"index": UCB(), "share": 1.1}, "`share` must lie in"),
    (UCBBV1, {"smallest_cost": 0.0}, "`smallest_cost` must lie in"),
    (UCBBV1, {"smallest_cost": 1.1}, "`smallest_cost` must lie in"),
]


@pytest.mark.parametrize(("make", "parameters", "message"), REFUSED_PARAMETERS)
def test_an_index_refuses_what_its_formula_has_no_room_for(
    make: Any, parameters: dict[str, Any], message: str
) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        make(**parameters)


@pytest.mark.parametrize(
    "index",
    [
        MOSS(1),
        HorizonUCB(1),
        KLUCBPlusPlus(1),
        BetaBayesUCB(c=0.5, horizon=2),
        Fixed(0),
        Exploring(UCB(), 0.0),
        Exploring(UCB(), 1.0),
    ],
    ids=repr,
)
def test_an_index_takes_the_last_parameter_that_it_has_room_for(index: Index) -> None:
    assert np.isfinite(index(known([2, 3], [0.5, 0.25], 6), RNG)).all()


def test_a_share_of_the_runs_explores_and_scores_all_its_arms_alike() -> None:
    """Drawn from the same stream: a run explores where its uniform number is below the share.

    Two of the draws are planted on either side, and one on the share itself.
    """
    uniform = np.random.default_rng(5).random((6, 1))
    share = float(uniform[2, 0])
    explores = uniform[:, 0] < share
    assert 0 < explores.sum() < 5
    stats = ArmStats(
        t=np.full((6, 1), 9), pulls=np.full((6, 2), 4.0), mean=np.full((6, 2), 0.5), untried=0
    )
    stats.mean[:, 1] = 0.25

    scores = Exploring(Greedy(epsilon=0.0), share)(stats, np.random.default_rng(5))

    expected = np.where(explores[:, None], 0.0, [[0.5, 0.25]])
    np.testing.assert_array_equal(scores, expected)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_one_run_explores_never_or_always(share: float) -> None:
    stats = known([0, 4], [0.0, 0.5], 5)

    scores = Exploring(UCB(), share)(stats, RNG)

    width = math.sqrt(math.log(5) / 2)
    assert scores.tolist() == ([0.0, 0.0] if share else [math.inf, pytest.approx(0.5 + width)])


def test_exploring_changes_the_arms_of_its_index() -> None:
    assert Exploring(Fixed(2), 0.25).change_arms([0, 2], 1) == Exploring(Fixed(1), 0.25)


@pytest.mark.parametrize(
    "index", [BetaThompson(1.0, 1e-17), BetaBayesUCB(1.0, 1e-17)], ids=repr
)
def test_no_posterior_has_a_negative_count(index: Index) -> None:
    """Three pulls of an ulp above 1 are 6.7e-16 of a failure too few for a prior of 1e-17."""
    stats = known([3], [np.nextafter(1.0, 2.0)], 4)

    assert index(stats, np.random.default_rng(0))[0] == 1.0


def test_the_horizon_counts_in_a_quantile_by_the_power_of_its_logarithm() -> None:
    """The level is 1 / (20 * sqrt(ln 1000)); a power of 0 leaves the horizon out."""
    level = 1 / (20 * math.sqrt(math.log(1000)))
    stats = known([4, 9], [0.25, 0.5], 20)

    beta = BetaBayesUCB(2.0, 3.0, c=0.5, horizon=1000)(stats, RNG)
    normal = GaussianBayesUCB(std=0.5, c=0.5, horizon=1000)(stats, RNG)

    np.testing.assert_allclose(beta, laws.beta([3, 6.5], [6, 7.5]).isf(level), rtol=1e-12)
    expected = laws.norm([0.25, 0.5], [0.25, 0.5 / 3]).isf(level)
    np.testing.assert_allclose(normal, expected, rtol=1e-12)
    np.testing.assert_array_equal(
        BetaBayesUCB(horizon=50)(stats, RNG), BetaBayesUCB()(stats, RNG)
    )


def test_the_bound_over_a_horizon_is_cut_at_one() -> None:
    """0.25 + sqrt(2 ln 10 / 200) and 0.5 + sqrt(2 ln 10 / 5), which is above 1."""
    scores = HorizonUCB(10)(known([200, 5], [0.25, 0.5], 206), RNG)

    np.testing.assert_allclose(scores, [0.25 + math.sqrt(math.log(10) / 100), 1.0], rtol=1e-15)


def test_ucb_bv1_on_paper() -> None:
    """At t = 9, lambda .5: w = sqrt(ln 8 / 100) = .1442, 3 w / (.5 - w) = 1.2158 above .8.

    With 8 pulls w is above lambda, so nothing is known; nor is it where w is lambda, as at
    4 ln 8 pulls.
    """
    pulls = [100, 8, 4 * float(np.log(8))]
    reward, cost = known(pulls, [0.4, 0.9, 0.9], 9), known(pulls, [0.5, 0.1, 0.1], 9)

    scores = UCBBV1(0.5)(reward, cost, RNG)

    w = math.sqrt(math.log(8) / 100)
    np.testing.assert_allclose(scores[0], 0.8 + 3 * w / (0.5 - w), rtol=1e-14)
    assert scores[1:].tolist() == [math.inf, math.inf]
    assert UCBBV1(1.0)(known([5], [0.5], 1), known([5], [0.25], 1), RNG).tolist() == [2.0]


def test_ucb_bv1_knows_no_cost_of_zero() -> None:
    """All pulls were free: the ratio is as large as floats are, and 0 where rewards are 0."""
    scores = UCBBV1(1.0)(known([9, 9], [0.0, 1.0], 2), known([9, 9], [0.0, 0.0], 2), RNG)

    assert scores[0] == 0.0
    assert scores[1] > 1e300


def test_a_ratio_of_bounded_values_needs_no_variance() -> None:
    assert UCBBV1(0.5).support == (0.0, 1.0)
    assert not UCBBV1(0.5).needs_variance


def test_greedy_explores_where_its_draw_is_below_epsilon_and_not_at_it() -> None:
    """One run, and a batch of one; epsilon is the draw itself, then the float above it."""
    draw = float(np.random.default_rng(3).random())
    one = known([1, 1], [0.5, 0.25], 3)
    many = ArmStats(t=np.array([[3]]), pulls=one.pulls[None], mean=one.mean[None], untried=0)

    for stats in (one, many):
        exploits = Greedy(draw)(stats, np.random.default_rng(3))
        explores = Greedy(float(np.nextafter(draw, 1.0)))(stats, np.random.default_rng(3))
        assert exploits.ravel().tolist() == [0.5, 0.25]
        assert explores.ravel().tolist() == [0.0, 0.0]


def test_one_pull_is_enough_to_be_tried() -> None:
    stats = known([1, 3], [0.25, 0.5], 5)

    assert score(UCB(), stats, RNG).tolist() == UCB()(stats, RNG).tolist()
    stats = known([0, 1], [0.0, 0.5], 2)
    assert score(UCB(), stats, RNG)[1] == 0.5 + math.sqrt(2 * math.log(2))
    divergence = 0.25 * math.log(0.25 / 0.5) + 0.75 * math.log(0.75 / 0.5)
    scores = IMED()(known([1, 4], [0.25, 0.5], 6), RNG)
    np.testing.assert_allclose(scores, [-divergence, -math.log(4)], rtol=1e-12)


@dataclass(frozen=True)
class Relative(Index):
    """How far below the best known arm; it keeps what it was shown."""

    shown: list[ArmStats] = field(default_factory=list)

    compares_arms: ClassVar[bool] = True

    def __call__(self, stats: ArmStats, rng: np.random.Generator) -> Float:
        del rng
        self.shown.append(stats)
        scores: Float = stats.mean - stats.mean.max()
        return scores


def test_an_arm_that_may_not_be_pulled_is_shown_as_untried_to_who_compares() -> None:
    stats = known([2, 1, 4], [0.5, 0.75, 1.0], 8)
    index = Relative()

    scores = score(index, stats, RNG, available=np.array([True, True, False]))

    assert scores.tolist() == [-0.5, -0.25, math.inf]
    assert index.shown[0].untried == 1
    assert index.shown[0].pulls[:2].tolist() == [2.0, 1.0]
    assert stats.pulls.tolist() == [2.0, 1.0, 4.0]
    score(index, stats, RNG, available=np.array([True, True, True]))
    assert index.shown[1].untried == 0
    assert index.shown[1].pulls.tolist() == [2.0, 1.0, 4.0]


@pytest.mark.parametrize("kind", [Index, JointIndex])
def test_an_index_without_a_formula_is_none(kind: type) -> None:
    with pytest.raises(TypeError, match="abstract"):
        type("Formless", (kind,), {})()


@pytest.mark.parametrize("index", [UCBTuned, UCBV, UCB, MOSS, AnytimeMOSS])
def test_values_that_are_scaled_have_scaled_widths(index: Any) -> None:
    """Variances by the square of the span, widths by the span itself; 1/4 where it is less."""
    horizon = {"horizon": 9000} if index is MOSS else {}
    stats = known([1000, 2, 300], [0, 0, 0], 1303)
    stats = replace(stats, variance=np.array([0.01, 0.2, 0.04]))
    wide = replace(stats, variance=9 * np.array([0.01, 0.2, 0.04]))

    one = index(**horizon).width(stats)
    np.testing.assert_allclose(index(**horizon, span=3.0).width(wide), 3 * one, rtol=1e-14)
