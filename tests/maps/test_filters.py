"""Smoothing and edges: scipy and scikit-image as oracles, mirrors, sums and missing values."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.filters import sobel

from salcompare.errors import InputError
from salcompare.maps import smooth
from salcompare.maps.filters import LUMA, sobel_edges
from tests.strategies import assert_dask_equals_eager, labelled_maps, maps, single_maps

SIGMAS = st.sampled_from([0.0, 0.3, 1.0, 2.5, 20.0])


@given(single_maps(shape=((1, 9), (1, 9))), SIGMAS)
def test_it_is_scipys_gaussian_with_mirrored_borders(grid, sigma):
    expected = ndimage.gaussian_filter(grid.values, sigma, mode="reflect")
    np.testing.assert_allclose(smooth(grid, sigma=sigma), expected, atol=1e-12)


def test_a_single_pixel_becomes_a_gaussian():
    spike = np.zeros((41, 41))
    spike[20, 20] = 1
    smoothed = smooth(maps(spike)[0], sigma=3.0)
    expected = np.exp(-0.5 * (5 / 3) ** 2)  # five pixels off the centre, relative to it
    assert float(smoothed[20, 25] / smoothed[20, 20]) == pytest.approx(expected, rel=1e-12)


@given(single_maps(shape=((1, 9), (1, 9))), SIGMAS)
def test_the_mirror_of_a_smoothed_map_is_the_smoothed_mirror(grid, sigma):
    mirrored = grid.copy(data=grid.values[:, ::-1])
    np.testing.assert_allclose(smooth(mirrored, sigma=sigma), smooth(grid, sigma=sigma).values[:, ::-1], atol=1e-14)


@given(single_maps(shape=((1, 9), (1, 9))), SIGMAS)
def test_a_smoothed_map_keeps_its_sum_and_its_bounds(grid, sigma):
    smoothed = smooth(grid, sigma=sigma)
    np.testing.assert_allclose(smoothed.sum(), grid.sum(), atol=1e-11)
    assert float(smoothed.min()) >= float(grid.min()) - 1e-12
    assert float(smoothed.max()) <= float(grid.max()) + 1e-12


@given(st.floats(1e-6, 300), SIGMAS, st.sampled_from(["float64", "float32"]))
def test_a_constant_map_stays_constant_to_the_last_bit(value, sigma, dtype):
    """Else what rounding leaves would correlate with other maps, and a map that says nothing have an agreement."""
    grid = maps(np.full((2, 20, 16), value).astype(dtype))[0]
    grid[1, 3, 4] += 1
    smoothed = smooth(grid, sigma=sigma)
    assert (smoothed[0] == grid[0, 0, 0]).all()
    assert float(smoothed[1].max()) > float(smoothed[1].min())


def test_more_maps_than_a_batch_are_each_smoothed_alone():
    stack = maps(np.random.default_rng(0).random((37, 6, 5)))[0]
    np.testing.assert_array_equal(smooth(stack, sigma=1).isel(image=30), smooth(stack.isel(image=30), sigma=1))


def test_a_missing_pixel_makes_its_map_missing_and_no_other():
    stack = maps(np.ones((2, 30, 30)))[0]
    stack[0, 0, 0] = np.nan
    assert smooth(stack, sigma=1).isnull().sum(("y", "x")).values.tolist() == [900, 0]
    assert smooth(stack, sigma=0).isnull().sum(("y", "x")).values.tolist() == [900, 0]


@pytest.mark.parametrize(("dtype", "expected"), [(bool, "float32"), (np.float32, "float32"), (float, "float64")])
def test_masks_become_single_precision_and_sigma_is_kept_in_attrs(dtype, expected):
    smoothed = smooth(maps(np.ones((2, 4, 4), dtype=dtype))[0].assign_attrs(method="gb"), sigma=1)
    assert smoothed.dtype == expected
    assert smoothed.attrs == {"method": "gb", "sigma": 1.0}


@settings(max_examples=4)
@given(labelled_maps(dtype="float32"))
def test_dask_equals_eager(stack):
    assert_dask_equals_eager(smooth, stack, sigma=1.5, rtol=1e-6, atol=1e-7)


def test_a_sigma_that_is_none_is_refused():
    for sigma in (-1, float("nan"), float("inf")):
        with pytest.raises(InputError, match="sigma"):
            smooth(maps(np.ones((2, 2)))[0], sigma=sigma)
    with pytest.raises(InputError, match="maps"):
        smooth(xr.DataArray([1.0], dims="x"), sigma=1)


RNG = np.random.default_rng(4)
FACES = xr.DataArray(RNG.integers(0, 256, (3, 9, 7, 3), dtype=np.uint8), dims=("image", "y", "x", "channel"),
                     coords={"image": list("abc"), "channel": ["red", "green", "blue"]})


def test_sobel_agrees_with_scikit_image():
    found = sobel_edges(FACES)
    for image in range(3):
        luma = FACES.values[image] @ np.array(LUMA)
        np.testing.assert_allclose(found[image], 4 * np.sqrt(2) * sobel(luma, mode="reflect"), rtol=1e-5)


def test_an_upright_edge_of_one_grey_level_is_four_on_either_side():
    step = xr.zeros_like(FACES.isel(image=0))
    step[:, 4:] = 1
    np.testing.assert_allclose(sobel_edges(step)[3], [0, 0, 0, 4, 4, 0, 0], atol=1e-6)


def test_edges_keep_labels_are_lazy_where_photographs_are_and_turn_with_them():
    found = sobel_edges(FACES)
    assert found.dims == ("image", "y", "x")
    assert found.dtype == np.float32
    assert list(found.image.values) == list("abc")
    assert float(found.min()) >= 0
    lazy = sobel_edges(FACES.chunk(image=1))
    assert lazy.chunks is not None
    np.testing.assert_array_equal(lazy, found)
    np.testing.assert_allclose(sobel_edges(FACES.isel(x=slice(None, None, -1))), found[..., ::-1], rtol=1e-5,
                               atol=1e-4)
    assert (sobel_edges(xr.full_like(FACES, 7)) == 0).all()


def test_what_is_no_colour_photograph_is_refused():
    with pytest.raises(InputError, match="y, x and three channels"):
        sobel_edges(FACES.isel(channel=slice(0, 2)))
    with pytest.raises(InputError, match="y, x and three channels"):
        sobel_edges(FACES.isel(channel=0))
