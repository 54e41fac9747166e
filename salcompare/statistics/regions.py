"""How the mass of maps is shared out between the regions of the canonical face."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from scipy import sparse, stats

from salcompare.errors import InputError, Problem
from salcompare.faces import LABEL_REGIONS, canonical_frame, region_masks
from salcompare.maps import natural_order
from salcompare.maps.canonical import SCALE, to_canonical
from salcompare.random_numbers import drawing
from salcompare.statistics.inference.crossed import crossed_variance, t_interval_of
from salcompare.statistics.inference.resampling import FEWEST_ACTORS, LEVEL, bootstrap_weights
from salcompare.statistics.kernels import Values

RESAMPLED = "workers and actors"
SAME_SHARE = "people and the other maps have the same share of their mass in the region"
_BATCH = 200  # resamples that are held at a time


def region_masses(maps: xr.DataArray, landmarks: xr.DataArray, *, images: pd.DataFrame | None = None,
                  scale: float = SCALE) -> xr.Dataset:
    """Sum maps over the regions of the canonical face.

    Parameters
    ----------
    maps, landmarks, images, scale
        As for `salcompare.to_canonical`, of MediaPipe's points.

    Returns
    -------
    Dataset (image, ..., region)
        ``mass``, the sum of what a photograph shows of a region, and ``area``, how much of it that is: both times the
        area of a pixel, squares of the inter-ocular distance. Zeros where there is no face.

    Raises
    ------
    InputError
        As `salcompare.to_canonical`, and where the points are not those of the regions.
    """
    frame = canonical_frame(landmarks)
    regions = region_masks(frame, scale=scale)
    canonical = to_canonical(maps, landmarks, images=images, frame=frame, scale=scale)
    masks = regions.astype(canonical.dtype).drop_vars(("y", "x", "area"))
    bare, pixel = canonical.drop_vars(("y", "x")), scale**-2
    seen = bare.notnull().astype(canonical.dtype)  # noqa: PD004 - of xarray
    return xr.Dataset({"mass": xr.dot(bare.fillna(0), masks, dim=("y", "x")).astype(np.float64) * pixel,
                       "area": xr.dot(seen, masks, dim=("y", "x")).astype(np.float64) * pixel})


def region_shares(masses: xr.DataArray) -> xr.DataArray:
    """Divide masses (..., region) by their sum over regions; NaN where that is 0."""
    total = masses.sum("region")
    shares: xr.DataArray = masses / total.where(total > 0)
    return shares


def named_regions(labels: pd.Series[str]) -> xr.DataArray:
    """Give what each response's label names, as a mass of 1: (response, region).

    A label that names several regions, such as nose, is divided by their areas; one that names none has no mass.
    """
    areas = region_masks(scale=1).area
    names = areas["region"].to_numpy().tolist()
    named = {label: np.where(np.isin(names, regions), areas, 0) for label, regions in LABEL_REGIONS.items()}
    values = np.array([named.get(str(label), np.zeros(len(names))) for label in labels]).reshape(-1, len(names))
    return region_shares(xr.DataArray(values, {"region": names}, ("response", "region"))).fillna(0)


@dataclass(frozen=True)
class _Masses:
    """Masses of people's responses, summed over each worker's on an image."""

    regions: tuple[sparse.csr_array, ...]  # (image, worker), one a region
    total: sparse.csr_array  # (image, worker)
    member: sparse.csr_array  # (actor, image) 1 where the image is the actor's

    def shares(self, workers: Values) -> Values:  # (b, worker) -> (b, actor, region)
        """Mean over each actor's images of the shares, if workers count as often as the weights say."""
        return np.concatenate([self._shares(workers[start:start + _BATCH].T)
                               for start in range(0, len(workers), _BATCH)])

    def _shares(self, workers: Values) -> Values:  # (worker, b) -> (b, actor, region)
        total = self.total @ workers
        held = (total > 0).astype(float)
        inverse, images = held / np.where(total > 0, total, 1), self.member @ held
        counted = np.where(images > 0, images, np.nan)
        return np.stack([(self.member @ ((mass @ workers) * inverse) / counted).T for mass in self.regions], axis=-1)


