"""Classifier maps as labelled stores: what they hold, and that a kill changes nothing."""

from __future__ import annotations

import copy
import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr
from torch import nn

from salcompare.classifiers.attributions import attribute, several_maps, write_class_differences, write_classifier_maps
from salcompare.classifiers.dataset import Preprocessing
from salcompare.classifiers.guided import guided_backprop
from salcompare.classifiers.methods import explain
from salcompare.classifiers.network import TrainedClassifier
from salcompare.config import METHODS, Attribution
from salcompare.errors import InputError
from salcompare.progress import Silent
from salcompare.schema import CLASSIFIER_MAPS, check_maps
from salcompare.store import open_dataset, read_json

ACTORS = ("Zoë", "s01", "s02", "s10")
SIZE = (14, 12)
PREPARE = Preprocessing(mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.4))


@pytest.fixture(scope="module")
def trained():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(inplace=True), nn.MaxPool2d(2), nn.Flatten(),
                        nn.Linear(8 * 6 * 5, 16), nn.ReLU6(), nn.Linear(16, 4)).requires_grad_(False).eval()
    return TrainedClassifier(net, ACTORS, PREPARE, "0f" * 32, "small", "frozen", SIZE, 3)


def photographs(per_actor=10, *, lazy=False):
    n = per_actor * len(ACTORS)
    pixels = np.random.default_rng(0).integers(0, 256, (n, *SIZE, 3), dtype=np.uint8)
    array = xr.DataArray(
        pixels, dims=("image", "y", "x", "channel"), name="photographs",
        coords={"image": [f"{actor}/{i}" for actor in ACTORS for i in range(per_actor)],
                "actor": ("image", np.repeat(ACTORS, per_actor)), "split": ("image", ["test"] * n),
                "y": np.arange(SIZE[0]), "x": np.arange(SIZE[1]), "channel": ["red", "green", "blue"]})
    return array.chunk(image=7) if lazy else array


class Interrupting(Silent):
    """Stops a run after so many batches."""

    def __init__(self, after):
        self.after = after

    def track(self, items, *, total, what, done=0):
        for i, item in enumerate(items):
            if i == self.after:
                raise KeyboardInterrupt
            yield item


def write(trained, pixels, folder, **changes):
    options = {"config": Attribution(), "folder": folder, "name": "frozen-guided_backprop", "fingerprint": "ab12"}
    write_classifier_maps(trained, pixels, **{**options, **changes})
    return open_dataset(folder, "frozen-guided_backprop")


