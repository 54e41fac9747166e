"""All pairs of images in blocks by actor: means of three kinds of pairing, their permutation tests and intervals.

`n` is images, `u` the units that the images of an actor are exchanged in (images, or clusters such as shoots), `A`
actors and `a` the actors that have an actor effect. Values of actors with actors (A, A) have human maps in rows and the
classifier's in columns; `groups` (A,) says which actors meet.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import permutations as orders
from typing import Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import stats

from salcompare.errors import InputError, Problem
from salcompare.maps import natural_order
from salcompare.maps.checks import require_maps
from salcompare.printing import counted
from salcompare.statistics.inference import resampling
from salcompare.statistics.inference.permutation import Alternative, exchangeability, p_value, permutations
from salcompare.statistics.kernels import Codes, Values

PRODUCT_ERROR = 0.5
"""Standard deviation, as a share of 1 / mean, of the factor of rows' and columns' product before it is fitted."""
Texts = NDArray[np.object_]


@dataclass(frozen=True)
class Pairs:
    """A matrix of all pairs, its images in blocks by actor, and there by unit."""

    matrix: Values  # (n, n), people's map of image i against the classifier's of image j; no NaN
    sizes: Codes  # (A,), images of each actor, in the matrix' order; at least one
    groups: Codes  # (A,), an actor meets others of its group only; all the same where there are no groups
    units: Codes  # (n,), the unit that an image is in, from 0 in the matrix' order; a unit lies within an actor
    unit: str = "image"  # what one is called

    @property
    def starts(self) -> Codes:
        """Where each actor's images start."""
        return np.cumsum(self.sizes) - self.sizes

    @cached_property
    def unit_sizes(self) -> Codes:
        """Images of each unit (u,)."""
        return np.bincount(self.units)

    @cached_property
    def owners(self) -> Codes:
        """The actor of each unit (u,)."""
        return np.repeat(np.arange(self.sizes.size), self.sizes)[np.cumsum(self.unit_sizes) - 1]

    @property
    def several(self) -> NDArray[np.bool_]:
        """Which actors have two units or more."""
        return np.bincount(self.owners) > 1

    @property
    def rivals(self) -> Codes:
        """Actors with two units or more, and another such actor in their group: those with an actor effect."""
        at = np.flatnonzero(self.several)
        return at[_peers(self.groups[at]).any(axis=1)]

    @property
    def same(self) -> Values:
        """Sum of each actor's pairs of one image (A,)."""
        return np.add.reduceat(np.diag(self.matrix), self.starts)

    @property
    def blocks(self) -> Values:
        """Mean of each block (A, A): of an actor's human maps against another's classifier maps."""
        return np.asarray(_sums(self.matrix, self.starts) / np.outer(self.sizes, self.sizes))

    @property
    def other_images(self) -> Values:
        """Mean of each actor's pairs of images of two units (A,); NaN where it has one."""
        within = np.diag(_sums(self.matrix, np.cumsum(self.unit_sizes) - self.unit_sizes))
        sums, n = (total - np.bincount(self.owners, inner) for total, inner in (
            (np.diag(self.blocks) * self.sizes**2, within), (self.sizes**2, self.unit_sizes**2)))
        return np.asarray(sums / np.where(n > 0, n, np.nan))

    @property
    def actors(self) -> Values:
        """Means of pairs between actors, and of pairs of two units of an actor (a, a), of the `rivals` only."""
        means, at = self.blocks, self.rivals
        means[at, at] = self.other_images[at]
        return means[np.ix_(at, at)]

    @property
    def matched(self) -> Values:
        """Means of pairs between two units of an actor, image by image in their order (u, u); others are not meant.

        On the diagonal are the pairs of one image. Of units of two sizes the smaller one's images come again from the
        first on, so that as many maps are averaged as where a unit meets itself.
        """
        sizes = self.unit_sizes
        first, longer = np.cumsum(sizes) - sizes, np.maximum.outer(sizes, sizes)
        total = np.zeros(longer.shape)
        for step in range(sizes.max()):
            at = first + step % sizes
            total += np.where(step < longer, self.matrix[np.ix_(at, at)], 0)
        return np.asarray(total / longer)


