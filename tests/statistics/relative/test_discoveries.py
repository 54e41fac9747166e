"""False discovery rates: p pooled over pixels, against a slow count, and why a pixel's own permutations do not do."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from salcompare.statistics.relative.contrasts import Plan, squared_t
from salcompare.statistics.relative.discoveries import relative_fdr
from salcompare.statistics.relative.material import gather
from tests.statistics.relative.simulated import smooth_noise

OPTIONS = {"sigma": 0.0, "support": 0.0}


def test_pooled_p_is_a_count_over_all_pixels_actors_and_permutations():
    maps = smooth_noise(np.random.default_rng(1), (3, 5, 4), side=5)
    found = relative_fdr(maps, rng=np.random.default_rng(2), n_permutations=60, **OPTIONS)
    plan = Plan(gather(maps, sigma=0.0, support=0.0, n_permutations=60), "mean", 60)
    drawn = plan.permuted(np.random.default_rng(2))
    null = np.concatenate([squared_t(plan.blocks()[0], some).ravel() for some in drawn])
    assert null.size == 60 * 3 * 25
    expected = np.array([(1 + (null >= t**2).sum()) / (1 + null.size) for t in found.t.values.ravel()])
    p = found.p_pooled.values.ravel()
    assert (p >= expected - 1e-12).all()  # a bucket's t all count as reached: never too small
    np.testing.assert_allclose(p, expected, atol=0.025)  # |t| below 1/32 all have p = 1
    np.testing.assert_allclose(p[expected < 0.9], expected[expected < 0.9], atol=2 / 1024)
    assert float(found.p_attainable) == pytest.approx(1 / (1 + null.size))


def test_adjusted_p_are_those_of_statsmodels():
    maps = smooth_noise(np.random.default_rng(3), (4, 4, 4))
    maps.values[:4, :3, :3] += 3
    found = relative_fdr(maps, rng=np.random.default_rng(4), n_permutations=50, **OPTIONS)
    for name, method in (("p_bh", "fdr_bh"), ("p_by", "fdr_by")):
        expected = multipletests(found.p_pooled.values.ravel(), method=method)[1]
        np.testing.assert_allclose(found[name].values.ravel(), expected)
    assert (found.p_by >= found.p_bh).all()
    assert "same null distribution" in found.attrs["assumption"]
    assert found.attrs["family_size"] == 3 * 64


def test_a_pixels_own_permutations_cannot_reach_the_floor_of_benjamini_and_hochberg():
    """The trap: 999 permutations give no p below 0.001, and of m tests the smallest must be at most 0.05/m.

    So k pixels at that smallest p survive only if k/m is at least 1/50: 17,520 of 17 x 227 x 227. Pooled p get there.
    """
    m, smallest = 17 * 227 * 227, 1 / 1000
    assert smallest > 0.05 / m * 17_519
    assert smallest <= 0.05 / m * 17_521

    rng = np.random.default_rng(5)
    maps = smooth_noise(rng, (6,) * 10, side=16)
    maps.values[:6, :2, :2] += 6  # four of 2,560 tests: each alone would be certain
    found = relative_fdr(maps, rng=np.random.default_rng(6), n_permutations=199, **OPTIONS)
    own = np.full(found.t.shape, 0.5)
    own[0, :2, :2] = 1 / 200  # as small as 199 permutations of the pixel itself can make it
    assert (multipletests(own.ravel(), method="fdr_bh")[1] > 0.05).all()
    assert (found.p_bh.values[0, :2, :2] <= 0.05).all()
    assert float(found.p_attainable) < 0.05 / found.attrs["family_size"]


def test_most_discoveries_are_right_where_effects_are():
    rng, shares = np.random.default_rng(7), []
    for _ in range(60):
        maps = smooth_noise(rng, (6,) * 2)
        maps.values[:6, :4] += 2.5
        found = (relative_fdr(maps, rng=rng, n_permutations=99, **OPTIONS).p_bh <= 0.05).values
        shares.append(found[:, 4:].sum() / max(found.sum(), 1))
    assert np.mean(shares) <= 0.05 + 3 * np.std(shares) / np.sqrt(60)
    assert found[:, :4].mean() > 0.5
