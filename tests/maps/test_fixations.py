"""Gaze and clicks to maps: worked values, SciPy's filter as an oracle, and what is refused."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from salcompare import schema
from salcompare.errors import InputError
from salcompare.maps import fixation_maps, mean_of_responses, rasterise_fixations, sigma_in_pixels
from tests.strategies import assert_dask_equals_eager, table_of_images

# Shares of a normal distribution between whole standard deviations from its mean, of any table: 0-1, 1-2, 2-3, 3-4
FIRST, SECOND, THIRD, FOURTH = 0.341344746, 0.135905122, 0.021400234, 0.001318227


def table(*rows):
    """Fixations from (worker, image, x, y, duration)."""
    return pd.DataFrame(list(rows), columns=["worker", "image", "x", "y", "duration"])


def one_row(*rows, width=4):
    return rasterise_fixations(table(*rows), table_of_images(["s1"], height=1, width=width), size=(1, width),
                               sigma=1).coverage.to_numpy()[0, 0]


# Worked values

def test_a_fixation_is_a_gaussian_integrated_over_each_pixel_and_spread_over_the_inside():
    inside = 2 * (FIRST + SECOND)  # of one between the second and the third pixel
    shares = np.array([SECOND, FIRST, FIRST, SECOND]) / inside
    np.testing.assert_allclose(one_row(("w1", "s1/1", 2, 0.5, 1)), shares, rtol=1e-6)


def test_fixations_of_a_trial_weigh_by_their_durations():
    middle = np.array([SECOND, FIRST, FIRST, SECOND]) / (2 * (FIRST + SECOND))
    edge = np.array([FIRST, SECOND, THIRD, FOURTH]) / (FIRST + SECOND + THIRD + FOURTH)  # half of it beyond the edge
    found = one_row(("w1", "s1/1", 2, 0.5, 300), ("w1", "s1/1", 0, 0.5, 100))
    np.testing.assert_allclose(found, 0.75 * middle + 0.25 * edge, rtol=1e-6)


def test_clicks_without_durations_weigh_the_same():
    rows = table(("w1", "s1/1", 2, 0.5, 300), ("w1", "s1/1", 0, 0.5, 100))
    images = table_of_images(["s1"], height=1, width=4)
    clicked = rasterise_fixations(rows.drop(columns="duration"), images, size=(1, 4), sigma=1)
    alike = rasterise_fixations(rows.assign(duration=7.0), images, size=(1, 4), sigma=1)
    xr.testing.assert_identical(clicked, alike)
    assert clicked.coverage.to_numpy()[0, 0, 0] != one_row(*rows.itertuples(index=False))[0]


def test_trials_weigh_the_same_however_long_they_are():
    short, long = ("w1", "s1/1", 0, 0.5, 10), ("w2", "s1/1", 4, 0.5, 1000)
    both = one_row(short, long)
    np.testing.assert_allclose(both, both[::-1], rtol=1e-6)
    apart = table(short, ("w1", *long[1:])).assign(trial=["a", "b"])
    found = rasterise_fixations(apart, table_of_images(["s1"], height=1, width=4), size=(1, 4), sigma=1)
    np.testing.assert_array_equal(found.coverage.to_numpy()[0, 0], both)
    assert found.n_responses.item() == 2


def test_degrees_of_visual_angle_are_so_many_pixels():
    assert sigma_in_pixels(1.5, unit="degrees", pixels_per_degree=30) == 45
    assert sigma_in_pixels(1.5) == 1.5
    images, rows = table_of_images(["s1"], height=9, width=9), table(("w1", "s1/1", 4.5, 3, 1))
    wide = fixation_maps(rows, images, size=(9, 9), sigma=sigma_in_pixels(0.5, unit="degrees", pixels_per_degree=4))
    xr.testing.assert_identical(wide, fixation_maps(rows, images, size=(9, 9), sigma=2))


def test_sigma_in_pixels_of_the_image_follows_the_grids_aspect():
    images, rows = table_of_images(["s1"], height=60, width=240), table(("w1", "s1/1", 120, 30, 1))
    found = fixation_maps(rows, images, size=(60, 60), sigma=8).to_numpy()[0]
    places = np.arange(60) + 0.5 - 30
    down, across = ((found.sum(axis=axis) * places**2).sum() for axis in (1, 0))
    assert np.sqrt(down - 1 / 12) == pytest.approx(8, rel=2e-2)  # a pixel's own variance; the edges cut a little
    assert np.sqrt(across - 1 / 12) == pytest.approx(2, rel=1e-3)
    grid = fixation_maps(rows, images, size=(60, 60), sigma=2, sigma_of="grid").to_numpy()[0]
    np.testing.assert_allclose(grid, grid.T, rtol=1e-5)


def test_maps_carry_their_images_coordinates_and_hold_to_the_schema():
    images = table_of_images(["s1", "s2", "s2"], height=5, width=5).assign(shoot=["a", "b", None])
    rows = table(("w2", "s2/1", 1, 1, 1), ("w1", "s1/1", 2, 2, 1), ("w1", "s2/1", 3, 3, 1))
    found = rasterise_fixations(rows, images, size=(4, 4), sigma=1)
    schema.check_maps(found, schema.HUMAN_MAPS, "maps")
    assert found.image.to_numpy().tolist() == ["s1/1", "s2/1"]
    assert found.actor.to_numpy().tolist() == ["s1", "s2"]
    assert found.shoot.to_numpy().tolist() == ["a", "b"]
    assert found.n_responses.to_numpy().tolist() == [1, 2]
    assert found.attrs["n_images_without_responses"] == 1
    maps = fixation_maps(rows, images, size=(4, 4), sigma=1)
    assert maps.worker.to_numpy().tolist() == ["w1", "w1", "w2"]


# An oracle, and properties

def test_maps_agree_with_scipys_gaussian_filter():
    rows = table(("w1", "s1/1", 20.5, 20.5, 1), ("w1", "s1/1", 10.5, 30.5, 3))
    found = fixation_maps(rows, table_of_images(["s1"], height=50, width=40), size=(50, 40), sigma=3).to_numpy()[0]
    looked = np.zeros((50, 40))
    looked[20, 20], looked[30, 10] = 0.25, 0.75
    # SciPy takes the Gaussian at the pixels' centres; integrating it over a pixel adds the pixel's variance of 1/12.
    expected = ndimage.gaussian_filter(looked, np.sqrt(9 + 1 / 12), mode="constant", truncate=8)
    assert np.abs(found - expected).max() < 2e-3 * expected.max()


@st.composite
def gaze(draw):
    """Fixations on two images of 30 x 20 pixels."""
    workers, images = st.sampled_from(["w1", "w2"]), st.sampled_from(["s1/1", "s2/1"])
    row = st.tuples(workers, images, st.floats(0, 30), st.floats(0, 20), st.floats(1e-3, 1e6))
    return table(*draw(st.lists(row, min_size=1, max_size=8)))


IMAGES = table_of_images(["s1", "s2"], height=20, width=30)


@given(gaze(), st.floats(0.01, 40), st.integers(0, 2**32 - 1))
@settings(max_examples=25)
def test_each_trial_sums_to_one_and_the_rows_order_and_the_durations_unit_do_not_matter(rows, sigma, seed):
    found = fixation_maps(rows, IMAGES, size=(10, 12), sigma=sigma)
    np.testing.assert_allclose(found.sum(["y", "x"]), 1, rtol=1e-5)
    mixed = rows.sample(frac=1, random_state=seed)
    xr.testing.assert_identical(fixation_maps(mixed, IMAGES, size=(10, 12), sigma=sigma), found)
    longer = fixation_maps(rows.assign(duration=rows["duration"] * 1000), IMAGES, size=(10, 12), sigma=sigma)
    np.testing.assert_allclose(longer, found, rtol=1e-5, atol=1e-12)


@given(gaze(), st.floats(0.5, 40))
@settings(max_examples=20)
def test_mirrored_fixations_give_mirrored_maps(rows, sigma):
    found = fixation_maps(rows, IMAGES, size=(10, 12), sigma=sigma).to_numpy()
    mirrored = fixation_maps(rows.assign(x=30 - rows["x"]), IMAGES, size=(10, 12), sigma=sigma).to_numpy()
    np.testing.assert_allclose(mirrored[..., ::-1], found, rtol=1e-4, atol=1e-9)


def test_means_of_responses_are_the_same_for_dask_arrays():
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"worker": rng.choice(["w1", "w2", "w3"], 40), "image": rng.choice(["s1/1", "s2/1"], 40),
                         "x": rng.uniform(0, 30, 40), "y": rng.uniform(0, 20, 40)})
    maps = fixation_maps(rows, IMAGES, size=(6, 8), sigma=4)
    assert_dask_equals_eager(mean_of_responses, maps)
    xr.testing.assert_identical(mean_of_responses(maps.chunk({"response": 2})).compute(), mean_of_responses(maps))


# What is refused

@pytest.mark.parametrize(("row", "says"), [
    (("w1", "s9/1", 1, 1, 1), r"fixations row 1: image 's9/1' is not among the images"),
    (("w1", "s1/1", 31, 1, 1), r"fixations row 1: x=31.*a place within its 30 x 20 pixels"),
    (("w1", "s1/1", 1, -1, 1), "y=-1"),
    (("w1", "s1/1", float("nan"), 1, 1), "x=nan"),
    (("w1", "s1/1", 1, 1, 0), "duration=0"),
    (("w1", "s1/1", 1, 1, float("inf")), "duration=inf"),
])
def test_a_row_that_cannot_be_is_named(row, says):
    with pytest.raises(InputError, match=says):
        fixation_maps(table(("w1", "s1/1", 1, 1, 1), row), IMAGES, size=(4, 4), sigma=1)


@pytest.mark.parametrize("sigma", [0, -1, float("nan"), float("inf")])
def test_sigma_must_be_a_number_above_0(sigma):
    with pytest.raises(InputError, match=r"sigma: .*expected a finite number above 0"):
        fixation_maps(table(("w1", "s1/1", 1, 1, 1)), IMAGES, size=(4, 4), sigma=sigma)


def test_degrees_without_pixels_per_degree_are_refused():
    with pytest.raises(InputError, match="pixels_per_degree: None"):
        sigma_in_pixels(1, unit="degrees")


def test_a_missing_column_and_an_empty_table_are_refused():
    with pytest.raises(InputError, match="fixations: no column 'y'"):
        fixation_maps(table(("w1", "s1/1", 1, 1, 1)).drop(columns="y"), IMAGES, size=(4, 4), sigma=1)
    with pytest.raises(InputError, match="fixations: no row"):
        fixation_maps(table(), IMAGES, size=(4, 4), sigma=1)
