"""Fixations and clicks from a CSV: what is read, and what is refused by its line."""

import numpy as np
import pytest

from salcompare import config
from salcompare.errors import InputError
from salcompare.schema import FIXATIONS, check_table
from salcompare.sources import read_fixations
from tests.sources.photos import catalogue, write

IMAGES = catalogue(["s1/1", "s1/2"], height=100, width=80)
HEADER = "worker,image,x,y,duration,trial\n"


def read(root, content, **options):
    write(root / "data/raw/gaze.csv", content)
    options = {"source": "fixations", "path": "data/raw/gaze.csv", **options}
    return read_fixations(config.Responses(**options), root=root, images=IMAGES, size=(50, 50))


def problems(root, content, **options):
    """What is wrong, by line."""
    with pytest.raises(InputError) as caught:
        read(root, content, **options)
    return {problem.where: problem.found for problem in caught.value.problems}


def test_a_csv_becomes_the_table_of_the_schema(tmp_path):
    got = read(tmp_path, HEADER + "w1,s1/1,1.5,2,250,a\n w2 ,s1/2,79.9,99,1e2,b\n")
    assert got.table.to_dict("list") == {
        "worker": ["w1", "w2"], "image": ["s1/1", "s1/2"], "trial": ["a", "b"], "x": [1.5, 79.9], "y": [2.0, 99.0],
        "duration": [250.0, 100.0], "origin": ["gaze.csv"] * 2}
    check_table(got.table, FIXATIONS, "fixations")
    assert (got.table.dtypes[["worker", "image", "trial", "origin"]] == "str").all()


def test_without_a_duration_rows_weigh_the_same_and_without_a_trial_a_worker_has_one_and_both_are_said(tmp_path):
    got = read(tmp_path, "worker,image,x,y\nw1,s1/1,1,2\nw1,s1/1,1,2\n")
    assert got.table["duration"].tolist() == [1, 1]
    assert got.table["trial"].tolist() == ["1", "1"]
    said = " ".join(got.notes)
    for part in ("no labels", "no column duration", "no column trial", "as one above them were kept: 1"):
        assert part in said


def test_places_on_the_grid_become_places_on_the_image(tmp_path):
    got = read(tmp_path, HEADER + "w1,s1/1,25,25,1,a\n", pixels="grid")
    assert got.table[["x", "y"]].to_numpy().tolist() == [[40, 50]]


@pytest.mark.parametrize(("row", "says"), [
    ("w1,s9/1,1,1,1,a", "image 's9/1'"),
    (",s1/1,1,1,1,a", "worker is empty"),
    ("w1,,1,1,1,a", "image is empty"),
    ("w1,s1/1,left,1,1,a", "x='left'"),
    ("w1,s1/1,1,nan,1,a", "y='nan'"),
    ("w1,s1/1,-1,1,1,a", "x=-1 < 0 on image 's1/1'"),
    ("w1,s1/1,80,1,1,a", "x=80 >= width 80 of image 's1/1'"),
    ("w1,s1/1,1,100,1,a", "y=100 >= height 100"),
    ("w1,s1/1,1,1,0,a", "duration=0"),
    ("w1,s1/1,1,1,-3,a", "duration=-3"),
    ("w1,s1/1,1,1,long,a", "duration='long'"),
    ("w1,s1/1,1,1,1,a,b", "cells"),
])
def test_a_row_that_cannot_be_is_refused_by_its_line_or_left_out_and_counted(tmp_path, row, says):
    content = HEADER + "w1,s1/1,1,1,1,a\n" + row + "\n"
    found = problems(tmp_path, content)
    assert list(found) == ["gaze.csv row 3"]
    assert says in found["gaze.csv row 3"]
    kept = read(tmp_path, content, drop_invalid=True)
    assert (len(kept.table), kept.left_out["where"].tolist()) == (1, ["gaze.csv row 3"])


def test_every_wrong_row_is_told_at_once(tmp_path):
    rng = np.random.default_rng(0)
    rows = [f"w1,s1/1,{x:g},1,1,a" for x in rng.uniform(81, 99, 50)]
    assert len(problems(tmp_path, HEADER + "\n".join(rows) + "\n")) == 50


@pytest.mark.parametrize(("content", "says"), [
    ("worker,image,x\nw1,s1/1,1\n", "no column 'y'"),
    (HEADER, "no row below the header"),
    ("", "is empty"),
])
def test_a_file_without_what_is_needed_is_one_error(tmp_path, content, says):
    with pytest.raises(InputError, match=says) as caught:
        read(tmp_path, content)
    assert len(caught.value.problems) == 1


def test_a_missing_file_is_an_error_with_its_remedy(tmp_path):
    with pytest.raises(InputError, match=r"set \[responses\] path in study\.toml"):
        read_fixations(config.Responses(source="fixations", path="none.csv"), root=tmp_path, images=IMAGES, size=(9, 9))
