"""Backbones: those with recipes, torchvision's, timm's and the user's own; found, checked, loaded."""

from __future__ import annotations

import re
import sys
from dataclasses import replace

import numpy as np
import pytest
import safetensors.torch
import timm
import torch
import torchvision
from efficientnet_lite_pytorch import EfficientNet
from torch import nn
from torchvision import models

from salcompare.classifiers import (
    Backbone,
    find_backbone,
    load_classifier,
    register_backbone,
    train_classifier,
    weights,
)
from salcompare.classifiers.backbones import IMAGENET, feature_dim, torchvision_names
from salcompare.classifiers.weights import load_weights, read_state
from salcompare.errors import ConfigError, InputError, MissingDependencyError
from tests.classifiers.tiny import PLAIN, TINY, tiny_features


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
    with pytest.raises(ConfigError, match=r"'vgg'; expected alexnet, dlib_resnet, .*did you mean .*'vgg1"):
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


NETS = '''
from torch import nn
from salcompare.classifiers import Backbone, Preprocessing
{imports}

def face():
    return nn.Sequential(nn.Conv2d(3, {units}, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())

grey = Backbone("any", Preprocessing((0.1, 0.2, 0.3), (1.0, 1.0, 1.0)), face)
width = 4

def broken():
    raise KeyError("no such layer")

def number():
    return 7
'''


@pytest.fixture
def study(tmp_path):
    write(tmp_path)
    (tmp_path / "study.toml").touch()
    return tmp_path


def write(folder, *, units=4, imports="", name="nets.py"):
    (folder / name).write_text(NETS.format(units=units, imports=imports))


def refusal(name, root=None):
    with pytest.raises(ConfigError) as caught:
        find_backbone(name, root=root).features()
    return str(caught.value)


def test_a_factory_beside_study_toml_makes_the_layers(study):
    backbone = find_backbone("nets:face", root=study)
    assert backbone.name == "nets:face"
    assert backbone.features()(torch.zeros(2, 3, 8, 8)).shape == (2, 4)
    assert "nets" not in sys.modules
    assert str(study) not in sys.path


def test_a_recipe_says_its_own_preprocessing(study):
    backbone = find_backbone("nets:grey", root=study)
    assert (backbone.name, backbone.preprocessing.mean) == ("nets:grey", (0.1, 0.2, 0.3))


def test_a_module_that_python_finds_will_do(tmp_path):
    backbone = find_backbone("tests.classifiers.tiny:tiny_features", root=tmp_path)
    assert backbone.features()(torch.zeros(1, 3, 9, 9)).shape == (1, 5)


def test_a_module_in_a_folder_of_the_study_is_found(study):
    (study / "mine").mkdir()
    write(study / "mine", units=6)
    assert find_backbone("mine.nets:face", root=study).features()(torch.zeros(1, 3, 8, 8)).shape == (1, 6)


def test_two_studies_modules_of_one_name_do_not_mix(study, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    write(other, units=9)
    widths = [find_backbone("nets:face", root=root).features()[0].out_channels for root in (study, other, study)]
    assert widths == [4, 9, 4]


def test_a_module_may_import_its_neighbours(study):
    (study / "a_neighbour_of_nets.py").write_text("depth = 3")
    write(study, imports="import a_neighbour_of_nets")
    assert find_backbone("nets:face", root=study).features()[0].out_channels == 4


@pytest.mark.parametrize(("name", "message"), [
    ("nots:face", r"there is no module 'nots'; expected a file .*nots\.py, or an importable module"),
    ("nets:fase", r"has no callable 'fase'; expected one of .*face"),
    ("nets:width", "has no callable 'width'"), ("nets:", "is no module:factory"), ("a b:c", "is no module:factory"),
    ("nets:broken", "fails with KeyError: 'no such layer'"), ("nets:number", "gives a int; expected an nn.Module"),
    ("faulty:face", "its module fails with ZeroDivisionError"),
    ("hungry:face", "imports 'no_such_library', which is not installed"),
])
def test_what_cannot_be_used_is_an_error_that_says_why(study, name, message):
    (study / "faulty.py").write_text("1 / 0")
    (study / "hungry.py").write_text("import no_such_library")
    with pytest.raises(ConfigError, match=message):
        find_backbone(name, root=study).features()
    assert not [module for module in sys.modules if module.startswith(("_salcompare_faulty", "_salcompare_hungry"))]


def test_without_a_study_the_error_asks_for_an_importable_module():
    assert "there is no module 'nots'; expected an importable module" in refusal("nots:face")


def test_it_is_trained_and_loaded_again_and_other_code_is_trained_anew(photographs, study):
    pixels, images = photographs
    config = replace(TINY, backbone="nets:face", weights="none", variants=("finetuned",))
    folder = study / "data" / "processed" / "own"

    def width():
        train_classifier(pixels, images, config, root=study, folder=folder, seed=0)
        return load_classifier(folder, "finetuned").model.features[0].out_channels  # the study is found from the folder

    assert width() == 4
    unchanged = (folder / "finetuned.pt").stat().st_mtime_ns
    assert width() == 4
    assert (folder / "finetuned.pt").stat().st_mtime_ns == unchanged
    write(study, units=5)
    assert width() == 5


def test_a_file_of_weights_is_loaded_into_it(photographs, study):
    pixels, images = photographs
    layers = find_backbone("nets:face", root=study).features()
    torch.save({"model": {f"module.{name}": value for name, value in layers.state_dict().items()}}, study / "w.pth")
    config = replace(TINY, backbone="nets:face", weights="w.pth", variants=("frozen",))
    train_classifier(pixels, images, config, root=study, folder=study / "out", seed=0)
    trained = load_classifier(study / "out", "frozen", root=study)
    assert torch.equal(trained.model.features[0].weight, layers[0].weight)


NAME = "timm:test_resnet.r160_in1k"


@pytest.fixture(scope="module")
def peer():
    with torch.random.fork_rng():
        torch.manual_seed(2)
        return timm.create_model("test_resnet", pretrained=False).eval()


def images_of_timm():
    return torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))


