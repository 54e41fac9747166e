"""The interval of a ratio whose numerator and denominator are both estimated."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from salcompare.phrases import counted
from salcompare.statistics.inference.resampling import FEWEST_ACTORS, LEVEL, Interval

UNBOUNDED = "the denominator's interval holds 0"


def fieller_interval(numerator: ArrayLike, denominator: ArrayLike, *, variances: tuple[ArrayLike, ArrayLike, ArrayLike],
                     freedom: int, resampled: str, n_resamples: int, level: float = LEVEL,
                     method: Literal["Fieller", "crossed Fieller"] = "Fieller") -> Interval:
    """Fieller's interval of a ratio: all values r for which numerator - r denominator is compatible with 0.

    Parameters
    ----------
    numerator, denominator : array_like (...)
        Their estimates.
    variances : tuple of array_like (...)
        Variance of the numerator, variance of the denominator, and their covariance, from joint resamples.
    freedom : int
        Degrees of freedom of the variances.
    resampled : str
        What was resampled.
    n_resamples : int
        How often.
    level : float
        Nominal coverage.
    method : {"Fieller", "crossed Fieller"}
        What the interval says of itself: whether the variances are those of crossed replicates.

    Returns
    -------
    Interval (...)
        NaN where the denominator's own t interval holds 0 (then no value of the ratio can be ruled out), where a
        variance is not above 0, and with fewer than `FEWEST_ACTORS` - 1 degrees of freedom.

    Notes
    -----
    Draws of the ratio itself have no variance where draws of the denominator come near 0; this needs none.

    References
    ----------
    Fieller (1954), doi:10.1111/j.2517-6161.1954.tb00159.x
    """
    top, bottom, of_top, of_bottom, joint = (np.asarray(part, float) for part in (numerator, denominator, *variances))
    enough = freedom >= FEWEST_ACTORS - 1
    t2 = float(stats.t.ppf((1 + level) / 2, max(freedom, 1))) ** 2
    square = bottom**2 - t2 * of_bottom
    mixed = top * bottom - t2 * joint
    under_root = mixed**2 - square * (top**2 - t2 * of_top)
    positive = (of_top > 0) & (of_bottom > 0)
    bounded = positive & (square > 0)
    known = bounded & (under_root > 0) & enough
    safe, root = np.where(known, square, np.nan), np.sqrt(np.where(known, under_root, np.nan))
    reason = np.select([np.broadcast_to(not enough, known.shape), np.isnan(square), ~positive, ~bounded, ~known], [
        f"{counted(freedom, 'degree')} of freedom ({resampled}); an interval needs {FEWEST_ACTORS - 1}", "no estimate",
        "a variance is not above 0", UNBOUNDED, "the variances contradict each other"], default="")
    return Interval((mixed - root) / safe, (mixed + root) / safe, method, resampled, level, n_resamples,
                    np.zeros(known.shape, np.intp), reason.astype(object))
