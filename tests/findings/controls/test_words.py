"""The report warns where an overlap is no evidence about the network, and only there."""


import pandas as pd
import pytest

from salcompare.findings.content import answers as summarise
from salcompare.findings.content import methods
from salcompare.findings.content import render as render_report
from salcompare.findings.content import tables as printed_tables
from salcompare.findings.controls.words import banners
from salcompare.findings.rows import estimates_table, with_responses
from tests.report.contents import MAIN, estimates, report_data, row, write_pages

FROZEN, OTHER = "net/frozen/guided_backprop", "other/finetuned/gradient"


NEW = "new randomised network"


def control(against, value, low, high, source=MAIN, **more):
    return row(statistic="overlap_control", metric="pearson", form="smoothed", level="population", source=source,
               against=against, value=value, ci_low=low, ci_high=high, n=40, **{
                   "contrast": "same image", **more, **(
                       {"p_value": 1 / 21, "n_resamples": 20} if against == NEW else {})})


def overlap_of(source, value):
    return row(statistic="overlap", metric="pearson", form="smoothed", level="population", source=source,
               against="human", contrast="same image", value=value, ci_low=value - 0.1, ci_high=value + 0.1, n=40)


ABOVE = [control(NEW, 0.2, 0.1, 0.3), control("sobel", 0.1, 0.05, 0.15)]
BELOW = [control(NEW, -0.21, -0.34, -0.08, value_one=0.4, value_other=0.61),
         control("randomised network", -0.21, -0.25, -0.17, value_one=0.4, value_other=0.61),
         control("sobel", 0.07, 0.02, 0.12, value_one=0.4, value_other=0.33)]
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
    assert ("lies below that of a new network with random weights (difference −0.21 (0.400 less 0.610; "
            "95% CI −0.34 to −0.080))") in warning
    assert "Sobel" not in warning
    page = render_report(data, tmp_path).read_text()
    assert page.index("is no evidence about this network") < page.index("What was compared?")
    assert ("agrees with people less than the mean of 20 networks with random weights: −0.21 (0.400 less 0.610; 95% "
            "CI −0.25 to −0.17); of a new such network it differs by 95% CI −0.34 to −0.080 (p = 0.048 of agreeing "
            "more, by rank: at least 1/21).") in said(data)


def test_a_difference_without_an_interval_is_open_and_no_evidence(tmp_path):
    why = {"reason": "all actors share workers", "value_one": 0.4, "value_other": 0.2}
    data = data_with(tmp_path, [control(name, 0.2, None, None, **why) for name in (
        NEW, "randomised network", "sobel")])
    warning, = banners(data)
    assert warning.count("0.20 (0.400 less 0.200), has no interval: all actors share workers") == 2
    words = said(data)
    assert "is open: 0.20 (0.400 less 0.200), no interval: all actors share workers; its difference from a new" in words
    assert "has no interval (p = 0.048 of agreeing more, by rank: at least 1/21)." in words
    assert "tells something" not in words


