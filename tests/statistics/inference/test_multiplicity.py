"""Adjusted p-values: a family is one dimension, and nothing leaks from one family to another."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from salcompare.errors import InputError
from salcompare.statistics.inference.multiplicity import adjust_p, family_size, p_of_maxima

P = arrays(np.float64, st.integers(1, 12), elements=st.floats(0, 1))


def family(values):
    return xr.DataArray(np.asarray(values, float), dims="actor")


def test_holm_multiplies_the_smallest_by_all_the_next_by_one_less():
    assert adjust_p(family([0.01, 0.04, 0.03]), "actor").values == pytest.approx([0.03, 0.06, 0.06])


def test_bh_multiplies_by_tests_over_rank_and_by_by_the_harmonic_sum_too():
    p = family([0.01, 0.04, 0.03])
    assert adjust_p(p, "actor", method="bh").values == pytest.approx([0.03, 0.04, 0.04])
    assert adjust_p(p, "actor", method="by").values == pytest.approx(np.array([0.03, 0.04, 0.04]) * 11 / 6)


@pytest.mark.parametrize("method", ["bh", "by"])
@given(p=P)
def test_false_discovery_rates_agree_with_scipy(p, method):
    assert adjust_p(family(p), "actor", method=method).values == pytest.approx(
        stats.false_discovery_control(p, method=method))


@given(p=P)
def test_holm_agrees_with_a_plain_loop(p):
    order, least, expected = np.argsort(p, kind="stable"), 0.0, np.empty(p.size)
    for rank, at in enumerate(order):
        least = max(least, min(1.0, (p.size - rank) * p[at]))
        expected[at] = least
    assert adjust_p(family(p), "actor").values == pytest.approx(expected)


@pytest.mark.parametrize("method", ["holm", "bh", "by"])
@given(p=P)
def test_adjusting_raises_p_and_keeps_its_order(p, method):
    adjusted = adjust_p(family(p), "actor", method=method).values
    assert (adjusted >= p - 1e-12).all()
    assert (adjusted <= 1).all()
    assert (np.diff(adjusted[np.argsort(p)]) >= 0).all()


def test_undefined_tests_do_not_count():
    p = family([0.01, np.nan, 0.03])
    assert adjust_p(p, "actor").values == pytest.approx([0.02, np.nan, 0.03], nan_ok=True)
    assert family_size(p, "actor") == 2


def test_families_along_other_dims_are_adjusted_each_by_itself():
    p = xr.DataArray([[0.01, 0.04], [0.03, 0.5]], dims=("label", "actor"))
    by_hand = xr.concat([adjust_p(p.isel(label=i), "actor") for i in range(2)], "label")
    xr.testing.assert_allclose(adjust_p(p, "actor"), by_hand)
    assert adjust_p(p, "label").dims == p.dims


def test_adjusting_lazy_values_gives_the_same():
    p = xr.DataArray(np.random.default_rng(0).random((4, 6)), dims=("label", "actor"))
    xr.testing.assert_equal(adjust_p(p.chunk(label=2), "actor").compute(), adjust_p(p, "actor"))


def test_each_is_compared_with_the_largest_of_each_draw():
    null = np.array([[2.0, 0.0], [0.0, 4.0], [-9.0, 0.5]])
    assert p_of_maxima(np.array([3.0, 1.0]), null.max(axis=1)).tolist() == [2 / 4, 3 / 4]


def test_the_largest_statistic_keeps_the_family_wise_error_rate():
    rng = np.random.default_rng(1)
    signs = rng.choice([-1.0, 1.0], (199, 20))
    wrong = 0
    for _ in range(1000):
        data = rng.standard_normal((20, 8)) + rng.standard_normal((20, 1))
        wrong += bool((p_of_maxima(data.sum(axis=0), (signs @ data).max(axis=1)) <= 0.05).any())
    assert wrong <= stats.binom.ppf(0.999, 1000, 0.05)


@pytest.mark.parametrize(("p", "dim", "method", "named"), [
    ([0.5, 1.5], "actor", "holm", "outside"), ([0.5], "pixel", "holm", "a dim 'pixel'"),
    ([0.5], "actor", "bonferroni", "holm, bh, by")])
def test_what_is_no_family_is_refused(p, dim, method, named):
    with pytest.raises(InputError, match=named):
        adjust_p(family(p), dim, method=method)
