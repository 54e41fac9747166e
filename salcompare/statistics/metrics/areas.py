"""Overlap of the most salient areas of two maps, both of the same size.

A map's tied boundary pixels are weighed instead of chosen (`salcompare.maps.tied_weights`), so areas are fuzzy sets:
a pixel is shared by as much as the smaller of its two weights, and a map shares all of its area with itself.
"""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from salcompare.maps import tied_weights
from salcompare.statistics.kernels import Values, compare, dot, flat

SHARE = 0.05


def iou(a: xr.DataArray, b: xr.DataArray, *, share: float = SHARE) -> xr.DataArray:
    """Intersection over union of the top shares of two maps (Jaccard index).

    Parameters
    ----------
    a, b : DataArray (..., y, x)
        Maps on one grid; other dims broadcast by name.
    share : float
        Of the pixels, in both maps.

    Returns
    -------
    DataArray (...)
        In [0, 1]; 1 for maps with the same top share; share / (2 - share) where areas meet by chance. NaN where a
        map is constant or holds NaN.
    """
    return compare(_iou, *_areas(a, b, share))


def dice(a: xr.DataArray, b: xr.DataArray, *, share: float = SHARE) -> xr.DataArray:
    """Share of the top share of one map that lies in that of the other (Dice coefficient at equal areas).

    Parameters
    ----------
    a, b, share
        As for `iou`.

    Returns
    -------
    DataArray (...)
        In [0, 1]; 1 for maps with the same top share; `share` where areas meet by chance. NaN as in `iou`.
    """
    return compare(_dice, *_areas(a, b, share))


def _areas(a: xr.DataArray, b: xr.DataArray, share: float) -> tuple[xr.DataArray, xr.DataArray]:
    one, other = (tied_weights(maps, share=share).where(maps.max(("y", "x")) > maps.min(("y", "x"))) for maps in (a, b))
    return one, other


def _iou(a: NDArray[np.float64], b: NDArray[np.float64]) -> Values:  # (..., y, x) twice -> (...), and so below
    shared, both = _shared_area(flat(a), flat(b))
    return np.asarray(shared / (both - shared))


def _dice(a: NDArray[np.float64], b: NDArray[np.float64]) -> Values:
    shared, both = _shared_area(flat(a), flat(b))
    return 2 * shared / both


def _shared_area(a: Values, b: Values) -> tuple[Values, Values]:
    """Sum of min(a, b), and the sum of both areas.

    Weights are 0, 1 and one value t between them on ties, so min(a, b) is a * b but where both are tied: two
    products instead of a minimum over all pairs and pixels.
    """
    tied_a, tied_b = (a > 0) & (a < 1), (b > 0) & (b < 1)
    t_a, t_b = (np.where(tied, w, 0).max(axis=-1) for tied, w in ((tied_a, a), (tied_b, b)))
    excess = np.minimum(t_a, t_b) - t_a * t_b
    shared: Values = dot(a, b) + dot(tied_a.astype(np.float64), tied_b.astype(np.float64)) * excess
    return shared, a.sum(axis=-1) + b.sum(axis=-1)
