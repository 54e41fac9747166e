"""Warping between photographs and the canonical frame, triangle by triangle, and what of a face a photograph shows.

Places are arrays (axis, place) of x and y in pixels, the first one's centre at 0.5, of a photograph or of the frame's
grid; 0.5 is taken off where an array is read, whose first pixel is at 0. The grid's pixels have one table of triangles
and weights (`grid_table`), which serves all photographs and all sources of maps.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from salcompare.faces.frame import Array, Frame, Indices, doubled_areas
from salcompare.faces.procrustes import fit_similarity

BEHIND = 0.15
"""How much farther away than the nearest surface a place is hidden by it, inter-ocular distances."""
CELLS = 32
"""Cells of a photograph in which what is turned over is noted, an inter-ocular distance."""
_INSIDE = -1e-9  # least weight of a corner of the triangle that a place is in
Size = tuple[int, int]


@dataclass(frozen=True)
class Grid:
    """The pixels of a frame: how many an inter-ocular distance has, and where x = 0, y = 0 is, in pixels."""

    scale: float
    height: int
    width: int
    middle: tuple[float, float]

    @property
    def size(self) -> Size:
        """Height and width."""
        return self.height, self.width

    def pixels(self, places: Array) -> Array:
        """Turn places (axis, place) in the frame, inter-ocular distances, into pixels."""
        return np.asarray(self.scale * places + np.array(self.middle)[:, np.newaxis])

    def coords(self) -> dict[str, Array]:
        """Coordinates y and x of the pixels' centres, inter-ocular distances."""
        sides = zip("xy", (self.width, self.height), self.middle, strict=True)
        return {axis: (np.arange(n, dtype=np.float64) + 0.5 - at) / self.scale for axis, n, at in sides}


@dataclass(frozen=True, eq=False)
class Located:
    """Which places, by their numbers, are on triangles; on which, and the weights (place, corner) of its corners."""

    places: Indices
    triangles: Indices
    weights: csr_array


@lru_cache(maxsize=8)
def frame_grid(frame: Frame, scale: float) -> Grid:
    """Give the least grid that holds a frame, its midline between two columns; `scale` is pixels a distance."""
    (_, top), (right, bottom) = scale * frame.corners.min(axis=0), scale * frame.corners.max(axis=0)
    across, above, below = (int(np.ceil(round(side, 6))) for side in (right, -top, bottom))
    return Grid(scale, above + below, 2 * across, (float(across), float(above)))


def pixel_centres(size: Size) -> Array:
    """Centres of the pixels of a picture (height, width), row by row: (axis, y * x)."""
    y, x = np.mgrid[:size[0], :size[1]] + 0.5
    return np.stack([x.ravel(), y.ravel()])


@lru_cache(maxsize=8)
def grid_table(frame: Frame, scale: float) -> Located:
    """Tell on which of a frame's triangles each pixel of its grid is."""
    grid = frame_grid(frame, scale)
    return locate(pixel_centres(grid.size), grid.pixels(frame.corners.T).T, frame.triangles)


def locate(places: Array, corners: Array, triangles: Indices, *, n_front: int | None = None) -> Located:
    """Tell on which triangle each of some places is.

    Parameters
    ----------
    places : array (axis, place)
    corners : array (corner, axis)
        In the same plane; the third axis, if any, is depth.
    triangles : array (triangle, 3)
        Those that are flat or turned over count not.
    n_front : int, optional
        The others are behind the first so many; where several overlap the nearest counts, else the first.
    """
    number, which = _near(places, corners, triangles)
    weights = _barycentric(places[:, number], corners[triangles[which], :2])
    inside = (weights >= _INSIDE).all(axis=1)
    which, number, weights = which[inside], number[inside], weights[inside]
    depth = (corners[triangles[which], 2] * weights).sum(axis=1) if corners.shape[1] == 3 else np.zeros(len(which))
    front = np.lexsort((depth, which >= (len(triangles) if n_front is None else n_front)))
    places_on, first = np.unique(number[front], return_index=True)
    chosen = front[first]
    rows = np.arange(0, 3 * len(chosen) + 1, 3)
    table = csr_array((weights[chosen].ravel(), triangles[which[chosen]].ravel(), rows),
                      shape=(len(chosen), len(corners)))
    return Located(places_on, which[chosen], table)


