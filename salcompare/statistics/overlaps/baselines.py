"""What a classifier has to beat: maps that know nothing of the image or of the actor, and differences from them."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import xarray as xr

from salcompare.errors import InputError, Problem
from salcompare.maps import actor_heatmap, relative_saliency
from salcompare.maps.checks import require_maps
from salcompare.random_numbers import drawing
from salcompare.statistics.inference.permutation import Alternative, sign_flip_test
from salcompare.statistics.inference.resampling import mean_over_actors
from salcompare.statistics.kernels import CENTRE_SIGMA, Values, centred_gaussian
from salcompare.statistics.metrics.ranking import SHARE
from salcompare.statistics.metrics.registry import EVERY_METRIC, METRICS, required_metrics
from salcompare.statistics.overlaps.same_image import overlap


def uniform(like: xr.DataArray) -> xr.DataArray:
    """Make maps that find all pixels equally salient.

    Parameters
    ----------
    like : DataArray (image, y, x)
        Maps whose dims and coordinates the baseline takes.

    Returns
    -------
    DataArray (image, y, x)
        1 everywhere. Metrics of order are NaN on it; `uniform_overlap` gives their analytic values.
    """
    require_maps(like, "like")
    return _for_all_images(np.ones((like.sizes["y"], like.sizes["x"])), like)


def centre(like: xr.DataArray, *, sigma: float = CENTRE_SIGMA) -> xr.DataArray:
    """Gaussian in the middle of the grid, the same for every image.

    Parameters
    ----------
    like : DataArray (image, y, x)
        Maps whose dims and coordinates the baseline takes.
    sigma : float
        Standard deviation as a share of the grid's height (along y) and width (along x).

    Returns
    -------
    DataArray (image, y, x)
        In (0, 1], 1 at the middle of the grid.
    """
    require_maps(like, "like")
    return _for_all_images(centred_gaussian(like.sizes["y"], like.sizes["x"], sigma=sigma), like)


def given_centre(maps: xr.DataArray, *, sigma: float = CENTRE_SIGMA) -> xr.DataArray:
    """Take from maps what a constant and the centred Gaussian explain of each, by least squares over pixels.

    Parameters
    ----------
    maps : DataArray (image, y, x)
        Maps; the result is no map of non-negative values.
    sigma : float
        As for `centre`.

    Returns
    -------
    DataArray (image, y, x)
        Remainders: their Pearson correlation is the maps' partial correlation given the Gaussian. NaN where a map is.
    """
    blob = centred_gaussian(maps.sizes["y"], maps.sizes["x"], sigma=sigma)
    unit = xr.DataArray((blob - blob.mean()) / np.linalg.norm(blob - blob.mean()), dims=("y", "x"))
    level = maps - maps.mean(("y", "x"), skipna=False)
    return level - (level * unit).sum(("y", "x"), skipna=False) * unit


def other_actors_mean(human: xr.DataArray) -> xr.DataArray:
    """Mean human map of the other actors, for every image: what people find salient in a face, whoever it is.

    Parameters
    ----------
    human : DataArray (image, y, x)
        People's maps, with coordinate ``actor`` along ``image``.

    Returns
    -------
    DataArray (image, y, x)
        Mean over the other actors of their heatmaps, so that actors weigh the same; images of one actor have the
        same map. NaN where there is no other actor, and for an actor all of whose maps are empty or hold NaN.
    """
    require_maps(human, "human maps", dims=("image", "y", "x"), named=("actor",))
    heatmaps = actor_heatmap(human).reset_coords(drop=True)
    # A difference of means can fall below zero by rounding, and densities must not.
    others = (heatmaps - relative_saliency(heatmaps, population="others").reset_coords(drop=True)).clip(min=0)
    chosen = others.sel(actor=xr.DataArray(human.actor.values, dims="image")).drop_vars("actor")
    return chosen.transpose(*human.dims).assign_coords(human.coords)


def _for_all_images(one: Values, like: xr.DataArray) -> xr.DataArray:
    """One map for every image of `like`, without copies."""
    single = xr.DataArray(one, dims=("y", "x"))
    spread = single.expand_dims({dim: like.sizes[dim] for dim in like.dims if dim not in single.dims})
    return spread.transpose(*like.dims).assign_coords(like.coords)


@drawing
def paired_differences(values: xr.Dataset, other: xr.Dataset, *, rng: np.random.Generator,
                       alternative: Alternative | None = None, n_permutations: int = 9999) -> xr.Dataset:
    """Compare two sets of overlaps of the same images, such as a classifier's and a baseline's.

    Parameters
    ----------
    values, other : Dataset (image)
        As `overlap` gives them, with coordinate ``actor``; metrics and images that both have are compared.
    rng : Generator
        Draws sign flips.
    alternative : {"greater", "less", "two-sided"}, optional
        Unless given, better overlap on the side of `values`.
    n_permutations : int
        Sign flips drawn; where there are no more in all, each comes once.

    Returns
    -------
    Dataset
        Over ``metric``: **value**, mean over actors of the mean over an actor's images of values - other, in the
        metric's unit; **one**, **other**, the two means that it is the difference of, over the images on which both
        are defined; **ci_low**, **ci_high**, by t over actors, NaN below eight; **p_value**, **p_attainable**,
        **null_mean** (0), **n_permutations** of a test that flips the signs of actors' means (**alternative**, of each
        metric); **n** actors, **n_undefined**, **reason**. Over ``metric`` and ``actor``: **actor_value**, **actor_n**
        and **actor_n_undefined** (images), **actor_reason**. An image on which either side is NaN is undefined.

    Raises
    ------
    InputError
        If they share no metric or no image, or there is no actor.

    Notes
    -----
    Under the null hypothesis an actor's mean difference is distributed symmetrically about 0, independently of the
    other actors. Of a baseline made of other actors' maps the independence holds nearly, as each actor has a small
    part in it.
    Where all actors share workers, it does not hold of maps that people did not make: these suit what the workers have
    in common more or less on all actors at once. `share_of_ceiling` has an interval over workers and actors.
    """
    names = [str(name) for name in values.data_vars if name in other.data_vars and name in EVERY_METRIC]
    images = values.image.values[np.isin(values.image.values, other.image.values)]
    if not names or not images.size or "actor" not in values.coords:
        raise InputError(Problem("overlaps", "no metric, image or actor in common", "two results of overlap on the "
                                 "same images, with an actor for each image"))
    one, two = (side[names].sel(image=images).drop_vars("actor", errors="ignore").to_dataarray("metric")
                for side in (values, other))
    differences = (one - two).assign_coords(actor=values["actor"].sel(image=images))
    means = mean_over_actors(differences)
    ways: list[Alternative] = [alternative or ("greater" if EVERY_METRIC[name].better == "higher" else "less")
                               for name in names]
    tests = [sign_flip_test(means["actor_value"].sel(metric=name).values, alternative=way, rng=rng,
                            n_permutations=n_permutations) for name, way in zip(names, ways, strict=True)]
    p, least, null = zip(*tests, strict=True)
    return means.assign(sides(one, two, differences)).assign(
        p_value=("metric", list(p)), p_attainable=("metric", list(least)), alternative=("metric", ways), null_mean=0.0,
        n_permutations=("metric", [draws.size for draws in null]),
    ).assign_attrs(null="signs of actors' mean differences flipped")


def sides(one: xr.DataArray, other: xr.DataArray, difference: xr.DataArray) -> dict[str, xr.DataArray]:
    """Average the two sides of a difference over the images that it rests on, so that it is their difference.

    All (image, ...), the same images in the same order; `difference` carries ``actor`` and is NaN where either side is.
    Gives ``one`` and ``other`` (...): means over actors of means over an actor's images.
    """
    held, actor = difference.notnull(), difference["actor"]
    return {name: mean_over_actors(side.where(held).assign_coords(actor=actor))["value"]
            for name, side in (("one", one), ("other", other))}


def uniform_overlap(human: xr.DataArray, *, metrics: Collection[str] = tuple(METRICS), share: float = SHARE,
                    sigma: float | None = None, fixations: xr.DataArray | None = None) -> xr.Dataset:
    """Overlap of people's maps with a map that finds all pixels equally salient.

    Parameters
    ----------
    human : DataArray (image, y, x)
        People's maps.
    metrics, share, sigma, fixations
        As for `overlap`.

    Returns
    -------
    Dataset (image)
        As `overlap` gives it. Metrics that read a density are computed. For iou, dice and AUCs it is the
        analytic value of chance: share / (2 - share), share, and 0.5. NaN for nss, pearson, spearman and pointing_game,
        which are undefined on a map without spread, and where people's map is constant, empty or holds NaN.
    """
    names = required_metrics(metrics)
    values = overlap(human, uniform(human), metrics=names, share=share, sigma=sigma, fixations=fixations)
    n_pixels = human.sizes["y"] * human.sizes["x"]
    exact = round(share * n_pixels) / n_pixels
    varies = (human.max(("y", "x"), skipna=False) > human.min(("y", "x"), skipna=False)).reset_coords(drop=True)
    for name in names:
        chance = EVERY_METRIC[name].chance
        if chance is not None:
            filled = xr.full_like(values[name], chance(exact)).where(varies)
            values[name] = filled.assign_attrs(values[name].attrs)
    return values
