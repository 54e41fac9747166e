"""Ceilings, shares and resampled overlap in the tidy table and in the report's tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from salcompare.config import Statistics
from salcompare.findings.ceilings.estimates import ceiling_estimates, noise_ceiling_rows
from salcompare.findings.rows import estimates_table, with_responses
from salcompare.maps import rasterise_boxes
from salcompare.schema import ESTIMATES, check_table
from salcompare.study_data import StudyData
from tests.statistics.ceilings.studies import SIZE, small_study

SOURCE = "net/frozen/guided_backprop"


def estimates_of(**options) -> pd.DataFrame:
    responses, images, maps = small_study(workers=14, per_image=10, actor_sd=3.0, **options)
    human = rasterise_boxes(responses, images, size=SIZE)
    saliency = {SOURCE: maps.to_dataset(name="saliency")}
    data = StudyData(photographs=maps, images=images, responses=responses, human=human, human_heatmap=None,
                     classifier_maps=saliency, accuracies=pd.DataFrame())
    forms = (("raw", None, ("pearson",)), ("smoothed", 1.0, ("pearson",)))
    rows = [*noise_ceiling_rows(data, forms, 0)[0], *ceiling_estimates(data, Statistics(n_resamples=100), 0, sigma=1.0)]
    return with_responses(estimates_table(rows), "simulated")


@pytest.fixture(scope="module")
def estimates() -> pd.DataFrame:
    return estimates_of(n_actors=9)


def one(estimates, **wanted):
    for column, value in wanted.items():
        estimates = estimates[estimates[column] == value]
    assert len(estimates) == 1
    return estimates.iloc[0]


def test_the_rows_hold_to_the_tables_declaration(estimates):
    check_table(estimates, ESTIMATES, "estimates")
    key = ["statistic", "metric", "form", "sigma", "level", "source", "against", "contrast", "actor", "label"]
    assert not estimates.duplicated(key).any()
    assert (estimates["responses"] == "simulated").all()
    undefined = estimates["value"].isna()
    assert estimates.loc[undefined, "reason"].notna().all()
    lost = estimates["ci_low"].isna() & estimates["statistic"].isin(["share_of_ceiling", "resampled_overlap"])
    assert estimates.loc[lost, "reason"].notna().all()


def test_every_interval_names_what_was_resampled(estimates):
    assert estimates.loc[estimates["ci_low"].notna(), "resampled"].notna().all()
    crossed = one(estimates, statistic="resampled_overlap", contrast="workers and actors")
    assert (crossed["ci_method"], crossed["resampled"]) == ("crossed t", "workers and actors")
    share = one(estimates, statistic="share_of_ceiling", level="population", contrast="over no correlation")
    assert share["value"] == pytest.approx(crossed["value"] / share["ceiling"], abs=1e-6)


def test_few_actors_have_shares_of_their_own_images(estimates):
    few = estimates_of(n_actors=4, n_images=3)
    assert set(few.loc[few["statistic"] == "share_of_ceiling", "resampled"]) == {
        "workers", "workers and images within actors"}
    assert "workers and actors" in set(estimates.loc[estimates["statistic"] == "share_of_ceiling", "resampled"])


def test_a_classifier_without_an_image_in_common_leaves_a_reason():
    responses, images, maps = small_study()
    human = rasterise_boxes(responses, images, size=SIZE)
    other = maps.assign_coords(image=np.array([f"x/{i}" for i in range(maps.sizes["image"])]))
    saliency = {SOURCE: other.to_dataset(name="saliency")}
    data = StudyData(photographs=maps, images=images, responses=responses, human=human, human_heatmap=None,
                     classifier_maps=saliency, accuracies=pd.DataFrame())
    (row,) = ceiling_estimates(data, Statistics(n_resamples=100), 0, sigma=1.0)
    assert np.isnan(row["value"])
    assert "image" in row["reason"]
