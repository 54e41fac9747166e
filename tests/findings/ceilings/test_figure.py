"""Figure 12 shows the share that a classifier reaches, and maps that know nothing; figure 18 other sizes."""

from __future__ import annotations

import pandas as pd
import pytest

from salcompare.findings.ceilings.figure import NULL, ceilings_missing
from salcompare.findings.ceilings.words import summary, tables
from salcompare.findings.content import make_figures
from salcompare.schema import ESTIMATES
from tests.figures.tiny import MAIN, tiny


def test_the_null_stands_below_the_classifier_and_has_no_interval():
    (figure,) = make_figures(tiny(), only=[12])
    table = figure.plot.data.set_index("kind")
    assert table.loc[MAIN, ["value", "ci_low", "ci_high"]].tolist() == pytest.approx([0.4, 0.3, 0.5])
    assert table.loc[NULL, "value"] == 0.7
    assert table["ci_low"].isna().tolist() == [False, True]
    assert table["row"].cat.categories.tolist()[-1] == table.loc[MAIN, "row"]  # on top
    assert "the noise ceiling (0.90)" in figure.caption


def test_without_shares_it_is_left_out():
    estimates = tiny().estimates
    assert "share of the ceiling" in ceilings_missing(tiny(estimates=estimates[
        estimates["statistic"] != "share_of_ceiling"]))
    assert ceilings_missing(tiny()) is None


def with_components(*values):
    data = tiny()
    rows = pd.DataFrame([{"statistic": "variance_component", "metric": metric, "form": "smoothed", "source": "human",
                          "level": "population", "value": value} for metric, value in zip(
        ("actor", "image", "worker", "residual"), values, strict=True)] + [
        {"statistic": "noise_ceiling", "metric": "pearson", "form": "smoothed", "level": "population", "value": 0.9}])
    others = data.estimates[data.estimates["statistic"] != "variance_component"]
    every = pd.concat([others, rows], ignore_index=True)
    return data.replace(estimates=every.reindex(columns=list(ESTIMATES.names)).assign(responses="simulated"))


def test_figure_18_the_summary_and_the_table_say_how_large_a_study_must_be():
    data = with_components(0.2, 0.1, 0.3, 0.4)
    (figure,) = make_figures(data, only=[18])
    table = figure.plot.data
    at = table[(table["images"] == "4") & (table["workers"] == 7)]
    assert at["reliability"].tolist() == pytest.approx([0.8])
    assert "this study, 2 images of an actor and 2 workers" in figure.caption
    said = " ".join(summary(data))
    assert "0.8 would take 7 workers an image with 4 images of each actor or 3 workers an image with 8 images" in said
    sizes = next(table for table in tables(data) if table.name == "workers_needed").frame
    assert sizes["workers"].fillna(-1).tolist() == [-1, -1, 7, 3, 1]


def test_where_actors_do_not_differ_no_size_is_foretold():
    data = with_components(-0.1, 0.1, 0.5, 0.5)
    assert not list(make_figures(data, only=[18]))
    assert "reliability" not in " ".join(summary(data))
