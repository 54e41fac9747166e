"""Figure 13 shows each headline number twice, and counts those that it does not draw."""

from __future__ import annotations

import pytest

from salcompare.findings.content import make_figures
from salcompare.findings.quality.figure import _table
from tests.figures.tiny import headlines, tiny


def drawn(**changes):
    (figure,) = make_figures(tiny(**changes), only=[13])
    return figure


def test_each_number_is_drawn_from_the_kept_responses_and_from_all():
    table = _table(tiny())
    assert table.groupby("headline")["kind"].apply(sorted).map(tuple).unique().tolist() == [("all", "kept")]
    kept = table[table["kind"] == "kept"].set_index("headline")
    assert kept.loc["Image effect", ["value", "ci_low", "ci_high"]].tolist() == [0.03, 0.01, 0.05]
    whole = table[table["kind"] == "all"].set_index("headline")
    assert whole.loc["Image effect", ["value", "ci_low", "ci_high"]].tolist() == [0.01, -0.01, 0.03]


def test_what_is_far_outside_or_undefined_is_not_drawn_but_counted():
    figure = drawn()
    assert "3 numbers that the summary rests on" in figure.caption
    assert "Not drawn: 1 number that are undefined or beyond 1.5." in figure.caption
    undefined = headlines().assign(value=lambda table: table["value"].where(table["headline"] != "Noise ceiling"))
    assert "Not drawn: 2 numbers" in drawn(headlines=undefined).caption


def test_the_first_number_stands_on_top():
    built = drawn().plot.draw()
    labels = [text.get_text() for text in built.axes[0].get_yticklabels()]
    assert labels == ["Agreement of boxes, alpha", "Image effect", "Noise ceiling"]  # from below


@pytest.mark.parametrize("columns", [("value", "ci_low", "ci_high")])
def test_the_caption_says_when_nothing_is_left_out(columns):
    same = headlines().assign(**{f"{column}_all": headlines()[column] for column in columns})
    assert "No response is left out" in drawn(headlines=same).caption
    assert "No response is left out" not in drawn().caption
