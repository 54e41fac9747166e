"""Boxes around the features of a face: where each label's box lies, and how it becomes whole pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from salcompare.simulation.calibration import published_calibration
from salcompare.simulation.faces import ONE_SIDED, PAIRED, Face

SMALLEST_BOX = 3  # pixels a side
SINGLE_SHARE = 0.10
"""Share of the boxes of eyes and eye brows that hold only one of the two: not published, chosen so that the mean map
over the published frame peaks near the published 0.45."""


@dataclass(frozen=True)
class Placement:
    """One of the places where a label's box may lie.

    Attributes
    ----------
    side : str
        ``left`` or ``right`` (the viewer's), or ``middle``.
    probability : float
        Of this place, given the label.
    x, y, width, height : float
        Centre and size of the typical box, pixels of the photograph.
    """

    side: str
    probability: float
    x: float
    y: float
    width: float
    height: float


def placements(face: Face, label: str, *, left_share: float) -> tuple[Placement, ...]:
    """Places where the box of a label may lie on a face, with their probabilities, which sum to 1.

    Parameters
    ----------
    face : Face
        Where the features are.
    label : str
        One of the eleven of the original task.
    left_share : float
        Probability that a one-sided box is on the viewer's left.

    Returns
    -------
    tuple of Placement
        Sizes are the published typical ones in the face's unit. A single eye's box is half as wide as both eyes';
        that of both is higher by what the head's tilt puts between them.
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
    """Boxes of whole pixels inside a photograph.

    Parameters
    ----------
    centres, sizes : array (boxes, 2)
        Centre x, y and width, height, pixels. A centre outside the photograph is moved to its edge.
    height, width : int
        Of the photograph, pixels.

    Returns
    -------
    array (boxes, 4)
        x0, y0, x1, y1, half-open, edges rounded half up and cut at the photograph's; at least three pixels a side,
        or the photograph's side where that is less.
    """
    shape = np.array([width, height])
    smallest = np.minimum(SMALLEST_BOX, shape)
    middle = np.clip(centres, 0, shape)
    low = np.clip(_half_up(middle - sizes / 2), 0, shape - smallest)
    high = np.clip(_half_up(middle + sizes / 2), low + smallest, shape)
    return np.concatenate([low, high], axis=-1)


def _half_up(values: NDArray[np.float64]) -> NDArray[np.int64]:
    rounded: NDArray[np.int64] = np.floor(values + 0.5).astype(np.int64)
    return rounded
