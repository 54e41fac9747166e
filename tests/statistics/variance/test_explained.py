"""Variance explained: worked value, oracles, properties, dask, edges."""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
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
    assert (float(result.p_value_free), float(result.p_attainable_free)) == (1 / 3, 1 / 3)
    # F2 takes three images of an actor.
    assert np.isnan(result.f2)
    assert np.isnan(result.p_value)
    assert result.attrs["p_reason"] == "fewer than two actors have 3 images that differ"


def test_f2_of_two_actors_of_three_images_by_hand():
    # Means: a 2, b 12; s² is 1 of both; SSB = 6 * 25 = 150, over (1 - 3/6) (1 + 1).
    result = explained(stack([[1], [2], [3], [11], [12], [13]], "aaabbb"), n_permutations=9999)
    assert float(result.f2) == pytest.approx(150)
    # Of twenty ways to give six images to a and b, the observed one and its mirror have the largest.
    assert (int(result.n_permutations), float(result.p_value), float(result.p_attainable)) == (19, 1 / 10, 1 / 20)


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
    assert float(result.p_value_free) == np.mean(np.array(list(everything.values())) >= observed - 1e-9)


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
    for name in ("r2", "r2_adjusted", "omega2", "r2_pixel_mean", "pseudo_f", "between_actor_share", "ci_low", "f2"):
        assert float(moved[name]) == pytest.approx(float(result[name]), rel=1e-7, abs=1e-9, nan_ok=True)
        assert float(shuffled[name]) == pytest.approx(float(result[name]), rel=1e-7, abs=1e-9, nan_ok=True)
    assert 0 <= float(result.r2) <= 1
    assert float(result.r2) <= float(result.r2_uncentred) <= 1
    assert ((result.null >= 0) & (result.null <= 1 + 1e-12)).all()
    assert 0 < float(result.p_value_free) <= 1
    assert np.isnan(result.f2) == (sum(size > 2 for size in sizes) < 2)


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
    assert float(result.p_value_free) == float(result.p_attainable_free) == 0.1
    assert np.isnan(result.p_value)  # without spread there is nothing to scale by


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


def labelled(values, **coords):
    return xr.DataArray(values, dims=("image", "x"), coords={name: ("image", of) for name, of in coords.items()})


def most_rejections(n_runs, level=0.05):
    """Rejections that a test of this level exceeds once in a thousand simulations."""
    return stats.binom.ppf(0.999, n_runs, level)


def correlated_noise(rng, n_images, n_pixels=24):
    """Skewed noise, alike in neighbouring pixels, of a spread that differs from pixel to pixel."""
    noise = rng.exponential(size=(n_images, n_pixels + 2))
    return (noise[:, 2:] + noise[:, 1:-1] + noise[:, :-2]) * np.linspace(0.2, 3, n_pixels)


@pytest.mark.parametrize("sizes", [(6, 6, 6, 6, 6), (2, 3, 5, 8, 12)])
def test_the_test_keeps_its_level_when_actors_do_not_differ(sizes):
    rng, runs, rejections = np.random.default_rng(11), 400, 0
    actors = np.repeat(np.arange(len(sizes)), sizes)
    for _ in range(runs):
        maps = labelled(correlated_noise(rng, len(actors)), actor=actors)
        rejections += float(variance_explained(maps, rng=rng, n_permutations=199).p_value) <= 0.05
    assert rejections <= most_rejections(runs)
    assert rejections >= stats.binom.ppf(0.001, runs, 0.05)  # nor is it needlessly strict


def test_a_planted_difference_is_found():
    rng, found = np.random.default_rng(12), 0
    actors = np.repeat(np.arange(5), 6)
    for _ in range(50):
        own = rng.normal(size=(5, 24))[actors] * np.linspace(0.2, 3, 24)
        maps = labelled(correlated_noise(rng, 30) + own, actor=actors)
        found += float(variance_explained(maps, rng=rng, n_permutations=199).p_value) <= 0.05
    assert found >= 45


def test_shoots_within_actors_need_whole_shoots_to_be_permuted():
    rng, runs = np.random.default_rng(13), 150
    shoots = np.repeat(np.arange(15), 4)
    actors = shoots // 3
    rejections = {None: 0, "shoot": 0}
    for _ in range(runs):
        maps = labelled(rng.normal(size=(60, 10)) + rng.normal(size=(15, 10))[shoots], actor=actors, shoot=shoots)
        for clusters in rejections:
            tested = variance_explained(maps, rng=rng, n_permutations=199, clusters=clusters)
            p = tested.p_value if clusters else tested.p_value_free
            rejections[clusters] += float(p) <= 0.05
    assert rejections["shoot"] <= most_rejections(runs)
    assert rejections[None] > 0.9 * runs  # the trap: images of a shoot are alike whoever is shown


