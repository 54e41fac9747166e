"""The metrics of overlap: what each is called, what it needs, which direction is better, and all pairs at once.

One function a metric, labelled in and labelled out: `densities` and `ranking` hold them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from math import inf, nan
from types import MappingProxyType
from typing import Literal

import xarray as xr

from salcompare.errors import InputError, Problem
from salcompare.maps.checks import require_maps
from salcompare.printing import percent
from salcompare.statistics.metrics import densities, ranking
from salcompare.statistics.metrics.information import information_gain


@dataclass(frozen=True)
class Metric:
    """What a reader of a metric's values must know."""

    name: str
    function: Callable[..., xr.DataArray]  # takes people's maps and the classifier's maps
    better: Literal["higher", "lower"]  # which values mean more overlap
    low: float  # bounds; infinite where there are none
    high: float
    perfect: float  # what a map has with itself; NaN where that depends on the map
    # Takes the share, gives what a map that finds all pixels equally salient has, ties counting as chance; NaN where
    # that is undefined. None where it depends on people's map and `function` gives it.
    chance: Callable[[float], float] | None
    symmetric: bool  # whether the two maps may change places
    reads: Literal["values", "density", "order", "area"]  # what of the maps it sees
    convention: str  # what was chosen where tools disagree, in words for reports
    citation: str  # where it comes from
    share: bool = False  # whether it takes the option `share`
    of_others: bool = False  # whether it sees the other images' human maps too
    costly: bool = False  # whether all pairs of hundreds of maps would take minutes


METRICS: Mapping[str, Metric] = MappingProxyType({metric.name: metric for metric in (
    Metric("iou", ranking.iou, "higher", 0, 1, 1, lambda share: share / (2 - share), True, "area",
           "areas of exactly round(share x pixels) on both sides; tied boundary pixels weigh alike, so that they "
           "fill the area",
           "Jaccard (1912), doi:10.1111/j.1469-8137.1912.tb05611.x", share=True),
    Metric("dice", ranking.dice, "higher", 0, 1, 1, lambda share: share, True, "area",
           "as iou",
           "Dice (1945), doi:10.2307/1932409", share=True),
    Metric("auc_top20", ranking.auc_top20, "higher", 0, 1, 1, lambda _: 0.5, False, "order",
           f"positive: people's top {percent(ranking.POSITIVE_SHARE, 0)}, ties at its edge included, smallest values "
           "not; negative: all other pixels; a tied pair counts one half; not comparable with an AUC of fixations",
           "after Judd et al. (2009), doi:10.1109/ICCV.2009.5459462"),
    Metric("auc_top20_shuffled", ranking.auc_top20_shuffled, "higher", 0, 1, nan, lambda _: 0.5, False, "order",
           "positive as in auc_top20; negative: a pixel as often as it is positive in the other images, which people "
           "may mark in both; expected value over all draws, none is drawn",
           "after Zhang et al. (2008), doi:10.1167/8.7.32", of_others=True),
    Metric("pointing_game", ranking.pointing_game, "higher", 0, 1, 1, lambda _: nan, False, "order",
           f"hit: the largest value lies within {percent(ranking.TOLERANCE)} of the width (15 of 224 pixels) of "
           f"people's top {percent(ranking.POSITIVE_SHARE, 0)}; of tied largest values the share that hits",
           "Zhang et al. (2018), doi:10.1007/s11263-017-1059-x"),
    Metric("nss", densities.nss, "higher", -inf, inf, nan, lambda _: nan, False, "values",
           "standard deviation over n pixels; people's density as weights in place of fixations",
           "Peters et al. (2005), doi:10.1016/j.visres.2005.03.019"),
    Metric("information_gain", information_gain, "higher", -inf, inf, nan, None, False, "order",
           "in bits over the mean of people's maps of the other images; the classifier's map under a monotone function "
           f"of rank fitted on other actors' images; {percent(densities.FLOOR, 0)} of both is the uniform density",
           "Kümmerer, Wallis & Bethge (2015), doi:10.1073/pnas.1510393112; (2018), doi:10.1007/978-3-030-01270-0_47",
           of_others=True),
    Metric("pearson", densities.pearson, "higher", -1, 1, 1, lambda _: nan, True, "values",
           "undefined on a constant map, where some tools give 0",
           "Bylinskii et al. (2019), doi:10.1109/TPAMI.2018.2815601"),
    Metric("similarity", densities.similarity, "higher", 0, 1, 1, None, True, "density",
           "maps over their sums; the minimum is not subtracted first",
           "Bylinskii et al. (2019), doi:10.1109/TPAMI.2018.2815601"),
    Metric("kl_divergence", densities.kl_divergence, "lower", 0, inf, 0, None, False, "density",
           f"of the classifier's density from people's, in nats; both mixed with {percent(densities.FLOOR, 0)} of the "
           "uniform density, where tools add an epsilon from 1e-20 to 1e-7 that decides the value",
           "Bylinskii et al. (2019), doi:10.1109/TPAMI.2018.2815601"),
    Metric("spearman", ranking.spearman, "higher", -1, 1, 1, lambda _: nan, True, "order",
           "tied pixels at their mean rank",
           "Spearman (1904), doi:10.2307/1412159"),
    Metric("emd", densities.emd, "lower", 0, 1, 0, None, True, "density",
           f"on {densities.CELLS} x {densities.CELLS} cells, as a share of the distance between opposite corner "
           "cells; solved exactly",
           "Rubner, Tomasi & Guibas (2000), doi:10.1023/A:1026543900054", costly=True),
)})
"""The metrics of people's maps, such as coverage, by name, in the order in which tables show them."""

