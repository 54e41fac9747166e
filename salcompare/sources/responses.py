"""Responses of any layout to one table: tidy, the original study's, what was collected, gaze and clicks."""

import dataclasses
import unicodedata
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from salcompare import config as settings
from salcompare.errors import ConfigError, InputError, Problem
from salcompare.schema import FIXATIONS, RESPONSES
from salcompare.sources.cells import Cells, each, is_blank, need_columns, numbers, read_cells
from salcompare.sources.collected import collected_cells, collected_path
from salcompare.sources.datasets import clean_name
from salcompare.sources.rows import (
    EDGES,
    RELATIVE,
    Canvas,
    Rows,
    counted_label,
    drawn_canvas,
    image_canvas,
    synonyms_table,
)
from salcompare.store import unguarded
from salcompare.texts import clean_text


@dataclass(frozen=True)
class ResponseTable:
    """What people answered.

    `table` has one row a box, half-open, with normalised labels. `level` is what a box belongs to. Level image:
    `salcompare.schema.RESPONSES`, in pixels of the image as shown. Level actor: column actor instead of worker and
    image, in pixels of the study's grid. `left_out` has where, reason (codes parted by blanks) and detail of each row
    that was left out; `notes` say in plain words what cannot be computed from these responses, or was done to them.
    """

    table: pd.DataFrame
    level: Literal["image", "actor"]
    left_out: pd.DataFrame
    notes: tuple[str, ...]


def read_responses(config: settings.Responses, synonyms: Mapping[str, str], *, root: Path, images: pd.DataFrame,
                   size: tuple[int, int], tested_only: bool = False) -> ResponseTable:
    """Read people's responses from a tidy CSV, the original study's layout or what was collected.

    Parameters
    ----------
    config : salcompare.config.Responses
        The layout and the file; whether boxes are in pixels of the image or of the grid; whether boxes are cut to
        the image and invalid rows left out.
    synonyms : mapping
        What a worker may write -> the label it counts as; both sides are normalised as labels are.
    root : Path
        The study's directory; the file is relative to it.
    images : DataFrame
        The catalogue, columns image, actor, height and width, and split where `tested_only`.
    size : (height, width)
        Of the study's grid.
    tested_only : bool
        Leave responses on images that are not kept for testing out, counted. The original's layout names no image.

    Raises
    ------
    InputError
        If the file or a column is missing, or listing every offending row by its line; a box wholly outside its
        image is one even where boxes are cut.
    ConfigError
        If the synonyms contradict each other, or responses do not come from a file.
    """
    if config.source not in {"csv", "original", "collect"}:
        raise ConfigError(Problem("study.toml [responses] source", repr(config.source), "csv, original or collect",
                                  "name the layout of the file"))
    table = synonyms_table(synonyms)
    if config.source == "collect":
        shown = collected_path(config.path)
        config = dataclasses.replace(config, pixels="image")  # as the page sends them
        cells = collected_cells(root / shown, shown=shown)
    else:
        shown = Path(config.path).name
        cells = read_cells(root / config.path, shown=shown, remedy="set [responses] path in study.toml")
    if config.source == "original":
        return _original_responses(cells, config, table, images, size=size, shown=shown)
    remedy = "set source = \"original\" in [responses]" if "last_name" in cells.frame else ""
    need_columns(cells.frame, _TIDY_COLUMNS, shown=shown, remedy=remedy)
    rows = Rows(_tidy_text(cells.frame, table, shown), shown, list(cells.faults))
    place = rows.check_names(images, ("worker", "image", "label", "response"))
    rows.add_edges(cells, EDGES)
    if config.pixels != "relative":
        rows.check_not_relative(EDGES, remedy=RELATIVE)
    _check_rest(rows, cells)
    rows.check_corners()
    canvas = drawn_canvas(config.pixels, images, place, size)
    cut = rows.clip(canvas) if config.clip else 0
    rows.check_bounds(canvas, remedy="draw boxes in image pixels, or cut them with --clip (clip = true in "
                      "[responses])")
    if config.pixels != "image":
        _rescale(rows, canvas, image_canvas(images, place))
    untested = rows.set_untested_aside(images, place) if tested_only else ()
    responses, left_out = rows.settle(drop_invalid=config.drop_invalid)
    notes = (f"Boxes that reached over the edge of {'the grid' if config.pixels == 'grid' else 'their image'} were cut "
             f"to it: {cut:,}.",) if cut else ()
    return ResponseTable(_with_ids(responses), "image", left_out, (*untested, *notes))


