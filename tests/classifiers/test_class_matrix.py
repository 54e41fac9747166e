"""Every photograph explained for every actor, and the matrix of their differences."""

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from salcompare.classifiers.attributions import attribute
from salcompare.classifiers.class_matrix import class_maps, write_class_matrix
from salcompare.classifiers.execution import AT_ONCE
from salcompare.config import Attribution
from salcompare.errors import InputError
from salcompare.maps import saliency_difference
from salcompare.store import open_dataset
from tests.classifiers.test_attributions import ACTORS, Counting, Interrupting, files, photographs, trained

__all__ = ["trained"]  # the fixture


def write(trained, folder, pixels=None, **changes):
    options = {"config": Attribution(batch=8), "folder": folder, "name": "matrix", "fingerprint": "1"}
    write_class_matrix(trained, photographs(3) if pixels is None else pixels, **{**options, **changes})
    return open_dataset(folder, "matrix").load()


@pytest.mark.parametrize("method", ["guided_backprop", "gradient"])
def test_each_photograph_is_explained_for_every_actor(trained, method):
    pixels = photographs(2)
    found = class_maps(trained, pixels, method=method)
    assert found.dims == ("other_actor", "image", "y", "x")
    assert found.other_actor.to_numpy().tolist() == list(ACTORS)
    for actor in ACTORS:
        alone = attribute(trained, pixels, targets=[actor] * 8, method=method)
        np.testing.assert_allclose(found.sel(other_actor=actor), alone, rtol=1e-5, atol=1e-6 * alone.max())


def test_a_batch_of_photographs_takes_one_forward_pass_for_all_actors(trained):
    calls = []

    class Counted(nn.Module):
        def forward(self, x):
            calls.append(len(x))
            return trained.model(x)

    model = dataclasses.replace(trained, model=Counted())
    class_maps(model, photographs(2))
    assert calls == [AT_ONCE, AT_ONCE]


def test_the_matrix_holds_mean_maps_and_mean_differences_of_every_pair(trained, tmp_path):
    pixels = photographs(3)
    matrix = write(trained, tmp_path, pixels)
    maps = class_maps(trained, pixels)
    assert matrix.difference.dims == ("actor", "other_actor", "y", "x")
    for y in ACTORS:
        own = maps.isel(image=np.flatnonzero(pixels.actor == y))
        np.testing.assert_allclose(matrix.saliency.sel(actor=y), own.mean("image"), rtol=1e-4, atol=1e-7)
        for z in ACTORS:
            gap = saliency_difference(own.sel(other_actor=y, drop=True), own.sel(other_actor=z, drop=True))
            np.testing.assert_allclose(matrix.difference.sel(actor=y, other_actor=z), gap.mean("image"), rtol=1e-4,
                                       atol=1e-6)
        assert float(matrix.difference.sel(actor=y, other_actor=y).max()) == 0
    assert matrix.n_images.to_numpy().tolist() == [3] * 4
    assert matrix.n_differences.to_numpy().tolist() == [[3] * 4] * 4
    assert matrix.attrs["target"] == "of each photograph of actor: other_actor"


def test_maps_that_are_zero_have_no_difference_and_are_counted(trained, tmp_path):
    silent = nn.Sequential(trained.model, nn.Linear(4, 4)).requires_grad_(False)
    with torch.no_grad():
        silent[1].weight[1] = 0  # nothing speaks for s01
    matrix = write(dataclasses.replace(trained, model=silent), tmp_path)
    assert matrix.n_differences.sel(other_actor="s01").to_numpy().tolist() == [0] * 4
    assert bool(matrix.difference.sel(actor="s01").isnull().all())
    assert bool(matrix.difference.sel(actor="s02", other_actor="s10").notnull().all())
    assert float(matrix.saliency.sel(other_actor="s01").max()) == 0


def test_a_killed_matrix_goes_on_with_the_next_actor_to_the_same_bytes(trained, tmp_path):
    write(trained, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        write(trained, tmp_path / "killed", progress=Interrupting(2))
    counted = Counting()
    write(trained, tmp_path / "killed", progress=counted)
    assert counted.items == 2
    assert files(tmp_path / "killed") == files(tmp_path / "whole")


def test_some_actors_can_be_compared_alone(trained, tmp_path):
    some = write(trained, tmp_path / "some", actors=["s10", "Zoë"])
    whole = write(trained, tmp_path / "whole")
    np.testing.assert_allclose(some.difference, whole.difference.sel(actor=["s10", "Zoë"], other_actor=["s10", "Zoë"]),
                               rtol=1e-4, atol=1e-6)


def test_wrong_actors_are_refused_before_anything_is_written(trained, tmp_path):
    with pytest.raises(InputError, match=r"'s99' is not among .*\n.*'s01' is listed twice"):
        write(trained, tmp_path, actors=["s99", "s01", "s01"])
    with pytest.raises(InputError, match="no photographs of 'Zoë'"):
        write(trained, tmp_path, photographs(2).isel(image=slice(2, None)), actors=["s01", "Zoë"])
    assert list(tmp_path.iterdir()) == []
