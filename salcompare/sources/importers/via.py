"""VGG Image Annotator: its CSV, its JSON, and projects of version 3."""

from collections.abc import Iterator, Mapping
from typing import Any

from salcompare.errors import InputError, Problem
from salcompare.sources.importers import entries
from salcompare.sources.importers.content import Content, csv_rows, json_mapping
from salcompare.sources.importers.entries import Drawn, Edges, Entry, Node, Options, Refused, RefusedError, entry, show

_CSV_COLUMNS = ("filename", "region_shape_attributes", "region_attributes")


def read_via_csv(content: Content, options: Options) -> Iterator[Entry]:  # noqa: ARG001 - an importer's signature
    """Read the rectangles of VIA's CSV, one row a region: left, top, width and height in pixels.

    Who drew one is read from an attribute such as worker or annotator, of the region or the file.
    """
    table = csv_rows(content)
    missing = [name for name in _CSV_COLUMNS if not {name, f"#{name}"} & set(table.columns)]
    if missing:
        raise InputError(Problem(content.shown, f"no column {', '.join(map(repr, missing))}",
                                 "columns " + ", ".join(_CSV_COLUMNS), "found " + ", ".join(table.columns)))
    for one in table:
        if isinstance(one, Refused):
            yield one
            continue
        where, cells = one
        row = {name.removeprefix("#"): cell for name, cell in cells.items()}
        yield entry(_csv_box, where, row, image=entries.identifier(row["filename"]))


def _csv_box(where: str, row: Mapping[Any, Any]) -> Drawn:
    shape, region, file = (json_mapping(row.get(name, "") or "{}", name) for name in (
        "region_shape_attributes", "region_attributes", "file_attributes"))
    if not shape:
        raise RefusedError("no_box", "the image has no region")
    if shape.get("name") == "polygon":
        return _drawn(where, entries.identifier(row["filename"]), _polygon(shape), region, file)
    _check_rectangle(shape)
    edges = entries.stated_edges(shape, "x", "y")
    return _drawn(where, entries.identifier(row["filename"]), edges, region, file)


def read_via_json(content: Content, options: Options) -> Iterator[Entry]:  # noqa: ARG001 - an importer's signature
    """Read the rectangles of VIA's annotations or project as JSON: left, top, width and height in pixels.

    A polygon that is an upright rectangle is one. Projects of VIA 3 keep files, views, attributes and regions in tables
    of their own. Who drew one is read from an attribute such as worker or annotator, of the region or the file.
    """
    value = content.json
    if is_project_of_via_3(value):
        yield from _via_3_entries(value, content.shown)
        return
    images = value.get("_via_img_metadata", value) if isinstance(value, dict) else None
    if not isinstance(images, dict):
        raise InputError(Problem(content.shown, "holds no images by name", "annotations of VIA as JSON",
                                 "export it again"))
    for key, image in images.items():
        where = f"{content.shown} {show(key)}"
        if not isinstance(image, dict):
            yield Refused(where, "layout", f"the image is {show(image)}, no object with named values")
            continue
        yield from _json_image(where, image)


def _json_image(where: str, image: Node) -> Iterator[Entry]:
    regions = image.get("regions")
    listed = regions if isinstance(regions, list) else list(regions.values()) if isinstance(regions, dict) else []
    name, file = entries.identifier(image.get("filename")), image.get("file_attributes")
    for place, region in entries.numbered(listed, f"{where} regions"):
        yield entry(_json_box, place, region, name, file, image=name)
    if not entries.items(listed):
        yield Refused(where, "no_box", "the image has no region", image=name)


def _json_box(where: str, region: object, name: str, file: object) -> Drawn:
    node = entries.mapping(region, "the region")
    shape = entries.mapping(node.get("shape_attributes"), "shape_attributes")
    attributes = node.get("region_attributes")
    if shape.get("name") == "polygon":
        return _drawn(where, name, _polygon(shape), attributes, file)
    _check_rectangle(shape)
    if isinstance(attributes, dict) and not {"confidence", "score"}.isdisjoint(attributes):
        raise RefusedError("prediction", "has a confidence, so a detector found it")
    box = entries.bounding_box()
    numbers = {name: value for name, value in shape.items()  # for globox would join texts where it means to add
               if isinstance(value, (int, float)) and not isinstance(value, bool)}
    plain = {"shape_attributes": numbers, "region_attributes": {"label": ""}}
    _, edges = entries.box_edges(lambda: box.from_via_json(plain, label_key="label"), shape)
    return _drawn(where, name, edges, attributes, file)


