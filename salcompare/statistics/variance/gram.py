"""Distances between maps, their inner products, and the sums of squares of a stack of maps and of its permutations.

The maps are read in one pass over blocks of pixels, so that big and lazy stacks stream; what follows works on inner
products between images only, and so costs the same for any number of pixels. Sums of squared deviations are sums of
squared distances, so whatever works on inner products of centred maps works on any distance once its matrix is centred.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.spatial.distance import pdist, squareform

from salcompare.blocks import side_by_side
from salcompare.errors import InputError, Problem
from salcompare.statistics.kernels import Codes, Values, left_out, maps_in_range

Distance = Literal["euclidean", "bray_curtis", "jensen_shannon"]
DISTANCES: tuple[Distance, ...] = get_args(Distance)
BLOCK = 2_000_000
"""Numbers converted to float64 at a time (16 MB); eager and lazy stacks take the same blocks, so sums are equal."""
_READ = 16
"""Blocks of a lazy stack read at a time, since stores are chunked by image and each read goes through all of it."""
ROUNDING = 1e-24
"""Share of a sum of squares below which a centred one is rounding: a constant, not a spread (squared, 1e-12)."""
_GATHERED = 250_000  # inner products gathered at a time, so that they stay in the processor's cache
_GATHER_COST = 160
"""Gathering one inner product takes as long as so many multiplications and additions in a matrix product."""
_TILE = 256  # pixels whose logarithms are taken at a time, so that all images' stay in the processor's cache
_TILES = 16  # tiles that a core adds up at a time
_DENSE = 0.6
_ALMOST_NOTHING = 1e-300
"""In the place of 0, so that logarithms are finite; what it adds to a sum is far below rounding."""
_ENTROPY_ROUNDING = 1e-13
"""A squared Jensen-Shannon distance below this is rounding: it is a difference of entropies near log 2."""


@dataclass(frozen=True)
class Stack:
    """Maps as a matrix, with the empty ones left out."""

    matrix: Any  # (n, p), NumPy or dask, of any real dtype
    kept: NDArray[np.bool_]  # (images given,) which of them are in the matrix
    n_missing: int  # images left out because a pixel is NaN or infinite
    n_empty: int  # and because all pixels are 0

    @property
    def n_undefined(self) -> int:
        """How many images are left out."""
        return self.n_missing + self.n_empty

    @property
    def left_out(self) -> str:
        """Say how many are, and why; empty for none."""
        return left_out(self.n_missing, self.n_empty)


@dataclass(frozen=True)
class Sums:
    """What variance is computed from; sums of squares at a pixel are 0 where it is constant."""

    gram: Values  # (n, n) inner products of the maps after subtracting the mean over images at each pixel
    mean_norm: float  # squared norm of that mean map
    pixel_between: Values  # (p,) sums of squares between classes
    pixel_total: Values  # (p,) and in all

    @property
    def negligible(self) -> float:
        """Sum of squares that is rounding, given the maps' norms."""
        return ROUNDING * (float(np.trace(self.gram)) + len(self.gram) * self.mean_norm)


def stack_maps(maps: xr.DataArray) -> Stack:
    """Flatten all dims but ``image`` and leave out images with a NaN or infinite pixel, or with none but 0."""
    maps = maps_in_range(maps)
    data = maps.transpose("image", ...).data
    matrix = data.reshape(data.shape[0], -1)
    if matrix.shape[1] == 0:
        return Stack(matrix, np.zeros(len(matrix), bool), 0, len(matrix))
    # min and max carry NaN along, overflow nowhere and need no array of booleans of the stack's size
    pixels = [dim for dim in maps.dims if dim != "image"]
    bounds = xr.Dataset({"low": maps.min(pixels, skipna=False), "high": maps.max(pixels, skipna=False)}).compute()
    low, high = bounds.low.values.astype(float), bounds.high.values.astype(float)
    missing = ~(np.isfinite(low) & np.isfinite(high))
    empty = (low == 0) & (high == 0)
    kept = ~(missing | empty)
    return Stack(matrix if kept.all() else matrix[kept], kept, int(missing.sum()), int(empty.sum()))


