"""Information gain: what a map says of where people look, beyond what their maps of other images say.

Both sides are densities that saw none of the image's responses. The baseline is the mean of people's maps of the other
images. The classifier's is its map under a monotone function of rank, fitted on the images of other actors, since a
map states an order and no density: without it the gain follows how peaked a map happens to be.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

from salcompare.errors import InputError, Problem
from salcompare.maps.checks import require_maps, require_size
from salcompare.statistics.inference.resampling import FEWEST_ACTORS, actor_means, jackknife_interval
from salcompare.statistics.kernels import GRID, Maps, Values, compare, dot, flat, in_blocks, unit_sum
from salcompare.statistics.metrics.densities import FLOOR, mixed
from salcompare.statistics.metrics.ranking import midranks
from salcompare.statistics.responses import ImageBoxes, ImageResponses, Responses, coverage_of, responses_by_image

EDGES = np.r_[np.linspace(0, 0.95, 20), 0.975, 0.99, 1.0]
"""Of the classes of rank whose density is fitted, from a map's smallest value to its largest."""
MIXES = np.array([FLOOR, 0.03, 0.1, 0.3, 1.0])
"""Shares of the uniform density of which a baseline gets the one that fits the other images best."""


def information_gain(human: xr.DataArray, classifier: xr.DataArray, *,
                     baseline: xr.DataArray | None = None) -> xr.DataArray:
    """Information gain over a baseline about where people look, in bits.

    Parameters
    ----------
    human : DataArray (image, y, x)
        People's maps, non-negative; coordinate ``actor`` along ``image``, without which each image is an actor's own.
    classifier : DataArray (image, y, x) or (image_other, y, x)
        Maps on the same grid, of any scale.
    baseline : DataArray (..., y, x), optional
        Non-negative. Where it is given both sides are taken as the densities that they are, and other dims broadcast
        by name. By default it is `others_density`, and the classifier's maps are `calibrated`.

    Returns
    -------
    DataArray (...)
        Bits a pixel drawn from people's density; 0 where the classifier says as much as the baseline, negative where
        it says less; no value is perfect. A constant map is a uniform density. NaN where a map holds NaN or people's is
        empty, and where there is no other image or no other actor.
    """
    if baseline is None:
        baseline, classifier = others_density(human), calibrated(human, classifier)
    return compare(_information_gain, human, classifier, baseline)


def others_density(human: xr.DataArray) -> xr.DataArray:
    """Density (image, y, x) of where people look on the other images, each image weighing the same.

    It is mixed with the share of the uniform density, of `MIXES`, that fits the other images' maps best; each of these
    is measured without itself. NaN where there is no other image.
    """
    _require_images(human)
    total = _in_blocks(_of_all, human, dims=GRID).sum("image").compute()
    usable = np.isfinite(human.sum(GRID, skipna=False)) & (human.max(GRID) > 0) & (human.min(GRID) >= 0)
    others = (usable.sum() - usable).astype(np.float64)
    others = others.where(others > 0).expand_dims({"one": 1, "two": 1}, (-2, -1))
    fits = _in_blocks(_fits, human, total, others, dims=["mix"]).compute().fillna(0)
    best = (fits.sum("image") - fits).argmax("mix").to_numpy()
    shares = others.copy(data=MIXES[best][:, np.newaxis, np.newaxis])
    return _in_blocks(_of_others, human, total, others, shares, dims=GRID).astype(np.float32)


def calibrated(human: xr.DataArray, classifier: xr.DataArray) -> xr.DataArray:
    """Densities of a classifier's maps under a monotone function of rank, fitted on the images of other actors.

    Parameters
    ----------
    human, classifier : DataArray (image, y, x)
        As for `information_gain`; the function is fitted on the images that both have.

    Returns
    -------
    DataArray, float32
        As `classifier`, each map summing to 1. The density of a class of rank (`EDGES`) is the share of people's
        density in it, the mean over the other actors of the mean over their images, over its share of the pixels, made
        monotone: the maximum-likelihood fit (isotonic regression). Tied pixels stand at their mean rank. NaN where a
        map holds NaN, or no other actor has both maps.
    """
    _require_images(human, classifier)
    dim = "image_other" if "image_other" in classifier.dims else "image"
    names = {dim: "image", dim.replace("image", "actor"): "actor"}
    maps = classifier.rename({old: new for old, new in names.items() if old in (*classifier.coords, *classifier.dims)})
    maps = maps.transpose("image", *GRID)
    common = np.intersect1d(human["image"].to_numpy(), maps["image"].to_numpy())
    pairs = [side.sel(image=common).transpose("image", *GRID) for side in (human, maps)]
    bare = [side.drop_vars(list(side.coords)) for side in (*pairs, maps)]
    share, area = np.moveaxis(_in_blocks(_by_class, *bare[:2], dims=["part", "class"]).compute().to_numpy(), 1, 0)
    curves = _curves(share, area, _actors(pairs[0]), _actors(maps))
    densities = _in_blocks(_under, bare[2], xr.DataArray(curves[..., np.newaxis], dims=("image", "class", "one")),
                           dims=GRID)
    return densities.rename(image=dim).transpose(*classifier.dims).assign_coords(classifier.coords)


