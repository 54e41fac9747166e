"""Differences of accuracy between classifiers: by hand, paired, with a rate that holds."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from salcompare.config import Classifier, Statistics
from salcompare.findings.training.estimates import accuracy_differences
from salcompare.findings.training.words import describe_classifier

SETTINGS = Statistics(n_permutations=199)


def predictions(right, *, n_images=2):
    """Tables of answers: `right` says, by (classifier, variant), of which images (actor, image) they are right."""
    return pd.DataFrame([
        {"classifier": name, "variant": variant, "image": f"a{actor}/{image}", "actor": f"a{actor}", "split": split,
         "predicted": f"a{actor}" if split == "train" or values[actor][image] else "nobody"}
        for (name, variant), values in right.items() for actor in range(len(values)) for image in range(n_images)
        for split in ("train", "test")])


def test_by_hand_and_in_which_direction():
    right = {("net", "frozen"): [[1, 0], [0, 0], [1, 1]], ("net", "finetuned"): [[1, 1], [1, 0], [1, 1]],
             ("vgg", "finetuned"): [[0, 0], [1, 0], [1, 1]]}
    rows = {(row["source"], row["against"]): row for row in accuracy_differences(predictions(right), SETTINGS, 0)}
    assert rows["net/finetuned", "net/frozen"]["value"] == pytest.approx((0.5 + 0.5 + 0) / 3)
    assert rows["net/finetuned", "vgg/finetuned"]["value"] == pytest.approx((1 + 0 + 0) / 3)
    assert set(rows) == {("net/finetuned", "net/frozen"), ("net/finetuned", "vgg/finetuned")}
    row = rows["net/finetuned", "net/frozen"]
    assert (row["n"], row["p_value"], row["p_attainable"]) == (3, 0.5, 0.25)  # signs (+, +, 0): 2 of 4 as extreme


def test_classifiers_that_are_equally_good_are_seldom_said_to_differ():
    rng = np.random.default_rng(1)
    p = []
    for _ in range(200):
        right = {(name, "finetuned"): rng.random((10, 3)) < 0.7 for name in ("one", "other")}
        (row,) = accuracy_differences(predictions(right, n_images=3), SETTINGS, 0)
        p.append(row["p_value"])
    assert np.mean(np.array(p) <= 0.05) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 200)


def test_a_better_classifier_is_found():
    rng = np.random.default_rng(2)
    right = {(name, "finetuned"): rng.random((20, 4)) < share for name, share in (("good", 0.9), ("poor", 0.5))}
    (row,) = accuracy_differences(predictions(right, n_images=4), SETTINGS, 0)
    assert row["ci_low"] > 0
    assert row["p_value"] <= 0.05


def test_nothing_is_compared_where_there_is_one_classifier_or_none():
    alone = predictions({("net", "finetuned"): [[1, 0]]})
    assert list(accuracy_differences(alone, SETTINGS, 0)) == []
    assert list(accuracy_differences(None, SETTINGS, 0)) == []


def test_the_face_network_is_introduced_with_who_trained_it_on_what():
    settings = dataclasses.asdict(Classifier(name="faces", backbone="dlib_resnet", weights="installed"))
    assert "trained by its author, Davis King" in describe_classifier(settings)
    assert "King" not in describe_classifier(settings | {"backbone": "alexnet"})
