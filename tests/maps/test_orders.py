"""Orders of pixels: what two maps both mark, a map's patches elsewhere, and the centre."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from salcompare.errors import InputError
from salcompare.maps import centre_orders, marked_by_both, moved_orders, top_mask


def maps(values, names=("a/1", "a/2")):
    array = np.asarray(values, float)
    return xr.DataArray(array, dims=("image", "y", "x"), coords={"image": list(names)[:len(array)]})


def test_what_both_mark_is_the_product_of_maps_of_mean_one():
    one, other = maps([[[4, 0], [4, 0]]]), maps([[[3, 3], [0, 6]]])
    assert marked_by_both(one, other).to_numpy().tolist() == [[[2, 0], [0, 0]]]
    assert marked_by_both(one * 10, other / 3).equals(marked_by_both(one, other))


def test_what_an_empty_map_marks_with_another_is_nothing():
    empty = maps([[[0, 0], [0, 0]]])
    assert not marked_by_both(empty, empty + 1).any()


def test_maps_of_other_images_are_refused():
    with pytest.raises(InputError, match="same images"):
        marked_by_both(maps(np.ones((1, 2, 2)), ["a/1"]), maps(np.ones((1, 2, 2)), ["b/1"]))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.integers(2, 7), st.integers(2, 7))
def test_a_moved_map_keeps_its_values_and_neighbours(seed, height, width):
    order = maps(np.arange(2 * height * width).reshape(2, height, width))
    moved = moved_orders(order, seed=seed, purpose="random")
    for before, after in zip(order.to_numpy(), moved.to_numpy(), strict=True):
        assert sorted(before.ravel()) == sorted(after.ravel())
        y, x = np.argwhere(after == before[0, 0])[0]
        assert np.array_equal(np.roll(before, (y, x), axis=(0, 1)), after)


def test_where_a_map_goes_follows_from_its_own_name_only():
    order = maps(np.random.default_rng(0).random((2, 9, 9)))
    both = moved_orders(order, seed=1, purpose="random")
    alone = moved_orders(order.isel(image=[1]), seed=1, purpose="random")
    assert np.array_equal(both[1], alone[0])
    assert not np.array_equal(both[1], moved_orders(order, seed=1, purpose="random people")[1])


def test_all_offsets_are_about_equally_likely():
    names = [f"a/{i}" for i in range(600)]
    spot = np.zeros((600, 2, 3))
    spot[:, 0, 0] = 1
    counts = moved_orders(maps(spot, names), seed=0, purpose="random").sum("image").to_numpy()
    assert counts.min() > 70
    assert counts.max() < 130


def test_the_centre_is_an_ellipse_of_the_grids_shape():
    mask = top_mask(centre_orders(["a/1"], size=(20, 40)), share=0.2).to_numpy()[0]
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    assert (rows[0] + rows[-1], columns[0] + columns[-1]) == (19, 39)
    assert abs((columns[-1] - columns[0] + 1) / (rows[-1] - rows[0] + 1) - 2) < 0.25
    assert mask.sum() == 160
