"""A finding is one folder and one line: its inputs, estimates, words, figure and calibration are found beside it."""

import sys

import pandas as pd
import pytest

import salcompare.findings as package
from salcompare.config import Config, Maps, Statistics
from salcompare.findings import calibration_cases, findings
from salcompare.findings.analysis import analyse
from salcompare.findings.content import answers, make_figures, methods, numbers, tables
from salcompare.findings.quality.estimates import compare_headlines
from salcompare.pipeline.study_data import finding_files, study_data
from salcompare.provenance import sha256_of_file
from salcompare.study import Study
from tests.figures.tiny import tiny
from tests.findings.quality.test_estimates import data_of
from tests.report.contents import report_data

PARTS = {
    "__init__.py": """
from salcompare.findings.finding import Finding, Headline, Quantity
MEAN = Quantity("toy", "mean", "Mean score", "mean", {"n": "n"}, shown=(Headline(),))
FINDING = Finding(name="toy", question="How good are they?", inputs=("scores",), quantities=(MEAN,), figures=(99,),
                  tables={"toy_scores": ("score",)})
""",
    "inputs.py": """
import pandas as pd
def scores(study):
    return pd.read_csv(study.root / "scores.csv")
INPUTS = {"scores": scores}
def FILES(study):
    return ["scores.csv"]
""",
    "estimates.py": """
import xarray as xr
from salcompare.findings.rows import rows_of
from salcompare.findings.toy import MEAN
def estimates(analysis):
    scores = analysis.data.get("scores")["score"]
    analysis.tables["toy_scores"] = scores.to_frame()
    yield rows_of(xr.Dataset({"mean": scores.mean(), "n": len(scores)}), MEAN, {"source": "human"}), []
""",
    "words.py": """
from salcompare.report.tables import table_of
def of(data):
    return data.estimates[data.estimates["statistic"] == "toy"]
def summary(data):
    return [f"Their mean is {value:.1f}." for value in of(data)["value"]]
def tables(data):
    yield table_of("toy", "Scores", "Averaged.", of(data), ["value", "n"])
def methods(data):
    return [("Scores", "They are averaged.")]
""",
    "figure.py": """
from plotnine import ggplot
from salcompare.figures.figure import Figure
FIGURES = {99: (lambda data: None, lambda data: Figure("fig99-toy", "Scores", "Averaged.", ggplot(), 1, 1))}
""",
    "calibration.py": """
from salcompare.simulation.cases import Case
CASES = (Case("a toy case", lambda study, rng: {}, ()),)
""",
}


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """Add the folder, and its name to a list that is short so that the test is quick."""
    (tmp_path / "toy").mkdir()
    for name, text in PARTS.items():
        (tmp_path / "toy" / name).write_text(text, encoding="utf-8")
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    monkeypatch.setattr(package, "NAMES", ("preparation", "toy"))
    findings.cache_clear()
    yield
    findings.cache_clear()
    for name in [name for name in sys.modules if name.startswith("salcompare.findings.toy")]:
        del sys.modules[name]


def test_a_folder_and_a_line_bring_inputs_estimates_words_a_figure_and_calibration(toy, tmp_path):
    (tmp_path / "scores.csv").write_text("score\n3\n4\n")
    study = Study(tmp_path, Config())
    data = data_of().replace(scores=study_data(study).scores)
    analysed = analyse(data, maps=Maps(), statistics=Statistics(n_permutations=9, n_resamples=9), seed=1)
    rows = analysed.estimates[analysed.estimates["statistic"] == "toy"]
    assert rows[["metric", "value", "n", "source"]].to_numpy().tolist() == [["mean", 3.5, 2.0, "human"]]
    assert analysed.tables["toy_scores"]["score"].tolist() == [3, 4]
    assert finding_files(study) == {"scores.csv": sha256_of_file(tmp_path / "scores.csv")}
    assert compare_headlines(rows, rows, None)["headline"].tolist() == ["Mean score"]
    data = report_data(tmp_path)
    data = report_data(tmp_path, estimates=pd.concat([data.estimates, rows], ignore_index=True))
    assert {answer.question: answer.answers for answer in answers(data)}["How good are they?"] == (
        "Their mean is 3.5.",)
    assert "toy" in [table.name for table in tables(data)]
    assert dict(methods(data))["Scores"] == "They are averaged."
    assert numbers() == (99,)
    (figure,) = make_figures(tiny(), only=[99])
    assert figure.name == "fig99-toy"
    assert [(case.name, case.finding) for case in calibration_cases()] == [("a toy case", "toy")]