def test_a_factor_of_the_actor_permutes_whole_actors():
    rng, runs = np.random.default_rng(15), 150
    actors = np.repeat(np.arange(10), 4)
    groups, rejections = actors % 2, {None: 0, "actor": 0}
    for _ in range(runs):
        maps = labelled(rng.normal(size=(40, 10)) + rng.normal(size=(10, 10))[actors], actor=actors, group=groups)
        for clusters in rejections:
            tested = variance_explained(maps, "group", rng=rng, n_permutations=199, clusters=clusters)
            p = tested.p_value if clusters else tested.p_value_free
            rejections[clusters] += float(p) <= 0.05
    assert rejections["actor"] <= most_rejections(runs)
    assert rejections[None] > 0.5 * runs


@pytest.mark.parametrize(("sizes", "scale", "nominal"), [
    ((10,) * 8, 0.0, 0.95), ((10,) * 8, 0.3, 0.95), ((10,) * 8, 1.0, 0.95), ((5,) * 17, 1.0, 0.95),
    ((3,) * 17, 1.0, 0.92),  # measured with few images, and said in the docstring
])
def test_the_interval_of_the_between_actor_share_covers_it(sizes, scale, nominal):
    rng, runs, covered, n_pixels = np.random.default_rng(16), 200, 0, 32
    actors = np.repeat(np.arange(len(sizes)), sizes)
    own = scale * rng.normal(size=(len(sizes), n_pixels))
    between = own.var(axis=0, ddof=1).sum()
    truth = between / (between + n_pixels)
    for _ in range(runs):
        maps = labelled(own[actors] + rng.normal(size=(len(actors), n_pixels)), actor=actors)
        result = variance_explained(maps, rng=rng, n_permutations=1)
        covered += float(result.ci_low) <= truth <= float(result.ci_high)
    assert covered >= stats.binom.ppf(0.001, runs, nominal)


def test_the_between_actor_share_is_not_biased_by_few_images_as_r2_is():
    rng, shares, r2 = np.random.default_rng(17), [], []
    actors = np.repeat(np.arange(10), 3)
    own = rng.normal(size=(10, 32))
    own -= own.mean(axis=0)
    between = (own**2).sum() / 9
    for _ in range(200):
        result = variance_explained(labelled(own[actors] + rng.normal(size=(30, 32)), actor=actors), rng=rng,
                                    n_permutations=1)
        shares.append(float(result.between_actor_share))
        r2.append(float(result.r2))
    truth = between / (between + 32)
    assert abs(np.mean(shares) - truth) < 4 * np.std(shares) / np.sqrt(200) + 0.005
    assert np.mean(r2) > truth + 0.1


def nested(rng, n_pixels=10):
    """Shoots of four images, three an actor; images of a shoot are alike, actors do not differ."""
    shoots = np.repeat(np.arange(15), 4)
    return labelled(rng.normal(size=(60, n_pixels)) + rng.normal(size=(15, n_pixels))[shoots], actor=shoots // 3,
                 shoot=shoots)


def test_the_null_mean_is_the_formulas_for_free_permutation_only():
    rng = np.random.default_rng(18)
    maps = nested(rng)
    free, whole = (variance_explained(maps, rng=rng, n_permutations=1999, clusters=clusters)
                   for clusters in (None, "shoot"))
    formula = (5 - 1) / (60 - 1)
    assert float(free.null_mean) == formula
    assert abs(float(free.null.mean()) - formula) < 4 * float(free.null.std()) / np.sqrt(1999)
    assert float(whole.null_mean) == pytest.approx(float(whole.null.mean()))
    assert float(whole.null_mean) > formula + 10 * float(whole.null.std()) / np.sqrt(1999)


def test_a_naive_bootstrap_of_r2_covers_nothing_where_the_jackknifed_share_covers():
    rng, runs, n_pixels = np.random.default_rng(19), 60, 32
    actors = np.repeat(np.arange(8), 8)
    own = 0.5 * rng.normal(size=(8, n_pixels))
    between = own.var(axis=0, ddof=1).sum()
    truth, covered, naive = between / (between + n_pixels), 0, 0
    for _ in range(runs):
        values = own[actors] + rng.normal(size=(64, n_pixels))
        found = variance_explained(labelled(values, actor=actors), rng=rng, n_permutations=1)
        covered += float(found.ci_low) <= truth <= float(found.ci_high)
        draws = []
        for _ in range(100):  # images of each actor drawn with replacement: copies agree perfectly
            rows = (rng.integers(0, 8, (8, 8)) + 8 * np.arange(8)[:, None]).ravel()
            drawn = values[rows].reshape(8, 8, n_pixels)
            centred = drawn - drawn.mean(axis=(0, 1))
            draws.append(8 * (centred.mean(axis=1) ** 2).sum() / (centred**2).sum())
        low, high = np.percentile(draws, [2.5, 97.5])
        naive += low <= truth <= high or low <= float(found.r2) <= high
    assert naive <= 3
    assert covered >= stats.binom.ppf(0.001, runs, 0.95)
