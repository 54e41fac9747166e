"""Score, ceiling and nulls of resampled studies, by weights and matrix products.

A resample is weights of workers, of images within their actor, and of actors. A worker's weight is how often the worker
was drawn; copies of a worker are one worker who counts more, so that no two of them are ever taken to agree.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from salcompare.blocks import side_by_side
from salcompare.statistics.ceilings.material import Material
from salcompare.statistics.ceilings.nulls import BASELINES, Coverage, Null
from salcompare.statistics.kernels import Values
from salcompare.statistics.responses import ImageResponses

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
