"""Ceilings of any metric: people against other people, and the classifier against the very same people."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from salcompare.errors import InputError, Problem, drawing
from salcompare.maps import smooth
from salcompare.maps.checks import require_maps
from salcompare.statistics.metrics.areas import SHARE
from salcompare.statistics.metrics.registry import required_metrics
from salcompare.statistics.overlaps.same_image import overlap
from salcompare.statistics.responses import Responses, chosen, coverage_of, names_of

Rows = NDArray[np.bool_]


@drawing
def half_ceiling(responses: Responses, images: pd.DataFrame, classifier_maps: xr.DataArray, *,
                 rng: np.random.Generator, metrics: Collection[str] = ("pearson",), share: float = SHARE,
                 sigma: float | None = None, n_splits: int = 10) -> xr.Dataset:
    """Overlap of half of the workers with the other half, and of the classifier with that same other half.

    Parameters
    ----------
    responses : DataFrame or DataArray
        One row a box: ``image``, ``worker``, ``x0, y0, x1, y1`` in pixels of the image as shown, half-open. Or maps
        (response, y, x) on the grid with coordinates ``image``, ``actor`` and ``worker``, of gaze or ready-made.
    images : DataFrame
        One row an image: ``image``, ``actor``, ``height``, ``width``.
    classifier_maps : DataArray (image, y, x)
        Eager or dask.
    rng : Generator
        Splits the workers of each image.
    metrics : collection of str
        Some of `METRICS`.
    share, sigma
        As for `overlap`.
    n_splits : int
        Random splits. With an odd number of workers one sits out, drawn anew for each split.

    Returns
    -------
    Dataset
        Over ``metric`` and ``image``: **ceiling**, mean over splits of the first half's coverage in the classifier's
        place against the second half's, and **score**, of the classifier's map against the second half's. Over
        ``image``: **n_workers**, coordinate ``actor``, and **reason** where there is neither.

    Raises
    ------
    InputError
        If a metric is unknown, a column is missing, or no image has both responses and a map.

    Notes
    -----
    Score and ceiling have one target, half of the workers, so that they compare with each other and with nothing
    else: half the workers make a noisier target than all of them. All rows of a worker fall into one half, so that
    the copies of a worker in a resample never agree with themselves.
    """
    table = _Table(responses, images, classifier_maps)
    sides = (table.halves(rng) for _ in range(n_splits))
    return _compared(table, sides, metrics, share, sigma).assign_attrs(n_splits=n_splits, target="half of the workers")


@drawing
def rest_ceiling(responses: Responses, images: pd.DataFrame, classifier_maps: xr.DataArray, *,
                 rng: np.random.Generator, metrics: Collection[str] = ("pearson",), share: float = SHARE,
                 sigma: float | None = None, n_single: int | None = None) -> xr.Dataset:
    """Overlap of all other workers with a single one, and of the classifier with that same one.

    Parameters
    ----------
    responses, images, classifier_maps, metrics, share, sigma
        As for `half_ceiling`.
    rng : Generator
        Draws which workers of an image come first.
    n_single : int, optional
        How many workers of each image are taken in turn; all unless given.

    Returns
    -------
    Dataset
        As `half_ceiling` gives it: **ceiling**, mean over single workers of the coverage by the rest in the
        classifier's place against the worker's own, and **score**, of the classifier's map against the worker's own.

    Raises
    ------
    InputError
        As for `half_ceiling`.

    Notes
    -----
    The ceiling holds for this score only, a mean over single workers. Against coverage by all workers a classifier can
    exceed it by far, as that is a much less noisy target.
    """
    table = _Table(responses, images, classifier_maps)
    turn = table.order(rng)
    n_rounds = int(table.n_workers.max()) if n_single is None else min(n_single, int(table.n_workers.max()))
    sides = ((turn == at, (turn != at) & (table.n_workers[table.image] > at)) for at in range(n_rounds))
    return _compared(table, sides, metrics, share, sigma).assign_attrs(target="single workers")


class _Table:
    """Responses of the images that have a classifier map, with codes of image and of worker within the image."""

    def __init__(self, responses: Responses, images: pd.DataFrame, classifier_maps: xr.DataArray) -> None:
        require_maps(classifier_maps, "classifier maps", dims=("image", "y", "x"))
        names = names_of(responses)
        known = names["image"].isin(classifier_maps["image"].to_numpy()) | ~names["image"].isin(images["image"])
        self.responses, names = chosen(responses, known.to_numpy()), names[known].reset_index(drop=True)
        if names.empty:
            raise InputError(Problem("classifier maps", "no image that has responses", "at least one",
                                     "give both the same image ids"))
        self.images, self.maps = images, classifier_maps
        self.size = (classifier_maps.sizes["y"], classifier_maps.sizes["x"])
        self.image, self.names = pd.factorize(names["image"])
        pair, pairs = pd.factorize(pd.MultiIndex.from_arrays([self.image, names["worker"]]))
        of_image = np.asarray(pairs.get_level_values(0))
        self.n_workers = np.bincount(of_image)
        self.pair, self.of_image = pair, of_image

    def order(self, rng: np.random.Generator) -> NDArray[np.intp]:
        """Place of each row's worker in a random order of the image's workers, from 0."""
        shuffled = np.lexsort((rng.random(self.of_image.size), self.of_image))
        starts = np.cumsum(self.n_workers) - self.n_workers
        place = np.empty(self.of_image.size, np.intp)
        place[shuffled] = np.arange(self.of_image.size) - np.repeat(starts, self.n_workers)
        return place[self.pair]

    def halves(self, rng: np.random.Generator) -> tuple[Rows, Rows]:
        """Rows of either half; of an odd number of workers one is in neither."""
        turn, half = self.order(rng), (self.n_workers // 2)[self.image]
        return turn < half, (turn >= half) & (turn < 2 * half)

    def coverage(self, rows: Rows) -> xr.DataArray:
        """Coverage maps of some rows' responses."""
        return coverage_of(chosen(self.responses, rows), self.images, size=self.size)


