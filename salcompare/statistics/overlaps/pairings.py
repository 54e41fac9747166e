"""Three kinds of pairing of human and classifier maps, and what their differences say.

From one matrix of all pairs: people's map of an image with the classifier's map of the same image, of another image of
the same actor, and of another actor.

- The *image effect* is the first mean less the second. Under its null hypothesis an actor's classifier maps can be
  exchanged among the actor's images.
- The *actor effect* is the second less the third. Under its null hypothesis the actors' whole sets of classifier maps
  can be exchanged among actors.

The test of the actor effect permutes a studentised effect: means over pairs of an actor's own images vary more than
means over pairs between actors (there are fewer pairs, and if both maps follow the photograph, pairs i-j and j-i are
nearly the same number), so that the plain difference rejects too often.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import permutations as orders
from typing import Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from salcompare.errors import InputError, Problem
from salcompare.maps import natural_order
from salcompare.statistics.inference.permutation import Alternative, exchangeability, p_value, permutations, smallest_p
from salcompare.statistics.kernels import Values
from salcompare.statistics.overlaps.pairing_intervals import actor_intervals, population_intervals

CONTRASTS = ("same image", "same actor, other image", "other actor", "image effect", "actor effect")


@dataclass(frozen=True)
class Pairs:
    """A matrix of all pairs, its images in blocks by actor.

    Attributes
    ----------
    matrix : ndarray (n, n)
        People's map of image i against the classifier's of image j; no NaN.
    sizes : ndarray (A,)
        Images of each actor, in the matrix' order; at least one.
    """

    matrix: Values
    sizes: NDArray[np.intp]

    @property
    def starts(self) -> NDArray[np.intp]:
        """Where each actor's images start."""
        return np.cumsum(self.sizes) - self.sizes

    @property
    def several(self) -> NDArray[np.bool_]:
        """Which actors have two images or more."""
        return self.sizes > 1


def pairing_tests(matrix: xr.DataArray, *, rng: np.random.Generator, better: Literal["higher", "lower"] = "higher",
                  n_permutations: int = 9999, n_resamples: int = 2000) -> xr.Dataset:
    """Compare the three kinds of pairing and test both effects.

    Parameters
    ----------
    matrix : DataArray (image, image_other)
        As `pairwise` gives it, the same images in the same order along both dims, with coordinate ``actor``. The
        difference of two such matrices tests one classifier against another.
    rng : Generator
        Draws permutations and resamples.
    better : {"higher", "lower"}
        Which values mean more agreement; the tests are one-sided.
    n_permutations, n_resamples : int
        As for `overlap_tests`.

    Returns
    -------
    Dataset
        Over ``contrast`` (the three pairings and both effects):

        - **value**: mean over actors. An actor with one image has no other image; the actor effect leaves such actors
          out on both sides. **ci_low**, **ci_high**: over actors, by t or (where actors meet other actors) by
          jackknife (**ci_method**); NaN below eight actors.
        - **p_value**, **p_attainable**, **null_mean** (exactly 0), of the effects; **n** actors, **n_undefined**
          without a value, **reason** for NaN.
        - **null** (contrast, permutation): the effects under permutation; NaN beyond the number drawn or enumerated.

        Over ``contrast`` and ``actor``: **actor_value**, **actor_ci_low**, **actor_ci_high** (percentiles of a
        bootstrap of images within actors, NaN below eight images; with 15 images they cover about nine times in ten),
        **actor_p_value**, **actor_p_attainable**, **actor_reason**. For the actor effect of one actor, p is the rank of
        its own classifier maps among those of all actors and cannot go below 1 / actors. **actor_n** (actor): images.

        An image whose own pair is NaN (its human or classifier map is undefined) is left out; attrs ``n_undefined``
        counts them. Under ``alternative`` "less" (for `better` "lower") small values are extreme.

    Raises
    ------
    InputError
        If no image has a pair of its own that is defined.
    """
    pairs, actors, left_out = _blocked(matrix)
    if not actors.size:
        raise InputError(Problem("overlaps of all pairs", "no image on which both maps are defined", "at least one",
                                 "look for empty or constant maps"))
    alternative: Alternative = "greater" if better == "higher" else "less"
    means = pairing_means(pairs)
    with_tests = _population(pairs, means, alternative, n_permutations, rng)
    per_actor = _per_actor(pairs, means, alternative, n_permutations, n_resamples, rng)
    tests = with_tests.merge(per_actor).assign_coords(contrast=list(CONTRASTS), actor=actors)
    return tests.assign_attrs(alternative=alternative, n_undefined=left_out, n_resamples=n_resamples,
                              null_image="classifier maps permuted among the images of each actor",
                              null_actor="whole sets of classifier maps permuted among actors",
                              resampled="actors", actor_resampled="images within actors",
                              actor_ci_method="percentile")