def _sums(matrix: Values, starts: Codes) -> Values:
    """Sum each block of a matrix, whose rows and columns start where said."""
    return np.asarray(np.add.reduceat(np.add.reduceat(matrix, starts, axis=0), starts, axis=1))


def blocked(matrix: xr.DataArray, *, groups: str | None = None,
            clusters: str | None = None) -> tuple[Pairs, NDArray[np.str_], int]:
    """Sort images of a matrix (image, image_other) by actor and cluster; leave out those whose own pair is undefined.

    Returns
    -------
    Pairs, names of the actors (A,), number of images left out

    Raises
    ------
    InputError
        If no image is left, an actor's images are of two `groups`, or a cluster of two actors; both are coordinates
        along ``image``.
    """
    require_maps(matrix, "overlaps of all pairs", dims=("image", "image_other"), named=("image", "actor"))
    values = matrix.transpose("image", "image_other").values.astype(np.float64)
    named = matrix.actor.values.astype(str)
    kept = np.flatnonzero(~np.isnan(np.diag(values)))
    if not kept.size:
        raise InputError(Problem("overlaps of all pairs", "no image on which both maps are defined", "at least one",
                                 "look for empty or constant maps"))
    actors = natural_order(named[kept].tolist()).astype(str)
    place = {actor: at for at, actor in enumerate(actors.tolist())}
    codes = np.array([place[actor] for actor in named[kept].tolist()], dtype=np.intp)
    units = np.arange(kept.size)
    if clusters is not None:
        together = _coordinate(matrix, clusters, "the cluster of each image")[kept]
        units = exchangeability(codes.tolist(), clusters=together.tolist()).units  # refuses clusters of two actors
    order = np.lexsort((matrix.image.values[kept].astype(str), units, codes))
    starts = np.diff(units[order], prepend=-1) != 0
    pairs = Pairs(values[np.ix_(kept[order], kept[order])], np.bincount(codes, minlength=actors.size),
                  _group_of_actors(matrix, groups, named, actors), np.cumsum(starts) - 1, clusters or "image")
    return pairs, actors, named.size - kept.size


def _coordinate(matrix: xr.DataArray, name: str, what: str) -> NDArray[np.str_]:
    if name not in matrix.coords or matrix[name].dims != ("image",):
        raise InputError(Problem("maps", f"have no coordinate {name!r} along image", what,
                                 f"add it: maps.assign_coords({name}=('image', ...))"))
    return np.asarray(matrix[name].values.astype(str))


def _group_of_actors(matrix: xr.DataArray, name: str | None, named: NDArray[np.str_],
                     actors: NDArray[np.str_]) -> NDArray[np.intp]:
    if name is None:
        return np.zeros(actors.size, np.intp)
    of_images = _coordinate(matrix, name, "the group of each image's actor")
    groups = {actor: sorted(set(of_images[named == actor].tolist())) for actor in actors.tolist()}
    problems = [Problem(f"actor {actor!r}", f"images of {name} {' and '.join(names)}", "one group an actor")
                for actor, names in groups.items() if len(names) > 1]
    if problems:
        raise InputError(problems)
    return np.unique([names[0] for names in groups.values()], return_inverse=True)[1].astype(np.intp)


def pairing_means(pairs: Pairs) -> Values:
    """Means of the three pairings and both effects for each actor, (contrast, actor); NaN where an actor has none."""
    (same, other_image), (within, between) = effect_sides(pairs)
    return np.stack([pairs.same / pairs.sizes, other_image, means_of_others(pairs.blocks, pairs.groups),
                     same - other_image, within - between])


def effect_sides(pairs: Pairs) -> Values:
    """Give the two means that each effect is the difference of, for each actor that has it, (effect, side, actor).

    The image effect's are of the actor's pairs of one image and of images of two units; the actor effect's are of
    images of two units of the actor, and of the actor and others, of the `rivals` alone.
    """
    sides = np.full((2, 2, pairs.sizes.size), np.nan)
    sides[0] = np.where(pairs.several, pairs.same / pairs.sizes, np.nan), pairs.other_images
    if pairs.rivals.size:
        between = pairs.actors
        sides[1, :, pairs.rivals] = np.stack([
            np.diag(between), means_of_others(between, pairs.groups[pairs.rivals])], axis=1)
    return sides


