"""What the report says of removal and enrichment."""

import numpy as np
import pandas as pd
import pytest

from salcompare.config import Statistics
from salcompare.findings.content import answers as summarise
from salcompare.findings.content import methods
from salcompare.findings.content import tables as printed_tables
from salcompare.findings.p_values import name_families
from salcompare.findings.perturbation.estimates import removal_estimates
from salcompare.findings.rows import estimates_table, with_responses
from tests.report.contents import estimates, report_data
from tests.statistics.simulated_outcomes import simulated

LABELS = (("eyes", 0.0), ("nose", 3.0), ("lips", 0.0))


@pytest.fixture(scope="module")
def strong():
    """Estimates of a network that needs what people marked, and the nose."""
    return removed(people=3.0)


def removed(*, people, reversed_blur=False):
    found = simulated(np.random.default_rng(2), people=people, labels=LABELS)
    if reversed_blur:  # with this fill, the patches elsewhere cost more
        of = (found["order"] == "random people") & (found["fill"] == "blur")
        found["logit"] = found["logit"] - 6 * of
    rows = estimates_table(removal_estimates({"net/finetuned": found}, Statistics(n_permutations=199), 1))
    return pd.concat([estimates(), with_responses(name_families(rows), "simulated")], ignore_index=True)


def said(tmp_path, table):
    (finding,) = [f for f in summarise(report_data(tmp_path, estimates=table)) if "need" in f.question]
    return " ".join(finding.answers)


def test_where_every_fill_agrees_there_is_evidence(tmp_path, strong):
    text = said(tmp_path, strong)
    assert "There is evidence that the network needs what people marked more than the same patches elsewhere" in text
    assert "with every fill (mean 3" in text
    assert "No evidence that the network needs what its map marks more than the same patches elsewhere" in text


def test_where_fills_disagree_the_summary_says_so(tmp_path):
    text = said(tmp_path, removed(people=3.0, reversed_blur=True))
    assert "depends on the fill, or is reversed: more with 1 of 2 fills and less with 1 of 2" in text


def test_what_people_name_stands_beside_what_the_network_needs(tmp_path, strong):
    text = said(tmp_path, strong)
    assert "People name eyes most (40.0%); the network needs nose more than the other labels' regions." in text


def test_without_a_label_that_stands_out_none_is_named(tmp_path):
    table = removed(people=0.0)
    table.loc[table["contrast"] == "minus other labels", "p_adjusted"] = 0.4
    assert "no label's region stands out" in said(tmp_path, table)


def test_a_study_without_removal_has_no_such_question(tmp_path):
    data = report_data(tmp_path)
    assert not [finding for finding in summarise(data) if "need" in finding.question]
    assert "Removal" not in dict(methods(data))


def test_methods_state_area_fills_and_images(tmp_path, strong):
    text = dict(methods(report_data(tmp_path, estimates=strong)))["Removal"]
    assert "Of the first 2 test images of each actor, 10% of the pixels are removed" in text
    assert all(fill in text for fill in ("mean colour", "Gaussian of a tenth", "normal noise"))


def test_tables_keep_drops_labels_and_areas_apart_and_say_simulated(tmp_path, strong):
    tables = {table.name: table for table in printed_tables(report_data(tmp_path, estimates=strong))}
    assert set(tables["removal_drop_label"].frame["label"]) == {"eyes", "nose", "lips"}
    assert "label" not in tables["removal_drop"].frame
    assert set(tables["removal_auc"].frame["statistic"]) == {"deletion_auc", "insertion_auc"}
    assert tables["removal_drop"].simulated
