"""The stage of verification: which photographs, which networks, and rates that are known."""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from salcompare.config import Classifier, Config
from salcompare.findings.training import ALL, TEST_IMAGES, stage
from salcompare.findings.training.estimates import estimates
from salcompare.findings.training.inputs import tables_of
from salcompare.progress import Silent
from salcompare.study import Study
from salcompare.study_data import StudyData

SPLIT = ("train", "test", "test")


def photographs(n_actors=9, split=SPLIT):
    """Photographs whose grey level is the actor's: no pair of one person is as far apart as any of two."""
    n = n_actors * len(split)
    actor = np.repeat(np.arange(n_actors), len(split))
    values = np.broadcast_to(np.array(20 * actor, np.uint8)[:, None, None, None], (n, 40, 30, 3))
    return xr.DataArray(values, dims=("image", "y", "x", "channel"), coords={
        "image": [f"a{one}/{at}" for at, one in enumerate(actor)], "actor": ("image", [f"a{one}" for one in actor]),
        "split": ("image", list(split) * n_actors)})


def made(folder, monkeypatch, pixels, variants=("frozen", "finetuned")):
    """The stage's table, of networks whose embedding is a photograph's grey level, or noise with random weights."""
    study = Study(folder, dataclasses.replace(Config(), classifier=(Classifier(name="net", variants=variants),)))
    monkeypatch.setattr(Study, "photographs", lambda _: pixels)
    monkeypatch.setattr("salcompare.classifiers.load_classifier", lambda _, variant: variant)
    monkeypatch.setattr("salcompare.classifiers.control_networks.all_layers", lambda _: ())
    monkeypatch.setattr("salcompare.classifiers.control_networks.randomised", lambda *_, **__: "random")

    def embed(network, shown):
        grey = shown[:, :1, 0, 0].astype(float).rename(y="feature")
        return grey.copy(data=np.random.default_rng(1).normal(size=grey.shape)) if network == "random" else grey

    monkeypatch.setattr("salcompare.classifiers.embed", embed)
    (one,) = stage.verification_stages(study)
    assert (one.name, one.requires) == ("verification net", ("train net", "photographs"))
    one.outputs[0].parent.mkdir(parents=True)
    one.make(study, "f00d", Silent())
    return tables_of(study, "verification")


def test_networks_stand_beside_random_weights_and_grey_levels(tmp_path, monkeypatch):
    table = made(tmp_path, monkeypatch, photographs())
    assert list(zip(table["source"], table["form"], strict=True)) == [
        ("net/frozen", ALL), ("net/frozen", TEST_IMAGES), ("net/finetuned", TEST_IMAGES),
        *((source, form) for source in ("randomised network", "photographs") for form in (ALL, TEST_IMAGES))]
    of_all = table[table["form"] == ALL].set_index("source")
    assert of_all[["images", "people", "pairs_of_one", "pairs_of_two"]].drop_duplicates().to_numpy().tolist() == [
        [27, 9, 27, 27 * 26 // 2 - 27]]
    assert of_all["value"][["net/frozen", "photographs"]].tolist() == [0, 0]
    assert 0.3 < of_all["value"]["randomised network"] < 0.7
    assert of_all["reason"]["net/frozen"] == "a rate of 0 or 1, of all or without one of the people"
    data = StudyData(verification=table, accuracies=pd.DataFrame(), statistics=None)
    (rows, _), _ = estimates(dataclasses.make_dataclass("Of", ["data", "statistics", "seed"])(data, None, 0))
    assert [(row["source"], row["form"], row["n"]) for row in rows] == [
        (row.source, row.form, 9) for row in table.itertuples()]
    assert {row["against"] for row in rows} == {None, "net/frozen"}


@pytest.mark.parametrize(("n_actors", "split", "reason"), [
    (9, ("train", "train"), "fewer than two photographs"), (9, ("train", "test"), "one photograph of each person"),
    (1, SPLIT, "photographs of one person alone")])
def test_where_there_are_no_pairs_a_rate_is_undefined_for_a_reason(tmp_path, monkeypatch, n_actors, split, reason):
    table = made(tmp_path, monkeypatch, photographs(n_actors, split))
    of_test = table[table["form"] == TEST_IMAGES]
    assert of_test["value"].isna().all()
    assert set(of_test["reason"]) == {reason}


def test_of_many_photographs_the_first_of_each_actor_are_taken_and_of_many_actors_some(monkeypatch):
    pixels = photographs(5, ("train",) * 4)
    monkeypatch.setattr(stage, "MOST", 12)
    assert stage._first(pixels) == [image for image in pixels["image"].to_numpy() if int(image.split("/")[1]) % 4 < 2]
    monkeypatch.setattr(stage, "MOST", 6)
    chosen = stage._first(pixels)
    assert [image.split("/")[0] for image in chosen] == ["a0", "a0", "a2", "a2", "a4", "a4"]
    assert stage._first(pixels[:0]) == []


def test_networks_without_a_frozen_variant_are_asked_about_photographs_of_the_test(tmp_path, monkeypatch):
    table = made(Path(tmp_path), monkeypatch, photographs(), variants=("finetuned",))
    assert table.iloc[0][["source", "form"]].tolist() == ["net/finetuned", TEST_IMAGES]
