"""The order of a map's pixels: ranks, weights below, and areas under the ROC curve."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from salcompare.statistics.kernels import Values

OfRuns = Callable[[NDArray[np.intp], NDArray[np.intp]], Values]
"""Given the order of a row's pixels and the edges of its runs of equal values: one value a run."""

_COLUMNS = 256
_INFINITY = np.float32(np.inf).view(np.uint32)  # the bits of NaN are larger


def midranks(rows: NDArray[np.floating]) -> Values:
    """Ranks from 1 along the last axis, tied values at their mean rank; NaN where a row holds NaN."""
    return _by_runs(rows, _middle)


def unit_ranks(rows: NDArray[np.floating]) -> Values:
    """Midranks less their mean, scaled to unit norm; NaN where a row is constant or holds NaN."""
    return _by_runs(rows, _unit)


def cumulative_weights(rows: NDArray[np.floating], weights: Values) -> Values:
    """For each value of a row the weight of smaller ones plus half that of equal ones, itself included.

    Parameters
    ----------
    rows : array (..., p)
        Values to be ordered.
    weights : array (p,)
        Of the positions, the same for all rows.

    Returns
    -------
    array (..., p)
        NaN where a row holds NaN.
    """
    def middle(order: NDArray[np.intp], edges: NDArray[np.intp]) -> Values:
        below = np.concatenate([[0.0], np.cumsum(weights[order])])[edges]
        halfway: Values = (below[:-1] + below[1:]) / 2
        return halfway

    return _by_runs(rows, middle)


def auc(rows: NDArray[np.float32], positive: NDArray[np.bool_]) -> Values:
    """Share of the pairs of a positive and a negative pixel in which the positive one is larger, ties one half.

    Parameters
    ----------
    rows : array (..., p), float32
        No negative value.
    positive : array (..., p)
        Of the same shape.

    Returns
    -------
    array (...)
        NaN where a row is constant or holds NaN, and where all pixels or none are positive.

    Notes
    -----
    The bits of a float32 that is not negative, shifted by one, leave room for the mark of a positive pixel, so that
    values and marks are sorted together as whole numbers of 32 bits: six times as fast as ranking.
    """
    marked = (rows + np.float32(0)).view(np.uint32)  # + 0 turns -0 into 0
    marked <<= np.uint32(1)
    marked |= positive
    marked.sort(axis=-1)
    areas = [_auc(row) for row in marked.reshape(-1, rows.shape[-1])]
    return np.array(areas, dtype=np.float64).reshape(rows.shape[:-1])


def _auc(marked: NDArray[np.uint32]) -> float:
    marks = marked & np.uint32(1)
    n_positive, places = _count_and_sum_of_places(marks)
    n_negative = marked.size - n_positive
    constant, missing = marked[0] >> 1 == marked[-1] >> 1, marked[-1] >> 1 > _INFINITY
    if constant or missing or not n_positive or not n_negative:
        return np.nan
    won = float(places - n_positive * (n_positive - 1) // 2)  # of equal values negative pixels stand first
    meets = 1 + np.flatnonzero((np.diff(marked) == 1) & (marks[1:] == 1))  # where the negative ones of a run end
    if meets.size:
        first = marked[meets]
        after, before = np.searchsorted(marked, first, "right"), np.searchsorted(marked, first - np.uint32(1), "left")
        won -= float(((after - meets) * (meets - before)).sum()) / 2
    return won / (n_positive * n_negative)


def _count_and_sum_of_places(marks: NDArray[np.uint32]) -> tuple[int, int]:
    """How many of the marks are 1, and the sum of their places, in rows of a table: twice as fast as listing them."""
    whole = marks.size // _COLUMNS * _COLUMNS
    table = marks[:whole].reshape(-1, _COLUMNS)
    in_rows, in_columns = (table.sum(axis=axis, dtype=np.uint32).astype(np.int64) for axis in (1, 0))
    rest = np.flatnonzero(marks[whole:]) + whole
    starts = _COLUMNS * np.arange(len(table))
    return int(in_rows.sum()) + rest.size, int(starts @ in_rows + np.arange(_COLUMNS) @ in_columns + rest.sum())


def _middle(order: NDArray[np.intp], edges: NDArray[np.intp]) -> Values:  # noqa: ARG001 - an OfRuns
    return (edges[:-1] + edges[1:] + 1) / 2


def _unit(order: NDArray[np.intp], edges: NDArray[np.intp]) -> Values:  # noqa: ARG001 - an OfRuns
    doubled = (edges[:-1] + edges[1:] - edges[-1]).astype(np.float64)  # twice the midrank less twice the mean
    norm = np.sqrt(doubled**2 @ np.diff(edges))
    scaled: Values = doubled / (norm or np.nan)
    return scaled


def _by_runs(rows: NDArray[np.floating], of_runs: OfRuns) -> Values:
    """Give every pixel the value of its run of equal values in the row's order."""
    out = np.empty(rows.shape, dtype=np.float64)
    n = rows.shape[-1]
    positions, packed = np.arange(n, dtype=np.uint64), np.empty(n, np.uint64)
    for target, row in zip(out.reshape(-1, n), rows.reshape(-1, n), strict=True):
        order, differs = (_packed_order(row, positions, packed) if row.dtype == np.float32 else _order(row))
        edges = np.concatenate([[0], np.flatnonzero(differs) + 1, [n]])  # where each run starts, and the end
        values = of_runs(order, edges)
        target[order] = values if values.size == n else np.repeat(values, np.diff(edges))
    out[np.isnan(rows).any(axis=-1)] = np.nan
    return out


def _order(row: NDArray[np.floating]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Positions in ascending order of their values, and whether each value differs from the one before it."""
    order = np.argsort(row)
    values = row[order]
    return order, values[1:] != values[:-1]


def _packed_order(row: NDArray[np.float32], positions: NDArray[np.uint64],
                  packed: NDArray[np.uint64]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Do as `_order` does, by sorting value and position as one whole number: four times as fast as argsort.

    `packed` is written over, row by row: taking fresh memory for each row would cost as much as the sorting.
    """
    bits = (row + np.float32(0)).view(np.uint32)  # + 0 turns -0 into 0
    if bits.max() >> 31:  # negative values, whose bits run the other way
        bits = np.where(bits >> 31, ~bits, bits | np.uint32(1 << 31))
    packed[:] = bits
    packed <<= np.uint64(32)
    packed |= positions
    packed.sort()
    order = (packed & np.uint64(0xFFFFFFFF)).astype(np.intp)
    packed >>= np.uint64(32)
    return order, packed[1:] != packed[:-1]