def sums_of_squares(stack: Stack, codes: Codes) -> Sums:
    """Compute the Gram matrix of the centred maps, and sums of squares at each pixel, given the maps' classes (n,)."""
    n, n_pixels = stack.matrix.shape
    members = np.zeros((codes.max() + 1, n))
    members[codes, np.arange(n)] = 1
    sizes = members.sum(axis=1)
    gram, mean_norm = np.zeros((n, n)), 0.0
    between, total = np.empty(n_pixels), np.empty(n_pixels)

    def fill(part: tuple[slice, Values]) -> tuple[Values, float]:
        """Fill in some pixels; give their part of the inner products and of the mean map's norm."""
        pixels, block = part
        mean = block.mean(axis=0)
        squares = n * mean**2
        block -= mean
        total[pixels] = np.einsum("ij,ij->j", block, block)
        between[pixels] = (((members @ block) ** 2) / sizes[:, None]).sum(axis=0)
        constant = total[pixels] <= ROUNDING * squares
        total[pixels][constant] = between[pixels][constant] = 0
        return block @ block.T, float(mean @ mean)  # NumPy sees one array twice and computes half (syrk)

    for products, norm in side_by_side(fill, blocks(stack.matrix)):
        gram += products
        mean_norm += norm
    return Sums(gram, mean_norm, between, total)


