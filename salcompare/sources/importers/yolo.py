"""YOLO: one text file an image, a line a box, with the names of the classes in a file beside it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from salcompare.errors import InputError, MissingDependencyError, Problem
from salcompare.sources.importers.content import Content
from salcompare.sources.importers.entries import (
    INSTALL,
    Drawn,
    Entry,
    Options,
    Refused,
    RefusedError,
    bounding_box,
    box_edges,
    entry,
    items,
    number,
    rectangle_edges,
    show,
    text,
)

CLASS_FILES = frozenset({"classes.txt", "labels.txt", "obj.names", "classes.names",
                         "coco.names", "predefined_classes.txt"})
"""Names of files that list the classes, one a line."""
YAML_FILES = ("data.yaml", "data.yml", "dataset.yaml")
LEVELS = 4
"""Folders in which a data.yaml is looked for: labels/train/1.txt stands two below it."""


def read_yolo(content: Content, options: Options) -> Iterator[Entry]:  # noqa: ARG001 - an importer's signature
    """Read the boxes of a YOLO file: class, centre across and down, width and height, as shares of the image's sides.

    The image is named by the file's own name and folder. The classes' names are read from a file such as classes.txt
    or data.yaml in its folder or one of those above; a line with a sixth number, a confidence, is a detector's and
    refused. Four corners instead, as for oriented boxes, are a box where they make an upright rectangle.
    """
    classes = class_names(content.path)
    names = ("/".join(content.path.with_suffix("").parts[-2:]),)
    lines = [(at, line) for at, line in enumerate(content.text.splitlines(), start=1) if line.strip()]
    for at, line in lines:
        where = f"{content.shown} row {at}"
        yield entry(where, partial(_box, where, line, names, classes), image=names[0])
    if not lines:
        yield Refused(content.shown, "no_box", "holds no line", image=names[0])


def class_names(path: Path) -> dict[int, str]:
    """Read the names of the classes, by number, from the nearest list of them beside a file or above its folder.

    Raises
    ------
    InputError
        If a data.yaml cannot be read, or names no classes.
    MissingDependencyError
        If there is one, and PyYAML is not installed.
    """
    for depth, folder in enumerate(path.absolute().parents[:LEVELS]):
        for name in sorted(CLASS_FILES) if depth < 2 else ():
            if (folder / name).is_file() and folder / name != path:
                lines = (folder / name).read_text("utf-8-sig", "replace").splitlines()
                return {at: text(line) for at, line in enumerate(lines)}
        for name in YAML_FILES:
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
    pairs = named.items() if isinstance(named, dict) else enumerate(items(named))
    found = {key: text(name) for key, name in pairs if isinstance(key, int)}
    if not found:
        raise InputError(Problem(path.name, "holds no names of classes", "names: [...]",
                                 "add them, or put a list of names, classes.txt, beside the labels"))
    return found


def _box(where: str, line: str, names: tuple[str, ...], classes: dict[int, str]) -> Drawn:
    cells = line.split()
    if len(cells) == 9:
        places = [number(cell, "a place") for cell in cells[1:]]
        edges = rectangle_edges([list(pair) for pair in zip(places[::2], places[1::2], strict=True)])
        return Drawn(where, "", names, _class(cells[0], classes), edges, (1.0, 1.0), relative=True)
    if len(cells) == 6:
        raise RefusedError("prediction", "has six numbers, the last a confidence, so a detector found it")
    if len(cells) != 5:
        raise RefusedError("layout", f"{show(line)} is not class, centre across and down, width and height")
    for cell in cells[1:]:
        number(cell, "a place or side")
    box = bounding_box()
    label, edges = box_edges(lambda: box.from_yolo_v5(line, image_size=(1, 1)), line)
    return Drawn(where, "", names, _class(str(label), classes), edges, (1.0, 1.0), relative=True)


def _class(label: str, classes: dict[int, str]) -> str:
    if not (label.isascii() and label.isdigit()):
        return text(label)  # some tools write the name itself
    if not classes:
        raise RefusedError("unknown_class", f"class {label} has no name; put a list of names, classes.txt, beside it")
    if len(label) > 9 or int(label) not in classes:
        raise RefusedError("unknown_class", f"class {show(label)} is none of the {len(classes)} named")
    return classes[int(label)]
