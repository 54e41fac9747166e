"""What importers read: boxes as they stand in a file, and what cannot be one, each known by its place.

Functions here raise `RefusedError` for what they cannot read, which refuses one entry and not its file.
"""

from __future__ import annotations

import contextlib
import math
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from salcompare.errors import MissingDependencyError, Problem, ReasonedError
from salcompare.texts import clean_text, hidden_in

if TYPE_CHECKING:
    from globox import BoundingBox

INSTALL = "install the importers: pip install 'salcompare[import]'"
ALL_STATUSES = ("Approved", "Submitted", "Rejected")
STATUSES = ("Approved", "Submitted")
"""What is taken of Mechanical Turk's assignments unless told otherwise: all but the rejected."""
WORKER_KEYS = frozenset({"worker", "worker_id", "workerid", "annotator", "annotator_id", "completed_by", "participant",
                         "participant_id"})
"""Names of attributes that say who drew a box, in formats that have no place of their own for it."""
_ROTATION_KEYS = frozenset({"rotation", "rotation_angle"})
"""Names of attributes that say by how many degrees a box is turned, in formats without a place of their own for it."""
_LABEL_KEYS = ("label", "feature", "name", "class", "category", "type", "part", "label_id", "object")
"""Names of attributes that hold a box's label, in formats that let their users name them; the first there counts."""
_ROUNDING = 1e-4
"""Share of a polygon's extent by which two corners of an upright rectangle may differ where they should not."""
_LONGEST_SHOWN = 60
Edges = tuple[float, float, float, float]
Size = tuple[float, float] | None
Node = Mapping[str, Any]
"""An object of JSON."""


@dataclass(frozen=True)
class Options:
    """How files are read.

    Attributes
    ----------
    statuses : tuple of str
        Assignments of Mechanical Turk to take, of Approved, Submitted and Rejected.
    worker : str
        Who drew the boxes of a file that does not say; empty for the file's name.
    clip : bool
        Cut boxes that reach over the edge of their image, instead of refusing them.
    voc_origin : {0, 1}
        What the first pixel is called in Pascal VOC files: 1 as the format has it, 0 as many tools write.
    image : str
        The image that boxes are on whose row or file names none, as where each page of a HIT holds one fixed picture.
    """

    statuses: tuple[str, ...] = STATUSES
    worker: str = ""
    clip: bool = False
    voc_origin: Literal[0, 1] = 1
    image: str = ""

    @cached_property
    def folded_statuses(self) -> frozenset[str]:
        """The statuses to take, whatever their case."""
        return frozenset(status.casefold() for status in self.statuses)


@dataclass(frozen=True)
class Drawn:
    """One box as it stands in a file."""

    where: str  # the file and the place in it
    worker: str  # empty where the file does not say who drew it
    names: tuple[str, ...]  # what may name the image, most telling first
    label: str
    edges: Edges  # x0, y0, x1, y1, half-open, on a canvas of `size`
    size: Size = None  # width, height in the units of `edges`; without one, they are pixels of the image as shown
    seconds: float | None = None
    submitted: str = ""  # ISO 8601, or empty
    relative: bool = False  # `size` is only the unit of `edges`, shares or percent, and says nothing of the image


@dataclass(frozen=True)
class Refused:
    """What is not taken: `reason` is for machines, `detail` for people."""

    where: str
    reason: str
    detail: str
    worker: str = ""
    image: str = ""


Entry = Drawn | Refused


class RefusedError(ReasonedError):
    """Raised inside importers for one entry that cannot be taken."""


def entry(make: Callable[..., Drawn], where: str, *what: object, worker: str = "", image: str = "") -> Entry:
    """Give what `make` gives of `where` and `what`, or why it cannot."""
    try:
        return make(where, *what)
    except RefusedError as error:
        return Refused(where, error.reason, error.detail, worker, image)


