"""Sign flips of paired maps: worked values, MNE and SciPy as oracles, error rates."""

from __future__ import annotations

import mne
import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from salcompare.errors import InputError
from salcompare.statistics.relative.paired import paired_map_test
from tests.statistics.relative.simulated import most_rejections, smooth_noise
from tests.strategies import assert_dask_equals_eager


def of_actors(values):
    actors = [f"s{number + 1:02}" for number in range(len(values))]
    return xr.DataArray(values, dims=("actor", "y", "x"), coords={"actor": actors})


def noise(rng, n, **options):
    return of_actors(smooth_noise(rng, (1,) * n, **options).values)


def test_three_differences_by_hand():
    found = paired_map_test(of_actors(np.array([1.0, 2.0, 3.0])[:, None, None]), rng=np.random.default_rng(0))
    assert float(found.t.item()) == pytest.approx(2 / (1 / np.sqrt(3)))
    assert float(found.p_value.item()) == 1 / 4  # 2^2 flips; no other has a sum as large
    assert int(found.n_permutations) == 3
    t = [abs(sum(s)) / 3 / (np.std(s, ddof=1) / np.sqrt(3)) for s in ([1, 2, -3], [1, -2, 3], [1, -2, -3])]
    np.testing.assert_allclose(sorted(found.null.values), sorted(t), atol=1e-12)


def test_every_flip_gives_the_t_and_p_of_mne():
    values = noise(np.random.default_rng(1), 8) + 0.5
    found = paired_map_test(values, rng=np.random.default_rng(2))
    t, p, _ = mne.stats.permutation_t_test(values.values.reshape(8, -1), n_permutations="all", verbose=False)
    np.testing.assert_allclose(found.t.values.ravel(), t)
    np.testing.assert_allclose(found.p_value.values.ravel(), p, atol=1 / 127)  # MNE leaves out one of 128
    np.testing.assert_allclose(found.t, stats.ttest_1samp(values.values, 0).statistic)
    assert int(found.n_permutations) == 2**7 - 1


def test_drawn_flips_agree_with_mne_and_with_every_flip():
    values = noise(np.random.default_rng(3), 14) + 0.4
    drawn = paired_map_test(values, rng=np.random.default_rng(4), n_permutations=1999)
    every = paired_map_test(values, rng=np.random.default_rng(4))
    _, p, null = mne.stats.permutation_t_test(values.values.reshape(14, -1), n_permutations=2000, rng=5, verbose=False)
    np.testing.assert_allclose(drawn.p_value.values.ravel(), p, atol=0.04)
    np.testing.assert_allclose(drawn.p_value, every.p_value, atol=0.03)
    assert float(drawn.threshold) == pytest.approx(np.quantile(null, 0.95), rel=0.05)


@given(st.integers(2, 6), st.integers(0, 999), st.floats(0.01, 100))
def test_neither_unit_nor_direction_nor_order_matter(n, seed, factor):
    values = noise(np.random.default_rng(seed), n, side=3)
    found = paired_map_test(values, rng=np.random.default_rng(0))
    turned = paired_map_test(-factor * values.isel(actor=slice(None, None, -1)), rng=np.random.default_rng(0))
    np.testing.assert_allclose(turned.t, -found.t)
    np.testing.assert_allclose(turned.p_value, found.p_value)
    assert float(found.p_attainable) == pytest.approx(2.0 ** (1 - n))


def test_lazy_maps_give_the_same():
    values = noise(np.random.default_rng(6), 9).rename(actor="image")
    assert_dask_equals_eager(paired_map_test, values, rng=np.random.default_rng(0), n_permutations=99, dim="image",
                             lazy=False)


@pytest.mark.parametrize("n_permutations", [99, 9999])
def test_the_family_wise_rate_is_at_most_five_percent_with_effects_elsewhere(n_permutations):
    rng, runs, wrong, right = np.random.default_rng(7), 200, 0, 0
    for _ in range(runs):
        values = noise(rng, 10)
        values[:, :2] += 2.5
        p = paired_map_test(values, rng=rng, n_permutations=n_permutations).p_value
        wrong += bool((p[2:] <= 0.05).any())
        right += bool((p[:2] <= 0.05).any())
    assert wrong <= most_rejections(runs)
    assert right > 0.9 * runs


def test_a_pixel_without_any_difference_has_no_t_and_a_map_with_nan_is_left_out():
    values = noise(np.random.default_rng(8), 6)
    values.values[:, 0, 0] = 0
    values.values[2, 3, 3] = np.nan
    found = paired_map_test(values, rng=np.random.default_rng(9))
    assert np.isnan(found.t[0, 0])
    assert np.isnan(found.p_value[0, 0])
    assert (int(found.n), int(found.n_undefined)) == (5, 1)
    assert found.attrs["family_size"] == 63


def test_too_few_replicates_and_another_dim_are_refused():
    values = noise(np.random.default_rng(10), 1)
    with pytest.raises(InputError, match="at least 2"):
        paired_map_test(values, rng=np.random.default_rng(0))
    with pytest.raises(InputError, match="dim 'worker'"):
        paired_map_test(values, rng=np.random.default_rng(0), dim="worker")
