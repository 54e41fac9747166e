"""Overlap of two maps by the order of their pixels: top areas, rank correlation and areas under the ROC curve.

What was chosen where tools disagree is said in `salcompare.statistics.metrics`, and where each comes from in
`registry.METRICS`. In the shuffled AUCs an image's own positive pixels are included, as usual, so that 1 is out of
reach where people mark the same places in all images. A map's tied boundary pixels are weighed instead of chosen
(`salcompare.maps.tied_weights`), so areas are fuzzy sets: a pixel is shared by as much as the smaller of its two
weights, and a map shares all of its area with itself.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from salcompare.errors import InputError, Problem
from salcompare.maps import tied_weights
from salcompare.maps.checks import require_maps, require_share
from salcompare.statistics.kernels import GRID, Maps, Values, compare, dot, flat, in_blocks, is_constant

SHARE = 0.05
POSITIVE_SHARE = 0.20
TOLERANCE = 15 / 224
"""Of the pointing game, as a share of the grid's width."""
_AREAS_AT_ONCE = 32  # the kernel works in memory of its own, which a larger block uses for longer
_ROWS_AT_ONCE = 8
_COLUMNS = 256
_ONE = np.uint32(1)
_ONE_AS_FLOAT = np.float32(1).view(np.uint32)
_INFINITY = np.float32(np.inf).view(np.uint32)  # the bits of NaN are larger
OfRuns = Callable[[NDArray[np.intp], NDArray[np.intp]], Values]
"""Given the order of a row's pixels and the edges of its runs of equal values: one value a run."""


def iou(a: xr.DataArray, b: xr.DataArray, *, share: float = SHARE) -> xr.DataArray:
    """Intersection over union of the top shares of two maps (Jaccard index).

    Parameters
    ----------
    a, b : DataArray (..., y, x)
        Maps on one grid; other dims broadcast by name.
    share : float
        Of the pixels, in both maps.

    Returns
    -------
    DataArray (...)
        In [0, 1]; 1 for maps with the same top share; share / (2 - share) where areas meet by chance. NaN where a
        map is constant or holds NaN.
    """
    return _compare_areas(lambda shared, both: shared / (both - shared), a, b, share)


def dice(a: xr.DataArray, b: xr.DataArray, *, share: float = SHARE) -> xr.DataArray:
    """Share of the top share of one map that lies in that of the other (Dice coefficient at equal areas).

    Parameters
    ----------
    a, b, share
        As for `iou`.

    Returns
    -------
    DataArray (...)
        In [0, 1]; 1 for maps with the same top share; `share` where areas meet by chance. NaN as in `iou`.
    """
    return _compare_areas(lambda shared, both: 2 * shared / both, a, b, share)


def spearman(a: xr.DataArray, b: xr.DataArray) -> xr.DataArray:
    """Spearman rank correlation of two maps over pixels, tied pixels at their mean rank.

    Parameters
    ----------
    a, b : DataArray (..., y, x)
        Maps on one grid; other dims broadcast by name.

    Returns
    -------
    DataArray (...)
        In [-1, 1]; 1 for maps that order pixels alike. NaN where a map is constant or holds NaN.
    """
    return compare(_spearman, a, b)


def auc_judd(fixations: xr.DataArray, classifier: xr.DataArray) -> xr.DataArray:
    """Probability that the classifier ranks the pixel of a fixation above a pixel drawn from the whole map.

    Parameters
    ----------
    fixations : DataArray (..., y, x), whole numbers
        How many fixations lie on each pixel, such as `salcompare.maps.fixation_counts` gives them: a pixel that was
        fixated three times counts three times.
    classifier : DataArray (..., y, x)
        Maps on the same grid; other dims broadcast by name.

    Returns
    -------
    DataArray (...)
        In [0, 1]; 0.5 is chance, ties count one half. No value is perfect, as fixated pixels are among those drawn.
        NaN where a map is constant or holds NaN, and where an image has no fixation.

    Raises
    ------
    InputError
        If `fixations` are no whole numbers, as coverage is not: `auc_top20` is for that.
    """
    return compare(_auc_judd, _require_fixations(fixations, "auc_judd", "auc_top20"), classifier)