def loaded(path):
    backbone = find_backbone(NAME)
    layers = backbone.features().eval()
    load_weights(layers, backbone, path.name, root=path.parent, say=print)
    return layers


def agrees(layers, peer):
    with torch.no_grad():
        torch.testing.assert_close(peer.get_classifier()(layers(images_of_timm())), peer(images_of_timm()))
    return True


def test_a_checkpoint_as_timm_publishes_it_is_loaded(peer, tmp_path):
    safetensors.torch.save_file(peer.state_dict(), tmp_path / "model.safetensors")
    assert agrees(loaded(tmp_path / "model.safetensors"), peer)


def test_a_checkpoint_of_a_training_is_loaded(peer, tmp_path):
    state = {f"module.{name}": value for name, value in peer.state_dict().items()}
    torch.save({"epoch": 3, "arch": "test_resnet", "state_dict": state}, tmp_path / "last.pth")
    assert agrees(loaded(tmp_path / "last.pth"), peer)


def test_preprocessing_is_that_of_the_named_weights():
    assert find_backbone(NAME).preprocessing.mean == (0.5, 0.5, 0.5)
    assert find_backbone("timm:resnet18.a1_in1k").preprocessing.std == (0.229, 0.224, 0.225)


@pytest.mark.parametrize("name", ["timm:resnet1888", "timm:resnet18.nonsense"])
def test_a_model_or_tag_that_timm_has_not_is_an_error_with_those_near_it(name):
    with pytest.raises(ConfigError, match=rf"'{name}'; expected a model of timm.*did you mean 'resnet18"):
        find_backbone(name)


def test_named_weights_are_none_or_a_file(tmp_path):
    with pytest.raises(ConfigError, match=r"weights of timm:test_resnet.*'imagenet' is no name.*\.safetensors"):
        load_weights(find_backbone(NAME).features(), find_backbone(NAME), "imagenet", root=tmp_path, say=print)


def test_a_damaged_safetensors_file_is_an_error_that_names_it(tmp_path):
    (tmp_path / "w.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0{cut off")
    with pytest.raises(InputError, match=r"w\.safetensors: cannot be read"):
        read_state(tmp_path / "w.safetensors")


def test_without_timm_the_error_names_the_extra(monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(weights.importlib, "import_module", missing)
    with pytest.raises(MissingDependencyError, match=r"timm: is not installed; run: pip install 'salcompare\[timm\]'"):
        find_backbone(NAME)


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


def loaded_of_torchvision(name, state, folder):
    torch.save(state, folder / "w.pth")
    backbone = find_backbone(name)
    features = backbone.features().eval()
    load_weights(features, backbone, "w.pth", root=folder, say=silent)
    return features


@pytest.mark.parametrize("name", MODELS)
def test_features_are_what_torchvisions_last_classifier_is_given(name, tmp_path):
    peer, given = peer_of(name)
    ours = loaded_of_torchvision(name, peer.state_dict(), tmp_path)
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
    ours = loaded_of_torchvision("googlenet", peer.state_dict(), tmp_path)  # a file with auxiliary classifiers
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
        loaded_of_torchvision("resnet18", models.squeezenet1_1(weights=None).state_dict(), tmp_path)
    assert len(error.value.problems) > 50
