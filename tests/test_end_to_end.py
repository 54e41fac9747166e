"""A small study from photographs to report through the command line, as a new user goes."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import salcompare as sc
from salcompare.errors import InputError, StaleError
from salcompare.stages import standings
from tests.small_study import make_small_study

README = Path(__file__).parents[1] / "README.md"
HASH_SEEDS = itertools.count(1)
NETWORK = """\
from torch import nn


def small():
    return nn.Sequential(nn.Conv2d(3, 8, 7, stride=4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten())
"""
FEW_CONTROLS = """
[controls]
randomisations = 2
layers = 2
curve_images = 1
"""
KILLED_AT = (  # the file whose coming says that a run is in the midst of the statistics' tables, or of the figures
    "data/processed/heatmaps.json", "reports/figures/fig3-differences.png")


def salcompare(*arguments, check=True):
    """Run the command line in a process of its own, with a hash seed of its own."""
    environment = {**os.environ, "PYTHONHASHSEED": str(next(HASH_SEEDS))}
    return subprocess.run([sys.executable, "-m", "salcompare", *map(str, arguments)], capture_output=True, text=True,
                          check=check, env=environment)


def written(study):
    """Every file of the report with its bytes."""
    return {path.relative_to(study).as_posix(): path.read_bytes()
            for path in sorted((study / "reports").rglob("*")) if path.is_file()}


def make_study(folder):
    """A small study with a network of its own, a single convolution, and few controls: the whole way, but short."""
    study = make_small_study(folder)
    (study / "nets.py").write_text(NETWORK)
    settings = (study / "study.toml").read_text()
    assert 'backbone = "alexnet"' in settings
    (study / "study.toml").write_text(settings.replace('"alexnet"', '"nets:small"') + FEW_CONTROLS)
    return study


@pytest.fixture(scope="module")
def reported(tmp_path_factory):
    study = make_study(tmp_path_factory.mktemp("end") / "study")
    done = salcompare("report", "--study", study)
    assert done.stdout.strip().endswith("reports/report.html")
    return study


@pytest.mark.slow
def test_the_report_has_its_page_figures_tables_and_numbers(reported):
    page = (reported / "reports/report.html").read_text()
    assert len(page) < 10 * 2**20
    assert "small study" in page
    said = re.sub(r"<summary>Data dictionary.*?</details>", "", page, flags=re.DOTALL)
    assert "imulated" not in re.sub(r"<code>.*?</code>|simulation\.\w+", "", said)
    numbers = json.loads((reported / "reports/report.json").read_text())
    statistics = {row["statistic"] for row in numbers["estimates"]}
    assert {"accuracy", "variance_explained", "label_share", "symmetry", "overlap", "noise_ceiling"} <= statistics
    assert {path.suffix for path in (reported / "reports/figures").iterdir()} == {".png", ".svg"}
    shares = pd.read_csv(reported / "reports/tables/label_share_population.csv")
    assert shares["value"].sum() == pytest.approx(1)


@pytest.mark.slow
def test_a_second_run_does_nothing(reported):
    before = {path: path.stat().st_mtime_ns for path in reported.rglob("*") if path.is_file() and path.name != ".lock"}
    done = salcompare("report", "--study", reported)
    assert "[" not in done.stderr
    assert before == {path: path.stat().st_mtime_ns for path in before}


def stored(study):
    """Every file that stages are to have recorded; kept features are none of a result, and checked when read."""
    files = [path for path in (study / "data/processed").rglob("*") if path.is_file()]
    return [path for path in files if path.name != ".lock" and not path.name.startswith("features-")
            and path.parent.name != "stages"]


@pytest.mark.slow
def test_every_stored_file_has_a_checksum_in_a_record(reported):
    records = [json.loads(path.read_text()) for path in (reported / "data/processed/stages").glob("*.json")]
    known = {reported / name for record in records for name in record["files"]}
    manifests = [path for path in known if path.suffix == ".json" and "files" in json.loads(path.read_text())
                 and "store" in json.loads(path.read_text())]
    for manifest in manifests:
        content = json.loads(manifest.read_text())
        known |= {manifest.parent / content["store"] / name for name in content["files"]}
    assert set(stored(reported)) <= known
    assert sum(len(record["files"]) for record in records) == len({name for record in records
                                                                   for name in record["files"]})
    assert not list((reported / "data/processed/stages").glob("*.begun"))


@pytest.mark.slow
def test_a_rotten_byte_of_any_kind_of_file_is_named_and_its_stage_made_again(reported, tmp_path):
    study = shutil.copytree(reported, tmp_path / "study")
    whole = {path.relative_to(study): path.read_bytes() for path in stored(study)}
    kinds = {path.suffix: path for path in sorted(whole) if path.suffix in (".csv", ".json", ".pt", ".0")}
    assert len(kinds) == 4
    for path in kinds.values():
        content = bytearray(whole[path])
        content[len(content) // 2] ^= 1
        (study / path).write_bytes(content)
    told = salcompare("status", "--verify", "--study", study, check=False)
    assert told.returncode == 2
    assert all(str(path) in told.stderr for path in kinds.values())
    salcompare("report", "--study", study)
    assert salcompare("status", "--verify", "--study", study).stdout.count("current") == len(
        standings(sc.open_study(study)))
    assert written(study) == written(reported)


@pytest.mark.slow
@pytest.mark.parametrize("page", ["comparison.html", "classifier-tiny.html", "tables"])
def test_a_page_that_is_deleted_is_to_be_written_again(reported, tmp_path, page):
    assert standings(sc.open_study(reported))["report"].state == "current"
    shutil.copytree(reported, tmp_path / "study")
    (tmp_path / "study" / "reports" / page).rename(tmp_path / "away")
    found = standings(sc.open_study(tmp_path / "study"))["report"]
    assert (found.state, found.reason) == ("missing", f"reports/{page} is gone")


@pytest.mark.slow
def test_a_run_that_is_killed_again_and_again_ends_in_the_same_bytes(reported, tmp_path):
    study = make_study(tmp_path / "study")
    for file in KILLED_AT:
        assert not (study / file).exists()
        process = subprocess.Popen([sys.executable, "-m", "salcompare", "report", "--study", str(study)],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not (study / file).exists() and process.poll() is None:
            time.sleep(0.002)
        process.kill()
        assert process.wait() == -signal.SIGKILL
    salcompare("report", "--study", study)
    assert written(study) == written(reported)


@pytest.mark.slow
def test_the_stores_open_by_label(reported):
    study = sc.open_study(reported)
    human, gb = study.human_maps(), study.classifier_maps()
    assert gb.saliency.dims == ("image", "y", "x")
    assert set(gb.saliency.sel(actor="actor2").actor.values) == {"actor2"}
    assert gb.saliency.sel(image="actor1/1" if "actor1/1" in gb.image else gb.image[0]).dims == ("y", "x")
    assert gb.saliency.sel(y=8, x=slice(4, 6)).sizes["x"] == 3
    assert gb.saliency.dtype == np.float32
    assert float(gb.saliency.min()) >= 0
    assert human.coverage.max() <= 1
    assert "weights" in " ".join(gb.attrs)
    assert study.classifier_maps("frozen").saliency.sizes == gb.saliency.sizes
    with pytest.raises(InputError, match="one of frozen, finetuned"):
        study.classifier_maps("thawed")


@pytest.mark.slow
def test_what_is_stale_is_refused_with_the_command_to_run(reported, tmp_path):
    shutil.copytree(reported, tmp_path / "study")
    path = tmp_path / "study" / "study.toml"
    path.write_text(path.read_text().replace("hidden = 8", "hidden = 9"))
    study = sc.open_study(tmp_path / "study")
    assert len(study.images) == 18
    with pytest.raises(StaleError, match=r"stale \(train tiny changed\); run: salcompare run"):
        study.classifier_maps()
    said = salcompare("status", "--study", tmp_path / "study").stdout
    assert re.search(r"train tiny +stale +setting classifier.hidden changed", said)
    assert re.search(r"photographs +current", said)


@pytest.mark.slow
def test_the_script_in_the_readme_runs(reported, tmp_path):
    script = re.search(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    assert script is not None
    text = script.group(1)
    assert len(text.strip().splitlines()) <= 10
    image = sc.open_study(reported).classifier_maps().image.to_numpy()[0]
    text = re.sub(r'image="[^"]+"', f'image="{image}"', text).replace('actor="s07"', 'actor="actor2"')
    text = text.replace("y=50, x=slice(40, 60)", "y=8, x=slice(4, 6)")
    done = subprocess.run([sys.executable, "-W", "error::UserWarning", "-c", text], cwd=reported, capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "pearson" in done.stdout
    r2 = re.findall(r"^0\.\d+$", done.stdout, re.MULTILINE)[-1]
    assert 0 < float(r2) < 1


@pytest.mark.slow
def test_single_figures_are_drawn_on_request(reported):
    done = salcompare("figures", "--only", "4,7", "--study", reported)
    names = [Path(line).name for line in done.stdout.split()]
    assert len(names) == 4
    assert {name[:4] for name in names} == {"fig4", "fig7"}
    assert salcompare("figures", "--only", "99", "--study", reported, check=False).returncode == 2


def test_init_makes_a_study_whose_every_option_is_explained(tmp_path):
    salcompare("init", tmp_path / "new")
    assert sc.open_study(tmp_path / "new").config.study.size == (227, 227)
    lines = (tmp_path / "new/study.toml").read_text().splitlines()
    assert all("#" in line for line in lines if " = " in line)
    refused = salcompare("report", "--study", tmp_path / "new", check=False)
    assert refused.returncode == 2
    assert "no usable photograph" in refused.stderr
