"""p-values of a whole map from the largest values under permutation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

TOLERANCE = 1e-5
"""Share of itself by which a value under permutation may be smaller and still count as equal: float32 sums err less."""
LEVEL = 0.05


def p_of_maxima(values: NDArray[np.float64], maxima: NDArray[np.float64]) -> NDArray[np.float64]:
    """Adjust many values by the largest values under permutation: (1 + how many are as large) / (1 + how many).

    Parameters
    ----------
    values : ndarray (...)
        Non-negative, as observed; NaN stays NaN.
    maxima : ndarray (B,)
        The largest over the family under each permutation.

    Returns
    -------
    ndarray (...)
        In [1 / (1 + B), 1]. The same as `max_statistic_p`, for families of any size.
    """
    ordered = np.sort(maxima)
    at_least = len(ordered) - np.searchsorted(ordered, values * (1 - TOLERANCE), side="left")
    return np.where(np.isnan(values), np.nan, (1 + at_least) / (1 + len(ordered)))


def critical_value(maxima: NDArray[np.float64], level: float = LEVEL) -> float:
    """Give the value that must be passed for an adjusted p of at most `level`; NaN where no value would do."""
    most = int(np.floor(level * (1 + len(maxima)))) - 1  # values under permutation that may be as large
    return float(np.sort(maxima)[len(maxima) - 1 - most]) if 0 <= most < len(maxima) else float("nan")
