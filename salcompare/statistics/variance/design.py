"""What statistics of variance require of maps, and the replicates, classes and sums they are computed from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from salcompare.errors import InputError, Problem
from salcompare.maps.checks import require_maps
from salcompare.statistics.inference.permutation import (
    Exchangeability,
    exchangeability,
    n_distinct,
    p_value,
    permutations,
    smallest_p,
)
from salcompare.statistics.inference.resampling import jackknife_interval
from salcompare.statistics.kernels import Codes, Values
from salcompare.statistics.variance.gram import Stack, between_sums, stack_maps


@dataclass(frozen=True)
class Sample:
    """Maps as a matrix, with the coordinates of those that are kept.

    Attributes
    ----------
    stack : Stack
        The maps.
    coords : dict of str to ndarray (n,)
        Text values of the coordinates asked for, of the maps in the stack.
    """

    stack: Stack
    coords: dict[str, NDArray[np.str_]]

    @property
    def left_out(self) -> str:
        """Which images are not in the stack, in words; empty where all are."""
        stack = self.stack
        parts = [f"{stack.n_missing} with a pixel that is NaN or infinite"] * (stack.n_missing > 0)
        parts += [f"{stack.n_empty} of zeros only"] * (stack.n_empty > 0)
        return f"images left out: {', '.join(parts)}" if parts else ""

    @property
    def n_undefined(self) -> int:
        """How many images are not in the stack."""
        return int((~self.stack.kept).sum())

    def classes(self, by: str) -> tuple[Codes, list[str]]:
        """Give each image's class as a code (n,) and the classes' names in order."""
        names, codes = np.unique(self.coords[by], return_inverse=True)
        return codes.astype(np.intp), names.tolist()


def sample_of(maps: xr.DataArray, by: str, *others: str | None) -> Sample:
    """Stack maps after checking that they have the coordinates and that classes can be compared.

    Raises
    ------
    InputError
        If maps are no labelled array of numbers along image, a coordinate is missing or has gaps, there is one class
        only, or every class has one image.
    """
    require_maps(maps, "maps", dims=("image",))
    names = list(dict.fromkeys([by, *(name for name in others if name is not None)]))
    problems = _problems(maps, names) or _class_problems(maps[by])
    if problems:
        raise InputError(problems)
    stack = stack_maps(maps)
    return Sample(stack, {name: maps[name].values[stack.kept].astype(str) for name in names})


def check_permutations(n_permutations: int) -> list[Problem]:
    """Name a number of permutations that is none."""
    return [] if n_permutations >= 1 else [Problem("n_permutations", str(n_permutations), "at least 1")]


def check_options(*problems: list[Problem]) -> None:
    """Raise what is wrong with a call's options, all at once.

    Raises
    ------
    InputError
        If anything is.
    """
    found = [problem for part in problems for problem in part]
    if found:
        raise InputError(found)


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


@dataclass(frozen=True)
class Units:
    """Replicates with their class.

    Attributes
    ----------
    gram : ndarray (u, u)
        Inner products of the replicates' maps.
    labels : ndarray of int (u,)
        The class of each, 0 to g - 1.
    names : tuple of str (g,)
        The classes' names.
    members : ndarray (u, n)
        Weights of the images in each replicate; rows sum to 1.
    """

    gram: Values
    labels: Codes
    names: tuple[str, ...]
    members: Values

    def of_classes(self, kept: Codes) -> Units:
        """Give the replicates of some classes, counted anew."""
        rows = np.flatnonzero(np.isin(self.labels, kept))
        return Units(self.gram[np.ix_(rows, rows)], np.searchsorted(kept, self.labels[rows]).astype(np.intp),
                     tuple(self.names[at] for at in kept), self.members[rows])


def units_of(gram: Values, labels: Codes, names: list[str], clusters: NDArray[np.str_] | None = None) -> Units:
    """Average the maps of each cluster, if there are clusters.

    Parameters
    ----------
    gram : ndarray (n, n)
        Inner products of the images' maps.
    labels : ndarray of int (n,)
        The class of each image.
    names : list of str
        The classes' names.
    clusters : ndarray of str (n,), optional
        The cluster of each image, nested in the classes.

    Raises
    ------
    InputError
        If a cluster holds images of two classes.
    """
    n = len(labels)
    if clusters is None:
        return Units(gram, labels, tuple(names), np.eye(n))
    exchange = exchangeability(labels.tolist(), clusters=clusters)
    members = (exchange.units == np.arange(exchange.n_units)[:, None]).astype(float)
    members /= members.sum(axis=1, keepdims=True)
    return Units(members @ gram @ members.T, exchange.labels, tuple(names), members)


@dataclass(frozen=True)
class Design:
    """Squares and sizes that pooled statistics need, at the level of the units that are exchanged.

    Attributes
    ----------
    products : ndarray (u, u)
        Sums of the centred Gram matrix over two units; its rows sum to 0.
    norms : ndarray (u,)
        Sums of its diagonal.
    sizes : ndarray (u,)
        Images of each unit.
    labels : ndarray of int (u,)
        Class of each unit.
    negligible : float
        Sums of squares up to this are rounding.
    """

    products: Values
    norms: Values
    sizes: Values
    labels: Codes
    negligible: float

    @property
    def total(self) -> float:
        """Sum of squares in all."""
        return float(self.norms.sum())


def design_of(gram: Values, exchange: Exchangeability, negligible: float) -> Design:
    """Sum a centred Gram matrix of images over the units that are exchanged."""
    sizes = np.bincount(exchange.units).astype(float)
    norms, products = sum_by(exchange.units, np.diag(gram)), gram
    if exchange.n_units < len(exchange.units):
        members = (exchange.units == np.arange(exchange.n_units)[:, None]).astype(float)
        products = members @ products @ members.T
    return Design(products, norms, sizes, exchange.labels, negligible)


def sum_by(codes: Codes, values: Values) -> Values:
    """Sum values (n,) of each code (g,)."""
    return np.asarray(np.bincount(codes, values), np.float64)


def pooled_estimates(design: Design, *, resampled: str) -> tuple[dict[str, object], str]:
    """Compute what is pooled over pixels, and why there is no interval where there is none."""
    between, class_sizes = _between_squares(design)
    n, g, total = design.sizes.sum(), len(class_sizes), design.total
    within = (total - between) / (n - g)
    share, _ = between_share(design)
    interval = jackknife_interval(share, shares_without_one(design), resampled=resampled, strata=design.labels,
                                  of="spread")
    return {
        "r2": between / total, "r2_adjusted": 1 - (1 - between / total) * (n - 1) / (n - g),
        "omega2": (between - (g - 1) * within) / (total + within),
        "pseudo_f": np.inf if total - between <= design.negligible else between / (g - 1) / within,
        "between_actor_share": share, "ci_low": float(interval.low), "ci_high": float(interval.high),
    }, str(interval.reason)


def between_share(design: Design) -> tuple[float, float]:
    """Variance between classes over variance between and within, from mean squares, and the variance within."""
    between, sizes = _between_squares(design)
    share, within = shares_of(between, design.total, design.sizes.sum(), len(sizes), (sizes**2).sum())
    return float(share), float(within)


def shares_of(between: Values | float, total: Values | float, n: Values | float, g: int,
              squared_sizes: Values | float) -> tuple[Values, Values]:
    """Give the share between classes, and the variance within, from sums of squares; classes may differ in size."""
    mean_within = (total - between) / (n - g)
    typical_size = (n - squared_sizes / n) / (g - 1)  # as the expected mean square between classes counts it
    excess = (between / (g - 1) - mean_within) / typical_size
    return np.asarray(excess / (excess + mean_within)), np.asarray(mean_within)


def shares_without_one(design: Design) -> Values:
    """Between-actor share without each unit in turn (u,); all NaN where a class has one unit only."""
    labels, own = design.labels, np.diag(design.products)
    with_class, class_sums, class_sizes = _class_terms(design)
    if (np.bincount(labels) == 1).any():
        return np.full(len(labels), np.nan)
    left, rest = design.sizes.sum() - design.sizes, class_sizes[labels] - design.sizes
    # Rows of the centred Gram matrix sum to 0, so what is left sums to `own`: its mean has moved off 0.
    moved = own / left
    terms = class_sums / class_sizes
    between = terms.sum() - terms[labels] + (class_sums[labels] - 2 * with_class + own) / rest - moved
    squared = (class_sizes**2).sum() - class_sizes[labels] ** 2 + rest**2
    shares, _ = shares_of(between, design.total - design.norms - moved, left, len(class_sizes), squared)
    return shares


def permutation_test(design: Design, exchange: Exchangeability, n_permutations: int,
                     rng: np.random.Generator) -> dict[str, object]:
    """Permute the units and compute R² each time: its null draws, their mean and the p-value."""
    batches = permutations(exchange, n_permutations, rng, distinct="partitions")
    total, places = design.total, np.arange(exchange.n_units)[None]
    drawn = [between_sums(design.products, design.sizes, design.labels, batch) / total for batch in batches]
    null = np.concatenate([np.empty(0), *drawn])
    observed = between_sums(design.products, design.sizes, design.labels, places)[0] / total
    if exchange.free:
        null_mean = design.labels.max() / (exchange.n_units - 1)
    elif n_distinct(exchange, distinct="partitions") <= n_permutations:
        null_mean = np.append(null, observed).mean()
    else:
        null_mean = null.mean()
    return {"p_value": float(p_value(observed, null)), "p_attainable": smallest_p(len(null)),
            "null_mean": float(null_mean), "null": ("permutation", null), "n_permutations": len(null)}


def _between_squares(design: Design) -> tuple[float, Values]:
    """Sum squares between classes, to the total at most and 0 where it is rounding, and count the classes' images."""
    _, class_sums, class_sizes = _class_terms(design)
    between = min(float((class_sums / class_sizes).sum()), design.total)
    return 0.0 if abs(between) <= design.negligible else between, class_sizes


def _class_terms(design: Design) -> tuple[Values, Values, Values]:
    """Sum inner products with the unit's class (u,) and within each class (g,), and count the classes' images (g,)."""
    with_class = (design.products * (design.labels[:, None] == design.labels)).sum(axis=1)
    return with_class, sum_by(design.labels, with_class), sum_by(design.labels, design.sizes)
