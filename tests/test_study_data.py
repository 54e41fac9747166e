"""A study's data by name, each loaded when it is first used."""

import pytest

from salcompare.study_data import StudyData


def test_each_part_is_loaded_once_and_only_when_it_is_used():
    loaded = []
    data = StudyData({"images": lambda: loaded.append("images") or [1, 2], "maps": lambda: loaded.append("maps")})
    assert loaded == []
    assert data.images == data.images == [1, 2]
    assert loaded == ["images"]


def test_what_is_not_there_is_an_error_that_lists_what_is_or_a_default():
    data = StudyData({"images": list}, truth=None)
    with pytest.raises(AttributeError, match="no 'imagse'; they have images, truth"):
        _ = data.imagse
    assert data.get("imagse", 3) == 3
    assert data.get("truth", 3) is None


def test_replaced_values_leave_the_first_as_it_was():
    data = StudyData({"images": lambda: "of the loader"}, title="a")
    other = data.replace(title="b", images="given")
    assert (data.title, data.images, other.title, other.images) == ("a", "of the loader", "b", "given")
