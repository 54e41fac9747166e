"""What statistics of variance require of maps, and the replicates, classes and sums they are computed from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from salcompare.errors import InputError, Problem
from salcompare.maps.checks import require_maps
from salcompare.statistics.inference.permutation import Exchangeability, exchangeability
from salcompare.statistics.kernels import Codes, Values
from salcompare.statistics.variance.gram import DISTANCES, Distance, Stack, gower_gram, stack_maps


@dataclass(frozen=True)
class Units:
    """Replicates of a test with their class: images, or clusters of images that are averaged first."""

    gram: Values  # (u, u) inner products of the replicates' maps
    labels: Codes  # (u,) the class of each, 0 to g - 1
    names: tuple[str, ...]  # (g,) of the classes
    negligible: float  # sums of squares up to this are rounding

    def of_classes(self, kept: Codes) -> Units:
        """Give the replicates of some classes, counted anew."""
        rows = np.flatnonzero(np.isin(self.labels, kept))
        return replace(self, gram=self.gram[np.ix_(rows, rows)], labels=np.searchsorted(kept, self.labels[rows]),
                       names=tuple(self.names[at] for at in kept))


@dataclass(frozen=True)
class Design:
    """Squares and sizes that pooled statistics are computed from, at the level of the units that are exchanged."""

    products: Values  # (u, u) sums of the centred Gram matrix over two units; its rows sum to 0
    norms: Values  # (u,) sums of its diagonal
    sizes: Values  # (u,) images of each unit
    labels: Codes  # (u,) class of each unit
    negligible: float  # sums of squares up to this are rounding

    @property
    def total(self) -> float:
        """Sum of squares in all."""
        return float(self.norms.sum())

    def class_terms(self) -> tuple[Values, Values, Values]:
        """Sum inner products with the unit's class (u,) and within each class (g,), and count the classes' images."""
        with_class = (self.products * (self.labels[:, None] == self.labels)).sum(axis=1)
        return with_class, _sum_by(self.labels, with_class), _sum_by(self.labels, self.sizes)

    def between_squares(self) -> tuple[float, Values]:
        """Sum squares between classes, to the total at most and 0 where that is rounding; count the classes' images."""
        _, class_sums, class_sizes = self.class_terms()
        between = min(float((class_sums / class_sizes).sum()), self.total)
        return 0.0 if abs(between) <= self.negligible else between, class_sizes

    def between_share(self) -> tuple[float, float]:
        """Variance between classes over variance between and within, from mean squares, and the variance within."""
        between, sizes = self.between_squares()
        share, within = _shares_of(between, self.total, self.sizes.sum(), len(sizes), (sizes**2).sum())
        return float(share), float(within)

    def shares_without_one(self) -> Values:
        """Share between classes without each unit in turn (u,); all NaN where a class has one unit only."""
        labels, norms = self.labels, np.diag(self.products)
        with_class, class_sums, class_sizes = self.class_terms()
        if (np.bincount(labels) == 1).any():
            return np.full(len(labels), np.nan)
        left, rest = self.sizes.sum() - self.sizes, class_sizes[labels] - self.sizes
        # Rows of the centred Gram matrix sum to 0, so what is left sums to the unit's own: its mean has moved off 0.
        moved = norms / left
        terms = class_sums / class_sizes
        between = terms.sum() - terms[labels] + (class_sums[labels] - 2 * with_class + norms) / rest - moved
        squared = (class_sizes**2).sum() - class_sizes[labels] ** 2 + rest**2
        return _shares_of(between, self.total - self.norms - moved, left, len(class_sizes), squared)[0]

    def shares_without_class(self) -> Values:
        """Share between classes without each class in turn (g,)."""
        _, squares, sizes = self.class_terms()
        norms, left = _sum_by(self.labels, self.norms), self.sizes.sum() - sizes
        moved = squares / left  # as above
        between = (squares / sizes).sum() - squares / sizes - moved
        return _shares_of(between, self.total - norms - moved, left, len(sizes) - 1, (sizes**2).sum() - sizes**2)[0]


