"""A whole analysis: it recovers what was planted, survives poor data with reasons, and draws each part on its own."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from salcompare.config import Maps, Simulation, Statistics
from salcompare.findings.analysis import analyse
from salcompare.maps import rasterise_boxes, smooth
from salcompare.schema import ESTIMATES, check_table
from salcompare.simulation import simulate_responses
from salcompare.study_data import StudyData
from tests.simulation.crowd import other_photographs
from tests.test_progress import Recording

SIZE = (32, 32)
SETTINGS = {"maps": Maps(sigma=0.05), "statistics": Statistics(n_permutations=499, n_resamples=200), "seed": 5}
PLANTED, NOISE = "planted/frozen/guided_backprop", "noise/frozen/guided_backprop"


def photographs_of(images: pd.DataFrame, rng: np.random.Generator) -> xr.DataArray:
    """Photographs of one brightness an actor, and noise."""
    tone = {actor: rng.uniform(50, 200) for actor in images["actor"].unique()}
    pixels = np.stack([rng.normal(tone[actor], 20, (*SIZE, 3)) for actor in images["actor"]]).clip(0, 255)
    return xr.DataArray(pixels.astype(np.uint8), dims=("image", "y", "x", "channel"),
                        coords={"image": images["image"].to_numpy(), "actor": ("image", images["actor"].to_numpy()),
                                "split": ("image", images["split"].to_numpy())})


def noise_maps(human: xr.Dataset, rng: np.random.Generator) -> xr.DataArray:
    field = xr.DataArray(rng.normal(size=human["coverage"].shape), dims=("image", "y", "x"), coords=human.coords)
    return np.exp(smooth(field, sigma=2.0) * 4).astype("float32")


def analysed(*, n_actors=12, n_images=4, workers=30, per_image=12, maps=(PLANTED, NOISE), seed=3, chunked=False,
             progress=None, **changes):
    """Analyse simulated responses against maps that hold some of the image's coverage, and against noise."""
    rng = np.random.default_rng(seed)
    images = other_photographs(n_actors, n_images).assign(split="test", file="none")
    simulated = simulate_responses(images, Simulation(workers=workers, per_image=per_image), seed=seed)
    human = rasterise_boxes(simulated.table, images, size=SIZE)
    saliency = {NOISE: noise_maps(human, rng)}
    saliency[PLANTED] = (human["coverage"] * saliency[NOISE] ** 0.25 + 0.02).astype("float32")
    chunks = {"image": 5} if chunked else {}
    data = StudyData(
        photographs=photographs_of(images, rng), images=images, responses=simulated.table,
        human=human.chunk(chunks) if chunked else human, human_heatmap=None,
        classifier_maps={name: (saliency[name].chunk(chunks) if chunked else saliency[name]).to_dataset(name="saliency")
                         for name in maps},
        accuracies=pd.DataFrame({"classifier": ["planted"], "variant": ["frozen"], "split": ["test"], "accuracy": [0.9],
                                 "ci_low": [0.8], "ci_high": [0.95], "n": [48]}))
    for name, value in changes.items():
        object.__setattr__(data, name, value)
    return analyse(data, **SETTINGS, progress=progress), simulated.truth


@pytest.fixture(scope="module")
def study():
    return analysed()


def pick(estimates, **criteria):
    for column, value in criteria.items():
        estimates = estimates[estimates[column] == value]
    return estimates


def primary(results, contrast, source=PLANTED):
    rows = pick(results.estimates, statistic="overlap", metric="pearson", form="smoothed", level="population",
                contrast=contrast, source=source)
    assert len(rows) == 1
    return rows.iloc[0]


@pytest.mark.slow
def test_the_table_holds_to_its_declaration(study):
    results, _ = study
    check_table(results.estimates, ESTIMATES, "estimates")
    assert list(results.estimates) == list(ESTIMATES.names)
    key = ["statistic", "metric", "form", "sigma", "level", "source", "against", "contrast", "actor", "label"]
    assert not results.estimates.duplicated(key).any()


def test_a_planted_agreement_is_found_and_noise_is_not(study):
    results, _ = study
    assert primary(results, "image effect")["p_value"] < 0.01
    assert primary(results, "image effect")["ci_low"] > 0
    assert primary(results, "minus baseline/centre")["ci_low"] > 0
    for contrast in ("image effect", "actor effect"):
        assert primary(results, contrast, NOISE)["p_value"] > 0.01


def test_only_maps_made_of_the_very_responses_pass_the_ceiling(study):
    results, _ = study
    same = primary(results, "same image")
    assert 0.5 < same["ceiling"] < same["value"] < 1
    assert abs(primary(results, "same image", NOISE)["value"]) < 0.15


