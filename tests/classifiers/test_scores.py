"""Scores for canonical saliency: worked values, refusals, and networks whose maps are known by construction."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from salcompare.classifiers import class_score, embed, likeness
from salcompare.classifiers.control_networks import all_layers, calibration_of, randomised
from salcompare.errors import InputError
from salcompare.faces import SCHEMES, make_landmarks, mesh_frame
from salcompare.maps import canonical_saliency
from tests.classifiers.planted import planted_classifier, planted_photographs

TRAINED = planted_classifier()
PIXELS, _ = planted_photographs()
SCALE = 14.0
IOD, MIDDLE = 12, (16, 13)  # of the planted faces: the eyes' middles are (10, 13) and (22, 13)


def faces(names):
    places = mesh_frame().shape.copy() * IOD
    places[:, :2] += MIDDLE
    return make_landmarks(np.repeat(places[None], len(names), axis=0), names, SCHEMES["468"], source="made")


def test_likeness_is_the_mean_cosine_with_the_actors_other_photographs():
    values = embed(TRAINED, PIXELS).to_numpy().astype(float)
    values /= np.linalg.norm(values, axis=1, keepdims=True)
    found = likeness(TRAINED, PIXELS)(PIXELS)
    assert found[0] == pytest.approx(values[0] @ (values[1] + values[2]) / 2)
    assert found[4] == pytest.approx(values[4] @ (values[3] + values[5]) / 2)
    alone = PIXELS.isel(image=[0, 1, 3])
    assert np.isnan(likeness(TRAINED, alone)(alone)).tolist() == [False, False, True]


def test_class_scores_are_the_shown_actors():
    logits = TRAINED.model(TRAINED.prepare(PIXELS.to_numpy())).detach().numpy().astype(float)
    own = np.repeat(np.arange(10), 3)
    expected = logits[np.arange(30), own]
    np.testing.assert_allclose(class_score(TRAINED, "logit")(PIXELS), expected, rtol=1e-6)
    np.testing.assert_allclose(class_score(TRAINED)(PIXELS), np.exp(expected) / np.exp(logits).sum(axis=1), rtol=1e-6)


def test_what_cannot_be_scored_is_refused():
    with pytest.raises(InputError, match="of: 'margin'; expected 'logit' or 'probability'"):
        class_score(TRAINED, "margin")
    with pytest.raises(InputError, match="no coordinate 'actor'"):
        likeness(TRAINED, PIXELS.drop_vars("actor"))
    with pytest.raises(InputError, match="image: 'b/1'; expected one of 30 given"):
        likeness(TRAINED, PIXELS)(PIXELS[:1].assign_coords(image=["b/1"]))
    with pytest.raises(InputError, match="'nobody'"):
        class_score(TRAINED)(PIXELS[:1].assign_coords(actor=("image", ["nobody"])))


@pytest.mark.parametrize("score", [lambda network: likeness(network, PIXELS),
                                   lambda network: class_score(network, "logit")])
def test_the_network_of_the_left_eye_has_its_saliency_there_and_a_random_copy_has_not(score):
    some = PIXELS[::3]
    landmarks = faces(some["image"].to_numpy())

    def share(network):
        maps = canonical_saliency(some, landmarks, score(network), scale=SCALE)
        positive = maps.clip(0).fillna(0)
        eye = (abs(positive["x"] + 0.5) < 0.55) & (abs(positive["y"]) < 0.45)  # the eye and a disc's radius around it
        return float(positive.where(eye, 0).sum() / positive.sum())

    assert share(TRAINED) > 0.95
    copies = [randomised(TRAINED, all_layers(TRAINED), seed=3, number=number, calibration=calibration_of(PIXELS))
              for number in range(5)]
    assert np.mean(list(map(share, copies))) < 0.5


def test_a_network_of_mirrored_photographs_has_the_mirrored_map():
    class Mirrored(torch.nn.Module):
        def __init__(self, model):
            super().__init__()
            self.model = model

        def forward(self, x):
            return self.model(x.flip(3))

    frame, some = mesh_frame(), PIXELS[:2]
    landmarks = faces(some["image"].to_numpy())
    swapped = landmarks.copy(deep=True)
    swapped.loc[{"axis": "x"}] = 32 - landmarks.sel(axis="x")
    swapped = swapped.isel(point=frame.pairs).assign_coords(point=landmarks["point"].to_numpy())
    one = canonical_saliency(some, landmarks, class_score(TRAINED, "logit"), scale=SCALE)
    other = canonical_saliency(some.isel(x=slice(None, None, -1)), swapped, class_score(dataclasses.replace(
        TRAINED, model=Mirrored(TRAINED.model)), "logit"), scale=SCALE)
    np.testing.assert_allclose(other.to_numpy()[:, :, ::-1], one.to_numpy(), atol=1e-4)
