"""R² with 9,999 permutations beside scipy's pdist and scikit-bio's permanova, on one stack of a paper's size.

Run: python -m tests.benchmarks.bench_variance_explained [repeats]
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from functools import partial

import numpy as np
import xarray as xr
from scipy.spatial.distance import pdist, squareform
from skbio.stats.distance import DistanceMatrix, permanova

from salcompare.statistics.variance.explained import variance_explained
from salcompare.statistics.variance.gram import Distance
from tests.benchmarks.measure import Case, Peer, run

ACTORS, IMAGES, SIZE, PERMUTATIONS = 17, 15, 227, 9999
CASES: tuple[tuple[Distance, str, float], ...] = (  # ours, scipy's name, target; two tests, beside one of theirs
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


def agree(mine: object, theirs: object) -> None:
    """Fail if pseudo-F differs by more than 1e-8 of itself."""
    np.testing.assert_allclose(mine, theirs, rtol=1e-8)


def cases() -> Iterator[Case]:
    """One a distance."""
    maps = stack()
    for distance, metric, target in CASES:
        peer = Peer("scipy pdist + scikit-bio permanova", partial(peers, maps, metric), target)
        yield Case(f"R², {distance}, {PERMUTATIONS:,} permutations of {len(maps)} maps", partial(ours, maps, distance),
                   (peer,), check=agree, warm_up=False,
                   most_repeats=None if distance == "euclidean" else 1)  # the peers' logarithms take a minute


if __name__ == "__main__":
    run(cases(), repeats=5)
