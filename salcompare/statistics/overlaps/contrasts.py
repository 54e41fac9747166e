"""Differences between two sets of overlaps on the same images: a classifier minus a baseline or another classifier."""

from __future__ import annotations

from collections.abc import Collection
from itertools import product

import numpy as np
import xarray as xr

from salcompare.errors import InputError, Problem
from salcompare.statistics.inference.levels import actor_means, population_mean
from salcompare.statistics.inference.permutation import Alternative, p_value, smallest_p
from salcompare.statistics.kernels import Values
from salcompare.statistics.metrics.areas import SHARE
from salcompare.statistics.metrics.registry import METRICS, required_metrics
from salcompare.statistics.overlaps.baselines import uniform
from salcompare.statistics.overlaps.same_image import overlap


def paired_differences(values: xr.Dataset, other: xr.Dataset, *, rng: np.random.Generator,
                       n_permutations: int = 9999) -> xr.Dataset:
    """Compare two sets of overlaps of the same images, such as a classifier's and a baseline's.

    Parameters
    ----------
    values, other : Dataset (image)
        As `overlap` gives them, with coordinate ``actor``; metrics and images that both have are compared.
    rng : Generator
        Draws sign flips.
    n_permutations : int
        Sign flips drawn; where there are no more in all, each comes once.

    Returns
    -------
    Dataset
        Over ``metric``: **value**, mean over actors of the mean over an actor's images of values - other, in the
        metric's unit; **ci_low**, **ci_high**, by t over actors, NaN below eight; **p_value**, **p_attainable** of a
        test that flips the signs of actors' means, one-sided towards better overlap (**alternative**: "greater" or
        "less"); **n** actors, **n_undefined**, **reason**. Over ``metric`` and ``actor``: **actor_value**,
        **actor_n** and **actor_n_undefined** (images). An image on which either side is NaN is undefined.

    Raises
    ------
    InputError
        If they share no metric or no image, or there is no actor.

    Notes
    -----
    Under the null hypothesis an actor's mean difference is distributed symmetrically about 0, independently of the
    other actors.
    """
    names = [str(name) for name in values.data_vars if name in other.data_vars and name in METRICS]
    images = values.image.values[np.isin(values.image.values, other.image.values)]
    if not names or not images.size or "actor" not in values.coords:
        raise InputError(Problem("overlaps", "no metric, image or actor in common", "two results of overlap on the "
                                 "same images, with an actor for each image"))
    one, two = values[names].sel(image=images), other[names].sel(image=images).drop_vars("actor", errors="ignore")
    differences = (one - two).to_dataarray("metric")
    actors = actor_means(differences)
    population = population_mean(actors["value"])
    better = [METRICS[name].better for name in names]
    tests = [_sign_flips(actors["value"].sel(metric=name).values, "greater" if way == "higher" else "less",
                         n_permutations, rng) for name, way in zip(names, better, strict=True)]
    return population.assign(
        p_value=("metric", [p for p, _ in tests]), p_attainable=("metric", [least for _, least in tests]),
        alternative=("metric", ["greater" if way == "higher" else "less" for way in better]),
        actor_value=actors["value"], actor_n=actors["n"], actor_n_undefined=actors["n_undefined"],
    ).assign_attrs(null="signs of actors' mean differences flipped")


def uniform_overlap(human: xr.DataArray, *, metrics: Collection[str] = tuple(METRICS), share: float = SHARE,
                    sigma: float | None = None) -> xr.Dataset:
    """Overlap of people's maps with a map that finds all pixels equally salient.

    Parameters
    ----------
    human : DataArray (image, y, x)
        People's maps.
    metrics, share, sigma
        As for `overlap`.

    Returns
    -------
    Dataset (image)
        As `overlap` gives it. Metrics that read a density are computed. For iou, dice and both AUCs it is the
        analytic value of chance: share / (2 - share), share, and 0.5. NaN for nss, pearson and spearman, which are
        undefined on a map without spread, and where people's map is constant, empty or holds NaN.
    """
    names = required_metrics(metrics)
    values = overlap(human, uniform(human), metrics=names, share=share, sigma=sigma)
    n_pixels = human.sizes["y"] * human.sizes["x"]
    exact = round(share * n_pixels) / n_pixels
    varies = human.max(("y", "x"), skipna=False) > human.min(("y", "x"), skipna=False)
    for name in names:
        chance = METRICS[name].chance
        if chance is not None:
            filled = xr.full_like(values[name], chance(exact)).where(varies.reset_coords(drop=True))
            values[name] = filled.assign_attrs(values[name].attrs)
    return values


def _sign_flips(values: Values, alternative: Alternative, n_permutations: int,
                rng: np.random.Generator) -> tuple[float, float]:
    """Give p of the mean of the defined values under flips of their signs, and the smallest p that it could be."""
    defined = values[~np.isnan(values)]
    if not defined.size:
        return float("nan"), float("nan")
    if 2**defined.size - 1 <= n_permutations:
        signs = np.array(list(product((1.0, -1.0), repeat=defined.size)))[1:]
    else:
        signs = rng.choice(np.array([1.0, -1.0]), size=(n_permutations, defined.size))
    null = signs @ defined / defined.size
    return float(p_value(defined.mean(), null, alternative=alternative)), smallest_p(len(signs))
