"""Headline numbers computed again are those of the whole analysis, and stand beside what other responses give."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from salcompare.config import Maps, Simulation, Statistics
from salcompare.findings.analysis import Analysis, analyse
from salcompare.findings.quality.estimates import compare_headlines, estimates, headline_estimates
from salcompare.maps import rasterise_boxes
from salcompare.simulation import simulate_responses
from salcompare.study_data import StudyData
from tests.findings.test_analysis import NOISE, SIZE, noise_maps, photographs_of
from tests.simulation.crowd import other_photographs

SETTINGS = {"maps": Maps(sigma=0.05), "statistics": Statistics(n_permutations=19, n_resamples=20), "seed": 5}
NUMBERS = ["value", "ci_low", "ci_high", "p_value", "n"]


def data_of(responses=None):
    rng = np.random.default_rng(2)
    images = other_photographs(5, 2).assign(split="test", file="none")
    table = simulate_responses(images, Simulation(workers=10, per_image=6), seed=3).table
    human = rasterise_boxes(table, images, size=SIZE)
    saliency = noise_maps(human, rng)
    used = table if responses is None else responses(table)
    return StudyData(
        photographs=photographs_of(images, rng), images=images, responses=used, human_heatmap=None,
        human=rasterise_boxes(used, images, size=SIZE),
        classifier_maps={NOISE: saliency.to_dataset(name="saliency")},
        accuracies=pd.DataFrame())


@pytest.fixture(scope="module")
def analysed():
    return analyse(data_of(), **SETTINGS)


@pytest.mark.slow
def test_what_is_computed_again_is_what_the_whole_analysis_gives(analysed):
    again = headline_estimates(data_of(), **SETTINGS)
    assert len(again) < len(analysed.estimates) / 2
    found = compare_headlines(analysed.estimates, again, NOISE)
    assert len(found) >= 25
    assert found["value"].notna().sum() >= 24
    for name in NUMBERS:
        np.testing.assert_array_equal(found[name], found[f"{name}_all"], err_msg=name)
    assert set(found["verdict"]) <= {"", "same"}
    assert (found["difference"].dropna() == 0).all()


def test_other_responses_give_other_numbers_beside_the_kept_ones(analysed):
    def with_noise(table):
        rng = np.random.default_rng(0)
        more = table.sample(frac=0.5, random_state=0).assign(worker="careless", label="nose", x0=0, y0=0)
        more = more.drop_duplicates(["image"]).assign(response=lambda rows: rows["response"] + "/x")
        return pd.concat([table, more], ignore_index=True).sample(frac=1, random_state=int(rng.integers(9)))

    people = data_of(with_noise).replace(classifier_maps={})
    found = compare_headlines(analysed.estimates, headline_estimates(people, **SETTINGS), None).set_index("headline")
    alpha = found.loc["Agreement of boxes, alpha"]
    assert alpha["value"] == analysed.estimates.query(
        "statistic == 'box_agreement' and metric == 'krippendorff_alpha' and level == 'population'")["value"].item()
    assert alpha["value"] != alpha["value_all"]
    np.testing.assert_allclose(found["difference"], found["value"] - found["value_all"])


def estimate(**values):
    columns = ("statistic", "metric", "form", "source", "against", "contrast", "label", "region", "frame", "level",
               "value", "ci_low", "ci_high", "p_value", "p_is", "n", "count", "reason")
    return pd.DataFrame([dict.fromkeys(columns, np.nan) | {"level": "population"} | values])


@pytest.mark.parametrize(("kept", "whole", "verdict"), [
    ({"p_value": 0.01}, {"p_value": 0.04}, "same"), ({"p_value": 0.01}, {"p_value": 0.06},
                                                   "evidence only with exclusions"),
    ({"p_value": 0.2}, {"p_value": 0.04}, "evidence only without exclusions"), ({}, {"p_value": 0.04}, "")])
def test_a_verdict_changes_where_evidence_comes_or_goes(kept, whole, verdict):
    key = {"statistic": "label_difference", "metric": "mean_eta2", "source": "human", "value": 0.3}
    found = compare_headlines(estimate(**key, **kept), estimate(**key, **whole), None)
    assert found["verdict"].tolist() == [verdict]


def test_without_a_test_the_interval_of_a_difference_decides():
    key = {"statistic": "share_of_ceiling", "metric": "pearson", "form": "smoothed", "source": "net/last/method",
           "contrast": "minus baseline/centre", "value": 0.2}
    one, other = estimate(**key, ci_low=0.1, ci_high=0.3), estimate(**key, ci_low=-0.1, ci_high=0.3)
    found = compare_headlines(one, other, "net/last/method")
    assert found["verdict"].tolist() == ["evidence only with exclusions"]
    assert compare_headlines(one, other, None).empty


def test_the_analysis_gives_agreement_of_boxes_for_all_actors_and_images(analysed):
    rows = analysed.estimates[analysed.estimates["statistic"] == "box_agreement"]
    assert rows.groupby(["metric", "level"]).size().to_dict() == {
        ("krippendorff_alpha", "actor"): 5, ("krippendorff_alpha", "population"): 1, ("mean_iou", "actor"): 5,
        ("mean_iou", "population"): 1}
    assert len(analysed.tables["agreement_images"]) == 10
    of_actors = analysed.tables["agreement_images"].groupby("actor")["mean_iou"].mean()
    given = rows[(rows["metric"] == "mean_iou") & (rows["level"] == "actor")].set_index("actor")["value"]
    pd.testing.assert_series_equal(of_actors, given.sort_index(), check_names=False)


def test_photographs_that_look_like_copies_are_listed_unless_they_are_of_one_declared_shoot():
    data = data_of()
    photographs = data.photographs.copy()
    photographs[1], photographs[3] = photographs[0] * 0.9, photographs[2]
    data = data.replace(photographs=photographs)
    names = photographs["image"].to_numpy().tolist()
    analysis = Analysis(data, SETTINGS["maps"], SETTINGS["statistics"], 5)
    assert estimates(analysis) == ()
    table = analysis.tables["near_duplicates"]
    assert sorted(zip(table["image"], table["other"], strict=True)) == [tuple(names[:2]), tuple(names[2:4])]
    assert set(table["n_pairs"]) == {45}
    declared = data.images.assign(shoot=["a", "a", *[None] * 8])
    analysis = Analysis(data.replace(images=declared), SETTINGS["maps"], SETTINGS["statistics"], 5)
    estimates(analysis)
    assert analysis.tables["near_duplicates"][["image", "other"]].to_numpy().tolist() == [names[2:4]]
