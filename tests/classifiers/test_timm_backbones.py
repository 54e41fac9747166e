"""timm's models as backbones, with weights from a local file."""

import pytest
import safetensors.torch
import timm
import torch

from salcompare.classifiers import find_backbone, weights
from salcompare.classifiers.weights import load_weights, read_state
from salcompare.errors import ConfigError, InputError, MissingDependencyError

NAME = "timm:test_resnet.r160_in1k"


@pytest.fixture(scope="module")
def peer():
    with torch.random.fork_rng():
        torch.manual_seed(2)
        return timm.create_model("test_resnet", pretrained=False).eval()


def images():
    return torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))


def loaded(path):
    backbone = find_backbone(NAME)
    layers = backbone.features().eval()
    load_weights(layers, backbone, path.name, root=path.parent, say=print)
    return layers


def agrees(layers, peer):
    with torch.no_grad():
        torch.testing.assert_close(peer.get_classifier()(layers(images())), peer(images()))
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
