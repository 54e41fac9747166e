"""Label Studio: tasks with their annotations as JSON, or the short form JSON-MIN."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial
from urllib.parse import parse_qs, urlsplit

from salcompare.sources.importers import entries
from salcompare.sources.importers.content import Content
from salcompare.sources.importers.entries import Drawn, Edges, Entry, Node, Options, Refused, RefusedError, entry, show
from salcompare.sources.importers.mturk import moment
from salcompare.sources.importers.placing import SUFFIXES

_PERCENT = (100.0, 100.0)
_DRAWN = {"rectanglelabels": "x", "rectangle": "x", "labels": "x", "polygonlabels": "points", "polygon": "points"}
"""Types of results that hold a shape which may be a rectangle, and where it stands."""
_LABELS = ("rectanglelabels", "polygonlabels", "labels", "choices", "text")
"""Where a region's label stands, most telling first."""
_IMAGE_KEY = re.compile(r"(image|img|photo|photograph|picture|url)s?([_-]?(url|path|file|name))?[_-]?\d*")
_UPLOAD = re.compile(r"^[0-9a-f]{8}-(.+)$")


def read_label_studio(content: Content, options: Options) -> Iterator[Entry]:  # noqa: ARG001 - an importer's signature
    """Read the rectangles of a Label Studio export: left, top, width and height in percent of the image's sides.

    Percent need no size, so they hold for the image as shown, whatever its size was in Label Studio. Annotations that
    were cancelled, predictions, rotated rectangles and other shapes are refused. Results of one region id are one box.
    Of a task with several images, a result's ``to_name`` says by the field of the data which is meant, or its
    ``item_index`` by its place in a list of them.
    """
    value = content.json
    for where, task in entries.numbered(value if isinstance(value, list) else [value], content.shown):
        if not isinstance(task, dict):
            yield Refused(where, "layout", f"the task is {show(task)}, no object with named values")
        elif "data" in task:
            yield from _task(where, task)
        else:
            yield from _short_task(where, task)


def _task(where: str, task: Node) -> Iterator[Entry]:
    pictures = _Pictures(task["data"], entries.identifier(task.get("file_upload")))
    annotations = list(entries.numbered(task.get("annotations", task.get("completions")), f"{where} annotations"))
    for place, annotation in annotations:
        if not isinstance(annotation, dict):
            yield Refused(place, "layout", f"the annotation is {show(annotation)}", image=pictures.first)
            continue
        yield from _annotation(place, annotation, pictures)
    for place, _ in entries.numbered(task.get("predictions"), f"{where} predictions"):
        yield Refused(place, "prediction", "a model's, no person's", image=pictures.first)
    if not annotations:
        yield Refused(where, "no_box", "nobody annotated the task", image=pictures.first)


def _annotation(where: str, annotation: Node, pictures: _Pictures) -> Iterator[Entry]:
    worker = _worker(annotation.get("completed_by"))
    refused = partial(Refused, where, worker=worker, image=pictures.first)
    results = entries.items(annotation.get("result"))
    regions = [group for group in _regions(results) if not all(_is_label(result) for _, result in group)]
    if annotation.get("was_cancelled") is True:
        yield refused(reason="cancelled", detail="the worker skipped the task")
    elif not regions:
        yield refused(reason="no_box", detail="the worker drew no box")
    else:
        labels = {_label_of(entries.mapping(result, "the result")) for result in results if _is_label(result)} - {""}
        whole = labels.pop() if len(labels) == 1 else ""  # it may be said of the whole image
        for group in regions:
            place = f"{where} result[{group[0][0]}]"
            yield entry(_box, place, [result for _, result in group], annotation, pictures, whole, worker=worker,
                        image=pictures.first)


def _regions(results: Sequence[object]) -> list[list[tuple[int, object]]]:
    """Put the results of one region, which share its id, together; each with its place in the list."""
    groups: dict[object, list[tuple[int, object]]] = {}
    for at, result in enumerate(results):
        name = result.get("id") if isinstance(result, dict) else None
        groups.setdefault(name if isinstance(name, str) and name else (at,), []).append((at, result))
    return list(groups.values())


def _is_label(result: object) -> bool:
    """Whether a result only says something of a region, or of the whole image."""
    value = result.get("value") if isinstance(result, dict) else None
    return isinstance(value, dict) and not value.keys() & {"x", "points", "rle", "vertices"} and bool(
        value.keys() & {"labels", "choices", "text", "rating", "number", "taxonomy"})


def _label_of(node: Node) -> str:
    """Give the label of a result, or several joined, for a region may carry more than one."""
    value = node["value"] if isinstance(node.get("value"), dict) else {}
    stated = (" / ".join(entries.spelt(*map(entries.text, one))) if isinstance(one, list) else entries.text(one)
              for one in map(value.get, _LABELS))
    return next(filter(None, stated), "")


