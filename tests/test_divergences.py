"""Divergences and their bounds, against closed forms, quadrature and a root finder."""

import math
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext
from typing import Any, ClassVar, final

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as laws
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.special import kl_div, rel_entr

from banditsplit.theory import Bernoulli, Exponential, Family, Gaussian, Poisson

FAMILIES = [Bernoulli(), Gaussian(), Gaussian(std=0.3), Poisson(), Exponential()]
every_family = pytest.mark.parametrize("family", FAMILIES, ids=repr)


def reference(family: Family, p: float, q: float) -> float:
    """The divergence by SciPy's own functions."""
    if isinstance(family, Bernoulli):
        return float(rel_entr(p, q) + rel_entr(1 - p, 1 - q))
    if isinstance(family, Poisson):
        return float(kl_div(p, q))
    if isinstance(family, Exponential):
        return p / q - 1 - math.log(p / q)
    return (p - q) ** 2 / (2 * getattr(family, "std", 1.0) ** 2)


def check_divergence(family: Family, reference_of: Family) -> None:
    """``family.kl`` is SciPy's divergence on a grid."""
    grid = np.array([0.05, 0.2, 0.5, 0.9, 0.95])
    expected = [[reference(reference_of, p, q) for q in grid] for p in grid]

    np.testing.assert_allclose(family.kl(grid[:, None], grid), expected, atol=1e-14)


def check_upper_bound(family: Family, reference_of: Family) -> None:
    """``family.kl_upper_bound`` is the root that Brent's method finds, to 1e-9."""
    for mean in (0.02, 0.3, 0.5, 0.97):
        for level in (1e-6, 0.01, 0.2, 1.5, 9.0):
            root = bracketed_root(reference_of, mean, level)
            assert family.kl_upper_bound(mean, level) == pytest.approx(root, rel=1e-9)


def bracketed_root(family: Family, mean: float, level: float) -> float:
    """The bound by Brent's method."""
    high = 1 - 1e-16 if isinstance(family, Bernoulli) else 2 * mean + 1.0
    while reference(family, mean, high) < level:
        if isinstance(family, Bernoulli):
            return 1.0
        high = 2 * high + 1
    return float(
        brentq(
            lambda q: reference(family, mean, q) - level, mean, high, xtol=1e-300, rtol=1e-14
        )
    )


@every_family
def test_divergences_are_scipys(family: Family) -> None:
    check_divergence(family, family)


@every_family
def test_bounds_are_roots(family: Family) -> None:
    check_upper_bound(family, family)


@final
@dataclass(frozen=True, slots=True)
class Swapped(Family):
    """The planted bug: the divergence of Bernoulli laws with its arguments swapped."""

    means: ClassVar[tuple[float, float]] = (0.0, 1.0)
    support: ClassVar[tuple[float, float]] = (0.0, 1.0)

    def _kl(self, p: Any, q: Any) -> Any:
        return Bernoulli().kl(q, p)

    def _upper(self, mean: Any, level: Any) -> Any:
        low, high = np.broadcast_arrays(mean, 1.0)
        for _ in range(60):
            middle = (low + high) / 2
            above = self._kl(mean, middle) > level
            low, high = np.where(above, low, middle), np.where(above, middle, high)
        return low


def test_swapped_arguments_are_noticed() -> None:
    with pytest.raises(AssertionError):
        check_divergence(Swapped(), Bernoulli())
    with pytest.raises(AssertionError):
        check_upper_bound(Swapped(), Bernoulli())


def test_divergences_on_paper() -> None:
    """.5 ln 2 + .5 ln(2/3); 3**2 / (2 * 2**2); 1 - 2 + 2 ln 2; 2 - 1 - ln 2."""
    assert Bernoulli().kl(0.5, 0.25) == pytest.approx(0.143841, abs=1e-6)
    assert Gaussian(std=2.0).kl(1.0, 4.0) == 1.125
    assert Poisson().kl(2.0, 1.0) == pytest.approx(0.386294, abs=1e-6)
    assert Exponential().kl(2.0, 1.0) == pytest.approx(0.306853, abs=1e-6)


def test_divergences_are_expected_log_likelihood_ratios() -> None:
    """What the word means: a sum or an integral over what might be seen, for .7 and 1.1."""
    counts = np.arange(200)
    p, q = laws.poisson(0.7), laws.poisson(1.1)
    poisson = np.sum(p.pmf(counts) * (p.logpmf(counts) - q.logpmf(counts)), where=counts < 60)
    a, b = laws.expon(scale=0.7), laws.expon(scale=1.1)
    exponential, _ = quad(lambda x: a.pdf(x) * (a.logpdf(x) - b.logpdf(x)), 0, 60)
    c, d = laws.norm(0.7, 0.3), laws.norm(1.1, 0.3)
    gaussian, _ = quad(lambda x: c.pdf(x) * (c.logpdf(x) - d.logpdf(x)), -4, 5)

    assert Poisson().kl(0.7, 1.1) == pytest.approx(poisson, rel=1e-9)
    assert Exponential().kl(0.7, 1.1) == pytest.approx(exponential, rel=1e-6)
    assert Gaussian(std=0.3).kl(0.7, 1.1) == pytest.approx(gaussian, rel=1e-6)


