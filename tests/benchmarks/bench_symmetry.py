"""Symmetry tests of 255 maps of 227 x 227 (17 actors x 15 images) beside loops that mirror the maps.

One thread and seconds of CPU; medians of interleaved runs. A loop mirrors some maps and computes the statistic anew for
each of a few permutations and is scaled up to 9,999; sign flips of the mean odd part are also those of
mne.stats.permutation_t_test, which keeps all permutations' maps.

Run: python -m tests.benchmarks.bench_symmetry [repeats]
"""


import numpy as np
import xarray as xr
from mne.stats import permutation_t_test

from salcompare.statistics.symmetries.pose import pose_association
from salcompare.statistics.symmetries.sides import asymmetry_test, common_laterality_test
from tests.benchmarks.measure import Case, Peer, peak_memory, run

ACTORS, IMAGES, SIZE, FLIPS, SAMPLE = 17, 15, 227, 9999, 3


def cases():
    maps, photographs = stack(np.random.default_rng(0)), stack(np.random.default_rng(1))
    yield Case("any asymmetry, 9,999 mirrorings", lambda: asymmetry_test(maps, rng=np.random.default_rng(0)), (
        Peer("a loop", lambda: loop_asymmetry(maps), 10, FLIPS / SAMPLE),))
    yield Case("common side, 9,999 mirrorings", lambda: common_laterality_test(maps, rng=np.random.default_rng(0)), (
        Peer("MNE permutation_t_test on odd parts", lambda: flips_of_mne(maps), 10, FLIPS / (100 * SAMPLE)),))
    yield Case("maps with photographs, 999 permutations", lambda: pose_association(
        maps, photographs, rng=np.random.default_rng(0), n_permutations=999), (
            Peer("a loop", lambda: loop_association(maps, photographs), 10, 999 / SAMPLE),))
    yield peak_memory("peak memory, symmetry")


def stack(rng):
    names = [f"s{a}" for a in range(ACTORS) for _ in range(IMAGES)]
    return xr.DataArray(rng.gamma(0.5, size=(len(names), SIZE, SIZE)).astype(np.float32), dims=("image", "y", "x"),
                        coords={"image": np.arange(len(names)), "actor": ("image", names)})


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
    run(cases(), repeats=3)
