"""Amazon Mechanical Turk: the results of a batch, one row an assignment."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import lru_cache, partial
from typing import Any, NamedTuple

from salcompare.errors import InputError, Problem
from salcompare.sources.importers import entries
from salcompare.sources.importers.content import Content, csv_rows
from salcompare.sources.importers.entries import Drawn, Entry, Options, Refused, RefusedError, Size, entry, show

_ZONES = {name: timezone(timedelta(hours=hours)) for name, hours in (
    ("UTC", 0), ("GMT", 0), ("PST", -8), ("PDT", -7), ("MST", -7), ("MDT", -6), ("CST", -6), ("CDT", -5), ("EST", -5),
    ("EDT", -4))}
_MONTHS = {name: at for at, name in enumerate(
    ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), start=1)}
_TIME = re.compile(r"\w{3} (\w{3}) (\d{1,2}) (\d{2}):(\d{2}):(\d{2}) (\w{3}) (\d{4})", re.ASCII)
_DEPTH = 4
"""How deep a JSON answer is searched for boxes: list, field, element, and one to spare."""
Row = Mapping[str, str]


class _Answer(NamedTuple):
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
    matches = [(name, _NUMBERED_INPUT.fullmatch(name)) for name in table.columns]
    columns = _Columns(tuple((name, int(match[1])) for name, match in matches if match),
                       tuple(name for name in _IMAGE_COLUMNS if name in table.columns),
                       tuple(name for name in table.columns if name.startswith("input.")),
                       tuple(name for name in table.columns if _IMAGE_ANSWER.match(name)),
                       tuple(name for name in table.columns if name.startswith("answer.")))
    for one in table:
        if isinstance(one, Refused):
            yield one
        else:
            yield from _assignment(*one, columns, options)


def _assignment(where: str, row: Row, columns: _Columns, options: Options) -> Iterator[Entry]:
    worker, shown = entries.identifier(row.get("workerid")), _shown_images(row, columns, options.image)
    refused = partial(Refused, worker=worker, image=shown.first)
    status = _status(row.get("assignmentstatus", ""), row.get("approve", ""), row.get("reject", ""))
    if status.casefold() not in options.folded_statuses:
        yield refused(where, "status", f"AssignmentStatus={show(status)} is not " + " or ".join(options.statuses))
        return
    try:
        answers = _answers(row, columns)
    except RefusedError as error:
        yield refused(where, error.reason, error.detail)
        return
    if not answers and not shown.several:
        yield refused(where, "no_box", "the worker drew no box")
    for at, answer in enumerate(answers):
        place = f"{where} box {at}" if len(answers) > 1 else where
        names = shown.names(answer.element)
        yield entry(_box, place, answer, row, shown, names, worker=worker, image=_first(names))
    drawn_on = {_first(shown.names(answer.element)) for answer in answers} if shown.several else {""}
    if "" not in drawn_on:
        yield from (Refused(f"{where} image {place}", "no_box", "the worker drew no box", worker, name)
                    for place, name in shown.several.items() if name not in drawn_on)


@lru_cache(maxsize=1 << 10)
def _status(stated: str, approve: str, reject: str) -> str:
    status = entries.text(stated) or "Submitted"
    if status.casefold() == "submitted" and entries.text(reject):
        return "Rejected"
    return "Approved" if status.casefold() == "submitted" and entries.text(approve) else status


def _first(names: tuple[str, ...]) -> str:
    return names[0] if names else ""


def _answers(row: Row, columns: _Columns) -> list[_Answer]:
    """Give the boxes of an assignment as they stand."""
    holders, broken = [], None
    for name in columns.answers:
        cell = row[name]
        if cell.strip()[:1] not in {"[", "{"}:
            continue
        try:
            element = name.removesuffix(".boundingboxes")
            size = [row.get(f"{element}.inputimageproperties.{side}", "") for side in ("width", "height")]
            boxes = _boxes_in(_json(cell, name), _size(*size) or _form_size(row), element, bare=name != element)
        except RefusedError as error:  # a remark may begin like JSON too
            broken = broken or error
        else:
            holders += [] if boxes is None else [boxes]
    box = None if holders else _form_box(row)
    if box is not None:
        return [_Answer(box, _form_size(row), "")]
    if broken is not None and not holders:
        raise broken
    return [one for boxes in holders for one in boxes]


_size = lru_cache(maxsize=1 << 10)(entries.canvas_size)
_text = lru_cache(maxsize=1 << 10)(entries.text)  # of labels, which are few and come again and again


def _boxes_in(value: object, size: Size, element: str, *, bare: bool, depth: int = _DEPTH) -> list[_Answer] | None:
    """Give the boxes that a JSON answer holds; None where it holds no place for boxes."""
    if isinstance(value, list) and (bare or any(isinstance(item, dict) and {"left", "top"} <= item.keys()
                                                for item in value)):
        return [_Answer(item, size, element) for item in value]
    if isinstance(value, dict) and "boundingBoxes" in value:
        stated = entries.stated_size(value.get("inputImageProperties"))
        return [_Answer(item, stated or size, element) for item in entries.items(value["boundingBoxes"])]
    children = list(value.items()) if isinstance(value, dict) else [(element, child) for child in entries.items(value)]
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


def _box(where: str, answer: _Answer, row: Row, shown: _Shown, names: tuple[str, ...]) -> Drawn:
    node = entries.mapping(answer.box, "the box")
    entries.check_upright(node)
    edges = entries.stated_edges(node)
    worker = entries.identifier(row.get("workerid"))
    if not worker:
        raise RefusedError("no_worker", "WorkerId is empty")
    if shown.several and not names:
        raise RefusedError("several_images", f"the assignment shows {len(shown.several)} images, and the name "
                           f"{show(answer.element)} of the box's element ends in the number of none")
    seconds = None if shown.several else entries.amount(row.get("worktimeinseconds"))  # of all images together
    stated = node.get("label")
    label = _text(stated) if isinstance(stated, str) else entries.text(stated)
    return Drawn(where, worker, names, label or _form_label(row), edges, answer.size, seconds,
                 moment(row.get("submittime", "")))


def moment(value: object) -> str:
    """Bring a time to ISO 8601; empty where it is none.

    Mechanical Turk writes ``Wed Nov 20 10:22:33 PST 2019`` in its tables.
    """
    shown = entries.text(value)
    match = _TIME.fullmatch(shown)
    try:
        if match is None:
            return datetime.fromisoformat(shown).isoformat()
        month, day, hour, minute, second, zone, year = match.groups()
        return datetime(int(year), _MONTHS[month], int(day), int(hour), int(minute), int(second),
                        tzinfo=_ZONES[zone]).isoformat()
    except (ValueError, KeyError, OverflowError):
        return ""


# Layouts of a box's four fields, and whether the last two are its width and height.
_LAYOUTS: tuple[tuple[tuple[str, str, str, str], bool], ...] = (
    (("x0", "y0", "x1", "y1"), False),
    (("x1", "y1", "x2", "y2"), False),
    (("xmin", "ymin", "xmax", "ymax"), False),
    (("left", "top", "right", "bottom"), False),
    (("left", "top", "width", "height"), True),
    (("x", "y", "width", "height"), True),
    (("x", "y", "w", "h"), True),
)
_PREFIXES = ("", "box.", "box_", "bbox.", "bbox_")
_LABELS = ("label", "feature", "category", "part", "class", "annotation.label", "box.label", "box_label")
_OTHER_LABELS = ("other", "other_label", "label_other", "otherlabel", "feature_other", "other_feature")
_WIDTHS = ("image_width", "img_width", "imagewidth", "naturalwidth", "natural_width", "canvas_width", "image.width")
_HEIGHTS = tuple(name.replace("width", "height") for name in _WIDTHS)


def _form_box(row: Row) -> dict[str, object] | None:
    """Give a form's box as left, top, width and height; None where all its fields are blank or missing."""
    for names, has_size in _LAYOUTS:
        for prefix in _PREFIXES:
            cells = [row.get(f"answer.{prefix}{name}") for name in names]
            if None in cells or all(map(entries.is_missing, cells)):
                continue
            a, b, c, d = (entries.number(cell, name) for cell, name in zip(cells, names, strict=True))
            return {"left": a, "top": b, "width": c if has_size else c - a, "height": d if has_size else d - b}
    return None


