"""Many tests at once: p-values adjusted over a family, which is one dimension of an array.

A family is one statistic, metric and contrast over its actors, labels or pixels. Whoever reads an adjusted p must know
which family it belongs to and how large that is, so both stand in its attrs.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import xarray as xr

from salcompare.errors import InputError, Problem
from salcompare.printing import ALPHA
from salcompare.statistics.kernels import Values

TOLERANCE = 1e-5
"""Share of itself by which a value under permutation may be smaller and still count as equal: float32 sums err less."""
Method = Literal["holm", "bh", "by"]
CONTROLS: dict[Method, str] = {
    "holm": "family-wise error rate, whatever the dependence between tests",
    "bh": "false discovery rate, if tests are independent or positively dependent",
    "by": "false discovery rate, whatever the dependence between tests",
}


def adjust_p(p: xr.DataArray, dim: str, *, method: Method = "holm") -> xr.DataArray:
    """Adjust p-values over one dimension.

    Parameters
    ----------
    p : DataArray (..., dim)
        In [0, 1], else `InputError`; NaN ones are no tests: they stay NaN and do not count.
    dim : str
        The family, `InputError` if there is none such. Other dims are families of their own.
    method : {"holm", "bh", "by"}
        Holm controls the family-wise error rate; Benjamini-Hochberg and Benjamini-Yekutieli the false discovery rate.

    Returns
    -------
    DataArray (..., dim)
        Adjusted p, never below p, with attrs ``method``, ``controls`` and ``family`` (the dim); `family_size` counts
        the tests.

    References
    ----------
    Holm (1979), doi:10.2307/4615733; Benjamini & Hochberg (1995), doi:10.1111/j.2517-6161.1995.tb02031.x;
    Benjamini & Yekutieli (2001), doi:10.1214/aos/1013699998
    """
    _check(p, dim, method)
    adjusted: xr.DataArray = xr.apply_ufunc(
        _adjusted, p, kwargs={"method": method}, input_core_dims=[[dim]], output_core_dims=[[dim]],
        vectorize=True, dask="parallelized", output_dtypes=[np.float64],
    ).transpose(*p.dims)
    return adjusted.assign_attrs(method=method, controls=CONTROLS[method], family=dim)


def family_size(p: xr.DataArray, dim: str) -> xr.DataArray:
    """Count the tests of each family: the p-values along `dim` that are defined."""
    return p.notnull().sum(dim)


def p_of_maxima(values: Values, maxima: Values) -> Values:
    """Adjust values (...) by the largest under each permutation (B,): (1 + how many are as large) / (1 + B), or NaN.

    Family-wise (Westfall & Young 1993), in the strong sense where the joint distribution of the true nulls' statistics
    does not depend on the others (subset pivotality).
    """
    ordered = np.sort(maxima)
    least = values * np.where(values < 0, 1 + TOLERANCE, 1 - TOLERANCE)
    at_least = len(ordered) - np.searchsorted(ordered, least, side="left")
    return np.where(np.isnan(values), np.nan, (1 + at_least) / (1 + len(ordered)))


def critical_value(maxima: Values, level: float = ALPHA) -> float:
    """Give the value that must be passed for an adjusted p of at most `level`; NaN where no value would do."""
    most = int(np.floor(level * (1 + len(maxima)))) - 1  # values under permutation that may be as large
    return float(np.sort(maxima)[len(maxima) - 1 - most]) if 0 <= most < len(maxima) else float("nan")


def _adjusted(p: Values, method: Method) -> Values:
    """Adjust the defined values of one family.

    Written out: statsmodels' multipletests collects the interpreter's garbage at each call, which with a study in
    memory takes a quarter of a second a family.
    """
    adjusted = np.full(p.shape, np.nan)
    order = np.argsort(p, kind="stable")[:np.count_nonzero(~np.isnan(p))]  # NaN comes last
    rank = np.arange(1, order.size + 1)
    if method == "holm":
        raised = np.maximum.accumulate((order.size + 1 - rank) * p[order])
    else:
        factor = float((1 / rank).sum()) if method == "by" else 1.0
        raised = np.minimum.accumulate((factor * order.size / rank * p[order])[::-1])[::-1]
    adjusted[order] = np.minimum(raised, 1)
    return adjusted


def _check(p: xr.DataArray, dim: str, method: str) -> None:
    problems = []
    if method not in CONTROLS:
        problems.append(Problem("method", repr(method), "one of " + ", ".join(CONTROLS)))
    if dim not in p.dims:
        problems.append(Problem("p-values", f"dims {p.dims}", f"a dim {dim!r}, the family"))
    outside = int(((p < 0) | (p > 1)).sum())
    if outside:
        problems.append(Problem("p-values", f"{outside} outside [0, 1]", "probabilities"))
    if problems:
        raise InputError(problems)