def test_the_effects_are_the_differences_of_the_pairings(study):
    results, _ = study
    values = {contrast: primary(results, contrast)["value"] for contrast in
              ("same image", "same actor, other image", "other actor", "image effect", "actor effect")}
    assert values["image effect"] == pytest.approx(values["same image"] - values["same actor, other image"])
    assert values["actor effect"] == pytest.approx(values["same actor, other image"] - values["other actor"], abs=0.02)


@pytest.mark.slow
def test_population_label_shares_recover_what_was_planted():
    """Of 11 labels at 95%, at most 3 miss; every miss is less than three half-widths away."""
    results, truth = analysed(n_actors=20, workers=60, maps=(NOISE,))
    rows = pick(results.estimates, statistic="label_share", level="population").set_index("label")
    planted = pd.Series(truth["label_share"])
    half = (rows["ci_high"] - rows["ci_low"]) / 2
    away = ((rows["value"] - planted).abs() / half).dropna()
    assert (away > 1).sum() <= 3
    assert away.max() < 3
    assert rows["value"].sum() == pytest.approx(1)


def test_a_raised_label_stands_out_at_its_actor(study):
    results, truth = study
    rows = pick(results.estimates, statistic="label_share", level="actor")
    shares = rows.pivot_table(index="actor", columns="label", values="value")
    raised = [effect for effect in truth["planted"] if effect["kind"] == "raised label"]
    assert raised
    for effect in raised:
        others = shares.drop(index=effect["actor"])[effect["label"]]
        assert shares.loc[effect["actor"], effect["label"]] > others.mean()


def test_variance_explained_speaks_of_every_source_and_stands_beside_the_photographs(study):
    results, _ = study
    rows = pick(results.estimates, statistic="variance_explained", metric="r2")
    assert set(rows["source"]) == {"human", PLANTED, NOISE, "photographs"}
    np.testing.assert_allclose(rows["null_mean"], 11 / 47)
    assert rows.set_index(["source", "form"]).loc[("photographs", "raw"), "p_value"] < 0.01
    assert rows.set_index(["source", "form"]).loc[(NOISE, "raw"), "p_value"] > 0.01


@pytest.mark.slow
def test_adding_a_source_moves_no_other_estimate(study):
    results, _ = study
    alone, _ = analysed(maps=(PLANTED,))
    with_noise = results.estimates[results.estimates["source"] != NOISE].reset_index(drop=True)
    with_noise = with_noise[with_noise["against"] != NOISE].reset_index(drop=True)
    without = alone.estimates[alone.estimates["against"] != NOISE].reset_index(drop=True)
    pd.testing.assert_frame_equal(with_noise, without)


@pytest.mark.slow
def test_dask_and_memory_give_the_same(study):
    results, _ = study
    lazy, _ = analysed(chunked=True)
    pd.testing.assert_frame_equal(results.estimates, lazy.estimates, rtol=1e-5, atol=1e-6)
    xr.testing.assert_allclose(results.heatmaps, lazy.heatmaps)


def test_few_actors_and_one_worker_leave_reasons_not_numbers():
    results, _ = analysed(n_actors=2, n_images=3, workers=2, per_image=1, maps=(PLANTED,))
    same = primary(results, "same image")
    assert np.isnan(same["ci_low"])
    assert same["reason"] == "no image has responses by two workers"
    ceiling = pick(results.estimates, statistic="noise_ceiling", form="smoothed", level="population").iloc[0]
    assert np.isnan(ceiling["value"])
    assert ceiling["n_undefined"] == 6  # images with one worker
    actor = primary(results, "actor effect")
    assert actor["p_attainable"] == pytest.approx(0.5)


def test_a_study_without_people_has_variance_and_symmetry_only():
    results, _ = analysed(human=None, responses=None, maps=(PLANTED,))
    assert set(results.estimates["statistic"]) == {"accuracy", "variance_explained", "variance_component", "dispersion",
                                                 "relative_saliency", "symmetry", "symmetry_test", "region_share"}
    assert results.heatmaps["source"].to_numpy().tolist() == [PLANTED]


def test_every_p_names_its_family_and_the_families_size(study):
    results, _ = study
    tested = results.estimates[results.estimates["p_value"].notna()]
    for column in ("family", "family_size", "p_adjusted"):
        assert tested[column].notna().all(), column
    assert (tested["p_adjusted"] >= tested["p_value"]).all()
    alone = tested["family"].str.endswith(": a single test")
    assert (tested.loc[alone, "family_size"] == 1).all()
    actors = tested[(tested["statistic"] == "overlap") & (tested["level"] == "actor")]
    assert (actors["family_size"] == 12).all()
    assert actors["family"].str.endswith("of each actor: actors (Holm)").all()


