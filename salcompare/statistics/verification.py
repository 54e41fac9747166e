"""Verification: whether two photographs show one person, told from how near their embeddings are."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.spatial.distance import pdist
from scipy.special import expit, logit

from salcompare.errors import InputError, Problem
from salcompare.maps.checks import require_maps
from salcompare.statistics.inference.resampling import FEWEST_ACTORS, jackknife_interval
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
    require_maps(embeddings, "embeddings", dims=("image", "feature"), named=("actor",))
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


def equal_error_interval(scores: xr.DataArray) -> xr.Dataset:
    """Equal error rate of verification with its interval over people, who are left out one by one.

    Pairs share people, so that they are no replicates. Without a person all pairs that show the person are out; the
    jackknife's standard error is of the rate's logit, and its interval by Student's t is turned back into rates.

    Parameters
    ----------
    scores : DataArray (pair)
        As `verification_scores` gives them, with their coordinates.

    Returns
    -------
    Dataset ()
        **value**, **ci_low**, **ci_high** of 95%. The value is NaN without pairs of one person, or of two; the interval
        also with fewer than eight people, and where the rate of all, or without one of them, is 0, 1 or undefined;
        attr ``reason`` says which. attr ``n`` is how many people.

    Notes
    -----
    In 200 to 1,100 simulated studies each of 8 to 40 people, 5 or 8 photographs a person or 2 to 8, people of different
    spreads and rates of 0.3% to 16%, 93% to 98% of the intervals held the rate of all people.

    References
    ----------
    Miller (1974), The jackknife - a review, doi:10.1093/biomet/61.1.1
    """
    require_maps(scores, "scores", dims=("pair",), named=("actor", "other_actor", "same"))
    scores = scores.isel(pair=np.argsort(-scores.to_numpy(), kind="stable"))  # once: what is in order sorts fast
    one, other, same = (scores[name].to_numpy() for name in ("actor", "other_actor", "same"))
    people = np.unique(np.concatenate([one, other]))
    kept = [slice(None), *((one != actor) & (other != actor) for actor in people)]
    values = scores.to_numpy()
    rates = np.array([_equal_error_rate(values[rows], same[rows])[0] for rows in kept])
    logits = logit(np.where((rates > 0) & (rates < 1), rates, np.nan))
    if len(people) < FEWEST_ACTORS:
        logits[:] = np.nan
    interval = jackknife_interval(logits[0], logits[1:], resampled="people")
    low, high = float(expit(interval.low)), float(expit(interval.high))
    reasons = ((len(people) < 2, "photographs of one person alone"), (not same.any(), "one photograph of each person"),
               (len(people) < FEWEST_ACTORS, f"fewer than {FEWEST_ACTORS} people"),
               (np.isnan(rates).any(), "undefined, of all or without one of the people"),
               (np.isnan(low), "a rate of 0 or 1, of all or without one of the people"))
    return xr.Dataset({"value": rates[0], "ci_low": low, "ci_high": high}, attrs={
        "n": len(people), "reason": next((reason for holds, reason in reasons if holds), "")})


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
