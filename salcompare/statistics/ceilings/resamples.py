"""Score, ceiling and nulls of resampled studies, by weights and matrix products.

A resample is weights of workers, of images within their actor, and of actors. A worker's weight is how often the worker
was drawn; copies of a worker are one worker who counts more, so that no two of them are ever taken to agree.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from salcompare.blocks import side_by_side
from salcompare.errors import InputError, Problem
from salcompare.maps import natural_order, smooth
from salcompare.maps.checks import require_maps
from salcompare.statistics.kernels import Values, in_range
from salcompare.statistics.responses import ImageResponses, Responses, joined, responses_by_image

Metric = Literal["pearson", "nss"]
Null = Literal["others' human maps", "others' classifier maps", "zero"]
_IMAGES = 8  # computed at a time on a core
_BATCH = 64  # resamples whose weights of all boxes are held at a time, so that they stay in the processor's cache


@dataclass(frozen=True)
class Matched:
    """Responses and classifier maps of the images that are compared, sorted by actor."""

    boxes: list[ImageResponses]  # of each image; workers' codes are from 0 without gaps
    maps: Values  # (image, y, x), the classifier's, smoothed, of mean 0 and norm 1; no NaN
    actors: NDArray[np.str_]  # names, each once
    actor: NDArray[np.intp]  # (image,), which actor it shows, ascending
    n_workers: int  # who drew any of the boxes
    left_out: int  # images without responses or without a classifier map that is not constant and holds no NaN

    @property
    def starts(self) -> NDArray[np.intp]:
        """Where each image's boxes start, if boxes are counted through."""
        sizes = np.array([box.worker.size for box in self.boxes])
        return np.asarray(np.cumsum(sizes) - sizes, np.intp)

    @property
    def member(self) -> NDArray[np.bool_]:
        """Whether an image is an actor's (image, actor)."""
        return np.asarray(self.actor[:, np.newaxis] == np.arange(self.actors.size), bool)


def match_responses(responses: Responses, images: pd.DataFrame, classifier_maps: xr.DataArray, *,
                    sigma: float) -> Matched:
    """Match responses and classifier maps of the same images.

    Raises
    ------
    InputError
        If a column is missing, a response's image is unknown, maps are not labelled, or nothing can be compared.
    """
    require_maps(classifier_maps, "classifier maps", dims=("image", "y", "x"))
    maps = classifier_maps.transpose("image", "y", "x")
    boxes = responses_by_image(responses, images, size=(maps.sizes["y"], maps.sizes["x"]), sigma=sigma)
    at = {str(image): row for row, image in enumerate(maps["image"].to_numpy().tolist())}
    actor_of = dict(zip(images["image"].astype(str), images["actor"].astype(str), strict=True))
    common = [image for image in boxes if image in at]
    standard, defined = _standardised(smooth(maps.isel(image=[at[image] for image in common]).compute().astype(
        np.float64), sigma=sigma).to_numpy()) if common else (np.empty((0, 1, 1)), np.empty(0, bool))
    kept = np.flatnonzero(defined)
    if not kept.size:
        raise InputError(Problem("classifier maps", "no image with responses and a classifier map that is not constant",
                                 "at least one", "give both the same image ids"))
    names = [common[row] for row in kept.tolist()]
    actors = natural_order([actor_of[name] for name in names]).astype(str)
    codes = pd.Index(actors).get_indexer(pd.Index([actor_of[name] for name in names]))
    order = np.argsort(codes, kind="stable")
    ordered = [boxes[names[row]] for row in order.tolist()]
    workers, codes_of_workers = np.unique(np.concatenate([box.worker for box in ordered]), return_inverse=True)
    parts = np.split(codes_of_workers.astype(np.intp), np.cumsum([box.worker.size for box in ordered])[:-1])
    return Matched([replace(box, worker=part) for box, part in zip(ordered, parts, strict=True)],
                   standard[kept[order]], actors, np.asarray(codes[order], np.intp),
                   workers.size, len(set(boxes) | set(at)) - kept.size)


def _standardised(maps: Values) -> tuple[Values, NDArray[np.bool_]]:
    """Give maps mean 0 and norm 1, and say which allow it."""
    maps = in_range(maps, axis=(1, 2))
    centred: Values = maps - maps.mean(axis=(1, 2), keepdims=True)
    norm = np.sqrt(np.einsum("iyx,iyx->i", centred, centred))
    size = np.sqrt(np.einsum("iyx,iyx->i", maps, maps))
    defined = np.isfinite(norm) & (norm > 1e-9 * size)  # a constant map that was smoothed varies by rounding
    centred /= np.where(defined, norm, 1)[:, np.newaxis, np.newaxis]
    return centred, np.asarray(defined, bool)


