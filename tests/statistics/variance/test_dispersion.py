"""Dispersion: worked value, scikit-bio, loops, properties, edges, error rates beside those of naive tests."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import pdist, squareform
from skbio.stats.distance import DistanceMatrix, permdisp

from salcompare.errors import InputError
from salcompare.statistics.variance.dispersion import dispersion_test
from salcompare.statistics.variance.explained import variance_explained

SCIPY = {"euclidean": "euclidean", "bray_curtis": "braycurtis", "jensen_shannon": "jensenshannon"}


def stack(values, actors, **coords):
    return xr.DataArray(np.asarray(values, float), dims=("image", "x"), coords={
        "actor": ("image", list(actors)), **{name: ("image", list(of)) for name, of in coords.items()}})


def random_maps(sizes, seed=0, spreads=None, n_pixels=9, skewed=False):
    rng = np.random.default_rng(seed)
    actors = np.repeat(np.arange(len(sizes)), sizes)
    noise = rng.exponential(size=(len(actors), n_pixels)) if skewed else rng.normal(size=(len(actors), n_pixels))
    scale = np.ones(len(sizes)) if spreads is None else np.asarray(spreads)
    return stack(20 + 2 * rng.normal(size=(len(sizes), n_pixels))[actors] + scale[actors, None] * noise, actors)


def dispersion(maps, *, n_permutations=99, **options):
    return dispersion_test(maps, rng=np.random.default_rng(1), n_permutations=n_permutations, **options)


def test_two_actors_of_three_images_by_hand():
    # Distances to the means 2 and 20: 1, 1, 0 and 4, 6, 2, times sqrt(3/2), which no F shows. Means 2/3 and 4:
    # between 3 * 2 * (5/3)² = 50/3 over 1; within (1/9 + 1/9 + 4/9) + (0 + 4 + 4) = 26/3 over 4.
    found = dispersion(stack([[1], [3], [2], [24], [14], [22]], "aaabbb"), centre="centroid")
    assert float(found.pseudo_f) == pytest.approx(50 / 3 / (26 / 12))
    np.testing.assert_allclose(found.spread, np.sqrt(1.5) * np.array([2 / 3, 4]))
    # The medians are 2 and 22: distances 1, 1, 0 and 2, 8, 0.
    median = dispersion(stack([[1], [3], [2], [24], [14], [22]], "aaabbb"))
    expected = stats.f_oneway([1, 1, 0], [2, 8, 0]).statistic
    assert float(median.pseudo_f) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("distance", ["euclidean", "bray_curtis", "jensen_shannon"])
@pytest.mark.parametrize("centre", ["centroid", "median"])
def test_pseudo_f_agrees_with_scikit_bio(distance, centre):
    maps = random_maps((5, 5, 5, 5), spreads=(1, 2, 3, 1)).clip(min=0)
    apart = DistanceMatrix(1e3 * squareform(pdist(maps.to_numpy(), SCIPY[distance])))  # its median stops at 1e-7
    expected = permdisp(apart, maps.actor.to_numpy(), test=centre, permutations=0, dimensions=19,
                        warn_neg_eigval=False)["test statistic"]
    found = dispersion(maps, distance=distance, centre=centre)
    assert float(found.pseudo_f) == pytest.approx(expected, rel=1e-6)
    assert (float(found.negative_share) > 1e-3) == (distance == "bray_curtis")


def test_unequal_counts_are_corrected_and_else_agree_with_distances_to_means():
    maps = random_maps((2, 4, 7))
    values, actors = maps.to_numpy(), maps.actor.to_numpy()
    parts = [values[actors == actor] for actor in range(3)]
    away = [np.linalg.norm(part - part.mean(axis=0), axis=1) * np.sqrt(len(part) / (len(part) - 1)) for part in parts]
    found = dispersion(maps, centre="centroid")
    assert float(found.pseudo_f) == pytest.approx(stats.f_oneway(*away).statistic)
    np.testing.assert_allclose(found.spread, [part.mean() for part in away])


def test_the_null_is_that_of_moving_deviations_and_computing_centres_anew():
    maps = random_maps((3, 2))
    found = dispersion_test(maps, rng=np.random.default_rng(1), n_permutations=999, centre="centroid")
    values, actors = maps.to_numpy(), maps.actor.to_numpy()
    scaled = np.concatenate([(values[actors == a] - values[actors == a].mean(axis=0)) * np.sqrt(m / (m - 1))
                             for a, m in ((0, 3), (1, 2))])
    draws = []
    for pair in [(i, j) for i in range(5) for j in range(i + 1, 5) if (i, j) != (3, 4)]:
        moved = [np.delete(scaled, pair, axis=0), scaled[list(pair)]]
        draws.append(stats.f_oneway(*(np.linalg.norm(part - part.mean(axis=0), axis=1)
                                      * np.sqrt(len(part) / (len(part) - 1)) for part in moved)).statistic)
    np.testing.assert_allclose(np.sort(found.null), np.sort(draws))
    assert float(found.p_attainable) == 0.1


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 999), st.floats(0.01, 100), st.floats(-5, 5), st.sampled_from(["centroid", "median"]))
def test_scale_place_and_order_change_nothing(seed, scale, shift, centre):
    maps = random_maps((3, 4, 5), seed=seed)
    moved = maps * scale + shift * (1 + maps.actor)
    order = np.random.default_rng(seed).permutation(12)
    one, other = dispersion(maps, centre=centre), dispersion(moved.isel(image=order), centre=centre)
    assert float(other.pseudo_f) == pytest.approx(float(one.pseudo_f), rel=1e-5)
    np.testing.assert_allclose(other.spread, scale * one.spread, rtol=1e-5)


def test_dask_gives_what_numpy_gives():
    maps = random_maps((4, 3, 5))
    xr.testing.assert_identical(dispersion(maps), dispersion(maps.chunk(image=5, x=4)))


def test_clusters_are_averaged_first():
    maps = random_maps((6, 6, 6)).assign_coords(shoot=("image", np.repeat(np.arange(9), 2)))
    means = stack(maps.to_numpy().reshape(9, 2, -1).mean(axis=1), np.repeat(np.arange(3), 3))
    assert float(dispersion(maps, clusters="shoot").pseudo_f) == pytest.approx(float(dispersion(means).pseudo_f))
    with pytest.raises(InputError, match="two labels"):
        dispersion(maps.assign_coords(shoot=("image", np.arange(18) % 5)), clusters="shoot")


def test_actors_of_one_image_are_left_out_and_too_little_has_a_reason():
    found = dispersion(random_maps((1, 4, 5)))
    assert np.isnan(found.spread[0])
    assert (int(found.n_actors), int(found.n_images)) == (2, 9)
    assert np.isfinite(found.pseudo_f)
    for sizes in [(2, 2, 2), (1, 5)]:
        nothing = dispersion(random_maps(sizes))
        assert np.isnan(nothing.p_value)
        assert "fewer than two actors" in nothing.attrs["reason"]
    equal = dispersion(stack([[1, 2]] * 3 + [[4, 0]] * 3, "aaabbb"))
    assert equal.attrs["reason"] == "all maps of an actor are equal"
    assert np.isnan(dispersion(random_maps((3, 3))).pairs_f)
    with pytest.raises(InputError, match="median, centroid"):
        dispersion(random_maps((3, 3)), centre="mode")


def permuting_distances(maps, rng):
    """What R's vegan does: distances to the centroid change places."""
    values, actors = maps.to_numpy(), maps.actor.to_numpy()
    means = np.stack([values[actors == actor].mean(axis=0) for actor in np.unique(actors)])
    away = np.linalg.norm(values - means[actors], axis=1)
    parts = np.stack([away, *(rng.permutation(away) for _ in range(99))], axis=1).reshape(len(means), -1, 100)
    f = stats.f_oneway(*parts).statistic
    return (f >= f[0] - 1e-9).mean()


