"""Differences between estimates of two studies, each known by its value and its t interval."""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy import stats

from salcompare.errors import InputError, Problem
from salcompare.statistics.inference.resampling import LEVEL
from salcompare.statistics.kernels import Values

KNOWN = ("value", "ci_low", "ci_high", "freedom")


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
