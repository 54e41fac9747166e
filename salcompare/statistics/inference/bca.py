"""The bias-corrected and accelerated bootstrap interval."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from salcompare.errors import InputError, Problem
from salcompare.statistics.inference.resampling import LEVEL, Interval, percentile_interval


def bca_interval(estimate: ArrayLike, draws: ArrayLike, leave_one_out: ArrayLike, *, resampled: str,
                 level: float = LEVEL) -> Interval:
    """Bias-corrected and accelerated interval from bootstrap draws.

    Parameters
    ----------
    estimate : array_like (...)
        The statistic of all units.
    draws : array_like (n_resamples, ...)
        The statistic in each resample; NaN where the resample leaves it undefined.
    leave_one_out : array_like (units, ...)
        The statistic without unit i.
    resampled : str
        What was resampled.
    level : float
        Nominal coverage.

    Returns
    -------
    Interval (...)
        Quantiles of the defined draws at levels that correct for median bias and skewness. NaN where fewer than half
        of the draws are defined, where all of them lie on one side of the estimate, or where the statistic without
        some unit is undefined.

    Raises
    ------
    InputError
        If there are no draws.

    Notes
    -----
    It mends skewness, not smallness: with few units it covers as little as the percentile interval.

    References
    ----------
    Efron (1987), doi:10.1080/01621459.1987.10478410
    """
    values, middle = np.asarray(draws, float), np.asarray(estimate, float)
    if not len(values):
        raise InputError(Problem("n_resamples", "0", "at least 1", "draw some"))
    plain = percentile_interval(values, resampled=resampled, level=level)
    defined = ~np.isnan(values)
    below = ((values < middle) & defined).sum(axis=0) + ((values <= middle) & defined).sum(axis=0)
    bias = stats.norm.ppf(below / (2 * np.maximum(defined.sum(axis=0), 1)))
    turned = acceleration(leave_one_out)
    known = np.isfinite(bias) & np.isfinite(turned) & ~np.isnan(plain.low) & ~np.isnan(middle)
    bias = np.where(known, bias, 0)
    ends = []
    for tail in ((1 - level) / 2, (1 + level) / 2):
        shifted = bias + stats.norm.ppf(tail)
        ends.append(stats.norm.cdf(bias + shifted / (1 - turned * shifted)))
    low, high = (_quantiles(values, np.where(known, end, np.nan)) for end in ends)
    why = f"draws on one side of the estimate, or undefined without one of the {resampled}"
    reason = np.where(known, "", np.where(plain.reason != "", plain.reason, why))
    return Interval(low, high, "bca", resampled, level, len(values), plain.n_undefined, reason.astype(object))


def acceleration(leave_one_out: ArrayLike) -> NDArray[np.float64]:
    """Skewness of a statistic's jackknife values, (units, ...) -> (...), over 6; 0 where they do not vary."""
    values = np.asarray(leave_one_out, float)
    pull = values.mean(axis=0) - values
    spread = (pull**2).sum(axis=0) ** 1.5
    return np.asarray((pull**3).sum(axis=0) / np.where(spread == 0, 1, 6 * spread), float)


def _quantiles(values: NDArray[np.float64], levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give of each column its own quantile; NaN where the level is."""
    columns, wanted = values.reshape(len(values), -1), levels.ravel()
    found = [np.nan if np.isnan(level) else np.nanquantile(column, level)
             for column, level in zip(columns.T, wanted, strict=True)]
    return np.array(found).reshape(levels.shape)
