"""Stores come back as they were written, and a kill at any moment leaves the old one whole."""

import os
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import dask.array as da
import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings

from salcompare import map_stream, store
from salcompare.errors import InputError, StaleError
from salcompare.map_stream import MapStream
from salcompare.store import current_fingerprint, open_dataset, write_dataset
from tests.test_progress import Recording

N = 2 * store.IMAGES_PER_CHUNK + 5


def maps(n=N, *, seed=0, lazy=False):
    """Maps whose ids and actors are of varied lengths and beyond ASCII."""
    values = np.random.default_rng(seed).random((n, 4, 6), dtype=np.float32)
    saliency = da.from_array(values, chunks=(7, 3, 5)) if lazy else values
    return xr.Dataset(
        {"saliency": (("image", "y", "x"), saliency), "n_responses": ("image", np.arange(n))},
        coords={"image": [f"s{i % 5:02d}/{i * 10 ** (i % 4)}" for i in range(n)],
                "actor": ("image", [("Zoë", "s01", "李小龍", "O'Brien, Ann-Marie", "s1")[i % 5] for i in range(n)]),
                "y": np.arange(4), "x": np.arange(6)},
        attrs={"method": "guided_backprop", "versions": {"numpy": "2"}, "sizes": [4, 6]})


def template(dataset):
    return dataset[["saliency"]].assign(saliency=xr.zeros_like(dataset.saliency))


def written(folder, dataset, *, name="maps", fingerprint="abc1", stop=None):
    """Write through a stream; `stop` batches only, if given."""
    stream = MapStream(template(dataset), folder, name, fingerprint=fingerprint)
    batches = stream.missing()
    for images in batches[:stop]:
        stream.write(images, saliency=dataset.saliency.to_numpy()[images])
    return stream, batches


# Whole datasets

@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_dataset_comes_back_as_it_was(tmp_path, lazy, chunked):
    write_dataset(maps(lazy=lazy), tmp_path, "maps", fingerprint="abc")
    back = open_dataset(tmp_path, "maps", chunked=chunked)
    assert (back.saliency.chunks is not None) == chunked
    assert all(coord.chunks is None for coord in back.coords.values())
    xr.testing.assert_identical(back.load(), maps())


def test_selects_by_image_actor_and_pixel(tmp_path):
    write_dataset(maps(), tmp_path, "maps", fingerprint="abc")
    back, kept = open_dataset(tmp_path, "maps"), maps()
    assert set(back.indexes) == {"image", "y", "x"}
    np.testing.assert_array_equal(back.sel(image="s03/3000").saliency, kept.saliency[3])
    np.testing.assert_array_equal(back.sel(actor="李小龍").saliency, kept.saliency[2::5])
    np.testing.assert_array_equal(back.sel(image=back.actor == "s1").saliency, kept.saliency[4::5])
    np.testing.assert_array_equal(back.sel(y=2, x=slice(1, 3)).saliency, kept.saliency[:, 2, 1:4])


def test_text_of_any_dtype_comes_back_as_text(tmp_path):
    words = ["a", "bbbb", "ç"]
    frame = pd.DataFrame({"image": words, "group": pd.Series(["x", None, "yy"], dtype="str")}).set_index("image")
    dataset = frame.to_xarray().assign_coords(
        fixed=("image", np.array(words)), thing=("image", np.array(words, dtype=object)),
        variable=("image", np.array(words, dtype=np.dtypes.StringDType())), scalar="é")
    write_dataset(dataset, tmp_path, "words", fingerprint="1")
    back = open_dataset(tmp_path, "words")
    for name in ("image", "fixed", "thing", "variable"):
        assert back[name].to_numpy().tolist() == words
    assert back.group.to_numpy().tolist() == ["x", "", "yy"]
    assert back.scalar.item() == "é"