def auc_shuffled(fixations: xr.DataArray, classifier: xr.DataArray) -> xr.DataArray:
    """Probability that the classifier ranks the pixel of a fixation above that of a fixation on another image.

    Parameters
    ----------
    fixations : DataArray (image, ..., y, x), whole numbers
        How many fixations lie on each pixel of each image that negatives come from, as in `auc_judd`.
    classifier : DataArray (..., y, x)
        Maps on the same grid; other dims broadcast by name.

    Returns
    -------
    DataArray (...)
        As for `auc_top20_shuffled`; NaN where no other image has a fixation, too.

    Raises
    ------
    InputError
        If `fixations` have no dim ``image``, or are no whole numbers: `auc_top20_shuffled` is for coverage.
    """
    _require_images(fixations, "auc_shuffled")
    counts = _require_fixations(fixations, "auc_shuffled", "auc_top20_shuffled")
    return compare(_auc_shuffled, counts, classifier, counts.sum("image"))


def auc_top20(human: xr.DataArray, classifier: xr.DataArray) -> xr.DataArray:
    """Probability that the classifier ranks a pixel of people's top share above one outside it.

    Parameters
    ----------
    human, classifier : DataArray (..., y, x)
        Maps on one grid, `human` such as coverage, of which the top 20%, tied pixels included, are positive; other
        dims broadcast by name.

    Returns
    -------
    DataArray (...)
        In [0, 1]; 0.5 is chance, 1 is perfect and what a map has with itself. NaN where a map is constant or holds NaN.
        It is not the AUC of fixations: areas of a fifth of the map are easier to find than single places.
    """
    return compare(_auc_top20, positives(human), classifier, block=_AREAS_AT_ONCE)


def auc_top20_shuffled(human: xr.DataArray, classifier: xr.DataArray) -> xr.DataArray:
    """Probability that the classifier ranks a pixel of people's top share above one of the other images' top shares.

    Parameters
    ----------
    human : DataArray (image, ..., y, x)
        People's maps of all images that negatives come from; positive as in `auc_top20`.
    classifier : DataArray (..., y, x)
        Maps on the same grid; other dims broadcast by name.

    Returns
    -------
    DataArray (...)
        In [0, 1]; 0.5 is chance, and what a centred blob reaches where all people's maps are centred. No value is
        perfect. NaN where a map is constant or holds NaN, and where no other image has a positive pixel.
    """
    _require_images(human, "auc_top20_shuffled")
    positive = positives(human)
    return compare(_auc_shuffled, positive, classifier, positive.sum("image"))


def pointing_game(human: xr.DataArray, classifier: xr.DataArray, *, tolerance: float = TOLERANCE) -> xr.DataArray:
    """Whether the classifier's largest value lies within a tolerance of people's region.

    Parameters
    ----------
    human : DataArray (..., y, x)
        Boolean regions, such as boxes of a label, or maps whose top 20% is the region, tied pixels included.
    classifier : DataArray (..., y, x)
        Maps on the same grid; other dims broadcast by name.
    tolerance : float
        Distance between pixels' centres, as a share of the grid's width; by default 15 of 224 pixels.

    Returns
    -------
    DataArray (...)
        1 for a hit, 0 for a miss; of pixels that tie for the largest value, the share that hits. NaN where a map is
        constant or holds NaN. Its control is the same of a centred blob (`salcompare.statistics.centre`).
    """
    if not 0 <= tolerance < np.inf:
        raise InputError(Problem("tolerance", repr(tolerance), "a finite share of the width, at least 0"))
    return compare(_pointing_game, positives(human), classifier, within=tolerance * human.sizes["x"])


def _require_fixations(maps: xr.DataArray, metric: str, instead: str) -> xr.DataArray:
    if maps.dtype.kind not in "iub":
        raise InputError(Problem(metric, f"maps of {maps.dtype}, such as coverage", "how many fixations lie on each "
                                 "pixel, whole numbers", f"use {instead} for coverage, or make numbers of fixations "
                                 "with salcompare.maps.fixation_counts"))
    return maps


def _require_images(human: xr.DataArray, metric: str) -> None:
    if "image" not in human.dims:
        raise InputError(Problem(metric, f"human maps with dims {human.dims}", "a dim 'image'",
                                 "negative pixels come from other images"))


