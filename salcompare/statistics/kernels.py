"""What the metrics' NumPy kernels share: flattening, scaling, and one dot product for pairs and for all pairs.

A kernel takes maps over the trailing (y, x) and broadcasts the leading axes. Given (n, 1, y, x) and (m, y, x) it
compares all pairs, and then `dot` is one matrix product. So a metric is written once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from salcompare.blocks import one_thread, side_by_side

Maps = NDArray[np.floating]
Values = NDArray[np.float64]
Codes = NDArray[np.intp]

_SAFE = 48  # powers of two from 1 in which sums of products of two values stay within float32, of more in float64

Kind = TypeVar("Kind", bound=np.generic)

GRID = ["y", "x"]
CENTRE_SIGMA = 0.25  # standard deviation of the centred Gaussian, as a share of the grid's height and width
BLOCK = 8  # pairs of maps compared at a time: their float64 copies then stay in memory that is used again
CROSSED = 32  # maps that are multiplied with all others at a time


def compare(kernel: Callable[..., Values], *maps: xr.DataArray, **options: object) -> xr.DataArray:
    """Apply a kernel to labelled maps, eager or dask: dims are matched by name, labels must be equal.

    The kernel takes arrays (..., y, x) that broadcast, and options, and gives (...), float64; `block` is `in_blocks`'s.
    """
    values: xr.DataArray = xr.apply_ufunc(
        in_blocks, *maps, kwargs={"kernel": kernel, **options}, join="exact", dask="parallelized", keep_attrs=False,
        output_dtypes=[float], input_core_dims=[GRID] * len(maps), dask_gufunc_kwargs={"allow_rechunk": True})
    return values.rename(None)


def in_blocks(*maps: NDArray[np.generic], kernel: Callable[..., NDArray[Kind]], block: int = BLOCK,
              **options: object) -> NDArray[Kind]:
    """Call a kernel on `block` images at a time, side by side, where images are compared one by one; else on all."""
    sizes = {a.shape[0] for a in maps if a.ndim == 3}
    if len(sizes) != 1 or max(a.ndim for a in maps) > 3:
        with one_thread():
            return kernel(*maps, **options)

    def one(start: int) -> NDArray[Kind]:
        """Run the kernel on one block of maps."""
        return kernel(*(a[start:start + block] if a.ndim == 3 else a for a in maps), **options)

    return np.concatenate(list(side_by_side(one, range(0, max(sizes.pop(), 1), block))))


def flat(maps: NDArray[np.generic]) -> Values:
    """Turn maps (..., y, x) into float64 rows (..., pixels)."""
    return maps.reshape(*maps.shape[:-2], -1).astype(np.float64)


def in_range(values: Values, axis: int | tuple[int, ...] | None = None) -> Values:
    """Scale values whose squares may leave the range of float64, by powers of two, so that nothing is rounded.

    For statistics that do not see the scale along `axis` (all axes if not given). What has its largest magnitude from
    2**-48 to 2**48, or holds NaN or infinite values, stays as it is; the rest gets a largest one between 0.5 and 1.
    """
    if not values.size:
        return values
    exponents = _exponents(np.maximum(values.max(axis=axis, keepdims=True), -values.min(axis=axis, keepdims=True)))
    return np.ldexp(values, exponents) if exponents.any() else values


def maps_in_range(maps: xr.DataArray) -> xr.DataArray:
    """Bring maps that have one scale in range (see `in_range`)."""
    exponent = range_exponent(maps)
    if not exponent:
        return maps
    scaled: xr.DataArray = xr.apply_ufunc(np.ldexp, maps, exponent, dask="parallelized", output_dtypes=[np.float64],
                                          keep_attrs=True)
    return scaled


def range_exponent(maps: xr.DataArray) -> int:
    """Power of two that brings maps of one scale in range; 0 where they are, as all but maps of float64 are."""
    if maps.dtype != np.float64 or not maps.size:
        return 0
    finite = maps.where(np.isfinite(maps))
    return int(_exponents(np.asarray(np.maximum(finite.max(), -finite.min()), np.float64)))


def _exponents(peaks: Values) -> NDArray[np.int32]:
    far = np.isfinite(peaks) & (peaks > 0) & ((peaks < 2.0**-_SAFE) | (peaks > 2.0**_SAFE))
    return np.where(far, -np.frexp(peaks)[1], 0).astype(np.int32)


def dot(a: Values, b: Values) -> Values:
    """Sum of products over the last axis; one matrix product where the leading axes of `a` and `b` cross."""
    if a.ndim == 3 and a.shape[1] == 1 and (b.ndim == 2 or (b.ndim == 3 and b.shape[0] == 1)):
        other = b.reshape(-1, b.shape[-1]).T
        return np.concatenate(list(side_by_side(lambda start: a[start:start + CROSSED, 0] @ other,
                                                range(0, max(len(a), 1), CROSSED))))
    paired: Values = np.einsum("...p,...p->...", a, b)
    return paired


def unit_sum(rows: Values) -> Values:
    """Rows scaled to sum 1; NaN where a row is empty, has a negative value or is missing."""
    rows = in_range(rows, axis=-1)
    total = rows.sum(axis=-1, keepdims=True)
    good = (total > 0) & np.isfinite(total) & (rows.min(axis=-1, keepdims=True) >= 0)
    scaled: Values = rows / np.where(good, total, np.nan)
    return scaled


def standardised(rows: Values) -> Values:
    """Rows less their mean, over their standard deviation (n, not n - 1); NaN where a row is constant or missing."""
    rows = in_range(rows, axis=-1)
    centred: Values = rows - rows.mean(axis=-1, keepdims=True)
    spread = np.sqrt(np.einsum("...p,...p->...", centred, centred) / rows.shape[-1])[..., np.newaxis]
    centred /= np.where(is_constant(rows), np.nan, spread)
    return centred


def is_constant(rows: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Whether all values of a row are equal, keeping the last axis; a row with NaN is not."""
    return np.asarray(rows.max(axis=-1, keepdims=True) == rows.min(axis=-1, keepdims=True), dtype=bool)


def centred_gaussian(height: int, width: int, *, sigma: float = CENTRE_SIGMA) -> Values:
    """Gaussian in the middle of a grid, (height, width), 1 at its peak; `sigma` is a share of height and width."""
    y = (np.arange(height) - (height - 1) / 2) / (sigma * height)
    x = (np.arange(width) - (width - 1) / 2) / (sigma * width)
    peak: Values = np.exp(-(y[:, np.newaxis] ** 2 + x**2) / 2)
    return peak


def left_out(n_missing: int, n_empty: int) -> str:
    """Say how many images were left out because a pixel is missing, and because none is above 0; empty for none."""
    counts = ((n_missing, "with a pixel that is NaN or infinite"), (n_empty, "of zeros only"))
    parts = [f"{n} {why}" for n, why in counts if n]
    return f"images left out: {', '.join(parts)}" if parts else ""
