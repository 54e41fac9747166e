"""Intervals for means over pairings: over actors for the population, over an actor's images for one actor."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from salcompare.phrases import counted
from salcompare.statistics.inference.resampling import (
    FEWEST_ACTORS,
    LEVEL,
    bootstrap_weights,
    jackknife_standard_error,
    percentile_interval,
    t_interval,
)
from salcompare.statistics.kernels import Values
from salcompare.statistics.overlaps.pairs import Pairs, peers

FEWEST_IMAGES = 8
"""Below so many images an actor's own values have no interval."""
Texts = NDArray[np.object_]


def population_intervals(pairs: Pairs, means: Values) -> tuple[Values, Values, Texts, Texts]:
    """Make the interval of each contrast over actors: its ends, its method and why it is NaN.

    Parameters
    ----------
    pairs : Pairs
        All pairs of images, in blocks by actor.
    means : ndarray (5, A)
        The contrasts of each actor.

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
    rivals = pairs.groups[pairs.rivals]
    for at, found in {2: between_actors(pairs.blocks, pairs.groups, own=0),
                      4: between_actors(pairs.actors, rivals, own=1)}.items():
        low[at], high[at], reason[at] = found
    return low, high, np.array(["t", "t", "jackknife", "t", "jackknife"], dtype=object), reason


def between_actors(matrix: Values, groups: NDArray[np.intp], *, own: Literal[0, 1]) -> tuple[float, float, str]:
    """Interval, by jackknife over actors, of a mean over actors of their values with the others of their group.

    Parameters
    ----------
    matrix : ndarray (A, A)
        Values of actors with actors.
    groups : ndarray of int (A,)
        Who meets whom.
    own : {0, 1}
        With 1, of the actors' own values less those with the others.
    """
    allowed = peers(groups)
    n = allowed.any(axis=1).sum()
    if n < FEWEST_ACTORS:
        return np.nan, np.nan, f"{counted(n, 'actor')} with a value; an interval needs {FEWEST_ACTORS}"
    sums, counts = (matrix * allowed).sum(axis=1), allowed.sum(axis=1)
    left = counts[:, np.newaxis] - allowed  # without the actor of the column
    others = (sums[:, np.newaxis] - matrix * allowed) / np.where(left > 0, left, np.nan)
    values = own * np.diag(matrix)[:, np.newaxis] + (-others if own else others)
    np.fill_diagonal(values, np.nan)
    whole = np.nanmean(own * np.diag(matrix) + (-1 if own else 1) * sums / np.where(counts > 0, counts, np.nan))
    error = jackknife_standard_error(np.nanmean(values, axis=0))
    half = float(stats.t.ppf((1 + LEVEL) / 2, n - 1) * error)
    return float(whole - half), float(whole + half), ""


def actor_intervals(pairs: Pairs, n_resamples: int, rng: np.random.Generator) -> tuple[Values, Values, Texts]:
    """Percentile intervals of each actor's contrasts from resampling images within all actors.

    Parameters
    ----------
    pairs : Pairs
        All pairs of images, in blocks by actor.
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
    sizes = pairs.sizes
    low, high = np.full((2, 5, sizes.size), np.nan)
    reason = np.array([f"{counted(size, 'image')}; an interval needs {FEWEST_IMAGES}" for size in sizes.tolist()],
                      dtype=object)
    reasons = np.tile(reason, (5, 1))
    if not (sizes >= FEWEST_IMAGES).any():
        return low, high, reasons
    weights = bootstrap_weights(len(pairs.matrix), n_resamples, rng, strata=np.repeat(np.arange(sizes.size), sizes))
    for at in np.flatnonzero(sizes >= FEWEST_IMAGES).tolist():
        interval = percentile_interval(_resampled(pairs, weights, at), resampled="images")
        low[:, at], high[:, at], reasons[:, at] = interval.low, interval.high, interval.reason
    return low, high, reasons


def _resampled(pairs: Pairs, weights: Values, at: int) -> Values:
    """Compute one actor's contrasts in every resample, (n_resamples, 5); NaN for others where there is no other."""
    matrix, n = pairs.matrix, pairs.sizes[at]
    own = slice(pairs.starts[at], pairs.starts[at] + n)
    w = weights[:, own]
    sums = w @ matrix[own]
    itself = np.diag(matrix)[own]
    same = w @ itself / n
    several = n**2 - (w**2).sum(axis=1)
    other_image = (np.einsum("ri,ri->r", sums[:, own], w) - w**2 @ itself) / np.where(several > 0, several, np.nan)
    by_actor = np.add.reduceat(sums * weights, pairs.starts, axis=1) / (n * pairs.sizes)
    others = peers(pairs.groups)[at]
    rivals = others & np.isin(np.arange(others.size), pairs.rivals)
    other_actor, among = (by_actor[:, who].sum(axis=1) / (who.sum() or np.nan) for who in (others, rivals))
    return np.stack([same, other_image, other_actor, same - other_image, other_image - among], axis=1)
