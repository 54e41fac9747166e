"""Clusters and threshold-free enhancement: worked values, MNE as the oracle, and what their p does not say."""

from __future__ import annotations

import mne
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from nilearn.mass_univariate._utils import calculate_tfce
from scipy import ndimage

from salcompare.errors import InputError
from salcompare.statistics.relative.clusters import enhancement, graph_of, masses, relative_clusters, relative_tfce
from salcompare.statistics.relative.pixelwise import relative_test
from tests.statistics.relative.simulated import most_rejections, smooth_noise

OPTIONS = {"sigma": 0.0, "n_permutations": 99, "support": 0.0}


def graph(t, height):
    at = np.flatnonzero(np.abs(t) > height)
    return graph_of(at, t.ravel()[at], t.shape)


def on_maps(found, scores, t):
    whole = np.zeros(t.size)
    whole[found.at] = scores
    return whole.reshape(t.shape)


def two_actors(seed, side=8):
    maps = smooth_noise(np.random.default_rng(seed), (8, 8), side=side)
    maps.values[:8, 1:5, 1:5] += 1.5
    return maps


def test_worked_masses_and_enhancements():
    t = np.array([[[3.0, 2.5, 0.0, -2.2, -2.6], [0.0, -2.1, 0.0, 0.0, 2.4]]])
    found = graph(t, 2.0)
    np.testing.assert_allclose(on_maps(found, masses(found), t),
                               [[[5.5, 5.5, 0, 4.8, 4.8], [0, 2.1, 0, 0, 2.4]]])
    low = graph(t, 0.0)
    two, one = np.sqrt(2) * (1 + 4), 1 + 4  # heights 1 and 2, in clusters of two and of one
    np.testing.assert_allclose(on_maps(low, enhancement(low, start=0.0, step=1.0), t),
                               [[[two, two, 0, two, two], [0, one, 0, 0, one]]])


@given(npst.arrays(float, (2, 4, 5), elements=st.floats(-4, 4).map(lambda t: round(t, 1))),
       st.sampled_from([0.0, 0.3, 2.5]), st.sampled_from([0.1, 0.5]))
def test_enhancement_adds_up_height_by_height(t, start, step):
    found = graph(t, start)
    expected = np.zeros(t.shape)
    for height in start + step * np.arange(1, 41):
        for number, sign in np.ndindex(2, 2):
            labels, n = ndimage.label((1 if sign else -1) * t[number] > height)
            for one in range(1, n + 1):
                expected[number][labels == one] += np.sqrt((labels == one).sum()) * height**2 * step
    np.testing.assert_allclose(on_maps(found, enhancement(found, start=start, step=step), t), expected, atol=1e-9)


def test_a_t_without_bound_takes_no_longer_and_grows_as_the_cube():
    """Where an actor's few maps are constant, t is limited by rounding alone."""
    high = graph(np.array([[[1e15, 3.0, 1e7]]]), 2.5)
    scores = enhancement(high, start=2.5, step=0.5)
    np.testing.assert_allclose(scores[[0, 2]], [1e45 / 3, 1e21 / 3], rtol=1e-5)


@given(npst.arrays(float, (2, 4, 5), elements=st.floats(-4, 4).map(lambda t: round(t, 1))))
def test_clusters_are_those_of_scipys_labels(t):
    found = graph(t, 1.0)
    expected = np.zeros(t.shape)
    for number, sign in np.ndindex(2, 2):
        high = (1 if sign else -1) * t[number] > 1.0
        labels, n = ndimage.label(high)
        for one in range(1, n + 1):
            expected[number][labels == one] = np.abs(t[number])[labels == one].sum()
    np.testing.assert_allclose(on_maps(found, masses(found), t), expected)


def test_masses_and_p_of_clusters_are_those_of_mne():
    """By |t| and one tail: with two tails, MNE 1.13 draws the largest signed mass, and misses negative ones."""
    maps = two_actors(1)
    found = relative_clusters(maps, rng=np.random.default_rng(2), threshold=2.0, **{**OPTIONS, "n_permutations": 999})
    t, clusters, p, null = mne.stats.permutation_cluster_test(
        [maps.values[:8], maps.values[8:]], threshold=2.0, n_permutations=1000, tail=1, rng=3, out_type="mask",
        stat_fun=lambda one, other: np.abs(mne.stats.ttest_ind_no_p(one, other)), verbose=False)
    ours = found.sel(actor="s01")
    np.testing.assert_allclose(np.abs(ours.t), t)
    for mask, value in zip(clusters, p, strict=True):
        np.testing.assert_allclose(ours.mass.values[mask], t[mask].sum())
        np.testing.assert_allclose(ours.p_value.values[mask], value, atol=0.05)
    assert (ours.cluster > 0).sum() == sum(mask.sum() for mask in clusters)
    assert float(found.null.quantile(0.9)) == pytest.approx(np.quantile(null, 0.9), rel=0.1)


