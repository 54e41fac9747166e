"""Every format states the same boxes; what each adds, and what it makes of what is no box."""

import json
from xml.etree import ElementTree

import pytest
from globox import Annotation, AnnotationSet, BoundingBox
from hypothesis import given, settings
from hypothesis import strategies as st

from salcompare.errors import InputError
from salcompare.sources.importers import FORMATS, Options, import_responses
from tests.sources.importers.samples import (
    COCO,
    CVAT,
    FILES,
    HEIGHT,
    IMAGES,
    LABEL_STUDIO,
    MANIFEST,
    TRUTH,
    VIA_CSV,
    VIA_JSON,
    WIDTH,
    box,
    label_studio_task,
    labelme,
    put,
    reasons,
    rows,
    take,
    voc,
)


@pytest.mark.parametrize("told", [False, True], ids=["told from its content", "named"])
@pytest.mark.parametrize("name", FILES)
def test_every_format_gives_the_same_boxes(tmp_path, name, told):
    file_format, files = FILES[name]
    got = import_responses(put(tmp_path, files), IMAGES, file_format=file_format if told else None)
    assert rows(got) == [pytest.approx(row) for row in TRUTH]
    assert (got.formats, got.read, len(got.refused)) == ((file_format,), 2, 0)


def test_every_format_has_a_sample():
    assert {file_format for file_format, _ in FILES.values()} == set(FORMATS)


@pytest.mark.parametrize(("name", "worker"), [
    ("mturk, flattened", "A1B2C3"), ("Label Studio JSON", "5"), ("Label Studio JSON-MIN", "5"), ("VIA CSV", "w7"),
    ("VIA JSON", "w7"), ("COCO", "w7"), ("CVAT", "w7"), ("Ground Truth consolidation", "private.us-east-1.AB12")])
def test_the_worker_is_kept_where_a_format_or_its_attributes_name_one(tmp_path, name, worker):
    assert set(import_responses(put(tmp_path, FILES[name][1]), IMAGES).responses["worker"]) == {worker}


@pytest.mark.parametrize("name", ["Pascal VOC", "LabelMe", "YOLO", "Ground Truth manifest"])
def test_boxes_of_nobody_are_the_files_or_those_of_the_worker_named_and_that_is_said(tmp_path, name):
    path = put(tmp_path, FILES[name][1])
    got = import_responses(path, IMAGES)
    assert set(got.responses["worker"]) == {path.stem}
    assert "2 boxes name no worker" in got.notes[0]
    named = import_responses(path, IMAGES, options=Options(worker="ada"))
    assert set(named.responses["worker"]) == {"ada"}


@pytest.mark.parametrize("name", FILES)
def test_every_format_can_be_read_from_a_folder(tmp_path, name):
    file_format, files = FILES[name]
    put(tmp_path, files)
    got = import_responses(tmp_path / "export", IMAGES)
    assert (len(got.responses), got.formats) == (2, (file_format,))


# The library's own writers are an oracle for the six formats that it reads.

edges = st.tuples(st.integers(0, WIDTH - 2), st.integers(0, HEIGHT - 2)).flatmap(lambda corner: st.tuples(
    st.just(corner[0]), st.just(corner[1]), st.integers(corner[0] + 1, WIDTH), st.integers(corner[1] + 1, HEIGHT)))


def written(tmp_path, boxes, kind):
    """Boxes as globox writes them."""
    annotations = AnnotationSet([Annotation("s1/1.png", (WIDTH, HEIGHT), [
        BoundingBox(label=label, xmin=x0, ymin=y0, xmax=x1, ymax=y1) for label, (x0, y0, x1, y1) in boxes])])
    folder = tmp_path / kind
    folder.mkdir(exist_ok=True)
    if kind == "coco":
        annotations.save_coco(folder / "a.json", auto_ids=True)
    elif kind == "cvat":
        annotations.save_cvat(folder / "a.xml")
    elif kind == "voc":
        (folder / "a.xml").write_bytes(ElementTree.tostring(annotations["s1/1.png"].to_xml()))
    elif kind == "labelme":
        (folder / "a.json").write_text(json.dumps(annotations["s1/1.png"].to_labelme()))
    return folder


@settings(max_examples=15)
@given(boxes=st.lists(st.tuples(st.sampled_from(["nose", "eyes", "left ear"]), edges), min_size=1, max_size=5,
                      unique=True))
@pytest.mark.parametrize("kind", ["coco", "cvat", "voc", "labelme"])
def test_what_globox_writes_is_read_back(tmp_path_factory, boxes, kind):
    folder = written(tmp_path_factory.mktemp("globox"), boxes, kind)
    got = import_responses(folder, IMAGES, options=Options(voc_origin=0))
    assert rows(got, "label", "x0", "y0", "x1", "y1") == [(label, *map(float, corners)) for label, corners in boxes]


# Label Studio

def label_studio(change):
    task = label_studio_task(*TRUTH[0])
    change(task, task["annotations"][0], task["annotations"][0]["result"][0])
    return json.dumps([label_studio_task(*TRUTH[1]), task])


