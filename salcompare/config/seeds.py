"""The seeds that a classifier is trained with: the study's own first, the others derived from it."""

from __future__ import annotations

import hashlib


def training_seeds(seed: int, n: int) -> tuple[int, ...]:
    """Give the seeds of so many trainings of one classifier.

    Parameters
    ----------
    seed : int
        The study's, which the first training uses.
    n : int
        How many.

    Returns
    -------
    tuple of int
        All different, the derived ones in [0, 2**31); the first so many of a longer list are the same, so that more
        trainings can be added to those that are there.
    """
    seeds, number = [seed], 1
    while len(seeds) < n:
        number += 1
        digest = hashlib.sha256(f"training\0{seed}\0{number}".encode()).digest()
        derived = int.from_bytes(digest[:4], "big") >> 1
        if derived not in seeds:
            seeds.append(derived)
    return tuple(seeds[:n])
