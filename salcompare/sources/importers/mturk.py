"""Amazon Mechanical Turk: the results of a batch, one row an assignment."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from functools import lru_cache, partial
from typing import Any, NamedTuple

from salcompare.errors import InputError, Problem
from salcompare.sources.importers.content import Content
from salcompare.sources.importers.csv_rows import csv_rows
from salcompare.sources.importers.entries import (
    Drawn,
    Entry,
    Refused,
    RefusedError,
    amount,
    canvas_size,
    check_upright,
    entry,
    identifier,
    items,
    mapping,
    show,
    text,
)
from salcompare.sources.importers.globox_boxes import left_top_edges
from salcompare.sources.importers.mturk_forms import form_box, form_label, form_size
from salcompare.sources.importers.mturk_images import Columns, Shown, shown_images, sorted_columns
from salcompare.sources.importers.options import Options

ZONES = {name: timezone(timedelta(hours=hours)) for name, hours in (
    ("UTC", 0), ("GMT", 0), ("PST", -8), ("PDT", -7), ("MST", -7), ("MDT", -6), ("CST", -6), ("CDT", -5), ("EST", -5),
    ("EDT", -4))}
MONTHS = {name: at for at, name in enumerate(
    ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), start=1)}
_TIME = re.compile(r"\w{3} (\w{3}) (\d{1,2}) (\d{2}):(\d{2}):(\d{2}) (\w{3}) (\d{4})", re.ASCII)
DEPTH = 4
"""How deep a JSON answer is searched for boxes: list, field, element, and one to spare."""
Row = Mapping[str, str]
Size = tuple[float, float] | None


class Answer(NamedTuple):
    """A box as it stands in an assignment, the size of what it was drawn on, and the element it was drawn with."""

    box: object
    size: Size
    element: str


def read_mturk(content: Content, options: Options) -> Iterator[Entry]:
    """Read the boxes of a batch: left, top, width and height in pixels of the image as the worker's page had it.

    Known are both layouts of ``crowd-bounding-box`` (a column ``Answer.taskAnswers`` with JSON, or
    ``Answer.annotatedResult.boundingBoxes``, whatever the element was named), JSON lists of boxes in a form's field,
    and a form with a column for each edge. Where an assignment shows several images, the number that ends an
    element's name says which is meant. An assignment that the requester has marked in columns Approve or Reject
    counts as approved or rejected, though its status is still Submitted.
    """
    table = csv_rows(content)
    if "assignmentstatus" not in table.columns and "workerid" not in table.columns:
        raise InputError(Problem(content.shown, "has neither column WorkerId nor AssignmentStatus",
                                 "a batch's results from Mechanical Turk", "export it again"))
    columns = sorted_columns(table.columns)
    for one in table:
        if isinstance(one, Refused):
            yield one
        else:
            yield from _assignment(*one, columns, options)


def _assignment(where: str, row: Row, columns: Columns, options: Options) -> Iterator[Entry]:
    worker, shown = identifier(row.get("workerid")), shown_images(row, columns, options.image)
    refused = partial(Refused, worker=worker, image=shown.first)
    status = _status(row.get("assignmentstatus", ""), row.get("approve", ""), row.get("reject", ""))
    if status.casefold() not in options.folded_statuses:
        yield refused(where, "status", f"AssignmentStatus={show(status)} is not " + " or ".join(options.statuses))
        return
    try:
        found = _answers(row, columns)
    except RefusedError as error:
        yield refused(where, error.reason, error.detail)
        return
    if not found and not shown.several:
        yield refused(where, "no_box", "the worker drew no box")
    for at, answer in enumerate(found):
        place = f"{where} box {at}" if len(found) > 1 else where
        names = shown.names(answer.element)
        yield entry(place, partial(_box, place, answer, row, shown, names), worker=worker, image=_first(names))
    drawn_on = {_first(shown.names(answer.element)) for answer in found} if shown.several else {""}
    if "" not in drawn_on:
        yield from (Refused(f"{where} image {number}", "no_box", "the worker drew no box", worker, name)
                    for number, name in shown.several.items() if name not in drawn_on)


@lru_cache(maxsize=1 << 10)
def _status(stated: str, approve: str, reject: str) -> str:
    status = text(stated) or "Submitted"
    if status.casefold() == "submitted" and text(reject):
        return "Rejected"
    return "Approved" if status.casefold() == "submitted" and text(approve) else status


def _first(names: tuple[str, ...]) -> str:
    return names[0] if names else ""


def _answers(row: Row, columns: Columns) -> list[Answer]:
    """Give the boxes of an assignment as they stand."""
    holders, broken = [], None
    for name in columns.answers:
        cell = row[name]
        if cell.strip()[:1] not in {"[", "{"}:
            continue
        try:
            boxes = _boxes_in(_json(cell, name), _element_size(row, name), name.removesuffix(".boundingboxes"),
                              bare=name.endswith(".boundingboxes"))
        except RefusedError as error:  # a remark may begin like JSON too
            broken = broken or error
        else:
            holders += [] if boxes is None else [boxes]
    box = None if holders else form_box(row)
    if box is not None:
        return [Answer(box, form_size(row), "")]
    if broken is not None and not holders:
        raise broken
    return [one for boxes in holders for one in boxes]


def _element_size(row: Row, name: str) -> Size:
    """Give the size that a crowd element states in columns of its own, or a form in its fields."""
    properties = name.removesuffix(".boundingboxes") + ".inputimageproperties."
    return _size(row.get(properties + "width", ""), row.get(properties + "height", "")) or form_size(row)


_size = lru_cache(maxsize=1 << 10)(canvas_size)
_text = lru_cache(maxsize=1 << 10)(text)  # of labels, which are few and come again and again


def _boxes_in(value: object, size: Size, element: str, *, bare: bool, depth: int = DEPTH) -> list[Answer] | None:
    """Give the boxes that a JSON answer holds; None where it holds no place for boxes."""
    if isinstance(value, list) and (bare or any(isinstance(item, dict) and {"left", "top"} <= item.keys()
                                                for item in value)):
        return [Answer(item, size, element) for item in value]
    if isinstance(value, dict) and "boundingBoxes" in value:
        stated = value.get("inputImageProperties")
        given = canvas_size(stated.get("width"), stated.get("height")) if isinstance(stated, dict) else None
        return [Answer(item, given or size, element) for item in items(value["boundingBoxes"])]
    children = list(value.items()) if isinstance(value, dict) else [(element, child) for child in items(value)]
    inside = [_boxes_in(child, size, name, bare=False, depth=depth - 1) for name, child in children if depth]
    known = [boxes for boxes in inside if boxes is not None]
    return [box for boxes in known for box in boxes] if known else None


def _json(cell: str, name: str) -> Any:  # noqa: ANN401 - JSON may hold anything
    for candidate in (cell, cell.replace('""', '"')):  # some programs double the quotes once more
        try:
            return json.loads(candidate)
        except (ValueError, RecursionError):
            continue
    raise RefusedError("not_json", f"{name}={show(cell)} is no JSON")


def _box(where: str, answer: Answer, row: Row, shown: Shown, names: tuple[str, ...]) -> Drawn:
    node = mapping(answer.box, "the box")
    check_upright(node)
    edges = left_top_edges(node.get("left"), node.get("top"), node.get("width"), node.get("height"))
    worker = identifier(row.get("workerid"))
    if not worker:
        raise RefusedError("no_worker", "WorkerId is empty")
    if shown.several and not names:
        raise RefusedError("several_images", f"the assignment shows {len(shown.several)} images, and the name "
                           f"{show(answer.element)} of the box's element ends in the number of none")
    seconds = None if shown.several else amount(row.get("worktimeinseconds"))  # of all images together
    return Drawn(where, worker, names, _label(node.get("label")) or form_label(row), edges,
                 answer.size, seconds, moment(row.get("submittime", "")))


def _label(value: object) -> str:
    return _text(value) if isinstance(value, str) else text(value)


def moment(value: object) -> str:
    """Bring a time to ISO 8601; empty where it is none.

    Mechanical Turk writes ``Wed Nov 20 10:22:33 PST 2019`` in its tables.
    """
    shown = text(value)
    match = _TIME.fullmatch(shown)
    try:
        if match is None:
            return datetime.fromisoformat(shown).isoformat()
        month, day, hour, minute, second, zone, year = match.groups()
        return datetime(int(year), MONTHS[month], int(day), int(hour), int(minute), int(second),
                        tzinfo=ZONES[zone]).isoformat()
    except (ValueError, KeyError, OverflowError):
        return ""
