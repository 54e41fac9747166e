"""Ready-made maps, labelled: people's brought to unit sums, a classifier's as they are."""

import numpy as np
import pandas as pd
import pytest

from salcompare import schema
from salcompare.errors import InputError
from salcompare.maps import mean_of_responses, precomputed_response_maps, precomputed_saliency
from tests.strategies import table_of_images

IMAGES = table_of_images(["s1", "s1", "s2"], height=4, width=4).assign(group=["g", "g", None])
VALUES = np.array([[[1, 0], [0, 3]], [[2, 2], [2, 2]], [[0, 50], [50, 0]]], np.float32)


def files(*names, workers=None):
    return pd.DataFrame({"image": names, "worker": workers or [""] * len(names)})


def test_peoples_maps_weigh_the_same_whatever_their_units():
    maps = precomputed_response_maps(VALUES, files("s1/1", "s1/1", "s2/1", workers=["ann", "bob", "ann"]), IMAGES)
    assert maps.to_numpy()[0].tolist() == [[0.25, 0], [0, 0.75]]
    found = mean_of_responses(maps)
    assert found.coverage.sel(image="s1/1").to_numpy().tolist() == [[0.25, 0.125], [0.125, 0.5]]
    assert found.n_responses.to_numpy().tolist() == [2, 1]
    assert found.actor.to_numpy().tolist() == ["s1", "s2"]
    schema.check_maps(found, schema.HUMAN_MAPS, "human maps")


def test_sums_of_large_and_small_maps_neither_overflow_nor_vanish():
    extremes = VALUES * np.array([1e37, 1e-36, 1], np.float32)[:, None, None]
    maps = precomputed_response_maps(extremes, files("s1/1", "s1/2", "s2/1"), IMAGES)
    np.testing.assert_allclose(maps.sum(["y", "x"]), 1, rtol=1e-6)


def test_a_classifiers_maps_stay_as_they_are_and_carry_their_images_coordinates():
    found = precomputed_saliency(VALUES, files("s1/1", "s1/2", "s2/1"), IMAGES)
    np.testing.assert_array_equal(found.saliency, VALUES)
    assert found.group.to_numpy().tolist() == ["g", "g", ""]
    schema.check_maps(found, schema.CLASSIFIER_MAPS, "classifier maps")


def test_means_need_maps_that_say_their_image_and_actor():
    maps = precomputed_response_maps(VALUES, files("s1/1", "s1/2", "s2/1"), IMAGES)
    with pytest.raises(InputError, match="no coordinate 'actor'"):
        mean_of_responses(maps.drop_vars("actor"))