def pairing_means(pairs: Pairs) -> Values:
    """Means of the three pairings and both effects for each actor, (contrast, actor); NaN where an actor has none."""
    blocks, n = _block_sums(pairs.matrix, pairs.starts), pairs.sizes
    own = np.add.reduceat(np.diag(pairs.matrix), pairs.starts)
    several = np.where(pairs.several, n, np.nan)
    same, other_image = own / n, (np.diag(blocks) - own) / (several * (several - 1))
    return np.stack([same, other_image, _off_diagonal_means(blocks / np.outer(n, n)), same - other_image,
                     _actor_effects(actor_matrix(pairs), pairs.several)])


def actor_matrix(pairs: Pairs) -> Values:
    """Means of pairs of different images between actors, (a, a), of the actors with two images or more."""
    blocks, n = _block_sums(pairs.matrix, pairs.starts), pairs.sizes
    own = np.add.reduceat(np.diag(pairs.matrix), pairs.starts)
    means = blocks / np.outer(n, n)
    kept = np.flatnonzero(pairs.several)
    means[kept, kept] = (np.diag(blocks) - own)[kept] / (n * (n - 1))[kept]
    return means[np.ix_(kept, kept)]


def _blocked(matrix: xr.DataArray) -> tuple[Pairs, NDArray[np.str_], int]:
    """Sort images by actor and leave out those whose own pair is undefined."""
    values = matrix.transpose("image", "image_other").values.astype(np.float64)
    named = matrix.actor.values.astype(str)
    kept = np.flatnonzero(~np.isnan(np.diag(values)))
    actors = natural_order(named[kept].tolist()).astype(str) if kept.size else np.array([], dtype=str)
    place = {actor: at for at, actor in enumerate(actors.tolist())}
    codes = np.array([place[actor] for actor in named[kept].tolist()], dtype=np.intp)
    order = kept[np.argsort(codes, kind="stable")]
    return (Pairs(values[np.ix_(order, order)], np.bincount(codes, minlength=actors.size)), actors,
            named.size - kept.size)


def _block_sums(matrix: Values, starts: NDArray[np.intp]) -> Values:
    sums: Values = np.add.reduceat(np.add.reduceat(matrix, starts, axis=0), starts, axis=1)
    return sums


def _off_diagonal_means(matrix: Values) -> Values:
    """Mean of each row without its diagonal; NaN for a single row."""
    n_others = len(matrix) - 1
    means: Values = (matrix.sum(axis=1) - np.diag(matrix)) / (n_others if n_others else np.nan)
    return means


def _actor_effects(means: Values, several: NDArray[np.bool_]) -> Values:
    effects = np.full(several.size, np.nan)
    if len(means):
        effects[several] = np.diag(means) - _off_diagonal_means(means)
    return effects


def _population(pairs: Pairs, means: Values, alternative: Alternative, n_permutations: int,
                rng: np.random.Generator) -> xr.Dataset:
    defined = ~np.isnan(means)
    n = defined.sum(axis=1)
    value = np.where(defined, means, 0).sum(axis=1) / np.where(n > 0, n, np.nan)
    low, high, method, reason = population_intervals(pairs.matrix, pairs.starts, means, actor_matrix(pairs))
    p, attainable, null = np.full(5, np.nan), np.full(5, np.nan), np.full((5, n_permutations), np.nan)
    for at, test in ((3, _image_effect_test), (4, _actor_effect_test)):
        if np.isnan(value[at]):
            continue
        p[at], draws = test(pairs, alternative, n_permutations, rng)
        attainable[at] = smallest_p(draws.size)
        null[at, :draws.size] = draws
    # the mean over all arrangements of either effect is 0 by construction
    null_mean = np.where(np.isnan(p), np.nan, 0.0)
    one = {"value": value, "ci_low": low, "ci_high": high, "ci_method": method, "p_value": p,
           "p_attainable": attainable, "null_mean": null_mean, "n": n, "n_undefined": means.shape[1] - n,
           "reason": np.where(n > 0, reason, "no actor with two images, or one actor only")}
    return xr.Dataset({name: ("contrast", values) for name, values in one.items()} | {
        "null": (("contrast", "permutation"), null)})


