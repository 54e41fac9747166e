"""Heatmaps: an actor's mean over images, how it differs from the population's, and how two actors' maps differ."""

from collections.abc import Mapping
from typing import Any, Literal, get_args

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from salcompare.errors import InputError, Problem
from salcompare.maps.checks import PIXELS, natural_order, require_choice, require_maps

Population = Literal["all", "others"]
Scale = Literal["peak", "none"]
_COUNTS = ("n_images", "n_undefined")
_BATCH = 32  # images that are held in float64 at a time


def actor_heatmap(maps: xr.DataArray, *, weights: xr.DataArray | None = None) -> xr.DataArray:
    """Mean of each actor's maps over the actor's images.

    Parameters
    ----------
    maps : DataArray (..., image, y, x)
        Masks of a classifier, or coverage of human boxes, with an ``actor`` coordinate along ``image``.
    weights : DataArray (image), optional
        Non-negative; by default images weigh the same. With ``n_responses``, the heatmap of coverage is the share
        of the actor's responses whose box covers the pixel.

    Returns
    -------
    DataArray (..., actor, y, x), float64
        Actors in natural order. A map that is zero everywhere, or not finite, is left out of its actor's mean;
        coordinates ``n_images`` and ``n_undefined`` count the maps used and left out. NaN for an actor without any.
    """
    means = class_means(maps, by="actor", weights=weights).rename("heatmap")
    means.attrs["weights"] = "images weigh the same" if weights is None else str(weights.name or "given")
    return means


def class_means(maps: xr.DataArray, *, by: str = "actor", weights: xr.DataArray | None = None) -> xr.DataArray:
    """Mean of the maps of each class of images, as one matrix product of (class, image) with the maps.

    Parameters
    ----------
    maps, by : DataArray (..., image, y, x), str
        Maps, and the coordinate along ``image`` that holds the classes.
    weights : DataArray (image), optional
        Non-negative; by default images weigh the same.

    Returns
    -------
    DataArray (..., `by`, y, x), float64
        As described for `actor_heatmap`, errors too, for any coordinate.
    """
    require_maps(maps, "maps", dims=("image", *PIXELS))
    if by not in maps.coords or maps[by].dims != ("image",):
        has = ", ".join(str(name) for name, coord in maps.coords.items() if coord.dims == ("image",)) or "none"
        raise InputError(Problem("maps", f"have no coordinate {by!r} along image (found {has})", f"{by} of each image",
                                 f"add it with maps.assign_coords({by}=('image', ...))"))
    classes = natural_order(maps[by].values.tolist())
    given = _weights(maps, weights)
    bare = maps.drop_vars([name for name, coord in maps.coords.items() if "image" in coord.dims])
    member = xr.DataArray(classes[:, None] == maps[by].values, dims=(by, "image"), coords={by: classes})
    finite = xr.ufuncs.isfinite(bare.sum(PIXELS, skipna=False, dtype=np.float64))
    defined = finite & bare.any(PIXELS)
    share = (member & defined) * given
    total = share.sum("image")
    means: xr.DataArray = _sum_over_images(share, bare, finite) / total.where(total > 0)
    means = means.transpose(*(by if dim == "image" else dim for dim in maps.dims))
    means.attrs = dict(maps.attrs)
    return means.assign_coords(n_images=(share > 0).sum("image"), n_undefined=(member & ~defined).sum("image"))


