"""One actor against the others at every pixel: squared t of all actors, for many permutations by matrix products.

The contrast of an actor is the mean of its maps less the mean of the other actors' means, in which actors weigh the
same: leave-one-out relative saliency. A permutation changes which images an actor's mean is of, in a sparse matrix; the
maps stay where they are, in blocks of pixels that fit the processor's cache.

Whether a pixel is tested may depend on the maps, but not on whose they are: then the choice is the same in every
permutation, and the test stays exact.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import sparse

from salcompare.errors import InputError, Problem
from salcompare.maps import natural_order, smooth
from salcompare.printing import counted
from salcompare.statistics.inference import permutation
from salcompare.statistics.kernels import Codes, Maps, Values, left_out, maps_in_range, range_exponent

SUPPORT = 0.2
"""Share of the images that a pixel's mass must be spread over for the pixel to be tested."""
_COLUMNS = 4096  # pixels held in float64 at a time
Statistic = Literal["mean", "spread"]
"""t of means; t of the mean deviation from the actor's own mean. Both with one variance within all actors."""
PIXELS = 1024  # at a time
_ROWS = 256  # rows of one product: permutations times actors
_LEAST = 1e-30  # stands for a variance of 0, so that t is huge and not NaN


@dataclass(frozen=True)
class Standardised:
    """Smoothed maps of n images by A actors at q tested pixels, as one matrix: what is tested."""

    values: Maps  # (n, q) less their mean over images, over the root of their sum of squares: each column has norm 1
    scale: Values  # (q,) those roots, in the maps' unit
    exchange: permutation.Exchangeability  # its labels are positions in `actors`
    actors: NDArray[np.str_]  # (A,) those with a map, in natural order
    tested: NDArray[np.bool_]  # (y, x) which pixels the columns are, row by row
    coords: dict[str, Any]  # of the dims y and x, as far as the maps have them
    about: dict[str, Any]  # attrs that all tests of these maps share
    n_undefined: int  # images left out

    @property
    def labels(self) -> Codes:
        """The actor of each image, as observed."""
        return self.exchange.labels[self.exchange.units]

    @property
    def family_size(self) -> int:
        """How many tests there are: pixels times actors."""
        return int(self.values.shape[1]) * len(self.actors)

    def on_grid(self, values: NDArray[Any]) -> tuple[tuple[str, str, str], Values]:
        """Put values (A, q) of the tested pixels on the grid, NaN elsewhere; give the dims and values of a variable."""
        whole = np.full((len(self.actors), *self.tested.shape), np.nan)
        whole[:, self.tested] = values
        return ("actor", "y", "x"), whole

    def dataset(self, variables: Mapping[str, object], attrs: Mapping[str, object]) -> xr.Dataset:
        """Label variables with the actors and the grid."""
        return xr.Dataset({**variables, "n_undefined": self.n_undefined}, {"actor": self.actors, **self.coords},
                          {**attrs, **self.about})


def standardise(maps: xr.DataArray, *, sigma: float, support: float, n_permutations: int,
                clusters: str | None = None) -> Standardised:
    """Smooth maps and choose the pixels that are tested, given what `relative_test` is, with its errors."""
    _check(maps, support, n_permutations, clusters)
    ordered = maps.transpose("image", "y", "x")
    exponent = range_exponent(ordered)
    rows = np.ascontiguousarray(smooth(maps_in_range(ordered), sigma=sigma).to_numpy())
    matrix = rows.reshape(len(rows), -1)
    finite = np.asarray(np.isfinite(matrix.sum(axis=1)), np.bool_)
    empty = np.asarray(~matrix.any(axis=1), np.bool_)
    kept = np.asarray(finite & ~empty, np.bool_)
    if not kept.all():
        matrix = matrix[kept]
    names = ordered["actor"].values.astype(str)[kept]
    _check_actors(names)
    actors = natural_order(names.tolist()).astype(str)
    exchange = permutation.exchangeability(names, clusters=None if clusters is None else ordered[clusters].values[kept])
    # The exchange counts labels in alphabetical order, maps in natural order.
    position = np.array([np.flatnonzero(actors == name)[0] for name in np.unique(names)], np.intp)
    values, scale, tested = _standardised(matrix, support)
    if not tested.any():
        raise InputError(Problem("maps", f"no pixel varies and has {support:.0%} of the images behind it",
                                 "at least one pixel", "lower the support or smooth more"))
    about = {"sigma": float(sigma), "support": support, "null": exchange.null, "alternative": "two-sided",
             "left_out": left_out(int((~finite).sum()), int((empty & finite).sum()))}
    return Standardised(values, np.ldexp(scale, -exponent), replace(exchange, labels=position[exchange.labels]), actors,
                        tested.reshape(rows.shape[1:]), {dim: ordered.coords[dim] for dim in ("y", "x")
                                                         if dim in ordered.coords}, about, int((~kept).sum()))