def _near(places: Array, corners: Array, triangles: Indices) -> tuple[Indices, Indices]:
    """Pair places with the triangles in whose bounding boxes they are: numbers of both."""
    facing = np.flatnonzero(doubled_areas(corners, triangles) > 0)
    points = corners[triangles[facing], :2]
    low, high = points.min(axis=1) - 1e-6, points.max(axis=1) + 1e-6
    order = np.argsort(places[0], kind="stable")
    x, y = places[:, order]
    first, last = np.searchsorted(x, low[:, 0]), np.searchsorted(x, high[:, 0])
    pairs = [order[a:b][(y[a:b] >= y0) & (y[a:b] <= y1)] for a, b, y0, y1 in zip(
        first.tolist(), last.tolist(), low[:, 1].tolist(), high[:, 1].tolist(), strict=True)]
    return np.concatenate([np.empty(0, np.intp), *pairs]), np.repeat(facing, [len(one) for one in pairs])


def _barycentric(places: Array, points: Array) -> Array:
    """Weights (place, 3) of the corners (place, 3, 2) of a triangle at each place (axis, place)."""
    one = points[:, 0].T
    (ax, ay), (bx, by), (cx, cy) = points[:, 1].T - one, points[:, 2].T - one, places - one
    area = ax * by - ay * bx
    second, third = (cx * by - cy * bx) / area, (ax * cy - ay * cx) / area
    return np.stack([1 - second - third, second, third], axis=1)


def photograph_corners(frame: Frame, faces: Array) -> tuple[Array, Array]:
    """Give where photographs have the corners of a frame's triangles, (image, corner, axis), and IODs, (image).

    Faces are (image, point, axis) of the frame's points, in pixels; NaN where there is none. The ring is turned, scaled
    and shifted as the frame is to come nearest to the face in the plane, and each of its corners then moved, in depth
    too, with its point of the border. The inter-ocular distance is that of the frame so scaled.
    """
    fit = fit_similarity(frame.shape[:, :2], faces[..., :2])
    turned = fit.scale[:, np.newaxis, np.newaxis] * np.swapaxes(fit.rotation, 1, 2)
    ring = np.zeros((len(faces), len(frame.ring), faces.shape[2]))
    ring[..., :2] = frame.ring @ turned + fit.shift[:, np.newaxis]
    if len(frame.border):
        ring[..., :2] -= frame.shape[frame.border, :2] @ turned + fit.shift[:, np.newaxis]
        ring += faces[:, frame.border]
    return np.concatenate([faces, ring], axis=1), fit.scale


def seen_places(frame: Frame, corners: Array, iod: float, size: Size, *, scale: float) -> Array:
    """Give the place in a photograph of each pixel of `grid_table`: (axis, pixel), NaN where it is not seen.

    Parameters
    ----------
    frame : Frame
    corners, iod : array (corner, axis), float
        Of one photograph, as `photograph_corners` gives them.
    size : (int, int)
        Height and width of the photograph.
    scale : float
        Pixels an inter-ocular distance of the grid.

    Notes
    -----
    Not seen is what is off the photograph, and a place whose triangle is turned over or, where landmarks have depth,
    that is behind another. The ring hides nothing.
    """
    table = grid_table(frame, scale)
    places = np.stack([table.weights @ corners[:, axis] for axis in (0, 1)])
    turned = doubled_areas(corners, frame.triangles) <= 0
    hidden = ~on_picture(places, size)
    if turned.any():
        hidden |= turned.take(table.triangles)
        if corners.shape[1] == 3:
            hidden[_behind(table, frame, corners, iod, turned, places)] = True
    places[:, hidden] = np.nan
    return places


