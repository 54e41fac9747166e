"""Several attribution methods in one study: sources, stages, what goes stale, and what scripts read."""

import dataclasses

import numpy as np
import pytest

import salcompare as sc
from salcompare import stages
from salcompare.classifiers import attribute, load_classifier
from salcompare.config import Attribution, Classifier, Config, commented_toml, read_config
from salcompare.errors import ConfigError, InputError
from salcompare.naming import compared_sources, main_source
from salcompare.pipeline import stages as stages_of
from salcompare.progress import Silent
from salcompare.study import Study
from tests.small_study import make_small_study

THREE = ("guided_backprop", "smoothgrad", "grad_cam")


def study_of(tmp_path, methods=THREE, **options):
    config = Config(classifier=(Classifier(name="one"), Classifier(name="two", variants=("frozen",))),
                    attribution=Attribution(methods=methods, **options))
    return Study(tmp_path, config)


def test_of_each_classifier_the_last_variant_by_the_main_method_stands_last(tmp_path):
    study = study_of(tmp_path)
    assert study.sources == [
        "one/frozen/grad_cam", "one/finetuned/grad_cam", "one/frozen/smoothgrad", "one/finetuned/smoothgrad",
        "one/frozen/guided_backprop", "one/finetuned/guided_backprop",
        "two/frozen/grad_cam", "two/frozen/smoothgrad", "two/frozen/guided_backprop"]
    assert main_source(study.sources) == "one/finetuned/guided_backprop"


def mixed(tmp_path):
    """A study of a classifier that has no methods of its own and one that has."""
    config = Config(classifier=(Classifier(name="one", variants=("frozen",), seeds=2), Classifier(
        name="two", variants=("frozen",), seeds=2, methods=("integrated_gradients", "gradient"))))
    return Study(tmp_path, config)


def test_each_classifier_has_its_own_methods_and_the_first_of_them_is_its_main_one(tmp_path):
    study = mixed(tmp_path)
    assert study.sources == ["one/frozen/guided_backprop", "two/frozen/gradient", "two/frozen/integrated_gradients"]
    assert [study.config.attribution_of(one).method for one in study.config.classifier] == [
        "guided_backprop", "integrated_gradients"]
    found = map_stages(study)
    assert {name: settings["attribution"]["method"] for name, settings in found.items()} == {
        f"maps {source}{seed}": source.split("/")[2] for source, seed in (
            *((source, "") for source in study.sources), (study.sources[0], " (seed 2)"),
            (study.sources[2], " (seed 2)"))}
    assert compared_sources(study.sources) == [
        ("two/frozen/integrated_gradients", "one/frozen/guided_backprop"),
        ("two/frozen/integrated_gradients", "two/frozen/gradient")]


def test_neither_the_methods_nor_the_seeds_of_a_classifier_change_its_training(tmp_path):
    (tmp_path / "data/raw/photographs").mkdir(parents=True)
    study = mixed(tmp_path)
    same = Study(tmp_path, dataclasses.replace(study.config, classifier=tuple(
        dataclasses.replace(one, methods=("occlusion",), seeds=1) for one in study.config.classifier)))
    for name in ("train one", "train two"):
        before, now = (next(stage for stage in stages_of(of) if stage.name == name).settings for of in (study, same))
        assert before == now


@pytest.mark.parametrize(("text", "says"), [
    ('methods = ["gradcam"]', "study.toml [[classifier]] b methods: 'gradcam'; expected guided_backprop or gradient"),
    ('methods = ["gradient", "gradient"]', "study.toml [[classifier]] b methods: 'gradient' is listed twice"),
    ('methods = ["deep_lift"]\n[attribution]\noutput = "probability"',
     "study.toml [[classifier]] b: [attribution] output: 'probability' with the method deep_lift; expected logit"),
])
def test_what_a_classifiers_methods_cannot_be_is_refused_with_its_name(tmp_path, text, says):
    (tmp_path / "study.toml").write_text(f'[[classifier]]\nname = "a"\n[[classifier]]\nname = "b"\n{text}\n')
    with pytest.raises(ConfigError) as caught:
        read_config(tmp_path / "study.toml")
    assert [str(problem).split("; give")[0].startswith(says) for problem in caught.value.problems] == [True]


def test_the_study_toml_that_is_written_explains_a_classifiers_own_methods(tmp_path):
    text = commented_toml()
    line, = (line for line in text.splitlines() if line.startswith("methods = []"))
    assert "empty takes those of [attribution]" in line
    assert "integrated_gradients" in line
    (tmp_path / "study.toml").write_text(text.replace("methods = []", 'methods = ["occlusion"]'))
    assert read_config(tmp_path / "study.toml").classifier[0].methods == ("occlusion",)


