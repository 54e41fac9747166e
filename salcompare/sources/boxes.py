"""Boxes as they stand in a file: their checks, and what is done with rows that fail them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from salcompare.errors import InputError, Problem
from salcompare.sources.cells import Cells, Fault, each, number_hint, numbers

EDGES = ("x0", "y0", "x1", "y1")
Mask = NDArray[np.bool_]


@dataclass
class Rows:
    """A file's rows on their way to responses, with the faults found so far.

    `table` is indexed by line and has one row a line; `sound` says which rows have had no fault yet. `aside` are rows
    that nothing is wrong with and that stay out all the same.
    """

    table: pd.DataFrame
    shown: str
    faults: list[Fault]
    aside: list[Fault] = field(default_factory=list)
    sound: Mask = field(init=False)

    def __post_init__(self) -> None:
        self.sound = np.ones(len(self.table), dtype=np.bool_)

    def refuse(self, mask: Mask, reason: str, found: str, expected: str = "", remedy: str = "",
               **more: NDArray[np.generic] | pd.Series) -> None:
        """Note a fault for each row of a mask.

        `found` and `remedy` are templates over the row's columns and the columns in `more`.
        """
        self.faults += self._noted(mask, reason, found, expected, remedy, **more)
        self.sound = self.sound & ~mask

    def check(self, more: Iterable[Problem] = ()) -> None:
        """Refuse the file for its faults.

        Raises
        ------
        InputError
            Listing every fault in the order of lines, and then `more`.
        """
        problems = [fault.problem for fault in sorted(self.faults, key=lambda fault: fault.line)]
        if problems := [*problems, *more]:
            raise InputError(problems)

    def set_aside(self, mask: Mask, reason: str, found: str) -> None:
        """Leave the sound rows of a mask out without refusing the file for them."""
        self.aside += self._noted(self.sound & mask, reason, found)
        self.sound = self.sound & ~mask

    def _noted(self, mask: Mask, reason: str, found: str, expected: str = "", remedy: str = "",
               **more: NDArray[np.generic] | pd.Series) -> list[Fault]:
        rows = self.table[mask].copy()
        for name, column in more.items():
            rows[name] = np.asarray(column)[mask]
        return [Fault(int(line), reason, Problem(f"{self.shown} row {line}", found.format_map(row), expected,
                                                 remedy.format_map(row)))
                for line, row in zip(rows.index, rows.to_dict("records"), strict=True)]


@dataclass(frozen=True)
class Canvas:
    """What boxes were drawn on: its size for each row (NaN where unknown) and its name, a template over columns."""

    height: NDArray[np.float64]
    width: NDArray[np.float64]
    name: str

    @property
    def limits(self) -> tuple[tuple[str, str, str, NDArray[np.float64]], ...]:
        """Lower edge, upper edge, and the name and size of what bounds them, across and down."""
        return ("x0", "x1", "width", self.width), ("y0", "y1", "height", self.height)


def add_edges(rows: Rows, cells: Cells, names: Sequence[str], *, none: Mask | None = None) -> None:
    """Add columns of numbers, refusing every cell that is no finite number, but for rows of the mask `none`."""
    for name in names:
        rows.table[name] = numbers(cells.frame[name])
    given = np.ones(len(rows.table), dtype=np.bool_) if none is None else ~none
    for name in names:
        cell = cells.frame[name]
        rows.refuse(given & ~np.isfinite(rows.table[name].to_numpy()), "not_a_number", f"{name}={{cell!r}}",
                    "a finite number", "{hint}", cell=cell, hint=each(cell, number_hint))


def check_not_relative(values: NDArray[np.float64], *, shown: str, remedy: str, fewest: int = 2) -> None:
    """Refuse a file whose edges or places are all shares of the image's sides where pixels are expected.

    Raises
    ------
    InputError
        If every number of at least `fewest` rows lies between 0 and 1 and some are no whole number.
    """
    finite = values[np.isfinite(values)]
    enough = finite.size > (fewest - 1) * values.shape[1]
    if enough and finite.min() >= 0 and finite.max() <= 1 and (finite % 1 != 0).any():
        raise InputError(Problem(shown, "every edge lies between 0 and 1, as shares of the image's sides do"
                                 if values.ndim > 1 and values.shape[1] == len(EDGES) else
                                 "every place lies between 0 and 1, as shares of the image's sides do",
                                 "pixels", remedy))


def check_corners(rows: Rows, *, edges: Sequence[str] = EDGES) -> None:
    """Refuse boxes that have no area or have their corners swapped; edges go as in `EDGES`."""
    for side, low, high in (("width", edges[0], edges[2]), ("height", edges[1], edges[3])):
        finite = np.isfinite(rows.table[[low, high]].to_numpy()).all(axis=1)  # others have been refused already
        rows.refuse(finite & (rows.table[high] < rows.table[low]).to_numpy(), "swapped_corners",
                    f"{high}={{{high}:g}} < {low}={{{low}:g}}", f"{low} < {high}", "swap the corners")
        rows.refuse(finite & (rows.table[high] == rows.table[low]).to_numpy(), "no_area",
                    f"{high}={{{high}:g}} equals {low}: the box has no {side}",
                    f"{low} < {high}", f"{high} is the first position outside the box; else delete the row")


def check_bounds(rows: Rows, canvas: Canvas, *, remedy: str) -> None:
    """Refuse boxes that reach over the edge of what they were drawn on."""
    known = rows.sound
    for low, high, name, limit in canvas.limits:
        rows.refuse(known & (rows.table[low] < 0).to_numpy(), "outside", f"{low}={{{low}:g}} < 0 on {canvas.name}",
                    "", remedy)
        rows.refuse(known & (rows.table[high].to_numpy() > limit), "outside",
                    f"{high}={{{high}:g}} > {name} {{limit:g}} of {canvas.name}", "", remedy, limit=limit)


def clip_edges(rows: Rows, canvas: Canvas) -> int:
    """Cut boxes to what they were drawn on, refusing those wholly outside.

    Returns
    -------
    int
        How many boxes were cut.
    """
    table = rows.table
    outside = np.zeros(len(table), dtype=np.bool_)
    for low, high, _, limit in canvas.limits:
        outside |= (table[high] <= 0).to_numpy() | (table[low].to_numpy() >= limit)
    rows.refuse(rows.sound & outside, "outside",
                f"the box ({{x0:g}}, {{y0:g}}, {{x1:g}}, {{y1:g}}) lies wholly outside {canvas.name}", "",
                "delete the row: nothing is left to cut it to")
    before = table[list(EDGES)].to_numpy()
    for low, high, _, limit in canvas.limits:
        table[low], table[high] = np.maximum(table[low], 0), np.minimum(table[high], limit)
    changed: Mask = (before != table[list(EDGES)].to_numpy()).any(axis=1) & rows.sound
    return int(changed.sum())


def settle(rows: Rows, *, drop_invalid: bool) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Refuse the file for its faults, or leave the faulty rows out.

    Returns
    -------
    valid : DataFrame
        The sound rows of the table.
    left_out : DataFrame
        where, reason (codes parted by blanks) and detail, one row a line that is faulty or set aside.

    Raises
    ------
    InputError
        Listing every fault in the order of lines, unless `drop_invalid`; or if no row is left.
    """
    if not drop_invalid:
        rows.check()
    by_line: dict[int, list[Fault]] = {}
    for fault in sorted([*rows.faults, *rows.aside], key=lambda fault: fault.line):
        by_line.setdefault(fault.line, []).append(fault)
    if not rows.sound.any():
        raise InputError(_without_rows(rows, len(by_line)))
    left_out = pd.DataFrame({
        "where": [f"{rows.shown} row {line}" for line in by_line],
        "reason": [" ".join(dict.fromkeys(fault.reason for fault in group)) for group in by_line.values()],
        "detail": ["; ".join(fault.problem.found for fault in group) for group in by_line.values()],
    }, dtype="str")
    return rows.table[rows.sound], left_out


def _without_rows(rows: Rows, n: int) -> Problem:
    if rows.aside:
        return Problem(rows.shown, f"no response on a photograph that is kept for testing; {n:,} rows, such as one on "
                       f"image {rows.table['image'].iloc[0]!r}", "responses on test photographs, of which the maps of "
                       "a classifier are", "see the column split of data/processed/images.csv and [images] split, or "
                       "set classifier = [] for a study of people alone")
    return Problem(rows.shown, f"no valid response; all {n} rows are invalid" if n else "no response below the header",
                   "at least one row", "add responses")
