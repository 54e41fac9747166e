"""A network's saliency: colour channels to one map, two actors' maps compared, precomputed maps labelled."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from salcompare.errors import InputError, Problem
from salcompare.maps.checks import PIXELS, image_coords, pixel_coords, require_choice, require_maps

How = Literal["sum", "max"]


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


Scale = Literal["peak", "none"]


def saliency_difference(gb_y: xr.DataArray, gb_z: xr.DataArray, *, scale: Scale = "peak") -> xr.DataArray:
    """Saliency for actor y that is not saliency for actor z: ReLU(GB_y / max GB_y - GB_z / max GB_z).

    Parameters
    ----------
    gb_y, gb_z : DataArray (..., y, x)
        Non-negative maps of the same images, explained for actor y and for actor z; other dims broadcast by name.
    scale : {"peak", "none"}
        Divide each map by its own maximum first, or, as Eq. (1) is literally written, not at all.

    Returns
    -------
    DataArray (..., y, x), float64
        In [0, 1] for "peak", in the maps' unit for "none". NaN, under "peak", where either map has no positive peak
        and so no scale; the scalar coordinate ``n_undefined`` counts those maps.

    Raises
    ------
    InputError
        If an argument is no labelled map, the two are of different images, or `scale` is neither.

    References
    ----------
    Sun, Teoh & Guerzhoy (2020), Eq. (1), arXiv:2003.08765
    """
    require_maps(gb_y, "gb_y")
    require_maps(gb_z, "gb_z")
    require_choice(scale, get_args(Scale), "scale")
    try:
        gb_y, gb_z = xr.align(gb_y, gb_z, join="exact")
    except xr.AlignmentError as error:
        raise InputError(Problem("gb_y and gb_z", f"are of different images or grids ({error})", "the same",
                                 "select what both have")) from error
    gap = _scaled(gb_y, scale) - _scaled(gb_z, scale)
    difference = gap.where(~(gap < 0), 0.0)  # NaN stays NaN
    undefined = xr.ufuncs.isnan(difference).any(PIXELS).sum()
    difference = difference.assign_coords(n_undefined=undefined).transpose(..., *PIXELS).rename("saliency_difference")
    difference.attrs = {"scale": scale, "undefined": "a map without a positive peak cannot be scaled by it"}
    return difference


def _scaled(maps: xr.DataArray, scale: Scale) -> xr.DataArray:
    maps = maps.astype(np.float64)
    if scale == "none":
        return maps
    peak = maps.max(PIXELS, skipna=False)
    return maps / peak.where(peak > 0)


def precomputed_saliency(values: NDArray[np.float32], table: pd.DataFrame, images: pd.DataFrame) -> xr.Dataset:
    """Label a classifier's precomputed maps, as they are: ``saliency`` (image, y, x), float32.

    Arguments are as for `salcompare.maps.precomputed_response_maps`, with one map an image.
    """
    shown = images.iloc[pd.Index(images["image"]).get_indexer(pd.Index(table["image"]))]
    return xr.Dataset({"saliency": (("image", "y", "x"), values)}, attrs={"maps": "ready-made, as they were given"},
                      coords={**image_coords(shown), **pixel_coords(*values.shape[1:])})
