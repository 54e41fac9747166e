"""The held-out split of each actor's images into train, validation and test."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import pandas as pd

from salcompare.errors import InputError, Problem
from salcompare.printing import counted
from salcompare.schema import SPLITS

NEEDED = ("train", "test")  # to train a classifier and to look at its maps
SHARES = "give shares such as split = [0.7, 0.15, 0.15]"


def split_counts(split: Sequence[float]) -> tuple[int, int, int] | None:
    """Read `split` as counts of train, validation and test images; None where it gives shares."""
    if all(float(part).is_integer() for part in split) and sum(split) > 1:
        train, validation, test = (int(part) for part in split)
        return train, validation, test
    return None


def assign_splits(images: pd.DataFrame, *, split: Sequence[float], seed: int,
                  previous: Mapping[str, str] | None = None, needed: Sequence[str] = NEEDED,
                  left_out: Mapping[str, str] | None = None) -> pd.Series:
    """Assign each image to train, validation or test, actor by actor.

    An actor's images are ordered by a hash of the seed and their ids and taken in that order, so that neither other
    actors nor the order of rows matter. Shares are rounded by largest remainders, the later split first among
    equals; with enough images every split with a share gets one, train before test before validation.

    Parameters
    ----------
    images : DataFrame
        Columns image and actor.
    split : three numbers
        Counts for each actor, or shares that sum to 1.
    seed : int
    previous : mapping, optional
        image -> split of a catalogue made with the same settings; these images keep theirs, and only the others are
        drawn, to where the counts fall short.
    needed : sequence of str
        Splits that each actor must have an image in.
    left_out : mapping, optional
        actor -> what of theirs was left out and why, for errors.

    Returns
    -------
    Series of str
        One of `salcompare.schema.SPLITS` for each row, indexed as `images`.

    Raises
    ------
    InputError
        Naming every actor that has fewer images than counts ask for, or none in a split that is needed.
    """
    lacking = [name for name, part in zip(SPLITS, split, strict=True) if part == 0 and name in needed]
    if lacking:
        raise InputError(Problem("[images] split", f"{list(split)} leaves no {' and no '.join(lacking)} images",
                                 "at least one training and one test image of each actor", SHARES))
    problems = []
    assigned: dict[str, str] = {}
    counts, fewest = split_counts(split), int(images.groupby("actor").size().min())
    for actor, ids in images.groupby("actor", sort=False)["image"]:
        without = (left_out or {}).get(str(actor), "")
        if counts is not None and len(ids) != sum(counts):
            problems.append(_too_few(str(actor), len(ids), counts, without, fewest))
            continue
        drawn = _draw(list(ids), _targets(len(ids), split), seed, previous or {})
        assigned |= drawn
        lacking = [name for name in needed if name not in drawn.values()]
        if lacking:
            usable = f"{counted(len(drawn), 'usable photograph')}{without and f' ({without})'}"
            problems.append(Problem(f"actor {actor!r}", f"{usable}, none for {' and none for '.join(lacking)}",
                                    "at least one training and one test image of each actor",
                                    "add photographs of this actor or take the actor out"))
    if problems:
        raise InputError(problems)
    return images["image"].map(assigned).astype("str")


def _draw(ids: list[str], targets: Sequence[int], seed: int, previous: Mapping[str, str]) -> dict[str, str]:
    drawn = {image: previous[image] for image in ids if previous.get(image) in SPLITS}
    short = {name: target - list(drawn.values()).count(name) for name, target in zip(SPLITS, targets, strict=True)}
    rest = set(ids) - set(drawn)
    for image in sorted(rest, key=lambda image: hashlib.sha256(f"{seed}\0{image}".encode()).digest()):
        name = max(SPLITS, key=lambda name: short[name])
        drawn[image] = name
        short[name] -= 1
    return drawn


def _targets(n: int, split: Sequence[float]) -> list[int]:
    """How many of an actor's n images go to each split."""
    counts = split_counts(split)
    if counts is not None:
        return list(counts)
    exact = [round(share * n, 9) for share in split]  # 0.15 * 20 is 3 here, not 2.9999999999999996
    targets = [int(part) for part in exact]
    rest = sorted(range(3), key=lambda i: (exact[i] - targets[i], i), reverse=True)
    for i in rest[:n - sum(targets)]:
        targets[i] += 1
    for i in (0, 2, 1):
        most = max(range(3), key=lambda j: (targets[j], j == 1))
        if split[i] > 0 and targets[i] == 0 and (targets[most] > 1 or (most == 1 and i != 1)):
            targets[most] -= 1
            targets[i] += 1
    return targets


def _too_few(actor: str, n: int, counts: tuple[int, int, int], without: str, fewest: int) -> Problem:
    """Say that an actor has fewer images than counts ask for; `fewest` are the images of the actor who has fewest."""
    parts = ", ".join(f"{count} {name}" for count, name in zip(counts, SPLITS, strict=True))
    train = counts[0] - (sum(counts) - fewest)
    lower = f"set [images] split = [{train}, {counts[1]}, {counts[2]}], for which every actor has enough" if (
        train > 0) else "lower the counts of [images] split"
    return Problem(f"actor {actor!r}", f"{counted(n, 'usable photograph')}{without and f', {without}'}",
                   f"{sum(counts)} ({parts})", f"add photographs, {lower}, or {SHARES}, which take what is there")
