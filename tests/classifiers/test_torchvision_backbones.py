"""torchvision's models as backbones: the same layers, without the last classifier, from the same files."""

import re

import pytest
import torch
import torchvision
from torch import nn
from torchvision import models

from salcompare.classifiers import find_backbone
from salcompare.classifiers.backbones import feature_dim, torchvision_names
from salcompare.classifiers.backbones.recipe import IMAGENET
from salcompare.classifiers.weights import load_weights
from salcompare.errors import InputError, MissingDependencyError

MODELS = ("resnet18", "squeezenet1_1", "densenet121", "mobilenet_v3_small", "shufflenet_v2_x0_5", "mnasnet0_5",
          "regnet_x_400mf", "efficientnet_b0", "mobilenet_v2")
LARGE = ("vgg11", "vgg16_bn", "convnext_tiny", "swin_t", "vit_b_16", "wide_resnet50_2")


def silent(message):
    pass


def photographs(size=64, n=2):
    return torch.rand(n, 3, size, size, generator=torch.Generator().manual_seed(0))


def scaled(values, preprocessing):
    mean, std = (torch.tensor(part)[:, None, None] for part in (preprocessing.mean, preprocessing.std))
    return (values - mean) / std


def last_classifier(network):
    return [layer for layer in network.modules() if isinstance(layer, (nn.Linear, nn.Conv2d))][-1]


def peer_of(name):
    """torchvision's network with what its last classifier is given, for batch statistics that are not the initial."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        network = models.get_model(name, weights=None)
        for layer in network.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.running_mean.normal_(0, 0.1)
    given = []
    last_classifier(network).register_forward_pre_hook(lambda _, inputs: given.append(inputs[0]))
    return network.eval(), given


def loaded(name, state, folder):
    torch.save(state, folder / "w.pth")
    backbone = find_backbone(name)
    features = backbone.features().eval()
    load_weights(features, backbone, "w.pth", root=folder, say=silent)
    return features


@pytest.mark.parametrize("name", MODELS)
def test_features_are_what_torchvisions_last_classifier_is_given(name, tmp_path):
    peer, given = peer_of(name)
    ours = loaded(name, peer.state_dict(), tmp_path)
    x = scaled(photographs(), IMAGENET)
    with torch.no_grad():
        found = ours(x)
        peer(x)
    expected = given[0].mean((2, 3)) if given[0].ndim == 4 else given[0]
    assert expected.std() > 0
    torch.testing.assert_close(found, expected, atol=1e-5 * float(expected.abs().max()), rtol=1e-5)


def test_googlenet_takes_the_scaling_its_weights_were_trained_with(tmp_path):
    with torch.random.fork_rng():
        torch.manual_seed(1)
        peer = models.googlenet(weights=None, transform_input=True, aux_logits=True, init_weights=False).eval()
    given = []
    peer.fc.register_forward_pre_hook(lambda _, inputs: given.append(inputs[0]))
    ours = loaded("googlenet", peer.state_dict(), tmp_path)  # a file with auxiliary classifiers
    with torch.no_grad():
        peer(scaled(photographs(), IMAGENET))
        found = ours(scaled(photographs(), find_backbone("googlenet").preprocessing))
    torch.testing.assert_close(found, given[0], atol=1e-5 * float(given[0].abs().max()), rtol=1e-4)


@pytest.mark.parametrize("name", LARGE)
def test_large_models_lose_their_last_classifier_and_nothing_else(name):
    with torch.device("meta"):  # their weights are neither drawn nor kept
        peer, ours = models.get_model(name, weights=None), find_backbone(name).features().eval()
        size = 224 if name == "vit_b_16" else 128
        with torch.no_grad():
            found = ours(torch.zeros(2, 3, size, size))
    missing = {key: value.shape for key, value in peer.state_dict().items() if key not in ours.state_dict()}
    kept = {key: value.shape for key, value in ours.state_dict().items()}
    assert kept == {key: value.shape for key, value in peer.state_dict().items() if key in kept}
    assert found.ndim == 2
    assert all(key.startswith(("classifier.", "fc.", "head.", "heads.")) for key in missing)
    first = [shape for key, shape in missing.items() if key.endswith("weight")]
    assert first
    if not name.startswith("vgg"):
        assert first == [torch.Size([1000, found.shape[1]])]


def test_vgg_is_its_convolution_layers_as_alexnet_is():
    with torch.device("meta"):
        ours = find_backbone("vgg11").features()
        assert ours(torch.zeros(1, 3, 128, 96)).shape == (1, 512 * 4 * 3)
        assert not [key for key in ours.state_dict() if not key.startswith("features.")]


def test_every_classification_model_is_found_and_names_torchvisions_default_weights(monkeypatch, tmp_path):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    asked = []

    def offline(url, *args, **kwargs):
        asked.append(url)
        raise OSError("no network")

    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    names = [name for name in torchvision_names() if name != "alexnet"]
    for name in names:
        with pytest.raises(MissingDependencyError, match=r'could not be downloaded .*weights = "path/to/'):
            find_backbone(name).weights["imagenet"](silent)
    assert len(names) >= 79
    assert asked == [models.get_model_weights(name).DEFAULT.url for name in names]


def test_imagenet_weights_that_stand_where_torch_keeps_them_are_used(monkeypatch, tmp_path):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    peer, _ = peer_of("squeezenet1_1")
    (tmp_path / "checkpoints").mkdir()
    url = torchvision.models.SqueezeNet1_1_Weights.DEFAULT.url
    torch.save(peer.state_dict(), tmp_path / "checkpoints" / url.rsplit("/", 1)[-1])
    backbone = find_backbone("squeezenet1_1")
    features = backbone.features()
    load_weights(features, backbone, "imagenet", root=tmp_path, say=silent)
    assert torch.equal(features.features[0].weight, peer.features[0].weight)


def test_densenets_older_names_of_layers_are_understood():
    with torch.device("meta"):
        today = set(models.densenet121(weights=None).state_dict())
    older = {re.sub(r"(denselayer\d+\.(?:norm|conv))([12])\.", r"\1.\2.", key) for key in today}
    assert "features.denseblock1.denselayer1.norm.1.weight" in older - today
    assert {find_backbone("densenet121").renamed(key) for key in older} == today


def test_no_activation_overwrites_what_a_hook_on_it_saw():
    with torch.device("meta"):
        found = [layer.inplace for layer in find_backbone("resnet18").features().modules() if hasattr(layer, "inplace")]
    assert len(found) == 9
    assert not any(found)


def test_a_grid_that_a_transformer_is_not_made_for_is_an_error_that_says_which_it_is():
    with torch.device("meta"):
        layers = find_backbone("vit_b_32").features()
        with pytest.raises(InputError, match=r"64 x 64 does not suit vit_b_32 \(Wrong image height! Expected 224"):
            feature_dim(layers, (64, 64), name="vit_b_32")


def test_a_file_of_another_model_is_an_error_that_names_the_layers(tmp_path):
    with pytest.raises(InputError, match=r"no weights 'layer1.0.conv1.weight'; expected those of resnet18") as error:
        loaded("resnet18", models.squeezenet1_1(weights=None).state_dict(), tmp_path)
    assert len(error.value.problems) > 50
