"""Intervals of crossed replicates, of ratios, and bias-corrected ones: by hand, against scipy, and their coverage."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from salcompare.errors import InputError
from salcompare.statistics.inference.crossed import (
    UNBOUNDED,
    crossed_covariance,
    crossed_interval,
    crossed_variance,
    fieller_interval,
)
from salcompare.statistics.inference.resampling import (
    acceleration,
    bca_interval,
    bootstrap_weights,
    percentile_interval,
    t_interval,
)

RUNS = 300


def bounds(n_runs, nominal=0.95):
    """Coverage that a true interval leaves once in a thousand simulations, below and above."""
    return stats.binom.ppf([0.001, 0.999], n_runs, nominal) / n_runs


def crossed_draws(table, n_resamples, rng, fewer=1):
    """Means of a table (first, second) with the first, the second, and both resampled."""
    n, m = table.shape
    one, other = (bootstrap_weights(k, n_resamples, rng, fewer=fewer) for k in (n, m))
    one, other = one / one.sum(axis=1, keepdims=True), other / other.sum(axis=1, keepdims=True)
    return one @ table.mean(axis=1), other @ table.mean(axis=0), np.einsum("ri,ij,rj->r", one, table, other)


def crossed_table(n, m, rng, *, a=1.0, b=1.0, c=1.0):
    return a * rng.normal(size=(n, 1)) + b * rng.normal(size=(1, m)) + c * rng.normal(size=(n, m))


def test_the_crossed_variance_by_hand():
    first, second, both = np.array([1.0, 3]), np.array([0.0, 1]), np.array([0.0, 2])
    assert crossed_covariance((first, second, both), (first, second, both)) == 2 * (2 + 0.5) - 2
    swapped = (second, first, both)
    assert crossed_covariance((first, second, both), swapped) == 2 * (1 + 1) - 2
    interval = crossed_interval(5.0, first, second, both, freedom=9, resampled="workers and actors")
    half = stats.t.ppf(0.975, 9) * np.sqrt(3)
    assert (interval.low, interval.high) == pytest.approx((5 - half, 5 + half))
    assert (interval.method, interval.resampled) == ("crossed t", "workers and actors")


def test_the_crossed_variance_is_not_below_either_part_unless_it_is_below_0():
    first, second = np.array([1.0, 3]), np.array([0.0, 1])  # variances 2 and 0.5
    for both, expected in ((4.0, 2.0), (4.9, 2.0), (5.0, 0.0), (6.0, -1.0)):
        assert crossed_variance(first, second, np.sqrt(2 * both) * np.array([0, 1])) == pytest.approx(expected)


def test_the_crossed_variance_equals_the_small_sample_formula_of_rsatoolbox():
    table = crossed_table(6, 9, np.random.default_rng(0))
    whole = crossed_draws(table, 200_000, np.random.default_rng(1), fewer=0)
    v_one, v_other, v_both = (np.var(draws) for draws in whole)
    published = 6 / 5 * v_one + 9 / 8 * v_other - 6 * 9 / 5 / 8 * (v_both - v_one - v_other)
    parts = crossed_draws(table, 200_000, np.random.default_rng(2))
    assert crossed_covariance(parts, parts) == pytest.approx(published, rel=0.05)


def test_the_crossed_variance_is_unbiased_and_resampling_both_at_once_is_not():
    rng, runs = np.random.default_rng(3), 400
    truth = 1 / 5 + 1 / 7 + 4 / 35
    found, naive = np.empty(runs), np.empty(runs)
    for run in range(runs):
        parts = crossed_draws(crossed_table(5, 7, rng, c=2.0), 200, rng)
        found[run], naive[run] = crossed_covariance(parts, parts), np.var(parts[2])
    assert found.mean() == pytest.approx(truth, abs=3.3 * found.std() / np.sqrt(runs))
    assert naive.mean() > truth + 10 * naive.std() / np.sqrt(runs)  # the trap: what is of one cell counts three times


@pytest.mark.parametrize("n_actors", [8, 17, 40])
def test_crossed_intervals_cover_and_t_over_actors_alone_does_not(n_actors):
    rng = np.random.default_rng(n_actors)
    crossed = alone = 0
    for _ in range(RUNS):
        table = crossed_table(20, n_actors, rng, a=1.5, c=2.0)
        parts = crossed_draws(table, 400, rng)
        interval = crossed_interval(table.mean(), *parts, freedom=min(19, n_actors - 1), resampled="workers and actors")
        crossed += interval.low <= 0 <= interval.high
        plain = t_interval(table.mean(axis=0))
        alone += plain.low <= 0 <= plain.high
    assert crossed / RUNS >= bounds(RUNS)[0]
    assert alone / RUNS < bounds(RUNS)[0]  # the trap: workers are the same for all actors


def test_intervals_without_a_positive_variance_or_enough_replicates_are_undefined_with_a_reason():
    rng = np.random.default_rng(5)
    parts = tuple(rng.normal(size=(3, 100)) * np.array([[1], [1], [3]]))
    interval = crossed_interval(0.0, *parts, freedom=12, resampled="workers and actors")
    assert np.isnan(interval.low)
    assert interval.reason == "the variance is not above 0"
    few = crossed_interval(0.0, *parts[::-1], freedom=6, resampled="workers and actors")
    assert few.reason == "6 degrees of freedom (workers and actors); an interval needs 7"
    least = crossed_interval(0.0, *parts[::-1], freedom=1, resampled="workers and actors")
    assert least.reason == "1 degree of freedom (workers and actors); an interval needs 7"
    lost = crossed_interval(0.0, parts[2], parts[1], np.where(np.arange(100) < 60, np.nan, parts[0]), freedom=12,
                            resampled="workers and actors")
    assert (lost.reason, int(lost.n_undefined)) == ("undefined in most resamples", 60)


@pytest.mark.parametrize(("n", "least", "most"), [(3, 0.65, 0.85), (17, 0.90, 0.96)])
def test_percentile_intervals_over_few_actors_cover_too_little(n, least, most):
    rng, runs = np.random.default_rng(6), 1000
    values = rng.normal(size=(n, runs))
    interval = percentile_interval(bootstrap_weights(n, 999, rng) @ values / n, resampled="actors")
    covered = ((interval.low <= 0) & (interval.high >= 0)).mean()
    assert least < covered < most
    assert np.isnan(t_interval(values[:3]).low).all()
    if n >= 8:
        plain = t_interval(values)
        low, high = bounds(runs)
        assert low <= ((plain.low <= 0) & (plain.high >= 0)).mean() <= high


@pytest.mark.parametrize("draw", [np.random.Generator.standard_normal, np.random.Generator.standard_exponential])
def test_bca_agrees_with_scipy_on_the_same_draws(draw):
    values = draw(np.random.default_rng(7), 13)
    peer = stats.bootstrap((values,), np.mean, n_resamples=1999, method="BCa", rng=np.random.default_rng(8))
    without = (values.sum() - values) / 12
    interval = bca_interval(values.mean(), peer.bootstrap_distribution, without, resampled="actors")
    np.testing.assert_allclose([interval.low, interval.high], peer.confidence_interval, rtol=1e-9)
    plain = stats.bootstrap((values,), np.mean, method="percentile", n_resamples=0,
                            bootstrap_result=peer).confidence_interval
    ours = percentile_interval(peer.bootstrap_distribution, resampled="actors")
    np.testing.assert_allclose([ours.low, ours.high], plain, rtol=1e-12)


def test_acceleration_by_hand():
    assert acceleration([0.0, 0, 3]) == pytest.approx((1 + 1 - 8) / 6 / (1 + 1 + 4) ** 1.5)
    assert acceleration([2.0, 2, 2]) == 0


def test_bca_without_a_place_for_the_estimate_is_undefined():
    draws = np.column_stack([np.arange(1.0, 101), np.arange(100.0)])
    interval = bca_interval([0.0, 50.0], draws, np.arange(20.0).reshape(10, 2), resampled="workers")
    assert np.isnan(interval.low[0])
    assert "one side" in interval.reason[0]
    assert interval.low[1] < 50 < interval.high[1]
    with pytest.raises(InputError, match="at least 1"):
        bca_interval(0.0, [], [1.0, 2.0], resampled="actors")


def test_bca_mends_skewness_but_not_smallness():
    rng, runs, n = np.random.default_rng(9), 400, 8
    values = rng.normal(size=(n, runs))
    draws = bootstrap_weights(n, 999, rng) @ values / n
    interval = bca_interval(values.mean(axis=0), draws, (values.sum(axis=0) - values) / (n - 1), resampled="actors")
    assert ((interval.low <= 0) & (interval.high >= 0)).mean() < bounds(runs)[0]


def fieller(top, bottom, of_top, of_bottom, joint, freedom=100):
    return fieller_interval(top, bottom, variances=(of_top, of_bottom, joint), freedom=freedom, resampled="actors",
                            n_resamples=10)


def test_fieller_by_hand_with_a_known_denominator_and_at_its_own_ends():
    t = stats.t.ppf(0.975, 100)
    tight = fieller(1.0, 2.0, 0.04, 1e-14, 0.0)
    assert (tight.low, tight.high) == pytest.approx((0.5 - t * 0.1, 0.5 + t * 0.1))
    wide = fieller(1.0, 2.0, 0.04, 0.09, 0.01)
    for end in (wide.low, wide.high):  # there the difference is just as far from 0 as t allows
        assert abs(1 - end * 2) / np.sqrt(0.04 - 2 * end * 0.01 + end**2 * 0.09) == pytest.approx(t)


def test_a_ratio_has_no_interval_where_its_denominator_may_be_0():
    interval = fieller([1.0, 1.0], [0.1, 2.0], 0.04, 0.09, 0.0)
    assert np.isnan(interval.low).tolist() == [True, False]
    assert interval.reason.tolist() == [UNBOUNDED, ""]
    assert "degrees of freedom" in str(fieller(1.0, 2.0, 0.04, 0.09, 0.0, freedom=3).reason)


@settings(max_examples=50)
@given(st.floats(-5, 5), st.floats(1, 5), st.floats(0.01, 0.04), st.floats(0.001, 0.04), st.floats(-0.9, 0.9),
       st.floats(0.1, 10))
def test_fieller_holds_the_ratio_and_follows_its_scale(top, bottom, of_top, of_bottom, together, scale):
    joint = together * np.sqrt(of_top * of_bottom)
    one = fieller(top, bottom, of_top, of_bottom, joint)
    assert one.low <= top / bottom <= one.high
    other = fieller(scale * top, bottom, scale**2 * of_top, of_bottom, scale * joint)
    assert (other.low, other.high) == pytest.approx((scale * one.low, scale * one.high), rel=1e-6, abs=1e-9)


def test_fieller_covers_where_percentiles_of_the_ratio_run_away():
    rng, runs, n = np.random.default_rng(10), 600, 20
    covered = 0
    for _ in range(runs):
        bottom = rng.normal(1, 1.5, n)
        top = 0.5 * bottom + rng.normal(0, 1, n)
        variances = np.cov(top, bottom) / n
        if abs(bottom.mean()) <= stats.t.ppf(0.975, n - 1) * np.sqrt(variances[1, 1]):
            covered += 1  # unbounded: nothing is ruled out
            continue
        interval = fieller(top.mean(), bottom.mean(), variances[0, 0], variances[1, 1], variances[0, 1], n - 1)
        covered += interval.low <= 0.5 <= interval.high
    assert bounds(runs)[0] <= covered / runs <= bounds(runs)[1]


def test_one_draw_fewer_makes_the_variance_of_a_mean_unbiased():
    values = np.array([0.0, 1, 5])
    for fewer, expected in ((0, values.var() / 3), (1, values.var(ddof=1) / 3)):
        weights = bootstrap_weights(3, 60_000, np.random.default_rng(11), fewer=fewer)
        assert (weights.sum(axis=1) == 3 - fewer).all()
        assert (weights @ values / weights.sum(axis=1)).var() == pytest.approx(expected, rel=0.02)
    alone = bootstrap_weights(3, 5, np.random.default_rng(12), strata=[0, 1, 1], fewer=1)
    assert (alone[:, 0] == 1).all()
