"""The rows of overlap in an analysis: restrictions, heatmaps, compared classifiers, similar actors, single images."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from salcompare.config import Maps, Statistics
from salcompare.findings.overlap import estimates
from salcompare.findings.overlap.estimates import OverlapAnalysis
from salcompare.findings.overlap.heatmaps import HeatmapOverlap
from salcompare.findings.p_values import name_families
from salcompare.findings.rows import estimates_table, with_responses
from salcompare.maps import actor_heatmap, rasterise_boxes, top_mask
from salcompare.naming import compared_sources
from salcompare.schema import ESTIMATES, check_table
from salcompare.statistics.ceilings.pooled import RESAMPLED
from salcompare.statistics.metrics.registry import METRICS
from salcompare.statistics.overlaps.same_image import overlap, overlap_matrix
from salcompare.study_data import StudyData
from tests.statistics.ceilings.studies import SIZE, small_study
from tests.strategies import stack_of_maps, table_of_images

ONE, OTHER = "net/frozen/guided_backprop", "net/finetuned/guided_backprop"
SETTINGS = Maps(sigma=0.1), Statistics(n_permutations=99, n_resamples=20), 5
WRONG = ["s1/2", "s4/1"]
SCORE = xr.Dataset({"ci_low": ("quantity", [0.3, 0.1]), "ci_high": ("quantity", [0.5, 0.2]), "reason": "",
                    "n_workers": 30}, coords={"quantity": ["mean score", "mean score above null"]},
                   attrs={"ci_method": "jackknife", "resampled": RESAMPLED})


def data_of(n_actors=9, n_images=4):
    """People's maps, two variants that follow them more and less, groups of actors and two wrong predictions."""
    rng = np.random.default_rng(0)
    actors = [f"s{a + 1}" for a in range(n_actors) for _ in range(n_images)]
    typical = rng.random((n_actors, 16, 16))[np.repeat(np.arange(n_actors), n_images)]
    people = (typical + rng.random(typical.shape)).astype(np.float32) / 2
    human = stack_of_maps(people, actors)
    maps = {name: stack_of_maps((people + noise * rng.random(people.shape)).astype(np.float32), actors)
            for name, noise in ((ONE, 3.0), (OTHER, 0.5))}
    images = table_of_images(actors).assign(image=human.image.values, split="test", group=[
        "even" if int(actor[1:]) % 2 == 0 else "odd" for actor in actors])
    predictions = pd.DataFrame([{
        "classifier": "net", "variant": name.split("/")[1], "image": image, "actor": actor,
        "predicted": "s9" if image in WRONG and name == ONE else actor}
        for name in maps for image, actor in zip(human.image.values, actors, strict=True)])
    return StudyData(
        photographs=xr.DataArray(), images=images, responses=pd.DataFrame(), human_heatmap=None,
        human=human.to_dataset(name="coverage"), accuracies=pd.DataFrame(), predictions=predictions,
        classifier_maps={name: m.to_dataset(name="saliency") for name, m in maps.items()})


@pytest.fixture(scope="module")
def analysed():
    analysis = OverlapAnalysis(data_of(), *SETTINGS)
    baselines = analysis.baselines()
    rows = list(analysis.baseline_rows(baselines))
    for source in analysis.data.classifier_maps:
        for more, _ in analysis.classifier_rows(source, baselines, 0.9, SCORE):
            rows += more
    rows += analysis.comparison_rows()
    return analysis, with_responses(name_families(estimates_table(rows)), "collected")


def pick(table, **criteria):
    for column, value in criteria.items():
        table = table[table[column] == value]
    return table


def test_every_row_is_declared_named_once_and_says_why_it_is_undefined(analysed):
    _, table = analysed
    check_table(table, ESTIMATES, "estimates")
    key = ["statistic", "metric", "form", "sigma", "level", "source", "against", "contrast", "actor", "label"]
    assert not table.duplicated(key).any(), table[table.duplicated(key, keep=False)][key]
    assert not table[table["value"].isna() & table["reason"].isna()].size
    of_overlap = table[table["statistic"].isin(["overlap", "overlap_curve", "actor_similarity"])]
    assert (of_overlap["responses"] == "collected").all()
    tested = table[table["p_attainable"].notna()]
    assert (tested["p_value"] >= tested["p_attainable"] - 1e-12).all()


