"""How well a perfect model could agree with people, given how well people agree among themselves."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from salcompare.errors import InputError, Problem
from salcompare.maps import smooth
from salcompare.maps.checks import require_maps
from salcompare.random_numbers import drawing
from salcompare.statistics.inference.resampling import mean_over_actors
from salcompare.statistics.kernels import Values
from salcompare.statistics.metrics.ranking import SHARE
from salcompare.statistics.metrics.registry import required_metrics
from salcompare.statistics.overlaps.same_image import overlap
from salcompare.statistics.responses import ImageResponses, Responses, chosen, coverage_of, names_of, responses_by_image

N_SPLITS = 200
"""Of each image's workers, for its noise ceiling, unless said."""
Rows = NDArray[np.bool_]


@drawing
def noise_ceiling(responses: Responses, images: pd.DataFrame, *, size: tuple[int, int], rng: np.random.Generator,
                  sigma: float = 0.0, n_splits: int = N_SPLITS) -> xr.Dataset:
    """Split-half ceiling of the Pearson correlation with people's coverage, for each image.

    Parameters
    ----------
    responses : DataFrame or DataArray
        One row a box: ``image``, ``worker``, ``x0, y0, x1, y1`` in pixels of the image as shown, half-open. Or maps
        (response, y, x) on the grid with coordinates ``image``, ``actor`` and ``worker``, of gaze or ready-made.
    images : DataFrame
        One row an image: ``image``, ``actor``, ``height``, ``width``.
    size : (int, int)
        Height and width of the grid.
    rng : Generator
        Splits the workers.
    sigma : float
        Coverage is smoothed with a Gaussian of so many pixels of the grid, as the maps that are scored are; 0 for none.
    n_splits : int
        Random splits of each image's workers into halves. With an odd number of workers one sits out, drawn anew for
        each split.

    Returns
    -------
    Dataset (image)
        Images that have responses, with coordinate ``actor``:

        - **split_half**: mean over splits of the correlation between the coverage of both halves.
        - **reliability**: correlation to be expected between the coverage of all workers and that of as many others,
          by the Spearman-Brown formula from halves to all.
        - **ceiling**: root of the reliability, the correlation of a perfect model with the coverage of these workers.
          Score and ceiling have the same target.
        - **n_workers**, and **reason** where a value is NaN: fewer than two workers, halves whose coverage is
          constant, or halves that do not correlate positively (no ceiling).

    Raises
    ------
    InputError
        If a column is missing or a response's image is unknown.

    Notes
    -----
    No worker stands in both halves, and none is copied. Smoothed boxes are products of their sides, so the halves'
    correlations follow from inner products of sides, and no map is drawn.

    References
    ----------
    Spearman (1910), doi:10.1111/j.2044-8295.1910.tb00206.x; Brown (1910), doi:10.1111/j.2044-8295.1910.tb00207.x
    """
    boxes = responses_by_image(responses, images, size=size, sigma=sigma)
    known = images.set_index("image").loc[list(boxes)]
    split_half = np.array([_split_half(box, n_splits, rng) for box in boxes.values()])
    n_workers = np.array([np.unique(box.worker).size for box in boxes.values()], dtype=np.int64)
    halves = xr.Dataset(
        {"split_half": ("image", split_half), "n_workers": ("image", n_workers)},
        coords={"image": list(boxes), "actor": ("image", known["actor"].to_numpy().astype(str))},
        attrs={"metric": "pearson", "sigma": float(sigma), "n_splits": n_splits,
               "n_images_without_responses": len(images) - len(boxes)})
    r, n = halves["split_half"], halves["n_workers"]
    longer = n / (n // 2).where(n > 1)  # 2, or a little more where one worker of an odd number sits out
    positive = r.where(r > 0)
    reliability = longer * positive / (1 + (longer - 1) * positive)
    reason = np.select([n < 2, np.isnan(r), ~(r > 0)], [
        "fewer than two workers", "coverage of a half is constant", "halves do not correlate positively"], default="")
    return halves.assign(reliability=reliability, ceiling=np.sqrt(reliability), reason=("image", reason))


def mean_ceiling(ceiling: xr.Dataset) -> xr.Dataset:
    """Means of the images' ceilings over images, for each actor, and over actors.

    Parameters
    ----------
    ceiling : Dataset (image)
        As `noise_ceiling` gives it.

    Returns
    -------
    Dataset
        Over ``actor``: **actor_value**, mean ceiling of the actor's images; **actor_n**, **actor_n_undefined** images,
        **actor_reason**. Scalars: **value**, mean over actors; **ci_low**, **ci_high** by t over actors, NaN below
        eight; **n**, **n_undefined** actors, **reason**, where there is no value that of most images. Images without a
        ceiling are left out: leave them out of the score that is compared with it, too.
    """
    means = mean_over_actors(ceiling["ceiling"])
    reasons = [reason for reason in ceiling["reason"].to_numpy().tolist() if reason] if "reason" in ceiling else []
    if reasons and np.isnan(means["value"]).all():
        means["reason"] = max(sorted(set(reasons)), key=reasons.count)
    return means


def _split_half(boxes: ImageResponses, n_splits: int, rng: np.random.Generator) -> float:
    """Mean over splits of the correlation between the halves' coverage; NaN where no split has one."""
    workers, worker = np.unique(boxes.worker, return_inverse=True)
    if workers.size < 2:
        return float("nan")
    covariance = boxes.covariance
    one, other = _half_weights(worker, workers.size, n_splits, rng)
    between = np.einsum("si,si->s", one @ covariance, other)
    within = (np.einsum("si,si->s", half @ covariance, half) for half in (one, other))
    scale = boxes.norms.mean()  # of an average box: below its rounding a half has no variance
    spread = np.sqrt(np.prod([np.where(w > 1e-12 * scale, w, np.nan) for w in within], axis=0))
    defined = (between / spread)[~np.isnan(spread)]
    return float(np.clip(defined.mean(), -1, 1)) if defined.size else float("nan")


def _half_weights(worker: NDArray[np.intp], n_workers: int, n_splits: int,
                  rng: np.random.Generator) -> tuple[Values, Values]:
    """Weights of the boxes (split, box) in both halves: shares of the half's responses, as coverage is."""
    half = n_workers // 2
    order = rng.permuted(np.tile(np.arange(n_workers), (n_splits, 1)), axis=1)
    weights = []
    for workers in (order[:, :half], order[:, half:2 * half]):
        member = np.zeros((n_splits, n_workers))
        np.put_along_axis(member, workers, 1.0, axis=1)
        of_boxes = member[:, worker]
        weights.append(of_boxes / of_boxes.sum(axis=1, keepdims=True))
    return weights[0], weights[1]


@drawing
def half_ceiling(responses: Responses, images: pd.DataFrame, classifier_maps: xr.DataArray, *,
                 rng: np.random.Generator, metrics: Collection[str] = ("pearson",), share: float = SHARE,
                 sigma: float | None = None, n_splits: int = 10) -> xr.Dataset:
    """Overlap of half of the workers with the other half, and of the classifier with that same other half.

    Parameters
    ----------
    responses, images : DataFrame or DataArray, DataFrame
        Boxes, one a row, in pixels of the image as shown, or maps (response, y, x); one row an image, ``image``,
        ``actor``, ``height``, ``width``: as for `noise_ceiling`.
    classifier_maps : DataArray (image, y, x)
        Eager or dask.
    rng : Generator
        Splits the workers of each image.
    metrics : collection of str
        Some of `METRICS`.
    share, sigma : float
        Of the pixels, in the areas of iou and dice; all maps are smoothed with a Gaussian of so many pixels first.
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
    table = _Rounds(responses, images, classifier_maps)
    half = (table.n_workers // 2)[table.image]
    turns = (table.order(rng) for _ in range(n_splits))
    sides = ((turn < half, (turn >= half) & (turn < 2 * half)) for turn in turns)
    return _compared(table, sides, metrics, share, sigma).assign_attrs(n_splits=n_splits, target="half of the workers")


@drawing
def rest_ceiling(responses: Responses, images: pd.DataFrame, classifier_maps: xr.DataArray, *,
                 rng: np.random.Generator, metrics: Collection[str] = ("pearson",), share: float = SHARE,
                 sigma: float | None = None, n_single: int | None = None) -> xr.Dataset:
    """Overlap of all other workers with a single one, and of the classifier with that same one.

    Parameters
    ----------
    responses, images, classifier_maps, metrics, share, sigma
        Boxes or maps of workers, rows of images, maps (image, y, x), and how they compare, and errors: as for
        `half_ceiling`.
    rng : Generator
        Draws which workers of an image come first.
    n_single : int, optional
        How many workers of each image are taken in turn; all unless given.

    Returns
    -------
    Dataset
        As `half_ceiling` gives it: **ceiling**, mean over single workers of the coverage by the rest in the
        classifier's place against the worker's own, and **score**, of the classifier's map against the worker's own.

    Notes
    -----
    The ceiling holds for this score only, a mean over single workers. Against coverage by all workers a classifier can
    exceed it by far, as that is a much less noisy target.
    """
    table = _Rounds(responses, images, classifier_maps)
    turn = table.order(rng)
    n_rounds = int(table.n_workers.max()) if n_single is None else min(n_single, int(table.n_workers.max()))
    sides = ((turn == at, (turn != at) & (table.n_workers[table.image] > at)) for at in range(n_rounds))
    return _compared(table, sides, metrics, share, sigma).assign_attrs(target="single workers")


class _Rounds:
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


def _compared(table: _Rounds, sides: Iterator[tuple[Rows, Rows]], metrics: Collection[str], share: float,
              sigma: float | None) -> xr.Dataset:
    """Mean overlap over rounds of the others' coverage, and of the classifier's maps, with the target's."""
    size = table.maps.sizes["y"], table.maps.sizes["x"]
    names = required_metrics(metrics)
    enough = (table.n_workers > 1)[table.image]
    classifier = table.maps if sigma is None else smooth(table.maps, sigma=sigma)
    total, count = np.zeros((2, 2, len(names), len(table.names)))
    for target, others in sides:
        if not (target & enough).any():
            continue
        one, rest = (coverage_of(chosen(table.responses, rows & enough), table.images, size=size)
                     for rows in (target, others))
        one, rest = (maps if sigma is None else smooth(maps, sigma=sigma) for maps in (one, rest))
        at = pd.Index(table.names).get_indexer(pd.Index(one["image"].to_numpy()))
        for side, maps in enumerate((rest, classifier.sel(image=one["image"].to_numpy()))):
            values = overlap(one, maps, metrics=names, share=share)[names].to_dataarray("metric").to_numpy()
            defined = ~np.isnan(values)
            total[side][:, at] += np.where(defined, values, 0)
            count[side][:, at] += defined
    mean = total / np.where(count > 0, count, np.nan)
    known = table.images.set_index("image").loc[list(table.names)]
    undefined = np.isnan(mean[0]).all(axis=0)
    reason = np.where(table.n_workers < 2, "fewer than two workers",
                      np.where(undefined, "coverage by some of the workers is constant", ""))
    return xr.Dataset(
        {"ceiling": (("metric", "image"), mean[0]), "score": (("metric", "image"), mean[1]),
         "n_workers": ("image", table.n_workers), "reason": ("image", reason)},
        coords={"metric": names, "image": np.asarray(table.names, str),
                "actor": ("image", known["actor"].to_numpy().astype(str))},
        attrs={"sigma": sigma} if sigma is not None else {})
