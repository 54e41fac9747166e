"""Labels of maps: what every function asks of its arguments, the order of actors, and coordinates."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from salcompare.errors import InputError, Problem
from salcompare.naming import natural_key

PIXELS = ("y", "x")
CARRIED = ("split", "group", "shoot")  # columns of images that maps keep as coordinates where they are there


def require_maps(maps: object, where: str, *, dims: Sequence[str] = PIXELS, named: Sequence[str] = ()) -> None:
    """Hold an argument, named `where`, to being a labelled array of numbers that has the dims; else `InputError`.

    It must hold something, and name each image's actor, say, if such coordinates are `named`.
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
    if not maps.size:
        raise InputError(Problem(where, f"is empty ({', '.join(f'{dim}: {n}' for dim, n in maps.sizes.items())})",
                                 "at least one value", "look at what was selected"))
    for name in named:
        wanted = f"{'an' if name[0] in 'aei' else 'a'} {name} for each {dims[0]}"
        if name not in maps.coords:
            raise InputError(Problem(where, f"coordinates {', '.join(map(str, maps.coords)) or 'none'}", wanted,
                                     f"add it: maps.assign_coords({name}=('{dims[0]}', ...))"))
        if pd.isna(maps[name].to_numpy()).any():
            raise InputError(Problem(where, f"{name} is missing", wanted, "name it, or leave it out"))


def require_share(share: float, n_pixels: int) -> int:
    """Turn a share of a map's pixels into a number of pixels, round(share * n_pixels).

    Raises `InputError` if the share is not in (0, 1], or so small that no pixel is left.
    """
    if not 0 < share <= 1:
        raise InputError(Problem("share", repr(share), "a number above 0 and at most 1", "0.05 is the top 5%"))
    k = round(share * n_pixels)
    if k == 0:
        raise InputError(Problem("share", f"{share!r} of {n_pixels} pixels is less than half a pixel",
                                 "at least one pixel", "raise the share or use a finer grid"))
    return k


def require_choice(value: object, choices: Iterable[str], where: str) -> None:
    """Hold an option to one of its values; else `InputError`, listing them."""
    choices = tuple(choices)
    if value not in choices:
        raise InputError(Problem(where, repr(value), " or ".join(map(repr, choices))))


def require_size(size: object) -> tuple[int, int]:
    """Hold a grid's size to two positive whole numbers, height and width; else `InputError`."""
    if isinstance(size, Sequence) and len(size) == 2:
        height, width = size
        if int(height) == height > 0 and int(width) == width > 0:
            return int(height), int(width)
    raise InputError(Problem("size", repr(size), "(height, width) in pixels, both whole and positive"))


def natural_order(values: Iterable[object]) -> NDArray[Any]:
    """Distinct labels in natural order: numbers inside names count as numbers, so that s2 comes before s10.

    The values are texts or numbers, repeated in any order.
    """
    distinct = np.unique(np.asarray(list(values)))
    if distinct.dtype.kind not in "OSU":
        return distinct
    return np.array(sorted(distinct.tolist(), key=natural_key), dtype=distinct.dtype)


def text_of(values: object) -> NDArray[np.str_]:
    """Labels as fixed-width text, which stores hold without a codec of Python objects."""
    return np.asarray(values, dtype=object).astype(str)


def image_coords(images: pd.DataFrame, dim: str = "image") -> dict[str, tuple[str, NDArray[np.str_]]]:
    """Coordinates along a dim whose maps are of these images: image, actor and what else of `CARRIED` is there."""
    return {name: (dim, text_of(images[name].fillna(""))) for name in ("image", "actor", *CARRIED) if name in images}


def pixel_coords(height: int, width: int) -> dict[str, NDArray[np.intp]]:
    """Coordinates of a grid's rows and columns."""
    return {"y": np.arange(height), "x": np.arange(width)}


def over_pixels(kernel: Callable[..., NDArray[Any]], maps: xr.DataArray, *, dtype: type | np.dtype[Any],
                keep_attrs: bool = True, **options: object) -> xr.DataArray:
    """Apply a kernel, (..., y, x) -> (..., y, x), to maps, eager or dask."""
    mapped: xr.DataArray = xr.apply_ufunc(
        kernel, maps, kwargs=options, dask="parallelized", input_core_dims=[PIXELS], output_core_dims=[PIXELS],
        output_dtypes=[dtype], keep_attrs=keep_attrs, dask_gufunc_kwargs={"allow_rechunk": True})
    return mapped
