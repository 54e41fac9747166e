"""Where the features of a face are in a photograph, and the boxes around them."""

from __future__ import annotations

import importlib.resources
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from salcompare.faces import SCHEMES, face_attributes, orl_landmarks
from salcompare.simulation.published import Box, published_calibration

PAIRED = ("eyes", "eye brows")
"""Labels of which a box holds both, or one."""
ONE_SIDED = ("cheek", "ears", "laugh line")
"""Labels of which a box holds the left one or the right one."""
ORL_SIZE = (112, 92)
"""Height and width of an ORL photograph, pixels."""
DIGITS = 16  # of the SHA-256 that the landmarks hold
SMALLEST_BOX = 3  # pixels a side
SINGLE_SHARE = 0.10
"""Share of the boxes of eyes and eye brows that hold only one of the two: not published, chosen so that the mean map
over the published frame peaks near the published 0.45."""
TURNED = 10.0
"""Degrees of yaw beyond which the far ear is out of sight."""

Edges = TypeVar("Edges", NDArray[np.float64], NDArray[np.int64])
_MESH = {place: tuple(map(int, points)) for place, points in SCHEMES["468"].places.items()}
_BOUNDED: dict[str, tuple[Sequence[int], float, float]] = {
    "eyes left": (_MESH["left_eye"], 0.14, 0.20), "eyes right": (_MESH["right_eye"], 0.14, 0.20),
    "eye brows left": (_MESH["left_brow"], 0.03, 0.09), "eye brows right": (_MESH["right_brow"], 0.03, 0.09),
    "nose": ((195, 2, 48, 278, 98, 327), 0.06, 0.05), "lips": ((61, 291, 37, 0, 267, 84, 17, 314), 0.12, 0.05),
    "moustache": ((2, 0, 61, 291), 0, 0), "laugh line left": ((48, 61, 205), 0, 0.05),
    "laugh line right": ((278, 291, 425), 0, 0.05)}
"""Boxes around points of the mesh: the points, and what lies beyond them at either side and above and below."""
_CENTRED: dict[str, tuple[Sequence[int], float, float, float, float]] = {
    "cheek left": ((50, 205), 0.52, 0.48, 0, 0), "cheek right": ((280, 425), 0.52, 0.48, 0, 0),
    "chin": ((199,), 0.70, 0.30, 0, 0), "beard": ((17, 152), 1.25, 0.50, 0, 0.05),
    "ears left": ((234,), 0.28, 0.58, -0.14, 0), "ears right": ((454,), 0.28, 0.58, 0.14, 0),
    "hairline": ((10,), 1.48, 0.28, 0, 0)}
"""Boxes at the mean of points: the points, width and height, and how far on to the right and up the face."""


@dataclass(frozen=True)
class Face:
    """The features of one photograph.

    Attributes
    ----------
    height, width : int
        Of the photograph, pixels.
    boxes : mapping
        Centre x, centre y, width and height of the typical box around each feature, pixels from the photograph's top
        left corner; it may reach beyond the edge. The key is the label, for paired and one-sided labels with the
        viewer's side: ``nose``, ``eyes left``. An ear that the head hides has none.
    """

    height: int
    width: int
    boxes: Mapping[str, Box]

    @property
    def midline(self) -> float:
        """X of the middle between the eyes, pixels."""
        return (self.boxes["eyes left"][0] + self.boxes["eyes right"][0]) / 2


def find_face(sha256: str | None, *, height: int, width: int) -> Face:
    """Features of a photograph: by its landmarks if it is one of the ORL photographs, else where they typically are.

    `sha256` is of its file, None where it is not known; `height` and `width` as it is shown, pixels.
    """
    image = orl_image(sha256)
    if image is None:
        return typical_face(height=height, width=width)
    x, y = width / ORL_SIZE[1], height / ORL_SIZE[0]
    return Face(height, width, {label: (box[0] * x, box[1] * y, box[2] * x, box[3] * y)
                                for label, box in _orl_faces()[image].items()})


def orl_image(sha256: str | None) -> str | None:
    """Which ORL photograph a file is, such as ``s07/3``, known by its bytes; None if it is none of them."""
    return _orl_images().get(str(sha256)[:DIGITS])