def test_whatever_is_undefined_says_why(study):
    poor, _ = analysed(n_actors=2, n_images=1, workers=2, per_image=1, maps=(PLANTED,))
    for results in (study[0], poor):
        table = results.estimates
        unsaid = table[table["value"].isna() & table["reason"].isna()]
        assert unsaid.empty, unsaid[["statistic", "metric", "source", "contrast", "actor"]].head()


def test_one_image_an_actor_leaves_variance_undefined_and_the_rest_standing():
    results, _ = analysed(n_images=1, maps=(PLANTED,))
    r2 = pick(results.estimates, statistic="variance_explained", metric="r2", source=PLANTED)
    assert r2["value"].isna().all()
    assert r2["reason"].str.contains("one image").all()
    assert np.isfinite(primary(results, "same image")["value"])
    assert np.isnan(primary(results, "image effect")["value"])


def test_boxes_on_other_images_than_the_classifiers_leave_overlap_undefined_with_its_reason(study):
    rng = np.random.default_rng(1)
    images = other_photographs(8, 3).assign(split="test", file="none")
    table = simulate_responses(images, Simulation(workers=10, per_image=5), seed=1).table
    human = rasterise_boxes(table, images, size=SIZE)
    elsewhere = noise_maps(human, rng).assign_coords(image=[f"{name}x" for name in human.image.to_numpy()])
    data = StudyData(
        photographs=photographs_of(images, rng), images=images, responses=table, human=human, human_heatmap=None,
        classifier_maps={NOISE: elsewhere.to_dataset(name="saliency")},
        accuracies=pd.DataFrame(columns=["classifier", "variant", "split"]))
    overlap = pick(analyse(data, **SETTINGS).estimates, statistic="overlap", source=NOISE)
    assert len(overlap) == 1
    assert np.isnan(overlap.iloc[0]["value"])
    assert "image" in overlap.iloc[0]["reason"]


def test_the_curve_over_sigma_passes_through_the_primary_value(study):
    results, _ = study
    curve = pick(results.estimates, statistic="overlap_curve", source=PLANTED).set_index("sigma")["value"]
    assert curve.index.is_monotonic_increasing
    assert curve.loc[0.05 * SIZE[1]] == pytest.approx(primary(results, "same image")["value"], abs=1e-6)
    raw = pick(results.estimates, statistic="overlap", metric="pearson", form="raw", level="population",
               contrast="same image", source=PLANTED)
    assert curve.loc[0.0] == pytest.approx(raw.iloc[0]["value"], abs=1e-6)


def test_every_estimate_says_whether_it_rests_on_responses(study):
    results, _ = study
    table = results.estimates
    assert table.loc[table["source"] == "photographs", "responses"].isna().all()
    assert (table.loc[table["statistic"].isin(["overlap", "label_share", "noise_ceiling"]), "responses"]
            == "collected").all()
    own = table[(table["metric"] == "odd_share") & (table["source"] == PLANTED)].set_index("contrast")["responses"]
    assert own.loc["human minus classifier"] == "collected"
    assert pd.isna(own.loc["value"])


def test_draws_and_replicates_are_counted_as_they_are(study):
    results, _ = study
    table = results.estimates
    tested = table[table["p_attainable"].notna()]
    np.testing.assert_allclose(1 / tested["p_attainable"], tested["n_resamples"] + 1)
    single = tested[(tested["level"] == "actor") & (tested["contrast"] == "image effect")]
    assert (single["n_resamples"] == 23).all()  # all orders of four images, but the observed
    symmetry = pick(table, statistic="symmetry", metric="index", level="actor", source=PLANTED)
    assert (symmetry["n"] == 4).all()
    labels = pick(table, statistic="label_share", level="population")
    assert (labels["n"] == 48 * 12).all()
    assert labels["count"].sum() == 48 * 12


class StoppedError(Exception):
    """The analysis has come to what is asked for next."""


class OfVariance(Recording):
    """Stops where the variance of maps is done."""

    def say(self, message):
        super().say(message)
        if message == "  variance of single responses":
            raise StoppedError


@pytest.mark.parametrize(("maps", "changes"), [
    ((PLANTED, NOISE), {}), ((), {}), ((PLANTED,), {"human": None, "responses": None})])
def test_each_part_of_the_variance_explained_is_counted_among_all_of_them(maps, changes):
    progress = OfVariance()
    with pytest.raises(StoppedError):
        analysed(n_actors=3, n_images=2, workers=4, per_image=3, maps=maps, progress=progress, **changes)
    tracked = progress.tracked["variance explained"]
    assert tracked["given"] == tracked["total"] > 7
    assert tracked["before"] == 0
