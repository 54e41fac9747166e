"""Overlap of two maps by the order of their pixels: rank correlation and areas under the ROC curve.

Conventions on which tools disagree, and the choice made here:

- tied pixels share the mean of their ranks; a tie between a positive and a negative pixel counts one half;
- boxes give no fixations, so the positive pixels of people's map are its top share (20%, Judd et al. 2009): all at or
  above the value at that rank, so that tied pixels stay together, and above the map's smallest value;
- auc_judd: all other pixels are negative;
- auc_shuffled: a pixel is negative as often as it is positive in the other images' human maps, own positive pixels
  included as usual; so 1 is out of reach where people mark the same places in all images.
"""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from salcompare.errors import InputError, Problem
from salcompare.maps.checks import require_maps, require_share
from salcompare.statistics.kernels import GRID, Maps, Values, compare, dot, flat, in_blocks, is_constant
from salcompare.statistics.metrics.order import cumulative_weights, midranks, unit_ranks
from salcompare.statistics.metrics.roc import auc

POSITIVE_SHARE = 0.20
_AREAS_AT_ONCE = 32  # the kernel works in memory of its own, which a larger block uses for longer


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


def auc_judd(human: xr.DataArray, classifier: xr.DataArray, *, positive_share: float = POSITIVE_SHARE) -> xr.DataArray:
    """Probability that the classifier ranks a pixel of people's top share above one outside it.

    Parameters
    ----------
    human, classifier : DataArray (..., y, x)
        Maps on one grid; other dims broadcast by name.
    positive_share : float
        Share of pixels of `human` that are positive, tied pixels included.

    Returns
    -------
    DataArray (...)
        In [0, 1]; 0.5 is chance, 1 is perfect and what a map has with itself. NaN where a map is constant or holds NaN.

    References
    ----------
    Judd, Ehinger, Durand & Torralba (2009), doi:10.1109/ICCV.2009.5459462
    """
    return compare(_auc_judd, positives(human, share=positive_share), classifier, block=_AREAS_AT_ONCE)


def auc_shuffled(human: xr.DataArray, classifier: xr.DataArray, *,
                 positive_share: float = POSITIVE_SHARE) -> xr.DataArray:
    """Probability that the classifier ranks a pixel of people's top share above one of the other images' top shares.

    Parameters
    ----------
    human : DataArray (image, ..., y, x)
        People's maps of all images that negatives come from.
    classifier : DataArray (..., y, x)
        Maps on the same grid; other dims broadcast by name.
    positive_share : float
        Share of pixels of `human` that are positive, tied pixels included.

    Returns
    -------
    DataArray (...)
        In [0, 1]; 0.5 is chance, and what a centred blob reaches where all people's maps are centred. No value is
        perfect. NaN where a map is constant or holds NaN, and where no other image has a positive pixel.

    Raises
    ------
    InputError
        If `human` has no dim ``image``.

    References
    ----------
    Zhang et al. (2008), doi:10.1167/8.7.32
    """
    if "image" not in human.dims:
        raise InputError(Problem("auc_shuffled", f"human maps with dims {human.dims}", "a dim 'image'",
                                 "negative pixels come from other images"))
    positive = positives(human, share=positive_share)
    return compare(_auc_shuffled, positive, classifier, positive.sum("image"))


def positives(maps: xr.DataArray, *, share: float = POSITIVE_SHARE) -> xr.DataArray:
    """Pixels at or above the value at rank round(share x pixels) and above the map's smallest value.

    Parameters
    ----------
    maps : DataArray (..., y, x)
        Any values; of a boolean map, such as one of gazed-at pixels, all True pixels are positive.
    share : float
        In (0, 1].

    Returns
    -------
    DataArray (..., y, x)
        Boolean; tied pixels are all in or all out. All False where a map is constant or holds NaN.

    Raises
    ------
    InputError
        If the share is out of range or of no pixel.
    """
    require_maps(maps, "maps")
    k = require_share(share, maps.sizes["y"] * maps.sizes["x"])
    kernel, options = (_varied, {}) if maps.dtype == np.bool_ else (in_blocks, {"kernel": _positives, "k": k})
    marked: xr.DataArray = xr.apply_ufunc(
        kernel, maps, kwargs=options, dask="parallelized", input_core_dims=[GRID],
        output_core_dims=[GRID], output_dtypes=[bool], dask_gufunc_kwargs={"allow_rechunk": True})
    return marked


def _spearman(a: Maps, b: Maps) -> Values:  # (..., y, x) twice -> (...), and so below
    return np.clip(dot(unit_ranks(_rows(a)), unit_ranks(_rows(b))), -1, 1)


def _auc_judd(positive: NDArray[np.bool_], classifier: Maps) -> Values:
    rows = _rows(classifier)
    if positive.shape == classifier.shape and rows.dtype == np.float32 and rows.min(initial=0) >= 0:
        return auc(rows, positive.reshape(rows.shape))
    n_positive = positive.sum(axis=(-2, -1))
    won = dot(flat(positive), _varying(midranks(rows), rows)) - n_positive * (n_positive + 1) / 2
    return _ratio(won, n_positive * (rows.shape[-1] - n_positive))


def _auc_shuffled(positive: NDArray[np.bool_], classifier: Maps, total: NDArray[np.int64]) -> Values:
    rows = _rows(classifier)
    n_positive = positive.sum(axis=(-2, -1))
    # total counts the image itself too; against itself a set of pixels wins exactly one half of n² comparisons
    won = dot(flat(positive), _varying(cumulative_weights(rows, flat(total)), rows)) - n_positive**2 / 2
    return _ratio(won, n_positive * (total.sum() - n_positive))


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


def _varying(ranks: Values, rows: NDArray[np.floating]) -> Values:
    """Ranks, NaN where the row that was ranked is constant."""
    ranks[is_constant(rows)[..., 0]] = np.nan
    return ranks


def _ratio(won: Values, comparisons: Values) -> Values:
    ratio: Values = won / np.where(comparisons > 0, comparisons, np.nan)
    return ratio