@dataclass(frozen=True)
class Coverage:
    """What a batch of weights of workers makes of the images' coverage; NaN where none was drawn or it is constant."""

    score: Values  # (r, image), overlap with the image's classifier map
    ceiling: Values  # (r, image), correlation that a perfect model would have
    norm: Values  # (r, image), root of the sum of squares of coverage less its mean
    shares: Values  # (r, box), of each box in the coverage of its image; 0 for all where no worker was drawn


Baseline = Callable[[Coverage, Values, Values], Values]
"""Gives each image's score under a null (r, image), from weights of images (r or 1, image), actors (r or 1, actor)."""


class _OthersClassifierMaps:
    """Mean correlation with the classifier's maps of the other actors: people's map is matched with the wrong actor."""

    def __init__(self, matched: Matched) -> None:
        self.matched, every = matched, joined(matched.boxes)
        self.products = np.empty((every.worker.size, len(matched.maps)))  # of all boxes with all classifier maps
        for at, column in enumerate(side_by_side(every.products_with_map, matched.maps)):
            self.products[:, at] = column

    def __call__(self, coverage: Coverage, images: Values, actors: Values) -> Values:
        actor = self.matched.actor
        share, actors = _shares(images, actors, actor, np.ones((1, actor.size), bool))
        if len(share) == 1:  # the actors' mean maps are the same in all resamples
            by_actor = self._with_boxes(coverage, self.products @ (share[0][:, np.newaxis] * self.matched.member))
        else:
            by_actor = np.add.reduceat(self._with_boxes(coverage, self.products) * share[:, np.newaxis], _first(actor),
                                       axis=2)
        product, itself = _all_and_itself(by_actor, actors, actor)
        left = 1 - actors[:, actor]
        return np.asarray((product - itself) / (np.where(left > 1e-9, left, np.nan) * coverage.norm))

    def _with_boxes(self, coverage: Coverage, products: Values) -> Values:
        """Turn inner products of boxes (box, k) into those of the images' coverage (r, image, k)."""
        parts = itertools.starmap(slice, itertools.pairwise([*self.matched.starts.tolist(), len(products)]))
        return np.stack(list(side_by_side(lambda part: coverage.shares[:, part] @ products[part], parts)), axis=1)


class _OthersHumanMaps:
    """Correlation with the mean of the other actors' heatmaps: what people find salient in a face, whoever it is."""

    def __init__(self, matched: Matched) -> None:
        self.matched, self.products = matched, joined(matched.boxes).covariance  # (box, box)
        self.single = self.products.astype(np.float32)  # of 7 digits, which resamples do not need more of
        self.image_of_box = np.repeat(np.arange(len(matched.boxes)), [box.worker.size for box in matched.boxes])
        self.last: tuple[Values, Values, Values] | None = None
        self.observed: tuple[Values, Values] | None = None

    def __call__(self, coverage: Coverage, images: Values, actors: Values) -> Values:
        actor = self.matched.actor
        present = np.add.reduceat(coverage.shares, self.matched.starts, axis=1) > 0
        share, actors = _shares(images, actors, actor, present)
        if self.last is None or self.last[0] is not coverage.shares or self.last[1] is not images:
            self.last = coverage.shares, images, self._with_heatmaps(coverage.shares, share)
        with_heatmaps = self.last[2]  # (r, image, actor); another weighting of the actors has just used it
        heatmaps = np.add.reduceat(with_heatmaps * share[:, :, np.newaxis], _first(actor), axis=1)
        diagonal = np.einsum("raa->ra", heatmaps)
        with_all = (heatmaps @ actors[:, :, np.newaxis])[..., 0]
        total = (with_all * actors).sum(axis=1, keepdims=True)
        others = total - 2 * actors * with_all + actors**2 * diagonal
        some = (1 - actors > 1e-9) & (others > 1e-12 * diagonal)
        norm = np.sqrt(np.where(some, others, np.nan))[:, actor]
        product, itself = _all_and_itself(with_heatmaps, actors, actor)
        return np.asarray((product - itself) / (norm * coverage.norm))

    def _with_heatmaps(self, boxes: Values, share: Values) -> Values:
        """Inner products of each image's coverage with each actor's heatmap (r, image, actor)."""
        first = _first(self.matched.actor)
        if len(boxes) == 1:
            return np.add.reduceat(self._gram(boxes) * share[:, np.newaxis], first, axis=2)
        starts, weights = self.matched.starts, boxes.astype(np.float32)
        in_heatmap = weights * share[:, self.image_of_box].astype(np.float32)
        of_actors = np.append(starts[first], len(self.single)).tolist()

        def of_actor(ends: tuple[int, int]) -> Values:
            """Sum over one actor's boxes, which `ends` are around."""
            part = slice(*ends)
            with_boxes = in_heatmap[:, part] @ self.single[part]
            with_boxes *= weights
            return np.add.reduceat(with_boxes, starts, axis=1)

        return np.stack(list(side_by_side(of_actor, itertools.pairwise(of_actors))), axis=2, dtype=np.float64)

    def _gram(self, boxes: Values) -> Values:
        """Inner products of the images' coverage, (1, box) -> (image, image); once for coverage as observed."""
        starts = self.matched.starts
        if self.observed is None or self.observed[0] is not boxes:
            weighted = boxes.T * self.products * boxes
            gram = np.add.reduceat(np.add.reduceat(weighted, starts, axis=0), starts, axis=1)
            self.observed = boxes, gram
        return self.observed[1]


