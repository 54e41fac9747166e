"""Label shares of actors in every permutation of images among actors, and the statistics made of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from salcompare.statistics.inference.permutation import Exchangeability

_BATCH = 512  # permutations at a time
_LABELS = 16  # labels at a time: permutations x actors x labels numbers are held
_ROUND = 9  # decimals of t and of shares of variance: sums in another order differ in their last digits

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Cells:
    """Statistics of one or many arrangements of images among actors.

    Attributes
    ----------
    means : ndarray (b, actor, label)
        Mean over the images that an actor has in the arrangement.
    difference : ndarray (b, actor, label)
        An actor's mean minus the mean of the other actors' means.
    error : ndarray (b, actor, label)
        Its standard error, from the variance within actors, pooled.
    explained : ndarray (b, label)
        Share of the variance between images that actors explain (eta²); NaN for a label without variance.
    freedom : int
        Degrees of freedom of the variance within actors.
    """

    means: Values
    difference: Values
    error: Values
    explained: Values
    freedom: int

    @property
    def t(self) -> Values:
        """Difference over its error (b, actor, label); infinite where actors differ and their images do not."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.round(self.difference / self.error, _ROUND)


def cells(values: Values, exchange: Exchangeability, batch: NDArray[np.integer]) -> Cells:
    """Compute the statistics of a batch of arrangements.

    Parameters
    ----------
    values : ndarray (image, label)
        Of each image, such as its shares of labels.
    exchange : Exchangeability
        Units are images or clusters of images, labels are actors; no blocks.
    batch : ndarray of int (b, unit)
        Permutations: place i is taken by unit ``batch[r, i]``.
    """
    n, n_labels = values.shape
    centred = values - values.mean(axis=0)  # sums of squares of what is far from 0 lose digits
    units = np.zeros((exchange.n_units, n_labels + 1))
    np.add.at(units, exchange.units, np.column_stack([centred, np.ones(n)]))
    sums = _sums_of_actors(units, exchange.labels, batch)
    sizes = sums[..., -1:]
    means = sums[..., :-1] / sizes
    n_actors = means.shape[1]
    between = (sizes * means**2).sum(axis=1)
    total = (centred**2).sum(axis=0)
    explained = np.round(between / np.where(total > 0, total, np.nan), _ROUND)
    within = np.where(explained < 1, total - between, 0)[:, np.newaxis]
    others = 1 / sizes + ((1 / sizes).sum(axis=1, keepdims=True) - 1 / sizes) / (n_actors - 1) ** 2
    error = np.sqrt(within / (n - n_actors) * others)
    difference = (means - means.mean(axis=1, keepdims=True)) * n_actors / (n_actors - 1)
    return Cells(means + values.mean(axis=0), difference, error, explained, n - n_actors)


def _sums_of_actors(units: Values, labels: NDArray[np.intp], batch: NDArray[np.integer]) -> Values:
    """Sum the units (unit, column) that each actor has in each permutation: (b, actor, column)."""
    sizes = np.bincount(labels)
    n_rows = len(batch) * len(sizes)
    places = batch[:, np.argsort(labels, kind="stable")].ravel()
    ends = np.concatenate([[0], np.cumsum(np.tile(sizes, len(batch)))])
    member = sparse.csr_array((np.ones(places.size), places, ends), shape=(n_rows, len(units)))
    return np.asarray((member @ units).reshape(len(batch), len(sizes), -1))


@dataclass(frozen=True)
class CellTests:
    """What the permutations say; the observed arrangement is among those that p-values count.

    Attributes
    ----------
    p_value : ndarray (actor, label)
        Of the magnitude of each cell's t, in the cell's own null distribution.
    p_adjusted : ndarray (actor, label)
        Over all cells, by the distribution of the most extreme cell.
    explained_null : ndarray (permutation, label)
        Shares of variance under permutation.
    """

    p_value: Values
    p_adjusted: Values
    explained_null: Values


def cell_tests(values: Values, exchange: Exchangeability, permutations: NDArray[np.integer]) -> CellTests:
    """Test all cells (actor, label) in one pass over the permutations (permutation, unit).

    Notes
    -----
    Rare labels have a long-tailed t: one response in all gives the actor that has it the same large t in every
    permutation. The largest of all would be that of the rarest label, and no other could stand out. So magnitudes are
    turned into their upper tail's share among all actors and arrangements of the label before the most extreme is
    taken. The observed arrangement is one of them, so that the function is the same in all and the test stays exact.
    """
    if not values.shape[1]:  # every image has the same shares
        none = np.empty((len(np.unique(exchange.labels)), 0))
        return CellTests(none, none, np.empty((len(permutations), 0)))
    observed = np.arange(exchange.n_units, dtype=permutations.dtype)
    arrangements = np.concatenate([observed[np.newaxis], permutations])
    most_extreme = np.ones(len(arrangements))
    alone, tails, explained = [], [], []
    for start in range(0, values.shape[1], _LABELS):
        t, variance = _magnitudes(values[:, start:start + _LABELS], exchange, arrangements)
        alone.append((t >= t[0]).mean(axis=0))
        tail = np.stack([_upper_tail(t[..., label]) for label in range(t.shape[-1])], axis=-1)
        most_extreme = np.minimum(most_extreme, tail.min(axis=(1, 2)))
        tails.append(tail[0])
        explained.append(variance[1:])
    adjusted = np.searchsorted(np.sort(most_extreme), np.concatenate(tails, axis=1), side="right") / len(arrangements)
    return CellTests(np.concatenate(alone, axis=1), adjusted, np.concatenate(explained, axis=1))


def _magnitudes(values: Values, exchange: Exchangeability, arrangements: NDArray[np.integer]) -> tuple[Values, Values]:
    """Compute magnitudes of t (arrangement, actor, label) and shares of variance (arrangement, label)."""
    parts = [cells(values, exchange, arrangements[start:start + _BATCH])
             for start in range(0, len(arrangements), _BATCH)]
    t = np.concatenate([np.nan_to_num(np.abs(part.t), nan=0.0, posinf=np.inf) for part in parts])
    return t, np.concatenate([part.explained for part in parts])


def _upper_tail(values: Values) -> Values:
    """Give the share of all values that are at least as large as each, in the shape of `values`."""
    order = np.sort(values, axis=None)
    return np.asarray(1 - np.searchsorted(order, values, side="left") / order.size)