def _with_ids(responses: pd.DataFrame) -> pd.DataFrame:
    """Text as text, columns in the schema's order, and an id by row where the file gives none."""
    if "response" not in responses:
        responses = responses.assign(response=[f"r{row:06}" for row in responses["row"].tolist()])
    text = [name for name in (*RESPONSES.text_columns, "actor") if name in responses]
    order = [name for name in ("response", "worker", "image", "actor", *RESPONSES.names) if name in responses]
    return responses.astype(dict.fromkeys(text, "str"))[list(dict.fromkeys(order))].reset_index(drop=True)


_TIDY_COLUMNS = ("worker", "image", "label", *EDGES)


def _tidy_text(frame: pd.DataFrame, synonyms: Mapping[str, str], shown: str) -> pd.DataFrame:
    table = pd.DataFrame({
        "row": np.arange(1, len(frame) + 1),
        "worker": each(frame["worker"], lambda worker: clean_name(unguarded(worker))),
        "image": each(frame["image"], lambda image: clean_name(unguarded(image))),
        "label": each(frame["label"], lambda label: counted_label(unguarded(label), synonyms)),
    }, index=frame.index)
    if "response" in frame:
        table["response"] = each(frame["response"], lambda response: clean_name(unguarded(response)))
    if "submitted" in frame:
        table["submitted"] = each(frame["submitted"], lambda text: clean_text(unguarded(text)))
    # An origin that stands in the file is kept, so that simulated responses stay known as such.
    table["origin"] = shown if "origin" not in frame else each(
        frame["origin"], lambda origin: clean_text(unguarded(origin)) or shown)
    return table


def _check_rest(rows: Rows, cells: Cells) -> None:
    frame = cells.frame
    repeated = frame.duplicated().to_numpy()
    if "response" in rows.table:
        ids = rows.table["response"].astype("str").where(~repeated)
        rows.refuse(ids.duplicated(keep=False) & ids.notna() & (ids != ""), "repeated_response",
                    "response {response!r} stands there more than once", "an id of its own for each row", "rename it")
    if "seconds" in frame:
        seconds = numbers(frame["seconds"])
        rows.table["seconds"] = seconds
        wrong = ~is_blank(frame["seconds"]) & ~(np.isfinite(seconds) & (seconds >= 0))
        rows.refuse(wrong, "seconds", "seconds={cell!r}", "a number >= 0, or nothing", "mend the cell",
                    cell=frame["seconds"])
    rows.refuse(repeated & rows.sound, "duplicate_response", "the same in every cell as a row above",
                "each response once", "delete the row, or leave such rows out with --drop-invalid")


def _rescale(rows: Rows, drawn: Canvas, image: Canvas) -> None:
    """Bring boxes from what they were drawn on to the image."""
    for (low, high, _, limit), (*_, target) in zip(drawn.limits, image.limits, strict=True):
        for edge in (low, high):  # multiplied first, so that the grid's edge is exactly the image's
            rows.table[edge] = rows.table[edge] * target / limit


_ORIGINAL_COLUMNS = ("last_name", "label", "b0", "b1", "b2", "b3")
GRID = 227
"""Height and width in pixels of the photographs that the original's boxes were drawn on."""

_NOTES = (
    "These responses name no worker: intervals cannot resample workers, and the noise ceiling and the agreement "
    "between workers cannot be computed.",
    "These responses name no image: human maps exist for actors only. Overlap image by image, the image effect, "
    "variance explained by actor in human maps, and intervals that resample images cannot be computed; within an "
    "actor every response weighs the same.",
)


