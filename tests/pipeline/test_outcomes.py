"""The tidy table of what workers drew, and R's calls for it, from the command line."""

import pandas as pd

from salcompare.cli import main
from tests.small_study import make_small_study


def test_a_study_writes_its_boxes_and_the_calls_that_model_them(tmp_path, capsys):
    make_small_study(tmp_path / "study", n_actors=2, size=24)
    assert main(["run", "--until", "quality", "--study", str(tmp_path / "study")]) == 0
    assert main(["export-lme4", "--study", str(tmp_path / "study")]) == 0
    folder = tmp_path / "study" / "reports" / "lme4"
    assert capsys.readouterr().out.splitlines()[-2:] == [str(folder / "outcomes.csv"), str(folder / "lme4.R")]
    table = pd.read_csv(folder / "outcomes.csv")
    assert {"actor", "image", "worker", "label", "log_area", "x", "y"} <= set(table)
    assert len(table) == 2 * 2 * 6  # of the test images
    script = (folder / "lme4.R").read_text()
    assert script.startswith('library(lme4)\nd <- read.csv("outcomes.csv")\nsummary(lmer(log_area ~ 1 + (1 | actor)')
    assert main(["export-lme4", "--study", str(tmp_path / "study")]) == 2
    assert "is there already" in capsys.readouterr().err
    assert main(["export-lme4", "--study", str(tmp_path / "study"), "--overwrite"]) == 0
