"""LabelMe: one JSON file an image."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from salcompare.errors import InputError, Problem
from salcompare.sources.importers.content import Content
from salcompare.sources.importers.entries import (
    Drawn,
    Entry,
    Refused,
    RefusedError,
    canvas_size,
    check_upright,
    entry,
    identifier,
    items,
    mapping,
    named_worker,
    number,
    numbered,
    show,
    text,
)
from salcompare.sources.importers.globox_boxes import bounding_box, box_edges, rectangle_edges
from salcompare.sources.importers.options import Options


def read_labelme(content: Content, options: Options) -> Iterator[Entry]:  # noqa: ARG001 - an importer's signature
    """Read the rectangles of a LabelMe file: two opposite corners in pixels from the top left corner, in any order.

    A rectangle or polygon of four corners that is upright is one too.

    Who drew one is read from a key such as worker or annotator, of the shape, its flags or the file.
    """
    value = content.json
    if not isinstance(value, dict) or not isinstance(value.get("shapes"), list):
        raise InputError(Problem(content.shown, "has no list of shapes", "LabelMe's shapes and imagePath",
                                 "export it again"))
    name = identifier(value.get("imagePath")) or content.path.stem
    for where, shape in numbered(value["shapes"], f"{content.shown} shapes"):
        yield entry(where, partial(_box, where, shape, value, name), image=name)
    if not value["shapes"]:
        yield Refused(content.shown, "no_box", "holds no shape", image=name)


def _box(where: str, shape: object, file: Mapping[str, Any], name: str) -> Drawn:
    node = mapping(shape, "the shape")
    points = node.get("points")
    kind = node.get("shape_type", "polygon")
    if kind not in ("rectangle", "polygon"):
        raise RefusedError("not_a_box", f"is a {show(kind)}, no rectangle")
    check_upright(node, node.get("attributes"), node.get("flags"))
    worker, size = (named_worker(node, node.get("flags"), file, file.get("flags")),
                    canvas_size(file.get("imageWidth"), file.get("imageHeight")))
    if kind == "polygon" or len(items(points)) in {4, 5}:
        return Drawn(where, worker, (name,), text(node.get("label")), rectangle_edges(items(points)), size)
    if len(items(points)) != 2:
        raise RefusedError("layout", f"points={show(points)} are not two corners")
    node = {**node, "label": node.get("label", ""), "points": [_corner(point) for point in items(points)]}
    label, edges = box_edges(lambda: bounding_box().from_labelme(dict(node)), points)
    return Drawn(where, worker, (name,), text(node.get("label")) and text(label), edges, size)


def _corner(point: object) -> tuple[float, float]:
    """Read a corner as numbers, for globox would sort texts by their letters."""
    if len(items(point)) != 2:
        raise RefusedError("layout", f"{show(point)} is no corner")
    x, y = items(point)
    return number(x, "x"), number(y, "y")
