"""Careless workers are planted as described, and the rules of quality find them and hardly anybody else."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from salcompare.config import Quality, Simulation
from salcompare.errors import InputError
from salcompare.simulation import simulate_checks, simulate_responses
from salcompare.simulation.careless import KINDS, careless_workers
from salcompare.sources import quality
from tests.simulation.crowd import other_photographs

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
