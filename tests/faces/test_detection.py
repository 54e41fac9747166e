"""Finding faces: small photographs are padded and enlarged, others' faces counted, and a killed run is gone on with."""

import os
import sys

import numpy as np
import pandas as pd
import pytest

from salcompare.cli import main
from salcompare.errors import InputError, MissingDependencyError
from salcompare.faces import orl_landmarks
from salcompare.faces.detection import (
    PAD,
    SHORTEST,
    Detector,
    _held_notes,
    detect_face,
    detect_landmarks,
    open_detector,
)
from salcompare.sources.datasets import find_orl
from salcompare.sources.decoding import read_photograph

RIGHT = (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466)


def spot_detector(*, seen=None, others=()):
    """Takes the brightest spot for a face as wide as a tenth of the picture; others stand in a corner."""
    def find(pixels):
        if seen is not None:
            seen.append(pixels.shape[:2])
        y, x = (float(at.mean()) + 0.5 for at in np.nonzero(pixels[..., 0] > 128))
        height, width = pixels.shape[:2]
        faces = [face_at(x / width, y / height, 0.1), *(face_at(0.1, 0.1, size) for size in others)]
        return faces if y < height else []
    return Detector({"model": f"spot {others}"}, 468, find)


def face_at(x, y, size):
    points = np.full((468, 3), [x, y, 0.25])
    points[list(RIGHT), 0] += size
    return points


def photograph(height=112, width=92, spot=(30, 40)):
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[spot[1], spot[0]] = 255
    return pixels


@pytest.mark.parametrize("size", [(112, 92), (600, 700), (1000, 800)])
def test_points_come_back_in_pixels_of_the_photograph(size):
    seen = []
    points, n_faces = detect_face(photograph(*size), spot_detector(seen=seen))
    assert n_faces == 1
    assert np.allclose(points[0, :2], (30.5, 40.5), atol=0.1)
    padded = [side + 2 * round(PAD * min(size)) for side in size]
    assert min(seen[0]) >= SHORTEST
    assert seen[0][0] / padded[0] == seen[0][1] / padded[1] == max(1, -(-SHORTEST // min(padded)))
    assert points[0, 2] == pytest.approx(0.25 * padded[1], abs=0.05)


def test_a_face_in_the_background_is_passed_over_and_one_as_large_is_not():
    assert detect_face(photograph(), spot_detector(others=[0.04]))[1] == 1
    points, n_faces = detect_face(photograph(), spot_detector(others=[0.06]))
    assert n_faces == 2
    assert np.isnan(points).all()


def catalogue(count=4):
    return pd.DataFrame({"image": [f"a/{i}" for i in range(count)], "sha256": [f"{i:064x}" for i in range(count)]})


def test_a_killed_run_is_gone_on_with_and_gives_the_same(tmp_path):
    images, read, journal = catalogue(), [], tmp_path / "out.csv.unfinished"

    def reading(image):
        if len(read) == 2:
            raise KeyboardInterrupt
        read.append(image)
        return photograph(spot=(30 + 5 * int(image[2:]), 40))

    with pytest.raises(KeyboardInterrupt):
        detect_landmarks(images, reading, spot_detector(), journal=journal)
    with journal.open("ab") as stream:
        stream.write(b"half a record")
    again = []
    made = detect_landmarks(images, lambda image: again.append(image) or photograph(
        spot=(30 + 5 * int(image[2:]), 40)), spot_detector(), journal=journal)
    assert (read, again) == (["a/0", "a/1"], ["a/2", "a/3"])
    assert np.allclose(made.sel(axis="x")[:, 0], [30.5, 35.5, 40.5, 45.5], atol=0.1)
    assert made.attrs["scheme"] == "468"
    detect_landmarks(images, lambda image: again.append(image) or photograph(), spot_detector(others=[0.06]),
                     journal=journal)
    assert len(again) == 6, "another detector begins anew"


def test_without_the_package_the_command_says_what_to_install(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'salcompare\[landmarks\]'"), open_detector():
        pass
    (tmp_path / "there.csv").write_text("")
    assert main(["landmarks", "--out", str(tmp_path / "there.csv")]) == 2
    assert "is there already" in capsys.readouterr().err


def test_notes_of_native_code_are_held_back_and_shown_where_it_fails(capfd):
    divide = _held_notes()(lambda by: os.write(2, b"W0000 what native code says\n") / by)
    assert divide(7) == 4
    assert capfd.readouterr().err == ""
    with pytest.raises(ZeroDivisionError):
        divide(0)
    assert capfd.readouterr().err == "W0000 what native code says\n"


@pytest.mark.mediapipe
def test_some_of_the_packaged_landmarks_are_detected_again():
    stored, candidates = orl_landmarks(), {one.image: one for one in find_orl().candidates}
    with open_detector() as detector:
        for image in ("s01/1", "s05/2", "s29/8", "s40/10"):
            points, n_faces = detect_face(read_photograph(candidates[image].path), detector)
            assert n_faces == 1
            assert np.abs(points - stored.sel(image=image).to_numpy()).max() < 0.5
        assert detect_face(np.full((112, 92, 3), 128, np.uint8), detector)[1] == 0
        assert detector.about["sha256"] == stored.attrs["sha256"]


@pytest.mark.mediapipe
def test_the_detector_writes_no_notes_of_its_own(capfd):
    with open_detector() as detector:
        assert detect_face(read_photograph(find_orl().candidates[0].path), detector)[1] == 1
        print("a line of progress", file=sys.stderr)
    assert capfd.readouterr().err == "a line of progress\n"


@pytest.mark.mediapipe
@pytest.mark.parametrize(("content", "message"), [
    (None, "is no file; expected MediaPipe's face_landmarker.task; mend the path"),
    (b"", "does not read it: .*; expected its face_landmarker.task; download it again"),
    (b"<!DOCTYPE html>", "does not read it: .*; expected its face_landmarker.task; download it again"),
    (b"PK\x03\x04 cut off", "does not read it: .*; expected its face_landmarker.task; download it again"),
])
def test_a_wrong_model_is_one_clear_error(tmp_path, content, message):
    if content is not None:
        (tmp_path / "a.task").write_bytes(content)
    with pytest.raises(InputError, match=rf"a\.task: .*{message}"), open_detector(tmp_path / "a.task"):
        pass


@pytest.mark.mediapipe
def test_two_people_side_by_side_are_two_faces():
    one, other = (read_photograph(next(c.path for c in find_orl().candidates if c.image == image))
                  for image in ("s01/1", "s05/2"))
    with open_detector() as detector:
        assert detect_face(np.concatenate([one, other], axis=1), detector)[1] == 2
