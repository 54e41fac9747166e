"""Attributes of faces: known turns come back, lengths do not care for place, size and turn, NaN has a reason."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.ndimage
import scipy.spatial
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from salcompare.errors import InputError
from salcompare.faces import (
    ATTRIBUTES,
    SCHEMES,
    face_attributes,
    fit_similarity,
    make_landmarks,
    mean_shape,
    orl_landmarks,
    picture_attributes,
    place_centres,
)
from salcompare.sources import read_attributes

FRONTAL = mean_shape(orl_landmarks().isel(image=slice(0, 400, 20)))
angles = st.floats(-40, 40)


def turned(yaw, pitch, roll, *, scale=30.0, shift=(50, 60, 5)):
    """The mean face, turned about the viewer's axes: pitched, yawed, rolled."""
    rotation = Rotation.from_euler("xyz", [-pitch, -yaw, roll], degrees=True)
    return scale * rotation.apply(FRONTAL.to_numpy()) + shift


def landmarks(*faces, scheme="468"):
    return make_landmarks(np.stack(faces), [f"i{at}" for at in range(len(faces))], SCHEMES[scheme], source="made")


@given(st.lists(st.tuples(angles, angles, angles, st.floats(5, 500)), min_size=1, max_size=4))
def test_known_turns_come_back(turns):
    measured = face_attributes(landmarks(*(turned(*turn[:3], scale=turn[3]) for turn in turns)))
    for name, expected in zip(("yaw", "pitch", "roll", "iod"), np.array(turns).T, strict=True):
        assert np.allclose(measured[name], expected, atol=1e-6), name


def test_signs_are_the_viewers():
    straight, right, up, clockwise = (turned(*turn) for turn in ((0, 0, 0), (20, 0, 0), (0, 20, 0), (0, 0, 20)))
    points = place_centres(landmarks(straight, right, up, clockwise), ("nose_tip", "left_eye", "right_eye"))
    nose = points.sel(point="nose_tip") - points.sel(point=["left_eye", "right_eye"]).mean("point")
    assert nose.sel(axis="x")[1] > nose.sel(axis="x")[0] + 5
    assert nose.sel(axis="y")[2] < nose.sel(axis="y")[0] - 5
    assert points.sel(point="right_eye", axis="y")[3] > points.sel(point="left_eye", axis="y")[3] + 5
    flat = face_attributes(landmarks(clockwise[:, :2]))
    assert flat["roll"].item() == pytest.approx(20)
    assert (flat["yaw"].attrs["n_undefined"], flat["yaw"].attrs["reason"]) == (1, "the landmarks have no z")


@given(angles, angles, angles, st.floats(2, 300), st.floats(-500, 500))
def test_lengths_do_not_care_for_place_size_and_turn(yaw, pitch, roll, scale, shift):
    measured = face_attributes(landmarks(turned(0, 0, 0), turned(yaw, pitch, roll, scale=scale, shift=shift)))
    for name in ("mouth_width", "mouth_opening", "brow_height"):
        assert measured[name][1].item() == pytest.approx(measured[name][0].item())


def test_lengths_by_hand():
    points = np.zeros((1, 68, 2))
    points[0, 36:42], points[0, 42:48] = (0, 0), (0, 40)
    points[0, [48, 54, 62, 66]] = (100, 0), (100, 20), (100, 10), (104, 10)
    points[0, 17:22], points[0, 22:27] = (-10, 0), (-14, 40)
    measured = face_attributes(landmarks(points[0], scheme="68"))
    assert measured[["iod", "mouth_width", "mouth_opening", "brow_height"]].to_array().to_numpy().ravel().tolist() == [
        40, 0.5, 0.1, 0.3]
    assert measured["roll"].item() == 90


def test_what_is_undefined_is_nan_with_a_reason():
    same = np.zeros((5, 2))
    five = make_landmarks(np.stack([same, np.full((5, 2), np.nan)]), ["a", "b"], SCHEMES["five"], source="")
    measured = face_attributes(five)
    assert np.isnan(measured["mouth_width"]).all()
    assert measured["mouth_width"].attrs == {"n_undefined": 2,
                                             "reason": "no face, or several, or both eyes in one place"}
    assert measured["iod"].attrs["n_undefined"] == 1
    assert measured["brow_height"].attrs["reason"] == "the landmarks have no left_brow"
    nothing = face_attributes(make_landmarks(np.full((2, 468, 3), np.nan), ["a", "b"], SCHEMES["468"], source=""))
    assert all(column.attrs == {"n_undefined": 2, "reason": column.attrs["reason"]} and column.attrs["reason"]
               for column in nothing.data_vars.values())


