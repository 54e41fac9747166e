"""F2 of scaled units: a slow version over pixels, classes that stay out, and the level where the free test loses it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from salcompare.simulation import cases
from salcompare.simulation.studies import simulate_study
from salcompare.statistics.variance.explained import variance_explained


def stacked(values, actors):
    return xr.DataArray(np.asarray(values, float)[:, None], dims=("image", "y", "x"),
                        coords={"actor": ("image", np.asarray(actors))})


def slow_f2(values, labels):
    """F2 as it is defined, map by map."""
    names, n = np.unique(labels), len(labels)
    between = within = 0.0
    for name in names:
        of_class = values[labels == name]
        mean = of_class.mean(axis=0)
        between += len(of_class) * ((mean - values.mean(axis=0)) ** 2).sum()
        within += (1 - len(of_class) / n) * ((of_class - mean) ** 2).sum() / (len(of_class) - 1)
    return between / within


def slow_p(values, labels):
    """Scale, permute in every order, scale back."""
    names = np.unique(labels)
    means = np.array([values[labels == name].mean(axis=0) for name in names])
    s = {name: np.sqrt(values[labels == name].var(axis=0, ddof=1).sum()) for name in names}
    scale = np.array([s[name] for name in labels])[:, None]
    scaled = (values - means.mean(axis=0)) / scale
    every = [slow_f2(scaled[list(order)] * scale, labels) for order in itertools.permutations(range(len(labels)))]
    return np.mean(np.array(every) >= slow_f2(values, labels) * (1 - 1e-9))


@pytest.mark.parametrize("sizes", [(3, 3), (4, 3), (5, 3)])
def test_f2_and_its_p_are_those_of_maps_permuted_in_every_order(sizes):
    labels = np.repeat(np.arange(len(sizes)), sizes)
    values = np.random.default_rng(1).normal(size=(len(labels), 4)) * (1 + 2 * labels)[:, None] + 0.5 * labels[:, None]
    found = variance_explained(stacked(values, labels), rng=np.random.default_rng(0))
    assert float(found.f2) == pytest.approx(slow_f2(values, labels))
    assert float(found.p_value) == pytest.approx(slow_p(values, labels))


def test_with_equal_numbers_f2_is_pseudo_f_times_its_degrees_of_freedom():
    labels = np.repeat(np.arange(4), 5)
    values = np.random.default_rng(2).normal(size=(20, 3))
    found = variance_explained(stacked(values, labels), rng=np.random.default_rng(0), n_permutations=9)
    assert float(found.f2) == pytest.approx(float(found.pseudo_f))


def test_actors_of_two_images_or_without_spread_stay_out_and_are_named():
    rng = np.random.default_rng(3)
    values, labels = rng.normal(size=(11, 3)), np.array(list("aaabbbccddd"))
    values[8:] = values[8]
    found = variance_explained(stacked(values, labels), rng=np.random.default_rng(0), n_permutations=99)
    alone = variance_explained(stacked(values[:6], labels[:6]), rng=np.random.default_rng(0), n_permutations=99)
    assert found.attrs["p_reason"] == "not in the test, with fewer than 3 images or none that differ: c, d"
    for name in ("f2", "p_value", "n_permutations"):
        assert float(found[name]) == pytest.approx(float(alone[name]))
    assert float(found.p_value_free) > 0


def test_the_level_is_kept_where_the_free_test_takes_spread_and_numbers_for_an_effect():
    runs, rejections = 120, np.zeros((2, 2))
    for seed in range(runs):
        rng = np.random.default_rng(seed)
        spread = simulate_study(cases.SCENARIOS[cases.SPREAD_FEWEST], rng=rng).saliency
        people = simulate_study(cases.SCENARIOS[cases.MANY_AND_FEW], rng=rng).human["coverage"]
        for at, maps in enumerate((spread, people)):
            found = variance_explained(maps, rng=rng, n_permutations=199)
            rejections[at] += [float(found.p_value) <= 0.05, float(found.p_value_free) <= 0.05]
    assert (rejections[:, 0] <= stats.binom.ppf(0.999, runs, 0.05)).all()
    assert (rejections[:, 1] > 0.6 * runs).all()  # the trap


def test_a_difference_is_found_among_actors_of_unequal_spread():
    rng, found = np.random.default_rng(5), 0
    labels = np.repeat(np.arange(6), (12, 12, 6, 6, 3, 3))
    for _ in range(40):
        maps = rng.normal(size=(42, 20)) * np.linspace(1, 2, 6)[labels, None] + 1.5 * rng.normal(size=(6, 20))[labels]
        found += float(variance_explained(stacked(maps, labels), rng=rng, n_permutations=99).p_value) <= 0.05
    assert found >= 36


def one_mode_each(rng, n_narrow, effect=0.0):
    """Twelve actors of five maps; maps of the last ones vary along one mode each; an effect of the last actor."""
    maps, labels = rng.normal(size=(60, 30)), np.repeat(np.arange(12), 5)
    for actor in range(12 - n_narrow, 12):
        maps[labels == actor] = rng.normal(size=(5, 1)) * rng.normal(size=30)
    maps[labels == 11] += effect * rng.normal(size=30)
    return stacked(maps, [f"s{label}" for label in labels])


def test_where_actors_vary_along_fewer_modes_there_is_no_p_and_they_are_named():
    rng, runs = np.random.default_rng(6), 40
    found = [variance_explained(one_mode_each(rng, 4), rng=rng, n_permutations=99) for _ in range(runs)]
    refused = [one for one in found if np.isnan(one.p_value)]
    assert len(refused) >= 0.9 * runs
    assert sum(one.attrs["p_reason"] == "maps of s10, s11, s8, s9 vary along fewer modes than those of other actors"
               for one in refused) >= 0.5 * runs
    assert all(float(one.f2) > 0 and int(one.n_permutations) == 0 and float(one.p_value_free) > 0 for one in refused)


@pytest.mark.parametrize("effect", [0.0, 3.0])
def test_actors_like_the_others_are_hardly_ever_refused_whatever_their_effect(effect):
    rng, runs = np.random.default_rng(7), 100
    refused = sum(bool(np.isnan(variance_explained(one_mode_each(rng, 0, effect), rng=rng, n_permutations=9).p_value))
                  for _ in range(runs))
    assert refused <= stats.binom.ppf(0.999, runs, 0.01)
