"""Layouts that tools write beside their usual ones: rectangles as polygons, projects of VIA 3, YOLO's data.yaml."""

import json

import pytest

from salcompare.errors import InputError
from salcompare.sources.importers import Options, import_responses
from tests.sources.importers.samples import (
    CVAT,
    HEIGHT,
    IMAGES,
    LABEL_STUDIO,
    TRUTH,
    VIA_JSON,
    WIDTH,
    box,
    crowd_flat,
    labelme,
    mturk_cells,
    mturk_file,
    put,
    reasons,
    rows,
    take,
)

CORNERS = [(40.0, 50.0), (80.0, 50.0), (80.0, 100.0), (40.0, 100.0)]  # of the first box
SLANTED = [(40.0, 50.0), (80.0, 55.0), (80.0, 100.0), (40.0, 100.0)]
CROSSED = [(40.0, 50.0), (80.0, 100.0), (80.0, 50.0), (40.0, 100.0)]
ORDERS = pytest.mark.parametrize("corners", [CORNERS, CORNERS[::-1], CORNERS[2:] + CORNERS[:2],
                                             [*CORNERS, CORNERS[0]], [(40.00001, 50.0), *CORNERS[1:]]],
                                 ids=["clockwise", "the other way", "from another corner", "closed", "rounded"])


def in_cvat(corners):
    points = ";".join(f"{x},{y}" for x, y in corners)
    return CVAT.replace('<box label="nose"', f'<polygon points="{points}" label="nose"', 1).replace(
        "</box>", "</polygon>", 1)


def in_via(corners):
    shape = {"name": "polygon", "all_points_x": [x for x, _ in corners], "all_points_y": [y for _, y in corners]}
    return VIA_JSON.replace('{"name": "rect", "x": 40.0, "y": 50.0, "width": 40.0, "height": 50.0}', json.dumps(shape))


def in_label_studio(corners):
    tasks = json.loads(LABEL_STUDIO)
    tasks[0]["annotations"][0]["result"][0] |= {"type": "polygonlabels", "value": {
        "points": [[100 * x / WIDTH, 100 * y / HEIGHT] for x, y in corners], "polygonlabels": ["nose"]}}
    return json.dumps(tasks)


@ORDERS
@pytest.mark.parametrize("written", [in_cvat, in_via, in_label_studio])
def test_a_polygon_that_is_an_upright_rectangle_is_a_box(tmp_path, written, corners):
    got = take(tmp_path, written(corners))
    assert rows(got)[:2] == [(*row[:2], *(pytest.approx(edge, abs=1e-4) for edge in row[2:])) for row in TRUTH]


@pytest.mark.parametrize("corners", [SLANTED, CROSSED, CORNERS[:3], [*CORNERS, (1.0, 1.0)], []],
                         ids=["slanted", "crossed", "a triangle", "five corners", "no corner"])
@pytest.mark.parametrize("written", [in_cvat, in_via, in_label_studio])
def test_any_other_polygon_is_none(tmp_path, written, corners):
    got = take(tmp_path, written(corners))
    assert rows(got) == [pytest.approx(TRUTH[1])]
    assert set(reasons(got)) <= {"not_a_box", "not_a_number"}


@pytest.mark.parametrize("kind", ["rectangle", "polygon"])
def test_labelme_writes_rectangles_with_four_corners_too(tmp_path, kind):
    def written(corners):
        file = json.loads(labelme(*TRUTH[0]))
        file["shapes"][0] |= {"shape_type": kind, "points": corners}
        return json.dumps(file)
    assert rows(take(tmp_path, written(CORNERS))) == [TRUTH[0]]
    with pytest.raises(InputError, match="no upright rectangle"):
        take(tmp_path, written(SLANTED))


def test_corners_of_oriented_boxes_of_yolo_are_a_box_where_they_are_upright(tmp_path):
    def line(corners):
        return "0 " + " ".join(f"{x / WIDTH:.6f} {y / HEIGHT:.6f}" for x, y in corners) + "\n"
    put(tmp_path, {"classes.txt": "nose\n", "s1/1.txt": line(CORNERS) + line(SLANTED)})
    got = import_responses(tmp_path / "export", IMAGES)
    assert (rows(got), reasons(got)) == ([pytest.approx(TRUTH[0])], ["not_a_box"])


# Classes of YOLO

@pytest.mark.parametrize("names", ["names: [nose, Eyes]", "names:\n  0: nose\n  1: Eyes\n",
                                   "nc: 2\nnames:\n- nose\n- Eyes"])
@pytest.mark.parametrize("folder", ["labels/train/s1", "labels/s1", "s1"])
def test_names_of_classes_are_read_from_data_yaml(tmp_path, names, folder):
    put(tmp_path, {"data.yaml": f"path: ../data\n{names}\n", f"{folder}/1.txt": "1 0.45 0.225 0.7 0.15\n"})
    got = import_responses(tmp_path / "export" / folder, IMAGES)
    assert rows(got, "image", "label") == [("s1/1", "Eyes")]


