"""Whatever a user gets wrong ends in one clear error and exit code 2, with no traceback and nothing half-written."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

from salcompare.cli import main
from tests.small_study import make_small_study, without_classifier

FACES = Path("data/raw/photographs")
BOXES = Path("data/raw/responses.csv")


@pytest.fixture(scope="module")
def good_study(tmp_path_factory):
    return make_small_study(tmp_path_factory.mktemp("good") / "study")


@pytest.fixture
def study(good_study, tmp_path):
    shutil.copytree(good_study, tmp_path / "study")
    return tmp_path / "study"


def edit(path: Path, change):
    """Write a table after a change to it."""
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    change(table).to_csv(path, index=False)


def set_cell(column, value, row=3):
    def change(table):
        table.loc[row, column] = value
        return table
    return lambda study: edit(study / BOXES, change)


def settings(text, replacing=""):
    def change(study):
        path = study / "study.toml"
        found = path.read_text()
        assert not replacing or replacing in found
        path.write_text(found.replace(replacing, text, 1) if replacing else found + text)
    return change


def swap_corners(study):
    def change(table):
        table.loc[3, ["x0", "x1"]] = table.loc[3, ["x1", "x0"]].to_numpy()
        return table
    edit(study / BOXES, change)


def only_one_actor(study):
    for folder in list((study / FACES).iterdir())[1:]:
        shutil.rmtree(folder)


def remove(path):
    return lambda study: (study / path).unlink()


def no_photographs(study):
    for path in (study / FACES).rglob("*.png"):
        path.unlink()


def binary_responses(study):
    (study / BOXES).write_bytes(b"\xff\xfe\x00\x01worker")


def too_few_images(study):
    (study / FACES / "actor2" / "6.png").unlink()


def copies_of_a_photograph(study):
    for number in (5, 6):
        shutil.copy(study / FACES / "actor2" / "1.png", study / FACES / "actor2" / f"{number}.png")


def folders_too_deep(study):
    (study / FACES).rename(study / "data/raw/faces")
    (study / FACES).mkdir()
    (study / "data/raw/faces").rename(study / FACES / "faces")


def photographs_in_no_folder(study):
    for folder in list((study / FACES).iterdir()):
        for path in folder.iterdir():
            path.rename(study / FACES / f"{folder.name}-{path.name}")
        folder.rmdir()


def broken_photograph_of_a_response(study):
    (study / FACES / "actor1" / "2.png").write_bytes(b"")


def cut_face_network(study):
    (study / "face.dat").write_bytes(b"\x01\x01\x01\x0dloss_me")
    settings('backbone = "dlib_resnet"\nweights = "face.dat"', 'backbone = "alexnet"')(study)
    settings("", 'weights = "none"\n')(study)


WRONG = {
    "missing column": (lambda s: edit(s / BOXES, lambda t: t.drop(columns="label")), ["responses.csv", "label"]),
    "unknown image": (set_cell("image", "actor1/99"), ["responses.csv row 5", "actor1/99"]),
    "box outside": (set_cell("x1", "900"), ["responses.csv row 5", "900", "--clip"]),
    "swapped corners": (swap_corners, ["responses.csv row 5", "x1"]),
    "not a number": (set_cell("y0", "high"), ["responses.csv row 5", "high"]),
    "NaN": (set_cell("y0", ""), ["responses.csv row 5", "y0"]),
    "infinite": (set_cell("x1", "inf"), ["responses.csv row 5", "inf"]),
    "empty label": (set_cell("label", "  "), ["responses.csv row 5", "label"]),
    "empty worker": (set_cell("worker", ""), ["responses.csv row 5", "worker"]),
    "no file of responses": (remove(BOXES), ["responses.csv", "does not exist"]),
    "responses without rows": (lambda s: edit(s / BOXES, lambda t: t.iloc[:0]), ["responses.csv"]),
    "responses that are no text": (binary_responses, ["responses.csv"]),
    "unknown key": (settings("iteratoins = 5\n"), ["study.toml", "iteratoins"]),
    "unknown section": (settings("[statistcs]\nx = 1\n"), ["study.toml", "statistcs", "did you mean 'statistics'"]),
    "wrong type": (settings('seed = "one"', "seed = 1"), ["study.toml", "seed", "whole number"]),
    "not TOML": (settings("= =\n"), ["study.toml", "is not TOML"]),
    "no test images": (settings("split = [5, 1, 0]", "split = [3, 1, 2]"), ["test"]),
    "split too large": (settings("split = [50, 1, 2]", "split = [3, 1, 2]"), ["actor1", "6"]),
    "one actor only": (only_one_actor, ["actor"]),
    "no photographs": (no_photographs, ["photographs"]),
    "no folder": (settings('path = "elsewhere"\nsplit', "split"), ["elsewhere"]),
    "too few images of one actor": (too_few_images, ["actor2", "5"]),
    "unreadable photograph with responses": (broken_photograph_of_a_response, ["actor1"]),
    "no such file of weights": (settings('weights = "none.pth"', 'weights = "none"'), ["none.pth"]),
    "weights of a face network, cut": (cut_face_network, ["face.dat, byte 4", "ends 7 bytes further", "13 bytes"]),
    "unknown backbone": (settings('backbone = "alexnot"', 'backbone = "alexnet"'), ["alexnot", "alexnet"]),
    "unknown actor to show": (settings('[report]\nactors = ["nobody"]\n'), ["nobody", "actor1"]),
    "copies that make counts fail": (copies_of_a_photograph, [
        "'actor2': 4 usable photographs", "copies of another file", "actor2/5.png (same bytes as",
        "split = [1, 1, 2]"]),
    "folders one level too deep": (folders_too_deep, ["one level too deep", 'path = "data/raw/photographs/faces"']),
    "photographs in no folder": (photographs_in_no_folder, ["into a folder of their own", "photographs/ann/001.jpg"]),
    "no validation images": (settings("split = [4, 0, 2]", "split = [3, 1, 2]"), [
        "[[classifier]] tiny keep", "no validation image", 'set keep = "last"']),
    "no classifier and one": (settings("classifier = []\n[study]", "[study]"), [
        "study.toml", "is not TOML", "classifier = [] and a [[classifier]]"]),
    "a single control": (settings("[controls]\nshuffles = 1\n"), ["shuffles: 1", "needs two", 'classifiers = "none"']),
    "actor to show nearly right": (settings('[report]\nactors = ["Actor1"]\n'), ["did you mean 'actor1'?"]),
    "difference nearly right": (settings('[report]\ndifferences = ["actor1 - actr2"]\n'), ["did you mean 'actor2'?"]),
    "source nearly right": (settings('[responses]\nsource = "cvs"\n'), ["source: 'cvs'", "did you mean 'csv'?"]),
    "no study": (remove("study.toml"), ["study.toml", "does not exist", "salcompare init"]),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_input_ends_in_one_clear_error_and_exit_code_2(case, study, capsys):
    spoil, said = WRONG[case]
    spoil(study)
    code = main(["run", "--study", str(study), "--until", "report"])
    captured = capsys.readouterr()
    assert code == 2, captured.err
    assert "Traceback" not in captured.err
    assert "internal error" not in captured.err
    message = captured.err[captured.err.index("salcompare:"):]
    for part in said:
        assert part in message, message
    assert not list(study.rglob("*.part"))


def test_all_offending_rows_are_named_at_once(study, capsys):
    set_cell("x1", "900", row=0)(study)
    set_cell("image", "nobody/1", row=1)(study)
    set_cell("label", "", row=2)(study)
    assert main(["run", "--study", str(study), "--until", "responses"]) == 2
    message = capsys.readouterr().err
    assert all(f"responses.csv row {row}" in message for row in (2, 3, 4))


def test_clip_and_drop_invalid_are_the_users_choice(study, capsys):
    set_cell("x1", "900", row=0)(study)
    assert main(["run", "--study", str(study), "--until", "responses", "--clip"]) == 0
    test = pd.read_csv(study / "data/processed/images.csv").set_index("image")["split"] == "test"
    assert test["actor1/1"]
    n_rows = int(test[pd.read_csv(study / BOXES)["image"]].sum())
    assert len(pd.read_csv(study / "data/processed/responses.csv")) == n_rows
    assert main(["run", "--study", str(study), "--until", "responses", "--drop-invalid"]) == 0
    assert len(pd.read_csv(study / "data/processed/responses.csv")) == n_rows - 1
    assert "left out 1 (boxes that reach outside the image): responses.csv row 2" in capsys.readouterr().err


def test_a_stage_that_is_nearly_named_is_asked_for(study, capsys):
    assert main(["run", "--study", str(study), "--until", "photograph"]) == 2
    assert "did you mean 'photographs'?" in capsys.readouterr().err


def test_what_is_asked_for_too_early_names_the_stage_to_run_until(study, capsys):
    assert main(["import", str(study / BOXES), "--study", str(study)]) == 2
    assert f"run: salcompare run --until photographs --study {study}" in capsys.readouterr().err


def test_training_where_nothing_is_trained_is_an_error_that_says_so(study, capsys):
    without_classifier(study)
    assert main(["train", "--study", str(study)]) == 2
    assert "the study trains no network; expected a [[classifier]]" in capsys.readouterr().err


def test_an_existing_study_is_never_overwritten(study, capsys):
    before = (study / "study.toml").read_bytes()
    assert main(["init", str(study)]) == 2
    assert "exists already" in capsys.readouterr().err
    assert (study / "study.toml").read_bytes() == before


def test_a_bug_of_ours_is_exit_code_1_and_shows_its_traceback_only_on_request(study, capsys, monkeypatch):
    def fails(*_args, **_kwargs):
        message = "planted"
        raise ZeroDivisionError(message)

    monkeypatch.setattr("salcompare.stages.standings", fails)
    assert main(["status", "--study", str(study)]) == 1
    assert "internal error: ZeroDivisionError: planted" in capsys.readouterr().err
    with pytest.raises(ZeroDivisionError):
        main(["status", "--study", str(study), "--debug"])


def test_an_unknown_command_is_exit_code_2(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["reprot"])
    assert ended.value.code == 2
    assert "invalid choice" in capsys.readouterr().err
