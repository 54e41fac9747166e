"""Labels of maps: what every function asks of its arguments, and the order in which actors stand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from salcompare.errors import InputError, Problem
from salcompare.naming import natural_key

PIXELS = ("y", "x")


def require_maps(maps: object, where: str, *, dims: Sequence[str] = PIXELS) -> None:
    """Hold an argument to being a labelled array of numbers that has the dims.

    Raises
    ------
    InputError
        Naming the argument `where`, what it is and what it should be.
    """
    wanted = f"a DataArray with dims (..., {', '.join(dims)})"
    if not isinstance(maps, xr.DataArray):
        raise InputError(Problem(where, f"is a {type(maps).__name__}", wanted,
                                 "select one variable, such as human.coverage, or label the array with xarray"))
    missing = [dim for dim in dims if dim not in maps.dims]
    if missing:
        raise InputError(Problem(where, f"has dims {maps.dims}, without {', '.join(missing)}", wanted,
                                 "rename or add the dims"))
    if maps.dtype.kind not in "biuf":
        raise InputError(Problem(where, f"has dtype {maps.dtype}", "numbers", "convert it with astype(float)"))


def require_share(share: float, n_pixels: int) -> int:
    """Turn a share of a map's pixels into a number of pixels, round(share * n_pixels).

    Raises
    ------
    InputError
        If the share is not in (0, 1], or so small that no pixel is left.
    """
    if not 0 < share <= 1:
        raise InputError(Problem("share", repr(share), "a number above 0 and at most 1", "0.05 is the top 5%"))
    k = round(share * n_pixels)
    if k == 0:
        raise InputError(Problem("share", f"{share!r} of {n_pixels} pixels is less than half a pixel",
                                 "at least one pixel", "raise the share or use a finer grid"))
    return k


def require_choice(value: object, choices: Iterable[str], where: str) -> None:
    """Hold an option to one of its values.

    Raises
    ------
    InputError
        Listing the values it may have.
    """
    choices = tuple(choices)
    if value not in choices:
        raise InputError(Problem(where, repr(value), " or ".join(map(repr, choices))))


def require_size(size: object) -> tuple[int, int]:
    """Hold a grid's size to two positive whole numbers, height and width.

    Raises
    ------
    InputError
        If it is anything else.
    """
    if isinstance(size, Sequence) and len(size) == 2:
        height, width = size
        if int(height) == height > 0 and int(width) == width > 0:
            return int(height), int(width)
    raise InputError(Problem("size", repr(size), "(height, width) in pixels, both whole and positive"))


def natural_order(values: Iterable[object]) -> NDArray[Any]:
    """Distinct labels in their natural order.

    Parameters
    ----------
    values : iterable
        Labels, repeated in any order; texts or numbers.

    Returns
    -------
    ndarray
        Each label once; texts with the numbers in them compared as numbers.
    """
    distinct = np.unique(np.asarray(list(values)))
    if distinct.dtype.kind not in "OSU":
        return distinct
    return np.array(sorted(distinct.tolist(), key=natural_key), dtype=distinct.dtype)
