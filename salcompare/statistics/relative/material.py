"""What a test of relative saliency works on: smoothed maps as one matrix, and the pixels that are tested.

Whether a pixel is tested may depend on the maps, but not on whose they are: then the choice is the same in every
permutation, and the test stays exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from salcompare.errors import InputError, Problem
from salcompare.maps import natural_order, smooth
from salcompare.phrases import counted
from salcompare.statistics.inference.permutation import Exchangeability, exchangeability
from salcompare.statistics.kernels import maps_in_range, range_exponent

SUPPORT = 0.2
"""Share of the images that a pixel's mass must be spread over for the pixel to be tested."""
_COLUMNS = 4096  # pixels held in float64 at a time


@dataclass(frozen=True)
class Material:
    """Maps of n images by A actors at q tested pixels.

    Attributes
    ----------
    values : ndarray (n, q)
        Smoothed maps less their mean over images, over the root of their sum of squares: each column has norm 1.
    scale : ndarray (q,)
        Those roots, in the maps' unit.
    exchange : Exchangeability
        What may be exchanged for what; its labels are positions in `actors`.
    actors : ndarray of str (A,)
        Actors with a map, in natural order.
    tested : ndarray of bool (y, x)
        Which pixels the columns are, row by row.
    coords : mapping
        Of the dims y and x, as far as the maps have them.
    left_out : str
        Which images were left out, and why; empty where none was.
    sigma : float
        Of the smoothing, pixels.
    n_undefined : int
        Images left out.
    """

    values: NDArray[np.floating]
    scale: NDArray[np.float64]
    exchange: Exchangeability
    actors: NDArray[np.str_]
    tested: NDArray[np.bool_]
    coords: dict[str, Any]
    left_out: str
    sigma: float
    n_undefined: int

    @property
    def labels(self) -> NDArray[np.intp]:
        """The actor of each image, as observed."""
        return self.exchange.labels[self.exchange.units]

    @property
    def family_size(self) -> int:
        """How many tests there are: pixels times actors."""
        return int(self.values.shape[1]) * len(self.actors)


def gather(maps: xr.DataArray, *, sigma: float, support: float, n_permutations: int,
           clusters: str | None = None) -> Material:
    """Smooth maps and choose the pixels that are tested.

    Parameters
    ----------
    maps : DataArray (image, y, x)
        With a coordinate ``actor``; eager or dask.
    sigma : float
        Of the Gaussian, pixels.
    support : float
        In [0, 1]. A pixel is tested if it is not constant and Kish's effective number of images behind it,
        (sum of magnitudes)² / (sum of squares), is at least this share of the images.
    n_permutations : int
        Only checked.
    clusters : str, optional
        A coordinate nested in the actors whose images move together.

    Raises
    ------
    InputError
        If the maps lack a dim or a coordinate, there is one actor only, or every actor has one image.
    """
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
    exchange = exchangeability(names, clusters=None if clusters is None else ordered[clusters].values[kept])
    # The exchange counts labels in alphabetical order, maps in natural order.
    position = np.array([np.flatnonzero(actors == name)[0] for name in np.unique(names)], np.intp)
    exchange = Exchangeability(exchange.units, position[exchange.labels], exchange.blocks, exchange.null)
    values, scale, tested = _standardised(matrix, support)
    if not tested.any():
        raise InputError(Problem("maps", f"no pixel varies and has {support:.0%} of the images behind it",
                                 "at least one pixel", "lower the support or smooth more"))
    coords = {dim: ordered.coords[dim] for dim in ("y", "x") if dim in ordered.coords}
    return Material(values, np.ldexp(scale, -exponent), exchange, actors, tested.reshape(rows.shape[1:]), coords,
                    _left_out(finite, empty), float(sigma), int((~kept).sum()))


def _standardised(
    matrix: NDArray[np.floating], support: float,
) -> tuple[NDArray[np.floating], NDArray[np.float64], NDArray[np.bool_]]:
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


def on_grid(values: NDArray[Any], material: Material) -> tuple[tuple[str, str, str], NDArray[np.float64]]:
    """Put values (A, q) of the tested pixels on the grid, NaN elsewhere; give the dims and values of a variable."""
    whole = np.full((len(material.actors), *material.tested.shape), np.nan)
    whole[:, material.tested] = values
    return ("actor", "y", "x"), whole


def dataset(material: Material, variables: Mapping[str, object], attrs: Mapping[str, object]) -> xr.Dataset:
    """Label variables with the material's actors and grid."""
    return xr.Dataset(variables, {"actor": material.actors, **material.coords}, attrs)


def about(material: Material, support: float) -> dict[str, object]:
    """Say in attrs what every test of this material shares."""
    return {"sigma": material.sigma, "support": support, "null": material.exchange.null, "alternative": "two-sided",
            "left_out": material.left_out}


def _left_out(finite: NDArray[np.bool_], empty: NDArray[np.bool_]) -> str:
    parts = [f"{n} {why}" for n, why in ((int((~finite).sum()), "with a pixel that is NaN or infinite"),
                                         (int((empty & finite).sum()), "of zeros only")) if n]
    return f"images left out: {', '.join(parts)}" if parts else ""


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
