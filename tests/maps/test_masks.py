"""Masks: exactly k pixels, ties in a fixed order that favours no side, and what ties decide."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from salcompare.errors import InputError
from salcompare.maps import centre_orders, marked_by_both, mask_report, moved_orders, shown, tied_weights, top_mask
from salcompare.maps.masks import _order_of_positions
from tests.strategies import assert_dask_equals_eager, labelled_maps, maps, single_maps

SHARES = st.sampled_from([0.05, 0.1, 0.25, 0.5, 0.75, 1.0])


def by_full_sort(values, share):
    """Mask by sorting every pixel by (value, place in the order of ties)."""
    order = _order_of_positions(*values.shape).reshape(values.shape)
    k = round(share * values.size)
    ranked = sorted(np.ndindex(values.shape), key=lambda at: (-values[at], order[at]))
    mask = np.zeros(values.shape, dtype=bool)
    for at in ranked[:k if values.any() else 0]:
        mask[at] = True
    return mask


def test_the_mask_is_the_largest_pixels():
    (grid,) = maps([[5, 1, 4], [2, 3, 0]])
    assert top_mask(grid, share=0.5).values.tolist() == [[True, False, True], [False, True, False]]


@given(single_maps(), SHARES)
def test_the_mask_is_what_a_full_sort_gives(grid, share):
    if round(share * grid.size) == 0:
        return
    np.testing.assert_array_equal(top_mask(grid, share=share), by_full_sort(grid.values, share))


@given(labelled_maps(dtype="float32"), SHARES)
def test_a_mask_has_exactly_k_pixels_and_none_below_one_outside(stack, share):
    n_pixels = stack.sizes["y"] * stack.sizes["x"]
    if round(share * n_pixels) == 0:
        return
    mask = top_mask(stack, share=share)
    empty = ~stack.any(("y", "x"))
    assert (mask.sum(("y", "x")) == xr.where(empty, 0, round(share * n_pixels))).all()
    inside, outside = stack.where(mask).min(("y", "x")), stack.where(~mask).max(("y", "x"))
    assert not (inside < outside).any()


def test_the_paper_s_grid_has_2576_pixels_in_its_top_twentieth():
    grid = xr.DataArray(np.random.default_rng(0).random((227, 227)), dims=("y", "x"))
    assert top_mask(grid, share=0.05).sum() == 2576


def test_a_map_that_is_zero_or_holds_a_nan_has_no_mask():
    stack = maps([[[0, 0], [0, 0]], [[1, np.nan], [2, 3]], [[1, 0], [0, 0]]])[0]
    mask = top_mask(stack, share=0.5)
    assert mask.sum(("y", "x")).values.tolist() == [0, 0, 2]
    assert mask.dtype == bool


def test_ties_are_broken_the_same_way_in_every_map_and_whatever_numpy_is_seeded_with():
    flat = maps(np.ones((2, 30, 30)))[0]
    first = top_mask(flat, share=0.3)
    np.random.seed(1)  # noqa: NPY002 - the global state is what must not matter
    again = top_mask(flat.isel(image=0), share=0.3)
    np.testing.assert_array_equal(first[0], first[1])
    np.testing.assert_array_equal(first[0], again)


def test_the_order_of_ties_is_pinned_for_ever():
    assert np.argsort(_order_of_positions(2, 4)).tolist() == [4, 0, 7, 3, 5, 2, 1, 6]


def test_ties_push_a_mask_nowhere():
    """A constant map's mask has its centre in the middle, within four standard errors of random positions."""
    height, width, share = 227, 227, 0.05
    mask = top_mask(maps(np.ones((height, width)))[0], share=share)
    ys, xs = np.nonzero(mask.values)
    error = np.sqrt((height**2 - 1) / 12 / ys.size)
    assert abs(ys.mean() - (height - 1) / 2) < 4 * error
    assert abs(xs.mean() - (width - 1) / 2) < 4 * error


