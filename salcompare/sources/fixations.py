"""Gaze and clicks from a CSV: one row a fixation, with its worker, its image and how long it lasted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from salcompare import config as settings
from salcompare.errors import ConfigError, Problem
from salcompare.schema import FIXATIONS
from salcompare.sources.candidates import clean_name
from salcompare.sources.cells import each, need_columns, read_cells
from salcompare.sources.responses import ResponseTable
from salcompare.sources.rows import RELATIVE, Canvas, Rows, drawn_canvas, image_canvas

_COLUMNS = ("worker", "image", "x", "y")
_ASIDE = "leave such rows out with --drop-invalid (drop_invalid = true in [responses])"


def read_fixations(config: settings.Responses, *, root: Path, images: pd.DataFrame,
                   size: tuple[int, int], tested_only: bool = False) -> ResponseTable:
    """Read fixations or clicks from a CSV with columns worker, image, x, y and optionally duration and trial.

    Parameters
    ----------
    config : salcompare.config.Responses
        The file; whether places are in pixels of the image or of the grid; whether invalid rows are left out. A
        place outside the image cannot be cut to it, so that `clip` does nothing.
    root, images, size, tested_only
        As for `read_responses`.

    Returns
    -------
    ResponseTable
        Of `salcompare.schema.FIXATIONS`, in pixels of the image as shown, a place from 0 at the left and top edge up to
        and without the width and height. Without a column duration each row weighs the same; without a column trial,
        all rows of a worker on an image are one trial.

    Raises
    ------
    InputError
        If the file or a column is missing, or listing every offending row by its line.
    """
    if config.source != "fixations":
        raise ConfigError(Problem("study.toml [responses] source", repr(config.source), "fixations"))
    shown = Path(config.path).name
    cells = read_cells(root / config.path, shown=shown, remedy="set [responses] path in study.toml")
    need_columns(cells.frame, _COLUMNS, shown=shown)
    frame = cells.frame
    table = pd.DataFrame({name: each(frame[name], clean_name) for name in ("worker", "image")}, index=frame.index)
    table["trial"] = each(frame["trial"], clean_name) if "trial" in frame else ""
    table["origin"] = shown
    rows = Rows(table, shown, list(cells.faults))
    place = rows.check_names(images, ("worker", "image"))
    rows.refuse_hidden(("trial",))
    rows.add_edges(cells, ("x", "y"))
    if config.pixels != "relative":
        rows.check_not_relative(("x", "y"), remedy=RELATIVE)
    if "duration" in frame:
        rows.add_edges(cells, ("duration",))
        finite = np.isfinite(rows.table["duration"])  # others have been refused already
        rows.refuse(finite & (rows.table["duration"] <= 0), "duration", "duration={duration:g}", "a number above 0",
                    "delete the row, or the column if each row weighs the same")
    else:
        rows.table["duration"] = 1.0
    canvas, image = drawn_canvas(config.pixels, images, place, size), image_canvas(images, place)
    _check_places(rows, canvas)
    for dim, drawn, target in (("x", canvas.width, image.width), ("y", canvas.height, image.height)):
        rows.table[dim] = rows.table[dim] * target / drawn
    untested = rows.set_untested_aside(images, place) if tested_only else ()
    repeated = int(frame.duplicated().to_numpy()[rows.sound].sum())
    fixations, left_out = rows.settle(drop_invalid=config.drop_invalid)
    fixations = fixations.astype(dict.fromkeys(FIXATIONS.text_columns, "str"))[list(FIXATIONS.names)]
    fixations = fixations.assign(trial=fixations["trial"].where(fixations["trial"] != "", "1")).reset_index(drop=True)
    return ResponseTable(fixations, "image", left_out, (*untested, *_notes(frame, repeated)))


def _check_places(rows: Rows, canvas: Canvas) -> None:
    known = rows.sound
    for dim, name, limit in (("x", "width", canvas.width), ("y", "height", canvas.height)):
        place = rows.table[dim].to_numpy()
        rows.refuse(known & (place < 0), "outside", f"{dim}={{{dim}:g}} < 0 on {canvas.name}", "", _ASIDE)
        rows.refuse(known & (place >= limit), "outside", f"{dim}={{{dim}:g}} >= {name} {{limit:g}} of {canvas.name}",
                    "", f"give places in its pixels, or {_ASIDE}", limit=limit)


def _notes(frame: pd.DataFrame, repeated: int) -> tuple[str, ...]:
    notes = ["Gaze and clicks have no labels: statistics of labels are left out."]
    if "duration" not in frame:
        notes.append("There is no column duration: each fixation or click weighs the same.")
    if "trial" not in frame:
        notes.append("There is no column trial: all fixations of a worker on an image are taken as one response.")
    if repeated:
        notes.append(f"Rows that are the same in every cell as one above them were kept: {repeated:,}.")
    return tuple(notes)
