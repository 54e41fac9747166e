"""The order in which actors stand: numbers inside names count as numbers, so that s2 comes before s10."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

_DIGITS = re.compile(r"(\d+)")


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


def natural_key(value: object) -> tuple[tuple[tuple[int, int, str], ...], str]:
    """Sort key of one label: its parts, numbers before texts, then the label itself."""
    text = str(value)
    parts = (part for part in _DIGITS.split(text) if part)
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts), text
