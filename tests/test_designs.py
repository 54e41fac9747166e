"""Every design of a study gives what it can, and says of the rest why not: in numbers, words, tables and figures."""

from __future__ import annotations

import re

import pandas as pd
import pytest

import salcompare as sc
from salcompare.cli import main
from tests.designs import DESIGNS, people_alone
from tests.given_study import NETWORKS_MAPS, make_given_study

REPORTED = "one stimulus"
ALWAYS = {  # what makes sense of a single image, actor or worker, by what the study has
    "people": {("symmetry", "index"), ("symmetry_test", "worker_laterality")},
    "boxes": {("label_share", None)}, "workers": {("noise_ceiling", "pearson"), ("box_agreement", "mean_iou"),
                                                  ("label_agreement", "same_label")},
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Run each design once, to its report where that is looked at."""
    done = {}

    def make(name):
        if name not in done:
            study = DESIGNS[name](tmp_path_factory.mktemp("designs") / "study")
            until = "report" if name == REPORTED else "statistics"
            assert main(["run", "--study", str(study), "--until", until]) == 0
            done[name] = study
        return done[name]
    return make


@pytest.mark.parametrize("name", DESIGNS)
def test_what_is_undefined_has_a_reason_and_what_makes_sense_has_a_value(made, name):
    study = sc.open_study(made(name))
    estimates = study.estimates
    undefined = estimates[estimates["value"].isna()]
    assert (undefined["reason"].fillna("") != "").all(), undefined[undefined["reason"].isna()]
    assert not estimates["reason"].str.contains(r"\b1 (?:actors|images|workers)\b", na=False).any()
    wanted = ALWAYS["people"] | (ALWAYS["boxes"] if study.people == "boxes" else set())
    wanted |= ALWAYS["workers"] if study.people == "boxes" and name != "one worker" else set()
    for statistic, metric in wanted:
        rows = estimates[(estimates["statistic"] == statistic) & (estimates["level"] == "population")
                         & (estimates["source"] == "human")]
        rows = rows if metric is None else rows[rows["metric"] == metric]
        assert rows["value"].notna().any(), (statistic, metric)
    assert (estimates.loc[estimates["n"] == 0, "value"].isna()).all()


def test_one_stimulus_has_no_chance_agreement_and_none_of_an_actor_against_others(made):
    estimates = sc.open_study(made("one stimulus")).estimates
    for statistic, metric in (("label_agreement", "krippendorff_alpha"), ("box_agreement", "krippendorff_alpha"),
                              ("variance_explained", "r2"), ("relative_saliency", "max_t"),
                              ("symmetry_test", "asymmetry")):
        rows = estimates[(estimates["statistic"] == statistic) & (estimates["metric"] == metric)]
        assert len(rows)
        assert rows["value"].isna().all(), statistic


def printed(page):
    """The text of every table that a report prints, by the heading above it."""
    found = re.findall(r"<h3>([^<]*)</h3>\s*<div class=\"scroll\"><table>(.*?)</table>", page, re.DOTALL)
    found += re.findall(r"<details><summary>([^<]*).*?<table>(.*?)</table>", page, re.DOTALL)
    return dict(found)


def test_a_report_has_no_heading_where_nothing_stands(made):
    page = (made(REPORTED) / "reports/report.html").read_text(encoding="utf-8")
    for heading, table in printed(page).items():
        assert "<td" in table, heading
    assert "Variance of maps explained by actor" not in printed(page)
    left_out = page[page.index("Nothing to print"):]
    assert "Variance of maps explained by actor: maps: 1 actor; expected at least 2" in left_out
    assert "R² of who is shown is not defined: maps: 1 actor; expected at least 2" in page
    assert "Figure 6 is left out: one actor" in page
    text = re.sub(r"<[^>]+>", " ", re.sub(r"<style.*?</style>", "", page, flags=re.DOTALL))
    assert not re.search(r"\bnan\b|\b1 (?:actors|images|workers|photographs|responses)\b", text)


def test_the_report_of_people_alone_asks_about_people_alone(made):
    page = (made(REPORTED) / "reports/report.html").read_text(encoding="utf-8")
    assert "Which parts of a face do people find salient, and how sure can we be?" in page
    assert "This is a study of people alone" in page
    assert "Heatmaps of people." in page
    for absent in ("classifier's maps are", "Overlap of human and classifier", "Boxes are not gradients",
                   "Relative saliency of people"):
        assert absent not in page


def test_networks_alone_are_held_against_the_photographs_alone(tmp_path):
    study = make_given_study(tmp_path / "study", '[responses]\nsource = "none"\n' + NETWORKS_MAPS)
    assert main(["run", "--study", str(study), "--until", "statistics"]) == 0
    opened = sc.open_study(study)
    assert set(opened.estimates["source"]) <= {"deepnet/precomputed/integrated_gradients", "photographs"}


def test_a_network_needs_two_actors_and_says_how_to_do_without(tmp_path, capsys):
    study = people_alone(tmp_path / "study", n_actors=1, n_images=4)
    settings = (study / "study.toml").read_text()
    (study / "study.toml").write_text(settings.replace("classifier = []", ""))
    assert main(["run", "--study", str(study)]) == 2
    said = capsys.readouterr().err
    assert "one actor only, 'actor1'; expected at least 2 actors, for a network to tell apart" in said
    assert "classifier = []" in said


def test_tables_of_a_design_still_hold_every_row(made):
    tables = made(REPORTED) / "reports/tables"
    assert pd.read_csv(tables / "variance_explained_all.csv")["value"].isna().all()
