"""The declared data model: tables and maps that break a rule are refused by name and row."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given

from salcompare.errors import InputError
from salcompare.schema import (
    CLASSIFIER_MAPS,
    ESTIMATES,
    HUMAN_MAPS,
    IMAGES,
    LABELS,
    RESPONSES,
    Column,
    Table,
    check_maps,
    check_table,
)
from tests.strategies import labelled_maps, response_tables, stack_of_maps, table_of_images, table_of_responses

COUNTED = Table("counted", (
    Column("name", "text", "its name"), Column("n", "count", "how many", low=1),
    Column("p", "number", "a probability", required=False, low=0, high=1),
    Column("kind", "text", "which", required=False, choices=("a", "b")),
), key="name")


def problems(frame, table=COUNTED, where="t.csv"):
    with pytest.raises(InputError) as caught:
        check_table(frame, table, where)
    return [str(problem) for problem in caught.value.problems]


def counted(**columns):
    return pd.DataFrame({"name": ["x", "y", "z"], "n": [1, 2, 3], **columns})


def test_a_good_table_passes_with_columns_of_its_own_beside():
    check_table(counted(p=[0, 0.5, np.nan], kind=["a", None, "b"], mine=[1, 2, 3]), COUNTED, "t.csv")


def test_missing_columns_are_named_together_with_those_found():
    assert problems(pd.DataFrame({"p": [0.1]})) == [
        "t.csv: no column 'name', 'n'; expected columns name, n; add what is missing; found p"]


def test_each_offending_row_is_named_by_its_label():
    found = problems(counted(p=[0, 1.5, -0.1]).set_index(pd.Index([2, 3, 7])))
    assert found == ["t.csv row 3: p=1.5; expected a number >= 0 and <= 1",
                     "t.csv row 7: p=-0.1; expected a number >= 0 and <= 1"]


@pytest.mark.parametrize(("n", "shown"), [(0, "0"), (np.nan, "nan"), (np.inf, "inf"), (1.5, "1.5")])
def test_a_count_is_whole_finite_and_within_bounds(n, shown):
    assert problems(counted(n=[1, n, 2]))[0].startswith(f"t.csv row 1: n={shown}; expected a count >= 1")


def test_text_where_a_number_should_stand_is_a_problem_of_its_row():
    assert problems(counted(n=["1", "two", "3"])) == ["t.csv row 1: n=two; expected a count >= 1"]
    assert problems(counted(p=["0.5", "half", None])) == ["t.csv row 1: p=half; expected a number >= 0 and <= 1"]


@pytest.mark.parametrize("name", ["", "  ", None, np.nan])
def test_a_required_text_is_not_empty(name):
    assert "t.csv row 1: name is empty; expected its name" in problems(counted(name=["x", name, "z"]))


def test_a_text_that_is_no_choice_is_refused_and_an_optional_one_may_be_missing():
    assert problems(counted(kind=["a", "c", None])) == ["t.csv row 1: kind='c'; expected a or b"]


def test_a_key_stands_once_even_where_the_index_repeats():
    frame = counted(name=["x", "x", "x"]).set_index(pd.Index([5, 5, 6]))
    assert problems(frame) == [
        "t.csv row 5: name 'x' is listed twice; expected one row for each name; remove or rename one",
        "t.csv row 6: name 'x' is listed twice; expected one row for each name; remove or rename one"]


def test_all_problems_of_all_columns_come_at_once():
    assert len(problems(counted(name=["x", "", "x"], n=[0, 1, 2], p=[2, 2, 2]))) == 6


def test_an_empty_table_with_its_columns_is_good():
    check_table(counted().iloc[:0], COUNTED, "t.csv")
    check_table(table_of_responses([]), RESPONSES, "responses.csv")


IMAGES_TABLE = table_of_images(["s1", "s2"])


@given(response_tables(IMAGES_TABLE, n_responses=(1, 3)))
def test_valid_responses_pass(responses):
    check_table(responses, RESPONSES, "responses.csv")


def test_a_split_is_one_of_three():
    found = problems(IMAGES_TABLE.assign(split=["train", "dev"]), IMAGES, "images")
    assert found == ["images row 1: split='dev'; expected train or validation or test"]


def test_declarations_name_each_column_once_and_say_what_it_means():
    for table in (IMAGES, RESPONSES, ESTIMATES):
        assert len(set(table.names)) == len(table.names)
        assert all(column.meaning for column in table.columns)
        assert table.key is None or table.key in table.names
    assert IMAGES.text_columns == ("image", "actor", "split", "file", "sha256", "group", "shoot")
    assert len(set(LABELS)) == 11


def human(values=None):
    stack = stack_of_maps(np.full((2, 2, 2), 0.5, dtype="float32") if values is None else values, ["s1", "s2"])
    return stack.to_dataset(name="coverage").assign(n_responses=("image", np.array([1, 2])))


def map_problems(dataset, layout=HUMAN_MAPS):
    with pytest.raises(InputError) as caught:
        check_maps(dataset, layout, "maps")
    return [str(problem) for problem in caught.value.problems]


def test_good_maps_pass_eager_and_lazy():
    check_maps(human(), HUMAN_MAPS, "maps")
    check_maps(human().chunk({"image": 1}), HUMAN_MAPS, "maps")
    check_maps(human().isel(image=[]), HUMAN_MAPS, "maps")


@given(labelled_maps(dtype="float32"))
def test_any_non_negative_maps_are_classifier_maps(stack):
    check_maps(stack.to_dataset(name="saliency"), CLASSIFIER_MAPS, "maps")


def test_a_missing_variable_and_a_missing_coordinate_are_named():
    assert map_problems(human().drop_vars(["n_responses", "actor"])) == [
        "maps: no coordinate 'actor'; give human maps its actor coordinate",
        "maps: no variable 'n_responses'; expected n_responses('image',)"]


def test_dims_dtype_and_bounds_are_held_to():
    assert "has dims ('y', 'image', 'x')" in map_problems(human().transpose("y", "image", "x"))[0]
    assert "coverage is float64; expected float32" in map_problems(human(np.full((2, 2, 2), 0.5)))[0]
    assert map_problems(human(np.full((2, 2, 2), 1.5, dtype="float32"))) == [
        "maps: coverage runs from 1.5 to 1.5; expected from 0 to 1"]
    negative = human(np.full((2, 2, 2), -1, dtype="float32")).rename(coverage="saliency")
    assert map_problems(negative, CLASSIFIER_MAPS) == ["maps: saliency runs from -1 to -1; expected from 0 to any"]


def test_a_missing_value_is_found_among_good_ones():
    values = np.full((2, 2, 2), 0.5, dtype="float32")
    values[1, 0, 1] = np.nan
    assert map_problems(human(values)) == ["maps: coverage holds NaN; expected never NaN"]


def test_an_image_stands_once():
    twice = human().assign_coords(image=["s1/1", "s1/1"])
    assert map_problems(twice) == ["maps: image 's1/1' is listed twice; expected unique image ids; rename one"]
