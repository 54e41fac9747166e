"""A test of classes that may differ in spread and in size: F2 of units scaled to their class's spread and permuted."""

from __future__ import annotations

import numpy as np

from salcompare.blocks import one_thread
from salcompare.statistics.inference.permutation import exchangeability, joined, permutations, smallest_p
from salcompare.statistics.inference.permutation import p_value as p_of
from salcompare.statistics.kernels import Codes, Values
from salcompare.statistics.variance.design import Units
from salcompare.statistics.variance.gram import class_sums, within_sums

UNTESTED = {"f2": np.nan, "p_value": np.nan, "p_attainable": np.nan, "n_permutations": 0}


def scaled_test(units: Units, n_permutations: int, rng: np.random.Generator, *,
                among: str = "actors") -> tuple[dict[str, float], str]:
    """Test whether classes differ in their means, whatever their spreads and sizes.

    F2 = sum n_g |m_g - m|² / sum (1 - n_g / N) s²_g, with n_g units of mean m_g and variance s²_g, over all pixels, in
    class g. Deviations from the mean of the class means are divided by their class's s_g and permuted freely; each is
    multiplied by the s_g of the class it comes to, and s_g and F2 are computed anew. So scaled, units of all classes
    are alike under the null hypothesis even if classes vary unequally, and those of the largest spread may be the
    fewest. Classes of one unit or without spread have no s_g and stay out of the test.

    Returns
    -------
    dict of str to float, str
        ``f2``, ``p_value``, ``p_attainable``, ``n_permutations``; and which classes stay out, or why there is no test.

    References
    ----------
    Anderson, Walsh, Clarke, Gorley & Guerra-Castro (2017), doi:10.1111/anzs.12176, for F2
    """
    counts = np.bincount(units.labels, minlength=len(units.names))
    spread = _spread(units.gram, units.labels, np.arange(len(units.labels))[None])[:, 0]
    usable = np.flatnonzero((counts > 1) & (spread > units.negligible))
    out = [name for at, name in enumerate(units.names) if at not in usable]
    if len(usable) < 2:
        return UNTESTED, f"fewer than two {among} of two that differ"
    compared = units.of_classes(usable)
    labels, s = compared.labels, np.sqrt(spread[usable] / (counts[usable] - 1))
    weights = 1 / (len(usable) * counts[usable])[labels]
    with_mean = compared.gram @ weights
    gram = compared.gram - with_mean - with_mean[:, None] + weights @ with_mean
    scaled = gram / np.outer(s[labels], s[labels])
    exchange = exchangeability(labels.tolist())
    with one_thread():  # products of a batch are small
        null = joined(_f2(scaled, s, labels, batch) for batch in permutations(exchange, n_permutations, rng))
    observed = _f2(scaled, s, labels, np.arange(len(labels))[None])[0]
    return {"f2": float(observed), "p_value": float(p_of(observed, null)), "p_attainable": smallest_p(len(null)),
            "n_permutations": len(null)}, f"not in the test, without spread: {', '.join(out)}" if out else ""


def _spread(gram: Values, labels: Codes, batch: Codes) -> Values:
    """Sum squares within each class (g, b)."""
    within = within_sums(gram, labels, batch) / np.bincount(labels)[:, None]
    return np.asarray(class_sums(np.diag(gram), labels, batch) - within, np.float64)


def _f2(scaled: Values, s: Values, labels: Codes, batch: Codes) -> Values:
    """F2 (b,) where scaled units (u, u) take the places of a batch (b, u) and their classes' spread s (g,)."""
    counts, n = np.bincount(labels)[:, None], len(labels)
    squared = (s**2)[:, None]
    sums = squared * within_sums(scaled, labels, batch)
    within = squared * class_sums(np.diag(scaled), labels, batch) - sums / counts
    factors = np.empty(batch.shape)
    np.put_along_axis(factors, batch, np.broadcast_to(s[labels], batch.shape), axis=1)
    in_all = np.einsum("bu,bu->b", factors @ scaled, factors)
    between = (sums / counts).sum(axis=0) - in_all / n
    return np.asarray(between / ((1 - counts / n) * within / (counts - 1)).sum(axis=0), np.float64)
