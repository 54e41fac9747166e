"""COCO, LabelMe, Pascal VOC, CVAT and YOLO, whose boxes the library globox reads."""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from xml.etree.ElementTree import Element

from salcompare.errors import InputError, MissingDependencyError, Problem
from salcompare.sources.importers import entries
from salcompare.sources.importers.content import Content
from salcompare.sources.importers.entries import (
    INSTALL,
    Drawn,
    Entry,
    Node,
    Options,
    Refused,
    RefusedError,
    entry,
    show,
)

CLASS_FILES = frozenset({"classes.txt", "labels.txt", "obj.names", "classes.names", "coco.names",
                         "predefined_classes.txt"})
"""Names of files that list YOLO's classes, one a line."""
_YAML_FILES = ("data.yaml", "data.yml", "dataset.yaml")
_LEVELS = 4
"""Folders in which a data.yaml is looked for: labels/train/1.txt stands two below it."""
_CVAT_SHAPES = frozenset({"box", "polygon", "polyline", "points", "ellipse", "cuboid", "mask", "skeleton", "tag"})
Table = Mapping[object, Sequence[Node]]
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
    for where, annotation in entries.numbered(value["annotations"], f"{content.shown} annotations"):
        yield entry(_coco_box, where, annotation, images, categories)
    annotated = {one["image_id"] for one in value["annotations"]
                 if isinstance(one, dict) and isinstance(one.get("image_id"), (int, str))}
    for key in (key for key in images if key not in annotated):
        yield Refused(f"{content.shown} image {show(key)}", "no_box", "the image has no annotation",
                      image=entries.identifier(images[key][0].get("file_name")))


def _coco_box(where: str, annotation: object, images: Table, categories: Table) -> Drawn:
    node = entries.mapping(annotation, "the annotation")
    if "score" in node:
        raise RefusedError("prediction", "has a score, so a detector found it")
    image = _looked_up(images, node.get("image_id"), "no_image", "image")
    category = _looked_up(categories, node.get("category_id"), "unknown_class", "category")
    corners = node.get("bbox")
    entries.check_upright(node, node.get("attributes"))
    if len(entries.items(corners)) == 5:
        entries.check_angle(entries.items(corners)[4])
        corners = entries.items(corners)[:4]
    if len(entries.items(corners)) != 4:
        raise RefusedError("not_a_box", f"bbox={show(corners)} is no list of left, top, width and height")
    box = entries.bounding_box()
    left, top, width, height = map(entries.number, entries.items(corners), ("left", "top", "width", "height"))
    _, edges = entries.box_edges(
        lambda: box.create(label="", coords=box.ltwh_to_ltrb((left, top, width, height))), corners)
    names = entries.spelt(*(entries.identifier(image.get(key)) for key in ("file_name", "path", "coco_url")))
    worker = entries.named_worker(node, node.get("attributes"), image)
    return Drawn(where, worker, names, entries.text(category.get("name")), edges, entries.stated_size(image))


def _by_id(values: object) -> Table:
    table: dict[object, list[Node]] = {}
    for value in entries.items(values):
        if isinstance(value, dict) and isinstance(value.get("id"), (int, str)):
            same = table.setdefault(value["id"], [])
            same += [value] if len(same) < 2 and value not in same else []
    return table


def _looked_up(table: Table, key: object, reason: str, name: str) -> Node:
    if not isinstance(key, (int, str)) or key not in table:
        raise RefusedError(reason, f"{name}_id={show(key)} is none of the file's")
    if len(table[key]) > 1:
        raise RefusedError(f"ambiguous_{name}", f"{name}_id={show(key)} is the id of several entries that differ")
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
    name = entries.identifier(value.get("imagePath")) or content.path.stem
    for where, shape in entries.numbered(value["shapes"], f"{content.shown} shapes"):
        yield entry(_labelme_box, where, shape, value, name, image=name)
    if not value["shapes"]:
        yield Refused(content.shown, "no_box", "holds no shape", image=name)