def _polygon(shape: Node) -> Edges:
    xs, ys = entries.items(shape.get("all_points_x")), entries.items(shape.get("all_points_y"))
    if len(xs) != len(ys):
        raise RefusedError("layout", f"{len(xs)} places across and {len(ys)} down")
    return entries.rectangle_edges([[x, y] for x, y in zip(xs, ys, strict=True)])


def _check_rectangle(shape: Node) -> None:
    if shape.get("name") != "rect":
        raise RefusedError("not_a_box", f"is a {show(shape.get('name'))}, no rect")
    if entries.amount(shape.get("width")) is None or entries.amount(shape.get("height")) is None:
        raise RefusedError("not_a_number", f"width={show(shape.get('width'))}, height={show(shape.get('height'))}")


def _drawn(where: str, name: str, edges: tuple[float, float, float, float], region: object, file: object) -> Drawn:
    attributes = region if isinstance(region, dict) else {}
    entries.check_upright(attributes)
    worker = entries.named_worker(attributes, file)
    return Drawn(where, worker, entries.spelt(name), entries.region_label(attributes), edges)


_RECTANGLE, _POLYGON = 2, 7
_SHAPES = {1: "point", 3: "circle", 4: "ellipse", 5: "line", 6: "polyline", 7: "polygon", 8: "extreme rectangle",
           9: "extreme circle"}
"""What the first number of a region's places says."""


def is_project_of_via_3(value: object) -> bool:
    """Whether JSON is laid out as a project of VIA 3."""
    tables = ("file", "metadata", "attribute")
    return isinstance(value, dict) and all(isinstance(value.get(key), dict) for key in tables)


def _via_3_entries(project: Node, shown: str) -> Iterator[Entry]:
    """Read the rectangles of a project of VIA 3: left, top, width and height in pixels.

    What is said of a video's time, or of a whole file, has no place and is passed over where the image has a region.
    """
    views = _tables(project.get("view"))
    files = _tables(project["file"])
    drawn_on = set()
    for key, region in project["metadata"].items():
        where = f"{shown} metadata {show(key)}"
        node = region if isinstance(region, dict) else {}
        view = views.get(entries.text(node.get("vid")), {})
        shown_files = entries.items(view.get("fid_list"))
        name = _file_name(files.get(entries.text(shown_files[0]), {})) if len(shown_files) == 1 else ""
        if isinstance(region, dict) and not entries.items(node.get("xy")):
            continue
        drawn_on.add(name)
        yield entry(_via_3_box, where, region, name, _tables(project["attribute"]), image=name)
    for key, file in files.items():
        name = _file_name(file)
        if name not in drawn_on:
            yield Refused(f"{shown} file {show(key)}", "no_box", "the image has no region", image=name)


def _tables(value: object) -> dict[str, Node]:
    return {key: one for key, one in value.items() if isinstance(one, dict)} if isinstance(value, dict) else {}


def _file_name(file: Node) -> str:
    return entries.identifier(file.get("fname")) or entries.identifier(file.get("src"))


def _via_3_box(where: str, region: object, name: str, attributes: Mapping[str, Node]) -> Drawn:
    node = entries.mapping(region, "the region")
    kind, *places = entries.items(node.get("xy"))
    said = {entries.text(attributes.get(key, {}).get("aname")): _chosen_options(attributes.get(key, {}), value)
            for key, value in (node["av"].items() if isinstance(node.get("av"), dict) else ())}
    entries.check_upright(said)
    if kind == _POLYGON and len(places) % 2 == 0:
        edges = entries.rectangle_edges([[x, y] for x, y in zip(places[::2], places[1::2], strict=True)])
    elif kind != _RECTANGLE:
        shape = _SHAPES.get(kind) if isinstance(kind, int) else None
        raise RefusedError("not_a_box", f"is a {shape or show(kind)}")
    elif len(places) != 4:
        raise RefusedError("layout", f"xy={show(node.get('xy'))} is not left, top, width and height")
    else:
        edges = entries.left_top_edges(*places)
    return Drawn(where, entries.named_worker(said), entries.spelt(name), entries.region_label(said), edges)


def _chosen_options(attribute: Node, value: object) -> str:
    """Give what a value of an attribute says: of choices, the chosen ones' names; else the text itself."""
    options = attribute.get("options")
    if not isinstance(options, dict) or not options:
        return entries.text(value)
    chosen = [entries.text(options.get(key.strip(), key)) for key in entries.text(value).split(",") if key.strip()]
    return " / ".join(one for one in chosen if one)