def test_variants_and_methods_are_compared_one_at_a_time_and_classifiers_by_their_main_source(tmp_path):
    pairs = compared_sources(study_of(tmp_path, THREE[:2]).sources)
    assert set(pairs) == {
        ("one/finetuned/smoothgrad", "one/frozen/smoothgrad"),
        ("one/finetuned/guided_backprop", "one/frozen/guided_backprop"),
        ("one/frozen/guided_backprop", "one/frozen/smoothgrad"),
        ("one/finetuned/guided_backprop", "one/finetuned/smoothgrad"),
        ("two/frozen/guided_backprop", "two/frozen/smoothgrad"),
        ("two/frozen/guided_backprop", "one/finetuned/guided_backprop")}


def map_stages(study):
    (study.root / "data/raw/photographs").mkdir(parents=True, exist_ok=True)
    return {stage.name: stage.settings for stage in stages_of(study) if stage.name.startswith("maps ")}


def test_a_stage_a_source_depends_on_the_options_of_its_own_method_only(tmp_path):
    study = study_of(tmp_path)
    assert set(map_stages(study)) == {f"maps {source}" for source in study.sources}
    fewer, noisier = study_of(tmp_path, THREE[:1]), study_of(tmp_path, samples=5)
    gb, smooth = "maps one/finetuned/guided_backprop", "maps one/finetuned/smoothgrad"
    assert map_stages(fewer)[gb] == map_stages(study)[gb] == map_stages(noisier)[gb]
    assert map_stages(noisier)[smooth] != map_stages(study)[smooth]


@pytest.mark.parametrize(("text", "says"), [
    ("methods = []", "methods: []; expected at least one of guided_backprop"),
    ('methods = ["gradient", "gradient"]', "methods: 'gradient' is listed twice"),
    ('methods = ["gradcam"]', "methods: 'gradcam'; expected guided_backprop or gradient"),
    ('methods = ["smoothgrad_deep_lift"]\noutput = "probability"', "with the method smoothgrad_deep_lift"),
    ("steps = 1", "steps: 1; expected a finite number from 2"),
    ('baseline = "blue"', "baseline: 'blue'; expected mean or black"),
])
def test_what_attribution_cannot_be_told_is_refused(tmp_path, text, says):
    (tmp_path / "study.toml").write_text(f"[attribution]\n{text}\n")
    with pytest.raises(ConfigError, match="attribution") as caught:
        read_config(tmp_path / "study.toml")
    assert says in str(caught.value)


@pytest.mark.parametrize(("method", "sign", "used"), [
    ("gradient", "auto", "absolute"), ("smoothgrad", "auto", "absolute"), ("deep_lift", "auto", "positive"),
    ("gradient", "negative", "negative")])
def test_the_sign_that_is_used_is_the_one_that_is_said(method, sign, used):
    assert Attribution(sign=sign).choices(method)["sign"] == used


def test_scripts_read_the_maps_of_any_method_by_its_name(tmp_path):
    root = make_small_study(tmp_path / "study")
    settings = (root / "study.toml").read_text()
    (root / "study.toml").write_text(settings.replace(
        "[maps]", '[attribution]\nmethods = ["guided_backprop", "grad_cam"]\n\n[maps]'))
    study = sc.open_study(root)
    for source in ("tiny/finetuned/grad_cam", "tiny/finetuned/guided_backprop"):
        stages.run(study, until=f"maps {source}", progress=Silent())
    main, other = study.classifier_maps().load(), study.classifier_maps(method="grad_cam").load()
    assert (main.attrs["method"], other.attrs["method"]) == ("guided_backprop", "grad_cam")
    trained = load_classifier(root / "data/processed/classifiers/tiny", "finetuned")
    test = study.photographs().sel(image=main.image.to_numpy())
    expected = attribute(trained, test, targets=test.actor, method="grad_cam")
    np.testing.assert_allclose(other.saliency, expected, rtol=1e-4, atol=1e-6 * expected.max())
    with pytest.raises(InputError, match=r"method: 'occlusion'; expected one of grad_cam, guided_backprop; name it in"):
        study.classifier_maps(method="occlusion")
    settings = dataclasses.replace(study.config, attribution=Attribution(methods=("guided_backprop", "occlusion")))
    found = stages.standings(dataclasses.replace(study, config=settings))
    assert found["maps tiny/finetuned/guided_backprop"].state == "current"
    assert found["maps tiny/finetuned/occlusion"].state == "missing"
