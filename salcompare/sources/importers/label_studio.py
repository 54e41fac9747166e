"""Label Studio: tasks with their annotations as JSON, or the short form JSON-MIN."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

from salcompare.sources.importers.content import Content
from salcompare.sources.importers.entries import (
    Drawn,
    Edges,
    Entry,
    Refused,
    RefusedError,
    amount,
    canvas_size,
    entry,
    items,
    mapping,
    numbered,
    show,
    text,
)
from salcompare.sources.importers.globox_boxes import left_top_edges
from salcompare.sources.importers.mturk import moment
from salcompare.sources.importers.options import Options

PERCENT = (100.0, 100.0)
IMAGE_KEYS = ("image", "img", "photo", "photograph", "picture", "image_url", "url")
_UPLOAD = re.compile(r"^[0-9a-f]{8}-(.+)$")
Node = Mapping[str, Any]


def read_label_studio(content: Content, options: Options) -> Iterator[Entry]:  # noqa: ARG001 - an importer's signature
    """Read the rectangles of a Label Studio export: left, top, width and height in percent of the image's sides.

    Percent need no size, so they hold for the image as shown, whatever its size was in Label Studio. Annotations that
    were cancelled, predictions, rotated rectangles and other shapes are refused.
    """
    value = content.json
    for where, task in numbered(value if isinstance(value, list) else [value], content.shown):
        if not isinstance(task, dict):
            yield Refused(where, "layout", f"the task is {show(task)}, no object with named values")
        elif "data" in task:
            yield from _task(where, task)
        else:
            yield from _short_task(where, task)


def _task(where: str, task: Node) -> Iterator[Entry]:
    names = _names(task["data"], task.get("file_upload"))
    image = names[0] if names else ""
    annotations = list(numbered(task.get("annotations", task.get("completions")), f"{where} annotations"))
    for place, annotation in annotations:
        if not isinstance(annotation, dict):
            yield Refused(place, "layout", f"the annotation is {show(annotation)}", image=image)
            continue
        yield from _annotation(place, annotation, names)
    for place, _ in numbered(task.get("predictions"), f"{where} predictions"):
        yield Refused(place, "prediction", "a model's, no person's", image=image)
    if not annotations:
        yield Refused(where, "no_box", "nobody annotated the task", image=image)


def _annotation(where: str, annotation: Node, names: tuple[str, ...]) -> Iterator[Entry]:
    worker, image = _worker(annotation.get("completed_by")), names[0] if names else ""
    refused = partial(Refused, where, worker=worker, image=image)
    results = items(annotation.get("result"))
    shapes = [(at, result) for at, result in enumerate(results) if not _is_label(result)]
    if annotation.get("was_cancelled") is True:
        yield refused(reason="cancelled", detail="the worker skipped the task")
    elif not shapes:
        yield refused(reason="no_box", detail="the worker drew no box")
    else:
        labels = _labels(results)
        for at, result in shapes:
            place = f"{where} result[{at}]"
            yield entry(place, partial(_box, place, result, annotation, names, labels), worker=worker, image=image)


def _is_label(result: object) -> bool:
    """Whether a result only says something of a region, or of the whole image."""
    value = result.get("value") if isinstance(result, dict) else None
    return isinstance(value, dict) and not value.keys() & {"x", "points", "rle", "vertices"} and bool(
        value.keys() & {"labels", "choices", "text", "rating", "number", "taxonomy"})


def _labels(results: Sequence[object]) -> dict[object, str]:
    """Give the labels that stand in results of their own: by the region's id, and under None the image's only one."""
    found: dict[object, str] = {}
    for result in results:
        if isinstance(result, dict) and _is_label(result):
            for key in ("labels", "choices", "text"):
                label = _label(result["value"].get(key))
                name = result.get("id") if isinstance(result.get("id"), str) else None
                if label:
                    found[name] = label
    whole = {label for name, label in found.items()}
    return found | ({None: whole.pop()} if len(whole) == 1 else {})


def _box(where: str, result: object, annotation: Node, names: tuple[str, ...], labels: Mapping[object, str]) -> Drawn:
    node = mapping(result, "the result")
    value = mapping(node.get("value"), "the value")
    if node.get("type") not in ("rectanglelabels", "rectangle", "labels", None) or "x" not in value:
        raise RefusedError("not_a_box", f"is of type {show(node.get('type'))}")
    for angle in (value.get("rotation"), node.get("image_rotation")):
        if amount(angle or 0) != 0:
            raise RefusedError("rotated", f"is rotated by {show(angle)} degrees, so no upright box")
    percent = left_top_edges(value.get("x"), value.get("y"), value.get("width"), value.get("height"))
    own = _label(value.get("rectanglelabels")) or _label(value.get("labels"))
    name = node.get("id")
    label = own or labels.get(name if isinstance(name, str) else None) or labels.get(None, "")
    worker = _worker(annotation.get("completed_by", annotation.get("annotator")))
    edges, size = _on_original(percent, node)
    return Drawn(where, worker, names, label, edges, size, amount(annotation.get("lead_time")),
                 moment(annotation.get("created_at")), relative=size == PERCENT)


def _on_original(percent: Edges, node: Node) -> tuple[Edges, tuple[float, float]]:
    """Bring a box to pixels of the image that was shown, so that one shown turned is noticed."""
    size = canvas_size(node.get("original_width"), node.get("original_height"))
    if size is None:
        return percent, PERCENT
    (x0, y0, x1, y1), (width, height) = percent, size
    return (x0 * width / 100, y0 * height / 100, x1 * width / 100, y1 * height / 100), size


def _short_task(where: str, task: Node) -> Iterator[Entry]:
    """Read a task of JSON-MIN: values under the names of the labelling setup's parts, one annotation a task."""
    names = _names({key: value for key, value in task.items() if isinstance(value, str)}, None)
    worker = _worker(task.get("annotator"))
    image = names[0] if names else ""
    shapes = [(f"{where} {text(key)}[{at}]", value) for key, values in task.items()
              for at, value in enumerate(items(values)) if isinstance(value, dict)]
    for place, value in shapes:
        kind = "rectanglelabels" if "width" in value else "other"
        result = {**value, "value": value, "type": kind}
        yield entry(place, partial(_box, place, result, task, names, {}), worker=worker, image=image)
    if not shapes:
        yield Refused(where, "no_box", "the worker drew no box", worker, image)


