"""Guided Backpropagation of whole networks: exact where their activations are ReLUs, refused by name where not."""

import copy
import warnings

import pytest
import torch
from torch import nn

from salcompare.classifiers import (
    Backbone,
    find_backbone,
    guided_backprop,
    guided_backprop_several,
    register_backbone,
)
from salcompare.classifiers.network import build_network
from salcompare.classifiers.variants import check_guided
from salcompare.config import Classifier
from salcompare.errors import InputError
from tests.classifiers.guided_reference import by_replacement
from tests.classifiers.tiny import PLAIN

SIZE = (64, 64)
OF_RELUS = ("alexnet", "vgg11", "squeezenet1_1", "resnet18", "efficientnet_lite0", "timm:resnet18")
OTHERS = {"efficientnet_b0": "silu", "mobilenet_v3_small": "hardsigmoid.*hardswish", "convnext_tiny": "gelu",
          "regnet_y_400mf": "sigmoid"}
TOLERANCE = 1e-6  # of the map's largest value


@pytest.fixture(scope="module")
def networks():
    """Each network once: VGG's weights take seconds to draw."""
    built = {}

    def network(name):
        if name not in built:
            built[name] = build_network(find_backbone(name), size=SIZE, hidden=20, dropout=0.5, n_actors=5,
                                        learned_statistics=True, seed=0).eval()
        return built[name]

    return network


def images(n=2):
    return torch.randn(n, 3, *SIZE, generator=torch.Generator().manual_seed(0))


def captum_map(model, x, target):
    from captum.attr import GuidedBackprop

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the hooks that it sets
        return GuidedBackprop(model).attribute(x, target).clamp(min=0)


def zennit_map(model, x, target):
    from zennit.attribution import Gradient
    from zennit.composites import GuidedBackprop

    with Gradient(model, GuidedBackprop()) as attributor:
        return attributor(x, torch.eye(5)[target])[1].clamp(min=0)


def difference(found, expected):
    assert expected.amax((1, 2, 3)).min() > 0
    return float((found - expected).abs().max() / expected.max())


@pytest.mark.parametrize("name", OF_RELUS)
@pytest.mark.parametrize("oracle", [captum_map, zennit_map, by_replacement])
def test_maps_of_whole_networks_are_the_peers(networks, name, oracle):
    model, x, target = networks(name), images(), torch.tensor([3, 1])
    if oracle is not by_replacement:
        model = with_relus_that_peers_know(model)
    assert difference(guided_backprop(model, x, target), oracle(copy.deepcopy(model), x, target)) <= TOLERANCE


def with_relus_that_peers_know(model):
    """captum and zennit leave ReLU6 unguided: where a network has it, they are asked about ReLU in its place."""
    model = copy.deepcopy(model)
    for parent in list(model.modules()):
        for name, layer in list(parent.named_children()):
            if isinstance(layer, nn.ReLU6):
                setattr(parent, name, nn.ReLU())
    return model


@pytest.mark.parametrize("name", ["alexnet", "resnet18", "efficientnet_lite0"])
def test_all_classes_from_one_forward_pass_equal_one_after_the_other(networks, name):
    model, x = networks(name), images()
    several = guided_backprop_several(model, x, torch.arange(5)[:, None].expand(5, 2))
    alone = torch.stack([guided_backprop(model, x, target) for target in range(5)])
    assert torch.equal(several, alone)


@pytest.mark.parametrize("name", OTHERS)
def test_other_activations_are_refused_by_name_with_the_methods_that_do_without(name):
    config = Classifier(name="mine", backbone=name)
    with pytest.raises(InputError, match=rf"\[\[classifier\]\] 'mine' \({name}\): it holds .*{OTHERS[name]}") as error:
        check_guided(config, size=SIZE)
    for method in ("gradient", "input_x_gradient", "integrated_gradients", "grad_cam", "occlusion", "smoothgrad"):
        assert method in str(error.value)
    assert 'set methods = ["integrated_gradients"] of this [[classifier]] in study.toml' in str(error.value)


def test_a_network_of_relus_is_not_refused_and_nothing_is_left_on_it():
    register_backbone(Backbone("of_relus", PLAIN, lambda: nn.Sequential(nn.Conv2d(3, 2, 3), nn.ReLU6(), nn.Flatten())))
    assert check_guided(Classifier(backbone="of_relus"), size=(9, 8)) is None


def test_a_network_that_mixes_activations_says_how_often():
    register_backbone(Backbone("mixed", PLAIN, lambda: nn.Sequential(
        nn.Conv2d(3, 2, 3), nn.GELU(), nn.ReLU(), nn.GELU(), nn.Flatten())))
    with pytest.raises(InputError, match=r"gelu \(2 times\); expected ReLU and ReLU6"):
        check_guided(Classifier(backbone="mixed"), size=(9, 8))