def _labelme_box(where: str, shape: object, file: Node, name: str) -> Drawn:
    node = entries.mapping(shape, "the shape")
    points = node.get("points")
    kind = node.get("shape_type", "polygon")
    if kind not in ("rectangle", "polygon"):
        raise RefusedError("not_a_box", f"is a {show(kind)}, no rectangle")
    entries.check_upright(node, node.get("attributes"), node.get("flags"))
    worker, size = (entries.named_worker(node, node.get("flags"), file, file.get("flags")),
                    entries.canvas_size(file.get("imageWidth"), file.get("imageHeight")))
    if kind == "polygon" or len(entries.items(points)) in {4, 5}:
        edges = entries.rectangle_edges(entries.items(points))
        return Drawn(where, worker, (name,), entries.text(node.get("label")), edges, size)
    if len(entries.items(points)) != 2:
        raise RefusedError("layout", f"points={show(points)} are not two corners")
    node = {**node, "label": node.get("label", ""), "points": [_corner(point) for point in entries.items(points)]}
    label, edges = entries.box_edges(lambda: entries.bounding_box().from_labelme(dict(node)), points)
    return Drawn(where, worker, (name,), entries.text(node.get("label")) and entries.text(label), edges, size)


def _corner(point: object) -> tuple[float, ...]:
    """Read a corner as numbers, for globox would sort texts by their letters."""
    if len(entries.items(point)) != 2:
        raise RefusedError("layout", f"{show(point)} is no corner")
    return tuple(map(entries.number, entries.items(point), "xy"))


def read_voc(content: Content, options: Options) -> Iterator[Entry]:
    """Read the boxes of a Pascal VOC file: first and last pixel, counted from 1, both inside the box.

    Pixel 1 is position 0, so a box is xmin - 1 <= x < xmax. Many tools write corners counted from 0 instead; with
    ``voc_origin=0`` a box is xmin <= x < xmax. Who drew it is read from an element or an attribute such as worker or
    annotator. A box that an attribute, or a ``robndbox``, says to be rotated is refused.
    """
    root = content.xml
    objects = list(root.iter("object"))
    name, folder = entries.identifier(root.findtext("filename")), entries.identifier(root.findtext("folder"))
    whole = f"{folder}/{name}" if folder and name else ""
    names = entries.spelt(entries.identifier(root.findtext("path")), whole, name) or (content.path.stem,)
    for at, node in enumerate(objects):
        where = f"{content.shown} object {at}"
        yield entry(_voc_box, where, node, root, names, options, image=names[0])
    if not objects:
        yield Refused(content.shown, "no_box", "holds no object", image=names[0])


def _voc_box(where: str, node: Element, root: Element, names: tuple[str, ...], options: Options) -> Drawn:
    attributes = {one.findtext("name"): one.findtext("value") for one in node.iter("attribute")}
    children = {child.tag: child.text for child in node}
    entries.check_upright(attributes, children)
    if node.find("robndbox") is not None:
        entries.check_angle(math.degrees(entries.number(node.findtext("robndbox/angle"), "angle")))
    label, (x0, y0, x1, y1) = entries.box_edges(lambda: entries.bounding_box().from_xml(node),
                                                {child.tag: child.text for box in node.iter("bndbox") for child in box})
    worker = entries.named_worker(attributes, children, {child.tag: child.text for child in root})
    first = options.voc_origin
    if min(x0, y0) < first and not options.clip:
        raise RefusedError("outside", f"xmin={x0:g}, ymin={y0:g}, though the format counts pixels from 1; if this file "
                           "counts from 0, say --voc-origin 0")
    return Drawn(where, worker, names, entries.text(label), (x0 - first, y0 - first, x1, y1),
                 entries.canvas_size(root.findtext("size/width"), root.findtext("size/height")))


def read_cvat(content: Content, options: Options) -> Iterator[Entry]:  # noqa: ARG001 - an importer's signature
    """Read the boxes of a CVAT file: corners in pixels from the top left corner.

    Who drew a box is read from an attribute of the box such as worker or annotator. Tracks of videos name no image
    and are refused, as are shapes that are no upright box; a polygon that is an upright rectangle is one.
    """
    for parent in content.xml:
        if parent.tag not in {"image", "track"}:
            continue
        place = f"{content.shown} {parent.tag} {parent.get('id', '?')}"
        image = entries.identifier(parent.get("name"))
        shapes = [child for child in parent if child.tag in _CVAT_SHAPES]
        for at, node in enumerate(shapes):
            where = f"{place} shape {at}"
            yield entry(_cvat_box, where, node, parent, image=image)
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
    entries.check_angle(node.get("rotation"))
    entries.check_upright(attributes)
    label: object = node.get("label")
    if node.tag == "polygon":
        corners = [pair.split(",") for pair in node.get("points", "").split(";")]
        edges = entries.rectangle_edges(corners)
    else:
        label, edges = entries.box_edges(lambda: entries.bounding_box().from_cvat(node), dict(node.attrib))
    worker = entries.named_worker(attributes, node.attrib, parent.attrib)
    return Drawn(where, worker, entries.spelt(entries.identifier(parent.get("name"))), entries.text(label), edges,
                 entries.canvas_size(parent.get("width"), parent.get("height")))