def explainable_information(responses: Responses, images: pd.DataFrame, classifier: xr.DataArray) -> xr.Dataset:
    """Share of the explainable information that a classifier's maps give.

    Parameters
    ----------
    responses : DataFrame or DataArray
        Boxes, or maps of responses, with their images and workers, as `salcompare.statistics.noise_ceiling` takes them.
    images : DataFrame
        Columns ``image``, ``actor``, and for boxes ``height`` and ``width``.
    classifier : DataArray (image, y, x)
        Its maps.

    Returns
    -------
    Dataset
        ``value``: information gain of the classifier over that of the other workers, a ratio of means over actors;
        ``ci_low``, ``ci_high``, a jackknife interval over actors (NaN below eight, or where the other workers gain
        nothing); ``n`` actors; ``reason``. Over ``image``: ``gain`` of the classifier, ``gold`` of the other workers,
        bits over `others_density`, NaN for images of one worker.

    Notes
    -----
    The gold standard predicts each worker's responses by the other workers' on the same image, mixed with the baseline
    in the share, of `MIXES`, that fits the other images best (Kümmerer et al. 2015). With few workers it explains less
    than many would, so that the share can pass 1.
    """
    size = require_size((classifier.sizes["y"], classifier.sizes["x"]))
    human = coverage_of(responses, images, size=size)
    common = [image for image in human["image"].to_numpy().tolist() if image in set(classifier["image"].to_numpy())]
    human, classifier = human.sel(image=common), classifier.sel(image=common).transpose("image", *GRID)
    gain = information_gain(human, classifier.reset_coords(drop=True).assign_coords(human.coords))
    by_image = responses_by_image(responses, images, size=size)
    baseline = others_density(human).to_numpy().reshape(len(common), -1)
    fits = np.array([_fits_of_workers(by_image[image], below) for image, below in zip(common, baseline, strict=True)])
    best = np.argmax(np.nansum(fits, axis=0) - np.nan_to_num(fits), axis=1)
    gold = gain.copy(data=fits[np.arange(len(fits)), best])
    both = np.isfinite(gain + gold)
    means = [actor_means(part.where(both))["value"].dropna("actor").to_numpy() for part in (gain, gold)]
    return _ratio(*means).assign(gain=gain, gold=gold)


def _ratio(gain: Values, gold: Values) -> xr.Dataset:
    """Mean over actors of the one over that of the other, with a jackknife interval over actors."""
    value, low, high, reason = np.nan, np.nan, np.nan, "other workers say no more than the other images"
    if len(gold) and gold.mean() > 0:
        value, reason = float(gain.mean() / gold.mean()), f"{len(gold)} actors; an interval needs {FEWEST_ACTORS}"
    if len(gold) >= FEWEST_ACTORS and np.isfinite(value):
        interval = jackknife_interval(value, (gain.sum() - gain) / (gold.sum() - gold), resampled="actors")
        low, high, reason = float(interval.low), float(interval.high), ""
    return xr.Dataset({"value": value, "ci_low": low, "ci_high": high, "n": len(gold), "reason": reason},
                      attrs={"ci_method": "jackknife", "resampled": "actors"})


def _fits_of_workers(responses: ImageResponses, baseline: Values) -> Values:
    """Bits by which the other workers' maps say more of each worker's than the baseline (mix,); NaN of one worker."""
    maps = (np.einsum("by,bx->byx", responses.down, responses.across).reshape(len(responses.worker), -1)
            if isinstance(responses, ImageBoxes) else np.concatenate(responses.parts).astype(np.float64))
    workers, codes = np.unique(responses.worker, return_inverse=True)
    of_workers = np.zeros((len(workers), maps.shape[1]))
    np.add.at(of_workers, codes, maps)
    if len(workers) < 2:
        return np.full(len(MIXES), np.nan)
    others = unit_sum(of_workers.sum(axis=0) - of_workers)
    beside = dot(of_workers, np.log2(mixed(baseline[np.newaxis, np.newaxis])))
    gains = [dot(of_workers, np.log2((1 - mix) * others + mix * mixed(baseline[np.newaxis, np.newaxis])))
             for mix in MIXES]
    return np.asarray([(gain - beside).sum() for gain in gains] / of_workers.sum())


def _require_images(human: xr.DataArray, *others: xr.DataArray) -> None:
    for maps, where in zip((human, *others), ("human maps", "classifier maps"), strict=False):
        require_maps(maps, where)
    if "image" not in human.dims or not human.indexes.get("image", pd.Index([])).is_unique:
        raise InputError(Problem("information_gain", f"human maps with dims {human.dims}, or an image twice",
                                 "a dim 'image', each image once",
                                 "the baseline and the calibration come from other images; or give a baseline"))


