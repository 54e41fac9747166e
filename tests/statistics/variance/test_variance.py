"""Variance explained: worked value, oracles, properties, dask, edges."""

import itertools
import warnings

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist, squareform
from skbio.stats.distance import DistanceMatrix, permanova
from statsmodels.stats.anova import anova_lm

from salcompare.errors import InputError
from salcompare.statistics.inference.permutation import exchangeability, permutations
from salcompare.statistics.variance import gram
from salcompare.statistics.variance.explained import variance_explained


def stack(values, actors, **coords):
    """Maps of one row of pixels."""
    values = np.asarray(values)
    return xr.DataArray(values[:, None, :], dims=("image", "y", "x"), coords={
        "image": [f"i{at}" for at in range(len(values))], "actor": ("image", list(actors)),
        "x": np.arange(values.shape[1]), **{name: ("image", list(of)) for name, of in coords.items()}})


def explained(maps, by="actor", *, seed=0, n_permutations=99, **options):
    return variance_explained(maps, by, rng=np.random.default_rng(seed), n_permutations=n_permutations, **options)


def random_stack(sizes, n_pixels=7, seed=0, effect=0.5, **coords):
    rng = np.random.default_rng(seed)
    actors = np.repeat([f"s{at:02}" for at in range(len(sizes))], sizes)
    own = np.repeat(rng.normal(size=(len(sizes), n_pixels)), sizes, axis=0)
    return stack(5 + effect * own + rng.normal(size=(len(actors), n_pixels)), actors, **coords)


def test_two_actors_of_two_images_and_two_pixels_by_hand():
    # Means: a (2, 0), b (6, 2), all (4, 1). SSB = 2 (4+1) * 2 = 20; SSW = 1+1 (a) + 1+1 (b) = 4; SST = 24.
    result = explained(stack([[1, 0], [3, 0], [6, 1], [6, 3]], "aabb"), n_permutations=9999)
    assert float(result.r2) == pytest.approx(20 / 24)
    assert float(result.r2_adjusted) == pytest.approx(1 - 4 / 24 * 3 / 2)
    assert float(result.omega2) == pytest.approx((20 - 2) / (24 + 2))
    assert float(result.pseudo_f) == pytest.approx(20 / 2)
    assert result.r2_pixel.to_numpy().ravel() == pytest.approx([16 / 18, 4 / 6])
    assert float(result.r2_pixel_mean) == pytest.approx((16 / 18 + 4 / 6) / 2)
    common = 4 * (16 + 1)
    assert float(result.r2_uncentred) == pytest.approx((20 + common) / (24 + common))
    assert float(result.between_actor_share) == pytest.approx((20 - 2) / 2 / ((20 - 2) / 2 + 2))
    assert float(result.null_mean) == pytest.approx(1 / 3)
    share = common / (24 + common)
    assert float(result.r2_uncentred_null_mean) == pytest.approx(share + (1 - share) / 3)
    # Three ways to part four images into pairs; the observed one explains most.
    assert (int(result.n_permutations), float(result.p_value), float(result.p_attainable)) == (2, 1 / 3, 1 / 3)


@pytest.mark.parametrize("sizes", [(5, 5, 5), (2, 7, 4), (1, 6, 3)])
def test_pooled_and_per_pixel_values_agree_with_statsmodels(sizes):
    maps = random_stack(sizes)
    tables = []
    for pixel in range(maps.sizes["x"]):
        frame = pd.DataFrame({"value": maps.to_numpy()[:, 0, pixel], "actor": maps.actor.to_numpy()})
        tables.append(anova_lm(smf.ols("value ~ C(actor)", frame).fit())["sum_sq"].to_numpy())
    between, within = np.array(tables).T
    result = explained(maps)
    assert float(result.r2) == pytest.approx(between.sum() / (between + within).sum(), rel=1e-10)
    np.testing.assert_allclose(result.r2_pixel.to_numpy().ravel(), between / (between + within), rtol=1e-10)
    n, g = sum(sizes), len(sizes)
    assert float(result.pseudo_f) == pytest.approx(between.sum() / (g - 1) / (within.sum() / (n - g)), rel=1e-10)


