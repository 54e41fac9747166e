"""Clusters of pixels that set an actor apart: their mass, and threshold-free cluster enhancement.

A small p of a cluster says that there is an effect somewhere; it locates none of the cluster's pixels.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from scipy import sparse, stats
from scipy.sparse.csgraph import connected_components

from salcompare.blocks import side_by_side
from salcompare.errors import InputError, Problem
from salcompare.random_numbers import drawing
from salcompare.statistics.inference.multiplicity import p_of_maxima
from salcompare.statistics.inference.permutation import about_null, joined
from salcompare.statistics.kernels import Codes, Maps, Values
from salcompare.statistics.relative.contrasts import (
    PIXELS,
    SUPPORT,
    Arrangements,
    Plan,
    Standardised,
    pooled_t,
    signed_t,
    standardise,
)

CAUTION = "a small p says that the actor differs somewhere in or around the cluster; it locates no pixel"
FORMING_P = 0.001
_PIXELS = 1_000_000  # values of t held at a time

Scores = Callable[["Graph"], Values]


@dataclass(frozen=True)
class Graph:
    """Pixels of some maps whose |t| is above a height, and which of them touch."""

    at: Codes  # (m,) their positions in the flattened maps
    height: Values  # (m,) their |t|
    pairs: NDArray[np.int32]  # (2, e) neighbours, by side and of one sign of t, as positions in `at`

    def among(self, keep: NDArray[np.bool_]) -> Graph:
        """Keep some of the pixels."""
        place = np.cumsum(keep, dtype=np.int32) - 1
        both = keep[self.pairs[0]] & keep[self.pairs[1]]
        return Graph(self.at[keep], self.height[keep], place[self.pairs[:, both]])

    def clusters(self) -> Codes:
        """Give each pixel the number of its cluster, from 0."""
        m = len(self.at)
        ones = np.ones(self.pairs.shape[1], np.int8)
        touching = sparse.coo_array((ones, (self.pairs[0], self.pairs[1])), shape=(m, m))
        return np.asarray(connected_components(touching, directed=False)[1], np.intp)


def graph_of(at: Codes, t: Maps, shape: tuple[int, int, int]) -> Graph:
    """Find which pixels touch: t at positions `at` of flattened maps of the shape (k, y, x); maps do not touch."""
    place = np.full(math.prod(shape), -1, np.int32)
    place[at] = np.arange(len(at), dtype=np.int32)
    y, x = np.divmod(at % (shape[1] * shape[2]), shape[2])
    positive = t > 0
    pairs = []
    for step, inside in ((1, x < shape[2] - 1), (shape[2], y < shape[1] - 1)):
        first = np.flatnonzero(inside).astype(np.int32)
        second = place[at[first] + step]
        touching = (second >= 0) & (positive[first] == positive[second])
        pairs.append(np.stack([first[touching], second[touching]]))
    return Graph(at, np.abs(t).astype(np.float64), np.concatenate(pairs, axis=1))


def masses(graph: Graph) -> Values:
    """Sum |t| over the cluster of each pixel."""
    of_pixels = graph.clusters()
    return np.asarray(np.bincount(of_pixels, graph.height)[of_pixels], np.float64)


def enhancement(graph: Graph, *, start: float, step: float) -> Values:
    """Sum over heights below each pixel: root of its cluster's extent there, times the squared height, times step."""
    scores, levels = np.zeros(len(graph.at)), _levels(graph.height, start, step)
    left, below = np.arange(len(graph.at)), 0.0
    for level in np.unique(levels[levels > 0]):
        keep = levels[left] >= level  # from the level before up to this one no pixel drops out: clusters stay the same
        graph, left = graph.among(keep), left[keep]
        of_pixels = graph.clusters()
        weight = (_squares(level, start, step) - _squares(below, start, step)) * step
        scores[left] += np.sqrt(np.bincount(of_pixels))[of_pixels] * weight
        below = level
    return scores


def _levels(heights: Values, start: float, step: float) -> Values:
    """Count the heights start + step, start + 2 step, ... that are below each of some heights."""
    levels = np.ceil((heights - start) / step) - 1
    levels -= start + levels * step >= heights
    levels += start + (levels + 1) * step < heights
    return np.asarray(np.maximum(levels, 0), np.float64)


