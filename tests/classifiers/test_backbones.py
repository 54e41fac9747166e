import numpy as np
import pytest
import torch
import torchvision
from efficientnet_lite_pytorch import EfficientNet

from salcompare.classifiers import Backbone, find_backbone, register_backbone
from salcompare.classifiers.backbones import feature_dim
from salcompare.classifiers.weights import load_weights
from salcompare.errors import ConfigError, InputError
from tests.classifiers.tiny import PLAIN, tiny_features


def built(name):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return find_backbone(name).features().eval()


def images(size, n=2):
    return torch.randn(n, 3, size, size, generator=torch.Generator().manual_seed(0))


def test_alexnet_at_227_gives_conv5_as_in_the_original():
    assert feature_dim(built("alexnet"), (227, 227), name="alexnet") == 13 * 13 * 256


def test_alexnet_is_torchvisions_without_its_last_pool():
    ours = built("alexnet")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        peer = torchvision.models.alexnet().features.eval()
    with torch.no_grad():
        unpooled = ours(images(99)).reshape(2, 256, 5, 5)
        assert torch.equal(torch.nn.functional.max_pool2d(unpooled, 3, 2), peer(images(99)))


def test_efficientnet_lite0_agrees_with_its_package_where_that_pads_for_the_size():
    backbone = find_backbone("efficientnet_lite0")
    ours = built("efficientnet_lite0")
    load_weights(ours, backbone, "installed", root=None, say=print)
    peer = EfficientNet.from_name("efficientnet-lite0", image_size=64).eval()
    state = torch.load(backbone.weights["installed"](print), weights_only=True, map_location="cpu")
    peer.load_state_dict(state)
    with torch.no_grad():
        features = ours.eval()(images(64))
        torch.testing.assert_close(features @ state["_fc.weight"].T + state["_fc.bias"], peer(images(64)),
                                   atol=1e-4, rtol=1e-4)
    assert feature_dim(ours, (50, 41), name="lite") == 1280


def test_efficientnet_lite0_draws_nothing_at_random_while_training():
    ours = built("efficientnet_lite0")
    ours.train()
    for module in ours.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.eval()
    with torch.no_grad():
        assert torch.equal(ours(images(40)), ours(images(40)))


def test_a_grid_too_small_for_the_layers_is_an_error_that_says_so():
    with pytest.raises(InputError, match=r"\[study\] size: 20 x 30 does not suit alexnet .*choose a larger grid"):
        feature_dim(built("alexnet"), (20, 30), name="alexnet")


def test_an_unknown_backbone_is_an_error_that_lists_the_known():
    with pytest.raises(ConfigError, match=r"'vgg'; expected alexnet, efficientnet_lite0, .*did you mean .*'vgg1"):
        find_backbone("vgg")
    with pytest.raises(ConfigError, match=r"'zzz'; expected .*'timm:NAME' or 'module:factory'; see torchvision"):
        find_backbone("zzz")


def test_layers_that_give_no_features_are_an_error_that_says_what_they_give():
    with pytest.raises(InputError, match=r"'maps'.*of shape \(1, 5, 5, 4\).*features of shape \(1, f\)"):
        feature_dim(tiny_features()[:1], (12, 10), name="maps")
    with pytest.raises(InputError, match=r"'pairs': gives a tuple for one image"):
        feature_dim(Pair(), (12, 10), name="pairs")


class Pair(torch.nn.Module):
    def forward(self, x):
        return x.flatten(1), x


def test_a_backbone_of_ones_own_is_found_by_its_name():
    backbone = Backbone("own", PLAIN, tiny_features)
    register_backbone(backbone)
    assert find_backbone("own") is backbone
    assert feature_dim(backbone.features(), (8, 8), name="own") == 5
    assert np.isclose(sum(backbone.preprocessing.mean), 1.5)
