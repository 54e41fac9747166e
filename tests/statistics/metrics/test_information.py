"""Information gain: a baseline and a calibration that saw nothing of the image, and what there is to explain."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression

from salcompare.errors import InputError
from salcompare.simulation import cases
from salcompare.simulation.studies import simulate_study
from salcompare.statistics import calibrated, explainable_information, others_density, overlap, pairwise, uniform
from salcompare.statistics.metrics.densities import FLOOR
from salcompare.statistics.metrics.information import EDGES, MIXES, information_gain
from tests.strategies import assert_dask_equals_eager, stack_of_maps

ACTORS = ["a", "a", "b", "b", "c", "c"]


def sources(seed=0, height=9, width=8):
    rng = np.random.default_rng(seed)
    human = rng.gamma(0.5, size=(6, height, width)) * np.linspace(0, 1, width) ** 2
    return stack_of_maps(human, ACTORS), stack_of_maps(human + rng.gamma(1, 0.3, human.shape), ACTORS)


def densities(maps):
    flat = maps.to_numpy().reshape(len(maps), -1)
    return flat / flat.sum(axis=1, keepdims=True)


def test_the_baseline_is_the_other_images_mean_mixed_as_suits_the_others():
    human, _ = sources()
    p, n = densities(human), human.sizes["image"]
    found = others_density(human).to_numpy().reshape(n, -1)
    scores = np.array([[p[i] @ np.log2((1 - mix) * np.delete(p, i, 0).mean(0) + mix / 72) for mix in MIXES]
                       for i in range(n)])
    for i in range(n):
        mix = MIXES[np.delete(scores, i, 0).mean(0).argmax()]
        np.testing.assert_allclose(found[i], (1 - mix) * np.delete(p, i, 0).mean(0) + mix / 72, rtol=1e-5)


def test_the_calibration_is_isotonic_in_rank_and_sees_other_actors_only():
    human, classifier = sources()
    p = densities(human)
    ranks = classifier.to_numpy().reshape(6, -1).argsort().argsort()
    classes = np.searchsorted(EDGES[1:-1], (ranks + 0.5) / 72, side="right")
    others = np.flatnonzero(np.array(ACTORS) != "a")
    mass = np.mean([np.bincount(classes[i], p[i], 22) for i in others], axis=0)
    area = np.bincount(classes[0], minlength=22) / 72
    held = area > 0
    fit = np.maximum(IsotonicRegression().fit(np.arange(22)[held], mass[held] / area[held], area[held]).predict(
        np.arange(22)[held]), FLOOR)
    curve = np.interp(np.arange(22), np.arange(22)[held], fit)
    expected = curve[classes[0]] / curve[classes[0]].sum()
    np.testing.assert_allclose(calibrated(human, classifier)[0].to_numpy().ravel(), expected, rtol=1e-5)
    changed = human.copy()
    changed[:2] = changed[:2, ::-1, ::-1].to_numpy()
    np.testing.assert_array_equal(calibrated(changed, classifier)[:2], calibrated(human, classifier)[:2])


def test_all_pairs_and_dask_take_the_same_densities():
    human, classifier = sources()
    matrix = pairwise(human, classifier, "information_gain").to_numpy()
    density, below = calibrated(human, classifier), others_density(human)
    for i in range(6):
        expected = information_gain(human[i], density, baseline=below[i])
        np.testing.assert_allclose(matrix[i], expected, atol=1e-6)
    np.testing.assert_allclose(np.diag(matrix), overlap(human, classifier, metrics=["information_gain"])[
        "information_gain"], atol=1e-6)
    assert_dask_equals_eager(information_gain, human, classifier)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 99))
def test_the_gain_sees_the_order_of_a_map_and_no_map_of_the_same_order_gains_more(seed):
    human, classifier = sources(seed)
    expected = information_gain(human, classifier)
    np.testing.assert_allclose(information_gain(human * 3, np.exp(4 * classifier)), expected, atol=1e-5)
    assert float(information_gain(human, human).mean()) > float(expected.mean())


def test_a_map_that_is_missing_or_a_study_of_one_actor_is_nan():
    human, classifier = sources()
    gone = classifier.copy()
    gone[1, 0, 0] = np.nan
    assert np.isnan(information_gain(human, gone)).to_numpy().tolist() == [False, True] + [False] * 4
    empty = human.copy()
    empty[2] = 0
    assert np.isnan(information_gain(empty, classifier)).to_numpy().tolist() == [False, False, True] + [False] * 3
    assert np.isnan(information_gain(human[:2], classifier[:2])).all()
    with pytest.raises(InputError, match="dim 'image'"):
        information_gain(human[0], classifier[0])


@pytest.mark.parametrize("scenario", [cases.IMAGE, cases.RAGGED_COUNTS, cases.FEW])
def test_a_uniform_map_gains_nothing(scenario):
    """It gained 0.1 to 1.3 bits over a centred Gaussian that describes nobody."""
    rng = np.random.default_rng(1)
    for _ in range(5):
        human = simulate_study(cases.SCENARIOS[scenario], rng=rng).human["coverage"]
        assert float(information_gain(human, uniform(human)).mean()) < 0
    spread = human.copy(data=rng.random(human.shape))  # where people look anywhere, nobody gains or loses
    gains = information_gain(spread, uniform(spread))
    assert abs(float(gains.mean())) < 0.01


def looks(rng, peaks, workers=12):
    """Maps of workers (response, y, x) who look at their image's place."""
    y, x = np.mgrid[:12, :12]
    names = [f"i{k}" for k in range(len(peaks))]
    maps = np.array([np.exp(-((y - py - dy) ** 2 + (x - px - dx) ** 2) / 6) for py, px in peaks
                     for dy, dx in rng.normal(0, 0.5, (workers, 2))])
    maps /= maps.sum(axis=(1, 2), keepdims=True)
    actors = np.repeat([f"s{k // 2:02}" for k in range(len(peaks))], workers)
    responses = xr.DataArray(maps, dims=("response", "y", "x"), coords={
        "image": ("response", np.repeat(names, workers)), "actor": ("response", actors),
        "worker": ("response", np.tile([f"w{k}" for k in range(workers)], len(peaks)))})
    return responses, pd.DataFrame({"image": names, "actor": [f"s{k // 2:02}" for k in range(len(peaks))]})


def test_people_explain_what_there_is_and_a_map_without_the_image_none_of_it():
    rng = np.random.default_rng(2)
    responses, images = looks(rng, rng.uniform(2, 10, (20, 2)))
    means = responses.groupby("image").mean().sel(image=images["image"].to_numpy()).assign_coords(
        actor=("image", images["actor"].to_numpy()))
    best = explainable_information(responses, images, means)
    assert float(best.gold.mean()) > 1
    assert float(best.value) == pytest.approx(1, abs=0.1)
    assert float(best.ci_low) < float(best.value) < float(best.ci_high)
    blind = explainable_information(responses, images, uniform(means))
    assert float(blind.value) < 0.05
    np.testing.assert_allclose(blind.gold, best.gold)
    few = explainable_information(responses[:48], images, means)
    assert "2 actors; an interval needs 8" in str(few.reason.to_numpy())
    assert np.isnan(few.ci_low)