def test_every_metric_pairing_and_baseline_stands_at_every_level(analysed):
    _, table = analysed
    pairings = {"same image", "same actor, other image", "other actor", "image effect", "actor effect"}
    heatmaps = {"same actor", "other actor", "same minus other actor"}
    for metric in METRICS:
        tested = metric != "emd"  # which would solve a programme for each pair
        for level in ("population", "actor"):
            rows = pick(table, metric=metric, source=OTHER, level=level)
            assert set(pick(rows, form="raw")["contrast"]) >= (pairings if tested else {"same image"})
            assert set(pick(rows, form="heatmaps")["contrast"]) >= (heatmaps if tested else {"same actor"})
        whole = pick(table, metric=metric, level="population")
        for baseline in ("uniform", "centre", "other actors"):
            for form in ("raw", "heatmaps"):
                assert len(pick(whole, source=f"baseline/{baseline}", form=form, level="population"))
                assert len(pick(whole, source=OTHER, form=form, contrast=f"minus baseline/{baseline}")) == 1
        assert len(pick(whole, source=OTHER, form="heatmaps", contrast="population")) == 1
        assert len(pick(whole, source=OTHER, form="heatmaps", contrast="population minus baseline/centre")) == 1
        assert len(pick(whole, source=OTHER, form="raw", contrast=f"minus {ONE}")) == 1


def test_what_people_have_in_common_has_an_interval_only_over_workers_and_actors(analysed):
    _, table = analysed
    whole = pick(table, statistic="overlap", level="population")
    for contrast, width in (("same image", 0.2), ("minus baseline/centre", 0.1)):
        row = pick(whole, source=OTHER, form="smoothed", contrast=contrast).iloc[0]
        assert (row["ci_low"], row["ci_high"]) == pytest.approx((row["value"] - width / 2, row["value"] + width / 2))
        assert (row["resampled"], row["ci_method"]) == ("workers and actors", "jackknife")
        rest = whole[(whole["contrast"] == contrast) & (whole["form"] != "smoothed") & whole["value"].notna()]
        assert rest[["ci_low", "p_value", "resampled"]].isna().all(axis=None)
        assert rest["reason"].str.contains("share workers|analytic").all()
    for contrast in ("other actor", "same actor, other image", "same actor", "population"):
        assert pick(whole, contrast=contrast)["ci_low"].isna().all()
    assert pick(whole, source=OTHER, form="smoothed", contrast="minus baseline/other actors")["ci_low"].notna().all()


def test_the_overlap_of_single_images_is_a_table_of_its_own(analysed):
    analysis, table = analysed
    single = analysis.image_table()
    assert set(single["source"]) == {ONE, OTHER, "baseline/uniform", "baseline/centre", "baseline/other actors"}
    rows = pick(single, source=OTHER, form="raw").set_index("image")
    maps = analysis.data.classifier_maps[OTHER]["saliency"]
    expected = overlap(analysis.coverage, maps, metrics=["nss", "iou", "emd"], share=analysis.share)
    for name in ("nss", "iou", "emd"):
        np.testing.assert_allclose(rows[name], expected[name], atol=1e-9)
    mean = pick(table, metric="nss", form="raw", source=OTHER, level="population", contrast="same image")["value"]
    assert rows.groupby("actor")["nss"].mean().mean() == pytest.approx(mean.item())


def test_actors_meet_their_own_group_and_images_that_were_misnamed_are_left_out(analysed):
    _, table = analysed
    whole = pick(table, form="smoothed", metric="pearson", level="population", source=ONE)
    for restriction in ("same group", "correctly classified images"):
        assert len(pick(whole, contrast=f"actor effect, {restriction}")) == 1
    assert pick(whole, contrast="actor effect, same group")["null"].item().endswith("within group")
    single = pick(table, form="smoothed", metric="pearson", level="actor", source=ONE)
    right = pick(single, contrast="same image, correctly classified images").set_index("actor")["n"]
    assert (right["s1"], right["s4"], right["s2"]) == (3, 3, 4)
    assert pick(single, contrast="actor effect")["p_value"].isna().all()
    # of the other variant every image is right, so that nothing is left out
    assert not len(pick(table, source=OTHER, contrast="same image, correctly classified images"))


def test_the_variant_that_follows_people_more_is_found_better(analysed):
    _, table = analysed
    rows = pick(table, statistic="overlap", form="smoothed", metric="pearson", level="population", source=OTHER)
    row = pick(rows, contrast=f"image effect minus {ONE}").iloc[0]
    assert row["ci_low"] > 0
    assert row["p_value"] <= 0.02
    assert row["alternative"] == "two-sided"
    same = pick(table, statistic="overlap", contrast=f"minus {ONE}", level="population")
    assert (same["value"].notna() & same[["ci_low", "p_value", "resampled"]].isna().all(axis=1)).sum() > 5
    assert same["reason"].str.contains("share workers").all()