def _compared(table: _Table, sides: Iterator[tuple[Rows, Rows]], metrics: Collection[str], share: float,
              sigma: float | None) -> xr.Dataset:
    """Mean overlap over rounds of the others' coverage, and of the classifier's maps, with the target's."""
    names = required_metrics(metrics)
    enough = (table.n_workers > 1)[table.image]
    classifier = table.maps if sigma is None else smooth(table.maps, sigma=sigma)
    total, count = np.zeros((2, 2, len(names), len(table.names)))
    for target, others in sides:
        if not (target & enough).any():
            continue
        one, rest = (table.coverage(rows & enough) for rows in (target, others))
        one, rest = (maps if sigma is None else smooth(maps, sigma=sigma) for maps in (one, rest))
        at = pd.Index(table.names).get_indexer(pd.Index(one["image"].to_numpy()))
        for side, maps in enumerate((rest, classifier.sel(image=one["image"].to_numpy()))):
            found = overlap(one, maps, metrics=names, share=share)[names].to_dataarray("metric").to_numpy()
            defined = ~np.isnan(found)
            total[side][:, at] += np.where(defined, found, 0)
            count[side][:, at] += defined
    mean = total / np.where(count > 0, count, np.nan)
    return _labelled(table, names, mean).assign_attrs({"sigma": sigma} if sigma is not None else {})


def _labelled(table: _Table, names: list[str], mean: NDArray[np.float64]) -> xr.Dataset:
    known = table.images.set_index("image").loc[list(table.names)]
    undefined = np.isnan(mean[0]).all(axis=0)
    reason = np.where(table.n_workers < 2, "fewer than two workers",
                      np.where(undefined, "coverage by some of the workers is constant", ""))
    return xr.Dataset(
        {"ceiling": (("metric", "image"), mean[0]), "score": (("metric", "image"), mean[1]),
         "n_workers": ("image", table.n_workers), "reason": ("image", reason)},
        coords={"metric": names, "image": np.asarray(table.names, str),
                "actor": ("image", known["actor"].to_numpy().astype(str))})
