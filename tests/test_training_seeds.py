"""A classifier trained with several seeds: its stages, its maps by seed, and going on after a stop."""

import dataclasses
import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from salcompare.classifiers import load_classifier
from salcompare.config import training_seeds
from salcompare.errors import InputError, StaleError
from salcompare.findings.seeds.inputs import maps_by_seed, tables_by_seed
from salcompare.opening import open_study
from salcompare.pipeline import stages
from salcompare.progress import Silent
from salcompare.stages import run, standings
from tests.classifiers.tiny import register_tiny
from tests.small_study import make_small_study
from tests.test_progress import Recording

TUNED = "tiny/finetuned/guided_backprop"


@given(st.integers(0, 2**40), st.integers(1, 30))
def test_seeds_are_the_studys_then_others_and_more_of_them_keep_the_first(seed, n):
    seeds = training_seeds(seed, n)
    assert len(set(seeds)) == len(seeds) == n
    assert seeds[0] == seed
    assert training_seeds(seed, n + 3)[:n] == seeds
    assert all(0 <= one < 2**31 for one in seeds[1:])


def test_neighbouring_studies_share_no_derived_seed():
    derived = [one for seed in range(50) for one in training_seeds(seed, 10)[1:]]
    assert len(set(derived)) == len(derived)


def make(folder, *, seeds):
    """A small study whose network is the tiny backbone of the classifiers' tests."""
    settings = make_small_study(folder, size=16) / "study.toml"
    text = settings.read_text().replace('backbone = "alexnet"', 'backbone = "tiny"')
    settings.write_text(text.replace("hidden = 8", f"hidden = 8\nseeds = {seeds}"))
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("seeds")
    register_tiny(folder)
    study = open_study(make(folder / "study", seeds=2))
    for again in ("", " (seed 2)"):
        for variant in ("frozen", "finetuned"):
            run(study, until=f"maps tiny/{variant}/guided_backprop{again}", progress=Silent())
    return study


def test_each_seed_has_a_network_and_maps_of_its_own_with_the_seed_in_them(made):
    (classifier,) = made.config.classifier
    first, second = made.seeds(classifier)
    assert (first, second) == training_seeds(made.config.study.seed, 2)
    networks = [load_classifier(made.seed_folder(classifier, seed), "finetuned") for seed in (first, second)]
    assert [network.seed for network in networks] == [first, second]
    assert networks[0].weights_sha256 != networks[1].weights_sha256
    maps = made.classifier_maps(seed=second)
    assert (maps.attrs["seed"], maps.attrs["weights_sha256"]) == (second, networks[1].weights_sha256)
    assert made.classifier_maps(seed=first).identical(made.classifier_maps())


def test_maps_by_seed_are_the_maps_of_each_seed(made):
    maps = made.maps_by_seed(TUNED)
    assert maps.dims == ("seed", "image", "y", "x")
    for seed in maps["seed"].to_numpy().tolist():
        np.testing.assert_array_equal(maps.sel(seed=seed), made.classifier_maps(seed=seed)["saliency"])


def test_what_is_no_seed_or_no_trained_source_is_refused_by_name(made):
    with pytest.raises(InputError, match=r"5.*one of 1, .*set seeds of that \[\[classifier\]\]"):
        made.classifier_maps(seed=5)
    with pytest.raises(InputError, match="other/finetuned"):
        made.maps_by_seed("other/finetuned/guided_backprop")


def test_the_statistics_get_the_maps_and_tables_of_every_seed(made):
    assert list(maps_by_seed(made)) == ["tiny/frozen/guided_backprop", TUNED]
    seeds = list(made.seeds(made.config.classifier[0]))
    for name in ("accuracy", "weights"):
        table = tables_by_seed(made, name)
        assert list(table)[:3] == ["classifier", "seed", "variant"]
        assert table["seed"].unique().tolist() == seeds
        assert (table.groupby("seed").size() == len(table) / 2).all()
    needs = next(stage for stage in stages(made) if stage.name == "statistics").requires
    assert {"maps tiny/frozen/guided_backprop (seed 2)", "maps tiny/finetuned/guided_backprop (seed 2)"} <= set(needs)


def test_another_seed_trains_that_seed_only(made, tmp_path):
    before = {name: standing.fingerprint for name, standing in standings(made).items()}
    more = dataclasses.replace(made, config=dataclasses.replace(made.config, classifier=(
        dataclasses.replace(made.config.classifier[0], seeds=3),)))
    found = standings(more)
    assert {name: found[name].fingerprint for name in before if name not in ("statistics", "report")} == {
        name: before[name] for name in before if name not in ("statistics", "report")}
    maps = (f"maps tiny/{variant}/guided_backprop" for variant in ("frozen", "finetuned"))
    assert {*found} - {*before} == {f"{stage} (seed 3)" for stage in ("train tiny", *maps)}
    with pytest.raises(StaleError, match=r"maps tiny/finetuned/guided_backprop \(seed 3\)"):
        more.maps_by_seed(TUNED)


class StoppedError(Exception):
    """The run was stopped."""


class Stopping(Silent):
    """Stops at the given message."""

    def __init__(self, at):
        self.left = at

    def say(self, message):
        self.left -= 1
        if self.left == 0:
            raise StoppedError


@pytest.mark.parametrize("at", [8, 10, 12])
def test_a_run_stopped_while_a_seed_is_trained_goes_on_to_the_same_maps(made, tmp_path, at):
    study = open_study(make(tmp_path / "study", seeds=2))
    until = "maps tiny/finetuned/guided_backprop (seed 2)"
    with pytest.raises(StoppedError):
        run(study, until=until, progress=Stopping(at))
    assert standings(study)[until].state == "missing"
    run(study, until=until, progress=Silent())
    seed = study.seeds(study.config.classifier[0])[1]
    assert study.classifier_maps(seed=seed).identical(made.classifier_maps(seed=seed))
    folders = [one.seed_folder(one.config.classifier[0], seed) for one in (study, made)]
    assert (folders[0] / "weights.csv").read_bytes() == (folders[1] / "weights.csv").read_bytes()
    assert pd.read_csv(folders[0] / "training.csv").equals(pd.read_csv(folders[1] / "training.csv"))


@pytest.mark.parametrize("more", [0, 1])
def test_a_run_with_another_number_of_threads_says_what_may_differ_and_trains_nothing_anew(made, tmp_path, more):
    study = open_study(shutil.copytree(made.root, tmp_path / "study"))
    maps, used, progress = "maps tiny/frozen/guided_backprop", torch.get_num_threads(), Recording()
    study.processed.joinpath("classifiers", "tiny", "frozen-guided_backprop.json").unlink()
    before = {name: standing.fingerprint for name, standing in standings(study).items()}
    torch.set_num_threads(used + more)
    try:
        assert run(study, until=maps, progress=progress) == [maps]
    finally:
        torch.set_num_threads(used)
    said = [line for line in progress.said if "threads" in line or "digits" in line]
    threads = "1 thread" if used == 1 else f"{used} threads"
    assert said == [f"tiny was trained with {threads}, and this run has {used + 1}: trained anew, its weights may "
                    "differ in their last digits"] * more
    found = standings(study)
    assert {name: standing.fingerprint for name, standing in found.items()} == before
    assert found["train tiny"].state == found[maps].state == "current"
    assert study.classifier_maps("frozen").identical(made.classifier_maps("frozen"))
