"""Areas under the ROC curve, by sorting values and marks of positive pixels together as whole numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from salcompare.statistics.kernels import Values

_AT_ONCE = 8
_COLUMNS = 256
_ONE = np.uint32(1)
_ONE_AS_FLOAT = np.float32(1).view(np.uint32)
_INFINITY = np.float32(np.inf).view(np.uint32)  # the bits of NaN are larger


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
    The bits of a float32 that is not negative, shifted by one (which drops the sign of -0), leave room for the mark
    of a positive pixel, so that values and marks are sorted together as whole numbers of 32 bits. A few rows at a
    time go through the same memory: fresh memory for each step would cost half as much as the sorting.
    """
    n = rows.shape[-1]
    bits, marks = rows.view(np.uint32).reshape(-1, n), positive.reshape(-1, n)
    areas = np.empty(len(bits))
    area = _Areas(min(_AT_ONCE, len(bits)), n)
    for start in range(0, len(bits), _AT_ONCE):
        some = slice(start, start + _AT_ONCE)
        areas[some] = area(bits[some], marks[some])
    return areas.reshape(rows.shape[:-1])


class _Areas:
    """Areas of up to `m` rows of `n` pixels, in memory that one call after another writes over."""

    def __init__(self, m: int, n: int) -> None:
        self.sorted = np.empty((m, n), np.uint32)
        self.work = np.empty((m, n), np.uint32)
        self.meets = np.empty((m, max(n - 1, 0)), np.bool_)
        self.in_table = n // _COLUMNS * _COLUMNS

    def __call__(self, bits: NDArray[np.uint32], positive: NDArray[np.bool_]) -> Values:
        m = len(bits)
        ordered, work, meets = self.sorted[:m], self.work[:m], self.meets[:m]
        np.left_shift(bits, _ONE, out=ordered)
        np.bitwise_or(ordered, positive.view(np.uint8), out=ordered)
        ordered.sort(axis=-1)
        np.bitwise_and(ordered, _ONE, out=work)
        np.multiply(work, _ONE_AS_FLOAT, out=work)  # faster than a cast
        n_positive, places = self._count_and_sum_of_places(work.view(np.float32))
        won = places - n_positive * (n_positive - 1) / 2  # of equal values negative pixels stand first
        steps = np.bitwise_xor(ordered[:, 1:], ordered[:, :-1], out=work[:, 1:])
        np.equal(steps, _ONE, out=meets)  # where the negative pixels of a run of equal values end
        ties = np.array([_ties(row, 1 + np.flatnonzero(at)) for row, at in zip(ordered, meets, strict=True)])
        pairs = n_positive * (bits.shape[-1] - n_positive)
        smallest, largest = ordered[:, 0] >> _ONE, ordered[:, -1] >> _ONE
        defined = (pairs > 0) & (smallest != largest) & (largest <= _INFINITY)
        area: Values = (won - ties / 2) / np.where(defined, pairs, np.nan)
        return area

    def _count_and_sum_of_places(self, marks: NDArray[np.float32]) -> tuple[Values, Values]:
        """How many marks of each row are 1, and the sum of their places.

        As products of rows of a table with its columns' places, whose sums a float32 holds exactly.
        """
        table = marks[:, :self.in_table].reshape(len(marks), -1, _COLUMNS)
        columns = np.stack([np.ones(_COLUMNS), np.arange(_COLUMNS)], axis=1, dtype=np.float32)
        in_rows, in_columns = np.moveaxis((table @ columns).astype(np.float64), -1, 0)
        rest = marks[:, self.in_table:].astype(np.float64)
        starts = _COLUMNS * np.arange(table.shape[1], dtype=np.float64)
        last = np.arange(self.in_table, marks.shape[1], dtype=np.float64)
        count: Values = in_rows.sum(axis=-1) + rest.sum(axis=-1)
        places: Values = in_rows @ starts + in_columns.sum(axis=-1) + rest @ last
        return count, places


def _ties(ordered: NDArray[np.uint32], meets: NDArray[np.intp]) -> float:
    """Pairs of a positive and a negative pixel of equal value."""
    if not meets.size:
        return 0.0
    first = ordered[meets]
    after, before = np.searchsorted(ordered, first, "right"), np.searchsorted(ordered, first - _ONE, "left")
    return float(((after - meets) * (meets - before)).sum())
