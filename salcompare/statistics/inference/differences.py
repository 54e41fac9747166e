"""Differences of two studies' estimates, each known by its t interval, and differences too small to matter."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from salcompare.errors import InputError, Problem
from salcompare.maps.checks import require_maps
from salcompare.printing import ALPHA
from salcompare.statistics.inference.resampling import FEWEST_ACTORS, LEVEL
from salcompare.statistics.kernels import Values

KNOWN = ("value", "ci_low", "ci_high", "freedom")
VERDICTS = ("a difference", "a difference too small to matter", "no difference worth having", "inconclusive")


def independent_difference(one: xr.Dataset, other: xr.Dataset) -> xr.Dataset:
    """Welch's t test and interval of the difference between two estimates of studies that share no replicate.

    Parameters
    ----------
    one, other : Dataset (...)
        **value**, the ends **ci_low** and **ci_high** of its 95% t interval, and **freedom**, the degrees of freedom of
        that, replicates less one; dims broadcast by name.

    Returns
    -------
    Dataset (...)
        **value**, one less other, with **ci_low** and **ci_high**; **p_value**, two-sided, of the null that both
        studies estimate the same; **freedom** by Satterthwaite's formula. NaN where an interval is.

    References
    ----------
    Welch (1947), doi:10.1093/biomet/34.1-2.28
    """
    for where, given in (("one", one), ("other", other)):
        missing = [name for name in KNOWN if name not in given]
        if missing or not bool((given["freedom"] > 0).all()):
            raise InputError(Problem(where, f"no {', '.join(missing)}" if missing else "degrees of freedom not above 0",
                                     "value, ci_low, ci_high and freedom above 0"))
    parts = xr.apply_ufunc(_welch, *(given[name] for given in (one, other) for name in KNOWN), dask="parallelized",
                           output_core_dims=[["part"]], output_dtypes=[float],
                           dask_gufunc_kwargs={"output_sizes": {"part": 5}})
    names = ("value", "ci_low", "ci_high", "p_value", "freedom")
    return xr.Dataset({name: parts.isel(part=at) for at, name in enumerate(names)})


def _welch(value: Values, low: Values, high: Values, freedom: Values,
           other: Values, other_low: Values, other_high: Values, other_freedom: Values) -> Values:
    """Give difference, its interval, p and degrees of freedom, (...) each -> (..., 5)."""
    tail = (1 + LEVEL) / 2
    variances = [((top - bottom) / 2 / stats.t.ppf(tail, df)) ** 2 for bottom, top, df in (
        (low, high, freedom), (other_low, other_high, other_freedom))]
    total = variances[0] + variances[1]
    with np.errstate(divide="ignore", invalid="ignore"):
        df = total**2 / (variances[0] ** 2 / freedom + variances[1] ** 2 / other_freedom)
        t = np.abs(value - other) / np.sqrt(total)
    half = stats.t.ppf(tail, df) * np.sqrt(total)
    difference = value - other
    return np.stack([difference, difference - half, difference + half, 2 * stats.t.sf(t, df), df], axis=-1)


def equivalence(values: xr.DataArray, *, smallest: float) -> xr.Dataset:
    """Test whether a mean over actors lies within a smallest effect of interest of 0, on either side of it.

    Parameters
    ----------
    values : DataArray (actor, ...)
        One value an actor, such as a difference of two classifiers'; NaN ones are left out.
    smallest : float
        The smallest effect of interest, above 0, in the values' unit; NaN where it is not known.

    Returns
    -------
    Dataset (...)
        **p_equivalence**, the larger p of two one-sided t tests over actors: below 0.05 where the 90% interval lies
        within the smallest effect. NaN with fewer than eight actors, or where `smallest` is not known.

    References
    ----------
    Schuirmann (1987), doi:10.1007/BF01068419; Lakens (2017), doi:10.1177/1948550617697177
    """
    if smallest <= 0:
        raise InputError(Problem("smallest", repr(smallest), "above 0", "state the smallest effect of interest"))
    require_maps(values, "values", dims=("actor",))
    data = values.transpose("actor", ...).to_numpy().astype(np.float64)
    n = (~np.isnan(data)).sum(axis=0)
    enough = n >= FEWEST_ACTORS
    safe = np.where(enough, n, 2)
    mean = np.nansum(data, axis=0) / safe
    error = np.sqrt(np.nansum((data - mean) ** 2, axis=0) / (safe - 1) / safe)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = (smallest - np.abs(mean)) / error
    p = np.where(enough, stats.t.sf(t, safe - 1), np.nan)
    return xr.Dataset({"p_equivalence": (values.transpose("actor", ...).dims[1:], p)})


def verdict(p_value: ArrayLike, p_equivalence: ArrayLike, *, alpha: float = ALPHA) -> NDArray[np.str_]:
    """Give one of `VERDICTS` for a test against 0 and one against the smallest effect of interest, at level `alpha`.

    Evidence against 0 alone is "a difference"; with evidence that it is smaller than the smallest effect of interest,
    "a difference too small to matter"; the latter alone is "no difference worth having"; neither, as where both p are
    NaN, is "inconclusive".
    """
    differs, small = (np.asarray(p, float) <= alpha for p in (p_value, p_equivalence))
    return np.asarray(VERDICTS)[np.where(differs, np.where(small, 1, 0), np.where(small, 2, 3))]
