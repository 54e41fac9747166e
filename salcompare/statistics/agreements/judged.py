"""Responses as judgements of images, and how far those of two workers are apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from salcompare.errors import InputError, Problem
from salcompare.statistics.kernels import Values

_BLOCK = 512  # responses whose distances to all others are held at once
_COLUMNS = {"boxes": ("worker", "image", "x0", "y0", "x1", "y1"), "labels": ("worker", "image", "label")}

Distance = Callable[[Values, Values], Values]


@dataclass(frozen=True)
class Judged:
    """Responses as codes, sorted by image.

    Attributes
    ----------
    answers : ndarray (response, ...)
        What distances are of.
    worker, image : ndarray of int (response,)
        Codes from 0; images without responses have none.
    share : ndarray (response,)
        One over the responses of this worker on this image.
    actor : ndarray of int (image,)
        Codes from 0, without gaps.
    n_workers : int
    distance : callable
        Of answers (a, ...) and (b, ...): (a, b).
    names : ndarray of str (image,)
        What the codes of images stand for.
    """

    answers: Values
    worker: NDArray[np.intp]
    image: NDArray[np.intp]
    share: Values
    actor: NDArray[np.intp]
    n_workers: int
    distance: Distance
    names: NDArray[np.str_]

    @property
    def n_images(self) -> int:
        """How many images have a response."""
        return len(self.actor)

    @property
    def workers_of_images(self) -> NDArray[np.intp]:
        """How many workers responded to each image (image,)."""
        pairs = np.unique(self.image * self.n_workers + self.worker)
        return np.bincount(pairs // self.n_workers, minlength=self.n_images)

    def observed(self, weights: Values) -> tuple[Values, Values]:
        """Mean distance of two workers' responses on an image, and its workers (resample, image each).

        weights (resample, worker); NaN where fewer than two workers are left.
        """
        distances = np.full((len(weights), self.n_images), np.nan)
        sizes = np.zeros_like(distances)
        for image, (low, high) in enumerate(self._bounds()):
            own, code = np.unique(self.worker[low:high], return_inverse=True)
            between = np.zeros((len(own), len(own)))
            apart = self.distance(self.answers[low:high], self.answers[low:high])
            np.add.at(between, (code[:, np.newaxis], code), apart * np.outer(*[self.share[low:high]] * 2))
            np.fill_diagonal(between, 0)
            times = weights[:, own]
            sizes[:, image] = times.sum(axis=1)
            pairs = sizes[:, image]**2 - (times**2).sum(axis=1)
            distances[:, image] = np.where(pairs > 0, ((times @ between) * times).sum(axis=1), np.nan) / np.where(
                pairs > 0, pairs, 1)
        return distances, sizes

    def mean_distances(self) -> Values:
        """Mean distance of each response to those of all other judgements (response,); NaN without a pair."""
        used = (self.workers_of_images > 1)[self.image]
        values, share = self.answers[used], self.share[used]
        judgement = np.unique((self.image * self.n_workers + self.worker)[used], return_inverse=True)[1]
        total = np.concatenate([np.zeros(0), *(self.distance(values[at:at + _BLOCK], values) @ share
                                               for at in range(0, len(values), _BLOCK))])
        for one in np.flatnonzero(np.bincount(judgement) > 1):
            own = np.flatnonzero(judgement == one)
            total[own] -= self.distance(values[own], values[own]) @ share[own]
        n = judgement.max(initial=-1)
        found = np.full(len(self.answers), np.nan)
        found[used] = total / n if n > 0 else np.nan
        return found

    def expected(self, mean_distances: Values, workers: Values, images: Values) -> Values:
        """Mean distance of any two judgements, for weights (resample, worker) and (resample, image); NaN without.

        To first order in the weights: resamples of so many pairs differ in nothing else that could be seen.
        """
        used = ~np.isnan(mean_distances)
        if not used.any():
            return np.full(max(len(workers), len(images)), np.nan)
        share, apart = self.share[used], mean_distances[used]
        middle = float(share @ apart / share.sum())
        table = sparse.csr_array((share, (self.worker[used], self.image[used])), shape=(self.n_workers, self.n_images))
        off = sparse.csr_array((share * (apart - middle), (self.worker[used], self.image[used])), shape=table.shape)
        sizes, moved = ((np.asarray(workers @ one) * images).sum(axis=1) for one in (table, off))
        return np.asarray(middle + 2 * ratio(moved, sizes))

    def _bounds(self) -> NDArray[np.intp]:
        ends = np.searchsorted(self.image, np.arange(self.n_images + 1))
        return np.column_stack([ends[:-1], ends[1:]])


def ratio(above: Values, below: Values) -> Values:
    """Divide; NaN where there is nothing to divide by."""
    return np.asarray(np.where(below > 0, above, np.nan) / np.where(below > 0, below, 1))


def box_distance(one: Values, other: Values) -> Values:
    """1 - IoU of all pairs of boxes (a, 4) and (b, 4): x0, y0, x1, y1, half-open."""
    low = np.maximum(one[:, np.newaxis, :2], other[:, :2])
    sides = np.maximum(np.minimum(one[:, np.newaxis, 2:], other[:, 2:]) - low, 0)
    shared = sides[..., 0] * sides[..., 1]
    areas = [(boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]) for boxes in (one, other)]
    return np.asarray(1 - shared / (areas[0][:, np.newaxis] + areas[1] - shared))


def label_distance(one: Values, other: Values) -> Values:
    """0 where two labels are the same, 1 where not, of all pairs of codes (a,) and (b,)."""
    return np.asarray(one[:, np.newaxis] != other, float)


def judged_responses(responses: pd.DataFrame, images: pd.DataFrame, of: Literal["boxes", "labels"]) -> Judged:
    """Code responses; parameters and errors as for `salcompare.statistics.pairwise_agreement`."""
    _check(responses, images, of)
    at = pd.Index(images["image"]).get_indexer(pd.Index(responses["image"]))
    order = np.argsort(at, kind="stable")
    rows, at = responses.iloc[order], at[order]
    present, image = np.unique(at, return_inverse=True)
    worker = pd.factorize(rows["worker"], sort=True)[0].astype(np.intp)
    if of == "boxes":
        shape = images[["width", "height", "width", "height"]].to_numpy(float)[at]
        values, distance = rows[["x0", "y0", "x1", "y1"]].to_numpy(float) / shape, box_distance
    else:
        values, distance = pd.factorize(rows["label"])[0].astype(float), label_distance
    n_workers = int(worker.max()) + 1
    _, judgement, times = np.unique(image * n_workers + worker, return_inverse=True, return_counts=True)
    actor = np.unique(images["actor"].to_numpy(str)[present], return_inverse=True)[1]
    return Judged(values, worker, image.astype(np.intp), 1 / times[judgement], actor.astype(np.intp), n_workers,
                   distance, images["image"].to_numpy(str)[present])


def _check(responses: pd.DataFrame, images: pd.DataFrame, of: Literal["boxes", "labels"]) -> None:
    problems = []
    needed = ("image", "actor", *(("height", "width") if of == "boxes" else ()))
    for where, frame, wanted in (("responses", responses, _COLUMNS[of]), ("images", images, needed)):
        missing = [name for name in wanted if name not in frame]
        if missing:
            problems.append(Problem(where, f"no column {', '.join(map(repr, missing))}", ", ".join(wanted),
                                    "read responses that name workers and images"))
    if not problems and responses.empty:
        problems = [Problem("responses", "there is none", "one row a box")]
    if not problems:
        unknown = responses.loc[~responses["image"].isin(images["image"]), "image"]
        problems = [Problem(f"responses row {row}", f"image {image!r}", "one of the images")
                    for row, image in unknown.items()]
    if problems:
        raise InputError(problems)