BASELINES: Mapping[Null, Callable[[Matched], Baseline]] = MappingProxyType({
    "others' human maps": _OthersHumanMaps, "others' classifier maps": _OthersClassifierMaps,
    "zero": lambda _: lambda coverage, *_: np.zeros_like(coverage.score)})
"""How each null is made for a study."""


def _shares(images: Values, actors: Values, actor: NDArray[np.intp], present: NDArray[np.bool_]) -> tuple[
        Values, Values]:
    """Shares of the images in their actor's mean and of actors in all, without images that are not there."""
    drawn = np.where(present, images, 0.0)
    within = np.add.reduceat(drawn, _first(actor), axis=1)
    share = drawn / np.where(within > 0, within, 1)[:, actor]
    weight = np.where(within > 0, actors, 0.0)
    total = weight.sum(axis=1, keepdims=True)
    return share, weight / np.where(total > 0, total, 1)


def _all_and_itself(by_actor: Values, actors: Values, actor: NDArray[np.intp]) -> tuple[Values, Values]:
    """Weighted sums over actors (r, image), and the part of the image's actor in them."""
    every = (by_actor @ actors[:, :, np.newaxis])[..., 0]
    itself = np.take_along_axis(by_actor, actor[np.newaxis, :, np.newaxis], axis=2)[..., 0] * actors[:, actor]
    return every, itself


def _first(actor: NDArray[np.intp]) -> NDArray[np.intp]:
    """Where each actor's images start."""
    return np.flatnonzero(np.diff(actor, prepend=-1))


@dataclass(frozen=True)
class Weights:
    """How often workers (r, worker), images within their actor (r, image) and actors (r, actor) were drawn.

    1 row where something is as observed.
    """

    workers: Values
    images: Values
    actors: Values


