"""What may mean several things is refused by name, and what means one is taken: images, ids, regions, rotations."""

import json

import pytest

from salcompare.errors import InputError
from tests.sources.importers.samples import (
    COCO,
    CVAT,
    IMAGES,
    LABEL_STUDIO,
    MANIFEST,
    TRUTH,
    VIA_JSON,
    box,
    crowd_flat,
    labelme,
    mturk_cells,
    mturk_file,
    reasons,
    rows,
    take,
    voc,
)
from tests.sources.photos import catalogue

HUNDREDS = catalogue(["ann/001", "ann/012"], height=200, width=100)


# Label Studio: which field names the image

def region(x, to_name="img", name="r", kind="rectanglelabels", **value):
    """A result of 10% to 40% across and 20% to 30% down, unless told otherwise."""
    value = {"x": x, "y": 20, "width": 30, "height": 10, "rotation": 0, **(value or {"rectanglelabels": ["eyes"]})}
    return {"id": name, "type": kind, "from_name": "l", "to_name": to_name, "original_width": 100,
            "original_height": 200, "image_rotation": 0, "value": value}


def task(data, *results):
    return {"id": 7, "data": data, "annotations": [{"id": 1, "completed_by": 3, "was_cancelled": False,
                                                    "result": list(results)}]}


GOOD = task({"image": "ann/012.jpg"}, region(70))
OF_GOOD = ("ann/012", "eyes", 70, 40, 100, 60)


def took(root, *tasks):
    """Boxes and reasons of tasks beside a good one."""
    got = take(root, json.dumps([GOOD, *tasks]), images=HUNDREDS)
    assert rows(got)[0] == OF_GOOD
    return rows(got)[1:], reasons(got)


TWO = {"img1": "/data/upload/ann/001.jpg", "img2": "/data/upload/ann/012.jpg"}


def test_to_name_says_which_of_two_images_a_box_is_on(tmp_path):
    assert took(tmp_path, task(TWO, region(10, "img1", "a"), region(50, "img2", "b"))) == (
        [("ann/001", "eyes", 10, 40, 40, 60), ("ann/012", "eyes", 50, 40, 80, 60)], [])


@pytest.mark.parametrize("data", [TWO, {"a": "ann/001.jpg", "b": "ann/012.png", "note": "012"}])
def test_a_box_on_one_of_two_images_that_to_name_does_not_name_is_ambiguous(tmp_path, data):
    assert took(tmp_path, task(data, region(10, "img"))) == ([], ["ambiguous_image"])


@pytest.mark.parametrize("data", [
    {"image": "https://host/photos/unknown.jpg", "batch": "012"}, {"photo": "unknown", "text": "ann/001"},
    {"batch": "ann/001", "scan": "unknown.png"}])
def test_another_field_never_names_the_image_where_a_field_of_the_image_is_there(tmp_path, data):
    assert took(tmp_path, task(data, region(10))) == ([], ["unknown_image"])


def test_any_field_may_name_the_image_where_none_is_the_images(tmp_path):
    assert took(tmp_path, task({"batch": "ann/001", "n": 3}, region(10)))[0] == [("ann/001", "eyes", 10, 40, 40, 60)]


def test_a_list_of_images_is_told_apart_by_the_place_in_it(tmp_path):
    pages = {"pages": ["/data/upload/ann/001.jpg", "/data/upload/ann/012.jpg"]}
    results = [region(10, "p", "a") | {"item_index": 0}, region(50, "p", "b") | {"item_index": 1},
               region(30, "p", "c"), region(20, "p", "d") | {"item_index": 2}]
    assert took(tmp_path, task(pages, *results)) == (
        [("ann/001", "eyes", 10, 40, 40, 60), ("ann/012", "eyes", 50, 40, 80, 60)], ["ambiguous_image"] * 2)


def test_the_short_form_with_two_images_is_ambiguous_too(tmp_path):
    value = region(10)["value"] | {"original_width": 100, "original_height": 200}
    assert took(tmp_path, {**TWO, "annotation_id": 1, "annotator": 3, "l": [value]}) == ([], ["ambiguous_image"])


# Label Studio: one region, one box

