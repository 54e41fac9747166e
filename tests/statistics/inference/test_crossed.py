"""Variances and intervals of crossed replicates: by hand, by a published formula, and their bias and coverage."""

import numpy as np
import pytest
from scipy import stats

from salcompare.statistics.inference.crossed import crossed_interval, crossed_jackknife_variance, crossed_variance
from salcompare.statistics.inference.resampling import bootstrap_weights, t_interval

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
    assert crossed_variance(first, second, both) == 2 * (2 + 0.5) - 2
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
    assert crossed_variance(*parts) == pytest.approx(published, rel=0.05)


def test_the_crossed_variance_is_unbiased_and_resampling_both_at_once_is_not():
    rng, runs = np.random.default_rng(3), 400
    truth = 1 / 5 + 1 / 7 + 4 / 35
    found, naive = np.empty(runs), np.empty(runs)
    for run in range(runs):
        parts = crossed_draws(crossed_table(5, 7, rng, c=2.0), 200, rng)
        found[run], naive[run] = crossed_variance(*parts), np.var(parts[2])
    # The bounds from below, each part's own variance, add a little.
    assert -3.3 * found.std() / np.sqrt(runs) < found.mean() - truth < 0.1 * truth
    assert naive.mean() > truth + 10 * naive.std() / np.sqrt(runs)  # the trap: what is of one cell counts three times


def test_the_crossed_jackknife_by_hand_and_what_it_falls_short_by():
    assert crossed_jackknife_variance([1.0, 3], [0.0, 1], [2.0, 2, 5, 5]) == pytest.approx(1.0)  # 1 + 0.25 - 6.75
    assert crossed_jackknife_variance([1.0, 3], [0.0, 8], [2.0, 2, 5, 5]) == pytest.approx(1 + 16 - 6.75)
    rng, runs = np.random.default_rng(4), 2000
    truth = 1 / 8 + 1 / 9 + 4 / 72 - 2 / 72  # cells differ by their row and column, too
    variances = np.empty(runs)
    for run in range(runs):
        table = crossed_table(8, 9, rng, c=2.0)
        n, whole = table.size, table.mean()
        rows, columns = ((n * whole - table.sum(axis=axis)) / (n - table.shape[axis]) for axis in (1, 0))
        variances[run] = crossed_jackknife_variance(rows, columns, ((n * whole - table) / (n - 1)).ravel())
    assert -3.3 * variances.std() / np.sqrt(runs) < variances.mean() - truth < 0.1 * truth


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


def test_one_draw_fewer_makes_the_variance_of_a_mean_unbiased():
    values = np.array([0.0, 1, 5])
    for fewer, expected in ((0, values.var() / 3), (1, values.var(ddof=1) / 3)):
        weights = bootstrap_weights(3, 60_000, np.random.default_rng(11), fewer=fewer)
        assert (weights.sum(axis=1) == 3 - fewer).all()
        assert (weights @ values / weights.sum(axis=1)).var() == pytest.approx(expected, rel=0.02)
    alone = bootstrap_weights(3, 5, np.random.default_rng(12), strata=[0, 1, 1], fewer=1)
    assert (alone[:, 0] == 1).all()
