"""The rows of the symmetry tests: every source, the photographs as the control, and reasons for what is undefined."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from salcompare.config import Maps, Statistics
from salcompare.findings.analysis import NO_WORKERS
from salcompare.findings.rows import estimates_table
from salcompare.findings.symmetry.estimates import asymmetry_estimates
from salcompare.maps import actor_heatmap
from salcompare.planning import simulate_study
from salcompare.simulation.cases import IMAGE, SCENARIOS
from salcompare.statistics.responses import responses_by_image
from salcompare.statistics.symmetries.indices import IMAGES_MIRRORED, symmetry
from salcompare.statistics.symmetries.sides import CLUSTERS_MIRRORED, NO_SIDE
from salcompare.study_data import StudyData
from tests.statistics.symmetries.simulated import turned

SOURCE = "net/frozen/guided_backprop"


def study(rng, *, people=True, shoots=False, n_images=4, n_actors=9, follow=1.0, own=0.0):
    maps, photographs = turned(rng, n_actors=n_actors, n_images=n_images, follow=follow, own=own, size=(16, 16))
    own_maps, _ = turned(rng, n_actors=n_actors, n_images=n_images, follow=0.0, size=(16, 16))
    images = pd.DataFrame({name: maps[name].to_numpy() for name in ("image", "actor")})
    if shoots:
        images["shoot"] = [str(at % 2) for at in range(len(images))]  # maps of classifiers do not name them
    colour = (photographs * 20).expand_dims(channel=["red", "green", "blue"]).transpose("image", "y", "x", "channel")
    human = own_maps.clip(min=0).to_dataset(name="coverage") if people else None
    return StudyData(
        photographs=colour.assign_coords(split=("image", ["test"] * maps.sizes["image"])), images=images,
        responses=None, human=human, human_heatmap=None,
        classifier_maps={SOURCE: maps.clip(min=0).to_dataset(name="saliency")}, accuracies=pd.DataFrame())


def rows(data):
    found = asymmetry_estimates(data, Maps(sigma=0.05, mask_share=0.2), Statistics(n_permutations=199, n_resamples=9),
                                seed=1)
    return estimates_table(found)


def people(**changes):
    """A study of people who drew boxes, and of photographs that show nothing."""
    drawn = simulate_study(SCENARIOS[IMAGE], rng=np.random.default_rng(5))
    blank = np.random.default_rng(6).random((len(drawn.images), *SCENARIOS[IMAGE].grid, 3))
    photographs = drawn.saliency.expand_dims(channel=3, axis=3).copy(data=blank)
    return StudyData(**{
        "photographs": photographs, "images": drawn.images, "responses": drawn.responses, "human": drawn.human,
        "human_heatmap": None, "classifier_maps": {}, "accuracies": pd.DataFrame()} | changes)


def population(table):
    return table[table["level"] == "population"].set_index(["source", "metric"])


def test_every_source_has_every_test_and_the_photographs_those_of_themselves():
    table = rows(study(np.random.default_rng(0)))
    own = ["common_laterality", "common_asymmetry", "asymmetry"]
    beside = ["pose_association", "asymmetry_beyond_photographs", "odd_energy_explained"]
    expected = {(source, metric) for source in (SOURCE, "photographs") for metric in own}
    expected |= {(SOURCE, metric) for metric in beside}
    expected |= {("human", metric) for metric in ("worker_laterality", "pose_association", "odd_energy_explained")}
    found = population(table)
    assert set(found.index) == expected
    assert found["value"].notna().all()
    tested = found.drop(index="odd_energy_explained", level="metric")["p_value"]
    assert tested.index[tested.isna()].tolist() == [("human", "worker_laterality")]  # maps that name no workers
    assert found.loc[("human", "worker_laterality"), "reason"] == NO_WORKERS
    actors = table[table["level"] == "actor"]
    assert (actors.groupby("source").size() == 9).all()
    assert set(actors["source"]) == {SOURCE, "photographs"}
    assert (actors["metric"] == "asymmetry").all()
    assert (actors["p_adjusted"] >= actors["p_value"]).all()
    tested = table[table["p_attainable"].notna()]
    np.testing.assert_allclose(1 / tested["p_attainable"], tested["n_resamples"] + 1)


def test_maps_that_turn_with_the_faces_are_told_from_maps_that_do_not():
    p = population(rows(study(np.random.default_rng(1), n_actors=15)))["p_value"]
    assert p["photographs", "asymmetry"] == p[SOURCE, "asymmetry"] == p[SOURCE, "pose_association"] == 0.005
    assert p["human", "pose_association"] > 0.05


def test_one_image_an_actor_leaves_reasons_and_the_test_of_a_common_side():
    found = population(rows(study(np.random.default_rng(2), n_images=1, n_actors=12)))
    for metric in ("asymmetry", "pose_association", "asymmetry_beyond_photographs"):
        assert np.isnan(found.loc[SOURCE, metric]["p_value"])
        assert "two images" in found.loc[SOURCE, metric]["reason"]
    assert np.isfinite(found.loc[SOURCE, "common_laterality"]["p_value"])


def test_a_study_without_people_or_of_two_images_keeps_going():
    table = rows(study(np.random.default_rng(3), people=False))
    assert set(table["source"]) == {SOURCE, "photographs"}
    few = population(rows(study(np.random.default_rng(3), n_actors=1, n_images=2)))
    undefined = few[few["value"].isna()]
    assert undefined["reason"].notna().all()
    assert "three images for each" in few.loc[SOURCE, "asymmetry_beyond_photographs"]["reason"]


@pytest.mark.parametrize(("shoots", "null"), [(False, IMAGES_MIRRORED), (True, CLUSTERS_MIRRORED)])
def test_images_of_one_shoot_are_mirrored_together_where_the_catalogue_names_them(shoots, null):
    found = population(rows(study(np.random.default_rng(4), shoots=shoots)))
    assert found.loc[SOURCE, "asymmetry"]["null"] == null


def test_the_side_of_people_is_tested_over_workers_and_actors_where_boxes_are_there():
    data = people()
    found = population(rows(data)).loc["human"]
    at_large = found.loc["worker_laterality"]
    lateral = symmetry(actor_heatmap(data.human["coverage"]))["laterality"].to_numpy()
    assert at_large["value"] == pytest.approx(lateral.mean(), abs=1e-6)
    assert (at_large["resampled"], at_large["null"], at_large["ci_method"], at_large["n_resamples"]) == (
        "workers and actors", NO_SIDE, "crossed t", 9)
    assert (at_large["p_value"] <= 0.05) == (at_large["ci_low"] > 0 or at_large["ci_high"] < 0)


def test_the_side_of_people_rests_on_the_images_that_the_classifiers_are_of():
    data = people()
    half = data.human.isel(image=slice(0, 30)).rename(coverage="saliency")
    found = population(rows(people(classifier_maps={SOURCE: half}))).loc["human"]
    lateral = symmetry(actor_heatmap(half["saliency"]))["laterality"].to_numpy()
    assert found.loc["worker_laterality", "value"] == pytest.approx(lateral.mean(), abs=1e-6)
    assert found.loc["worker_laterality", "n"] == 6
    assert "an interval needs 7" in found.loc["worker_laterality", "reason"]


def test_boxes_without_workers_leave_a_reason():
    found = population(rows(people(responses=people().responses.drop(columns="worker"))))
    assert "no column 'worker'" in found.loc["human", "worker_laterality"]["reason"]


def test_gaze_that_names_workers_is_tested_and_heatmaps_of_actors_have_a_value_alone():
    data = people()
    height, width = (data.human.sizes[dim] for dim in ("y", "x"))
    boxes = population(rows(data)).loc[("human", "worker_laterality")]
    parts = responses_by_image(data.responses, data.images, size=(height, width))
    maps = np.concatenate([np.einsum("ry,rx->ryx", part.down, part.across) for part in parts.values()])
    names = [(image, code) for image, part in parts.items() for code in part.worker.tolist()]
    owner = data.images.set_index("image")["actor"]
    gaze = xr.DataArray(maps, dims=("response", "y", "x"), coords={
        "y": np.arange(height), "x": np.arange(width), "image": ("response", [image for image, _ in names]),
        "actor": ("response", [str(owner[image]) for image, _ in names]),
        "worker": ("response", [f"w{code:03}" for _, code in names])})
    found = population(rows(people(responses=None, response_maps=gaze))).loc[("human", "worker_laterality")]
    for name in ("value", "ci_low", "ci_high", "p_value"):
        assert found[name] == pytest.approx(boxes[name], rel=1e-6)
    alone = people(responses=None, human=None, human_heatmap=actor_heatmap(data.human["coverage"]))
    row = population(rows(alone)).loc[("human", "worker_laterality")]
    assert row["value"] == pytest.approx(boxes["value"], abs=1e-6)
    assert row["reason"] == NO_WORKERS
    assert np.isnan(row["p_value"])
