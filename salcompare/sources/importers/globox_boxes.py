"""Boxes as the library globox reads them, with its errors turned into reasons.

globox keeps the corners that a file states, as numbers without a pixel's width: x1 - x0 is the width. So boxes of
COCO, CVAT, LabelMe, VIA and YOLO, which measure from the image's top left corner, come out half-open as they are.
Pascal VOC counts pixels from 1 and includes the last: `salcompare.sources.importers.voc` takes 1 off the first edges.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from salcompare.errors import MissingDependencyError, Problem
from salcompare.sources.importers.content import INSTALL
from salcompare.sources.importers.entries import Edges, RefusedError, items, number, show

if TYPE_CHECKING:
    from globox import BoundingBox

ROUNDING = 1e-4
"""Share of a polygon's extent by which two corners of an upright rectangle may differ where they should not."""


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


def rectangle_edges(points: Sequence[object]) -> Edges:
    """Give the edges of a polygon that is an upright rectangle: four corners in turn, the first perhaps repeated.

    Parameters
    ----------
    points : sequence of (x, y)

    Raises
    ------
    RefusedError
        If it is none, or a place is no finite number.
    """
    if len(points) not in {4, 5} or any(len(items(point)) != 2 for point in points):
        raise RefusedError("not_a_box", f"is a polygon of {len(points)} points, no upright rectangle")
    corners = [tuple(number(place, name) for place, name in zip(items(point), "xy", strict=True)) for point in points]
    corners = corners[:-1] if len(corners) == 5 and corners[0] == corners[-1] else corners
    if len(corners) != 4:
        raise RefusedError("not_a_box", "is a polygon of five corners, no upright rectangle")
    spread = max(max(places) - min(places) for places in zip(*corners, strict=True))
    sides = [tuple(abs(a - b) <= ROUNDING * spread for a, b in zip(one, other, strict=True))
             for one, other in zip(corners, corners[1:] + corners[:1], strict=True)]
    across = [(False, True), (True, False)] * 2  # sides by turns along x, where y stays the same, and along y
    if sides not in (across, across[1:] + across[:1]):
        raise RefusedError("not_a_box", "is a polygon of four points, no upright rectangle")
    xs, ys = zip(*corners, strict=True)
    return min(xs), min(ys), max(xs), max(ys)
