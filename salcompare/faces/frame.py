"""The canonical frame: one symmetrical mean face, its triangles, and where each photograph has their corners.

Axes are x to the right, y down and, where landmarks have it, z away from the viewer. The middle between the eyes is the
origin and their distance 1, the inter-ocular distance (IOD); the midline is x = 0.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import pairwise

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from salcompare.errors import InputError, Problem
from salcompare.faces.files import orl_landmarks
from salcompare.faces.procrustes import MOUTH, mean_shape
from salcompare.faces.schemes import EYES, SCHEMES, has_places

FEWEST = 20
"""Points that a mesh is made of at least; of fewer, a frame is a similarity."""
RING = 1.5
"""How far from the mesh's middle the border ring reaches, in distances of the convex hull."""
BOX = ((-1.75, -1.45), (1.75, 2.35))
"""What a frame of fewer shows: x and y of two corners, inter-ocular distances."""
SLIVER = 0.05
"""Triangles at the mesh's edge whose height is less than this share of their longest side are dropped."""
DIGITS = 6  # of places in the frame, so that machines agree on them
Array = NDArray[np.float64]
Indices = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Frame:
    """A canonical frame.

    Attributes
    ----------
    points : tuple of str
        Names of the landmarks that it is made of.
    shape : array (point, axis)
        Where they are, inter-ocular distances; exactly symmetrical about x = 0; two axes or three.
    pairs : array (point)
        Which point is the mirror image of each: itself on the midline.
    asymmetry : float
        Mean distance of a point from the mirror image of its partner before both were made symmetrical.
    triangles : array (triangle, 3)
        Corners, in `corners`, of the mesh's triangles and after them of the ring's, all turning the same way.
    n_mesh : int
        How many triangles are the mesh's. None where there are fewer than `FEWEST` points: the ring is `BOX` then.
    border : array (border)
        Points along the mesh's edge, in order: each has a corner of the ring.
    ring : array (ring, 2)
        Corners of the border ring.
    source : str
        What faces it is the mean of, in words.
    """

    points: tuple[str, ...]
    shape: Array
    pairs: Indices
    asymmetry: float
    triangles: Indices
    n_mesh: int
    border: Indices
    ring: Array
    source: str

    @cached_property
    def corners(self) -> Array:
        """Places in the plane of all corners of triangles, the points and after them the ring's: (corner, 2)."""
        return np.concatenate([self.shape[:, :2], self.ring])


def canonical_frame(landmarks: xr.DataArray) -> Frame:
    """Give the frame that faces are brought to.

    Parameters
    ----------
    landmarks : DataArray (image, point, axis)
        Of any scheme that has the eyes.

    Returns
    -------
    Frame
        Of 468 or 478 points the frame that comes with salcompare, the mean of the ORL faces, so that all studies with
        MediaPipe's mesh share it. Of other schemes the mean of these very faces: in space where there are z and corners
        of the mouth, else in the plane. Of fewer than `FEWEST` points, or none on the midline, it is a similarity only.

    Raises
    ------
    InputError
        Where the scheme has no eyes, or no photograph has a face.

    References
    ----------
    Gower (1975), doi:10.1007/BF02291478; the idea: John, Balasubramanian & Jawahar (2021), arXiv:2105.01386
    """
    if set(SCHEMES["468"].points) <= set(landmarks.point.to_numpy().tolist()):
        return mesh_frame()
    if not has_places(landmarks, EYES):
        raise InputError(Problem("landmarks", f"{landmarks.sizes['point']} points of a scheme without both eyes",
                                 "points of " + ", ".join(SCHEMES), "name the points, left_eye and right_eye two"))
    faces = int(np.isfinite(landmarks.to_numpy()).all(axis=(1, 2)).sum())
    if not faces:
        raise InputError(Problem("landmarks", "no photograph has a face", "one at least"))
    return make_frame(landmarks, source=f"the mean of {faces:,} faces of the study")


@cache
def mesh_frame() -> Frame:
    """Give the frame of MediaPipe's 468 points: the mean of the 400 ORL faces. The iris points of 478 are not in it."""
    return make_frame(orl_landmarks(), source="the mean of the 400 ORL faces")


def make_frame(landmarks: xr.DataArray, *, source: str) -> Frame:
    """Make a frame of faces, as `canonical_frame` says."""
    solid = landmarks.sizes["axis"] == 3 and has_places(landmarks, MOUTH) and landmarks.sizes["point"] >= FEWEST
    mean = mean_shape(landmarks if solid else landmarks.sel(axis=["x", "y"]))
    shape, pairs, asymmetry = _symmetrised(mean.to_numpy())
    on_midline = int((pairs == np.arange(len(pairs))).sum())
    names = tuple(mean.point.to_numpy().tolist())
    if len(shape) < FEWEST or on_midline < 2:
        (left, top), (right, bottom) = BOX
        ring = np.array([(left, top), (right, top), (right, bottom), (left, bottom)])
        return Frame(names, shape, pairs, asymmetry, len(shape) + np.array([(0, 1, 3), (1, 2, 3)]), 0,
                     np.empty(0, np.intp), ring, source)
    mesh = _mesh(shape[:, :2], pairs)
    border = _border(mesh, shape)
    return Frame(names, shape, pairs, asymmetry, np.concatenate([mesh, _ring(border, pairs, len(shape))]), len(mesh),
                 border, _ring_corners(shape[border, :2]), source)


