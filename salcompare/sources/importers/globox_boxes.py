"""Boxes as the library globox reads them, with its errors turned into reasons.

globox keeps the corners that a file states, as numbers without a pixel's width: x1 - x0 is the width. So boxes of
COCO, CVAT, LabelMe, VIA and YOLO, which measure from the image's top left corner, come out half-open as they are.
Pascal VOC counts pixels from 1 and includes the last: `salcompare.sources.importers.voc` takes 1 off the first edges.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from salcompare.errors import MissingDependencyError, Problem
from salcompare.sources.importers.content import INSTALL
from salcompare.sources.importers.entries import Edges, RefusedError, number, show

if TYPE_CHECKING:
    from globox import BoundingBox


def bounding_box() -> type[BoundingBox]:
    """Give globox's class of boxes.

    Raises
    ------
    MissingDependencyError
        If globox is not installed.
    """
    try:
        from globox import BoundingBox
    except ImportError as error:
        raise MissingDependencyError(Problem("globox", "is not installed", remedy=INSTALL)) from error
    found: type[BoundingBox] = BoundingBox
    return found


def box_edges(make: Callable[[], BoundingBox], node: object) -> tuple[object, Edges]:
    """Give the label and the edges of a box that globox reads.

    Raises
    ------
    RefusedError
        If it cannot, or an edge is no finite number, or the box's corners are swapped.
    MissingDependencyError
        If globox is not installed.
    """
    bounding_box()
    from globox.errors import ParsingError

    try:
        box = make()
        label, corners = box.label, box.ltrb
    except AssertionError as error:
        raise RefusedError("swapped_corners", f"its corners are swapped or no numbers: {show(node)}") from error
    except (ParsingError, ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise RefusedError("layout", f"no box of this format: {show(node)}") from error
    x0, y0, x1, y1 = (number(value, name) for value, name in zip(corners, ("x0", "y0", "x1", "y1"), strict=True))
    return label, (x0, y0, x1, y1)


def left_top_edges(left: object, top: object, width: object, height: object) -> Edges:
    """Give the edges of a box stated by its left and top edge, width and height.

    Raises
    ------
    RefusedError
        If one is no finite number.
    """
    x, y, across, down = (number(value, name) for value, name in (
        (left, "left"), (top, "top"), (width, "width"), (height, "height")))
    return x, y, x + across, y + down
