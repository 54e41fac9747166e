"""Regions of labels on the face, and whether masks lie in them more than by area."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from salcompare import maps as mapping
from salcompare.errors import InputError, Problem
from salcompare.maps.checks import require_maps, require_share, require_size
from salcompare.random_numbers import drawing
from salcompare.statistics.inference.multiplicity import adjust_p, family_size
from salcompare.statistics.inference.permutation import sign_flip_test
from salcompare.statistics.inference.resampling import actor_means, population_mean, t_interval
from salcompare.statistics.kernels import Values
from salcompare.statistics.labels.shares import code_responses

SHARE = 0.5
FEWEST_IMAGES = 3
"""Images of an actor below which its own enrichment has no interval."""
_NO_BOX = "no other actor has a box of the label"
_UNDRAWN = "drawn on one actor at most: an actor's region comes from the others' boxes"


def label_regions(responses: pd.DataFrame, images: pd.DataFrame | None, *, size: tuple[int, int], share: float = SHARE,
                  labels: Sequence[str] | None = None) -> xr.DataArray:
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

    Notes
    -----
    The actor's own boxes are left out, since a region made of them grows with how often people name the label: even
    random masks would then lie more inside it the larger the actor's share of the label. Pixels are taken from the most
    covered on, with all pixels of the last level taken, so that a label on both sides of the face (ears, cheeks) has a
    region on both. Every box weighs the same. Faces are taken to lie in the same place on all photographs, as they do
    where these are aligned.
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


def label_counts(responses: pd.DataFrame, images: pd.DataFrame | None, *, size: tuple[int, int],
                 labels: Sequence[str] | None = None) -> xr.DataArray:
    """Count, at each pixel, the boxes of a label that people drew on all actors but one.

    Parameters
    ----------
    responses, images, size, labels
        As for `label_regions`, errors too.

    Returns
    -------
    DataArray (actor, label, y, x), int64
        How many of the other actors' boxes of the label cover the pixel.
    """
    height, width = require_size(size)
    coded = code_responses(responses, images, labels)
    n_labels = len(coded.labels)
    pair = coded.of_actor * n_labels + coded.label
    shape = (len(coded.actors), n_labels, height, width)
    if images is not None and "image" in responses:
        of_actors = mapping.count_boxes(responses, images, pair, n_maps=shape[0] * n_labels,
                                        size=size).reshape(shape).astype(np.int64)
    else:
        boxes = mapping.rasterise_actor_boxes(responses.assign(actor=pair), size=size)
        counts = np.rint(boxes.to_numpy() * boxes["n_responses"].to_numpy()[:, np.newaxis, np.newaxis])
        of_actors = np.zeros(shape, np.int64)
        of_actors[np.divmod(boxes["actor"].to_numpy().astype(int), n_labels)] = counts
    return xr.DataArray(of_actors.sum(axis=0) - of_actors, dims=("actor", "label", "y", "x"), name="boxes", coords={
        "actor": coded.actors, "label": coded.labels, "y": np.arange(height), "x": np.arange(width)})


def _densest(counts: NDArray[np.int64], share: float) -> NDArray[np.bool_]:
    """Mask the largest counts (y, x) that together hold at least the share of their sum; none where all are 0."""
    levels = np.bincount(counts.ravel())
    mass = np.cumsum((levels * np.arange(levels.size))[::-1])[::-1]  # of pixels at this level or above
    held = np.flatnonzero(mass >= share * mass[0])
    return np.asarray((counts >= held[-1]) & (counts > 0))


@drawing
def label_enrichment(responses: pd.DataFrame, images: pd.DataFrame | None, masks: xr.DataArray, *,
                     rng: np.random.Generator, n_permutations: int = 9999, share: float = SHARE,
                     labels: Sequence[str] | None = None) -> xr.Dataset:
    """Estimate by how much a mask's share inside a label's region exceeds the region's area.

    Parameters
    ----------
    responses, images, share, labels
        As for `label_regions`: an actor's regions come from the boxes that people drew on the other actors.
    masks : DataArray (image, y, x), bool
        With coordinate ``actor`` along ``image``; an image without any True is left out.
    rng, n_permutations : Generator, int
        How many sign flips to draw; all are enumerated where there are no more.

    Returns
    -------
    Dataset
        Over ``label``: ``enrichment``, mean over actors of (share of the mask inside the region) / (share of the grid
        inside the region): 1 where the mask lies anywhere, 0 where it avoids the region; ``ci_low``, ``ci_high`` (95%,
        t over actors, NaN below eight), ``p_value`` (two-sided), ``p_attainable`` and ``n_permutations`` of a test that
        flips the signs of actors' enrichment - 1, ``p_adjusted`` (Holm over labels), ``n`` actors, ``n_undefined``,
        ``reason``. Over ``label`` and ``actor``: ``actor_enrichment``, ``actor_low``, ``actor_high`` (t over the
        actor's images, NaN below `FEWEST_IMAGES`), ``actor_n`` images, ``actor_reason``, ``area`` and ``inside``, both
        shares. NaN where an actor has no region of the label. Without dims: ``n_empty``, masks left out. attrs:
        ``null``, ``alternative``, ``family_size``, ``ci_method`` and ``resampled``, of actors ``actor_ci_method`` and
        ``actor_resampled``.

    Notes
    -----
    Under the null hypothesis an actor's enrichment is distributed symmetrically about 1, independently of the other
    actors'. The expectation of 1 is that of a mask laid anywhere on the grid: a mask that keeps to the middle of the
    photograph is enriched in whatever feature lies there. The regions are taken as given.
    """
    require_maps(masks, "masks", dims=("image", "y", "x"))
    if masks.dtype != bool or "actor" not in masks.coords:
        raise InputError(Problem("masks", f"{masks.dtype}, coordinates {', '.join(map(str, masks.coords))}",
                                 "bool, with the actor of each image", "make masks with top_mask"))
    regions = label_regions(responses, images, size=(masks.sizes["y"], masks.sizes["x"]), share=share, labels=labels)
    known = np.isin(masks["actor"].to_numpy(), regions["actor"].to_numpy())
    filled = masks.any(("y", "x")).to_numpy()
    if not (known & filled).any():
        raise InputError(Problem("masks", "no image of an actor with a region", "masks of the images that have boxes"))
    inside = _inside(masks[{"image": np.flatnonzero(known & filled)}], regions)
    ratio = inside / regions["area"].sel(actor=inside["actor"]).transpose("image", "label").to_numpy()
    actors = _of_actors(ratio).assign(inside=actor_means(inside)["value"].transpose("label", "actor"),
                                      n_empty=int((~filled & known).sum()))
    actors["area"] = regions["area"].sel(actor=actors["actor"]).transpose("label", "actor").drop_vars("area")
    return _enrichment_tests(actors, rng, n_permutations)


def _inside(masks: xr.DataArray, regions: xr.DataArray) -> xr.DataArray:
    """Share of each mask inside each label's region of its actor (image, label)."""
    actor = masks["actor"].to_numpy()
    inside = np.empty((len(actor), regions.sizes["label"]))
    for name in dict.fromkeys(actor.tolist()):
        rows = np.flatnonzero(actor == name)
        flat = masks[{"image": rows}].to_numpy().reshape(len(rows), -1).astype(np.float64)
        within: Values = regions.sel(actor=name).to_numpy().reshape(inside.shape[1], -1).T.astype(float)
        inside[rows] = flat @ within / flat.sum(axis=1, keepdims=True)
    return xr.DataArray(inside, dims=("image", "label"), coords={
        "image": masks["image"].to_numpy(), "actor": ("image", actor), "label": regions["label"].to_numpy()})


def _of_actors(ratio: xr.DataArray) -> xr.Dataset:
    """Mean over each actor's images, with t intervals over images."""
    means = actor_means(ratio).transpose("label", "actor")
    low, high = np.full((2, *means["value"].shape), np.nan)
    for column, actor in enumerate(means["actor"].to_numpy()):
        interval = t_interval(ratio.to_numpy()[ratio["actor"].to_numpy() == actor], resampled="images",
                              fewest=FEWEST_IMAGES)
        low[:, column], high[:, column] = interval.low, interval.high
    dims = ("label", "actor")
    return xr.Dataset({"actor_enrichment": means["value"], "actor_low": (dims, low), "actor_high": (dims, high),
                       "actor_n": means["n"], "actor_reason": (dims, np.where(means["n"] > 0, "", _NO_BOX))})


def _enrichment_tests(actors: xr.Dataset, rng: np.random.Generator, n_permutations: int) -> xr.Dataset:
    values = actors["actor_enrichment"]
    whole = population_mean(values)
    tests = [sign_flip_test(one - 1, rng=rng, n_permutations=n_permutations) for one in values.to_numpy()]
    p, attainable, drawn = (
        xr.DataArray(np.array(part), dims="label", coords={"label": values["label"]})
        for part in zip(*((p, least, null.size) for p, least, null in tests), strict=True))
    reason = np.where(whole["n"].to_numpy() == 0, _UNDRAWN, whole["reason"].to_numpy().astype(str))
    return actors.assign(
        enrichment=whole["value"], ci_low=whole["ci_low"], ci_high=whole["ci_high"], n=whole["n"],
        n_undefined=whole["n_undefined"], reason=("label", reason), p_value=p, p_attainable=attainable,
        n_permutations=drawn, p_adjusted=adjust_p(p, "label").drop_attrs()).assign_attrs(
            null="actors' enrichment symmetric about 1", alternative="two-sided",
            family_size=int(family_size(p, "label")), ci_method="t", resampled="actors", actor_ci_method="t",
            actor_resampled="images")
