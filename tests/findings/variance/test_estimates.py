"""The rows of variance in a study's table: what stands there, and that shoots and groups are heeded."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from salcompare.config import Maps, Statistics
from salcompare.findings.labels.estimates import label_estimates
from salcompare.findings.relative.estimates import relative_estimates
from salcompare.findings.rows import estimates_table, with_responses
from salcompare.findings.variance import words
from salcompare.findings.variance.estimates import box_component_rows, variance_estimates
from salcompare.study_data import StudyData

SOURCE = "net/frozen/guided_backprop"
SETTINGS = (Maps(sigma=0.1), Statistics(n_permutations=199, n_resamples=50), 3)
N_ACTORS, N_IMAGES = 8, 6


def study(*, shoots=True, groups=True, n_images=N_IMAGES):
    rng = np.random.default_rng(0)
    actors = np.repeat([f"a{at}" for at in range(N_ACTORS)], n_images)
    images = pd.DataFrame({"image": [f"{a}/{at % n_images}" for at, a in enumerate(actors)], "actor": actors,
                           "split": "test", "height": 8, "width": 8})
    if shoots:
        images["shoot"] = [str(at % n_images // 2) for at in range(len(actors))]  # the same names with every actor
    if groups:
        images["group"] = ["odd" if int(a[1]) % 2 else "even" for a in actors]
    coords = {"image": images["image"].to_numpy(), "actor": ("image", actors)}
    maps = xr.DataArray(rng.random((len(actors), 8, 8)).astype("float32") + 0.1, dims=("image", "y", "x"),
                        coords=coords)
    photographs = xr.DataArray(rng.integers(1, 255, (len(actors), 8, 8, 3), dtype=np.uint8),
                               dims=("image", "y", "x", "channel"), coords={**coords, "split": ("image", ["test"] * len(
                                   actors))})
    rows = [(image, f"w{w}", *corner) for image in images["image"] for w, corner in enumerate(
        rng.integers(0, 5, (9, 2)).tolist())]
    responses = pd.DataFrame(rows, columns=["image", "worker", "x0", "y0"]).assign(
        x1=lambda t: t.x0 + 3, y1=lambda t: t.y0 + 2)
    return StudyData(photographs=photographs, images=images, responses=responses,
                        human=maps.rename("coverage").to_dataset().assign(coverage=maps / 2), human_heatmap=None,
                        classifier_maps={SOURCE: maps.to_dataset(name="saliency")}, accuracies=pd.DataFrame())


def table(data):
    rows = [row for part, _ in variance_estimates(data, *SETTINGS) for row in part]
    return with_responses(estimates_table([*rows, *box_component_rows(data, SETTINGS[0])]), "collected")


@pytest.fixture(scope="module")
def estimates():
    return table(study())


def pick(estimates, **criteria):
    for column, value in criteria.items():
        estimates = estimates[estimates[column] == value]
    return estimates


def test_where_there_are_shoots_they_are_what_is_permuted_and_the_rows_say_so(estimates):
    main = pick(estimates, statistic="variance_explained", metric="r2")
    assert set(main["null"]) == {"whole shoots, scaled to their actor's spread, permuted freely among actors"}
    shares = pick(estimates, metric="between_actor_share")
    assert set(shares["resampled"]) == {"whole shoots"}
    assert pick(estimates, statistic="dispersion")["reason"].str.contains("no actor has four images").all()
    assert set(pick(estimates, metric="r2_free")["null"]) == {"whole shoots permuted freely among actors"}
    assert (pick(estimates, statistic="dispersion")["n"] == N_ACTORS * 3).all()
    free = table(study(shoots=False, groups=False))
    assert set(pick(free, metric="r2_free")["null"]) == {"images permuted freely among actors"}
    assert pick(free, metric="r2_group").empty


def test_groups_permute_whole_actors(estimates):
    rows = pick(estimates, metric="r2_group")
    assert set(rows["source"]) == {"human", SOURCE, "photographs"}
    assert set(rows["null"]) == {"whole actors, scaled to their group's spread, permuted freely among groups"}
    assert (rows["p_attainable"] == 1 / 70).all()  # 8 actors in two fours of a spread each: 70 assignments


def test_distances_and_components_stand_beside(estimates):
    for metric in ("r2_bray_curtis", "r2_jensen_shannon"):
        rows = pick(estimates, metric=metric)
        assert set(rows["source"]) == {"human", SOURCE, "photographs"}
        assert rows["null_mean"].notna().all()
        assert rows["p_value"].isna().all()
    human = pick(estimates, statistic="variance_component", source="human", form="raw")
    assert human["metric"].tolist() == ["actor", "image", "worker", "residual"]
    assert human["value"].sum() == pytest.approx(1)
    assert set(human["resampled"]) == {"actors and workers"}
    maps = pick(estimates, statistic="variance_component", source=SOURCE, form="raw")
    assert maps["metric"].tolist() == ["actor", "image"]
    assert "residual" in maps["reason"].iloc[1]


def test_one_shoot_an_actor_leaves_nothing_to_test_and_says_so():
    data = study(groups=False)
    data.images["shoot"] = data.images["actor"]
    rows = pick(table(data), metric="r2")
    assert rows["p_value"].isna().all()
    assert rows["value"].notna().all()
    assert rows["reason"].str.contains("fewer than two actors have 3 shoots that differ").all()


def test_workers_of_actors_leave_r2_of_people_without_test_and_interval_with_the_reason():
    data = study(shoots=False, groups=False)
    data.responses["worker"] = data.responses["worker"] + data.responses["image"].str.split("/").str[0]
    rows = pick(table(data), statistic="variance_explained", source="human")
    assert rows[["p_value", "ci_low"]].isna().all(axis=None)
    assert rows.loc[rows["metric"] == "r2", "value"].notna().all()
    assert pick(rows, metric="r2")["reason"].str.contains("workers are confounded with actors").all()
    assert pick(table(data), metric="r2", source=SOURCE)["p_value"].notna().all()
    tested, _ = relative_estimates(data, *SETTINGS)
    labels = label_estimates(data.replace(responses=data.responses.assign(label="eyes")), *SETTINGS)
    rows = estimates_table([*tested, *labels])
    refused = rows[rows["reason"].fillna("").str.startswith("workers are confounded with actors")]
    assert list(zip(refused["statistic"], refused["source"], strict=True)) == [
        ("relative_saliency", "human"), ("label_difference", "human")]


def test_an_image_without_a_shoot_is_one_by_itself():
    data, same = study(groups=False), study(groups=False)
    data.images.loc[0, "shoot"] = None
    same.images.loc[0, "shoot"] = "one by itself"
    columns = ["statistic", "metric", "value", "null", "n", "reason"]
    rows, others = (pick(table(one), statistic="variance_explained")[columns] for one in (data, same))
    pd.testing.assert_frame_equal(rows, others)
    assert rows["value"].notna().any()


def test_too_few_images_leave_reasons_not_numbers():
    rows = table(study(shoots=False, groups=False, n_images=1))
    assert rows["value"].isna().all()
    assert rows["reason"].notna().all()


def test_the_tables_print_what_the_estimates_hold(estimates):
    tables = {found.name: found for found in words.tables(SimpleNamespace(estimates=estimates))}
    assert set(tables) == {"variance_explained", "variance_beside", "variance_components", "variance_explained_all"}
    assert "whole shoots" in tables["variance_explained"].caption
    beside = tables["variance_beside"].frame
    assert {"f_pairs", "r2_bray_curtis", "r2_group"} <= set(beside["metric"])
    assert len(tables["variance_components"].frame) == 8 + 3 * 2 + 2
