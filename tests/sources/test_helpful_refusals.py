"""Mistakes that are made often are told as what they are, with what to do."""

import os

import pytest

from salcompare import config
from salcompare.errors import InputError
from salcompare.sources import describe_left_out, gather_photographs, read_fixations, read_responses
from salcompare.sources.importers import import_responses
from salcompare.sources.quality import CHECKS, read_checks
from tests.sources.importers.samples import COCO, IMAGES, MTURK_FORM, put, rows, take
from tests.sources.photos import catalogue, encoded, folder_study, picture, write

STUDY = catalogue(["s1/1", "s1/2"], height=100, width=80)
HEADER = "worker,image,label,x0,y0,x1,y1\n"
RELATIVE = HEADER + "w1,s1/1,nose,0.25,0.1,0.5,0.2\nw2,s1/2,eyes,0,0,1,1\n"
PLACES = "worker,image,x,y\nw1,s1/1,0.25,0.1\nw2,s1/2,0.5,0.5\n"


def read(root, content, **options):
    write(root / "r.csv", content)
    given = config.Responses(path="r.csv", **options)
    read_ = read_fixations if given.source == "fixations" else read_responses
    more = {} if given.source == "fixations" else {"synonyms": {}}
    return read_(given, root=root, images=STUDY, size=(50, 50), **more)


# Shares of the image's sides

@pytest.mark.parametrize("options", [{}, {"drop_invalid": True}, {"pixels": "grid"}, {"clip": True}])
def test_edges_and_places_between_0_and_1_are_told_as_relative(tmp_path, options):
    with pytest.raises(InputError, match=r'every edge lies between 0 and 1.*set pixels = "relative"'):
        read(tmp_path, RELATIVE, **options)
    with pytest.raises(InputError, match=r'every place lies between 0 and 1.*set pixels = "relative"'):
        read(tmp_path, PLACES, source="fixations", **options)


def test_relative_edges_and_places_are_read_as_such(tmp_path):
    got = read(tmp_path, RELATIVE, pixels="relative").table
    assert got[["x0", "y0", "x1", "y1"]].to_numpy().tolist() == [[20, 10, 40, 20], [0, 0, 80, 100]]
    got = read(tmp_path, PLACES, source="fixations", pixels="relative").table
    assert got[["x", "y"]].to_numpy().tolist() == [[20, 10], [40, 50]]
    with pytest.raises(InputError, match=r"x1=1.5 > width 1 of image 's1/1', whose sides count as 1"):
        read(tmp_path, RELATIVE.replace("0.5,0.2", "1.5,0.2"), pixels="relative")


def test_boxes_of_one_pixel_in_a_corner_are_no_relative_ones(tmp_path):
    assert len(read(tmp_path, HEADER + "w1,s1/1,nose,0,0,1,1\nw2,s1/1,nose,0,0,1,1\n").table) == 2
    assert len(read(tmp_path, RELATIVE + "w3,s1/1,nose,1,1,30,2\n").table) == 3


def test_shares_in_the_original_layout_are_told_as_such(tmp_path):
    with pytest.raises(InputError, match=r"every edge lies between 0 and 1.*multiply them by 227"):
        read(tmp_path, "last_name,label,b0,b1,b2,b3\ns1,nose,0.3,0.4,0.1,0.2\ns2,eyes,0.2,0.2,0.1,0.6\n",
             source="original")


def test_importers_tell_relative_edges_too(tmp_path):
    shares = COCO.replace("[40.0, 50.0, 40.0, 50.0]", "[0.25, 0.25, 0.25, 0.25]").replace(
        "[16.0, 30.0, 112.0, 30.0]", "[0.1, 0.15, 0.7, 0.15]")
    with pytest.raises(InputError, match=r"every edge lies between 0 and 1.*export pixels"):
        take(tmp_path, shares)
    form = MTURK_FORM
    for old, new in (("40", "0.25"), ("50", "0.25"), ("80", "0.5"), ("100", "0.5"), ("16", "0.1"), ("30", "0.15"),
                     ("128", "0.8"), ("60", "0.3")):
        form = form.replace(f'"{old}"', f'"{new}"')
    with pytest.raises(InputError, match="every edge lies between 0 and 1"):
        take(tmp_path, form)


