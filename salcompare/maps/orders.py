"""Orders of pixels that are compared with people's and a classifier's: what both mark, chance, and the centre."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import xarray as xr

from salcompare.errors import InputError, Problem
from salcompare.maps.checks import PIXELS, require_maps, require_size


def marked_by_both(one: xr.DataArray, other: xr.DataArray) -> xr.DataArray:
    """Multiply two maps, pixel by pixel, so that what both mark comes first.

    Parameters
    ----------
    one, other : DataArray (..., y, x)
        Non-negative maps of the same images on one grid; their scales do not matter.

    Returns
    -------
    DataArray (..., y, x), float64
        The product of the maps, each scaled to mean 1; 0 everywhere where one of them is.

    Raises
    ------
    InputError
        If they are no labelled maps, or of different images or grids.
    """
    for maps, where in ((one, "one"), (other, "other")):
        require_maps(maps, where)
    try:
        one, other = xr.align(one, other, join="exact")
    except ValueError as error:
        raise InputError(Problem("one, other", str(error), "maps of the same images on one grid")) from error
    return _mean_one(one) * _mean_one(other)


def moved_orders(maps: xr.DataArray, *, seed: int, purpose: str) -> xr.DataArray:
    """Move each map by a random offset, wrapping around, so that its patches keep their shape and lie anywhere.

    Parameters
    ----------
    maps : DataArray (image, y, x)
        Maps with coordinate ``image``; where one goes follows from its image's name, whatever the others are.
    seed : int
    purpose : str
        What the offsets are for; each has offsets of its own.

    Returns
    -------
    DataArray (image, y, x)
        All offsets are equally likely, none among them.

    Raises
    ------
    InputError
        If `maps` are no labelled maps.
    """
    require_maps(maps, "maps", dims=("image", *PIXELS))
    ordered = maps.transpose("image", *PIXELS)
    moved = [np.roll(values, _generator(seed, purpose, image).integers(0, values.shape), axis=(0, 1))
             for values, image in zip(ordered.to_numpy(), ordered["image"].to_numpy().tolist(), strict=True)]
    return ordered.copy(data=np.stack(moved))


def centre_orders(images: Sequence[str], *, size: tuple[int, int]) -> xr.DataArray:
    """Order pixels from the middle outwards, so that the first lie in an ellipse of the grid's shape.

    Parameters
    ----------
    images : sequence of str
    size : (int, int)
        Height and width of the grid.

    Returns
    -------
    DataArray (image, y, x), float64
        In (0, 1], the same for every image.
    """
    height, width = require_size(size)
    down, across = ((np.arange(n) - (n - 1) / 2) / n for n in (height, width))
    middle = 1 - (down[:, None] ** 2 + across[None, :] ** 2)
    return xr.DataArray(np.broadcast_to(middle, (len(images), height, width)).copy(), dims=("image", *PIXELS), coords={
        "image": np.array(images, dtype=str), "y": np.arange(height), "x": np.arange(width)})


def _mean_one(maps: xr.DataArray) -> xr.DataArray:
    values = maps.astype(np.float64)
    mean = values.mean(PIXELS)
    return values / mean.where(mean > 0, 1)


def _generator(seed: int, *names: str) -> np.random.Generator:
    digest = hashlib.sha256("\0".join(names).encode()).digest()
    return np.random.default_rng([seed, *np.frombuffer(digest[:16], np.uint32).tolist()])
