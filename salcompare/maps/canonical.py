"""Maps in the canonical frame: from photographs to it and back, labelled."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from salcompare.errors import InputError, Problem
from salcompare.faces.frame import Array, Frame, Indices, canonical_frame
from salcompare.faces.warp import (
    frame_grid,
    frame_places,
    grid_table,
    on_picture,
    photograph_corners,
    pixel_centres,
    sample,
    seen_places,
)
from salcompare.maps.alignment import transforms_of
from salcompare.maps.checks import PIXELS, pixel_coords, require_maps, require_size

SCALE = 56
"""Pixels of the frame's grid an inter-ocular distance."""
_OF_FRAME = ("frame", "frame_of", "unit", "pixels_per_distance", "visibility")  # attributes
Kernel = Callable[[Array, Array, Array, float, Array, list[int]], None]
"""Fills (..., pixel) from maps (..., y, x) of an image, corners and IOD of its face, matrix to the grid, and sides."""


def to_canonical(maps: xr.DataArray, landmarks: xr.DataArray, *, images: pd.DataFrame | None = None,
                 frame: Frame | None = None, scale: float = SCALE) -> xr.DataArray:
    """Bring maps of photographs to the canonical frame, where a pixel is the same place of the face in all of them.

    Parameters
    ----------
    maps : DataArray (image, ..., y, x)
        Densities, such as coverage, saliency or heatmaps, eager or dask; any dims beside these, in any order. Points
        are moved before they become maps: `points_to_canonical`.
    landmarks : DataArray (image, point, axis)
        Pixels of the photographs, of these images or of more; of any scheme that has the eyes.
    images : DataFrame, optional
        One row an image, as the catalogue has them: ``image``, ``height`` and ``width`` of the photograph and, where it
        is aligned, what takes it to the maps' grid. Without it maps are on the photographs' pixels.
    frame : Frame, optional
        By default `salcompare.faces.canonical_frame` of the landmarks.
    scale : float
        Pixels an inter-ocular distance.

    Returns
    -------
    DataArray (image, ..., y, x)
        float64, or float32 of float32; ``y`` and ``x`` are inter-ocular distances from the middle between the eyes, y
        down, x = 0 the midline and between two columns. Each place has the value that it has in the photograph, read by
        bilinear interpolation, from maps that are smoothed first where they shrink, as alignment does. NaN where the
        photograph does not show the place: outside it or outside its aligned grid, where the head's turn hides it, all
        over where there is no face, and outside the frame. Attributes say which frame, its unit and the scale.

    Raises
    ------
    InputError
        Where maps or landmarks lack dims or images, or the landmarks' points are not the frame's.

    References
    ----------
    The idea: John, Balasubramanian & Jawahar (2021), arXiv:2105.01386
    """
    require_maps(maps, "maps", dims=("image", *PIXELS))
    frame = frame_of(landmarks, frame, scale)
    grid = frame_grid(frame, scale)
    moved = _each(partial(_to_frame, frame=frame, scale=scale), maps, landmarks, images, frame,
                  grid=(maps.sizes["y"], maps.sizes["x"]), size=grid.size)
    visibility = "triangles" if frame.n_mesh else f"unknown: {len(frame.points)} points make no surface"
    about = ("canonical", frame.source, "inter-ocular distances", scale, visibility)
    moved.attrs = {**maps.attrs, **dict(zip(_OF_FRAME, about, strict=True))}
    return moved.assign_coords(grid.coords())


def from_canonical(maps: xr.DataArray, landmarks: xr.DataArray, *, size: tuple[int, int],
                   images: pd.DataFrame | None = None, frame: Frame | None = None) -> xr.DataArray:
    """Bring maps of the canonical frame onto photographs.

    Parameters
    ----------
    maps : DataArray (..., y, x)
        As `to_canonical` gives them; without a dim ``image`` the same for every photograph.
    landmarks, images, frame
        As for `to_canonical`.
    size : (int, int)
        Height and width of the grid that shows the photographs: their own, or with `images` any.

    Returns
    -------
    DataArray (image, ..., y, x)
        NaN off the face and its border ring, and where the map of the frame is NaN. Of places of the face that are
        behind one another the nearest is shown.

    Raises
    ------
    InputError
        Where maps are not of this frame, or landmarks lack images.
    """
    require_maps(maps, "maps")
    size = require_size(size)
    frame = frame_of(landmarks, frame)
    scale = float(maps.attrs.get("pixels_per_distance", np.nan))
    grid = frame_grid(frame, scale) if scale > 0 else None
    if grid is None or tuple(maps.sizes[dim] for dim in PIXELS) != grid.size:
        raise InputError(Problem("maps", f"{maps.sizes['y']} x {maps.sizes['x']} pixels, pixels_per_distance {scale:g}",
                                 "maps as to_canonical gives them, of the same frame"))
    if "image" not in maps.dims:
        maps = maps.expand_dims(image=landmarks.image)
    moved = _each(partial(_from_frame, frame=frame, scale=scale, size=size), maps, landmarks, images, frame, grid=size,
                  size=size)
    moved.attrs = {name: value for name, value in maps.attrs.items() if name not in _OF_FRAME}
    return moved.assign_coords(pixel_coords(*size))


