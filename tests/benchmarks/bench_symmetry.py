"""Symmetry tests of 255 maps of 227 x 227 (17 actors x 15 images) beside loops that mirror the maps.

One thread and seconds of CPU; medians of interleaved runs. A loop mirrors some maps and computes the statistic anew for
each of a few permutations and is scaled up to 9,999; sign flips of the mean odd part are also those of
mne.stats.permutation_t_test, which keeps all permutations' maps.

Run: python tests/benchmarks/bench_symmetry.py [repeats]
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

from salcompare.statistics.symmetries.pose import pose_association
from salcompare.statistics.symmetries.sides import asymmetry_test, common_laterality_test

ACTORS, IMAGES, SIZE, FLIPS, SAMPLE = 17, 15, 227, 9999, 3


def main(repeats: int) -> None:
    """Print a line a case: our seconds, the peer's, the median ratio of neighbouring runs, and the target."""
    maps, photographs = stack(np.random.default_rng(0)), stack(np.random.default_rng(1))
    cases = {
        "any asymmetry, 9,999 mirrorings, a loop": (
            lambda: asymmetry_test(maps, rng=np.random.default_rng(0)), lambda: loop_asymmetry(maps), FLIPS / SAMPLE),
        "common side, 9,999 mirrorings, mne.stats.permutation_t_test on odd parts": (
            lambda: common_laterality_test(maps, rng=np.random.default_rng(0)), lambda: flips_of_mne(maps),
            FLIPS / (100 * SAMPLE)),
        "maps with photographs, 999 permutations, a loop": (
            lambda: pose_association(maps, photographs, rng=np.random.default_rng(0), n_permutations=999),
            lambda: loop_association(maps, photographs), 999 / SAMPLE),
    }
    for name, (ours, peer, scale) in cases.items():
        mine, theirs = interleaved(ours, peer, repeats)
        ratio = statistics.median(scale * b / a for a, b in zip(mine, theirs, strict=True))
        print(f"{name}: ours {statistics.median(mine):.3f} s   peer {scale * statistics.median(theirs):.3f} s (scaled "
              f"up)   ratio {ratio:.1f}   target >= 10", flush=True)
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")


def stack(rng):
    names = [f"s{a}" for a in range(ACTORS) for _ in range(IMAGES)]
    return xr.DataArray(rng.gamma(0.5, size=(len(names), SIZE, SIZE)).astype(np.float32), dims=("image", "y", "x"),
                        coords={"image": np.arange(len(names)), "actor": ("image", names)})


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


def loop_asymmetry(maps):
    """Mirror images at random; sum over an actor's pairs the inner products of odd parts."""
    rng = np.random.default_rng(0)
    for _ in range(SAMPLE):
        turn = rng.random(len(maps)) < 0.5
        values = np.where(turn[:, None, None], maps.values[:, :, ::-1], maps.values)
        odd = (values - values[:, :, ::-1]).reshape(ACTORS, IMAGES, -1)
        together = odd.sum(axis=1)
        (together**2).sum() - (odd**2).sum()


def flips_of_mne(maps):
    odd = (maps.values - maps.values[:, :, ::-1])[:, :, :SIZE // 2]
    odd = odd.reshape(ACTORS, IMAGES, -1).mean(axis=1, dtype=np.float64)
    permutation_t_test(odd, n_permutations=100 * SAMPLE, tail=0, rng=0, verbose=False)


def loop_association(maps, photographs):
    """Permute an actor's maps; correlate the inner products of odd parts anew."""
    rng = np.random.default_rng(0)
    faces = (photographs.values - photographs.values[:, :, ::-1]).reshape(len(maps), -1)
    faces = faces @ faces.T
    for _ in range(SAMPLE):
        order = np.concatenate([a * IMAGES + rng.permutation(IMAGES) for a in range(ACTORS)])
        odd = (maps.values[order] - maps.values[order][:, :, ::-1]).reshape(len(maps), -1)
        np.corrcoef((odd @ odd.T).ravel(), faces.ravel())


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