def test_a_difference_on_the_same_image_has_an_interval_over_workers_and_actors():
    responses, images, maps = small_study(n_actors=8, workers=9)
    people = rasterise_boxes(responses, images, size=SIZE)
    data = data_of(n_actors=8).replace(
        images=images.assign(split="test"), responses=responses, human=people, predictions=pd.DataFrame(),
        classifier_maps={name: one.to_dataset(name="saliency") for name, one in (
            (ONE, maps), (OTHER, maps + 9 * people["coverage"].to_numpy()))})
    analysis = OverlapAnalysis(data, *SETTINGS, forms=["smoothed"])
    for source in data.classifier_maps:
        list(analysis.classifier_rows(source, {}, np.nan))
    rows = pick(estimates_table(analysis.comparison_rows()), contrast=f"minus {ONE}")
    assert rows.loc[rows["ci_low"].notna(), ["metric", "form", "resampled"]].to_numpy().tolist() == [
        ["pearson", "smoothed", RESAMPLED]]


def test_actors_that_both_sides_tell_apart_alike_are_found_similar(analysed):
    _, table = analysed
    row = pick(table, statistic="actor_similarity", metric="correlation", source=OTHER).iloc[0]
    assert row["p_value"] <= 0.02
    assert row["n"] == 9


def test_declared_shoots_are_exchanged_whole_and_an_image_without_one_is_alone():
    data = data_of(n_actors=4)
    shoots = [None if at == 3 else "ab"[at > 1] for at in range(4)] * 4  # told apart by actor
    data = data.replace(images=data.images.assign(shoot=shoots))
    analysis = OverlapAnalysis(data, *SETTINGS, forms=["smoothed"])
    baselines = analysis.baselines()
    rows = [row for more, _ in analysis.classifier_rows(OTHER, baselines, 0.9) for row in more]
    found = pick(estimates_table(rows), metric="pearson", form="smoothed", source=OTHER)
    effect = pick(found, level="actor", contrast="image effect").iloc[0]
    matrix = overlap_matrix(analysis.coverage, data.classifier_maps[OTHER]["saliency"], metric="pearson", sigma=1.6)
    block = matrix.to_numpy()[:4, :4]
    apart = np.array([0, 0, 1, 2])[:, None] != [0, 0, 1, 2]
    assert effect["value"] == pytest.approx(np.diag(block).mean() - block[apart].mean())
    assert effect["p_attainable"] == 1 / 6  # orders of three shoots
    assert "whole shoots" in pick(found, level="population", contrast="image effect")["null"].item()
    assert pick(found, level="population", contrast="same image").shape[0] == 1


def test_classifiers_are_compared_by_the_metrics_that_work_for_both(monkeypatch):
    def fails_once(human, classifier, *, metric, **options):
        if metric == "nss" and float(classifier[0, 0, 0]) == first:
            raise FloatingPointError
        return overlap_matrix(human, classifier, metric=metric, **options)

    data = data_of(n_actors=3, n_images=2)
    first = float(data.classifier_maps[ONE]["saliency"][0, 0, 0])
    monkeypatch.setattr(estimates, "overlap_matrix", fails_once)
    analysis = OverlapAnalysis(data, *SETTINGS, forms=["raw"])
    rows = [row for source in data.classifier_maps for more, _ in analysis.classifier_rows(
        source, analysis.baselines(), np.nan) for row in more]
    table = estimates_table([*rows, *analysis.comparison_rows()])
    failed = pick(table, metric="nss", source=ONE, form="raw", contrast="same image")
    assert failed["reason"].str.contains("FloatingPointError").all()
    compared = pick(table, source=OTHER, contrast=f"minus {ONE}", level="population", form="raw")
    assert set(compared["metric"]) == set(METRICS) - {"nss"}


def test_heatmaps_alone_are_compared_where_responses_name_no_image():
    data = data_of(n_images=2)
    human = actor_heatmap(data.human["coverage"])
    network = actor_heatmap(top_mask(data.classifier_maps[OTHER]["saliency"], share=0.05))
    heatmaps = HeatmapOverlap(*SETTINGS[:2], 16, SETTINGS[2])
    table = estimates_table([*heatmaps.baseline_rows(human), *heatmaps.rows_of_heatmaps(human, network, OTHER)])
    alone = estimates_table(heatmaps.rows(data.human["coverage"], data.classifier_maps[OTHER]["saliency"], OTHER))
    pd.testing.assert_frame_equal(pick(table, source=OTHER).reset_index(drop=True), alone)


def test_variants_of_a_classifier_and_the_last_of_two_are_compared_the_later_one_first():
    assert compared_sources(["a/frozen/g", "a/finetuned/g", "b/frozen/g", "b/finetuned/g"]) == [
        ("a/finetuned/g", "a/frozen/g"), ("b/finetuned/g", "a/finetuned/g"), ("b/finetuned/g", "b/frozen/g")]
    assert compared_sources(["a/frozen/g"]) == []
