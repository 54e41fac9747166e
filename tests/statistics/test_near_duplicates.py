"""Photographs that look like copies: planted ones are found, photographs of other sittings and people are not."""

import io

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy import ndimage

from salcompare.errors import InputError
from salcompare.statistics.near_duplicates import COARSE, LEAST, near_duplicates
from tests.strategies import assert_dask_equals_eager

SIZE = 96


def photographs(values, actors):
    names = [f"{actor}/{at}" for at, actor in enumerate(actors)]
    return xr.DataArray(np.asarray(values), dims=("image", "y", "x"), coords={
        "image": names, "actor": ("image", list(actors))})


def faces(rng, n_actors=6, n_images=3):
    """One face for all, a part of each actor and a part of each image, grey values; actors' names beside them."""
    rough = rng.normal(size=(1 + n_actors + n_actors * n_images, SIZE, SIZE))
    smooth = ndimage.gaussian_filter(rough, (0, 4, 4))
    smooth /= smooth.std(axis=(1, 2), keepdims=True)
    codes = np.repeat(np.arange(n_actors), n_images)
    values = 128 + 20 * (smooth[0] + smooth[1:][codes] + 0.8 * smooth[1 + n_actors:])
    return np.clip(values, 0, 255).round(), [f"s{code}" for code in codes]


def saved_as_jpeg(grey, quality):
    file = io.BytesIO()
    Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8)).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file)).astype(float)


COPIES = {
    "moved by a pixel": lambda grey: np.roll(grey, 1, axis=1),
    "saved as JPEG": lambda grey: saved_as_jpeg(grey, 20),
    "lighter": lambda grey: np.clip(grey * 1.2, 0, 255),
    "all at once": lambda grey: saved_as_jpeg(np.roll(grey, 1, axis=0) * 1.1 + 5, 50),
}


@pytest.mark.parametrize("copy", COPIES.values(), ids=COPIES)
def test_a_planted_copy_is_found_and_nothing_else(copy):
    values, actors = faces(np.random.default_rng(0))
    planted = np.concatenate([values, copy(values[4])[np.newaxis]])
    found = near_duplicates(photographs(planted, [*actors, "s5"]))
    assert (found["image"].values.tolist(), found["other"].values.tolist()) == (["s1/4"], ["s5/18"])
    assert (str(found["actor"].values[0]), str(found["other_actor"].values[0])) == ("s1", "s5")
    assert float(found["correlation"][0]) >= LEAST
    assert found.attrs["n_pairs"] == 19 * 18 // 2


def test_photographs_of_one_actor_without_a_copy_are_not_named():
    values, actors = faces(np.random.default_rng(1))
    found = near_duplicates(photographs(values, actors))
    assert found.sizes["pair"] == 0
    assert found.attrs["n_undefined"] == 0


def test_the_correlation_is_that_of_small_versions_without_what_is_coarse():
    values, actors = faces(np.random.default_rng(2), n_actors=2)
    found = near_duplicates(photographs(values, actors), least=-1.0).to_dataframe().set_index(["image", "other"])
    assert len(found) == 15
    small = values.reshape(6, 24, 4, 24, 4).mean(axis=(2, 4))
    one, other = (part - ndimage.gaussian_filter(part, COARSE, mode="nearest") for part in (small[0], small[5]))
    expected = np.corrcoef(one.ravel(), other.ravel())[0, 1]
    assert found["correlation"]["s0/0", "s1/5"] == pytest.approx(expected)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**6), times=st.floats(0.1, 5), more=st.floats(-50, 50))
def test_brightness_and_contrast_do_not_matter(seed, times, more):
    values, actors = faces(np.random.default_rng(seed), n_actors=2)
    plain, other = (near_duplicates(photographs(part, actors), least=-1.0) for part in (values, values * times + more))
    np.testing.assert_allclose(np.sort(other["correlation"]), np.sort(plain["correlation"]), atol=1e-9)


def test_flat_photographs_are_like_no_other_and_are_counted():
    values, actors = faces(np.random.default_rng(3), n_actors=2)
    values[1:3] = 200
    found = near_duplicates(photographs(values, actors))
    assert found.sizes["pair"] == 0
    assert found.attrs["n_undefined"] == 2
    with pytest.raises(InputError, match="without image"):
        near_duplicates(photographs(values, actors).isel(image=0))


def test_many_photographs_are_compared_in_parts_with_one_result(monkeypatch):
    values, actors = faces(np.random.default_rng(4))
    whole = near_duplicates(photographs(values, actors), least=0.2)
    monkeypatch.setattr("salcompare.statistics.near_duplicates._ROWS", 5)
    xr.testing.assert_allclose(near_duplicates(photographs(values, actors), least=0.2), whole)


def test_on_dask_it_is_equal():
    values, actors = faces(np.random.default_rng(5))
    colour = photographs(values, actors).expand_dims(channel=3, axis=-1).astype(np.uint8)
    assert_dask_equals_eager(lambda maps: near_duplicates(maps, least=0.3), colour, lazy=False)
