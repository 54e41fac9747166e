"""Bootstrap weights and intervals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from salcompare.errors import InputError
from salcompare.statistics.inference.resampling import (
    bootstrap_weights,
    jackknife_interval,
    jackknife_standard_error,
    t_interval,
)


@settings(max_examples=50)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=12), st.integers(1, 20), st.integers(0, 99))
def test_weights_keep_the_size_of_every_stratum(strata, n_resamples, seed):
    weights = bootstrap_weights(len(strata), n_resamples, np.random.default_rng(seed), strata=strata)
    assert weights.shape == (n_resamples, len(strata))
    for stratum in set(strata):
        here = np.array(strata) == stratum
        assert (weights[:, here].sum(axis=1) == here.sum()).all()


def test_weights_are_multinomial():
    weights = bootstrap_weights(10, 20_000, np.random.default_rng(0))
    counts = np.bincount(weights[:, 3].astype(int), minlength=6)[:6]
    expected = stats.binom.pmf(range(6), 10, 0.1)
    assert stats.chisquare(counts, expected / expected.sum() * counts.sum()).pvalue > 1e-4
    assert np.corrcoef(weights[:, 0], weights[:, 1])[0, 1] == pytest.approx(-1 / 9, abs=0.03)


def test_weights_need_units_and_a_stratum_for_each():
    with pytest.raises(InputError, match="0 units"):
        bootstrap_weights(0, 5, np.random.default_rng(0))
    with pytest.raises(InputError, match="2 strata"):
        bootstrap_weights(3, 5, np.random.default_rng(0), strata=[0, 1])


def test_a_weighted_mean_is_the_mean_of_the_rebuilt_sample():
    values, weights = np.arange(6.0) ** 2, bootstrap_weights(6, 50, np.random.default_rng(1))
    rebuilt = [np.repeat(values, row.astype(int)).mean() for row in weights]
    np.testing.assert_allclose(weights @ values / 6, rebuilt, rtol=1e-14)


def test_t_interval_agrees_with_scipy_and_leaves_out_undefined_actors():
    values = np.random.default_rng(2).normal(size=12)
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    interval = t_interval(np.r_[values, np.nan])
    np.testing.assert_allclose([interval.low, interval.high], [expected.low, expected.high], rtol=1e-12)
    assert int(interval.n_undefined) == 1


def test_there_is_no_t_interval_below_eight_actors():
    interval = t_interval(np.arange(7.0))
    assert np.isnan(interval.low)
    assert interval.reason.item() == "7 actors with a value; a t interval needs 8"


def test_jackknife_of_a_mean_gives_its_standard_error():
    values = np.random.default_rng(3).normal(size=9)
    without = (values.sum() - values) / 8
    assert jackknife_standard_error(without) == pytest.approx(stats.sem(values))
    interval = jackknife_interval(values.mean(), without, resampled="images")
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    np.testing.assert_allclose([interval.low, interval.high], [expected.low, expected.high], rtol=1e-12)


def test_stratified_jackknife_of_a_sum_of_means_adds_their_variances():
    rng = np.random.default_rng(4)
    parts = [rng.normal(size=5), rng.normal(size=8)]
    whole = sum(part.mean() for part in parts)
    without = np.concatenate([whole - part.mean() + (part.sum() - part) / (len(part) - 1) for part in parts])
    strata = [0] * 5 + [1] * 8
    expected = np.sqrt(sum(stats.sem(part) ** 2 for part in parts))
    assert jackknife_standard_error(without, strata=strata) == pytest.approx(expected)


def test_a_stratum_of_one_has_no_jackknife():
    interval = jackknife_interval(1.0, [1.0, 2.0, 3.0], resampled="images", strata=[0, 0, 1])
    assert np.isnan(interval.low)
    assert "images" in interval.reason.item()


def lowest_coverage(n_runs, nominal=0.95):
    """Coverage that a true 95% interval falls below once in a thousand simulations."""
    return stats.binom.ppf(0.001, n_runs, nominal) / n_runs


def test_t_intervals_over_eight_normal_actors_cover_their_mean():
    values = np.random.default_rng(5).normal(0.3, 1, size=(8, 2000))
    interval = t_interval(values)
    assert ((interval.low <= 0.3) & (interval.high >= 0.3)).mean() >= lowest_coverage(2000)
