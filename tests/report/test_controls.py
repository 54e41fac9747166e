"""The report warns where an overlap is no evidence about the network, and only there."""

import pytest

from salcompare.report import render_report
from salcompare.report.methods import methods
from salcompare.report.summary import summarise
from salcompare.report.summary.controls import banners
from salcompare.report.tables import printed_tables
from salcompare.statistics.analysis.estimates import estimates_table, with_responses
from tests.report.contents import MAIN, estimates, report_data, row


def control(against, value, low, high, **more):
    return row(statistic="overlap_control", metric="pearson", form="smoothed", level="population", source=MAIN,
               against=against, contrast="classifier - control", value=value, ci_low=low, ci_high=high, n=40, **more)


def overlap_of(source, value):
    return row(statistic="overlap", metric="pearson", form="smoothed", level="population", source=source,
               against="human", contrast="same image", value=value, ci_low=value - 0.1, ci_high=value + 0.1, n=40)


ABOVE = [control("randomised network", 0.2, 0.1, 0.3), control("sobel", 0.1, 0.05, 0.15)]
BELOW = [control("randomised network", -0.21, -0.34, -0.08), control("sobel", 0.07, 0.02, 0.12),
         row(statistic="control_spread", metric="pearson", form="smoothed", level="population", source=MAIN,
             against="randomised network", contrast="classifier - control", value=0.04, n=5),
         overlap_of("randomised network", 0.61), overlap_of("sobel", 0.33)]
CURVE = [row(statistic="randomisation_similarity", metric="spearman", form="cascading", level="population", source=MAIN,
             against=layer, value=value, ci_low=value - 0.01, ci_high=value + 0.01, n=5)
         for layer, value in (("head", 0.99), ("features.1", 0.9), ("features.0", 0.04))]


def data_with(folder, rows):
    table = estimates_table([*estimates().drop(columns="responses").to_dict("records"), *rows])
    return report_data(folder, estimates=with_responses(table, "simulated"))


def said(data):
    return " ".join(answer for finding in summarise(data) if finding.question == "Is it the network speaking?"
                    for answer in finding.answers)


def test_an_overlap_above_both_controls_is_no_banner(tmp_path):
    data = data_with(tmp_path, ABOVE)
    assert banners(data) == []
    assert "tells something of what this network has learnt" in said(data)
    assert "Held against controls" not in render_report(data, tmp_path).read_text()


def test_an_overlap_below_the_randomised_network_is_a_banner_at_the_head_of_the_summary(tmp_path):
    data = data_with(tmp_path, BELOW)
    warning, = banners(data)
    assert "is no evidence about this network" in warning
    assert "lies below that of the same network with random weights (difference −0.21 (95% CI −0.34 to −0.080))" in (
        warning)
    assert "Sobel" not in warning
    page = render_report(data, tmp_path).read_text()
    assert page.index("is no evidence about this network") < page.index("What was compared?")
    assert "agrees with people less than the same network with random weights" in said(data)
    assert "5 random networks to the next it differs by 0.040 (SD)" in said(data)


@pytest.mark.parametrize(("rows", "words"), [
    ([ABOVE[0]], "has not been held against the photographs' Sobel edges"),
    ([ABOVE[1]], "has not been held against the same network with random weights"),
    ([ABOVE[0], control("sobel", 0.1, -0.05, 0.25)], "does not lie above that of the photographs' Sobel edges"),
    ([ABOVE[0], control("sobel", 0.1, None, None, reason="fewer than 8 actors")],
     "from the photographs' Sobel edges, 0.10, has no interval: fewer than 8 actors"),
])
def test_what_is_not_shown_to_lie_above_is_named(tmp_path, rows, words):
    warning, = banners(data_with(tmp_path, rows))
    assert words in warning


def test_without_an_overlap_there_is_nothing_to_warn_of(tmp_path):
    bare = estimates()
    bare = bare[bare["statistic"] != "overlap"]
    assert banners(report_data(tmp_path, estimates=bare)) == []


def test_the_curve_is_told_by_its_ends(tmp_path):
    words = said(data_with(tmp_path, [*ABOVE, *CURVE]))
    assert "a rank correlation of 0.99 with what they were; with random weights throughout, 0.040" in words


def test_tables_put_both_overlaps_side_by_side(tmp_path):
    tables = {table.name: table for table in printed_tables(data_with(tmp_path, [*BELOW, *CURVE]))}
    shown = tables["overlap_controls"].page.set_index("against")
    assert list(shown.index) == ["randomised network", "sobel"]
    assert shown["overlap"].tolist() == [0.4, 0.4]
    assert shown["overlap_of_control"].tolist() == [0.61, 0.33]
    assert shown.loc["randomised network", "spread"] == 0.04
    assert len(tables["randomisation_similarity"].page) == 3


def test_methods_say_how_many_networks_and_what_decides(tmp_path):
    text = dict(methods(data_with(tmp_path, ABOVE)))["Controls"]
    assert "5 networks have all weights drawn anew" in text
    assert "no evidence about the network" in text
