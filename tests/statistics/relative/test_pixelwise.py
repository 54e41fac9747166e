"""The family-wise test: worked values, slow and independent ways to the same numbers, and its edges."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from nilearn.mass_univariate import permuted_ols
from scipy import stats
from statsmodels.stats.multitest import multipletests

from salcompare.errors import InputError
from salcompare.maps import relative_saliency, smooth
from salcompare.statistics import max_statistic_p
from salcompare.statistics.inference.multiplicity import critical_value, p_of_maxima
from salcompare.statistics.relative.clusters import relative_clusters, relative_tfce
from salcompare.statistics.relative.contrasts import Plan, largest_squared_t, squared_t, standardise
from salcompare.statistics.relative.pixelwise import relative_dispersion, relative_fdr, relative_test
from salcompare.testing import assert_dask_equals_eager
from tests.statistics.relative.simulated import boxes, labelled, slow_t, smooth_noise

RAGGED = (3, 5, 2, 6)


def run(maps, **options):
    options = {"sigma": 0.0, "rng": np.random.default_rng(1), "n_permutations": 99, "support": 0.0, **options}
    return relative_test(maps, **options)


def test_a_worked_value_and_every_one_of_six_partitions():
    values = np.array([1.0, 3.0, 5.0, 7.0])[:, None, None] * np.ones((1, 1, 1))
    found = run(labelled(values, (2, 2)))
    np.testing.assert_allclose(found.difference.values.ravel(), [-4, 4])
    np.testing.assert_allclose(found.t.values.ravel(), [-4 / np.sqrt(2), 4 / np.sqrt(2)])  # pooled variance 2
    assert int(found.n_permutations) == 2  # {1,5|3,7} and {1,7|3,5}; names of actors do not matter
    np.testing.assert_allclose(found.p_value.values.ravel(), 1 / 3)
    assert float(found.p_attainable) == pytest.approx(1 / 3)
    np.testing.assert_allclose(sorted(found.null.values), [0, 2 / np.sqrt(8)])


@pytest.mark.parametrize("sizes", [RAGGED, (4, 4, 4)])
def test_t_is_that_of_a_slow_loop(sizes):
    maps = smooth_noise(np.random.default_rng(2), sizes, side=3, skewed=True)
    found = run(maps)
    for actor in found.actor.values:
        for y, x in np.ndindex(3, 3):
            expected = slow_t(maps.values[:, y, x], maps.actor.values, actor)
            assert found.t.sel(actor=actor).values[y, x] == pytest.approx(expected, rel=1e-10)


def test_two_actors_give_the_two_sample_t_of_scipy():
    maps = smooth_noise(np.random.default_rng(3), (5, 9))
    found = run(maps)
    one, other = maps.values[:5], maps.values[5:]
    expected = stats.ttest_ind(one, other).statistic
    np.testing.assert_allclose(found.t.sel(actor="s01"), expected)
    np.testing.assert_allclose(found.t.sel(actor="s02"), -expected)


def test_two_actors_give_the_p_of_nilearn():
    rng = np.random.default_rng(4)
    maps = smooth_noise(rng, (8, 8), side=6)
    maps.values[:8, :3, :3] += 1.2
    found = run(maps, n_permutations=1999)
    of_first = (maps.actor == "s01").values.astype(float)[:, None]
    peer = permuted_ols(of_first, maps.values.reshape(16, -1), n_perm=1999, random_state=0, output_type="dict")
    np.testing.assert_allclose(found.t.sel(actor="s01").values.ravel(), peer["t"][0])
    np.testing.assert_allclose(found.p_value.sel(actor="s01").values.ravel(), 10 ** -peer["logp_max_t"][0], atol=0.05)
    assert found.threshold == pytest.approx(np.quantile(peer["h0_max_t"], 0.95), rel=0.05)


@pytest.mark.parametrize("sizes", [RAGGED, (4, 4, 4)])
def test_the_null_is_that_of_a_slow_loop_over_the_same_permutations(sizes):
    maps = boxes(np.random.default_rng(5), sizes, side=4)
    maps = maps + np.random.default_rng(6).random(maps.shape)
    data = standardise(maps, sigma=0.0, support=0.0, n_permutations=50)
    plan = Plan(data, "mean", 50)
    for arrangements in plan.permuted(np.random.default_rng(7)):
        block = plan.blocks()[0]
        squares, largest = squared_t(block, arrangements), largest_squared_t(block, arrangements)
        members = arrangements.means.toarray().reshape(*arrangements.counts.shape, -1) > 0
        for draw in (0, len(members) - 1):
            labels = data.actors[members[draw].argmax(axis=0)]
            flat = maps.values.reshape(len(labels), -1)
            expected = [[slow_t(flat[:, pixel], labels, actor) for pixel in range(16)] for actor in data.actors]
            np.testing.assert_allclose(squares[draw], np.square(expected), rtol=2e-5, atol=1e-5)
            assert largest[draw] == pytest.approx(np.square(expected).max(), rel=2e-5)


def test_single_precision_does_not_move_the_null():
    """Where few images are alike and the rest far off, cancellation is worst; t up to 30 are still exact to 1e-4."""
    rng = np.random.default_rng(8)
    maps = boxes(rng, (15,) * 6, side=16)
    maps.values[:15, 4:8, 4:8] += 3
    data = standardise(maps.astype("float32"), sigma=1.0, support=0.1, n_permutations=99)
    drawn = {}
    for dtype in ("float32", "float64"):
        plan = Plan(data, "mean", 99)
        blocks = [block.astype(dtype) for block in plan.blocks()]
        rng = np.random.default_rng(9)
        drawn[dtype] = np.concatenate([[largest_squared_t(block, of) for block in blocks]
                                       for of in plan.permuted(rng)], axis=1)
    np.testing.assert_allclose(np.sqrt(drawn["float32"]), np.sqrt(drawn["float64"]), rtol=1e-4)


def test_the_contrast_is_leave_one_out_relative_saliency_of_smoothed_maps():
    maps = boxes(np.random.default_rng(10), RAGGED)
    found = run(maps, sigma=1.0)
    heat = smooth(maps, sigma=1.0).groupby("actor").mean()
    np.testing.assert_allclose(found.difference, relative_saliency(heat, population="others"), atol=1e-12)


def test_p_of_maxima_is_that_of_the_general_function():
    rng = np.random.default_rng(11)
    observed, null = rng.random((3, 5)), rng.random((40, 7))
    observed[0, 0], observed[1, 1] = np.nan, null.max()
    found = p_of_maxima(observed, null.max(axis=1))
    general = max_statistic_p(xr.DataArray(observed.ravel(), dims="pixel"),
                              xr.DataArray(np.repeat(null.max(axis=1)[:, None], 15, axis=1),
                                           dims=("permutation", "pixel")), "pixel")
    np.testing.assert_allclose(found.ravel(), general)


@given(st.integers(1, 60), st.sampled_from([0.05, 0.01, 0.2]))
def test_the_critical_value_is_where_p_passes_the_level(n, level):
    null = np.random.default_rng(n).random(n)
    value = critical_value(null, level)
    if np.isnan(value):
        assert 1 / (1 + n) > level
    else:
        assert p_of_maxima(np.array(value * 1.001), null) <= level < p_of_maxima(np.array(value), null)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(2, 4), min_size=2, max_size=4), st.integers(0, 999), st.floats(0.1, 10), st.floats(-5, 5))
def test_neither_unit_nor_offset_nor_order_nor_names_matter(sizes, seed, factor, offset):
    maps = smooth_noise(np.random.default_rng(seed), sizes, side=3)
    found = run(maps, n_permutations=19)
    moved = run(maps * factor + offset, n_permutations=19)
    np.testing.assert_allclose(moved.t, found.t, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(moved.p_value, found.p_value)
    order = np.random.default_rng(seed).permutation(sum(sizes))
    np.testing.assert_allclose(run(maps.isel(image=order), n_permutations=19).t, found.t, rtol=1e-6, atol=1e-8)
    assert (found.p_actor == found.p_value.min(["y", "x"])).all()
    np.testing.assert_allclose((found.difference / found.t > 0) | (found.t == 0), True)


def test_lazy_maps_give_the_same():
    maps = boxes(np.random.default_rng(12), RAGGED)
    for test in (relative_test, relative_dispersion, relative_fdr, relative_clusters, relative_tfce):
        assert_dask_equals_eager(test, maps, sigma=1.0, rng=np.random.default_rng(0), n_permutations=29, lazy=False)


def test_same_generator_same_result_and_natural_order_of_actors():
    maps = boxes(np.random.default_rng(13), (3, 3, 3)).assign_coords(
        actor=("image", np.repeat(["s10", "s2", "s1"], 3)))
    xr.testing.assert_identical(run(maps), run(maps))
    found = run(maps)
    assert found.actor.values.tolist() == ["s1", "s2", "s10"]
    expected = slow_t(maps.values[:, 4, 4], maps.actor.values, "s10")
    assert found.t.sel(actor="s10").values[4, 4] == pytest.approx(expected)


def test_pixels_that_few_images_reach_are_not_tested_and_counted():
    maps = smooth_noise(np.random.default_rng(14), (5,) * 4) + 5
    maps.values[:, 0] = 0  # constant
    maps.values[:, 1] = 0
    maps.values[0, 1] = 1  # of one image
    found = run(maps, support=0.1)
    assert int(found.n_pixels) == 48
    assert found.attrs["family_size"] == 48 * 4
    assert found.p_value[:, :2].isnull().all()
    assert found.p_value[:, 2:].notnull().all()
    assert int(run(maps, support=0.0).n_pixels) == 56


def test_images_without_a_map_are_left_out_and_counted():
    maps = boxes(np.random.default_rng(15), (4, 4, 4))
    maps.values[0] = 0
    maps.values[5, 2, 2] = np.nan
    found = run(maps, sigma=1.0)
    assert int(found.n_undefined) == 2
    assert found.n_images.values.tolist() == [3, 3, 4]
    assert found.attrs["left_out"] == "images left out: 1 with a pixel that is NaN or infinite, 1 of zeros only"
    rest = maps.isel(image=[i for i in range(12) if i not in (0, 5)])
    xr.testing.assert_allclose(found.t, run(rest, sigma=1.0).t)


def test_an_actor_with_one_image_has_a_t_too():
    maps = smooth_noise(np.random.default_rng(16), (1, 4, 4))
    assert run(maps).t.sel(actor="s01").notnull().all()


@pytest.mark.parametrize(("change", "said"), [
    (lambda maps: maps.drop_vars("actor"), "no coordinate 'actor'"),
    (lambda maps: maps.isel(x=0), "dims"),
    (lambda maps: maps.isel(image=slice(3)), "at least 2"),
    (lambda maps: maps.assign_coords(actor=("image", [f"a{i}" for i in range(maps.sizes["image"])])), "one image for"),
    (lambda maps: maps * 0 + 1, "no pixel varies"),
])
def test_what_cannot_be_tested_is_refused_with_the_reason(change, said):
    with pytest.raises(InputError, match=said):
        run(change(boxes(np.random.default_rng(17), (4, 4))), support=0.1)


@pytest.mark.parametrize("options", [{"support": 2.0}, {"n_permutations": 0}, {"clusters": "day"}])
def test_wrong_options_are_refused(options):
    with pytest.raises(InputError):
        run(boxes(np.random.default_rng(18), (4, 4)), **options)


OPTIONS = {"sigma": 0.0, "support": 0.0}


def test_pooled_p_is_a_count_over_all_pixels_actors_and_permutations():
    maps = smooth_noise(np.random.default_rng(1), (3, 5, 4), side=5)
    found = relative_fdr(maps, rng=np.random.default_rng(2), n_permutations=60, **OPTIONS)
    plan = Plan(standardise(maps, sigma=0.0, support=0.0, n_permutations=60), "mean", 60)
    drawn = plan.permuted(np.random.default_rng(2))
    null = np.concatenate([squared_t(plan.blocks()[0], some).ravel() for some in drawn])
    assert null.size == 60 * 3 * 25
    expected = np.array([(1 + (null >= t**2).sum()) / (1 + null.size) for t in found.t.values.ravel()])
    p = found.p_pooled.values.ravel()
    assert (p >= expected - 1e-12).all()  # a bucket's t all count as reached: never too small
    np.testing.assert_allclose(p, expected, atol=0.025)  # |t| below 1/32 all have p = 1
    np.testing.assert_allclose(p[expected < 0.9], expected[expected < 0.9], atol=2 / 1024)
    assert float(found.p_attainable) == pytest.approx(1 / (1 + null.size))


def test_adjusted_p_are_those_of_statsmodels():
    maps = smooth_noise(np.random.default_rng(3), (4, 4, 4))
    maps.values[:4, :3, :3] += 3
    found = relative_fdr(maps, rng=np.random.default_rng(4), n_permutations=50, **OPTIONS)
    for name, method in (("p_bh", "fdr_bh"), ("p_by", "fdr_by")):
        expected = multipletests(found.p_pooled.values.ravel(), method=method)[1]
        np.testing.assert_allclose(found[name].values.ravel(), expected)
    assert (found.p_by >= found.p_bh).all()
    assert "same null distribution" in found.attrs["assumption"]
    assert found.attrs["family_size"] == 3 * 64


def test_a_pixels_own_permutations_cannot_reach_the_floor_of_benjamini_and_hochberg():
    """The trap: 999 permutations give no p below 0.001, and of m tests the smallest must be at most 0.05/m.

    So k pixels at that smallest p survive only if k/m is at least 1/50: 17,520 of 17 x 227 x 227. Pooled p get there.
    """
    m, smallest = 17 * 227 * 227, 1 / 1000
    assert smallest > 0.05 / m * 17_519
    assert smallest <= 0.05 / m * 17_521

    rng = np.random.default_rng(5)
    maps = smooth_noise(rng, (6,) * 10, side=16)
    maps.values[:6, :2, :2] += 6  # four of 2,560 tests: each alone would be certain
    found = relative_fdr(maps, rng=np.random.default_rng(6), n_permutations=199, **OPTIONS)
    own = np.full(found.t.shape, 0.5)
    own[0, :2, :2] = 1 / 200  # as small as 199 permutations of the pixel itself can make it
    assert (multipletests(own.ravel(), method="fdr_bh")[1] > 0.05).all()
    assert (found.p_bh.values[0, :2, :2] <= 0.05).all()
    assert float(found.p_attainable) < 0.05 / found.attrs["family_size"]


def test_most_discoveries_are_right_where_effects_are():
    rng, shares = np.random.default_rng(7), []
    for _ in range(60):
        maps = smooth_noise(rng, (6,) * 2)
        maps.values[:6, :4] += 2.5
        found = (relative_fdr(maps, rng=rng, n_permutations=99, **OPTIONS).p_bh <= 0.05).values
        shares.append(found[:, 4:].sum() / max(found.sum(), 1))
    assert np.mean(shares) <= 0.05 + 3 * np.std(shares) / np.sqrt(60)
    assert found[:, :4].mean() > 0.5
