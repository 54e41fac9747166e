"""Error rates of the tests of relative saliency by simulation, and the traps that a naive test falls into."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from salcompare.statistics.relative.pixelwise import relative_test
from tests.statistics.relative.simulated import boxes, labelled, most_rejections, smooth_noise

RUNS = 200
OPTIONS = {"sigma": 0.0, "n_permutations": 99}


@pytest.mark.parametrize(("draw", "sizes"), [
    (smooth_noise, (5,) * 6), (boxes, (6, 7, 8, 12, 1)),
])
def test_the_family_wise_rate_is_at_most_five_percent(draw, sizes):
    rng = np.random.default_rng(1)
    found = [float(relative_test(draw(rng, sizes), rng=rng, **OPTIONS).p_actor.min()) for _ in range(RUNS)]
    rejections = (np.array(found) <= 0.05).sum()
    assert rejections <= most_rejections(RUNS)
    assert rejections >= stats.binom.ppf(0.001, RUNS, 0.05)  # nor is it needlessly strict


def test_effects_at_some_pixels_leave_the_rate_at_the_others():
    """One actor differs in a corner: pixels where nobody does keep their rate, and the corner is found."""
    rng, wrong, right = np.random.default_rng(2), 0, 0
    for _ in range(RUNS):
        maps = smooth_noise(rng, (8,) * 5)
        maps.values[:8, :3, :3] += 3
        p = relative_test(maps, rng=rng, **OPTIONS).p_value.values
        wrong += (p[:, 3:] <= 0.05).any() or (p[:, :, 3:] <= 0.05).any()
        right += (p[0, :3, :3] <= 0.05).any()
    assert wrong <= most_rejections(RUNS)
    assert right > 0.9 * RUNS


def test_one_actor_of_twice_the_spread_and_fewest_images_does_not_break_the_test_of_means():
    rng = np.random.default_rng(3)
    drawn = (smooth_noise(rng, (8, 12, 12, 12, 12, 12), spread=[2, 1, 1, 1, 1, 1]) for _ in range(RUNS))
    rejections = sum(float(relative_test(maps, rng=rng, **OPTIONS).p_actor.min()) <= 0.05 for maps in drawn)
    assert rejections <= most_rejections(RUNS)


def test_shoots_that_move_whole_keep_the_rate_and_single_images_do_not():
    rng, runs = np.random.default_rng(5), 60
    rejections = {None: 0, "shoot": 0}
    for _ in range(runs):
        shoots = np.repeat(np.arange(16), 3)
        maps = smooth_noise(rng, (12,) * 4)
        maps = (maps + 2 * smooth_noise(rng, (1,) * 16).values[shoots]).assign_coords(shoot=("image", shoots))
        for clusters in rejections:
            p = relative_test(maps, rng=rng, clusters=clusters, **OPTIONS).p_actor.min()
            rejections[clusters] += float(p) <= 0.05
    assert rejections["shoot"] <= most_rejections(runs)
    assert rejections[None] > 0.9 * runs


def test_a_planted_place_is_found_for_the_actor_that_has_it():
    rng = np.random.default_rng(8)
    values = boxes(rng, (6,) * 5, side=12).values
    values[6:12, 8:11, 8:11] += 0.3 * rng.random((6, 1, 1))
    found = relative_test(labelled(values, (6,) * 5), sigma=1.0, rng=rng, n_permutations=199)
    assert found.p_actor.idxmin() == "s02"
    assert float(found.p_value.sel(actor="s02")[9, 9]) <= 0.05
    assert float(found.t.sel(actor="s02")[9, 9]) > 0
