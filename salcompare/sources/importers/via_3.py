"""Projects of VGG Image Annotator 3, which keep files, views, attributes and regions in tables of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from salcompare.sources.importers.entries import (
    Drawn,
    Entry,
    Refused,
    RefusedError,
    check_upright,
    entry,
    identifier,
    items,
    mapping,
    named_worker,
    region_label,
    show,
    text,
)
from salcompare.sources.importers.globox_boxes import left_top_edges, rectangle_edges

RECTANGLE, POLYGON = 2, 7
SHAPES = {1: "point", 3: "circle", 4: "ellipse", 5: "line", 6: "polyline", 7: "polygon", 8: "extreme rectangle",
          9: "extreme circle"}
"""What the first number of a region's places says."""
Node = Mapping[str, Any]


def is_project_of_via_3(value: object) -> bool:
    """Whether JSON is laid out as a project of VIA 3."""
    tables = ("file", "metadata", "attribute")
    return isinstance(value, dict) and all(isinstance(value.get(key), dict) for key in tables)


def via_3_entries(project: Node, shown: str) -> Iterator[Entry]:
    """Read the rectangles of a project: left, top, width and height in pixels.

    Who drew one is read from an attribute named such as worker or annotator. What is said of a video's time, or of a
    whole file, has no place and is passed over where the image has a region.
    """
    views = _tables(project.get("view"))
    files = _tables(project["file"])
    drawn_on = set()
    for key, region in project["metadata"].items():
        where = f"{shown} metadata {show(key)}"
        node = region if isinstance(region, dict) else {}
        name = _image(node, views, files)
        if isinstance(region, dict) and not items(node.get("xy")):
            continue
        drawn_on.add(name)
        yield entry(where, partial(_box, where, region, name, _tables(project["attribute"])), image=name)
    for key, file in files.items():
        name = _name(file)
        if name not in drawn_on:
            yield Refused(f"{shown} file {show(key)}", "no_box", "the image has no region", image=name)


def _tables(value: object) -> dict[str, Node]:
    return {key: one for key, one in value.items() if isinstance(one, dict)} if isinstance(value, dict) else {}


def _image(region: Node, views: Mapping[str, Node], files: Mapping[str, Node]) -> str:
    """Follow a region to its view and on to the view's only file."""
    listed = items(views.get(text(region.get("vid")), {}).get("fid_list"))
    return _name(files.get(text(listed[0]), {})) if len(listed) == 1 else ""


def _name(file: Node) -> str:
    return identifier(file.get("fname")) or identifier(file.get("src"))


def _box(where: str, region: object, name: str, attributes: Mapping[str, Node]) -> Drawn:
    node = mapping(region, "the region")
    kind, *places = items(node.get("xy"))
    said = {text(attributes.get(key, {}).get("aname")): _chosen(attributes.get(key, {}), value)
            for key, value in (node["av"].items() if isinstance(node.get("av"), dict) else ())}
    check_upright(said)
    if kind == POLYGON and len(places) % 2 == 0:
        edges = rectangle_edges([[x, y] for x, y in zip(places[::2], places[1::2], strict=True)])
    elif kind != RECTANGLE:
        raise RefusedError("not_a_box", f"is a {SHAPES.get(kind, show(kind)) if isinstance(kind, int) else show(kind)}")
    elif len(places) != 4:
        raise RefusedError("layout", f"xy={show(node.get('xy'))} is not left, top, width and height")
    else:
        edges = left_top_edges(*places)
    return Drawn(where, named_worker(said), (name,) if name else (), region_label(said), edges)


def _chosen(attribute: Node, value: object) -> str:
    """Give what a value of an attribute says: of choices, the chosen ones' names; else the text itself."""
    options = attribute.get("options")
    if not isinstance(options, dict) or not options:
        return text(value)
    chosen = [text(options.get(key.strip(), key)) for key in text(value).split(",") if key.strip()]
    return " / ".join(one for one in chosen if one)