def _form_size(row: Row) -> Size:
    """Give the size of what a form's box was drawn on, where the form sent it."""
    return entries.canvas_size(_first_filled(row, _WIDTHS), _first_filled(row, _HEIGHTS))


def _form_label(row: Row) -> str:
    """Give the label of a form: a field of text, or the only button that is pressed; empty if none is.

    The table holds a group of buttons as columns Answer.GROUP.BUTTON with true or false.
    """
    chosen = _first_filled(row, _LABELS)
    if not chosen:
        pressed = {name.rpartition(".")[2] for name, cell in row.items()
                   if name.startswith("answer.") and name.count(".") >= 2 and cell.strip().casefold() in {"true", "on"}}
        chosen = entries.text(pressed.pop()) if len(pressed) == 1 else ""
    other = _first_filled(row, _OTHER_LABELS)
    return other if other and chosen.casefold() in {"", "other"} else chosen


def _first_filled(row: Row, names: Sequence[str]) -> str:
    return next((entries.text(row[f"answer.{name}"]) for name in names if entries.text(row.get(f"answer.{name}"))), "")


_IMAGE_COLUMNS = ("input.image_url", "input.image", "input.image_id", "input.url", "input.img_url", "input.img",
                  "input.filename", "input.file", "input.path", "input.photo")