def test_other_dims_are_kept_with_their_coordinates():
    stack = maps(np.random.default_rng(0).random((4, 5, 6)))[0].assign_coords(actor=("image", list("aabb")))
    sources = xr.concat([stack, stack * 2], dim=xr.DataArray(["human", "net"], dims="source", name="source"))
    mask = top_mask(sources.transpose("y", "source", "x", "image"), share=0.1)
    np.testing.assert_array_equal(mask.sel(source="human").transpose("image", "y", "x"), top_mask(stack, share=0.1))
    assert mask.actor.values.tolist() == list("aabb")
    assert mask.attrs["mask_pixels"] == 3


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float32])
def test_maps_of_any_kind_of_number_have_masks(dtype):
    grid = maps(np.array([[1, 0], [0, 1]], dtype=dtype))[0]
    assert top_mask(grid, share=0.5).values.tolist() == [[True, False], [False, True]]


def test_tied_pixels_share_what_is_left_of_the_mask():
    (grid,) = maps([[9, 4, 4], [4, 1, 0]])
    third = 1 / 3
    assert tied_weights(grid, share=2 / 6).values.tolist() == [[1, third, third], [third, 0, 0]]


@given(single_maps(), SHARES)
def test_tied_weights_sum_to_k_and_agree_with_the_mask_off_the_boundary(grid, share):
    k = round(share * grid.size)
    if k == 0:
        return
    weights = tied_weights(grid, share=share)
    if not grid.any():
        assert weights.isnull().all()
        return
    np.testing.assert_allclose(weights.sum(), k, rtol=1e-12)
    certain = (weights == 0) | (weights == 1)
    assert (top_mask(grid, share=share).where(certain) == weights.where(certain)).where(certain, other=True).all()


def test_a_map_without_a_mask_has_undefined_weights():
    stack = maps([[[0, 0]], [[1, np.nan]], [[1, 0]]])[0]
    assert tied_weights(stack, share=0.5).isnull().any(("y", "x")).values.tolist() == [True, True, False]


def test_the_report_counts_what_ties_decide():
    stack = maps([[[9, 4, 4, 4]], [[4, 3, 2, 1]], [[1, 0, 0, 0]], [[0, 0, 0, 0]], [[1, 1, np.nan, 0]]])[0]
    report = mask_report(stack, share=0.5)
    np.testing.assert_array_equal(report.tied_share, [0.5, 0, 0.5, np.nan, np.nan])
    assert report.n_positive.values.tolist() == [4, 4, 1, 0, 2]
    assert (int(report.n_maps), int(report.n_undefined), int(report.n_short)) == (5, 2, 1)


def test_a_human_heatmap_shows_its_upper_quantile_with_its_ties_and_nothing_that_is_zero():
    (heat,) = maps([[0, 0, 0, 0, 0.2], [0, 0.2, 0.2, 0.2, 0.9]])
    expected = [[False] * 4 + [True], [False, True, True, True, True]]
    assert shown(heat, share=0.5, rule="quantile").values.tolist() == expected
    assert shown(heat, share=0.9, rule="quantile").values.tolist() == expected  # the quantile is 0


def test_a_classifier_heatmap_shows_a_fixed_number_of_pixels():
    (heat,) = maps([[0.1, 0.3, 0.2, 0.4]])
    assert shown(heat, share=0.5, rule="count").values.tolist() == [[False, True, False, True]]


@given(single_maps(), SHARES)
def test_the_upper_quantile_is_numpys(heat, share):
    if round(share * heat.size) == 0:
        return
    level = np.quantile(heat.values, 1 - share)
    np.testing.assert_array_equal(shown(heat, share=share, rule="quantile"), (heat >= level) & (heat > 0))


def test_an_undefined_heatmap_shows_nothing():
    heat = maps(np.full((1, 3, 3), np.nan))[0]
    assert not shown(heat, share=0.5, rule="quantile").any()
    assert not shown(heat, share=0.5, rule="count").any()


@settings(max_examples=4)
@given(labelled_maps(dtype="float32", shape=(4, 5)))
def test_dask_equals_eager(stack):
    assert_dask_equals_eager(top_mask, stack, share=0.25)
    assert_dask_equals_eager(tied_weights, stack, share=0.25)
    assert_dask_equals_eager(mask_report, stack, share=0.25)
    assert_dask_equals_eager(shown, stack, share=0.25, rule="quantile")


@pytest.mark.parametrize("share", [0, -0.1, 1.5, float("nan"), 0.001])
def test_a_share_that_leaves_no_pixel_or_is_none_is_refused(share):
    (grid,) = maps(np.ones((3, 3)))
    for function in (top_mask, tied_weights, mask_report):
        with pytest.raises(InputError, match="share"):
            function(grid, share=share)


