"""Files that cannot be read as a whole are one clear error; in a folder, one refused row."""

import sys

import pytest

from salcompare.errors import InputError, MissingDependencyError
from salcompare.sources.importers import import_responses
from salcompare.sources.importers.importing import write_imported
from tests.sources.importers.samples import (
    COCO,
    CVAT,
    FILES,
    IMAGES,
    LABEL_STUDIO,
    MANIFEST,
    MTURK,
    TRUTH,
    put,
    reasons,
    rows,
    take,
    voc,
)

BOMB = ('<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><annotation><object>&b;</object>'
        "</annotation>")
STEALING = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><annotation><object><name>&x;</name></object>' \
           "</annotation>"


@pytest.mark.parametrize(("content", "message"), [
    ("", "is empty"), (" \n\t", "is empty"), (b"\n\n\xef\xbb\xbf\n", "is in no format"),
    ("hello\n", "is in no format that can be told from its content"),
    ("[", "is no JSON"), ("{}", "is in no format"), ("[1, 2]", "is in no format"), ("[" * 9999, "is nested too deeply"),
    ("<a", "is no XML"), ("<html><body/></html>", "is in no format"), (BOMB, "declares a document type"),
    (STEALING, "declares a document type"), ("<annotation>" + "<a>" * 60 + "</a>" * 60 + "</annotation>", "60|50 deep"),
    (b"\xff\xfenot", "is not UTF-16"), (b"WorkerId,Answer.x\n\xe9,1\n", "is not UTF-8"),
    ("worker,image,label,x0,y0,x1,y1\nw,i,l,0,0,1,1\n", "is a table of responses already"),
    ("WorkerId,Answer.x,Answer.x\n1,2,3\n", "'answer.x' is listed twice"),
    ('{"images": [], "annotations": [], "n": ' + "9" * 5000 + "}", "is no JSON"),
    (MTURK.splitlines()[0], "no row can be taken; 0 rows read"),
], ids=lambda value: value[:20] if isinstance(value, str) else "bytes")
def test_a_file_that_cannot_be_read_is_one_clear_error(tmp_path, content, message):
    with pytest.raises(InputError, match=message) as caught:
        take(tmp_path, content)
    assert all(problem.where.startswith("file.csv") for problem in caught.value.problems)


@pytest.mark.parametrize(("content", "file_format", "message"), [
    ("\n\n\ufeff\n", "mturk", "is empty"), (COCO, "labelme", "has no list of shapes"),
    ("[]", "via-json", "holds no images by name"),
    (CVAT, "mturk", "has neither column WorkerId nor AssignmentStatus"), (MTURK, "coco", "is no JSON"),
    (MTURK, "via-csv", "no column 'filename', 'region_shape_attributes'"), (COCO, "cvat", "is no XML"),
    ("{}", "coco", "has no list of annotations"), (LABEL_STUDIO, "ground-truth", "no row can be taken"),
    (COCO, "jpeg", "--format: is 'jpeg'; expected mturk or label-studio"), (COCO, "", "--format: is ''")])
def test_a_format_that_is_named_wrongly_is_one_clear_error(tmp_path, content, file_format, message):
    with pytest.raises(InputError, match=message):
        take(tmp_path, content, file_format=file_format)


def test_what_is_no_file_is_one_clear_error(tmp_path):
    with pytest.raises(InputError, match=r"gone\.csv: does not exist"):
        import_responses(tmp_path / "gone.csv", IMAGES)
    with pytest.raises(InputError, match="is a folder without a file of annotations"):
        import_responses(tmp_path, IMAGES)
    with pytest.raises(InputError, match="is no plain file"):
        import_responses(type(tmp_path)("/dev/null"), IMAGES)


@pytest.mark.parametrize(("name", "encoding"), [
    ("COCO", "utf-16"), ("COCO", "utf-8-sig"), ("VIA CSV", "utf-8-sig"), ("CVAT", "utf-8-sig"),
    ("Ground Truth manifest", "utf-8-sig"), ("LabelMe", "utf-16")])
