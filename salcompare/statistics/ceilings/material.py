"""What resampling overlap needs of boxes and classifier maps: inner products, so that no resample draws a map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from salcompare.blocks import side_by_side
from salcompare.errors import InputError, Problem
from salcompare.maps import natural_order, smooth
from salcompare.maps.checks import require_maps
from salcompare.statistics.kernels import Values, in_range
from salcompare.statistics.responses import (
    ImageResponses,
    Responses,
    joined,
    responses_by_image,
    with_workers,
)


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