def _original_responses(cells: Cells, config: settings.Responses, synonyms: Mapping[str, str], images: pd.DataFrame, *,
                        size: tuple[int, int], shown: str) -> ResponseTable:
    """Check rows of the original layout and bring their boxes to half-open pixels of the study's grid.

    A box is top, left, height and width (b0 to b3) on a square of 227 pixels and was filled inclusively, so it covers
    left <= x < left + width + 1. One whose left + width is 227 ends at the edge, as it did when it was filled. A last
    name that several actors share is refused, too. Column row counts the file's rows from 1.
    """
    remedy = "set source = \"csv\" in [responses]" if "worker" in cells.frame else ""
    need_columns(cells.frame, _ORIGINAL_COLUMNS, shown=shown, remedy=remedy)
    frame = cells.frame
    actors = _actors(frame["last_name"], images, shown)
    rows = Rows(pd.DataFrame({
        "row": np.arange(1, len(frame) + 1),
        "actor": each(frame["last_name"], lambda name: actors[name]),
        "label": each(frame["label"], lambda label: counted_label(label, synonyms)),
        "origin": shown,
    }, index=frame.index), shown, list(cells.faults))
    rows.refuse_empty(("actor", "label"), expected="")
    rows.refuse_hidden(("actor",))
    rows.add_edges(cells, _ORIGINAL_COLUMNS[2:])
    rows.check_not_relative(_ORIGINAL_COLUMNS[2:], remedy=f"multiply them by {GRID}")
    top, left, height, width = (rows.table[name] for name in _ORIGINAL_COLUMNS[2:])
    rows.table = rows.table.assign(x0=left, y0=top, x1=left + width + 1, y1=top + height + 1)
    rows.check_corners()
    canvas = _canvas(rows, (GRID, GRID))
    for low, high in (("x0", "x1"), ("y0", "y1")):
        at_edge = (rows.table[high] == GRID + 1) & (rows.table[low] < GRID)
        rows.table[high] = rows.table[high].mask(at_edge, GRID)
    cut = rows.clip(canvas) if config.clip else 0
    rows.check_bounds(canvas, remedy="b0..b3 are top, left, height and width; cut boxes with --clip "
                      "(clip = true in [responses])")
    _rescale(rows, _canvas(rows, (GRID, GRID)), _canvas(rows, size))
    responses, left_out = rows.settle(drop_invalid=config.drop_invalid)
    notes = []
    strangers = sorted(set(responses["actor"].unique()) - set(images["actor"]))
    if strangers:
        notes.append("The study has no photographs of some actors in the responses, so nothing can be compared for "
                     f"them ({len(strangers)}): {', '.join(strangers)}.")
    if cut:
        notes.append(f"Boxes that reached over the edge were cut to it: {cut:,}.")
    return ResponseTable(_with_ids(responses), "actor", left_out, (*_NOTES, *notes))


def _canvas(rows: Rows, size: tuple[int, int]) -> Canvas:
    height, width = (np.full(len(rows.table), float(side)) for side in size)
    return Canvas(height, width, f"the original's square of {GRID} pixels")


def _actors(names: pd.Series, images: pd.DataFrame, shown: str) -> dict[str, str]:
    """Which actor each name stands for: the actor of that name or last name, in whatever case, or else itself.

    A name that is written as an actor's goes before one that differs in case, and a whole name before a last name.
    """
    known: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for actor in images["actor"].unique():
        known[_folded(actor)][actor] = None
        known[_folded(actor).rpartition(" ")[2]][actor] = None
    actors: dict[str, str] = {}
    problems = []
    for name in names.unique():
        matches = list(known.get(_folded(name), {})) or [name.strip()]
        whole = ([actor for actor in matches if actor == name.strip()]
                 or [actor for actor in matches if _folded(actor) == _folded(name)])
        actors[name] = (whole or matches)[0]
        if len(whole or matches) > 1:
            problems.append(Problem(f"{shown} last_name {name!r}", "is the name of " + " and of ".join(matches),
                                    "a name of one actor", "write the actor's whole name"))
    if problems:
        raise InputError(problems)
    return dict.fromkeys(names.cat.categories, "") | actors


def _folded(name: str) -> str:
    """Fold a name's case, width and blanks, which in folders' names are often underscores."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().replace("_", " ").split())


_FIXATION_COLUMNS = ("worker", "image", "x", "y")
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
    need_columns(cells.frame, _FIXATION_COLUMNS, shown=shown)
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
    return ResponseTable(fixations, "image", left_out, (*untested, *_fixation_notes(frame, repeated)))


def _check_places(rows: Rows, canvas: Canvas) -> None:
    known = rows.sound
    for dim, name, limit in (("x", "width", canvas.width), ("y", "height", canvas.height)):
        place = rows.table[dim].to_numpy()
        rows.refuse(known & (place < 0), "outside", f"{dim}={{{dim}:g}} < 0 on {canvas.name}", "", _ASIDE)
        rows.refuse(known & (place >= limit), "outside", f"{dim}={{{dim}:g}} >= {name} {{limit:g}} of {canvas.name}",
                    "", f"give places in its pixels, or {_ASIDE}", limit=limit)


def _fixation_notes(frame: pd.DataFrame, repeated: int) -> tuple[str, ...]:
    notes = ["Gaze and clicks have no labels: statistics of labels are left out."]
    if "duration" not in frame:
        notes.append("There is no column duration: each fixation or click weighs the same.")
    if "trial" not in frame:
        notes.append("There is no column trial: all fixations of a worker on an image are taken as one response.")
    if repeated:
        notes.append(f"Rows that are the same in every cell as one above them were kept: {repeated:,}.")
    return tuple(notes)