# Commas

def test_decimal_commas_are_told_as_such(tmp_path):
    rows_of = "worker;image;label;x0;y0;x1;y1\nw1;s1/1;nose;1,5;2;30;40\n"
    with pytest.raises(InputError, match=r"x0='1,5'.*write decimals with a point, not a comma"):
        read(tmp_path, rows_of)
    with pytest.raises(InputError, match=r"8 cells.*write decimals with a point"):
        read(tmp_path, HEADER + "w1,s1/1,nose,1,5,2,30,40\n")
    with pytest.raises(InputError, match=r"x='1,5'.*write decimals with a point"):
        read(tmp_path, "worker;image;x;y\nw1;s1/1;1,5;2\n", source="fixations")
    with pytest.raises(InputError, match="x0='40,5' is no finite number; write decimals with a point"):
        take(tmp_path, MTURK_FORM.replace('"40"', '"40,5"').replace('"16"', '"16,5"'))


# Files that are no text

@pytest.mark.parametrize(("content", "says"), [
    (b"PK\x03\x04\x14\0\x06\0[Content_Types].xml", "a spreadsheet's own file, such as Excel's .*as 'CSV UTF-8'"),
    (b"PK\x03\x04\n\0\0\0mimetypeapplication/vnd.oasis.opendocument.spreadsheet", "a spreadsheet's own file"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500), r"an old Excel workbook, \.xls"),
    (b"PK\x03\x04\x14\0annotations.json", "a ZIP archive.*unpack it"), (b"\x1f\x8b\x08\0", "compressed.*unpack it")])
def test_a_workbook_or_an_archive_given_as_text_is_told_as_such(tmp_path, content, says):
    for source in ("csv", "original", "fixations"):
        with pytest.raises(InputError, match=says):
            read(tmp_path, content.decode("latin-1").encode("latin-1"), source=source)
    for file_format in (None, "mturk", "coco"):
        with pytest.raises(InputError, match=says):
            take(tmp_path, content, file_format=file_format)


def test_a_real_workbook_is_told_as_such(tmp_path):
    import zipfile

    with zipfile.ZipFile(tmp_path / "r.csv", "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.xml", "<workbook/>")
    with pytest.raises(InputError, match="such as Excel's"):
        import_responses(tmp_path / "r.csv", IMAGES)


# Names

def test_a_near_name_is_suggested_and_a_far_one_is_not(tmp_path):
    with pytest.raises(InputError, match="did you mean 's1/1'"):
        read(tmp_path, HEADER + "w1,S1/01,nose,1,1,2,2\n")
    with pytest.raises(InputError) as caught:
        read(tmp_path, HEADER + "w1,s1/9,nose,1,1,2,2\n")
    assert "did you mean" not in str(caught.value)


# Answers to instructed checks

@pytest.mark.parametrize(("answer", "target", "says"), [
    ("nose,9,9,20,20", "nose,0.25,0.1,0.5,0.2", "every edge lies between 0 and 1.*multiply them by the photograph's"),
    ("nose,0.25,0.1,0.5,0.2", "nose,9,9,20,20", "every edge lies between 0 and 1"),
    ("nose,9,9,9,20", "nose,9,9,20,20", "row 2: x1=9 equals x0: the box has no width"),
    ("nose,9,9,20,20", "nose,9,9,20,9", "row 2: target_y1=9 equals target_y0: the box has no height"),
    ("nose,9,20,20,9", "nose,9,9,20,20", "row 2: y1=9 < y0=20.*swap the corners"),
    ("nose,9,9,,20", "nose,9,9,20,20", "row 2: x1=''; expected a finite number"),
    (",,,,", "nose,9,9,,20", "row 2: target_x1=''; expected a finite number"),
    ('nose,"9,5",9,20,20', "nose,9,9,20,20", "x0='9,5'.*decimals with a point"),
    ("nose,9,9,20,20", ",9,9,20,20", "row 2: target_label is empty")])
