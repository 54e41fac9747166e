"""Intervals for means over pairings: over actors for the population, over an actor's images for one actor."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from salcompare.statistics.inference.resampling import (
    FEWEST_ACTORS,
    LEVEL,
    bootstrap_weights,
    jackknife_standard_error,
    percentile_interval,
    t_interval,
)
from salcompare.statistics.kernels import Values

FEWEST_IMAGES = 8
"""Below so many images an actor's own values have no interval."""
Texts = NDArray[np.object_]


def population_intervals(matrix: Values, starts: NDArray[np.intp], means: Values,
                         actor_matrix: Values) -> tuple[Values, Values, Texts, Texts]:
    """Make the interval of each contrast over actors: its ends, its method and why it is NaN.

    Parameters
    ----------
    matrix : ndarray (n, n)
        All pairs of images, in blocks by actor.
    starts : ndarray (A,)
        Where the blocks start.
    means : ndarray (5, A)
        The contrasts of each actor.
    actor_matrix : ndarray (a, a)
        Means of pairs of different images between actors, of the actors with two images or more.

    Returns
    -------
    low, high, method, reason : ndarrays (5,)

    Notes
    -----
    Where actors meet other actors, each actor stands in many pairs, on both sides; leaving an actor out on both sides
    counts that, a t interval over the rows' means would not.
    """
    plain = t_interval(means.T, resampled="actors")
    low, high, reason = plain.low.copy(), plain.high.copy(), plain.reason.copy()
    sizes = np.diff(np.append(starts, len(matrix)))
    blocks = np.add.reduceat(np.add.reduceat(matrix, starts, axis=0), starts, axis=1) / np.outer(sizes, sizes)
    for at, (between, effect) in {2: (blocks, 0.0), 4: (actor_matrix, 1.0)}.items():
        low[at], high[at], reason[at] = _between_actors(between, effect)
    return low, high, np.array(["t", "t", "jackknife", "t", "jackknife"], dtype=object), reason


def _between_actors(between: Values, effect: float) -> tuple[float, float, str]:
    """Interval of the off-diagonal mean (effect 0), or of the diagonal mean less it (effect 1)."""
    n = len(between)
    if n < FEWEST_ACTORS:
        return np.nan, np.nan, f"{n} actors with a value; an interval needs {FEWEST_ACTORS}"
    diagonal = np.diag(between)
    crossing = between.sum(axis=0) + between.sum(axis=1) - 2 * diagonal
    outside = between.sum() - diagonal.sum()
    sign = -1.0 if effect else 1.0
    whole = effect * diagonal.mean() + sign * outside / (n * (n - 1))
    without = effect * (diagonal.sum() - diagonal) / (n - 1) + sign * (outside - crossing) / ((n - 1) * (n - 2))
    half = float(stats.t.ppf((1 + LEVEL) / 2, n - 1) * jackknife_standard_error(without))
    return float(whole - half), float(whole + half), ""


def actor_intervals(matrix: Values, sizes: NDArray[np.intp], n_resamples: int,
                    rng: np.random.Generator) -> tuple[Values, Values, Texts]:
    """Percentile intervals of each actor's contrasts from resampling images within all actors.

    Parameters
    ----------
    matrix : ndarray (n, n)
        All pairs of images, in blocks by actor.
    sizes : ndarray (A,)
        Images of each actor.
    n_resamples : int
        Resamples drawn.
    rng : Generator
        Source of the draws.

    Returns
    -------
    low, high, reason : ndarrays (5, A)
        NaN for actors with fewer than `FEWEST_IMAGES` images. Pairs of two copies of one image do not count as pairs
        of different images.
    """
    low, high = np.full((2, 5, sizes.size), np.nan)
    reason = np.array([f"{size} images; an interval needs {FEWEST_IMAGES}" for size in sizes.tolist()], dtype=object)
    reasons = np.tile(reason, (5, 1))
    if not (sizes >= FEWEST_IMAGES).any():
        return low, high, reasons
    weights = bootstrap_weights(len(matrix), n_resamples, rng, strata=np.repeat(np.arange(sizes.size), sizes))
    for at in np.flatnonzero(sizes >= FEWEST_IMAGES).tolist():
        interval = percentile_interval(_resampled(matrix, sizes, weights, at), resampled="images")
        low[:, at], high[:, at], reasons[:, at] = interval.low, interval.high, interval.reason
    return low, high, reasons


def _resampled(matrix: Values, sizes: NDArray[np.intp], weights: Values, at: int) -> Values:
    """Compute one actor's contrasts in every resample, (n_resamples, 5); NaN for others where there is one actor."""
    starts = np.cumsum(sizes) - sizes
    own = slice(starts[at], starts[at] + sizes[at])
    w, n = weights[:, own], sizes[at]
    sums = w @ matrix[own]
    itself = np.diag(matrix)[own]
    same = w @ itself / n
    pairs = n**2 - (w**2).sum(axis=1)
    other_image = (np.einsum("ri,ri->r", sums[:, own], w) - w**2 @ itself) / np.where(pairs > 0, pairs, np.nan)
    by_actor = np.add.reduceat(sums * weights, starts, axis=1) / (n * sizes)
    n_others = sizes.size - 1
    other_actor = (by_actor.sum(axis=1) - by_actor[:, at]) / (n_others if n_others else np.nan)
    several = sizes > 1
    rivals = several.sum() - several[at]
    among = (by_actor[:, several].sum(axis=1) - by_actor[:, at] * several[at]) / (rivals if rivals else np.nan)
    return np.stack([same, other_image, other_actor, same - other_image, other_image - among], axis=1)
