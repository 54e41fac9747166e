"""Which classifiers a study controls, and with what."""

import pytest

import salcompare as sc
from salcompare.errors import ConfigError
from salcompare.findings.controls.stage import kinds
from salcompare.pipeline import stages
from tests.small_study import make_small_study

SECOND = '[[classifier]]\nname = "other"\nbackbone = "alexnet"\nweights = "none"\n\n[maps]'


def study_with(folder, controls="", people=""):
    made = make_small_study(folder / "study", n_actors=2, n_images=4)
    settings = (made / "study.toml").read_text().replace("[maps]", SECOND)
    (made / "study.toml").write_text(settings + people + controls)
    return sc.open_study(made)


def named(study):
    return [stage.name for stage in stages(study) if stage.name.startswith(("controls", "randomised"))]


FIRST = ["randomised tiny/guided_backprop", "controls tiny"]


@pytest.mark.parametrize(("controls", "expected"), [
    ("", [*FIRST, "randomised other/guided_backprop", "controls other"]),
    ('[controls]\nclassifiers = "first"\n', FIRST),
    ('[controls]\nclassifiers = "none"\n', []),
])
def test_all_classifiers_are_controlled_unless_asked_otherwise(tmp_path, controls, expected):
    study = study_with(tmp_path, controls)
    assert named(study) == expected
    requires = {stage.name: stage.requires for stage in stages(study)}
    assert set(expected) <= set(requires["statistics"])


def settings(folder, controls, stage):
    return next(one for one in stages(study_with(folder, controls)) if one.name == stage).settings


@pytest.mark.parametrize(("controls", "stale"), [
    ("randomisations = 7", FIRST[:1]), ("images = 1", FIRST), ("shuffles = 3", FIRST[1:]), ("layers = 3", FIRST[1:]),
    ('classifiers = "first"', []),
])
def test_settings_of_the_controls_are_what_makes_them_stale(tmp_path, controls, stale):
    before, now = ({stage: settings(tmp_path / name / stage.replace("/", " "), text, stage) for stage in FIRST}
                   for name, text in (("a", ""), ("b", f"[controls]\n{controls}\n")))
    assert [stage for stage in FIRST if before[stage] != now[stage]] == stale


def test_each_method_has_random_networks_of_its_own_and_the_rest_is_the_main_methods(tmp_path):
    methods = '[attribution]\nmethods = ["gradient", "grad_cam"]\n'
    study = study_with(tmp_path, f'{methods}[controls]\nclassifiers = "first"\n')
    assert named(study) == ["randomised tiny/gradient", "randomised tiny/grad_cam", "controls tiny"]
    made = {stage.name: stage for stage in stages(study)}
    assert made["controls tiny"].settings["attribution"]["method"] == "gradient"
    assert made["randomised tiny/grad_cam"].settings["attribution"]["method"] == "grad_cam"


def test_without_people_only_the_curves_are_made(tmp_path):
    assert list(kinds(study_with(tmp_path, people='[responses]\nsource = "none"\n'))) == ["layers"]
    assert list(kinds(study_with(tmp_path / "people"))) == ["randomised network", "shuffled labels", "layers"]


def test_a_single_randomisation_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="randomisations"):
        study_with(tmp_path, "[controls]\nrandomisations = 1\n")
