"""The rows that label statistics give to the estimates: what each says, and what it says where there is nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from salcompare.config import Maps, Statistics
from salcompare.findings.labels.estimates import label_estimates
from salcompare.findings.p_values import name_families
from salcompare.findings.rows import estimates_table, with_responses
from salcompare.statistics.labels.differences import SAME, label_differences
from salcompare.study_data import StudyData
from tests.statistics.labels.simulated import SIZE, boxed, study

SOURCE = "net/finetuned/guided_backprop"


def data_of(responses, images, *, classifier=True):
    rng = np.random.default_rng(9)
    maps = xr.Dataset({"saliency": (("image", "y", "x"), rng.random((len(images), SIZE, SIZE), np.float32))}, {
        "image": images["image"].to_numpy(str), "actor": ("image", images["actor"].to_numpy(str))})
    return StudyData(photographs=xr.DataArray(), images=images, responses=responses, human=None, human_heatmap=None,
                        classifier_maps={SOURCE: maps} if classifier else {}, accuracies=pd.DataFrame())


def rows_of(data):
    found = label_estimates(data, Maps(mask_share=0.1), Statistics(n_permutations=199, n_resamples=100), 1)
    return with_responses(name_families(estimates_table(found)), "simulated")


@pytest.fixture(scope="module")
def planted():
    rng = np.random.default_rng(0)
    return boxed(rng, *study(rng, n_actors=10, per_image=20, concentration=100.0, raised=[(3, 4, 0.4)], n_workers=60))


@pytest.fixture(scope="module")
def table(planted):
    return rows_of(data_of(*planted))


def pick(table, **criteria):
    for column, value in criteria.items():
        table = table[table[column] == value]
    return table


def test_a_planted_cell_stands_out_and_its_family_is_named(table):
    cells = pick(table, statistic="label_difference", metric="share_difference", level="actor")
    out = cells[cells["p_adjusted"] <= 0.05]
    assert set(out["actor"]) == {"a03"}  # whose other labels are named less for it
    raised = pick(out, label="ears")
    assert raised["value"].item() > 0.2
    tested = cells[cells["p_value"].notna()]
    assert tested["family"].str.endswith("actors and labels (most extreme cell)").all()
    assert (tested["family_size"] == len(tested)).all()
    assert (tested["n_resamples"] == 199).all()
    never = pick(cells, label="moustache")
    assert (never["reason"] == SAME).all()


def test_omnibus_and_labels_are_families_of_their_own(table):
    whole = pick(table, statistic="label_difference", level="population")
    omnibus = pick(whole, metric="mean_eta2")
    assert omnibus["p_value"].item() == pytest.approx(1 / 200)
    assert omnibus["family"].item().endswith("a single test")
    labels = pick(whole, metric="eta2")
    assert (labels["family_size"].dropna() == 6).all()
    assert labels["label"].tolist()[:2] == ["beard", "cheek"]
    assert omnibus["value"].item() == pytest.approx(labels["value"].mean())


def test_agreement_and_effective_numbers_have_a_row(table):
    alpha = pick(table, statistic="label_agreement", metric="krippendorff_alpha")
    assert alpha["ci_low"].item() < alpha["value"].item() < alpha["ci_high"].item()
    assert alpha["resampled"].item() == "workers and images within actors"
    assert alpha["n"].item() == 40
    effective = pick(table, statistic="label_responses", metric="n_effective")
    assert pick(effective, level="population")["value"].item() == pytest.approx(800)
    assert (pick(effective, level="actor")["value"] == 80).all()


def test_every_row_rests_on_responses_and_says_why_it_is_undefined(table):
    assert (table["responses"] == "simulated").all()
    assert table.loc[table["value"].isna(), "reason"].notna().all()
    key = ["statistic", "metric", "form", "level", "source", "against", "contrast", "actor", "label"]
    assert not table.duplicated(key).any()


def test_responses_that_name_actors_only_leave_reasons(planted):
    responses, images = planted
    by_actor = responses.assign(actor=responses["image"].str[:3]).drop(columns=["image", "worker"])
    table = rows_of(data_of(by_actor, images))
    for statistic in ("label_difference", "label_agreement"):
        row = pick(table, statistic=statistic)
        assert len(row) == 1
        assert "image" in row["reason"].item()
    assert pick(table, statistic="label_share", level="population")["value"].sum() == pytest.approx(1)


def test_a_study_with_shoots_moves_them_whole(planted):
    responses, images = planted
    images = images.assign(shoot=images["image"].str[:5].str.replace("[13]$", "x", regex=True))
    table = rows_of(data_of(responses, images, classifier=False))
    cells = pick(table, statistic="label_difference", metric="mean_eta2")
    assert "whole clusters of images" in cells["null"].item()
    again = label_differences(responses, images, rng=np.random.default_rng(0), n_permutations=99, clusters="shoot")
    assert again.omnibus == pytest.approx(cells["value"].item(), abs=0.2)


def test_no_responses_give_no_rows(planted):
    data = data_of(*planted)
    object.__setattr__(data, "responses", None)
    assert list(label_estimates(data, Maps(), Statistics(), 1)) == []