def _box(where: str, results: Sequence[object], annotation: Node, pictures: _Pictures, whole: str) -> Drawn:
    nodes = [entries.mapping(result, "the result") for result in results]
    nodes.sort(key=lambda node: not _shape_key(node))  # stable: what only describes the region comes last
    node, value = nodes[0], entries.mapping(nodes[0].get("value"), "the value")
    if not _shape_key(node) or _shape_key(node) not in value:
        raise RefusedError("not_a_box", f"is of type {show(node.get('type'))}")
    for angle in (value.get("rotation"), node.get("image_rotation")):
        entries.check_angle(angle)
    percent = _percent(value)
    stated = [one["value"] for one in nodes[1:] if isinstance(one.get("value"), dict) and "width" in one["value"]]
    if any(_percent(one) != percent for one in stated):
        raise RefusedError("layout", f"the region {show(node.get('id'))} stands in several places")
    label = next(filter(None, map(_label_of, nodes)), "") or whole
    worker = _worker(annotation.get("completed_by", annotation.get("annotator")))
    edges, size = percent, _PERCENT
    stated_size = entries.canvas_size(node.get("original_width"), node.get("original_height"))
    if stated_size is not None:  # in pixels of the image that was shown, so that one shown turned is noticed
        (x0, y0, x1, y1), size = percent, stated_size
        width, height = size
        edges = (x0 * width / 100, y0 * height / 100, x1 * width / 100, y1 * height / 100)
    return Drawn(where, worker, pictures.names(node.get("to_name"), node.get("item_index")), label, edges, size,
                 entries.amount(annotation.get("lead_time")), moment(annotation.get("created_at")),
                 relative=size == _PERCENT)


def _shape_key(node: Node) -> str:
    """Name where a result's shape stands in its value; empty where its type holds none that may be a rectangle."""
    kind = node.get("type", "rectangle")
    return _DRAWN.get(kind, "") if isinstance(kind, str) else ""


def _percent(value: Node) -> Edges:
    if "points" in value:
        return entries.rectangle_edges(entries.items(value["points"]))
    return entries.stated_edges(value, "x", "y")


def _short_task(where: str, task: Node) -> Iterator[Entry]:
    """Read a task of JSON-MIN: values under the names of the labelling setup's parts, one annotation a task.

    The values name no region, so those with the same edges are taken for one.
    """
    pictures = _Pictures({key: value for key, value in task.items() if isinstance(value, str) or (
        entries.items(value) and all(isinstance(item, str) for item in value))}, "")
    worker = _worker(task.get("annotator"))
    regions: dict[str, list[tuple[str, Node]]] = {}
    for key, values in task.items():
        for at, value in enumerate(entries.items(values)):
            if isinstance(value, dict):
                edges = [value.get(name) for name in ("x", "y", "width", "height", "points", "item_index")]
                regions.setdefault(repr(edges), []).append((f"{where} {entries.text(key)}[{at}]", value))
    for group in regions.values():
        place = group[0][0]
        results = [{**value, "value": value, "type": _short_type(value)} for _, value in group]
        yield entry(_box, place, results, task, pictures, "", worker=worker, image=pictures.first)
    if not regions:
        yield Refused(where, "no_box", "the worker drew no box", worker, pictures.first)


def _short_type(value: Node) -> str:
    shape = "polygon" if "points" in value else "rectangle" if "width" in value else "other"
    return "choices" if value.keys() & {"choices", "text", "taxonomy"} else shape


def _worker(value: object) -> str:
    """Give who annotated: the account's number, or its address where an export holds no number."""
    if isinstance(value, dict):
        return entries.identifier(value.get("id")) or entries.identifier(value.get("email"))
    return entries.identifier(value)


class _Pictures:
    """The images of a task: what names each, by the field of the task's data that holds it.

    Fields of `data` whose name or value says so hold images; without any, every field may. `upload` is the name of the
    file that was uploaded; it names the image only where the task has one.
    """

    def __init__(self, data: object, upload: str) -> None:
        values = data if isinstance(data, dict) else {}
        given = {key: [entries.identifier(one) for one in entries.items(value) or [value]]
                 for key, value in values.items()}
        self._given = {key: names for key, names in given.items() if any(names)}
        self._stated = ({key: names for key, names in self._given.items() if _IMAGE_KEY.fullmatch(str(key).casefold())}
                        or {key: names for key, names in self._given.items() if any(
                            _local(name).partition("?")[0].casefold().endswith(tuple(SUFFIXES)) for name in names)})
        self._upload = upload

    @property
    def first(self) -> str:
        """The task's first image, for naming it where no box says more."""
        return next((name for names in (self._stated or self._given).values() for name in _spellings(names[0])), "")

    def names(self, to_name: object, item: object) -> tuple[str, ...]:
        """Name the image of a result: `to_name` says the field that holds it, and `item` the place in a list."""
        said = isinstance(to_name, str) and to_name in self._given
        stated = {str(to_name): self._given[str(to_name)]} if said else self._stated
        if not stated:  # any field may name the image
            every = [name for names in self._given.values() for name in names]
            return tuple(dict.fromkeys(name for one in (*every, self._upload) for name in _spellings(one)))
        images = {tuple(names) for names in stated.values()}
        if len(images) > 1:
            raise RefusedError("ambiguous_image", f"to_name={show(to_name)} names none of the task's fields "
                               + ", ".join(map(str, stated)))
        listed = images.pop()
        if len(listed) == 1:
            only = len(self._stated) == 1
            return tuple(dict.fromkeys((*_spellings(listed[0]), *(_spellings(self._upload) if only else ()))))
        if not isinstance(item, int) or isinstance(item, bool) or not 0 <= item < len(listed):
            raise RefusedError("ambiguous_image",
                               f"item_index={show(item)} is no place in a list of {len(listed)} images")
        return _spellings(listed[item])


def _spellings(name: str) -> tuple[str, ...]:
    """Give a name and what it was; Label Studio puts eight digits before the name of a file that is uploaded."""
    inner = _local(name)
    folder, _, last = inner.rpartition("/")
    uploaded = _UPLOAD.match(last)
    return entries.spelt(inner, f"{folder}/{uploaded[1]}".lstrip("/") if uploaded else "")


def _local(name: str) -> str:
    """Give the path that an address of local files states in its query."""
    if "/local-files/" not in name:
        return name
    try:
        return parse_qs(urlsplit(name).query).get("d", [name])[0]
    except ValueError:
        return name
