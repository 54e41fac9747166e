"""Gaussian smoothing of maps."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import ndimage

from salcompare.blocks import side_by_side
from salcompare.errors import InputError, Problem
from salcompare.maps.checks import PIXELS, require_maps

_BATCH = 16  # maps that are held in float64 at a time


def smooth(maps: xr.DataArray, *, sigma: float) -> xr.DataArray:
    """Smooth maps with a Gaussian over (y, x).

    Parameters
    ----------
    maps : DataArray (..., y, x)
        Maps or masks.
    sigma : float
        Standard deviation of the Gaussian, pixels of the grid; 0 leaves the maps as they are.

    Returns
    -------
    DataArray (..., y, x)
        float64 for float64 maps and float32 for all others. Borders mirror, so that each map keeps its sum and the
        mirror of a smoothed map is the smoothed mirror. A map that holds a NaN is NaN throughout.

    Raises
    ------
    InputError
        If `maps` are no labelled maps, or sigma is negative or not finite.

    Notes
    -----
    The Gaussian is cut at 4 sigma, as in `scipy.ndimage.gaussian_filter` with mode "reflect", which this equals. It
    is applied as one matrix product a dim: on grids of some hundred pixels that is faster than sliding a window.
    """
    require_maps(maps, "maps")
    if not (np.isfinite(sigma) and sigma >= 0):
        raise InputError(Problem("sigma", repr(sigma), "a finite number of pixels, 0 or more"))
    dtype = np.dtype(np.float64 if maps.dtype == np.float64 else np.float32)
    down = _gaussian(maps.sizes["y"], float(sigma))
    across = _gaussian(maps.sizes["x"], float(sigma))
    smoothed: xr.DataArray = xr.apply_ufunc(
        _smooth, maps, kwargs={"down": down, "across": across.T, "dtype": dtype}, dask="parallelized",
        input_core_dims=[PIXELS], output_core_dims=[PIXELS], output_dtypes=[dtype], keep_attrs=True,
        dask_gufunc_kwargs={"allow_rechunk": True})
    smoothed.attrs["sigma"] = float(sigma)
    return smoothed


def _gaussian(n: int, sigma: float) -> NDArray[np.float64]:
    """Matrix (n, n) that smooths a column of n values; symmetric under turning both dims round."""
    unit: NDArray[np.float64] = np.eye(n)
    if sigma == 0:
        return unit
    spread = ndimage.gaussian_filter1d(unit, sigma, axis=0, mode="reflect")
    return np.asarray((spread + spread[::-1, ::-1]) / 2, dtype=np.float64)


def _smooth(maps: NDArray[np.generic], down: NDArray[np.float64], across: NDArray[np.float64],
            dtype: np.dtype[np.floating]) -> NDArray[np.floating]:  # (..., y, x) -> (..., y, x)
    smoothed = np.empty(maps.shape, dtype)
    flat, out = maps.reshape(-1, *maps.shape[-2:]), smoothed.reshape(-1, *maps.shape[-2:])

    def fill(start: int) -> None:
        """Smooth some maps."""
        block = flat[start:start + _BATCH].astype(np.float64)
        out[start:start + _BATCH] = down @ block @ across
        out[start:start + _BATCH][np.isnan(block).any(axis=(1, 2))] = np.nan

    for _ in side_by_side(fill, range(0, len(flat), _BATCH)):
        pass
    return smoothed