@every_family
def test_a_law_does_not_diverge_from_itself(family: Family) -> None:
    means = np.array([0.0, 1e-300, 0.1, 1 / 3, 0.9999999, 1.0])

    assert family.kl(means, means).tolist() == [0.0] * 6


def test_what_cannot_happen_diverges_without_end() -> None:
    inf = math.inf

    assert Bernoulli().kl([0.0, 1.0, 0.5, 0.5], [1.0, 0.0, 0.0, 1.0]).tolist() == [inf] * 4
    assert Bernoulli().kl([0.0, 1.0], [0.5, 0.5]).tolist() == [math.log(2)] * 2
    assert Poisson().kl([0.0, 0.5], [0.5, 0.0]).tolist() == [0.5, inf]
    assert Exponential().kl([0.0, 0.5], [0.5, 0.0]).tolist() == [inf, inf]


@given(mean=st.floats(0, 1), level=st.floats(1e-9, 20))
def test_the_bernoulli_bound_is_accurate_to_1e_9(mean: float, level: float) -> None:
    root = bracketed_root(Bernoulli(), mean, level)

    assert Bernoulli().kl_upper_bound(mean, level) == pytest.approx(root, abs=1e-9)


@pytest.mark.parametrize("family", [Poisson(), Exponential()], ids=repr)
@given(mean=st.floats(1e-6, 1e6), level=st.floats(1e-7, 20))
def test_other_bounds_are_accurate_to_1e_7_of_the_mean(
    family: Family, mean: float, level: float
) -> None:
    """Brent's method is the worse of the two here: its function loses half the digits."""
    root = bracketed_root(family, mean, level)

    assert family.kl_upper_bound(mean, level) == pytest.approx(root, rel=1e-7)


def exactly(family: Family, p: float, q: float) -> Decimal:
    """The divergence of the laws with exactly these means, to 40 digits."""
    one, a, b = Decimal(1), Decimal(p), Decimal(q)
    if isinstance(family, Bernoulli):
        return a * (a / b).ln() + (one - a) * ((one - a) / (one - b)).ln()
    if isinstance(family, Poisson):
        return b - a + a * (a / b).ln()
    return a / b - one - (a / b).ln()


def last_bits(bound: Any, family: Family) -> bool:
    """Whether bounds are the roots but for the last bits, on a grid.

    That is to say, whether the divergences a few of their units below and above are on both
    sides of it: units of 1 for shares, and of the logarithm for waiting times.
    """
    with localcontext(prec=40):
        for mean in (1e-6, 0.01, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.99):
            for level in np.geomspace(1e-6, 30, 24).tolist():
                q = float(bound(mean, level))
                unit = q
                if isinstance(family, Bernoulli):
                    unit = 1.0
                elif isinstance(family, Exponential):
                    unit = q * (1 + level)
                off = 4 * math.ulp(unit)
                if exactly(family, mean, max(q - off, mean)) > level:
                    return False
                within = q + off < 1 or not isinstance(family, Bernoulli)
                if within and exactly(family, mean, q + off) < level:
                    return False
    return True


@pytest.mark.parametrize("family", [Bernoulli(), Poisson(), Exponential()], ids=repr)
def test_bounds_are_right_to_the_last_bits(family: Family) -> None:
    assert last_bits(family.kl_upper_bound, family)


def test_a_bound_that_is_a_trillionth_off_is_noticed() -> None:
    for family in (Bernoulli(), Poisson(), Exponential()):
        for factor in (1 - 1e-12, 1 + 1e-12):
            assert not last_bits(
                lambda mean, level, factor=factor, family=family: (
                    mean + factor * (family.kl_upper_bound(mean, level) - mean)
                ),
                family,
            )


@every_family
def test_a_divergence_is_not_negative_between_neighbouring_floats(family: Family) -> None:
    """Where the sum of its parts would round below 0."""
    p = np.random.default_rng(0).random(2000)

    for neighbour in (np.nextafter(p, 0), np.nextafter(p, 1)):
        assert (family.kl(p, neighbour) >= 0).all()