@pytest.mark.parametrize(("change", "reason"), [
    (lambda task, note, result: note.update(was_cancelled=True), "cancelled"),
    (lambda task, note, result: note.update(result=[]), "no_box"),
    (lambda task, note, result: task.update(annotations=[]), "no_box"),
    (lambda task, note, result: result["value"].update(rotation=12.5), "rotated"),
    (lambda task, note, result: result.update(image_rotation=90), "rotated"),
    (lambda task, note, result: result.update(type="polygonlabels"), "not_a_box"),
    (lambda task, note, result: result.update(type=["rectangle"]), "not_a_box"),
    (lambda task, note, result: result["value"].update(x="left"), "not_a_number"),
    (lambda task, note, result: result["value"].update(x=90), "outside"),
    (lambda task, note, result: result["value"].update(rectanglelabels=[]), "empty_label"),
    (lambda task, note, result: result.update(original_width=HEIGHT, original_height=WIDTH), "turned"),
    (lambda task, note, result: task.update(data={"image": "/data/upload/other.png"}), "unknown_image"),
    (lambda task, note, result: task.update(data={}), "no_image"),
    (lambda task, note, result: task.update(annotations=["?"]), "layout"),
], ids=lambda value: value if isinstance(value, str) else "")
def test_label_studio_refuses_what_is_no_upright_box_of_a_person(tmp_path, change, reason):
    got = take(tmp_path, label_studio(change))
    assert (rows(got), reasons(got)) == ([pytest.approx(TRUTH[1])], [reason])


def test_label_studios_predictions_are_refused(tmp_path):
    got = take(tmp_path, label_studio(lambda task, note, result: task.update(predictions=[{"result": [result]}])))
    assert (len(got.responses), reasons(got)) == (2, ["prediction"])


def test_label_studio_keeps_time_and_moment(tmp_path):
    got = take(tmp_path, LABEL_STUDIO)
    assert rows(got, "seconds", "submitted")[0] == (8.25, "2024-05-01T10:00:00+00:00")


def test_a_label_of_label_studio_may_stand_in_a_result_of_its_own(tmp_path):
    def apart(task, note, result):
        del result["value"]["rectanglelabels"]
        note["result"] = [{**result, "type": "rectangle"},
                          {"id": result["id"], "type": "choices", "value": {"choices": ["Nose"]}}]
    assert rows(take(tmp_path, label_studio(apart)), "label")[1] == ("Nose",)


# VIA

def test_a_circle_of_via_is_no_box(tmp_path):
    circle = VIA_JSON.replace('"name": "rect", "x": 40.0', '"name": "circle", "cx": 4')
    assert reasons(take(tmp_path, circle)) == ["not_a_box"]
    assert reasons(take(tmp_path, VIA_CSV.replace('""rect""', '""circle""', 1))) == ["not_a_box"]


def test_an_image_of_via_without_regions_is_a_row_without_a_box(tmp_path):
    content = json.loads(VIA_JSON)
    content["_via_img_metadata"]["more"] = {"filename": "s1/2.png", "size": 1, "regions": [], "file_attributes": {}}
    assert reasons(take(tmp_path, json.dumps(content))) == ["no_box"]
    row = 's2/2.png,9,"{}",0,0,"{}","{}"\n'
    assert reasons(take(tmp_path, VIA_CSV + row)) == ["no_box"]


def test_the_box_ticked_among_vias_checkboxes_is_the_label(tmp_path):
    ticked = VIA_JSON.replace('"feature": "nose"', '"feature": {"nose": true, "eyes": false}')
    assert rows(take(tmp_path, ticked), "label") == [("nose",), ("Eyes",)]


# COCO, CVAT

@pytest.mark.parametrize(("old", "new", "reason"), [
    ('"image_id": 0', '"image_id": 9', "no_image"),
    ('"category_id": 0', '"category_id": 9', "unknown_class"),
    ('"bbox": [40.0, 50.0, 40.0, 50.0]', '"bbox": [40.0, 50.0]', "not_a_box"),
    ('"bbox": [40.0, 50.0, 40.0, 50.0]', '"bbox": [40.0, 50.0, -4, 50.0]', "swapped_corners"),
    ('"bbox": [40.0, 50.0, 40.0, 50.0]', '"bbox": [40.0, 50.0, NaN, 50.0]', "not_a_number"),
    ('"bbox": [40.0, 50.0, 40.0, 50.0]', '"bbox": [40.0, 50.0, 4e2, 50.0]', "outside"),
    ('"iscrowd": 0', '"score": 0.5', "prediction"),
])
def test_coco_refuses_what_is_no_box_of_a_person(tmp_path, old, new, reason):
    got = take(tmp_path, COCO.replace(old, new, 1))
    assert rows(got) == [TRUTH[1]]
    assert set(reasons(got)) == ({reason, "no_box"} if reason == "no_image" else {reason})


@pytest.mark.parametrize(("old", "new", "reason"), [
    ("<box ", "<polygon ", "not_a_box"), ('source="manual"', 'source="auto"', "prediction"),
    ('z_order="0"', 'rotation="30.0"', "rotated"), ('xtl="40.0"', 'xtl="90.0"', "swapped_corners"),
    ('xtl="40.0"', "", "layout"), ('width="160"', 'width="0"', "size"), ('name="s1/1.png"', "", "no_image")])