def _label(values: object) -> str:
    """Give the only label of a list, or several joined, for a region may carry more than one."""
    if isinstance(values, list):
        return " / ".join(label for label in map(text, values) if label)
    return text(values)


def _worker(value: object) -> str:
    """Give who annotated: the account's number, or its address where an export holds no number."""
    if isinstance(value, dict):
        return text(value.get("id")) or text(value.get("email"))
    return text(value)


def _names(data: object, upload: object) -> tuple[str, ...]:
    """Give what may name the image; Label Studio put eight digits before the name of a file that was uploaded."""
    values = data if isinstance(data, dict) else {}
    keys = [key for key in IMAGE_KEYS if key in values] + [key for key in values if key not in IMAGE_KEYS]
    given = [text(values[key]) for key in keys] + [text(upload)]
    found = []
    for name in given:
        inner = _local(name)
        folder, _, last = inner.rpartition("/")
        uploaded = _UPLOAD.match(last)
        found += [inner, *([f"{folder}/{uploaded[1]}" if folder else uploaded[1]] if uploaded else [])]
    return tuple(dict.fromkeys(name for name in found if name))


def _local(name: str) -> str:
    """Give the path that an address of local files states in its query."""
    if "/local-files/" not in name:
        return name
    try:
        return parse_qs(urlsplit(name).query).get("d", [name])[0]
    except ValueError:
        return name
