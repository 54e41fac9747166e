"""Differences of accuracy between classifiers: by hand, paired, with a rate that holds."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from salcompare.config import Classifier, Statistics
from salcompare.findings.rows import estimates_table
from salcompare.findings.training import ALL, TEST_IMAGES
from salcompare.findings.training.estimates import accuracy_differences
from salcompare.findings.training.words import summary
from salcompare.study_data import StudyData

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


def said(settings, **changed):
    """What the summary says of equal error rates such as a stage leaves."""
    row = {"classifier": "faces", "source": "faces/frozen", "form": ALL, "value": 0.00278, "ci_low": 0.00114,
           "ci_high": 0.00673, "images": 400, "people": 40, "reason": np.nan} | changed
    rows = [row, row | {"source": "randomised network", "value": 0.337}, row | {"source": "photographs", "value": 0.18},
            row | {"form": TEST_IMAGES, "value": 0.5}]
    table = pd.DataFrame(rows).astype({"reason": "str"})
    data = StudyData(estimates=estimates_table([]), images=pd.DataFrame({"actor": ["a"]}), verification=table,
                     settings={"classifier": [settings]}, classifiers={})
    return summary(data)


def test_the_face_network_is_introduced_with_who_trained_it_on_what():
    settings = dataclasses.asdict(Classifier(name="faces", backbone="dlib_resnet", weights="installed"))
    (sentence,) = said(settings)
    assert "trained by its author, Davis King" in sentence
    assert sentence.endswith("tells people apart with an equal error rate of 0.28% (95% CI 0.11% to 0.67%) on these "
                             "400 photographs of 40 people; random weights 33.7%, grey levels 18.0%.")
    for other in ({"backbone": "alexnet"}, {"weights": "none"}):
        assert said(settings | other)[0].startswith("faces/frozen tells people apart")
    assert said(settings | {"name": "another"}) == []


def test_without_a_rate_the_reason_is_said():
    settings = dataclasses.asdict(Classifier(name="faces", backbone="dlib_resnet", weights="none"))
    assert said(settings, value=np.nan, reason="photographs of one person alone") == [
        "faces/frozen has no equal error rate on these 400 photographs of 40 people: photographs of one person alone."]
    assert said(settings, ci_low=np.nan, ci_high=np.nan, reason="fewer than 8 people")[0].startswith(
        "faces/frozen tells people apart with an equal error rate of 0.28% (no interval: fewer than 8 people) on")