def relative_saliency(heatmaps: xr.DataArray, *, population: Population = "all") -> xr.DataArray:
    """Actors' heatmaps minus the population's mean heatmap, in which actors weigh the same.

    Parameters
    ----------
    heatmaps : DataArray (..., actor, y, x)
        One heatmap an actor; other dims, such as ``source``, are kept apart.
    population : {"all", "others"}
        The mean over all actors, or over all but the actor at hand (leave-one-out), which gives exactly A / (A - 1)
        times as much, A being the number of actors.

    Returns
    -------
    DataArray (..., actor, y, x), float64
        In the heatmaps' unit; above 0 where the actor exceeds the population. An actor whose heatmap is NaN stays
        NaN and is not of the population; the coordinate ``n_actors`` counts those who are. All NaN under "others"
        where there is one actor only.
    """
    require_maps(heatmaps, "heatmaps", dims=("actor", *PIXELS))
    require_choice(population, get_args(Population), "population")
    values = heatmaps.astype(np.float64)
    defined = values.notnull().all(PIXELS)
    n_actors = defined.sum("actor")
    mean = values.where(defined, 0.0).sum("actor") / n_actors.where(n_actors > 0)
    relative = (values - mean).where(defined)
    if population == "others":
        relative = relative * (n_actors / (n_actors - 1).where(n_actors > 1))
    relative = relative.transpose(*heatmaps.dims).assign_coords(n_actors=n_actors).rename("relative")
    relative.attrs = dict(heatmaps.attrs, population=f"mean over {population} actors")
    return relative


def saliency_difference(gb_y: xr.DataArray, gb_z: xr.DataArray, *, scale: Scale = "peak") -> xr.DataArray:
    """Saliency for actor y that is not saliency for actor z: ReLU(GB_y / max GB_y - GB_z / max GB_z).

    Parameters
    ----------
    gb_y, gb_z : DataArray (..., y, x)
        Non-negative maps of the same images, explained for actor y and for actor z; other dims broadcast by name.
    scale : {"peak", "none"}
        Divide each map by its own maximum first, or, as Eq. (1) is literally written, not at all.

    Returns
    -------
    DataArray (..., y, x), float64
        In [0, 1] for "peak", in the maps' unit for "none". NaN, under "peak", where either map has no positive peak
        and so no scale; the scalar coordinate ``n_undefined`` counts those maps.

    References
    ----------
    Sun, Teoh & Guerzhoy (2020), Eq. (1), arXiv:2003.08765
    """
    require_maps(gb_y, "gb_y")
    require_maps(gb_z, "gb_z")
    require_choice(scale, get_args(Scale), "scale")
    try:
        gb_y, gb_z = xr.align(gb_y, gb_z, join="exact")
    except xr.AlignmentError as error:
        raise InputError(Problem("gb_y and gb_z", f"are of different images or grids ({error})", "the same",
                                 "select what both have")) from error
    gap = _scaled(gb_y, scale) - _scaled(gb_z, scale)
    difference = gap.where(~(gap < 0), 0.0)  # NaN stays NaN
    undefined = xr.ufuncs.isnan(difference).any(PIXELS).sum()
    difference = difference.assign_coords(n_undefined=undefined).transpose(..., *PIXELS).rename("saliency_difference")
    difference.attrs = {"scale": scale, "undefined": "a map without a positive peak cannot be scaled by it"}
    return difference


def stack_sources(heatmaps: Mapping[str, xr.DataArray]) -> xr.DataArray:
    """Put the heatmaps of several sources beside each other.

    Parameters
    ----------
    heatmaps : mapping of str to DataArray (actor, y, x)
        By source: "human", "alexnet/finetuned/guided_backprop", ...; on one grid.

    Returns
    -------
    DataArray (source, actor, y, x), float64
        Of all actors that any source has, in natural order; NaN where a source has none. ``n_images`` and
        ``n_undefined`` are kept where every source has them, 0 where the actor is missing.
    """
    if not heatmaps:
        raise InputError(Problem("heatmaps", "none given", "at least one source"))
    for source, heatmap in heatmaps.items():
        require_maps(heatmap, f"heatmaps[{source!r}]", dims=("actor", *PIXELS))
    grids = {source: (heatmap.sizes["y"], heatmap.sizes["x"]) for source, heatmap in heatmaps.items()}
    if len(set(grids.values())) > 1:
        raise InputError(Problem("heatmaps", f"are of different grids: {grids}", "one grid", "resize one of them"))
    actors = natural_order(actor for heatmap in heatmaps.values() for actor in heatmap.actor.values.tolist())
    counts = [name for name in _COUNTS if all(name in heatmap.coords for heatmap in heatmaps.values())]
    filled = []
    for heatmap in heatmaps.values():
        kept = {name: heatmap[name].reset_coords(drop=True).reindex(actor=actors, fill_value=0) for name in counts}
        bare = heatmap.reset_coords(drop=True).astype(np.float64).transpose("actor", *PIXELS)
        filled.append(bare.reindex(actor=actors).assign_coords(kept))
    names = xr.DataArray(list(heatmaps), dims="source", name="source")
    stacked = xr.concat(filled, dim=names, coords="all", join="override", combine_attrs="drop_conflicts")
    return stacked.rename("heatmap")


