"""Responses in the original study's layout (Sun, Teoh & Guerzhoy 2020): an actor and a label, no worker, no image."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Mapping

import numpy as np
import pandas as pd

from salcompare import config as settings
from salcompare.errors import InputError, Problem
from salcompare.sources.boxes import (
    Canvas,
    Rows,
    add_edges,
    check_bounds,
    check_corners,
    check_not_relative,
    clip_edges,
    settle,
)
from salcompare.sources.cells import Cells, each, need_columns
from salcompare.sources.labels import normalise_label
from salcompare.sources.tidy import refuse_hidden

COLUMNS = ("last_name", "label", "b0", "b1", "b2", "b3")
GRID = 227
"""Height and width in pixels of the photographs that the original's boxes were drawn on."""

NOTES = (
    "These responses name no worker: intervals cannot resample workers, and the noise ceiling and the agreement "
    "between workers cannot be computed.",
    "These responses name no image: human maps exist for actors only. Overlap image by image, the image effect, "
    "variance explained by actor in human maps, and intervals that resample images cannot be computed; within an "
    "actor every response weighs the same.",
)


def original_responses(cells: Cells, config: settings.Responses, synonyms: Mapping[str, str], images: pd.DataFrame, *,
                       size: tuple[int, int], shown: str) -> tuple[pd.DataFrame, pd.DataFrame, tuple[str, ...]]:
    """Check rows of the original layout and bring their boxes to half-open pixels of the study's grid.

    A box is top, left, height and width (b0 to b3) on a square of 227 pixels and was filled inclusively, so it covers
    left <= x < left + width + 1. One whose left + width is 227 ends at the edge, as it did when it was filled.

    Parameters
    ----------
    cells : Cells
        Columns last_name, label, b0, b1, b2, b3; others are kept out.
    config, images, size
        As for `salcompare.sources.read_responses`.
    synonyms : mapping
        Normalised.
    shown : str
        What the file is called in errors and in column origin.

    Returns
    -------
    responses : DataFrame
        Columns actor, label, x0, y0, x1, y1, origin; column row counts the file's rows from 1.
    left_out : DataFrame
    notes : tuple of str
        What cannot be computed without workers and images.

    Raises
    ------
    InputError
        Naming every missing column, every offending row, or every last name that several actors share.
    """
    remedy = "set source = \"csv\" in [responses]" if "worker" in cells.frame else ""
    need_columns(cells.frame, COLUMNS, shown=shown, remedy=remedy)
    frame = cells.frame
    actors = _actors(frame["last_name"], images, shown)
    rows = Rows(pd.DataFrame({
        "row": np.arange(1, len(frame) + 1),
        "actor": each(frame["last_name"], lambda name: actors[name]),
        "label": each(frame["label"], lambda label: synonyms.get(normalise_label(label), normalise_label(label))),
        "origin": shown,
    }, index=frame.index), shown, list(cells.faults))
    for name in ("actor", "label"):
        rows.refuse((rows.table[name] == "").to_numpy(), f"empty_{name}", f"{name} is empty", "",
                    "fill the cell or delete the row")
    refuse_hidden(rows, ("actor",))
    add_edges(rows, cells, COLUMNS[2:])
    check_not_relative(rows.table[list(COLUMNS[2:])].to_numpy(), shown=shown, remedy=f"multiply them by {GRID}")
    cut = _place(rows, clip=config.clip)
    _scale(rows, size)
    responses, left_out = settle(rows, drop_invalid=config.drop_invalid)
    return responses, left_out, NOTES + _more_notes(responses, images, cut)


def _place(rows: Rows, *, clip: bool) -> int:
    """Add half-open edges and check them; gives how many boxes were cut."""
    top, left, height, width = (rows.table[name] for name in COLUMNS[2:])
    rows.table = rows.table.assign(x0=left, y0=top, x1=left + width + 1, y1=top + height + 1)
    check_corners(rows)
    square = np.full(len(rows.table), float(GRID))
    canvas = Canvas(square, square, f"the original's square of {GRID} pixels")
    for low, high in (("x0", "x1"), ("y0", "y1")):
        at_edge = (rows.table[high] == GRID + 1) & (rows.table[low] < GRID)
        rows.table[high] = rows.table[high].mask(at_edge, GRID)
    cut = clip_edges(rows, canvas) if clip else 0
    check_bounds(rows, canvas, remedy="b0..b3 are top, left, height and width; cut boxes with --clip "
                                      "(clip = true in [responses])")
    return cut


def _scale(rows: Rows, size: tuple[int, int]) -> None:
    for edges, side in ((("x0", "x1"), size[1]), (("y0", "y1"), size[0])):
        for edge in edges:
            rows.table[edge] = rows.table[edge] * side / GRID


def _actors(names: pd.Series, images: pd.DataFrame, shown: str) -> dict[str, str]:
    """Which actor each name stands for: the actor of that name or last name, in whatever case, or else itself.

    A name that is written as an actor's goes before one that differs in case, and a whole name before a last name.
    """
    known: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for actor in images["actor"].unique():
        known[_folded(actor)][actor] = None
        known[_folded(actor).rpartition(" ")[2]][actor] = None
    found: dict[str, str] = {}
    problems = []
    for name in names.unique():
        matches = list(known.get(_folded(name), {})) or [name.strip()]
        whole = ([actor for actor in matches if actor == name.strip()]
                 or [actor for actor in matches if _folded(actor) == _folded(name)])
        found[name] = (whole or matches)[0]
        if len(whole or matches) > 1:
            problems.append(Problem(f"{shown} last_name {name!r}", "is the name of " + " and of ".join(matches),
                                    "a name of one actor", "write the actor's whole name"))
    if problems:
        raise InputError(problems)
    return dict.fromkeys(names.cat.categories, "") | found


def _folded(name: str) -> str:
    """Fold a name's case, width and blanks, which in folders' names are often underscores."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().replace("_", " ").split())


def _more_notes(responses: pd.DataFrame, images: pd.DataFrame, cut: int) -> tuple[str, ...]:
    notes = []
    strangers = sorted(set(responses["actor"].unique()) - set(images["actor"]))
    if strangers:
        notes.append("The study has no photographs of some actors in the responses, so nothing can be compared for "
                     f"them ({len(strangers)}): {', '.join(strangers)}.")
    if cut:
        notes.append(f"Boxes that reached over the edge were cut to it: {cut:,}.")
    return tuple(notes)