def test_results_of_one_region_are_one_box_with_its_label(tmp_path):
    bare = region(10, kind="rectangle", note=1)
    choice = region(10, kind="choices", choices=["eyes"])
    for results in ([bare, choice], [choice, bare], [bare, region(10, kind="labels", labels=["eyes"])]):
        assert took(tmp_path, task({"image": "ann/001.jpg"}, *results)) == ([("ann/001", "eyes", 10, 40, 40, 60)], [])


def test_each_region_keeps_its_own_label(tmp_path):
    results = [region(10, name="a", kind="rectangle", note=1), region(50, name="b", kind="rectangle", note=1),
               region(50, name="b", kind="choices", choices=["nose"]),
               region(10, name="a", kind="choices", choices=["lips"])]
    assert took(tmp_path, task({"image": "ann/001.jpg"}, *results))[0] == [
        ("ann/001", "lips", 10, 40, 40, 60), ("ann/001", "nose", 50, 40, 80, 60)]


def test_a_region_in_two_places_is_refused(tmp_path):
    two = [region(10), region(50)]
    assert took(tmp_path, task({"image": "ann/001.jpg"}, *two)) == ([], ["layout"])


def test_the_same_region_under_two_names_of_the_short_form_is_one_box(tmp_path):
    size = {"original_width": 100, "original_height": 200}
    bare = region(10, note=1)["value"] | size
    choice = region(10, choices=["eyes"])["value"] | size
    short = {"image": "ann/001.jpg", "annotation_id": 1, "annotator": 3, "box": [bare], "part": [choice]}
    assert took(tmp_path, short) == ([("ann/001", "eyes", 10, 40, 40, 60)], [])


# Ids that are not unique

def coco(**changes):
    one = {"images": [{"id": 1, "file_name": "ann/001.jpg", "width": 100, "height": 200},
                      {"id": 2, "file_name": "ann/012.jpg", "width": 100, "height": 200}],
           "categories": [{"id": 1, "name": "eyes"}, {"id": 2, "name": "nose"}],
           "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [20, 50, 60, 20]},
                           {"id": 2, "image_id": 2, "category_id": 2, "bbox": [1, 2, 3, 4]}]}
    return json.dumps(one | changes)


def test_an_id_that_two_images_of_coco_share_is_ambiguous(tmp_path):
    three = [*json.loads(coco())["images"], {"id": 1, "file_name": "ann/012.jpg", "width": 100, "height": 200}]
    got = take(tmp_path, coco(images=three), images=HUNDREDS)
    assert (rows(got), reasons(got)) == ([("ann/012", "nose", 1, 2, 4, 6)], ["ambiguous_image"])


def test_an_id_that_two_classes_of_coco_share_is_ambiguous(tmp_path):
    three = [*json.loads(coco())["categories"], {"id": 1, "name": "lips"}]
    got = take(tmp_path, coco(categories=three), images=HUNDREDS)
    assert (rows(got), reasons(got)) == ([("ann/012", "nose", 1, 2, 4, 6)], ["ambiguous_category"])


def test_an_image_of_coco_that_is_listed_twice_alike_is_one(tmp_path):
    twice = json.loads(coco())["images"] * 2
    got = take(tmp_path, coco(images=twice), images=HUNDREDS)
    assert (len(got.responses), reasons(got)) == (2, [])


@pytest.mark.parametrize("content", [
    VIA_JSON.replace('"s2/1.png1234"', '"s1/1.png1234"'), '{"shapes": [], "imagePath": "s1/1.png", "shapes": []}'])
def test_json_that_names_a_value_twice_is_refused_not_taken_by_its_last(tmp_path, content):
    with pytest.raises(InputError, match="twice in one object"):
        take(tmp_path, content)


# Rotations

ROTATED = {
    "COCO's attributes": COCO.replace('{"annotator": "w7"}', '{"annotator": "w7", "rotation": 45.0}', 1),
    "COCO, five numbers": COCO.replace('"bbox": [40.0, 50.0, 40.0, 50.0]', '"bbox": [40.0, 50.0, 40.0, 50.0, 9]', 1),
    "CVAT": CVAT.replace('z_order="0"', 'rotation="-45"', 1),
    "CVAT's attributes": CVAT.replace('<attribute name="worker">', '<attribute name="rotation">45</attribute>'
                                      '<attribute name="worker">', 1),
    "VIA's attributes": VIA_JSON.replace('"worker": "w7"', '"worker": "w7", "rotation": "30"', 1),
    "Label Studio": LABEL_STUDIO.replace('"rotation": 0', '"rotation": -45', 1),
    "Ground Truth": MANIFEST.replace('"left": 40.0', '"rotation": 3, "left": 40.0', 1),
    "Mechanical Turk": mturk_file(mturk_cells(crowd_flat(box() | {"rotation": 8})),
                                  mturk_cells(crowd_flat(box("Eyes", 16, 30, 112, 30)), image="s2/1")),
}


