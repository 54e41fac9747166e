"""Differences between the estimates of two studies, from their intervals alone."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from salcompare.errors import InputError
from salcompare.maps import smooth
from salcompare.simulation.cases import SCENARIOS, SIGMA, SIZES
from salcompare.simulation.studies import simulate_study
from salcompare.statistics import actor_means, independent_difference, overlap, population_mean


def estimate(values):
    """A mean over actors with its t interval."""
    mean = population_mean(xr.DataArray(values, dims=("actor", "study")[:values.ndim]))
    return mean[["value", "ci_low", "ci_high"]].assign(freedom=mean["n"] - 1)


def known(value, half, freedom):
    return xr.Dataset({"value": value, "ci_low": value - half, "ci_high": value + half, "freedom": freedom})


def test_a_worked_difference():
    half = stats.t.ppf(0.975, 9)  # standard errors of 1 each: that of the difference is the root of 2, with 18 df
    result = independent_difference(known(5.0, half, 9), known(3.0, half, 9))
    assert result["value"] == 2
    assert result["freedom"] == pytest.approx(18)
    assert result["ci_high"] == pytest.approx(2 + stats.t.ppf(0.975, 18) * np.sqrt(2))
    assert result["p_value"] == pytest.approx(2 * stats.t.sf(np.sqrt(2), 18))


@given(st.integers(0, 2**32 - 1), st.integers(8, 30), st.integers(8, 30), st.floats(0.1, 10))
def test_it_is_welchs_test_of_the_values_and_turns_with_the_order(seed, n, m, ratio):
    rng = np.random.default_rng(seed)
    one, other = rng.standard_normal(n), ratio * rng.standard_normal(m)
    result, turned = (independent_difference(estimate(a), estimate(b)) for a, b in ((one, other), (other, one)))
    welch = stats.ttest_ind(one, other, equal_var=False)
    ends = welch.confidence_interval()
    assert result["p_value"] == pytest.approx(welch.pvalue)
    assert result["freedom"] == pytest.approx(welch.df)
    assert (result["ci_low"], result["ci_high"]) == (pytest.approx(ends.low), pytest.approx(ends.high))
    assert turned["ci_low"] == pytest.approx(-result["ci_high"])


def test_undefined_intervals_stay_undefined_and_dask_is_eager():
    one = known(xr.DataArray([1.0, 2.0], dims="row"), xr.DataArray([0.5, np.nan], dims="row"), 7)
    other = known(xr.DataArray([0.5, 2.5], dims="row"), 0.25, 23)
    result = independent_difference(one, other)
    assert result["p_value"].isnull().to_numpy().tolist() == [False, True]
    xr.testing.assert_equal(independent_difference(one.chunk(row=1), other.chunk(row=1)).compute(), result)


@pytest.mark.parametrize("wrong", [known(1.0, 1.0, 0), known(1.0, 1.0, 7).drop_vars("ci_low")])
def test_what_is_no_estimate_is_refused(wrong):
    with pytest.raises(InputError, match=r"freedom|ci_low"):
        independent_difference(known(1.0, 1.0, 7), wrong)


def test_with_unequal_numbers_and_spreads_it_keeps_its_level_and_covers():
    """8 actors of three times the spread against 24, 20,000 studies: the classical t test would reject 19%."""
    rng = np.random.default_rng(0)
    draws = [scale * rng.standard_normal((n, 20_000)) for n, scale in ((8, 3.0), (24, 1.0))]
    one, other = (estimate(values) for values in draws)
    result = independent_difference(one + xr.Dataset(dict.fromkeys(("value", "ci_low", "ci_high"), 1) | {"freedom": 0}),
                                    other)  # a planted difference of 1
    covered = ((result["ci_low"] <= 1) & (result["ci_high"] >= 1)).mean()
    false = (independent_difference(one, other)["p_value"] <= 0.05).mean()
    for rate in (1 - covered, false):
        assert abs(rate - 0.05) < 0.006  # 4 Monte Carlo standard errors


@pytest.mark.parametrize(("n", "scale"), [(8, 1.0), (8, 3.0), (24, 1.0)])
def test_overlaps_of_simulated_actors_are_no_more_often_told_apart_than_the_level(n, scale):
    """Pairs of studies of n and 24 actors, drawn from the overlaps of 400 simulated actors with four images each."""
    rng = np.random.default_rng(1)
    simulated = simulate_study(SCENARIOS[SIZES[1]].replace(name="many", n_actors=400), rng=rng)
    maps = [smooth(given, sigma=SIGMA) for given in (simulated.human["coverage"], simulated.saliency)]
    of_actors = actor_means(overlap(*maps, metrics=["pearson"])["pearson"])["value"].to_numpy()
    of_actors = of_actors - of_actors.mean()
    one, other = (estimate(by * rng.choice(of_actors, (size, 4000))) for size, by in ((n, scale), (24, 1.0)))
    rate = float((independent_difference(one, other)["p_value"] <= 0.05).mean())
    assert 0.03 < rate < 0.075