def test_what_is_no_labelled_map_is_refused():
    with pytest.raises(InputError, match="is a ndarray"):
        top_mask(np.ones((3, 3)), share=0.5)
    with pytest.raises(InputError, match="without x"):
        top_mask(xr.DataArray(np.ones((3, 3)), dims=("y", "column")), share=0.5)
    with pytest.raises(InputError, match="dtype"):
        top_mask(xr.DataArray(np.array([["a"]]), dims=("y", "x")), share=1)
    with pytest.raises(InputError, match="'count' or 'quantile'"):
        shown(maps(np.ones((3, 3)))[0], share=0.5, rule="half")


def on_images(values, names=("a/1", "a/2")):
    array = np.asarray(values, float)
    return xr.DataArray(array, dims=("image", "y", "x"), coords={"image": list(names)[:len(array)]})


def test_what_both_mark_is_the_product_of_maps_of_mean_one():
    one, other = on_images([[[4, 0], [4, 0]]]), on_images([[[3, 3], [0, 6]]])
    assert marked_by_both(one, other).to_numpy().tolist() == [[[2, 0], [0, 0]]]
    assert marked_by_both(one * 10, other / 3).equals(marked_by_both(one, other))


def test_what_an_empty_map_marks_with_another_is_nothing():
    empty = on_images([[[0, 0], [0, 0]]])
    assert not marked_by_both(empty, empty + 1).any()


def test_maps_of_other_images_are_refused():
    with pytest.raises(InputError, match="same images"):
        marked_by_both(on_images(np.ones((1, 2, 2)), ["a/1"]), on_images(np.ones((1, 2, 2)), ["b/1"]))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.integers(2, 7), st.integers(2, 7))
def test_a_moved_map_keeps_its_values_and_neighbours(seed, height, width):
    order = on_images(np.arange(2 * height * width).reshape(2, height, width))
    moved = moved_orders(order, seed=seed, purpose="random")
    for before, after in zip(order.to_numpy(), moved.to_numpy(), strict=True):
        assert sorted(before.ravel()) == sorted(after.ravel())
        y, x = np.argwhere(after == before[0, 0])[0]
        assert np.array_equal(np.roll(before, (y, x), axis=(0, 1)), after)


def test_where_a_map_goes_follows_from_its_own_name_only():
    order = on_images(np.random.default_rng(0).random((2, 9, 9)))
    both = moved_orders(order, seed=1, purpose="random")
    alone = moved_orders(order.isel(image=[1]), seed=1, purpose="random")
    assert np.array_equal(both[1], alone[0])
    assert not np.array_equal(both[1], moved_orders(order, seed=1, purpose="random people")[1])


def test_all_offsets_are_about_equally_likely():
    names = [f"a/{i}" for i in range(600)]
    spot = np.zeros((600, 2, 3))
    spot[:, 0, 0] = 1
    counts = moved_orders(on_images(spot, names), seed=0, purpose="random").sum("image").to_numpy()
    assert counts.min() > 70
    assert counts.max() < 130


def test_the_centre_is_an_ellipse_of_the_grids_shape():
    mask = top_mask(centre_orders(["a/1"], size=(20, 40)), share=0.2).to_numpy()[0]
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    assert (rows[0] + rows[-1], columns[0] + columns[-1]) == (19, 39)
    assert abs((columns[-1] - columns[0] + 1) / (rows[-1] - rows[0] + 1) - 2) < 0.25
    assert mask.sum() == 160


@pytest.mark.parametrize("spoilt", [np.inf, -np.inf])
def test_infinite_values_are_refused_with_the_remedy(spoilt):
    maps = xr.DataArray(np.random.default_rng(0).random((2, 4, 5)), dims=("image", "y", "x"))
    maps[1, 2, 3] = spoilt
    for function in (top_mask, tied_weights, mask_report):
        with pytest.raises(InputError, match="an infinite value; expected finite values"):
            function(maps, share=0.2)
    assert top_mask(maps.where(np.isfinite(maps)), share=0.2).sum(("y", "x")).to_numpy().tolist() == [4, 0]
