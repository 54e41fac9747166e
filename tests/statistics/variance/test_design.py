"""Reliability of studies of other sizes: by hand, by psychology's formula, and as simulated studies have it."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from salcompare.maps import smooth
from salcompare.simulation import cases
from salcompare.simulation.studies import simulate_study
from salcompare.statistics import design_reliability, response_variance_components, workers_needed


def shares(*values):
    return xr.DataArray(list(values), dims="component", coords={
        "component": ["actor", "image", "worker", "residual"]})


def test_by_hand():
    of = shares(0.2, 0.1, 0.3, 0.4)
    assert float(design_reliability(of, n_images=2, n_workers=7)) == pytest.approx(0.2 / (0.2 + 0.05 + 0.7 / 14))
    images = xr.DataArray([1, 2, 3, 4], dims="images")
    # 0.8 leaves 0.05 of error: an image's 0.1 / n takes all of it with two images
    assert workers_needed(of, n_images=images, reliability=0.8).fillna(-1).to_numpy().tolist() == [-1, -1, 14, 7]
    assert np.isnan(design_reliability(shares(-0.1, 0.1, 0.5, 0.5), n_images=2, n_workers=2))


@given(st.tuples(*[st.floats(0.01, 1)] * 4), st.integers(1, 30), st.floats(0.3, 0.95))
def test_the_workers_needed_are_the_fewest_that_reach_it(values, n_images, target):
    of, images = shares(*values), xr.DataArray([n_images], dims="images")
    workers = float(workers_needed(of, n_images=images, reliability=target)[0])
    if np.isnan(workers):
        assert float(design_reliability(of, n_images=n_images, n_workers=1e9)) < target + 1e-6
    else:
        assert float(design_reliability(of, n_images=n_images, n_workers=workers)) >= target - 1e-6
        assert workers == 1 or float(design_reliability(of, n_images=n_images, n_workers=workers - 1)) < target + 1e-6


@given(st.floats(0.05, 0.9), st.integers(1, 50))
def test_without_variance_of_images_it_is_the_spearman_brown_formula(single, n):
    of = shares(single, 0.0, 0.0, 1 - single)
    assert float(design_reliability(of, n_images=1, n_workers=n)) == pytest.approx(n * single / (1 + (n - 1) * single))


def test_it_is_what_studies_of_that_size_have():
    """Two sets of images of the same actors: their heatmaps agree as components of smaller studies foretell."""
    scenario, (images, workers) = cases.SCENARIOS["40 actors"], (8, 20)
    components = [response_variance_components(study.responses, study.images, size=scenario.grid, sigma=1.0)["share"]
                  for study in (simulate_study(scenario, rng=np.random.default_rng(run)) for run in range(12))]
    foretold = [float(design_reliability(one, n_images=images, n_workers=workers)) for one in components]
    larger = scenario.replace(n_images=2 * images, per_image=workers, n_workers=120)
    agree, energy = [], []
    for run in range(10):
        study = simulate_study(larger, rng=np.random.default_rng(100 + run))
        maps = smooth(study.human["coverage"].astype(float), sigma=1.0).to_numpy().reshape(40, 2, images, -1).mean(2)
        maps -= maps.mean(axis=0)
        agree.append((maps[:, 0] * maps[:, 1]).sum())
        energy.append((maps**2).sum() / 2)
    realised = np.sum(agree) / np.sum(energy)
    error = np.hypot(np.std(foretold, ddof=1) / np.sqrt(12), np.std(np.array(agree) / energy, ddof=1) / np.sqrt(10))
    assert np.mean(foretold) == pytest.approx(realised, abs=3 * error)
    assert error < 0.025
