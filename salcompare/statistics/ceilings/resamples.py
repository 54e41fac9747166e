"""Score, ceiling and nulls of resampled studies, by weights and matrix products.

A resample is weights of workers, of images within their actor, and of actors. A worker's weight is how often the worker
was drawn; copies of a worker are one worker who counts more, so that no two of them are ever taken to agree.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, Protocol

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from salcompare.blocks import side_by_side
from salcompare.errors import InputError, Problem
from salcompare.maps import natural_order, smooth
from salcompare.maps.checks import require_maps
from salcompare.statistics.kernels import Values, in_range
from salcompare.statistics.responses import ImageResponses, Responses, joined, responses_by_image, with_workers

Metric = Literal["pearson", "nss"]
_IMAGES = 8  # computed at a time on a core
BATCH = 64  # resamples whose weights of all boxes are held at a time, so that they stay in the processor's cache


@dataclass(frozen=True)
class Weights:
    """Resamples of workers and of the units that they saw; 1 row where something is as observed.

    Attributes
    ----------
    workers : ndarray (r or 1, worker)
        How often each was drawn.
    images : ndarray (r or 1, image)
        How often each was drawn within its actor.
    actors : ndarray (r or 1, actor)
        How often each was drawn.
    """

    workers: Values
    images: Values
    actors: Values


class Resampler:
    """Computes score, ceiling and nulls of a study under weights.

    Parameters
    ----------
    material : Material
        The study.
    metric : {"pearson", "nss"}
        Of the score. The ceiling is that of pearson.
    nulls : sequence of Null
        What maps that know nothing of the image score.
    ceiling : bool
        Whether images without a ceiling are left out.
    """

    def __init__(self, material: Material, *, metric: Metric = "pearson", nulls: Sequence[Null] = (),
                 ceiling: bool = False) -> None:
        self.material, self.metric, self.ceiling = material, metric, ceiling
        self.prepared = list(side_by_side(lambda pair: _prepared(*pair),
                                          zip(material.boxes, material.with_maps(), strict=True)))
        self.baselines = [BASELINES[null](material) for null in nulls]

    def draws(self, resamples: Mapping[str, Weights]) -> dict[str, tuple[Values, Values]]:
        """Compute each kind of resample's draws: score, ceiling and nulls (k, r, actor), and means of actors (k, r).

        Kinds that share their weights of workers share what these cost.
        """
        found: dict[str, list[tuple[Values, Values]]] = {name: [] for name in resamples}
        groups: dict[int, list[str]] = {}
        for name, weights in resamples.items():
            groups.setdefault(id(weights.workers), []).append(name)
        for names in groups.values():
            workers = resamples[names[0]].workers
            for rows in _batches(len(workers)):
                coverage = self._coverage(workers[rows])
                for name in names:
                    own = resamples[name]
                    n = max(len(own.images), len(own.actors))
                    for part in [rows] if len(workers) > 1 else _batches(n):
                        found[name].append(self._values(coverage, _rows(own.images, part), _rows(own.actors, part)))
        return {name: (np.concatenate([actors for actors, _ in parts], axis=1),
                       np.concatenate([means for _, means in parts], axis=1)) for name, parts in found.items()}

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
                score[:, at], ceiling[:, at], norm[:, at] = _of_image(image, shares[-1], self.metric)
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
        weight = held @ self.material.member
        values = (np.where(defined, stacked, 0.0) * held) @ self.material.member / np.where(weight > 0, weight, np.nan)
        of_actors = np.where(weight > 0, actors, 0.0)
        total = of_actors.sum(axis=1)
        means = (np.where(of_actors > 0, values, 0.0) * of_actors).sum(axis=2) / np.where(total > 0, total, np.nan)
        return values, means


@dataclass(frozen=True)
class _Prepared:
    """Of one image: inner products of its boxes, all of them and those of one worker, and with its classifier map."""

    worker: NDArray[np.intp]
    covariance: Values  # (box, box)
    own: Values  # (box, box), 0 between workers
    of_worker: Values  # (box, worker), 0 or 1
    cross: Values  # (box,)
    sums: Values  # (box,)
    least: float  # of a sum of squares; below it there is none but rounding
    pixels: int


def _prepared(box: ImageResponses, cross: Values) -> _Prepared:
    of_worker = (box.worker[:, np.newaxis] == np.unique(box.worker)).astype(float)
    least = 1e-12 * float(box.norms.sum()) / box.worker.size
    covariance = box.covariance
    return _Prepared(box.worker, covariance, covariance * (of_worker @ of_worker.T), of_worker, cross, box.sums, least,
                     box.pixels)


def _of_image(image: _Prepared, share: Values, metric: Metric) -> tuple[Values, Values, Values]:
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
    own = np.einsum("ri,ri->r", share @ image.own, share)
    own_along = ((along @ image.of_worker) ** 2).sum(axis=1) / total
    apart = 1 - ((share @ image.of_worker) ** 2).sum(axis=1)
    noise = (own - own_along) / np.where(apart > 1e-9, apart, np.nan)
    reliability = 1 - noise / total
    return np.where(reliability > 0, np.minimum(reliability, 1), np.nan)


def _batches(n: int) -> Iterator[slice]:
    return (slice(start, min(start + BATCH, n)) for start in range(0, n, BATCH))


def _rows(weights: Values, rows: slice) -> Values:
    return weights if len(weights) == 1 else weights[rows]


@dataclass(frozen=True)
class Material:
    """Responses and classifier maps of the images that are compared, sorted by actor.

    Attributes
    ----------
    boxes : list of ImageBoxes, or of ImageMaps
        Of each image, its responses, be they boxes or trials of gaze; workers' codes are from 0 without gaps.
    maps : ndarray (image, y, x)
        Classifier maps, smoothed, of mean 0 and norm 1; no NaN.
    images, actors : ndarray of str
        Names; `actors` of the actors, each once.
    actor : ndarray of int (image,)
        Which actor an image shows, ascending.
    n_workers : int
        Who drew any of the boxes.
    left_out : int
        Images with responses or a classifier map that lack the other, or whose classifier map is constant or holds
        NaN.
    """

    boxes: list[ImageResponses]
    maps: Values
    images: NDArray[np.str_]
    actors: NDArray[np.str_]
    actor: NDArray[np.intp]
    n_workers: int
    left_out: int

    @property
    def starts(self) -> NDArray[np.intp]:
        """Where each image's boxes start, if boxes are counted through."""
        sizes = np.array([box.worker.size for box in self.boxes])
        return np.asarray(np.cumsum(sizes) - sizes, np.intp)

    @property
    def member(self) -> NDArray[np.bool_]:
        """Whether an image is an actor's (image, actor)."""
        return np.asarray(self.actor[:, np.newaxis] == np.arange(self.actors.size), bool)

    def with_maps(self) -> list[Values]:
        """Inner products of each image's boxes with its own classifier map: (box,) an image."""
        return list(side_by_side(lambda pair: pair[0].products_with_map(pair[1]),
                                 zip(self.boxes, self.maps, strict=True)))

    def with_all_maps(self) -> Values:
        """Inner products of all boxes with all classifier maps (box, image)."""
        every = joined(self.boxes)
        products = np.empty((every.worker.size, len(self.maps)))
        for at, column in enumerate(side_by_side(every.products_with_map, self.maps)):
            products[:, at] = column
        return products

    def covariance(self) -> Values:
        """Inner products of all pairs of boxes, each less its mean over pixels (box, box)."""
        return joined(self.boxes).covariance


