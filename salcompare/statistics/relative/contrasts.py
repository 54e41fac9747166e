"""One actor against the others at every pixel: squared t of all actors, for many permutations by matrix products.

The contrast of an actor is the mean of its maps less the mean of the other actors' means, in which actors weigh the
same: leave-one-out relative saliency. A permutation changes which images an actor's mean is of, in a sparse matrix; the
maps stay where they are, in blocks of pixels that fit the processor's cache.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from salcompare.statistics.inference.permutation import n_distinct, permutations, permuted_labels
from salcompare.statistics.relative.material import Material

Statistic = Literal["mean", "spread"]
"""t of means; t of the mean deviation from the actor's own mean. Both with one variance within all actors."""
Values = NDArray[np.floating]
Labels = NDArray[np.intp]
PIXELS = 1024
"""Pixels at a time."""
_ROWS = 256  # rows of one product: permutations times actors
_LEAST = 1e-30  # stands for a variance of 0, so that t is huge and not NaN


@dataclass(frozen=True)
class Arrangements:
    """Some arrangements of the images among the actors.

    Attributes
    ----------
    means : sparse array (b * A, n)
        Give the actors' means.
    counts : ndarray of int (b, A)
        Images of each actor, each at least 1.
    statistic : {"mean", "spread"}
        What is computed.
    """

    means: sparse.csr_array
    counts: NDArray[np.intp]
    statistic: Statistic


