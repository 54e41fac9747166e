"""Do workers agree in their boxes and labels: likeness of two responses, and Krippendorff's alpha."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from scipy import sparse

from salcompare.errors import InputError, Problem, drawing
from salcompare.statistics.inference.crossed import crossed_interval, t_interval_of
from salcompare.statistics.inference.resampling import LEVEL, Interval, bootstrap_weights
from salcompare.statistics.kernels import Values
from salcompare.statistics.labels.shares import CodedResponses, code_responses, incidence

_BATCH = 256  # resamples at a time; judgements x batch numbers are held
_RESAMPLED = "workers and images within actors"



@drawing
def worker_agreement(
    responses: pd.DataFrame, images: pd.DataFrame, *, rng: np.random.Generator, n_resamples: int = 2000,
) -> xr.Dataset:
    """Estimate how far workers agree in the labels of an image: nominal Krippendorff's alpha.

    Parameters
    ----------
    responses : DataFrame
        One row a box: columns ``worker``, ``image`` and ``label``.
    images : DataFrame
        Columns ``image`` and ``actor``.
    rng : Generator
        Draws the resamples.
    n_resamples : int
        Resamples of workers, of images, and of both.

    Returns
    -------
    Dataset
        ``alpha``, at most 1: 1 if all workers of an image name the same, 0 if labels of an image are no more alike than
        labels of any images; NaN if no image has two workers, if one alone has, whose own labels would be its chance,
        or if only one label is used. ``ci_low``, ``ci_high``: 95%
        t interval, workers and images (within their actors) both random; NaN where its variance is not positive, or
        with fewer than 8 workers, or 7 images more than actors. ``n_images`` with two workers, ``n_undefined`` with
        one, who has nobody to agree with; ``n_judgements``, pairs of a worker and an image; ``n_workers``; ``reason``
        why alpha or interval is NaN. attrs: ``ci_method``, ``resampled``, ``n_resamples``.

    Raises
    ------
    InputError
        If a column is missing, or there is no response.

    Notes
    -----
    Units are images, coders are workers. A worker with several responses on an image counts once, with these labels'
    shares; two responses of one worker are no agreement. With one response a worker and image, this is Krippendorff's
    formula. Low alpha is no defect of a task that lets people choose which feature to name: it says that they choose
    different ones.

    For the interval, copies of a worker in a resample do not count as agreeing with each other. The three variances,
    with workers, images, and both resampled, are put together as Schütt et al. (2023) do. Alpha is skewed: in
    simulations of 5 to 17 actors with 4 images each such intervals covered 90% to 93%.

    References
    ----------
    Krippendorff (2004), Content Analysis, 2nd ed., chapter 11; Schütt et al. (2023), doi:10.7554/eLife.82566
    """
    coded = code_responses(responses, images, None)
    if coded.worker is None or not coded.images_known:
        raise InputError(Problem("responses", "no column " + ("'image'" if not coded.images_known else "'worker'"),
                                 "columns worker, image and label", "read responses that name workers and images"))
    judgements = _judgements(coded, coded.worker)
    n_workers, n_images = int(coded.worker.max()) + 1, len(coded.actor)
    paired = judgements.workers_of_images > 1
    several = paired.sum() > 1
    alpha = float(judgements.alpha(np.ones((1, n_workers)), np.ones((1, n_images)))[0]) if several else np.nan
    workers = bootstrap_weights(n_workers, n_resamples, rng, fewer=1)
    of_images = bootstrap_weights(n_images, n_resamples, rng, strata=coded.actor, fewer=1)
    draws = [judgements.alpha(*weights) for weights in (
        (workers, np.ones((1, n_images))), (np.ones((1, n_workers)), of_images), (workers, of_images))]
    freedom = min(n_workers - 1, n_images - len(np.unique(coded.actor)))
    interval = crossed_interval(alpha, *draws, freedom=freedom, resampled=_RESAMPLED)
    reason = str(interval.reason) if not np.isnan(alpha) else "only one label" if several else too_few_images(paired)
    return xr.Dataset({
        "alpha": alpha, "ci_low": float(interval.low), "ci_high": float(interval.high), "n_images": int(paired.sum()),
        "n_undefined": int((~paired).sum()), "n_judgements": int(judgements.workers_of_images[paired].sum()),
        "n_workers": n_workers, "reason": reason}, attrs={
            "ci_method": interval.method, "resampled": _RESAMPLED, "n_resamples": n_resamples})


def too_few_images(paired: NDArray[np.bool_]) -> str:
    """Say why images, of which `paired` have two workers, give no chance agreement to hold theirs against."""
    return "one image with two workers: chance would be its own" if paired.any() else "no image with two workers"


@dataclass(frozen=True)
class _Judgements:
    """What each worker says of each image: shares of labels that sum to 1.

    Attributes
    ----------
    image, worker : ndarray of int (judgement,)
    likeness : ndarray (judgement,)
        Sum of the squared shares; 1 for a single response.
    to_cell : sparse (cell, worker)
        Sum of the shares of each label in each image, if a worker counts as often as the column is multiplied by.
    image_of_cell, label_of_cell : ndarray of int (cell,)
        Cells are the pairs of image and label that occur.
    """

    image: NDArray[np.intp]
    worker: NDArray[np.intp]
    likeness: Values
    to_cell: sparse.csr_array
    image_of_cell: NDArray[np.intp]
    label_of_cell: NDArray[np.intp]

    @property
    def workers_of_images(self) -> NDArray[np.intp]:
        """How many workers judged each image (image,)."""
        return np.bincount(self.image, minlength=int(self.image.max()) + 1)

    def alpha(self, workers: Values, images: Values) -> Values:
        """Compute alpha for weights (resample, worker) and (resample, image); a single row serves all resamples."""
        n = max(len(workers), len(images))
        both = [np.broadcast_to(weights, (n, weights.shape[1])) for weights in (workers, images)]
        return np.concatenate([self._alpha(*(weights[start:start + _BATCH].T for weights in both))
                               for start in range(0, n, _BATCH)])

    def _alpha(self, workers: Values, images: Values) -> Values:
        """Compute alpha for weights (worker, resample) and (image, resample)."""
        n_images, n_labels = len(images), int(self.label_of_cell.max()) + 1
        judged = incidence(self.image, self.worker, (n_images, len(workers)))
        alike = sparse.csr_array((self.likeness, (self.image, self.worker)), shape=judged.shape)
        squared = workers**2
        size, same = judged @ workers, judged @ squared
        pairs = size**2 - same  # ordered pairs of different workers
        used = np.where(pairs > 0, images, 0)
        cells = self.to_cell @ workers
        cell_to_image = incidence(self.image_of_cell, np.arange(len(cells)), (n_images, len(cells)))
        agreeing = cell_to_image @ cells**2 - alike @ squared
        total = (used * size).sum(axis=0)
        observed = (used * size * agreeing / np.where(pairs > 0, pairs, 1)).sum(axis=0) / np.maximum(total, 1)
        to_label = incidence(self.label_of_cell, np.arange(len(cells)), (n_labels, len(cells)))
        of_labels = to_label @ (cells * used[self.image_of_cell])
        distinct = total**2 - (used**2 * same).sum(axis=0)
        chance = ((of_labels**2).sum(axis=0) - (used**2 * (alike @ squared)).sum(axis=0)) / np.where(
            distinct > 0, distinct, np.nan)
        disagreeing = 1 - chance
        return np.asarray(1 - (1 - observed) / np.where(disagreeing > 1e-12, disagreeing, np.nan))


def _judgements(coded: CodedResponses, worker: NDArray[np.intp]) -> _Judgements:
    n_workers, n_labels = int(worker.max()) + 1, len(coded.labels)
    pairs, pair = np.unique(coded.image * n_workers + worker, return_inverse=True)
    entries, of_entry = np.unique(pair * n_labels + coded.label, return_inverse=True)
    times = np.bincount(of_entry)
    entry_pair, entry_label = entries // n_labels, entries % n_labels
    share = times / np.bincount(pair)[entry_pair]
    image, judge = pairs // n_workers, pairs % n_workers
    cells, cell = np.unique(image[entry_pair] * n_labels + entry_label, return_inverse=True)
    to_cell = sparse.csr_array((share, (cell, judge[entry_pair])), shape=(len(cells), n_workers))
    likeness = np.bincount(entry_pair, share**2).astype(float)
    return _Judgements(image, judge, likeness, to_cell, cells // n_labels, cells % n_labels)


QUANTITIES = ("alpha", "likeness")
_BOTH, _WORKERS = "workers and images within actors", "workers"


@drawing
def pairwise_agreement(
    responses: pd.DataFrame, images: pd.DataFrame, *, of: Literal["boxes", "labels"] = "boxes",
    rng: np.random.Generator, n_resamples: int = 2000,
) -> xr.Dataset:
    """Estimate how far workers agree on an image, an actor's images and all: likeness of two responses, and alpha.

    Parameters
    ----------
    responses : DataFrame
        One row a box: columns ``worker``, ``image``, and ``x0, y0, x1, y1`` in pixels of the image, or ``label``.
    images : DataFrame
        Columns ``image``, ``actor``, and for boxes ``height`` and ``width``.
    of : {"boxes", "labels"}
        Two boxes are as alike as their IoU; two labels are alike (1) or not (0).
    rng : Generator
        Draws the resamples.
    n_resamples : int
        Resamples of workers, of images, and of both.

    Returns
    -------
    Dataset
        Along ``quantity``: **likeness**, the mean over pairs of workers of an image (the mean IoU), over an actor's
        images, and over actors; **alpha**, 1 - observed / expected distance, where the distance of two responses is 1 -
        likeness. ``value``, ``ci_low``, ``ci_high``, ``reason`` (quantity) of all; ``actor_...`` (quantity, actor) and
        ``image_...`` (quantity, image) of each. ``n`` and ``actor_n`` count images with two workers, ``n_undefined``
        images with one, ``image_n`` workers, ``n_workers`` all workers. Undefined is NaN with a reason;
        alpha also where one image alone has two workers, whose own responses would be its chance.

    Raises
    ------
    InputError
        If a column is missing, there is no response, or a response is to an unknown image.

    Notes
    -----
    The expected distance is that of any two responses, of whatever workers and images, in shares of the image's width
    and height. It is the same for actors and images, so that alpha of all is the mean of the images' weighted by their
    workers, and an image's may be below 0. A worker with several responses on an image counts once, with the mean over
    them, and does not agree with himself. With 0 and 1 for distances and one response a worker and image, alpha is
    Krippendorff's nominal one.

    The interval of all is that of `worker_agreement`: workers and images within actors both random. Intervals of an
    actor, of an image, and of all where there is one image, are t intervals over workers, the images given.

    References
    ----------
    Krippendorff (2004), Content Analysis, 2nd ed., chapter 11; Schütt et al. (2023), doi:10.7554/eLife.82566
    """
    judged = judged_responses(responses, images, of)
    mean_distances = judged.mean_distances()
    ones = np.ones((1, judged.n_workers)), np.ones((1, judged.n_images))
    observed = judged.observed(ones[0])
    several = (judged.workers_of_images > 1).sum() > 1  # else what is expected is what is seen

    def expected(of_workers: Values, of_images: Values) -> Values:
        """Mean distance of any two responses; unknown where it is that of one image alone."""
        found = judged.expected(mean_distances, of_workers, of_images)
        return found if several else np.full_like(found, np.nan)

    point = _Estimates.of(judged, observed, ones[1], expected(*ones))
    workers = bootstrap_weights(judged.n_workers, n_resamples, rng, fewer=1)
    weights = bootstrap_weights(judged.n_images, n_resamples, rng, strata=judged.actor, fewer=1)
    resampled = judged.observed(workers)
    draws = [_Estimates.of(judged, seen, of_images, expected(of_workers, of_images))
             for seen, of_workers, of_images in ((resampled, workers, ones[1]), (observed, ones[0], weights),
                                                 (resampled, workers, weights))]
    return _dataset(judged, point, draws, images)


@dataclass(frozen=True)
class _Estimates:
    """alpha and likeness, of all (resample, quantity), of actors (..., actor) and of images (..., image)."""

    value: Values
    actor: Values
    image: Values

    @classmethod
    def of(cls, judged: Judged, observed: tuple[Values, Values], images: Values, expected: Values) -> _Estimates:
        """Put together from observed and expected distances and weights (resample, image)."""
        distances, sizes = observed
        used = images * ~np.isnan(distances)
        filled = np.nan_to_num(distances)
        to_actor = (judged.actor[:, np.newaxis] == np.arange(judged.actor.max() + 1)).astype(float)
        chance = np.where(expected > 1e-12, expected, np.nan)[:, np.newaxis]
        apart, workers = used * sizes * filled, used * sizes
        of_actors = 1 - ratio(apart @ to_actor, workers @ to_actor) / chance
        like = 1 - ratio((used * filled) @ to_actor, used @ to_actor)
        alpha = 1 - ratio(apart.sum(axis=1), workers.sum(axis=1)) / chance[:, 0]
        both = np.broadcast_arrays(1 - distances / chance, 1 - distances)
        present = ~np.isnan(like)
        mean = ratio(np.nan_to_num(like).sum(axis=1), present.sum(axis=1).astype(float))
        return cls(np.stack(np.broadcast_arrays(alpha, mean), axis=1),
                   np.stack(np.broadcast_arrays(of_actors, like), axis=1), np.stack(both, axis=1))


def _dataset(judged: Judged, point: _Estimates, draws: list[_Estimates], images: pd.DataFrame) -> xr.Dataset:
    sizes = judged.workers_of_images
    paired = sizes > 1
    actors = np.unique(images.loc[images["image"].isin(judged.names), "actor"].to_numpy(str))
    seen = np.unique(np.column_stack([judged.actor[judged.image], judged.worker]), axis=0)
    workers_of_actors = np.bincount(seen[:, 0], minlength=len(actors))
    whole = _of_all(judged, point, draws)
    why = "all responses are alike" if paired.sum() > 1 else too_few_images(paired)
    of_actors = np.bincount(judged.actor[paired], minlength=len(actors))
    found = {"n": int(paired.sum()), "n_undefined": int((~paired).sum()), "n_workers": judged.n_workers,
             "actor_n": ("actor", of_actors), "image_n": ("image", sizes),
             **_columns("", ("quantity",), point.value[0], whole, why)}
    for level, units in (("actor", workers_of_actors), ("image", sizes)):
        values = getattr(point, level)[0]
        interval = _over_workers(values, getattr(draws[0], level), units)
        found |= _columns(f"{level}_", ("quantity", level), values, interval, "no two workers, or no chance distance")
    return xr.Dataset(found, {"quantity": list(QUANTITIES), "actor": actors, "image": judged.names}, {
        "ci_method": whole.method, "resampled": whole.resampled, "unit_ci_method": "t", "unit_resampled": _WORKERS,
        "n_resamples": len(draws[0].value)})


def _of_all(judged: Judged, point: _Estimates, draws: list[_Estimates]) -> Interval:
    """Give the intervals (quantity,) of all; a single image is given, so that workers alone are random."""
    if judged.n_images == 1:
        of_image = _over_workers(point.image[0], draws[0].image, judged.workers_of_images)
        return replace(of_image, **{name: getattr(of_image, name)[:, 0]
                                    for name in ("low", "high", "n_undefined", "reason")})
    freedom = min(judged.n_workers - 1, judged.n_images - len(np.unique(judged.actor)))
    return crossed_interval(point.value[0], *(draw.value for draw in draws), freedom=freedom, resampled=_BOTH)


def _over_workers(values: Values, draws: Values, workers: NDArray[np.intp]) -> Interval:
    """Give t intervals (quantity, unit) from draws (resample, quantity, unit), each with its own degrees of freedom."""
    defined = ~np.isnan(draws)
    n = defined.sum(axis=0)
    mean = np.where(defined, draws, 0).sum(axis=0) / np.maximum(n, 1)
    spread = (np.where(defined, draws - mean, 0)**2).sum(axis=0) / np.maximum(n - 1, 1)
    spread = np.where(2 * n >= len(draws), spread, np.nan)
    parts = [t_interval_of(values[:, at], spread[:, at], freedom=int(units) - 1, resampled=_WORKERS, level=LEVEL,
                           n_resamples=len(draws), method="t", n_undefined=len(draws) - n[:, at])
             for at, units in enumerate(workers)]
    low, high, reason = (np.stack([getattr(part, name) for part in parts], axis=1)
                         for name in ("low", "high", "reason"))
    return Interval(low, high, "t", _WORKERS, LEVEL, len(draws), len(draws) - n, reason)


def _columns(prefix: str, dims: tuple[str, ...], values: Values, interval: Interval, why: str,
             ) -> dict[str, tuple[tuple[str, ...], NDArray[np.generic]]]:
    reason = np.where(np.isnan(values), why, interval.reason.astype(str)).astype(object)
    return {f"{prefix}value": (dims, values), f"{prefix}ci_low": (dims, interval.low),
            f"{prefix}ci_high": (dims, interval.high), f"{prefix}reason": (dims, reason)}


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
    _require_table(responses, images, of)
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


def _require_table(responses: pd.DataFrame, images: pd.DataFrame, of: Literal["boxes", "labels"]) -> None:
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