def gather_material(responses: Responses, images: pd.DataFrame, classifier_maps: xr.DataArray, *,
                    sigma: float) -> Material:
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
    sorted_boxes, n_workers = _without_gaps([boxes[names[row]] for row in order.tolist()])
    return Material(sorted_boxes, standard[kept[order]], np.array(names)[order], actors,
                    np.asarray(codes[order], np.intp), n_workers, len(set(boxes) | set(at)) - kept.size)


def _standardised(maps: Values) -> tuple[Values, NDArray[np.bool_]]:
    """Give maps mean 0 and norm 1, and say which allow it."""
    maps = in_range(maps, axis=(1, 2))
    centred: Values = maps - maps.mean(axis=(1, 2), keepdims=True)
    norm = np.sqrt(np.einsum("iyx,iyx->i", centred, centred))
    size = np.sqrt(np.einsum("iyx,iyx->i", maps, maps))
    defined = np.isfinite(norm) & (norm > 1e-9 * size)  # a constant map that was smoothed varies by rounding
    centred /= np.where(defined, norm, 1)[:, np.newaxis, np.newaxis]
    return centred, np.asarray(defined, bool)


def _without_gaps(boxes: list[ImageResponses]) -> tuple[list[ImageResponses], int]:
    """Count the workers of these boxes through from 0."""
    known, codes = np.unique(np.concatenate([box.worker for box in boxes]), return_inverse=True)
    ends = np.cumsum([box.worker.size for box in boxes])
    parts = np.split(codes.astype(np.intp), ends[:-1])
    return [with_workers(box, part) for box, part in zip(boxes, parts, strict=True)], known.size


Null = Literal["others' human maps", "others' classifier maps", "zero"]


@dataclass(frozen=True)
class Coverage:
    """What a batch of weights of workers makes of the images' coverage.

    Attributes
    ----------
    score, ceiling, norm : ndarray (r, image)
        Overlap with the image's classifier map; correlation that a perfect model would have; root of the sum of
        squares of coverage less its mean. NaN where no worker of the image was drawn or coverage is constant.
    shares : ndarray (r, box)
        Share of each box in the coverage of its image; 0 for all of an image none of whose workers was drawn.
    """

    score: Values
    ceiling: Values
    norm: Values
    shares: Values


class Baseline(Protocol):
    """Gives each image's score under the null (r, image)."""

    def __call__(self, coverage: Coverage, images: Values, actors: Values) -> Values:
        """Take coverage, and weights of images (r or 1, image) and of actors (r or 1, actor)."""