@dataclass(frozen=True)
class Arrangements:
    """Some arrangements of the images among the actors, and what is computed of them."""

    means: sparse.csr_array  # (b * A, n) gives the actors' means
    counts: Codes  # (b, A) images of each actor, each at least 1
    statistic: Statistic


@dataclass(frozen=True)
class Plan:
    """How a test is carried out: its maps in blocks, and the draws of its permutations."""

    data: Standardised
    statistic: Statistic
    n_permutations: int
    most: int | None = None  # arrangements at a time; by default as many as suit the processor's cache

    @cached_property
    def dtype(self) -> np.dtype[np.floating]:
        """Precision of the products: float32 halves the time and errs by 1e-6 of t; float64 where ties count."""
        enumerated = permutation.n_distinct(self.data.exchange, distinct="partitions") <= self.n_permutations
        return np.dtype(np.float64 if enumerated else np.float32)

    def blocks(self) -> list[Maps]:
        """Cut the maps into contiguous blocks of pixels (n, w)."""
        values = self.data.values
        return [np.ascontiguousarray(values[:, start:start + PIXELS], self.dtype)
                for start in range(0, values.shape[1], PIXELS)]

    def permuted(self, rng: np.random.Generator) -> Iterator[Arrangements]:
        """Yield the arrangements, some at a time; the observed one is not meant to be among them.

        Where they are enumerated, those that only rename actors come once: the largest t over actors is the same.
        """
        n_actors = len(self.data.actors)
        step = self.most or max(1, _ROWS // n_actors)
        exchange = self.data.exchange
        for batch in permutation.permutations(exchange, self.n_permutations, rng, distinct="partitions"):
            labels = permutation.permuted_labels(exchange, batch)
            for start in range(0, len(labels), step):
                yield arrange(labels[start:start + step], n_actors, self.statistic, self.dtype)


def arrange(labels: Codes, n_actors: int, statistic: Statistic, dtype: np.dtype[np.floating]) -> Arrangements:
    """Turn the actors of the images (b, n) into the matrix that gives the actors' means."""
    flat = labels + np.arange(len(labels))[:, None] * n_actors
    counts = np.bincount(flat.ravel(), minlength=len(labels) * n_actors)
    images = np.argsort(labels, axis=1, kind="stable").ravel().astype(np.int32)
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    means = sparse.csr_array((np.repeat(1 / counts, counts).astype(dtype), images, starts),
                             shape=(counts.size, labels.shape[1]))
    return Arrangements(means, counts.reshape(len(labels), n_actors), statistic)


def squared_t(block: Maps, arrangements: Arrangements) -> Maps:
    """Compute squared t of standardised maps (n, w) under b arrangements; (b, A, w)."""
    if arrangements.statistic == "spread":
        return _spread(block, arrangements)[1]
    _, squares, factor = _pooled(block, arrangements)
    squares *= factor[:, None]
    return squares


def largest_squared_t(block: Maps, arrangements: Arrangements) -> Maps:
    """Compute the largest squared t over actors and pixels under b arrangements; (b,)."""
    if arrangements.statistic == "spread":
        return np.asarray(squared_t(block, arrangements).max(axis=(1, 2)))
    _, squares, factor = _pooled(block, arrangements)
    largest = squares.max(axis=1)
    largest *= factor
    return np.asarray(largest.max(axis=1))


def pooled_t(block: Maps, arrangements: Arrangements) -> Maps:
    """Compute t, with its sign, with the variance within all actors; (b, A, w)."""
    scaled, _, factor = _pooled(block, arrangements)
    scaled *= np.sqrt(factor)[:, None]
    return scaled


def signed_t(data: Standardised, statistic: Statistic = "mean") -> tuple[Values, Values]:
    """Compute t and the contrast, in the maps' unit, as observed and in float64; both (A, q)."""
    observed = arrange(data.labels[None], len(data.actors), statistic, np.dtype(np.float64))
    t, contrast = np.empty((2, len(data.actors), data.values.shape[1]))
    for start in range(0, t.shape[1], PIXELS):
        part = slice(start, start + PIXELS)
        block = data.values[:, part].astype(np.float64)
        if statistic == "mean":
            contrast[:, part], squares = _contrasts(observed.means @ block), squared_t(block, observed)
        else:
            contrasts, squares = _spread(block, observed)
            contrast[:, part] = contrasts[0]
        t[:, part] = np.copysign(np.sqrt(squares[0]), contrast[:, part])
    return t, contrast * data.scale


def _contrasts(means: Maps) -> Maps:
    """Means (..., A, w) less the mean of the other actors' means."""
    n_actors = means.shape[-2]
    return np.asarray((means * n_actors - means.sum(axis=-2, keepdims=True)) / (n_actors - 1))


def _pooled(block: Maps, arrangements: Arrangements) -> tuple[Maps, Maps, Maps]:
    """Scaled contrasts (b, A, w), their squares, and what to multiply those by for squared t (b, w).

    Each column of the maps sums to 0 and its squares to 1, so the means alone tell the sums of squares.
    """
    counts = arrangements.counts
    n, n_actors = len(block), counts.shape[1]
    scaled = (arrangements.means @ block).reshape(*counts.shape, -1)
    error = _errors(counts)
    squares = np.square(scaled)
    if (counts == counts[0, 0]).all():  # the mean of the actors' means is that of the images, 0
        between = squares.sum(axis=1) * counts[0, 0]
        factor = float((n - n_actors) * (n_actors / (n_actors - 1)) ** 2 / error[0, 0])
    else:
        between = (counts[:, None].astype(block.dtype) @ squares)[:, 0]
        scaled = _contrasts(scaled) / np.sqrt(error)[:, :, None].astype(block.dtype)
        np.square(scaled, out=squares)
        factor = float(n - n_actors)
    return scaled, squares, factor / np.maximum(1 - between, _LEAST)


def _errors(counts: Codes) -> Values:
    """Squared errors of the contrasts for unit spread (b, A)."""
    inverse = 1 / counts
    others = inverse.sum(axis=1, keepdims=True) - inverse
    return np.asarray(inverse + others / (counts.shape[1] - 1) ** 2, np.float64)


def _spread(block: Maps, arrangements: Arrangements) -> tuple[Maps, Maps]:
    """Contrasts and squared t of the images' absolute deviations from their actor's mean; both (b, A, w).

    Where actors have different numbers of images m, deviations are multiplied by the root of m/(m-1): few images lie
    closer to their own mean.
    """
    counts, (n, width) = arrangements.counts, block.shape
    flat = counts.ravel()
    off = block[arrangements.means.indices]  # images actor by actor
    off -= np.repeat(arrangements.means @ block, flat, axis=0)
    np.abs(off, out=off)
    if (flat != flat[0]).any():  # else the factor is common, and t does without
        off *= np.repeat(np.sqrt(flat / np.maximum(flat - 1, 1)), flat)[:, None].astype(block.dtype)
    of_sorted = sparse.csr_array((arrangements.means.data, np.arange(len(off)), arrangements.means.indptr))
    means = (of_sorted @ off).reshape(*counts.shape, width)
    off = off.reshape(len(counts), n, width)
    within = np.einsum("bnw,bnw->bw", off, off)
    within -= (counts[:, None].astype(block.dtype) @ np.square(means))[:, 0]
    contrast = _contrasts(means)
    factor = (n - counts.shape[1]) / np.maximum(within, _LEAST)
    return contrast, np.square(contrast) * factor[:, None] / _errors(counts)[:, :, None].astype(block.dtype)


def _standardised(matrix: Maps, support: float) -> tuple[Maps, Values, NDArray[np.bool_]]:
    """Centre and scale the columns that are tested; also give their scale, and which they are."""
    n, n_pixels = matrix.shape
    mean, squares, magnitude, spread = (np.empty(n_pixels) for _ in range(4))
    for start in range(0, n_pixels, _COLUMNS):
        part = slice(start, start + _COLUMNS)
        block = matrix[:, part].astype(np.float64)
        magnitude[part], squares[part] = np.abs(block).sum(axis=0), np.einsum("ip,ip->p", block, block)
        mean[part] = block.mean(axis=0)
        block -= mean[part]
        spread[part] = np.einsum("ip,ip->p", block, block)
    rounding = (16 * np.finfo(matrix.dtype).eps) ** 2
    tested = (spread > rounding * squares) & (magnitude**2 >= support * n * squares)
    scale = np.sqrt(spread[tested])
    values = np.empty((n, int(tested.sum())), matrix.dtype)
    for row, out in zip(matrix, values, strict=True):
        out[:] = (row[tested] - mean[tested]) / scale
    return values, scale, tested


def _check(maps: xr.DataArray, support: float, n_permutations: int, clusters: str | None) -> None:
    if not isinstance(maps, xr.DataArray) or not {"image", "y", "x"} == set(maps.dims):
        raise InputError(Problem("maps", f"dims {getattr(maps, 'dims', type(maps).__name__)}",
                                 "a DataArray with dims (image, y, x)"))
    wanted = ["actor", *([] if clusters is None else [clusters])]
    problems = [Problem("maps", f"no coordinate {name!r} along image", f"{name} of each image",
                        f"maps.assign_coords({name}=('image', ...))")
                for name in wanted if name not in maps.coords or maps.coords[name].dims != ("image",)]
    if not 0 <= support <= 1:
        problems.append(Problem("support", repr(support), "a share of the images, 0 to 1"))
    if n_permutations < 1:
        problems.append(Problem("n_permutations", str(n_permutations), "at least 1"))
    if problems:
        raise InputError(problems)


def _check_actors(names: NDArray[np.str_]) -> None:
    counts = np.unique(names, return_counts=True)[1]
    if len(counts) < 2:
        raise InputError(Problem("maps", f"{counted(len(counts), 'actor')} with a map",
                                 "at least 2, to compare one with others"))
    if counts.max() < 2:
        raise InputError(Problem("maps", "one image for every actor", "several images of at least one actor"))
