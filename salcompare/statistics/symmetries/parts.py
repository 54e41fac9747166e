"""Odd and even parts of maps, folded on the midline, actor by actor.

F is the mirror of a map S; its odd part is (S - F) / 2, its even part (S + F) / 2. Mirroring a map turns its odd part's
sign and leaves its even part as it is, so a test that mirrors maps needs the odd parts' inner products only, each
with two signs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from salcompare.errors import InputError, Problem
from salcompare.maps import natural_order
from salcompare.maps.checks import require_maps
from salcompare.statistics.kernels import Maps, Values, maps_in_range

DIMS = ("image", "y", "x")


@dataclass(frozen=True)
class ActorMaps:
    """The defined maps of one actor.

    Attributes
    ----------
    actor : str
        Who it is.
    images : ndarray of int (n,)
        Where the maps stand in the stack.
    values : ndarray (n, y, x)
        Float64.
    n_undefined : int
        Maps left out: empty ones, and those with a value that is not finite.
    """

    actor: str
    images: NDArray[np.intp]
    values: Values
    n_undefined: int


def require_actors(maps: xr.DataArray, where: str = "maps") -> None:
    """Hold an argument to being maps (image, y, x) with an actor for each image.

    Raises
    ------
    InputError
        If it is not.
    """
    require_maps(maps, where, dims=DIMS)
    if "actor" not in maps.coords:
        raise InputError(Problem(where, f"coordinates {', '.join(map(str, maps.coords))}", "an actor for each image",
                                 f"add it: {where}.assign_coords(actor=('image', actors))"))


def each_actor(maps: xr.DataArray) -> Iterator[ActorMaps]:
    """Read the maps of each actor in turn, in natural order, so that lazy maps are read an actor at a time."""
    require_actors(maps)
    named, data = maps["actor"].to_numpy().astype(str), maps_in_range(maps).transpose(*DIMS).data
    for actor in natural_order(named.tolist()).astype(str).tolist():
        places = np.flatnonzero(named == actor)
        values = np.asarray(data[places], dtype=np.float64)
        kept = np.isfinite(values).all(axis=(1, 2)) & values.any(axis=(1, 2))
        yield ActorMaps(actor, places[kept], values[kept], int((~kept).sum()))


def folded(maps: Maps) -> tuple[Values, Values]:  # (..., y, x) -> (..., y * half), (..., y * (half or half + 1))
    """Odd and even parts as rows whose inner products are those of the whole parts."""
    values = maps.astype(np.float64, copy=False)
    width = values.shape[-1]
    half = width // 2
    left, right = values[..., :half], values[..., ::-1][..., :half]
    odd, even = (left - right) / np.sqrt(2), (left + right) / np.sqrt(2)
    if width % 2:
        even = np.concatenate([even, values[..., half:half + 1]], axis=-1)
    rows, height = values.shape[:-2], values.shape[-2]
    return odd.reshape(*rows, height * half), even.reshape(*rows, height * (width - half))


def pair_sum(rows: Values) -> float:
    """Sum over unordered pairs of different rows of their inner products."""
    together = rows.sum(axis=0)
    return float(together @ together - np.einsum("ij,ij->", rows, rows)) / 2


def cluster_sums(rows: Values, clusters: NDArray[np.intp]) -> Values:
    """Sum the rows of each cluster, so that pairs of sums hold the pairs of rows of different clusters only."""
    order = np.argsort(clusters, kind="stable")
    starts = np.unique(clusters[order], return_index=True)[1]
    summed: Values = np.add.reduceat(rows[order], starts, axis=0) if len(rows) else rows
    return summed


def cluster_codes(maps: xr.DataArray, clusters: str | None) -> NDArray[np.intp]:
    """Give each image the number of its cluster, whose images are mirrored together: its own, or by a coordinate.

    Raises
    ------
    InputError
        If the coordinate is missing, lies elsewhere than along ``image``, or misses a value.
    """
    if clusters is None:
        return np.arange(maps.sizes["image"])
    if clusters not in maps.coords or maps[clusters].dims != ("image",):
        raise InputError(Problem("clusters", repr(clusters), "a coordinate along image",
                                 f"the maps have {', '.join(map(str, maps.coords))}"))
    codes = pd.factorize(maps[clusters].to_numpy())[0]
    if (codes < 0).any():
        raise InputError(Problem("clusters", f"{(codes < 0).sum()} images without {clusters}", "one for every image"))
    return np.asarray(codes, dtype=np.intp)