def _behind(table: Located, frame: Frame, corners: Array, iod: float, turned: NDArray[np.bool_],
            places: Array) -> Indices:
    """Give the numbers of those places (axis, place) of a photograph, of a table's pixels, that are behind others.

    Where a photograph has a surface twice, it has turned over in between: only cells with such triangles are looked at,
    and triangles whose bounding box has one.
    """
    cell, low = iod / CELLS, corners[:, :2].min(axis=0)
    ends = ((corners[:, :2] - low) / cell).astype(np.intp)[frame.triangles.T]
    (x0, y0), (x1, y1) = ends.min(axis=0).T, ends.max(axis=0).T + 1
    folds = np.zeros((int(x1.max()) + 1, int(y1.max()) + 1), np.intp)
    for which in np.flatnonzero(turned).tolist():
        folds[x0[which] + 1:x1[which] + 1, y0[which] + 1:y1[which] + 1] = 1
    sums = folds.cumsum(axis=0).cumsum(axis=1)
    near = (sums[x1, y1] - sums[x0, y1] - sums[x1, y0] + sums[x0, y0] > 0) & ~turned
    some = np.flatnonzero(near.take(table.triangles))
    column, row = ((places.take(some, axis=1) - low[:, np.newaxis]) / cell).astype(np.intp) + 1
    some = some[folds[column, row] > 0]
    front = locate(places[:, some], corners, frame.triangles[:frame.n_mesh][near[:frame.n_mesh]])
    nearest = np.full(len(some), np.inf)
    nearest[front.places] = front.weights @ corners[:, 2]
    depth = np.where(table.triangles[some] < frame.n_mesh, table.weights[some] @ corners[:, 2], np.inf)
    return np.asarray(some[depth > nearest + BEHIND * iod])


def frame_places(frame: Frame, corners: Array, places: Array) -> Array:
    """Give where in the frame places (axis, place) of a photograph are, inter-ocular distances: (axis, place).

    NaN off its triangles, whose corners (corner, axis) are those of `photograph_corners`; of several the nearest
    counts.
    """
    moved = np.full(places.shape, np.nan)
    on = locate(places, corners, frame.triangles, n_front=frame.n_mesh)
    moved[:, on.places] = (on.weights @ frame.corners).T
    return moved


def on_picture(places: Array, size: Size) -> NDArray[np.bool_]:
    """Say which places (axis, place) are on a picture (height, width), its edges included; NaN is not."""
    x, y = places
    with np.errstate(invalid="ignore"):
        return np.asarray((x >= 0) & (x <= size[1]) & (y >= 0) & (y <= size[0]))


def sample(maps: NDArray[np.floating], places: Array) -> Array:
    """Read maps (..., y, x) at places (axis, place) on them, pixels, by bilinear interpolation: (..., place).

    The outermost half pixel has the value of its pixel. NaN where the nearest pixel is; elsewhere those of the four
    pixels around count that have a value.
    """
    height, width = maps.shape[-2:]
    last = np.array([[width - 1], [height - 1]])
    at = np.clip(places - 0.5, 0, last)
    first = np.minimum(at.astype(np.intp), np.maximum(last - 1, 0))
    at -= first
    (x, y), start = at, first[1] * width + first[0]
    flat = maps.reshape(*maps.shape[:-2], -1)
    across, below = min(width - 1, 1), width * min(height - 1, 1)
    around = [flat[..., step:].take(start, axis=-1) for step in (0, across, below, below + across)]
    top, bottom = around[0] + x * (around[1] - around[0]), around[2] + x * (around[3] - around[2])
    read: Array = top + y * (bottom - top)
    if np.isnan(read).any():
        return _known_part(np.stack([(1 - x) * (1 - y), x * (1 - y), (1 - x) * y, x * y]), np.stack(around))
    return read


def _known_part(weights: Array, around: Array) -> Array:
    """Weighted means (..., place) of values (pixel, ..., place) that are not NaN, NaN where the nearest is."""
    weights = np.broadcast_to(np.expand_dims(weights, tuple(range(1, around.ndim - 1))), around.shape)
    known = ~np.isnan(around)
    nearest = np.take_along_axis(known, weights.argmax(axis=0, keepdims=True), axis=0)[0]
    total = (weights * known).sum(axis=0)
    return np.where(nearest, (weights * np.where(known, around, 0)).sum(axis=0) / np.where(nearest, total, 1), np.nan)
