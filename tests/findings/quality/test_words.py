"""The report's part on data quality: what is left out and why, and each headline number with and without."""

from __future__ import annotations

import re

import pandas as pd

from salcompare.findings.content import answers as summarise
from salcompare.findings.content import methods
from salcompare.findings.content import render as render_report
from salcompare.findings.content import tables as printed_tables
from salcompare.findings.rows import estimates_table, with_responses
from tests.report.contents import estimates, report_data, row

HEADLINES = pd.DataFrame({
    "headline": ["Noise ceiling", "Image effect"], "statistic": ["noise_ceiling", "overlap"], "value": [0.9, 0.03],
    "ci_low": [0.8, 0.01], "ci_high": [0.95, 0.05], "p_value": [None, 0.01], "n": [40, 40], "value_all": [0.8, 0.01],
    "ci_low_all": [0.7, -0.01], "ci_high_all": [0.85, 0.03], "p_value_all": [None, 0.2], "n_all": [40, 40],
    "difference": [0.1, 0.02], "verdict": ["", "evidence only with exclusions"]})


def tables(**changes):
    log = pd.DataFrame({"response": ["r1", "r1", "r2"], "worker": ["w1", "w1", "<w2>"], "image": ["ann/2"] * 3,
                        "rule": ["seconds", "tiny", "seconds"], "found": [0.5, 0.01, 0.2], "limit": [1, 0.015, 1],
                        "reason": ["given in 0.5 s; the limit is 1 s", "a side", "given in 0.2 s; the limit is 1 s"]})
    rules = pd.DataFrame({"rule": ["seconds", "tiny", "checks"], "takes_out": ["Responses given in under 1 s.", "Tiny.",
                                                                               "Workers."],
                          "n_responses": [2, 1, 0], "workers": [2, 1, 0], "only": [1, 0, 0],
                          "not_applied": ["", "", "there are no instructed checks"]})
    workers = pd.DataFrame({"worker": ["w1", "<w2>"], "n_responses": [2, 2], "kept": [1, 0], "rules": ["seconds", ""]})
    return {"exclusions": log, "quality_rules": rules, "quality_workers": workers, "headlines": HEADLINES} | changes


def said(data):
    return " ".join(answer for finding in summarise(data) for answer in finding.answers)


def test_every_exclusion_stands_on_the_page_and_in_a_csv_with_its_reason(tmp_path):
    page = render_report(report_data(tmp_path, quality=tables()), tmp_path).read_text()
    section = re.search(r'<section id="quality">.*?</section>', page, flags=re.DOTALL)[0]
    assert "given in 0.5 s; the limit is 1 s" in section
    assert "&lt;w2&gt;" in section
    assert "<w2>" not in page
    assert '<a href="#quality">' in page
    written = pd.read_csv(tmp_path / "tables" / "exclusions.csv")
    assert written["reason"].tolist() == tables()["exclusions"]["reason"].tolist()
    assert set(written["responses"]) == {"simulated"}


def test_a_long_log_is_whole_in_the_csv_and_cut_on_the_page(tmp_path):
    many = pd.concat([tables()["exclusions"]] * 100, ignore_index=True)
    data = report_data(tmp_path, quality=tables(exclusions=many))
    (table,) = [table for table in printed_tables(data) if table.name == "exclusions"]
    assert (len(table.frame), len(table.rows)) == (300, 200)
    assert "first 200 of 300" in table.caption


def test_each_headline_number_stands_with_and_without_exclusions(tmp_path):
    data = report_data(tmp_path, quality=tables())
    (table,) = [table for table in printed_tables(data) if table.name == "headlines"]
    assert table.section == "quality"
    assert {"value", "value_all", "ci_low_all", "difference", "verdict"} <= set(table.page.columns)
    assert table.simulated


def test_the_summary_counts_what_is_left_out_and_names_verdicts_that_change(tmp_path):
    text = said(report_data(tmp_path, quality=tables()))
    assert "2 of 4 responses (50.0%) break a rule of care" in text
    assert "seconds 2, tiny 1" in text
    assert "Of 2 workers 1 is left out entirely." in text
    assert "some verdicts differ: Image effect (evidence only with exclusions)." in text
    same = tables(headlines=HEADLINES.assign(verdict=["", "same"]))
    assert "none of 1 verdicts on headline numbers differs" in said(report_data(tmp_path, quality=same))


def test_the_summary_says_when_nothing_is_left_out(tmp_path):
    nothing = tables(exclusions=tables()["exclusions"].iloc[:0])
    assert "nothing is left out" in said(report_data(tmp_path, quality=nothing))


def test_the_methods_name_the_rules_that_were_applied_and_that_disagreement_is_none(tmp_path):
    found = dict(methods(report_data(tmp_path, quality=tables())))
    assert "Responses given in under 1 s." in found["Quality of responses"]
    assert "Workers." not in found["Quality of responses"]
    assert "no rule compares a worker's answers on a photograph with other workers'" in found["Quality of responses"]
    assert "1 - IoU" in found["Agreement of boxes"]


def test_agreement_of_boxes_stands_in_summary_and_table(tmp_path):
    more = [row(statistic="box_agreement", metric=metric, level=level, actor=actor, source="human", value=value,
                ci_low=value - 0.01, ci_high=value + 0.01, n=8)
            for metric, value in (("krippendorff_alpha", 0.1), ("mean_iou", 0.25))
            for level, actor in (("population", None), ("actor", "ann"))]
    table = with_responses(estimates_table([*estimates().to_dict("records"), *more]), "simulated")
    data = report_data(tmp_path, estimates=table, quality=tables())
    assert "mean IoU of 0.25 (95% CI 0.24 to 0.26)" in said(data)
    named = {table.name: table for table in printed_tables(data)}
    assert named["agreement"].page["metric"].tolist() == ["box, krippendorff alpha", "box, mean iou"]
    assert named["agreement_actor"].page["actor"].tolist() == ["ann", "ann"]


def test_a_study_without_boxes_has_no_part_on_quality(tmp_path):
    page = render_report(report_data(tmp_path, responses=None), tmp_path).read_text()
    assert 'id="quality"' not in page
    assert "#quality" not in page


def test_photographs_that_look_like_copies_are_named_with_what_to_do(tmp_path):
    pairs = pd.DataFrame({"image": ["ann/1", "ann/2", "bob/1", "ann/3"], "other": ["ann/2", "ann/3", "cid/1", "ann/4"],
                          "actor": ["ann", "ann", "bob", "ann"], "other_actor": ["ann", "ann", "cid", "ann"],
                          "correlation": [0.99, 0.98, 0.97, 0.96], "n_pairs": 45})
    data = report_data(tmp_path, quality=tables(), near_duplicates=pairs)
    assert ("4 pairs of photographs, 1 of them of two actors, may be copies (correlation): ann/1 and ann/2 (0.99); "
            "ann/2 and ann/3 (0.98); bob/1 and cid/1 (0.97); and 1 more, listed in a table.") in said(data)
    assert "give two of one actor one shoot ([images] shoots), or remove one. Of two actors, name" in said(data)
    assert "none is left out" in dict(methods(data))["Look-alike photographs"]
    assert [len(table.frame) for table in printed_tables(data) if table.name == "near_duplicates"] == [4]
    none = report_data(tmp_path, quality=tables(), near_duplicates=pairs[:0])
    assert "may be copies" not in said(none)
