"""COCO and LabelMe, which are JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from salcompare.errors import InputError, Problem
from salcompare.sources.importers.content import Content
from salcompare.sources.importers.entries import (
    Drawn,
    Entry,
    Options,
    Refused,
    RefusedError,
    bounding_box,
    box_edges,
    canvas_size,
    check_angle,
    check_upright,
    entry,
    identifier,
    items,
    mapping,
    named_worker,
    number,
    numbered,
    rectangle_edges,
    show,
    text,
)

Table = Mapping[object, Sequence[Mapping[str, Any]]]
"""What has an id: one entry, or several that differ and so cannot be told apart."""


def read_coco(content: Content, options: Options) -> Iterator[Entry]:  # noqa: ARG001 - an importer's signature
    """Read the boxes of a COCO file: left, top, width and height in pixels from the top left corner.

    Who drew a box is read from an attribute such as worker or annotator, of the annotation or its image. A box is
    refused as rotated where an attribute says so, and as ambiguous where several entries share an id that it names.
    """
    value = content.json
    if not isinstance(value, dict) or not isinstance(value.get("annotations"), list):
        raise InputError(Problem(content.shown, "has no list of annotations", "COCO's images, annotations, categories",
                                 "export it again"))
    images, categories = _by_id(value.get("images")), _by_id(value.get("categories"))
    for where, annotation in numbered(value["annotations"], f"{content.shown} annotations"):
        yield entry(where, partial(_coco_box, where, annotation, images, categories))
    annotated = {one["image_id"] for one in value["annotations"]
                 if isinstance(one, dict) and isinstance(one.get("image_id"), (int, str))}
    for key in (key for key in images if key not in annotated):
        yield Refused(f"{content.shown} image {show(key)}", "no_box", "the image has no annotation",
                      image=identifier(images[key][0].get("file_name")))


def _coco_box(where: str, annotation: object, images: Table, categories: Table) -> Drawn:
    node = mapping(annotation, "the annotation")
    if "score" in node:
        raise RefusedError("prediction", "has a score, so a detector found it")
    image = _looked_up(images, node.get("image_id"), "no_image", "image")
    category = _looked_up(categories, node.get("category_id"), "unknown_class", "category")
    corners = node.get("bbox")
    check_upright(node, node.get("attributes"))
    if len(items(corners)) == 5:
        check_angle(items(corners)[4])
        corners = items(corners)[:4]
    if len(items(corners)) != 4:
        raise RefusedError("not_a_box", f"bbox={show(corners)} is no list of left, top, width and height")
    box = bounding_box()
    left, top, width, height = (number(value, name) for value, name in zip(
        items(corners), ("left", "top", "width", "height"), strict=True))
    _, edges = box_edges(lambda: box.create(label="", coords=box.ltwh_to_ltrb((left, top, width, height))), corners)
    worker = named_worker(node, node.get("attributes"), image)
    names = tuple(name for name in (identifier(image.get(key)) for key in ("file_name", "path", "coco_url")) if name)
    size = canvas_size(image.get("width"), image.get("height"))
    return Drawn(where, worker, names, text(category.get("name")), edges, size)


def _by_id(values: object) -> Table:
    found: dict[object, list[Mapping[str, Any]]] = {}
    for value in items(values):
        if isinstance(value, dict) and isinstance(value.get("id"), (int, str)):
            same = found.setdefault(value["id"], [])
            same += [value] if len(same) < 2 and value not in same else []
    return found


def _looked_up(table: Table, key: object, reason: str, name: str) -> Mapping[str, Any]:
    if not isinstance(key, (int, str)) or key not in table:
        raise RefusedError(reason, f"{name}_id={show(key)} is none of the file's")
    if len(table[key]) > 1:
        raise RefusedError(f"ambiguous_{name}",
                           f"{name}_id={show(key)} is the id of several entries that differ")
    return table[key][0]


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
        yield entry(where, partial(_labelme_box, where, shape, value, name), image=name)
    if not value["shapes"]:
        yield Refused(content.shown, "no_box", "holds no shape", image=name)


def _labelme_box(where: str, shape: object, file: Mapping[str, Any], name: str) -> Drawn:
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