def typical_face(*, height: int, width: int) -> Face:
    """Features where the published boxes are, scaled to a photograph.

    One-sided labels have one published box, which is mirrored about the eyes' middle. Of a pair each has half of the
    pair's box.
    """
    calibration = published_calibration()
    across, down = width / calibration.frame[1], height / calibration.frame[0]
    middle = calibration.typical_box["eyes"][0]
    boxes: dict[str, Box] = {}
    for label, (x, y, w, h) in calibration.typical_box.items():
        if label in PAIRED or label in ONE_SIDED:
            centre, away, one = (x, w / 4, w / 2) if label in PAIRED else (middle, abs(x - middle), w)
            boxes[f"{label} left"] = ((centre - away) * across, y * down, one * across, h * down)
            boxes[f"{label} right"] = ((centre + away) * across, y * down, one * across, h * down)
        else:
            boxes[label] = (x * across, y * down, w * across, h * down)
    return Face(height, width, boxes)


@cache
def _orl_images() -> dict[str, str]:
    """Name the ORL photographs by the digits of their hashes."""
    landmarks = orl_landmarks()
    return dict(zip(landmarks.sha256.to_numpy().tolist(), landmarks.image.to_numpy().tolist(), strict=True))


@cache
def _orl_faces() -> dict[str, dict[str, Box]]:
    """Boxes in each ORL photograph, pixels of 92 x 112."""
    text = importlib.resources.files(__package__).joinpath("orl_hairlines.json").read_text(encoding="utf-8")
    hairlines = [value for actor in json.loads(text)["hairlines"].values() for value in actor]
    landmarks = orl_landmarks()
    return {image: mesh_boxes(mesh, hairline=hairline, yaw=yaw) for image, mesh, hairline, yaw in zip(
        landmarks.image.to_numpy().tolist(), landmarks.to_numpy(), hairlines,
        face_attributes(landmarks).yaw.to_numpy().tolist(), strict=True)}


def mesh_boxes(mesh: NDArray[np.float64], *, hairline: float, yaw: float) -> dict[str, Box]:
    """Boxes around the features of a face whose landmarks are known, upright however the head is held.

    Parameters
    ----------
    mesh : array (468, axis)
        MediaPipe's mesh, pixels.
    hairline : float
        How far the hair begins above the mesh's uppermost point, inter-ocular distances.
    yaw : float
        Degrees, positive where the nose points to the viewer's right.

    Returns
    -------
    dict
        As `Face.boxes`. Where the head is turned by more than `TURNED` degrees, only the near ear has one.

    Notes
    -----
    Margins and sizes are in distances between the means of the rings around the eyes, and were set by eye.
    """
    left, right = (mesh[list(_MESH[eye])].mean(axis=0) for eye in ("left_eye", "right_eye"))
    unit = float(np.hypot(*(right - left)[:2]))
    along = (right - left)[:2]  # one unit to the right of the face
    boxes: dict[str, Box] = {}
    for label, (points, x, y) in _BOUNDED.items():
        low, high = mesh[list(points), :2].min(axis=0), mesh[list(points), :2].max(axis=0)
        boxes[label] = (*((low + high) / 2).tolist(), *(high - low + 2 * unit * np.array([x, y])).tolist())
    for label, (points, width, height, across, up) in _CENTRED.items():
        up += hairline if label == "hairline" else 0
        centre = mesh[list(points), :2].mean(axis=0) + across * along + up * np.array([along[1], -along[0]])
        boxes[label] = (*centre.tolist(), unit * width, unit * height)
    if abs(yaw) > TURNED:
        del boxes["ears right" if yaw > 0 else "ears left"]
    return boxes


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

    A one-sided box is on the viewer's left with probability `left_share`, or where the only ear is that is in sight.
    The box of both eyes or brows reaches from one's to the other's.
    """
    if label not in PAIRED and label not in ONE_SIDED:
        return (Placement("middle", 1.0, *face.boxes[label]),)
    sides = {side: face.boxes[f"{label} {side}"] for side in ("left", "right") if f"{label} {side}" in face.boxes}
    single = SINGLE_SHARE if label in PAIRED else 1.0
    shares = {"left": left_share, "right": 1 - left_share} if len(sides) == 2 else dict.fromkeys(sides, 1.0)
    one = [Placement(side, single * shares[side], *box) for side, box in sides.items()]
    if label not in PAIRED:
        return tuple(one)
    x0, x1 = min(box.x - box.width / 2 for box in one), max(box.x + box.width / 2 for box in one)
    y0, y1 = min(box.y - box.height / 2 for box in one), max(box.y + box.height / 2 for box in one)
    return (Placement("middle", 1 - single, (x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0), *one)


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
