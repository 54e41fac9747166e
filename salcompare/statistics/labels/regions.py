"""Where on a face a label lies: its region for an actor, from the boxes that people drew on all the others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from salcompare import maps as mapping
from salcompare.errors import InputError, Problem
from salcompare.maps.checks import require_share, require_size
from salcompare.statistics.labels.shares import code_responses

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
    counts = label_counts(responses, images, size=size, labels=labels)
    require_share(share, size[0] * size[1])
    regions = np.zeros(counts.shape, dtype=bool)
    for region, of_others in zip(regions.reshape(-1, *size), counts.to_numpy().reshape(-1, *size), strict=True):
        if of_others.any():
            region[:] = _densest(of_others, share)
    area = regions.mean(axis=(2, 3))
    return counts.copy(data=regions).rename("region").assign_attrs(share=float(share)).assign_coords(
        area=(("actor", "label"), np.where(area > 0, area, np.nan)))


def label_counts(
    responses: pd.DataFrame, images: pd.DataFrame | None, *, size: tuple[int, int],
    labels: Sequence[str] | None = None,
) -> xr.DataArray:
    """Count, at each pixel, the boxes of a label that people drew on all actors but one.

    Parameters
    ----------
    responses, images, size, labels
        As for `label_regions`.

    Returns
    -------
    DataArray (actor, label, y, x), int64
        How many of the other actors' boxes of the label cover the pixel.

    Raises
    ------
    InputError
        As for `label_regions`.
    """
    height, width = require_size(size)
    coded = code_responses(responses, images, labels)
    n_labels = len(coded.labels)
    pair = coded.of_actor * n_labels + coded.label
    boxes = mapping.rasterise_actor_boxes(_on_grid(responses, images, size).assign(actor=pair), size=size)
    counts = np.rint(boxes.to_numpy() * boxes["n_responses"].to_numpy()[:, np.newaxis, np.newaxis]).astype(np.int64)
    actor_of, label_of = np.divmod(boxes["actor"].to_numpy().astype(int), n_labels)
    own = np.zeros((len(coded.actors), n_labels, height, width), np.int64)
    own[actor_of, label_of] = counts
    return xr.DataArray(own.sum(axis=0) - own, dims=("actor", "label", "y", "x"), name="boxes", coords={
        "actor": coded.actors, "label": coded.labels, "y": np.arange(height), "x": np.arange(width)})


def _on_grid(responses: pd.DataFrame, images: pd.DataFrame | None, size: tuple[int, int]) -> pd.DataFrame:
    """Give responses with their edges in pixels of the grid."""
    if images is None or "image" not in responses:
        return responses
    missing = [name for name in ("height", "width") if name not in images]
    if missing:
        raise InputError(Problem("images", f"no column {', '.join(map(repr, missing))}", "the image's size in pixels"))
    shape = images.set_index("image")[["height", "width"]].reindex(responses["image"]).to_numpy(float)
    # Multiplied before divided, so that an edge at the image's far side stays within the grid.
    frames = {"x": (size[1], shape[:, 1]), "y": (size[0], shape[:, 0])}
    return responses.assign(**{f"{dim}{end}": responses[f"{dim}{end}"] * n / length
                               for dim, (n, length) in frames.items() for end in (0, 1)
                               if f"{dim}{end}" in responses})


def _densest(counts: NDArray[np.int64], share: float) -> NDArray[np.bool_]:
    """Mask the largest counts (y, x) that together hold at least the share of their sum; none where all are 0."""
    levels = np.bincount(counts.ravel())
    mass = np.cumsum((levels * np.arange(levels.size))[::-1])[::-1]  # of pixels at this level or above
    held = np.flatnonzero(mass >= share * mass[0])
    return np.asarray((counts >= held[-1]) & (counts > 0))