def test_masks_counts_and_nothing_at_all_come_back(tmp_path):
    dataset = maps().assign(mask=maps().saliency > 0.5, seed=3, none=("empty", np.zeros(0)))
    write_dataset(dataset, tmp_path, "maps", fingerprint="abc")
    xr.testing.assert_identical(open_dataset(tmp_path, "maps").load(), dataset)
    write_dataset(maps(0), tmp_path, "maps", fingerprint="abd")
    assert open_dataset(tmp_path, "maps").sizes["image"] == 0


def test_what_was_read_from_a_store_can_be_written_again(tmp_path):
    write_dataset(maps(), tmp_path, "maps", fingerprint="abc")
    part = open_dataset(tmp_path, "maps", chunked=True).isel(image=slice(3, 30))
    write_dataset(part, tmp_path, "part", fingerprint="abc")
    xr.testing.assert_identical(open_dataset(tmp_path, "part").load(), maps().isel(image=slice(3, 30)))


def test_writing_leaves_the_dataset_as_it_was(tmp_path):
    dataset = maps()
    dataset.saliency.encoding["chunks"] = (1, 2, 3)
    write_dataset(dataset, tmp_path, "maps", fingerprint="abc")
    assert dataset.saliency.encoding == {"chunks": (1, 2, 3)}
    xr.testing.assert_identical(dataset, maps())


def test_a_map_is_read_in_chunks_of_images(tmp_path):
    write_dataset(maps(), tmp_path, "maps", fingerprint="abc")
    assert open_dataset(tmp_path, "maps", chunked=True).saliency.chunks == ((16, 16, 5), (4,), (6,))


@settings(max_examples=20, deadline=None)
@given(words=st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1),
                      min_size=1, max_size=5, unique=True))
def test_any_text_comes_back(tmp_path_factory, words):
    folder = tmp_path_factory.mktemp("any")
    dataset = xr.Dataset({"value": ("image", np.arange(len(words)))},
                         coords={"image": words, "actor": ("image", words[::-1])})
    write_dataset(dataset, folder, "any", fingerprint="1")
    back = open_dataset(folder, "any")
    assert back.image.to_numpy().tolist() == words
    assert [back.sel(image=word).value.item() for word in words] == list(range(len(words)))
    assert back.actor.to_numpy().tolist() == words[::-1]


# The manifest

def test_a_new_store_takes_the_old_ones_place_and_the_old_one_goes(tmp_path):
    write_dataset(maps(seed=0), tmp_path, "maps", fingerprint="abc", provenance={"seed": 0})
    write_dataset(maps(seed=1), tmp_path, "maps", fingerprint="abd", provenance={"seed": 1})
    xr.testing.assert_identical(open_dataset(tmp_path, "maps").load(), maps(seed=1))
    assert current_fingerprint(tmp_path, "maps") == "abd"
    assert store.read_json(tmp_path / "maps.json")["provenance"] == {"seed": 1}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["maps-abd.zarr", "maps.json"]


def test_stores_of_other_names_stay(tmp_path):
    for name in ("maps", "maps-raw", "map", "[a-z]aps"):
        write_dataset(maps(), tmp_path, name, fingerprint="abc")
    write_dataset(maps(), tmp_path, "[a-z]aps", fingerprint="abd")
    write_dataset(maps(), tmp_path, "maps", fingerprint="abd")
    assert sorted(path.name for path in tmp_path.glob("*.zarr")) == [
        "[a-z]aps-abd.zarr", "map-abc.zarr", "maps-abd.zarr", "maps-raw-abc.zarr"]
    assert open_dataset(tmp_path, "maps-raw").sizes["image"] == N