def _squares(level: float, start: float, step: float) -> float:
    """Sum the squares of start + k step over k from 1 to the level."""
    return (level * start**2 + level * (level + 1) * start * step + level * (level + 1) * (2 * level + 1) / 6 * step**2)


@drawing
def relative_clusters(maps: xr.DataArray, *, sigma: float, rng: np.random.Generator, n_permutations: int = 999,
                      threshold: float | None = None, support: float = SUPPORT,
                      clusters: str | None = None) -> xr.Dataset:
    """Test clusters of pixels in which one actor's maps differ from the other actors', by their mass.

    Parameters
    ----------
    maps, sigma, rng, n_permutations, support, clusters
        As for `relative_test`, errors too.
    threshold : float, optional
        |t| of a cluster's pixels is above it, and it is above 0. By default the t that has a two-sided p of 0.001 with
        as many degrees of freedom as there are images less actors.

    Returns
    -------
    Dataset
        - **t** (actor, y, x): as in `relative_test`.
        - **cluster** (actor, y, x): number of the pixel's cluster, from 1, actor by actor; 0 where there is none.
          Pixels that touch by a side, with t of one sign, are of one cluster.
        - **mass** (actor, y, x): sum of |t| over the pixel's cluster; NaN outside clusters.
        - **p_value** (actor, y, x): of the pixel's cluster, adjusted over the clusters of all actors by the largest
          mass; in [**p_attainable**, 1]; NaN outside clusters. **p_actor** (actor): the smallest, 1 without a cluster.
        - **null** (permutation): the largest mass of each permutation, 0 without a cluster. **threshold**,
          **n_permutations**.
        - attrs: ``caution`` and those of `relative_test`.

    Notes
    -----
    A cluster's p belongs to the cluster: that some pixel in it differs, not which, and its borders are where t happens
    to cross the threshold. It must not be read pixel by pixel, as `relative_test` may.

    References
    ----------
    Bullmore et al. (1999), doi:10.1109/42.750253; Maris & Oostenveld (2007), doi:10.1016/j.jneumeth.2007.03.024;
    Sassenhagen & Draschkow (2019), doi:10.1111/psyp.13335
    """
    data = standardise(maps, sigma=sigma, support=support, n_permutations=n_permutations, clusters=clusters)
    height = default_threshold(data) if threshold is None else float(threshold)
    if not height > 0:
        raise InputError(Problem("threshold", repr(threshold), "a value of |t| above 0"))
    return clusters_of(data, n_permutations, rng, height)


@drawing
def relative_tfce(maps: xr.DataArray, *, sigma: float, rng: np.random.Generator, n_permutations: int = 999,
                  start: float = 0.0, step: float = 0.1, support: float = SUPPORT,
                  clusters: str | None = None) -> xr.Dataset:
    """Test relative saliency by threshold-free cluster enhancement.

    Parameters
    ----------
    maps, sigma, rng, n_permutations, support, clusters
        As for `relative_test`, errors too.
    start, step : float
        Heights are start + step, start + 2 step, ...; the same for all permutations and actors, since a step that
        depended on a map's largest t would weigh maps differently. The step is above 0, the start 0 or more: above 0
        it leaves out low, broad clusters and saves most of the time.

    Returns
    -------
    Dataset
        - **t** (actor, y, x): as in `relative_test`. **tfce** (actor, y, x): the sum over heights h below the pixel's
          |t| of the root of its cluster's extent times h² times step (E = 0.5, H = 2), 0 or more.
        - **p_value** (actor, y, x): adjusted over pixels and actors by the largest enhancement; in
          [**p_attainable**, 1]. **p_actor** (actor): the smallest.
        - **null** (permutation), **n_permutations**.
        - attrs: ``caution`` and those of `relative_test`.

    Notes
    -----
    A pixel takes support from its neighbours, so a small p speaks of the pixel's surroundings: around a strong effect
    pixels without any are found, too. Like a cluster's, this p locates no pixel.

    References
    ----------
    Smith & Nichols (2009), doi:10.1016/j.neuroimage.2008.03.061
    """
    if not (step > 0 and start >= 0):
        raise InputError(Problem("start, step", f"{start!r}, {step!r}", "a start of 0 or more and a step above 0"))
    data = standardise(maps, sigma=sigma, support=support, n_permutations=n_permutations, clusters=clusters)
    return tfce_of(data, n_permutations, rng, start=start, step=step)


