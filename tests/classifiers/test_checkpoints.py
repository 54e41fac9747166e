import contextlib
import errno
import io
import os

import numpy as np
import pytest
import torch

from salcompare.classifiers.checkpoints import (
    State,
    read_checkpoint,
    read_matching,
    read_whole,
    write_checkpoint,
    write_torch,
)
from salcompare.classifiers.features import kept_features
from salcompare.errors import DamagedError
from salcompare.findings.seeds.stage import how_far_trained
from salcompare.progress import Silent


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