def test_marks_and_utf_16_are_understood(tmp_path, name, encoding):
    files = {file: content.encode(encoding) for file, content in FILES[name][1].items()}
    assert len(import_responses(put(tmp_path, files), IMAGES).responses) == 2


def test_a_broken_file_of_a_folder_is_a_refused_row_and_photographs_are_passed_over(tmp_path):
    put(tmp_path, {"a.xml": voc(*TRUTH[0]), "b.xml": "<annotation>", "c.json": "{", "photo.png": b"\x89PNG",
                   ".hidden.xml": "<", "sub/d.xml": voc(*TRUTH[1])})
    got = import_responses(tmp_path / "export", IMAGES)
    assert (rows(got), got.read) == (TRUTH, 4)
    assert got.refused[["where", "reason"]].to_numpy().tolist() == [
        ["export/b.xml", "unreadable"], ["export/c.json", "unreadable"]]


@pytest.mark.parametrize(("package", "name"), [("globox", "COCO"), ("globox", "YOLO"), ("defusedxml", "CVAT"),
                                               ("globox", "Pascal VOC")])
def test_a_package_that_is_not_installed_is_named_with_the_way_to_install_it(tmp_path, monkeypatch, package, name):
    path = put(tmp_path, FILES[name][1])
    monkeypatch.setitem(sys.modules, package, None)
    for module in [module for module in sys.modules if module.startswith(f"{package}.")]:
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingDependencyError, match=rf"{package}: is not installed; .*'salcompare\[import\]'"):
        import_responses(path, IMAGES)


@pytest.mark.parametrize("name", ["mturk, flattened", "Label Studio JSON", "VIA CSV", "Ground Truth manifest"])
def test_the_formats_with_readers_of_our_own_need_no_package(tmp_path, monkeypatch, name):
    for package in ("globox", "defusedxml"):
        monkeypatch.setitem(sys.modules, package, None)
    assert len(import_responses(put(tmp_path, FILES[name][1]), IMAGES).responses) == 2


def test_boxes_over_the_edge_are_cut_where_that_is_asked_for(tmp_path):
    content = MANIFEST.replace('"left": 40.0', '"left": -10.0')
    assert reasons(take(tmp_path, content)) == ["outside"]
    got = take(tmp_path, content, clip=True)
    assert rows(got, "x0", "x1")[0] == (0, 30)
    assert "1 boxes that reached over the edge of their image were cut" in got.notes[-1]
    with pytest.raises(InputError, match="no row can be taken"):
        take(tmp_path, MANIFEST.replace('"left": 40.0', '"left": 900.0').splitlines()[0], clip=True)


def test_text_that_a_spreadsheet_takes_for_a_formula_is_marked_as_text_in_the_file(tmp_path):
    got = take(tmp_path, CVAT.replace('label="nose"', 'label="=nose()"').replace(">w7<", ">@w7<"))
    assert rows(got, "worker", "label")[0] == ("@w7", "=nose()")
    write_imported(got, tmp_path / "out.csv", source=tmp_path / "in.xml")
    written = (tmp_path / "out.csv").read_text()
    assert "'@w7" in written
    assert "'=nose()" in written


def test_the_account_names_every_reason_with_its_number_and_an_example(tmp_path):
    got = take(tmp_path, CVAT.replace('source="manual"', 'source="auto"', 1), name="a.xml")
    assert got.described == (
        "cvat: 2 rows read = 1 taken + 1 refused\n"
        "refused 1 (boxes that a model drew): a.xml image 0 shape 0: source=auto: a detector found it")


def test_a_nan_that_a_program_wrote_into_json_is_nothing_and_no_text(tmp_path):
    got = take(tmp_path, COCO.replace('"name": "nose"', '"name": NaN'), name="a.json")
    assert (rows(got, "label"), reasons(got)) == ([("Eyes",)], ["empty_label"])
    got = take(tmp_path, COCO.replace('"annotator": "w7"', '"annotator": NaN'), name="b.json", worker="ann")
    assert rows(got, "worker") == [("ann",), ("ann",)]
