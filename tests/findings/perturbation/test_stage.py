"""The stages of removal: which networks, which photographs, which orders, and what is done to each."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from salcompare.config import Classifier, Config, General, Removal, Responses
from salcompare.errors import ConfigError
from salcompare.findings.perturbation.stage import _arrangements, _chosen, _Orders, networks, removal_stages
from salcompare.maps import smooth
from salcompare.opening import open_study
from salcompare.pipeline import stages
from salcompare.progress import Silent
from salcompare.study import Study
from tests.small_study import make_small_study

MAIN, OTHER = "net/finetuned/guided_backprop", "net/finetuned/gradient"
NAMES = [f"{actor}/{i}" for actor in "ab" for i in range(3)]


def photographs(split=("train", "test", "test") * 2):
    return xr.DataArray(np.zeros((6, 8, 10, 3), np.uint8), dims=("image", "y", "x", "channel"), coords={
        "image": NAMES, "actor": ("image", list("aaabbb")), "split": ("image", list(split))})


def maps(seed):
    values = np.random.default_rng(seed).random((6, 8, 10)).astype(np.float32)
    return xr.DataArray(values, dims=("image", "y", "x"), coords={
        "image": NAMES, "actor": ("image", list("aaabbb")), "y": np.arange(8), "x": np.arange(10)})


def of(removal):
    classifiers = (Classifier(name="net"), Classifier(name="two", variants=("frozen",)))
    return Study(Path(), dataclasses.replace(Config(), classifier=classifiers, removal=removal))


@pytest.mark.parametrize(("asked", "expected"), [
    ("none", []), ("last", ["net/finetuned", "two/frozen"]), ("all", ["net/frozen", "net/finetuned", "two/frozen"])])
def test_the_networks_asked_are_those_that_study_toml_says(asked, expected):
    assert [f"{c.name}/{variant}" for c, variant in networks(of(Removal(networks=asked)))] == expected


def test_what_stands_for_a_classifier_is_the_map_by_its_own_main_method(monkeypatch):
    config = dataclasses.replace(
        Config(), classifier=(Classifier(name="net", methods=("gradient", "grad_cam")),), study=General(size=(8, 10)),
        responses=Responses(source="none"))
    study, asked = Study(Path(), config), {}
    monkeypatch.setattr(Study, "maps_of", lambda *_: maps(0).to_dataset(name="saliency"))
    monkeypatch.setattr(Study, "photographs", lambda _: photographs())
    monkeypatch.setattr("salcompare.classifiers.load_classifier", lambda *_: None)
    monkeypatch.setattr("salcompare.classifiers.write_removals",
                        lambda *given, **named: asked.update(named, orders=given[2]))
    (stage,) = removal_stages(study, [])
    stage.make(study, "f00d", Silent())
    assert asked["provenance"]["main"] == OTHER
    assert list(asked["orders"].maps) == [OTHER, "net/finetuned/grad_cam"]


def test_the_first_test_images_of_each_actor_are_chosen_of_those_people_saw():
    assert _chosen(photographs(), None, 1)["image"].to_numpy().tolist() == ["a/1", "b/1"]
    assert _chosen(photographs(), None, 0)["image"].to_numpy().tolist() == ["a/1", "a/2", "b/1", "b/2"]
    seen = maps(0).isel(image=[2, 4])
    assert _chosen(photographs(), seen, 2)["image"].to_numpy().tolist() == ["a/2", "b/1"]


def test_orders_are_smoothed_maps_and_what_they_are_compared_with():
    labels = xr.DataArray(np.arange(2 * 80).reshape(2, 1, 8, 10), dims=("actor", "label", "y", "x"), coords={
        "actor": ["b", "c"], "label": ["eyes"]})
    made = _Orders(maps(0), {MAIN: maps(1), OTHER: maps(2)}, labels, 1.0, 3)(photographs().isel(image=[1, 4]))
    assert made["order"].to_numpy().tolist() == [MAIN, OTHER, "random", "people", "both", "random people", "centre",
                                                 "label eyes"]
    assert np.allclose(made.sel(order="people"), smooth(maps(0), sigma=1.0).isel(image=[1, 4]))
    eyes = made.sel(order="label eyes")
    assert not eyes[0].any()  # nobody else has a box of it: the actor stands without a region
    assert eyes[1].to_numpy().ravel().tolist() == list(range(80))


def test_everything_is_removed_at_one_area_with_every_fill_and_curves_are_of_maps_and_chance():
    removal = Removal(area=0.2, fills=("blur", "mean"), shares=(0.3,))
    orders = _Orders(maps(0), {MAIN: maps(1), OTHER: maps(2)}, None, 1.0, 3)
    done = _arrangements(of(removal), orders)
    assert len(set(done)) == len(done)
    at_area = {(one.order, one.fill) for one in done if one.whole}
    assert at_area == {(order, fill) for fill in ("blur", "mean") for order in (
        MAIN, OTHER, "people", "both", "random", "random people", "centre")}
    assert {one.share for one in done if one.whole} == {0.2}
    curves = {(one.order, one.fill) for one in done if one.way == "insertion"}
    assert curves == {(order, fill) for fill in ("blur", "mean") for order in (MAIN, OTHER, "random")} | {
        ("people", "blur")}


def test_without_people_only_maps_and_chance_are_removed():
    done = _arrangements(of(Removal()), _Orders(None, {MAIN: maps(1)}, None, 1.0, 3))
    assert {one.order for one in done} == {"", MAIN, "random", "centre"}


def test_a_stage_waits_for_the_maps_of_its_own_network_and_for_peoples(tmp_path):
    study = open_study(make_small_study(tmp_path / "study"))
    (stage,) = [stage for stage in stages(study) if stage.name.startswith("removal")]
    assert stage.name == "removal tiny/finetuned"
    assert {"photographs", "human maps", "quality", "train tiny"} <= set(stage.requires)
    assert any(name.startswith("maps tiny/finetuned") for name in stage.requires)
    assert not any(name.startswith("maps tiny/frozen") for name in stage.requires)


@pytest.mark.parametrize("fills", ["[]", '["mean", "mean"]'])
def test_fills_must_be_named_each_once(tmp_path, fills):
    folder = make_small_study(tmp_path / "study")
    settings = (folder / "study.toml").read_text()
    (folder / "study.toml").write_text(f"{settings}\n[removal]\nfills = {fills}\n")
    with pytest.raises(ConfigError, match=r"\[removal\] fills"):
        open_study(folder)
