import urllib.error

import pytest
import torch
import torchvision
from torch import nn

from salcompare.classifiers import Backbone, find_backbone
from salcompare.classifiers.weights import downloaded, installed, load_weights, needed, weights_identity
from salcompare.errors import ConfigError, InputError, MissingDependencyError
from tests.classifiers.tiny import PLAIN, tiny_features

TINY = Backbone("tiny", PLAIN, tiny_features, ignored=("classifier.",), prefixes=("features.", ""))


def silent(message):
    pass


def load(path, features=None):
    features = features or tiny_features()
    load_weights(features, TINY, path.name, root=path.parent, say=silent)
    return features


def same(one, other):
    return all(torch.equal(value, other.state_dict()[key]) for key, value in one.state_dict().items())


def test_none_leaves_the_layers_as_they_are(tmp_path):
    features = tiny_features()
    before = {key: value.clone() for key, value in features.state_dict().items()}
    load_weights(features, TINY, "none", root=tmp_path, say=silent)
    assert all(torch.equal(value, before[key]) for key, value in features.state_dict().items())


def test_a_file_of_the_features_alone_is_loaded(tmp_path):
    source = tiny_features()
    torch.save(source.state_dict(), tmp_path / "w.pth")
    assert same(load(tmp_path / "w.pth"), source)


def test_a_file_of_the_whole_network_is_loaded_without_its_classifier(tmp_path):
    source = nn.Module()
    source.features, source.classifier = tiny_features(), nn.Linear(5, 9)
    torch.save(source.state_dict(), tmp_path / "w.pth")
    assert same(load(tmp_path / "w.pth"), source.features)


def test_torchvisions_alexnet_is_loaded_by_its_own_names(tmp_path):
    source = torchvision.models.AlexNet()
    torch.save({key: value for key, value in source.state_dict().items() if "classifier.1" not in key},
               tmp_path / "w.pth")
    features = find_backbone("alexnet").features()
    load_weights(features, find_backbone("alexnet"), "w.pth", root=tmp_path, say=silent)
    assert torch.equal(features[10].weight, source.features[10].weight)


def test_everything_that_differs_is_named_at_once(tmp_path):
    state = tiny_features().state_dict()
    del state["1.weight"]
    state["0.weight"] = torch.zeros(4, 3, 3, 3)
    state["7.weight"] = torch.zeros(2)
    torch.save(state, tmp_path / "w.pth")
    with pytest.raises(InputError) as error:
        load(tmp_path / "w.pth")
    message = str(error.value)
    assert "no weights '1.weight'; expected those of tiny, of shape (5,)" in message
    assert "'0.weight' has shape (4, 3, 3, 3); expected (5, 3, 3, 3)" in message
    assert "unknown weights '7.weight'" in message
    assert len(error.value.problems) == 3


def test_a_file_without_batch_normalisations_counters_is_loaded(tmp_path):
    source = tiny_features()
    state = source.state_dict()
    del state["1.num_batches_tracked"]
    torch.save(state, tmp_path / "w.pth")
    assert same(load(tmp_path / "w.pth"), source)


@pytest.mark.parametrize("content", [b"", b"no weights", b"PK\x03\x04 cut off"])
def test_a_damaged_file_is_an_error_that_names_it(tmp_path, content):
    (tmp_path / "w.pth").write_bytes(content)
    with pytest.raises(InputError, match=r"w\.pth: cannot be read"):
        load(tmp_path / "w.pth")


def test_code_in_a_file_is_refused_and_not_run(tmp_path):
    torch.save(tiny_features(), tmp_path / "w.pth")
    with pytest.raises(InputError, match=r"w\.pth: cannot be read"):
        load(tmp_path / "w.pth")


def test_a_file_that_holds_no_mapping_is_an_error(tmp_path):
    torch.save([torch.zeros(1)], tmp_path / "w.pth")
    with pytest.raises(InputError, match="holds a list; expected a state_dict"):
        load(tmp_path / "w.pth")


def test_a_name_that_is_no_weights_and_no_file_is_an_error_that_lists_the_names(tmp_path):
    with pytest.raises(ConfigError, match=r"'imagnet' is no name of weights and no file .*'imagenet', 'none' or"):
        load_weights(tiny_features(), find_backbone("alexnet"), "imagnet", root=tmp_path, say=silent)


def test_without_a_network_the_error_names_the_file_the_place_and_the_other_ways(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))

    def offline(*args, **kwargs):
        raise urllib.error.URLError("no network")

    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    said = []
    with pytest.raises(MissingDependencyError) as error:
        find_backbone("alexnet").weights["imagenet"](said.append)
    message = str(error.value)
    assert message.startswith("alexnet-owt-7be5be79.pth: could not be downloaded")
    assert str(tmp_path / "checkpoints" / "alexnet-owt-7be5be79.pth") in message
    assert 'weights = "path/to/alexnet-owt-7be5be79.pth"' in message
    assert 'weights = "none"' in message
    assert "downloading" in said[0]


def test_a_file_downloaded_before_is_used(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    kept = tmp_path / "checkpoints" / "net-0123abcd.pth"
    kept.parent.mkdir()
    kept.touch()
    assert downloaded("https://example.org/net-0123abcd.pth", say=silent) == kept


def test_a_download_is_held_to_the_hash_in_its_name(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    (tmp_path / "net-00000000.pth").write_bytes(b"something else")
    with pytest.raises(MissingDependencyError, match="invalid hash value"):
        downloaded((tmp_path / "net-00000000.pth").as_uri(), say=silent)
    assert not list((tmp_path / "hub" / "checkpoints").iterdir())


def test_what_is_not_installed_is_named_with_the_command():
    with pytest.raises(MissingDependencyError, match=r"no_such_module.*pip install 'salcompare\[demo\]'"):
        needed("no_such_module", extra="demo")
    with pytest.raises(MissingDependencyError, match=r"no_such_module.*pip install 'salcompare\[demo\]'"):
        installed("no_such_module", "*.pth", extra="demo")


def test_the_identity_of_a_file_is_its_content(tmp_path):
    (tmp_path / "a").write_bytes(b"1")
    (tmp_path / "b").write_bytes(b"1")
    (tmp_path / "c").write_bytes(b"2")
    one, two, three = (weights_identity(TINY, name, root=tmp_path) for name in "abc")
    assert one == two != three
    assert weights_identity(TINY, "none", root=tmp_path) == "none"
