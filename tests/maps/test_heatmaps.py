"""Heatmaps and relative saliency: worked values, xarray's own groupby, and what is left out."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import assume, given, settings

from salcompare.errors import InputError
from salcompare.maps import (
    actor_heatmap,
    class_means,
    natural_order,
    rasterise_actor_boxes,
    rasterise_boxes,
    relative_saliency,
    stack_sources,
    top_mask,
)
from tests.strategies import (
    assert_dask_equals_eager,
    labelled_maps,
    response_tables,
    stack_of_maps,
    table_of_images,
)


def test_images_weigh_the_same_by_default():
    heat = actor_heatmap(stack_of_maps([[[1, 0]], [[0.5, 0.5]], [[0, 1]]], ["s1", "s1", "s2"]))
    assert heat.sel(actor="s1").to_numpy().tolist() == [[0.75, 0.25]]
    assert heat.sel(actor="s2").to_numpy().tolist() == [[0, 1]]
    assert heat.dims == ("actor", "y", "x")


def test_weights_make_images_count_by_their_responses():
    stack = stack_of_maps([[[1, 0]], [[0, 1]]], ["s1", "s1"])
    n_responses = xr.DataArray([3, 1], dims="image", coords={"image": stack.image}, name="n_responses")
    heat = actor_heatmap(stack, weights=n_responses)
    assert heat.to_numpy().tolist() == [[[0.75, 0.25]]]
    assert heat.attrs["weights"] == "n_responses"


IMAGES = table_of_images(["s1", "s1", "s2", "s2", "s2"], height=7, width=6)


@settings(max_examples=15)
@given(response_tables(IMAGES))
def test_weighting_by_responses_gives_the_share_of_the_actors_responses(responses):
    human = rasterise_boxes(responses, IMAGES, size=(7, 6))
    heat = actor_heatmap(human.coverage, weights=human.n_responses)
    by_actor = responses.merge(IMAGES[["image", "actor"]], on="image").assign(
        **{edge: lambda frame, e=edge: np.floor(frame[e] + 0.5) for edge in ("x0", "y0", "x1", "y1")})
    assume((by_actor.x0 < by_actor.x1).all() and (by_actor.y0 < by_actor.y1).all())
    expected = rasterise_actor_boxes(by_actor, size=(7, 6))
    np.testing.assert_allclose(heat, expected, atol=1e-6)


@given(labelled_maps())
def test_heatmaps_are_xarrays_grouped_means(stack):
    stack = stack + 1  # so that none is empty
    expected = stack.groupby("actor").mean()
    np.testing.assert_allclose(actor_heatmap(stack).sel(actor=expected.actor), expected, rtol=1e-12)


@given(labelled_maps())
def test_the_order_of_images_does_not_matter(stack):
    turned = stack.isel(image=slice(None, None, -1))
    xr.testing.assert_allclose(actor_heatmap(turned), actor_heatmap(stack), rtol=1e-12)


def test_an_empty_or_undefined_map_is_left_out_and_counted():
    stack = stack_of_maps([[[1, 0]], [[0, 0]], [[np.nan, 1]], [[np.inf, 1]], [[0, 0]]], ["s1"] * 4 + ["s2"])
    heat = actor_heatmap(stack)
    assert heat.sel(actor="s1").to_numpy().tolist() == [[1, 0]]
    assert np.isnan(heat.sel(actor="s2")).all()
    assert heat.n_images.to_numpy().tolist() == [1, 0]
    assert heat.n_undefined.to_numpy().tolist() == [3, 1]


def test_a_heatmap_of_masks_is_how_often_a_pixel_is_masked():
    rng = np.random.default_rng(3)
    stack = stack_of_maps(rng.random((40, 9, 8)), [f"s{at % 3}" for at in range(40)])  # more than one batch
    mask = top_mask(stack, share=0.1)
    heat = actor_heatmap(mask)
    for actor in ("s0", "s1", "s2"):
        own = mask.to_numpy()[stack.actor.to_numpy() == actor]
        np.testing.assert_allclose(heat.sel(actor=actor), own.sum(axis=0) / len(own), rtol=1e-12)


def test_float32_maps_are_summed_in_double_precision():
    values = np.full((3000, 1, 1), 0.1, dtype=np.float32)
    heat = actor_heatmap(stack_of_maps(values, ["s1"] * 3000))
    assert float(heat.item()) == pytest.approx(float(np.float32(0.1)), rel=1e-13)


def test_other_dims_are_kept_where_they_stand():
    stack = stack_of_maps(np.random.default_rng(0).random((4, 3, 2)), ["s1", "s2", "s1", "s2"])
    both = xr.concat([stack, stack.where(stack.image != "s1/1", 0)], dim=pd.Index(["human", "net"], name="source"))
    heat = actor_heatmap(both)
    assert heat.dims == ("source", "actor", "y", "x")
    xr.testing.assert_allclose(heat.sel(source="human", drop=True), actor_heatmap(stack))
    np.testing.assert_allclose(heat.sel(source="net", actor="s1"), stack.sel(image="s1/2"))
    assert heat.n_images.sel(source="net").to_numpy().tolist() == [1, 2]


def test_classes_may_be_any_coordinate():
    stack = stack_of_maps([[[1.0]], [[3.0]], [[5.0]]], ["s1", "s2", "s3"]).assign_coords(shoot=("image", [1, 2, 1]))
    means = class_means(stack, by="shoot")
    assert means.dims == ("shoot", "y", "x")
    assert means.to_numpy().ravel().tolist() == [3.0, 3.0]


def test_actors_stand_in_their_natural_order():
    assert natural_order(["s10", "s2", "s1", "s2"]).tolist() == ["s1", "s2", "s10"]
    assert natural_order(["b2", "B1", "b", "a10", "a9x", "007", "7"]).tolist() == [
        "007", "7", "a9x", "a10", "b", "B1", "b2"]
    assert natural_order([10, 9, 10]).tolist() == [9, 10]
    heat = actor_heatmap(stack_of_maps(np.ones((3, 1, 1)), ["s10", "s9", "s1"]))
    assert heat.actor.to_numpy().tolist() == ["s1", "s9", "s10"]


def test_relative_saliency_is_the_actor_minus_the_mean_of_actors():
    heat = xr.DataArray([[[1.0, 0.0]], [[0.0, 0.5]], [[0.5, 0.1]]], dims=("actor", "y", "x"))
    relative = relative_saliency(heat)
    np.testing.assert_allclose(relative.isel(actor=0), [[0.5, -0.2]], atol=1e-15)
    assert int(relative.n_actors) == 3


@given(labelled_maps(n_actors=(2, 5)))
def test_leaving_the_actor_out_gives_exactly_a_by_a_minus_one_times_as_much(stack):
    heat = actor_heatmap(stack + 1)
    n = heat.sizes["actor"]
    others = relative_saliency(heat, population="others")
    np.testing.assert_allclose(others, n / (n - 1) * relative_saliency(heat), rtol=1e-12, atol=1e-15)
    for at in range(n):
        rest = heat.isel(actor=[other for other in range(n) if other != at]).mean("actor")
        np.testing.assert_allclose(others.isel(actor=at), heat.isel(actor=at) - rest, atol=1e-14)


@given(labelled_maps())
def test_relative_saliency_sums_to_nothing_over_actors(stack):
    np.testing.assert_allclose(relative_saliency(actor_heatmap(stack + 1)).sum("actor"), 0, atol=1e-13)


def test_an_undefined_actor_is_not_of_the_population():
    heat = xr.DataArray([[[1.0]], [[0.0]], [[np.nan]]], dims=("actor", "y", "x"))
    np.testing.assert_array_equal(relative_saliency(heat).to_numpy().ravel(), [0.5, -0.5, np.nan])
    np.testing.assert_array_equal(relative_saliency(heat, population="others").to_numpy().ravel(), [1, -1, np.nan])
    assert int(relative_saliency(heat).n_actors) == 2


def test_one_actor_has_no_others():
    heat = xr.DataArray([[[1.0]]], dims=("actor", "y", "x"))
    assert relative_saliency(heat).item() == 0
    assert np.isnan(relative_saliency(heat, population="others").item())


@settings(max_examples=4)
@given(labelled_maps(shape=(3, 4)))
def test_dask_equals_eager(stack):
    weights = xr.DataArray(np.arange(stack.sizes["image"]), dims="image")
    assert_dask_equals_eager(actor_heatmap, stack)
    assert_dask_equals_eager(lambda maps: actor_heatmap(maps, weights=weights), stack)
    assert_dask_equals_eager(lambda maps: relative_saliency(actor_heatmap(maps), population="others"), stack)
    assert_dask_equals_eager(lambda maps: actor_heatmap(top_mask(maps, share=0.25)), stack)


def test_sources_stand_beside_each_other_with_all_actors_of_either():
    human = actor_heatmap(stack_of_maps(np.ones((2, 2, 2)), ["s10", "s2"]))
    net = actor_heatmap(stack_of_maps(np.ones((3, 2, 2)), ["s2", "s3", "s3"]))
    both = stack_sources({"human": human, "net": net})
    assert both.dims == ("source", "actor", "y", "x")
    assert both.actor.to_numpy().tolist() == ["s2", "s3", "s10"]
    assert np.isnan(both).all(("y", "x")).to_numpy().tolist() == [[False, True, False], [False, False, True]]
    assert both.n_images.sel(source="net").to_numpy().tolist() == [1, 2, 0]
    relative = relative_saliency(both)
    assert relative.n_actors.to_numpy().tolist() == [2, 2]
    bare = stack_sources({"boxes by actor": human.reset_coords(drop=True), "net": net})
    assert "n_images" not in bare.coords
    with pytest.raises(InputError, match="different grids"):
        stack_sources({"human": human, "net": net.isel(x=[0])})
    with pytest.raises(InputError, match="none given"):
        stack_sources({})


@settings(max_examples=3)
@given(labelled_maps(shape=(3, 4), n_images=(1, 2)))
def test_stacked_sources_stay_lazy(stack):
    def both(maps):
        return stack_sources({"net": actor_heatmap(maps), "masks": actor_heatmap(top_mask(maps, share=0.25))})

    assert_dask_equals_eager(both, stack)


def test_what_cannot_be_averaged_is_refused():
    stack = stack_of_maps(np.ones((2, 1, 1)), ["s1", "s2"])
    with pytest.raises(InputError, match="no coordinate 'actor' along image \\(found image\\)"):
        actor_heatmap(stack.drop_vars("actor"))
    with pytest.raises(InputError, match="without image"):
        actor_heatmap(stack.isel(image=0))
    with pytest.raises(InputError, match="of other images"):
        actor_heatmap(stack, weights=xr.DataArray([1, 1], dims="image", coords={"image": ["s2/1", "s1/1"]}))
    with pytest.raises(InputError, match="weights of image 's2/1': -1"):
        actor_heatmap(stack, weights=xr.DataArray([1, -1], dims="image", coords={"image": stack.image}))
    with pytest.raises(InputError, match="is a list"):
        actor_heatmap(stack, weights=[1, 2])
    with pytest.raises(InputError, match="'all' or 'others'"):
        relative_saliency(actor_heatmap(stack), population="rest")
