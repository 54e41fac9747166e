"""Sign flips: the permutations of tests whose units may each be turned round, such as a map into its mirror image."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from salcompare.errors import InputError, Problem, drawing
from salcompare.statistics.inference.permutation import Alternative, p_value, smallest_p

BATCH = 2048
"""Arrangements made at a time; a constant, so that memory is bounded and draws are the same for any number."""
_MOST_ENUMERATED = 40  # binary digits, far beyond any number of permutations that is asked for


def n_sign_flips(units: int, *, groups: ArrayLike | None = None) -> int:
    """Count the arrangements of signs, the observed one among them.

    Parameters
    ----------
    units : int
        How many units have a sign.
    groups : array_like (units,), optional
        Where the statistic stays the same if all units of a group are turned, such arrangements count once.
    """
    return int(2 ** (units - _n_groups(units, groups)))


def sign_flips(units: int, n_permutations: int, rng: np.random.Generator, *,
               groups: ArrayLike | None = None) -> Iterator[NDArray[np.float64]]:
    """Yield batches of signs, none of them meant to be the observed arrangement, in which all are +1.

    Parameters
    ----------
    units : int
        How many units have a sign.
    n_permutations : int
        How many arrangements to draw at random. Where no more than so many distinct ones exist, each but the observed
        one comes exactly once instead, in a fixed order.
    rng : Generator
        Not used where arrangements are enumerated.
    groups : array_like (units,), optional
        As for `n_sign_flips`: of each group the first unit keeps its sign where arrangements are enumerated.

    Yields
    ------
    ndarray (b, units)
        Of +1 and -1.
    """
    if n_permutations < 1:
        raise InputError(Problem("n_permutations", str(n_permutations), "at least 1"))
    free = units - _n_groups(units, groups)
    if free < _MOST_ENUMERATED and 2**free - 1 <= n_permutations:
        yield from _every_arrangement(units, free, groups)
        return
    for start in range(0, n_permutations, BATCH):
        drawn = rng.integers(0, 2, (min(BATCH, n_permutations - start), units), dtype=np.int8)
        yield np.where(drawn, 1.0, -1.0)


@drawing
def sign_flip_test(values: ArrayLike, *, rng: np.random.Generator, n_permutations: int = 9999,
                   alternative: Alternative = "two-sided") -> tuple[float, float, NDArray[np.float64]]:
    """Test whether the mean of independent values, each distributed symmetrically about 0, departs from 0.

    Parameters
    ----------
    values : array_like (n,)
        One a replicate; NaN ones are left out.
    rng : Generator
        Draws signs.
    n_permutations : int
        Sign flips drawn; where there are no more in all, each comes once.
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
    batches = [signs @ data / data.size for signs in sign_flips(data.size, n_permutations, rng, groups=groups)]
    null = np.concatenate(batches) if batches else np.empty(0)
    compared = (abs(data.mean()), np.abs(null)) if both else (data.mean(), null)
    p = p_value(*compared, alternative="greater" if both else alternative)
    return float(p), smallest_p(null.size), null


def _n_groups(units: int, groups: ArrayLike | None) -> int:
    return 0 if groups is None or not units else np.unique(np.asarray(groups)).size


def _every_arrangement(units: int, free: int, groups: ArrayLike | None) -> Iterator[NDArray[np.float64]]:
    fixed = np.empty(0, np.intp) if groups is None or not units else np.unique(np.asarray(groups), return_index=True)[1]
    moving = np.setdiff1d(np.arange(units), fixed)
    total = 2**free
    for start in range(1, total, BATCH):  # 0 is the observed arrangement
        numbers = np.arange(start, min(start + BATCH, total))
        signs = np.ones((len(numbers), units))
        signs[:, moving] = 1.0 - 2.0 * ((numbers[:, None] >> np.arange(free)) & 1)
        yield signs
