"""What the report says of how maps were made: each method with the choices that were made, and no others."""

import dataclasses

import pytest

from salcompare.config import METHODS, Attribution
from salcompare.config.methods import is_guided
from salcompare.findings.attribution.words import attributions
from salcompare.findings.content import methods
from salcompare.findings.preparation.words import limits
from salcompare.report.references import REFERENCES
from tests.report.contents import report_data


def said(**options):
    return attributions(dataclasses.asdict(Attribution(**options)))


def test_guided_backpropagation_alone_is_said_as_before():
    assert said() == (
        "Guided Backpropagation (Springenberg et al. 2015): the gradient of the actor's logit with respect to the "
        "image, with negative gradients zeroed at every ReLU and at the input; channels are reduced by their sum.")


def test_choices_stand_where_their_method_is_said():
    found = said(methods=("smoothgrad_integrated_gradients", "occlusion"), steps=20, samples=7, noise=0.1,
                 baseline="black", window=0.2, stride=0.25, sign="absolute", target="predicted",
                 output="probability", channels="max")
    for part in ("7 copies", "noise of 10%", "at 20 points between black and the image", "actor's probability",
                 "square of 20%", "moved by 25%", "absolute values are kept", "is the one that the network predicts.",
                 "reduced by their max",
                 "The main method, of which figures and summary speak, is smoothgrad integrated gradients."):
        assert part in found


@pytest.mark.parametrize("method", METHODS)
def test_every_method_names_a_source_that_the_references_hold(method):
    found = said(methods=(method,))
    author = found.rpartition(" et al. ")[0].rpartition("(")[2] or found.partition("(")[2].partition(" ")[0]
    assert any(reference.startswith(author.split(" & ")[0]) for reference in REFERENCES)
    assert "{" not in found


def test_the_warning_about_guided_backpropagation_stands_only_where_maps_rest_on_it(tmp_path):
    assert is_guided(["gradient", "smoothgrad_guided_grad_cam"])
    assert not is_guided(["gradient", "grad_cam", "smoothgrad"])
    data = report_data(tmp_path)
    other = data.replace(settings={**data.settings, "attribution": dataclasses.asdict(
        Attribution(methods=("deep_lift",)))})
    warning = "Guided Backpropagation hardly changes"
    assert any(warning in line for line in limits(data)) == bool(data.classifiers)
    assert not any(warning in line for line in limits(other))
    assert any("DeepLIFT" in text for _, text in methods(other)) == bool(data.classifiers)


def test_classifiers_with_methods_of_their_own_are_named_with_them():
    settings = dataclasses.asdict(Attribution())
    one, two = {"name": "alexnet", "methods": ()}, {"name": "b0", "methods": ("integrated_gradients", "gradient")}
    found = attributions(settings, [one, two])
    assert found.count("Guided Backpropagation (") == found.count("Integrated gradients (") == 1
    assert found.endswith("Each classifier is explained by methods of its own, its main one first: alexnet: guided "
                          "backprop; b0: integrated gradients, gradient.")
    assert "main one first" not in attributions(settings, [one, {"name": "vgg", "methods": ("guided_backprop",)}])
    assert "Guided" not in attributions(settings, [two])


def test_the_warning_about_guided_backpropagation_follows_the_classifiers_own_methods(tmp_path):
    data = report_data(tmp_path)
    own = [{**one, "methods": ("integrated_gradients",)} for one in data.settings["classifier"]]
    found = limits(data.replace(settings={**data.settings, "classifier": own}))
    assert not any("Guided Backpropagation hardly changes" in line for line in found)


def test_the_limits_count_what_failed_numerically(tmp_path):
    data = report_data(tmp_path)
    assert not any("computation failed" in line for line in limits(data))
    estimates = data.estimates.copy()
    estimates.loc[estimates.index[:2], ["statistic", "reason"]] = [
        ["seed_overlap", "failed numerically: LinAlgError: singular"],
        ["overlap", "failed numerically: ZeroDivisionError"]]
    assert limits(data.replace(estimates=estimates))[:2][-1 if data.simulated else 0].startswith(
        "2 estimates have no value because the computation failed (overlap and seed overlap)")
