"""``salcompare import``: from a file to the responses that a study reads."""

import shutil

import pandas as pd
import pytest

from salcompare import config
from salcompare.cli import main
from salcompare.sources import read_responses
from tests.small_study import make_small_study
from tests.sources.importers.samples import (
    IMAGES,
    MTURK,
    TRUTH,
    box,
    crowd_flat,
    mturk_cells,
    mturk_file,
    voc,
)
from tests.sources.photos import write


@pytest.fixture
def images(tmp_path):
    IMAGES.to_csv(tmp_path / "images.csv", index=False)
    return tmp_path / "images.csv"


def run(*arguments):
    return main(["import", *map(str, arguments)])


def test_responses_and_refused_rows_are_written_and_told(tmp_path, images, capsys):
    batch = write(tmp_path / "batch.csv", mturk_file(
        mturk_cells(crowd_flat(box())), mturk_cells(crowd_flat(), worker="W2"),
        mturk_cells(crowd_flat(box()), status="Rejected", worker="W3")))
    assert run(batch, "--images", images) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "mturk: 3 rows read = 1 taken + 2 refused"
    assert out[-2:] == [str(tmp_path / "batch_responses.csv"), str(tmp_path / "batch_responses_refused.csv")]
    refused = pd.read_csv(out[-1])
    assert refused[["where", "reason", "worker"]].to_numpy().tolist() == [
        ["batch.csv row 3", "no_box", "W2"], ["batch.csv row 4", "status", "W3"]]


def test_what_is_written_is_what_a_study_reads(tmp_path, images):
    out = tmp_path / "data" / "raw" / "responses.csv"
    assert run(write(tmp_path / "batch.csv", MTURK), "--images", images, "--out", out) == 0
    got = read_responses(config.Responses(), {}, root=tmp_path, images=IMAGES, size=(50, 50)).table
    assert list(got[["image", "label", "x0", "y0", "x1", "y1"]].itertuples(index=False, name=None)) == [
        (image, label.lower(), *edges) for image, label, *edges in TRUTH]
    assert got[["worker", "seconds", "origin"]].to_numpy().tolist() == [["A1B2C3", 266.0, "batch.csv"]] * 2


def test_options_of_the_command_reach_the_import(tmp_path, images, capsys):
    batch = write(tmp_path / "batch.csv", MTURK.replace("Submitted", "Approved", 1).replace("Submitted", "Rejected"))
    assert run(batch, "--images", images, "--status", "rejected", "--out", tmp_path / "r.csv") == 0
    assert pd.read_csv(tmp_path / "r.csv")["image"].tolist() == ["s2/1"]
    drawn = write(tmp_path / "one.xml", voc("s1/1", "nose", -3, 0, 20, 20))
    options = ["--images", images, "--out", tmp_path / "v.csv", "--format", "voc", "--worker", "ada"]
    assert run(drawn, *options, "--clip", "--voc-origin", "0") == 0
    options.append("--overwrite")
    assert pd.read_csv(tmp_path / "v.csv")[["worker", "x0", "y0", "x1"]].to_numpy().tolist() == [["ada", 0, 1, 20]]
    assert run(drawn, *options) == 2
    assert "--voc-origin 0" in capsys.readouterr().err


@pytest.mark.parametrize(("arguments", "message"), [
    (["gone.csv"], "gone.csv: does not exist"), (["batch.csv", "--format", "jpeg"], "--format: is 'jpeg'"),
    (["batch.csv", "--status", "Done"], "--status: is Done"),
    (["batch.csv", "--out", "batch.csv"], "is what is imported"),
    (["batch.csv", "--out", "folder"], "is a folder"), (["images.csv"], "is in no format")])
def test_a_wrong_argument_is_exit_code_2_and_writes_nothing(tmp_path, images, capsys, monkeypatch, arguments, message):
    write(tmp_path / "batch.csv", MTURK)
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.csv")}
    assert run(*arguments, "--images", images) == 2
    assert message in capsys.readouterr().err
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.csv")} == before


