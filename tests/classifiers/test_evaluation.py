"""Accuracy with its interval, confusion, and near-zero weights."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint
from torch import nn

from salcompare.classifiers.dataset import Photographs
from salcompare.classifiers.evaluation import (
    accuracy_table,
    confusion_table,
    near_zero_shares,
    near_zero_thresholds,
    predictions_table,
    wilson,
)


def predictions():
    photographs = Photographs(np.zeros((5, 1, 1, 3), np.uint8), np.array(["a/1", "a/2", "b/1", "b/2", "c/1"]),
                              np.array(["a", "a", "b", "b", "c"]), np.array(["test", "train", "test", "test", "train"]),
                              ("a", "b", "c"))
    logits = np.array([[2, 1, 0], [0, 3, 1], [5, 4, 0], [0, 1, 0], [0, 0, 9]], np.float32)
    return predictions_table(logits, photographs)


def test_each_image_goes_to_the_actor_of_the_largest_logit():
    assert predictions()["predicted"].tolist() == ["a", "b", "a", "b", "c"]
    assert predictions()["logit"].tolist() == [2, 3, 5, 1, 9]


def test_accuracy_counts_each_split_and_is_undefined_where_there_are_no_images():
    table = accuracy_table(predictions()).set_index("split")
    assert table.loc["train", ["n_correct", "n", "accuracy"]].tolist() == [1, 2, 0.5]
    assert table.loc["test", ["n_correct", "n"]].tolist() == [2, 3]
    assert table.loc["validation", "n"] == 0
    assert table.loc["validation", ["accuracy", "ci_low", "ci_high"]].isna().all()


def test_confusion_counts_test_images_and_shows_every_actor():
    table = confusion_table(predictions())
    assert list(table.itertuples(index=False, name=None)) == [
        ("a", "a", 1), ("b", "a", 1), ("b", "b", 1), ("c", "c", 0)]
    assert table["n"].sum() == (predictions()["split"] == "test").sum()


def test_wilson_by_hand():
    # 8 of 10, z = 1.96: centre (0.8 + z²/20) / (1 + z²/10) = 0.7167, half width 0.2266
    value, low, high = wilson(8, 10)
    assert (value, low, high) == (0.8, pytest.approx(0.4902, abs=1e-4), pytest.approx(0.9433, abs=1e-4))


@given(st.integers(1, 400), st.data())
def test_wilson_agrees_with_statsmodels(n, data):
    k = data.draw(st.integers(0, n))
    low, high = proportion_confint(k, n, method="wilson")
    assert wilson(k, n)[1:] == (pytest.approx(low, abs=1e-9), pytest.approx(high, abs=1e-9))


def test_text_that_looks_like_numbers_stays_text():
    table = confusion_table(pd.DataFrame({"actor": ["007", "1"], "predicted": ["007", "007"], "split": "test"}))
    assert table["actor"].tolist() == ["007", "1", "1"]


def layers(conv, linear):
    network = nn.Sequential(nn.Conv2d(1, 1, 2), nn.BatchNorm2d(1), nn.Linear(4, 1))
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor(conv).reshape(1, 1, 2, 2))
        network[2].weight.copy_(torch.tensor(linear).reshape(1, 4))
        network[0].bias.zero_()
    return network


def test_shares_are_of_the_weights_below_one_percent_of_the_spread_before_training():
    before = layers([3.0, -3.0, 3.0, -3.0], [0.1, -0.1, 0.1, -0.1])
    thresholds = near_zero_thresholds(before)
    assert thresholds == {"0": pytest.approx(0.03), "2": pytest.approx(0.001)}
    after = near_zero_shares(layers([0.029, -0.029, 0.031, 0.0005], [0.0, 0.0009, -0.0009, 0.0011]), thresholds)
    assert after["layer"].tolist() == ["0", "2"]
    assert after["kind"].tolist() == ["Conv2d", "Linear"]
    assert after["n_weights"].tolist() == [4, 4]
    assert after["share_near_zero"].tolist() == [0.75, 0.75]
    assert after["share_below_0.001"].tolist() == [0.25, 0.75]


def test_gaussian_weights_have_the_share_that_the_docstring_says():
    network = nn.Sequential(nn.Linear(1000, 1000))
    with torch.no_grad():
        network[0].weight.normal_(0, 0.2, generator=torch.Generator().manual_seed(0))
    share = near_zero_shares(network, near_zero_thresholds(network))["share_near_zero"].iloc[0]
    assert share == pytest.approx(0.008, abs=3e-4)