@pytest.mark.parametrize("sizes", [(6, 6, 6), (3, 9, 5, 4)])
def test_pseudo_f_and_p_agree_with_scikit_bio(sizes):
    maps = random_stack(sizes, n_pixels=30, effect=0.35)
    distances = DistanceMatrix(squareform(pdist(maps.to_numpy()[:, 0])))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = permanova(distances, maps.actor.to_numpy(), permutations=9999, seed=1)
    result = explained(maps, n_permutations=9999)
    assert float(result.pseudo_f) == pytest.approx(expected["test statistic"], rel=1e-8)
    p = expected["p-value"]
    assert 0.001 < p < 0.5  # so that agreement says something
    assert float(result.p_value) == pytest.approx(p, abs=5 * np.sqrt(2 * p * (1 - p) / 9999))


def slow_r2(values, labels):
    total = ((values - values.mean(axis=0)) ** 2).sum()
    within = sum(((values[labels == label] - values[labels == label].mean(axis=0)) ** 2).sum() for label in set(labels))
    return 1 - within / total


@pytest.mark.parametrize("cut", [(3, 3), (4, 2), (2, 2, 2), (3, 1, 2)])
def test_null_is_every_other_partition_and_its_mean_is_exact(cut):
    maps = random_stack(cut)
    labels = maps.actor.to_numpy()
    everything = {}
    for order in itertools.permutations(range(sum(cut))):
        shuffled = labels[list(order)]
        key = frozenset(frozenset(np.flatnonzero(shuffled == label)) for label in set(labels))
        everything[key] = slow_r2(maps.to_numpy()[:, 0], shuffled)
    observed = slow_r2(maps.to_numpy()[:, 0], labels)
    result = explained(maps, n_permutations=9999)
    np.testing.assert_allclose(np.sort(np.append(result.null.to_numpy(), observed)), np.sort(list(everything.values())))
    assert float(result.null_mean) == pytest.approx(np.mean(list(everything.values())), rel=1e-12)
    assert float(result.p_value) == np.mean(np.array(list(everything.values())) >= observed - 1e-9)


def test_null_mean_of_uncentred_r2_is_the_mean_of_its_permutations():
    maps = random_stack((3, 3, 2))
    result = explained(maps, n_permutations=9999)
    values = maps.to_numpy()[:, 0]
    common = len(values) * (values.mean(axis=0) ** 2).sum()
    total = ((values - values.mean(axis=0)) ** 2).sum()
    draws = (np.append(result.null.to_numpy(), float(result.r2)) * total + common) / (total + common)
    assert float(result.r2_uncentred_null_mean) == pytest.approx(draws.mean(), rel=1e-12)


@pytest.mark.parametrize("sizes", [(3,) * 6, (30, 34), (5, 1, 9, 2, 2)])
def test_both_ways_of_summing_give_the_sums_of_a_loop(sizes):
    maps = random_stack(sizes)
    exchange = exchangeability(maps.actor.to_numpy())
    batch = next(permutations(exchange, 20, np.random.default_rng(0)))
    centred = maps.to_numpy()[:, 0] - maps.to_numpy()[:, 0].mean(axis=0)
    products, counts = centred @ centred.T, np.array(sizes)
    slow = [[centred[row[exchange.labels == label]].sum(axis=0) @ centred[row[exchange.labels == label]].sum(axis=0)
             for row in batch] for label in range(len(sizes))]
    for kernel in (gram._by_pairs, gram._by_indicators):
        np.testing.assert_allclose(kernel(products, counts, batch.T.copy()), slow, rtol=1e-9, atol=1e-9)
    between = gram.between_sums(products, np.ones(len(batch[0])), exchange.labels, batch)
    np.testing.assert_allclose(between, (np.array(slow) / counts[:, None]).sum(axis=0))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 5), min_size=2, max_size=4).filter(lambda sizes: max(sizes) > 1), st.integers(0, 999),
       st.floats(-3, 3), st.floats(0.01, 100))
