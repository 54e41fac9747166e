"""Class-balanced batches: as many images of each actor, however many images the actors have."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from salcompare.classifiers.randomness import generator

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class BalancedBatches:
    """Batches that hold `per_class` images of each actor and go round each actor's images in a shuffled order.

    Every image of an actor is drawn once before any is drawn again; each round has an order of its own.

    Attributes
    ----------
    by_actor : tuple of int64 arrays
        Each actor's training images, as rows of the photographs.
    per_class : int
        Images of each actor in a batch.
    seed : int
    purpose : str
        Sets this sequence of batches apart from others of the same seed.
    """

    by_actor: tuple[Rows, ...]
    per_class: int
    seed: int
    purpose: str

    def at(self, iteration: int) -> Rows:
        """Rows of the photographs in the batch of an iteration, counted from 1: (actors * per_class,)."""
        first = (iteration - 1) * self.per_class
        drawn = [rows[self._place(actor, draw, len(rows))] for actor, rows in enumerate(self.by_actor)
                 for draw in range(first, first + self.per_class)]
        return np.array(drawn, dtype=np.int64)

    def _place(self, actor: int, draw: int, n: int) -> int:
        return _order(self.seed, self.purpose, actor, draw // n, n)[draw % n]


@functools.lru_cache(maxsize=8192)
def _order(seed: int, purpose: str, actor: int, cycle: int, n: int) -> tuple[int, ...]:
    drawn = torch.randperm(n, generator=generator(seed, purpose, "order", actor, cycle))
    return tuple(int(place) for place in drawn)