@pytest.mark.parametrize(("content", "message"), [
    ("", "cannot be read"), ("image,height\ns1/1,10\n", "width"), ("image,height,width\ns1/1,tall,10\n", "height"),
    (None, "cannot be read")])
def test_a_catalogue_that_is_none_is_exit_code_2(tmp_path, capsys, content, message):
    catalogue = tmp_path / "images.csv"
    if content is not None:
        catalogue.write_text(content)
    assert run(write(tmp_path / "batch.csv", MTURK), "--images", catalogue) == 2
    assert message in capsys.readouterr().err


def test_responses_that_are_there_already_are_never_written_over_unasked(tmp_path, images, capsys):
    batch = write(tmp_path / "batch.csv", MTURK)
    write(tmp_path / "batch_responses.csv", "mine")
    assert run(batch, "--images", images) == 2
    assert "is there already" in capsys.readouterr().err
    assert (tmp_path / "batch_responses.csv").read_text() == "mine"


def test_files_that_out_names_are_written_over_only_if_told_so(tmp_path, images, capsys):
    batch, out = write(tmp_path / "batch.csv", MTURK), write(tmp_path / "mine.csv", "mine")
    for there in (out, tmp_path / "mine_refused.csv"):
        write(there, "mine")
        assert run(batch, "--images", images, "--out", out) == 2
        assert f"{there}: is there already" in capsys.readouterr().err
        assert there.read_text() == "mine"
        out.unlink(missing_ok=True)
    assert run(batch, "--images", images, "--out", out, "--overwrite") == 0
    assert len(pd.read_csv(out)) == 2


@pytest.mark.parametrize(("arguments", "there"), [
    (["power", "--statistic", "image-effect", "--out"], "image-effect/power.csv"),
    (["calibrate", "--out"], "calibration.csv")])
def test_power_and_calibrate_write_over_nothing_unasked(tmp_path, capsys, arguments, there):
    write(tmp_path / "out" / there, "mine")
    assert main([*arguments, str(tmp_path / "out")]) == 2
    assert "is there already" in capsys.readouterr().err
    assert [path.read_text() for path in (tmp_path / "out").rglob("*") if path.is_file()] == ["mine"]


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    root = make_small_study(tmp_path_factory.mktemp("study") / "study")
    assert main(["run", "--until", "photographs", "--study", str(root)]) == 0
    return root


def test_a_studys_boxes_go_where_it_reads_them_in_pixels_of_its_photographs(study, tmp_path, capsys):
    root = tmp_path / "study"
    shutil.copytree(study, root)
    (root / "data" / "raw" / "responses.csv").unlink()
    cells = mturk_cells(crowd_flat(box("nose", 10, 20, 30, 40), width=96, height=120), image="actor1/1")
    batch = write(tmp_path / "batch.csv", mturk_file(cells))
    assert run(batch, "--study", root) == 0
    out = capsys.readouterr().out
    assert "1 boxes were brought from the size they were drawn on to their image's" in out
    assert "study.toml" not in out
    table = pd.read_csv(root / "data" / "raw" / "responses.csv")
    assert table[["image", "x0", "y0", "x1", "y1"]].to_numpy().tolist() == [["actor1/1", 5, 10, 20, 30]]
    assert run(batch, "--study", root) == 2
    assert run(batch, "--study", root, "--out", root / "data" / "raw" / "more.csv") == 0
    assert 'set in [responses] of study.toml: path = "data/raw/more.csv"' in capsys.readouterr().out


def test_a_study_without_its_photographs_read_says_what_to_run(tmp_path, capsys):
    root = make_small_study(tmp_path / "study")
    assert run(write(tmp_path / "batch.csv", MTURK), "--study", root) == 2
    assert "salcompare run" in capsys.readouterr().err