def test_adding_a_map_scaling_and_reordering_change_nothing(sizes, seed, shift, scale):
    maps = random_stack(sizes, seed=seed)
    result = explained(maps)
    common = xr.DataArray(shift * np.arange(1, 8), dims="x", coords={"x": maps.x})
    moved = explained(maps * scale + common)
    order = np.random.default_rng(seed).permutation(maps.sizes["image"])
    shuffled = explained(maps.isel(image=order))
    for name in ("r2", "r2_adjusted", "omega2", "r2_pixel_mean", "pseudo_f", "between_actor_share", "ci_low"):
        assert float(moved[name]) == pytest.approx(float(result[name]), rel=1e-7, abs=1e-9, nan_ok=True)
        assert float(shuffled[name]) == pytest.approx(float(result[name]), rel=1e-7, abs=1e-9, nan_ok=True)
    assert 0 <= float(result.r2) <= 1
    assert float(result.r2) <= float(result.r2_uncentred) <= 1
    assert ((result.null >= 0) & (result.null <= 1 + 1e-12)).all()
    assert 0 < float(result.p_value) <= 1


@pytest.mark.parametrize("chunks", [{"image": 2}, {"image": 3, "x": 700}])
def test_dask_gives_what_numpy_gives(chunks, monkeypatch):
    monkeypatch.setattr(gram, "BLOCK", 12 * 256)
    maps = random_stack((4, 5, 3), n_pixels=5000)
    maps.data[2, 0, 7], maps.data[3] = np.nan, 0
    eager, lazy = explained(maps), explained(maps.chunk(chunks))
    xr.testing.assert_identical(eager, lazy)
    assert int(eager.n_undefined) == 2


def test_blocks_of_pixels_add_up(monkeypatch):
    maps = random_stack((4, 5, 3), n_pixels=1000)
    whole = explained(maps)
    monkeypatch.setattr(gram, "BLOCK", 12 * 256)
    xr.testing.assert_allclose(explained(maps), whole, rtol=1e-10)


def test_float32_maps_are_summed_in_float64():
    maps = random_stack((6, 6), n_pixels=4000)
    single = (maps * 1e-6 + 1).astype(np.float32)
    xr.testing.assert_allclose(explained(single), explained(single.astype(float)), rtol=1e-12)


def test_masks_and_photographs_are_maps_too():
    maps = random_stack((4, 4))
    assert float(explained(maps > 5).r2) == float(explained((maps > 5).astype(float)).r2)
    colours = xr.concat([maps, maps * 2], dim="channel")
    assert explained(colours).r2_pixel.dims == ("channel", "y", "x")
    assert float(explained(colours).r2) == pytest.approx(float(explained(maps).r2))


def test_jackknife_interval_is_that_of_recomputing_without_each_image():
    maps = random_stack((4, 3, 5))
    result = explained(maps)
    without = [float(explained(maps.isel(image=np.arange(12) != at)).between_actor_share) for at in range(12)]
    parts = [np.array(without)[maps.actor.to_numpy() == actor] for actor in np.unique(maps.actor)]
    error = np.sqrt(sum(((part - part.mean()) ** 2).sum() for part in parts))
    half = 2.2621571628 * error  # Student's t, 9 degrees of freedom
    share = float(result.between_actor_share)
    assert (float(result.ci_low), float(result.ci_high)) == pytest.approx((share - half, share + half), rel=1e-8)


