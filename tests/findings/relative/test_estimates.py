"""What the tests of relative saliency give to the table of estimates and to the figures."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from salcompare.config import Maps, Statistics
from salcompare.findings.relative.estimates import beside_heatmaps, relative_estimates
from salcompare.findings.rows import estimates_table
from salcompare.schema import ESTIMATES, check_table
from salcompare.study_data import StudyData
from tests.statistics.relative.simulated import boxes, labelled

FROZEN, MAIN = "net/frozen/guided_backprop", "net/finetuned/guided_backprop"
SIZES = (6,) * 6
OPTIONS = {"maps": Maps(sigma=0.08), "statistics": Statistics(n_permutations=199), "seed": 1}


def study(**changes):
    rng = np.random.default_rng(0)
    coverage = boxes(rng, SIZES, side=16).astype("float32")
    coverage[6:12, 9:13, 9:13] += 0.5  # the second actor's own place
    saliency = labelled(rng.gamma(0.5, size=(36, 16, 16)).astype("float32"), SIZES)
    nothing = pd.DataFrame()
    data = StudyData(photographs=xr.DataArray(), images=nothing, responses=None, accuracies=nothing,
                        human=coverage.to_dataset(name="coverage"), human_heatmap=None,
                        classifier_maps={name: saliency.to_dataset(name="saliency") for name in (FROZEN, MAIN)})
    return data.replace(**changes)


@pytest.fixture(scope="module")
def found():
    rows, tests = relative_estimates(study(), **OPTIONS)
    return estimates_table(rows), tests


def test_rows_hold_to_the_declaration_and_are_told_apart(found):
    table, _ = found
    check_table(table, ESTIMATES, "estimates")
    key = ["statistic", "metric", "form", "sigma", "level", "source", "contrast", "actor"]
    assert not table.duplicated(key).any()
    assert set(table["source"]) == {"human", FROZEN, MAIN}
    assert (table["sigma"] == 0.08 * 16).all()


def test_the_actor_with_a_place_of_its_own_is_found_and_classifiers_of_noise_are_not(found):
    table, tests = found
    one = table[(table["metric"] == "max_t") & (table["level"] == "actor") & (table["source"] == "human")]
    one = one.set_index("actor")
    assert one["p_adjusted"].idxmin() == "s02"
    assert one.loc["s02", "p_adjusted"] <= 0.01
    assert one.loc["s02", "value"] > 0
    assert one.loc["s02", "family"] == "pixels and actors (max-statistic)"
    assert one.loc["s02", "family_size"] == np.isfinite(tests["human"].p_value).sum()
    assert (one["n"] == 6).all()
    of_noise = table[(table["metric"] == "max_t") & (table["source"] == MAIN)]
    assert (of_noise["p_adjusted"] > 0.01).all()


def test_counts_are_those_of_the_p_map(found):
    table, tests = found
    rows = table[(table["metric"] == "surviving_share") & (table["source"] == "human")]
    survives = tests["human"].p_value <= 0.05
    of_actors = rows[rows["level"] == "actor"].set_index("actor")["count"]
    assert of_actors.to_dict() == survives.sum(["y", "x"]).to_series().to_dict()
    population = rows[rows["level"] == "population"].iloc[0]
    assert population["count"] == survives.any(["y", "x"]).sum()
    assert population["n"] == 6


def test_classifiers_that_no_figure_shows_are_tested_with_fewer_draws(found):
    table, _ = found
    assert set(table["metric"]) == {"max_t", "surviving_share"}
    assert table.loc[table["source"] == FROZEN, "n_resamples"].max() == 99
    assert table.loc[table["source"] == MAIN, "n_resamples"].max() == 199


def test_each_part_draws_on_its_own(found):
    table, _ = found
    fewer, _ = relative_estimates(study(classifier_maps={}), **OPTIONS)
    human = table[table["source"] == "human"].reset_index(drop=True)
    pd.testing.assert_frame_equal(estimates_table(fewer), human)


def test_t_and_p_stand_beside_the_heatmaps_and_are_nan_where_nothing_was_tested(found):
    _, tests = found
    heatmap = xr.DataArray(np.zeros((3, 7, 16, 16)), dims=("source", "actor", "y", "x"), coords={
        "source": ["human", MAIN, "other"], "actor": ["s00", *tests["human"].actor.to_numpy()]})
    beside = beside_heatmaps({name: tests[name] for name in ("human", MAIN)}, heatmap.to_dataset(name="heatmap"))
    np.testing.assert_allclose(beside.relative_p.sel(source=MAIN)[1:], tests[MAIN].p_value, rtol=1e-6)
    np.testing.assert_allclose(beside.relative_t.sel(source="human")[1:], tests["human"].t, rtol=1e-6)
    assert np.isnan(beside.relative_p.sel(source="other")).all()
    assert np.isnan(beside.relative_p.sel(actor="s00")).all()


def test_a_source_that_cannot_be_tested_says_why_and_the_others_go_on():
    single = study().human.isel(image=slice(0, 36, 6))
    rows, tests = relative_estimates(study(human=single), **OPTIONS)
    table = estimates_table(rows)
    (row,) = table[table["source"] == "human"].to_dict("records")
    assert "0 actors of 6 with 4 images" in row["reason"]
    assert set(tests) == {FROZEN, MAIN}


def test_an_actor_of_few_images_says_why_it_is_not_tested_and_whole_shoots_are_exchanged():
    human = study().human.isel(image=slice(3, None))
    rows, tests = relative_estimates(study(human=human, classifier_maps={}), **OPTIONS)
    table = estimates_table(rows)
    of_actor = table[table["actor"] == "s01"]
    assert of_actor["value"].isna().all()
    assert of_actor["p_value"].isna().all()
    assert (of_actor["reason"] == "3 images; a test of a single actor takes 4").all()
    population = table[table["level"] == "population"]
    assert (population["n"] == 5).all()
    assert (population["reason"] == "1 actor not tested").all()
    assert np.isnan(tests["human"].p_value.sel(actor="s01")).all()
    images = pd.DataFrame({name: human[name].to_numpy() for name in ("image", "actor")})
    images["shoot"] = ["a", "b", "c", *"abcdef" * 3, *[None] * 6, *"aabbcc"]  # names come again; none is one by itself
    rows, _ = relative_estimates(study(human=human, classifier_maps={}, images=images), **OPTIONS)
    of_shoots = estimates_table(rows)
    assert of_shoots.loc[of_shoots["actor"] == "s06", "reason"].unique().tolist() == [
        "3 shoots; a test of a single actor takes 4"]
    assert of_shoots["null"].dropna().unique().tolist() == ["whole clusters of images permuted freely among actors"]