@pytest.mark.parametrize(("sizes", "skewed", "level"), [
    ((4,) * 8, False, 0.05), ((2, 3, 4, 6, 9), False, 0.05),
    ((4,) * 8, True, 0.08),  # measured with skewed noise and few images, and said in the docstring
])
def test_the_test_keeps_its_level_when_actors_differ_in_place_only(sizes, skewed, level):
    rng, runs, rejections, of_pairs = np.random.default_rng(2), 120, 0, 0
    for run in range(runs):
        found = dispersion_test(random_maps(sizes, seed=run, skewed=skewed), rng=rng, n_permutations=99)
        rejections += float(found.p_value) <= 0.05
        of_pairs += float(found.pairs_p_value) <= 0.05
    assert rejections <= stats.binom.ppf(0.999, runs, level)
    assert of_pairs <= stats.binom.ppf(0.999, runs, 0.05)


def test_permuting_distances_to_the_centroid_is_a_trap():
    rng, runs = np.random.default_rng(4), 60
    rejections = sum(permuting_distances(random_maps((4,) * 8, seed=run, skewed=True), rng) <= 0.05
                     for run in range(runs))
    assert rejections > stats.binom.ppf(0.999, runs, 0.05)


def test_unequal_spread_masquerades_as_a_difference_and_is_found_here():
    rng, runs, explained, spread, pairs = np.random.default_rng(5), 60, 0, 0, 0
    for _ in range(runs):  # one centre for all actors; those of fewer images vary more
        noise = rng.normal(size=(32, 20)) * np.repeat([2.0, 1.0], [8, 24])[:, None]
        maps = stack(20 + noise, np.repeat([0, 1, 2, 3], [4, 4, 12, 12]))
        explained += float(variance_explained(maps, rng=rng, n_permutations=99).p_value_free) <= 0.05
        found = dispersion_test(maps, rng=rng, n_permutations=99)
        spread += float(found.p_value) <= 0.05
        pairs += float(found.pairs_p_value) <= 0.05
    assert explained > stats.binom.ppf(0.999, runs, 0.05)
    assert spread >= 57
    assert pairs >= 50
