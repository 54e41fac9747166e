"""One actor against the others at every pixel: squared t of all actors, for many permutations by matrix products.

The contrast of an actor is the mean of its maps less the mean of the other actors' means, in which actors weigh the
same: leave-one-out relative saliency. Actors may differ in how much their images vary: each has a factor on the
variance of every pixel, by which its maps are scaled before images are exchanged, and scaled back after. A permutation
changes which images an actor's mean is of, in a sparse matrix; the maps stay where they are, in blocks of pixels that
fit the processor's cache, and the factors after the permutation follow from the maps' inner products.

Whether a pixel is tested may depend on the maps, but not on whose they are: then the choice is the same in every
permutation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
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
FEWEST_IMAGES = 4
"""Images, or shoots, of an actor that is tested: of fewer its spread is hardly known."""
FEWEST_BESIDE = 2 / 3
"""Share of the images that the actor of an average image has, of which an actor that is tested has no fewer."""
_RESOLUTION = 1.5  # standard deviation of the Gaussian that variances are smoothed with, over that of the maps
_LEAST_ROOM = 1e-4  # of values between 0 and their maximum 1 for variance, where an actor has hardly any
PIXELS = 1024  # at a time
_COLUMNS = 4096  # pixels held in float64 at a time
_ROWS = 256  # rows of one product: permutations times actors
_LEAST = 1e-30  # stands for a variance of 0, so that t is huge and not NaN


@dataclass(frozen=True)
class Standardised:
    """Smoothed maps of n images by A actors at q tested pixels, as one matrix: what is tested."""

    matrix: Maps  # (n, q) less the mean of the actors' means, over `scale` and the root of the actor's factor
    scale: Values  # (q,) standard deviation of a pixel over all images, in the maps' unit
    factors: Values  # (A,) of the actors' variances: mean over pixels of the actor's over that of all images
    room: Values  # (A, q) for variance about the actor's mean, over that about the mean of the actors' means
    exchange: permutation.Exchangeability  # its labels are positions in `actors`
    actors: NDArray[np.str_]  # (A,) those that are tested, in natural order
    of_all: pd.DataFrame  # all actors with a map, in natural order: n images, and the reason why one is not tested
    tested: NDArray[np.bool_]  # (y, x) which pixels the columns are, row by row
    coords: dict[str, Any]  # of the dims y and x, as far as the maps have them
    about: dict[str, Any]  # attrs that all tests of these maps share
    n_undefined: int  # images left out

    @property
    def labels(self) -> Codes:
        """The actor of each image, as observed."""
        return self.exchange.labels[self.exchange.units]

    @cached_property
    def products(self) -> Values:
        """Inner products of the images' values (n, n), from which actors' variances follow in any arrangement."""
        total = np.zeros((len(self.matrix),) * 2)
        for start in range(0, self.matrix.shape[1], _COLUMNS):
            block = self.matrix[:, start:start + _COLUMNS].astype(np.float64)
            total += block @ block.T
        return total

    def on_actors(self, values: NDArray[Any]) -> NDArray[Any]:
        """Put values (A, ...) of the tested actors among all actors, NaN for the others."""
        whole = np.full((len(self.of_all), *values.shape[1:]), np.nan)
        whole[self.of_all["reason"].to_numpy() == ""] = values
        return whole

    def on_grid(self, values: NDArray[Any]) -> tuple[tuple[str, str, str], Values]:
        """Put values (A, q) of the tested pixels on the grid, NaN elsewhere; give the dims and values of a variable."""
        whole = np.full((len(self.actors), *self.tested.shape), np.nan)
        whole[:, self.tested] = values
        return ("actor", "y", "x"), self.on_actors(whole)


def standardise(maps: xr.DataArray, *, sigma: float, support: float, n_permutations: int,
                clusters: str | None = None) -> Standardised:
    """Smooth maps and choose the actors and pixels that are tested, given what `relative_test` is, with its errors."""
    _check(maps, support, n_permutations, clusters)
    ordered = maps.transpose("image", "y", "x")
    exponent = range_exponent(ordered)
    rows = np.ascontiguousarray(smooth(maps_in_range(ordered), sigma=sigma).to_numpy())
    matrix = rows.reshape(len(rows), -1)
    finite = np.asarray(np.isfinite(matrix.sum(axis=1)), np.bool_)
    empty = np.asarray(~matrix.any(axis=1), np.bool_)
    held = np.flatnonzero(finite & ~empty)
    names = ordered["actor"].to_numpy().astype(str)
    units = np.arange(len(names)) if clusters is None else ordered[clusters].to_numpy()
    of_all = _of_all(matrix[held], names[held], units[held], "image" if clusters is None else clusters)
    actors = of_all.index[of_all["reason"] == ""].to_numpy(str)
    kept = held[np.isin(names[held], actors)]
    exchange = permutation.exchangeability(names[kept], clusters=None if clusters is None else units[kept])
    # The exchange counts labels in alphabetical order, maps in natural order.
    position = np.array([np.flatnonzero(actors == name)[0] for name in np.unique(names[kept])], np.intp)
    exchange = replace(exchange, labels=position[exchange.labels])
    values, scale, factors, room, tested = _standardised(matrix[kept], exchange.labels[exchange.units], support)
    few = int((of_all["reason"] != "").sum())
    out = (left_out(int((~finite).sum()), int((empty & finite).sum())),
           f"{counted(few, 'actor')} not tested" if few else "")
    about = {"sigma": float(sigma), "support": support, "null": exchange.null, "alternative": "two-sided",
             "left_out": "; ".join(filter(None, out))}
    return Standardised(values, np.ldexp(scale, -exponent), factors, room, exchange, actors, of_all,
                        tested.reshape(rows.shape[1:]), {dim: ordered.coords[dim] for dim in ("y", "x")
                                                         if dim in ordered.coords}, about, len(names) - len(held))


@dataclass(frozen=True)
class Arrangements:
    """Some arrangements of the images among the actors, and what is computed of them."""

    means: sparse.csr_array  # (b * A, n) gives the means of the actors' maps, scaled back by their factors
    weights: Maps  # (b, n) of the maps' squares, to pool actors' variances: one over how far their factor has moved
    precisions: Maps  # (b, A) of the squares of the means, likewise: images over the factor
    errors: Values  # (b, A) squared errors of the contrasts, for a pooled variance of 1


@dataclass(frozen=True)
class Plan:
    """How a test is carried out: its maps in blocks, and the draws of its permutations."""

    data: Standardised
    n_permutations: int

    @cached_property
    def dtype(self) -> np.dtype[np.floating]:
        """Precision of the products: float32 halves the time and errs by 1e-6 of t; float64 where ties count."""
        enumerated = permutation.n_distinct(self.data.exchange) <= self.n_permutations
        return np.dtype(np.float64 if enumerated else np.float32)

    def blocks(self) -> list[Maps]:
        """Cut the maps into contiguous blocks of pixels (n, w)."""
        values = self.data.matrix
        return [np.ascontiguousarray(values[:, start:start + PIXELS], self.dtype)
                for start in range(0, values.shape[1], PIXELS)]

    def permuted(self, rng: np.random.Generator) -> Iterator[Arrangements]:
        """Yield the arrangements, some at a time; the observed one is not meant to be among them."""
        step = max(1, _ROWS // len(self.data.actors))
        for batch in permutation.permutations(self.data.exchange, self.n_permutations, rng):
            labels = permutation.permuted_labels(self.data.exchange, batch)
            for start in range(0, len(labels), step):
                yield arrange(labels[start:start + step], self.data, self.dtype)


def arrange(labels: Codes, data: Standardised, dtype: np.dtype[np.floating]) -> Arrangements:
    """Turn the actors of the images (b, n) into what means, factors and variances follow from."""
    n_actors, (n, n_pixels) = len(data.actors), data.matrix.shape
    rows = labels + np.arange(len(labels))[:, None] * n_actors
    counts = np.bincount(rows.ravel(), minlength=len(labels) * n_actors)
    images, starts = np.argsort(labels, axis=1, kind="stable").ravel(), np.concatenate([[0], np.cumsum(counts)])
    members = sparse.csr_array((np.ones(n * len(labels)), images.astype(np.int32), starts.astype(np.int32)),
                               shape=(counts.size, n))
    pairs = np.add.reduceat((members @ data.products)[np.repeat(np.arange(counts.size), counts), images], starts[:-1])
    within = np.maximum(members @ np.diag(data.products) - pairs / counts, _LEAST)
    moved = (within / (n_pixels * (counts - 1))).reshape(-1, n_actors)
    variances = data.factors * moved / counts.reshape(moved.shape)  # of the means, for a pooled variance of 1
    of_others = (variances.sum(axis=1, keepdims=True) - variances) / (n_actors - 1) ** 2
    scaled = np.repeat(np.tile(np.sqrt(data.factors), len(labels)) / counts, counts)
    return Arrangements(
        sparse.csr_array((scaled.astype(dtype), members.indices, members.indptr), shape=members.shape),
        (1 / np.take_along_axis(moved, labels, axis=1)).astype(dtype), (1 / variances).astype(dtype),
        variances + of_others)


def squared_t(block: Maps, arrangements: Arrangements) -> Maps:
    """Compute squared t of standardised maps (n, w) under b arrangements; (b, A, w)."""
    n_draws, n_actors = arrangements.errors.shape
    squares = np.square(block)
    means = (arrangements.means @ block).reshape(n_draws, n_actors, -1)
    pooled = arrangements.weights @ squares
    pooled -= (arrangements.precisions[:, None] @ np.square(means))[:, 0]
    means -= means.mean(axis=1, keepdims=True)
    means *= (n_actors / (n_actors - 1) / np.sqrt(arrangements.errors))[:, :, None].astype(block.dtype)
    np.square(means, out=means)
    means *= ((len(block) - n_actors) / np.maximum(pooled, _LEAST))[:, None]
    return np.asarray(means)


def signed_t(data: Standardised) -> tuple[Values, Values]:
    """Compute t and the contrast, in the maps' unit, as observed and in float64; both (A, q).

    t is smaller than what is permuted where the actor's maps vary more than the others' in this place: its square is
    divided by how many times as much.
    """
    observed, counts = arrange(data.labels[None], data, np.dtype(np.float64)), np.bincount(data.labels)[:, None]
    members = sparse.csr_array((np.ones(len(data.labels)), (data.labels, np.arange(len(data.labels)))))
    t, contrast, squares = np.empty((3, len(data.actors), data.matrix.shape[1]))
    for start in range(0, t.shape[1], PIXELS):
        part = slice(start, start + PIXELS)
        block = data.matrix[:, part].astype(np.float64)
        means = observed.means @ block
        contrast[:, part] = (means * len(means) - means.sum(axis=0)) / (len(means) - 1)
        t[:, part] = np.copysign(np.sqrt(squared_t(block, observed)[0]), contrast[:, part])
        squares[:, part] = members @ np.square(block) - np.square(np.asarray(members @ block)) / counts
    return t / np.sqrt(np.maximum(1, _excess(data, squares, counts - 1))), contrast * data.scale


def _excess(data: Standardised, squares: Values, free: Codes) -> Values:
    """How many times as much as the others' an actor's maps vary at a place (A, q), for their means and factors."""
    others = (squares.sum(axis=0) - squares) / (free.sum() - free)
    whole = np.zeros((2, len(free), *data.tested.shape))
    whole[:, :, data.tested] = squares / free / data.room, others
    local, beside = smooth(xr.DataArray(whole, dims=("of", "actor", "y", "x")),
                         sigma=_RESOLUTION * data.about["sigma"]).to_numpy()[:, :, data.tested]
    return np.asarray(local / np.maximum(beside, _LEAST))


def _of_all(matrix: Maps, names: NDArray[np.str_], units: NDArray[Any], unit: str) -> pd.DataFrame:
    """Count the images of all actors (index), and say why one is not tested."""
    actors = natural_order(names.tolist()).astype(str)
    rows = []
    for actor in actors:
        members = np.flatnonzero(names == actor)
        n_units = len(np.unique(units[members]))
        same = (matrix[members] == matrix[members[0]]).all() if n_units >= FEWEST_IMAGES else False
        reason = "its images do not differ" if same else "" if n_units >= FEWEST_IMAGES else (
            f"{counted(n_units, unit)}; a test of a single actor takes {FEWEST_IMAGES}")
        rows.append((len(members), n_units, reason))
    of_all = pd.DataFrame(rows, index=actors, columns=["n", "n_units", "reason"])
    able = of_all.loc[of_all["reason"] == "", "n_units"]
    least = FEWEST_BESIDE * float((able**2).sum()) / max(int(able.sum()), 1)
    of_all.loc[able.index[able < least], "reason"] = (
        f"few {unit}s beside the others': a test of a single actor takes {int(np.ceil(least))} here")
    left = int((of_all["reason"] == "").sum())
    if left < 2:
        raise InputError(Problem("maps", f"{counted(left, 'actor')} of {len(actors)} with {FEWEST_IMAGES} {unit}s that "
                                 "differ" + ", and not few beside the others'" * (len(able) > 1),
                                 "at least 2, to compare one with the others"))
    return of_all


def _standardised(matrix: Maps, labels: Codes, support: float) -> tuple[
        Maps, Values, Values, Values, NDArray[np.bool_]]:
    """Centre and scale the columns that are tested; also give their scale, actors' factors and room, and which."""
    n, n_pixels = matrix.shape
    squares, magnitude, spread = np.empty((3, n_pixels))
    counts = np.bincount(labels)
    variances, heat = np.empty((2, len(counts), n_pixels))
    share = sparse.csr_array((1 / counts[labels], (labels, np.arange(n))))
    for start in range(0, n_pixels, _COLUMNS):
        part = slice(start, start + _COLUMNS)
        block = matrix[:, part].astype(np.float64)
        magnitude[part], squares[part] = np.abs(block).sum(axis=0), np.einsum("ip,ip->p", block, block)
        centre = block.mean(axis=0)
        block -= centre
        spread[part] = np.einsum("ip,ip->p", block, block)
        means = np.asarray(share @ block)
        variances[:, part] = (share @ np.square(block - means[labels])) * (counts / (counts - 1))[:, None]
        heat[:, part] = centre + means
    rounding = (16 * np.finfo(matrix.dtype).eps) ** 2
    tested = (spread > rounding * squares) & (magnitude**2 >= support * n * squares)
    if not tested.any():
        raise InputError(Problem("maps", f"no pixel varies and has {support:.0%} of the images behind it",
                                 "at least one pixel", "lower the support or smooth more"))
    scale, heat = np.sqrt(spread[tested] / n), heat[:, tested]
    mean, most = heat.mean(axis=0), float(matrix.max())
    room = [np.maximum(of * (most - of), _LEAST_ROOM * most**2) if matrix.min() >= 0 else np.ones_like(of)
            for of in (heat, mean)]
    factors = (variances[:, tested] / scale**2).mean(axis=1)
    values = np.empty((n, int(tested.sum())), matrix.dtype)
    for row, out, factor in zip(matrix, values, factors[labels], strict=True):
        out[:] = (row[tested] - mean) / (scale * np.sqrt(factor))
    return values, scale, factors, room[0] / room[1], tested


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