def _in_blocks(kernel: Callable[..., NDArray[np.generic]], *arrays: xr.DataArray, dims: list[str]) -> xr.DataArray:
    """Apply a kernel to some images at a time; it gives an array over the image and `dims`."""
    core = [[str(dim) for dim in array.dims if dim != "image"][-2:] for array in arrays]
    sizes = {"mix": len(MIXES), "part": 2, "class": len(EDGES) - 1}
    applied: xr.DataArray = xr.apply_ufunc(
        in_blocks, *arrays, kwargs={"kernel": kernel}, join="exact", dask="parallelized", output_dtypes=[np.float64],
        input_core_dims=core, output_core_dims=[dims], dask_gufunc_kwargs={
            "allow_rechunk": True, "output_sizes": {dim: sizes[dim] for dim in dims if dim in sizes}})
    return applied


def _information_gain(human: Maps, classifier: Maps, baseline: Maps) -> Values:  # (..., y, x) three times -> (...)
    p = unit_sum(flat(human))
    return dot(p, np.log2(mixed(classifier))) - dot(p, np.log2(mixed(baseline)))


def _of_all(human: Maps) -> Values:  # (image, y, x) -> (image, y, x): unit sums, 0 where a map is unusable
    return np.nan_to_num(unit_sum(flat(human))).reshape(human.shape)


def _without(human: Maps, total: Values, others: Values) -> Values:  # -> (image, pixel), the mean of the others
    rest = (total.reshape(-1) - np.nan_to_num(unit_sum(flat(human)))) / others[:, 0]
    return np.asarray(np.maximum(rest, 0))  # a difference of sums may fall below 0 by rounding


def _fits(human: Maps, total: Values, others: Values) -> Values:  # -> (image, mix): log-likelihoods
    p, rest = unit_sum(flat(human)), _without(human, total, others)
    return np.stack([dot(p, np.log2((1 - mix) * rest + mix / rest.shape[1])) for mix in MIXES], axis=-1)


def _of_others(human: Maps, total: Values, others: Values, shares: Values) -> Values:
    rest = _without(human, total, others)
    return np.asarray((1 - shares[:, 0]) * rest + shares[:, 0] / rest.shape[1]).reshape(human.shape)


def _by_class(human: Maps, classifier: Maps) -> Values:  # -> (image, 2, class): people's share, and that of the pixels
    p, classes = unit_sum(flat(human)), _classes(classifier)
    usable = np.isfinite(p).all(axis=1) & np.all(classes >= 0, axis=1)
    n = len(EDGES) - 1
    nothing = np.full((2, n), np.nan)
    counted = [(np.bincount(row, mass, n), np.bincount(row, minlength=n) / row.size) if good else nothing
               for row, mass, good in zip(classes, p, np.atleast_1d(usable), strict=True)]
    return np.array(counted).reshape(-1, 2, n)


def _classes(maps: Maps) -> NDArray[np.intp]:  # (image, y, x) -> (image, pixel); -1 where a map holds NaN
    rows = maps.reshape(len(maps), -1)
    ranks = midranks(rows if rows.dtype in (np.float32, np.float64) else rows.astype(np.float64))
    place = (ranks - 0.5) / rows.shape[1]
    return np.where(np.isnan(place), -1, np.searchsorted(EDGES[1:-1], np.nan_to_num(place), side="right"))


def _under(maps: Maps, curves: Values) -> Values:  # (image, y, x), (image, class, 1) -> (image, y, x)
    classes = _classes(maps)
    density = np.take_along_axis(curves[:, :, 0], np.maximum(classes, 0), axis=1)
    density = density / density.sum(axis=1, keepdims=True)
    return np.where(classes >= 0, density, np.nan).reshape(maps.shape).astype(np.float32)


def _actors(maps: xr.DataArray) -> NDArray[np.str_]:
    """Name each image's actor; an image without one is its own."""
    return maps["actor" if "actor" in maps.coords else "image"].to_numpy().astype(str)


def _curves(share: Values, area: Values, of_pairs: NDArray[np.str_], wanted: NDArray[np.str_]) -> Values:
    """Fit the density of each class of rank (image, class) for images whose actors are `wanted`, on other actors.

    From `share` of people's density and `area` of the pixels in each class (pair, class).
    """
    table = pd.DataFrame(np.hstack([share, area])).groupby(of_pairs).mean().dropna()
    fitted = {actor: _monotone(*np.split(table.drop(index=actor, errors="ignore").mean().to_numpy(), 2))
              for actor in np.unique(wanted)}
    return np.array([fitted[actor] for actor in wanted])


def _monotone(share: Values, area: Values) -> Values:
    """Rise with the class of rank (class,); classes without pixels are interpolated."""
    held = np.flatnonzero(area > 0)
    if not held.size:
        return np.full(len(area), np.nan)
    rising = isotonic_regression(share[held] / area[held], weights=area[held]).x
    return np.interp(np.arange(len(area)), held, np.maximum(rising, FLOOR))