def test_enhancement_and_its_p_are_those_of_mne():
    maps = two_actors(4, side=6)
    found = relative_tfce(maps, rng=np.random.default_rng(5), step=0.2, **{**OPTIONS, "n_permutations": 499})
    scores, _, p, _ = mne.stats.permutation_cluster_test(
        [maps.values[:8], maps.values[8:]], threshold={"start": 0, "step": 0.2}, n_permutations=500, tail=0,
        stat_fun=mne.stats.ttest_ind_no_p, rng=6, verbose=False)
    ours = found.sel(actor="s01")
    np.testing.assert_allclose(ours.p_value.values.ravel(), p, atol=0.08)
    np.testing.assert_allclose(ours.tfce, scores)


def test_a_step_of_each_maps_own_weighs_maps_differently_and_ours_does_not():
    """The trap in nilearn's grid: a map's steps are a hundredth of its largest |t|, so one peak moves all scores."""
    t = np.zeros((6, 6))
    t[1:3, 1:3] = 3.0
    peaked = t.copy()
    peaked[5, 5] = 9.0
    cross = ndimage.generate_binary_structure(3, 1)
    of_peer = [calculate_tfce(one[:, :, None, None].copy(), cross, dh="auto")[1, 1, 0, 0] for one in (t, peaked)]
    assert abs(of_peer[1] / of_peer[0] - 1) > 0.5
    ours = [on_maps(found := graph(one[None], 0.0), enhancement(found, start=0.0, step=0.1), one)[1, 1]
            for one in (t, peaked)]
    assert ours[0] == ours[1]


def test_clusters_are_numbered_actor_by_actor():
    found = relative_clusters(two_actors(7), rng=np.random.default_rng(8), threshold=1.0, **OPTIONS)
    numbers = found.cluster.values[found.cluster.values > 0]
    firsts = [np.flatnonzero(numbers == one)[0] for one in range(1, numbers.max() + 1)]
    assert firsts == sorted(firsts)
    assert (found.p_value.notnull() == (found.cluster > 0)).all()


def test_both_say_that_they_locate_no_pixel():
    for test in (relative_clusters, relative_tfce):
        assert "locates no pixel" in test(two_actors(9), rng=np.random.default_rng(10), **OPTIONS).attrs["caution"]


def test_a_cluster_holds_pixels_without_an_effect_and_the_pixelwise_test_hardly_does():
    """Why a cluster's p must not be read pixel by pixel: effects bleed into their surroundings."""
    rng, runs, wrong = np.random.default_rng(11), 15, {"clusters": 0, "tfce": 0, "pixels": 0}
    for _ in range(runs):
        maps = smooth_noise(rng, (8, 8))
        maps.values[:8, 2:6, 2:6] += 3
        nothing = np.ones((8, 8), bool)
        nothing[2:6, 2:6] = False
        found = {"clusters": relative_clusters(maps, rng=rng, threshold=1.0, **OPTIONS),
                 "tfce": relative_tfce(maps, rng=rng, **OPTIONS), "pixels": relative_test(maps, rng=rng, **OPTIONS)}
        for name, test in found.items():
            wrong[name] += bool((test.p_value.values[:, nothing] <= 0.05).any())
    assert wrong["clusters"] > 0.5 * runs
    assert wrong["tfce"] > wrong["pixels"]
    assert wrong["pixels"] <= most_rejections(runs)


@pytest.mark.parametrize("test", [relative_clusters, relative_tfce])
def test_the_rate_under_the_null_is_five_percent(test):
    rng, runs, rejections = np.random.default_rng(12), 100, 0
    for _ in range(runs):
        options = {"threshold": 1.5} if test is relative_clusters else {"step": 1.0}
        found = test(smooth_noise(rng, (3, 4, 6, 1)), rng=rng, **OPTIONS, **options)
        rejections += float(found.p_actor.min()) <= 0.05
    assert rejections <= most_rejections(runs)


def test_no_cluster_at_all_is_no_evidence():
    found = relative_clusters(smooth_noise(np.random.default_rng(13), (4, 4)), rng=np.random.default_rng(14),
                              threshold=60.0, **OPTIONS)
    assert (found.p_actor == 1).all()
    assert found.p_value.isnull().all()
    assert (found.null == 0).all()


@pytest.mark.parametrize(("test", "options"), [
    (relative_clusters, {"threshold": 0.0}), (relative_tfce, {"step": 0.0}), (relative_tfce, {"start": -1.0}),
])
def test_heights_that_make_no_sense_are_refused(test, options):
    with pytest.raises(InputError):
        test(two_actors(15), rng=np.random.default_rng(16), **OPTIONS, **options)
