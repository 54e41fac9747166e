"""The face that all simulated studies of planning share: where boxes may lie, and how often they lie there."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from salcompare.schema import LABELS
from salcompare.simulation import published_calibration, typical_face
from salcompare.simulation.boxes import placements
from salcompare.simulation.preferences import WORKER_SHIFT_SD, WORKER_SIZE_SD
from salcompare.simulation.responses import SHIFT_SD, SIZE_SD

Values = NDArray[np.float64]
_STEPS = 512  # of the table of profiles, over the side of a photograph


@dataclass(frozen=True)
class Place:
    """One of the places where boxes lie.

    Attributes
    ----------
    label : str
        What its boxes are called.
    share : float
        Of all boxes; the shares of a geometry's places sum to 1.
    x, y, width, height : float
        Centre and size of its typical box, as shares of the photograph's width (x, width) and height (y, height).
    """

    label: str
    share: float
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Geometry:
    """Places of a face, and how boxes vary about them.

    Attributes
    ----------
    places : tuple of Place
        Their shares sum to 1.
    height, width : int
        Of the photographs, pixels.
    shift : float
        Standard deviation of a box's centre about its place, as a share of the box's size, between a worker's boxes.
    size : float
        Standard deviation of the log of a box's sides, between a worker's boxes.
    worker_shift, worker_size : float
        The same, between workers: habits that a worker keeps on all images.
    """

    places: tuple[Place, ...]
    height: int
    width: int
    shift: float = SHIFT_SD
    size: float = SIZE_SD
    worker_shift: float = WORKER_SHIFT_SD
    worker_size: float = WORKER_SIZE_SD

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels, each once, in the order of the places."""
        return tuple(dict.fromkeys(place.label for place in self.places))

    @property
    def shares(self) -> Values:
        """Of the places (place,), made to sum to 1 where they were rounded."""
        shares: Values = np.array([place.share for place in self.places])
        return np.asarray(shares / shares.sum())

    @property
    def boxes(self) -> Values:
        """Centre and size of the typical boxes (place, 4): x, y, width, height, pixels of the photograph."""
        sides = np.array([self.width, self.height] * 2)
        boxes: Values = np.array([[place.x, place.y, place.width, place.height] for place in self.places]) * sides
        return boxes


@cache
def published_geometry(*, left_share: float = 0.5) -> Geometry:
    """Give the face of the published typical boxes and label shares, made symmetric about the photograph's midline.

    Parameters
    ----------
    left_share : float
        Probability that a one-sided box is on the viewer's left; at 0.5 left and right are exchangeable.
    """
    calibration = published_calibration()
    height, width = calibration.frame
    face = typical_face(height=height, width=width)
    places = []
    for label in LABELS:
        options = placements(face, label, left_share=left_share)
        sided = [option.x for option in options if option.side != "middle"]
        half = (max(sided) - min(sided)) / 2 / width if sided else 0.0
        away = {"left": -half, "middle": 0.0, "right": half}
        places += [Place(label, calibration.label_share[label] * option.probability, 0.5 + away[option.side],
                         option.y / height, option.width / width, option.height / height) for option in options]
    return Geometry(tuple(places), height, width)


def expected_coverage(geometry: Geometry, shares: Values, *, grid: tuple[int, int], shifts: Values | None = None,
                      ) -> Values:
    """Coverage to be expected of boxes that choose their places with given probabilities.

    Parameters
    ----------
    geometry : Geometry
        Where the places are, and how boxes vary about them.
    shares : array (..., n, place)
        Probabilities of the places, for each map.
    grid : tuple of int
        Height and width of the maps.
    shifts : array (n, 2), optional
        Where the face lies in each map, as shares of the photograph's width and height off its place.

    Returns
    -------
    array (..., n, y, x)
        Probability that a box covers the pixel's centre; cutting boxes at the photograph's edge is left out of it.
    """
    offsets = np.zeros((1, 2)) if shifts is None else shifts
    across, down = (_profiles(geometry, axis, offsets[:, axis], grid[1 - axis]) for axis in (0, 1))
    if len(offsets) == 1:
        return np.asarray(np.tensordot(shares, down[0, :, :, None] * across[0, :, None, :], axes=1))
    return np.asarray(np.swapaxes(shares[..., None] * down, -2, -1) @ across)


def _profiles(geometry: Geometry, axis: int, offsets: Values, pixels: int) -> Values:
    """Probability that a box covers each column (or row), places moved by offsets: (n,) -> (n, place, pixels).

    Read off a table by linear interpolation, to about 0.001: a normal integral for each image and place is slow.
    """
    table = _table(geometry, axis)
    position = np.clip((np.arange(pixels) + 0.5) / pixels - offsets[:, None] + 1, 0, 3 - 1 / _STEPS) * _STEPS
    before = position.astype(np.intp)
    weight = (position - before)[:, :, None]
    covered: Values = table[before] * (1 - weight) + table[before + 1] * weight
    return np.swapaxes(covered, 1, 2)


@lru_cache(maxsize=16)
def _table(geometry: Geometry, axis: int) -> Values:
    """Probability that a box covers positions from -1 to 2 sides of the photograph (position, place)."""
    boxes = geometry.boxes / np.array([geometry.width, geometry.height] * 2)
    centres, sizes = boxes[:, axis], boxes[:, axis + 2]
    shift = np.hypot(geometry.shift, geometry.worker_shift)
    spread = sizes * np.hypot(shift, np.hypot(geometry.size, geometry.worker_size) / 2)
    distance = np.linspace(-1, 2, 3 * _STEPS + 1)[:, None] - centres
    table: Values = ndtr((distance + sizes / 2) / spread) - ndtr((distance - sizes / 2) / spread)
    return table
