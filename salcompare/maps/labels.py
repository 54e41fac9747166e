"""The order in which actors stand: numbers inside names count as numbers, so that s2 comes before s10."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from salcompare.ordering import natural_key


def natural_order(values: Iterable[object]) -> NDArray[Any]:
    """Distinct labels in their natural order.

    Parameters
    ----------
    values : iterable
        Labels, repeated in any order; texts or numbers.

    Returns
    -------
    ndarray
        Each label once; texts with the numbers in them compared as numbers.
    """
    distinct = np.unique(np.asarray(list(values)))
    if distinct.dtype.kind not in "OSU":
        return distinct
    return np.array(sorted(distinct.tolist(), key=natural_key), dtype=distinct.dtype)
