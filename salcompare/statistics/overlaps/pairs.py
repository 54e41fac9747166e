"""All pairs of images as one matrix in blocks by actor, and the means of three kinds of pairing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from salcompare.errors import InputError, Problem
from salcompare.maps import natural_order
from salcompare.statistics.kernels import Values


@dataclass(frozen=True)
class Pairs:
    """A matrix of all pairs, its images in blocks by actor.

    Attributes
    ----------
    matrix : ndarray (n, n)
        People's map of image i against the classifier's of image j; no NaN.
    sizes : ndarray (A,)
        Images of each actor, in the matrix' order; at least one.
    groups : ndarray of int (A,)
        An actor meets other actors of its own group only; all the same where there are no groups.
    """

    matrix: Values
    sizes: NDArray[np.intp]
    groups: NDArray[np.intp]

    @property
    def starts(self) -> NDArray[np.intp]:
        """Where each actor's images start."""
        return np.cumsum(self.sizes) - self.sizes

    @property
    def several(self) -> NDArray[np.bool_]:
        """Which actors have two images or more."""
        return self.sizes > 1

    @property
    def rivals(self) -> NDArray[np.intp]:
        """Actors with two images or more, and another such actor in their group: those with an actor effect."""
        at = np.flatnonzero(self.several)
        return at[peers(self.groups[at]).any(axis=1)]

    @property
    def blocks(self) -> Values:
        """Mean of each block (A, A): of an actor's human maps against another's classifier maps."""
        return block_sums(self.matrix, self.starts) / np.outer(self.sizes, self.sizes)

    @property
    def actors(self) -> Values:
        """Means of pairs of different images between actors, of the `rivals` only."""
        n = self.sizes.astype(np.float64)
        means, at = self.blocks, self.rivals
        own = np.add.reduceat(np.diag(self.matrix), self.starts)
        means[at, at] = ((np.diag(means) * n**2 - own)[at]) / (n * (n - 1))[at]
        return means[np.ix_(at, at)]


def blocked(matrix: xr.DataArray, *, groups: str | None = None) -> tuple[Pairs, NDArray[np.str_], int]:
    """Sort images by actor and leave out those whose own pair is undefined.

    Parameters
    ----------
    matrix : DataArray (image, image_other)
        With coordinate ``actor`` along ``image``.
    groups : str, optional
        A coordinate along ``image``, a factor of the actor.

    Returns
    -------
    Pairs, names of the actors (A,), number of images left out

    Raises
    ------
    InputError
        If no image is left, or an actor's images are of two groups.
    """
    values = matrix.transpose("image", "image_other").values.astype(np.float64)
    named = matrix.actor.values.astype(str)
    kept = np.flatnonzero(~np.isnan(np.diag(values)))
    if not kept.size:
        raise InputError(Problem("overlaps of all pairs", "no image on which both maps are defined", "at least one",
                                 "look for empty or constant maps"))
    actors = natural_order(named[kept].tolist()).astype(str)
    place = {actor: at for at, actor in enumerate(actors.tolist())}
    codes = np.array([place[actor] for actor in named[kept].tolist()], dtype=np.intp)
    order = kept[np.argsort(codes, kind="stable")]
    pairs = Pairs(values[np.ix_(order, order)], np.bincount(codes, minlength=actors.size),
                  _group_of_actors(matrix, groups, named, actors))
    return pairs, actors, named.size - kept.size


def pairing_means(pairs: Pairs) -> Values:
    """Means of the three pairings and both effects for each actor, (contrast, actor); NaN where an actor has none."""
    (same, other_image), (own, others) = effect_sides(pairs)
    first = np.add.reduceat(np.diag(pairs.matrix), pairs.starts) / pairs.sizes
    return np.stack([first, other_image, means_of_others(pairs.blocks, pairs.groups), same - other_image, own - others])


def effect_sides(pairs: Pairs) -> Values:
    """Give the two means that each effect is the difference of, for each actor that has it, (effect, side, actor).

    The image effect's are of the actor's pairs of one image and of two; the actor effect's are of two images of the
    actor, and of the actor and others, of the `rivals` alone.
    """
    n = pairs.sizes.astype(np.float64)
    own = np.add.reduceat(np.diag(pairs.matrix), pairs.starts)
    several = np.where(pairs.several, n, np.nan)
    found = np.full((2, 2, n.size), np.nan)
    found[0] = own / several, (np.diag(pairs.blocks) * n**2 - own) / (several * (several - 1))
    if pairs.rivals.size:
        between = pairs.actors
        found[1, :, pairs.rivals] = np.stack([
            np.diag(between), means_of_others(between, pairs.groups[pairs.rivals])], axis=1)
    return found


def means_of_others(matrix: Values, groups: NDArray[np.intp]) -> Values:
    """Mean of each row over the other actors of its group; NaN where there is none."""
    allowed = peers(groups)
    n = allowed.sum(axis=1)
    means: Values = (matrix * allowed).sum(axis=1) / np.where(n > 0, n, np.nan)
    return means


def peers(groups: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Which actors may meet, (A, A): those of one group, none itself."""
    allowed: NDArray[np.bool_] = (groups[:, np.newaxis] == groups) & ~np.eye(groups.size, dtype=bool)
    return allowed


def block_sums(matrix: Values, starts: NDArray[np.intp]) -> Values:
    """Sum the blocks of a matrix that start at `starts` along both axes."""
    sums: Values = np.add.reduceat(np.add.reduceat(matrix, starts, axis=0), starts, axis=1)
    return sums


def _group_of_actors(matrix: xr.DataArray, name: str | None, named: NDArray[np.str_],
                     actors: NDArray[np.str_]) -> NDArray[np.intp]:
    if name is None:
        return np.zeros(actors.size, np.intp)
    if name not in matrix.coords or matrix[name].dims != ("image",):
        raise InputError(Problem("maps", f"have no coordinate {name!r} along image", "the group of each image's actor",
                                 f"add it: maps.assign_coords({name}=('image', ...))"))
    of_images = matrix[name].values.astype(str)
    found = {actor: sorted(set(of_images[named == actor].tolist())) for actor in actors.tolist()}
    problems = [Problem(f"actor {actor!r}", f"images of {name} {' and '.join(names)}", "one group an actor")
                for actor, names in found.items() if len(names) > 1]
    if problems:
        raise InputError(problems)
    return np.unique([names[0] for names in found.values()], return_inverse=True)[1].astype(np.intp)
