import pytest
import torch
from torch import nn

from salcompare.classifiers.sparsity import near_zero_shares, near_zero_thresholds


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
