"""Collecting from the command line: a study served, watched, exported, reported, and a worker forgotten."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from salcompare.cli import main
from salcompare.collect.stimuli import Photo, load_stimuli, read_instructed
from salcompare.config import Collect, Config
from salcompare.errors import InputError
from salcompare.findings.content import make_figures
from salcompare.opening import open_study
from salcompare.progress import Silent
from salcompare.stages import run, standings
from tests.collect.serving import make_stimuli
from tests.collect.worker import Worker
from tests.small_study import make_small_study, without_classifier

ROOT = Path(__file__).parents[2]
OTHER_ADDRESS = "127.0.0.2"  # of this machine as well, so reached by whatever listens on all addresses
STARTED = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore Ctrl-C from the start
from salcompare.cli import main
sys.exit(main())
"""
SETTINGS = """
[responses]
source = "collect"

[collect]
practice = 0
contact = "Ada, ada@example.org"
duration = "2 minutes"
pay = "none"
ethics = "a test"
rate = 1000.0

[quality]
rules = ["checks"]  # the same box on every image is the workers' way here
"""


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    made = make_small_study(tmp_path_factory.mktemp("collecting") / "study")
    settings = made / "study.toml"
    settings.write_text(settings.read_text() + SETTINGS)
    (made / "data" / "raw" / "instructed.csv").write_text("image,label,x0,y0,x1,y1\nactor1/1,nose,20,30,30,40\n")
    return made


@contextlib.contextmanager
def collecting(study, *options):
    """Run the command; gives its process and the first lines that it says."""
    command = [sys.executable, "-u", "-c", STARTED, "collect", str(study), "--port", "0", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=study,
                               env=os.environ | {"PYTHONPATH": str(ROOT)})
    try:
        said = []
        while not said or "Ctrl-C" not in said[-1]:
            line = process.stdout.readline()
            assert line, process.stderr.read()
            said.append(line)
        yield process, "".join(said)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()


@pytest.fixture(scope="module")
def collected(study):
    """Two workers answer; the server is ended as by Ctrl-C. What it says and whom it lets in is held on the way."""
    with collecting(study) as (process, said):
        url = said.split("workers:  ")[1].split("/?worker")[0]
        assert "5 photographs; each worker: 0 practice tasks, 5 trials, 1 instructed checks" in said
        assert "HTTPS" not in said
        port = url.removeprefix("http://127.0.0.1:")
        with pytest.raises(OSError, match="refused"):
            socket.create_connection((OTHER_ADDRESS, int(port)), timeout=5)
        assert main(["collect", str(study), "--port", port]) == 2  # taken
        for name in ("ada", "bob"):
            worker = Worker(url, name)
            worker.begin()
            assert worker.finish((5, 5, 25, 30), "nose" if name == "ada" else "=lips").url.path == "/debrief"
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=600) == 130
        assert "run the same command again" in process.stderr.read()
    return study


def test_the_monitor_says_how_it_stands_in_a_terminal(collected, capsys):
    assert main(["collect", str(collected), "--monitor"]) == 0
    said = capsys.readouterr().out
    assert "     10  answers" in said
    assert "      2  workers who finished" in said


def test_the_report_rests_on_the_database(collected, tmp_path, monkeypatch):
    """With one figure only, as drawing takes long."""
    monkeypatch.setattr("salcompare.findings.content.make_figures", lambda data, **_: make_figures(data, only=[4]))
    study = tmp_path / "study"
    shutil.copytree(collected, study)
    without_classifier(study)
    assert main(["report", "--study", str(study)]) == 0
    page = (study / "reports" / "report.html").read_text(encoding="utf-8")
    assert "10 boxes by 2 workers" in page
    assert "imulated responses" not in page


def test_the_pipeline_reads_the_database_and_sees_when_it_has_changed(collected, tmp_path, capsys):
    study = tmp_path / "study"  # one of its own, as a worker is forgotten
    shutil.copytree(collected, study)
    run(open_study(study), until="quality", progress=Silent())
    made = open_study(study)
    assert len(made.responses_read) == 10
    assert set(made.responses_read["label"]) == {"nose", "=lips"}
    assert len(made.checks) == 2
    assert standings(open_study(study))["quality"].state == "current"
    assert main(["export", str(study)]) == 0
    paths = capsys.readouterr().out.split()
    assert [Path(path).name for path in paths] == ["responses.csv", "checks.csv", "shown.csv", "workers.csv"]
    assert len(pd.read_csv(paths[0])) == 10
    assert main(["forget-worker", "ada", str(study)]) == 0
    assert "forgotten, with 6 answers" in capsys.readouterr().out
    assert main(["forget-worker", "ada", str(study)]) == 2
    assert standings(open_study(study))["responses"].state == "stale"
    run(open_study(study), until="responses", progress=Silent())
    assert open_study(study).responses_read["label"].unique().tolist() == ["=lips"]


def test_a_study_that_collected_nothing_is_told_what_to_run(study, tmp_path, capsys):
    empty = make_small_study(tmp_path / "study")
    for command in (["collect", str(empty), "--monitor"], ["export", str(empty)], ["forget-worker", "ada", str(empty)]):
        assert main(command) == 2
        assert "salcompare" in capsys.readouterr().err
    assert not (empty / "data" / "collected").exists()


