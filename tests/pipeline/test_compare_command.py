"""The command that compares two studies, as far as a study's statistics are not needed for it."""

import dataclasses

import pytest

from salcompare.cli import main
from salcompare.opening import open_study
from salcompare.pipeline import study_data
from salcompare.study import Study
from tests.findings.comparison.test_studies import OVERLAP, draws, study
from tests.small_study import make_small_study, without_classifier


@pytest.fixture
def root(tmp_path):
    folder = make_small_study(tmp_path / "study")
    without_classifier(folder)
    return folder


def test_a_study_without_statistics_is_refused_with_the_command_that_makes_them(root, capsys):
    assert main(["compare", str(root), str(root), "--out", str(root / "out")]) == 2
    assert f"run: salcompare run --until statistics --study {root}" in capsys.readouterr().err
    assert not (root / "out").exists()


def test_what_stands_there_is_not_written_over_unless_said(root, tmp_path, monkeypatch, capsys):
    more = [{**OVERLAP, "level": "population", "statistic": "another"}]
    compared = iter([study("one", draws(1, 8), more=more), study("two", draws(2, 9))] * 2)
    monkeypatch.setattr(study_data, "compared_study", lambda _: next(compared))
    command = ["compare", str(root), str(root), "--out", str(tmp_path / "out")]
    assert main(command) == 0
    assert capsys.readouterr().out.startswith(
        "1 difference tested, 1 row not (1: only in one: two has no such estimate); see the page\n")
    assert main(command) == 2
    assert "comparison.html: is there already" in capsys.readouterr().err
    assert main([*command, "--overwrite"]) == 0


def test_what_is_compared_of_a_study_are_its_test_images_and_the_responses_that_are_kept(root, monkeypatch):
    main(["run", "--until", "quality", "--study", str(root)])
    monkeypatch.setattr(Study, "estimates", study("one", draws(1, 8)).estimates)
    people = study_data.compared_study(open_study(root))
    assert (people.title, people.people, people.main) == ("small study", "boxes", None)
    assert len(people.images) == 18
    assert len(people.workers) == 6
    assert people.responses_an_image == 6
    assert dataclasses.replace(people, responses=None).workers == frozenset()
