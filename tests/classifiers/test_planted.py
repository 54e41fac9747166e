"""The planted network is what it says it is: only the left eye tells it anything."""

import numpy as np
import pytest
import torch

from salcompare.classifiers import attribute
from tests.classifiers.planted import (
    REGIONS,
    inside,
    people_at,
    planted_classifier,
    planted_photographs,
)


@pytest.fixture(scope="module")
def faces():
    return planted_photographs()[0]


@pytest.fixture(scope="module")
def logits(faces):
    trained = planted_classifier()
    return trained.model(trained.prepare(faces.to_numpy()))


def test_it_names_every_actor(faces, logits):
    names = np.array(planted_classifier().actors)[logits.argmax(1).numpy()]
    assert (names == faces.actor.to_numpy()).all()


def test_only_the_left_eye_changes_its_logits(faces, logits):
    trained = planted_classifier()
    grey = faces.copy(deep=True)
    grey.values[:, ~inside("left eye")] = 128
    assert torch.equal(trained.model(trained.prepare(grey.to_numpy())), logits)
    grey = faces.copy(deep=True)
    grey.values[:, inside("left eye")] = 128
    assert trained.model(trained.prepare(grey.to_numpy())).std() < 0.02 * logits.std()


def test_guided_backprop_marks_the_left_eye_only(faces):
    maps = attribute(planted_classifier(), faces, targets=faces.actor)
    assert (maps.max(axis=(1, 2)) > 0).all()
    assert (maps[:, ~inside("left eye")] == 0).all()


@pytest.mark.parametrize("region", list(REGIONS))
def test_people_look_where_they_are_told(faces, region):
    coverage = people_at(region, faces)
    assert coverage.values[:, inside(region)].mean() > 0.5
    assert coverage.max() <= 1.001
    assert coverage.values[:, ~inside(region)].mean() < 0.1