def number(value: object, name: str) -> float:
    """Read a finite number, written as such or as text; a truth value is none."""
    try:
        read = math.nan if isinstance(value, bool) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        read = math.nan
    if not math.isfinite(read):
        comma = isinstance(value, str) and re.fullmatch(r"\s*[-+]?\d+,\d+\s*", value)
        raise RefusedError("not_a_number", f"{name}={show(value)} is no finite number"
                           + ("; write decimals with a point, not a comma" if comma else ""))
    return read


def amount(value: object) -> float | None:
    """Read a number >= 0, or nothing where there is none."""
    try:
        read = number(value, "")
    except RefusedError:
        return None
    return read if read >= 0 else None


def canvas_size(width: object, height: object) -> Size:
    """Read the size of what a box was drawn on; nothing where neither side is given, or both are 0: not known."""
    if is_missing(width) and is_missing(height):
        return None
    size = number(width, "width of the image"), number(height, "height of the image")
    if size == (0, 0):
        return None
    if min(size) <= 0:
        raise RefusedError("size", f"the image is {size[0]:g} x {size[1]:g}; both must be above 0")
    return size


def stated_size(value: object) -> Size:
    """Read the size that an object of JSON states as its width and height; nothing of anything else."""
    return canvas_size(value.get("width"), value.get("height")) if isinstance(value, dict) else None


def is_missing(value: object) -> bool:
    """Whether a value is absent or blank."""
    return value is None or (isinstance(value, str) and not value.strip())


def text(value: object) -> str:
    """Turn a plain value into text as `clean_text` cleans it; what is no plain value is empty."""
    return clean_text(_plain(value))


def identifier(value: object) -> str:
    """Turn a plain value into what names a worker or an image, trimmed and composed.

    Hidden characters stay in it, for which it is refused where it is used (`check_visible`).
    """
    plain = _plain(value).strip()
    return plain if plain.isascii() else unicodedata.normalize("NFC", plain)


def _plain(value: object) -> str:
    """Text of a plain value; empty for what is none, and for the NaN that some programs write into JSON."""
    nothing = value is None or isinstance(value, (dict, list, bool)) or value != value
    return "" if nothing else str(value)


def spelt(*names: str) -> tuple[str, ...]:
    """Give the names that are not empty."""
    return tuple(name for name in names if name)


def check_visible(name: str, what: str) -> None:
    """Refuse what names a worker or an image with characters that nobody sees."""
    hidden = hidden_in(name)
    if hidden:
        raise RefusedError("invisible", f"{what} {show(name)} holds {hidden}, which nobody sees; type it again")


def show(value: object) -> str:
    """Show a value in an error, cut if it is long; surrogates and control characters escaped."""
    try:
        shown = ascii(value) if isinstance(value, str) and not value.isprintable() else repr(value)
    except RecursionError:
        return "a deeply nested value"
    shown = shown.encode("utf-8", "backslashreplace").decode()
    return shown if len(shown) <= _LONGEST_SHOWN else shown[:_LONGEST_SHOWN] + "..."


def mapping(value: object, name: str) -> Node:
    """Hold a value of JSON to being an object."""
    if not isinstance(value, dict):
        raise RefusedError("layout", f"{name} is {show(value)}, no object with named values")
    return value


def items(value: object) -> list[Any]:
    """Give a JSON list, or an empty one for anything else."""
    return value if isinstance(value, list) else []


def numbered(values: object, where: str) -> Iterator[tuple[str, Any]]:
    """Go through a JSON list, naming each place in it."""
    for at, value in enumerate(items(values)):
        yield f"{where}[{at}]", value


def _attributes(tables: Sequence[object]) -> Iterator[tuple[str, Any]]:
    """Go through attributes by their names in lower case."""
    for values in tables:
        for name, value in values.items() if isinstance(values, dict) else ():
            yield str(name).casefold(), value


def named_worker(*attributes: object) -> str:
    """Find who drew a box in attributes that a format's users name themselves; empty where none says."""
    return next((identifier(value) for name, value in _attributes(attributes)
                 if name in WORKER_KEYS and identifier(value)), "")


