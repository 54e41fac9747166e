"""Baselines, and differences from them."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from scipy import stats

from salcompare.errors import InputError
from salcompare.maps import actor_heatmap, relative_saliency
from salcompare.statistics.inference.resampling import actor_means, population_mean
from salcompare.statistics.metrics.registry import METRICS
from salcompare.statistics.overlaps.baselines import (
    centre,
    centred_gaussian,
    other_actors_mean,
    paired_differences,
    uniform,
    uniform_overlap,
)
from salcompare.statistics.overlaps.same_image import overlap
from tests.strategies import assert_dask_equals_eager, labelled_maps, stack_of_maps


def drawn_maps(sizes=(3, 2, 4), *, height=8, width=7, seed=0):
    rng = np.random.default_rng(seed)
    actors = [f"s{a + 1}" for a, size in enumerate(sizes) for _ in range(size)]
    return stack_of_maps(rng.integers(1, 9, (len(actors), height, width)).astype(np.float32) / 9, actors)


def overlaps(by_actor, n_images=2, **others):
    """Overlaps of images, the same for all images of an actor."""
    actors = np.repeat([f"s{a:02d}" for a in range(len(by_actor))], n_images)
    names = [f"{actor}/{at}" for at, actor in enumerate(actors)]
    values = {"pearson": by_actor, **others}
    return xr.Dataset({name: ("image", np.repeat(np.asarray(v, float), n_images)) for name, v in values.items()},
                      coords={"image": names, "actor": ("image", actors)})


def test_baselines_have_the_dims_and_labels_of_the_maps_they_stand_for():
    human = drawn_maps()
    for make in (uniform, centre, other_actors_mean):
        found = make(human)
        assert found.dims == human.dims
        xr.testing.assert_identical(found.coords.to_dataset(), human.coords.to_dataset())
        assert "pearson" in overlap(human, found, metrics=["pearson"])


def test_the_centred_gaussian_falls_off_by_its_share_of_the_grid():
    peak = centred_gaussian(101, 201, sigma=0.25)
    assert peak[50, 100] == 1
    assert peak[50, 100 - 50] == pytest.approx(np.exp(-((50 / 50.25) ** 2) / 2))
    np.testing.assert_allclose(peak, peak[::-1, ::-1], rtol=1e-12)
    np.testing.assert_allclose(peak, np.outer(peak[:, 100], peak[50]), rtol=1e-12)
    np.testing.assert_array_equal(centre(drawn_maps(), sigma=0.1)[3], centred_gaussian(8, 7, sigma=0.1))


def test_other_actors_mean_agrees_with_a_loop():
    human = drawn_maps()
    heat = {a: human.values[human.actor.values == a].astype(float).mean(axis=0) for a in ("s1", "s2", "s3")}
    for i, actor in enumerate(human.actor.values):
        expected = np.mean([heat[a] for a in heat if a != actor], axis=0)
        np.testing.assert_allclose(other_actors_mean(human)[i], expected, rtol=1e-6)


@settings(max_examples=25, deadline=None)
@given(human=labelled_maps(n_actors=(2, 4)))
def test_other_actors_mean_is_the_heatmap_less_its_leave_one_out_relative(human):
    heat = actor_heatmap(human).reset_coords(drop=True)
    expected = heat - relative_saliency(heat, population="others").reset_coords(drop=True)
    found = other_actors_mean(human)
    for i, actor in enumerate(human.actor.values):
        np.testing.assert_allclose(found[i], expected.sel(actor=actor), atol=1e-12)


def test_other_actors_mean_does_not_see_the_own_actor():
    human = drawn_maps()
    changed = human.copy()
    changed[:3] = changed[:3] + 5
    np.testing.assert_allclose(other_actors_mean(changed)[:3], other_actors_mean(human)[:3], rtol=1e-6)
    assert np.isnan(other_actors_mean(human[:3])).all()


def test_baselines_on_dask_equal_those_in_memory():
    human = drawn_maps()
    assert_dask_equals_eager(other_actors_mean, human)
    assert_dask_equals_eager(uniform_overlap, human)


def test_a_uniform_map_has_the_values_of_chance():
    human = drawn_maps()
    human[2] = 0
    human[4] = 0.5
    found = uniform_overlap(human, share=0.25)
    for name, chance in {"iou": 0.25 / 1.75, "dice": 0.25, "auc_top20": 0.5, "auc_top20_shuffled": 0.5}.items():
        values = found[name].values
        np.testing.assert_allclose(np.delete(values, [2, 4]), chance)
        assert np.isnan(values[[2, 4]]).all()
    for name in ("nss", "pearson", "spearman"):
        assert np.isnan(found[name]).all()
    shares = human.values.reshape(9, -1).astype(float)
    with np.errstate(invalid="ignore"):
        shared = np.minimum(shares / shares.sum(axis=1, keepdims=True), 1 / 56).sum(axis=1)
    np.testing.assert_allclose(found.similarity, shared)
    assert list(found.data_vars)[:len(METRICS)] == list(METRICS)


def test_chance_is_what_random_areas_and_orders_have():
    rng = np.random.default_rng(0)
    human = drawn_maps(height=20, width=20)
    names = ["iou", "dice", "auc_top20", "auc_top20_shuffled"]
    noise = [overlap(human, human.copy(data=rng.random(human.shape)), metrics=names, share=0.2) for _ in range(60)]
    found = uniform_overlap(human, metrics=names, share=0.2)
    for name in names:
        assert np.mean([draw[name].mean() for draw in noise]) == pytest.approx(float(found[name].mean()), abs=0.006)


def test_paired_differences_by_hand():
    better, worse = overlaps([3, 5, 4], kl_divergence=[1, 1, 1]), overlaps([1, 2, 3], kl_divergence=[2, 3, 2])
    found = paired_differences(better, worse, rng=np.random.default_rng(0))
    one = found.sel(metric="pearson")
    np.testing.assert_array_equal(one.actor_value, [2, 3, 1])
    assert float(one.value) == 2
    assert float(one.p_value) == 1 / 8
    assert np.isnan(one.ci_low)
    assert "3 actors" in str(one.reason.values)
    assert (int(one.n_permutations), float(one.null_mean), float(one.p_attainable)) == (7, 0, 1 / 8)
    less = found.sel(metric="kl_divergence")
    assert (float(less.value), float(less.p_value)) == (pytest.approx(-4 / 3), 1 / 8)
    assert found.alternative.values.tolist() == ["greater", "less"]


def test_paired_differences_agree_with_scipy():
    rng = np.random.default_rng(1)
    one, two = overlaps(rng.normal(0.4, 1, 11)), overlaps(rng.normal(0, 1, 11))
    found = paired_differences(one, two, rng=rng).sel(metric="pearson")
    differences = (one.pearson - two.pearson).values[::2]
    interval = stats.ttest_1samp(differences, 0).confidence_interval()
    assert (float(found.ci_low), float(found.ci_high)) == pytest.approx((interval.low, interval.high))
    exact = stats.permutation_test((differences,), np.mean, permutation_type="samples", alternative="greater",
                                   n_resamples=np.inf)
    assert float(found.p_value) == pytest.approx(exact.pvalue)


def test_an_undefined_image_is_left_out_of_its_actor_and_an_actor_without_images_is_counted():
    one, two = overlaps([3.0] * 9, n_images=2), overlaps([1.0] * 9, n_images=2)
    one["pearson"][0] = np.nan
    two["pearson"][2:4] = np.nan
    found = paired_differences(one, two, rng=np.random.default_rng(0)).sel(metric="pearson")
    assert found.actor_n.values.tolist() == [1, 0] + [2] * 7
    assert found.actor_n_undefined.values.tolist() == [1, 2] + [0] * 7
    assert found.actor_reason.values.tolist() == ["", "undefined on every image of the actor"] + [""] * 7
    assert (int(found.n), int(found.n_undefined), float(found.value)) == (8, 1, 2)
    assert float(found.p_attainable) == 1 / 2**8


def test_overlaps_with_nothing_in_common_are_refused():
    one = overlaps([1.0, 2.0])
    with pytest.raises(InputError, match="in common"):
        paired_differences(one, one.rename(pearson="nss"), rng=np.random.default_rng(0))
    with pytest.raises(InputError, match="in common"):
        paired_differences(one.drop_vars("actor"), one, rng=np.random.default_rng(0))


def test_means_weigh_images_within_actors_and_actors_alike():
    actor = ("image", ["s2", "s2", "s10", "s10"])
    values = xr.DataArray([1.0, 3.0, np.nan, 10.0], dims="image", coords={"actor": actor})
    actors = actor_means(values)
    assert actors.actor.values.tolist() == ["s2", "s10"]
    np.testing.assert_array_equal(actors.value, [2, 10])
    assert actors.n.values.tolist() == [2, 1]
    assert actors.n_undefined.values.tolist() == [0, 1]
    population = population_mean(actors.value)
    assert (float(population.value), int(population.n)) == (6, 2)
    assert np.isnan(population.ci_low)