def test_answers_to_checks_are_held_to_what_boxes_are_held_to(tmp_path, answer, target, says):
    with pytest.raises(InputError, match=says) as caught:
        read_checks(write(tmp_path / "c.csv", ",".join(CHECKS) + f"\nw1,s1/1,{answer},{target}\n"), {})
    assert len(caught.value.problems) == 1


def test_a_check_of_which_nothing_was_drawn_has_no_edges(tmp_path):
    found = read_checks(write(tmp_path / "c.csv", ",".join(CHECKS) + "\nw1,s1/1,,,,,,nose,0,0,1,1\n"), {})
    assert found[["x0", "y0", "x1", "y1"]].isna().all(axis=None)
    assert found[["label", "target_label", "target_x1"]].to_numpy().tolist() == [["", "nose", 1]]


# Boxes without area

def test_a_box_without_width_or_height_is_no_box_with_swapped_corners(tmp_path):
    content = HEADER + "w1,s1/1,nose,5,1,5,9\nw1,s1/1,nose,1,7,5,7\nw1,s1/1,nose,9,1,5,7\nw1,s1/1,nose,1,1,2,2\n"
    got = read(tmp_path, content, drop_invalid=True)
    assert got.left_out["reason"].tolist() == ["no_area", "no_area", "swapped_corners"]
    assert got.left_out["detail"][0] == "x1=5 equals x0: the box has no width"
    assert "boxes without width or height" in describe_left_out(got.left_out)
    got = take(tmp_path, COCO.replace("40.0, 50.0]", "0, 50.0]", 1))
    assert (len(rows(got)), got.refused["reason"].tolist()) == (1, ["no_area"])


# Photographs

def gather(root, **options):
    return gather_photographs(config.Images(split=(0.5, 0, 0.5), **options), root=root, size=(8, 8), seed=0)


def test_folders_one_level_too_deep_are_told_with_the_path_to_set(tmp_path):
    folder_study(tmp_path, {"s1": 2, "s2": 2}, path="data/raw/photographs/faces")
    with pytest.raises(InputError, match=r'one level too deep: set .images. path = "data/raw/photographs/faces"'):
        gather(tmp_path)
    assert len(gather(tmp_path, path="data/raw/photographs/faces").images) == 4


def test_photographs_in_no_folder_are_told_where_to_go(tmp_path):
    write(tmp_path / "flat/1.png", encoded(picture(1)))
    with pytest.raises(InputError, match=r"a folder of their own, such as flat/ann/001\.jpg"):
        gather(tmp_path, path="flat")


def test_a_photograph_that_cannot_be_read_is_counted_with_its_cause(tmp_path):
    where = folder_study(tmp_path, {"s1": 2, "s2": 2})
    os.mkfifo(where / "s1" / "pipe.png")
    write(where / "s2" / "cut.png", encoded(picture(5))[:200])
    write(where / "s2" / "text.png", "no photograph")
    said = describe_left_out(gather(tmp_path).left_out)
    assert "left out 1 (files that cannot be read): data/raw/photographs/s1/pipe.png (is no plain file)" in said
    assert "s2/text.png (no photograph in a format that can be read; save it as JPEG or PNG)" in said
    assert "s2/cut.png (cannot be decoded: " in said


def test_an_export_in_a_folder_with_its_archive_costs_the_archive_only(tmp_path):
    put(tmp_path, {"a.json": COCO, "b.json": b"PK\x03\x04"})
    got = import_responses(tmp_path / "export", IMAGES)
    assert (len(got.responses), got.refused["reason"].tolist()) == (2, ["unreadable"])