@dataclass(frozen=True)
class Plan:
    """How a test is carried out: its material in blocks, and the draws of its permutations.

    Attributes
    ----------
    material : Material
        What is tested.
    statistic : {"mean", "spread"}
        What is computed.
    n_permutations : int
        How many to draw.
    most : int, optional
        Arrangements at a time; by default as many as suit the processor's cache.
    """

    material: Material
    statistic: Statistic
    n_permutations: int
    most: int | None = None

    @cached_property
    def dtype(self) -> np.dtype[np.floating]:
        """Precision of the products.

        float32 halves the time and errs by some 1e-6 of t. Where arrangements are enumerated, so that ties by symmetry
        count, it is float64.
        """
        enumerated = n_distinct(self.material.exchange, distinct="partitions") <= self.n_permutations
        return np.dtype(np.float64 if enumerated else np.float32)

    def blocks(self) -> list[Values]:
        """Cut the maps into contiguous blocks of pixels (n, w)."""
        values = self.material.values
        return [np.ascontiguousarray(values[:, start:start + PIXELS], self.dtype)
                for start in range(0, values.shape[1], PIXELS)]

    def permuted(self, rng: np.random.Generator) -> Iterator[Arrangements]:
        """Yield the arrangements, some at a time; the observed one is not meant to be among them.

        Where they are enumerated, those that only rename actors come once: the largest t over actors is the same.
        """
        n_actors = len(self.material.actors)
        step = self.most or max(1, _ROWS // n_actors)
        exchange = self.material.exchange
        for batch in permutations(exchange, self.n_permutations, rng, distinct="partitions"):
            labels = permuted_labels(exchange, batch)
            for start in range(0, len(labels), step):
                yield arrange(labels[start:start + step], n_actors, self.statistic, self.dtype)


def arrange(labels: Labels, n_actors: int, statistic: Statistic, dtype: np.dtype[np.floating]) -> Arrangements:
    """Turn the actors of the images (b, n) into the matrix that gives the actors' means."""
    flat = labels + np.arange(len(labels))[:, None] * n_actors
    counts = np.bincount(flat.ravel(), minlength=len(labels) * n_actors)
    images = np.argsort(labels, axis=1, kind="stable").ravel().astype(np.int32)
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    means = sparse.csr_array((np.repeat(1 / counts, counts).astype(dtype), images, starts),
                             shape=(counts.size, labels.shape[1]))
    return Arrangements(means, counts.reshape(len(labels), n_actors), statistic)


def squared_t(block: Values, arrangements: Arrangements) -> Values:
    """Compute squared t of standardised maps (n, w) under b arrangements; (b, A, w)."""
    if arrangements.statistic == "spread":
        return _spread(block, arrangements)[1]
    _, squares, factor = _pooled(block, arrangements)
    squares *= factor[:, None]
    return squares


def largest_squared_t(block: Values, arrangements: Arrangements) -> Values:
    """Compute the largest squared t over actors and pixels under b arrangements; (b,)."""
    if arrangements.statistic == "spread":
        return np.asarray(squared_t(block, arrangements).max(axis=(1, 2)))
    _, squares, factor = _pooled(block, arrangements)
    largest = squares.max(axis=1)
    largest *= factor
    return np.asarray(largest.max(axis=1))


def pooled_t(block: Values, arrangements: Arrangements) -> Values:
    """Compute t, with its sign, with the variance within all actors; (b, A, w)."""
    scaled, _, factor = _pooled(block, arrangements)
    scaled *= np.sqrt(factor)[:, None]
    return scaled


def signed_t(material: Material, statistic: Statistic = "mean",
             ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compute t and the contrast, in the maps' unit, as observed and in float64; both (A, q)."""
    observed = arrange(material.labels[None], len(material.actors), statistic, np.dtype(np.float64))
    t, contrast = np.empty((2, len(material.actors), material.values.shape[1]))
    for start in range(0, t.shape[1], PIXELS):
        part = slice(start, start + PIXELS)
        block = material.values[:, part].astype(np.float64)
        if statistic == "mean":
            contrast[:, part], squares = _contrasts(observed.means @ block), squared_t(block, observed)
        else:
            contrasts, squares = _spread(block, observed)
            contrast[:, part] = contrasts[0]
        t[:, part] = np.copysign(np.sqrt(squares[0]), contrast[:, part])
    return t, contrast * material.scale


def _contrasts(means: Values) -> Values:
    """Means (..., A, w) less the mean of the other actors' means."""
    n_actors = means.shape[-2]
    return np.asarray((means * n_actors - means.sum(axis=-2, keepdims=True)) / (n_actors - 1))


def _pooled(block: Values, arrangements: Arrangements) -> tuple[Values, Values, Values]:
    """Scaled contrasts (b, A, w), their squares, and what to multiply those by for squared t (b, w).

    Each column of the maps sums to 0 and its squares to 1, so the means alone tell the sums of squares.
    """
    counts = arrangements.counts
    n, n_actors = len(block), counts.shape[1]
    scaled = (arrangements.means @ block).reshape(*counts.shape, -1)
    error = _errors(counts)
    squares = np.square(scaled)
    if (counts == counts[0, 0]).all():  # the mean of the actors' means is that of the images, 0
        between = squares.sum(axis=1) * counts[0, 0]
        factor = float((n - n_actors) * (n_actors / (n_actors - 1)) ** 2 / error[0, 0])
    else:
        between = (counts[:, None].astype(block.dtype) @ squares)[:, 0]
        scaled = _contrasts(scaled) / np.sqrt(error)[:, :, None].astype(block.dtype)
        np.square(scaled, out=squares)
        factor = float(n - n_actors)
    return scaled, squares, factor / np.maximum(1 - between, _LEAST)


def _errors(counts: NDArray[np.intp]) -> NDArray[np.float64]:
    """Squared errors of the contrasts for unit spread (b, A)."""
    inverse = 1 / counts
    others = inverse.sum(axis=1, keepdims=True) - inverse
    return np.asarray(inverse + others / (counts.shape[1] - 1) ** 2, np.float64)


def _spread(block: Values, arrangements: Arrangements) -> tuple[Values, Values]:
    """Contrasts and squared t of the images' absolute deviations from their actor's mean; both (b, A, w).

    Where actors have different numbers of images m, deviations are multiplied by the root of m/(m-1): few images lie
    closer to their own mean.
    """
    counts, (n, width) = arrangements.counts, block.shape
    flat = counts.ravel()
    off = block[arrangements.means.indices]  # images actor by actor
    off -= np.repeat(arrangements.means @ block, flat, axis=0)
    np.abs(off, out=off)
    if (flat != flat[0]).any():  # else the factor is common, and t does without
        off *= np.repeat(np.sqrt(flat / np.maximum(flat - 1, 1)), flat)[:, None].astype(block.dtype)
    of_sorted = sparse.csr_array((arrangements.means.data, np.arange(len(off)), arrangements.means.indptr))
    means = (of_sorted @ off).reshape(*counts.shape, width)
    off = off.reshape(len(counts), n, width)
    within = np.einsum("bnw,bnw->bw", off, off)
    within -= (counts[:, None].astype(block.dtype) @ np.square(means))[:, 0]
    contrast = _contrasts(means)
    factor = (n - counts.shape[1]) / np.maximum(within, _LEAST)
    return contrast, np.square(contrast) * factor[:, None] / _errors(counts)[:, :, None].astype(block.dtype)
