"""YOLO: one text file an image, a line a box, with the names of the classes in a file beside it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from salcompare.sources.importers.content import Content
from salcompare.sources.importers.entries import Drawn, Entry, Refused, RefusedError, entry, number, show, text
from salcompare.sources.importers.globox_boxes import bounding_box, box_edges
from salcompare.sources.importers.options import Options

CLASS_FILES = frozenset({"classes.txt", "labels.txt", "obj.names", "classes.names",
                         "coco.names", "predefined_classes.txt"})
"""Names of files that list the classes, one a line."""


def read_yolo(content: Content, options: Options) -> Iterator[Entry]:  # noqa: ARG001 - an importer's signature
    """Read the boxes of a YOLO file: class, centre across and down, width and height, as shares of the image's sides.

    The image is named by the file's own name and folder. The classes' names are read from a file such as classes.txt
    in its folder or the one above; a line with a sixth number, a confidence, is a detector's and refused.
    """
    classes = class_names(content.path)
    names = ("/".join(content.path.with_suffix("").parts[-2:]),)
    lines = [(at, line) for at, line in enumerate(content.text.splitlines(), start=1) if line.strip()]
    for at, line in lines:
        where = f"{content.shown} row {at}"
        yield entry(where, partial(_box, where, line, names, classes), image=names[0])
    if not lines:
        yield Refused(content.shown, "no_box", "holds no line", image=names[0])


def class_names(path: Path) -> list[str]:
    """Read the names of the classes from the first list of them beside a file or above its folder."""
    for folder in (path.parent, path.parent.parent):
        for name in sorted(CLASS_FILES):
            if (folder / name).is_file() and folder / name != path:
                return [text(line) for line in (folder / name).read_text("utf-8-sig", "replace").splitlines()]
    return []


def _box(where: str, line: str, names: tuple[str, ...], classes: list[str]) -> Drawn:
    cells = line.split()
    if len(cells) == 6:
        raise RefusedError("prediction", "has six numbers, the last a confidence, so a detector found it")
    if len(cells) != 5:
        raise RefusedError("layout", f"{show(line)} is not class, centre across and down, width and height")
    for cell in cells[1:]:
        number(cell, "a place or side")
    box = bounding_box()
    label, edges = box_edges(lambda: box.from_yolo_v5(line, image_size=(1, 1)), line)
    return Drawn(where, "", names, _class(str(label), classes), edges, (1.0, 1.0), relative=True)


def _class(label: str, classes: list[str]) -> str:
    if not (label.isascii() and label.isdigit()):
        return text(label)  # some tools write the name itself
    if not classes:
        raise RefusedError("unknown_class", f"class {label} has no name; put a list of names, classes.txt, beside it")
    if len(label) > 9 or int(label) >= len(classes):
        raise RefusedError("unknown_class", f"class {show(label)} is none of the {len(classes)} named")
    return classes[int(label)]
