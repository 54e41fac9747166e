"""No byte that was lost or changed on the disk is taken for a result: flips, cuts, deletions and changes by hand."""

import dataclasses
import errno
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from salcompare import records, store
from salcompare.cli import main
from salcompare.config import Config
from salcompare.errors import DamagedError, InputError, StaleError
from salcompare.map_stream import MapStream
from salcompare.progress import Silent
from salcompare.schema import Table
from salcompare.stages import Stage, damages, require, run, standings
from salcompare.study import Study

OLD = 10**18  # a time long before any test, in nanoseconds
EVERY = 7  # bytes between two that are flipped; a prime, so that it keeps step with no structure


def maps(seed=0):
    values = np.random.default_rng(seed).random((20, 3, 4), dtype=np.float32)
    return xr.Dataset({"saliency": (("image", "y", "x"), values)}, coords={
        "image": [f"a/{i}" for i in range(20)], "actor": ("image", ["a"] * 20), "y": range(3), "x": range(4)})


def rot(path, at):
    """Flip a byte as a failing disk does: size and time stay."""
    content, times = bytearray(path.read_bytes()), path.stat()
    content[at] ^= 0xFF
    path.write_bytes(content)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


class Said(Silent):
    def __init__(self):
        self.lines = []

    def say(self, message):
        self.lines.append(message)


# Stores

@pytest.fixture(scope="module")
def whole_store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    store.write_dataset(maps(), folder, "maps", fingerprint="abc")
    return folder


def files_of(folder):
    return [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_file()]


