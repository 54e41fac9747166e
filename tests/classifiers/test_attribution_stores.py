"""Maps by every method as labelled stores: signs, channels, baselines, attributes, resuming, and bounded memory."""

import copy
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from salcompare.classifiers.attributions import write_classifier_maps
from salcompare.classifiers.guided import guided_backprop
from salcompare.classifiers.methods import explain
from salcompare.classifiers.saliency import attribute, several_maps
from salcompare.config import METHODS, Attribution
from salcompare.errors import InputError
from salcompare.schema import CLASSIFIER_MAPS, check_maps
from salcompare.store import open_dataset
from tests.classifiers.test_attributions import PREPARE, Interrupting, files, photographs, trained

__all__ = ["trained"]  # the fixture
FEW = Attribution(steps=4, samples=2, window=0.4)


def values(trained, pixels, method, **options):
    """A method's own values (n, c, y, x), each photograph for its own actor."""
    targets = torch.arange(4).repeat_interleave(len(pixels) // 4)
    return explain(trained.model, PREPARE(pixels.to_numpy()), targets, method=method, **options).numpy()


@pytest.mark.parametrize("method", METHODS)
def test_maps_by_every_method_are_labelled_non_negative_and_the_same_whatever_the_batch(trained, tmp_path, method):
    pixels = photographs(5, lazy=True)
    write_classifier_maps(trained, pixels, config=FEW, method=method, folder=tmp_path, name="m", fingerprint="1")
    maps = open_dataset(tmp_path, "m").load()
    check_maps(maps, CLASSIFIER_MAPS, method)
    assert maps.attrs["method"] == method
    assert maps.image.to_numpy().tolist() == pixels.image.to_numpy().tolist()
    assert float(maps.saliency.max()) > 0
    odd = Attribution(steps=4, samples=2, window=0.4, batch=3)
    parts = attribute(trained, pixels, targets=pixels.actor, config=odd, method=method)
    np.testing.assert_allclose(parts, maps.saliency, rtol=1e-3, atol=1e-5 * float(maps.saliency.max()))


def test_contributions_are_summed_over_channels_before_their_sign_is_judged(trained):
    pixels = photographs(2)
    own = values(trained, pixels, "input_x_gradient").sum(1)
    for sign, expected in (("positive", own.clip(min=0)), ("negative", (-own).clip(min=0)), ("absolute", abs(own))):
        found = attribute(trained, pixels, targets=pixels.actor, method="input_x_gradient",
                          config=Attribution(sign=sign))
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6 * own.max())


def test_gradients_are_taken_absolute_channel_by_channel_unless_a_sign_is_asked_for(trained):
    pixels = photographs(2)
    own = values(trained, pixels, "gradient")
    for config, expected in ((Attribution(), abs(own).sum(1)), (Attribution(channels="max"), abs(own).max(1)),
                             (Attribution(sign="negative"), (-own).clip(min=0).sum(1))):
        found = attribute(trained, pixels, targets=pixels.actor, method="gradient", config=config)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6 * abs(own).max())


@pytest.mark.parametrize(("name", "value"), [("black", 0), ("grey", 128), ("white", 255)])
def test_a_baseline_is_a_photograph_of_one_colour(trained, name, value):
    pixels = photographs(1)
    plain = PREPARE(np.full(pixels.shape, value, np.uint8))
    expected = values(trained, pixels, "deep_lift", baseline=plain).sum(1).clip(min=0)
    found = attribute(trained, pixels, targets=pixels.actor, method="deep_lift", config=Attribution(baseline=name))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6 * expected.max())


def test_the_first_method_is_the_main_one(trained):
    pixels = photographs(1)
    config = Attribution(methods=("grad_cam", "guided_backprop"))
    assert config.method == "grad_cam"
    np.testing.assert_array_equal(attribute(trained, pixels, targets=pixels.actor, config=config),
                                  attribute(trained, pixels, targets=pixels.actor, method="grad_cam"))
    with pytest.raises(InputError, match="method: 'gard_cam'; expected one of"):
        attribute(trained, pixels, targets=pixels.actor, method="gard_cam")