def positives(maps: xr.DataArray, *, share: float = POSITIVE_SHARE) -> xr.DataArray:
    """Mark the pixels of maps (..., y, x) at or above the value at rank round(share x pixels), and above the smallest.

    Tied pixels are all in or all out; of a boolean map all True pixels are positive. All False where a map is constant
    or holds NaN. InputError if the share is out of range or of no pixel.
    """
    require_maps(maps, "maps")
    k = require_share(share, maps.sizes["y"] * maps.sizes["x"])
    kernel, options = (_varied, {}) if maps.dtype == np.bool_ else (in_blocks, {"kernel": _positives, "k": k})
    marked: xr.DataArray = xr.apply_ufunc(
        kernel, maps, kwargs=options, dask="parallelized", input_core_dims=[GRID],
        output_core_dims=[GRID], output_dtypes=[bool], dask_gufunc_kwargs={"allow_rechunk": True})
    return marked


def _compare_areas(ratio: Callable[[Values, Values], Values], a: xr.DataArray, b: xr.DataArray,
                   share: float) -> xr.DataArray:
    """Take a ratio of the area that two top shares have in common and the sum of both."""
    one, other = (tied_weights(maps, share=share).where(maps.max(("y", "x")) > maps.min(("y", "x"))) for maps in (a, b))
    return compare(lambda one, other: ratio(*_shared_area(flat(one), flat(other))), one, other)


def _shared_area(a: Values, b: Values) -> tuple[Values, Values]:
    """Sum of min(a, b), and the sum of both areas, of weights (..., pixels).

    Weights are 0, 1 and one value t between them on ties, so min(a, b) is a * b but where both are tied: two
    products instead of a minimum over all pairs and pixels.
    """
    tied_a, tied_b = (a > 0) & (a < 1), (b > 0) & (b < 1)
    t_a, t_b = (np.where(tied, w, 0).max(axis=-1) for tied, w in ((tied_a, a), (tied_b, b)))
    excess = np.minimum(t_a, t_b) - t_a * t_b
    shared: Values = dot(a, b) + dot(tied_a.astype(np.float64), tied_b.astype(np.float64)) * excess
    return shared, a.sum(axis=-1) + b.sum(axis=-1)


def _spearman(a: Maps, b: Maps) -> Values:  # (..., y, x) twice -> (...), and so below
    return np.clip(dot(unit_ranks(_rows(a)), unit_ranks(_rows(b))), -1, 1)


def _auc_judd(counts: NDArray[np.integer], classifier: Maps) -> Values:
    rows = _rows(classifier)
    n = counts.sum(axis=(-2, -1), dtype=np.float64)
    return _share_won(counts, rows, midranks(rows), n / 2, n * rows.shape[-1])


def _auc_top20(positive: NDArray[np.bool_], classifier: Maps) -> Values:
    rows = _rows(classifier)
    if positive.shape == classifier.shape and rows.dtype == np.float32 and rows.min(initial=0) >= 0:
        return auc(rows, positive.reshape(rows.shape))
    n = positive.sum(axis=(-2, -1))
    return _share_won(positive, rows, midranks(rows), n * (n + 1) / 2, n * (rows.shape[-1] - n))


def _auc_shuffled(positive: NDArray[np.generic], classifier: Maps, total: NDArray[np.int64]) -> Values:
    rows = _rows(classifier)
    n = positive.sum(axis=(-2, -1), dtype=np.int64)
    # total counts the image itself too; against itself a set of pixels wins exactly one half of n² comparisons
    return _share_won(positive, rows, cumulative_weights(rows, flat(total)), n**2 / 2, n * (total.sum() - n))


def _pointing_game(region: NDArray[np.bool_], classifier: Maps, *, within: float) -> Values:
    rows = _rows(classifier)
    largest = (rows == rows.max(axis=-1, keepdims=True)).astype(np.float64)
    many = largest.sum(axis=-1, keepdims=True)  # 0 where a value is NaN
    largest /= np.where((many == 0) | is_constant(rows), np.nan, many)
    near = np.array([distance_transform_edt(~one) <= within if one.any() else np.full(one.shape, np.nan)
                     for one in region.reshape(-1, *region.shape[-2:])])
    return np.clip(dot(near.reshape(*region.shape[:-2], -1), largest), 0, 1)