def _image_effect_test(pairs: Pairs, alternative: Alternative, n_permutations: int,
                       rng: np.random.Generator) -> tuple[float, Values]:
    """Give p of the population's image effect, and its draws."""
    n_images, blocks = len(pairs.matrix), np.repeat(np.arange(pairs.sizes.size), pairs.sizes)
    exchange = exchangeability(range(n_images), blocks=blocks, what="classifier maps", among="images")
    block_means = np.diag(_block_sums(pairs.matrix, pairs.starts)) / pairs.sizes**2
    batches = [np.arange(n_images)[np.newaxis], *permutations(exchange, n_permutations, rng)]
    same = np.concatenate([np.add.reduceat(pairs.matrix[np.arange(n_images), batch], pairs.starts, axis=1)
                           for batch in batches]) / pairs.sizes
    effects = _image_effects(same, block_means, pairs.sizes)[:, pairs.several].mean(axis=1)
    return float(p_value(effects[0], effects[1:], alternative=alternative)), effects[1:]


def _image_effects(same: Values, block_means: Values, sizes: NDArray[np.intp]) -> Values:
    """Mean of the matched pairs less mean of the others of the block, from the matched mean and the block's mean."""
    effects: Values = (same - block_means) * sizes / np.where(sizes > 1, sizes - 1, np.nan)
    return effects


def _actor_effect_test(pairs: Pairs, alternative: Alternative, n_permutations: int,
                       rng: np.random.Generator) -> tuple[float, Values]:
    """Give p of the population's actor effect by its studentised value, and the draws of the effect itself."""
    centred = _doubly_centred(actor_matrix(pairs))
    actors = np.arange(len(centred))
    exchange = exchangeability(range(actors.size), what="sets of classifier maps")
    own = np.concatenate([centred[actors, batch] for batch in
                          [actors[np.newaxis], *permutations(exchange, n_permutations, rng)]])
    mean = own.mean(axis=1)
    spread = own.std(axis=1)
    t = np.divide(mean, spread, out=np.copysign(np.inf, mean), where=spread > 1e-12 * np.abs(centred).max())
    return (float(p_value(t[0], t[1:], alternative=alternative)),
            mean[1:] * actors.size / (actors.size - 1))


def _doubly_centred(matrix: Values) -> Values:
    """Without what is common to a row or to a column: an actor whose maps resemble everyone's."""
    centred: Values = matrix - matrix.mean(axis=0) - matrix.mean(axis=1, keepdims=True) + matrix.mean()
    return centred


def _per_actor(pairs: Pairs, means: Values, alternative: Alternative, n_permutations: int, n_resamples: int,
               rng: np.random.Generator) -> xr.Dataset:
    low, high, reason = actor_intervals(pairs.matrix, pairs.sizes, n_resamples, rng)
    p, attainable = np.full(means.shape, np.nan), np.full(means.shape, np.nan)
    p[3], attainable[3] = _actors_image_effects(pairs, alternative, n_permutations, rng)
    if np.count_nonzero(pairs.several) > 1:
        centred = _doubly_centred(actor_matrix(pairs))
        own = np.diag(centred)[:, np.newaxis]
        tolerance = 1e-9 * np.abs(centred).max()
        as_good = centred >= own - tolerance if alternative == "greater" else centred <= own + tolerance
        p[4, pairs.several], attainable[4, pairs.several] = as_good.mean(axis=1), 1 / len(centred)
    both = ("contrast", "actor")
    reason = np.where(np.isnan(means), "one image only, or no other actor", reason)
    return xr.Dataset({
        "actor_value": (both, means), "actor_ci_low": (both, low), "actor_ci_high": (both, high),
        "actor_p_value": (both, p), "actor_p_attainable": (both, attainable), "actor_reason": (both, reason),
        "actor_n": ("actor", pairs.sizes)})


def _actors_image_effects(pairs: Pairs, alternative: Alternative, n_permutations: int,
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


@lru_cache(maxsize=8)
def _all_orders(size: int) -> NDArray[np.intp]:
    """All orders of `size` things but the first."""
    return np.array(list(orders(range(size))), dtype=np.intp)[1:]
