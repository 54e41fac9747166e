"""Pages beside the report: what each holds, what it says is missing, and that it needs nothing from elsewhere."""

import html
import re

import pandas as pd
import pytest

from salcompare.findings.comparison.estimates import side_by_side
from salcompare.findings.comparison.words import comparison_page, comparison_table
from salcompare.findings.content import answers as summarise
from salcompare.findings.content import render as render_report
from salcompare.findings.rows import estimates_table, with_responses
from tests.report.contents import MAIN, estimates, report_data, row, write_pages

CONTROL = {"statistic": "overlap_control", "metric": "pearson", "form": "smoothed", "level": "population",
           "source": MAIN, "contrast": "same image"}
SEEDS = {"metric": "pearson", "form": "smoothed", "level": "population", "source": MAIN}
MORE = [
    row(**CONTROL, against="randomised network", value=0.11, ci_low=0.05, ci_high=0.17, n=40),
    row(**CONTROL, against="sobel", value=-0.07, ci_low=-0.1, ci_high=-0.04, n=40),
    row(statistic="deletion_auc", metric="logit", form="mean", level="population", source=MAIN, value=3.25,
        ci_low=3.0, ci_high=3.5, n=40),
    row(statistic="seed_reliability", **SEEDS, contrast="same image", value=0.54, ci_low=0.5, ci_high=0.58, n=40),
    row(statistic="seed_reliability", **SEEDS, contrast="image effect", value=0.13, ci_low=0.1, ci_high=0.16,
        p_value=0.001, p_attainable=0.001, n=40),
    row(statistic="seed_ceiling", **SEEDS, value=0.73, ci_low=0.7, ci_high=0.76, n=40),
    row(statistic="seed_accuracy", metric="test", level="population", source="net/finetuned", value=0.9, ci_low=0.85,
        ci_high=0.95, resampled="seeds", n=3),
    row(statistic="near_zero_share", metric="convolutions", form="relative", level="population", source="net/finetuned",
        value=0.22, ci_low=0.16, ci_high=0.28, n=3),
]


def with_more(*rows):
    return with_responses(pd.concat([estimates(), estimates_table(rows)], ignore_index=True), "simulated")


