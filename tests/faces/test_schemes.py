"""Schemes of landmarks: the same places of a face out of any of them, and a refusal where there is none."""

import numpy as np
import pytest
import xarray as xr

from salcompare.errors import InputError
from salcompare.faces import (
    DLIB_FIVE,
    FIVE,
    SCHEMES,
    eye_centres,
    five_points,
    has_places,
    make_landmarks,
    orl_landmarks,
    place_centres,
    place_points,
    scheme_of,
)
from salcompare.faces.schemes import described_faces, recognise_scheme


def test_a_place_is_the_mean_of_its_points():
    values = np.zeros((1, 68, 2))
    values[0, 36:42] = [[0, 0], [2, 0], [4, 0], [6, 3], [4, 3], [2, 3]]
    values[0, 42:48] = [20, 5]
    eyes = eye_centres(make_landmarks(values, ["a"], SCHEMES["68"], source="by hand"))
    assert eyes.dims == ("image", "point", "axis")
    assert eyes.sel(image="a", point="left_eye").to_numpy().tolist() == [3, 1.5]
    assert eyes.sel(image="a", point="right_eye").to_numpy().tolist() == [20, 5]


@pytest.mark.parametrize("scheme", SCHEMES.values(), ids=lambda scheme: scheme.name)
def test_every_place_of_a_scheme_is_among_its_points_and_its_sides_mirror(scheme):
    for place, points in scheme.places.items():
        assert set(points) <= set(scheme.points)
        assert len(set(points)) == len(points)
        if place.startswith("left_"):
            assert len(scheme.places[place.replace("left_", "right_")]) == len(points)


def test_places_of_the_mesh_lie_on_the_demo_faces_as_they_are_called():
    landmarks = orl_landmarks().isel(axis=slice(2))
    assert landmarks.shape == (400, 468, 2)
    mean = place_centres(landmarks, (*FIVE, *DLIB_FIVE, "left_brow", "right_brow", "upper_lip", "lower_lip",
                                     "face_oval")).mean("image")
    x, y = ({str(point): float(value) for point, value in zip(mean.point.values, mean.sel(axis=axis), strict=True)}
            for axis in "xy")
    assert (x["left_eye_outer"] < x["left_eye"] < x["left_eye_inner"] < x["nose_tip"] < x["right_eye_inner"]
            < x["right_eye"] < x["right_eye_outer"])
    assert (y["left_brow"] < y["left_eye"] < y["nose_tip"] < y["nose_base"] < y["upper_lip"] < y["lower_lip"])
    assert x["left_mouth"] < x["nose_base"] < x["right_mouth"]
    assert x["left_brow"] < x["face_oval"] < x["right_brow"]


def test_names_and_numbers_tell_the_scheme():
    assert recognise_scheme([str(i) for i in range(1, 69)], np.zeros((1, 68, 2)), where="").name == "68"
    assert recognise_scheme(FIVE[::-1], np.zeros((1, 5, 2)), where="").name == "five"
    usual, dlib = np.array([[[3, 1], [9, 1], [6, 4], [4, 7], [8, 7.0]]]), np.array([[[9, 1], [7, 1], [1, 1], [3, 1],
                                                                                    [5, 4.0]]])
    assert recognise_scheme(list("01234"), usual, where="").name == "five"
    assert recognise_scheme(list("01234"), dlib, where="").name == "dlib5"
    own = recognise_scheme(["left_eye_outer", "left_eye_inner", "scar"], np.zeros((1, 3, 2)), where="")
    assert own.name == "named"
    assert own.places["left_eye"] == ("left_eye_outer", "left_eye_inner")


@pytest.mark.parametrize("points", [["0", "1", "2"], ["0", "7"], ["scar", "mole"]])
def test_points_that_tell_no_scheme_are_refused(points):
    with pytest.raises(InputError, match=r"expected .*left_eye|numbered from 0 or 1"):
        recognise_scheme(points, np.zeros((1, len(points), 2)), where="a.csv")


def test_a_place_that_a_scheme_lacks_is_refused_by_name():
    dlib = make_landmarks(np.zeros((1, 5, 2)), ["a"], SCHEMES["dlib5"], source="by hand")
    assert has_places(dlib, ("left_eye", "nose_base"))
    assert not has_places(dlib, FIVE)
    with pytest.raises(InputError, match="scheme 'dlib5' has no point for nose_tip"):
        five_points(dlib)


def test_no_face_is_nan_and_said():
    values = np.stack([np.zeros((2, 2)), np.full((2, 2), np.nan), np.full((2, 2), np.nan)])
    landmarks = make_landmarks(values, ["a", "b", "c"], SCHEMES["eyes"], source="", n_faces=np.array([1, 0, 2]))
    assert np.isnan(eye_centres(landmarks).sel(image="b")).all()
    assert described_faces(landmarks) == ["landmarks of 1 of 3 photographs", "no face in 1: b", "several faces in 1: c"]


def test_centres_keep_their_scheme_through_a_second_selection():
    five = five_points(orl_landmarks().isel(image=slice(3)))
    assert scheme_of(five).name == "named"
    xr.testing.assert_equal(place_points(five, "nose_tip").squeeze("point", drop=True),
                            five.sel(point="nose_tip", drop=True))
