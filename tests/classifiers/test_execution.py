"""Networks side by side: torch has one thread, cores do not meet in one network, bytes do not follow their number."""

from __future__ import annotations

import dataclasses
import threading

import numpy as np
import pytest
import torch
from torch import nn

from salcompare.classifiers.attributions import attribute, write_class_differences, write_classifier_maps
from salcompare.classifiers.class_matrix import write_class_matrix
from salcompare.classifiers.control_maps import Target, write_layer_maps, write_randomised_maps, write_shuffled_maps
from salcompare.classifiers.execution import (
    AT_ONCE,
    at_once,
    derived_seed,
    deterministic,
    generator,
    one_thread,
    side_by_side,
)
from salcompare.classifiers.network import run
from salcompare.classifiers.perturbation import removal_outcomes
from salcompare.config import Attribution, Controls, Phase
from tests.classifiers.planted import planted_classifier, planted_photographs
from tests.classifiers.test_attributions import ACTORS, files, photographs, trained
from tests.classifiers.test_perturbation import arrangements, planted_orders

__all__ = ["trained"]  # the fixture
METHODS = ("guided_backprop", "grad_cam", "smoothgrad")


@pytest.fixture
def threads(monkeypatch):
    """Give torch and the environment a number of threads; torch's own number is given back."""
    before = torch.get_num_threads()

    def give(number):
        monkeypatch.setenv("OMP_NUM_THREADS", str(number))
        torch.set_num_threads(number)

    yield give
    torch.set_num_threads(before)


def written(folder, network):
    """Write all kinds of stores of a network's maps; give their files."""
    pixels, options = photographs(5, lazy=True), {"folder": folder, "fingerprint": "1"}
    few = Attribution(steps=4, samples=2, window=0.4)
    for method in METHODS:
        write_classifier_maps(network, pixels, config=few, method=method, name=method, **options)
    predicted = Attribution(target="predicted", batch=3)
    write_classifier_maps(network, pixels, config=predicted, name="predicted", **options)
    write_class_differences(network, pixels, pairs=[("s01", "s10"), ("Zoë", "s02")], images_per_pair=3, config=few,
                            name="differences", **options)
    write_class_matrix(network, pixels, config=few, name="matrix", **options)
    faces, planted = planted_photographs()[0].isel(image=slice(0, 12)), planted_classifier()
    controls = {"controls": Controls(layers=2, randomisations=2), "attribution": few}
    for write, name, more in ((write_randomised_maps, "randomised", {}), (write_layer_maps, "layers", {}), (
            write_shuffled_maps, "shuffled", {"training": faces, "phase": Phase(iterations=4, validate_every=2)})):
        write(planted, faces, Target(folder, name, "1", 7, {}), **controls, **more)
    return files(folder)


def test_stores_have_the_same_bytes_with_one_core_and_with_many(threads, trained, tmp_path):
    found = {}
    for number in (1, 2, 4):
        threads(number)
        found[number] = written(tmp_path / str(number), trained)
        assert torch.get_num_threads() == number
    assert len(found[1]) > 50
    assert [name for name in found[1] if not found[1][name] == found[2].get(name) == found[4].get(name)] == []


def test_outcomes_of_removal_are_the_same_with_one_core_and_with_many(threads):
    planted, pixels = planted_classifier(), planted_photographs()[0]
    orders = planted_orders(planted, pixels)
    ways = arrangements(orders["order"].to_numpy().tolist(), ("gb", "random"))[:12]
    found = []
    for number in (1, 4):
        threads(number)
        found.append(removal_outcomes(planted, pixels, orders, ways, seed=1))
    assert found[0].identical(found[1])


def test_torch_has_one_thread_in_blocks_and_its_own_number_after(threads):
    threads(3)
    model = nn.Linear(2, 2)
    seen = list(side_by_side(lambda _, part: (part, torch.get_num_threads(), threading.get_ident()),
                             ((model, part) for part in range(9))))
    assert [(part, number) for part, number, _ in seen] == [(part, 1) for part in range(9)]
    assert torch.get_num_threads() == 3
    with one_thread(), one_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 3


def test_each_core_runs_a_copy_that_shares_the_weights(threads):
    threads(2)
    model, meet = nn.Sequential(nn.Linear(2, 2), nn.ReLU()), threading.Barrier(2)

    def look(own, _):
        meet.wait(timeout=30)
        return id(own), own[0].weight.data_ptr()

    found = list(side_by_side(look, ((model, part) for part in range(4))))
    assert len({network for network, _ in found}) == 2
    assert id(model) not in {network for network, _ in found}
    assert {weight for _, weight in found} == {model[0].weight.data_ptr()}


class Remembering(nn.Module):
    """Puts its features on itself and reads them back, which would mix two photographs' up in one network."""

    def __init__(self, net, *, keeps=None):
        super().__init__()
        self.net, self.keeps = net, keeps

    def forward(self, x):
        self.features = self.net[:4](x)
        self.again = self.net[4:](self.features)
        return self.again


@pytest.mark.parametrize("keeps", [None, threading.Lock()], ids=["copied", "cannot be copied"])
def test_a_network_that_keeps_what_it_computes_is_explained_right(threads, trained, keeps):
    pixels = photographs(8)
    expected = attribute(trained, pixels, targets=pixels.actor)
    threads(4)
    own = dataclasses.replace(trained, model=Remembering(trained.model, keeps=keeps))
    np.testing.assert_array_equal(attribute(own, pixels, targets=pixels.actor), expected)


def test_features_are_the_same_with_one_core_and_with_many(threads, trained):
    pixels = photographs(20).to_numpy()
    found = []
    for number in (1, 4):
        threads(number)
        found.append(run(trained.model, pixels, trained.prepare))
    np.testing.assert_array_equal(*found)
    assert found[0].shape == (80, len(ACTORS))


def test_no_more_photographs_are_explained_at_a_time_than_asked_for():
    model = nn.Linear(1, 1)
    assert at_once(model, 32) == (AT_ONCE, 8)
    assert at_once(model, 3) == (3, 1)
    for batch in range(1, 70):
        step, most = at_once(model, batch)
        assert step * most <= batch


def test_a_stream_depends_on_its_purpose_only():
    torch.rand(3)
    assert torch.equal(torch.rand(4, generator=generator(0, "a", 1)), torch.rand(4, generator=generator(0, "a", 1)))
    seeds = {derived_seed(*purpose) for purpose in [(0, "a", 1), (1, "a", 1), (0, "b", 1), (0, "a", 2), (0, "a1")]}
    assert len(seeds) == 5


def test_seeds_are_the_same_on_every_machine():
    # printf '0\0frozen' | sha256sum begins with cc83d78366132844
    assert derived_seed(0, "frozen") == 0xCC83D78366132844 // 2


def test_settings_and_global_generator_are_given_back_even_after_an_error():
    state, before = torch.get_rng_state(), torch.are_deterministic_algorithms_enabled()
    try:
        with deterministic():
            assert torch.are_deterministic_algorithms_enabled()
            torch.manual_seed(1)
            raise KeyError
    except KeyError:
        pass
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.are_deterministic_algorithms_enabled() == before
