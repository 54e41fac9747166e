"""Tests over whole maps beside MNE and nilearn: sign flips of 60 maps, and 17 actors against each other.

One thread and seconds of CPU, so that other work on the machine counts less; medians of interleaved runs. nilearn's
test of 17 actors runs with fewer permutations and is scaled up. Its t leaves the other actors' differences in the
variance, ours does not; both take one matrix product a permutation over the same maps.

Run: python -m tests.benchmarks.bench_relative [repeats]
"""


import numpy as np
import xarray as xr
from mne.stats import permutation_t_test
from nilearn.mass_univariate import permuted_ols

from salcompare.statistics.relative.paired import paired_map_test
from salcompare.statistics.relative.pixelwise import relative_test
from tests.benchmarks.measure import Case, Peer, peak_memory, run

SIZE, FLIPS, PAIRS = 227, 1000, 60
ACTORS, IMAGES, PERMUTATIONS, SCALE = 17, 15, 1000, 20


def cases():
    rng = np.random.default_rng(0)
    differences, maps = paired(rng), of_actors(rng)
    yield peak_memory("peak memory, inputs of the maps' tests")
    one_against_rest(maps)
    what = f"one-vs-rest max-|t|, {ACTORS} actors, {PERMUTATIONS:,} permutations of {len(maps)} maps"
    yield peak_memory(f"peak memory, {what}", below=2)
    yield Case(f"max-|t|, {FLIPS:,} sign flips on {PAIRS} x {SIZE**2:,}",
               lambda: paired_map_test(differences, rng=np.random.default_rng(1), n_permutations=FLIPS), (
                   Peer("MNE permutation_t_test",
                        lambda: permutation_t_test(flat(differences), FLIPS, n_jobs=1, verbose=False), 20),
                   Peer("nilearn permuted_ols", lambda: nilearn_flips(differences), 20)))
    yield Case(what, lambda: one_against_rest(maps), (
        Peer("nilearn permuted_ols", lambda: nilearn_actors(maps), 5, SCALE),))


def paired(rng):
    values = rng.normal(size=(PAIRS, SIZE, SIZE))
    return xr.DataArray(values, dims=("actor", "y", "x"))


def of_actors(rng):
    values = rng.random((ACTORS * IMAGES, SIZE, SIZE), dtype=np.float32)
    return xr.DataArray(values, dims=("image", "y", "x"), coords={
        "actor": ("image", np.repeat([f"s{actor:02}" for actor in range(ACTORS)], IMAGES))})


def one_against_rest(maps):
    return relative_test(maps, sigma=0.0, rng=np.random.default_rng(1), n_permutations=PERMUTATIONS)


def flat(maps):
    return maps.values.reshape(len(maps), -1)


def nilearn_flips(differences):
    return permuted_ols(np.ones((PAIRS, 1)), flat(differences), model_intercept=False, n_perm=FLIPS, n_jobs=1,
                        random_state=0, output_type="dict")


def nilearn_actors(maps):
    members = (maps.actor.values[:, None] == np.unique(maps.actor)).astype(float)
    return permuted_ols(members, flat(maps), n_perm=PERMUTATIONS // SCALE, n_jobs=1, random_state=0, output_type="dict")


if __name__ == "__main__":
    run(cases(), repeats=3)