def _symmetrised(shape: Array) -> tuple[Array, Indices, float]:
    """Pair the points of an upright shape with their mirror images, and give the mean of both."""
    from scipy.optimize import linear_sum_assignment

    mirror = np.append(-1.0, np.ones(shape.shape[1] - 1))
    distances = np.linalg.norm(shape[:, np.newaxis] - shape * mirror, axis=2)
    pairs = linear_sum_assignment(distances + distances.T)[1]
    if (pairs[pairs] != np.arange(len(pairs))).any():
        raise InputError(Problem("landmarks", "their mean is so little symmetrical that points cannot be paired left "
                                 "with right", "a face's points", "look whether the points are in their order"))
    even = np.round((shape + shape[pairs] * mirror) / 2, DIGITS)
    even[pairs == np.arange(len(pairs)), 0] = 0
    return even, pairs, float(np.linalg.norm(shape - shape[pairs] * mirror, axis=1).mean())


def _mesh(places: Array, pairs: Indices) -> Indices:
    """Triangulate points (point, 2): Delaunay of one side, and its mirror image."""
    from scipy.spatial import Delaunay

    side = np.flatnonzero(places[:, 0] <= 0)
    half = side[Delaunay(places[side]).simplices]
    areas = doubled_areas(places, half)
    half[areas < 0] = half[areas < 0][:, ::-1]
    sides = np.linalg.norm(places[half] - places[np.roll(half, 1, axis=1)], axis=2)
    flat = np.abs(areas) < SLIVER * sides.max(axis=1) ** 2
    half, flat = half[areas != 0], flat[areas != 0]
    while (dropped := flat & _at_edge(half, places)).any():
        half, flat = half[~dropped], flat[~dropped]
    return np.concatenate([half, pairs[half][:, ::-1]])


def doubled_areas(places: Array, triangles: Indices) -> Array:
    """Twice the areas (..., triangle) of triangles with corners at places (..., corner, 2), below 0 if turned over."""
    one, two, three = (places[..., triangles[:, corner], :2] for corner in range(3))
    first, second = two - one, three - one
    return np.asarray(first[..., 0] * second[..., 1] - first[..., 1] * second[..., 0])


def _edges(triangles: Indices) -> list[tuple[int, int]]:
    return [(a, b) for one in triangles.tolist() for a, b in zip(one, [*one[1:], one[0]], strict=True)]


def _at_edge(half: Indices, places: Array) -> NDArray[np.bool_]:
    """Say which triangles of a half have a side that no other has, the midline's aside."""
    edges = _edges(half)
    times = Counter(frozenset(edge) for edge in edges)
    free = [times[frozenset(edge)] == 1 and bool(places[list(edge), 0].any()) for edge in edges]
    return np.asarray(np.array(free).reshape(-1, 3).any(axis=1))


def _border(mesh: Indices, shape: Array) -> Indices:
    """Points around the mesh, in the order of its triangles' corners, beginning at the top."""
    edges = set(_edges(mesh))
    following = {a: b for a, b in edges if (b, a) not in edges}
    loop = [min(following, key=lambda point: (abs(shape[point, 0]) > 0, shape[point, 1]))]
    while (after := following[loop[-1]]) != loop[0]:
        loop.append(after)
    return np.array(loop, np.intp)


def _ring(border: Indices, pairs: Indices, n_points: int) -> Indices:
    """Two triangles between each two points of the border and their corners of the ring; mirrored."""
    outer = {point: n_points + at for at, point in enumerate(border.tolist())}
    triangles: list[tuple[int, int, int]] = []
    half = border[:len(border) // 2 + 1].tolist()
    for a, b in pairwise(half):
        c, d = pairs[[a, b]].tolist()
        triangles += [(a, outer[a], b), (b, outer[a], outer[b]), (d, outer[c], c), (outer[d], outer[c], d)]
    return np.array(triangles, np.intp).reshape(-1, 3)


def _ring_corners(edge: Array) -> Array:
    """Corners of the ring, of each point of the mesh's edge (border, 2): `RING` times as far as the edge's convex hull.

    Distances are from the middle of the y-range that the edge has on the midline.
    """
    from scipy.spatial import ConvexHull

    on_midline = edge[edge[:, 0] == 0, 1]
    middle = np.array([0.0, (on_midline.min() + on_midline.max()) / 2])
    sides = ConvexHull(edge).equations  # normals and offsets, below 0 inside
    slopes = sides[:, :2] @ (edge - middle).T
    with np.errstate(divide="ignore"):
        reach = np.where(slopes > 0, -(sides[:, :2] @ middle + sides[:, 2])[:, np.newaxis] / slopes, np.inf).min(axis=0)
    return np.asarray(np.round(middle + RING * reach[:, np.newaxis] * (edge - middle), DIGITS))
