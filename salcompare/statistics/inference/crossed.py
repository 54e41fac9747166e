"""Intervals from variances of crossed replicates, such as workers who each saw many images.

Resampling workers alone takes the images as given, resampling images alone the workers. Resampling both at once counts
what belongs to a single worker on a single image three times. The right combination of the three variances counts each
part once.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from salcompare.printing import counted
from salcompare.statistics.inference.resampling import FEWEST_ACTORS, LEVEL, Interval, jackknife_standard_error
from salcompare.statistics.kernels import Codes, Values


def crossed_variance(first: ArrayLike, second: ArrayLike, both: ArrayLike) -> Values:
    """Variance of a statistic whose replicates are crossed: 2 (V_first + V_second) - V_both, not below either.

    Parameters
    ----------
    first, second, both : array_like (n_resamples, ...)
        Draws of the statistic.

    Returns
    -------
    ndarray (...)
        Where the combination is above 0, at least V_first and V_second, as the truth is; not above 0 where the
        combination is not, and NaN where fewer than half of the draws are defined.

    Notes
    -----
    Of a mean of values that are sums of a part of the first kind (variance a), of the second (b) and of the cell (c),
    with n and m replicates, the truth is a/n + b/m + c/nm. With one draw fewer than there are replicates
    (``bootstrap_weights(..., fewer=1)``) V_first expects a/n + c/nm, V_second b/m + c/nm, and V_both a/n + b/m +
    3c/nm, so that the combination is unbiased for any n and m; with as many draws as replicates for large ones only.
    The combination and its bounds are those of Schütt et al. (2023), doi:10.7554/eLife.82566, and their toolbox.
    """
    of_first, of_second, of_both = (_variance(np.asarray(draws, float)) for draws in (first, second, both))
    combined = 2 * (of_first + of_second) - of_both
    return np.asarray(np.where(combined > 0, np.maximum(combined, np.maximum(of_first, of_second)), combined), float)


def crossed_jackknife_variance(first: ArrayLike, second: ArrayLike, cells: ArrayLike) -> Values:
    """Variance of a statistic whose replicates are crossed, from its values without each of them: V + V - V of cells.

    Parameters
    ----------
    first, second : array_like (n, ...), (m, ...)
        The statistic without each replicate of the first kind, and without each of the second.
    cells : array_like (k, ...)
        The statistic without what one replicate of the second kind has in common with one of the first, such as what a
        worker did on an actor.

    Returns
    -------
    ndarray (...)
        At least V of the first kind; NaN where the statistic is undefined without one of them.

    Notes
    -----
    Of a mean as in `crossed_variance` it expects (a + b)/nm less than the truth: little unless both kinds are few.

    References
    ----------
    Owen (2007), doi:10.1214/07-AOAS122; Cameron, Gelbach & Miller (2011), doi:10.1198/jbes.2010.07136
    """
    of_first, of_second, of_cells = (jackknife_standard_error(part) ** 2 for part in (first, second, cells))
    return np.asarray(np.maximum(of_first + of_second - of_cells, of_first), float)


def crossed_interval(estimate: ArrayLike, first: ArrayLike, second: ArrayLike, both: ArrayLike, *, freedom: int,
                     resampled: str, level: float = LEVEL) -> Interval:
    """Student's t interval of a statistic whose two kinds of replicate are crossed.

    Parameters
    ----------
    estimate : array_like (...)
        The statistic of all replicates.
    first, second, both : array_like (n_resamples, ...)
        Its draws with the first kind of replicate resampled, with the second, and with both, from
        ``bootstrap_weights(..., fewer=1)``.
    freedom : int
        Degrees of freedom: the smaller number of replicates less one, or, within strata, less the number of strata.
    resampled, level : str, float
        What was resampled, and the nominal coverage.

    Returns
    -------
    Interval (...)
        From `crossed_variance`. NaN where 2 (V_first + V_second) - V_both is not above 0, where fewer than half of the
        draws are defined, and everywhere if there are fewer than `FEWEST_ACTORS` - 1 degrees of freedom.

    Notes
    -----
    For means of crossed normal parts with 20 workers it covered 95 to 96.5% of 2,500 simulations with 8, 17 and 40
    actors each, where a t interval over the actors alone covered 64 to 95%, the less the more workers differ.

    References
    ----------
    Schütt et al. (2023), doi:10.7554/eLife.82566
    """
    return t_interval_of(estimate, crossed_variance(first, second, both), freedom=freedom, resampled=resampled,
                         level=level, n_resamples=len(np.asarray(both)), method="crossed t",
                         n_undefined=np.isnan(np.asarray(both, float)).sum(axis=0))


def t_interval_of(estimate: ArrayLike, variance: ArrayLike, *, freedom: int, resampled: str, level: float,
                  n_resamples: int, method: Literal["t", "crossed t"], n_undefined: Codes) -> Interval:
    """Student's t interval from an estimate (...) and its variance (...); NaN where that is not above 0."""
    middle, spread = np.asarray(estimate, float), np.asarray(variance, float)
    enough = freedom >= FEWEST_ACTORS - 1
    known = (spread > 0) & enough & ~np.isnan(middle)
    half = stats.t.ppf((1 + level) / 2, max(freedom, 1)) * np.sqrt(np.where(known, spread, np.nan))
    reason = _reasons(freedom, resampled, {
        "no estimate": np.isnan(middle), "undefined in most resamples": np.isnan(spread),
        "the variance is not above 0": ~known})
    return Interval(middle - half, middle + half, method, resampled, level, n_resamples,
                    np.asarray(n_undefined, np.intp), reason)


def _reasons(freedom: int, resampled: str, of: dict[str, NDArray[np.bool_]]) -> NDArray[np.object_]:
    """Give the first reason that holds (...), few degrees of freedom before all others; empty where none does."""
    few = f"{counted(freedom, 'degree')} of freedom ({resampled}); an interval needs {FEWEST_ACTORS - 1}"
    holds = np.broadcast_arrays(freedom < FEWEST_ACTORS - 1, *of.values())
    return np.select(holds, [few, *of], default="").astype(object)


def _variance(draws: Values) -> Values:
    """Variance over the first axis of draws that are defined; NaN where fewer than half of them are."""
    defined = ~np.isnan(draws)
    n = defined.sum(axis=0)
    apart = np.where(defined, draws - np.where(defined, draws, 0).sum(axis=0) / np.maximum(n, 1), 0)
    return np.asarray(np.where(2 * n >= len(draws), (apart**2).sum(axis=0) / np.maximum(n - 1, 1), np.nan), float)
