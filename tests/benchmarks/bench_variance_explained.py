"""R² with 9,999 permutations beside scipy's pdist and scikit-bio's permanova, on one stack of a paper's size."""

from __future__ import annotations

import statistics
import sys
import time
import warnings
from collections.abc import Callable

import numpy as np
import xarray as xr
from scipy.spatial.distance import pdist, squareform
from skbio.stats.distance import DistanceMatrix, permanova

from salcompare.statistics.variance.distances import Distance
from salcompare.statistics.variance.explained import variance_explained

ACTORS, IMAGES, SIZE, PERMUTATIONS = 17, 15, 227, 9999
CASES: tuple[tuple[Distance, str, float], ...] = (  # ours, scipy's name, target
    ("euclidean", "euclidean", 3), ("bray_curtis", "braycurtis", 1), ("jensen_shannon", "jensenshannon", 2))


def stack() -> xr.DataArray:
    """Maps with a little in common within an actor."""
    rng = np.random.default_rng(0)
    own = rng.random((ACTORS, 1, SIZE, SIZE), np.float32)
    maps = 0.1 * own + rng.random((ACTORS, IMAGES, SIZE, SIZE), np.float32)
    return xr.DataArray(maps.reshape(-1, SIZE, SIZE), dims=("image", "y", "x"),
                        coords={"actor": ("image", np.repeat([f"s{a:02}" for a in range(ACTORS)], IMAGES))})


def ours(maps: xr.DataArray, distance: Distance) -> float:
    """Everything that variance_explained gives."""
    return float(variance_explained(maps, n_permutations=PERMUTATIONS, rng=np.random.default_rng(1),
                                    distance=distance).pseudo_f)


def peers(maps: xr.DataArray, metric: str) -> float:
    """Pseudo-F and p only."""
    distances = squareform(pdist(maps.values.reshape(maps.sizes["image"], -1), metric))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = permanova(DistanceMatrix(distances), maps.actor.values, permutations=PERMUTATIONS)
    return float(found["test statistic"])


def seconds(work: Callable[[], float]) -> tuple[float, float]:
    """CPU seconds of one run; give its result with it."""
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def main(runs: int) -> None:
    """Print one line a distance: ours, peers, ratio, target; fail if pseudo-F differs by more than 1e-8 of itself."""
    maps = stack()
    for distance, metric, target in CASES:
        repeats = runs if distance == "euclidean" else 1  # the peers' logarithms alone take most of a minute
        pairs = [(seconds(lambda d=distance: ours(maps, d)), seconds(lambda m=metric: peers(maps, m)))
                 for _ in range(repeats)]
        for (_, mine), (_, theirs) in pairs:
            if not abs(mine - theirs) <= 1e-8 * theirs:
                message = f"{distance}: pseudo-F {mine} here, {theirs} from scikit-bio"
                raise AssertionError(message)
        fast, slow = (statistics.median(pair[side][0] for pair in pairs) for side in (0, 1))
        print(f"variance_explained, {distance}, {len(maps)} maps of {SIZE}x{SIZE}, {PERMUTATIONS} permutations: "
              f"ours {fast:.2f} s   scipy pdist + scikit-bio permanova {slow:.2f} s   ratio {slow / fast:.1f}   "
              f"target >= {target:g}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