@pytest.mark.parametrize("name", ROTATED)
def test_a_box_that_is_rotated_is_refused_wherever_a_format_says_so(tmp_path, name):
    got = take(tmp_path, ROTATED[name])
    assert (rows(got), reasons(got)) == ([pytest.approx(TRUTH[1])], ["rotated"])


@pytest.mark.parametrize("degrees", ["0", "0.0", "360", "-360", ""])
def test_whole_turns_leave_a_box_upright(tmp_path, degrees):
    assert len(take(tmp_path, CVAT.replace('z_order="0"', f'rotation="{degrees}"')).responses) == 2
    assert len(take(tmp_path, VIA_JSON.replace('"worker": "w7"', f'"worker": "w7", "rotation": "{degrees}"'),
                    ).responses) == 2


TURNED = "<attributes><attribute><name>rotation</name><value>{}</value></attribute></attributes></object>"


@pytest.mark.parametrize(("old", "new"), [
    ("</object>", TURNED.format("45.0")), ("</object>", "<rotation>45</rotation></object>"),
    ("</object>", "<robndbox><angle>0.5</angle></robndbox></object>")])
def test_pascal_voc_and_labelme_say_rotations_in_attributes(tmp_path, old, new):
    with pytest.raises(InputError, match="is rotated by"):
        take(tmp_path, voc(*TRUTH[0]).replace(old, new))
    with pytest.raises(InputError, match="is rotated by 45 degrees"):
        take(tmp_path, labelme(*TRUTH[0]).replace('"flags": {}, "desc', '"attributes": {"rotation": 45}, "desc'))


def test_attributes_of_pascal_voc_may_name_the_worker(tmp_path):
    got = take(tmp_path, voc(*TRUTH[0]).replace("</object>", TURNED.format("0.0").replace(
        "</attributes>", "<attribute><name>worker</name><value>w7</value></attribute></attributes>")))
    assert rows(got, "worker", "x0") == [("w7", 40)]


# Boxes that can be used are taken

@pytest.mark.parametrize(("content", "taken"), [
    (voc("ann/001", "eyes", 19, 49, 80, 70).replace("160</width>", "0</width>").replace("200</height>", "0</height>"),
     (19, 49, 80, 70)),
    (labelme("ann/001", "eyes", 19, 49, 80, 70).replace("200", "0").replace("160", "0"), (19, 49, 80, 70)),
    (coco().replace('"width": 100, "height": 200', '"width": 0, "height": 0'), (20, 50, 80, 70))])
def test_a_size_of_0_by_0_says_that_it_is_not_known(tmp_path, content, taken):
    assert rows(take(tmp_path, content, images=HUNDREDS), "image", "x0", "y0", "x1", "y1")[0] == ("ann/001", *taken)


@pytest.mark.parametrize("files", [[], ["raw/ann/Logo.jpg", "raw/ann/logo.jpg"]], ids=["ids", "files"])
def test_names_that_differ_in_case_only_are_two_images(tmp_path, files):
    images = catalogue(["ann/Logo", "ann/logo"], height=200, width=160)
    images = images.assign(file=files) if files else images
    text = MANIFEST.replace("s1/1", "ann/Logo").replace("s2/1", "ann/logo")
    assert rows(take(tmp_path, text, images=images), "image") == [("ann/Logo",), ("ann/logo",)]
    flat = text.replace("faces/ann/", "faces/ann_")
    assert rows(take(tmp_path, flat, images=images), "image") == [("ann/Logo",), ("ann/logo",)]
    with pytest.raises(InputError, match="may be any of ann/Logo, ann/logo"):
        take(tmp_path, text.replace("ann/Logo", "ann/LOGO").replace("ann/logo", "ann/LOGO"), images=images)


def test_case_still_does_not_matter_where_one_image_has_the_name(tmp_path):
    assert rows(take(tmp_path, MANIFEST.replace("s1/1.png", "S1/1.PNG")))[0] == TRUTH[0]
    assert len(IMAGES) == 4
