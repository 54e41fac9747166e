"""Distances other than Euclidean: worked values, scikit-bio, properties, dask, edges, error rates."""

import warnings

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import pdist, squareform
from skbio.stats.distance import DistanceMatrix, permanova

from salcompare.errors import InputError
from salcompare.statistics.variance import gram
from salcompare.statistics.variance.explained import variance_explained
from salcompare.statistics.variance.gram import DISTANCES, gower_gram, stack_maps

SCIPY = {"euclidean": "euclidean", "bray_curtis": "braycurtis", "jensen_shannon": "jensenshannon"}


def stack(values, actors):
    return xr.DataArray(np.asarray(values), dims=("image", "x"), coords={"actor": ("image", list(actors))})


def positive(sizes=(4, 5, 3), n_pixels=40, seed=0, zeros=0.3, effect=1.0):
    rng = np.random.default_rng(seed)
    actors = np.repeat(np.arange(len(sizes)), sizes)
    values = rng.exponential(size=(len(actors), n_pixels)) * (1 + effect * rng.random((len(sizes), n_pixels))[actors])
    return stack(np.where(rng.random(values.shape) < zeros, 0, values), actors)


def explained(maps, distance, *, n_permutations=99, **options):
    return variance_explained(maps, distance=distance, rng=np.random.default_rng(1), n_permutations=n_permutations,
                              **options)


def squared(maps, distance):
    """Squared distances, got back from the centred matrix."""
    centred, _ = gower_gram(stack_maps(maps), distance)
    own = np.diag(centred)
    return own[:, None] + own - 2 * centred


def test_distances_by_hand():
    maps = stack([[1.0, 3], [2, 2], [4, 0]], "aab")
    assert squared(maps, "bray_curtis")[0] == pytest.approx([0, (2 / 8) ** 2, (6 / 8) ** 2])
    # Of (1/4, 3/4) and (1, 0) the middle is (5/8, 3/8).
    divergence = (0.25 * np.log(0.25 / 0.625) + 0.75 * np.log(0.75 / 0.375) + np.log(1 / 0.625)) / 2
    assert squared(maps, "jensen_shannon")[0, 2] == pytest.approx(divergence)


@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize("zeros", [0.0, 0.4, 0.95])
def test_distances_agree_with_scipy_however_sparse_the_maps(distance, zeros):
    maps = positive(n_pixels=1500, zeros=zeros)
    expected = squareform(pdist(maps.to_numpy(), SCIPY[distance]))
    np.testing.assert_allclose(np.sqrt(np.maximum(squared(maps, distance), 0)), expected, rtol=1e-9, atol=2e-7)


@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize("sizes", [(6, 6, 6), (3, 9, 5, 4)])
def test_r2_pseudo_f_and_p_agree_with_scikit_bio(distance, sizes):
    maps = positive(sizes, effect=1.2)
    apart = squareform(pdist(maps.to_numpy(), SCIPY[distance]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = permanova(DistanceMatrix(apart), maps.actor.to_numpy(), permutations=4999, seed=1)
    found = explained(maps, distance, n_permutations=4999)
    n, g, f = sum(sizes), len(sizes), expected["test statistic"]
    assert float(found.pseudo_f) == pytest.approx(f, rel=1e-8)
    assert float(found.r2) == pytest.approx(1 / (1 + (n - g) / (f * (g - 1))), rel=1e-8)
    p = expected["p-value"]
    assert 0.0005 < p < 0.6  # so that agreement says something
    assert float(found.p_value_free) == pytest.approx(p, abs=5 * np.sqrt(2 * p * (1 - p) / 4999))


@pytest.mark.parametrize("distance", DISTANCES)
def test_dask_gives_what_numpy_gives(distance, monkeypatch):
    monkeypatch.setattr(gram, "BLOCK", 12 * 256)
    maps = positive(n_pixels=700)
    maps.data[3] = 0
    eager = explained(maps, distance)
    xr.testing.assert_identical(eager, explained(maps.chunk(image=5, x=300), distance))
    assert int(eager.n_undefined) == 1


@pytest.mark.parametrize("distance", ["bray_curtis", "jensen_shannon"])
def test_blocks_of_pixels_add_up(distance, monkeypatch):
    maps = positive(n_pixels=3000)
    whole = explained(maps, distance)
    monkeypatch.setattr(gram, "BLOCK", 12 * 256)
    xr.testing.assert_allclose(explained(maps, distance), whole, rtol=1e-9)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 999), st.floats(0.01, 100), st.sampled_from(DISTANCES))
def test_a_common_scale_and_the_order_of_pixels_change_nothing(seed, scale, distance):
    maps = positive(seed=seed)
    order = np.random.default_rng(seed).permutation(maps.sizes["x"])
    one, other = explained(maps, distance), explained((maps * scale).isel(x=order), distance)
    for name in ("r2", "pseudo_f", "between_actor_share", "ci_high", "p_value_free"):
        assert float(other[name]) == pytest.approx(float(one[name]), rel=1e-6, abs=1e-9)
    assert float(one.r2) <= 1


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 999))
def test_jensen_shannon_does_not_care_for_each_maps_own_scale(seed):
    maps = positive(seed=seed)
    scales = xr.DataArray(np.random.default_rng(seed).uniform(0.1, 9, maps.sizes["image"]), dims="image")
    assert float(explained(maps * scales, "jensen_shannon").r2) == pytest.approx(
        float(explained(maps, "jensen_shannon").r2), rel=1e-9)


def test_what_only_euclidean_distances_have_is_there_for_them_only():
    for distance in DISTANCES:
        found = explained(positive(), distance)
        assert ("r2_pixel" in found) == ("r2_uncentred" in found) == (distance == "euclidean")
        assert found.attrs["distance"] == distance


@pytest.mark.parametrize("distance", ["bray_curtis", "jensen_shannon"])
def test_equal_maps_have_no_variance_to_explain(distance):
    found = explained(stack(np.full((5, 900), 0.3), "aabbb"), distance)
    assert found.attrs["reason"] == "all maps are equal"
    assert np.isnan(found.r2)
    assert np.isnan(found.p_value)


def test_negative_maps_and_unknown_distances_are_refused():
    maps = positive()
    with pytest.raises(InputError, match="no value below 0"):
        explained(maps - 1, "jensen_shannon")
    with pytest.raises(InputError, match="euclidean, bray_curtis, jensen_shannon"):
        explained(maps, "cosine")


@pytest.mark.parametrize("distance", ["bray_curtis", "jensen_shannon"])
def test_the_test_keeps_its_level_and_finds_a_difference(distance):
    rng, runs, rejections, found = np.random.default_rng(3), 250, 0, 0
    for run in range(runs):
        null = positive((3, 4, 5), n_pixels=15, seed=run, effect=0.0)
        test = variance_explained(null, rng=rng, n_permutations=199, distance=distance)
        rejections += float(test.p_value_free) <= 0.05
    for run in range(20):
        planted = positive((6, 6, 6), n_pixels=60, seed=run, effect=5.0, zeros=0.1)
        found += float(variance_explained(planted, rng=rng, n_permutations=199, distance=distance).p_value_free) <= 0.05
    assert stats.binom.ppf(0.001, runs, 0.05) <= rejections <= stats.binom.ppf(0.999, runs, 0.05)
    assert found >= 18
