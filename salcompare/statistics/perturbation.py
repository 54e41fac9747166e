"""From a network's outcomes on changed photographs to drops, curves and the areas under them, image by image."""

from __future__ import annotations

from typing import Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from salcompare.errors import InputError, Problem

Values = NDArray[np.floating]
Metric = Literal["logit", "probability", "accuracy"]
METRICS: tuple[Metric, ...] = ("logit", "probability", "accuracy")
WAYS = ("deletion", "insertion")
_VARIABLE = {"logit": "logit", "probability": "probability", "accuracy": "correct"}


def removal_drops(outcomes: xr.Dataset, metric: Metric, *, area: float) -> xr.DataArray:
    """Find what each image's outcome loses when whole regions of one area are taken out.

    Parameters
    ----------
    outcomes : Dataset (image, arrangement)
        ``logit``, ``probability`` and ``correct``, with coordinates ``order``, ``way``, ``fill``, ``share`` and
        ``whole`` along ``arrangement``, as a classifier's removals are stored.
    metric : {"logit", "probability", "accuracy"}
    area : float
        The share of pixels.

    Returns
    -------
    DataArray (order, fill, image)
        Of the photograph as it is minus of the changed one, above 0 where the network loses; of accuracy -1, 0 or 1.
        NaN where the outcome is undefined, or was not asked for.
    """
    values = outcomes[_VARIABLE[metric]].transpose("image", "arrangement").to_numpy()
    way, order_of, fill_of, share, whole = (outcomes[name].to_numpy() for name in (
        "way", "order", "fill", "share", "whole"))
    at_area = (way == "deletion") & np.isclose(share, area) & (order_of != "") & whole
    orders, fills = (list(dict.fromkeys(names[at_area].tolist())) for names in (order_of, fill_of))
    if not orders:
        raise InputError(Problem("area", f"{area:g}", "one of the shares that were removed"))
    intact = _end(outcomes, values)
    drops = np.full((len(orders), len(fills), len(values)), np.nan)
    for at in np.flatnonzero(at_area):
        drops[orders.index(order_of[at]), fills.index(fill_of[at])] = intact - values[:, at]
    return xr.DataArray(drops, dims=("order", "fill", "image"), name=metric, coords={
        "order": orders, "fill": fills, "image": outcomes["image"].to_numpy(),
        "actor": ("image", outcomes["actor"].to_numpy())})


def removal_curves(outcomes: xr.Dataset, metric: Metric) -> xr.DataArray:
    """Follow each image's outcome as more and more pixels are deleted, or inserted.

    Parameters
    ----------
    outcomes, metric
        As for `removal_drops`.

    Returns
    -------
    DataArray (way, order, fill, share, image)
        Shares from 0 to 1: of deletion, of the pixels taken out; of insertion, of those that are left. Orders and
        fills are those of which there is a curve; NaN where an outcome is undefined or a curve was not asked for.
    """
    values = outcomes[_VARIABLE[metric]].transpose("image", "arrangement").to_numpy()
    on_curve = ~outcomes["whole"].to_numpy() & (outcomes["order"] != "").to_numpy()
    keys = list(zip(*(outcomes[name].to_numpy().tolist() for name in ("way", "order", "fill", "share")), strict=True))
    places = {key: at for at, key in enumerate(keys) if on_curve[at]}
    curves = dict.fromkeys((order, fill) for way, order, fill, _ in places if way == "insertion")
    shares = sorted({share for way, order, fill, share in places if (order, fill) in curves})
    orders, fills = (list(dict.fromkeys(pair[at] for pair in curves)) for at in (0, 1))
    heights = np.full((len(WAYS), len(orders), len(fills), len(shares) + 2, len(values)), np.nan)
    for order, fill in curves:
        ends = _end(outcomes, values), _end(outcomes, values, fill)
        for number, way in enumerate(WAYS):
            cell = heights[number, orders.index(order), fills.index(fill)]
            for at, share in enumerate(shares, 1):
                if (way, order, fill, share) in places:
                    cell[at] = values[:, places[way, order, fill, share]]
            defined = ~np.isnan(cell[1:-1]).all(axis=0) if shares else np.ones(len(values), bool)
            cell[0], cell[-1] = (np.where(defined, end, np.nan) for end in (ends if way == "deletion" else ends[::-1]))
    return xr.DataArray(heights, dims=("way", "order", "fill", "share", "image"), name=metric, coords={
        "way": list(WAYS), "order": orders, "fill": fills, "share": [0.0, *shares, 1.0],
        "image": outcomes["image"].to_numpy(), "actor": ("image", outcomes["actor"].to_numpy())})


def curve_areas(curves: xr.DataArray) -> xr.DataArray:
    """Find the area under each curve, by the trapezoidal rule over shares from 0 to 1.

    Parameters
    ----------
    curves : DataArray (..., share, ...)
        As `removal_curves` gives them; shares may be at unequal distances.

    Returns
    -------
    DataArray (...)
        In the metric's unit: the mean height of the curve. NaN where a point of it is.

    References
    ----------
    Petsiuk, Das & Saenko (2018), RISE, arXiv:1806.07421
    """
    return curves.integrate("share")


def _end(outcomes: xr.Dataset, values: Values, fill: str | None = None) -> Values:
    """Take the outcomes of photographs as they are or, with a fill, of those filled with it all over."""
    places = (outcomes["order"] == "") & (outcomes["share"] == (0 if fill is None else 1))
    if fill is not None:
        places &= outcomes["fill"] == fill
    if not places.any():
        what = "the photographs as they are" if fill is None else f"photographs filled with {fill} all over"
        raise InputError(Problem("outcomes", f"none of {what}", "one arrangement of them"))
    return values[:, np.flatnonzero(places.to_numpy())[0]]
