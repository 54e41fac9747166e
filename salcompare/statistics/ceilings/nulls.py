"""What a map that knows nothing of the image scores, in the same resamples as the score."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from salcompare.blocks import side_by_side
from salcompare.statistics.ceilings.material import Material
from salcompare.statistics.kernels import Values

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
