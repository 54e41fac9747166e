"""Saliency differences and the reduction of channels."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings

from salcompare.errors import InputError
from salcompare.maps import reduce_channels, saliency_difference
from tests.strategies import assert_dask_equals_eager, labelled_maps, maps, pair_of_maps, stack_of_maps


def test_each_map_is_scaled_by_its_own_peak_first():
    y, z = maps([[4, 2, 0]], [[1, 0, 10]])
    np.testing.assert_allclose(saliency_difference(y, z), [[0.9, 0.5, 0]], rtol=1e-15)


def test_the_literal_equation_scales_nothing():
    y, z = maps([[4, 2, 0]], [[1, 0, 10]])
    assert saliency_difference(y, z, scale="none").values.tolist() == [[3, 2, 0]]


@given(pair_of_maps())
def test_a_difference_is_positive_in_one_direction_only_and_blind_to_scale(pair):
    y, z = pair
    forth, back = saliency_difference(y, z), saliency_difference(z, y)
    if not (y.any() and z.any()):
        assert forth.isnull().all()
        assert int(forth.n_undefined) == 1
        return
    assert ((forth == 0) | (back == 0)).all()
    np.testing.assert_allclose(forth - back, y / y.max() - z / z.max(), atol=1e-15)
    xr.testing.assert_allclose(saliency_difference(y * 8, z / 4), forth)
    assert not saliency_difference(y, y * 2).any()


def test_maps_without_a_peak_are_undefined_and_counted():
    y = stack_of_maps([[[1, 2]], [[0, 0]], [[np.nan, 1]]], ["s1", "s1", "s2"])
    difference = saliency_difference(y, xr.ones_like(y))
    assert difference.isnull().all(("y", "x")).values.tolist() == [False, True, True]
    assert int(difference.n_undefined) == 2
    assert difference.actor.values.tolist() == ["s1", "s1", "s2"]


@settings(max_examples=4)
@given(labelled_maps(dtype="float32"))
def test_dask_equals_eager(stack):
    other = stack.copy(data=stack.values[::-1])
    assert_dask_equals_eager(saliency_difference, stack, other)
    assert_dask_equals_eager(saliency_difference, stack, other, scale="none")


def test_what_cannot_be_subtracted_is_refused():
    y = stack_of_maps(np.ones((2, 2, 2)), ["s1", "s2"])
    with pytest.raises(InputError, match="of different images or grids"):
        saliency_difference(y, y.isel(image=[0]))
    with pytest.raises(InputError, match="'peak' or 'none'"):
        saliency_difference(y, y, scale="sum")
    with pytest.raises(InputError, match="gb_z"):
        saliency_difference(y, y.values)


def test_channels_are_summed_or_their_largest_taken():
    gradients = np.array([[[[1.0]], [[2.0]], [[4.0]]]], dtype=np.float32)
    assert reduce_channels(gradients, "sum").tolist() == [[[7.0]]]
    assert reduce_channels(gradients, "max").tolist() == [[[4.0]]]
    assert reduce_channels(gradients).dtype == np.float32
    with pytest.raises(InputError, match="'sum' or 'max'"):
        reduce_channels(gradients, "mean")
    with pytest.raises(InputError, match="shape"):
        reduce_channels(gradients[0])
