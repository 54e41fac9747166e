"""Overlap of two maps read as densities over pixels, or as values with a mean and a spread.

Conventions on which tools disagree, and the choice made here:

- a density is the map over its sum; the minimum is not subtracted first;
- a model's density is mixed with `FLOOR` of the uniform one, so that a pixel without saliency counts as one
  hundredth of an average pixel and not as impossible; kl_divergence mixes both sides, so that a map is 0 from itself;
- standard deviations divide by the number of pixels;
- people's maps weigh pixels by their density; a map of fixation counts is the special case that gives the usual nss.
"""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy.spatial.distance import cdist

from salcompare.statistics.kernels import Maps, Values, centred_gaussian, compare, dot, flat, standardised, unit_sum

FLOOR = 0.01
"""Share of the uniform density mixed into a density before its logarithm is taken."""


def pearson(a: xr.DataArray, b: xr.DataArray) -> xr.DataArray:
    """Pearson correlation of two maps over pixels (CC).

    Parameters
    ----------
    a, b : DataArray (..., y, x)
        Maps on one grid; other dims broadcast by name.

    Returns
    -------
    DataArray (...)
        In [-1, 1]; 1 for maps equal up to scale and offset. NaN where a map is constant or holds NaN.

    References
    ----------
    Bylinskii et al. (2019), doi:10.1109/TPAMI.2018.2815601
    """
    return compare(_pearson, a, b)


def similarity(a: xr.DataArray, b: xr.DataArray) -> xr.DataArray:
    """Histogram intersection of two maps, each scaled to unit sum (SIM).

    Parameters
    ----------
    a, b : DataArray (..., y, x)
        Non-negative maps on one grid; other dims broadcast by name.

    Returns
    -------
    DataArray (...)
        In [0, 1]; 1 for maps equal up to scale. NaN where a map is empty, negative somewhere, or holds NaN.

    References
    ----------
    Bylinskii et al. (2019), doi:10.1109/TPAMI.2018.2815601
    """
    return compare(_similarity, a, b)


def kl_divergence(human: xr.DataArray, classifier: xr.DataArray) -> xr.DataArray:
    """Kullback-Leibler divergence of the classifier's density from people's, in nats.

    Both densities are mixed with `FLOOR` of the uniform one.

    Parameters
    ----------
    human, classifier : DataArray (..., y, x)
        Non-negative maps on one grid; other dims broadcast by name.

    Returns
    -------
    DataArray (...)
        From 0 (equal densities) up to log(pixels / FLOOR); lower is better. NaN where a map is empty, negative
        somewhere, or holds NaN.

    References
    ----------
    Bylinskii et al. (2019), doi:10.1109/TPAMI.2018.2815601
    """
    return compare(_kl_divergence, human, classifier)


def nss(human: xr.DataArray, classifier: xr.DataArray) -> xr.DataArray:
    """Normalised scanpath saliency: the standardised classifier map, averaged with people's density as weights.

    Parameters
    ----------
    human, classifier : DataArray (..., y, x)
        Maps on one grid, `human` non-negative; other dims broadcast by name.

    Returns
    -------
    DataArray (...)
        Standard deviations; 0 is chance, and no value is perfect: the largest depends on people's map. NaN where
        `human` is empty, `classifier` constant, or either holds NaN.

    References
    ----------
    Peters et al. (2005), doi:10.1016/j.visres.2005.03.019
    """
    return compare(_nss, human, classifier)


def information_gain(human: xr.DataArray, classifier: xr.DataArray, *,
                     baseline: xr.DataArray | None = None) -> xr.DataArray:
    """Information gain of the classifier's density over a baseline's about where people look, in bits.

    Parameters
    ----------
    human, classifier : DataArray (..., y, x)
        Non-negative maps on one grid; other dims broadcast by name.
    baseline : DataArray (..., y, x), optional
        Non-negative; the centred Gaussian of `baselines.centre` unless given.

    Returns
    -------
    DataArray (...)
        Bits a pixel drawn from people's density; 0 where the classifier says as much as the baseline, negative where
        it says less; no value is perfect. NaN where a map is empty, negative somewhere, or holds NaN.

    References
    ----------
    Kümmerer, Wallis & Bethge (2015), doi:10.1073/pnas.1510393112
    """
    if baseline is None:
        prior = centred_gaussian(human.sizes["y"], human.sizes["x"])
        baseline = xr.DataArray(prior, dims=("y", "x"), coords={k: human[k] for k in ("y", "x") if k in human.coords})
    return compare(_information_gain, human, classifier, baseline)


def _pearson(a: Maps, b: Maps) -> Values:  # (..., y, x) twice -> (...), and so below
    correlation: Values = dot(standardised(flat(a)), standardised(flat(b))) / (a.shape[-2] * a.shape[-1])
    return np.clip(correlation, -1, 1)


def _similarity(a: Maps, b: Maps) -> Values:
    p, q = unit_sum(flat(a)), unit_sum(flat(b))
    if p.ndim == 3 and p.shape[1] == 1 and (q.ndim == 2 or q.shape[0] == 1):
        # min(p, q) = (p + q - |p - q|) / 2 and both sum to 1; never an array of pairs x pixels
        crossed: Values = 1 - cdist(p[:, 0], q.reshape(-1, q.shape[-1]), "cityblock") / 2
        return crossed
    shared: Values = np.minimum(p, q).sum(axis=-1)
    return shared


def _kl_divergence(human: Maps, classifier: Maps) -> Values:
    p, log_q = _mixed(human), np.log(_mixed(classifier))
    divergence: Values = np.einsum("...p,...p->...", p, np.log(p)) - dot(p, log_q)
    return np.maximum(divergence, 0)


def _nss(human: Maps, classifier: Maps) -> Values:
    return dot(unit_sum(flat(human)), standardised(flat(classifier)))


def _information_gain(human: Maps, classifier: Maps, baseline: Maps) -> Values:
    p = unit_sum(flat(human))
    return dot(p, np.log2(_mixed(classifier))) - dot(p, np.log2(_mixed(baseline)))


def _mixed(maps: Maps) -> Values:
    density = unit_sum(flat(maps))
    mixed: Values = (1 - FLOOR) * density + FLOOR / density.shape[-1]
    return mixed