def default_threshold(data: Standardised) -> float:
    """Give the t whose two-sided p is 0.001."""
    return float(stats.t.isf(FORMING_P / 2, len(data.labels) - len(data.actors)))


def clusters_of(data: Standardised, n_permutations: int, rng: np.random.Generator, height: float) -> xr.Dataset:
    """Carry out `relative_clusters` on maps that are standardised already."""
    t, graph = _observed(data, height)
    mass, number = np.full(t.size, np.nan), np.zeros(t.size, np.intp)
    mass[graph.at], number[graph.at] = masses(graph), pd.factorize(graph.clusters())[0] + 1  # as they first appear
    null = _largest(data, n_permutations, rng, height, masses)
    p = p_of_maxima(mass, null).reshape(t.shape)
    return _dataset(data, t, null, p, mass=mass.reshape(t.shape), cluster=number.reshape(t.shape)).assign(
        threshold=height).assign_attrs(family_size=int(number.max()) or np.nan)


def tfce_of(data: Standardised, n_permutations: int, rng: np.random.Generator, *, start: float, step: float,
            ) -> xr.Dataset:
    """Carry out `relative_tfce` on maps that are standardised already."""
    scores = partial(enhancement, start=start, step=step)
    t, graph = _observed(data, start)
    tfce = np.where(np.isnan(t), np.nan, 0.0)
    tfce.ravel()[graph.at] = scores(graph)
    null = _largest(data, n_permutations, rng, start, scores)
    return _dataset(data, t, null, p_of_maxima(tfce, null), tfce=tfce).assign_attrs(start=start, step=step,
                                                                             family_size=data.family_size)


def _observed(data: Standardised, height: float) -> tuple[Values, Graph]:
    t = data.on_grid(signed_t(data)[0])[1]
    at = np.flatnonzero(np.nan_to_num(np.abs(t)) > height)
    return t, graph_of(at, t.ravel()[at], t.shape)


def _dataset(data: Standardised, t: Values, null: Values, p: Values, **more: NDArray[Any]) -> xr.Dataset:
    grid = ("actor", "y", "x")
    smallest = np.nanmin(np.where(np.isnan(p), 1.0, p), axis=(1, 2))
    return data.dataset({
        "t": (grid, t), "p_value": (grid, p), **{name: (grid, values) for name, values in more.items()},
        "p_actor": ("actor", smallest), **about_null(null),
    }, {"caution": CAUTION, "family": "clusters of all actors (max-statistic)"})


def _largest(data: Standardised, n_permutations: int, rng: np.random.Generator, height: float, scores: Scores,
             ) -> Values:
    """Draw the largest score over pixels and actors under permutation; (B,)."""
    size = len(data.actors) * data.tested.size
    plan = Plan(data, "mean", n_permutations, most=max(1, _PIXELS // size))
    parts, tested = plan.blocks(), np.flatnonzero(data.tested)

    def largest_of(arrangements: Arrangements) -> Values:
        """Find the largest score of each of some arrangements."""
        n_maps = arrangements.counts.size
        high = [_high(block, arrangements, height, tested[number * PIXELS:], data.tested.size)
                for number, block in enumerate(parts)]
        at, t = (np.concatenate(pieces) for pieces in zip(*high, strict=True))
        graph = graph_of(at, t, (n_maps, *data.tested.shape))
        largest = np.zeros(len(arrangements.counts))
        np.maximum.at(largest, graph.at // size, scores(graph))
        return largest

    return joined(side_by_side(largest_of, plan.permuted(rng)))


def _high(block: Maps, arrangements: Arrangements, height: float, tested: Codes, n_pixels: int) -> tuple[Codes, Maps]:
    """Positions in the flattened maps (b, A, pixels of the grid) with |t| above a height, and t there."""
    t = pooled_t(block, arrangements).reshape(-1, block.shape[1])
    row, column = np.nonzero(np.abs(t) > height)
    return row * n_pixels + tested[column], t[row, column]