def points_to_canonical(points: pd.DataFrame, landmarks: xr.DataArray, *, frame: Frame | None = None,
                        scale: float = SCALE) -> pd.DataFrame:
    """Move points of photographs, such as fixations, to the grid of the canonical frame.

    Parameters
    ----------
    points : DataFrame
        ``image``, and ``x`` and ``y`` in pixels of the photograph; other columns are kept.
    landmarks, frame, scale
        As for `to_canonical`.

    Returns
    -------
    DataFrame
        The same rows with ``x`` and ``y`` in pixels of the frame's grid, NaN where they are not on the face or its
        border ring, or there is no face. `rasterise_fixations` makes maps of them, with that grid's height and width as
        those of the images.

    Raises
    ------
    InputError
        Where landmarks lack images, or their points are not the frame's.

    Notes
    -----
    A map of single points that is warped has wrong masses (in trials by up to 42%): points are moved instead.
    """
    _require_columns(points, "points", "image", "x", "y")
    frame = frame_of(landmarks, frame, scale)
    images, codes = np.unique(points["image"].to_numpy(str), return_inverse=True)
    moved = np.full((2, len(points)), np.nan)
    places = points[["x", "y"]].to_numpy(np.float64).T
    grid = frame_grid(frame, scale)
    for at, corners in enumerate(photograph_corners(frame, places_of_faces(landmarks, images, frame))[0]):
        rows = np.flatnonzero(codes == at)
        moved[:, rows] = grid.pixels(frame_places(frame, corners, places[:, rows]))
    return points.assign(x=moved[0], y=moved[1])


def frame_of(landmarks: xr.DataArray, frame: Frame | None, scale: float = SCALE) -> Frame:
    """Give the frame, by default that of the landmarks, or refuse these or the scale."""
    require_maps(landmarks, "landmarks", dims=("image", "point", "axis"))
    if not scale > 0:
        raise InputError(Problem("scale", repr(scale), "pixels an inter-ocular distance, above 0"))
    return frame or canonical_frame(landmarks)


def _require_columns(table: pd.DataFrame, where: str, *columns: str) -> None:
    lacking = [Problem(where, f"no column {name!r}", ", ".join(columns)) for name in columns if name not in table]
    if lacking:
        raise InputError(lacking)


def rows_of_images(images: pd.DataFrame | None, names: NDArray[np.str_], size: tuple[int, int]) -> pd.DataFrame:
    """Give the catalogue's rows of some images; without a catalogue, the photographs are as large as the maps."""
    if images is None:
        images = pd.DataFrame({"image": names, "height": size[0], "width": size[1]})
    _require_columns(images, "images", "image", "height", "width")
    rows = pd.Index(images["image"]).get_indexer(pd.Index(names))
    if (rows < 0).any():
        raise InputError(Problem(f"image {str(names[rows < 0][0])!r}", "is not among the images", "a row for each map"))
    chosen: pd.DataFrame = images.iloc[rows]
    return chosen


def places_of_faces(landmarks: xr.DataArray, images: NDArray[np.str_], frame: Frame) -> Array:
    """Places (image, point, axis) of a frame's points in photographs."""
    strange = [point for point in frame.points if point not in landmarks.point]
    at = landmarks.get_index("image").get_indexer(pd.Index(images))
    problems = [Problem("landmarks", f"{landmarks.sizes['point']} points, without {point!r}", "the "
                        f"{len(frame.points)} points of the frame", "leave the frame out") for point in strange[:1]]
    problems += [Problem(f"image {image!r}", "has no row in the landmarks", "landmarks of each image, NaN where there "
                         "is no face") for image in images[at < 0].tolist()]
    if problems:
        raise InputError(problems)
    return np.asarray(landmarks.isel(image=at).sel(point=list(frame.points)).transpose("image", "point", "axis"),
                      np.float64)


