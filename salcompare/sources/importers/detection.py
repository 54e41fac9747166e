"""Which format a file of boxes is in, told from its content and not from its name."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from typing import Any

from salcompare.errors import InputError, Problem
from salcompare.sources.importers.content import Content, parse_json
from salcompare.sources.importers.via_3 import is_project_of_via_3

FORMATS = ("mturk", "label-studio", "via-csv", "via-json", "ground-truth", "coco", "cvat", "voc", "labelme", "yolo")
"""The formats that can be imported."""

LINES = 20  # of JSON lines, some of which may be broken
_YOLO = re.compile(r"\s*[0-9]+(\s+[-+.0-9eE]+){4,5}((\s+[-+.0-9eE]+){3,4})?\s*")


def detect_format(content: Content) -> str:
    """Tell a file's format.

    Returns
    -------
    str
        One of `FORMATS`.

    Raises
    ------
    InputError
        If it is none of them.
    """
    start = content.head.lstrip()[:1]
    if start == "<":
        found = _xml_format(content)
    elif start in {"{", "["}:
        found = _json_format(content)
    else:
        found = _text_format(content)
    if not found and content.text:  # which says so if it is no text
        raise InputError(Problem(content.shown, "is in no format that can be told from its content",
                                 " or ".join(FORMATS), "name it with --format"))
    return found


def _xml_format(content: Content) -> str:
    root = content.xml
    return {"annotations": "cvat", "annotation": "voc"}.get(root.tag.rpartition("}")[2], "")


def _json_format(content: Content) -> str:
    lines = (line for line in content.head.split("\n")[:LINES] if line.strip())
    if any(isinstance(value, dict) and "source-ref" in value for value in map(_parsed, lines)):
        return "ground-truth"
    value = content.json
    if isinstance(value, list):
        first = next((item for item in value if isinstance(item, dict)), {})
        return _first_match(first, _OF_LISTS)
    return _first_match(value, _OF_OBJECTS)


def _parsed(line: str) -> Any:  # noqa: ANN401 - JSON may hold anything
    try:
        return parse_json(line, "")
    except InputError:
        return None


_OF_OBJECTS: dict[str, Callable[[dict[str, Any]], bool]] = {
    "ground-truth": lambda value: "source-ref" in value,
    "labelme": lambda value: "shapes" in value,
    "coco": lambda value: "annotations" in value and "images" in value,
    "via-json": lambda value: "_via_img_metadata" in value or is_project_of_via_3(value) or any(
        isinstance(image, dict) and "regions" in image for image in value.values()),
    "label-studio": lambda value: "data" in value and ("annotations" in value or "completions" in value),
}
_OF_LISTS: dict[str, Callable[[dict[str, Any]], bool]] = {
    "ground-truth": lambda item: "dataObject" in item and "annotations" in item,
    "label-studio": lambda item: ("data" in item and not item.keys().isdisjoint({"annotations", "completions"}))
    or not item.keys().isdisjoint({"annotation_id", "annotator", "lead_time"}),
}


def _first_match(value: dict[str, Any], formats: dict[str, Callable[[dict[str, Any]], bool]]) -> str:
    return next((name for name, matches in formats.items() if matches(value)), "")


def _text_format(content: Content) -> str:
    lines = [line for line in content.head.splitlines() if line.strip()]
    if not lines:
        return ""
    delimiter = max((",", ";", "\t"), key=lines[0].count)
    header = {name.strip().lower().lstrip("#") for name in _cells(lines[0], delimiter)}
    if "region_shape_attributes" in header:
        return "via-csv"
    if header & {"workerid", "assignmentid", "hitid"} and any(name.startswith("answer.") for name in header):
        return "mturk"
    if {"worker", "image", "label", "x0"} <= header:
        raise InputError(Problem(content.shown, "is a table of responses already", "an export of another tool",
                                 "name it as path in [responses] of study.toml"))
    return "yolo" if _YOLO.fullmatch(lines[0]) else ""


def _cells(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:  # a cell of more than 131,072 characters
        return []
