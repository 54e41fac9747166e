"""A plan frozen before the data: what the file holds, what is refused, and what status and report say of it."""

import re
import tomllib

import pytest

from salcompare import __version__
from salcompare.cli import main
from salcompare.opening import open_study
from salcompare.pipeline import frozen
from tests.small_study import make_small_study


@pytest.fixture
def root(tmp_path):
    """A study whose photographs are there, and no responses."""
    folder = make_small_study(tmp_path / "study")
    (folder / "data" / "raw" / "responses.csv").rename(tmp_path / "responses.csv")
    return folder


def freeze(root, *more, code=0):
    assert main(["freeze", "--study", str(root), *more]) == code


def change(root, old, new):
    text = (root / "study.toml").read_text()
    assert old in text
    (root / "study.toml").write_text(text.replace(old, new))


def said(root):
    return frozen.standing(open_study(root))


def test_a_plan_holds_what_decides_the_analysis_and_is_run_as_frozen(root, capsys):
    freeze(root, "--workers", "40")
    plan = tomllib.loads((root / "frozen.toml").read_text())
    assert plan["planned"] == {"actors": 3, "images": 6, "workers": 40}
    assert plan["exclusions"]["rules"][0] == "checks"
    assert plan["settings"]["maps.sigma"] == 0.05
    assert plan["settings"]["classifier.tiny.frozen.iterations"] == 6
    assert not any(name.startswith("report.") for name in plan["settings"])
    assert plan["primary"] == {"quantity": "Unique agreement", "smallest_effect": "0.2 of its ceiling"}
    assert "Holm" in plan["family"]["others"]
    assert re.fullmatch("[0-9a-f]{64}", plan["sha256"])
    assert len(said(root)) == 1
    assert re.match(r"Frozen on \d{4}-\d\d-\d\d, before there were data; run as frozen\. Primary", said(root)[0])
    assert "run as frozen" in capsys.readouterr().out


def test_what_changed_since_is_said_setting_by_setting(root):
    freeze(root)
    change(root, "sigma = 0.05", "sigma = 0.06\nmask_share = 0.1")
    change(root, 'name = "small study"', 'name = "renamed"')  # changes no result
    change(root, "hidden = 8", "hidden = 9")
    assert said(root)[1:] == ("classifier.tiny.hidden: frozen 8, now 9", "maps.mask_share: frozen 0.05, now 0.1",
                              "maps.sigma: frozen 0.05, now 0.06")
    assert "not run as frozen" in said(root)[0]


def test_another_version_other_photographs_and_other_numbers_are_changes(root, tmp_path, monkeypatch):
    freeze(root, "--workers", "40", "--actors", "4")
    (tmp_path / "responses.csv").rename(root / "data" / "raw" / "responses.csv")
    (root / "data" / "raw" / "photographs" / "actor1" / "6.png").unlink()
    change(root, "split = [3, 1, 2]", "split = [2, 1, 2]")
    monkeypatch.setattr(frozen, "__version__", "99.0")
    assert main(["run", "--until", "quality", "--drop-invalid", "--study", str(root)]) == 0
    study = open_study(root, drop_invalid=True)
    assert set(frozen.standing(study)[1:]) >= {
        f"salcompare: frozen with {__version__}, now 99.0",
        "photographs: others than were frozen", "actors: planned 4, now 3", "workers: planned 40, now 6",
        "images.split: frozen [3.0, 1.0, 2.0], now [2.0, 1.0, 2.0]", "responses.drop_invalid: frozen false, now true"}


def test_a_plan_that_was_edited_is_no_evidence(root, capsys):
    freeze(root, "--workers", "40")
    path = root / "frozen.toml"
    path.write_text(path.read_text().replace("workers = 40", "workers = 30"))
    assert said(root) == ("The plan is no evidence: frozen.toml was changed by hand: its checksum is not that of its "
                          "content.",)
    path.write_text("frozen = ")
    assert said(root)[0].startswith("The plan is no evidence")
    assert main(["status", "--study", str(root)]) == 0
    assert "The plan is no evidence" in capsys.readouterr().out


def test_a_plan_after_the_data_says_so_and_a_later_one_too(root, tmp_path, capsys):
    (tmp_path / "responses.csv").rename(root / "data" / "raw" / "responses.csv")
    freeze(root, code=2)
    assert "there are responses in data/raw/responses.csv already" in capsys.readouterr().err
    assert not (root / "frozen.toml").exists()
    freeze(root, "--after-data")
    assert "when there were responses in data/raw/responses.csv already; run as frozen" in said(root)[0]
    freeze(root, "--after-data", code=2)
    assert "--overwrite" in capsys.readouterr().err
    freeze(root, "--after-data", "--overwrite")
    assert "already, in place of an earlier plan" in said(root)[0]


def test_without_a_plan_tests_are_exploratory(root):
    assert said(root) == ("No plan was frozen before the data (salcompare freeze): read every test here as "
                          "exploratory.",)


@pytest.mark.parametrize(("more", "told"), [(["--primary", "Image efect"], "did you mean 'Image effect'?"),
                                            (["--workers", "-3"], "a number above 0")])
def test_a_plan_that_cannot_be_is_refused(root, capsys, more, told):
    freeze(root, *more, code=2)
    assert told in capsys.readouterr().err


def test_a_primary_quantity_is_named_by_its_title_in_any_case(root):
    freeze(root, "--primary", "image EFFECT")
    assert "Primary quantity: Image effect; smallest effect of interest: not stated" in said(root)[0]


def test_the_report_is_stale_after_what_its_plan_says_changes(root):
    report = open_study(root).stages()[-1]
    freeze(root)
    frozen_one = open_study(root).stages()[-1]
    change(root, "[statistics]", "[collect]\ntrials = 5\n\n[statistics]")
    later = open_study(root).stages()[-1]
    assert report.inputs != frozen_one.inputs == later.inputs
    assert frozen_one.settings != later.settings
