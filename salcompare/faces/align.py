"""Alignment: the similarity that takes each photograph's face to one place of the grid, and what it moves.

Photographs are warped bicubic with their edges repeated, densities (coverage, heatmaps) keep their value at each place
and are 0 outside the photograph, and points are moved (`salcompare.maps.move_points`) before they become maps.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from salcompare.errors import InputError, Problem
from salcompare.faces.schemes import DLIB_FIVE, EYES, FIVE, has_places, place_centres

CHIP = 150
"""Side of dlib's picture of a face, pixels."""
Point = tuple[float, float]
Matrix = NDArray[np.float64]  # (3, 3), of homogeneous places (x, y, 1)
_CORNERS: dict[str, Point] = {"right_eye_outer": (110.96, 46.35), "right_eye_inner": (89.61, 47.90),
                              "left_eye_outer": (37.06, 46.37), "left_eye_inner": (58.41, 47.91),
                              "nose_base": (74.01, 87.78)}
"""dlib's five points there: its ``mean_face_shape``, padded by a quarter."""
_CENTRES: dict[str, Point] = {"left_eye": (46.92, 47.48), "right_eye": (101.05, 47.48)}
_USUAL: dict[str, Point] = {**_CENTRES, "nose_tip": (74.18, 73.99), "left_mouth": (51.07, 100.66),
                            "right_mouth": (97.10, 100.66)}
"""Where the 400 ORL faces have the other points, in the mean, when they are aligned by dlib's."""
TEMPLATES: dict[str, Mapping[tuple[str, ...], Mapping[str, Point]]] = {
    "eyes": {EYES: _CENTRES}, "five_points": {DLIB_FIVE: _CORNERS, FIVE: _USUAL}}
"""Where points are to be, by alignment: the first set that landmarks have is taken."""


def template_points(align: str, points: tuple[str, ...], *, size: tuple[int, int]) -> NDArray[np.float64]:
    """Give the template's places (point, 2), x and y in pixels of a grid (height, width), the first's centre 0.5.

    The square chip is as large as fits the grid, and in its middle. dlib's own pictures are met so: half a pixel more
    or less fits them worse.
    """
    side = min(size)
    places = np.array([TEMPLATES[align][points][point] for point in points])
    return np.asarray(places * side / CHIP + (np.array(size[::-1]) - side) / 2)


def align_faces(landmarks: xr.DataArray, align: str, *, size: tuple[int, int]) -> xr.DataArray:
    """Fit each face to the template by the similarity (turn, scale, shift) of least squares.

    Parameters
    ----------
    landmarks : DataArray (image, point, axis)
        Pixels of the photograph, the first one's centre at 0.5; of any scheme that has the template's points.
    align : {"eyes", "five_points"}
        Both eyes' centres; or the corners of the eyes and the base of the nose, or where a scheme lacks these, centres
        of the eyes, tip of the nose and corners of the mouth (`TEMPLATES`).
    size : (int, int)
        Height and width of the grid.

    Returns
    -------
    DataArray (image, to, of)
        Matrices that take (x, y, 1) in pixels of the photograph to pixels of the grid; NaN where there is no face, or
        its points are all in one place. Coordinate ``misfit`` (image): root mean square distance of the moved points
        from the template's, in shares of the template's distance between the eyes.

    Raises
    ------
    InputError
        Where the scheme has not the points, or `align` is unknown.

    References
    ----------
    Umeyama (1991), doi:10.1109/34.88573; the template: King (2009), jmlr.org/papers/v10/king09a.html
    """
    from skimage.transform import SimilarityTransform

    if align not in TEMPLATES:
        raise InputError(Problem("align", repr(align), "one of " + ", ".join(TEMPLATES)))
    sets = list(TEMPLATES[align])
    points = next((one for one in sets if has_places(landmarks, one)), sets[0])
    wanted = template_points(align, points, size=size)
    places = place_centres(landmarks, points).sel(axis=["x", "y"]).to_numpy()
    matrices, misfit = np.full((len(places), 3, 3), np.nan), np.full(len(places), np.nan)
    eyes = np.diff(list(_CENTRES.values()), axis=0) * min(size) / CHIP
    for at, face in enumerate(places):
        if not np.isfinite(face).all() or np.ptp(face, axis=0).max() == 0:
            continue
        fit = SimilarityTransform.from_estimate(face, wanted)
        matrices[at] = fit.params
        misfit[at] = np.sqrt(((fit(face) - wanted) ** 2).sum(axis=1).mean()) / np.hypot(*eyes[0])
    names = ["x", "y", "1"]
    of_images = {name: coord for name, coord in landmarks.coords.items() if coord.dims == ("image",)}
    return xr.DataArray(matrices, dims=("image", "to", "of"), name="transform", coords={
        **of_images, "to": names, "of": names, "misfit": ("image", misfit)})


