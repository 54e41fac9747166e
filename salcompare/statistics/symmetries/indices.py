"""Left-right symmetry of maps: descriptive indices, what noise does to them, and an odd share free of noise.

F is the mirror of a map S about the image's vertical midline; its even part is (S + F) / 2, its odd part (S - F) / 2.
"""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from salcompare.errors import InputError, Problem
from salcompare.maps import natural_order
from salcompare.maps.checks import require_maps
from salcompare.statistics.inference.levels import population_mean
from salcompare.statistics.kernels import Maps, Values, compare, dot, flat, standardised

_BLOCK = 1 << 22  # values of mirrored means held at once (32 MB)


def symmetry(maps: xr.DataArray) -> xr.Dataset:
    """Compare maps with their own mirror images.

    Parameters
    ----------
    maps : DataArray (..., y, x)
        Maps or heatmaps; any other dims.

    Returns
    -------
    Dataset (...)
        - **index**: 1 - sum|S - F| / sum(|S| + |F|); 1 for a symmetric map, 0 where no pixel meets a salient mirror
          image. It follows the noise: see `symmetric_null_mean`.
        - **mirror_correlation**: pearson(S, F), in [-1, 1]; NaN where the map is constant.
        - **laterality**: (L - R) / (L + R), L and R the sums left and right of the midline as the viewer sees it, an
          odd width's middle column left out; for non-negative maps in [-1, 1].

        NaN where a map is empty or holds NaN.
    """
    require_maps(maps, "maps")
    return xr.Dataset({"index": compare(_index, maps), "mirror_correlation": compare(_mirror_correlation, maps),
                       "laterality": compare(_laterality, maps)})


def symmetric_null_mean(maps: xr.DataArray, *, rng: np.random.Generator, n_draws: int = 200) -> xr.DataArray:
    """Mean index that an actor's heatmap has if its images are symmetric but for noise.

    Parameters
    ----------
    maps : DataArray (image, y, x)
        Maps or masks, with coordinate ``actor`` along ``image``. Empty maps and maps that hold NaN are left out, as
        in `salcompare.maps.actor_heatmap`.
    rng : Generator
        Decides which images are mirrored.
    n_draws : int
        Each draw mirrors every image with probability one half, averages, and computes the index.

    Returns
    -------
    DataArray (actor)
        Mean index over draws; NaN for an actor without a defined map.

    Notes
    -----
    If left and right are exchangeable in every image, the index of the actor's heatmap is one such draw.
    """
    require_maps(maps, "maps", dims=("image", "y", "x"))
    return _by_actor(maps, lambda rows, width: _mirrored_index(rows, width, n_draws, rng))


def cross_validated_odd_share(maps: xr.DataArray) -> xr.DataArray:
    """Share of an actor's energy that is odd, from inner products between different images.

    Parameters
    ----------
    maps : DataArray (image, y, x)
        Maps with coordinate ``actor`` along ``image``, smoothed alike where sources are compared. Empty maps and maps
        that hold NaN are left out.

    Returns
    -------
    DataArray (actor)
        odd / (odd + even), each the sum over pairs of different images of the inner product of their odd (even)
        parts. Noise that is independent between images adds nothing: 0 in expectation for symmetric actors, and
        negative as often as positive; 0.5 for energy on one side only. NaN with fewer than two images, or where the
        images' common energy is not positive.
    """
    require_maps(maps, "maps", dims=("image", "y", "x"))
    return _by_actor(maps, _odd_share)


def odd_share_difference(human: xr.DataArray, classifier: xr.DataArray) -> xr.Dataset:
    """Compare the cross-validated odd shares of people's and a classifier's maps, paired over actors.

    Parameters
    ----------
    human, classifier : DataArray (image, y, x)
        Maps with coordinate ``actor`` along ``image``, smoothed alike.

    Returns
    -------
    Dataset
        Over ``actor`` (those of both): **human**, **classifier**. Scalars: **value**, mean of human - classifier;
        **ci_low**, **ci_high**, by t over actors, NaN below eight; **n**, **n_undefined** actors, **reason**.
    """
    one, other = xr.align(cross_validated_odd_share(human), cross_validated_odd_share(classifier), join="inner")
    return population_mean(one - other).assign(human=one, classifier=other)


