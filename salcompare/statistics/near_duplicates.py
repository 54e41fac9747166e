"""Photographs that look like copies of each other: an image of its own to every test, though it adds nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import ndimage

from salcompare.maps.checks import require_maps
from salcompare.statistics.kernels import Values

LEAST = 0.95
"""Correlation from which on two photographs are named."""
SIDE, COARSE = 24, 2.0  # pixels of the small versions, and of the Gaussian whose result is taken from them
_ROWS = 256  # photographs read, and compared with all others, at a time


def near_duplicates(photographs: xr.DataArray, *, least: float = LEAST) -> xr.Dataset:
    """Look for pairs of photographs that are nearly the same, of one actor or of two.

    Parameters
    ----------
    photographs : DataArray (image, y, x[, channel])
        On one grid, with coordinate ``actor`` along ``image``; channels are averaged.
    least : float
        Correlation from which on a pair is named.

    Returns
    -------
    Dataset (pair)
        **image**, **other**, **actor**, **other_actor**, and **correlation** of the two photographs' small versions (of
        24 x 24 pixels, less what a Gaussian of 2 pixels leaves), at least `least`, the most alike first. attrs:
        ``n_pairs`` compared, ``n_undefined`` photographs without structure, which are like no other.

    Notes
    -----
    Of the 400 ORL photographs, on 128 x 128 pixels, 5 of 1,800 pairs of one person reach 0.95, at most 0.972: frames of
    one sitting that the eye hardly tells apart. 95% of those pairs are below 0.83, and no pair of two people is above
    0.74. Copies of them that were moved by a pixel, made a fifth lighter and saved as JPEG of quality 50, all at once,
    have 0.957 or more; moved by a pixel alone, 0.968; as JPEG of quality 20, 0.995; with noise of 5 grey levels, 0.998.
    Copies that were moved by two pixels (0.84) or cut by 2% on each side (0.80) may be missed.
    """
    require_maps(photographs, "photographs", dims=("image", "y", "x"))
    actor = photographs["actor"].to_numpy().astype(str)
    image = photographs["image"].to_numpy().astype(str)
    parts = range(0, image.size, _ROWS)
    small = np.concatenate([_small(photographs.isel(image=slice(start, start + _ROWS))) for start in parts])
    near = []
    for start in parts:
        products = small[start:start + _ROWS] @ small.T
        first, second = np.nonzero(np.triu(products >= least, start + 1))
        near.append(np.stack([start + first, second, products[first, second]]))
    pairs = np.concatenate([np.empty((3, 0)), *near], axis=1)
    pairs = pairs[:, np.argsort(-pairs[2], kind="stable")]
    one, other = pairs[:2].astype(np.intp)
    n = len(small)
    columns: dict[str, NDArray[Any]] = {"image": image[one], "other": image[other], "actor": actor[one],
                                        "other_actor": actor[other], "correlation": pairs[2]}
    return xr.Dataset({name: ("pair", values) for name, values in columns.items()}, attrs={
        "n_pairs": n * (n - 1) // 2, "n_undefined": int((~small.any(axis=1)).sum()), "least": least})


def _small(photographs: xr.DataArray) -> Values:
    """Shrink photographs to squares without what is coarse, each of mean 0 and norm 1 (image, pixel); 0 if constant."""
    grey = photographs.mean("channel") if "channel" in photographs.dims else photographs
    values = grey.transpose("image", "y", "x").to_numpy().astype(np.float64)
    edges = [np.linspace(0, size, min(SIDE, size) + 1).round().astype(int) for size in values.shape[1:]]
    sums = np.add.reduceat(np.add.reduceat(values, edges[0][:-1], axis=1), edges[1][:-1], axis=2)
    means = sums / np.outer(*(np.diff(ends) for ends in edges))
    fine = (means - ndimage.gaussian_filter(means, (0, COARSE, COARSE), mode="nearest")).reshape(len(means), -1)
    fine -= fine.mean(axis=1, keepdims=True)
    norm = np.linalg.norm(fine, axis=1, keepdims=True)
    structure = norm > 1e-9 * np.abs(values).max(initial=1)
    return np.asarray(np.where(structure, fine / np.where(structure, norm, 1), 0))