@drawing
def people_region_shares(masses: xr.DataArray, *, rng: np.random.Generator, other: xr.DataArray | None = None,
                         n_resamples: int = 2000) -> xr.Dataset:
    """Share of the mass of people's maps in each region, workers and actors both taken as drawn at random.

    Parameters
    ----------
    masses : DataArray (response, region)
        Of each response's map, with coordinates ``image``, ``actor`` and ``worker`` along ``response``; an image's map
        is the mean over its responses.
    rng, n_resamples : Generator, int
        How many resamples to draw of workers, of actors (with their images), and of both.
    other : DataArray (actor, region), optional
        What is taken from people's shares, actor by actor, such as the mean shares of a classifier's maps. Actors that
        only one of them has are left out.

    Returns
    -------
    Dataset (region)
        - **value**: mean over actors of the mean over images of the share of the map's mass in the region; less the
          other's, if given. **one**, **other**: the two, over the same actors.
        - **ci_low**, **ci_high**: 95% t interval, workers and actors crossed; with `other` **p_value**, two-sided, of
          the same t. NaN with fewer than 7 degrees of freedom or without variance, with the **reason**.
        - **n** actors, **n_undefined** without any mass.

    Raises
    ------
    InputError
        Where a coordinate or a worker's name is missing.

    Notes
    -----
    Variances with workers, with actors, and with both resampled are put together by `crossed_variance`. What `other`
    varies from worker to worker is nothing; from actor to actor it is resampled with people's share. Simulated, 1,000
    studies of 12 actors with 1 to 4 images, each with 2 to 9 of 15 workers: 95% intervals held the truth in 94.7% where
    actors and workers differ by less than responses do, and in 94.4% where they differ by more.

    References
    ----------
    Schütt et al. (2023), doi:10.7554/eLife.82566
    """
    of, actors, n_workers = _masses(masses)
    observed = of.shares(np.ones((1, n_workers)))[0]
    less = np.zeros(observed.shape) if other is None else other.reindex(
        actor=actors, region=masses["region"]).transpose("actor", "region").to_numpy()
    used = ~np.isnan(observed + less).any(axis=1)
    one, less = observed[used], less[used]
    n = len(one)
    draws = _draws(of, used, one, less, n_resamples, rng) if n else np.full((3, 1, observed.shape[1]), np.nan)
    value, freedom = (one - less).mean(axis=0) if n else draws[2, 0], max(min(n, n_workers) - 1, 0)
    variance = crossed_variance(*draws)
    interval = t_interval_of(value, variance, freedom=freedom, resampled=RESAMPLED, level=LEVEL,
                             n_resamples=n_resamples, method="crossed t", n_undefined=np.isnan(draws[2]).sum(axis=0))
    error = np.sqrt(np.where(variance > 0, variance, np.nan))
    known = other is not None and freedom >= FEWEST_ACTORS - 1
    columns = {"value": value, "ci_low": interval.low, "ci_high": interval.high, "reason": interval.reason,
               "one": one.mean(axis=0) if n else value, "other": less.mean(axis=0) if n else value,
               "p_value": 2 * stats.t.sf(np.abs(value) / error, freedom) if known else np.full(value.shape, np.nan)}
    return xr.Dataset({name: ("region", column) for name, column in columns.items()}, {"region": masses["region"]},
                      {"ci_method": interval.method, "resampled": RESAMPLED, "n_resamples": n_resamples,
                       "null": SAME_SHARE, "alternative": "two-sided"}).assign(n=n, n_undefined=len(used) - n)


def _masses(masses: xr.DataArray) -> tuple[_Masses, NDArray[np.str_], int]:
    """Sum masses by image and worker; give them, the actors in natural order, and how many workers there are."""
    lacking = [name for name in ("image", "actor", "worker") if name not in masses.coords]
    problems = [Problem("masses", f"no coordinate {name!r}", "image, actor and worker") for name in lacking]
    if not problems and (pd.isna(masses["worker"].to_numpy()) | (masses["worker"].to_numpy() == "")).any():
        problems = [Problem("masses", "responses without a worker", "a name for each worker")]
    if problems:
        raise InputError(problems)
    images, first, image = np.unique(masses["image"].to_numpy().astype(str), return_index=True, return_inverse=True)
    workers, worker = np.unique(masses["worker"].to_numpy().astype(str), return_inverse=True)
    owner = masses["actor"].to_numpy().astype(str)[first]
    actors = natural_order(owner.tolist()).astype(str)
    values = masses.transpose("response", "region").to_numpy()
    shape = (len(images), len(workers))
    regions = tuple(sparse.csr_array((column, (image, worker)), shape=shape) for column in values.T)
    total = sparse.csr_array((values.sum(axis=1), (image, worker)), shape=shape)
    member = sparse.csr_array((actors[:, np.newaxis] == owner).astype(float))
    return _Masses(regions, total, member), actors, len(workers)


def _draws(of: _Masses, used: NDArray[np.bool_], one: Values, less: Values, n_resamples: int,
           rng: np.random.Generator) -> Values:  # (3, b, region)
    """Draw the mean with workers, with actors, and with both resampled."""
    workers = bootstrap_weights(of.total.shape[1], n_resamples, rng, fewer=1)
    actors = bootstrap_weights(len(one), n_resamples, rng, fewer=1)
    resampled = of.shares(workers)[:, used] - less
    return np.stack([_mean(resampled, np.ones_like(actors)), _mean((one - less)[np.newaxis], actors),
                     _mean(resampled, actors)])


def _mean(shares: Values, weights: Values) -> Values:  # (b or 1, actor, region), (b, actor) -> (b, region)
    """Mean over actors by weight, of those that have a value."""
    held = np.where(np.isnan(shares).any(axis=2), 0, weights)
    total = held.sum(axis=1)[:, np.newaxis]
    sums = np.matmul(held[:, np.newaxis], np.nan_to_num(shares))[:, 0]
    return np.asarray(sums / np.where(total > 0, total, np.nan), float)
