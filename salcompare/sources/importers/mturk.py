"""Amazon Mechanical Turk: the results of a batch, one row an assignment."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import Any

from salcompare.errors import InputError, Problem
from salcompare.sources.cells import read_cells
from salcompare.sources.importers.content import Content
from salcompare.sources.importers.entries import (
    Drawn,
    Entry,
    Refused,
    RefusedError,
    amount,
    canvas_size,
    entry,
    items,
    mapping,
    show,
    text,
)
from salcompare.sources.importers.globox_boxes import left_top_edges
from salcompare.sources.importers.mturk_forms import form_box, form_label, form_size
from salcompare.sources.importers.options import Options

IMAGE_COLUMNS = ("input.image_url", "input.image", "input.image_id", "input.url", "input.img_url", "input.img",
                 "input.filename", "input.file", "input.path", "input.photo")
ZONES = {"UTC": 0, "GMT": 0, "PST": -8, "PDT": -7, "MST": -7, "MDT": -6, "CST": -6, "CDT": -5, "EST": -5, "EDT": -4}
_TIME = re.compile(r"\w{3} (\w{3} \d{1,2} \d{2}:\d{2}:\d{2}) (\w{3}) (\d{4})")
DEPTH = 4
"""How deep a JSON answer is searched for boxes: list, field, element, and one to spare."""
Row = Mapping[str, str]
Size = tuple[float, float] | None


def read_mturk(content: Content, options: Options) -> Iterator[Entry]:
    """Read the boxes of a batch: left, top, width and height in pixels of the image as the worker's page had it.

    Known are both layouts of ``crowd-bounding-box`` (a column ``Answer.taskAnswers`` with JSON, or
    ``Answer.annotatedResult.boundingBoxes``, whatever the element was named), JSON lists of boxes in a form's field,
    and a form with a column for each edge. An assignment that the requester has marked in columns Approve or Reject
    counts as approved or rejected, though its status is still Submitted.
    """
    cells = read_cells(content.path, shown=content.shown, remedy="export the batch's results again")
    if "assignmentstatus" not in cells.frame and "workerid" not in cells.frame:
        raise InputError(Problem(content.shown, "has neither column WorkerId nor AssignmentStatus",
                                 "a batch's results from Mechanical Turk", "export it again"))
    for fault in cells.faults:
        yield Refused(fault.problem.where, fault.reason, fault.problem.found)
    frame = cells.frame.astype("str")
    for line, row in zip(frame.index.tolist(), frame.to_dict("records"), strict=True):
        yield from _assignment(f"{content.shown} row {line}", {str(name): cell for name, cell in row.items()}, options)


def _assignment(where: str, row: Row, options: Options) -> Iterator[Entry]:
    worker, names = text(row.get("workerid")), _names(row)
    refused = partial(Refused, worker=worker, image=names[0] if names else "")
    status = _status(row)
    if status.casefold() not in {chosen.casefold() for chosen in options.statuses}:
        yield refused(where, "status", f"AssignmentStatus={show(status)} is not " + " or ".join(options.statuses))
        return
    try:
        found = _answers(row)
    except RefusedError as error:
        yield refused(where, error.reason, error.detail)
        return
    if not found:
        yield refused(where, "no_box", "the worker drew no box")
    for at, (box, size) in enumerate(found):
        place = f"{where} box {at}" if len(found) > 1 else where
        yield entry(place, partial(_box, place, box, size, row, names), worker=worker,
                    image=names[0] if names else "")


def _status(row: Row) -> str:
    status = text(row.get("assignmentstatus")) or "Submitted"
    if status.casefold() == "submitted" and text(row.get("reject")):
        return "Rejected"
    return "Approved" if status.casefold() == "submitted" and text(row.get("approve")) else status


def _names(row: Row) -> tuple[str, ...]:
    """Give what may name the image: columns that say so, then any other input, then what the page sent back."""
    inputs = [name for name in row if name.startswith("input.")]
    answers = [name for name in row if name.startswith("answer.") and re.search(r"image|photo|file|url", name)]
    found = (text(row[name]) for name in dict.fromkeys((*IMAGE_COLUMNS, *inputs, *answers)) if name in row)
    return tuple(name for name in found if name and len(name) < 2000 and name[0] not in "[{")


def _answers(row: Row) -> list[tuple[object, Size]]:
    """Give the boxes of an assignment as they stand, each with the size of what it was drawn on."""
    holders, broken = [], None
    for name, cell in row.items():
        if not name.startswith("answer.") or cell.strip()[:1] not in {"[", "{"}:
            continue
        try:
            boxes = _boxes_in(_json(cell, name), _element_size(row, name), bare=name.endswith(".boundingboxes"))
        except RefusedError as error:  # a remark may begin like JSON too
            broken = broken or error
        else:
            holders += [] if boxes is None else [boxes]
    box = None if holders else form_box(row)
    if box is not None:
        return [(box, form_size(row))]
    if broken is not None and not holders:
        raise broken
    return [one for boxes in holders for one in boxes]


def _element_size(row: Row, name: str) -> Size:
    """Give the size that a crowd element states in columns of its own, or a form in its fields."""
    properties = name.removesuffix(".boundingboxes") + ".inputimageproperties."
    return canvas_size(row.get(properties + "width"), row.get(properties + "height")) or form_size(row)


def _boxes_in(value: object, size: Size, *, bare: bool, depth: int = DEPTH) -> list[tuple[object, Size]] | None:
    """Give the boxes that a JSON answer holds; None where it holds no place for boxes."""
    if isinstance(value, list) and (bare or any(isinstance(item, dict) and {"left", "top"} <= item.keys()
                                                for item in value)):
        return [(item, size) for item in value]
    if isinstance(value, dict) and "boundingBoxes" in value:
        stated = value.get("inputImageProperties")
        given = canvas_size(stated.get("width"), stated.get("height")) if isinstance(stated, dict) else None
        return [(item, given or size) for item in items(value["boundingBoxes"])]
    children = list(value.values()) if isinstance(value, dict) else items(value)
    inside = [_boxes_in(child, size, bare=False, depth=depth - 1) for child in children if depth]
    known = [boxes for boxes in inside if boxes is not None]
    return [box for boxes in known for box in boxes] if known else None


def _json(cell: str, name: str) -> Any:  # noqa: ANN401 - JSON may hold anything
    for candidate in (cell, cell.replace('""', '"')):  # some programs double the quotes once more
        try:
            return json.loads(candidate)
        except (ValueError, RecursionError):
            continue
    raise RefusedError("not_json", f"{name}={show(cell)} is no JSON")


def _box(where: str, box: object, size: Size, row: Row, names: tuple[str, ...]) -> Drawn:
    node = mapping(box, "the box")
    edges = left_top_edges(node.get("left"), node.get("top"), node.get("width"), node.get("height"))
    if not text(row.get("workerid")):
        raise RefusedError("no_worker", "WorkerId is empty")
    return Drawn(where, text(row.get("workerid")), names, text(node.get("label")) or form_label(row), edges, size,
                 amount(row.get("worktimeinseconds")), moment(row.get("submittime", "")))


def moment(value: object) -> str:
    """Bring a time to ISO 8601; empty where it is none.

    Mechanical Turk writes ``Wed Nov 20 10:22:33 PST 2019`` in its tables.
    """
    shown = text(value)
    match = _TIME.fullmatch(shown)
    try:
        if match is None:
            return datetime.fromisoformat(shown).isoformat()
        naive = datetime.strptime(f"{match[1]} {match[3]}", "%b %d %H:%M:%S %Y")
        return naive.replace(tzinfo=timezone(timedelta(hours=ZONES[match[2]]))).isoformat()
    except (ValueError, KeyError, OverflowError):
        return ""
