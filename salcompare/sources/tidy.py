"""Responses from a tidy CSV: one row a box, with its worker, its image and its label."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from salcompare import config as settings
from salcompare.errors import SHOWN, meant
from salcompare.ordering import natural_key
from salcompare.sources.boxes import (
    EDGES,
    Canvas,
    Rows,
    add_edges,
    check_bounds,
    check_corners,
    check_not_relative,
    clip_edges,
    settle,
)
from salcompare.sources.candidates import clean_name
from salcompare.sources.cells import Cells, each, is_blank, lookup, need_columns, numbers
from salcompare.sources.labels import normalise_label
from salcompare.sources.left_out import EXAMPLES
from salcompare.store import unguarded
from salcompare.texts import clean_text, hidden_in

COLUMNS = ("worker", "image", "label", *EDGES)
NO_HINT = "see the column image of data/processed/images.csv, or delete the row"
RELATIVE = "set pixels = \"relative\" in [responses], or multiply them by the image's width and height"
CLIP = "draw boxes in image pixels, or cut them with --clip (clip = true in [responses])"


def tidy_responses(cells: Cells, config: settings.Responses, synonyms: Mapping[str, str], images: pd.DataFrame, *,
                   size: tuple[int, int], shown: str, tested_only: bool = False,
                   ) -> tuple[pd.DataFrame, pd.DataFrame, tuple[str, ...]]:
    """Check a tidy CSV's rows and bring its boxes to pixels of the image as shown.

    Parameters
    ----------
    cells : Cells
        Columns worker, image, label, x0, y0, x1, y1; optional response, seconds, submitted and origin; others are
        kept out.
    config, images, size, tested_only
        As for `salcompare.sources.read_responses`.
    synonyms : mapping
        Normalised.
    shown : str
        What the file is called in errors and in column origin.

    Returns
    -------
    responses : DataFrame
        Text as categories; column row counts the file's rows from 1.
    left_out : DataFrame
    notes : tuple of str

    Raises
    ------
    InputError
        Naming every missing column, or every offending row.
    """
    remedy = "set source = \"original\" in [responses]" if "last_name" in cells.frame else ""
    need_columns(cells.frame, COLUMNS, shown=shown, remedy=remedy)
    rows = Rows(_text(cells.frame, synonyms, shown), shown, list(cells.faults))
    place = check_names(rows, images, ("worker", "image", "label", "response"))
    add_edges(rows, cells, EDGES)
    if config.pixels != "relative":
        check_not_relative(rows.table[list(EDGES)].to_numpy(), shown=shown, remedy=RELATIVE)
    _check_rest(rows, cells)
    check_corners(rows)
    image = Canvas(of_image(images["height"], place), of_image(images["width"], place), "image {image!r}")
    canvas = image
    if config.pixels != "image":
        canvas = shown_canvas(config.pixels, place, size)
    cut = clip_edges(rows, canvas) if config.clip else 0
    check_bounds(rows, canvas, remedy=CLIP)
    _rescale(rows, canvas, image)
    untested = set_untested_aside(rows, images, place) if tested_only else ()
    responses, left_out = settle(rows, drop_invalid=config.drop_invalid)
    notes = (f"Boxes that reached over the edge of {'the grid' if config.pixels == 'grid' else 'their image'} were cut "
             f"to it: {cut:,}.",) if cut else ()
    return responses, left_out, (*untested, *notes)


def _text(frame: pd.DataFrame, synonyms: Mapping[str, str], shown: str) -> pd.DataFrame:
    table = pd.DataFrame({
        "row": np.arange(1, len(frame) + 1),
        "worker": each(frame["worker"], lambda worker: clean_name(unguarded(worker))),
        "image": each(frame["image"], lambda image: clean_name(unguarded(image))),
        "label": each(frame["label"], lambda label: _counted_as(unguarded(label), synonyms)),
    }, index=frame.index)
    if "response" in frame:
        table["response"] = each(frame["response"], lambda response: clean_name(unguarded(response)))
    if "submitted" in frame:
        table["submitted"] = each(frame["submitted"], lambda text: clean_text(unguarded(text)))
    # An origin that stands in the file is kept, so that simulated responses stay known as such.
    table["origin"] = shown if "origin" not in frame else each(
        frame["origin"], lambda origin: clean_text(unguarded(origin)) or shown)
    return table


def _counted_as(label: str, synonyms: Mapping[str, str]) -> str:
    return synonyms.get(normalise_label(label), normalise_label(label))


def check_names(rows: Rows, images: pd.DataFrame, columns: Sequence[str]) -> NDArray[np.intp]:
    """Refuse rows that lack one of these texts or whose image is unknown.

    Returns
    -------
    ndarray of int (row,)
        Each row's place in `images`, or -1.
    """
    remedy = "fill the cell or delete the row"
    for name in columns:
        if name in rows.table:
            rows.refuse((rows.table[name] == "").to_numpy(), f"empty_{name}", f"{name} is empty", "a text", remedy)
    refuse_hidden(rows, [name for name in columns if name != "label"])
    column = rows.table["image"]
    place = lookup(column, pd.Index(images["image"]).get_indexer(column.cat.categories))
    seen = [image != "" and not hidden_in(image) for image in column.cat.categories]
    unknown = (place < 0) & lookup(column, np.array(seen, dtype=np.bool_))
    known = images["image"].tolist()
    hints = _hints(column[unknown].unique()[:SHOWN], known)
    rows.refuse(unknown, "unknown_image", "no image {image!r} in the study",
                f"an id of the catalogue, such as {known[0]!r}", "{hint}",
                hint=each(column, lambda image: hints.get(image, NO_HINT)))
    return place


def refuse_hidden(rows: Rows, columns: Iterable[str]) -> None:
    """Refuse rows whose ids hold a control or invisible character: two that look the same would be two."""
    for name in columns:
        if name in rows.table:
            column = rows.table[name].astype("category")
            hidden = each(column, hidden_in)
            rows.refuse((hidden != "").to_numpy(), "invisible", f"{name}={{{name}!r}} holds {{hidden}}",
                        "an id of which every character is seen", "type it again", hidden=hidden)


def _hints(unknown: Iterable[str], known: Sequence[str]) -> dict[str, str]:
    """Say what may have been meant; for no more than are shown, for it takes long."""
    return {image: meant(image, known, otherwise=NO_HINT) for image in unknown}


def _check_rest(rows: Rows, cells: Cells) -> None:
    frame = cells.frame
    alike = frame.duplicated().to_numpy()
    if "response" in rows.table:
        ids = rows.table["response"].astype("str").where(~alike)
        rows.refuse((ids.duplicated(keep=False) & ids.notna() & (ids != "")).to_numpy(), "repeated_response",
                    "response {response!r} stands there more than once", "an id of its own for each row", "rename it")
    if "seconds" in frame:
        seconds = numbers(frame["seconds"])
        rows.table["seconds"] = seconds
        wrong = ~is_blank(frame["seconds"]) & ~(np.isfinite(seconds) & (seconds >= 0))
        rows.refuse(wrong, "seconds", "seconds={cell!r}", "a number >= 0, or nothing", "mend the cell",
                    cell=frame["seconds"])
    rows.refuse(alike & rows.sound, "duplicate_response", "the same in every cell as a row above",
                "each response once", "delete the row, or leave such rows out with --drop-invalid")


def set_untested_aside(rows: Rows, images: pd.DataFrame, place: NDArray[np.intp]) -> tuple[str, ...]:
    """Leave out what was answered on photographs that are not kept for testing, of which no map of a classifier is.

    Returns
    -------
    tuple of str
        How many were left out and on which images, in words; empty if none was.
    """
    tested = np.append(images["split"].eq("test").to_numpy(), True)[place]
    untested = rows.sound & ~tested
    rows.set_aside(untested, "not_test", "image {image!r} is not kept for testing")
    named = rows.table["image"][untested].unique().tolist()
    if not named:
        return ()
    some = ", ".join(sorted(named, key=natural_key)[:EXAMPLES]) + (", ..." if len(named) > EXAMPLES else "")
    return (f"Left out are {int(untested.sum()):,} rows on {len(named):,} photographs that are not kept for testing "
            f"({some}): the classifier's maps, which people's are compared with, are of the test photographs.",)


def shown_canvas(pixels: str, place: NDArray[np.intp], size: tuple[int, int]) -> Canvas:
    """Give what boxes or places are measured on, where it is not the image in its own pixels."""
    if pixels == "relative":
        sides, name = (1, 1), "image {image!r}, whose sides count as 1 (pixels = \"relative\")"
    else:
        sides, name = size, "the study's grid, on which image {image!r} was shown"
    height, width = (np.where(place < 0, np.nan, float(side)) for side in sides)
    return Canvas(height, width, name)


def of_image(sizes: pd.Series, place: NDArray[np.intp]) -> NDArray[np.float64]:
    """Take each row's image's size, NaN where its place is -1."""
    taken: NDArray[np.float64] = np.append(sizes.to_numpy(dtype=np.float64), np.nan)[place]
    return taken


def _rescale(rows: Rows, drawn: Canvas, image: Canvas) -> None:
    """Bring boxes from what they were drawn on to the image."""
    if drawn is image:
        return
    for (low, high, _, limit), (*_, target) in zip(drawn.limits, image.limits, strict=True):
        for edge in (low, high):  # multiplied first, so that the grid's edge is exactly the image's
            rows.table[edge] = rows.table[edge] * target / limit
