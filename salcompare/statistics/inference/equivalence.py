"""Whether a difference is too small to matter: two one-sided tests, and the verdict that they and a p-value give."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from salcompare.errors import InputError, Problem
from salcompare.maps.checks import require_maps
from salcompare.printing import ALPHA
from salcompare.statistics.inference.resampling import FEWEST_ACTORS

VERDICTS = ("a difference", "a difference too small to matter", "no difference worth having", "inconclusive")


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