def region_label(attributes: Mapping[Any, Any]) -> str:
    """Give the label among a region's attributes: the one of a usual name, or the only one.

    A dropdown or a text field holds the label itself; a checkbox holds each box's name with true or false.
    """
    others = {name: value for name, value in _attributes([attributes]) if name not in WORKER_KEYS}
    keys = [key for key in _LABEL_KEYS if key in others] or (list(others) if len(others) == 1 else [])
    value = others[keys[0]] if keys else None
    if isinstance(value, dict):
        return " / ".join(text(name) for name, checked in value.items() if checked)
    return text(value)


def check_upright(*attributes: object) -> None:
    """Refuse a box whose attributes say that it is rotated, for what is stated of it then are no edges."""
    for name, value in _attributes(attributes):
        if name in _ROTATION_KEYS:
            check_angle(value)


def check_angle(value: object) -> None:
    """Refuse a rotation by anything but whole turns; none stated is none."""
    if value is False or is_missing(value):
        return
    angle = value
    with contextlib.suppress(RefusedError):
        angle = number(value, "rotation") % 360
    if angle != 0:
        raise RefusedError("rotated", f"is rotated by {show(value)} degrees, so no upright box")


def left_top_edges(left: object, top: object, width: object, height: object) -> Edges:
    """Give the edges of a box stated by its left and top edge, width and height."""
    x, y, across, down = (number(value, name) for value, name in (
        (left, "left"), (top, "top"), (width, "width"), (height, "height")))
    return x, y, x + across, y + down


def stated_edges(node: Node, left: str = "left", top: str = "top") -> Edges:
    """Give the edges that an object of JSON states by its values `left`, `top`, width and height."""
    return left_top_edges(node.get(left), node.get(top), node.get("width"), node.get("height"))


def rectangle_edges(points: Sequence[object]) -> Edges:
    """Give the edges of a polygon that is an upright rectangle: four corners in turn, the first perhaps twice."""
    if len(points) not in {4, 5} or any(len(items(point)) != 2 for point in points):
        raise RefusedError("not_a_box", f"is a polygon of {len(points)} points, no upright rectangle")
    corners = [tuple(number(place, name) for place, name in zip(items(point), "xy", strict=True)) for point in points]
    corners = corners[:-1] if len(corners) == 5 and corners[0] == corners[-1] else corners
    if len(corners) != 4:
        raise RefusedError("not_a_box", "is a polygon of five corners, no upright rectangle")
    spread = max(max(places) - min(places) for places in zip(*corners, strict=True))
    sides = [tuple(abs(a - b) <= _ROUNDING * spread for a, b in zip(one, other, strict=True))
             for one, other in zip(corners, corners[1:] + corners[:1], strict=True)]
    across = [(False, True), (True, False)] * 2  # sides by turns along x, where y stays the same, and along y
    if sides not in (across, across[1:] + across[:1]):
        raise RefusedError("not_a_box", "is a polygon of four points, no upright rectangle")
    xs, ys = zip(*corners, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def bounding_box() -> type[BoundingBox]:
    """Give globox's class of boxes, which keeps the corners that a file states: x1 - x0 is the width.

    So boxes of COCO, CVAT, LabelMe, VIA and YOLO, which measure from the image's top left corner, come out half-open.
    Pascal VOC counts pixels from 1 and includes the last: `read_voc` takes 1 off the first edges.
    """
    try:
        from globox import BoundingBox
    except ImportError as error:
        raise MissingDependencyError(Problem("globox", "is not installed", remedy=INSTALL)) from error
    kind: type[BoundingBox] = BoundingBox
    return kind


def box_edges(make: Callable[[], BoundingBox], node: object) -> tuple[object, Edges]:
    """Give the label and the edges of a box that globox reads, its errors turned into reasons."""
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