def words(path):
    """The page's text, without its style and pictures."""
    page = re.sub(r"<style>.*?</style>", "", path.read_text(), flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    data = report_data(folder, estimates=with_more(*MORE))
    figure = data.figures[0]
    render_report(report_data(folder, estimates=with_more(*MORE), pages={"net": (figure,)}, comparison=figure), folder)
    return folder


def test_the_report_links_to_a_page_of_each_classifier_and_to_the_comparison(pages):
    report = (pages / "report.html").read_text()
    for file in ("comparison.html", "classifier-net.html"):
        assert f'href="{file}"' in report
        assert 'href="report.html"' in (pages / file).read_text()


def test_every_page_is_one_file_whose_links_stay_in_the_folder(pages):
    for path in (pages / "comparison.html", pages / "classifier-net.html"):
        page = path.read_text()
        assert not re.search(r"(src|href)=[\"'](https?:)?//", page)
        assert not re.search(r"<script|@import|url\(", page)
        local = [link for link in re.findall(r'href="([^"#]+)"', page) if not link.startswith("data:")]
        assert local
        assert all((pages / link).is_file() for link in local)
        anchors = re.findall(r'href="#([^"]+)"', page)
        assert all(f'id="{anchor}"' in page for anchor in anchors)
        assert "Simulated responses" in page
        assert "A &lt;study&gt; &amp; its maps" in page


def test_the_comparison_holds_each_value_with_its_interval_and_what_it_is_read_against(pages):
    said = words(pages / "comparison.html")
    for text in ("0.95 (0.90 to 0.98)", "0.40 (0.30 to 0.50); ceiling 0.90", "0.11 (0.050 to 0.17)",
                 "−0.070 (−0.10 to −0.040)", "Deletion AUC (logit, mean)", "3.2 (3 to 3.5)", "0.54 (0.50 to 0.58)"):
        assert text in said, text
    table = pd.read_csv(pages / "tables" / "comparison.csv").set_index("quantity")
    assert table.loc["overlap", "value"] == 0.4
    assert table.loc["minus_sobel", "ci_high"] == -0.04
    assert table.loc["overlap", "responses"] == "simulated"


def test_what_the_comparison_does_not_have_is_named_with_its_reason(pages):
    said = words(pages / "comparison.html")
    assert "What is not here" in said
    assert "Share of the ceiling: not computed; it needs people's maps that say which worker made what." in said
    assert "Deletion AUC: not" not in said


def test_the_classifiers_page_holds_its_own_rows_and_says_what_was_not_run(pages, tmp_path):
    said = words(pages / "classifier-net.html")
    for text in ("Accuracy", "Overlap with people minus the same overlap of a control", "randomised network",
                 "Deletion and insertion", "Over training seeds", "Share of weights near zero"):
        assert text in said, text
    assert "trained once" not in said
    data = report_data(tmp_path)
    write_pages(data, tmp_path)
    bare = words(tmp_path / "classifier-net.html")
    assert "Controls (randomised networks, shuffled labels, edges) were not run" in bare
    assert "Deletion, insertion and removal were not run" in bare
    assert "trained once" in bare
    assert "Overlap with people minus" not in bare


def test_rows_of_another_classifier_stay_off_the_page(tmp_path):
    other = row(statistic="accuracy", metric="test", level="population", source="network2/frozen", value=0.123, n=40)
    data = report_data(tmp_path, estimates=with_more(other))
    write_pages(data, tmp_path)
    assert "network2" not in words(tmp_path / "classifier-net.html")


def test_pages_of_classifiers_that_are_gone_are_deleted(tmp_path):
    write_pages(report_data(tmp_path), tmp_path)
    (tmp_path / "classifier-old.html").write_text("of an earlier report")
    written = write_pages(report_data(tmp_path), tmp_path)
    assert {path.name for path in tmp_path.glob("*.html")} == {path.name for path in written}
    assert write_pages(report_data(tmp_path, classifiers={}), tmp_path) == []
    assert not list(tmp_path.glob("*.html"))


def test_ready_made_maps_have_a_page_too(tmp_path):
    given = {"maps": {"method": "some_method", "n_maps": 7, "notes": [], "left_out": pd.DataFrame()}}
    data = report_data(tmp_path, classifiers={}, precomputed_maps=given)
    write_pages(data, tmp_path)
    assert "7 maps that were given ready-made (some method)" in words(tmp_path / "classifier-maps.html")


def test_the_summary_says_how_stable_the_classifier_is_only_where_it_was_trained_again(tmp_path):
    (finding,) = [found for found in summarise(report_data(tmp_path, estimates=with_more(*MORE)))
                  if found.question == "How stable is the classifier?"]
    said = " ".join(finding.answers)
    assert "correlate by 0.54 (95% CI 0.50 to 0.58); so the classifier's own noise ceiling is 0.73" in said
    assert "There is evidence that maps of" in said
    assert "net/finetuned: over 3 seeds, 90.0% of test images right on average (95% CI 85.0% to 95.0%)." in said
    assert not any(found.question == "How stable is the classifier?" for found in summarise(report_data(tmp_path)))


def test_the_summary_compares_decay_with_and_without_convolutions(tmp_path):
    between = row(statistic="near_zero_share", metric="convolutions", form="relative", level="population",
                  source="decay/finetuned", against="plain/finetuned", contrast="minus plain/finetuned", value=0.21,
                  ci_low=0.16, ci_high=0.27, n=3)
    data = report_data(tmp_path, estimates=with_more(between))
    one = data.settings["classifier"][0]
    data.settings["classifier"] = [{**one, "name": "decay"}, {**one, "name": "plain", "l2_on": "linear"}]
    said = " ".join(answer for found in summarise(data) for answer in found.answers)
    assert ("There is evidence that decay/finetuned (L2 on all weights) has more convolution weights near zero than "
            "plain/finetuned (L2 on linear weights): 0.21 (95% CI 0.16 to 0.27).") in said


def test_the_comparison_has_a_row_a_quantity_for_few_sources_and_a_narrow_row_a_source_for_more():
    few = side_by_side(with_more(*MORE), [MAIN])
    assert comparison_table(few).header == ["", MAIN]
    assert comparison_table(few).rows[0] == ["Accuracy, test images", "0.95 (0.90 to 0.98)"]
    sources = [f"net{k}/finetuned/gradient" for k in range(4)]
    rows = [row(statistic="accuracy", metric="test", level="population", source=f"net{k}/finetuned", value=k / 4)
            for k in range(4)]
    many = comparison_table(side_by_side(with_more(*rows), sources))
    assert many.header == ["", "Accuracy,\ntest images"]
    shown = ("0", "0.25", "0.50", "0.75")
    assert many.rows == [[f"net{k}/\nfinetuned/\ngradient", text] for k, text in enumerate(shown)]
    assert many.frame["source"].tolist() == sources
    wide = comparison_table(side_by_side(with_more(*MORE), [*sources[:2], MAIN]))
    cells = [line for cells in wide.rows for cell in cells for line in cell.split("\n")]
    assert "(0.30 to 0.50)" in cells
    assert "ceiling 0.90" in cells
    assert max(map(len, cells)) <= 18


def test_a_dash_of_one_source_where_another_has_a_value_has_its_reason(tmp_path):
    other = row(statistic="overlap", metric="pearson", form="smoothed", level="population", contrast="same image",
                source="net/frozen/gradient", value=0.2, ci_low=0.1, ci_high=0.3, n=40)
    data = report_data(tmp_path, estimates=with_more(*MORE, other))
    write_pages(data, tmp_path)
    said = words(tmp_path / "comparison.html")
    assert "Overlap minus Sobel edges', of net/frozen/gradient: not computed; it needs the controls." in said
    assert "Overlap with people, of" not in said


def test_sources_are_printed_without_the_pages_own_name_and_kept_in_the_csv(pages):
    said = (pages / "classifier-net.html").read_text()
    assert "<td>finetuned</td>" in said
    assert "<td>net/finetuned</td>" not in said
    assert pd.read_csv(pages / "tables" / "classifier_net_accuracy.csv")["source"].tolist() == ["net/finetuned"]


def test_differences_stand_by_quantity_with_what_all_have_in_common_in_the_caption(tmp_path):
    overlap = {"statistic": "overlap", "metric": "pearson", "form": "smoothed", "level": "population",
               "against": "human", "resampled": "actors", "n": 40}
    rows = [row(**overlap, source=f"net{k}/finetuned/gradient", contrast=f"minus {MAIN}", value=k / 8,
                ci_low=k / 8 - 0.1, ci_high=k / 8 + 0.1) for k in (1, 2)]
    table, = comparison_page(report_data(tmp_path, estimates=with_more(*rows))).sections[2].tables
    assert table.header == ["source", "less", "value", "ci low", "ci high"]
    assert table.rows[0] == ["net1/finetuned/gradient", MAIN, "0.125", "0.0250", "0.225"]
    assert table.caption.endswith("Of all rows: metric pearson; form smoothed; resampled actors; n 40.")
    assert list(table.frame["contrast"].unique()) == [f"minus {MAIN}"]
