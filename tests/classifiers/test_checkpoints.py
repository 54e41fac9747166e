import contextlib

import torch

from salcompare.classifiers.checkpoints import State, read_checkpoint, read_matching, write_checkpoint, write_torch


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