def test_several_classes_of_a_photograph_have_the_maps_that_they_have_alone(trained):
    pixels = photographs(1)
    classes = np.array([[0, 1, 2, 3], [3, 2, 1, 0], [1, 1, 1, 1]])
    for method in ("guided_backprop", "smoothgrad", "deep_lift"):
        together = several_maps(trained, pixels, classes, FEW, method=method)
        for row, found in zip(classes, together, strict=True):
            alone = attribute(trained, pixels, targets=[trained.actors[i] for i in row], config=FEW, method=method)
            np.testing.assert_allclose(found, alone, rtol=1e-5, atol=1e-6 * alone.max())


def test_attributes_say_every_choice_that_a_method_has_and_no_other(trained, tmp_path):
    config = Attribution(baseline="black", steps=4, samples=2, noise=0.3, sign="absolute")
    shown = {}
    for method in ("smoothgrad_integrated_gradients", "guided_backprop", "occlusion"):
        write_classifier_maps(trained, photographs(1), config=config, method=method, folder=tmp_path, name=method,
                              fingerprint="1")
        shown[method] = open_dataset(tmp_path, method).attrs
    found = shown["smoothgrad_integrated_gradients"]
    expected = {"baseline": "black", "steps": 4, "samples": 2, "noise": 0.3, "sign": "absolute", "channels": "sum",
                "target": "the image's own actor", "unit": "logit"}
    assert {key: found[key] for key in expected} == expected
    assert "captum" in json.loads(found["versions"])
    assert not {"baseline", "steps", "samples", "noise", "sign", "window"} & set(shown["guided_backprop"])
    assert {"baseline", "window", "stride"} <= set(shown["occlusion"])


def test_the_predicted_actor_can_be_explained_in_place_of_the_one_shown(trained, tmp_path):
    pixels = photographs(3)
    with torch.no_grad():
        predicted = [trained.actors[i] for i in trained.model(PREPARE(pixels.to_numpy())).argmax(1)]
    assert predicted != pixels.actor.to_numpy().tolist()
    write_classifier_maps(trained, pixels, config=Attribution(target="predicted"), folder=tmp_path, name="m",
                          fingerprint="1")
    maps = open_dataset(tmp_path, "m").load()
    expected = attribute(trained, pixels, targets=predicted)
    np.testing.assert_allclose(maps.saliency, expected, rtol=1e-5, atol=1e-6 * expected.max())
    assert maps.attrs["target"] == "the actor that the network predicts"


@pytest.mark.parametrize("method", ["smoothgrad", "occlusion", "integrated_gradients"])
def test_a_killed_run_of_any_method_goes_on_to_the_same_bytes(trained, tmp_path, method):
    def write(folder, **more):
        write_classifier_maps(trained, photographs(10), config=FEW, method=method, folder=folder, name="m",
                              fingerprint="1", **more)

    write(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "killed", progress=Interrupting(1))
    write(tmp_path / "killed")
    assert files(tmp_path / "killed") == files(tmp_path / "whole")


def test_maps_that_are_not_finite_are_refused_by_image(trained):
    pixels, broken = photographs(1), copy.deepcopy(trained)
    broken.model[-1].bias.data[2] = float("nan")
    with pytest.raises(InputError, match=r"model's logits of image 'Zoë/0': NaN or infinite values"):
        several_maps(broken, pixels, np.full((1, 4), 2), Attribution(output="probability"), method="gradient")


def test_the_guided_map_is_the_one_it_was(trained):
    pixels = photographs(2)
    own = guided_backprop(trained.model, PREPARE(pixels.to_numpy()), torch.arange(4).repeat_interleave(2)).numpy()
    found = attribute(trained, pixels, targets=pixels.actor, config=Attribution(sign="negative"))
    np.testing.assert_allclose(found, own.sum(1), rtol=1e-6)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_images(tmp_path):
    script = Path(__file__).parent / "memory_of_maps.py"
    done = subprocess.run([sys.executable, str(script), str(tmp_path), "200", "2000"], capture_output=True, text=True,
                          check=True, cwd=Path(__file__).parents[2])
    few, many = map(float, done.stdout.split())  # MiB; the 1,800 images more and their maps are 49 MiB
    assert many - few < 15
