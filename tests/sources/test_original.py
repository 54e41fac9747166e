import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salcompare import config
from salcompare.errors import InputError
from salcompare.sources import read_responses
from tests.sources.photos import catalogue, write

IMAGES = catalogue(["Ann Baker/1", "bob_carter/1", "Cy Dee/2"])
HEADER = "last_name,label,b0,b1,b2,b3\n"


def read(root, content, *, images=IMAGES, size=(227, 227), **options):
    write(root / "boxes.csv", content)
    given = config.Responses(source="original", path="boxes.csv", **options)
    return read_responses(given, {"eye": "eyes"}, root=root, images=images, size=size)


def edges(got):
    return got.table[["x0", "y0", "x1", "y1"]].to_numpy().tolist()


def test_top_left_height_width_become_a_half_open_box(tmp_path):
    got = read(tmp_path, HEADER + "baker,Eye,10,20,5,7\n")
    assert got.table.to_dict("list") == {
        "response": ["r000001"], "actor": ["Ann Baker"], "label": ["eyes"], "x0": [20.0], "y0": [10.0], "x1": [28.0],
        "y1": [16.0], "origin": ["boxes.csv"]}
    assert got.level == "actor"


@settings(max_examples=40)
@given(st.integers(0, 226), st.integers(0, 226), st.integers(0, 226), st.integers(0, 226))
def test_the_box_covers_what_the_original_filled(tmp_path_factory, top, left, height, width):
    """Oracle: fill rows top..top+height and columns left..left+width, both ends in, of a square of 227."""
    height, width = min(height, 227 - top), min(width, 227 - left)
    filled = np.zeros((227, 227), dtype=bool)
    filled[top:top + height + 1, left:left + width + 1] = True
    got = read(tmp_path_factory.mktemp("study"), HEADER + f"dee,nose,{top},{left},{height},{width}\n")
    [[x0, y0, x1, y1]] = np.array(edges(got)).astype(int)
    ours = np.zeros((227, 227), dtype=bool)
    ours[y0:y1, x0:x1] = True
    assert np.array_equal(ours, filled)
    assert max(x1, y1) <= 227


def test_boxes_are_scaled_to_another_grid(tmp_path):
    got = read(tmp_path, HEADER + "dee,nose,0,0,226,226\ndee,nose,0,100,113,26\n", size=(454, 227))
    assert edges(got) == [[0, 0, 227, 454], [100, 0, 127, 228]]


def test_an_actor_as_written_goes_before_one_that_differs_in_case(tmp_path):
    images = catalogue(["Dee/1", "dee/1"])
    assert read(tmp_path, HEADER + "Dee,nose,1,1,2,2\ndee,nose,1,1,2,2\n", images=images).table["actor"].tolist() == [
        "Dee", "dee"]
    with pytest.raises(InputError, match="is the name of Dee and of dee"):
        read(tmp_path, HEADER + "DEE,nose,1,1,2,2\n", images=images)


def test_names_match_actors_in_any_case_by_last_or_whole_name(tmp_path):
    names = ["BAKER", " baker ", "Ann Baker", "carter", "Bob Carter", "Zorro"]
    got = read(tmp_path, HEADER + "".join(f"{name},nose,1,1,2,{i}\n" for i, name in enumerate(names)))
    assert got.table["actor"].tolist() == ["Ann Baker"] * 3 + ["bob_carter"] * 2 + ["Zorro"]
    assert any("(1): Zorro" in note for note in got.notes)


def test_a_last_name_of_two_actors_is_refused(tmp_path):
    with pytest.raises(InputError, match="'baker': is the name of Ann Baker and of Zoe Baker"):
        read(tmp_path, HEADER + "baker,nose,1,1,2,2\n", images=catalogue(["Ann Baker/1", "Zoe Baker/1"]))


def test_the_notes_say_what_cannot_be_computed(tmp_path):
    notes = " ".join(read(tmp_path, HEADER + "baker,nose,1,1,2,2\n").notes)
    for word in ("no worker", "noise ceiling", "no image", "Overlap image by image", "image effect",
                 "variance explained"):
        assert word in notes


def test_other_columns_are_kept_out(tmp_path):
    got = read(tmp_path, "id,b3,b2,b1,b0,label,last_name,gender\n5,7,5,20,10,nose,baker,f\n")
    assert edges(got) == [[20, 10, 28, 16]]
    assert "gender" not in got.table


def test_every_offending_row_is_named(tmp_path):
    content = HEADER + ("baker,nose,1,1,2,2\nbaker,nose,1,1,300,2\nbaker,nose,1,227,2,0\nbaker,nose,1,1,-2,2\n"
                        "baker,,1,1,2,2\n,nose,1,1,2,2\nbaker,nose,x,1,2,2\nbaker,nose,-1,1,2,2\n")
    with pytest.raises(InputError) as caught:
        read(tmp_path, content)
    assert [(problem.where, problem.found) for problem in caught.value.problems] == [
        ("boxes.csv row 3", "y1=302 > height 227 of the original's square of 227 pixels"),
        ("boxes.csv row 4", "x1=228 > width 227 of the original's square of 227 pixels"),
        ("boxes.csv row 5", "y1=0 < y0=1"), ("boxes.csv row 6", "label is empty"),
        ("boxes.csv row 7", "actor is empty"), ("boxes.csv row 8", "b0='x'"),
        ("boxes.csv row 9", "y0=-1 < 0 on the original's square of 227 pixels")]
    assert len(read(tmp_path, content, drop_invalid=True).left_out) == 7
    clipped = read(tmp_path, HEADER + "baker,nose,-1,1,300,2\nbaker,nose,0,0,227,3\n", clip=True)
    assert edges(clipped) == [[1, 0, 4, 227], [0, 0, 4, 227]]
    assert clipped.notes[-1]== "Boxes that reached over the edge were cut to it: 1."


def test_missing_columns_are_named_and_a_tidy_file_recognised(tmp_path):
    with pytest.raises(InputError, match="no column 'b2', 'b3'"):
        read(tmp_path, "last_name,label,b0,b1\nbaker,nose,1,1\n")
    with pytest.raises(InputError, match='set source = "csv"'):
        read(tmp_path, "worker,image,label,x0,y0,x1,y1\nw,s1/1,nose,1,1,2,2\n")


def test_the_same_box_by_two_nameless_workers_counts_twice(tmp_path):
    """Without workers, equal rows may be two people's."""
    assert len(read(tmp_path, HEADER + "baker,nose,1,1,2,2\n" * 2).table) == 2


def test_the_table_is_plain_text_and_numbers(tmp_path):
    table = read(tmp_path, HEADER + "baker,nose,1,1,2,2\n").table
    assert (table.dtypes[["response", "actor", "label", "origin"]] == "str").all()
    assert isinstance(table.index, pd.RangeIndex)