def _each(kernel: Kernel, maps: xr.DataArray, landmarks: xr.DataArray, images: pd.DataFrame | None, frame: Frame, *,
          grid: tuple[int, int], size: tuple[int, int]) -> xr.DataArray:
    """Apply a kernel to each image's maps (..., y, x), its face, what takes its photograph to `grid`, and its sides."""
    names = maps.image.to_numpy().astype(str)
    chosen = rows_of_images(images, names, grid)
    rest = [dim for dim in maps.dims if dim not in ("image", *PIXELS)]
    coords = {"image": maps.image}
    faces = xr.DataArray(places_of_faces(landmarks, names, frame), coords, ("image", "point", "axis"))
    matrices = xr.DataArray(transforms_of(chosen, size=grid).to_numpy(), coords, ("image", "to", "of"))
    sides = xr.DataArray(chosen[["height", "width"]].to_numpy(), coords, ("image", "side"))
    dtype = np.float32 if maps.dtype == np.float32 else np.float64

    def of_images(values: NDArray[np.floating], faces: Array, matrices: Array, sides: NDArray[np.intp]) -> Array:
        """Move the maps of some images, NaN where there is no face."""
        moved = np.full((*values.shape[:-2], size[0] * size[1]), np.nan, dtype)
        photographs = zip(*photograph_corners(frame, faces), matrices, sides.tolist(), strict=True)
        for one, maps_of_it, photograph in zip(moved, values, photographs, strict=True):
            if np.isfinite(photograph[1]):
                kernel(one, maps_of_it.astype(np.float64, copy=False), *photograph)
        return moved.reshape(*values.shape[:-2], *size)

    moved: xr.DataArray = xr.apply_ufunc(
        of_images, maps, faces, matrices, sides, dask="parallelized", exclude_dims=set(PIXELS),
        input_core_dims=[[*rest, *PIXELS], ["point", "axis"], ["to", "of"], ["side"]],
        output_core_dims=[[*rest, *PIXELS]], output_dtypes=[dtype],
        dask_gufunc_kwargs={"allow_rechunk": True, "output_sizes": dict(zip(PIXELS, size, strict=True))})
    return moved


def _to_frame(moved: Array, maps: Array, corners: Array, iod: float, matrix: Array, sides: list[int], *, frame: Frame,
              scale: float) -> None:
    places = _moved(matrix, seen_places(frame, corners, iod, (sides[0], sides[1]), scale=scale))
    shrinking = iod * np.sqrt(np.linalg.det(matrix[:2, :2])) / scale
    _fill(moved, grid_table(frame, scale).places, _smoothed(maps, shrinking), places)


def _from_frame(moved: Array, maps: Array, corners: Array, _: float, matrix: Array, sides: list[int], *, frame: Frame,
                scale: float, size: tuple[int, int]) -> None:
    places = _moved(np.asarray(np.linalg.inv(matrix), np.float64), pixel_centres(size))
    shown = np.flatnonzero(on_picture(places, (sides[0], sides[1])))
    _fill(moved, shown, maps, frame_grid(frame, scale).pixels(frame_places(frame, corners, places[:, shown])))


def _fill(moved: Array, pixels: Indices, maps: Array, places: Array) -> None:
    """Fill those pixels of (..., pixel) whose places (axis, place) are on the maps (..., y, x)."""
    seen = np.flatnonzero(on_picture(places, (maps.shape[-2], maps.shape[-1])))
    moved[..., pixels[seen]] = sample(maps, places.take(seen, axis=1))


def _moved(matrix: Array, places: Array) -> Array:
    return places if (matrix == np.eye(3)).all() else matrix[:2, :2] @ places + matrix[:2, 2:]


def _smoothed(maps: Array, shrinking: float) -> Array:
    """Smooth maps (..., y, x) that are to be so many times smaller, by the rule of `salcompare.faces.align`."""
    from scipy.ndimage import gaussian_filter

    sigma = (shrinking - 1) / 2
    if sigma < 0.25 or np.isnan(maps).any():  # a neighbour would have less than 0.0004 of a pixel's weight
        return maps
    return np.asarray(gaussian_filter(maps, sigma, mode="nearest", axes=(-2, -1)))
