"""Simulated workers: what they answer, and careless ones as planted."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salcompare.config import Quality, Simulation
from salcompare.errors import InputError
from salcompare.schema import LABELS, RESPONSES, check_table
from salcompare.simulation import find_face, published_calibration, simulate_checks, simulate_responses
from salcompare.simulation.responses import KINDS, LEFT_SHARE, careless_workers
from salcompare.sources import quality
from tests.simulation.crowd import mean_coverage, orl_photographs, other_photographs

MANY = Simulation(workers=2000, per_image=40)


@pytest.fixture(scope="module")
def orl():
    images = orl_photographs()
    return images, simulate_responses(images, Simulation(), seed=0)


@pytest.fixture(scope="module")
def crowd():
    images = other_photographs(120, 4)
    return images, simulate_responses(images, MANY, seed=7)


def centre_x(table):
    return (table["x0"] + table["x1"]) / 2


def test_responses_are_valid_and_inside_every_image(orl):
    images, simulated = orl
    table = simulated.table
    check_table(table, RESPONSES, "simulated")
    assert set(table["origin"]) == {"simulated"}
    assert set(table["label"]) <= set(LABELS)
    assert len(table) == 20 * len(images)
    assert (table["x1"] - table["x0"]).between(3, 92).all()
    assert (table["y1"] - table["y0"]).between(3, 112).all()
    assert ((table["x0"] >= 0) & (table["y0"] >= 0) & (table["x1"] <= 92) & (table["y1"] <= 112)).all()


def test_each_image_has_its_responses_from_distinct_workers_who_take_turns(orl):
    _, simulated = orl
    assert (simulated.table.groupby("image")["worker"].agg(["size", "nunique"]) == 20).all(axis=None)
    actor = simulated.table["image"].str.partition("/")[0]
    counts = simulated.table.groupby([actor, "worker"]).size()
    assert counts.min() == counts.max() == 2                    # 10 images x 20 responses over 100 workers


def test_eye_boxes_cover_an_eye_of_their_photograph(orl):
    images, simulated = orl
    hashes = images.set_index("image")["sha256"]
    eyes = simulated.table.query("label == 'eyes'")
    covered = [any(row.x0 <= x < row.x1 and row.y0 <= y < row.y1
                   for x, y, *_ in (face.boxes["eyes left"], face.boxes["eyes right"]))
               for row in eyes.itertuples()
               for face in [find_face(hashes[row.image], height=112, width=92)]]
    assert np.mean(covered) > 0.97


def test_labels_recover_the_published_shares(crowd):
    _, simulated = crowd
    names = {name for name, actor in simulated.truth["actors"].items() if actor["role"] != "raised"}
    table = simulated.table.assign(actor=simulated.table["image"].str.partition("/")[0])
    own = table[table["actor"].isin(names)]
    shares = pd.crosstab(own["actor"], own["label"], normalize="index").reindex(columns=list(LABELS), fill_value=0)
    published = published_calibration().label_share
    for label in LABELS:
        workers = published[label] * (1 - published[label]) / 21 / 2000    # the same workers on all actors
        error = np.sqrt(shares[label].var() / len(shares) + workers)
        assert abs(shares[label].mean() - published[label]) < 4 * error, label


def test_actors_responses_recover_their_own_expected_shares(crowd):
    _, simulated = crowd
    table = simulated.table.assign(actor=simulated.table["image"].str.partition("/")[0])
    for label in ("eyes", "nose", "lips"):
        found = (table["label"] == label).groupby(table["actor"]).mean()
        truth = pd.Series({name: actor["label_share"][label] for name, actor in simulated.truth["actors"].items()})
        spread = truth * (1 - truth) * (1 / 160 + 1 / 151 / 4)             # responses, and images around their actor
        z = (found - truth) / np.sqrt(spread)
        assert 0.8 < z.std() < 1.2, label


def test_planted_labels_are_named_more_often():
    images = orl_photographs("s25", "s37", "s02")
    simulated = simulate_responses(images, Simulation(workers=400, per_image=100), seed=3)
    share = pd.crosstab(simulated.table["image"].str.partition("/")[0], simulated.table["label"], normalize="index")
    assert share.loc["s25", "moustache"] == pytest.approx(0.25, abs=0.08)
    assert share.loc["s37", "beard"] == pytest.approx(0.30, abs=0.08)
    planted = {(e["actor"], e["label"]) for e in simulated.truth["planted"] if e["kind"] == "raised label"}
    assert planted == {("s25", "moustache"), ("s37", "beard")}


def test_workers_differ_as_planted():
    images = other_photographs(30, 10)
    config = Simulation(workers=60, per_image=60)
    simulated = simulate_responses(images, config, seed=1)
    eyes = simulated.table["label"] == "eyes"
    half = simulated.table["image"].str[-1].astype(int) % 2
    first, second = (eyes[half == k].groupby(simulated.table["worker"]).mean() for k in (0, 1))
    planted = next(e for e in simulated.truth["planted"] if e["kind"] == "spread between workers")
    assert np.cov(first, second)[0, 1] == pytest.approx(planted["label_variance"]["eyes"], rel=0.5)
    area = np.log((simulated.table["x1"] - simulated.table["x0"])[simulated.table["label"] == "nose"])
    by_worker = area.groupby(simulated.table["worker"]).mean()
    assert by_worker.std() == pytest.approx(planted["log_size_sd"], rel=0.3)


def test_one_sided_boxes_prefer_the_viewers_left_as_planted(orl):
    images, simulated = orl
    hashes = images.set_index("image")["sha256"]
    one_sided = simulated.table[simulated.table["label"].isin(["cheek", "ears", "laugh line"])]
    midline = [find_face(hashes[image], height=112, width=92).midline for image in one_sided["image"]]
    left = (centre_x(one_sided) < midline).mean()
    assert abs(left - LEFT_SHARE) < 4 * np.sqrt(LEFT_SHARE * (1 - LEFT_SHARE) / len(one_sided)) + 0.02  # shifted boxes


def test_the_population_leans_to_the_viewers_left_by_what_the_truth_says(crowd):
    _, simulated = crowd
    planted = next(e for e in simulated.truth["planted"] if e["kind"] == "laterality")
    table = simulated.table.assign(actor=simulated.table["image"].str.partition("/")[0])
    middle, height = 46, table["y1"] - table["y0"]
    left = (table["x1"].clip(upper=middle) - table["x0"].clip(upper=middle)) * height
    right = (table["x1"].clip(lower=middle) - table["x0"].clip(lower=middle)) * height
    sums = pd.DataFrame({"left": left, "right": right}).groupby(table["actor"]).sum()
    value = (sums["left"].sum() - sums["right"].sum()) / sums.sum().sum()
    each = (sums["left"] - sums["right"]) / sums.sum(axis=1)
    assert abs(value - planted["expected_laterality"]) < 4 * each.std() / np.sqrt(len(each)) + 0.003
    assert value > planted["expected_without"]


def test_the_mean_map_in_the_published_frame_peaks_on_the_eyes_as_high_as_published():
    images = other_photographs(20, 10, height=227, width=227)
    coverage = mean_coverage(simulate_responses(images, Simulation(), seed=0).table, height=227, width=227)
    y, x = np.unravel_index(coverage.argmax(), coverage.shape)
    assert coverage.max() == pytest.approx(published_calibration().peak, abs=0.04)
    assert 63 <= y < 113                                          # the published box of the eyes
    assert 40 <= x < 190


def test_same_seed_same_responses_and_another_seed_others():
    images = orl_photographs("s01", "s02")
    first, again, other = (simulate_responses(images, Simulation(), seed=seed) for seed in (5, 5, 6))
    assert first.table.to_csv() == again.table.to_csv()
    assert first.truth == again.truth
    assert first.table.to_csv() != other.table.to_csv()


def test_an_actors_responses_do_not_depend_on_the_other_actors():
    alone = simulate_responses(orl_photographs("s07"), Simulation(), seed=5)
    among = simulate_responses(orl_photographs("s03", "s07", "s40"), Simulation(), seed=5)
    same = among.table[among.table["image"].str.startswith("s07/")].reset_index(drop=True)
    pd.testing.assert_frame_equal(same, alone.table)
    assert among.truth["actors"]["s07"] == alone.truth["actors"]["s07"]


def test_rows_stand_in_the_order_of_the_images():
    images = orl_photographs("s03", "s07").sample(frac=1, random_state=0)
    table = simulate_responses(images, Simulation(), seed=5).table
    assert table["image"].drop_duplicates().tolist() == images["image"].tolist()


def test_photographs_without_hashes_have_the_published_geometry():
    images = orl_photographs("s01")
    without = simulate_responses(images.drop(columns="sha256"), Simulation(), seed=0)
    other = simulate_responses(images.assign(sha256="0" * 64), Simulation(), seed=0)
    pd.testing.assert_frame_equal(without.table, other.table)


def test_orl_photographs_are_known_whatever_the_study_calls_its_actors():
    renamed = orl_photographs("s37").assign(actor="the bearded one")
    truth = simulate_responses(renamed, Simulation(), seed=0).truth
    assert truth["actors"]["the bearded one"]["role"] == "raised"


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 60), st.integers(1, 60), st.integers(2, 12), st.integers(0, 2**40), st.data())
def test_photographs_of_any_size_get_valid_responses(height, width, workers, seed, data):
    config = dataclasses.replace(Simulation(), workers=workers, per_image=data.draw(st.integers(1, workers)))
    table = simulate_responses(other_photographs(2, 2, height=height, width=width), config, seed=seed).table
    check_table(table, RESPONSES, "simulated")
    assert (table["x0"] >= 0).all()
    assert (table["x1"] <= width).all()
    assert ((table["x1"] - table["x0"]) >= min(3, width)).all()
    assert ((table["y1"] - table["y0"]) >= min(3, height)).all()
    assert not table.duplicated(["image", "worker"]).any()


def test_what_cannot_be_simulated_is_all_said_at_once():
    images = other_photographs(1, 2).assign(image="twice")
    with pytest.raises(InputError, match=r"(?s)twice.*per_image: 9; expected at most workers = 4"):
        simulate_responses(images, Simulation(workers=4, per_image=9), seed=0)
    with pytest.raises(InputError, match="no column 'height'"):
        simulate_responses(images.drop(columns="height"), Simulation(), seed=0)
    with pytest.raises(InputError, match="at least one image"):
        simulate_responses(other_photographs(0, 0), Simulation(), seed=0)


SETTINGS = Simulation(workers=60, per_image=12, checks=3, careless=12)
IMAGES = other_photographs(20, 5).assign(split="test", file="none")
EDGES = ["x0", "y0", "x1", "y1"]


@pytest.fixture(scope="module")
def study():
    simulated = simulate_responses(IMAGES, SETTINGS, seed=4)
    checks = simulate_checks(IMAGES, SETTINGS, seed=4)
    judged = quality.judge_responses(simulated.table, IMAGES, checks, Quality(), size=(64, 64))
    return simulated, checks, judged


def test_the_truth_names_the_last_workers_with_every_kind(study):
    simulated, _, _ = study
    careless = simulated.truth["careless"]
    assert careless == careless_workers([f"w{k:03}" for k in range(1, 61)], 12)
    assert sorted(careless) == [f"w{k:03}" for k in range(49, 61)]
    assert pd.Series(careless).value_counts().to_dict() == dict.fromkeys(KINDS, 2)


def test_honest_workers_answer_as_if_no_careless_one_were_there(study):
    simulated, checks, _ = study
    alone = simulate_responses(IMAGES, Simulation(workers=60, per_image=12, checks=3), seed=4)
    honest = ~simulated.table["worker"].isin(simulated.truth["careless"])
    pd.testing.assert_frame_equal(simulated.table[honest], alone.table[honest])
    assert "careless" not in alone.truth
    same = simulate_checks(IMAGES, Simulation(workers=60, per_image=12, checks=3), seed=4)
    kept = ~checks["worker"].isin(simulated.truth["careless"])
    pd.testing.assert_frame_equal(checks[kept], same[kept])


def test_each_kind_does_what_its_words_say(study):
    simulated, checks, _ = study
    alone = simulate_responses(IMAGES, Simulation(workers=60, per_image=12, checks=3), seed=4).table
    kinds = simulated.table["worker"].map(simulated.truth["careless"])
    shape = simulated.table[["image"]].merge(IMAGES, on="image")
    table = simulated.table.assign(area=(simulated.table["x1"] - simulated.table["x0"]) * (
        simulated.table["y1"] - simulated.table["y0"]) / (shape["width"] * shape["height"]).to_numpy())
    assert (table.loc[kinds == "whole image", "area"] > 0.9).all()
    for _, rows in table[kinds == "one box"].groupby("worker"):
        assert len(rows[EDGES].drop_duplicates()) <= IMAGES[["height", "width"]].drop_duplicates().shape[0]
    hurried = kinds == "hurried"
    np.testing.assert_allclose(table.loc[hurried, "seconds"], 0.05 * alone.loc[hurried, "seconds"], atol=0.051)
    assert not (table.loc[kinds == "random label", "label"] == alone.loc[kinds == "random label", "label"]).all()
    inattentive = kinds == "inattentive"
    pd.testing.assert_frame_equal(table.loc[inattentive, EDGES], alone.loc[inattentive, EDGES])
    assert (checks.groupby("worker").size() == 3).all()


def test_the_rules_find_every_kind_and_few_honest_workers(study):
    """Sensitivity and false exclusions against what was planted."""
    simulated, _, judged = study
    workers = quality.summarise_workers(simulated.table, judged.kept, judged.log, judged.checks)
    found = quality.compare_planted(workers, simulated.truth["careless"]).set_index("kind")
    assert found.index.tolist() == [*KINDS, "honest"]
    assert found["workers"].sum() == 60
    assert found.loc[list(KINDS), "found"].sum() >= 11  # of 12: one may pass three checks by luck
    assert found.loc["honest", "found"] <= 2  # of 48
    assert found.loc["honest", "share_left_out"] <= 0.05
    assert found["left_out"].sum() == len(simulated.table) - len(judged.kept)


def test_the_comparison_counts_by_hand():
    workers = pd.DataFrame({"worker": ["a", "b", "c"], "n_responses": [4, 4, 2], "kept": [0, 3, 2]})
    found = quality.compare_planted(workers, {"a": "hurried", "b": "one box"})
    assert found.to_dict("list") == {
        "kind": ["hurried", "one box", "honest"], "workers": [1, 1, 1], "found": [1, 0, 0], "n_responses": [4, 4, 2],
        "left_out": [4, 1, 0], "share_left_out": [1.0, 0.25, 0.0]}
    assert quality.compare_planted(workers, {}).empty


def test_more_careless_workers_than_workers_are_refused():
    with pytest.raises(InputError, match="careless"):
        simulate_responses(IMAGES, Simulation(workers=10, per_image=5, careless=11), seed=1)
