"""Stores of control maps: what stands in them, going on after a kill, and the planted network's controls."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr

from salcompare import store
from salcompare.classifiers import attribute
from salcompare.classifiers.control_maps import (
    Target,
    same_when_randomised,
    write_layer_maps,
    write_randomised_maps,
    write_shuffled_maps,
)
from salcompare.classifiers.control_networks import all_layers, randomised, relabelled, training_features
from salcompare.config import Attribution, Controls, Maps, Phase, Statistics
from salcompare.errors import InputError
from salcompare.findings.controls.estimates import control_estimates, curve_estimates
from salcompare.findings.overlap.estimates import OverlapAnalysis
from salcompare.findings.rows import estimates_table
from salcompare.map_stream import MapStream
from salcompare.statistics.inference.resampling import actor_means
from salcompare.statistics.overlaps.same_image import overlap
from salcompare.study_data import StudyData
from tests.classifiers.planted import people_at, planted_classifier, planted_photographs

FACES = planted_photographs()[0]
SOURCE = "planted/finetuned/guided_backprop"
CONTROLS = Controls(layers=3, randomisations=5)
PHASE = Phase(iterations=60, learning_rate=0.02, l2=0, per_class=3, validate_every=20)
ATTRIBUTION = Attribution()


def target(folder, name):
    return Target(folder, name, "f00d", 7, {"classifier": "planted"})


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    folder, planted = tmp_path_factory.mktemp("controls"), planted_classifier()
    write_randomised_maps(planted, FACES, target(folder, "randomised"), controls=CONTROLS, attribution=ATTRIBUTION)
    write_shuffled_maps(planted, FACES, target(folder, "shuffled"), training=FACES, phase=PHASE, controls=CONTROLS,
                        attribution=ATTRIBUTION)
    write_layer_maps(planted, FACES, target(folder, "layers"), controls=CONTROLS, attribution=ATTRIBUTION)
    return folder


def test_randomised_maps_are_those_of_the_randomised_networks(stores):
    maps = store.open_dataset(stores, "randomised")
    assert maps.sizes["image"] == 5 * 10 * 2
    planted = planted_classifier()
    calibration = FACES.isel(image=[0, 3, 6, 9]).to_numpy()
    network = randomised(planted, all_layers(planted), seed=7, number=3, calibration=calibration)
    rows = maps.network.to_numpy() == 3
    expected = attribute(network, FACES.sel(image=maps.photograph.to_numpy()[rows]), targets=maps.actor[rows])
    np.testing.assert_allclose(maps.saliency.to_numpy()[rows], expected, rtol=1e-5, atol=1e-7)
    assert maps.attrs["control"] == "all weights drawn anew"
    assert maps.attrs["seed"] == 7


def test_all_networks_explain_the_same_photographs_as_many_of_each_actor(stores):
    maps = store.open_dataset(stores, "randomised")
    table = pd.DataFrame({name: maps[name].to_numpy() for name in ("photograph", "actor", "network")})
    shown = pd.Series(FACES.image.to_numpy()).groupby(FACES.actor.to_numpy()).agg(list)
    for _, of_network in table.groupby("network"):
        explained = of_network.groupby("actor")["photograph"].agg(list)
        assert explained.to_dict() == {actor: [names[len(names) // 4], names[3 * len(names) // 4]]
                                       for actor, names in shown.items()}


def test_every_image_is_explained_where_that_is_asked_for(tmp_path):
    few = FACES.isel(image=slice(0, 6))
    write_randomised_maps(planted_classifier(), few, target(tmp_path, "all"), attribution=ATTRIBUTION,
                          controls=Controls(randomisations=2, images=0))
    assert store.open_dataset(tmp_path, "all").sizes["image"] == 2 * 6


def test_shuffled_networks_keep_the_layers_and_learn_the_shuffled_actors(stores, tmp_path):
    planted = planted_classifier()
    features = training_features(planted, FACES.to_numpy(), folder=tmp_path)
    actors = FACES.actor.to_numpy().astype(str)
    taught = relabelled(planted, features, actors, PHASE, seed=7, number=0, folder=tmp_path)
    before, after = planted.model.state_dict(), taught.trained.model.state_dict()
    assert all(np.array_equal(before[name], after[name]) for name in before if name.startswith("features."))
    assert not np.array_equal(before["head.0.weight"], after["head.0.weight"])
    assert taught.memorised > 3 / len(planted.actors)  # of what the left eye's few squares allow
    assert not list(tmp_path.glob("*.checkpoint.pt"))
    named = taught.trained.model(taught.trained.prepare(FACES.to_numpy())).argmax(1).numpy()
    assert (np.array(planted.actors)[named] == actors).mean() < 0.5
    said = store.open_dataset(stores, "shuffled").attrs["memorised"]
    assert said.startswith(f"[{taught.memorised}")


def test_layer_maps_name_their_form_and_step(stores):
    maps = store.open_dataset(stores, "layers")
    table = pd.DataFrame({name: maps[name].to_numpy() for name in ("form", "step", "layer", "network")})
    counted = table.drop_duplicates().groupby(["form", "step"]).size()
    assert counted.to_dict() == {("cascading", 1): 5, ("cascading", 2): 5, ("cascading", 3): 5, ("independent", 2): 5,
                                 ("independent", 3): 5}
    assert set(table.loc[table["step"] == 1, "layer"]) == {"head.0 to head.3"}


def test_a_run_that_was_killed_goes_on_to_the_same_values(stores, tmp_path, monkeypatch):
    planted = planted_classifier()
    write = MapStream.write

    def killed(self, images, **variables):
        if images.start:
            raise KeyboardInterrupt
        write(self, images, **variables)

    options = {"controls": CONTROLS, "attribution": ATTRIBUTION}
    monkeypatch.setattr(MapStream, "write", killed)
    with pytest.raises(KeyboardInterrupt):
        write_randomised_maps(planted, FACES, target(tmp_path, "randomised"), **options)
    monkeypatch.setattr(MapStream, "write", write)
    assert not (tmp_path / "randomised.json").exists()
    write_randomised_maps(planted, FACES, target(tmp_path, "randomised"), **options)
    xr.testing.assert_identical(store.open_dataset(tmp_path, "randomised").load(),
                                store.open_dataset(stores, "randomised").load())


def test_what_cannot_be_controlled_is_refused(tmp_path):
    options = {"controls": CONTROLS, "attribution": ATTRIBUTION}
    with pytest.raises(InputError, match="no photographs"):
        write_randomised_maps(planted_classifier(), FACES.isel(image=[]), target(tmp_path, "x"), **options)
    bare = dataclasses.replace(planted_classifier(), model=planted_classifier().model.features)
    with pytest.raises(InputError, match="a network of features and a head"):
        training_features(bare, FACES.to_numpy(), folder=tmp_path)


def estimated(stores, maps, *, seen="left eye"):
    """Rows of the controls, where people look at a region."""
    human = people_at(seen, FACES).to_dataset()
    images = pd.DataFrame({"image": FACES.image.to_numpy(), "actor": FACES.actor.to_numpy(), "split": "test"})
    saliency = xr.Dataset({"saliency": human["coverage"].copy(data=maps)})
    data = StudyData(
        photographs=FACES, images=images, responses=None, human=human, human_heatmap=None,
        classifier_maps={SOURCE: saliency}, accuracies=pd.DataFrame(),
        controls={SOURCE: {kind: store.open_dataset(stores, name) for kind, name in
                           (("randomised network", "randomised"), ("shuffled labels", "shuffled"),
                            ("layers", "layers"))}})
    statistics = Statistics(n_permutations=199, n_resamples=100)
    analysis = OverlapAnalysis(data, Maps(sigma=0.05), statistics, 3, forms=["smoothed"])
    for _ in analysis.classifier_rows(SOURCE, analysis.baselines(), 1.0):
        pass
    return estimates_table([*control_estimates(analysis), *curve_estimates(data)])


@pytest.fixture(scope="module")
def planted_estimates(stores):
    return estimated(stores, attribute(planted_classifier(), FACES, targets=FACES.actor))


def differences(table):
    rows = table[(table["statistic"] == "overlap_control") & (table["contrast"] == "same image")
                 & (table["form"] == "smoothed")]
    return rows.set_index("against")[["value", "ci_low", "ci_high", "n_resamples"]]


def test_the_controls_say_that_the_planted_network_speaks(planted_estimates):
    table = planted_estimates
    found = differences(table)
    assert set(found.index) == {"randomised network", "new randomised network", "shuffled labels",
                                "new shuffled labels", "sobel"}
    assert (found.loc[["randomised network", "new randomised network", "sobel"], "value"] > 0.4).all()
    assert found["ci_low"].isna().all()  # nobody says which workers the maps are of
    overlaps = table[(table["statistic"] == "overlap_of_control") & (table["level"] == "population") & (
        table["form"] == "smoothed") & (table["contrast"] == "same image")].set_index("against")["value"]
    assert overlaps["randomised network"] < 0.4
    assert found.loc[["new randomised network", "new shuffled labels"], "n_resamples"].tolist() == [5, 2]
    assert {"image effect", "actor effect", "pairs of actors", "same minus other actor"} <= set(table["contrast"])


def test_the_controls_say_that_a_randomised_copy_does_not(stores):
    planted = planted_classifier()
    copy = randomised(planted, all_layers(planted), seed=7, number=99, calibration=FACES.isel(
        image=[0, 3, 6, 9]).to_numpy())
    found = differences(estimated(stores, attribute(copy, FACES, targets=FACES.actor)))
    assert found.loc["new randomised network", "value"] < 0.05


def test_people_who_look_elsewhere_do_not_agree_with_the_planted_network(stores):
    maps = attribute(planted_classifier(), FACES, targets=FACES.actor)
    found = differences(estimated(stores, maps, seen="lips"))
    assert (found["value"] < 0.05).all()


def test_the_planted_networks_maps_change_once_neither_gate_nor_head_keeps_them_at_the_left_eye(planted_estimates):
    rows = planted_estimates[(planted_estimates["statistic"] == "randomisation_similarity")
                             & (planted_estimates["metric"] == "ssim")]
    curve = rows.groupby("form", sort=False)["value"].agg(list)
    assert list(curve.index) == ["cascading", "independent"]
    assert [len(values) for values in curve] == [3, 3]
    assert curve["cascading"][2] < 0.5 < 0.7 < curve["cascading"][0]
    assert min(curve["independent"]) > 0.7
    assert (rows["n"] + rows["n_undefined"] == 5).all()
    assert (rows["ci_low"].notna() == (rows["n"] >= 3)).all()


def test_variants_held_against_the_same_networks_each_have_rows_and_the_networks_have_theirs_once(stores):
    human, frozen = people_at("left eye", FACES).to_dataset(), "planted/frozen/guided_backprop"
    one = attribute(planted_classifier(), FACES, targets=FACES.actor)
    maps = {source: xr.Dataset({"saliency": human["coverage"].copy(data=values)})
            for source, values in ((frozen, one[::-1].copy()), (SOURCE, one))}
    kind = {"randomised network": store.open_dataset(stores, "randomised")}
    images = pd.DataFrame({"image": FACES.image, "actor": FACES.actor})
    data = StudyData(photographs=FACES, images=images, responses=None, human=human, human_heatmap=None,
                        classifier_maps=maps, accuracies=pd.DataFrame(), controls={SOURCE: kind, frozen: kind})
    analysis = OverlapAnalysis(data, Maps(sigma=0.05), Statistics(n_permutations=99, n_resamples=100), 3,
                               forms=["smoothed"])
    overlaps = {source: overlap(human["coverage"], of["saliency"], metrics=["pearson"], sigma=analysis.sigma)
                for source, of in maps.items()}
    for source, of in maps.items():
        analysis._compute(source, analysis.forms[-1], of["saliency"])
    table = estimates_table(control_estimates(analysis))
    population = table[table["level"] == "population"]
    rows = population[(population["contrast"] == "same image") & (population["form"] == "smoothed")].set_index(
        ["statistic", "source", "against"])["value"]
    control = rows["overlap_of_control", SOURCE, "randomised network"]
    assert control == rows["overlap_of_control", frozen, "randomised network"]
    sample = store.open_dataset(stores, "randomised")["photograph"].to_numpy()
    for source, values in overlaps.items():
        intact = actor_means(values["pearson"].sel(image=np.unique(sample)))["value"].mean().item()
        assert rows["overlap_control", source, "randomised network"] == pytest.approx(intact - control)
        assert ("overlap_control", source, "sobel") in rows.index


def test_two_trainings_of_a_network_are_one_once_all_weights_are_random():
    planted = planted_classifier()
    other = randomised(planted, [name for name in all_layers(planted) if name.startswith("head.")], seed=1, number=1,
                       calibration=FACES.isel(image=[0, 3]).to_numpy())
    assert other.weights_sha256 != planted.weights_sha256
    assert same_when_randomised(planted, other, FACES, seed=7)
    assert not same_when_randomised(planted, dataclasses.replace(other, actors=other.actors[::-1]), FACES, seed=7)


def test_networks_with_weights_drawn_as_widely_as_they_were_stay_two():
    class Scaled(torch.nn.Module):
        def __init__(self, values):
            super().__init__()
            self.scale = torch.nn.Parameter(torch.tensor(values))

        def forward(self, x):
            return x * self.scale.sum()

    planted = planted_classifier()
    narrow, wide = (dataclasses.replace(planted, model=torch.nn.Sequential(planted.model, Scaled(values)))
                    for values in ([1.0, 2.0], [1.0, 9.0]))
    assert not same_when_randomised(narrow, wide, FACES, seed=7)