def _share_won(positive: NDArray[np.generic], rows: NDArray[np.floating], ranks: Values, against_itself: Values,
               comparisons: Values) -> Values:
    """Share of comparisons that positive pixels win by their ranks; NaN where the row that was ranked is constant."""
    ranks[is_constant(rows)[..., 0]] = np.nan
    won = dot(flat(positive), ranks) - against_itself
    return np.asarray(won / np.where(comparisons > 0, comparisons, np.nan))


def _positives(maps: Maps, *, k: int) -> NDArray[np.bool_]:
    rows = _rows(maps)
    at_rank = np.sort(rows, axis=-1)[..., [rows.shape[-1] - k]]  # sorting is twice as fast as np.partition here
    marked = (rows >= at_rank) & (rows > rows.min(axis=-1, keepdims=True))
    return np.asarray(marked.reshape(maps.shape), dtype=np.bool_)


def _varied(marks: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Clear maps that are True everywhere; the same memory where there is none such."""
    everywhere = marks.all(axis=(-2, -1), keepdims=True)
    return marks & ~everywhere if everywhere.any() else marks


def _rows(maps: Maps) -> NDArray[np.floating]:
    """Rows (..., pixels) in the maps' own precision; whole numbers and booleans as float64."""
    rows = maps.reshape(*maps.shape[:-2], -1)
    return rows if rows.dtype in (np.float32, np.float64) else rows.astype(np.float64)


def midranks(rows: NDArray[np.floating]) -> Values:
    """Ranks from 1 along the last axis, tied values at their mean rank; NaN where a row holds NaN."""
    return _by_runs(rows, lambda _, edges: (edges[:-1] + edges[1:] + 1) / 2)


def unit_ranks(rows: NDArray[np.floating]) -> Values:
    """Midranks less their mean, scaled to unit norm; NaN where a row is constant or holds NaN."""
    return _by_runs(rows, _unit)


def cumulative_weights(rows: NDArray[np.floating], weights: Values) -> Values:
    """For each value of a row (..., p) the weight of smaller ones plus half that of equal ones, itself included.

    `weights` (p,) are of the positions, the same for all rows; NaN where a row holds NaN.
    """
    def middle(order: NDArray[np.intp], edges: NDArray[np.intp]) -> Values:
        """Weight below each run, and half of its own."""
        below = np.concatenate([[0.0], np.cumsum(weights[order])])[edges]
        return np.asarray((below[:-1] + below[1:]) / 2)

    return _by_runs(rows, middle)


def _unit(order: NDArray[np.intp], edges: NDArray[np.intp]) -> Values:  # noqa: ARG001 - an OfRuns
    doubled = (edges[:-1] + edges[1:] - edges[-1]).astype(np.float64)  # twice the midrank less twice the mean
    norm = np.sqrt(doubled**2 @ np.diff(edges))
    return np.asarray(doubled / (norm or np.nan))


def _by_runs(rows: NDArray[np.floating], of_runs: OfRuns) -> Values:
    """Give every pixel the value of its run of equal values in the row's order."""
    out = np.empty(rows.shape, dtype=np.float64)
    n = rows.shape[-1]
    positions, packed = np.arange(n, dtype=np.uint64), np.empty(n, np.uint64)
    for target, row in zip(out.reshape(-1, n), rows.reshape(-1, n), strict=True):
        if row.dtype == np.float32:
            order, differs = _packed_order(row, positions, packed)
        else:
            order = np.argsort(row)
            differs = row[order][1:] != row[order][:-1]
        edges = np.concatenate([[0], np.flatnonzero(differs) + 1, [n]])  # where each run starts, and the end
        values = of_runs(order, edges)
        target[order] = values if values.size == n else np.repeat(values, np.diff(edges))
    out[np.isnan(rows).any(axis=-1)] = np.nan
    return out


def _packed_order(row: NDArray[np.float32], positions: NDArray[np.uint64],
                  packed: NDArray[np.uint64]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Give the order of values, and whether each differs from the one before it; four times as fast as argsort.

    Value and position are sorted as one whole number. `packed` is written over, row by row: taking fresh memory for
    each row would cost as much as the sorting.
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


def auc(rows: NDArray[np.float32], positive: NDArray[np.bool_]) -> Values:
    """Share of the pairs of a positive and a negative pixel in which the positive one is larger, ties one half: (...).

    `rows` and `positive` are (..., p), without negative values. NaN where a row is constant or holds NaN, and where all
    pixels or none are positive.

    The bits of a float32 that is not negative, shifted by one (which drops the sign of -0), leave room for the mark
    of a positive pixel, so that values and marks are sorted together as whole numbers of 32 bits. A few rows at a
    time go through the same memory: fresh memory for each step would cost half as much as the sorting.
    """
    n = rows.shape[-1]
    bits, marks = rows.view(np.uint32).reshape(-1, n), positive.reshape(-1, n)
    areas, m = np.empty(len(bits)), min(_ROWS_AT_ONCE, len(bits))
    memory = np.empty((2, m, n), np.uint32), np.empty((m, max(n - 1, 0)), np.bool_)
    for start in range(0, len(bits), _ROWS_AT_ONCE):
        some = slice(start, start + _ROWS_AT_ONCE)
        areas[some] = _areas(bits[some], marks[some], *memory)
    return areas.reshape(rows.shape[:-1])


def _areas(bits: NDArray[np.uint32], positive: NDArray[np.bool_], values: NDArray[np.uint32],
           places: NDArray[np.bool_]) -> Values:
    """Areas of some rows, in memory for values and places that one call after another writes over."""
    (ordered, work), meets = values[:, :len(bits)], places[:len(bits)]
    np.left_shift(bits, _ONE, out=ordered)
    np.bitwise_or(ordered, positive.view(np.uint8), out=ordered)
    ordered.sort(axis=-1)
    np.bitwise_and(ordered, _ONE, out=work)
    np.multiply(work, _ONE_AS_FLOAT, out=work)  # faster than a cast
    n_positive, sums = _count_and_sum_of_places(work.view(np.float32))
    won = sums - n_positive * (n_positive - 1) / 2  # of equal values negative pixels stand first
    steps = np.bitwise_xor(ordered[:, 1:], ordered[:, :-1], out=work[:, 1:])
    np.equal(steps, _ONE, out=meets)  # where the negative pixels of a run of equal values end
    ties = np.array([_tied_pairs(row, 1 + np.flatnonzero(at)) for row, at in zip(ordered, meets, strict=True)])
    pairs = n_positive * (bits.shape[-1] - n_positive)
    smallest, largest = ordered[:, 0] >> _ONE, ordered[:, -1] >> _ONE
    defined = (pairs > 0) & (smallest != largest) & (largest <= _INFINITY)
    return np.asarray((won - ties / 2) / np.where(defined, pairs, np.nan))


def _count_and_sum_of_places(marks: NDArray[np.float32]) -> tuple[Values, Values]:
    """How many marks of each row are 1, and the sum of their places.

    As products of rows of a table with its columns' places, whose sums a float32 holds exactly.
    """
    in_table = marks.shape[1] // _COLUMNS * _COLUMNS
    table = marks[:, :in_table].reshape(len(marks), -1, _COLUMNS)
    columns = np.stack([np.ones(_COLUMNS), np.arange(_COLUMNS)], axis=1, dtype=np.float32)
    in_rows, in_columns = np.moveaxis((table @ columns).astype(np.float64), -1, 0)
    rest = marks[:, in_table:].astype(np.float64)
    starts = _COLUMNS * np.arange(table.shape[1], dtype=np.float64)
    last = np.arange(in_table, marks.shape[1], dtype=np.float64)
    count: Values = in_rows.sum(axis=-1) + rest.sum(axis=-1)
    places: Values = in_rows @ starts + in_columns.sum(axis=-1) + rest @ last
    return count, places


def _tied_pairs(ordered: NDArray[np.uint32], meets: NDArray[np.intp]) -> float:
    """Pairs of a positive and a negative pixel of equal value."""
    if not meets.size:
        return 0.0
    first = ordered[meets]
    after, before = np.searchsorted(ordered, first, "right"), np.searchsorted(ordered, first - _ONE, "left")
    return float(((after - meets) * (meets - before)).sum())
