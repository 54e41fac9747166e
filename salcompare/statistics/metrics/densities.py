"""Overlap of two maps read as densities over pixels, or as values with a mean, a spread and a local structure.

What was chosen where tools disagree is said in `salcompare.statistics.metrics`, and where each comes from in
`registry.METRICS`. A model's density is mixed with `FLOOR` of the uniform one, so that a pixel without saliency counts
as one hundredth of an average pixel and not as impossible; kl_divergence mixes both sides, so that a map is 0 from
itself.
"""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import ndimage
from scipy.optimize import LinearConstraint, milp
from scipy.sparse import csc_array
from scipy.spatial.distance import cdist

from salcompare.statistics.kernels import Maps, Values, compare, dot, flat, in_range, standardised, unit_sum

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
    """
    return compare(_nss, human, classifier)


def _pearson(a: Maps, b: Maps) -> Values:  # (..., y, x) twice -> (...), and so below
    correlation: Values = dot(standardised(flat(a)), standardised(flat(b))) / (a.shape[-2] * a.shape[-1])
    return np.clip(correlation, -1, 1)


def _similarity(a: Maps, b: Maps) -> Values:
    p, q = unit_sum(flat(a)), unit_sum(flat(b))
    if p.ndim == 3 and p.shape[1] == 1 and (q.ndim == 2 or q.shape[0] == 1):
        # min(p, q) = (p + q - |p - q|) / 2 and both sum to 1; never an array of pairs x pixels
        return np.asarray(1 - cdist(p[:, 0], q.reshape(-1, q.shape[-1]), "cityblock") / 2)
    return np.asarray(np.minimum(p, q).sum(axis=-1))


def _kl_divergence(human: Maps, classifier: Maps) -> Values:
    p, log_q = mixed(human), np.log(mixed(classifier))
    divergence: Values = np.einsum("...p,...p->...", p, np.log(p)) - dot(p, log_q)
    return np.maximum(divergence, 0)


def _nss(human: Maps, classifier: Maps) -> Values:
    return dot(unit_sum(flat(human)), standardised(flat(classifier)))


def mixed(maps: Maps) -> Values:
    """Scale maps to densities (..., pixel), `FLOOR` of them uniform."""
    density = unit_sum(flat(maps))
    return np.asarray((1 - FLOOR) * density + FLOOR / density.shape[-1])


CELLS = 8
NEGLIGIBLE = 1e-9
"""Mass of a cell, as a share of all that is moved, below which it stays where it is: it is rounding, or a tail."""
_SCALE = 10  # the mass moved is made about 2**10, far above the solver's absolute tolerance of 1e-7


def emd(a: xr.DataArray, b: xr.DataArray, *, cells: int = CELLS) -> xr.DataArray:
    """Earth mover's distance of two maps, each summed over a coarse grid and scaled to unit sum.

    Parameters
    ----------
    a, b : DataArray (..., y, x)
        Non-negative maps on one grid; other dims broadcast by name.
    cells : int
        The coarse grid has so many rows and columns, or as many as the map has if that is fewer.

    Returns
    -------
    DataArray (...)
        In [0, 1]: mean distance that mass moves, as a share of the distance between the centres of opposite corner
        cells; 0 for equal maps; lower is better. NaN where a map is empty, negative somewhere, or holds NaN.

    Notes
    -----
    Each pair is one linear programme, solved exactly: some milliseconds, so all pairs of hundreds of maps take
    minutes. Mass that both maps have in a cell stays, which is optimal as the ground distance is a metric. So does
    what is less than `NEGLIGIBLE` of all mass moved, which changes the value by less than 1e-7.

    Raises
    ------
    ArithmeticError
        If the programme is not solved.
    """
    return compare(_emd, a, b, cells=cells)


def _emd(a: Maps, b: Maps, *, cells: int) -> Values:
    p, q = np.broadcast_arrays(_coarse(a, cells), _coarse(b, cells))
    rows, columns = (min(cells, size) for size in a.shape[-2:])
    y, x = np.divmod(np.arange(rows * columns), columns)
    apart = np.hypot(y[:, np.newaxis] - y, x[:, np.newaxis] - x)  # centres of all pairs of cells
    distance = apart / max(float(apart.max()), 1.0)  # over that of opposite corners
    moved = np.array([_moved(one, other, distance)
                      for one, other in zip(p.reshape(-1, p.shape[-1]), q.reshape(-1, q.shape[-1]), strict=True)])
    return moved.reshape(p.shape[:-1])


def _coarse(maps: Maps, cells: int) -> Values:
    """Sum over cells (..., rows * columns), scaled to unit sum; a pixel lies wholly in one cell."""
    values = in_range(maps.astype(np.float64), axis=(-2, -1))
    for axis in (-2, -1):
        size = maps.shape[axis]
        starts = np.arange(min(cells, size)) * size // min(cells, size)
        values = np.add.reduceat(values, starts, axis=axis)
    coarse = unit_sum(values.reshape(*values.shape[:-2], -1))
    return np.where(np.asarray(maps.min(axis=(-2, -1)) < 0)[..., np.newaxis], np.nan, coarse)


def _moved(p: Values, q: Values, distance: Values) -> float:
    """Least mass x distance that turns density `p` into `q`."""
    if np.isnan(p).any() or np.isnan(q).any():
        return float("nan")
    change = p - q
    total = change[change > 0].sum()
    gives, takes = (np.flatnonzero(one > NEGLIGIBLE * total) for one in (change, -change))
    if not gives.size or not takes.size:
        return 0.0
    exponent = _SCALE - int(np.frexp(total)[1])  # a power of two, so that scaling does not round
    supply, demand = np.ldexp(change[gives], exponent), np.ldexp(-change[takes], exponent)
    demand *= supply.sum() / demand.sum()  # they differ by rounding and what is negligible: else infeasible
    margins = np.concatenate([supply, demand])[:-1]
    plan = milp(distance[np.ix_(gives, takes)].ravel(),  # no variable is an integer, so it is a linear programme
                constraints=LinearConstraint(_margins(gives.size, takes.size), margins, margins))
    if plan.fun is None:
        message = f"the linear programme of an earth mover's distance was not solved: {plan.message}"
        raise ArithmeticError(message)
    return float(np.ldexp(plan.fun, -exponent))


def _margins(n: int, m: int) -> csc_array:
    """Rows that sum a flattened (n, m) plan over its columns and over its rows; the last follows from the others."""
    gives, takes = np.divmod(np.arange(n * m), m)
    rows = np.stack([gives, n + takes], axis=1).ravel()
    both = csc_array((np.ones(rows.size), rows, np.arange(0, rows.size + 1, 2)), shape=(n + m, n * m))
    return csc_array(both[:-1])


WINDOW, RADIUS = 1.5, 5
"""Standard deviation of the Gaussian window, and where it is cut, pixels."""
_C1, _C2 = 0.01**2, 0.03**2  # for maps from 0 to 1


def structural_similarity(a: xr.DataArray, b: xr.DataArray) -> xr.DataArray:
    """Structural similarity (SSIM) of two maps, each divided by its largest value.

    Parameters
    ----------
    a, b : DataArray (..., y, x)
        Non-negative maps on one grid; other dims broadcast by name.

    Returns
    -------
    DataArray (...)
        Mean over the pixels whose window lies inside the map, or over all where there are none; at most 1, the value
        of equal maps. NaN where a map is empty or holds NaN.

    References
    ----------
    Wang et al. (2004), doi:10.1109/TIP.2003.819861: Gaussian window of 1.5 pixels, K1 = 0.01, K2 = 0.03
    """
    return compare(_ssim, a, b)


def _ssim(a: Maps, b: Maps) -> Values:  # (..., y, x) twice -> (...)
    one, other = _unit_peak(a), _unit_peak(b)
    mean, mean_other = _local(one), _local(other)
    product = mean * mean_other
    spread = _local(one * one) - mean**2 + _local(other * other) - mean_other**2
    shared = _local(one * other) - product
    local = (2 * product + _C1) * (2 * shared + _C2) / ((mean**2 + mean_other**2 + _C1) * (spread + _C2))
    inside: Values = local[..., RADIUS:-RADIUS, RADIUS:-RADIUS] if min(local.shape[-2:]) > 2 * RADIUS else local
    return np.asarray(inside.mean(axis=(-2, -1)))


def _unit_peak(maps: Maps) -> Values:
    peak = maps.max(axis=(-2, -1), keepdims=True).astype(np.float64)
    return maps / np.where(peak > 0, peak, np.nan)


def _local(maps: NDArray[np.float64]) -> Values:
    """Give means under the window about each pixel."""
    return np.asarray(ndimage.gaussian_filter(maps, WINDOW, axes=(-2, -1), radius=RADIUS))
