"""Edges of photographs: worked values, scikit-image as oracle, and what both do not care for."""

import numpy as np
import pytest
import xarray as xr
from skimage.filters import sobel

from salcompare.errors import InputError
from salcompare.maps.edges import LUMA, photograph_gradient, sobel_edges

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
    np.testing.assert_allclose(photograph_gradient(step)[3], [0, 0, 0, 1.5, 1.5, 0, 0], atol=1e-6)


def test_the_gradient_is_summed_over_channels():
    alone = sum(photograph_gradient(FACES.where(FACES.channel == name, 0)) for name in ("red", "green", "blue"))
    np.testing.assert_allclose(photograph_gradient(FACES), alone, rtol=1e-5)


@pytest.mark.parametrize("edges", [sobel_edges, photograph_gradient])
def test_edges_keep_labels_are_lazy_where_photographs_are_and_turn_with_them(edges):
    found = edges(FACES)
    assert found.dims == ("image", "y", "x")
    assert found.dtype == np.float32
    assert list(found.image.values) == list("abc")
    assert float(found.min()) >= 0
    lazy = edges(FACES.chunk(image=1))
    assert lazy.chunks is not None
    np.testing.assert_array_equal(lazy, found)
    np.testing.assert_allclose(edges(FACES.isel(x=slice(None, None, -1))), found[..., ::-1], rtol=1e-5,
                               atol=1e-4)
    assert (edges(xr.full_like(FACES, 7)) == 0).all()


@pytest.mark.parametrize("edges", [sobel_edges, photograph_gradient])
def test_what_is_no_colour_photograph_is_refused(edges):
    with pytest.raises(InputError, match="y, x and three channels"):
        edges(FACES.isel(channel=slice(0, 2)))
    with pytest.raises(InputError, match="y, x and three channels"):
        edges(FACES.isel(channel=0))
