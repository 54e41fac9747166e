"""Gaussian smoothing of maps, colour channels to one map, and the edges, which know no network."""

from typing import Any, Literal, get_args

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import ndimage

from salcompare.blocks import side_by_side
from salcompare.errors import InputError, Problem
from salcompare.maps.checks import over_pixels, require_choice, require_maps

_MAPS = 16  # maps that are held in float64 at a time


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

    Notes
    -----
    The Gaussian is cut at 4 sigma, as in `scipy.ndimage.gaussian_filter` with mode "reflect", which this equals. It
    is applied as one matrix product a dim: on grids of some hundred pixels that is faster than sliding a window.
    """
    require_maps(maps, "maps")
    if not (np.isfinite(sigma) and sigma >= 0):
        raise InputError(Problem("sigma", repr(sigma), "a finite number of pixels, 0 or more"))
    down, across = (_gaussian(maps.sizes[dim], float(sigma)) for dim in ("y", "x"))
    smoothed = over_pixels(_smooth, maps, dtype=_smoothed_type(maps.dtype), down=down, across=across.T)
    smoothed.attrs["sigma"] = float(sigma)
    return smoothed


def _gaussian(n: int, sigma: float) -> NDArray[np.float64]:
    """Matrix (n, n) that smooths a column of n values; symmetric under turning both dims round."""
    unit: NDArray[np.float64] = np.eye(n)
    if sigma == 0:
        return unit
    spread = ndimage.gaussian_filter1d(unit, sigma, axis=0, mode="reflect")
    return np.asarray((spread + spread[::-1, ::-1]) / 2, dtype=np.float64)


def _smoothed_type(dtype: np.dtype[Any]) -> type[np.floating[Any]]:
    return np.float64 if dtype == np.float64 else np.float32


def _smooth(maps: NDArray[np.generic], down: NDArray[np.float64],
            across: NDArray[np.float64]) -> NDArray[np.floating]:  # (..., y, x) -> (..., y, x)
    smoothed = np.empty(maps.shape, _smoothed_type(maps.dtype))
    flat, out = maps.reshape(-1, *maps.shape[-2:]), smoothed.reshape(-1, *maps.shape[-2:])

    def fill(start: int) -> None:
        """Smooth a block of maps into its place."""
        block = flat[start:start + _MAPS].astype(np.float64)
        out[start:start + _MAPS] = down @ block @ across
        constant = (block == block[:, :1, :1]).all(axis=(1, 2))  # else rounding would have a pattern to correlate
        out[start:start + _MAPS][constant] = block[constant, :1, :1]
        out[start:start + _MAPS][np.isnan(block).any(axis=(1, 2))] = np.nan

    for _ in side_by_side(fill, range(0, len(flat), _MAPS)):
        pass
    return smoothed


How = Literal["sum", "max"]
Edges = NDArray[np.float32]
LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in the luma of ITU-R BT.601."""
_STEP, _ACROSS_STEP = (-1, 0, 1), (1, 2, 1)
_CORE = ["y", "x", "channel"]
_PHOTOGRAPHS = 8  # photographs that are held in float64 at a time


def reduce_channels(gradients: NDArray[np.floating], how: How = "sum") -> NDArray[np.float32]:
    """Make one map (n, y, x), float32, from the channels of a non-negative gradient (n, channel, y, x).

    The map is the channels' sum (the original study's choice) or their maximum, in the gradients' unit; NaN where a
    channel is NaN. Raises `InputError` if the array has not four dims, or `how` is neither.
    """
    require_choice(how, get_args(How), "how")
    if gradients.ndim != 4:
        raise InputError(Problem("gradients", f"has shape {gradients.shape}", "(n, channel, height, width)"))
    if how == "max":
        return np.asarray(gradients.max(axis=1), dtype=np.float32)
    return np.asarray(gradients.sum(axis=1, dtype=np.float64), dtype=np.float32)


def sobel_edges(photographs: xr.DataArray) -> xr.DataArray:
    """Magnitude (..., y, x), float32, of the Sobel edge detector on the luma of photographs (..., y, x, channel).

    It is the root of the summed squares of both Sobel filters, in units of the photograph's values per pixel times 8;
    borders mirror. Raises `InputError` if there are no dims y, x and channel, or not three channels. As a control of
    saliency maps: Adebayo et al. (2018), arXiv:1810.03292.
    """
    if not set(_CORE) <= set(photographs.dims) or photographs.sizes["channel"] != len(LUMA):
        raise InputError(Problem("photographs", f"dims {dict(photographs.sizes)}", "y, x and three channels"))
    edges: xr.DataArray = xr.apply_ufunc(
        _in_batches, photographs.drop_vars("channel", errors="ignore"), input_core_dims=[_CORE],
        output_core_dims=[["y", "x"]], dask="parallelized", output_dtypes=[np.float32],
        dask_gufunc_kwargs={"allow_rechunk": True})
    return edges


def _in_batches(photographs: NDArray[np.generic]) -> Edges:
    stack = photographs.reshape(-1, *photographs.shape[-3:]) if photographs.size else photographs

    def sobel(start: int) -> Edges:
        """Edges of a block of photographs."""
        luma = stack[start:start + _PHOTOGRAPHS].astype(np.float64) @ np.array(LUMA)
        down, across = (ndimage.correlate1d(ndimage.correlate1d(luma, _STEP, axis=along), _ACROSS_STEP, axis=beside)
                        for along, beside in ((-2, -1), (-1, -2)))  # ndimage.sobel would also smooth over images
        edges: Edges = np.hypot(down, across).astype(np.float32)
        return edges

    parts = side_by_side(sobel, range(0, max(len(stack), 1), _PHOTOGRAPHS))
    return np.concatenate(list(parts)).reshape(photographs.shape[:-1])
