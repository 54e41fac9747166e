"""Reliability over training seeds: by hand, by what all seeds have in common, by brute force, and its rate."""

from itertools import permutations, product

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from salcompare.errors import InputError
from salcompare.maps import smooth
from salcompare.statistics import seed_reliability
from salcompare.statistics.metrics.densities import pearson
from tests.strategies import stack_of_maps


def maps_of(actors, *, n_seeds=2, common=1.0, size=(6, 5), seed=0):
    """Maps that share `common` times a part of their own image, beside noise of each seed."""
    rng = np.random.default_rng(seed)
    shared = common * rng.normal(size=(len(actors), *size))
    values = shared + rng.normal(size=(n_seeds, len(actors), *size))
    return xr.DataArray(values, dims=("seed", "image", "y", "x"), coords={
        "image": [f"i{at}" for at in range(len(actors))], "actor": ("image", np.array(actors)),
        "seed": np.arange(n_seeds)})


def reliability(maps, **options):
    return seed_reliability(maps, rng=np.random.default_rng(7), **options)


def value(found, quantity):
    return float(found["value"].sel(quantity=quantity))


def correlations(maps, pair=(0, 1)):
    one, other = (maps.isel(seed=at).to_numpy().reshape(maps.sizes["image"], -1) for at in pair)
    return np.corrcoef(one, other)[:len(one), len(one):]


def test_by_hand():
    maps = maps_of(["a", "a", "b", "b"])
    r = correlations(maps)
    found = reliability(maps)
    same = [(r[0, 0] + r[1, 1]) / 2, (r[2, 2] + r[3, 3]) / 2]
    other = [(r[0, 1] + r[1, 0]) / 2, (r[2, 3] + r[3, 2]) / 2]
    assert value(found, "same image") == pytest.approx(np.mean(same))
    assert value(found, "other image") == pytest.approx(np.mean(other))
    assert value(found, "image effect") == pytest.approx(np.mean(same) - np.mean(other))
    np.testing.assert_allclose(found["actor_value"].sel(quantity="same image"), same)
    assert found["actor_n"].to_numpy().tolist() == [2, 2]


def by_brute_force(maps, actors):
    """The p of the image effect from every permutation of images within actors in the seeds after the first."""
    n_seeds, names = maps.sizes["seed"], np.array(actors)
    groups = [np.flatnonzero(names == name) for name in dict.fromkeys(actors)]
    orders = [np.concatenate(order) for order in product(*(list(permutations(group)) for group in groups))]

    def effect(moved):
        each = []
        for group in groups:
            together = []
            for one in range(n_seeds):
                for other in range(one + 1, n_seeds):
                    r = correlations(xr.concat([maps.isel(seed=one, image=moved[one]).drop_vars("image"),
                                                maps.isel(seed=other, image=moved[other]).drop_vars("image")], "seed"))
                    block = r[np.ix_(group, group)]
                    off = (block.sum() - np.trace(block)) / (len(group) * (len(group) - 1))
                    together.append(np.trace(block) / len(group) - off)
            each.append(np.mean(together))
        return np.mean(each)

    still = np.arange(len(actors))
    observed = effect([still] * n_seeds)
    null = [effect([still, *moved]) for moved in product(orders, repeat=n_seeds - 1)]
    return np.mean(np.array(null) >= observed - 1e-9), len(null)


@pytest.mark.parametrize(("actors", "n_seeds"), [(["a", "a", "a", "b", "b"], 2), (["a", "a", "b", "b"], 3)])
def test_its_p_is_that_of_every_permutation_taken_one_by_one(actors, n_seeds):
    maps = maps_of(actors, n_seeds=n_seeds, common=0.3, seed=4)
    found, (p, n) = reliability(maps), by_brute_force(maps, actors)
    assert float(found["p_value"]) == pytest.approx(p)
    assert float(found["p_attainable"]) == pytest.approx(1 / n)


def test_drawn_permutations_come_near_all_of_them():
    maps = maps_of(["a"] * 3 + ["b"] * 3, common=0.15, seed=2)
    exact, drawn = reliability(maps, n_permutations=40), reliability(maps, n_permutations=30)
    assert float(exact["p_attainable"]) == pytest.approx(1 / 36)
    assert float(drawn["p_attainable"]) == pytest.approx(1 / 31)
    assert abs(float(exact["p_value"]) - float(drawn["p_value"])) < 0.3


