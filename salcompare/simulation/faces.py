"""Where the features of a face are in a photograph, and the boxes around them."""

from __future__ import annotations

import importlib.resources
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from salcompare.simulation.published import published_calibration

PAIRED = ("eyes", "eye brows")
"""Labels of which a box holds both, or one."""
ONE_SIDED = ("cheek", "ears", "laugh line")
"""Labels of which a box holds the left one or the right one."""
ORL_SIZE = (112, 92)
"""Height and width of an ORL photograph, pixels."""
DIGITS = 16  # of the SHA-256 in the table of landmarks
SMALLEST_BOX = 3  # pixels a side
SINGLE_SHARE = 0.10
"""Share of the boxes of eyes and eye brows that hold only one of the two: not published, chosen so that the mean map
over the published frame peaks near the published 0.45."""

Point = tuple[float, float]
Edges = TypeVar("Edges", NDArray[np.float64], NDArray[np.int64])


@dataclass(frozen=True)
class Face:
    """The features of one photograph.

    Attributes
    ----------
    height, width : int
        Of the photograph, pixels.
    points : mapping
        Centre (x, y) of each feature, pixels from the photograph's top left corner. The key is the label, for
        paired and one-sided labels with the viewer's side: ``nose``, ``eyes left``.
    unit : tuple of float
        Pixels of this photograph, along x and y, that a pixel of the published frame corresponds to.
    """

    height: int
    width: int
    points: Mapping[str, Point]
    unit: tuple[float, float]

    @property
    def midline(self) -> float:
        """X of the middle between the eyes, pixels."""
        return (self.points["eyes left"][0] + self.points["eyes right"][0]) / 2


def find_face(sha256: str | None, *, height: int, width: int) -> Face:
    """Features of a photograph: measured if it is one of the ORL photographs, else where they typically are.

    `sha256` is of its file, None where it is not known; `height` and `width` as it is shown, pixels.
    """
    if orl_image(sha256) is None:
        return typical_face(height=height, width=width)
    return _measured_face(str(sha256)[:DIGITS], height=height, width=width)


def orl_image(sha256: str | None) -> str | None:
    """Which ORL photograph a file is, such as ``s07/3``, known by its bytes; None if it is none of them."""
    table = orl_landmarks()
    key = str(sha256)[:DIGITS]
    return str(table.loc[key, "image"]) if key in table.index else None


@cache
def orl_landmarks() -> pd.DataFrame:
    """Measured features of the 400 ORL photographs.

    Returns
    -------
    DataFrame
        Indexed by the first 16 digits of the SHA-256 of the file; `image`, such as ``s07/3``, and for each feature
        its centre in columns named ``eyes_left_x``: pixels of the 92x112 photograph, to 0.1 px, left being the
        viewer's. Points can lie outside the photograph where the face is cut.

    Notes
    -----
    Made once with the face mesh of MediaPipe 0.10.21 (static images, refined landmarks, confidence 0.5) on the
    photographs enlarged five times (Lanczos). A face was found in all 400. A feature's centre is the mean of these
    vertices, the viewer's left before the right where there are two: eyes 33 133 159 145 | 263 362 386 374; eye
    brows 70 105 107 55 52 46 | 300 334 336 285 282 276; nose 4; lips the mean of the corners' middle (61 291) and
    the edges' middle (0 17); moustache 2 0; beard 200; chin 199; cheek 205 | 425; laugh line 206 | 426; ears the
    outline's 234 | 454, each 5% of their distance further out. The mesh ends on the forehead, so the hairline is
    estimated: vertex 10, moved on by 15% of the way from lips to eyes.
    """
    with importlib.resources.files(__package__).joinpath("orl_landmarks.csv").open(encoding="utf-8") as stream:
        return pd.read_csv(stream, dtype={"sha256": "str"}).set_index("sha256")


def typical_face(*, height: int, width: int) -> Face:
    """Features where the published boxes' centres are, scaled to a photograph.

    One-sided labels have one published centre, which is mirrored about the eyes' middle. Of a pair each is a quarter
    of the pair's box away from its middle.
    """
    calibration = published_calibration()
    unit = (width / calibration.frame[1], height / calibration.frame[0])
    middle = calibration.typical_box["eyes"][0]
    points: dict[str, Point] = {}
    for label, (x, y, w, _) in calibration.typical_box.items():
        if label in PAIRED or label in ONE_SIDED:
            centre, away = (x, w / 4) if label in PAIRED else (middle, abs(x - middle))
            points[f"{label} left"] = ((centre - away) * unit[0], y * unit[1])
            points[f"{label} right"] = ((centre + away) * unit[0], y * unit[1])
        else:
            points[label] = (x * unit[0], y * unit[1])
    return Face(height, width, points, unit)


