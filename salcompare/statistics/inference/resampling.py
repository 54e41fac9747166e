"""Resampling: bootstrap weights, and intervals and means that name what was resampled.

A bootstrap is a matrix of weights, one row a resample and one column a unit; statistics are computed for all rows at
once by matrix products. Units are actors, images or workers, never pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from salcompare.errors import InputError, Problem
from salcompare.maps import natural_order
from salcompare.maps.checks import require_maps
from salcompare.printing import counted
from salcompare.random_numbers import drawing
from salcompare.statistics.kernels import Codes, Values

LEVEL = 0.95
FEWEST_ACTORS = 8
"""Below so many actors there is no t interval: the spread between so few is itself hardly known."""
WORKERS_SHARED = "all actors share workers: an interval over actors alone would be too narrow"
"""Why what people's maps of all actors have in common has no interval over actors."""
FEWEST_IN_STRATUM = {"mean": 2, "spread": 3}
"""Units that a stratum must have for a jackknife; of two, leaving one out leaves no spread within."""


@dataclass(frozen=True)
class Interval:
    """An interval of confidence, or many of them in arrays of one shape (...)."""

    low: Values  # NaN, as `high`, where it is undefined
    high: Values
    method: Literal["t", "jackknife", "crossed t"]
    resampled: str  # actors, images or workers
    level: float  # the nominal coverage
    n_resamples: int  # rows of weights, or replicates left out one by one
    n_undefined: Codes  # resamples, or replicates, that were left out as undefined
    reason: NDArray[np.object_]  # why an interval is undefined; an empty text where it is not


@drawing
def bootstrap_weights(units: int, n_resamples: int, rng: np.random.Generator, *, strata: ArrayLike | None = None,
                      fewer: int = 0) -> Values:
    """Draw how often each unit comes in each resample with replacement.

    Parameters
    ----------
    units, n_resamples, rng : int, int, Generator
        How many units there are, and how many resamples to draw.
    strata : array_like (units,), optional
        Units are resampled within their stratum, such as images within their (fixed) actor.
    fewer : {0, 1}
        How many draws fewer than it has units are made in each stratum, though at least one. With 1, the variance of
        a mean over resamples is the unbiased one; with 0 it is (m-1)/m of that in a stratum of m.

    Returns
    -------
    ndarray (n_resamples, units)
        Whole numbers; within each stratum a row sums to the stratum's size less `fewer`.

    References
    ----------
    Efron (1979), doi:10.1214/aos/1176344552; one draw fewer: McCarthy & Snowden (1985), Vital and Health Statistics
    2(95)
    """
    groups = np.zeros(units, np.intp) if strata is None else np.unique(np.asarray(strata), return_inverse=True)[1]
    if units < 1 or len(groups) != units:
        raise InputError(Problem("units", f"{units} units, {len(groups)} strata", "a stratum for each of >= 1 units"))
    weights = np.empty((n_resamples, units))
    for group in range(groups.max() + 1):
        members = np.flatnonzero(groups == group)
        size = len(members)
        drawn = rng.integers(0, size, (n_resamples, max(size - fewer, 1))) + np.arange(n_resamples)[:, None] * size
        weights[:, members] = np.bincount(drawn.ravel(), minlength=n_resamples * size).reshape(n_resamples, size)
    return weights


def t_interval(values: ArrayLike, *, resampled: str = "actors", level: float = LEVEL,
               fewest: int = FEWEST_ACTORS) -> Interval:
    """Student's t interval of a mean over replicates.

    Parameters
    ----------
    values : array_like (replicate, ...)
        One value a replicate; NaN ones are left out, counted.
    resampled, level : str, float
        What was resampled (actors, images or workers), and the nominal coverage.
    fewest : int
        With fewer defined replicates the interval is NaN.

    Returns
    -------
    Interval (...)
        About ``nanmean(values, axis=0)``.
    """
    data = np.asarray(values, float)
    undefined = np.isnan(data).sum(axis=0)
    n = len(data) - undefined
    enough = n >= max(fewest, 2)
    safe = np.where(enough, n, 2)
    mean = np.nansum(data, axis=0) / safe
    spread = np.sqrt(np.nansum((data - mean) ** 2, axis=0) / (safe - 1) / safe)
    half = np.where(enough, stats.t.ppf((1 + level) / 2, safe - 1) * spread, np.nan)
    lacking = [f"{counted(count, resampled.removesuffix('s'))} with a value; a t interval needs {max(fewest, 2)}"
               for count in n.ravel()]
    reason = np.where(enough, "", np.array(lacking, object).reshape(enough.shape))
    return Interval(mean - half, mean + half, "t", resampled, level, len(data), np.asarray(undefined, np.intp), reason)


