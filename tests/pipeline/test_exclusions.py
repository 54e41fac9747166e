"""A study's stages of quality: responses that are left out, their log, and headline numbers without and with them."""

from __future__ import annotations

import pandas as pd
import pytest

import salcompare as sc
from salcompare.errors import InputError
from salcompare.progress import Silent
from salcompare.stages import run
from tests.small_study import make_small_study, without_classifier


@pytest.fixture
def study(tmp_path):
    """A study without classifier, one of whose six workers draws a box around the whole photograph."""
    make_small_study(tmp_path, size=24)
    path = tmp_path / "data" / "raw" / "responses.csv"
    table = pd.read_csv(path)
    table.loc[table["worker"] == "w6", ["x0", "y0", "x1", "y1"]] = [0, 0, 24, 30]
    table.to_csv(path, index=False)
    without_classifier(tmp_path)
    return tmp_path


def read(study, name):
    return pd.read_csv(study / "data" / "processed" / f"{name}.csv", keep_default_na=False)


def test_what_is_left_out_is_logged_and_all_statistics_rest_on_the_rest(study):
    opened = sc.open_study(study)
    run(opened, until="statistics", progress=Silent())
    log = read(study, "exclusions")
    assert set(log["worker"]) == {"w6"}
    assert (log["reason"] != "").all()
    assert len(opened.responses) == len(opened.responses_read) - log["response"].nunique() == 90
    assert "w6" not in set(opened.responses["worker"])
    assert int(opened.human_maps()["n_responses"].max()) == 5
    headlines = read(study, "headlines").set_index("headline")
    assert headlines.loc["Share of the label nose", ["n", "n_all"]].astype(float).tolist() == [90, 108]
    alpha = headlines.loc["Agreement of boxes, mean IoU"]
    assert float(alpha["value"]) > float(alpha["value_all"])
    assert len(read(study, "agreement_images")) == 18


def test_rules_that_would_leave_nothing_are_refused(study):
    text = (study / "study.toml").read_text()
    (study / "study.toml").write_text(text + "\n[quality]\ntiny = 1.0\n")
    with pytest.raises(InputError, match=r"all 108 responses are left out.*tiny 90"):
        run(sc.open_study(study), until="quality", progress=Silent())


def test_checks_named_in_the_settings_are_read_and_judged(study):
    checks = pd.DataFrame([["w1", "actor1/1", "chin", 0, 0, 5, 5, "nose", 8, 8, 16, 16]] * 2, columns=[
        "worker", "image", "label", "x0", "y0", "x1", "y1", "target_label", "target_x0", "target_y0", "target_x1",
        "target_y1"])
    checks.to_csv(study / "data" / "raw" / "checks.csv", index=False)
    text = (study / "study.toml").read_text()
    (study / "study.toml").write_text(text + '\n[responses]\nchecks = "data/raw/checks.csv"\n')
    run(sc.open_study(study), until="quality", progress=Silent())
    assert set(read(study, "exclusions").query("rule == 'checks'")["worker"]) == {"w1"}
    assert read(study, "quality_checks")["right"].tolist() == [False, False]
    workers = read(study, "quality_workers").set_index("worker")
    assert workers.loc["w1", ["checks", "checks_right", "kept"]].astype(int).tolist() == [2, 0, 0]
