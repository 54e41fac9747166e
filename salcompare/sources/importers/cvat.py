"""CVAT for images: one XML file with an image element for each image."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from xml.etree.ElementTree import Element

from salcompare.sources.importers.content import Content
from salcompare.sources.importers.entries import (
    Drawn,
    Entry,
    Refused,
    RefusedError,
    canvas_size,
    check_angle,
    check_upright,
    entry,
    identifier,
    named_worker,
    text,
)
from salcompare.sources.importers.globox_boxes import bounding_box, box_edges, rectangle_edges
from salcompare.sources.importers.options import Options

SHAPES = frozenset({"box", "polygon", "polyline", "points", "ellipse", "cuboid", "mask", "skeleton", "tag"})


def read_cvat(content: Content, options: Options) -> Iterator[Entry]:  # noqa: ARG001 - an importer's signature
    """Read the boxes of a CVAT file: corners in pixels from the top left corner.

    Who drew a box is read from an attribute of the box such as worker or annotator. Tracks of videos name no image
    and are refused, as are shapes that are no upright box; a polygon that is an upright rectangle is one.
    """
    for parent in content.xml:
        if parent.tag not in {"image", "track"}:
            continue
        place = f"{content.shown} {parent.tag} {parent.get('id', '?')}"
        image = identifier(parent.get("name"))
        shapes = [child for child in parent if child.tag in SHAPES]
        for at, node in enumerate(shapes):
            where = f"{place} shape {at}"
            yield entry(where, partial(_box, where, node, parent), image=image)
        if not shapes:
            yield Refused(place, "no_box", f"the {parent.tag} holds no shape", image=image)


def _box(where: str, node: Element, parent: Element) -> Drawn:
    if node.tag not in {"box", "polygon"}:
        raise RefusedError("not_a_box", f"is a {node.tag}")
    if parent.tag == "track":
        raise RefusedError("no_image", "is a video's track, which names no image")
    if node.get("source", "").casefold() == "auto":
        raise RefusedError("prediction", "source=auto: a detector found it")
    attributes = {child.get("name"): child.text for child in node.iter("attribute")}
    check_angle(node.get("rotation"))
    check_upright(attributes)
    label: object = node.get("label")
    if node.tag == "polygon":
        corners = [pair.split(",") for pair in node.get("points", "").split(";")]
        edges = rectangle_edges(corners)
    else:
        label, edges = box_edges(lambda: bounding_box().from_cvat(node), dict(node.attrib))
    worker = named_worker(attributes, node.attrib, parent.attrib)
    name = identifier(parent.get("name"))
    return Drawn(where, worker, (name,) if name else (), text(label), edges,
                 canvas_size(parent.get("width"), parent.get("height")))
