"""Permutation tests: what may be exchanged or turned under the null, its arrangements, and p-values from them.

A test states its null as an `Exchangeability`; `permutations` draws from it, or enumerates it where it is small; the
statistic is the caller's; `p_value` closes. Where units may each be turned round, such as a map into its mirror image,
`sign_flips` gives the arrangements.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from salcompare.errors import InputError, Problem
from salcompare.random_numbers import drawing
from salcompare.statistics.kernels import Codes, Values

Alternative = Literal["greater", "less", "two-sided"]
Distinct = Literal["assignments", "partitions"]
BATCH = 256
"""Permutations drawn at a time; a constant, since a caller's choice of it would change the draws within blocks."""
_FLIPS = 2048  # arrangements of signs made at a time; a constant, so that draws are the same for any number


@dataclass(frozen=True)
class Exchangeability:
    """What may be exchanged for what if the null hypothesis holds: units carry labels and change places.

    Made by `exchangeability`. A unit is one replicate, or a cluster of replicates that move together.
    """

    units: Codes  # (n,) the unit that each replicate belongs to, 0 to n_units - 1
    labels: Codes  # (n_units,) the label of each unit, 0 to n_labels - 1, each at least once
    blocks: Codes  # (n_units,) units change places within their block only; all 0 where there are no blocks
    null: str  # the same in words, for reports

    @property
    def n_units(self) -> int:
        """How many units change places."""
        return self.labels.size

    @property
    def free(self) -> bool:
        """Whether single replicates are exchanged without any restriction."""
        return self.n_units == self.units.size and not self.blocks.any()


def exchangeability(
    labels: Sequence[Hashable] | NDArray[np.generic], *, blocks: Sequence[Hashable] | NDArray[np.generic] | None = None,
    clusters: Sequence[Hashable] | NDArray[np.generic] | None = None, what: str = "images", among: str = "actors",
) -> Exchangeability:
    """State what may be exchanged.

    Parameters
    ----------
    labels : sequence (n,)
        What is permuted: an actor's name for each image, or ``range(n)`` to permute which image is paired with which.
    blocks : sequence (n,), optional
        Replicates are exchanged only within a block, such as images within their actor.
    clusters : sequence (n,), optional
        Replicates of a cluster move together, such as the images of one shoot; or all images of an actor, where the
        label is a factor of the actor. Clusters of different sizes are exchanged for each other.
    what, among : str
        What the replicates and the labels are called in `Exchangeability.null`.

    Raises
    ------
    InputError
        If a cluster carries two labels or reaches over two blocks, or lengths differ, or a value is missing.
    """
    codes = _codes(labels, "labels", len(labels))
    block_codes = np.zeros_like(codes) if blocks is None else _codes(blocks, "blocks", len(codes))
    units = np.arange(len(codes)) if clusters is None else _codes(clusters, "clusters", len(codes))
    _, first = np.unique(units, return_index=True)
    split = [name for name, values in (("label", codes), ("block", block_codes))
             if not np.array_equal(values[first][units], values)]
    if split:
        raise InputError(Problem("clusters", f"a cluster holds replicates of two {' and two '.join(split)}s",
                                 "clusters that lie within one label and one block", "split those clusters"))
    null = f"{what if clusters is None else f'whole clusters of {what}'} permuted" + (
        f" freely among {among}" if blocks is None else f" within blocks among {among}")
    return Exchangeability(units, codes[first], block_codes[first], null)


