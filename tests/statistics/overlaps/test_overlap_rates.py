"""Error rates of the tests over pairings and coverage of their intervals, in simulated studies.

A count of rejections in n studies is held to the 99.9% quantile of Binomial(n, 5%).
"""

from itertools import product

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from salcompare.statistics.metrics.registry import METRICS
from salcompare.statistics.overlaps.baselines import paired_differences
from salcompare.statistics.overlaps.pairings import pairing_tests
from salcompare.statistics.overlaps.pairs import blocked, pairing_means

N_STUDIES = 300


def study(rng, sizes, *, follows=0.0, human_actor=0.0, classifier_actor=0.0, shared_actor=0.0, noise=0.0,
          pixels=20):
    """Pearson overlaps of all pairs in a study with so many images an actor.

    The classifier follows the photograph as people do by `follows` (0 to 1); each side has effects of the actor, of
    its own or shared with the other side; all maps share one face. With `noise`, both sides' maps of the last actor
    are so many times noisier than those of the first.
    """
    actors = np.repeat([f"s{a:02d}" for a in range(len(sizes))], sizes)
    codes = np.repeat(np.arange(len(sizes)), sizes)
    photograph, own, face = (rng.normal(size=shape) for shape in ((codes.size, pixels), (codes.size, pixels), pixels))
    both, one, other = rng.normal(size=(3, len(sizes), pixels))
    human = face + photograph + (shared_actor * both + human_actor * one)[codes]
    classifier = (face + follows * photograph + np.sqrt(1 - follows**2) * own
                  + (shared_actor * both + classifier_actor * other)[codes])
    if noise:
        spread = np.geomspace(1 / np.sqrt(noise), np.sqrt(noise), len(sizes))[codes, np.newaxis]
        human, classifier = face + spread * (human - face), face + spread * (classifier - face)
    unit = [(m - m.mean(axis=1, keepdims=True)) / m.std(axis=1, keepdims=True) / np.sqrt(pixels)
            for m in (human, classifier)]
    names = [f"{actor}/{at}" for at, actor in enumerate(actors)]
    return xr.DataArray(unit[0] @ unit[1].T, dims=("image", "image_other"),
                        coords={"image": names, "image_other": names, "actor": ("image", actors)})


def p_values(contrast, sizes, *, seed, n_studies=N_STUDIES, **world):
    """p of one contrast in many studies; `sizes` may be a function of the generator."""
    rng = np.random.default_rng(seed)
    drawn = (study(rng, sizes(rng) if callable(sizes) else sizes, **world) for _ in range(n_studies))
    return np.array([float(pairing_tests(matrix, rng=rng, n_permutations=99)
                           .p_value.sel(contrast=contrast)) for matrix in drawn])


def ragged(rng):
    return rng.integers(2, 7, 12)


@pytest.mark.parametrize("world", [
    {"sizes": [3] * 12, "follows": 1.0},  # pairs i-j and j-i are nearly one number: a plain difference rejects 11%
    {"sizes": [2] * 20, "follows": 1.0},  # and here 16%
    {"sizes": ragged, "follows": 1.0},
    {"sizes": [4] * 10, "human_actor": 1.0, "classifier_actor": 1.0},  # structures of actors that are not related
    {"sizes": [5] * 12, "noise": 4.0},  # double centring rejects 63%
], ids=["few images", "pairs of images", "ragged counts", "unrelated actors", "noisy on both sides"])
def test_the_actor_effect_rejects_no_more_than_it_says_without_one(world):
    rejected = int((p_values("actor effect", seed=11, **world) <= 0.05).sum())
    assert rejected <= stats.binom.ppf(0.999, N_STUDIES, 0.05)


@pytest.mark.parametrize("world", [
    {"sizes": [4] * 10, "shared_actor": 1.0}, {"sizes": ragged, "shared_actor": 1.0, "human_actor": 1.0},
], ids=["shared actors", "ragged counts"])
def test_the_image_effect_rejects_no_more_than_it_says_where_only_actors_agree(world):
    rejected = int((p_values("image effect", seed=12, **world) <= 0.05).sum())
    assert rejected <= stats.binom.ppf(0.999, N_STUDIES, 0.05)


def test_planted_effects_are_found_and_not_taken_for_each_other():
    sizes = [5] * 12
    assert (p_values("actor effect", sizes, seed=13, n_studies=50, shared_actor=0.5) <= 0.05).mean() > 0.9
    assert (p_values("image effect", sizes, seed=14, n_studies=50, follows=0.3) <= 0.05).mean() > 0.9


def test_the_effects_intervals_over_actors_cover_what_many_actors_tend_to():
    rng = np.random.default_rng(15)
    world = {"follows": 0.5, "shared_actor": 0.7, "human_actor": 0.5}
    many = study(rng, [4] * 400, **world)
    truth = np.nanmean(pairing_means(blocked(many)[0]), axis=1)[3:]
    rng = np.random.default_rng(16)
    inside = np.zeros(2)
    n_studies = 200
    for _ in range(n_studies):
        # the face that all maps share is part of the population, so it must be the same in all studies
        some = subset(many, rng.choice(400, 12, replace=False))
        found = pairing_tests(some, rng=rng, n_permutations=1)
        assert np.isnan(found.ci_low[:3]).all()  # of pairings, whose actors share workers in studies
        found = found.isel(contrast=[3, 4])
        inside += (found.ci_low.values <= truth) & (truth <= found.ci_high.values)
    # without replacement from 400 actors, the population's own error is negligible
    low = stats.binom.ppf(0.0005, n_studies, 0.95)
    assert (inside >= low).all(), inside / n_studies
    assert (inside <= n_studies).all()


def subset(matrix, chosen):
    """The images of some actors."""
    at = np.flatnonzero(np.isin(matrix.actor.values, [f"s{a:02d}" for a in chosen]))
    return matrix.isel(image=at, image_other=at)


def test_sign_flips_reject_no_more_than_they_say_and_find_a_planted_difference():
    rng = np.random.default_rng(18)
    actors = np.repeat([f"s{a}" for a in range(10)], 3)
    labels = {"image": [f"{actor}/{at}" for at, actor in enumerate(actors)], "actor": ("image", actors)}
    names = [name for name, metric in METRICS.items() if metric.better == "higher"]  # so many studies at once
    rejected, n_studies = {0.0: 0, 0.8: 0}, 34 * len(names)
    for shift, _ in product(rejected, range(34)):
        one, two = (xr.Dataset({name: ("image", part * np.repeat(rng.normal(shift, 1, 10), 3)
                                       + rng.normal(0, 0.3, 30)) for name in names}, coords=labels) for part in (1, 0))
        rejected[shift] += int((paired_differences(one, two, rng=rng, n_permutations=99).p_value <= 0.05).sum())
    assert rejected[0.0] <= stats.binom.ppf(0.999, n_studies, 0.05)
    assert rejected[0.8] > 0.6 * n_studies
