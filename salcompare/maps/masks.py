"""Masks: the top share of a map's pixels, with what to do about ties; and orders of pixels to compare them with."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Literal, get_args

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from salcompare.errors import InputError, Problem
from salcompare.maps.checks import (
    PIXELS,
    over_pixels,
    pixel_coords,
    require_choice,
    require_maps,
    require_share,
    require_size,
)
from salcompare.random_numbers import stream

Values = NDArray[Any]  # of any kind of number, in flat or (..., y, x) shape
Rule = Literal["count", "quantile"]
TIES = "ties are broken by a fixed pseudo-random order of positions"


def top_mask(maps: xr.DataArray, *, share: float) -> xr.DataArray:
    """Mask the largest pixels of each map, exactly round(share * pixels) of them.

    Parameters
    ----------
    maps : DataArray (..., y, x)
        Saliency maps; every other dim holds separate maps.
    share : float
        Of a map's pixels, in (0, 1].

    Returns
    -------
    DataArray (..., y, x), bool
        True on the mask. All False for a map that is zero everywhere or holds a NaN: it has no largest pixels.

    Raises
    ------
    InputError
        If `maps` are no labelled maps or have an infinite value, or the share is out of range or of no pixel.

    Notes
    -----
    Ties are broken by an order of positions that is pseudo-random and depends on the grid's shape only. (Row order
    would push the masks of human maps, half of whose pixels are ties, upwards.) `mask_report` says how many pixels
    ties decide; `tied_weights` shares them out instead of choosing.
    """
    require_maps(maps, "maps")
    k = require_share(share, maps.sizes["y"] * maps.sizes["x"])
    mask = over_pixels(_top_mask, maps, dtype=bool, k=k)
    mask.attrs.update(mask_share=float(share), mask_pixels=k, mask_ties=TIES)
    return mask


def tied_weights(maps: xr.DataArray, *, share: float) -> xr.DataArray:
    """Weights of a mask that shares its boundary out equally among the pixels that tie for it.

    Maps (..., y, x), the share of pixels in (0, 1], and errors are those of `top_mask`; k = round(share * pixels).

    Returns
    -------
    DataArray (..., y, x), float64
        1 above the boundary value, (k - above) / tied on it, 0 below it, so that each map's weights sum to k: the
        expectation of `top_mask` over all orders of the tied pixels. NaN for a map that is zero everywhere or
        holds a NaN, so that what is computed from it is undefined too.
    """
    require_maps(maps, "maps")
    k = require_share(share, maps.sizes["y"] * maps.sizes["x"])
    weights = over_pixels(_tied_weights, maps, dtype=np.float64, k=k)
    weights.attrs.update(mask_share=float(share), mask_pixels=k)
    return weights


def mask_report(maps: xr.DataArray, *, share: float) -> xr.Dataset:
    """Say how far a mask rests on ties, and which maps have too few positive pixels for one.

    Maps (..., y, x), the share of pixels in (0, 1], and errors are those of `top_mask`; k = round(share * pixels).

    Returns
    -------
    Dataset (...)
        ``tied_share``: share of the mask's k pixels that were chosen among ties, in [0, 1]; NaN for a map that is
        zero everywhere or holds a NaN. ``n_positive``: pixels above 0. Scalars ``n_maps``, ``n_undefined`` (maps
        without a mask) and ``n_short`` (maps with a mask but fewer than k positive pixels).
    """
    require_maps(maps, "maps")
    k = require_share(share, maps.sizes["y"] * maps.sizes["x"])
    tied, positive = xr.apply_ufunc(
        _ties, maps, kwargs={"k": k}, dask="parallelized", input_core_dims=[PIXELS], output_core_dims=[[], []],
        output_dtypes=[np.float64, np.int64], dask_gufunc_kwargs={"allow_rechunk": True})
    report = xr.Dataset({
        "tied_share": tied, "n_positive": positive, "n_maps": tied.size, "n_undefined": tied.isnull().sum(),
        "n_short": ((positive < k) & tied.notnull()).sum()})
    report.attrs = {"mask_share": float(share), "mask_pixels": k, "mask_ties": TIES}
    return report


def shown(heatmaps: xr.DataArray, *, share: float, rule: Rule) -> xr.DataArray:
    """Choose the pixels of a heatmap that a figure prints.

    Parameters
    ----------
    heatmaps, share : DataArray (..., y, x), float
        Heatmaps or relative saliency, and the share of their pixels: as for `top_mask`, errors too.
    rule : {"count", "quantile"}
        "count", for classifiers: the largest round(share * pixels) pixels, as in `top_mask`. "quantile", for human
        heatmaps: all pixels at or above the heatmap's (1 - share) quantile and above 0, so that ties stand together.

    Returns
    -------
    DataArray (..., y, x), bool
        All False for a heatmap that is zero everywhere or holds a NaN.
    """
    require_maps(heatmaps, "heatmaps")
    require_choice(rule, get_args(Rule), "rule")
    if rule == "count":
        return top_mask(heatmaps, share=share)
    require_share(share, heatmaps.sizes["y"] * heatmaps.sizes["x"])
    chosen = over_pixels(_at_or_above, heatmaps, dtype=bool, keep_attrs=False, level=1 - share)
    chosen.attrs = {"shown": f"at or above the {1 - share:g} quantile and above 0"}
    return chosen


def _top_mask(maps: Values, k: int) -> NDArray[np.bool_]:  # (..., y, x) -> (..., y, x)
    order = _order_of_positions(*maps.shape[-2:])
    masks = np.zeros(maps.shape, dtype=bool)
    flat = masks.reshape(-1, order.size)  # a view: masks is contiguous
    for mask, values in zip(flat, maps.reshape(-1, order.size), strict=True):
        boundary = _boundary(values, k)
        if boundary is None:
            continue
        np.greater(values, boundary, out=mask)
        room = k - np.count_nonzero(mask)
        tied = np.flatnonzero(values == boundary)
        if room < tied.size:
            tied = tied[np.argpartition(order[tied], room - 1)[:room]]
        mask[tied] = True
    return masks


def _tied_weights(maps: Values, k: int) -> NDArray[np.float64]:  # (..., y, x) -> (..., y, x)
    n_pixels = maps.shape[-2] * maps.shape[-1]
    weights = np.zeros(maps.shape)
    for weight, values in zip(weights.reshape(-1, n_pixels), maps.reshape(-1, n_pixels), strict=True):
        boundary = _boundary(values, k)
        if boundary is None:
            weight[:] = np.nan
            continue
        above, tied = values > boundary, values == boundary
        weight[above] = 1
        weight[tied] = (k - np.count_nonzero(above)) / np.count_nonzero(tied)
    return weights


def _ties(maps: Values, k: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:  # (..., y, x) -> (...) twice
    n_pixels = maps.shape[-2] * maps.shape[-1]
    shares = np.full(maps.shape[:-2], np.nan)
    flat = shares.reshape(-1)
    for at, values in enumerate(maps.reshape(-1, n_pixels)):
        boundary = _boundary(values, k)
        if boundary is not None:
            room = k - np.count_nonzero(values > boundary)
            flat[at] = room / k if room < np.count_nonzero(values == boundary) else 0.0
    return shares, np.asarray(np.count_nonzero(maps > 0, axis=(-2, -1)), dtype=np.int64)


def _at_or_above(maps: Values, level: float) -> NDArray[np.bool_]:  # (..., y, x) -> (..., y, x)
    values = maps.astype(np.float64)
    least = np.quantile(values, level, axis=(-2, -1), keepdims=True)
    return np.asarray((values >= least) & (values > 0), dtype=bool)  # NaN compares False


def _boundary(values: Values, k: int) -> Any:  # noqa: ANN401 - a scalar of the map's dtype
    """Give the k-th largest value of a flat map, or None where no mask is defined; infinite values are refused."""
    extremes = values.min(), values.max()
    if np.isnan(extremes).any() or not values.any():
        return None
    if np.isinf(extremes).any():
        raise InputError(Problem("maps", "an infinite value", "finite values, which can be put in order of size",
                                 "find out where the map overflowed, or make such pixels NaN to leave the map out"))
    at = values.size - k
    return np.partition(values, at)[at]


@lru_cache(maxsize=16)
def _order_of_positions(height: int, width: int) -> NDArray[np.uint64]:
    """Give each position its place in the order that breaks ties; the same on every machine and for ever.

    The finaliser of SplitMix64 (Steele, Lea & Flood 2014, doi:10.1145/2660193.2660195) is a bijection, so that no two
    positions share a place; NumPy's own generators may change their streams between versions.
    """
    mixed = np.arange(1, height * width + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(width)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    mixed.flags.writeable = False
    return mixed


def marked_by_both(one: xr.DataArray, other: xr.DataArray) -> xr.DataArray:
    """Multiply two non-negative maps (..., y, x), each scaled to mean 1, so that what both mark comes first.

    0 everywhere where one of them is. Raises `InputError` if they are no labelled maps, or of other images or grids.
    """
    for maps, where in ((one, "one"), (other, "other")):
        require_maps(maps, where)
    try:
        one, other = xr.align(one, other, join="exact")
    except ValueError as error:
        raise InputError(Problem("one, other", str(error), "maps of the same images on one grid")) from error
    scaled = [maps.astype(np.float64) for maps in (one, other)]
    first, second = (maps / (mean := maps.mean(PIXELS)).where(mean > 0, 1) for maps in scaled)
    return first * second


def moved_orders(maps: xr.DataArray, *, seed: int, purpose: str) -> xr.DataArray:
    """Move each map by a random offset, wrapping around: its patches keep their shape and lie anywhere.

    Parameters
    ----------
    maps : DataArray (image, y, x)
        With coordinate ``image``; `InputError` if they are no labelled maps.
    seed, purpose : int, str
        Where a map goes follows from the seed, what the offsets are for, and its image's name, whatever the others are.
        All offsets are equally likely, none among them.
    """
    require_maps(maps, "maps", dims=("image", *PIXELS))
    ordered = maps.transpose("image", *PIXELS)
    moved = []
    for values, image in zip(ordered.to_numpy(), ordered["image"].to_numpy().tolist(), strict=True):
        offsets = stream(seed, purpose, str(image)).integers(0, values.shape)
        moved.append(np.roll(values, offsets, axis=(0, 1)))
    return ordered.copy(data=np.stack(moved))


def centre_orders(images: Sequence[str], *, size: tuple[int, int]) -> xr.DataArray:
    """Order pixels from the middle outwards, so that the first lie in an ellipse of the grid's shape.

    Gives values (image, y, x), float64 in (0, 1], the same for each of the named images; `size` is (height, width).
    """
    height, width = require_size(size)
    down, across = ((np.arange(n) - (n - 1) / 2) / n for n in (height, width))
    middle = 1 - (down[:, None] ** 2 + across[None, :] ** 2)
    return xr.DataArray(np.broadcast_to(middle, (len(images), height, width)).copy(), dims=("image", *PIXELS), coords={
        "image": np.array(images, dtype=str), **pixel_coords(height, width)})
