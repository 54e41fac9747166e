"""R² with 9,999 permutations beside scipy's pdist and scikit-bio's permanova, on one stack of a paper's size."""

from __future__ import annotations

import statistics
import time
import warnings
from collections.abc import Callable

import numpy as np
import xarray as xr
from scipy.spatial.distance import pdist, squareform
from skbio.stats.distance import DistanceMatrix, permanova

from salcompare.statistics.variance.explained import variance_explained

ACTORS, IMAGES, SIZE, PERMUTATIONS, RUNS, TARGET = 17, 15, 227, 9999, 5, 2.5


def stack() -> xr.DataArray:
    """Maps with a little in common within an actor."""
    rng = np.random.default_rng(0)
    own = rng.random((ACTORS, 1, SIZE, SIZE), np.float32)
    maps = 0.1 * own + rng.random((ACTORS, IMAGES, SIZE, SIZE), np.float32)
    return xr.DataArray(maps.reshape(-1, SIZE, SIZE), dims=("image", "y", "x"),
                        coords={"actor": ("image", np.repeat([f"s{a:02}" for a in range(ACTORS)], IMAGES))})


def ours(maps: xr.DataArray) -> float:
    """Everything that variance_explained gives."""
    return float(variance_explained(maps, n_permutations=PERMUTATIONS, rng=np.random.default_rng(1)).pseudo_f)


def peers(maps: xr.DataArray) -> float:
    """Pseudo-F and p only."""
    distances = squareform(pdist(maps.values.reshape(maps.sizes["image"], -1)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = permanova(DistanceMatrix(distances), maps.actor.values, permutations=PERMUTATIONS)
    return float(found["test statistic"])


def seconds(work: Callable[[xr.DataArray], float], maps: xr.DataArray) -> tuple[float, float]:
    """Time one run; give its result with it."""
    start = time.perf_counter()
    result = work(maps)
    return time.perf_counter() - start, result


def main() -> None:
    """Print one line: ours, peers, ratio, target; fail if pseudo-F differs by more than 1e-8 of itself."""
    maps = stack()
    pairs = [(seconds(ours, maps), seconds(peers, maps)) for _ in range(RUNS)]
    for (_, mine), (_, theirs) in pairs:
        if not abs(mine - theirs) <= 1e-8 * theirs:
            message = f"pseudo-F {mine} here, {theirs} from scikit-bio"
            raise AssertionError(message)
    fast, slow = (statistics.median(pair[side][0] for pair in pairs) for side in (0, 1))
    print(f"variance_explained, {len(maps)} maps of {SIZE}x{SIZE}, {PERMUTATIONS} permutations | ours {fast:.2f} s | "
          f"scipy pdist + scikit-bio permanova {slow:.2f} s | ratio {slow / fast:.1f} | target {TARGET}")


if __name__ == "__main__":
    main()