def _weights(maps: xr.DataArray, weights: xr.DataArray | None) -> xr.DataArray:
    """Weights as float64 along image, without coordinates, checked against the maps."""
    if weights is None:
        return xr.DataArray(np.ones(maps.sizes["image"]), dims="image")
    if not isinstance(weights, xr.DataArray) or weights.dims != ("image",):
        wrong = f"has dims {weights.dims}" if isinstance(weights, xr.DataArray) else f"is a {type(weights).__name__}"
        raise InputError(Problem("weights", wrong, "a DataArray with dims ('image',)", "such as human.n_responses"))
    both = "image" in weights.coords and "image" in maps.coords
    if weights.sizes["image"] != maps.sizes["image"] or (both and not weights.indexes["image"].equals(
            maps.indexes["image"])):
        raise InputError(Problem("weights", "are of other images than the maps, or in another order",
                                 "the maps' images", "select them: weights.sel(image=maps.image)"))
    values = weights.values.astype(np.float64)
    bad = np.flatnonzero(~(np.isfinite(values) & (values >= 0)))
    if bad.size:
        names = weights.image.values if "image" in weights.coords else np.arange(values.size)
        raise InputError([Problem(f"weights of image {str(names[at])!r}", f"{values[at]}", "finite and 0 or more")
                          for at in bad])
    return xr.DataArray(values, dims="image")


def _sum_over_images(share: xr.DataArray, maps: xr.DataArray, finite: xr.DataArray) -> xr.DataArray:
    """Sum of share (by, ..., image) times maps (..., image, y, x), in float64; maps that are not finite count 0."""
    if maps.chunks is not None:
        whole: xr.DataArray = xr.dot(share, maps.where(finite, 0).astype(np.float64), dim="image")
        return whole
    by = share.dims[0]
    summed: xr.DataArray = xr.apply_ufunc(
        _weighted_sums, share, maps, finite, output_core_dims=[[by, *PIXELS]],
        input_core_dims=[[by, "image"], ["image", *PIXELS], ["image"]])
    return summed


def _weighted_sums(share: NDArray[np.float64], maps: NDArray[Any], finite: NDArray[np.bool_]) -> NDArray[np.float64]:
    # (..., class, image), (..., image, y, x), (..., image) -> (..., class, y, x)
    leading = np.broadcast_shapes(share.shape[:-2], maps.shape[:-3])
    share = np.broadcast_to(share, (*leading, *share.shape[-2:]))
    finite = np.broadcast_to(finite, (*leading, maps.shape[-3]))
    sums = np.zeros((*leading, share.shape[-2], maps.shape[-2] * maps.shape[-1]))
    for at in np.ndindex(leading):
        flat = maps[at].reshape(maps.shape[-3], -1)
        for start in range(0, len(flat), _BATCH):
            part = slice(start, start + _BATCH)
            block = flat[part].astype(np.float64)
            block[~finite[at][part]] = 0
            present = np.flatnonzero(share[at][:, part].any(axis=1))
            if present.size:  # where images stand actor by actor, a batch is of few
                rows = slice(present[0], present[-1] + 1)
                sums[at][rows] += share[at][rows, part] @ block
    return sums.reshape(*sums.shape[:-1], *maps.shape[-2:])


def _scaled(maps: xr.DataArray, scale: Scale) -> xr.DataArray:
    maps = maps.astype(np.float64)
    if scale == "none":
        return maps
    peak = maps.max(PIXELS, skipna=False)
    return maps / peak.where(peak > 0)