def test_jackknife_leaves_out_whole_clusters():
    shoots = np.repeat(np.arange(9), [2, 1, 1, 1, 1, 1, 2, 2, 1])
    maps = random_stack((4, 3, 5), shoot=shoots)
    result = explained(maps, clusters="shoot")
    without = [float(explained(maps.isel(image=shoots != shoot)).between_actor_share) for shoot in range(9)]
    parts = np.array(without).reshape(3, 3)
    half = 2.4469118511 * np.sqrt(((parts - parts.mean(axis=1, keepdims=True)) ** 2).sum())  # 9 - 3 degrees
    share = float(result.between_actor_share)
    assert (float(result.ci_low), float(result.ci_high)) == pytest.approx((share - half, share + half), rel=1e-8)
    assert result.attrs["resampled"] == "whole shoots"


def test_an_actor_of_two_images_leaves_no_interval_and_says_why():
    result = explained(random_stack((2, 6)))
    assert np.isnan(result.ci_low)
    assert "fewer than 3 images" in result.attrs["ci_reason"]
    assert np.isfinite(result.between_actor_share)


def test_missing_and_empty_maps_are_left_out_and_counted():
    maps = random_stack((4, 4, 4))
    maps.data[1, 0, 2], maps.data[5, 0, 0], maps.data[9] = np.nan, np.inf, 0
    result = explained(maps)
    rest = explained(maps.isel(image=[0, 2, 3, 4, 6, 7, 8, 10, 11]))
    assert float(result.r2) == float(rest.r2)
    assert (int(result.n_images), int(result.n_actors), int(result.n_undefined)) == (9, 3, 3)
    assert result.attrs["left_out"] == "images left out: 2 with a pixel that is NaN or infinite, 1 of zeros only"


@pytest.mark.parametrize("value", [0.1, 1e9])
def test_equal_maps_have_no_variance_to_explain(value):
    result = explained(stack(np.full((5, 1000), value), "aabbb"))
    assert result.attrs["reason"] == "all maps are equal"
    for name in ("r2", "pseudo_f", "p_value", "r2_pixel_mean", "r2_uncentred", "ci_low"):
        assert np.isnan(result[name])


def test_too_few_images_left_is_nan_with_a_reason():
    maps = stack([[1, 2], [np.nan, 1], [0, 0], [3, 4]], "aabb")
    result = explained(maps)
    assert np.isnan(result.r2)
    assert result.attrs["reason"] == "too few images are left"
    assert (int(result.n_images), int(result.n_undefined)) == (2, 2)


def test_equal_images_within_actors_explain_everything():
    result = explained(stack([[1, 2], [1, 2], [4, 0], [4, 0], [4, 0]], "aabbb"), n_permutations=999)
    assert (float(result.r2), float(result.pseudo_f)) == (1, np.inf)
    assert float(result.p_value) == float(result.p_attainable) == 0.1


def test_constant_pixels_have_no_r2_of_their_own():
    maps = random_stack((3, 3))
    maps.data[:, 0, 4] = 0.1
    result = explained(maps)
    assert np.isnan(result.r2_pixel.to_numpy()[0, 4])
    assert float(result.r2_pixel_mean) == pytest.approx(np.nanmean(result.r2_pixel))


def test_what_cannot_be_compared_is_refused():
    maps = random_stack((3, 3))
    with pytest.raises(InputError, match="1 actor; expected at least 2"):
        explained(maps.isel(image=slice(0, 3)))
    with pytest.raises(InputError, match="one image for every actor"):
        explained(maps.isel(image=[0, 3]))
    with pytest.raises(InputError, match="no coordinate 'shoot' along image"):
        explained(maps, clusters="shoot")
    with pytest.raises(InputError, match="without image"):
        explained(maps.rename(image="photo"))
    for wrong, what in ((maps + 1j, "complex128"), (maps.astype(str), "dtype <U"), (maps.to_numpy(), "is a ndarray")):
        with pytest.raises(InputError, match=what):
            explained(wrong)
    with pytest.raises(InputError, match="at least 1"):
        explained(maps, n_permutations=0)
    with pytest.raises(InputError, match="1 images without shoot"):
        explained(maps.assign_coords(shoot=("image", [1.0, 2, 3, 4, 5, np.nan])), clusters="shoot")