@pytest.mark.parametrize(("rows", "words"), [
    ([ABOVE[0]], "has not been held against the photographs' Sobel edges"),
    ([ABOVE[1]], "has not been held against a new network with random weights"),
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
    assert list(shown.index) == ["randomised network", NEW, "sobel"]
    assert shown["overlap"].tolist() == [0.4, 0.4, 0.4]
    assert shown["overlap_of_control"].tolist() == [0.61, 0.61, 0.33]
    assert len(tables["randomisation_similarity"].page) == 3


def test_methods_say_how_many_networks_and_what_decides(tmp_path):
    text = dict(methods(data_with(tmp_path, ABOVE)))["Controls"]
    assert "20 networks have all weights drawn anew" in text
    assert "no evidence about the network" in text


def held(source, overlap, randomised, sobel):
    """A source's overlap, and its differences from the decisive controls: above 0, below, or not made (None)."""
    ends = {"above": (0.2, 0.1, 0.3), "below": (-0.2, -0.3, -0.1), "open": (0.05, -0.1, 0.2)}
    return [overlap_of(source, overlap), *(control(against, *ends[way], source=source) for against, way in (
        (NEW, randomised), ("sobel", sobel)) if way)]


def test_the_banner_names_only_the_source_at_fault(tmp_path):
    data = data_with(tmp_path, [*ABOVE, *held(FROZEN, 0.3, "above", "open"), *held(OTHER, 0.5, "above", "above")])
    warning, = banners(data)
    assert warning.startswith(f"The overlap of people with {FROZEN} (0.30) is no evidence about this network: it does "
                              "not lie above that of the photographs' Sobel edges")
    assert MAIN not in warning
    assert OTHER not in warning
    words = said(data)
    assert "The overlap lies above both that of a new network with random weights" in words
    assert f"The overlap of people with {OTHER} lies above both those of random weights and of Sobel edges." in words
    assert f"The overlap of people with {FROZEN} does not lie above both those of random weights" in words


def test_several_sources_at_fault_are_named_in_one_banner_each_with_its_reason(tmp_path):
    rows = [*BELOW, *held(FROZEN, 0.3, "above", "open"), *held(OTHER, 0.5, "below", "above")]
    warning, = banners(data_with(tmp_path, rows))
    assert warning.startswith(f"The overlaps of people with {MAIN} (0.40), {FROZEN} (0.30) and {OTHER} (0.50) are no "
                              f"evidence about these networks. {MAIN}: it lies below that of a new network")
    assert f" {FROZEN}: it does not lie above that of the photographs' Sobel edges" in warning
    assert f" {OTHER}: it lies below that of a new network with random weights" in warning
    assert "has not been" not in warning


def test_many_sources_at_fault_are_counted_by_what_they_fail_and_their_numbers_left_to_the_comparison(tmp_path):
    sources = [f"net{number}/finetuned/gradient" for number in range(4)]
    rows = [overlap_of(source, 0.3) for source in sources]
    rows += [control(NEW, -0.2, -0.3, -0.1, source) for source in sources]
    rows += [control("sobel", 0.1, 0.05, 0.15, sources[0]), control("sobel", 0.0, -0.1, 0.1, sources[1]),
             control("sobel", -0.2, -0.3, -0.1, sources[2]), *ABOVE]
    (banner,) = banners(data_with(tmp_path, rows))
    assert all(f"{source} (0.30)" in banner for source in sources)
    assert "Of these 4, 4 lie below that of a new network with random weights." in banner
    assert ("Of these 4, 1 does not lie above, 1 lies below and 1 was not held against that of the photographs' Sobel "
            "edges.") in banner
    assert "95% CI" not in banner


def test_two_methods_of_one_network_are_one_network(tmp_path):
    warning, = banners(data_with(tmp_path, [*BELOW, *held(MAIN.replace("guided_backprop", "gradient"), 0.1, "below",
                                                          "below")]))
    assert "are no evidence about this network. net/finetuned/guided_backprop: it" in warning


def test_sources_held_against_nothing_need_no_sentence_each(tmp_path):
    warning, = banners(data_with(tmp_path, [*ABOVE, *held(FROZEN, 0.3, None, "above"), *held(OTHER, 0.5, None, "above"),
                                            *held("maps/precomputed/given", 0.2, None, None)]))
    assert warning.endswith(
        f"{FROZEN} and {OTHER} have not been held against a new network with random weights. maps/precomputed/given "
        "has not been held against a new network with random weights and the photographs' Sobel edges.")


def test_a_classifiers_page_warns_of_its_own_sources_and_holds_its_overlaps_beside_the_controls(tmp_path):
    data = data_with(tmp_path, [*BELOW, *held(OTHER, 0.5, "below", "above")])
    write_pages(data, tmp_path)
    page = (tmp_path / "classifier-net.html").read_text()
    assert f"The overlap of people with {MAIN} (0.40) is no evidence about this network" in page
    assert OTHER not in page
    table = pd.read_csv(tmp_path / "tables" / "classifier_net_controls.csv").set_index("against")
    assert table.loc["randomised network", ["overlap", "overlap_of_control", "value"]].tolist() == [0.4, 0.61, -0.21]


def test_the_table_of_controls_keeps_each_sources_rows_together(tmp_path):
    rows = [control("sobel", 0.1, 0, 0.2), *held(FROZEN, 0.3, "above", "open"),
            control(NEW, 0.2, 0.1, 0.3)]
    shown = {table.name: table for table in printed_tables(data_with(tmp_path, rows))}["overlap_controls"].page
    assert list(zip(shown["source"], shown["against"], strict=True)) == [
        (MAIN, NEW), (MAIN, "sobel"), (FROZEN, NEW), (FROZEN, "sobel")]


def test_methods_say_what_variants_are_held_against_where_there_are_several_sources(tmp_path):
    data = data_with(tmp_path, ABOVE)
    text = dict(methods(data))["Controls"]
    assert "made of every classifier and explained by each of its attribution methods" in text
    alone = data.replace(settings={**data.settings, "classifier": [
        {**data.settings["classifier"][0], "variants": ("finetuned",)}]})
    assert "every classifier and" not in dict(methods(alone))["Controls"]
