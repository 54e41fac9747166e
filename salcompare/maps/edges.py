"""Maps that know no network: the edges of the photograph, and its gradient."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import ndimage

from salcompare.blocks import side_by_side
from salcompare.errors import InputError, Problem

Edges = NDArray[np.float32]
LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in the luma of ITU-R BT.601."""
_STEP, _SMOOTH = (-1, 0, 1), (1, 2, 1)
_CORE = ["y", "x", "channel"]
_BATCH = 8  # photographs that are held in float64 at a time


def sobel_edges(photographs: xr.DataArray) -> xr.DataArray:
    """Magnitude of the Sobel edge detector on the photographs' luma.

    Parameters
    ----------
    photographs : DataArray (..., y, x, channel)
        Red, green and blue, such as uint8.

    Returns
    -------
    float32 DataArray (..., y, x)
        Root of the summed squares of both Sobel filters, at least 0, in units of the photograph's values per pixel
        times 8; borders mirror. 0 throughout for a photograph without edges.

    Raises
    ------
    InputError
        If there are no dims y, x and channel, or not three channels.

    References
    ----------
    As a control of saliency maps: Adebayo et al. (2018), arXiv:1810.03292
    """
    return _mapped(photographs, _sobel)


def photograph_gradient(photographs: xr.DataArray) -> xr.DataArray:
    """Magnitude of the photographs' own gradient, summed over channels as classifier maps are.

    Parameters
    ----------
    photographs : DataArray (..., y, x, channel)
        Red, green and blue, such as uint8.

    Returns
    -------
    float32 DataArray (..., y, x)
        Sum over channels of the length of (d/dy, d/dx) by central differences (one-sided at borders), at least 0, in
        units of the photograph's values per pixel.

    Raises
    ------
    InputError
        As for `sobel_edges`.
    """
    return _mapped(photographs, _gradient)


def _mapped(photographs: xr.DataArray, kernel: Callable[[NDArray[np.generic]], Edges]) -> xr.DataArray:
    if not set(_CORE) <= set(photographs.dims) or photographs.sizes["channel"] != len(LUMA):
        raise InputError(Problem("photographs", f"dims {dict(photographs.sizes)}", "y, x and three channels"))
    edges: xr.DataArray = xr.apply_ufunc(
        _in_batches, photographs.drop_vars("channel", errors="ignore"), kwargs={"kernel": kernel},
        input_core_dims=[_CORE], output_core_dims=[["y", "x"]], dask="parallelized", output_dtypes=[np.float32],
        dask_gufunc_kwargs={"allow_rechunk": True})
    return edges


def _in_batches(photographs: NDArray[np.generic], *, kernel: Callable[[NDArray[np.generic]], Edges]) -> Edges:
    stack = photographs.reshape(-1, *photographs.shape[-3:]) if photographs.size else photographs
    parts = side_by_side(lambda start: kernel(stack[start:start + _BATCH]), range(0, max(len(stack), 1), _BATCH))
    return np.concatenate(list(parts)).reshape(photographs.shape[:-1])


def _sobel(photographs: NDArray[np.generic]) -> Edges:  # (..., y, x, channel) -> (..., y, x)
    luma = photographs.astype(np.float64) @ np.array(LUMA)
    down, across = (ndimage.correlate1d(ndimage.correlate1d(luma, _STEP, axis=along), _SMOOTH, axis=beside)
                    for along, beside in ((-2, -1), (-1, -2)))  # ndimage.sobel would also smooth over images
    edges: Edges = np.hypot(down, across).astype(np.float32)
    return edges


def _gradient(photographs: NDArray[np.generic]) -> Edges:  # (..., y, x, channel) -> (..., y, x)
    down, across = np.gradient(photographs.astype(np.float64), axis=(-3, -2))
    lengths: Edges = np.hypot(down, across).sum(axis=-1).astype(np.float32)
    return lengths
