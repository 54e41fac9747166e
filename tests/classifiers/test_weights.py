"""Files of weights: found, matched by name and shape, written whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import urllib.error

import numpy as np
import pytest
import torch
import torchvision
from torch import nn

from salcompare.classifiers import Backbone, find_backbone
from salcompare.classifiers.training import State, kept_features, read_checkpoint, write_checkpoint
from salcompare.classifiers.weights import (
    downloaded,
    installed,
    load_weights,
    needed,
    read_matching,
    read_whole,
    weights_identity,
    write_torch,
)
from salcompare.errors import ConfigError, DamagedError, InputError, MissingDependencyError
from salcompare.findings.seeds.stage import how_far_trained
from salcompare.progress import Silent
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
    assert all(problem.remedy.startswith("give weights of tiny") for problem in error.value.problems)


def test_a_file_without_batch_normalisations_counters_is_loaded(tmp_path):
    source = tiny_features()
    state = source.state_dict()
    del state["1.num_batches_tracked"]
    torch.save(state, tmp_path / "w.pth")
    assert same(load(tmp_path / "w.pth"), source)


@pytest.mark.parametrize("ending", ["pth", "safetensors", "dat.bz2"])
@pytest.mark.parametrize("content", [b"", b"no weights", b"PK\x03\x04 cut off", b"<!DOCTYPE html>", b"BZh91AY&SY"])
def test_a_damaged_file_is_an_error_that_names_it(tmp_path, content, ending):
    (tmp_path / f"w.{ending}").write_bytes(content)
    with pytest.raises(InputError, match=rf"w\.{ending}: cannot be read .*expected a state_dict .*get the file again"):
        load(tmp_path / f"w.{ending}")


def test_a_cut_file_is_an_error_that_names_it(tmp_path):
    torch.save(tiny_features().state_dict(), tmp_path / "w.pth")
    os.truncate(tmp_path / "w.pth", (tmp_path / "w.pth").stat().st_size // 2)
    with pytest.raises(InputError, match=r"w\.pth: cannot be read"):
        load(tmp_path / "w.pth")


def test_weights_that_are_not_finite_are_counted_and_refused(tmp_path):
    state = tiny_features().state_dict()
    state["0.weight"][0, 0, 0, :2] = torch.tensor([torch.nan, torch.inf])
    torch.save(state, tmp_path / "w.pth")
    with pytest.raises(InputError, match=r"w\.pth: '0\.weight' has 2 of 135 weights that are not finite; exp"):
        load(tmp_path / "w.pth")


@pytest.mark.filterwarnings("ignore:Validating sparse tensor")
@pytest.mark.parametrize(("packed", "kind"), [
    (torch.Tensor.to_sparse, "sparse_coo float32"), (lambda weights: weights.int(), "dense int32"),
    (lambda weights: weights > 0, "dense bool"), (lambda weights: weights.to(torch.complex64), "dense complex64"),
    (lambda weights: weights.to("meta"), "dense float32 without values")])
def test_weights_that_are_packed_or_no_real_numbers_are_refused(tmp_path, packed, kind):
    state = tiny_features().state_dict()
    torch.save({**state, "0.weight": packed(state["0.weight"])}, tmp_path / "w.pth")
    with pytest.raises(InputError, match=rf"'0\.weight' is {kind}; expected dense float32, .*save the w") as error:
        load(tmp_path / "w.pth")
    assert len(error.value.problems) == 1


@pytest.mark.parametrize("dtype", [torch.float8_e5m2, torch.bfloat16, torch.float64])
def test_weights_of_more_or_fewer_bits_are_loaded(tmp_path, dtype):
    source = tiny_features()
    torch.save({key: value.to(dtype) for key, value in source.state_dict().items()}, tmp_path / "w.pth")
    torch.testing.assert_close(load(tmp_path / "w.pth").state_dict(), source.state_dict(), rtol=0.13, atol=1e-4)


def test_a_folder_and_a_path_without_a_file_are_errors_that_say_where_they_were_looked_for(tmp_path):
    (tmp_path / "folder").mkdir()
    for name in ("folder", "gone.dat"):
        with pytest.raises(ConfigError, match=rf"{name}' is no name of weights and no file {tmp_path / name}; expected "
                           r".*; mend the path"):
            load(tmp_path / name)


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


def state():
    return State(iteration=4, log=[{"iteration": 4, "loss": 0.5}], model={"w": torch.arange(3.0)},
                 optimizer={"state": {0: {"step": torch.tensor(4.0)}}, "param_groups": [{"lr": 0.1}]},
                 best={"w": torch.ones(3)}, best_iteration=2, best_accuracy=0.75, best_loss=0.25)


def test_what_is_written_is_read(tmp_path):
    write_checkpoint(tmp_path / "c.pt", state(), digest="d", iterations=9)
    found = read_checkpoint(tmp_path / "c.pt", digest="d")
    assert found.log == state().log
    assert found.optimizer == state().optimizer
    assert torch.equal(found.model["w"], state().model["w"])
    assert (found.iteration, found.best_iteration, found.best_accuracy, found.best_loss) == (4, 2, 0.75, 0.25)


def test_missing_foreign_and_damaged_checkpoints_are_not_used(tmp_path):
    path = tmp_path / "c.pt"
    assert read_checkpoint(path, digest="d") is None
    write_checkpoint(path, state(), digest="d", iterations=9)
    assert read_checkpoint(path, digest="e") is None
    path.write_bytes(path.read_bytes()[:200])
    assert read_checkpoint(path, digest="d") is None
    path.write_bytes(b"")
    assert read_checkpoint(path, digest="d") is None


def test_a_file_of_other_content_is_no_checkpoint(tmp_path):
    write_torch(tmp_path / "c.pt", {"digest": "d", "state": {}})
    assert read_checkpoint(tmp_path / "c.pt", digest="d") is None
    assert read_matching(tmp_path / "c.pt", digest="d") == {"digest": "d", "state": {}}


def test_equal_contents_give_equal_bytes(tmp_path):
    for name in ("a.pt", "longer-name.pt"):
        write_checkpoint(tmp_path / name, state(), digest="d", iterations=9)
    assert (tmp_path / "a.pt").read_bytes() == (tmp_path / "longer-name.pt").read_bytes()


def test_a_failed_write_leaves_the_earlier_file(tmp_path, monkeypatch):
    path = tmp_path / "c.pt"
    write_checkpoint(path, state(), digest="d", iterations=9)
    before = path.read_bytes()

    def full(content, stream):
        stream.write(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(torch, "save", full)
    with contextlib.suppress(OSError):
        write_checkpoint(path, State(), digest="d", iterations=9)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["c.pt"]


def test_no_flipped_byte_of_a_checkpoint_is_read_and_it_is_said(tmp_path):
    path, said = tmp_path / "c.pt", []
    write_checkpoint(path, state(), digest="d", iterations=9)
    whole = path.read_bytes()
    places = range(0, len(whole), 37)
    for at in places:
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1:])
        assert read_checkpoint(path, digest="d", say=said.append) is None or at >= len(whole) - SEAL
    assert len(said) > len(places) - 10
    assert said[0] == f"  {path} is damaged; what it held is made again"


SEAL = 150  # bytes of the checksum and the note; without them a file is read as salcompare 0.1.0 left it, by its CRCs


def test_a_cut_checkpoint_is_not_read_wherever_it_is_cut(tmp_path):
    path = tmp_path / "c.pt"
    write_checkpoint(path, state(), digest="d", iterations=9)
    whole = path.read_bytes()
    for end in range(0, len(whole) - SEAL, 53):
        path.write_bytes(whole[:end])
        assert read_checkpoint(path, digest="d") is None


def test_a_file_of_the_first_version_is_read_by_its_own_checksums(tmp_path):
    path = tmp_path / "frozen.pt"
    torch.save({"digest": "d", "state": {"w": torch.arange(300.0)}}, path)
    assert torch.equal(read_whole(path)["state"]["w"], torch.arange(300.0))
    whole = path.read_bytes()
    at = whole.index(torch.arange(300.0).numpy().tobytes()) + 600
    path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1:])
    with pytest.raises(DamagedError, match=r"frozen\.pt: is damaged"):
        read_whole(path)


def test_a_checkpoint_says_how_far_it_is_without_torch(tmp_path):
    write_checkpoint(tmp_path / "finetuned.checkpoint.pt", state(), digest="d", iterations=90)
    assert how_far_trained(None, folder=tmp_path) == "finetuned after iteration 4 of 90"


def test_a_full_disk_amid_a_checkpoint_is_named_with_it(tmp_path, monkeypatch):
    class Full(io.BytesIO):
        def write(self, content):
            if self.tell() > 500:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return super().write(content)

    monkeypatch.setattr("pathlib.Path.open", lambda *_, **__: Full())
    with pytest.raises(OSError, match="No space left") as raised:
        write_checkpoint(tmp_path / "c.pt", state(), digest="d", iterations=9)
    assert raised.value.filename == str(tmp_path / "c.pt")


def test_damaged_features_are_computed_again(tmp_path):
    pixels = np.arange(3 * 4 * 4 * 3, dtype=np.uint8).reshape(3, 4, 4, 3)
    network = torch.nn.Flatten()

    def features():
        return np.array(kept_features(network, pixels, lambda some: torch.from_numpy(some).float(), folder=tmp_path,
                                      form="plain", digest="d", what="features", progress=Silent()))

    first = features()
    path = tmp_path / "features-plain-d.npy"
    whole = path.read_bytes()
    np.testing.assert_array_equal(first, pixels.reshape(3, -1))
    for at in range(0, len(whole), 41):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1:])
        np.testing.assert_array_equal(features(), first)
        assert path.read_bytes() == whole