def test_fits_are_scipys():
    rng = np.random.default_rng(0)
    shape = rng.normal(size=(20, 3))
    others = np.stack([turned(5, 3, 8)[:20], rng.normal(size=(20, 3)), shape[:, [1, 0, 2]] * 3 + 7])
    fit = fit_similarity(shape, others)
    for at, other in enumerate(others):
        centred, onto = shape - shape.mean(axis=0), other - other.mean(axis=0)
        aligned, _ = Rotation.align_vectors(onto, centred)
        assert np.allclose(fit.rotation[at], aligned.as_matrix())
        fitted = fit.scale[at] * shape @ fit.rotation[at].T + fit.shift[at]
        assert fit.residual[at] == pytest.approx(((fitted - other)**2).sum() / (onto**2).sum())
    # scipy's may mirror: the same where that is no better
    assert fit.residual[0] == pytest.approx(scipy.spatial.procrustes(others[0], shape)[2])


def test_the_mean_shape_is_that_of_its_shapes_and_stands_upright():
    mean = mean_shape(landmarks(turned(10, 5, 3), turned(-30, 0, 9, scale=7)))
    assert np.allclose(mean, FRONTAL, atol=1e-8)
    places = place_centres(mean.expand_dims("image"), ("left_eye", "right_eye", "left_mouth", "right_mouth"))[0]
    assert np.allclose(places[:2], [[-0.5, 0, 0], [0.5, 0, 0]])
    assert places[2:].mean("point")[2].item() == pytest.approx(0)


def test_the_demo_faces_turn_as_far_as_their_noses_say():
    stored = orl_landmarks()
    measured = face_attributes(stored)
    eyes, nose = (place_centres(stored.isel(axis=slice(2)), places).to_numpy()
                  for places in (("left_eye_outer", "right_eye_outer"), ("nose_tip",)))
    across = eyes[:, 1] - eyes[:, 0]
    offset = ((nose[:, 0] - eyes.mean(axis=1)) * across).sum(axis=1) / (across**2).sum(axis=1)
    assert np.corrcoef(offset, measured["yaw"])[0, 1] > 0.98
    assert not any(np.isnan(column).any() for column in measured.data_vars.values())
    assert set(measured) < set(ATTRIBUTES.names)


def test_the_page_explains_every_attribute():
    page = (Path(__file__).parents[2] / "docs" / "landmarks.md").read_text(encoding="utf-8")
    for column in ATTRIBUTES.columns:
        assert f"| `{column.name}` | {column.meaning} |" in page


def test_pictures_are_measured_on_their_luma():
    rng = np.random.default_rng(1)
    flat, edge = np.full((6, 6, 3), 51), np.repeat([[0] * 3 + [255] * 3] * 6, 3).reshape(6, 6, 3)
    pixels = np.stack([flat, edge, rng.integers(0, 256, (6, 6, 3))]).astype(np.uint8)
    measured = picture_attributes(xr.DataArray(pixels, {"image": list("abc")}, ("image", "y", "x", "channel")))
    assert np.allclose(measured["brightness"][:2], [0.2, 0.5])
    assert np.allclose(measured["contrast"][:2], [0, 0.5])
    assert np.allclose(measured["sharpness"][:2], [0, np.sqrt(1 / 3)])
    luma = pixels[2] @ np.array([0.299, 0.587, 0.114]) / 255
    assert measured["sharpness"][2].item() == pytest.approx(scipy.ndimage.laplace(luma, mode="nearest").std())


IMAGES = pd.DataFrame({"image": ["ann/1", "ann/2", "bob/1"], "actor": ["ann", "ann", "bob"]})


def test_attributes_of_actors_and_of_images(tmp_path):
    (tmp_path / "a.csv").write_text("actor,age,glasses,shoe size\nbob,31,no,\nann,,yes,38.5\n")
    read = read_attributes(tmp_path / "a.csv", IMAGES)
    assert read["age"].isna().tolist() == [True, True, False]
    assert read["glasses"].tolist() == ["yes", "yes", "no"]
    assert read["shoe size"].tolist()[:2] == [38.5, 38.5]
    (tmp_path / "a.csv").write_text("image,smile\nann/2,0.7\n")
    assert read_attributes(tmp_path / "a.csv", IMAGES)["smile"].isna().tolist() == [True, False, True]


@pytest.mark.parametrize(("text", "message"), [
    ("age\n3\n", r"a.csv: no column 'actor'; expected columns actor; name the column"),
    ("image,yaw\nann/1,3\n", r"column 'yaw'; expected a column image and others, .*rename it"),
    ("actor,age,actor\nann,3,x\n", r"column 'actor' is listed twice"),
    ("image\nann/1\n", r"no column beside image"),
    ("actor,age\neve,3\n", r"row 2: no actor 'eve' in the study; expected actors of the study, such as 'ann'"),
    ("actor,age\nann,3\nann,4\n", r"row 3: actor 'ann' is listed twice"),
    ("image,age\nann/1,31\nann/2,3o\nbob/1,28\n", r"row 3: age='3o'; expected a number, as in most rows"),
    ("image,age\n,31\n", r"row 2: image is empty"),
])
def test_wrong_attributes_are_one_clear_error(tmp_path, text, message):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(InputError, match=message):
        read_attributes(tmp_path / "a.csv", IMAGES)
