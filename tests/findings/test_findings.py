"""Findings declare what they are, and their parts are found beside them."""

import ast
import re
from pathlib import Path

import pytest

from salcompare.findings import NAMES, calibration_cases, findings
from salcompare.findings.content import numbers
from salcompare.findings.finding import Finding
from salcompare.findings.rows import estimates_table
from tests.test_layers import names_imported

ROOT = Path(__file__).parents[2] / "salcompare" / "findings"


def test_every_folder_is_registered_once():
    folders = {path.parent.name for path in ROOT.glob("*/*.py")} - {"__pycache__"}
    assert folders - {"comparison"} == set(NAMES)  # the comparison stands on a page of its own
    assert len(set(NAMES)) == len(NAMES)
    assert [finding.name for finding in findings()] == list(NAMES)


def test_figures_have_the_numbers_that_their_findings_declare():
    for finding in findings():
        part = finding.part("figure")
        assert set(finding.figures) == set(getattr(part, "FIGURES", {}))
        assert set(finding.on_classifier_pages) <= set(finding.figures)
    assert len(set(numbers())) == len(numbers()), "a number is used twice"


def test_each_statistic_is_of_one_frame_and_rows_that_name_none_take_it():
    declared = {(quantity.statistic, finding.frame if quantity.frame is None else quantity.frame)
                for finding in findings() for quantity in finding.quantities}
    assert len(declared) == len(dict(declared)), "a statistic is declared with two frames"
    table = estimates_table([{"statistic": "overlap"}, {"statistic": "overlap", "frame": "canonical"},
                             {"statistic": "label_share"}, {"statistic": "enrichment"}, {"statistic": "no such"}])
    assert table["frame"].fillna("").tolist() == ["photograph", "canonical", "", "photograph", ""]


def test_a_finding_comes_after_those_whose_estimates_it_uses():
    for place, finding in enumerate(findings()):
        assert set(finding.after) <= set(NAMES[:place]), finding.name


@pytest.mark.parametrize("name", NAMES)
def test_what_findings_declare_is_data_only(name):
    tree = ast.parse((ROOT / name / "__init__.py").read_text())
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert "salcompare.findings.finding" in imported
    of_others = {f"salcompare.findings.{other}" for other in NAMES}  # names that another finding declares
    assert imported <= {"typing", "salcompare.findings.finding", "salcompare.naming", *of_others}


def test_a_part_that_is_not_there_is_none_and_a_broken_one_is_no_such():
    assert Finding("preparation").part("figure") is None
    assert Finding("variance").part("estimates") is not None


def test_all_cases_of_calibration_are_found_by_name():
    names = [case.name for case in calibration_cases()]
    assert "variance_explained(classifier)" in names
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", NAMES)
def test_a_finding_knows_of_another_what_that_declares_and_no_more(name):
    others = "|".join(set(NAMES) - {name})
    for path in (ROOT / name).glob("*.py"):
        imported = [module for module, _ in names_imported(path)]  # not those for type checkers
        assert not [module for module in imported if re.match(rf"salcompare\.findings\.({others})\.", module)], path