def test_maps_that_know_only_the_seed_are_seldom_said_to_speak_of_the_image():
    actors = [f"a{k}" for k in range(4) for _ in range(3)]
    p = [float(reliability(maps_of(actors, common=0.0, seed=100 + at, size=(4, 4)), n_permutations=99)["p_value"])
         for at in range(130)]
    assert np.mean(np.array(p) <= 0.05) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 130)
    assert np.mean(p) == pytest.approx(0.5, abs=0.08)


def test_what_all_seeds_share_is_found():
    found = reliability(maps_of([f"a{k}" for k in range(9) for _ in range(3)], common=1.0, size=(12, 12)))
    assert float(found["p_value"]) <= 0.0001 + 1e-12
    assert value(found, "same image") == pytest.approx(0.5, abs=0.05)
    assert float(found["ci_low"].sel(quantity="same image")) < 0.5 < float(found["ci_high"].sel(quantity="same image"))


def test_the_interval_covers_the_expected_reliability_about_as_often_as_it_says():
    actors = [f"a{k}" for k in range(8) for _ in range(2)]
    true, covered = float(reliability(maps_of(["x"] * 1500, seed=3), n_permutations=1)["value"][0]), 0
    for at in range(80):
        one = reliability(maps_of(actors, seed=1000 + at), n_permutations=1)
        covered += float(one["ci_low"][0]) <= true <= float(one["ci_high"][0])
    assert abs(covered / 80 - 0.95) < 3 * np.sqrt(0.95 * 0.05 / 80) + 0.01


@settings(max_examples=8)
@given(st.floats(0.1, 50), st.floats(-5, 5))
def test_scale_and_offset_of_one_seeds_maps_do_not_matter(scale, offset):
    maps = maps_of(["a", "a", "b", "b"])
    other = maps * xr.DataArray([1.0, scale], dims="seed") + xr.DataArray([0.0, offset], dims="seed")
    np.testing.assert_allclose(reliability(other)["value"], reliability(maps)["value"], atol=1e-9)


def test_lazy_maps_and_other_orders_of_dims_give_the_same():
    maps = maps_of(["a", "b", "a", "b"], n_seeds=3)
    for other in (maps.chunk(image=3), maps.transpose("y", "image", "x", "seed")):
        xr.testing.assert_allclose(reliability(other, sigma=1.0), reliability(maps, sigma=1.0))


def test_constant_maps_stay_out_counted_and_an_actor_with_one_image_has_no_image_effect():
    maps = maps_of(["a", "a", "a", "b", "c"])
    maps[1, 0] = 0
    maps[0, 4] = np.nan
    found = reliability(maps)
    assert found["actor_n"].to_numpy().tolist() == [2, 1, 0]
    assert found["actor_n_undefined"].to_numpy().tolist() == [1, 0, 1]
    effect = found["actor_value"].sel(quantity="image effect")
    assert np.isnan(effect.to_numpy()).tolist() == [False, True, True]
    assert float(found["p_attainable"]) == 0.5
    alone = reliability(maps_of(["a", "b"]))
    assert np.isnan(alone["p_value"])


def test_a_single_seed_is_refused_with_what_to_do():
    with pytest.raises(InputError, match=r"1 seeds along 'seed'.*more seeds"):
        reliability(maps_of(["a", "a"], n_seeds=1))


def seeds_of(n_seeds, noise, *, seed=0, n_images=30):
    rng = np.random.default_rng(seed)
    common = smooth(stack_of_maps(rng.normal(size=(n_images, 12, 12)), ["s1"] * n_images), sigma=1.0)
    common = common / common.std()
    again = [common + noise * smooth(stack_of_maps(rng.normal(size=common.shape), ["s1"] * n_images), sigma=1.0) * 3.5
             for _ in range(n_seeds)]
    return common, xr.concat(again, "seed")


def test_the_seeds_ceiling_is_what_the_map_common_to_all_seeds_reaches():
    common, again = seeds_of(4, 0.5, n_images=200)
    result = reliability(again, n_permutations=1)
    reached, whole = pearson(again, common).mean("seed"), pearson(again.mean("seed"), common)
    assert value(result, "ceiling") == pytest.approx(float(reached.mean()), abs=0.01)
    assert np.sqrt(value(result, "mean map")) == pytest.approx(float(whole.mean()), abs=0.01)
    assert 0.5 < value(result, "ceiling") < 0.95