@cache
def _orl_points() -> dict[str, dict[str, float]]:
    """Coordinates by column name, by the digits of the photograph's hash."""
    table = orl_landmarks().drop(columns="image")
    rows = table.to_numpy(dtype=float).tolist()
    return {str(key): dict(zip(table.columns, row, strict=True)) for key, row in zip(table.index, rows, strict=True)}


def _measured_face(key: str, *, height: int, width: int) -> Face:
    """One of the ORL photographs: sizes follow the distance between the cheeks, and from the eyes to the lips."""
    row = _orl_points()[key]
    scale = (width / ORL_SIZE[1], height / ORL_SIZE[0])
    names = [column[:-2] for column in row if column.endswith("_x")]
    points = {name.replace("_", " "): (row[f"{name}_x"] * scale[0], row[f"{name}_y"] * scale[1]) for name in names}
    frame = published_calibration().frame
    typical = typical_face(height=frame[0], width=frame[1]).points
    (across, down), (typically_across, typically_down) = _distances(points), _distances(typical)
    return Face(height, width, points, (across / typically_across, down / typically_down))


def _distances(points: Mapping[str, Point]) -> tuple[float, float]:
    """Pixels between the cheeks, and from the eyes to the lips."""
    return (points["cheek right"][0] - points["cheek left"][0],
            points["lips"][1] - (points["eyes left"][1] + points["eyes right"][1]) / 2)


class Placement(NamedTuple):
    """A place where a label's box may lie, with its probability given the label.

    `side` is ``left`` or ``right`` (the viewer's) or ``middle``; the typical box's centre and size are in pixels of the
    photograph.
    """

    side: str
    probability: float
    x: float
    y: float
    width: float
    height: float


def placements(face: Face, label: str, *, left_share: float) -> tuple[Placement, ...]:
    """Places where the box of a label (one of the original task's eleven) may lie on a face; probabilities sum to 1.

    A one-sided box is on the viewer's left with probability `left_share`. Sizes are the published typical ones in the
    face's unit. A single eye's box is half as wide as both eyes'; that of both is higher by what the head's tilt puts
    between them.
    """
    width, height = (size * unit for size, unit in zip(published_calibration().typical_box[label][2:], face.unit,
                                                       strict=True))
    if label not in PAIRED and label not in ONE_SIDED:
        return (Placement("middle", 1.0, *face.points[label], width, height),)
    left, right = face.points[f"{label} left"], face.points[f"{label} right"]
    single = SINGLE_SHARE if label in PAIRED else 1.0
    one = width / 2 if label in PAIRED else width
    sides = (Placement("left", single * left_share, *left, one, height),
             Placement("right", single * (1 - left_share), *right, one, height))
    if label not in PAIRED:
        return sides
    both = Placement("middle", 1 - single, (left[0] + right[0]) / 2, (left[1] + right[1]) / 2, width,
                     height + abs(left[1] - right[1]))
    return (both, *sides)


def whole_boxes(centres: NDArray[np.float64], sizes: NDArray[np.float64], *, height: int, width: int,
                ) -> NDArray[np.int64]:
    """Boxes of whole pixels inside a photograph, x0, y0, x1, y1 (boxes, 4), half-open, edges rounded half up.

    A centre x, y outside the photograph is moved to its edge, and edges are cut there; sizes are width and height. At
    least three pixels a side, or the photograph's side where that is less.
    """
    sides = np.array([width, height])
    middle = np.clip(centres, 0, sides)
    low, high = (np.floor(edge + 0.5).astype(np.int64) for edge in (middle - sizes / 2, middle + sizes / 2))
    return cut_boxes(low, high, sides=sides, smallest=np.minimum(SMALLEST_BOX, sides))


def cut_boxes(low: Edges, high: Edges, *, sides: NDArray[Any], smallest: float | NDArray[Any]) -> Edges:
    """Boxes (boxes, 4) from lower and higher x, y (boxes, 2), cut at the photograph's width and height."""
    low = np.clip(low, 0, sides - smallest)
    return np.concatenate([low, np.clip(high, low + smallest, sides)], axis=-1)