def jackknife_standard_error(leave_one_out: ArrayLike, *, strata: ArrayLike | None = None,
                             of: Literal["mean", "spread"] = "mean") -> Values:
    """Compute the standard error (...) of a statistic as `jackknife_interval` has it; NaN where a value is.

    References
    ----------
    Efron & Stein (1981), doi:10.1214/aos/1176345462; stratified: Jones (1974), Biometrika 61, 343-348
    """
    values = np.asarray(leave_one_out, float)
    groups = np.zeros(len(values), np.intp) if strata is None else np.unique(np.asarray(strata), return_inverse=True)[1]
    sizes = np.bincount(groups)
    if not len(values) or sizes.min() < FEWEST_IN_STRATUM[of]:
        return np.full(values.shape[1:], np.nan)
    variance = np.zeros(values.shape[1:])
    for group, size in enumerate(sizes):
        part = values[groups == group]
        variance += ((size - 1) / size if of == "mean" else 1) * ((part - part.mean(axis=0)) ** 2).sum(axis=0)
    return np.asarray(np.sqrt(variance), float)


def jackknife_interval(estimate: ArrayLike, leave_one_out: ArrayLike, *, resampled: str,
                       strata: ArrayLike | None = None, of: Literal["mean", "spread"] = "mean",
                       level: float = LEVEL) -> Interval:
    """Interval of a statistic from its jackknife standard error and Student's t.

    Parameters
    ----------
    estimate : array_like (...)
        The statistic of all units.
    leave_one_out : array_like (units, ...)
        The statistic without unit i.
    resampled, level : str, float
        What was resampled (actors, images or workers), and the nominal coverage.
    strata : array_like (units,), optional
        Units vary within their stratum and strata are fixed, such as images within fixed actors. The degrees of
        freedom are units less strata.
    of : {"mean", "spread"}
        What the statistic is made of. In a stratum of m units squared deviations of the values without one are summed
        and multiplied by (m-1)/m if it is made of means, by 1 if of squared deviations from the stratum's mean: each
        unit pulls that mean towards itself, so leaving it out shows only (m-1)/m of its part in the variance.

    Returns
    -------
    Interval (...)
        NaN where a value is, or where a stratum has fewer than 2 (for spread, 3) units.
    """
    values = np.asarray(leave_one_out, float)
    error = jackknife_standard_error(values, strata=strata, of=of)
    freedom = len(values) - (1 if strata is None else len(np.unique(np.asarray(strata))))
    half = stats.t.ppf((1 + level) / 2, max(freedom, 1)) * error
    middle = np.asarray(estimate, float)
    text = (f"undefined without one of the {resampled}, or fewer than {FEWEST_IN_STRATUM[of]} {resampled} "
            f"{'in all' if strata is None else 'in a stratum'}")
    reason = np.where(np.isnan(half + middle), text, "").astype(object)
    return Interval(middle - half, middle + half, "jackknife", resampled, level, len(values),
                    np.asarray(np.isnan(values).sum(axis=0), np.intp), reason)


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
    require_maps(values, "values", dims=("image",), named=("actor",))
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
    require_maps(values, "values", dims=("actor",))
    ordered = values.transpose("actor", ...)
    interval = t_interval(ordered.values, resampled="actors")
    defined = ordered.notnull()
    n = defined.sum("actor")
    dims = ordered.dims[1:]
    return xr.Dataset({
        "value": ordered.fillna(0.0).sum("actor") / n.where(n > 0), "ci_low": (dims, interval.low),
        "ci_high": (dims, interval.high), "n": n, "n_undefined": (~defined).sum("actor"),
        "reason": (dims, interval.reason)}, attrs={"ci_method": interval.method, "resampled": interval.resampled})


def mean_over_actors(values: xr.DataArray) -> xr.Dataset:
    """Mean over actors of the mean over each actor's images, with the actors' own beside it.

    Of values (image, ...) as for `actor_means`; gives what `population_mean` does, and over ``actor`` **actor_value**,
    **actor_n** and **actor_n_undefined** (images), and **actor_reason** where the value is NaN.
    """
    actors = actor_means(values)
    reasons = np.where(actors["n"] > 0, "", "undefined on every image of the actor")
    actors = actors.assign(reason=(actors["n"].dims, reasons))
    return population_mean(actors["value"]).assign({f"actor_{name}": actors[name] for name in actors})
