"""Canonical model-level saliency: what the maps of many people's photographs have in common, in the canonical frame."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from salcompare.errors import InputError, Problem
from salcompare.maps import natural_order
from salcompare.maps.checks import require_maps
from salcompare.random_numbers import drawing
from salcompare.statistics.inference.resampling import t_interval
from salcompare.statistics.kernels import Values
from salcompare.statistics.relative.paired import paired_map_test

LEAST_SEEN = 0.9
"""Share of the photographs that must show a place for it to be tested, and to count in the reliability."""
FEWEST_FOR_HALVES = 4
"""Actors of whom two halves can be made that are means."""
_AT_ONCE = 64  # photographs in memory


@drawing
def canonical_model_saliency(maps: xr.DataArray, *, rng: np.random.Generator, standardise: bool = True,
                             n_permutations: int = 9999, n_splits: int = 100) -> xr.Dataset:
    """Average maps of the canonical frame over people, and tell where they are sure to stand out (CMS).

    Parameters
    ----------
    maps : DataArray (image, y, x)
        Of any source, as `salcompare.to_canonical` or `salcompare.canonical_saliency` gives them, with coordinate
        ``actor`` along ``image``; NaN where a photograph does not show the place; eager or dask, of which 64 are in
        memory at a time. Actors may have different numbers of images.
    rng : Generator
        Draws sign flips, then halves.
    standardise : bool
        Whether each map is first brought to mean 0 and standard deviation 1 over the places that its photograph shows,
        so that no photograph counts for more than another; else maps count as they are.
    n_permutations, n_splits : int
        Sign flips, all of them where there are no more; random halves of the actors.

    Returns
    -------
    Dataset
        - **saliency** (y, x): mean over actors of the mean over an actor's images, in standard deviations of a map, or
          in the maps' unit; NaN where no photograph shows the place. **ci_low**, **ci_high** (y, x): 95% t interval
          over the actors that show it, NaN with fewer than eight.
        - **n** and **n_actors** (y, x): photographs and actors that show the place.
        - **t**, **p_value** (y, x): of the mean being 0, which is the mean of a map where they are standardised; p is
          adjusted over the places by the largest |t| under sign flips of actors, in [**p_attainable**, 1]. NaN where
          fewer than `LEAST_SEEN` of the photographs or not all actors show the place.
        - **reliability**: correlation over those places that two sets of so many actors are expected to have, 2 r /
          (1 + r) of the halves' mean correlation r. NaN with fewer than four actors.
        - **n_images**, **n_undefined**: photographs used, and left out because their map is constant or NaN.

    Raises
    ------
    InputError
        If dims or actors are missing, there are not two actors with a map, or no place is shown by all actors.

    References
    ----------
    John, Balasubramanian & Jawahar (2021), arXiv:2105.01386; Nichols & Holmes (2002), doi:10.1002/hbm.1058
    """
    require_maps(maps, "maps", dims=("image", "y", "x"), named=("actor",))
    ordered = maps.transpose("image", "y", "x")
    sums, counts, used = _sums(ordered, standardise=standardise)
    tested = (counts.sum(axis=0) >= LEAST_SEEN * used) & (counts > 0).all(axis=0)
    if len(sums) < 2 or not tested.any():
        raise InputError(Problem("maps", f"{len(sums)} actors with a map, and {int(tested.sum())} places that all of "
                                 "them show", "two actors at least, and a place", "see the landmarks' page"))
    means = np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)
    test = paired_map_test(xr.DataArray(means[:, tested], dims=("actor", "place")), rng=rng,
                           n_permutations=n_permutations)
    interval, n_actors = t_interval(means), (counts > 0).sum(axis=0)
    saliency = np.divide(np.nansum(means, axis=0), n_actors, out=np.full(len(n_actors), np.nan), where=n_actors > 0)
    of_places = {"saliency": saliency, "ci_low": interval.low, "ci_high": interval.high, "n": counts.sum(axis=0),
                 "n_actors": n_actors, "t": _spread(test["t"], tested), "p_value": _spread(test["p_value"], tested)}
    coords = {dim: ordered.coords[dim] for dim in ("y", "x") if dim in ordered.coords}
    grid = {name: (("y", "x"), one.reshape(ordered.shape[1:])) for name, one in of_places.items()}
    about = {name: test[name] for name in ("threshold", "p_attainable", "n_permutations")}
    return xr.Dataset({**grid, **about, "reliability": _reliability(means[:, tested], n_splits, rng),
                       "n_images": used, "n_undefined": len(ordered) - used}, coords, {
        **{name: value for name, value in ordered.attrs.items() if isinstance(value, (str, int, float))},
        **test.attrs, "ci_method": interval.method, "resampled": interval.resampled, "standardised": int(standardise)})


def _sums(maps: xr.DataArray, *, standardise: bool) -> tuple[Values, Values, int]:
    """Sum each actor's maps (actor, pixel) where they are seen; also give how many, and how many maps were used.

    Actors without a map are left out, the others in natural order.
    """
    names = maps["actor"].to_numpy().astype(str).tolist()
    row = {actor: at for at, actor in enumerate(natural_order(names).tolist())}
    sums, counts = np.zeros((2, len(row), maps.sizes["y"] * maps.sizes["x"]))
    used = 0
    for name, values in zip(names, _each(maps), strict=True):
        seen = np.isfinite(values)
        shown = values[seen]
        if not len(shown) or shown.std() == 0:
            continue
        used += 1
        counts[row[name]] += seen
        sums[row[name], seen] += (shown - shown.mean()) / shown.std() if standardise else shown
    kept = counts.any(axis=1)
    return sums[kept], counts[kept], used


def _each(maps: xr.DataArray) -> Iterator[Values]:
    """Give the values of each map (pixel,), some read at a time."""
    for start in range(0, maps.sizes["image"], _AT_ONCE):
        yield from maps[start:start + _AT_ONCE].to_numpy().reshape(-1, maps.sizes["y"] * maps.sizes["x"]).astype(float)


def _spread(values: xr.DataArray, tested: NDArray[np.bool_]) -> Values:
    """Put values of the tested pixels among all, NaN elsewhere."""
    whole = np.full(len(tested), np.nan)
    whole[tested] = values
    return whole


def _reliability(means: Values, n_splits: int, rng: np.random.Generator) -> float:
    """Tell how two sets of so many actors (actor, pixel) would correlate, from random halves."""
    n = len(means)
    if n < FEWEST_FOR_HALVES:
        return np.nan
    halves = np.argsort(rng.random((n_splits, n)), axis=1) < n // 2
    one = halves @ means / (n // 2)
    other = ~halves @ means / (n - n // 2)
    one, other = (part - part.mean(axis=1, keepdims=True) for part in (one, other))
    norms = np.sqrt((one**2).sum(axis=1) * (other**2).sum(axis=1))
    r = float(np.divide((one * other).sum(axis=1), norms, out=np.full(n_splits, np.nan), where=norms > 0).mean())
    return 2 * r / (1 + r)
