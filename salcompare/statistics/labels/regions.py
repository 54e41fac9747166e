"""Where on a face a label lies: its region for an actor, from the boxes that people drew on all the others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from salcompare import maps as mapping
from salcompare.maps.checks import require_share, require_size
from salcompare.statistics.labels.shares import CodedResponses, code_responses

SHARE = 0.5


def label_regions(
    responses: pd.DataFrame, images: pd.DataFrame | None, *, size: tuple[int, int], share: float = SHARE,
    labels: Sequence[str] | None = None,
) -> xr.DataArray:
    """Find each label's region for each actor: the smallest that holds a share of the other actors' boxes of the label.

    Parameters
    ----------
    responses : DataFrame
        One row a box: ``label``, the edges ``x0, y0, x1, y1``, and ``image`` (edges in pixels of the image as shown) or
        ``actor`` (in pixels of the grid).
    images : DataFrame or None
        Columns ``image``, ``actor``, ``height`` and ``width``; None where responses name actors.
    size : (int, int)
        Height and width of the grid.
    share : float
        Of the area of the boxes, summed over boxes, that the region holds at least; in (0, 1].
    labels : sequence of str, optional
        Labels that come first and in this order; the others follow in alphabetical order.

    Returns
    -------
    DataArray (actor, label, y, x), bool
        True in the region; False everywhere where no other actor has a box of the label. Coordinate ``area``
        (actor, label): the region's share of the grid, NaN where there is none.

    Raises
    ------
    InputError
        If a column is missing, a box is not within its image, or the share is out of range.

    Notes
    -----
    The actor's own boxes are left out, since a region made of them grows with how often people name the label: even
    random masks would then lie more inside it the larger the actor's share of the label. Pixels are taken from the most
    covered on, with all pixels of the last level taken, so that a label on both sides of the face (ears, cheeks) has a
    region on both. Every box weighs the same. Faces are taken to lie in the same place on all photographs; nothing
    aligns them.
    """
    height, width = require_size(size)
    require_share(share, height * width)
    coded = code_responses(responses, images, labels)
    regions = np.zeros((len(coded.actors), len(coded.labels), height, width), dtype=bool)
    for label in np.unique(coded.label):
        counts = _counts(responses[coded.label == label], images, coded, (height, width)).reshape(len(regions), -1)
        for actor, others in enumerate(counts.sum(axis=0) - counts):
            regions[actor, label] = _densest(others, share).reshape(height, width)
    area = regions.mean(axis=(2, 3))
    return xr.DataArray(regions, dims=("actor", "label", "y", "x"), name="region", coords={
        "actor": coded.actors, "label": coded.labels, "y": np.arange(height), "x": np.arange(width),
        "area": (("actor", "label"), np.where(area > 0, area, np.nan))}, attrs={"share": float(share)})


def _counts(responses: pd.DataFrame, images: pd.DataFrame | None, coded: CodedResponses,
            size: tuple[int, int]) -> NDArray[np.int64]:
    """Count the boxes that cover each pixel, by actor: (actor, y, x)."""
    if "image" in responses and images is not None:
        found = mapping.rasterise_boxes(responses, images, size=size)
        coverage = found["coverage"].assign_coords(n_responses=found["n_responses"])
    else:
        coverage = mapping.rasterise_actor_boxes(responses, size=size)
    counts = np.zeros((len(coded.actors), *size), np.int64)
    of_maps = pd.Index(coded.actors).get_indexer(pd.Index(coverage["actor"].to_numpy().astype(str)))
    boxes = coverage.to_numpy() * coverage["n_responses"].to_numpy()[:, np.newaxis, np.newaxis]
    np.add.at(counts, of_maps, np.rint(boxes).astype(np.int64))
    return counts


def _densest(counts: NDArray[np.int64], share: float) -> NDArray[np.bool_]:
    """Mask the largest counts (pixel,) that together hold at least the share of their sum; none where all are 0."""
    levels = np.bincount(counts)
    mass = np.cumsum((levels * np.arange(levels.size))[::-1])[::-1]  # of pixels at this level or above
    held = np.flatnonzero(mass >= share * mass[0])
    return np.asarray((counts >= held[-1]) & (counts > 0))
