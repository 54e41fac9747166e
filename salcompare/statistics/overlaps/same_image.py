"""Overlap of people's maps and a classifier's, of the same image and of all pairs of images."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import xarray as xr

from salcompare.errors import InputError, Problem
from salcompare.maps import mask_report, smooth
from salcompare.maps.checks import require_maps
from salcompare.statistics.metrics.ranking import SHARE
from salcompare.statistics.metrics.registry import EVERY_METRIC, METRICS, pairwise, required_metrics


def overlap(human: xr.DataArray, classifier: xr.DataArray, *, metrics: Collection[str] = tuple(METRICS),
            share: float = SHARE, sigma: float | None = None, fixations: xr.DataArray | None = None) -> xr.Dataset:
    """Compare people's map of each image with the classifier's of the same image.

    Parameters
    ----------
    human : DataArray (image, y, x)
        People's maps, such as coverage; non-negative.
    classifier : DataArray (image, y, x)
        The classifier's maps, or a baseline's, on the same grid; non-negative.
    metrics : collection of str
        Some of `METRICS`, and of `FIXATION_METRICS` where there are fixations.
    share : float
        Of the pixels, in the areas that iou and dice compare.
    sigma : float, optional
        Both maps are first smoothed with a Gaussian of so many pixels; numbers of fixations never are.
    fixations : DataArray (image, y, x), whole numbers, optional
        How many fixations lie on each pixel (`salcompare.maps.fixation_counts`), which auc_judd and auc_shuffled read
        in place of `human`; images that lack in it are NaN in these.

    Returns
    -------
    Dataset (image)
        One float64 variable a metric, with attrs ``better``, ``perfect`` (NaN where no value is) and ``citation``;
        coordinate ``actor`` where the maps have it. NaN where a metric is undefined: an empty map, one that holds
        NaN, or a constant one where order or spread count. Images missing on one side are left out; attrs count them
        (``n_only_human``, ``n_only_classifier``) and name the settings. With iou or dice there are also, for each side,
        ``tied_share_human``, ``tied_share_classifier``: the share of an area that lies on tied pixels, and
        ``short_human``, ``short_classifier``: whether a map has fewer positive pixels than an area.

    Raises
    ------
    InputError
        If a metric is unknown, the grids differ, no image is common to both, or both name an image's actor differently.
    """
    names = required_metrics(metrics)
    human, classifier, attrs = _prepared(human, classifier, sigma)
    values = {}
    for name in names:
        metric = EVERY_METRIC[name]
        people = human if fixations is None or name in METRICS else _on_images(fixations, human)
        value = metric.function(people, classifier, **({"share": share} if metric.share else {}))
        value.attrs = {"better": metric.better, "perfect": metric.perfect, "citation": metric.citation}
        values[name] = value
    if any(EVERY_METRIC[name].share for name in names):
        attrs["share"] = share
        for side, maps in (("human", human), ("classifier", classifier)):
            report = mask_report(maps, share=share)
            values[f"tied_share_{side}"] = report["tied_share"]
            values[f"short_{side}"] = report["n_positive"] < report.attrs["mask_pixels"]
    return xr.Dataset(values, attrs=attrs)


def overlap_matrix(human: xr.DataArray, classifier: xr.DataArray, *, metric: str, share: float = SHARE,
                   sigma: float | None = None, images: Collection[str] | None = None,
                   fixations: xr.DataArray | None = None) -> xr.DataArray:
    """Compare people's map of each image with the classifier's of every image, of images that both have.

    Parameters
    ----------
    human, classifier : DataArray (image, y, x)
        Non-negative maps on one grid, with coordinate ``actor`` along ``image``.
    metric : str
        One of `METRICS` or `FIXATION_METRICS`. (emd solves a linear programme for each of n x n pairs: for few images.)
    share, sigma
        Of the pixels, in the areas of iou and dice; maps are first smoothed with a Gaussian of so many pixels, if any.
    images : collection of str, optional
        Ids of the only images to use, such as those that the classifier got right.
    fixations
        As for `overlap`.

    Returns
    -------
    DataArray (image, image_other)
        In memory, with coordinate ``actor`` and those of `human` along ``image``; attrs as `overlap` gives them.

    Raises
    ------
    InputError
        As for `overlap`, and where there is no actor.
    """
    required_metrics([metric])
    if images is not None:
        human = human.sel(image=human.image.isin(list(images)).values)
        if not human.sizes["image"]:
            raise InputError(Problem("images", f"none of the {len(images)} named is among the human maps",
                                     "ids of images that both sides have"))
    one, classifier, attrs = _prepared(human, classifier, sigma)
    require_maps(one, "human maps", dims=("image", "y", "x"), named=("actor",))
    if EVERY_METRIC[metric].share:
        attrs["share"] = share
    people = one if fixations is None or metric in METRICS else _on_images(fixations, one)
    matrix = pairwise(people, classifier, metric, share=share).compute().assign_attrs(attrs)
    return matrix.assign_coords({name: ("image", held.sel(image=one.image).values)
                                 for name, held in human.coords.items() if held.dims == ("image",) and name not in (
                                     "image", "actor")})


def matched(human: xr.DataArray, classifier: xr.DataArray) -> tuple[xr.DataArray, xr.DataArray]:
    """Keep the images that both have, in the order of `human`, with one ``actor`` coordinate if either has it.

    Raises
    ------
    InputError
        If a map lacks a dim or repeats an image, the grids differ, no image is common to both, or both name an
        image's actor differently.
    """
    _require_comparable(human, classifier)
    common = human.image.values[np.isin(human.image.values, classifier.image.values)]
    if not common.size:
        raise InputError(Problem("maps", f"image {str(human.image.values[0])!r} and others on one side, "
                                 f"{str(classifier.image.values[0])!r} and others on the other",
                                 "some images that both sides have", "give both the same image ids"))
    one, other = human.sel(image=common), classifier.sel(image=common)
    if "actor" in one.coords and "actor" in other.coords:
        differ = np.flatnonzero(one.actor.values.astype(str) != other.actor.values.astype(str))
        if differ.size:
            raise InputError([Problem(f"image {str(common[i])!r}", f"actor {str(one.actor.values[i])!r} in the human "
                                      f"maps, {str(other.actor.values[i])!r} in the classifier's", "one actor")
                              for i in differ])
    actor = next((side.actor.values for side in (one, other) if "actor" in side.coords), None)
    keep = {"image": common} if actor is None else {"image": common, "actor": ("image", actor)}
    grid = {name: human.coords[name] for name in ("y", "x") if name in human.coords}
    one, other = (side.transpose("image", "y", "x").reset_coords(drop=True).drop_vars(["y", "x"], errors="ignore")
                  .assign_coords(keep | grid) for side in (one, other))
    return one, other


def _require_comparable(human: xr.DataArray, classifier: xr.DataArray) -> None:
    sides = {"human maps": human, "classifier maps": classifier}
    problems = []
    for where, maps in sides.items():
        require_maps(maps, where, dims=("image", "y", "x"))
        if "image" not in maps.coords or not maps.indexes["image"].is_unique:
            problems.append(Problem(where, "images without ids, or an id twice", "a unique id for each image"))
        if maps.ndim != 3:
            problems.append(Problem(where, f"has dims {maps.dims}", "image, y, x", "select one of the others"))
    if problems:
        raise InputError(problems)
    for dim in ("y", "x"):
        if human.sizes[dim] != classifier.sizes[dim]:
            raise InputError(Problem("maps", f"{dim} has {human.sizes[dim]} pixels in the human maps and "
                                     f"{classifier.sizes[dim]} in the classifier's", "one grid",
                                     "make both on the study's grid"))
        if dim in human.coords and dim in classifier.coords and not np.array_equal(human[dim], classifier[dim]):
            raise InputError(Problem("maps", f"labels of {dim} differ between both sides", "one grid"))


def _on_images(fixations: xr.DataArray, human: xr.DataArray) -> xr.DataArray:
    """Give numbers of fixations on the images of people's maps, none where an image has none."""
    require_maps(fixations, "fixations", dims=("image", "y", "x"))
    if not np.isin(fixations.image.values, human.image.values).any():
        raise InputError(Problem("fixations", "no image that the maps have", "numbers of fixations on the same images"))
    placed = fixations.reset_coords(drop=True).reindex(image=human.image.values, fill_value=0)
    return placed.transpose("image", "y", "x").assign_coords(human.coords)


def _prepared(human: xr.DataArray, classifier: xr.DataArray,
              sigma: float | None) -> tuple[xr.DataArray, xr.DataArray, dict[str, object]]:
    one, other = matched(human, classifier)
    attrs: dict[str, object] = {"n_images": one.sizes["image"],
                                "n_only_human": human.sizes["image"] - one.sizes["image"],
                                "n_only_classifier": classifier.sizes["image"] - one.sizes["image"]}
    if sigma is not None:
        one, other = smooth(one, sigma=sigma), smooth(other, sigma=sigma)
        attrs["sigma"] = float(sigma)
    return one, other, attrs
