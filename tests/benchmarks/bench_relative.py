"""Tests over whole maps beside MNE and nilearn: sign flips of 60 maps, and 17 actors against each other.

One thread and seconds of CPU, so that other work on the machine counts less; medians of interleaved runs. nilearn's
test of 17 actors runs with fewer permutations and is scaled up. Its t leaves the other actors' differences in the
variance, ours does not; both take one matrix product a permutation over the same maps.

Run: python tests/benchmarks/bench_relative.py [repeats]
"""

import os

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"  # read when numpy is imported

import resource
import statistics
import sys
import time

import numpy as np
import xarray as xr
from mne.stats import permutation_t_test
from nilearn.mass_univariate import permuted_ols

from salcompare.statistics.relative.maxima import relative_test
from salcompare.statistics.relative.paired import paired_map_test

SIZE, FLIPS, PAIRS = 227, 1000, 60
ACTORS, IMAGES, PERMUTATIONS, SCALE = 17, 15, 1000, 20


def main(repeats: int) -> None:
    """Print a line a case: our seconds, the peer's, the median ratio of neighbouring runs, and the target."""
    rng = np.random.default_rng(0)
    differences, maps = paired(rng), of_actors(rng)
    print(f"inputs {peak():.2f} GiB")
    run(maps, PERMUTATIONS)
    what = f"one-vs-rest max-|t|, {ACTORS} actors, {PERMUTATIONS} permutations of {len(maps)} maps"
    print(f"{what}: peak memory {peak():.2f} GiB   target < 2 GiB", flush=True)
    cases = {
        f"max-|t|, {FLIPS} sign flips on {PAIRS} x {SIZE**2}, MNE permutation_t_test": (
            lambda: paired_map_test(differences, rng=np.random.default_rng(1), n_permutations=FLIPS),
            lambda: permutation_t_test(flat(differences), FLIPS, n_jobs=1, verbose=False), 1, 20),
        f"max-|t|, {FLIPS} sign flips on {PAIRS} x {SIZE**2}, nilearn permuted_ols": (
            lambda: paired_map_test(differences, rng=np.random.default_rng(1), n_permutations=FLIPS),
            lambda: nilearn_flips(differences), 1, 20),
        f"{what}, nilearn permuted_ols": (
            lambda: run(maps, PERMUTATIONS), lambda: nilearn_actors(maps), SCALE, 5),
    }
    for name, (ours, peer, scale, target) in cases.items():
        mine, theirs = interleaved(ours, peer, repeats)
        ratio = statistics.median(scale * b / a for a, b in zip(mine, theirs, strict=True))
        print(f"{name}: ours {statistics.median(mine):.2f} s   peer {scale * statistics.median(theirs):.2f} s"
              f"{' (scaled up)' if scale > 1 else ''}   ratio {ratio:.1f}   target >= {target}", flush=True)


def paired(rng):
    values = rng.normal(size=(PAIRS, SIZE, SIZE))
    return xr.DataArray(values, dims=("actor", "y", "x"))


def of_actors(rng):
    values = rng.random((ACTORS * IMAGES, SIZE, SIZE), dtype=np.float32)
    return xr.DataArray(values, dims=("image", "y", "x"), coords={
        "actor": ("image", np.repeat([f"s{actor:02}" for actor in range(ACTORS)], IMAGES))})


def run(maps, n_permutations):
    return relative_test(maps, sigma=0.0, rng=np.random.default_rng(1), n_permutations=n_permutations)


def flat(maps):
    return maps.values.reshape(len(maps), -1)


def nilearn_flips(differences):
    return permuted_ols(np.ones((PAIRS, 1)), flat(differences), model_intercept=False, n_perm=FLIPS, n_jobs=1,
                        random_state=0, output_type="dict")


def nilearn_actors(maps):
    members = (maps.actor.values[:, None] == np.unique(maps.actor)).astype(float)
    return permuted_ols(members, flat(maps), n_perm=PERMUTATIONS // SCALE, n_jobs=1, random_state=0, output_type="dict")


def interleaved(ours, peer, repeats):
    """Seconds of both in turn, after one round that is not counted."""
    seconds = ([], [])
    for i in range(repeats + 1):
        for case, taken in zip((ours, peer), seconds, strict=True):
            start = time.process_time()
            case()
            if i:
                taken.append(time.process_time() - start)
    return seconds


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