def test_no_flipped_byte_of_a_store_is_given_out(whole_store, tmp_path):
    folder = shutil.copytree(whole_store, tmp_path / "store")
    tried = 0
    for name in files_of(folder):
        path = folder / name
        content = path.read_bytes()
        for at in range(tried % EVERY, len(content), max(EVERY, len(content) // 8)):
            rot(path, at)
            forget()
            assert store.store_faults(folder / "maps.json", since=0, whole=True), (name, at)
            if name not in UNREAD:
                with pytest.raises(DamagedError, match=r"damaged|cannot be read"):
                    store.open_dataset(folder, "maps").load()
            path.write_bytes(content)
            tried += 1
    assert tried > 100
    xr.testing.assert_identical(store.open_dataset(folder, "maps").load(), maps())


# Zarr reads what stands in the consolidated metadata from there alone.
UNREAD = {f"maps-abc.zarr/{name}" for name in (".zattrs", ".zgroup", *(
    f"{array}/{meta}" for array in ("saliency", "image", "actor", "y", "x") for meta in (".zarray", ".zattrs")))}


@pytest.mark.parametrize("name", ["saliency/1.0.0", ".zmetadata", "image/0"])
def test_a_file_of_a_store_that_is_gone_or_cut_is_named(whole_store, tmp_path, name):
    folder = shutil.copytree(whole_store, tmp_path / "store")
    path = folder / "maps-abc.zarr" / name
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DamagedError, match=rf"{name}: is damaged"):
        store.open_dataset(folder, "maps").load()
    path.unlink()
    with pytest.raises(DamagedError, match=rf"{name}: is gone"):
        store.open_dataset(folder, "maps", chunked=True).load()


def test_a_chunk_that_is_gone_while_a_store_is_open_is_an_error_not_zeros(whole_store, tmp_path):
    folder = shutil.copytree(whole_store, tmp_path / "store")
    opened = store.open_dataset(folder, "maps")
    (folder / "maps-abc.zarr/saliency/1.0.0").unlink()
    np.testing.assert_array_equal(opened.saliency[:16], maps().saliency[:16])
    with pytest.raises(DamagedError, match=r"1\.0\.0: is gone"):
        opened.saliency.load()


def test_a_chunk_that_was_never_written_is_no_damage_and_none_can_be_put_there(tmp_path):
    store.write_dataset(xr.zeros_like(maps()), tmp_path, "maps", fingerprint="abc")
    chunk = tmp_path / "maps-abc.zarr/saliency/0.0.0"
    manifest = store.read_sealed(tmp_path / "maps.json")
    del manifest["sha256"], manifest["files"]["saliency/0.0.0"]  # as Zarr does where it writes no empty chunks
    store.write_sealed(tmp_path / "maps.json", manifest)
    content = chunk.read_bytes()
    chunk.unlink()
    assert store.open_dataset(tmp_path, "maps").load().sizes["image"] == 20
    chunk.write_bytes(content)
    with pytest.raises(DamagedError, match="was not there when the store was made"):
        store.open_dataset(tmp_path, "maps").load()


@pytest.mark.parametrize("content", ["", "[]", "null", "{}", "3", '{"store": 1}', '{"store": "s", "fingerprint": "f"}'])
def test_a_manifest_that_is_none_is_no_store(tmp_path, content):
    (tmp_path / "maps.json").write_text(content)
    with pytest.raises(StaleError, match=r"maps\.json: (is damaged|cannot be read|was made by salcompare 0\.1\.0)"):
        store.open_dataset(tmp_path, "maps")
    assert store.current_fingerprint(tmp_path, "maps") is None
    store.write_dataset(maps(), tmp_path, "maps", fingerprint="abc")
    xr.testing.assert_identical(store.open_dataset(tmp_path, "maps").load(), maps())


def stream_of(folder):
    return MapStream(maps(), folder, "maps", fingerprint="abc")


def test_a_stream_writes_damaged_batches_again_and_no_others(tmp_path):
    stream = stream_of(tmp_path)
    for images in stream.missing():
        stream.write(images, saliency=maps().saliency.to_numpy()[images])
    rot(stream.path / "saliency" / "1.0.0", 20)
    assert stream_of(tmp_path).missing() == [slice(16, 20)]
    stream = stream_of(tmp_path)
    stream.write(slice(16, 20), saliency=maps().saliency.to_numpy()[16:20])
    stream.finish()
    rot(stream.path / "saliency" / "0.0.0", 20)  # of the current store
    again = stream_of(tmp_path)
    assert again.missing() == [slice(0, 16)]
    again.write(slice(0, 16), saliency=maps().saliency.to_numpy()[:16])
    again.finish()
    xr.testing.assert_identical(store.open_dataset(tmp_path, "maps").load(), maps())


@pytest.mark.parametrize("name", [".zmetadata", "saliency/.zarray", "image/0", "saliency/done/layout"])
def test_a_stream_whose_metadata_are_damaged_begins_anew(tmp_path, name):
    stream = stream_of(tmp_path)
    stream.write(slice(0, 16), saliency=maps().saliency.to_numpy()[:16])
    rot(stream.path / name, 9)
    assert stream_of(tmp_path).missing() == [slice(0, 16), slice(16, 20)]


def test_everything_is_on_the_disk_before_a_name_points_at_it(tmp_path, monkeypatch):
    flushed = []
    monkeypatch.setattr(store, "flush", flushed.append)
    renamed = pathlib.Path.replace

    def replace(path, target):
        flushed.append(f"{target.name} named")
        return renamed(path, target)

    monkeypatch.setattr("pathlib.Path.replace", replace)
    store.write_dataset(maps(), tmp_path, "maps", fingerprint="abc")
    named = flushed.index("maps.json named")
    before = set(flushed[:named])
    assert set((tmp_path / "maps-abc.zarr").rglob("*")) <= before
    assert flushed[named - 1].name.startswith(".maps.json")
    assert flushed[named + 1:] == [tmp_path]


# Leftovers of kills, and full disks

def killed(script, folder):
    process = subprocess.run([sys.executable, "-c", textwrap.dedent(script), str(folder)], check=False,
                             capture_output=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    assert process.returncode == -signal.SIGKILL, process.stderr.decode()


def test_what_a_kill_left_half_written_goes_and_what_is_being_written_stays(tmp_path):
    killed("""
        import os, pathlib, signal, sys
        from salcompare.store import replacing
        with replacing(pathlib.Path(sys.argv[1]) / "a.csv"):
            os.kill(os.getpid(), signal.SIGKILL)
    """, tmp_path)
    assert len(list(tmp_path.glob(".a.csv.*.part"))) == 1
    with store.replacing(tmp_path / "b.csv") as beside:
        store.delete_leftovers(tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == [beside.name]
        beside.write_text("b")
    assert [path.name for path in tmp_path.iterdir()] == ["b.csv"]


def test_the_next_write_of_a_file_deletes_what_a_kill_left_of_it(tmp_path):
    for name in (".a.csv.x1.part", ".a.b.csv.x2.part"):
        (tmp_path / name).write_text("half")
    store.write_text(tmp_path / "a.csv", "whole")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".a.b.csv.x2.part", "a.csv"]


@pytest.mark.parametrize("write", [
    lambda path: store.write_text(path, "text"), lambda path: store.write_bytes(path, b"bytes"),
    lambda path: store.write_json(path, {"a": 1}), lambda path: store.write_sealed(path, {"a": 1}),
    lambda path: store.write_table(path, pd.DataFrame({"a": [1]})),
])
def test_a_full_disk_is_named_with_the_file_that_does_not_fit(tmp_path, monkeypatch, write):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    monkeypatch.setattr(store, "flush", full)
    with pytest.raises(OSError, match="No space left") as raised:
        write(tmp_path / "a.csv")
    assert raised.value.filename == str(tmp_path / "a.csv")
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_full_amid_a_store_is_named_with_the_store(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    monkeypatch.setattr("zarr.storage._local._put", full)
    with pytest.raises(OSError, match="No space left") as raised:
        store.write_dataset(maps(), tmp_path, "maps", fingerprint="abc")
    assert raised.value.filename == str(tmp_path / "maps-abc.zarr")


def test_the_command_line_says_what_did_not_fit_and_what_to_do(tmp_path, monkeypatch, capsys):
    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    monkeypatch.setattr(store, "flush", full)
    assert main(["init", str(tmp_path / "study")]) == 2
    said = capsys.readouterr().err
    assert str(tmp_path / "study" / "study.toml") in said
    assert "No space left on device; free some space there, then run the same command again" in said


# Stages

TABLE = Table("table", ())


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A study of two stages: the first leaves a store, a table and a JSON, the second a table made from them."""
    (tmp_path / "study.toml").touch()
    ran = []

    def first(found, own, _progress):
        ran.append("first")
        store.write_dataset(maps(), found.processed, "maps", fingerprint=own)
        store.write_table(found.processed / "first.csv", pd.DataFrame({"value": [1.5, 2.5]}))
        store.write_json(found.processed / "first-meta.json", {"level": "image"})

    def second(found, _own, _progress):
        ran.append("second")
        table = pd.read_csv(found.processed / "first.csv")
        total = float(store.open_dataset(found.processed, "maps").saliency.sum()) + table["value"].sum()
        store.write_table(found.processed / "second.csv", pd.DataFrame({"total": [total]}))

    def stages(found):
        data = found.processed
        return [Stage("first", (), {"maps": found.config.maps}, first, {"raw.csv": "hash"},
                      (data / "maps.json", data / "first.csv", data / "first-meta.json"), extras=(data / "more.csv",)),
                Stage("second", ("first",), {}, second, outputs=(data / "second.csv",))]

    found = Study(tmp_path, Config(), stages)
    run(found, progress=Silent())
    ran.clear()
    for path in found.processed.rglob("*"):
        os.utime(path, ns=(OLD, OLD))
    for path in (found.processed / "stages").iterdir():
        os.utime(path, ns=(OLD + 1, OLD + 1))
    object.__setattr__(found, "ran", ran)
    return found


def with_stages(study, stages):
    return dataclasses.replace(study, list_stages=stages)


def forget():
    """Act as a new process."""
    from salcompare.provenance import _known_sha256

    _known_sha256.cache_clear()


def made_by_first(study):
    return [path for path in sorted(study.processed.rglob("*"))
            if path.is_file() and "stages" not in path.parts and path.name not in (".lock", "second.csv")]


def contents(study):
    """What is in a stage's files; a store that is made again has another name than the one it replaces."""
    return [path.read_bytes() if path.name != "maps.json"
            else json.dumps(store.read_json(path)["files"]).encode() for path in made_by_first(study)]


def test_every_flipped_byte_of_what_a_stage_left_is_found_and_made_again(study):
    before = contents(study)
    for number, content in enumerate(before):
        path = made_by_first(study)[number]
        rot(path, number * EVERY % len(content))
        forget()
        if path.suffix != ".json":
            assert standings(study)["first"].state == "current"  # the quick look: neither size nor time changed
        found = standings(study, depth="whole")
        assert (found["first"].state, found["second"].state) == ("damaged", "stale"), path
        problem, = damages(study, found["first"])
        assert problem.where == str(path)
        assert problem.remedy == f"run: salcompare run --until first --study {study.root}"
        assert run(study, progress=Silent()) == ["first"], path
        assert contents(study) == before
        for made in made_by_first(study):
            os.utime(made, ns=(OLD, OLD))
    assert run(study, progress=Silent()) == []


@pytest.mark.parametrize("name", ["first.csv", "first-meta.json", "maps.json"])
def test_what_is_cut_or_gone_is_made_again(study, name):
    path = study.processed / name
    whole = path.read_bytes()
    path.write_bytes(whole[:-3])
    assert standings(study)["first"].state == "damaged"
    assert run(study, progress=Silent()) == ["first"]
    assert path.read_bytes() == whole
    path.unlink()
    assert standings(study)["first"].reason == f"data/processed/{name} is gone"
    assert run(study, progress=Silent()) == ["first"]
    assert path.read_bytes() == whole


def test_a_chunk_that_is_gone_is_seen_by_the_quick_look(study):
    chunk, = study.processed.glob("maps-*.zarr/saliency/1.0.0")
    chunk.unlink()
    assert standings(study)["first"].reason.endswith("saliency/1.0.0 is gone")
    assert run(study, progress=Silent()) == ["first"]


def test_a_table_changed_by_hand_goes_into_nothing_and_is_kept_aside(study):
    table, whole = study.processed / "first.csv", (study.processed / "first.csv").read_bytes()
    table.write_text("value\n9.5\n2.5\n")  # of the same size
    assert standings(study)["first"].reason == "data/processed/first.csv was changed by hand after it was made"
    with pytest.raises(DamagedError, match=r"first\.csv was changed by hand .*; run: salcompare run --until first"):
        require(study, "first")
    said = Said()
    assert run(study, progress=said) == ["first"]
    assert said.lines[0] == "[1/2] first: data/processed/first.csv was changed by hand after it was made"
    assert table.read_bytes() == whole
    assert (study.processed / "first.csv.by-hand").read_text() == "value\n9.5\n2.5\n"


def test_a_table_that_was_touched_but_not_changed_is_current(study):
    os.utime(study.processed / "first.csv")
    assert standings(study)["first"].state == "current"


def test_a_table_that_no_stage_made_is_not_taken_for_one(study):
    (study.processed / "more.csv").write_text("put there\n")
    assert standings(study)["first"].reason == (
        "data/processed/more.csv was not made by salcompare, but put there by hand")
    assert run(study, progress=Silent()) == ["first"]
    assert not (study.processed / "more.csv").exists()


def test_a_rotten_table_is_refused_when_it_is_read_though_the_quick_look_passes(study):
    rot(study.processed / "first.csv", 8)
    forget()
    require(study, "second")
    with pytest.raises(DamagedError, match=r"first\.csv is damaged"):
        require(study, "first")


def test_what_follows_is_made_again_where_a_damaged_stage_comes_out_otherwise(study):
    ours = study.stages()

    def other(found, own, progress):
        ours[0].make(found, own, progress)
        store.write_table(found.processed / "first.csv", pd.DataFrame({"value": [3.5, 2.5]}))

    (study.processed / "first.csv").write_text("")
    study = with_stages(study, lambda _: [dataclasses.replace(ours[0], make=other), ours[1]])
    said = Said()
    assert run(study, progress=said) == ["first", "second"]
    assert said.lines[-1] == "[2/2] second: first was made again, with other values"


@pytest.mark.parametrize("content", ["", "[]", "null", "{}", "3", '"text"', '{"fingerprint": "a"}', "{", "\x00",
                                     '{"version": "0.1.0", "fingerprint": 3, "settings": [], "inputs": null}'])
def test_a_record_that_is_none_is_damaged_and_its_stage_made_again(study, content):
    path = study.processed / "stages" / "first.json"
    path.write_text(content)
    found = standings(study)["first"]
    assert (found.state, found.reason) == (
        "damaged", "data/processed/stages/first.json is damaged or was changed by hand")
    assert damages(study, found)[0].remedy.startswith("run: salcompare run --until first")
    assert run(study, progress=Silent()) == ["first"]
    assert run(study, progress=Silent()) == []


def test_every_flipped_byte_of_a_record_is_noticed(study):
    path = study.processed / "stages" / "first.json"
    whole = path.read_bytes()
    for at in range(0, len(whole), EVERY):
        rot(path, at)
        assert standings(study)["first"].state == "damaged", at
        path.write_bytes(whole)
        os.utime(path, ns=(OLD + 1, OLD + 1))
    assert standings(study)["first"].state == "current"


def test_a_record_of_the_first_version_is_said_to_be_and_its_stage_made_again(study):
    record = json.loads((study.processed / "stages" / "first.json").read_text())
    old = {key: record[key] for key in ("fingerprint", "settings", "inputs")} | {"version": "0.1.0"}
    (study.processed / "stages" / "first.json").write_text(json.dumps(old))
    (study.processed / "maps.json").write_text('{"store": "maps-0.zarr", "fingerprint": "0", "provenance": {}}')
    found = standings(study)["first"]
    assert (found.state, found.reason) == ("stale", "made by salcompare 0.1.0, whose results carry no checksums")
    with pytest.raises(StaleError, match=r"made by salcompare 0\.1\.0, whose .* no checksums.*; run: salcompare"):
        require(study, "first")
    assert run(study, progress=Silent()) == ["first"]


def test_a_stage_of_a_higher_version_is_made_again_and_says_so(study):
    ours = study.stages()
    study = with_stages(study, lambda _: [dataclasses.replace(ours[0], version=2), ours[1]])
    assert standings(study)["first"].reason == f"made by salcompare {_version()}, which made it otherwise"
    assert standings(study)["second"].reason == "first changed"
    assert run(study, progress=Silent()) == ["first", "second"]


def _version():
    import salcompare

    return salcompare.__version__


def test_raw_files_are_said_to_be_changed_gone_or_new(study):
    ours = study.stages()

    def with_inputs(**inputs):
        found = with_stages(study, lambda _: [
            dataclasses.replace(ours[0], inputs={name.replace("_", "."): value for name, value in inputs.items()}),
            ours[1]])
        return standings(found)["first"].reason

    assert with_inputs() == "raw.csv is gone"
    assert with_inputs(raw_csv="hash", b_csv="x", a_csv="y") == "a.csv is new, and 1 more"
    assert with_inputs(raw_csv="other", b_csv="x") == "raw.csv changed; b.csv is new"


def test_a_stage_that_was_begun_is_said_to_be(study):
    ours = study.stages()

    def dying(found, own, progress):
        raise KeyboardInterrupt

    def how_far(_):
        return "iteration 30 of 90"

    for begun, told in ((None, ""), (how_far, ": iteration 30 of 90")):
        (study.processed / "stages" / "first.json").unlink()
        stopped = with_stages(study, lambda _, b=begun: [dataclasses.replace(ours[0], make=dying, begun=b), ours[1]])
        with pytest.raises(KeyboardInterrupt):
            run(stopped, progress=Silent())
        assert standings(stopped)["first"].reason == f"begun, not finished{told}"
        changed = with_stages(study, lambda _: [dataclasses.replace(ours[0], settings={"maps": 1}), ours[1]])
        assert standings(changed)["first"].reason == "begun from other inputs or settings, not finished"
        assert run(study, progress=Silent()) == ["first"]
        assert standings(study)["first"].reason == "up to date"


def test_a_run_deletes_what_killed_runs_left_in_the_study(study):
    other = study.processed / "maps-00ff.zarr"
    shutil.copytree(next(study.processed.glob("maps-*.zarr")), other)
    left = [study.processed / ".first.csv.x.part", study.reports / "figures" / ".figure_1.png.y.part"]
    for path in left:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("half")
    assert run(study, progress=Silent()) == []
    assert not any(path.exists() for path in [*left, other])


def test_verify_lists_every_damaged_file_with_its_command_and_fails(study, monkeypatch, capsys):
    monkeypatch.setattr("salcompare.opening.stages", study.list_stages)
    assert main(["status", "--verify", "--study", str(study.root)]) == 0
    chunk, = study.processed.glob("maps-*.zarr/saliency/1.0.0")
    rot(chunk, 30)
    rot(study.processed / "second.csv", 8)
    forget()
    assert main(["status", "--study", str(study.root)]) == 0
    assert main(["status", "--verify", "--study", str(study.root)]) == 2
    printed = capsys.readouterr()
    assert f"{chunk}: is damaged (its bytes are not those written); run: salcompare run --until first " \
        f"--study {study.root}" in printed.err
    assert "second.csv: is damaged" in printed.err


def test_a_missing_file_among_the_records_helps_no_stage(study):
    assert records.read_record(study.processed / "stages" / "third.json") is None
    with pytest.raises(InputError, match="first, second"):
        run(study, until="third", progress=Silent())
