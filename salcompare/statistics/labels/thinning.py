"""Even out how many responses images have, so that images are exchangeable whatever number they have."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from salcompare.errors import InputError, Problem
from salcompare.statistics.inference.permutation import exchangeability, p_value, permutations
from salcompare.statistics.labels.cells import Values, cells
from salcompare.statistics.labels.shares import CodedResponses

LEVEL = 0.05
_MOST = 999  # permutations: only whether p is below the level matters


@dataclass(frozen=True)
class Thinning:
    """Shares of labels of the images that are kept.

    Attributes
    ----------
    kept : ndarray of int (image,)
        Which images have enough responses.
    shares : ndarray (image, label)
        Of the images that are kept.
    per_image : int
        Responses kept of each; 0 where all were.
    counts_p_value : float
        Whether actors differ in how many responses their images have; NaN where all images have the same number.
    """

    kept: NDArray[np.intp]
    shares: Values
    per_image: int
    counts_p_value: float


def thinned(coded: CodedResponses, clusters: NDArray[np.object_] | None, per_image: int | None, *,
            rng: np.random.Generator, n_permutations: int) -> Thinning:
    """Keep all responses, or the same number on each image.

    Parameters
    ----------
    coded : CodedResponses
        With images known.
    clusters : ndarray (image,) or None
        Images that move together.
    per_image : int or None
        Responses to keep of each image; None decides by whether the actors' numbers differ.
    rng, n_permutations
        As for `salcompare.statistics.label_differences`.
    """
    counts = coded.responses_of_images
    p = _counts_p_value(counts, coded.actor, clusters, rng, min(n_permutations, _MOST))
    if per_image is None and not p <= LEVEL:
        return Thinning(np.arange(len(counts)), coded.image_shares, 0, p)
    keep = _number_for_all_actors(counts, coded.actor) if per_image is None else per_image
    kept = np.flatnonzero(counts >= keep)
    if keep < 1 or not kept.size:
        raise InputError(Problem("per_image", str(keep), f"a number from 1 to {counts.max()}, the most that an image "
                                 "has"))
    order = np.lexsort((rng.random(len(coded.image)), coded.image))
    rank = np.arange(len(order)) - (np.cumsum(counts) - counts)[coded.image[order]]
    chosen = order[rank < keep]
    n_labels = len(coded.labels)
    found = np.bincount(coded.image[chosen] * n_labels + coded.label[chosen], minlength=len(counts) * n_labels)
    return Thinning(kept, found.reshape(-1, n_labels)[kept] / keep, keep, p)


def _counts_p_value(counts: NDArray[np.intp], actor: NDArray[np.intp], clusters: NDArray[np.object_] | None,
                    rng: np.random.Generator, n_permutations: int) -> float:
    """Test whether actors differ in their images' numbers of responses."""
    exchange = exchangeability(actor.tolist(), clusters=None if clusters is None else clusters.tolist())
    if np.ptp(counts) == 0 or exchange.labels.max() == 0 or len(counts) <= exchange.labels.max() + 1:
        return np.nan
    values = counts[:, np.newaxis].astype(float)
    draws = [cells(values, exchange, batch).explained[:, 0] for batch in permutations(exchange, n_permutations, rng)]
    observed = cells(values, exchange, np.arange(exchange.n_units)[np.newaxis]).explained[0, 0]
    return float(p_value(observed, np.concatenate(draws) if draws else np.empty(0)))


def _number_for_all_actors(counts: NDArray[np.intp], actor: NDArray[np.intp]) -> int:
    """Find the largest number of responses that at least half of every actor's images have."""
    medians = [np.sort(counts[actor == one])[(np.sum(actor == one)) // 2] for one in np.unique(actor)]
    return int(min(medians))