@pytest.mark.parametrize(("host", "port"), [("127.0.0.1", "70000"), ("no.such.host.example", "0"), ("256.0.0.1", "0")])
def test_an_address_that_cannot_be_used_is_a_clear_error(study, host, port, capsys):
    assert main(["collect", str(study), "--host", host, "--port", port]) == 2
    assert "cannot be listened on" in capsys.readouterr().err


def test_instructed_tasks_that_cannot_be_used_are_all_named(tmp_path):
    stimuli = make_stimuli(tmp_path, n_images=2)
    path = tmp_path / "tasks.csv"
    path.write_text("image,label,x0,y0,x1,y1,kind\nactor1/1,nose,1,1,20,20,practice\nactor1/1,nose,1,1,20,20,check\n"
                    "none/1,nose,1,1,2,2,check\nactor1/1,nose,30,1,20,20,check\nactor1/1,nose,x,1,20,20,check\n"
                    "actor1/1,,1,1,20,20,check\nactor1/1,nose,1,1,999,20,check\nactor1/1,nose,1,1,9,9,other\n")
    with pytest.raises(InputError) as caught:
        read_instructed(path, stimuli.photos, shown="tasks.csv")
    where = [problem.where for problem in caught.value.problems]
    assert where == [*(f"tasks.csv row {line}" for line in (4, 5, 6, 7, 8, 9)), "tasks.csv"]


def test_tasks_in_shares_without_area_or_misspelt_are_told_as_such(tmp_path):
    photos = {"actor1/1": Photo("actor1/1", "actor1", 300, 240)}

    def read(rows, header="image,label,x0,y0,x1,y1,kind"):
        (tmp_path / "tasks.csv").write_text(f"{header}\n{rows}")
        return read_instructed(tmp_path / "tasks.csv", photos, shown="tasks.csv")

    found = read("actor1/1,'=Nose,0,1.5,20,240,\n")
    assert [(task.label, task.target, task.kind) for task in found] == [("=nose", (0, 1.5, 20, 240), "check")]
    assert read("actor1/1,nose,0,0,1,1,practice\n")[0].kind == "practice"
    for rows, says in [("actor1/1,nose,0.25,0.1,0.5,0.2,\n", "every edge lies between 0 and 1.*multiply them"),
                       ("actor1/1,nose,5,1,5,9,\n", r"row 2: x1=5 equals x0: the box has no width"),
                       ("actor1/1,nose,1,7,5,7,\n", r"row 2: y1=7 equals y0: the box has no height"),
                       ("actor1/1,nose,9,1,5,7,\n", "row 2: x1=5 < x0=9.*swap the corners"),
                       ("actor1/1,nose,1,1,301,7,\n", "row 2: x1=301 > width 300 of image 'actor1/1'"),
                       ("actor1/01,nose,1,1,5,7,\n", "row 2: no image 'actor1/01'.*did you mean 'actor1/1'"),
                       ('actor1/1,nose,"1,5",1,5,7,\n', "x0='1,5'.*decimals with a point"),
                       ("actor1/1,nose,1,1,5,7,checks\n", "kind='checks'; expected check or practice")]:
        with pytest.raises(InputError, match=says) as caught:
            read(rows)
        assert len(caught.value.problems) == 1
    with pytest.raises(InputError, match="no column 'x1'"):
        read("actor1/1,nose\n", "image,label,x0,y0,y1")


def test_practice_on_photographs_of_ones_own_replaces_the_drawn_house(tmp_path):
    make_stimuli(tmp_path, n_images=2)
    path = tmp_path / "data" / "raw" / "instructed.csv"
    header, first, second = path.read_text().splitlines()
    path.write_text(f"{header},kind\n{first},practice\n{second},check\n")
    images = pd.DataFrame([(f"actor{i % 2 + 1}/{i // 2 + 1}", f"actor{i % 2 + 1}", "test", 300, 240, "x",
                            f"data/raw/photographs/actor{i % 2 + 1}/{i // 2 + 1}.png") for i in range(4)],
                          columns=["image", "actor", "split", "height", "width", "sha256", "file"])
    found = load_stimuli(images, Config(collect=Collect(practice=2)), root=tmp_path)
    assert [one.photo.image for one in found.practice] == ["actor1/2"]
    assert [one.photo.image for one in found.checks] == ["actor2/2"]
    assert {photo.image for photo in found.trials} == {"actor1/1", "actor2/1"}


def test_without_its_libraries_collecting_says_what_to_install(study):
    script = ("import sys, json, importlib.util as u; found = u.find_spec\n"
              "u.find_spec = lambda name, *a: None if name == 'uvicorn' else found(name, *a)\n"
              "from salcompare.cli import main; sys.exit(main(['collect', sys.argv[1]]))")
    done = subprocess.run([sys.executable, "-c", script, str(study)], capture_output=True, text=True, check=False,
                          env=os.environ | {"PYTHONPATH": str(ROOT)})
    assert done.returncode == 2
    assert "pip install 'salcompare[collect]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_settings_of_collecting_do_not_make_results_stale(study):
    """Only [responses], the photographs and the answers count for what the report says."""
    inputs = {name: json.dumps(standing.stage.settings, default=str) for name, standing in
              standings(open_study(study)).items()}
    assert not any("lease_minutes" in text for text in inputs.values())
