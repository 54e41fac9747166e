"""Pascal VOC and CVAT, which are XML."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from xml.etree.ElementTree import Element

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
    named_worker,
    number,
    rectangle_edges,
    text,
)


def read_voc(content: Content, options: Options) -> Iterator[Entry]:
    """Read the boxes of a Pascal VOC file: first and last pixel, counted from 1, both inside the box.

    Pixel 1 is position 0, so a box is xmin - 1 <= x < xmax. Many tools write corners counted from 0 instead; with
    ``voc_origin=0`` a box is xmin <= x < xmax. Who drew it is read from an element or an attribute such as worker or
    annotator. A box that an attribute, or a ``robndbox``, says to be rotated is refused.
    """
    root = content.xml
    objects = list(root.iter("object"))
    names = _voc_names(root, content)
    for at, node in enumerate(objects):
        where = f"{content.shown} object {at}"
        yield entry(where, partial(_voc_box, where, node, root, names, options), image=names[0])
    if not objects:
        yield Refused(content.shown, "no_box", "holds no object", image=names[0])


def _voc_box(where: str, node: Element, root: Element, names: tuple[str, ...], options: Options) -> Drawn:
    attributes = {one.findtext("name"): one.findtext("value") for one in node.iter("attribute")}
    own = {child.tag: child.text for child in node}
    check_upright(attributes, own)
    if node.find("robndbox") is not None:
        check_angle(math.degrees(number(node.findtext("robndbox/angle"), "angle")))
    label, (x0, y0, x1, y1) = box_edges(lambda: bounding_box().from_xml(node),
                                        {child.tag: child.text for box in node.iter("bndbox") for child in box})
    worker = named_worker(attributes, own, {child.tag: child.text for child in root})
    first = options.voc_origin
    if min(x0, y0) < first and not options.clip:
        raise RefusedError("outside", f"xmin={x0:g}, ymin={y0:g}, though the format counts pixels from 1; if this file "
                           "counts from 0, say --voc-origin 0")
    return Drawn(where, worker, names, text(label), (x0 - first, y0 - first, x1, y1),
                 canvas_size(root.findtext("size/width"), root.findtext("size/height")))


def _voc_names(root: Element, content: Content) -> tuple[str, ...]:
    """Names of the image: its path, its name in its folder, its name, and the name of the file of annotations."""
    name, folder = identifier(root.findtext("filename")), identifier(root.findtext("folder"))
    found = (identifier(root.findtext("path")), f"{folder}/{name}" if folder and name else "", name)
    return tuple(one for one in found if one) or (content.path.stem,)


CVAT_SHAPES = frozenset({"box", "polygon", "polyline", "points", "ellipse", "cuboid", "mask", "skeleton", "tag"})


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
        shapes = [child for child in parent if child.tag in CVAT_SHAPES]
        for at, node in enumerate(shapes):
            where = f"{place} shape {at}"
            yield entry(where, partial(_cvat_box, where, node, parent), image=image)
        if not shapes:
            yield Refused(place, "no_box", f"the {parent.tag} holds no shape", image=image)


def _cvat_box(where: str, node: Element, parent: Element) -> Drawn:
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
