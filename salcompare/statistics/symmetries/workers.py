"""Laterality of people's maps, for other workers and other actors than those at hand.

All actors share workers, and what a worker favours leans to a side on all of them, so that workers are replicates too.
An actor's laterality is a ratio of sums of areas, so that resamples of workers need matrix products and no maps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from scipy import sparse, stats

from salcompare.errors import InputError, Problem, drawing
from salcompare.maps import natural_order, require_response_maps
from salcompare.statistics.inference.crossed import crossed_variance, t_interval_of
from salcompare.statistics.inference.resampling import FEWEST_ACTORS, LEVEL, bootstrap_weights
from salcompare.statistics.kernels import Values
from salcompare.statistics.responses import ImageBoxes, ImageResponses, Responses, names_of, responses_by_image

NO_SIDE = "the mean over all workers and all actors leans to neither side"
RESAMPLED = ("workers", "actors", "workers and actors")
_BATCH = 256  # resamples at a time; images x batch numbers are held
_MAPS = 16  # maps of single responses that are read at a time


@dataclass(frozen=True)
class _Halves:
    """Areas of boxes left and right of the midline, summed over each worker's boxes on an image.

    Attributes
    ----------
    left, right : sparse (image, worker)
        In pixels of the grid.
    boxes : sparse (image, worker)
        How many boxes there are.
    member : sparse (actor, image)
        1 where the image is the actor's.
    actors : ndarray of str (actor,)
        In natural order.
    """

    left: sparse.csr_array
    right: sparse.csr_array
    boxes: sparse.csr_array
    member: sparse.csr_array
    actors: NDArray[np.str_]

    def laterality(self, workers: Values) -> Values:  # (b, worker) -> (b, actor)
        """Compute (L - R) / (L + R) of the actors' heatmaps of coverage if workers count as often as the weights say.

        An actor's images weigh the same: their number cancels out.
        """
        return np.concatenate([self._laterality(workers[start:start + _BATCH].T)
                               for start in range(0, len(workers), _BATCH)])

    def of(self, actors: NDArray[np.bool_]) -> _Halves:
        """Keep some actors, their images, and the workers of these."""
        images = np.flatnonzero(self.member[actors].sum(axis=0))
        workers = np.flatnonzero(self.boxes[images].sum(axis=0))
        left, right, boxes = (part[images][:, workers] for part in (self.left, self.right, self.boxes))
        return _Halves(left, right, boxes, self.member[actors][:, images], self.actors[actors])

    def _laterality(self, workers: Values) -> Values:  # (worker, b) -> (b, actor)
        drawn = self.boxes @ workers
        share = 1 / np.where(drawn > 0, drawn, 1)
        left, right = (self.member @ ((part @ workers) * share) for part in (self.left, self.right))
        total = left + right
        return np.asarray(((left - right) / np.where(total > 0, total, np.nan)).T, float)


@drawing
def worker_laterality(responses: Responses, images: pd.DataFrame, *, size: tuple[int, int],
                      rng: np.random.Generator, n_resamples: int = 2000) -> xr.Dataset:
    """Test whether people's heatmaps lean to a side, workers and actors both taken as drawn at random.

    Parameters
    ----------
    responses : DataFrame or DataArray
        One row a box: ``image``, ``worker``, ``x0, y0, x1, y1`` in pixels of the image as shown, half-open; or maps
        (response, y, x) of gaze and the like on the grid, with coordinates ``image`` and ``worker``.
    images : DataFrame
        One row an image: ``image``, ``actor``, ``height``, ``width``; those without responses are left out.
    size : (int, int)
        Height and width of the grid of the maps.
    rng : Generator
        Draws the resamples.
    n_resamples : int
        Resamples of workers, of actors (with their images), and of both.

    Returns
    -------
    Dataset
        - **value**: mean over actors of the laterality (L - R) / (L + R) of an actor's heatmap (the mean over images
          of the means over responses), viewer's left, in [-1, 1]; an odd width's middle column is left out. That of
          `common_laterality_test` on the maps of `salcompare.rasterise_boxes`.
        - **ci_low**, **ci_high**: 95% t interval, workers and actors crossed; **p_value**, two-sided, of the same t:
          at most 0.05 where the interval leaves 0 out. **standard_error**, **freedom**: the fewer of workers and
          actors, less one. NaN with fewer than 7 degrees of freedom, or where the variance is not above 0.
        - **n** actors, **n_undefined** without anything left or right of the middle, **n_workers**, **n_images**,
          **reason**.
        - Over ``actor``: **laterality**. Over ``resampled`` and ``resample``: **draws** of the value.

    Raises
    ------
    InputError
        If a column is missing, a response's image is unknown or its worker is missing, or there is no response.

    Notes
    -----
    Null hypothesis: `NO_SIDE`. Workers are drawn at random from all who could have drawn boxes, with all their boxes,
    and actors from all who could have been shown, with all their images. `common_laterality_test` takes the workers as
    given: where they lean, all actors do, and it rejects too often for a claim about people. The variances with
    workers, actors, and both resampled are put together by `crossed_variance`.

    References
    ----------
    Schütt et al. (2023), doi:10.7554/eLife.82566
    """
    halves = _halves(responses, images, size)
    lateral = halves.laterality(np.ones((1, halves.boxes.shape[1])))[0]
    used = halves.of(~np.isnan(lateral))
    n_actors, n_workers = len(used.actors), used.boxes.shape[1]
    value = float(lateral[~np.isnan(lateral)].mean()) if n_actors else np.nan
    freedom = max(min(n_actors, n_workers) - 1, 0)
    draws = _draws(used, n_resamples, rng) if n_actors else np.full((3, n_resamples), np.nan)
    variance = float(crossed_variance(*draws))
    interval = t_interval_of(value, variance, freedom=freedom, resampled=RESAMPLED[2], level=LEVEL,
                             n_resamples=n_resamples, method="crossed t", n_undefined=np.isnan(draws[2]).sum())
    return xr.Dataset({
        "value": value, "ci_low": float(interval.low), "ci_high": float(interval.high),
        "p_value": _p(value, variance, freedom), "standard_error": np.sqrt(variance) if variance > 0 else np.nan,
        "freedom": freedom, "n": n_actors, "n_undefined": len(lateral) - n_actors, "n_workers": n_workers,
        "n_images": used.boxes.shape[0], "reason": str(interval.reason) if n_actors else "no box beside the midline",
        "laterality": ("actor", lateral), "draws": (("resampled", "resample"), draws)},
        coords={"actor": halves.actors, "resampled": list(RESAMPLED)},
        attrs={"ci_method": interval.method, "resampled": RESAMPLED[2], "n_resamples": n_resamples, "null": NO_SIDE,
               "alternative": "two-sided"})


def _halves(responses: Responses, images: pd.DataFrame, size: tuple[int, int]) -> _Halves:
    names = names_of(responses)
    if not len(names):
        raise InputError(Problem("responses", "no response", "at least one", "collect some"))
    if not isinstance(responses, pd.DataFrame):  # a side needs no more of a map than its sums over rows
        responses, size = _columns(responses), (1, size[1])
    found = responses_by_image(responses, images, size=size)
    nameless = np.flatnonzero(names["worker"].isna() | (names["worker"] == "")).tolist()
    if nameless:
        raise InputError([Problem(f"responses row {row}", "no worker", "a name for each worker") for row in nameless])
    worker = np.concatenate([part.worker for part in found.values()])
    image = np.repeat(np.arange(len(found)), [len(part.worker) for part in found.values()])
    areas = [np.concatenate(side) for side in zip(*(_sides(part, size) for part in found.values()), strict=True)]
    left, right, boxes = (sparse.csr_array((area.astype(float), (image, worker)), shape=(
        len(found), int(worker.max()) + 1)) for area in areas)
    owner = images.set_index("image")["actor"].astype(str).reindex(list(found)).to_numpy(str)
    actors = natural_order(owner.tolist()).astype(str)
    member = sparse.csr_array((actors[:, np.newaxis] == owner).astype(float))
    return _Halves(left, right, boxes, member, actors)


def _columns(maps: xr.DataArray) -> xr.DataArray:
    """Sum maps (response, y, x) over rows, float64, some maps at a time; one row (response, 1, x) is left."""
    require_response_maps(maps)
    ordered = maps.transpose("response", "y", "x")
    sums = np.empty((ordered.sizes["response"], 1, ordered.sizes["x"]))
    for start in range(0, len(sums), _MAPS):
        some = ordered.isel(response=slice(start, start + _MAPS)).to_numpy()
        sums[start:start + _MAPS, 0] = some.sum(axis=1, dtype=np.float64)
    return ordered.isel(y=slice(0, 1)).copy(data=sums)


def _sides(part: ImageResponses, size: tuple[int, int]) -> tuple[Values, Values, Values]:
    """Give what each response to an image holds left and right of the midline, and whether it holds anything."""
    half = size[1] // 2
    if isinstance(part, ImageBoxes):
        height = part.down.sum(axis=1)
        return part.across[:, :half].sum(axis=1) * height, part.across[:, size[1] - half:].sum(axis=1) * height, (
            height > 0)
    columns: Values = np.concatenate([maps.reshape(-1, *size).sum(axis=1, dtype=np.float64) for maps in part.parts])
    return columns[:, :half].sum(axis=1), columns[:, size[1] - half:].sum(axis=1), np.asarray(
        columns.any(axis=1), np.float64)


def _draws(halves: _Halves, n_resamples: int, rng: np.random.Generator) -> Values:  # (3, n_resamples)
    """Draw the population's mean with workers, with actors, and with both resampled."""
    workers = bootstrap_weights(halves.boxes.shape[1], n_resamples, rng, fewer=1)
    actors = bootstrap_weights(len(halves.actors), n_resamples, rng, fewer=1)
    observed = halves.laterality(np.ones((1, halves.boxes.shape[1])))
    resampled = halves.laterality(workers)
    return np.stack([_mean(resampled, np.ones_like(actors)), _mean(observed, actors), _mean(resampled, actors)])


def _mean(lateral: Values, weights: Values) -> Values:  # (b or 1, actor), (b, actor) -> (b,)
    """Mean over actors by weight, of those that have a value."""
    held = np.where(np.isnan(lateral), 0, weights)
    total = held.sum(axis=1)
    return np.asarray((held * np.nan_to_num(lateral)).sum(axis=1) / np.where(total > 0, total, np.nan), float)


def _p(value: float, variance: float, freedom: int) -> float:
    if not (variance > 0 and freedom >= FEWEST_ACTORS - 1):
        return float("nan")
    return float(2 * stats.t.sf(abs(value) / np.sqrt(variance), freedom))