def read_yolo(content: Content, options: Options) -> Iterator[Entry]:  # noqa: ARG001 - an importer's signature
    """Read the boxes of a YOLO file: class, centre across and down, width and height, as shares of the image's sides.

    The image is named by the file's own name and folder. The classes' names are read from a file such as classes.txt
    or data.yaml in its folder or one of those above; a line with a sixth number, a confidence, is a detector's and
    refused. Four corners instead, as for oriented boxes, are a box where they make an upright rectangle.
    """
    classes = _class_names(content.path)
    names = ("/".join(content.path.with_suffix("").parts[-2:]),)
    lines = [(at, line) for at, line in enumerate(content.text.splitlines(), start=1) if line.strip()]
    for at, line in lines:
        where = f"{content.shown} row {at}"
        yield entry(_yolo_box, where, line, names, classes, image=names[0])
    if not lines:
        yield Refused(content.shown, "no_box", "holds no line", image=names[0])


def _class_names(path: Path) -> dict[int, str]:
    """Read the names of the classes, by number, from the nearest list of them beside a file or above its folder."""
    for depth, folder in enumerate(path.absolute().parents[:_LEVELS]):
        for name in sorted(CLASS_FILES) if depth < 2 else ():
            if (folder / name).is_file() and folder / name != path:
                lines = (folder / name).read_text("utf-8-sig", "replace").splitlines()
                return {at: entries.text(line) for at, line in enumerate(lines)}
        for name in _YAML_FILES:
            if (folder / name).is_file():
                return _of_yaml(folder / name)
    return {}


def _of_yaml(path: Path) -> dict[int, str]:
    """Read ``names`` of a data.yaml, a list of names or an object of names by number."""
    try:
        import yaml
    except ImportError as error:
        raise MissingDependencyError(Problem("pyyaml", "is not installed", remedy=INSTALL)) from error
    try:
        value = yaml.safe_load(path.read_text("utf-8-sig"))
    except (yaml.YAMLError, ValueError, OSError, RecursionError) as error:
        raise InputError(Problem(path.name, f"is no YAML: {' '.join(str(error).split())}", "names of classes",
                                 "mend it, or put a list of names, classes.txt, beside the labels")) from error
    named = value.get("names") if isinstance(value, dict) else None
    pairs = named.items() if isinstance(named, dict) else enumerate(entries.items(named))
    names = {key: entries.text(name) for key, name in pairs if isinstance(key, int)}
    if not names:
        raise InputError(Problem(path.name, "holds no names of classes", "names: [...]",
                                 "add them, or put a list of names, classes.txt, beside the labels"))
    return names


def _yolo_box(where: str, line: str, names: tuple[str, ...], classes: dict[int, str]) -> Drawn:
    cells = line.split()
    if len(cells) == 9:
        places = [entries.number(cell, "a place") for cell in cells[1:]]
        edges = entries.rectangle_edges([list(pair) for pair in zip(places[::2], places[1::2], strict=True)])
        return Drawn(where, "", names, _class(cells[0], classes), edges, (1.0, 1.0), relative=True)
    if len(cells) == 6:
        raise RefusedError("prediction", "has six numbers, the last a confidence, so a detector found it")
    if len(cells) != 5:
        raise RefusedError("layout", f"{show(line)} is not class, centre across and down, width and height")
    for cell in cells[1:]:
        entries.number(cell, "a place or side")
    box = entries.bounding_box()
    label, edges = entries.box_edges(lambda: box.from_yolo_v5(line, image_size=(1, 1)), line)
    return Drawn(where, "", names, _class(str(label), classes), edges, (1.0, 1.0), relative=True)


def _class(label: str, classes: dict[int, str]) -> str:
    if not (label.isascii() and label.isdigit()):
        return entries.text(label)  # some tools write the name itself
    if not classes:
        raise RefusedError("unknown_class", f"class {label} has no name; put a list of names, classes.txt, beside it")
    if len(label) > 9 or int(label) not in classes:
        raise RefusedError("unknown_class", f"class {show(label)} is none of the {len(classes)} named")
    return classes[int(label)]