def within_sums(products: NDArray[Any], labels: Codes, batch: Codes) -> NDArray[Any]:
    """Sum inner products within each class, pairs either way round and with themselves, for each permutation (g, b).

    `products` (u, u) are inner products of units (of two kinds at once, as parts of complex numbers), `labels` (u,)
    gives the class of each place, and `batch` (b, u) the unit that takes it, as `permutations` does.
    """
    n_units, counts = len(labels), np.bincount(labels)
    n_pairs = int((counts * (counts - 1) // 2).sum())
    gather = _GATHER_COST * n_pairs <= n_units**2 * len(counts)
    kernel = _by_pairs if gather else _by_indicators
    step = max(1, _GATHERED // max(1, n_pairs if gather else n_units * len(counts)))
    placed = np.ascontiguousarray(batch[:, np.argsort(labels, kind="stable")].T)
    return np.concatenate([kernel(products, counts, placed[:, at:at + step])
                           for at in range(0, len(batch), step)], axis=1)


def class_sums(values: Values, labels: Codes, batch: Codes) -> Values:
    """Sum values of units (u,) over each class, for each permutation (g, b)."""
    counts = np.bincount(labels)
    if (values == values[0]).all():  # single images, whichever come together
        return np.repeat(counts[:, None] * float(values[0]), len(batch), axis=1)
    placed = np.ascontiguousarray(batch[:, np.argsort(labels, kind="stable")].T)
    return np.asarray(np.add.reduceat(values.take(placed), np.cumsum(counts) - counts, axis=0), np.float64)


def between_sums(products: Values, sizes: Values, labels: Codes, batch: Codes) -> Values:
    """Sum (inner products within a class) / (size of the class) over the classes, for each permutation (b,).

    As `within_sums`; `sizes` (u,) counts each unit's images. If the rows of `products` sum to 0 the result is SSB.
    """
    total: Values = (within_sums(products, labels, batch) / class_sums(sizes, labels, batch)).sum(axis=0)
    return total


def blocks(matrix: Any) -> Iterator[tuple[slice, Values]]:  # noqa: ANN401 - NumPy or dask
    """Yield ranges of pixels with their values, in float64 and free to be overwritten."""
    n, n_pixels = matrix.shape
    width = max(256, BLOCK // max(n, 1))
    lazy = not isinstance(matrix, np.ndarray)
    for start in range(0, n_pixels, width * _READ):
        part = matrix[:, start:start + width * _READ]
        part = np.asarray(part.compute() if lazy else part)
        for inner in range(0, part.shape[1], width):
            block = part[:, inner:inner + width].astype(np.float64)
            yield slice(start + inner, start + inner + block.shape[1]), block


def _by_pairs(products: NDArray[Any], counts: Codes, placed: Codes) -> NDArray[Any]:  # (u, b) -> (g, b)
    """Gather the products of the pairs in each class."""
    n_units, flat = len(products), products.ravel()
    scaled = placed * n_units
    starts = np.cumsum(counts) - counts
    within = np.add.reduceat(flat.take(scaled + placed), starts, axis=0)
    for size in np.unique(counts[counts > 1]):
        classes = np.flatnonzero(counts == size)
        first, second = np.triu_indices(size, 1)
        at = scaled[starts[classes][:, None] + first]
        at += placed[starts[classes][:, None] + second]
        within[classes] += 2 * flat.take(at).sum(axis=1)
    return within


def _by_indicators(products: NDArray[Any], counts: Codes, placed: Codes) -> NDArray[Any]:  # (u, b) -> (g, b)
    """Multiply matrices once, which is faster where classes are few and large."""
    n_units, n_draws = placed.shape
    labels, draws = np.repeat(np.arange(len(counts)), counts)[:, None], np.arange(n_draws)
    members = np.zeros((n_units, len(counts), n_draws))
    members[placed, labels, draws] = 1
    sums = (products @ members.reshape(n_units, -1)).reshape(members.shape)
    return np.asarray(np.add.reduceat(sums[placed, labels, draws], np.cumsum(counts) - counts, axis=0))


def gower_gram(stack: Stack, distance: Distance) -> tuple[Values, float]:
    """Centre minus half the squared distances between maps (n, n), and say up to where sums of squares are rounding.

    ``bray_curtis`` is sum |a - b| / sum (a + b) of the maps as they are; ``jensen_shannon`` the root of the
    Jensen-Shannon divergence of the maps scaled to unit sum, which is a metric (natural logarithm). Rows sum to 0: they
    are inner products in the space where the distances are Euclidean. For Bray-Curtis there is none in general, and the
    matrix has some negative eigenvalues. Other distances than Euclidean ones refuse negative values.

    References
    ----------
    Gower (1966), doi:10.1093/biomet/53.3-4.325; Bray & Curtis (1957), doi:10.2307/1942268; Endres & Schindelin (2003),
    doi:10.1109/TIT.2003.813506
    """
    n = stack.matrix.shape[0]
    if distance == "euclidean":
        sums = sums_of_squares(stack, np.zeros(n, np.intp))
        return sums.gram, sums.negligible
    if distance == "bray_curtis":
        return _centred(_bray_curtis(stack) ** 2), ROUNDING * n
    return _centred(_jensen_shannon_squared(stack)), _ENTROPY_ROUNDING * n


def _centred(squared: Values) -> Values:
    means = squared.mean(axis=0)
    centred: Values = (means[:, None] + means - squared - means.mean()) / 2
    return centred


def _bray_curtis(stack: Stack) -> Values:
    n = stack.matrix.shape[0]
    apart, sums = np.zeros(n * (n - 1) // 2), np.zeros(n)
    for of_block, in_all in side_by_side(lambda part: (pdist(part[1], "cityblock"), part[1].sum(axis=1)),
                                         _positive_blocks(stack, "bray_curtis")):
        apart += of_block
        sums += in_all
    first, second = np.triu_indices(n, 1)
    return np.asarray(squareform(apart / (sums[first] + sums[second])), np.float64)


def _jensen_shannon_squared(stack: Stack) -> Values:
    """Divergences (n, n) from entropies: log 2 - T / 2, T the gain of x log x from adding two maps of unit sum.

    The gain of a pair is the sum of (p+q) log(p+q) - p log p - q log q, which is 0 at a pixel that either map lacks.
    """
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


def _gain(part: Values) -> Values:
    """Sum the gains (n, n) of all pairs of maps over some pixels (n, w)."""
    gain = np.zeros((len(part), len(part)))
    for start in range(0, part.shape[1], _TILE):
        _add_gain(gain, np.ascontiguousarray(part[:, start:start + _TILE]))
    return gain


def _add_gain(gain: Values, tile: Values) -> None:
    """Add the gains of some pixels (n, w) that fit the processor's cache."""
    n, width = tile.shape
    present = tile > 0
    tile = np.where(present, tile, _ALMOST_NOTHING)
    terms = tile * np.log(tile)
    alone = present.astype(np.float64) @ terms.T  # (i, j): sum of q log q of map j where map i is not 0
    sums = terms.sum(axis=1)
    added, logs = np.empty_like(tile), np.empty_like(tile)
    for i in range(n - 1):
        at = np.flatnonzero(present[i])
        dense = len(at) > _DENSE * width  # skipping pixels then costs more than their logarithms
        mine, others = (tile[i], tile[i + 1:]) if dense else (tile[i, at], tile[i + 1:, at])
        total, log = added[i + 1:, :len(mine)], logs[i + 1:, :len(mine)]
        np.add(mine, others, out=total)
        np.log(total, out=log)
        gain[i, i + 1:] += np.einsum("jp,jp->j", total, log) - sums[i] - (sums if dense else alone[i])[i + 1:]


def _positive_blocks(stack: Stack, distance: Distance) -> Iterator[tuple[slice, Values]]:
    for pixels, block in blocks(stack.matrix):
        if block.min(initial=0) < 0:
            raise InputError(Problem("maps", f"a value of {block.min():g}", f"no value below 0, for {distance}",
                                     'use distance="euclidean"'))
        yield pixels, block
