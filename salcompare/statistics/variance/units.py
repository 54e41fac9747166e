"""Replicates of a test on inner products: images, or clusters of images that are averaged first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from salcompare.statistics.inference.permutation import exchangeability


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

    gram: NDArray[np.float64]
    labels: NDArray[np.intp]
    names: tuple[str, ...]
    members: NDArray[np.float64]

    def of_classes(self, kept: NDArray[np.intp]) -> Units:
        """Give the replicates of some classes, counted anew."""
        rows = np.flatnonzero(np.isin(self.labels, kept))
        return Units(self.gram[np.ix_(rows, rows)], np.searchsorted(kept, self.labels[rows]).astype(np.intp),
                     tuple(self.names[at] for at in kept), self.members[rows])


def units_of(gram: NDArray[np.float64], labels: NDArray[np.intp], names: list[str],
             clusters: NDArray[np.str_] | None = None) -> Units:
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
