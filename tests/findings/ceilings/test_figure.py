"""Figure 12 shows the share that a classifier reaches, and below it what maps reach that know nothing."""

from __future__ import annotations

import pytest

from salcompare.findings.ceilings.figure import CLASSIFIER, NULL, ceilings_missing
from salcompare.findings.content import make_figures
from tests.figures.tiny import tiny


def test_the_null_stands_below_the_classifier_and_has_no_interval():
    (figure,) = make_figures(tiny(), only=[12])
    table = figure.plot.data.set_index("kind")
    assert table.loc[CLASSIFIER, ["value", "ci_low", "ci_high"]].tolist() == pytest.approx([0.4, 0.3, 0.5])
    assert table.loc[NULL, "value"] == 0.7
    assert table["ci_low"].isna().tolist() == [False, True]
    assert table["row"].cat.categories.tolist()[-1] == table.loc[CLASSIFIER, "row"]  # on top
    assert "the noise ceiling (0.90)" in figure.caption


def test_without_shares_it_is_left_out():
    estimates = tiny().estimates
    assert "share of the ceiling" in ceilings_missing(tiny(estimates=estimates[
        estimates["statistic"] != "share_of_ceiling"]))
    assert ceilings_missing(tiny()) is None
