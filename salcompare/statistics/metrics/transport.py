"""Overlap of two maps as the work of moving one onto the other."""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy.optimize import LinearConstraint, milp
from scipy.sparse import csc_array

from salcompare.statistics.kernels import Maps, Values, compare, in_range, unit_sum

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

    References
    ----------
    Rubner, Tomasi & Guibas (2000), doi:10.1023/A:1026543900054
    """
    return compare(_emd, a, b, cells=cells)


def _emd(a: Maps, b: Maps, *, cells: int) -> Values:
    p, q = np.broadcast_arrays(_coarse(a, cells), _coarse(b, cells))
    distance = _ground_distance(min(cells, a.shape[-2]), min(cells, a.shape[-1]))
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


def _ground_distance(rows: int, columns: int) -> Values:
    """Distance between the centres of all pairs of cells, over that of opposite corners."""
    y, x = np.divmod(np.arange(rows * columns), columns)
    distance = np.hypot(y[:, np.newaxis] - y, x[:, np.newaxis] - x)
    shares: Values = distance / max(float(distance.max()), 1.0)
    return shares


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
