"""Verification: whether two photographs show one person, told from how near their embeddings are."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.spatial.distance import pdist

from salcompare.errors import InputError, Problem
from salcompare.statistics.kernels import Values


def verification_scores(embeddings: xr.DataArray) -> xr.DataArray:
    """Score every pair of photographs by how near their embeddings are.

    Parameters
    ----------
    embeddings : DataArray (image, feature)
        As `salcompare.classifiers.embed` gives them, with coordinate ``actor`` along ``image``.

    Returns
    -------
    DataArray (pair)
        Minus the Euclidean distance, at most 0, more for nearer embeddings; NaN where one holds NaN. Coordinates
        ``image`` and ``other``, ``actor`` and ``other_actor``, and ``same``, whether the two actors are one. All
        n (n - 1) / 2 pairs, in the images' order.
    """
    if set(embeddings.dims) != {"image", "feature"} or "actor" not in embeddings.coords:
        raise InputError(Problem("embeddings", f"dims {embeddings.dims} and coordinates {tuple(embeddings.coords)}",
                                 "dims (image, feature), and actor along image"))
    if embeddings.sizes["image"] < 2:
        raise InputError(Problem("embeddings", f"{embeddings.sizes['image']} images", "at least two"))
    values = embeddings.transpose("image", "feature").to_numpy().astype(np.float64)
    one, other = np.triu_indices(len(values), 1)  # the order of pdist
    image, actor = (embeddings[name].to_numpy().astype(str) for name in ("image", "actor"))
    return xr.DataArray(-pdist(values), dims="pair", name="score", coords={
        "image": ("pair", image[one]), "other": ("pair", image[other]), "actor": ("pair", actor[one]),
        "other_actor": ("pair", actor[other]), "same": ("pair", actor[one] == actor[other])})


def equal_error_rate(scores: xr.DataArray, same: xr.DataArray) -> xr.Dataset:
    """Find the error rate of verification at the threshold that misses as many as it takes wrongly.

    Pairs from a threshold on are taken for one person. The *false non-match rate* is the share of pairs of one person
    below it, the *false match rate* that of pairs of two people from it on. Thresholds are the scores themselves, equal
    ones together, and one above all; between two neighbouring ones both rates are interpolated linearly, to where they
    are equal.

    Parameters
    ----------
    scores : DataArray (..., pair)
        Higher for photographs that are more alike.
    same : boolean DataArray (pair)
        Whether the two photographs of a pair show one person.

    Returns
    -------
    Dataset (...)
        **equal_error_rate**, in [0, 1], 0.5 by chance; **threshold**, the highest score from which on no more pairs are
        missed than, by their shares, wrongly taken. NaN where there are no pairs of one person, or none of two, or a
        score is NaN. attrs: ``n_same``, ``n_other`` pairs.

    Notes
    -----
    There is no interval: pairs share people, so that they are no replicates, and with few errors a bootstrap of people
    has too few that matter.

    References
    ----------
    Maltoni, Maio, Jain & Prabhakar (2009), Handbook of Fingerprint Recognition, section 1.4,
    doi:10.1007/978-1-84882-254-7
    """
    if same.dims != ("pair",) or same.dtype != np.bool_:
        raise InputError(Problem("same", f"{same.dtype} of dims {same.dims}", "a boolean array of dims ('pair',)"))
    rate, threshold = xr.apply_ufunc(
        _equal_error_rates, scores, same, input_core_dims=[["pair"], ["pair"]], output_core_dims=[[], []],
        join="exact", dask="parallelized", output_dtypes=[float, float], dask_gufunc_kwargs={"allow_rechunk": True})
    n_same = int(same.sum())
    return xr.Dataset({"equal_error_rate": rate, "threshold": threshold},
                      attrs={"n_same": n_same, "n_other": same.size - n_same})


def _equal_error_rates(scores: Values, same: NDArray[np.bool_]) -> tuple[Values, Values]:
    """(..., pair), (pair) -> (...) twice."""
    both = np.array([_equal_error_rate(row, same) for row in scores.reshape(-1, scores.shape[-1])]).reshape(-1, 2)
    return both[:, 0].reshape(scores.shape[:-1]), both[:, 1].reshape(scores.shape[:-1])


def _equal_error_rate(scores: Values, same: NDArray[np.bool_]) -> tuple[float, float]:
    n_same = int(same.sum())
    if n_same in (0, same.size) or np.isnan(scores).any():
        return np.nan, np.nan
    n_other = same.size - n_same
    order = np.argsort(-scores, kind="stable")
    ordered, hits = scores[order], np.cumsum(same[order])
    ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))  # the last of each score
    missed = np.append(n_same, n_same - hits[ends])
    taken = np.append(0, ends + 1 - hits[ends])
    excess = missed * n_other - taken * n_same  # whole numbers, so that equal rates are equal; it falls
    at = int(np.argmax(excess <= 0))
    part = excess[at - 1] / (excess[at - 1] - excess[at])
    return float((taken[at - 1] + part * (taken[at] - taken[at - 1])) / n_other), float(ordered[ends[at - 1]])
