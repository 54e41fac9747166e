"""From images to actors to the population: means in which actors weigh the same, with their intervals."""

from __future__ import annotations

import numpy as np
import xarray as xr

from salcompare.maps import natural_order
from salcompare.statistics.inference.resampling import t_interval


def actor_means(values: xr.DataArray) -> xr.Dataset:
    """Mean over each actor's images.

    Parameters
    ----------
    values : DataArray (image, ...)
        One value an image, with coordinate ``actor`` along ``image``; NaN ones are left out.

    Returns
    -------
    Dataset (actor, ...)
        ``value`` (NaN for an actor without any), ``n`` images with a value and ``n_undefined`` without.
    """
    actors = natural_order(values.actor.values.tolist())
    member = xr.DataArray(actors[:, np.newaxis] == values.actor.values, dims=("actor", "image"),
                          coords={"actor": actors.astype(str)})
    bare = values.drop_vars([name for name, coord in values.coords.items() if "image" in coord.dims])
    defined = bare.notnull()
    n = xr.dot(member.astype(np.int64), defined.astype(np.int64), dim="image")
    total = xr.dot(member.astype(np.float64), bare.fillna(0.0).astype(np.float64), dim="image")
    return xr.Dataset({"value": total / n.where(n > 0), "n": n, "n_undefined": member.sum("image") - n})


def population_mean(values: xr.DataArray) -> xr.Dataset:
    """Mean over actors with Student's t interval over actors.

    Parameters
    ----------
    values : DataArray (actor, ...)
        One value an actor; NaN ones are left out.

    Returns
    -------
    Dataset (...)
        ``value``, ``ci_low``, ``ci_high`` (NaN below eight actors), ``n`` actors with a value, ``n_undefined``
        without, and ``reason`` where the interval is NaN.
    """
    ordered = values.transpose("actor", ...)
    interval = t_interval(ordered.values, resampled="actors")
    defined = ordered.notnull()
    n = defined.sum("actor")
    dims = ordered.dims[1:]
    return xr.Dataset({
        "value": ordered.fillna(0.0).sum("actor") / n.where(n > 0), "ci_low": (dims, interval.low),
        "ci_high": (dims, interval.high), "n": n, "n_undefined": (~defined).sum("actor"),
        "reason": (dims, interval.reason)}, attrs={"ci_method": interval.method, "resampled": interval.resampled})
