"""Whatever a file holds, an import ends in rows taken and rows refused, or in one clear error."""

import json

from hypothesis import example, given, settings
from hypothesis import strategies as st

from salcompare.sources.importers import FORMATS, Options
from tests.sources.importers.fuzz_importers import SAMPLES, check, fuzz

ENDS = {"one clear error", "all taken", "taken and refused"}
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
    | st.sampled_from(["s1/1.png", "nose"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from([
        "images", "annotations", "categories", "shapes", "points", "data", "result", "value", "regions", "filename",
        "imagePath", "bbox", "id", "image_id", "label", "source-ref", "x", "y", "width", "height", "completed_by",
        "boundingBoxes", "shape_type", "workerId", "dataObject", "annotationData", "content"]), inner, max_size=6),
    max_leaves=25)


def test_hundreds_of_broken_files_end_well(tmp_path):
    (tmp_path / "classes.txt").write_text("nose\nEyes\n")
    ends = fuzz(800, 1, tmp_path)
    assert set(ends) == ENDS
    assert min(ends.values()) > 20


@settings(max_examples=150)
@given(content=st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass")),
       file_format=st.sampled_from([None, *FORMATS]))
@example(content=b'"' + b"a" * 200_000, file_format=None)
@example(content=b"[" * 100_000, file_format="coco")
@example(content=b"<a>" * 100_000 + b"</a>" * 100_000, file_format="voc")
@example(content=b"0 0.5 0.5 0.5 0.5\n" * 2, file_format=None)
def test_any_bytes_as_any_format_end_well(tmp_path_factory, content, file_format):
    path = tmp_path_factory.mktemp("bytes") / "1.txt"
    path.write_bytes(content)
    assert check(path, file_format, Options()) in ENDS


@settings(max_examples=150)
@given(value=json_values, file_format=st.sampled_from(["coco", "label-studio", "via-json", "labelme", "ground-truth"]))
def test_any_json_as_any_format_ends_well(tmp_path_factory, value, file_format):
    path = tmp_path_factory.mktemp("json") / "1.json"
    path.write_text(json.dumps(value))
    assert check(path, file_format, Options()) in ENDS


@settings(max_examples=100)
@given(content=st.sampled_from(SAMPLES), at=st.floats(0, 1), file_format=st.sampled_from([None, *FORMATS]))
def test_a_file_cut_short_anywhere_ends_well(tmp_path_factory, content, at, file_format):
    path = tmp_path_factory.mktemp("cut") / "1.json"
    path.write_bytes(content[:round(at * len(content))])
    assert check(path, file_format, Options()) in ENDS