@pytest.mark.parametrize(("content", "says"), [("names: [a", "is no YAML"), ("nc: 2", "holds no names of classes"),
                                               ("- 1", "holds no names of classes"),
                                               ("names: !!python/object/apply:os.getcwd []", "is no YAML")])
def test_a_data_yaml_that_names_nothing_is_one_clear_error(tmp_path, content, says):
    put(tmp_path, {"data.yaml": content, "s1/1.txt": "1 0.45 0.225 0.7 0.15\n"})
    with pytest.raises(InputError, match=rf"data\.yaml: {says}"):
        import_responses(tmp_path / "export" / "s1" / "1.txt", IMAGES)


# VIA 3

def via_3(*regions, **changes):
    """A project of two images with a choice of labels and a text for the worker."""
    return json.dumps({
        "project": {"pid": "__VIA_PROJECT_ID__", "data_format_version": "3.1.1", "vid_list": ["1", "2"]},
        "config": {"file": {"loc_prefix": {"1": "", "2": "", "3": "", "4": ""}}},
        "attribute": {"1": {"aname": "feature", "anchor_id": "FILE1_Z0_XY1", "type": 3, "options": {
            "n": "nose", "e": "Eyes"}, "default_option_id": ""},
            "2": {"aname": "annotator", "anchor_id": "FILE1_Z0_XY1", "type": 1, "options": {}}},
        "file": {"1": {"fid": "1", "fname": "s1/1.png", "type": 2, "loc": 1, "src": ""},
                 "2": {"fid": 2, "fname": "", "type": 2, "loc": 3, "src": "https://host/faces/s2/1.png"}},
        "view": {"1": {"fid_list": ["1"]}, "2": {"fid_list": [2]}},
        "metadata": {f"{at}_x": {"vid": vid, "flg": 0, "z": [], "xy": xy, "av": {"1": label, "2": "w7"}}
                     for at, (vid, xy, label) in enumerate(regions)}} | changes)


BOTH = (("1", [2, 40, 50, 40, 50], "n"), ("2", [2, 16, 30, 112, 30], "e"))


def test_a_project_of_via_3_is_read(tmp_path):
    got = take(tmp_path, via_3(*BOTH))
    assert (rows(got), got.formats, set(got.responses["worker"])) == (TRUTH, ("via-json",), {"w7"})
    flat = [7, *(place for corner in CORNERS for place in corner)]
    assert rows(take(tmp_path, via_3(("1", flat, "n"), BOTH[1]))) == TRUTH


@pytest.mark.parametrize(("region", "reason"), [
    (("1", [3, 40, 50, 9], "n"), "not_a_box"), (("1", [2, 40, 50, 9], "n"), "layout"),
    (("1", [2, 4, 5, 9, 9], ""), "empty_label"),
    (("9", [2, 4, 5, 9, 9], "n"), "no_image"), (("1", [2, 4, 5, "x", 9], "n"), "not_a_number"),
    (("1", ["?", 4], "n"), "not_a_box"), (("1", [2, 4, 5, 0, 9], "n"), "no_area")])
def test_what_is_no_box_of_via_3_is_refused_with_a_reason(tmp_path, region, reason):
    got = take(tmp_path, via_3(region, BOTH[1]))
    assert rows(got) == [TRUTH[1]]
    assert reason in reasons(got)


def test_an_image_of_via_3_without_a_region_and_a_segment_of_time_are_told_apart(tmp_path):
    got = take(tmp_path, via_3(BOTH[0], ("1", [], "n")))
    assert (rows(got), reasons(got)) == ([TRUTH[0]], ["no_box"])


# One fixed picture

def test_boxes_of_a_hit_with_one_fixed_picture_are_on_the_image_that_is_named(tmp_path):
    row = mturk_cells(crowd_flat(box()), image="", **{"Input.prompt": "Where is the nose?"})
    with pytest.raises(InputError, match="the study has no image 'Where is the nose"):
        take(tmp_path, mturk_file(row))
    got = take(tmp_path, mturk_file(row), image="s1/1")
    assert rows(got) == [TRUTH[0]]
    named = mturk_file(row, mturk_cells(crowd_flat(box()), image="s2/1"), mturk_cells(crowd_flat(box()), image="zz/9"))
    got = take(tmp_path, named, image="s1/1")
    assert (rows(got, "image"), reasons(got)) == ([("s1/1",), ("s2/1",)], ["unknown_image"])


def test_the_image_that_is_named_must_be_the_studys(tmp_path):
    with pytest.raises(InputError, match=r"--image: the study has no image 's1/7'; .*see the column image"):
        take(tmp_path, mturk_file(mturk_cells(crowd_flat(box()), image="")), image="s1/7")
    assert Options().image == ""
