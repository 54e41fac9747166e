"""Rows of a file on their way to responses: checks of names, labels and boxes, and what is done with bad rows."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from salcompare.errors import SHOWN, ConfigError, InputError, Problem, meant
from salcompare.naming import natural_key
from salcompare.printing import counted
from salcompare.sources.cells import Cells, Fault, each, lookup, number_hint, numbers
from salcompare.sources.left_out import EXAMPLES, NOT_ALIGNED
from salcompare.texts import clean_text, hidden_in

EDGES = ("x0", "y0", "x1", "y1")
Mask = NDArray[np.bool_]
_NO_HINT = "see the column image of data/processed/images.csv, or delete the row"
RELATIVE = "set pixels = \"relative\" in [responses], or multiply them by the image's width and height"


@dataclass
class Rows:
    """A file's rows on their way to responses, with their faults so far.

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

    def refuse(self, mask: Mask | pd.Series[bool], reason: str, wrong: str, expected: str = "", remedy: str = "",
               **more: NDArray[np.generic] | pd.Series) -> None:
        """Note a fault for each row of a mask.

        `wrong` and `remedy` are templates over the row's columns and the columns in `more`.
        """
        self.faults += self._noted(np.asarray(mask), reason, wrong, expected, remedy, **more)
        self.sound = self.sound & ~np.asarray(mask)

    def check(self, more: Iterable[Problem] = ()) -> None:
        """Raise `InputError` for the faults, if there are any: in the order of lines, and then `more`."""
        problems = [fault.problem for fault in sorted(self.faults, key=lambda fault: fault.line)]
        if problems := [*problems, *more]:
            raise InputError(problems)

    def add_edges(self, cells: Cells, names: Sequence[str], *, none: Mask | None = None) -> None:
        """Add columns of numbers, refusing every cell that is no finite number, but for rows of the mask `none`."""
        for name in names:
            self.table[name] = numbers(cells.frame[name])
        given = np.ones(len(self.table), dtype=np.bool_) if none is None else ~none
        for name in names:
            cell = cells.frame[name]
            self.refuse(given & ~np.isfinite(self.table[name].to_numpy()), "not_a_number", f"{name}={{cell!r}}",
                        "a finite number", "{hint}", cell=cell, hint=each(cell, number_hint))

    def check_not_relative(self, names: Sequence[str], *, remedy: str, fewest: int = 2) -> None:
        """Raise `InputError` where edges or places are shares of the image's sides instead of pixels.

        They are if every number of at least `fewest` rows lies between 0 and 1 and some are no whole number.
        """
        values = self.table[list(names)].to_numpy()
        finite = values[np.isfinite(values)]
        enough = finite.size > (fewest - 1) * len(names)
        if enough and finite.min() >= 0 and finite.max() <= 1 and (finite % 1 != 0).any():
            what = "edge" if len(names) == len(EDGES) else "place"
            wrong = f"every {what} lies between 0 and 1, as shares of the image's sides do"
            raise InputError(Problem(self.shown, wrong, "pixels", remedy))

    def check_corners(self, *, edges: Sequence[str] = EDGES) -> None:
        """Refuse boxes that have no area or have their corners swapped; edges go as in `EDGES`."""
        for side, low, high in (("width", edges[0], edges[2]), ("height", edges[1], edges[3])):
            finite = np.isfinite(self.table[[low, high]].to_numpy()).all(axis=1)  # others have been refused already
            self.refuse(finite & (self.table[high] < self.table[low]), "swapped_corners",
                        f"{high}={{{high}:g}} < {low}={{{low}:g}}", f"{low} < {high}", "swap the corners")
            self.refuse(finite & (self.table[high] == self.table[low]), "no_area",
                        f"{high}={{{high}:g}} equals {low}: the box has no {side}",
                        f"{low} < {high}", f"{high} is the first position outside the box; else delete the row")

    def check_bounds(self, canvas: Canvas, *, remedy: str) -> None:
        """Refuse boxes that reach over the edge of what they were drawn on."""
        known = self.sound
        for low, high, name, limit in canvas.limits:
            self.refuse(known & (self.table[low] < 0), "outside", f"{low}={{{low}:g}} < 0 on {canvas.name}", "", remedy)
            self.refuse(known & (self.table[high] > limit), "outside",
                        f"{high}={{{high}:g}} > {name} {{limit:g}} of {canvas.name}", "", remedy, limit=limit)

    def clip(self, canvas: Canvas) -> int:
        """Cut boxes to what they were drawn on, refusing those wholly outside; gives how many were cut."""
        table = self.table
        outside = np.zeros(len(table), dtype=np.bool_)
        for low, high, _, limit in canvas.limits:
            outside |= (table[high] <= 0).to_numpy() | (table[low].to_numpy() >= limit)
        self.refuse(self.sound & outside, "outside",
                    f"the box ({{x0:g}}, {{y0:g}}, {{x1:g}}, {{y1:g}}) lies wholly outside {canvas.name}", "",
                    "delete the row: nothing is left to cut it to")
        before = table[list(EDGES)].to_numpy()
        for low, high, _, limit in canvas.limits:
            table[low], table[high] = np.maximum(table[low], 0), np.minimum(table[high], limit)
        changed: Mask = (before != table[list(EDGES)].to_numpy()).any(axis=1) & self.sound
        return int(changed.sum())

    def check_names(self, images: pd.DataFrame, columns: Sequence[str]) -> NDArray[np.intp]:
        """Refuse rows that lack one of these texts or whose image is unknown; gives each's place in `images`, or -1."""
        self.refuse_empty([name for name in columns if name in self.table])
        self.refuse_hidden([name for name in columns if name != "label"])
        column = self.table["image"]
        place = lookup(column, pd.Index(images["image"]).get_indexer(column.cat.categories))
        seen = [image != "" and not hidden_in(image) for image in column.cat.categories]
        unknown = (place < 0) & lookup(column, np.array(seen, dtype=np.bool_))
        known = images["image"].tolist()
        hints = {image: meant(image, known, otherwise=_NO_HINT)  # for no more than are shown, for it takes long
                 for image in column[unknown].unique()[:SHOWN]}
        self.refuse(unknown, "unknown_image", "no image {image!r} in the study",
                    f"an id of the catalogue, such as {known[0]!r}", "{hint}",
                    hint=each(column, lambda image: hints.get(image, _NO_HINT)))
        return place

    def refuse_empty(self, columns: Iterable[str], *, expected: str = "a text") -> None:
        """Refuse rows that lack one of these texts."""
        for name in columns:
            self.refuse(self.table[name] == "", f"empty_{name}", f"{name} is empty", expected,
                        "fill the cell or delete the row")

    def refuse_hidden(self, columns: Iterable[str]) -> None:
        """Refuse rows whose ids hold a control or invisible character: two that look the same would be two."""
        for name in columns:
            if name in self.table:
                column = self.table[name].astype("category")
                hidden = each(column, hidden_in)
                self.refuse(hidden != "", "invisible", f"{name}={{{name}!r}} holds {{hidden}}",
                            "an id of which every character is seen", "type it again", hidden=hidden)

    def set_untested_aside(self, images: pd.DataFrame, place: NDArray[np.intp]) -> tuple[str, ...]:
        """Leave out what was answered on photographs of which there are no maps to compare with.

        Those that are not kept for testing have no map of a classifier; those that could not be aligned are not shown
        at all. Gives, in words, how many rows were left out and on which images; nothing if none was.
        """
        split = np.append(images["split"].to_numpy(str), "test")[place]
        asides = (((split != "test") & (split != NOT_ALIGNED), "not_test", "are not kept for testing",
                   "the classifier's maps, which people's are compared with, are of the test photographs"),
                  (split == NOT_ALIGNED, "not_aligned", "could not be aligned", "they have no face, several, or one "
                   "whose points are all in one place; give their landmarks in a file to keep them"))
        return tuple(self._set_aside(*aside) for aside in asides if (self.sound & aside[0]).any())

    def _set_aside(self, chosen: NDArray[np.bool_], reason: str, what: str, why: str) -> str:
        """Leave sound rows on some photographs out; give, in words, how many, on which and why."""
        chosen = self.sound & chosen
        self.aside += self._noted(chosen, reason, f"image {{image!r}} {what.replace('are', 'is')}")
        self.sound = self.sound & ~chosen
        named = self.table["image"][chosen].unique().tolist()
        some = ", ".join(sorted(named, key=natural_key)[:EXAMPLES]) + (", ..." if len(named) > EXAMPLES else "")
        photographs = counted(len(named), "photograph")
        return f"Left out are {int(chosen.sum()):,} rows on {photographs} that {what} ({some}): {why}."

    def settle(self, *, drop_invalid: bool) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Refuse the file for its faults, or leave the faulty rows out.

        Gives the sound rows of the table and what was left out: where, reason (codes parted by blanks) and detail, one
        row a line that is faulty or set aside. Raises `InputError` for every fault in the order of lines, unless
        `drop_invalid`; or if no row is left.
        """
        if not drop_invalid:
            self.check()
        by_line: dict[int, list[Fault]] = {}
        for fault in sorted([*self.faults, *self.aside], key=lambda fault: fault.line):
            by_line.setdefault(fault.line, []).append(fault)
        if not self.sound.any():
            raise InputError(self._without_rows(len(by_line)))
        left_out = pd.DataFrame({
            "where": [f"{self.shown} row {line}" for line in by_line],
            "reason": [" ".join(dict.fromkeys(fault.reason for fault in group)) for group in by_line.values()],
            "detail": ["; ".join(fault.problem.found for fault in group) for group in by_line.values()],
        }, dtype="str")
        return self.table[self.sound], left_out

    def _noted(self, mask: Mask, reason: str, wrong: str, expected: str = "", remedy: str = "",
               **more: NDArray[np.generic] | pd.Series) -> list[Fault]:
        rows = self.table[mask].copy()
        for name, column in more.items():
            rows[name] = np.asarray(column)[mask]
        return [Fault(int(line), reason, Problem(f"{self.shown} row {line}", wrong.format_map(row), expected,
                                                 remedy.format_map(row)))
                for line, row in zip(rows.index, rows.to_dict("records"), strict=True)]

    def _without_rows(self, n: int) -> Problem:
        if self.aside:
            return Problem(self.shown, "no response on a photograph that is kept for testing; "
                           f"{n:,} rows, such as one on image {self.table['image'].iloc[0]!r}",
                           "responses on test photographs, of which the maps of a classifier are",
                           "see the column split of data/processed/images.csv and [images] split, or set "
                           "classifier = [] for a study of people alone")
        wrong = f"no valid response; all {n} rows are invalid" if n else "no response below the header"
        return Problem(self.shown, wrong, "at least one row", "add responses")


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


def normalise_label(label: str) -> str:
    """Leave of a label what is seen of it (`salcompare.texts.clean_text`), and fold its case and width (NFKC).

    The same label comes out whatever is done twice.
    """
    folded, before = clean_text(label), ""
    while folded != before:  # cleaning may compose what folding changes again
        before = folded
        folded = clean_text(unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", folded).casefold()))
    return folded


def counted_label(label: str, synonyms: Mapping[str, str]) -> str:
    """Give the label that a written one counts as; `synonyms` are normalised."""
    return synonyms.get(normalise_label(label), normalise_label(label))


def synonyms_table(synonyms: Mapping[str, str]) -> dict[str, str]:
    """Normalise a table of synonyms: what a worker may write -> the label it counts as.

    Raises `ConfigError` for each synonym that is empty, counts as two labels, or counts as another synonym.
    """
    table: dict[str, str] = {}
    problems = []
    for written, label in synonyms.items():
        key, value = normalise_label(written), normalise_label(label)
        where = f"study.toml [labels] {written!r}"
        if not key or not value:
            problems.append(Problem(where, f"counts as {label!r}", "two texts that are not empty", "remove it"))
        elif table.setdefault(key, value) != value:
            problems.append(Problem(where, f"counts as {value!r} and as {table[key]!r}", "one label", "remove one"))
    problems += [Problem(f"study.toml [labels] {key!r}", f"counts as {value!r}, itself a synonym of {table[value]!r}",
                         "a label that counts as itself", f"write {table[value]!r}")
                 for key, value in table.items() if table.get(value, value) != value]
    if problems:
        raise ConfigError(problems)
    return table


def drawn_canvas(pixels: str, images: pd.DataFrame, place: NDArray[np.intp], size: tuple[int, int]) -> Canvas:
    """Give what boxes or places are measured on: the image, its sides as 1, or the study's grid."""
    if pixels == "image":
        return image_canvas(images, place)
    if pixels == "relative":
        sides, name = (1, 1), "image {image!r}, whose sides count as 1 (pixels = \"relative\")"
    else:
        sides, name = size, "the study's grid, on which image {image!r} was shown"
    height, width = (np.where(place < 0, np.nan, float(side)) for side in sides)
    return Canvas(height, width, name)


def image_canvas(images: pd.DataFrame, place: NDArray[np.intp]) -> Canvas:
    """Give each row's image in its own pixels; its size is NaN where its place in `images` is -1."""
    height, width = (np.append(images[name].to_numpy(np.float64), np.nan)[place] for name in ("height", "width"))
    return Canvas(height, width, "image {image!r}")
