"""Distances between all pairs of maps, and the Gower-centred Gram matrix that every sum of squares is computed from.

Sums of squared deviations are sums of squared distances, so whatever works on inner products of centred maps works on
any distance once its matrix is centred. Maps stream in blocks of pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import pdist, squareform

from salcompare.blocks import side_by_side
from salcompare.errors import InputError, Problem
from salcompare.statistics.variance.gram import ROUNDING, Stack, Sums, blocks, sums_of_squares

Distance = Literal["euclidean", "bray_curtis", "jensen_shannon"]
DISTANCES: tuple[Distance, ...] = get_args(Distance)
_TILE = 256
"""Pixels whose logarithms are taken at a time, so that all images' stay in the processor's cache."""
_TILES = 16
"""Tiles that a core adds up at a time."""
_DENSE = 0.6
_ALMOST_NOTHING = 1e-300
"""In the place of 0, so that logarithms are finite; what it adds to a sum is far below rounding."""
_ENTROPY_ROUNDING = 1e-13
"""A squared Jensen-Shannon distance below this is rounding: it is a difference of entropies near log 2."""


def check_distance(distance: str) -> list[Problem]:
    """Name a distance that is not known."""
    if distance in DISTANCES:
        return []
    return [Problem("distance", repr(distance), f"one of {', '.join(DISTANCES)}")]


def gower_gram(stack: Stack, distance: Distance) -> tuple[NDArray[np.float64], float]:
    """Centre minus half the squared distances between maps, so that rows sum to 0.

    Parameters
    ----------
    stack : Stack
        Of n maps.
    distance : {"euclidean", "bray_curtis", "jensen_shannon"}
        ``bray_curtis``: sum |a - b| / sum (a + b), of the maps as they are. ``jensen_shannon``: root of the
        Jensen-Shannon divergence of the maps scaled to unit sum, which is a metric (natural logarithm).

    Returns
    -------
    gram : ndarray (n, n)
        Inner products in the space where the distances are Euclidean. For Bray-Curtis there is none in general, and
        the matrix has some negative eigenvalues.
    negligible : float
        Sums of squares up to this are rounding.

    Raises
    ------
    InputError
        If a map has a negative value and the distance is not Euclidean.

    References
    ----------
    Gower (1966), doi:10.1093/biomet/53.3-4.325; Bray & Curtis (1957), doi:10.2307/1942268; Endres & Schindelin (2003),
    doi:10.1109/TIT.2003.813506
    """
    n = stack.matrix.shape[0]
    if distance == "euclidean":
        sums = sums_of_squares(stack, np.zeros(n, np.intp))
        return sums.gram, negligible_squares(sums)
    if distance == "bray_curtis":
        return _centred(_bray_curtis(stack) ** 2), ROUNDING * n
    return _centred(_jensen_shannon_squared(stack)), _ENTROPY_ROUNDING * n


def negligible_squares(sums: Sums) -> float:
    """Sum of squares that is rounding, given the maps' norms."""
    return ROUNDING * (float(np.trace(sums.gram)) + len(sums.gram) * sums.mean_norm)


def _centred(squared: NDArray[np.float64]) -> NDArray[np.float64]:
    means = squared.mean(axis=0)
    centred: NDArray[np.float64] = (means[:, None] + means - squared - means.mean()) / 2
    return centred


def _bray_curtis(stack: Stack) -> NDArray[np.float64]:
    n = stack.matrix.shape[0]
    apart, sums = np.zeros(n * (n - 1) // 2), np.zeros(n)
    for of_block, in_all in side_by_side(lambda part: (pdist(part[1], "cityblock"), part[1].sum(axis=1)),
                                         _positive_blocks(stack, "bray_curtis")):
        apart += of_block
        sums += in_all
    first, second = np.triu_indices(n, 1)
    return np.asarray(squareform(apart / (sums[first] + sums[second])), np.float64)


def _jensen_shannon_squared(stack: Stack) -> NDArray[np.float64]:
    """Divergences (n, n) from entropies: log 2 - T / 2, T the gain of x log x from adding two maps of unit sum."""
    n = stack.matrix.shape[0]
    sums, gain = np.zeros(n), np.zeros((n, n))
    for _, block in _positive_blocks(stack, "jensen_shannon"):
        sums += block.sum(axis=1)
    parts = (block[:, start:start + _TILES * _TILE] / sums[:, None] for _, block in blocks(stack.matrix)
             for start in range(0, block.shape[1], _TILES * _TILE))
    for of_part in side_by_side(_gain, parts):
        gain += of_part
    squared = np.maximum(np.log(2) - (gain + gain.T) / 2, 0)
    np.fill_diagonal(squared, 0)
    return np.asarray(squared, np.float64)


def _gain(part: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum the gains (n, n) of all pairs of maps over some pixels (n, w)."""
    gain = np.zeros((len(part), len(part)))
    for start in range(0, part.shape[1], _TILE):
        _add_gain(gain, np.ascontiguousarray(part[:, start:start + _TILE]))
    return gain


def _add_gain(gain: NDArray[np.float64], tile: NDArray[np.float64]) -> None:
    """Add each pair's sum of (p+q) log(p+q) - p log p - q log q, which is 0 at a pixel that either map lacks."""
    n, width = tile.shape
    present = tile > 0
    tile = np.where(present, tile, _ALMOST_NOTHING)
    own = tile * np.log(tile)
    alone = present.astype(np.float64) @ own.T  # (i, j): sum of q log q of map j where map i is not 0
    sums = own.sum(axis=1)
    added, logs = np.empty_like(tile), np.empty_like(tile)
    for i in range(n - 1):
        at = np.flatnonzero(present[i])
        dense = len(at) > _DENSE * width  # skipping pixels then costs more than their logarithms
        mine, others = (tile[i], tile[i + 1:]) if dense else (tile[i, at], tile[i + 1:, at])
        total, log = added[i + 1:, :len(mine)], logs[i + 1:, :len(mine)]
        np.add(mine, others, out=total)
        np.log(total, out=log)
        gain[i, i + 1:] += np.einsum("jp,jp->j", total, log) - sums[i] - (sums if dense else alone[i])[i + 1:]


def _positive_blocks(stack: Stack, distance: Distance) -> Iterator[tuple[slice, NDArray[np.float64]]]:
    for pixels, block in blocks(stack.matrix):
        if block.min(initial=0) < 0:
            raise InputError(Problem("maps", f"a value of {block.min():g}", f"no value below 0, for {distance}",
                                     'use distance="euclidean"'))
        yield pixels, block
