"""Left-right symmetry of maps: descriptive indices, what noise does to them, and odd and even parts.

F is the mirror of a map S about the image's vertical midline; its even part is (S + F) / 2, its odd part (S - F) / 2.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import xarray as xr

from salcompare.blocks import side_by_side
from salcompare.maps import natural_order
from salcompare.maps.checks import require_maps
from salcompare.random_numbers import drawing
from salcompare.statistics.inference.permutation import joined, sign_flips
from salcompare.statistics.kernels import Codes, Maps, Values, compare, dot, flat, maps_in_range, standardised

DIMS = ("image", "y", "x")
MIRRORINGS = 200  # draws of single images mirrored that the mean index of noise rests on
IMAGES_MIRRORED = "single images mirrored at random"
NO_ENERGY = "the maps' common energy is not positive"
_BLOCK = 1 << 19  # values of mirrored means that a core holds at once (4 MB)


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
          odd width's middle column left out; in [-1, 1]. NaN where a map has a negative value: sides share out no sum.

        NaN where a map is empty or holds NaN.
    """
    require_maps(maps, "maps")
    return xr.Dataset({"index": compare(_index, maps), "mirror_correlation": compare(_mirror_correlation, maps),
                       "laterality": compare(_laterality, maps)})


@drawing
def symmetric_null_mean(maps: xr.DataArray, *, rng: np.random.Generator, n_draws: int = MIRRORINGS) -> xr.DataArray:
    """Mean index that an actor's heatmap has if its images are symmetric but for noise.

    Parameters
    ----------
    maps : DataArray (image, y, x)
        Maps or masks, with coordinate ``actor`` along ``image``. Empty maps and maps that hold NaN are left out, as
        in `salcompare.maps.actor_heatmap`.
    rng, n_draws : Generator, int
        Each draw mirrors every image with probability one half, averages, and computes the index.

    Returns
    -------
    DataArray (actor)
        Mean index over draws; NaN for an actor without a defined map. attrs: ``null``.

    Notes
    -----
    If left and right are exchangeable in every image, the index of the actor's heatmap is one such draw.
    """
    values = {one.actor: _mirrored_index(one.values, n_draws, rng) for one in each_actor(maps)}
    return xr.DataArray(np.array(list(values.values()), dtype=np.float64), dims="actor",
                        coords={"actor": np.array(list(values), dtype=str)}, attrs={"null": IMAGES_MIRRORED})


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
    return np.where(np.isnan(middle) | (maps < 0).any(axis=(-2, -1)), np.nan, laterality)


def _mirrored_index(maps: Values, n_draws: int, rng: np.random.Generator) -> float:
    if not len(maps):
        return float("nan")
    rows = flat(maps)
    odd = (rows - flat(maps[..., ::-1])) / 2 / len(rows)
    even = rows.mean(axis=0) - odd.sum(axis=0)
    step = max(1, _BLOCK // rows.shape[1])

    def index(signs: Values) -> float:
        """Sum the index over some draws."""
        asymmetric = signs @ odd
        magnitude = np.abs(even + asymmetric).sum(axis=1)
        return float((1 - np.abs(asymmetric).sum(axis=1) / np.where(magnitude > 0, magnitude, np.nan)).sum())

    drawn = (rng.choice(np.array([1.0, -1.0]), size=(min(step, n_draws - start), len(rows)))
             for start in range(0, n_draws, step))
    return sum(side_by_side(index, drawn)) / n_draws


@dataclass(frozen=True)
class ActorMaps:
    """The defined maps of one actor: neither empty nor with a value that is not finite."""

    actor: str
    images: Codes  # (n,) where the maps are in the stack
    values: Values  # (n, y, x)


def require_actors(maps: xr.DataArray) -> None:
    """Refuse what is no maps (image, y, x) with an actor for each image."""
    require_maps(maps, "maps", dims=DIMS, named=("image", "actor"))


def each_actor(maps: xr.DataArray) -> Iterator[ActorMaps]:
    """Read the maps of each actor in turn, in natural order, so that lazy maps are read an actor at a time."""
    require_actors(maps)
    named, data = maps["actor"].to_numpy().astype(str), maps_in_range(maps).transpose(*DIMS).data
    for actor in natural_order(named.tolist()).astype(str).tolist():
        places = np.flatnonzero(named == actor)
        values = np.asarray(data[places], dtype=np.float64)
        kept = np.isfinite(values).all(axis=(1, 2)) & values.any(axis=(1, 2))
        yield ActorMaps(actor, places[kept], values[kept])


def folded(maps: Maps) -> tuple[Values, Values]:  # (..., y, x) -> (..., y * half), (..., y * (half or half + 1))
    """Odd and even parts as rows whose inner products are those of the whole parts."""
    values = maps.astype(np.float64, copy=False)
    width = values.shape[-1]
    half = width // 2
    left, right = values[..., :half], values[..., ::-1][..., :half]
    odd, even = (left - right) / np.sqrt(2), (left + right) / np.sqrt(2)
    if width % 2:
        even = np.concatenate([even, values[..., half:half + 1]], axis=-1)
    rows, height = values.shape[:-2], values.shape[-2]
    return odd.reshape(*rows, height * half), even.reshape(*rows, height * (width - half))


def pair_sum(rows: Values) -> float:
    """Sum over unordered pairs of different rows of their inner products."""
    together = rows.sum(axis=0)
    return float(together @ together - np.einsum("ij,ij->", rows, rows)) / 2


def mirrored(products: Values, n_permutations: int, rng: np.random.Generator) -> Values:
    """Sum inner products (u, u) of units that are mirrored at random, over all pairs of units; one for each draw."""
    batches = sign_flips(len(products), n_permutations, rng, groups=np.zeros(len(products), np.intp))
    return joined(np.einsum("ij,ij->i", signs @ products, signs) for signs in batches)