def means_of_others(matrix: Values, groups: NDArray[np.intp]) -> Values:
    """Mean of each row over the other actors of its group; NaN where there is none."""
    allowed = _peers(groups)
    n = allowed.sum(axis=1)
    return np.asarray((matrix * allowed).sum(axis=1) / np.where(n > 0, n, np.nan))


def _peers(groups: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Which actors may meet, (A, A): those of one group, none itself."""
    return np.asarray((groups[:, np.newaxis] == groups) & ~np.eye(groups.size, dtype=bool))


def image_effect_test(pairs: Pairs, alternative: Alternative, n_permutations: int,
                      rng: np.random.Generator) -> tuple[float, Values]:
    """Give p of the population's image effect, and its draws: classifier maps permuted among an actor's units."""
    owners = pairs.owners
    rows, starts, n = np.arange(owners.size), np.unique(owners, return_index=True)[1], np.bincount(owners)
    exchange = exchangeability(range(owners.size), blocks=owners, what="classifier maps", among=f"{pairs.unit}s")
    weighted = pairs.matched * (pairs.unit_sizes / pairs.sizes[owners])[:, np.newaxis]
    same = np.concatenate([np.add.reduceat(weighted[rows, batch], starts, axis=1) for batch in (
        rows[np.newaxis], *permutations(exchange, n_permutations, rng))])
    # matched mean less mean of the other units, from the matched mean and the mean over all arrangements
    of_actors = (same - np.diag(_sums(weighted, starts)) / n) * n / np.where(n > 1, n - 1, np.nan)
    effects = of_actors[:, pairs.several].mean(axis=1)
    return float(p_value(effects[0], effects[1:], alternative=alternative)), effects[1:]


def actor_effect_test(matrix: Values, groups: NDArray[np.intp], alternative: Alternative, n_permutations: int,
                      rng: np.random.Generator) -> tuple[float, Values]:
    """Give p of the mean of actors' values with themselves (a, a) less those with others, and draws of that mean.

    Whole sets of classifier maps are exchanged within groups; each actor has another of its group. What is compared is
    mean / standard deviation, over actors, of what `_without_common` leaves of their values with themselves.
    """
    rows, weights = np.arange(len(matrix)), 1 + 1 / _peers(groups).sum(axis=1)
    exchange = exchangeability(range(rows.size), blocks=groups, what="sets of classifier maps")
    orders = np.concatenate([rows[np.newaxis], *permutations(exchange, n_permutations, rng)])
    rest = _without_common(matrix, groups)
    matched = rest[rows, orders] * weights
    mean, spread = matched.mean(axis=1), matched.std(axis=1)
    t = np.divide(mean, spread, out=np.where(np.isnan(mean), mean, np.copysign(np.inf, mean)),
                  where=spread > 1e-12 * np.abs(rest).max())
    effects = (_doubly_centred(matrix, groups)[rows, orders[1:]] * weights).mean(axis=1)
    return float(p_value(t[0], t[1:], alternative=alternative)), effects


def actors_image_effects(pairs: Pairs, alternative: Alternative, n_permutations: int,
                         rng: np.random.Generator) -> tuple[Values, Codes]:
    """Give p of each actor's image effect, by its matched mean as the rest is fixed, and from how many orders."""
    p, n_orders = np.full(pairs.sizes.size, np.nan), np.zeros(pairs.sizes.size, np.intp)
    weighted = pairs.matched * pairs.unit_sizes[:, np.newaxis]
    for at in np.flatnonzero(pairs.several).tolist():
        places = np.flatnonzero(pairs.owners == at)
        block, size = weighted[np.ix_(places, places)], places.size
        enumerable = math.factorial(size) - 1 <= n_permutations
        others = _all_orders(size) if enumerable else rng.permuted(
            np.tile(np.arange(size), (n_permutations, 1)), axis=1)
        matched = block[np.arange(size), others].sum(axis=1)
        p[at] = p_value(np.trace(block), matched, alternative=alternative)
        n_orders[at] = len(others)
    return p, n_orders


@lru_cache(maxsize=8)
def _all_orders(size: int) -> NDArray[np.intp]:
    """All orders of `size` things but the first."""
    return np.array(list(orders(range(size))), dtype=np.intp)[1:]


def _doubly_centred(matrix: Values, groups: NDArray[np.intp]) -> Values:
    """Take away what is common to a row or a column of a group: an actor whose maps resemble everyone's; 0 between."""
    centred = np.zeros_like(matrix)
    for group in np.unique(groups):
        at = np.ix_(groups == group, groups == group)
        block = matrix[at]
        centred[at] = block - block.mean(axis=0) - block.mean(axis=1, keepdims=True) + block.mean()
    return centred


def _without_common(matrix: Values, groups: NDArray[np.intp]) -> Values:
    """Take away rows' and columns' effects and, in groups of three and more, as much of their product as is there.

    Noise in an actor's maps lowers its row by a factor, and its column by another; sums alone would leave the product.
    The product's factor is 1 / mean where values are products, as correlations are; how far that is from the matrix
    itself, within `PRODUCT_ERROR`, says a least-squares fit. Permuted columns give the same, permuted.
    """
    rest = _doubly_centred(matrix, groups)
    for group in np.unique(groups):
        at = np.ix_(groups == group, groups == group)
        block, n, mean = rest[at], len(rest[at]), matrix[at].mean()
        product = np.outer(matrix[at].mean(axis=1) - mean, matrix[at].mean(axis=0) - mean)
        squares, along = (product**2).sum(), (product * block).sum()
        if n > 2 and squares > 0:  # two actors have nothing left to tell a product from an effect
            noise = ((block - along / squares * product) ** 2).sum() / ((n - 1) ** 2 - 1)
            trust = PRODUCT_ERROR**2
            rest[at] = block - (trust * along + noise * mean) / (trust * squares + noise * mean**2) * product
    rest[np.abs(rest) < 1e-12 * np.abs(matrix).max()] = 0  # rounding, which tells no orders apart
    return rest


def population_intervals(pairs: Pairs, means: Values) -> tuple[Values, Values, Texts, Texts]:
    """Make the interval of each contrast from its means (5, A) over actors: its ends, method and why it is NaN, (5,).

    Where actors meet other actors, each actor stands in many pairs, on both sides; leaving an actor out on both sides
    counts that, a t interval over the rows' means would not.
    """
    plain = resampling.t_interval(means.T, resampled="actors")
    low, high, reason = plain.low.copy(), plain.high.copy(), plain.reason.copy()
    low[2], high[2], reason[2] = between_actors(pairs.blocks, pairs.groups, itself=0)
    low[4], high[4], reason[4] = between_actors(pairs.actors, pairs.groups[pairs.rivals], itself=1)
    return low, high, np.array(["t", "t", "jackknife", "t", "jackknife"], dtype=object), reason


def between_actors(matrix: Values, groups: NDArray[np.intp], *, itself: Literal[0, 1]) -> tuple[float, float, str]:
    """Interval, by jackknife over actors, of a mean over actors of their values with the others of their group.

    With `itself` 1, of the actors' values with themselves less those with the others.
    """
    allowed = _peers(groups)
    n = allowed.any(axis=1).sum()
    if n < resampling.FEWEST_ACTORS:
        return np.nan, np.nan, f"{counted(n, 'actor')} with a value; an interval needs {resampling.FEWEST_ACTORS}"
    sums, counts = (matrix * allowed).sum(axis=1), allowed.sum(axis=1)
    left = counts[:, np.newaxis] - allowed  # without the actor of the column
    others = (sums[:, np.newaxis] - matrix * allowed) / np.where(left > 0, left, np.nan)
    values = itself * np.diag(matrix)[:, np.newaxis] + (-others if itself else others)
    np.fill_diagonal(values, np.nan)
    whole = np.nanmean(itself * np.diag(matrix) + (-1 if itself else 1) * sums / np.where(counts > 0, counts, np.nan))
    error = resampling.jackknife_standard_error(np.nanmean(values, axis=0))
    half = float(stats.t.ppf((1 + resampling.LEVEL) / 2, n - 1) * error)
    return float(whole - half), float(whole + half), ""