def test_families_say_which_means_and_values_there_are() -> None:
    inf, most = math.inf, np.finfo(np.float64).max
    ranges = {type(family).__name__: (family.means, family.support) for family in FAMILIES}

    assert ranges == {
        "Bernoulli": ((0, 1), (0, 1)),
        "Gaussian": ((-most, most), (-inf, inf)),
        "Poisson": ((0, most), (0, inf)),
        "Exponential": ((0, most), (np.finfo(np.float64).tiny, inf)),
    }


@every_family
def test_a_family_is_what_it_is_made_of(family: Any) -> None:
    assert replace(family) == family
    assert len({replace(family), family, Gaussian(std=7.0)}) == 2


def test_bounds_have_closed_forms_at_the_ends() -> None:
    """1 - exp(-level) above a mean of 0, and the ends themselves."""
    level = np.array([0.0, 1e-12, 0.3, 5.0, 1e4])

    bound = Bernoulli().kl_upper_bound(0.0, level)
    np.testing.assert_allclose(bound, -np.expm1(-level), rtol=1e-14, atol=0)
    assert Bernoulli().kl_upper_bound(1.0, level).tolist() == [1.0] * 5
    np.testing.assert_allclose(Poisson().kl_upper_bound(0.0, level), level, rtol=1e-14, atol=0)
    assert Exponential().kl_upper_bound(0.0, level).tolist() == [0.0] * 5
    assert Gaussian(std=2.0).kl_upper_bound(-1.0, 0.5) == pytest.approx(1.0, rel=1e-15)


EXTREMES = [0.0, 5e-324, 1e-300, 1e-16, 1e-9, 0.01, 0.5, 0.99, 1 - 1e-9, 1 - 2**-53, 1.0]
LEVELS = [0.0, 5e-324, 1e-20, 1e-12, 1e-6, 0.1, 3.0, 40.0, 800.0, 1e9, 1e300]


@every_family
def test_extremes_stay_in_range_in_order_and_without_warning(family: Family) -> None:
    """A bound lies between its mean and the end, and grows with mean and level."""
    means = np.array(EXTREMES)[:, None]
    bound = family.kl_upper_bound(means, LEVELS)

    assert np.isfinite(bound).all()
    assert (bound >= means).all()
    assert (bound <= family.means[1]).all()
    assert (np.diff(bound, axis=0) >= -1e-15 * bound[1:]).all()
    assert (np.diff(bound, axis=1) >= -1e-15 * bound[:, 1:]).all()
    np.testing.assert_array_equal(bound[:, 0], means[:, 0])
    assert family.kl(means, means.T).shape == (11, 11)
    assert (family.kl(means, means.T) >= 0).all()


@every_family
@given(data=st.data())
def test_an_entry_does_not_depend_on_its_neighbours(
    family: Family, data: st.DataObject
) -> None:
    """An array is its numbers side by side, bit for bit."""
    pairs = st.tuples(st.floats(0, 1), st.floats(0, 10))
    mean, level = np.array(data.draw(st.lists(pairs, min_size=1, max_size=20))).T
    together = family.kl_upper_bound(mean, level)

    alone = [
        family.kl_upper_bound(float(m), float(v)) for m, v in zip(mean, level, strict=True)
    ]
    np.testing.assert_array_equal(together, alone)
    assert np.ndim(alone[0]) == 0


@every_family
@pytest.mark.parametrize("bad", [math.nan, math.inf, [0.5, -math.inf]], ids=repr)
def test_bad_means_are_refused(family: Family, bad: Any) -> None:
    with pytest.raises(ValueError, match="`p` must lie in"):
        family.kl(bad, 0.5)
    with pytest.raises(ValueError, match="`q` must lie in"):
        family.kl(0.5, bad)
    with pytest.raises(ValueError, match="`mean` must lie in"):
        family.kl_upper_bound(bad, 0.5)


@pytest.mark.parametrize(
    ("family", "bad"),
    [(Bernoulli(), -0.1), (Bernoulli(), 1.1), (Poisson(), -1.0), (Exponential(), -1.0)],
    ids=repr,
)
def test_means_outside_the_family_are_refused(family: Family, bad: float) -> None:
    with pytest.raises(ValueError, match="`p` must lie in"):
        family.kl([0.5, bad], 0.5)


@every_family
@pytest.mark.parametrize("bad", [-1e-9, math.nan, math.inf], ids=repr)
def test_bad_levels_are_refused(family: Family, bad: float) -> None:
    with pytest.raises(ValueError, match="`level` must be finite and not negative"):
        family.kl_upper_bound(0.5, [0.1, bad])


@pytest.mark.parametrize("bad", [0.0, -1.0, math.nan, math.inf])
def test_a_scale_must_be_positive(bad: float) -> None:
    with pytest.raises(ValueError, match="`std` must be"):
        Gaussian(std=bad)
