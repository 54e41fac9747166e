"""Which classifiers a study controls, and with what."""

import pytest

import salcompare as sc
from salcompare.errors import ConfigError
from salcompare.pipeline import stages
from salcompare.pipeline.controls import kinds
from tests.small_study import make_small_study

SECOND = '[[classifier]]\nname = "other"\nbackbone = "alexnet"\nweights = "none"\n\n[maps]'


def study_with(folder, controls="", people=""):
    made = make_small_study(folder / "study", n_actors=2, n_images=4)
    settings = (made / "study.toml").read_text().replace("[maps]", SECOND)
    (made / "study.toml").write_text(settings + people + controls)
    return sc.open_study(made)


def named(study):
    return [stage.name for stage in stages(study) if stage.name.startswith("controls")]


@pytest.mark.parametrize(("controls", "expected"), [
    ("", ["controls tiny"]),
    ('[controls]\nclassifiers = "all"\n', ["controls tiny", "controls other"]),
    ('[controls]\nclassifiers = "none"\n', []),
])
def test_the_first_classifier_is_controlled_unless_asked_otherwise(tmp_path, controls, expected):
    study = study_with(tmp_path, controls)
    assert named(study) == expected
    needs = {stage.name: stage.needs for stage in stages(study)}
    assert set(expected) <= set(needs["statistics"])


def test_settings_of_the_controls_are_what_makes_them_stale(tmp_path):
    first, other = (next(stage for stage in stages(study_with(tmp_path / name, controls))
                         if stage.name == "controls tiny").settings["controls"]
                    for name, controls in (("a", ""), ("b", "[controls]\nrandomisations = 7\n")))
    assert first != other


def test_without_people_only_the_curves_are_made(tmp_path):
    assert list(kinds(study_with(tmp_path, people='[responses]\nsource = "none"\n'))) == ["layers"]
    assert list(kinds(study_with(tmp_path / "people"))) == ["randomised network", "shuffled labels", "layers"]


def test_a_single_randomisation_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="randomisations"):
        study_with(tmp_path, "[controls]\nrandomisations = 1\n")