class Resampler:
    """Computes score, ceiling and nulls (what maps that know nothing of the image score) of a study under weights.

    `metric` is that of the score; the ceiling is that of pearson. With `ceiling`, images without one are left out.
    """

    def __init__(self, matched: Matched, *, metric: Metric = "pearson", nulls: Sequence[Null] = (),
                 ceiling: bool = False) -> None:
        self.matched, self.metric, self.ceiling = matched, metric, ceiling
        self.prepared = list(side_by_side(lambda pair: _prepared(*pair), zip(matched.boxes, matched.maps, strict=True)))
        self.baselines = [BASELINES[null](matched) for null in nulls]

    def draws(self, resamples: Mapping[str, Weights]) -> dict[str, tuple[Values, Values]]:
        """Compute each kind of resample's draws: score, ceiling and nulls (k, r, actor), and means of actors (k, r).

        Kinds that share their weights of workers share what these cost.
        """
        draws: dict[str, list[tuple[Values, Values]]] = {name: [] for name in resamples}
        groups: dict[int, list[str]] = {}
        for name, weights in resamples.items():
            groups.setdefault(id(weights.workers), []).append(name)
        for names in groups.values():
            workers = resamples[names[0]].workers
            for rows in _batches(len(workers)):
                coverage = self._coverage(workers[rows])
                for name in names:
                    pair = resamples[name].images, resamples[name].actors
                    for part in [rows] if len(workers) > 1 else _batches(max(map(len, pair))):
                        draws[name].append(self._values(coverage, *(w if len(w) == 1 else w[part] for w in pair)))
        return {name: (np.concatenate([actors for actors, _ in parts], axis=1),
                       np.concatenate([means for _, means in parts], axis=1)) for name, parts in draws.items()}

    def _coverage(self, workers: Values) -> Coverage:
        score, ceiling, norm = np.empty((3, len(workers), len(self.prepared)))

        def fill(images: range) -> list[Values]:
            """Compute some images' part; give the shares of their boxes."""
            shares = []
            for at in images:
                image = self.prepared[at]
                drawn = workers[:, image.worker]
                total = drawn.sum(axis=1, keepdims=True)
                shares.append(drawn / np.where(total > 0, total, 1))
                score[:, at], ceiling[:, at], norm[:, at] = _image_values(image, shares[-1], self.metric)
            return shares

        every = range(len(self.prepared))
        parts = side_by_side(fill, [every[start:start + _IMAGES] for start in range(0, len(every), _IMAGES)])
        return Coverage(score, ceiling, norm, np.concatenate([share for part in parts for share in part], axis=1))

    def _values(self, coverage: Coverage, images: Values, actors: Values) -> tuple[Values, Values]:
        """Means of actors (k, r, actor) and of the population (k, r) of score, ceiling and nulls."""
        nulls = [baseline(coverage, images, actors) for baseline in self.baselines]
        images, *parts = np.broadcast_arrays(images, coverage.score, coverage.ceiling, *nulls)
        stacked = np.stack(parts)
        wanted = [at for at in range(len(parts)) if at != 1 or self.ceiling]
        defined = ~np.isnan(stacked[wanted]).any(axis=0)
        held = np.where(defined, images, 0.0)
        weight = held @ self.matched.member
        values = (np.where(defined, stacked, 0.0) * held) @ self.matched.member / np.where(weight > 0, weight, np.nan)
        of_actors = np.where(weight > 0, actors, 0.0)
        total = of_actors.sum(axis=1)
        means = (np.where(of_actors > 0, values, 0.0) * of_actors).sum(axis=2) / np.where(total > 0, total, np.nan)
        return values, means


@dataclass(frozen=True)
class _Prepared:
    """Of one image: inner products of its boxes, all of them and those of one worker, and with its classifier map."""

    worker: NDArray[np.intp]
    covariance: Values  # (box, box)
    of_one: Values  # (box, box), 0 between workers
    of_worker: Values  # (box, worker), 0 or 1
    cross: Values  # (box,)
    sums: Values  # (box,)
    least: float  # of a sum of squares; below it there is none but rounding
    pixels: int


def _prepared(box: ImageResponses, classifier_map: Values) -> _Prepared:
    of_worker = (box.worker[:, np.newaxis] == np.unique(box.worker)).astype(float)
    least = 1e-12 * float(box.norms.sum()) / box.worker.size
    covariance = box.covariance
    return _Prepared(box.worker, covariance, covariance * (of_worker @ of_worker.T), of_worker,
                     box.products_with_map(classifier_map), box.sums, least, box.pixels)


def _image_values(image: _Prepared, share: Values, metric: Metric) -> tuple[Values, Values, Values]:
    """Score, ceiling and norm of one image's coverage, each (r,)."""
    with_boxes = share @ image.covariance
    total = np.einsum("ri,ri->r", with_boxes, share)
    total = np.where(total > image.least, total, np.nan)
    ceiling = np.sqrt(_reliability(image, share, with_boxes * share, total))
    norm = np.sqrt(total)
    score = share @ image.cross
    if metric == "pearson":
        return np.clip(score / norm, -1, 1), ceiling, norm
    mass = share @ image.sums
    return np.sqrt(image.pixels) * score / np.where(mass > 0, mass, np.nan), ceiling, norm


def _reliability(image: _Prepared, share: Values, along: Values, total: Values) -> Values:
    """Share of coverage's energy (r,) that is not noise at right angles to it; boxes of one worker are no agreement.

    A correlation is a cosine: noise along the true map lengthens or shortens coverage and costs none of it. The noise's
    energy is that of each worker's own part, as no two workers share any.
    """
    of_one = np.einsum("ri,ri->r", share @ image.of_one, share)
    along_of_one = ((along @ image.of_worker) ** 2).sum(axis=1) / total
    apart = 1 - ((share @ image.of_worker) ** 2).sum(axis=1)
    noise = (of_one - along_of_one) / np.where(apart > 1e-9, apart, np.nan)
    reliability = 1 - noise / total
    return np.where(reliability > 0, np.minimum(reliability, 1), np.nan)


def _batches(n: int) -> Iterator[slice]:
    return (slice(start, min(start + _BATCH, n)) for start in range(0, n, _BATCH))