def test_the_same_fingerprint_again_never_touches_the_current_store(tmp_path, monkeypatch):
    for i in range(3):
        write_dataset(maps(seed=i), tmp_path, "maps", fingerprint="abc")
        xr.testing.assert_identical(open_dataset(tmp_path, "maps").load(), maps(seed=i))
        assert len(list(tmp_path.glob("*.zarr"))) == 1
    monkeypatch.setattr(store, "make_current", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_dataset(maps(seed=9), tmp_path, "maps", fingerprint="abc")
    xr.testing.assert_identical(open_dataset(tmp_path, "maps").load(), maps(seed=2))


def interrupted(*_, **__):
    raise KeyboardInterrupt


def test_no_store_is_stale(tmp_path):
    with pytest.raises(StaleError, match=r"maps\.json: does not exist; run: salcompare run"):
        open_dataset(tmp_path, "maps")
    assert current_fingerprint(tmp_path, "maps") is None


def test_a_store_that_is_gone_is_stale(tmp_path):
    write_dataset(maps(), tmp_path, "maps", fingerprint="abc")
    shutil.rmtree(tmp_path / "maps-abc.zarr")
    with pytest.raises(StaleError, match=r"maps-abc\.zarr: is gone"):
        open_dataset(tmp_path, "maps")
    assert current_fingerprint(tmp_path, "maps") is None


def test_a_manifest_that_is_not_json_is_named(tmp_path):
    (tmp_path / "maps.json").write_text("{")
    with pytest.raises(InputError, match=r"maps\.json: cannot be read"):
        open_dataset(tmp_path, "maps")


# Streams

def test_a_stream_writes_what_a_whole_write_does(tmp_path):
    stream, batches = written(tmp_path, maps())
    assert batches == [slice(0, 16), slice(16, 32), slice(32, 37)]
    with pytest.raises(StaleError):
        open_dataset(tmp_path, "maps")
    stream.finish(provenance={"seed": 4})
    xr.testing.assert_identical(open_dataset(tmp_path, "maps").load(), maps()[["saliency"]])
    assert store.read_json(tmp_path / "maps.json")["provenance"] == {"seed": 4}


def test_a_stream_goes_on_where_it_was_stopped(tmp_path):
    written(tmp_path, maps(), stop=1)
    stream, batches = written(tmp_path, maps())
    assert batches == [slice(16, 32), slice(32, 37)]
    stream.finish()
    xr.testing.assert_identical(open_dataset(tmp_path, "maps").load(), maps()[["saliency"]])


def test_a_stream_stopped_inside_a_batch_writes_that_batch_again(tmp_path, monkeypatch):
    stream, _ = written(tmp_path, maps(), stop=0)
    with monkeypatch.context() as patch:
        patch.setattr(map_stream, "_mark", interrupted)
        with pytest.raises(KeyboardInterrupt):
            stream.write(slice(0, 16), saliency=np.full((16, 4, 6), 7, np.float32))
    stream, batches = written(tmp_path, maps())
    assert len(batches) == 3
    stream.finish()
    xr.testing.assert_identical(open_dataset(tmp_path, "maps").load(), maps()[["saliency"]])


def test_a_stream_stopped_before_it_was_laid_out_begins_anew(tmp_path):
    broken = tmp_path / "maps-abc1.zarr"
    broken.mkdir()
    (broken / ".zgroup").write_text("{")
    stream, batches = written(tmp_path, maps())
    assert len(batches) == 3
    stream.finish()


def test_a_stream_of_other_images_begins_anew(tmp_path):
    written(tmp_path, maps(), stop=2)
    other = maps(n=20)
    _, batches = written(tmp_path, other)
    assert batches == [slice(0, 16), slice(16, 20)]
    renamed = other.assign_coords(image=[f"t/{i}" for i in range(20)])
    assert len(written(tmp_path, renamed)[1]) == 2


def test_a_finished_stream_has_nothing_missing(tmp_path):
    written(tmp_path, maps())[0].finish()
    stream, batches = written(tmp_path, maps())
    assert batches == []
    stream.finish(attrs={"n_empty": 2})
    assert open_dataset(tmp_path, "maps").attrs["n_empty"] == 2


def test_a_stream_of_the_current_fingerprint_but_other_images_leaves_the_current_store_whole(tmp_path):
    written(tmp_path, maps())[0].finish()
    stream, batches = written(tmp_path, maps(n=20))
    assert len(batches) == 2
    xr.testing.assert_identical(open_dataset(tmp_path, "maps").load(), maps()[["saliency"]])
    stream.finish()
    xr.testing.assert_identical(open_dataset(tmp_path, "maps").load(), maps(n=20)[["saliency"]])


def test_a_stream_does_not_take_a_whole_write_for_its_own(tmp_path):
    write_dataset(maps(seed=1), tmp_path, "maps", fingerprint="abc1")
    stream, batches = written(tmp_path, maps())
    assert len(batches) == 3
    stream.finish()
    xr.testing.assert_identical(open_dataset(tmp_path, "maps").load(), maps()[["saliency"]])


def test_attributes_known_at_the_end_are_kept(tmp_path):
    stream, _ = written(tmp_path, maps())
    stream.finish(attrs={"n_empty": 3, "reason": "p rounds to 1"})
    assert open_dataset(tmp_path, "maps").attrs == {**maps().attrs, "n_empty": 3, "reason": "p rounds to 1"}


def test_a_stream_reads_back_what_it_wrote(tmp_path):
    stream, batches = written(tmp_path, maps())
    np.testing.assert_array_equal(stream.read(batches[2], "saliency"), maps().saliency[32:])


def test_a_stream_that_is_not_done_cannot_be_finished(tmp_path):
    stream, _ = written(tmp_path, maps(), stop=1)
    with pytest.raises(RuntimeError, match="2 batches are still to be written"):
        stream.finish()


@pytest.mark.parametrize("variables", [
    {"saliency": np.zeros((1, 4, 6), np.float32)}, {"saliency": np.zeros((16, 1, 1), np.float32)}, {},
    {"other": np.zeros((16, 4, 6), np.float32)},
])
def test_a_batch_of_another_shape_or_name_is_refused(tmp_path, variables):
    stream, _ = written(tmp_path, maps(), stop=0)
    with pytest.raises(ValueError, match="arrays of shapes"):
        stream.write(slice(0, 16), **variables)
    assert len(stream.missing()) == 3


def test_a_lazy_template_is_not_computed(tmp_path):
    dataset = maps()
    lazy = dataset[["saliency"]].assign(
        saliency=(dataset.saliency.dims, da.from_delayed(da_failing(), (N, 4, 6), np.float32)))
    assert len(MapStream(lazy, tmp_path, "maps", fingerprint="a").missing()) == 3


def test_a_stream_that_goes_on_counts_what_earlier_runs_wrote(tmp_path):
    written(tmp_path, maps(), stop=1)
    stream, progress = written(tmp_path, maps(), stop=0)[0], Recording()
    assert list(stream.tracked(progress, what="maps")) == stream.ranges()[1:]
    assert progress.tracked == {"maps": {"before": 1, "given": 2, "total": 3}}


def da_failing():
    import dask

    return dask.delayed(interrupted)()


# A real kill

def killed(script, folder):
    """Run a script that kills itself; give the process's return code."""
    process = subprocess.run([sys.executable, "-c", textwrap.dedent(script), str(folder)], check=False,
                             capture_output=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    assert process.returncode == -signal.SIGKILL, process.stderr.decode()


def test_killed_between_two_chunks_of_a_write_the_old_store_is_whole(tmp_path):
    write_dataset(maps(seed=0), tmp_path, "maps", fingerprint="abc")
    killed("""
        import os, pathlib, signal, sys
        import zarr.storage
        from salcompare.store import write_dataset
        from tests.test_store import maps
        put = zarr.storage._local._put
        def dying(path, *args, **options):
            if "saliency" in str(path) and path.name == "1.0.0":
                os.kill(os.getpid(), signal.SIGKILL)
            return put(path, *args, **options)
        zarr.storage._local._put = dying
        write_dataset(maps(seed=1), pathlib.Path(sys.argv[1]), "maps", fingerprint="abd")
    """, tmp_path)
    assert (tmp_path / "maps-abd.zarr" / "saliency" / ".zarray").exists()
    assert not (tmp_path / "maps-abd.zarr" / "saliency" / "1.0.0").exists()
    xr.testing.assert_identical(open_dataset(tmp_path, "maps").load(), maps(seed=0))
    write_dataset(maps(seed=1), tmp_path, "maps", fingerprint="abd")
    xr.testing.assert_identical(open_dataset(tmp_path, "maps").load(), maps(seed=1))
    assert len(list(tmp_path.glob("*.zarr"))) == 1


def test_a_stream_killed_inside_a_batch_goes_on_and_the_old_store_is_whole_until_then(tmp_path):
    written(tmp_path, maps(seed=0), fingerprint="abc")[0].finish()
    killed("""
        import os, pathlib, signal, sys
        from tests.test_store import maps, template
        from salcompare import map_stream
        from salcompare.map_stream import MapStream
        dataset = maps(seed=1)
        stream = MapStream(template(dataset), pathlib.Path(sys.argv[1]), "maps", fingerprint="abd")
        stream.write(slice(0, 16), saliency=dataset.saliency.values[:16])
        map_stream._mark = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
        stream.write(slice(16, 32), saliency=dataset.saliency.values[16:32])
    """, tmp_path)
    xr.testing.assert_identical(open_dataset(tmp_path, "maps").load(), maps(seed=0)[["saliency"]])
    stream, batches = written(tmp_path, maps(seed=1), fingerprint="abd")
    assert batches == [slice(16, 32), slice(32, 37)]
    stream.finish()
    xr.testing.assert_identical(open_dataset(tmp_path, "maps").load(), maps(seed=1)[["saliency"]])
    assert len(list(tmp_path.glob("*.zarr"))) == 1


TYPED = ["=1+1", "'=1+1", "''=1+1", "'tis", "-3", "+x", "@y", "\tz", "NA", "n/a", "None", "null", "nan", "NaN", "",
         None]


def test_texts_come_back_as_they_were_and_none_begins_a_formula(tmp_path):
    frame = pd.DataFrame({"label": TYPED, "=n": np.arange(len(TYPED)) - 1.5, "actor": "007"})
    store.write_table(tmp_path / "t.csv", frame)
    written = pd.read_csv(tmp_path / "t.csv", dtype=str, keep_default_na=False)
    texts = [*written.columns, *written["label"]]
    assert not [text for text in texts if text.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert written["'=n"][0] == "-1.5"  # a number is no text
    back = store.read_csv(tmp_path / "t.csv", text=["label", "actor"])
    assert back["label"].fillna("").tolist() == [text or "" for text in TYPED]
    assert back.columns.tolist() == frame.columns.tolist()
    assert back["=n"].tolist() == frame["=n"].tolist()
    assert set(back["actor"]) == {"007"}


@given(st.text())
def test_the_guard_of_a_text_is_taken_off_again(text):
    assert store.unguarded(store.guarded(text)) == text
    assert not store.guarded(text).startswith(store.FORMULA)


def test_tables_that_hold_a_strangers_texts_are_read_where_no_label_is_taken_for_missing():
    """pandas takes NA, null and some twenty other texts for missing; its reader is called only where that is known."""
    package = Path(store.__file__).parent
    calls = {path.relative_to(package).as_posix() for path in package.rglob("*.py")
             if "pd.read_csv(" in path.read_text()}
    assert calls == {"store.py", "sources/cells.py", "sources/landmarks.py"}
    for name in calls:
        text = (package / name).read_text()
        assert text.count("pd.read_csv(") == text.count("keep_default_na=False") + text.count("na_filter=False")