def warp_photograph(pixels: NDArray[np.uint8], matrix: Matrix, *, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Bring a photograph, uint8 (y, x, channel), to a grid (height, width) by the matrix that takes its pixels there.

    Bicubic, edges repeated; where the photograph shrinks it is smoothed first, as scikit-image's ``resize`` does.
    """
    warped = _warped(pixels.astype(np.float64), matrix, size, order=3, mode="edge")
    return np.asarray(np.rint(np.clip(warped, 0, 255)), np.uint8)


def warp_density(maps: xr.DataArray, transforms: xr.DataArray, *, size: tuple[int, int]) -> xr.DataArray:
    """Bring maps of whole photographs to the aligned grid, each place with the value that it had.

    Parameters
    ----------
    maps : DataArray (image, y, x)
        Non-negative maps on the photographs' own pixels, such as coverage or heatmaps.
    transforms : DataArray (image, to, of)
        As `align_faces` gives them, of these images or of more.
    size : (int, int)
        Height and width of the grid.

    Returns
    -------
    DataArray (image, y, x)
        float64; bilinear, and 0 outside the photograph, where nothing was marked; NaN where there is no face. Sums
        change with the scale: maps that must sum to 1 are scaled anew.
    """
    matrices = transforms.sel(image=maps["image"]).to_numpy()
    warped = [warp_map(one, matrix, size=size) if np.isfinite(matrix).all() else np.full(size, np.nan)
              for one, matrix in zip(maps.transpose("image", "y", "x").to_numpy(), matrices, strict=True)]
    coords = {name: coord for name, coord in maps.coords.items() if coord.dims == ("image",)}
    return xr.DataArray(np.stack(warped), dims=("image", "y", "x"), name=maps.name, attrs=maps.attrs,
                        coords={**coords, "y": np.arange(size[0]), "x": np.arange(size[1])})


def warp_map(values: NDArray[np.floating], matrix: Matrix, *, size: tuple[int, int]) -> NDArray[np.float64]:
    """Bring one map (y, x) to a grid by the matrix that takes its pixels there, as `warp_density` does."""
    return np.maximum(_warped(np.asarray(values, np.float64), matrix, size, order=1, mode="constant"), 0)


def _warped(values: NDArray[np.float64], matrix: Matrix, size: tuple[int, int], *, order: int,
            mode: Literal["edge", "constant"]) -> NDArray[np.float64]:
    """Warp through scikit-image, which counts from the first pixel's centre."""
    from scipy.ndimage import gaussian_filter
    from skimage.transform import warp

    scales = np.hypot(matrix[:2, :2][0], matrix[:2, :2][1])[::-1]  # of y, x
    sigma = (*np.maximum(0, (1 / scales - 1) / 2), *(0,) * (values.ndim - 2))
    if max(sigma) > 0:
        values = gaussian_filter(values, sigma, mode="nearest" if mode == "edge" else "constant")
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    # A matrix warps in scikit-image's fast way, which a function of places would not.
    back = np.linalg.inv(half) @ np.linalg.inv(matrix) @ half
    warped = warp(values, back, output_shape=size, order=order, mode=mode,  # type: ignore[no-untyped-call]
                  preserve_range=True)
    return np.asarray(warped, np.float64)
