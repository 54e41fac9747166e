"""Whatever a script asks of a study that does not have it ends in one clear error that names the remedy."""

import pytest

import salcompare as sc
from salcompare.errors import InputError
from tests.given_study import NETWORKS_MAPS, SETTINGS

BOXES_ONLY = "classifier = []\n"
NETWORKS_ONLY = '[responses]\nsource = "none"\n'


@pytest.fixture
def opened(tmp_path):
    """Open a study of which nothing has been made yet."""
    def make(text):
        (tmp_path / "data/raw/photographs").mkdir(parents=True, exist_ok=True)
        (tmp_path / "study.toml").write_text(text)
        return sc.open_study(tmp_path)
    return make


@pytest.mark.parametrize("access", [
    lambda study: study.human_maps(), lambda study: study.responses, lambda study: study.responses_read,
    lambda study: study.response_maps(), lambda study: study.response_meta])
def test_people_that_are_not_there_are_named_with_the_setting(opened, access):
    with pytest.raises(InputError, match=r"the study has no people's side \(\[responses\] source = .none.\)"
                                         r".*use study.classifier_maps\(\)"):
        access(opened(SETTINGS + NETWORKS_ONLY + NETWORKS_MAPS))


def test_checks_have_no_rows_where_nobody_drew_boxes(opened):
    checks = opened(SETTINGS + NETWORKS_ONLY + NETWORKS_MAPS).checks
    assert checks.empty
    assert "target_label" in checks


@pytest.mark.parametrize("access", [
    lambda study: study.classifier_maps(), lambda study: study.maps_of("alexnet/finetuned/guided_backprop"),
    lambda study: study.maps_by_seed("alexnet/finetuned/guided_backprop"),
    lambda study: study.stage_of("alexnet/finetuned/guided_backprop")])
def test_a_classifier_that_is_not_there_is_named(opened, access):
    with pytest.raises(InputError, match=r"the study.* has no classifier"):
        access(opened(BOXES_ONLY + SETTINGS))


def test_a_source_that_is_nearly_one_is_asked_for(opened):
    study = opened(SETTINGS)
    with pytest.raises(InputError, match=r"did you mean 'alexnet/finetuned/guided_backprop'\?"):
        study.maps_of("alexnet/finetune/guided_backprop")
    with pytest.raises(InputError, match=r"classifier: 'alexnt'; expected one of alexnet; did you mean 'alexnet'\?"):
        study.classifier_maps(classifier="alexnt")
    with pytest.raises(InputError, match=r"seed: 5; expected one of 1; set seeds of that \[\[classifier\]\]"):
        study.seed_folder(study.config.classifier[0], 5)


def test_maps_that_were_given_were_trained_with_no_seed(opened):
    with pytest.raises(InputError, match="its maps were given ready-made"):
        opened(SETTINGS + NETWORKS_MAPS).maps_by_seed("deepnet/precomputed/integrated_gradients")


@pytest.mark.parametrize(("access", "stage"), [
    (lambda study: study.images, "photographs"), (lambda study: study.photographs(), "photographs"),
    (lambda study: study.responses, "quality"), (lambda study: study.human_maps(), "'human maps'"),
    (lambda study: study.response_meta, "responses"), (lambda study: study.estimates, "statistics"),
    (lambda study: study.heatmaps(), "statistics"),
    (lambda study: study.classifier_maps(), "'maps alexnet/finetuned/guided_backprop'")])
def test_what_is_not_made_yet_is_told_with_the_command_that_makes_it(opened, access, stage, tmp_path):
    with pytest.raises(InputError, match=f"run: salcompare run --until {stage} --study {tmp_path}"):
        access(opened(SETTINGS))
