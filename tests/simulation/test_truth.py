import json

import numpy as np
import pytest

from salcompare.config import Simulation
from salcompare.schema import LABELS
from salcompare.simulation import simulate_responses, typical_face
from salcompare.simulation.preferences import ActorPreference
from salcompare.simulation.truth import expected_laterality
from tests.simulation.crowd import orl_photographs, other_photographs


def only(label):
    return ActorPreference(np.array([float(name == label) for name in LABELS]), "drawn")


def test_truth_is_ready_for_json_and_says_what_is_simulated():
    images = orl_photographs("s05", "s37", "s02")
    truth = simulate_responses(images, Simulation(), seed=9).truth
    assert json.loads(json.dumps(truth)) == truth
    assert truth["simulated"] is True
    assert truth["seed"] == 9
    assert {name: actor["role"] for name, actor in truth["actors"].items()} == {
        "s02": "drawn", "s05": "control", "s37": "raised"}
    assert "classifier" in truth["not_planted"]
    assert {effect["kind"] for effect in truth["planted"]} == {
        "raised label", "control", "spread between actors", "spread between images", "laterality",
        "spread between workers"}
    assert all(effect["seen_as"] for effect in truth["planted"])


def test_the_populations_share_is_the_mean_over_actors():
    truth = simulate_responses(orl_photographs("s05", "s37", "s02"), Simulation(), seed=9).truth
    mean = np.mean([actor["label_share"]["beard"] for actor in truth["actors"].values()])
    assert truth["label_share"]["beard"] == pytest.approx(mean, abs=1e-6)


def test_laterality_of_cheeks_alone_by_hand():
    images = other_photographs(1, 1, height=227, width=227)
    faces = {images["image"][0]: typical_face(height=227, width=227)}
    actors = {images["actor"][0]: only("cheek")}
    # cheeks are 45 wide about 60 and 170, so each is on its side of 113.5: 0.65 left, 0.35 right
    assert expected_laterality(images, faces, actors, left_share=0.65) == pytest.approx(0.30)
    assert expected_laterality(images, faces, actors, left_share=0.5) == pytest.approx(0)


def test_laterality_of_noses_alone_by_hand():
    images = other_photographs(1, 1, height=227, width=227)
    faces = {images["image"][0]: typical_face(height=227, width=227)}
    # the nose's box is 62 wide about 118, from 87 to 149: 26.5 left of 113.5 and 35.5 right of it
    assert expected_laterality(images, faces, {images["actor"][0]: only("nose")}, left_share=0.65) == pytest.approx(
        (26.5 - 35.5) / 62)
