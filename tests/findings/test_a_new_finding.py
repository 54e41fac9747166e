"""A finding is one folder and one line: its estimates, words, figure and calibration are found beside it."""

import sys

import pandas as pd
import pytest

import salcompare.findings as package
from salcompare.config import Maps, Statistics
from salcompare.findings import calibration_cases, findings
from salcompare.findings.analysis import analyse
from salcompare.findings.content import answers, methods, tables
from salcompare.findings.figures import make_figures, numbers
from tests.figures.tiny import tiny
from tests.findings.quality.test_estimates import data_of
from tests.report.contents import report_data

PARTS = {
    "__init__.py": """
from salcompare.findings.finding import Finding
FINDING = Finding(name="toy", question="How many images are there?", figures=(99,))
""",
    "estimates.py": """
def estimates(analysis):
    row = {"statistic": "toy", "level": "population", "value": float(len(analysis.data.images)),
           "n": len(analysis.data.images)}
    yield [row], []
""",
    "words.py": """
from salcompare.report.tables import table_of
def of(data):
    return data.estimates[data.estimates["statistic"] == "toy"]
def summary(data):
    return [f"There are {value:.0f}." for value in of(data)["value"]]
def tables(data):
    yield table_of("toy", "Images", "Counted.", of(data), ["value", "n"])
def methods(data):
    return [("Images", "They are counted.")]
""",
    "figure.py": """
from plotnine import ggplot
from salcompare.figures.data import Figure
FIGURES = {99: (lambda data: None, lambda data: Figure("fig99-toy", "Images", "Counted.", ggplot(), 1, 1))}
""",
    "calibration.py": "CASES = ('a toy case',)",
}


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """Add the folder, and its name to a list that is short so that the test is quick."""
    (tmp_path / "toy").mkdir()
    for name, text in PARTS.items():
        (tmp_path / "toy" / name).write_text(text, encoding="utf-8")
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    monkeypatch.setattr(package, "NAMES", ("material", "toy"))
    findings.cache_clear()
    yield
    findings.cache_clear()
    for name in [name for name in sys.modules if name.startswith("salcompare.findings.toy")]:
        del sys.modules[name]


def test_a_folder_and_a_line_bring_estimates_words_a_figure_and_calibration(toy, tmp_path):
    found = analyse(data_of(), maps=Maps(), statistics=Statistics(n_permutations=9, n_resamples=9), seed=1)
    rows = found.estimates[found.estimates["statistic"] == "toy"]
    assert rows["value"].tolist() == rows["n"].tolist() == [float(len(data_of().images))]
    data = report_data(tmp_path)
    data = report_data(tmp_path, estimates=pd.concat([data.estimates, rows], ignore_index=True))
    assert {answer.question: answer.answers for answer in answers(data)}["How many images are there?"] == (
        f"There are {rows['n'].item():.0f}.",)
    assert "toy" in [table.name for table in tables(data)]
    assert dict(methods(data))["Images"] == "They are counted."
    assert numbers() == (99,)
    (figure,) = make_figures(tiny(), only=[99])
    assert figure.name == "fig99-toy"
    assert "a toy case" in calibration_cases()
