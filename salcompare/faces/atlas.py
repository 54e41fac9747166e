"""Regions of the canonical face: each triangle of the mesh of 468 points and of its border ring is in exactly one."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
import xarray as xr

from salcompare.errors import InputError, Problem
from salcompare.faces.frame import Frame, Indices, doubled_areas, mesh_frame
from salcompare.faces.schemes import SCHEMES
from salcompare.faces.warp import frame_grid, grid_table

REGIONS = ("hair", "forehead", "temples", "brows", "eyes", "ears", "bridge", "nose tip", "nose wings", "cheeks",
           "laugh lines", "philtrum", "lips", "chin", "jaw", "neck")
"""From top to bottom; those on both sides are one region."""
LABEL_REGIONS: Mapping[str, tuple[str, ...]] = {
    "beard": ("chin", "jaw"), "cheek": ("cheeks",), "chin": ("chin",), "ears": ("ears",), "eyes": ("eyes",),
    "eye brows": ("brows",), "hairline": ("hair",), "laugh line": ("laugh lines",), "lips": ("lips",),
    "moustache": ("philtrum",), "nose": ("bridge", "nose tip", "nose wings")}
"""The regions that a label names. People's boxes reach beyond: a third of the area around eye brows lies on them."""
_OUTLINES: Mapping[str, tuple[int, ...]] = {
    "lips": (0, 37, 39, 40, 185, 61, 146, 91, 181, 84, 17),
    "brows": (70, 63, 105, 66, 107, 55, 221, 222, 223, 224, 225, 46),
    "eyes": (46, 225, 224, 223, 222, 221, 55, 193, 245, 128, 121, 120, 119, 118, 117, 111, 35, 124),
    "forehead": (21, 54, 103, 67, 109, 10, 9, 107, 66, 105, 63, 71),
    "bridge": (9, 107, 55, 193, 245, 128, 114, 217, 198, 134, 51, 5),
    "nose tip": (5, 51, 134, 220, 237, 239, 60, 97, 2),
    "nose wings": (134, 198, 217, 126, 209, 129, 64, 98, 97, 60, 239, 237, 220),
    "philtrum": (2, 97, 98, 165, 40, 39, 37, 0),
    "laugh lines": (64, 129, 203, 206, 216, 212, 202, 43, 146, 61, 185, 40, 165, 98),
    "chin": (17, 84, 181, 91, 146, 43, 204, 211, 170, 149, 176, 148, 152),
    "jaw": (58, 192, 214, 212, 202, 43, 204, 211, 170, 149, 150, 136, 172),
    "temples": (21, 71, 63, 70, 46, 124, 35, 111, 117, 116, 227, 127, 162)}
"""The left half's outlines, by numbers of points; a triangle is in the first that its centre is in, else a cheek."""
_HAIR, _EARS = 9, 61  # the ring is hair above the level of this point, then ears, and below that of this one neck


@lru_cache(maxsize=8)
def triangle_regions(frame: Frame) -> Indices:
    """Give the region, by its number in `REGIONS`, of each of a frame's triangles: (triangle).

    Raises `InputError` where the frame is not of the 468 points.
    """
    from skimage.measure import points_in_poly

    if frame.points != SCHEMES["468"].points:
        raise InputError(Problem("frame", f"of {len(frame.points)} points", "the 468 of MediaPipe's mesh for regions",
                                 "give landmarks of that scheme"))
    places = frame.corners
    centres = places[frame.triangles].mean(axis=1)
    centres[:, 0] = -np.abs(centres[:, 0])
    hair, ears = places[[_HAIR, _EARS], 1]
    ring = np.select([centres[:, 1] < hair, centres[:, 1] < ears], [REGIONS.index("hair"), REGIONS.index("ears")],
                     REGIONS.index("neck"))
    inside = [points_in_poly(centres, places[list(outline)])  # type: ignore[no-untyped-call]
              for outline in _OUTLINES.values()]
    mesh = np.select(inside, [REGIONS.index(name) for name in _OUTLINES], REGIONS.index("cheeks"))
    return np.where(np.arange(len(centres)) < frame.n_mesh, mesh, ring)


def region_masks(frame: Frame | None = None, *, scale: float) -> xr.DataArray:
    """Give the regions of the canonical face as masks on its grid.

    Parameters
    ----------
    frame : Frame, optional
        Of MediaPipe's 468 points; by default `mesh_frame`.
    scale : float
        Pixels an inter-ocular distance, as for `salcompare.to_canonical`.

    Returns
    -------
    DataArray (region, y, x), bool
        Regions in the order of `REGIONS`; each pixel of the frame is in exactly one. Coordinate ``area`` (region): the
        area of the region's triangles, squares of the inter-ocular distance; ``y`` and ``x`` as of canonical maps.

    Raises
    ------
    InputError
        Where the frame is of other points.
    """
    frame = frame or mesh_frame()
    regions, table, grid = triangle_regions(frame), grid_table(frame, scale), frame_grid(frame, scale)
    masks = np.zeros((len(REGIONS), grid.height * grid.width), bool)
    masks[regions[table.triangles], table.places] = True
    areas = np.bincount(regions, doubled_areas(frame.corners, frame.triangles) / 2)
    return xr.DataArray(masks.reshape(-1, *grid.size), dims=("region", "y", "x"), name="regions", coords={
        "region": list(REGIONS), "area": ("region", areas), **grid.coords()})
