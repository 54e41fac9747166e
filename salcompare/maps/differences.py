"""What a network finds salient in an image for one actor and not for another."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import xarray as xr

from salcompare.errors import InputError, Problem
from salcompare.maps.checks import PIXELS, require_choice, require_maps

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
    undefined = difference.isnull().any(PIXELS).sum()
    difference = difference.assign_coords(n_undefined=undefined).transpose(..., *PIXELS).rename("saliency_difference")
    difference.attrs = {"scale": scale, "undefined": "a map without a positive peak cannot be scaled by it"}
    return difference


def _scaled(maps: xr.DataArray, scale: Scale) -> xr.DataArray:
    maps = maps.astype(np.float64)
    if scale == "none":
        return maps
    peak = maps.max(PIXELS, skipna=False)
    return maps / peak.where(peak > 0)
