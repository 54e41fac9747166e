"""Structural similarity of maps, by which a map before and after a change of the network is compared."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import ndimage

from salcompare.statistics.kernels import Maps, Values, compare

WINDOW, RADIUS = 1.5, 5
"""Standard deviation of the Gaussian window, and where it is cut, pixels."""
_C1, _C2 = 0.01**2, 0.03**2  # for maps from 0 to 1


def structural_similarity(a: xr.DataArray, b: xr.DataArray) -> xr.DataArray:
    """Structural similarity (SSIM) of two maps, each divided by its largest value.

    Parameters
    ----------
    a, b : DataArray (..., y, x)
        Non-negative maps on one grid; other dims broadcast by name.

    Returns
    -------
    DataArray (...)
        Mean over the pixels whose window lies inside the map, or over all where there are none; at most 1, the value
        of equal maps. NaN where a map is empty or holds NaN.

    References
    ----------
    Wang et al. (2004), doi:10.1109/TIP.2003.819861: Gaussian window of 1.5 pixels, K1 = 0.01, K2 = 0.03
    """
    return compare(_ssim, a, b)


def _ssim(a: Maps, b: Maps) -> Values:  # (..., y, x) twice -> (...)
    one, other = _unit_peak(a), _unit_peak(b)
    mean, mean_other = _local(one), _local(other)
    product = mean * mean_other
    spread = _local(one * one) - mean**2 + _local(other * other) - mean_other**2
    shared = _local(one * other) - product
    local = (2 * product + _C1) * (2 * shared + _C2) / ((mean**2 + mean_other**2 + _C1) * (spread + _C2))
    inside: Values = local[..., RADIUS:-RADIUS, RADIUS:-RADIUS] if min(local.shape[-2:]) > 2 * RADIUS else local
    found: Values = inside.mean(axis=(-2, -1))
    return found


def _unit_peak(maps: Maps) -> Values:
    peak = maps.max(axis=(-2, -1), keepdims=True).astype(np.float64)
    return maps / np.where(peak > 0, peak, np.nan)


def _local(maps: NDArray[np.float64]) -> Values:
    """Give means under the window about each pixel."""
    smoothed: Values = ndimage.gaussian_filter(maps, WINDOW, axes=(-2, -1), radius=RADIUS)
    return smoothed
