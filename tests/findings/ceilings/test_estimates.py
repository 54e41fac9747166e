"""The ceiling and shares of it in the tidy table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from salcompare.findings.ceilings.estimates import ceiling_rows, share_rows
from salcompare.findings.rows import estimates_table, with_responses
from salcompare.maps import rasterise_boxes
from salcompare.schema import ESTIMATES, check_table
from salcompare.study_data import StudyData
from tests.statistics.ceilings.studies import SIZE, small_study

SOURCE = "net/frozen/guided_backprop"


def data_of(**options):
    responses, images, maps = small_study(workers=14, per_image=10, actor_sd=3.0, **options)
    human = rasterise_boxes(responses, images, size=SIZE)
    data = StudyData(photographs=maps, images=images, responses=responses, human=human, human_heatmap=None,
                     classifier_maps={SOURCE: maps.to_dataset(name="saliency")}, accuracies=pd.DataFrame())
    random = xr.concat([maps, maps], "image").copy(data=np.concatenate([maps[::-1], maps[:, ::-1]]))
    names = np.array([f"{at}" for at in range(random.sizes["image"])])
    random = random.assign_coords(photograph=("image", random.image.to_numpy()), image=names)
    return data.replace(controls={SOURCE: {"randomised network": random.to_dataset(name="saliency")}})


@pytest.fixture(scope="module")
def estimates() -> pd.DataFrame:
    data = data_of(n_actors=9)
    rows = [*ceiling_rows(data, sigma=1.0)[0], *share_rows(data, SOURCE, sigma=1.0, scores={})]
    return with_responses(estimates_table(rows), "simulated")


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
    assert set(estimates["resampled"]) == {"workers and actors"}
    assert estimates[["value", "ci_low", "ci_high"]].notna().all(axis=None)


def test_a_share_is_the_pooled_overlap_over_the_ceiling_and_stands_beside_its_nulls(estimates):
    share = one(estimates, statistic="share_of_ceiling", contrast="same image")
    ceiling = one(estimates, statistic="noise_ceiling")
    assert share["ceiling"] == pytest.approx(ceiling["value"])
    assert share["value"] == pytest.approx(one(estimates, statistic="pooled_overlap")["value"] / ceiling["value"])
    blob, random = (one(estimates, contrast=f"minus {null}") for null in ("baseline/centre", "randomised network"))
    assert share["null_mean"] == blob["value_other"]
    for row in (blob, random):
        assert row["value"] == pytest.approx(row["value_one"] - row["value_other"])


def test_a_classifier_without_an_image_in_common_leaves_a_reason():
    data = data_of()
    maps = data.classifier_maps[SOURCE]["saliency"]
    other = maps.assign_coords(image=np.array([f"x/{i}" for i in range(maps.sizes["image"])]))
    data = data.replace(classifier_maps={SOURCE: other.to_dataset(name="saliency")}, controls={})
    (row,) = share_rows(data, SOURCE, sigma=1.0, scores={})
    assert np.isnan(row["value"])
    assert "image" in row["reason"]
