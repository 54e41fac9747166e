"""Paired maps: whether differences over actors depart from 0 anywhere, by flipping their signs."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from salcompare.errors import InputError, Problem
from salcompare.random_numbers import drawing
from salcompare.statistics.inference.multiplicity import critical_value, p_of_maxima
from salcompare.statistics.inference.permutation import about_null, n_sign_flips, sign_flips
from salcompare.statistics.kernels import Values, in_range

_PIXELS, _FLIPS = 128, 1000  # of one product, so that its result stays in the processor's cache


@drawing
def paired_map_test(differences: xr.DataArray, *, rng: np.random.Generator, n_permutations: int = 9999,
                    dim: str = "actor") -> xr.Dataset:
    """Test at every pixel whether the mean of differences departs from 0, family-wise over pixels by the largest |t|.

    Parameters
    ----------
    differences : DataArray (dim, ...)
        One map a replicate, such as an actor's human heatmap less its classifier heatmap, both smoothed and on one
        scale; eager or dask. Replicates with a NaN are left out, counted.
    rng, n_permutations : Generator, int
        How many sign flips to draw. Where no more distinct ones exist, all are enumerated instead; turning all signs at
        once changes no |t|, so n replicates have 2^(n-1).
    dim : str
        The replicates: actors, never pixels. `InputError` if it is missing, or fewer than two of them are left.

    Returns
    -------
    Dataset
        - **t** (...): Student's t of the mean; NaN where all differences are 0.
        - **p_value** (...): two-sided, adjusted over pixels by the largest |t|; in [**p_attainable**, 1].
        - **threshold**: |t| must pass it for p <= 0.05. **null** (permutation): the largest |t| of each flip.
        - **n** replicates used, **n_undefined** left out, **n_permutations**.

    Notes
    -----
    The null hypothesis is that differences are distributed symmetrically about 0; other shapes only matter with few
    replicates. With 5 replicates no p is below 1/16. |t| rises with the squared sum of the differences over their sum
    of squares, which no flip changes; so a flip costs one row of a matrix product. Products are in float32, which errs
    by some 1e-6 of t, and in float64 where flips are enumerated, so that ties count.

    References
    ----------
    Nichols & Holmes (2002), doi:10.1002/hbm.1058; Winkler et al. (2014), doi:10.1016/j.neuroimage.2014.01.060
    """
    if not isinstance(differences, xr.DataArray) or dim not in differences.dims:
        raise InputError(Problem("differences", f"dims {getattr(differences, 'dims', type(differences).__name__)}",
                                 f"a DataArray with a dim {dim!r}"))
    ordered = differences.transpose(dim, ...)
    values = ordered.to_numpy().reshape(ordered.sizes[dim], -1)
    kept = np.isfinite(values.sum(axis=1))
    n = int(kept.sum())
    if n < 2:
        raise InputError(Problem("differences", f"{n} along {dim} without NaN", "at least 2"))
    values = in_range(values) if values.dtype == np.float64 else values
    ratio, shared = _ratios(values[kept] if not kept.all() else values, n_permutations, rng)
    t, null = _t(ratio, n), np.abs(_t(shared, n))
    template = ordered.isel({dim: 0}, drop=True)
    p = p_of_maxima(np.abs(t), null)
    return xr.Dataset({
        "t": template.copy(data=t.reshape(template.shape)), "p_value": template.copy(data=p.reshape(template.shape)),
        "threshold": critical_value(null), **about_null(null), "n": n, "n_undefined": len(kept) - n,
    }, attrs={"null": f"signs of {dim}s' differences flipped", "alternative": "two-sided",
              "family": "pixels (max-statistic)", "family_size": int(np.isfinite(t).sum())})


def _ratios(values: NDArray[Any], n_permutations: int, rng: np.random.Generator) -> tuple[Values, Values]:
    """Sum of differences over the root of n times their sum of squares, as observed (p,); its largest under flips."""
    n, n_pixels = values.shape
    groups = np.zeros(n, np.intp)
    enumerated = n_sign_flips(n, groups=groups) - 1 <= n_permutations
    dtype = np.float64 if enumerated else np.float32
    signs = np.concatenate([np.empty((0, n)), *sign_flips(n, n_permutations, rng, groups=groups)])
    signs = np.ascontiguousarray(signs.T, dtype)
    ratio, largest = np.empty(n_pixels), np.zeros(signs.shape[1])
    scaled = np.empty((n, 16 * _PIXELS), dtype)
    for start in range(0, n_pixels, 16 * _PIXELS):
        part = slice(start, start + 16 * _PIXELS)
        block = values[:, part].astype(np.float64, copy=False)
        norm = np.sqrt(n * np.einsum("ip,ip->p", block, block))
        sums = np.ones(n) @ block
        ratio[part] = np.divide(sums, norm, where=norm > 0, out=np.full(len(norm), np.nan))
        out = scaled[:, :len(norm)]
        np.multiply(block, 1 / np.where(norm > 0, norm, 1), out=out, casting="same_kind")
        np.maximum(largest, _largest(out, signs), out=largest)
    return ratio, largest


def _largest(scaled: NDArray[np.floating], signs: NDArray[np.floating]) -> Values:
    """Largest magnitude over pixels of the products of maps (n, w) with signs (n, B); (B,)."""
    largest = np.zeros(signs.shape[1])
    products = np.empty((_PIXELS, _FLIPS), scaled.dtype)  # memory that is used again
    for start in range(0, scaled.shape[1], _PIXELS):
        block = scaled[:, start:start + _PIXELS].T
        for first in range(0, signs.shape[1], _FLIPS):
            some = signs[:, first:first + _FLIPS]
            sums = np.matmul(block, some, out=products[:len(block), :some.shape[1]])
            part = largest[first:first + _FLIPS]
            np.maximum(part, np.maximum(sums.max(axis=0), -sums.min(axis=0)), out=part)
    return largest


def _t(ratio: Values, n: int) -> Values:
    """Student's t from the ratio; a ratio of 1 (all differences equal) makes it huge."""
    left = np.maximum(1 - ratio**2, 1e-14)
    return np.asarray(ratio * np.sqrt((n - 1) / left), np.float64)