def files(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# attribute

def test_a_map_is_the_channels_sum_of_guided_backpropagation(trained):
    pixels = photographs(2)
    x = PREPARE(pixels.to_numpy())
    expected = guided_backprop(trained.model, x, torch.arange(4).repeat_interleave(2)).sum(1).numpy()
    found = attribute(trained, pixels, targets=pixels.actor)
    assert found.dtype == np.float32
    assert found.max() > 0
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_the_maximum_over_channels_and_the_probability_are_options(trained):
    pixels, target = photographs(2), ["s10"] * 8
    x = PREPARE(pixels.to_numpy())
    config = Attribution(output="probability", channels="max")
    expected = guided_backprop(trained.model, x, 3, output="probability").amax(1).numpy()
    np.testing.assert_allclose(attribute(trained, pixels, targets=target, config=config), expected, rtol=1e-6)


@pytest.mark.parametrize("batch", [1, 3, 100])
def test_the_batch_does_not_matter(trained, batch):
    pixels = photographs(3)
    whole = attribute(trained, pixels, targets=pixels.actor)
    parts = attribute(trained, pixels, targets=pixels.actor, config=Attribution(batch=batch))
    np.testing.assert_allclose(parts, whole, rtol=1e-5, atol=1e-6 * whole.max())


def test_lazy_photographs_give_the_same_maps(trained):
    pixels, lazy = photographs(5), photographs(5, lazy=True)
    np.testing.assert_array_equal(attribute(trained, lazy, targets=lazy.actor),
                                  attribute(trained, pixels, targets=pixels.actor))


def test_no_photographs_give_no_maps(trained):
    assert attribute(trained, photographs(0), targets=[]).shape == (0, *SIZE)


def test_names_the_images_whose_actor_the_network_does_not_know(trained):
    pixels = photographs(1)
    with pytest.raises(InputError, match=r"image 's01/0': 's99'; expected one of the network's actors, Zoë, s01"):
        attribute(trained, pixels, targets=["Zoë", "s99", "s02", "s10"])
    with pytest.raises(InputError, match=r"targets: shape \(2,\); expected an actor for each of the 4 images"):
        attribute(trained, pixels, targets=["Zoë", "s01"])


def test_refuses_photographs_of_another_kind(trained):
    pixels = photographs(1)
    with pytest.raises(InputError, match=r"photographs of \(14, 11, 3\).*resize"):
        attribute(trained, pixels.isel(x=slice(11)), targets=pixels.actor)
    with pytest.raises(InputError, match="pixels: float64 of dims"):
        attribute(trained, pixels / 255, targets=pixels.actor)
    with pytest.raises(InputError, match=r"no coordinate 'image'.*\n.*no coordinate 'actor'"):
        attribute(trained, pixels.drop_vars(["image", "actor"]), targets=pixels.actor)


# Classifier maps

def test_maps_stand_in_the_store_by_image_and_actor(trained, tmp_path):
    pixels = photographs()
    maps = write(trained, pixels, tmp_path).load()
    check_maps(maps, CLASSIFIER_MAPS, "maps")
    assert maps.image.to_numpy().tolist() == pixels.image.to_numpy().tolist()
    expected = attribute(trained, pixels, targets=pixels.actor)
    np.testing.assert_allclose(maps.saliency, expected, rtol=1e-5, atol=1e-6 * expected.max())
    np.testing.assert_array_equal(maps.saliency.sel(actor="Zoë"), maps.saliency[:10])
    np.testing.assert_array_equal(maps.saliency.sel(image="s02/3"), maps.saliency[23])


def test_attributes_say_what_the_maps_are_and_what_they_were_made_from(trained, tmp_path):
    maps = write(trained, photographs(1), tmp_path, provenance={
        "seed": 7, "variant": "finetuned", "inputs": {"images.csv": "ab"}})
    assert maps.attrs["method"] == "guided_backprop"
    assert maps.attrs["output"] == "logit"
    assert maps.attrs["channels"] == "sum"
    assert maps.attrs["target"] == "the image's own actor"
    assert maps.attrs["weights_sha256"] == "0f" * 32
    assert maps.attrs["backbone"] == "small"
    assert (maps.attrs["seed"], maps.attrs["variant"]) == (7, "finetuned")
    assert json.loads(maps.attrs["inputs"]) == {"images.csv": "ab"}
    assert json.loads(maps.attrs["versions"])["torch"]
    assert maps.attrs["n_empty"] == 0
    manifest = read_json(tmp_path / "frozen-guided_backprop.json")
    assert manifest["provenance"] == {"seed": 7, "variant": "finetuned", "inputs": {"images.csv": "ab"}}


def test_all_zero_maps_are_kept_and_counted(trained, tmp_path):
    silent = nn.Sequential(trained.model, nn.Linear(4, 4)).requires_grad_(False)
    with torch.no_grad():
        silent[1].weight[1] = 0  # nothing speaks for s01
    maps = write(dataclasses.replace(trained, model=silent), photographs(), tmp_path)
    assert maps.attrs["n_empty"] == 10
    assert float(maps.saliency.sel(actor="s01").max()) == 0


def test_two_runs_write_the_same_bytes(trained, tmp_path):
    write(trained, photographs(), tmp_path / "one")
    write(trained, photographs(lazy=True), tmp_path / "two")
    assert files(tmp_path / "one") == files(tmp_path / "two")


@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_killed_run_goes_on_to_the_same_bytes(trained, tmp_path, after):
    write(trained, photographs(), tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        write(trained, photographs(), tmp_path / "killed", progress=Interrupting(after))
    assert not (tmp_path / "killed" / "frozen-guided_backprop.json").exists()
    counted = Counting()
    write(trained, photographs(), tmp_path / "killed", progress=counted)
    assert counted.items == 3 - after
    assert files(tmp_path / "killed") == files(tmp_path / "whole")


class Counting(Silent):
    """Counts what was tracked."""

    items = 0

    def track(self, items, *, total, what, done=0):
        for item in items:
            self.items += 1
            yield item


def test_a_run_that_is_done_computes_nothing_again(trained, tmp_path):
    write(trained, photographs(), tmp_path)
    counted = Counting()
    write(trained, photographs(), tmp_path, progress=counted)
    assert counted.items == 0


def test_maps_for_an_actor_the_network_does_not_know_are_refused_before_anything_is_written(trained, tmp_path):
    few = dataclasses.replace(trained, actors=("Zoë", "s01", "s02", "s11"))
    with pytest.raises(InputError, match="target of image 's10/0'"):
        write(few, photographs(), tmp_path)
    assert list(tmp_path.iterdir()) == []


# Class differences

def write_pairs(trained, folder, pairs, n=2, pixels=None):
    write_class_differences(trained, photographs(3) if pixels is None else pixels, pairs=pairs, images_per_pair=n,
                            config=Attribution(batch=3), folder=folder, name="differences", fingerprint="1",
                            provenance={"seed": 7})
    return open_dataset(folder, "differences").load()


def test_differences_hold_both_actors_maps_of_the_first_photographs(trained, tmp_path):
    pixels = photographs(3)
    found = write_pairs(trained, tmp_path, [("s01", "s10"), ("s01", "Zoë"), ("s02", "s01")])
    assert found.image.to_numpy().tolist() == ["s01/0|s10", "s01/1|s10", "s01/0|Zoë", "s01/1|Zoë", "s02/0|s01",
                                               "s02/1|s01"]
    assert found.photograph.to_numpy().tolist() == ["s01/0", "s01/1", "s01/0", "s01/1", "s02/0", "s02/1"]
    assert found.actor.to_numpy().tolist() == ["s01"] * 4 + ["s02"] * 2
    assert found.other_actor.to_numpy().tolist() == ["s10"] * 2 + ["Zoë"] * 2 + ["s01"] * 2
    assert found.own.dims == found.other.dims == ("image", "y", "x")
    shown = pixels.sel(image=found.photograph.to_numpy())
    for variable, actors in ((found.own, found.actor), (found.other, found.other_actor)):
        expected = attribute(trained, shown, targets=actors)
        np.testing.assert_allclose(variable, expected, rtol=1e-5, atol=1e-6 * expected.max())
    assert found.attrs["seed"] == 7
    assert found.attrs["n_empty_own"] == found.attrs["n_empty_other"] == 0


def test_an_own_map_equals_the_photographs_classifier_map(trained, tmp_path):
    found = write_pairs(trained, tmp_path, [("s01", "s10")])
    maps = write(trained, photographs(3), tmp_path).load()
    expected = maps.saliency.sel(image=["s01/0", "s01/1"])
    np.testing.assert_allclose(found.own, expected, rtol=1e-5, atol=1e-6 * float(expected.max()))


def test_fewer_photographs_than_asked_for_are_all_taken_and_pairs_count_once(trained, tmp_path):
    found = write_pairs(trained, tmp_path, [("s01", "s10"), ("s01", "s10")], n=9)
    assert found.image.to_numpy().tolist() == ["s01/0|s10", "s01/1|s10", "s01/2|s10"]


def test_no_pairs_give_an_empty_store(trained, tmp_path):
    assert write_pairs(trained, tmp_path, []).sizes["image"] == 0


def test_everything_wrong_with_pairs_is_said_at_once(trained, tmp_path):
    without = photographs(2).isel(image=slice(2, None))
    with pytest.raises(InputError) as caught:
        write_pairs(trained, tmp_path, [("s01", "s01"), ("s99", "s02"), ("Zoë", "s02")], n=0, pixels=without)
    message = str(caught.value)
    for part in ("images_per_pair: 0", "'s01', 's01': one actor twice", "'s99' is not among the network's actors",
                 "no photographs of 'Zoë'"):
        assert part in message


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
