"""Photographs and maps reduced to what is printed."""

from __future__ import annotations

import numpy as np
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from salcompare.figures.photographs import block, grey, pixels_frame, printed_map, printed_picture


def test_grey_is_luma_faded_towards_white():
    photograph = np.array([[[0, 0, 0], [255, 255, 255], [255, 0, 0]]], np.uint8)
    assert grey(photograph)[0].tolist() == [[128] * 3, [255] * 3, [166] * 3]  # 0.299 * 255 = 76, then half way


def test_a_picture_no_larger_than_print_stays_as_it_is():
    picture = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    assert printed_picture(picture, most=4) is picture


def test_a_larger_picture_is_averaged_in_blocks():
    picture = np.zeros((4, 6, 3), np.uint8)
    picture[:2, :2] = [[[0] * 3, [10] * 3], [[20] * 3, [30] * 3]]
    reduced = printed_picture(picture, most=3)
    assert reduced.shape == (2, 3, 3)
    assert reduced[0, 0].tolist() == [15] * 3


def test_a_block_of_a_map_is_shown_where_half_of_it_is():
    shown = xr.DataArray([[1.0, 3.0, np.nan, 5.0], [np.nan, np.nan, np.nan, np.nan]], dims=("y", "x"))
    reduced = printed_map(shown, most=2)
    np.testing.assert_array_equal(reduced, [[2.0, np.nan]])


@given(st.integers(1, 400), st.integers(1, 400), st.integers(1, 50))
def test_a_block_is_the_smallest_that_is_enough(height, width, most):
    step = block((height, width), most)
    assert max(height, width) <= step * most
    assert step == 1 or max(height, width) > (step - 1) * most


def test_pixels_stand_at_their_centres_whatever_the_order_of_the_dims():
    overlay = xr.DataArray([[np.nan, 7.0, np.nan]], dims=("y", "x")).transpose("x", "y")
    table = pixels_frame({"b": overlay}, ("a", "b"))
    assert table[["column", "x", "y", "value"]].to_numpy().tolist() == [["b", 1.5, 0.5, 7.0]]
    assert pixels_frame({}, ("a",)).empty