def n_distinct(exchange: Exchangeability, *, distinct: Distinct = "assignments") -> int:
    """Count the arrangements that a null hypothesis allows, the observed one among them.

    Assignments that differ only in the labels' names are one partition: to a statistic such as pseudo-F, which sees
    only which replicates are together, they are the same.
    """
    table = _counts(exchange)
    total = math.prod(math.factorial(int(row.sum())) // math.prod(math.factorial(int(k)) for k in row) for row in table)
    if distinct == "assignments":
        return total
    _, repeats = np.unique(table, axis=1, return_counts=True)
    return total // math.prod(math.factorial(int(k)) for k in repeats)


@drawing
def permutations(exchange: Exchangeability, n_permutations: int, rng: np.random.Generator, *,
                 distinct: Distinct = "assignments") -> Iterator[Codes]:
    """Yield batches of permutations of the units, none of them meant to be the observed arrangement.

    Parameters
    ----------
    exchange : Exchangeability
        Of the null hypothesis.
    n_permutations, rng : int, Generator
        How many to draw at random. Where no more than so many distinct arrangements exist, each but the observed one
        comes exactly once instead, in a fixed order.
    distinct : {"assignments", "partitions"}
        Whether arrangements that differ only in the labels' names count as two; see `n_distinct`.

    Yields
    ------
    ndarray of int (b, n_units)
        In row r, place i of the observed arrangement (which has label ``exchange.labels[i]``) is taken by unit
        ``row[i]``.
    """
    if n_distinct(exchange, distinct=distinct) <= n_permutations:
        yield from _enumerated(exchange, distinct)
        return
    members = [np.flatnonzero(exchange.blocks == block) for block in np.unique(exchange.blocks)]
    for start in range(0, n_permutations, BATCH):
        batch = np.tile(np.arange(exchange.n_units), (min(BATCH, n_permutations - start), 1))
        for places in members:
            batch[:, places] = rng.permuted(batch[:, places], axis=1)
        yield batch


def permuted_labels(exchange: Exchangeability, batch: Codes) -> Codes:
    """Give the label that each replicate carries after each permutation of a batch: (b, n_units) -> (b, n)."""
    of_units = np.empty_like(batch)
    np.put_along_axis(of_units, batch, np.broadcast_to(exchange.labels, batch.shape), axis=1)
    return of_units[:, exchange.units]


def p_value(observed: ArrayLike, null: ArrayLike, *, alternative: Alternative = "greater",
            rtol: float = 1e-9) -> Values:
    """Permutation p-value: (1 + how many null values are as extreme as the observed one) / (1 + how many there are).

    Parameters
    ----------
    observed : array_like (...)
        The statistic as observed.
    null : array_like (B, ...)
        Its values under permutation, without the observed one. NaN counts as extreme, which can only raise p.
    alternative : {"greater", "less", "two-sided"}
        Which values are extreme; two-sided doubles the smaller of the two others, at most to 1.
    rtol : float
        Null values below the observed one by no more than this share of it (or of the null's mean magnitude, if that
        is larger) count as equal to it: sums in another order differ in their last digits.

    Returns
    -------
    ndarray (...)
        In [1 / (1 + B), 1]; NaN where `observed` is NaN.

    References
    ----------
    Phipson & Smyth (2010), doi:10.2202/1544-6115.1585
    """
    value, draws = np.asarray(observed, float), np.asarray(null, float)
    finite = np.abs(np.where(np.isfinite(draws), draws, 0))
    scale = np.maximum(np.where(np.isfinite(value), np.abs(value), 0), finite.mean(axis=0) if len(draws) else 0)
    tolerance, missing = rtol * scale, np.isnan(draws)
    tails = {"greater": ((draws >= value - tolerance) | missing).sum(axis=0),
             "less": ((draws <= value + tolerance) | missing).sum(axis=0)}
    if alternative == "two-sided":
        p = np.minimum(1, 2 * (1 + np.minimum(tails["greater"], tails["less"])) / (1 + len(draws)))
    elif alternative in tails:
        p = (1 + tails[alternative]) / (1 + len(draws))
    else:
        raise InputError(Problem("alternative", repr(alternative), "greater, less or two-sided"))
    return np.asarray(np.where(np.isnan(value), np.nan, p), float)


def joined(draws: Iterable[Values]) -> Values:
    """Put a statistic's values under batches of permutations into one array, which is empty without a batch."""
    return np.concatenate([np.empty(0), *draws])


def about_null(null: Values) -> dict[str, object]:
    """Give the variables of a Dataset that say what a null distribution is and how small it lets p be."""
    return {"p_attainable": smallest_p(len(null)), "null": ("permutation", null), "n_permutations": len(null)}


def tested(observed: float, null: Values) -> dict[str, object]:
    """Give the variables of a Dataset that say what a test with this null found."""
    return {"p_value": float(p_value(observed, null)), **about_null(null)}


def undefined(names: Iterable[str]) -> dict[str, object]:
    """Give the variables of a test where nothing can be tested."""
    return {**dict.fromkeys(names, np.nan), "null": ("permutation", np.empty(0)), "n_permutations": 0}


def smallest_p(n_permutations: int, *, alternative: Alternative = "greater") -> float:
    """Give the smallest p that a test with so many permutations beside the observed arrangement can reach."""
    return min(1.0, (2 if alternative == "two-sided" else 1) / (1 + n_permutations))


def n_sign_flips(units: int, *, groups: ArrayLike | None = None) -> int:
    """Count the arrangements of signs, the observed one among them.

    Where the statistic stays the same if all units of one of the `groups` (units,) are turned, those count once.
    """
    return int(2 ** _moving(units, groups).size)


def sign_flips(units: int, n_permutations: int, rng: np.random.Generator, *,
               groups: ArrayLike | None = None) -> Iterator[Values]:
    """Yield batches of signs (b, units), +1 and -1, none of them meant to be the observed arrangement, all +1.

    Where no more than so many distinct arrangements exist, each but the observed one comes exactly once, in a fixed
    order, without random numbers; of each group (see `n_sign_flips`) the first unit then keeps its sign.
    """
    if n_permutations < 1:
        raise InputError(Problem("n_permutations", str(n_permutations), "at least 1"))
    moving, total = _moving(units, groups), n_sign_flips(units, groups=groups)
    if total - 1 > n_permutations:
        for start in range(0, n_permutations, _FLIPS):
            drawn = rng.integers(0, 2, (min(_FLIPS, n_permutations - start), units), dtype=np.int8)
            yield np.where(drawn, 1.0, -1.0)
        return
    for start in range(1, total, _FLIPS):  # 0 is the observed arrangement
        numbers = np.arange(start, min(start + _FLIPS, total))
        signs = np.ones((len(numbers), units))
        signs[:, moving] = 1.0 - 2.0 * ((numbers[:, None] >> np.arange(moving.size)) & 1)
        yield signs


@drawing
def sign_flip_test(values: ArrayLike, *, rng: np.random.Generator, n_permutations: int = 9999,
                   alternative: Alternative = "two-sided") -> tuple[float, float, Values]:
    """Test whether the mean of independent values, each distributed symmetrically about 0, departs from 0.

    Parameters
    ----------
    values : array_like (n,)
        One a replicate; NaN ones are left out.
    rng, n_permutations : Generator, int
        How many sign flips to draw; where there are no more in all, each comes once.
    alternative : {"greater", "less", "two-sided"}
        Two-sided compares magnitudes; arrangements that differ in all signs then count once.

    Returns
    -------
    tuple of float, float, ndarray
        p, the smallest p that it could be, and the means under flips; NaN, NaN and none without a value.
    """
    data = np.asarray(values, float)
    data = data[~np.isnan(data)]
    if not data.size:
        return float("nan"), float("nan"), np.empty(0)
    both = alternative == "two-sided"
    groups = np.zeros(data.size, np.intp) if both else None
    null = joined(signs @ data / data.size for signs in sign_flips(data.size, n_permutations, rng, groups=groups))
    compared = (abs(data.mean()), np.abs(null)) if both else (data.mean(), null)
    p = p_value(*compared, alternative="greater" if both else alternative)
    return float(p), smallest_p(null.size), null


def _codes(values: Sequence[Hashable] | NDArray[np.generic], where: str, n: int) -> Codes:
    if len(values) != n:
        raise InputError(Problem(where, f"{len(values)} values", f"{n}, as there are labels"))
    codes = pd.factorize(np.asarray(values), sort=True)[0].astype(np.intp)
    if (codes < 0).any():
        raise InputError(Problem(where, f"{(codes < 0).sum()} missing values", "a value for every replicate"))
    return codes


def _counts(exchange: Exchangeability) -> NDArray[np.int64]:
    table = np.zeros((exchange.blocks.max() + 1, exchange.labels.max() + 1), np.int64)
    np.add.at(table, (exchange.blocks, exchange.labels), 1)
    return table


def _enumerated(exchange: Exchangeability, distinct: Distinct) -> Iterator[Codes]:
    """Every arrangement but the observed one, as batches of permutations."""
    places = np.lexsort((exchange.labels, exchange.blocks))
    others = (labels for labels in _arrangements(exchange, distinct) if not np.array_equal(labels, exchange.labels))
    while taken := [np.lexsort((labels, exchange.blocks)) for labels in islice(others, BATCH)]:
        batch = np.empty((len(taken), exchange.n_units), np.intp)
        batch[:, places] = taken
        yield batch


def _arrangements(exchange: Exchangeability, distinct: Distinct) -> Iterator[Codes]:
    """Labels of the units (n_units,), each arrangement once; of partitions, the one named as observed.

    Labels that the blocks hold equally often may be renamed into each other. Of the arrangements that renaming makes,
    the one is taken in which such labels first appear in the same order as in the observed arrangement.
    """
    left = _counts(exchange)
    before = _predecessors(exchange, left) if distinct == "partitions" else np.full(left.shape[1], -1)
    labels, used = np.empty(exchange.n_units, np.intp), np.zeros(left.shape[1], np.intp)

    def place(unit: int) -> Iterator[Codes]:
        """Yield the arrangements of the units from this one on."""
        if unit == len(labels):
            yield labels.copy()
            return
        block = exchange.blocks[unit]
        for label in map(int, np.flatnonzero(left[block])):
            if before[label] >= 0 and not used[before[label]]:
                continue
            labels[unit] = label
            left[block, label] -= 1
            used[label] += 1
            yield from place(unit + 1)
            left[block, label] += 1
            used[label] -= 1

    return place(0)


def _predecessors(exchange: Exchangeability, table: NDArray[np.int64]) -> Codes:
    """For each label, the like one whose first unit comes just before its own; -1 where it is the first."""
    before = np.full(table.shape[1], -1, np.intp)
    last: dict[tuple[int, ...], int] = {}
    for label in map(int, pd.unique(exchange.labels)):
        kind = tuple(table[:, label].tolist())
        before[label] = last.get(kind, -1)
        last[kind] = label
    return before


def _moving(units: int, groups: ArrayLike | None) -> Codes:
    """Give the units whose signs are free: all but the first of each group."""
    first: ArrayLike = [] if groups is None else np.unique(np.asarray(groups), return_index=True)[1]
    return np.setdiff1d(np.arange(units), first)
