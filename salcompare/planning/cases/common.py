"""What cases share: sizes of tests, smoothing, photographs, and a second classifier."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from salcompare.planning.geometry import expected_coverage

if TYPE_CHECKING:
    from salcompare.planning.generate import SimulatedStudy

DRAWS = 199
"""Permutations of a test: p = 0.05 is then among the values it can take, so that a test can be exact."""
RESAMPLES = 199
"""Of a bootstrap."""
SIGMA = 1.0
"""Of the smoothing, pixels of the small grid."""
GRAIN = 0.05  # standard deviation of a photograph's own noise, of the range of its face

SAME = "the maps' distribution is the same for all actors, so images can be exchanged among them"
TENDS = "What the estimate tends to over many studies of other actors."


def another_classifier(study: SimulatedStudy, rng: np.random.Generator) -> xr.DataArray:
    """Draw maps of a second classifier that comes from the same model, of the same images."""
    return dataclasses.replace(study, seeds=(study.seeds[0], int(rng.integers(2**62)))).saliency


def photographs(study: SimulatedStudy, rng: np.random.Generator) -> xr.DataArray:
    """Draw photographs (image, y, x): the face as it lies in each image, and noise of their own."""
    scenario, truth = study.scenario, study.truth
    shares = np.broadcast_to(scenario.geometry.shares, truth.image_shares.shape)
    faces = expected_coverage(scenario.geometry, shares, grid=scenario.grid, shifts=truth.shifts)
    grain = GRAIN * rng.standard_normal(faces.shape)
    return study.saliency.copy(data=faces / faces.max() + grain)


def other_photographs(study: SimulatedStudy, rng: np.random.Generator) -> xr.DataArray:
    """Draw photographs (image, y, x) that have nothing to do with the maps."""
    return study.saliency.copy(data=rng.standard_normal(study.saliency.shape))