FIXATION_METRICS: Mapping[str, Metric] = MappingProxyType({metric.name: metric for metric in (
    Metric("auc_judd", ranking.auc_judd, "higher", 0, 1, nan, lambda _: 0.5, False, "order",
           "positive: fixations, a pixel as often as it is fixated; negative: all pixels; a tied pair counts one half",
           "Judd et al. (2009), doi:10.1109/ICCV.2009.5459462"),
    Metric("auc_shuffled", ranking.auc_shuffled, "higher", 0, 1, nan, lambda _: 0.5, False, "order",
           "positive as in auc_judd; negative: the other images' fixations, all of them",
           "Zhang et al. (2008), doi:10.1167/8.7.32", of_others=True),
)})
"""Those that read how many fixations lie on each pixel, and no coverage."""
EVERY_METRIC: Mapping[str, Metric] = MappingProxyType({**METRICS, **FIXATION_METRICS})


def pairwise(human: xr.DataArray, classifier: xr.DataArray, metric: str, *, share: float | None = None) -> xr.DataArray:
    """Compare every human map with every classifier map.

    Parameters
    ----------
    human, classifier : DataArray (image, y, x)
        Maps on one grid; the images need not be the same.
    metric : str
        One of `METRICS`, or of `FIXATION_METRICS` where `human` are numbers of fixations.
    share : float, optional
        For iou and dice.

    Returns
    -------
    DataArray (image, image_other)
        People's map of ``image`` against the classifier's of ``image_other``; coordinates ``actor`` and
        ``actor_other`` where the maps have an actor. NaN where the metric says so.

    Notes
    -----
    A metric whose two sides cross by name is one matrix product (similarity: one pass over distances; emd: one
    linear programme a pair, for few images only).
    """
    chosen = EVERY_METRIC[required_metrics([metric])[0]]
    for maps, where in ((human, "human maps"), (classifier, "classifier maps")):
        require_maps(maps, where, dims=("image", "y", "x"))
    names = {name: f"{name}_other" for name in ("image", "actor")}
    crossed = classifier.rename({old: new for old, new in names.items() if old in (*classifier.coords,
                                                                                  *classifier.dims)})
    crossed = crossed.drop_vars([name for name in crossed.coords if name not in (*names.values(), "y", "x")])
    options = {"share": share} if chosen.share and share is not None else {}
    return chosen.function(human, crossed, **options).transpose("image", "image_other").rename(metric)


def required_metrics(names: Collection[str]) -> list[str]:
    """Hold names to being metrics; an `InputError` names every one that is not, or says that none are given."""
    known = ", ".join(EVERY_METRIC)
    unknown = [Problem("metrics", repr(name), f"one of {known}") for name in names if name not in EVERY_METRIC]
    if unknown or not names or isinstance(names, str):
        raise InputError(unknown if names and not isinstance(names, str) else
                         Problem("metrics", repr(names), f"a list of some of {known}"))
    return list(names)