def sample_of(maps: xr.DataArray, by: str, *others: str | None) -> tuple[Stack, dict[str, NDArray[np.str_]]]:
    """Stack maps that have the coordinates and whose classes can be compared; give those coordinates as text (n,)."""
    require_maps(maps, "maps", dims=("image",))
    names = list(dict.fromkeys([by, *(name for name in others if name is not None)]))
    problems = _problems(maps, names) or _class_problems(maps[by])
    if problems:
        raise InputError(problems)
    stack = stack_maps(maps)
    if not stack.kept.any():
        raise InputError(Problem("maps", stack.left_out or "none", "a map with finite values that are not all 0"))
    return stack, {name: maps[name].values[stack.kept].astype(str) for name in names}


def units_of(maps: xr.DataArray, by: str, distance: Distance, clusters: str | None) -> tuple[Stack, Units]:
    """Stack maps, and average those of each cluster if there are clusters."""
    stack, coords = sample_of(maps, by, clusters)
    exchange = exchangeability(coords[by], clusters=None if clusters is None else coords[clusters])
    return stack, averaged(*gower_gram(stack, distance), exchange, np.unique(coords[by]).tolist())


def averaged(gram: Values, negligible: float, exchange: Exchangeability, names: Sequence[str]) -> Units:
    """Average images over the units that are exchanged, given their inner products and the classes' names."""
    if exchange.n_units < len(gram):
        members = (exchange.units == np.arange(exchange.n_units)[:, None]).astype(float)
        members /= members.sum(axis=1, keepdims=True)
        gram = members @ gram @ members.T
    return Units(gram, exchange.labels, tuple(names), negligible)


def require_options(distance: str, n_permutations: int, *problems: Problem) -> None:
    """Raise what is wrong with a call's options, all at once."""
    wrong = [] if distance in DISTANCES else [Problem("distance", repr(distance), f"one of {', '.join(DISTANCES)}")]
    if n_permutations < 1:
        wrong.append(Problem("n_permutations", str(n_permutations), "at least 1"))
    if wrong or problems:
        raise InputError([*wrong, *problems])


def design_of(gram: Values, exchange: Exchangeability, negligible: float) -> Design:
    """Sum a centred Gram matrix of images over the units that are exchanged."""
    sizes = np.bincount(exchange.units).astype(float)
    norms, products = _sum_by(exchange.units, np.diag(gram)), gram
    if exchange.n_units < len(exchange.units):
        members = (exchange.units == np.arange(exchange.n_units)[:, None]).astype(float)
        products = members @ products @ members.T
    return Design(products, norms, sizes, exchange.labels, negligible)


def _sum_by(codes: Codes, values: Values) -> Values:  # (n,), (n,) -> (g,)
    return np.asarray(np.bincount(codes, values), np.float64)


def _shares_of(between: Values | float, total: Values | float, n: Values | float, g: int,
               squared_sizes: Values | float) -> tuple[Values, Values]:
    """Give the share between classes, and the variance within, from sums of squares; classes may differ in size."""
    mean_within = (total - between) / (n - g)
    typical_size = (n - squared_sizes / n) / (g - 1)  # as the expected mean square between classes counts it
    excess = (between / (g - 1) - mean_within) / typical_size
    return np.asarray(excess / (excess + mean_within)), np.asarray(mean_within)


def _problems(maps: xr.DataArray, coords: list[str]) -> list[Problem]:
    absent = [Problem("maps", f"no coordinate {name!r} along image", f"one of {', '.join(map(str, maps.coords))}",
                      f"maps.assign_coords({name}=('image', ...))")
              for name in coords if name not in maps.coords or maps.coords[name].dims != ("image",)]
    return absent or [Problem("maps", f"{missing} images without {name}", f"{name} of every image",
                              "give it or drop them")
                      for name in coords if (missing := int(maps.coords[name].isnull().sum()))]


def _class_problems(classes: xr.DataArray) -> list[Problem]:
    by, counts = classes.name, np.unique(classes.values.astype(str), return_counts=True)[1]
    if len(counts) < 2:
        return [Problem("maps", f"{len(counts)} {by}", f"at least 2, to compare one {by} with another")]
    if counts.max() < 2:
        return [Problem("maps", f"one image for every {by}", f"several images of at least one {by}",
                        f"give more images of each {by}")]
    return []
