"""Landmarks of any layout: read to the same places, and one clear error for whatever is wrong with them."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from salcompare.errors import InputError
from salcompare.faces import EYES, FIVE, eye_centres, orl_landmarks, write_landmarks
from salcompare.sources import landmarks as module
from salcompare.sources import read_attributes, read_landmarks

IMAGES = pd.DataFrame({"image": ["ann/1", "ann/2", "bob/1"], "actor": ["ann", "ann", "bob"],
                       "file": ["photos/ann/1.jpg", "photos/ann/2.jpg", "photos/bob/1.jpg"],
                       "sha256": ["a" * 64, "b" * 64, "c" * 64], "height": 120, "width": 100})
PLACES = np.array([[30, 50], [70, 50], [50, 70], [35, 90], [65, 90.0]])


def table(images=("ann/1", "bob/1"), points=FIVE, places=PLACES):
    rows = [(image, point, *place) for image in images for point, place in zip(points, places, strict=True)]
    return pd.DataFrame(rows, columns=["image", "point", "x", "y", "z"][:len(rows[0])]).astype(object)


def write(tmp_path, frame, **options):
    path = tmp_path / "landmarks.csv"
    frame.to_csv(path, index=False, **options)
    return path


def sixty_eight():
    """Points on a grid, the eyes where eyes are."""
    points = np.stack([np.linspace(20, 80, 68), np.linspace(60, 100, 68)], axis=1)
    points[36:42], points[42:48] = (30, 50), (70, 50)
    return points


def test_a_csv_is_read_in_the_order_of_the_catalogue_and_of_the_scheme(tmp_path):
    shuffled = table().sample(frac=1, random_state=0)
    made = read_landmarks(write(tmp_path, shuffled), IMAGES)
    assert made.image.to_numpy().tolist() == ["ann/1", "ann/2", "bob/1"]
    assert made.point.to_numpy().tolist() == list(FIVE)
    assert made.n_faces.to_numpy().tolist() == [1, 0, 1]
    assert made.sel(image="bob/1").to_numpy().tolist() == PLACES.tolist()
    assert np.isnan(made.sel(image="ann/2")).all()
    assert made.attrs["scheme"] == "five"


@pytest.mark.parametrize("text", ["﻿image,point,x,y\nann/1,left_eye,30,50\nann/1,right_eye,70,50\n",
                                  "\n\nImage;Point;X;Y\r\nann/1;left_eye;30;50\r\n\r\nann/1;right_eye;70;50\r\n",
                                  'image\tpoint\tx\ty\tnote\n"ann/1"\tleft_eye\t30\t50\t\nann/1\tright_eye\t70\t50\t"a\nb"',
                                  "image,point,x,y\rann/1,left_eye,30,50\rann/1,right_eye,70,50"])
def test_csv_of_any_kind(tmp_path, text):
    (tmp_path / "a.csv").write_bytes(text.encode())
    made = read_landmarks(tmp_path / "a.csv", IMAGES)
    assert made.sel(image="ann/1").to_numpy().tolist() == [[30, 50], [70, 50]]


@pytest.mark.parametrize("ending", ["csv", "npz"])
def test_what_is_written_is_read_again(tmp_path, ending):
    stored = orl_landmarks().isel(image=slice(12))
    images = pd.DataFrame({"image": stored.image, "sha256": stored.sha256, "height": 112, "width": 92})
    stored = stored.drop_vars("sha256")
    write_landmarks(tmp_path / f"a.{ending}", stored, images["sha256"])
    xr.testing.assert_equal(read_landmarks(tmp_path / f"a.{ending}", images), stored)


def test_detectors_files_give_the_same_places(tmp_path):
    points = sixty_eight()
    row = {"image": "ann/1", "face_id": 0, "confidence": 0.9, "success": 1}
    row |= {f"{axis}_{i}": points[i, at] - 0.5 for at, axis in enumerate("xy") for i in range(68)}
    row |= {f"{axis}_{i}": 7.0 for axis in "XYZ" for i in range(68)}
    pd.DataFrame([row, row | {"image": "ann/2", "success": 0, "x_3": 0}]).to_csv(tmp_path / "o.csv", index=False)
    parts = "".join(f"<part name='{i:02}' x='{x - 0.5}' y='{y - 0.5}'/>" for i, (x, y) in enumerate(points))
    box = f"<box top='1' left='1' width='9' height='9'>{parts}</box>"
    (tmp_path / "d.xml").write_text(f"<dataset><images><image file='photos/ann/1.jpg'>{box}</image></images></dataset>")
    for folder in ("pts", "openface"):
        (tmp_path / folder / "ann").mkdir(parents=True)
    rows = "\n".join(f"{x + 0.5} {y + 0.5}" for x, y in points)
    (tmp_path / "pts" / "ann" / "1.pts").write_text(f"version: 1\nn_points:  68\n{{\n{rows}\n}}\n")
    pd.DataFrame([row]).drop(columns=["image", "success"]).to_csv(tmp_path / "openface" / "ann" / "1.csv", index=False)
    for name in ("o.csv", "d.xml", "pts", "openface"):
        made = read_landmarks(tmp_path / name, IMAGES)
        assert np.allclose(made.sel(image="ann/1"), points), name
        assert made.n_faces.to_numpy().tolist() == [1, 0, 0]
        assert made.attrs["scheme"] == "68"


def task(points):
    return {"face_landmarks": [[{"x": x / 100, "y": y / 120, "z": z / 100} for x, y, z in points]]}


def test_results_of_mediapipe_are_shares_of_the_sides(tmp_path):
    points = np.tile([50, 60, -3.0], (478, 1))
    points[[33, 133]], points[[263, 362]] = (30, 50, 1), (70, 50, 1)
    small = 50 + (points - 50) / 4
    results = {"ann/1": task(points), "ann_2": {"faceLandmarks": []},
               "bob/1": {"face_landmarks": task(points)["face_landmarks"] + task(small)["face_landmarks"]}}
    (tmp_path / "a.json").write_text(json.dumps(results))
    made = read_landmarks(tmp_path / "a.json", IMAGES)
    assert np.allclose(made.sel(image="ann/1"), points)
    assert np.allclose(made.sel(image="bob/1"), points), "the smaller face is in the background"
    assert made.n_faces.to_numpy().tolist() == [1, 0, 1]
    results["bob/1"]["face_landmarks"] *= 2
    (tmp_path / "a.json").write_text(json.dumps([{"image": name, **result} for name, result in results.items()]))
    assert read_landmarks(tmp_path / "a.json", IMAGES).n_faces.to_numpy().tolist() == [1, 0, 2]


def change(column, value, row=3):
    def changed(frame):
        frame.loc[row, column] = value
        return frame
    return changed


WRONG = {
    "an unknown image": (change("image", "anna/1"), r"landmarks.csv row 5: no image 'anna/1' in the study; expected an "
                         r"id .*did you mean 'ann/1'"),
    "no number": (change("x", "12,5"), r"row 5: x='12,5'; expected a finite number; write decimals with a point"),
    "NaN": (change("y", "nan"), r"row 5: y='nan'; expected a finite number"),
    "a blank": (change("y", ""), r"row 5: y=''; expected a finite number"),
    "far outside": (change("x", 412), r"row 5: a point at \(412, 90\) of image 'ann/1', which has 100 x 120 pixels; "
                    r"expected a place on the photograph or near it; give natural pixels"),
    "another size": (lambda frame: frame.assign(x=frame["x"] * 2, y=frame["y"] * 2),
                     r"row 2: the middle of the face of image 'ann/1' is outside the photograph"),
    "too few points of a face": (lambda frame: frame.drop(index=3), r"row 2: image 'ann/1' has 4 of 5 points: no "
                                 r"'left_mouth'; expected all points of a face"),
    "one point": (lambda frame: frame[frame["point"] == "nose_tip"], r"1 point a face; expected two at least"),
    "two faces": (lambda frame: pd.concat([frame, table(["ann/1"])]), r"row 12: image 'ann/1' has 2 faces; expected"),
    "a point twice": (lambda frame: pd.concat([frame, frame.iloc[[2]]]), r"row 12: point 'nose_tip' of image 'ann/1' "
                      r"is listed twice; expected each point once"),
    "names of no scheme": (lambda frame: frame.assign(point=frame["point"].map(dict(zip(FIVE, "abcde", strict=True)))),
                           r"points 'a', 'b', 'c', ... of no scheme that is known; expected names such as left_eye"),
    "a number of no scheme": (lambda frame: frame[frame["point"] != FIVE[4]].assign(point=["0", "1", "2", "3"] * 2),
                              r"4 numbered points, 0 to 3; expected 2, 5, 68, 98, 468, 478 of them"),
    "the person's sides": (lambda frame: frame.replace({"left_eye": "right_eye", "right_eye": "left_eye"}),
                           r"left_eye lies right of right_eye in 2 of 2 photographs; expected the viewer's left"),
    "y that grows upwards": (lambda frame: frame.assign(y=120 - frame["y"]), r"the eyes lie below the nose in 2 of 2 "
                             r"photographs; expected y that grows downwards; subtract y from the height"),
    "shares of the sides": (lambda frame: frame.assign(x=frame["x"] / 100, y=frame["y"] / 120), r"every place lies "
                            r"between 0 and 1, .*; expected pixels; multiply x"),
    "no column y": (lambda frame: frame.drop(columns="y"), r"no column 'y'; expected columns image, point, x, y"),
    "no rows": (lambda frame: frame.iloc[:0], r"no landmarks in it"),
    "a hidden character": (change("point", "left\u200beye"), r"row 5: point='left\\u200beye' holds"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_csv_is_one_clear_error(tmp_path, name):
    spoil, message = WRONG[name]
    with pytest.raises(InputError, match=message) as error:
        read_landmarks(write(tmp_path, spoil(table())), IMAGES)
    assert all(problem.where.startswith("landmarks.csv") for problem in error.value.problems)
    assert all(problem.expected and problem.remedy for problem in error.value.problems)


WRONG_FILES = {
    "nothing there": ("gone.csv", None, r"gone.csv: does not exist; expected a CSV, NPZ"),
    "an empty file": ("a.csv", b"", r"a.csv: is empty"),
    "a workbook": ("a.csv", b"PK\x03\x04xl/", r"is a spreadsheet's own file"),
    "no NPZ": ("a.npz", b"PK\x03\x04no", r"a.npz: cannot be read: it is no NPZ; expected an NPZ with arrays "),
    "a pickle": ("a.npz", b"\x80\x04K\x01.", r"a.npz: cannot be read: it is no NPZ"),
    "no XML": ("a.xml", b"<dataset>", r"a.xml: is no XML"),
    "XML without a face": ("a.xml", b"<dataset><image file='ann/1.jpg'/></dataset>", r"a.xml: holds no face"),
    "an unknown photo": ("a.xml", b"<d><image file='eve/9.jpg'><box><part name='0' x='1' y='2'/></box></image></d>",
                              r"a.xml image 'eve/9.jpg': the study has no image 'eve/9.jpg'"),
    "a part without a number": ("a.xml", b"<d><image file='ann/1'><box><part name='0' x='1'/></box></image></d>",
                                r"a.xml image 'ann/1': a point \['1', None\]; expected finite numbers x, y"),
    "no result": ("a.json", b'{"ann/1": [1, 2]}', r"a.json image 'ann/1': no list face_landmarks"),
    "a result without numbers": ("a.json", b'{"ann/1": {"face_landmarks": [[{"x": "a", "y": 1, "z": 1}]]}}',
                                 r"a.json image 'ann/1': a point \['a', 1, 1\]; expected finite numbers x, y, z"),
    "points cut off": ("pts/ann/1.pts", b"version: 1\nn_points: 68\n{\n1 2\n", r"1.pts: 1 points between "
                       r"braces, n_points 68"),
    "files of two kinds": ("pts/ann/1.pts pts/ann/1.csv", b"x", r"pts: a folder of .csv and .pts files"),
    "OpenFace without names": ("a.csv", b"frame,x_0,x_1,y_0,y_1\n1,1,1,2,2\n", r"a.csv: no column 'image', 'filename'"),
    "OpenFace without a number": ("a.csv", b"image,x_0,x_1,y_0,y_1\nann/1,1,1,2,oops\n", r"a.csv row 2: point 1 is no "
                                  r"two numbers"),
    "OpenFace without a column": ("a.csv", b"image,x_0,x_1,y_0\nann/1,1,1,2\n", r"a.csv: no column 'y_1'"),
}


@pytest.mark.parametrize("name", WRONG_FILES)
def test_a_wrong_file_is_one_clear_error(tmp_path, name):
    files, content, message = WRONG_FILES[name]
    for file in files.split():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        if content is not None:
            (tmp_path / file).write_bytes(content)
    with pytest.raises(InputError, match=message) as error:
        read_landmarks(tmp_path / files.split()[0].split("/")[0], IMAGES)
    assert all(problem.expected and problem.remedy for problem in error.value.problems)


def arrays(**changes):
    two = {"image": np.array(["ann/1", "bob/1"]), "point": np.array(EYES), "x": np.array([[30, 70], [31, 72.0]]),
           "y": np.array([[50, 50], [51, 52.0]]), "sha256": np.array(["a" * 16, "c" * 16])}
    return {name: value for name, value in (two | changes).items() if value is not None}


@pytest.mark.parametrize(("changes", "message"), [
    ({"y": None}, r"a.npz: no array 'y'; expected an NPZ with arrays image"),
    ({"x": np.zeros((2, 3))}, r"array 'x': float64 of shape \(2, 3\); expected shape \(2, 2\)"),
    ({"n_faces": np.ones(3)}, r"array 'n_faces': float64 of shape \(3,\); expected shape \(2,\)"),
    ({"x": np.array([[1, np.nan], [3, 4.0]])}, r"row 1: image 'ann/1' has 1 of 2 points: no 'right_eye'"),
    ({"image": np.array(["ann/1", "ann/1"]), "sha256": None}, r"row 2: image 'ann/1' has 2 faces; expected one"),
    ({"image": np.array(["ann/1", "eve/1"])}, r"row 2: no image 'eve/1' in the study"),
    ({"sha256": np.array(["a" * 16, "d" * 16])}, r"row 2: photograph 'bob/1' is another file than"),
])
def test_a_wrong_npz_is_one_clear_error(tmp_path, changes, message):
    np.savez(tmp_path / "a.npz", **arrays())
    assert read_landmarks(tmp_path / "a.npz", IMAGES).attrs["scheme"] == "eyes"
    np.savez(tmp_path / "a.npz", **arrays(**changes))
    with pytest.raises(InputError, match=message) as error:
        read_landmarks(tmp_path / "a.npz", IMAGES)
    assert all(problem.expected and problem.remedy for problem in error.value.problems)


@pytest.mark.parametrize("at", range(30, 800, 70))
def test_a_damaged_npz_is_one_clear_error_or_harmless(tmp_path, at):
    np.savez_compressed(tmp_path / "a.npz", **arrays())
    whole = read_landmarks(tmp_path / "a.npz", IMAGES)
    content = bytearray((tmp_path / "a.npz").read_bytes())
    content[at:at + 5] = b"\xff\x00\xff\x07\x07"
    (tmp_path / "a.npz").write_bytes(bytes(content))
    try:
        said = "a.npz" if read_landmarks(tmp_path / "a.npz", IMAGES).equals(whole) else "read as something else"
    except InputError as error:
        said = str(error)
    assert "a.npz" in said


def test_a_large_file_is_read_in_blocks_and_its_lines_are_known(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_BLOCK", 1 << 10)
    images = pd.DataFrame({"image": [f"a/{i}" for i in range(300)], "height": 120, "width": 100})
    frame = table(images["image"])
    read = read_landmarks(write(tmp_path, frame), images)
    assert eye_centres(read).sizes["image"] == 300
    frame.loc[1400, "x"] = "?"
    with pytest.raises(InputError, match=r"row 1402: x='\?'"):
        read_landmarks(write(tmp_path, frame), images)
    frame.loc[1400, "x"] = -400
    with pytest.raises(InputError, match=re.escape("row 1402: a point at (-400, 50) of image 'a/280'")):
        read_landmarks(write(tmp_path, frame), images)


def test_a_json_that_is_too_large_for_memory_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("salcompare.sources.landmark_layouts._MOST_JSON", 10)
    (tmp_path / "a.json").write_text('{"ann/1": {}}')
    with pytest.raises(InputError, match=r"a.json: has 13 bytes; expected at most 10; give a folder"):
        read_landmarks(tmp_path / "a.json", IMAGES)


def test_the_examples_of_the_page_are_read(tmp_path):
    page = (Path(__file__).parents[2] / "docs" / "landmarks.md").read_text(encoding="utf-8")
    landmarks, attributes = re.findall(r"```csv\n(.*?)```", page, flags=re.DOTALL)
    images = pd.DataFrame({"image": ["ann/001", "bob/001"], "actor": ["ann", "bob"], "height": 250, "width": 200})
    (tmp_path / "a.csv").write_text(landmarks)
    assert read_landmarks(tmp_path / "a.csv", images).n_faces.to_numpy().tolist() == [1, 0]
    (tmp_path / "b.csv").write_text(attributes)
    assert read_attributes(tmp_path / "b.csv", images)["glasses"].tolist() == ["no", "yes"]