def test_cvat_refuses_what_is_no_upright_box_of_a_person(tmp_path, old, new, reason):
    changed = CVAT.replace(old, new, 1)
    if old == "<box ":
        changed = changed.replace("</box>", "</polygon>", 1)
    got = take(tmp_path, changed)
    assert (rows(got), reasons(got)) == ([TRUTH[1]], [reason])


def test_tracks_and_images_of_cvat_without_a_box_are_rows_too(tmp_path):
    more = ('<image id="5" name="s1/2.png" width="160" height="200"/><track id="0" label="nose"><box frame="0" '
            'xtl="1" ytl="1" xbr="2" ybr="2"/></track>')
    got = take(tmp_path, CVAT.replace("</annotations>", more + "</annotations>"))
    assert (got.read, reasons(got)) == (4, ["no_box", "no_image"])


# Pascal VOC, LabelMe, YOLO

def test_pascal_voc_counts_pixels_from_1_unless_told_otherwise(tmp_path):
    path = put(tmp_path, {"one.xml": voc("s1/1", "nose", 0, 0, 160, 200)})
    assert rows(import_responses(path, IMAGES)) == [("s1/1", "nose", 0, 0, 160, 200)]
    assert rows(import_responses(path, IMAGES, options=Options(voc_origin=0))) == [("s1/1", "nose", 1, 1, 160, 200)]


def test_a_pascal_voc_file_that_counts_from_0_is_told_how_to_say_so(tmp_path):
    with pytest.raises(InputError, match="--voc-origin 0"):
        take(tmp_path, voc("s1/1", "nose", -1, 3, 10, 10))


def test_labelme_reads_rectangles_only_and_corners_by_their_value(tmp_path):
    put(tmp_path, {"1.json": labelme(*TRUTH[0]), "2.json": labelme(*TRUTH[1]).replace("rectangle", "polygon"),
                   "3.json": labelme("s1/2", "nose", "9", 1, "10", 2), "4.json": labelme("s1/2", "nose", [], 1, 5, 2)})
    got = import_responses(tmp_path / "export", IMAGES)
    assert (len(got.responses), reasons(got)) == (2, ["not_a_box", "not_a_number"])
    assert rows(got)[1] == ("s1/2", "nose", 9.0, 1.0, 10.0, 2.0)


@pytest.mark.parametrize(("line", "reason"), [
    ("7 0.5 0.5 0.1 0.1", "unknown_class"), ("0 0.5 0.5 0.1 0.1 0.93", "prediction"), ("0 0.5 0.5 0.1", "layout"),
    ("0 0.5 0.5 0.1 x", "not_a_number"), ("0 0.5 0.5 -0.1 0.1", "swapped_corners"), ("0 0.99 0.5 0.1 0.1", "outside"),
    ("0 nan 0.5 0.1 0.1", "not_a_number")])
def test_yolo_refuses_lines_that_are_no_box_of_a_person(tmp_path, line, reason):
    put(tmp_path, {"classes.txt": "nose\n", "s1/1.txt": f"0 0.5 0.5 0.25 0.25\n{line}\n"})
    got = import_responses(tmp_path / "export", IMAGES)
    assert (rows(got), reasons(got)) == ([("s1/1", "nose", 60, 75, 100, 125)], [reason])


def test_a_yolo_file_without_names_of_classes_says_what_is_missing(tmp_path):
    put(tmp_path, {"s1/1.txt": "0 0.5 0.5 0.25 0.25\n"})
    with pytest.raises(InputError, match=r"class 0 has no name; put a list of names, classes\.txt, beside it"):
        import_responses(tmp_path / "export" / "s1" / "1.txt", IMAGES)


# Ground Truth

@pytest.mark.parametrize(("old", "new", "reason"), [
    ('"human-annotated": "yes"', '"human-annotated": "no"', "prediction"),
    ('"class_id": 0', '"class_id": 4', "unknown_class"),
    ('"left": 40.0', '"left": null', "not_a_number"), ('"width": 160', '"width": -3', "size"),
    ('{"source-ref"', '{"source-ref"}', "not_json")])
def test_a_broken_line_of_a_manifest_costs_that_line_only(tmp_path, old, new, reason):
    got = take(tmp_path, MANIFEST.replace(old, new, 1))
    assert (rows(got), reasons(got)) == ([TRUTH[1]], [reason])


def test_a_request_for_consolidation_without_a_worker_is_refused(tmp_path):
    answer = {"annotationData": {"content": {"faces": {"boundingBoxes": [box()]}}}}
    good = {**answer, "workerId": "w1"}
    request = [{"dataObject": {"s3Uri": "s3://b/s1/1.png"}, "annotations": [answer, good, {**good, "workerId": "w2",
               "annotationData": {"content": "{"}}]}]
    got = take(tmp_path, json.dumps(request))
    assert (rows(got, "worker"), reasons(got)) == ([("w1",)], ["no_worker", "not_json"])
