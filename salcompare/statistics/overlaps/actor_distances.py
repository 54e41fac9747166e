"""Distances between actors' mean maps, rid of the noise of the images that the means are of."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from salcompare.statistics.kernels import Values


def halves(sizes: NDArray[np.intp], n_splits: int, rng: np.random.Generator) -> Iterator[tuple[Values, Values]]:
    """Split each actor's images into random halves, the first the smaller one or the larger one by turns.

    Parameters
    ----------
    sizes : ndarray of int (A,)
        Images of each actor, which stand together; two or more.
    n_splits : int
        How many splits.
    rng : Generator
        Source of the draws.

    Yields
    ------
    two ndarrays (A, n)
        1 where an image is of the actor and in the half.
    """
    actors = np.repeat(np.arange(sizes.size), sizes)
    starts = np.cumsum(sizes) - sizes
    member = actors == np.arange(sizes.size)[:, np.newaxis]
    for split in range(n_splits):
        place = np.empty(actors.size, np.intp)
        place[np.lexsort((rng.random(actors.size), actors))] = np.arange(actors.size) - starts[actors]
        first = place < ((sizes + split % 2) // 2)[actors]
        yield (member & first).astype(np.float64), (member & ~first).astype(np.float64)


def noise_free_distances(products: Values, member: Values) -> Values:
    """Unbiased squared Euclidean distances between actors' expected maps.

    Parameters
    ----------
    products : ndarray (n, n)
        Inner products of all pairs of maps.
    member : ndarray (A, n)
        1 where an image is an actor's and used.

    Returns
    -------
    ndarray (A, A)
        Below 0 at times, as an estimate of 0 must be; 0 on the diagonal. Products of an image with itself, which hold
        its noise, are left out. NaN for actors of whom one image is used, who have no product of different images.
    """
    n = member.sum(axis=1)
    sums = member @ products @ member.T
    pairs = np.where(n > 1, n * (n - 1), np.nan)
    norms = (np.diag(sums) - member @ np.diag(products)) / pairs
    distances: Values = norms[:, np.newaxis] + norms - 2 * sums / np.outer(n, n)
    np.fill_diagonal(distances, 0)
    return distances


def mean_products(products: Values, member: Values) -> Values:
    """Inner products of actors' mean maps, (A, A); unbiased but for the diagonal."""
    n = member.sum(axis=1)
    means: Values = member @ products @ member.T / np.outer(n, n)
    return means


def centred_pairs(distances: Values) -> Values:
    """Rid a matrix of what is common to a row or column and give its pairs at unit norm: (..., A, A) -> (..., pairs).

    Diagonals are not seen. What is left after this U-centring sums to 0 in every row without its diagonal, so that an
    actor far from, or noisier than, everybody counts by its pairs only.
    """
    size = distances.shape[-1]
    rows = np.where(np.eye(size, dtype=bool), 0, distances)
    row_means = rows.sum(axis=-1) / (size - 2)
    total = rows.sum(axis=(-2, -1))[..., np.newaxis] / ((size - 1) * (size - 2))
    first, second = np.triu_indices(size, 1)
    return _unit_norm(rows[..., first, second] - row_means[..., first] - row_means[..., second] + total)


def plain_pairs(distances: Values) -> Values:
    """Pairs of a matrix less their mean, at unit norm, as Mantel's correlation compares them."""
    pairs = distances[..., *np.triu_indices(distances.shape[-1], 1)]
    return _unit_norm(pairs - pairs.mean(axis=-1, keepdims=True))


def _unit_norm(pairs: Values) -> Values:
    norm = np.sqrt((pairs**2).sum(axis=-1, keepdims=True))
    scaled: Values = pairs / np.where(norm > 0, norm, np.nan)
    return scaled
