"""Errors say what was found, what was expected and what to do, all of it at once."""

import pytest

from salcompare.errors import (
    SHOWN,
    ConfigError,
    InputError,
    MissingDependencyError,
    Problem,
    SalcompareError,
    StaleError,
    meant,
)


def test_a_problem_reads_as_one_line():
    problem = Problem("responses.csv row 812", "x1=301", "at most 227", "pass --clip")
    assert str(problem) == "responses.csv row 812: x1=301; expected at most 227; pass --clip"


def test_what_a_problem_leaves_out_leaves_no_trace():
    assert str(Problem("study.toml", "does not exist")) == "study.toml: does not exist"
    assert str(Problem("a", "b", remedy="c")) == "a: b; c"


def test_all_problems_are_told_at_once_and_kept():
    problems = [Problem("row 1", "bad"), Problem("row 2", "worse")]
    error = InputError(iter(problems))
    assert str(error) == "row 1: bad\nrow 2: worse"
    assert error.problems == tuple(problems)


def test_a_flood_of_problems_is_cut_and_counted():
    error = InputError([Problem(f"row {at}", "bad") for at in range(SHOWN + 7)])
    lines = str(error).splitlines()
    assert lines[SHOWN - 1] == f"row {SHOWN - 1}: bad"
    assert lines[SHOWN:] == [f"... and 7 more of {SHOWN + 7} problems"]
    assert len(error.problems) == SHOWN + 7


def test_exactly_as_many_problems_as_are_shown_are_all_shown():
    assert "more" not in str(InputError([Problem(f"row {at}", "bad") for at in range(SHOWN)]))


def test_one_problem_or_a_text_will_do():
    assert InputError(Problem("a", "b")).problems == (Problem("a", "b"),)
    assert str(InputError("no images")) == "no images"
    assert InputError("no images").problems == ()


@pytest.mark.parametrize("kind", [ConfigError, StaleError, MissingDependencyError])
def test_every_error_of_the_users_is_caught_as_one(kind):
    assert issubclass(kind, InputError)
    assert issubclass(kind, SalcompareError)
    assert str(kind(Problem("a", "b"))) == "a: b"


@pytest.mark.parametrize(("found", "known", "asked"), [
    ("statistcs", ["study", "statistics"], "did you mean 'statistics'?"),
    ("Ann", ["ann", "bob"], "did you mean 'ann'?"),
    ("999", ["001", "004"], "remove it"), ("4", ["001", "004"], "did you mean '004'?"),
    ("s05", ["s01", "s06"], "remove it"), ("s5", ["s01", "s05"], "did you mean 's05'?"),
    ("ann/999", ["ann/004"], "remove it"), ("actr2", ["actor1", "actor2"], "did you mean 'actor2'?"),
    ("cvs", ["csv", "maps"], "did you mean 'csv'?"),
    ("xyzzy", ["study"], "remove it"), ("s5", [], "remove it")])
def test_another_name_is_asked_for_only_where_it_is_near(found, known, asked):
    assert meant(found, known, otherwise="remove it") == asked
