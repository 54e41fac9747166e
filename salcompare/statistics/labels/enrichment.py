"""Does a mask lie in a label's region more than the region's area lets expect."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from salcompare.errors import InputError, Problem, drawing
from salcompare.maps.checks import require_maps
from salcompare.statistics.inference.levels import actor_means, population_mean
from salcompare.statistics.inference.multiplicity import adjust_p, family_size
from salcompare.statistics.inference.resampling import t_interval
from salcompare.statistics.inference.signs import sign_flip_test
from salcompare.statistics.labels.regions import SHARE, label_regions

FEWEST_IMAGES = 3
"""Images of an actor below which its own enrichment has no interval."""


@drawing
def label_enrichment(
    responses: pd.DataFrame, images: pd.DataFrame | None, masks: xr.DataArray, *, rng: np.random.Generator,
    n_permutations: int = 9999, share: float = SHARE, labels: Sequence[str] | None = None,
) -> xr.Dataset:
    """Estimate by how much a mask's share inside a label's region exceeds the region's area.

    Parameters
    ----------
    responses, images, share, labels
        As for `label_regions`: an actor's regions come from the boxes that people drew on the other actors.
    masks : DataArray (image, y, x), bool
        With coordinate ``actor`` along ``image``; an image without any True is left out.
    rng : Generator
        Draws sign flips.
    n_permutations : int
        How many; all are enumerated where there are no more.

    Returns
    -------
    Dataset
        Over ``label``: ``enrichment``, mean over actors of (share of the mask inside the region) / (share of the
        grid inside the region): 1 where the mask lies anywhere, 0 where it avoids the region; ``ci_low``, ``ci_high``
        (95%, t over actors, NaN below eight), ``p_value`` (two-sided) and ``p_attainable`` of a test that flips the
        signs of actors' enrichment - 1, ``p_adjusted`` (Holm over labels), ``n`` actors, ``n_undefined``,
        ``reason``. Over ``label`` and ``actor``: ``actor_enrichment``, ``actor_low``, ``actor_high`` (t over the
        actor's images, NaN below `FEWEST_IMAGES`), ``actor_n`` images, ``area`` and ``inside``, both shares. NaN
        where an actor has no region of the label. Without dims: ``n_empty``, masks left out. attrs: ``null``,
        ``family_size``.

    Raises
    ------
    InputError
        If masks are no labelled boolean maps, no image of theirs is of an actor with a region, or as `label_regions`.

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
    found = _of_actors(ratio).assign(inside=actor_means(inside)["value"].transpose("label", "actor"),
                                     n_empty=int((~filled & known).sum()))
    found["area"] = regions["area"].sel(actor=found["actor"]).transpose("label", "actor").drop_vars("area")
    return _tested(found, rng, n_permutations)


def _inside(masks: xr.DataArray, regions: xr.DataArray) -> xr.DataArray:
    """Share of each mask inside each label's region of its actor (image, label)."""
    actor = masks["actor"].to_numpy()
    found = np.empty((len(actor), regions.sizes["label"]))
    for name in dict.fromkeys(actor.tolist()):
        rows = np.flatnonzero(actor == name)
        flat = masks[{"image": rows}].to_numpy().reshape(len(rows), -1).astype(np.float64)
        within: NDArray[np.float64] = regions.sel(actor=name).to_numpy().reshape(found.shape[1], -1).T.astype(float)
        found[rows] = flat @ within / flat.sum(axis=1, keepdims=True)
    return xr.DataArray(found, dims=("image", "label"), coords={
        "image": masks["image"].to_numpy(), "actor": ("image", actor), "label": regions["label"].to_numpy()})


def _of_actors(ratio: xr.DataArray) -> xr.Dataset:
    """Mean over each actor's images, with t intervals over images."""
    means = actor_means(ratio).transpose("label", "actor")
    low, high = (np.full(means["value"].shape, np.nan) for _ in range(2))
    for column, actor in enumerate(means["actor"].to_numpy()):
        interval = t_interval(ratio.to_numpy()[ratio["actor"].to_numpy() == actor], resampled="images",
                              fewest=FEWEST_IMAGES)
        low[:, column], high[:, column] = interval.low, interval.high
    dims = ("label", "actor")
    return xr.Dataset({"actor_enrichment": means["value"], "actor_low": (dims, low), "actor_high": (dims, high),
                       "actor_n": means["n"]})


def _tested(found: xr.Dataset, rng: np.random.Generator, n_permutations: int) -> xr.Dataset:
    values = found["actor_enrichment"]
    whole = population_mean(values)
    tests = [sign_flip_test(one - 1, rng=rng, n_permutations=n_permutations)[:2] for one in values.to_numpy()]
    p, attainable = (xr.DataArray(np.array(part), dims="label", coords={"label": values["label"]})
                     for part in zip(*tests, strict=True))
    undrawn = whole["n"].to_numpy() == 0
    reason = np.where(undrawn, "drawn on one actor at most: an actor's region comes from the others' boxes",
                      whole["reason"].to_numpy().astype(str))
    return found.assign(
        enrichment=whole["value"], ci_low=whole["ci_low"], ci_high=whole["ci_high"], n=whole["n"],
        n_undefined=whole["n_undefined"], reason=("label", reason), p_value=p, p_attainable=attainable,
        p_adjusted=adjust_p(p, "label").drop_attrs()).assign_attrs(
            null="actors' enrichment symmetric about 1", family_size=int(family_size(p, "label")), ci_method="t",
            resampled="actors")
