"""Canonical saliency of models: worked value, slow loop, properties, dask, level and coverage with unequal numbers."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage, stats

from salcompare.errors import InputError
from salcompare.statistics import canonical_model_saliency


def stack(values, actors):
    values = np.asarray(values, float)
    return xr.DataArray(values, dims=("image", "y", "x"), coords={
        "image": [f"i{at}" for at in range(len(values))], "actor": ("image", list(actors)),
        "y": np.arange(values.shape[1]) / 10, "x": np.arange(values.shape[2]) / 10})


def model(maps, *, seed=0, n_permutations=199, **options):
    return canonical_model_saliency(maps, rng=np.random.default_rng(seed), n_permutations=n_permutations, **options)


def drawn(rng, sizes=(1, 4, 2, 6, 1, 3, 2, 5, 1), shape=(6, 5), hidden=0.05, field=0.0):
    """Smooth noise of actors and images, a share of whose pixels is hidden in some images."""
    actors = np.repeat(np.arange(len(sizes)), sizes)
    noise = ndimage.gaussian_filter(rng.normal(size=(len(sizes) + len(actors), *shape)), (0, 1, 1)) * 3
    values = field + noise[:len(sizes)][actors] + noise[len(sizes):]
    values[rng.random(values.shape) < hidden] = np.nan
    return stack(values, [f"s{actor}" for actor in actors])


def test_two_actors_of_one_and_two_maps_by_hand():
    # a: 1 and 3 are -1 and 1; b: means of (-1, 1) and, of 5 and 1, (1, -1): 0 and 0. CMS -0.5 and 0.5.
    found = model(stack([[[1, 3]], [[0, 4]], [[5, 1]]], "abb"))
    np.testing.assert_allclose(found["saliency"], [[-0.5, 0.5]])
    assert found["n"].to_numpy().tolist() == [[3, 3]]
    assert np.isnan(found["ci_low"]).all()
    assert np.isnan(found["reliability"])
    raw = model(stack([[[1, 3]], [[0, 4]], [[5, 1]]], "abb"), standardise=False)
    np.testing.assert_allclose(raw["saliency"], [[(1 + 2.5) / 2, (3 + 2.5) / 2]])


def test_it_is_what_a_slow_loop_finds():
    maps = drawn(np.random.default_rng(1))
    found = model(maps)
    values, actors = maps.to_numpy(), maps["actor"].to_numpy()
    for y in range(6):
        for x in range(5):
            means = []
            for actor in sorted(set(actors)):
                scores = [(one[y, x] - np.nanmean(one)) / np.nanstd(one) for one in values[actors == actor]
                          if np.isfinite(one[y, x])]
                means += [np.mean(scores)] if scores else []
            at = {"y": y, "x": x}
            assert float(found["saliency"][at]) == pytest.approx(np.mean(means))
            assert (int(found["n_actors"][at]), int(found["n"][at])) == (len(means), np.isfinite(values[:, y, x]).sum())
            if len(means) >= 8:
                low, high = stats.t.interval(0.95, len(means) - 1, np.mean(means), stats.sem(means))
                assert float(found["ci_low"][at]) == pytest.approx(low)
                assert float(found["ci_high"][at]) == pytest.approx(high)
            else:
                assert np.isnan(found["ci_low"][at])
            if len(means) == 9 and np.isfinite(values[:, y, x]).mean() >= 0.9:
                assert float(found["t"][at]) == pytest.approx(stats.ttest_1samp(means, 0).statistic)
                assert 0 < float(found["p_value"][at]) <= 1
            else:
                assert np.isnan(found["t"][at])


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 999), factor=st.floats(0.01, 100), shift=st.floats(-10, 10))
def test_scale_and_shift_of_a_photograph_and_the_order_change_nothing(seed, factor, shift):
    rng = np.random.default_rng(seed)
    maps = drawn(rng)
    found = model(maps)
    own = rng.uniform(0.5, 2, len(maps)) * factor
    moved = model(maps.copy(data=maps.to_numpy() * own[:, None, None] + shift))
    shuffled = model(maps.isel(image=rng.permutation(len(maps))))
    for other in (moved, shuffled):
        for name in ("saliency", "ci_low", "t", "reliability", "n"):
            np.testing.assert_allclose(other[name], found[name], rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(found["saliency"].where(found["n"] == len(maps)).mean(), 0, atol=1.0)


def test_dask_is_eager_and_constant_maps_and_those_without_a_face_are_left_out():
    maps = drawn(np.random.default_rng(3))
    maps[0], maps[5] = np.nan, 2.0
    eager = model(maps)
    xr.testing.assert_identical(model(maps.chunk({"image": 3, "x": 2})), eager)
    assert (int(eager["n_images"]), int(eager["n_undefined"])) == (23, 2)
    xr.testing.assert_allclose(model(maps.isel(image=[at for at in range(25) if at not in (0, 5)]))["saliency"],
                               eager["saliency"])


def test_the_reliability_is_the_correlation_of_two_sets_of_actors():
    rng = np.random.default_rng(4)
    field = ndimage.gaussian_filter(rng.normal(size=(12, 12)), 1) * 3
    foretold, met = [], []
    for _ in range(30):
        one, other = (model(drawn(rng, sizes=(2,) * 8, shape=(12, 12), hidden=0, field=field), standardise=False,
                            n_permutations=9) for _ in range(2))
        foretold += [float(one["reliability"]), float(other["reliability"])]
        met.append(np.corrcoef(one["saliency"].to_numpy().ravel(), other["saliency"].to_numpy().ravel())[0, 1])
    assert np.mean(foretold) == pytest.approx(np.mean(met), abs=0.03)


def test_the_level_is_kept_and_intervals_hold_the_field_with_unequal_numbers_of_photographs():
    rng, runs = np.random.default_rng(6), 250
    field = ndimage.gaussian_filter(rng.normal(size=(6, 5)), 1) * 3
    rejected, held = 0, []
    for _ in range(runs):
        null = model(drawn(rng, hidden=0), standardise=False)
        rejected += float(null["p_value"].min()) <= 0.05
        found = model(drawn(rng, hidden=0.02, field=field), standardise=False, n_permutations=9)
        inside = (found["ci_low"] <= field) & (field <= found["ci_high"])
        held.append(float(inside.where(np.isfinite(found["ci_low"])).mean()))
    assert rejected <= stats.binom.isf(0.001, runs, 0.05)
    assert rejected > 0  # with nine actors p can be small enough
    assert np.mean(held) == pytest.approx(0.95, abs=4 * np.std(held) / runs**0.5)


def test_a_place_that_stands_out_is_found():
    field = np.zeros((6, 5))
    field[2, 2] = 8
    found = model(drawn(np.random.default_rng(7), hidden=0, field=field))
    assert float(found["p_value"][2, 2]) <= 0.05
    assert np.unravel_index(np.argmax(found["saliency"].to_numpy()), (6, 5)) == (2, 2)


def test_too_little_is_refused():
    with pytest.raises(InputError, match="1 actors with a map"):
        model(stack([[[1, 3]], [[2, 4]]], "aa"))
    hidden = stack([[[1, 3, np.nan, np.nan]], [[np.nan, np.nan, 2, 4]]], "ab")
    with pytest.raises(InputError, match="0 places that all of them show"):
        model(hidden)
    with pytest.raises(InputError, match="maps"):
        model(stack([[[1, 3]]], "a").drop_vars("actor"))
