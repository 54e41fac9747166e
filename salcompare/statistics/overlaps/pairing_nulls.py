"""Permutation tests over pairings: classifier maps among an actor's images, or whole sets of them among actors."""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import permutations as orders

import numpy as np
from numpy.typing import NDArray

from salcompare.statistics.inference.permutation import Alternative, exchangeability, p_value, permutations, smallest_p
from salcompare.statistics.kernels import Values
from salcompare.statistics.overlaps.pairs import Pairs, peers


def image_effect_test(pairs: Pairs, alternative: Alternative, n_permutations: int,
                      rng: np.random.Generator) -> tuple[float, Values]:
    """Give p of the population's image effect, and its draws."""
    n_images, blocks = len(pairs.matrix), np.repeat(np.arange(pairs.sizes.size), pairs.sizes)
    exchange = exchangeability(range(n_images), blocks=blocks, what="classifier maps", among="images")
    block_means = np.diag(pairs.blocks)
    batches = [np.arange(n_images)[np.newaxis], *permutations(exchange, n_permutations, rng)]
    same = np.concatenate([np.add.reduceat(pairs.matrix[np.arange(n_images), batch], pairs.starts, axis=1)
                           for batch in batches]) / pairs.sizes
    effects = _image_effects(same, block_means, pairs.sizes)[:, pairs.several].mean(axis=1)
    return float(p_value(effects[0], effects[1:], alternative=alternative)), effects[1:]


def actor_effect_test(matrix: Values, groups: NDArray[np.intp], alternative: Alternative, n_permutations: int,
                      rng: np.random.Generator) -> tuple[float, Values]:
    """Give p of the mean own value less that with the other actors of the group, studentised, and draws of the effect.

    Parameters
    ----------
    matrix : ndarray (a, a)
        Of actors, people's against classifiers'; each has another of its group.
    groups : ndarray of int (a,)
        Sets of classifier maps are exchanged within them.
    alternative, n_permutations, rng
        As for `pairing_tests`.
    """
    centred = doubly_centred(matrix, groups)
    rows, weights = np.arange(len(centred)), 1 + 1 / peers(groups).sum(axis=1)
    exchange = exchangeability(range(rows.size), blocks=groups, what="sets of classifier maps")
    own = np.concatenate([centred[rows, batch] for batch in
                          [rows[np.newaxis], *permutations(exchange, n_permutations, rng)]]) * weights
    mean = own.mean(axis=1)
    spread = own.std(axis=1)
    t = np.divide(mean, spread, out=np.copysign(np.inf, mean), where=spread > 1e-12 * np.abs(centred).max())
    return float(p_value(t[0], t[1:], alternative=alternative)), mean[1:]


def actors_image_effects(pairs: Pairs, alternative: Alternative, n_permutations: int,
                         rng: np.random.Generator) -> tuple[Values, Values]:
    """Give p of each actor's image effect, by its matched mean as the rest is fixed, and the smallest p there is."""
    p, attainable = np.full(pairs.sizes.size, np.nan), np.full(pairs.sizes.size, np.nan)
    for at, (start, size) in enumerate(zip(pairs.starts.tolist(), pairs.sizes.tolist(), strict=True)):
        if size > 1:
            block = pairs.matrix[start:start + size, start:start + size]
            enumerable = math.factorial(size) - 1 <= n_permutations
            others = _all_orders(size) if enumerable else rng.permuted(
                np.tile(np.arange(size), (n_permutations, 1)), axis=1)
            matched = block[np.arange(size), others].mean(axis=1)
            p[at] = p_value(np.diag(block).mean(), matched, alternative=alternative)
            attainable[at] = smallest_p(len(others))
    return p, attainable


def ranks_among_actors(matrix: Values, groups: NDArray[np.intp], alternative: Alternative) -> tuple[Values, Values]:
    """Share of the group's sets of classifier maps that suit each actor's human maps as well as its own, and 1 / n.

    Each set is first rid of what it gives to everyone. One actor among n has n sets to compare, so that its p cannot
    go below 1 / n.
    """
    centred = doubly_centred(matrix, groups)
    own = np.diag(centred)[:, np.newaxis]
    tolerance = 1e-9 * np.abs(centred).max()
    as_good = centred >= own - tolerance if alternative == "greater" else centred <= own + tolerance
    group = groups[:, np.newaxis] == groups
    size = group.sum(axis=1)
    return (as_good & group).sum(axis=1) / size, 1 / size


def doubly_centred(matrix: Values, groups: NDArray[np.intp]) -> Values:
    """Without what is common to a row or to a column of a group: an actor whose maps resemble everyone's.

    0 between groups.
    """
    centred = np.zeros_like(matrix)
    for group in np.unique(groups):
        at = np.ix_(groups == group, groups == group)
        block = matrix[at]
        centred[at] = block - block.mean(axis=0) - block.mean(axis=1, keepdims=True) + block.mean()
    return centred


def _image_effects(same: Values, block_means: Values, sizes: NDArray[np.intp]) -> Values:
    """Mean of the matched pairs less mean of the others of the block, from the matched mean and the block's mean."""
    effects: Values = (same - block_means) * sizes / np.where(sizes > 1, sizes - 1, np.nan)
    return effects


@lru_cache(maxsize=8)
def _all_orders(size: int) -> NDArray[np.intp]:
    """All orders of `size` things but the first."""
    return np.array(list(orders(range(size))), dtype=np.intp)[1:]