def _index(maps: Maps) -> Values:  # (..., y, x) -> (...), and so below
    values = maps.astype(np.float64)
    mirrored = values[..., ::-1]
    total = 2 * np.abs(values).sum(axis=(-2, -1))
    index: Values = 1 - np.abs(values - mirrored).sum(axis=(-2, -1)) / np.where(total > 0, total, np.nan)
    return index


def _mirror_correlation(maps: Maps) -> Values:
    # the mirror has the same mean and spread, so one standardised map serves for both
    rows = standardised(flat(maps)).reshape(maps.shape)
    correlation: Values = dot(flat(rows), flat(rows[..., ::-1])) / (maps.shape[-2] * maps.shape[-1])
    return np.clip(correlation, -1, 1)


def _laterality(maps: Maps) -> Values:
    half = maps.shape[-1] // 2
    left = maps[..., :half].astype(np.float64).sum(axis=(-2, -1))
    right = maps[..., maps.shape[-1] - half:].astype(np.float64).sum(axis=(-2, -1))
    total = left + right
    laterality: Values = (left - right) / np.where(total == 0, np.nan, total)
    middle: Values = maps[..., half:maps.shape[-1] - half].sum(axis=(-2, -1))
    return np.where(np.isnan(middle), np.nan, laterality)


def _by_actor(maps: xr.DataArray, kernel: object) -> xr.DataArray:
    """Apply a kernel to the maps of each actor in turn, so that lazy maps are read an actor at a time."""
    if "actor" not in maps.coords:
        raise InputError(Problem("maps", f"coordinates {', '.join(map(str, maps.coords))}", "an actor for each image",
                                 "add it: maps.assign_coords(actor=('image', actors))"))
    assert callable(kernel)  # noqa: S101 - for the type checker
    actors = natural_order(maps.actor.values.tolist()).astype(str)
    named = maps.actor.values.astype(str)
    values = []
    for actor in actors.tolist():
        own = maps.isel(image=np.flatnonzero(named == actor)).transpose("image", "y", "x").values
        rows = flat(own)
        kept = np.isfinite(rows).all(axis=1) & rows.any(axis=1)
        values.append(kernel(rows[kept], own.shape[-1]))
    return xr.DataArray(np.array(values, dtype=np.float64), dims="actor", coords={"actor": actors})


def _mirrored(rows: Values, width: int) -> Values:
    """Mirror maps (image, pixel) of a width."""
    mirrored: Values = rows.reshape(len(rows), rows.shape[1] // width, width)[..., ::-1].reshape(rows.shape)
    return mirrored


def _mirrored_index(rows: Values, width: int, n_draws: int, rng: np.random.Generator) -> float:
    if not len(rows):
        return float("nan")
    odd = (rows - _mirrored(rows, width)) / 2 / len(rows)
    even = rows.mean(axis=0) - odd.sum(axis=0)
    step = max(1, _BLOCK // rows.shape[1])
    total = 0.0
    for start in range(0, n_draws, step):
        signs: NDArray[np.float64] = rng.choice(np.array([1.0, -1.0]), size=(min(step, n_draws - start), len(rows)))
        asymmetric = signs @ odd
        magnitude = np.abs(even + asymmetric).sum(axis=1)
        total += float((1 - np.abs(asymmetric).sum(axis=1) / np.where(magnitude > 0, magnitude, np.nan)).sum())
    return total / n_draws


def _odd_share(rows: Values, width: int) -> float:
    mirrored = _mirrored(rows, width)
    odd, even = _energy_between(rows - mirrored), _energy_between(rows + mirrored)
    return odd / (odd + even) if len(rows) > 1 and odd + even > 0 else float("nan")


def _energy_between(parts: Values) -> float:
    """Sum over pairs of different rows of their inner products."""
    together = parts.sum(axis=0)
    return float(together @ together - np.einsum("ij,ij->", parts, parts))
