"""Dispersion: worked value, loops, properties, edges, error rates beside those of naive tests."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from salcompare.errors import InputError
from salcompare.statistics.variance.dispersion import dispersion_test
from salcompare.statistics.variance.explained import variance_explained


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


def test_two_actors_of_four_images_by_hand():
    # All images of an actor are equally far apart, so that any pairing gives 1.4, 1.4 and 4.2, 4.2: F is infinite.
    found = dispersion(stack(np.concatenate([np.eye(4), 3 * np.eye(4)]), "aaaabbbb"))
    assert float(found.pseudo_f) > 1e20
    np.testing.assert_allclose(found.spread, [1, 3])  # four pixels with a variance of 1/4 each, and of 9/4
    assert float(found.p_value) == float(found.p_attainable) == 1 / 3  # three ways to part four pairs into twos


def test_f_is_that_of_distances_within_pairs():
    maps = random_maps((5, 4, 7), spreads=(1, 2, 3))
    found = dispersion(maps)
    order = np.random.default_rng(1).permutation(16)
    parts = []
    for actor in range(3):
        members = [at for at in order if int(maps.actor[at]) == actor]
        pairs = zip(members[::2], members[1::2], strict=False)
        parts.append([np.linalg.norm(maps.to_numpy()[i] - maps.to_numpy()[j]) for i, j in pairs])
    assert float(found.pseudo_f) == pytest.approx(stats.f_oneway(*parts).statistic)
    within = [maps.to_numpy()[maps.actor.to_numpy() == actor].var(axis=0, ddof=1).sum() for actor in range(3)]
    np.testing.assert_allclose(found.spread, np.sqrt(within))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 999), st.floats(0.01, 100), st.floats(-5, 5))
def test_scale_and_place_change_nothing(seed, scale, shift):
    maps = random_maps((3, 4, 5), seed=seed)
    one, other = dispersion(maps), dispersion(maps * scale + shift * (1 + maps.actor))
    assert float(other.pseudo_f) == pytest.approx(float(one.pseudo_f), rel=1e-5)
    np.testing.assert_allclose(other.spread, scale * one.spread, rtol=1e-5)


def test_dask_gives_what_numpy_gives():
    maps = random_maps((4, 3, 5))
    xr.testing.assert_identical(dispersion(maps), dispersion(maps.chunk(image=5, x=4)))


def test_clusters_are_averaged_first():
    maps = random_maps((8, 8, 8)).assign_coords(shoot=("image", np.repeat(np.arange(12), 2)))
    means = stack(maps.to_numpy().reshape(12, 2, -1).mean(axis=1), np.repeat(np.arange(3), 4))
    assert float(dispersion(maps, clusters="shoot").pseudo_f) == pytest.approx(float(dispersion(means).pseudo_f))
    with pytest.raises(InputError, match="two labels"):
        dispersion(maps.assign_coords(shoot=("image", np.arange(24) % 5)), clusters="shoot")


def test_actors_of_one_image_are_left_out_and_too_little_has_a_reason():
    found = dispersion(random_maps((1, 4, 5)))
    assert np.isnan(found.spread[0])
    assert (int(found.n_actors), int(found.n_images)) == (2, 9)
    assert np.isfinite(found.pseudo_f)
    for sizes in [(3, 3, 2), (1, 5)]:
        nothing = dispersion(random_maps(sizes))
        assert np.isnan(nothing.p_value)
        assert nothing.attrs["reason"] == "no actor has four images, or fewer than two have two"
    equal = dispersion(stack([[1, 2]] * 4 + [[4, 0]] * 3, "aaaabbb"))
    assert equal.attrs["reason"] == "all maps of an actor are equal"


def permuting_distances(maps, rng):
    """What R's vegan does: distances to the centroid change places."""
    values, actors = maps.to_numpy(), maps.actor.to_numpy()
    means = np.stack([values[actors == actor].mean(axis=0) for actor in np.unique(actors)])
    away = np.linalg.norm(values - means[actors], axis=1)
    parts = np.stack([away, *(rng.permutation(away) for _ in range(99))], axis=1).reshape(len(means), -1, 100)
    f = stats.f_oneway(*parts).statistic
    return (f >= f[0] - 1e-9).mean()


@pytest.mark.parametrize(("sizes", "skewed"), [((2, 3, 4, 6, 9), False), ((4,) * 8, True)])
def test_the_test_keeps_its_level_when_actors_differ_in_place_only(sizes, skewed):
    rng, runs = np.random.default_rng(2), 200
    rejections = sum(float(dispersion_test(random_maps(sizes, seed=run, skewed=skewed), rng=rng,
                                           n_permutations=99).p_value) <= 0.05 for run in range(runs))
    assert rejections <= stats.binom.ppf(0.999, runs, 0.05)


def test_permuting_distances_to_the_centroid_is_a_trap():
    rng, runs = np.random.default_rng(4), 60
    rejections = sum(permuting_distances(random_maps((4,) * 8, seed=run, skewed=True), rng) <= 0.05
                     for run in range(runs))
    assert rejections > stats.binom.ppf(0.999, runs, 0.05)


def test_unequal_spread_masquerades_as_a_difference_and_is_found_here():
    rng, runs, explained, spread = np.random.default_rng(5), 60, 0, 0
    for _ in range(runs):  # one centre for all actors; those of fewer images vary more
        noise = rng.normal(size=(32, 20)) * np.repeat([2.0, 1.0], [8, 24])[:, None]
        maps = stack(20 + noise, np.repeat([0, 1, 2, 3], [4, 4, 12, 12]))
        explained += float(variance_explained(maps, rng=rng, n_permutations=99).p_value_free) <= 0.05
        spread += float(dispersion_test(maps, rng=rng, n_permutations=99).p_value) <= 0.05
    assert explained > stats.binom.ppf(0.999, runs, 0.05)
    assert spread >= 50
