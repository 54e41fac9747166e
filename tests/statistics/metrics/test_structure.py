"""Structural similarity: worked values, scikit-image as oracle, properties."""

import numpy as np
import pytest
import xarray as xr
from skimage.metrics import structural_similarity as reference

from salcompare.statistics.metrics.densities import structural_similarity

RNG = np.random.default_rng(2)


def maps(values):
    return xr.DataArray(np.asarray(values, np.float32), dims=("image", "y", "x"))


A, B = (maps(RNG.gamma(1, size=(4, 20, 17))) for _ in range(2))


def test_it_agrees_with_scikit_image():
    found = structural_similarity(A, B)
    for one, other, value in zip(A.values, B.values, found.values, strict=True):
        expected = reference(one / one.max(), other / other.max(), data_range=1, gaussian_weights=True, sigma=1.5,
                             use_sample_covariance=False)
        assert value == pytest.approx(expected, abs=1e-5)


def test_equal_maps_have_one_and_scale_does_not_matter():
    np.testing.assert_allclose(structural_similarity(A, 3 * A), 1, atol=1e-6)
    np.testing.assert_allclose(structural_similarity(A, 3 * B), structural_similarity(A, B), atol=1e-6)
    np.testing.assert_allclose(structural_similarity(A, B), structural_similarity(B, A), atol=1e-12)
    assert (structural_similarity(A, B) < 0.9).all()


def test_an_empty_map_has_none_and_dask_gives_the_same():
    holed = A.copy(deep=True)
    holed[1], holed[2, 3, 3] = 0, np.nan
    found = structural_similarity(holed, B)
    np.testing.assert_array_equal(found.isnull(), [False, True, True, False])
    np.testing.assert_array_equal(structural_similarity(holed.chunk(image=2), B.chunk(image=2)), found)


def test_maps_smaller_than_the_window_are_compared_over_all_pixels():
    small, other = A[:, :8, :8], B[:, :8, :8]
    np.testing.assert_allclose(structural_similarity(small, small), 1, atol=1e-6)
    assert structural_similarity(small, other).notnull().all()