class _Zero:
    """A map that does not correlate with anything."""

    def __init__(self, material: Material) -> None:
        del material

    def __call__(self, coverage: Coverage, images: Values, actors: Values) -> Values:  # noqa: ARG002 - the same for any
        return np.zeros_like(coverage.score)


class _OthersClassifierMaps:
    """Mean correlation with the classifier's maps of the other actors: people's map is matched with the wrong actor."""

    def __init__(self, material: Material) -> None:
        self.material, self.products = material, material.with_all_maps()

    def __call__(self, coverage: Coverage, images: Values, actors: Values) -> Values:
        actor = self.material.actor
        share, actors = _shares(images, actors, actor, np.ones((1, actor.size), bool))
        if len(share) == 1:  # the actors' mean maps are the same in all resamples
            by_actor = self._with_boxes(coverage, self.products @ (share[0][:, np.newaxis] * self.material.member))
        else:
            by_actor = np.add.reduceat(self._with_boxes(coverage, self.products) * share[:, np.newaxis], _first(actor),
                                       axis=2)
        product, own = _all_and_own(by_actor, actors, actor)
        left = 1 - actors[:, actor]
        found: Values = (product - own) / (np.where(left > 1e-9, left, np.nan) * coverage.norm)
        return found

    def _with_boxes(self, coverage: Coverage, products: Values) -> Values:
        """Turn inner products of boxes (box, k) into those of the images' coverage (r, image, k)."""
        starts = self.material.starts
        ends = np.append(starts[1:], len(products))
        parts = (slice(*both) for both in zip(starts.tolist(), ends.tolist(), strict=True))
        return np.stack(list(side_by_side(lambda part: coverage.shares[:, part] @ products[part], parts)), axis=1)


class _OthersHumanMaps:
    """Correlation with the mean of the other actors' heatmaps: what people find salient in a face, whoever it is."""

    def __init__(self, material: Material) -> None:
        self.material, self.products = material, material.covariance()
        self.single = self.products.astype(np.float32)  # of 7 digits, which resamples do not need more of
        self.image_of_box = np.repeat(np.arange(len(material.boxes)), [box.worker.size for box in material.boxes])
        self.last: tuple[Values, Values, Values] | None = None
        self.observed: tuple[Values, Values] | None = None

    def __call__(self, coverage: Coverage, images: Values, actors: Values) -> Values:
        actor = self.material.actor
        present = np.add.reduceat(coverage.shares, self.material.starts, axis=1) > 0
        share, actors = _shares(images, actors, actor, present)
        with_heatmaps = self._cached(coverage.shares, images, share)  # (r, image, actor)
        heatmaps = np.add.reduceat(with_heatmaps * share[:, :, np.newaxis], _first(actor), axis=1)
        diagonal = np.einsum("raa->ra", heatmaps)
        with_all = (heatmaps @ actors[:, :, np.newaxis])[..., 0]
        total = (with_all * actors).sum(axis=1, keepdims=True)
        others = total - 2 * actors * with_all + actors**2 * diagonal
        some = (1 - actors > 1e-9) & (others > 1e-12 * diagonal)
        norm = np.sqrt(np.where(some, others, np.nan))[:, actor]
        product, own = _all_and_own(with_heatmaps, actors, actor)
        found: Values = (product - own) / (norm * coverage.norm)
        return found

    def _cached(self, boxes: Values, images: Values, share: Values) -> Values:
        """Do not compute again what another weighting of the actors has just used."""
        if self.last is None or self.last[0] is not boxes or self.last[1] is not images:
            self.last = boxes, images, self._with_heatmaps(boxes, share)
        return self.last[2]

    def _with_heatmaps(self, boxes: Values, share: Values) -> Values:
        """Inner products of each image's coverage with each actor's heatmap (r, image, actor)."""
        first = _first(self.material.actor)
        if len(boxes) == 1:
            return np.add.reduceat(self._gram(boxes) * share[:, np.newaxis], first, axis=2)
        starts, weights = self.material.starts, boxes.astype(np.float32)
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
        starts = self.material.starts
        if self.observed is None or self.observed[0] is not boxes:
            weighted = boxes.T * self.products * boxes
            gram = np.add.reduceat(np.add.reduceat(weighted, starts, axis=0), starts, axis=1)
            self.observed = boxes, gram
        return self.observed[1]


BASELINES: Mapping[Null, Callable[[Material], Baseline]] = MappingProxyType({
    "others' human maps": _OthersHumanMaps, "others' classifier maps": _OthersClassifierMaps, "zero": _Zero})
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


def _all_and_own(by_actor: Values, actors: Values, actor: NDArray[np.intp]) -> tuple[Values, Values]:
    """Weighted sums over actors (r, image), and the part of the image's own actor in them."""
    every = (by_actor @ actors[:, :, np.newaxis])[..., 0]
    own = np.take_along_axis(by_actor, actor[np.newaxis, :, np.newaxis], axis=2)[..., 0] * actors[:, actor]
    return every, own


def _first(actor: NDArray[np.intp]) -> NDArray[np.intp]:
    """Where each actor's images start."""
    return np.flatnonzero(np.diff(actor, prepend=-1))
