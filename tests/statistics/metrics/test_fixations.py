"""Metrics of single places: AUCs of fixations, and the pointing game."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from salcompare.errors import InputError
from salcompare.maps import fixation_counts
from salcompare.statistics import FIXATION_METRICS, centre, overlap, overlap_matrix, pairwise
from salcompare.statistics.metrics.ranking import auc_judd, auc_shuffled, pointing_game
from tests.statistics.metrics.peers import roc
from tests.strategies import assert_dask_equals_eager, maps, stack_of_maps

ACTORS = ["a", "a", "b", "b"]


def gaze(seed=0, n=40):
    """Fixations on four images, most of them on the same few pixels, and a network's maps with ties."""
    rng = np.random.default_rng(seed)
    counts = rng.multinomial(n, rng.dirichlet(np.full(72, 0.2), 4)).reshape(4, 9, 8)
    return stack_of_maps(counts, ACTORS), stack_of_maps(rng.integers(0, 9, (4, 9, 8)) / 9, ACTORS)


def placed(counts):
    """One row and column a fixation."""
    return np.repeat(np.stack(np.nonzero(counts), axis=1), counts[counts > 0], axis=0).T


def test_a_pixel_fixated_three_times_counts_three_times():
    fixations, = maps([[3, 1, 0, 0]])
    classifier, = maps([[4, 2, 3, 1]])
    # against 4, 2, 3, 1: the first pixel wins 3.5 of 4, the second 1.5
    assert float(auc_judd(fixations.astype(int), classifier)) == pytest.approx((3 * 3.5 + 1.5) / 16)


def test_both_aucs_are_those_of_single_fixations_and_all_negatives():
    fixations, classifier = gaze()
    found = overlap(fixations, classifier, metrics=list(FIXATION_METRICS))
    for i, (counts, values) in enumerate(zip(fixations.values, classifier.values, strict=True)):
        positive = values[tuple(placed(counts))]
        others = np.concatenate([values[tuple(placed(other))] for j, other in enumerate(fixations.values) if j != i])
        assert float(found.auc_judd[i]) == pytest.approx(roc(positive, values.ravel()), abs=1e-12)
        assert float(found.auc_shuffled[i]) == pytest.approx(roc(positive, others), abs=1e-12)


@pytest.mark.parametrize("name", FIXATION_METRICS)
def test_all_pairs_and_dask_agree_with_each_pair_in_memory(name):
    fixations, classifier = gaze()
    function = FIXATION_METRICS[name].function
    matrix = pairwise(fixations, classifier, name).to_numpy()
    for j in range(4):
        turned = classifier.roll(image=-j).assign_coords(image=fixations.image, actor=fixations.actor)
        np.testing.assert_allclose([matrix[i, (i + j) % 4] for i in range(4)], function(fixations, turned))
    assert_dask_equals_eager(function, fixations, classifier)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 99), times=st.integers(2, 5))
def test_aucs_of_fixations_see_order_and_shares_of_fixations_only(seed, times):
    fixations, classifier = gaze(seed)
    for metric in (auc_judd, auc_shuffled):
        expected = metric(fixations, classifier)
        assert bool(((expected >= 0) & (expected <= 1)).all())
        np.testing.assert_allclose(metric(fixations * times, np.exp(classifier)), expected)
        np.testing.assert_allclose(metric(fixations, -classifier), 1 - expected)


@pytest.mark.parametrize("name", FIXATION_METRICS)
def test_coverage_is_refused_with_the_name_of_its_own_metric(name):
    fixations, classifier = gaze()
    with pytest.raises(InputError, match=f"use auc_top20{name.removeprefix('auc').removeprefix('_judd')} for coverage"):
        overlap(fixations / 40, classifier, metrics=[name])
    with pytest.raises(InputError, match="dim 'image'"):
        auc_shuffled(fixations[0], classifier[0])
    bare = fixations.copy()
    bare[1] = 0
    assert np.isnan(auc_judd(bare, classifier)[1])
    assert np.isnan(auc_judd(fixations, classifier * 0)).all()


def test_fixations_stand_beside_maps_that_may_be_smoothed():
    fixations, classifier = gaze()
    coverage = fixations / fixations.sum(("y", "x"))
    found = overlap(coverage, classifier, metrics=["pearson", "auc_judd"], sigma=1.0, fixations=fixations[:3])
    matrix = overlap_matrix(coverage, classifier, metric="auc_judd", sigma=1.0, fixations=fixations[:3])
    np.testing.assert_array_equal(np.diag(matrix), found.auc_judd)
    assert np.isnan(found.auc_judd).to_numpy().tolist() == [False, False, False, True]
    with pytest.raises(InputError, match="no image that the maps have"):
        overlap(coverage, classifier, metrics=["auc_judd"], fixations=fixations.assign_coords(image=list("wxyz")))


def test_fixations_are_counted_on_the_grid_whoever_made_them():
    images = pd.DataFrame({"image": ["i2", "i1", "i3"], "actor": ["b", "a", "a"], "height": 20, "width": 40})
    table = pd.DataFrame({"worker": ["w1", "w2", "w1", "w1"], "image": ["i1", "i1", "i1", "i2"],
                          "x": [3.9, 0.0, 40.0, 4.0], "y": [0.0, 1.9, 20.0, 10.0]})
    counts = fixation_counts(table, images, size=(10, 10))
    assert counts.image.to_numpy().tolist() == ["i2", "i1"]
    assert counts.actor.to_numpy().tolist() == ["b", "a"]
    assert counts.dtype.kind == "i"
    expected = np.zeros((2, 10, 10), int)
    expected[1, 0, 0], expected[1, 9, 9], expected[0, 5, 1] = 2, 1, 1
    np.testing.assert_array_equal(counts, expected)


# ---- the pointing game

def test_a_hit_is_within_the_tolerance_of_the_region_and_ties_share():
    region, = maps([[1, 1, 0, 0, 0, 0, 0, 0, 0, 0]])
    region = region.astype(bool)
    one, far, tied = maps([[0, 0, 0, 9, 0, 0, 0, 0, 0, 0]], [[0, 0, 0, 0, 9, 0, 0, 0, 0, 0]],
                          [[0, 0, 0, 9, 0, 0, 0, 0, 9, 9]])
    values = [float(pointing_game(region, each, tolerance=0.2)) for each in (one, far, tied)]
    assert values == pytest.approx([1, 0, 1 / 3])
    assert float(pointing_game(region, one, tolerance=0.19)) == 0
    assert np.isnan(pointing_game(region, one * 0))
    assert np.isnan(pointing_game(region & False, one))
    with pytest.raises(InputError, match="tolerance"):
        pointing_game(region, one, tolerance=-1)


def test_the_pointing_game_agrees_with_distances_of_all_pixels():
    fixations, classifier = gaze(3)
    regions = fixations > 0
    found = pointing_game(regions, classifier, tolerance=1.5 / 8)
    for i, values in enumerate(classifier.values):
        marked, largest = np.argwhere(regions[i].to_numpy()), np.argwhere(values == values.max())
        hits = [np.hypot(*(marked - at).T).min() <= 1.5 for at in largest]
        assert float(found[i]) == pytest.approx(np.mean(hits))


def test_the_centre_is_the_control_of_the_pointing_game():
    region = xr.zeros_like(gaze()[0], dtype=bool)
    region[:2, 4, 3:5] = True
    region[2:, 0, 0] = True
    assert pointing_game(region, centre(region), tolerance=0.0).to_numpy().tolist() == [1, 1, 0, 0]