_LONGEST_NAME = 2000
_NUMBERED_INPUT = re.compile(r"input\..*?(?:image|img|photo|picture|face|url|file|path).*?(\d{1,4})")
_IMAGE_ANSWER = re.compile(r"answer\..*(?:image|img|photo|picture|file|url)")
_LAST_NUMBER = re.compile(r"\d{1,4}$")


@dataclass(frozen=True)
class _Shown:
    """The images that an assignment shows.

    Of `several`, each by the number that ends its column's name: a page with five images has inputs such as image_url_0
    to image_url_4, and crowd elements named likewise. Of one `only`, what may name it: the columns that say so; without
    them any other input, or else what the page sent back. Those are no numbers, as a count may look like an image's.
    """

    several: Mapping[int, str]
    only: tuple[str, ...]

    @property
    def first(self) -> str:
        """What names the assignment's image, where there is one."""
        return self.only[0] if self.only else ""

    def names(self, element: str) -> tuple[str, ...]:
        """Give what may name the image that an answer's element shows; nothing where it may be any of several."""
        if not self.several:
            return self.only
        ending = _LAST_NUMBER.search(element)
        return (self.several[int(ending[0])],) if ending and int(ending[0]) in self.several else ()


class _Columns(NamedTuple):
    """A table's columns by what they hold: images by number, images, inputs, answers that name images, answers."""

    numbered: tuple[tuple[str, int], ...]
    stated: tuple[str, ...]
    inputs: tuple[str, ...]
    named: tuple[str, ...]
    answers: tuple[str, ...]


def _shown_images(row: Row, columns: _Columns, fixed: str) -> _Shown:
    """Find the images of an assignment; `fixed` is the one of a page that names none of its own."""
    by_number: dict[int, str] = {}
    for column, place in columns.numbered:
        name = entries.identifier(row[column])
        if _is_name(name):
            by_number.setdefault(place, name)
    if len(set(by_number.values())) > 1:
        return _Shown(by_number, ())
    stated = _names(row, columns.stated)
    if stated or fixed:
        return _Shown({}, stated or (fixed,))
    return _Shown({}, _words(row, columns.inputs) or _words(row, columns.named))


def _names(row: Row, columns: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(filter(_is_name, [entries.identifier(row[column]) for column in columns]))


def _words(row: Row, columns: tuple[str, ...]) -> tuple[str, ...]:
    return _names(row, tuple(name for name in columns if any(map(str.isalpha, row[name]))))


def _is_name(name: str) -> bool:
    return bool(name) and len(name) < _LONGEST_NAME and name[0] not in "[{"
