"""Canonical image-level saliency: how much a score falls when parts of the face are covered, in the canonical frame.

Discs lie on a hexagonal lattice of the frame. In a photograph a disc covers the pixels that show its part of the face,
however the head is turned. What scores photographs is any function: a network's, or one of the user's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import csr_array

from salcompare.errors import InputError, Problem
from salcompare.faces.atlas import region_masks
from salcompare.faces.frame import Array, Frame
from salcompare.faces.warp import (
    frame_grid,
    frame_places,
    grid_table,
    locate,
    on_picture,
    photograph_corners,
    pixel_centres,
    seen_places,
)
from salcompare.maps.alignment import transforms_of
from salcompare.maps.canonical import SCALE, frame_of, places_of_faces, rows_of_images
from salcompare.maps.checks import require_maps
from salcompare.progress import Progress, Silent
from salcompare.random_numbers import stream

SPACING = RADIUS = 0.2
"""Of the discs, inter-ocular distances."""
LEAST_VISIBLE = 0.5
"""Share of a disc that a photograph shows, below which the disc is left out."""
FILLS = ("mean", "blur", "noise")
BLUR = 0.3
"""Standard deviation of the Gaussian that blurs, inter-ocular distances."""
Score = Callable[[xr.DataArray], NDArray[np.floating]]
"""Gives one number for each photograph (image, y, x, channel); copies of an image have its name and coordinates."""


@dataclass(frozen=True, eq=False)
class Discs:
    """Discs of a frame: their middles (axis, disc), and which pixels of its grid (disc, pixel) each holds, as 1."""

    middles: Array
    on_grid: csr_array
    n_whole: NDArray[np.intp]  # pixels (disc,) that it would hold if the frame had no end


def canonical_saliency(photographs: xr.DataArray, landmarks: xr.DataArray, score: Score, *,
                       images: pd.DataFrame | None = None, spacing: float = SPACING, radius: float = RADIUS,
                       fill: str = "mean", frame: Frame | None = None, scale: float = SCALE, seed: int = 0,
                       batch: int = 64, progress: Progress | None = None) -> xr.DataArray:
    """Map how much a score of each photograph falls when parts of the face are covered (CIS).

    Parameters
    ----------
    photographs : DataArray (image, y, x, channel)
        uint8 or floats; may be lazy, one is read at a time. Other coordinates along image are handed to `score`.
    landmarks : DataArray (image, point, axis)
        Pixels of the photographs as they are before alignment, of these images or of more; 20 points or more.
    score : callable
        Given photographs (image, y, x, channel) as they are or with a disc covered, several of one image at a time, it
        gives one number for each. `salcompare.classifiers` makes scores of networks.
    images : DataFrame, optional
        As for `to_canonical`: needed where photographs are aligned or resized.
    spacing, radius : float
        Of the discs, on a hexagonal lattice: inter-ocular distances.
    fill : {"mean", "blur", "noise"}
        What covers: the photograph's mean colour, the photograph under a Gaussian of `BLUR` inter-ocular distances, or
        independent normal values with each channel's mean and standard deviation, which follow from `seed` and the
        image's name.
    frame : Frame, optional
        By default `salcompare.faces.canonical_frame` of the landmarks.
    scale : float
        Pixels of the map an inter-ocular distance.
    batch : int
        Photographs that are scored at a time.
    progress : Progress, optional
        Is told how many photographs are done.

    Returns
    -------
    DataArray (image, y, x)
        float64 in the score's unit a disc, above 0 where the score needs the place; ``y`` and ``x`` are inter-ocular
        distances as `to_canonical` has them. NaN where the photograph does not show the place, no disc covers it that
        is half visible, there is no face, or the score of the photograph is NaN. Coordinate **score** (image) is that
        of the whole photograph, **n_discs** (image) how many discs were covered. attrs: the frame, the discs, the fill.

    Raises
    ------
    InputError
        If the frame is no surface, an option is out of its range, dims or images are missing, or the score gives
        another shape.

    Notes
    -----
    With d the score less that of the photograph with a disc covered, and v the share of the disc that the photograph
    shows, a pixel has the sum of d over the discs that hold it over the sum of their v: a network to which all of the
    face is worth the same has the same value everywhere, at the outline too. Discs with v below `LEAST_VISIBLE` are
    left out.

    References
    ----------
    John, Balasubramanian & Jawahar (2021), arXiv:2105.01386; occlusion: Zeiler & Fergus (2014),
    doi:10.1007/978-3-319-10590-1_53
    """
    _require(photographs, fill, spacing=spacing, radius=radius, batch=batch)
    frame = frame_of(landmarks, frame, scale)
    grid, discs = frame_grid(frame, scale), lattice(frame, scale, spacing, radius)
    n = photographs.sizes["image"]
    maps = np.full((n, grid.height * grid.width), np.nan)
    whole, counts = np.full(n, np.nan), np.zeros(n, np.intp)
    for at, face, photograph, blank in _faces(photographs, landmarks, images, frame, fill, seed, progress):
        maps[at], whole[at], counts[at] = _fall(photograph, face, discs, blank, scale, radius, score, batch)
    along = {name: value for name, value in photographs.coords.items() if value.dims == ("image",)}
    return xr.DataArray(maps.reshape(-1, *grid.size), {
        **along, **grid.coords(), "score": ("image", whole), "n_discs": ("image", counts)}, ("image", "y", "x"),
        "saliency", {"frame": "canonical", "frame_of": frame.source, "unit": "inter-ocular distances",
                     "pixels_per_distance": scale, "visibility": "triangles", "spacing": spacing, "radius": radius,
                     "fill": fill, "of": "fall of the score when a disc is covered"})


def region_drops(photographs: xr.DataArray, landmarks: xr.DataArray, score: Score, *,
                 images: pd.DataFrame | None = None, fill: str = "mean", scale: float = SCALE, seed: int = 0,
                 batch: int = 64, progress: Progress | None = None) -> xr.DataArray:
    """Tell how far a score of each photograph falls when a whole region of the face is covered.

    Parameters
    ----------
    photographs, landmarks, score, images, fill, scale, seed, batch, progress
        As for `canonical_saliency`; landmarks are MediaPipe's 468 or 478 points.

    Returns
    -------
    DataArray (image, region)
        In the score's unit, regions as `salcompare.faces.region_masks` has them. NaN where the photograph shows less
        than half of the region, there is no face, or the score is NaN. Coordinates **visible** (image, region), the
        share of the region that is shown, and **score** (image), that of the whole photograph.

    Raises
    ------
    InputError
        As by `canonical_saliency`, and where the landmarks are of other points.
    """
    _require(photographs, fill, batch=batch)
    frame = frame_of(landmarks, None, scale)
    masks = region_masks(frame, scale=scale)
    names, flat = masks["region"].to_numpy(), masks.to_numpy().reshape(masks.sizes["region"], -1)
    drops, visible = np.full((2, photographs.sizes["image"], len(names)), np.nan)
    whole = np.full(len(drops), np.nan)
    for at, face, photograph, blank in _faces(photographs, landmarks, images, frame, fill, seed, progress):
        visible[at] = (flat & face.seen(scale)).sum(axis=1) / flat.sum(axis=1)
        usable = np.flatnonzero(visible[at] >= LEAST_VISIBLE)
        covers = face.covered_regions(flat[usable], scale)
        scores = np.concatenate([_scored(score, some) for some in _covered(photograph, covers, blank, batch)])
        whole[at], drops[at, usable] = scores[0], scores[0] - scores[1:]
    along = {name: value for name, value in photographs.coords.items() if value.dims == ("image",)}
    return xr.DataArray(drops, {**along, "region": names, "score": ("image", whole), "visible": (
        ("image", "region"), visible)}, ("image", "region"), "drop", {"fill": fill})


def _faces(photographs: xr.DataArray, landmarks: xr.DataArray, images: pd.DataFrame | None, frame: Frame, fill: str,
           seed: int, progress: Progress | None) -> Iterator[tuple[int, _Face, xr.DataArray, Array]]:
    """Give each photograph with a face: its number, the face, itself (1, y, x, channel), and what covers it."""
    if not frame.n_mesh:
        raise InputError(Problem("landmarks", f"{len(frame.points)} points, which make no surface", "20 or more, some "
                                 "of them on the midline", "bring 68 or 468 points"))
    photographs = photographs.transpose("image", "y", "x", "channel")
    names = photographs["image"].to_numpy().astype(str)
    size = photographs.sizes["y"], photographs.sizes["x"]
    chosen = rows_of_images(images, names, size)
    corners, iods = photograph_corners(frame, places_of_faces(landmarks, names, frame))
    matrices, sides = transforms_of(chosen, size=size).to_numpy(), chosen[["height", "width"]].to_numpy().tolist()
    for at in (progress or Silent()).track(range(len(names)), total=len(names), what="photographs covered in parts"):
        if np.isfinite(iods[at]):
            face = _Face(frame, corners[at], float(iods[at]), matrices[at], tuple(sides[at]), size)
            photograph = photographs.isel(image=[at]).load()
            yield at, face, photograph, _blank(photograph.to_numpy()[0], fill, BLUR * face.distance,
                                               stream(seed, "fill", names[at]))


def _fall(photograph: xr.DataArray, face: _Face, discs: Discs, blank: Array, scale: float, radius: float, score: Score,
          batch: int) -> tuple[Array, float, int]:
    """Map the fall of one photograph's score (pixel,); also give its score, and how many discs were covered."""
    seen = face.seen(scale)
    shares = discs.on_grid @ seen / discs.n_whole
    usable = np.flatnonzero(shares >= LEAST_VISIBLE)
    covers = face.covered(discs.middles[:, usable], radius)
    scores = np.concatenate([_scored(score, some) for some in _covered(photograph, covers, blank, batch)])
    held = discs.on_grid[usable].T
    weights = held @ shares[usable]
    fall = np.full(len(seen), np.nan)
    shown = seen & (weights > 0)
    fall[shown] = (held @ (scores[0] - scores[1:]))[shown] / weights[shown]
    return fall, float(scores[0]), len(usable)


@lru_cache(maxsize=8)
def lattice(frame: Frame, scale: float = SCALE, spacing: float = SPACING, radius: float = RADIUS) -> Discs:
    """Lay discs over a frame: a hexagonal lattice with a disc's middle on the midline at the eyes' height.

    Discs whose middle is on the frame's triangles, mesh or ring; the lattice is its own mirror image.
    """
    grid, step = frame_grid(frame, scale), spacing * np.sqrt(0.75)
    (left, top), (right, bottom) = frame.corners.min(axis=0), frame.corners.max(axis=0)
    rows = np.arange(np.ceil(top / step), np.floor(bottom / step) + 1)
    across = np.ceil(max(-left, right) / spacing) + 1
    y, x = np.meshgrid(rows, np.arange(-across, across + 1), indexing="ij")
    middles = np.stack([(spacing * (x + (rows % 2)[:, np.newaxis] / 2)).ravel(), (step * y).ravel()])
    middles = middles[:, np.isin(np.arange(middles.shape[1]), locate(middles, frame.corners, frame.triangles).places)]
    reach = int(np.ceil(radius * scale)) + 1
    offsets = np.mgrid[-reach:reach + 1, -reach:reach + 1][::-1].reshape(2, 1, -1)
    centres = grid.pixels(middles)
    pixels = np.floor(centres).astype(np.intp)[:, :, np.newaxis] + offsets  # (axis, disc, offset): column and row
    inside = ((pixels + 0.5 - centres[:, :, np.newaxis]) ** 2).sum(axis=0) <= (radius * scale) ** 2 + 1e-9
    disc, which = np.nonzero(inside & (pixels >= 0).all(axis=0) & (pixels[0] < grid.width) & (pixels[1] < grid.height))
    number = pixels[1, disc, which] * grid.width + pixels[0, disc, which]
    on_frame = np.isin(number, grid_table(frame, scale).places)
    held = csr_array((np.ones(int(on_frame.sum())), (disc[on_frame], number[on_frame])),
                     shape=(middles.shape[1], grid.height * grid.width))
    return Discs(middles, held, inside.sum(axis=1))


@dataclass(frozen=True, eq=False)
class _Face:
    """A face in a photograph: the corners of the frame's triangles, and what takes the photograph to the grid."""

    frame: Frame
    corners: Array
    iod: float  # of the photograph, pixels
    matrix: Array
    sides: tuple[int, int]  # of the photograph
    size: tuple[int, int]  # of the grid

    @property
    def distance(self) -> float:
        """Inter-ocular distance, pixels of the grid."""
        return float(self.iod * np.sqrt(np.linalg.det(self.matrix[:2, :2])))

    def seen(self, scale: float) -> NDArray[np.bool_]:
        """Say which pixels of the frame's grid the photograph shows."""
        places = seen_places(self.frame, self.corners, self.iod, self.sides, scale=scale)
        grid = frame_grid(self.frame, scale)
        seen = np.zeros(grid.height * grid.width, bool)
        shown = on_picture(self.matrix[:2, :2] @ places + self.matrix[:2, 2:], self.size)
        seen[grid_table(self.frame, scale).places[shown]] = True
        return seen

    @property
    def places(self) -> Array:
        """Where in the frame each pixel of the photograph's grid is (axis, pixel), NaN off the face and its ring."""
        inverse = np.linalg.inv(self.matrix)
        places = inverse[:2, :2] @ pixel_centres(self.size) + inverse[:2, 2:]
        return frame_places(self.frame, self.corners, np.asarray(places, np.float64))

    def covered(self, middles: Array, radius: float) -> NDArray[np.bool_]:
        """Say which pixels (disc, y, x) discs cover: those whose own place in the frame is within the radius."""
        with np.errstate(invalid="ignore"):
            near = ((self.places[:, np.newaxis] - middles[:, :, np.newaxis]) ** 2).sum(axis=0) <= radius**2
        return np.asarray(near.reshape(-1, *self.size))

    def covered_regions(self, masks: NDArray[np.bool_], scale: float) -> NDArray[np.bool_]:
        """Say which pixels (region, y, x) show a place of each of some regions, masks (region, pixel) of the grid."""
        grid, places = frame_grid(self.frame, scale), self.places
        on = np.flatnonzero(np.isfinite(places[0]))
        column, row = np.floor(grid.pixels(places[:, on])).astype(np.intp)
        inside = (row >= 0) & (row < grid.height) & (column >= 0) & (column < grid.width)
        covers = np.zeros((len(masks), places.shape[1]), bool)
        covers[:, on[inside]] = masks[:, row[inside] * grid.width + column[inside]]
        return covers.reshape(-1, *self.size)


def _require(photographs: xr.DataArray, fill: str, **above_zero: float) -> None:
    require_maps(photographs, "photographs", dims=("image", "y", "x", "channel"))
    problems = [Problem(name, repr(value), "above 0") for name, value in above_zero.items() if not value > 0]
    if fill not in FILLS:
        problems.append(Problem("fill", repr(fill), " or ".join(map(repr, FILLS))))
    if problems:
        raise InputError(problems)


def _blank(photograph: NDArray[np.generic], fill: str, sigma: float, rng: np.random.Generator) -> Array:
    """Give what a disc is filled with, for every pixel of a photograph (y, x, channel)."""
    values = photograph.astype(np.float64)
    mean = values.mean(axis=(0, 1))
    if fill == "mean":
        return np.broadcast_to(mean, values.shape)
    if fill == "blur":
        return np.asarray(ndimage.gaussian_filter(values, (sigma, sigma, 0), mode="reflect"))
    return rng.normal(mean, values.std(axis=(0, 1)), values.shape)


def _covered(photograph: xr.DataArray, covers: NDArray[np.bool_], blank: Array, batch: int) -> Iterator[xr.DataArray]:
    """Give a photograph (1, y, x, channel) as it is, and then with each of some covers (disc, y, x), in batches."""
    values = photograph.to_numpy()[0]
    filling = np.rint(blank).clip(0, 255).astype(np.uint8) if values.dtype == np.uint8 else blank.astype(values.dtype)
    covers = np.concatenate([np.zeros((1, *values.shape[:2]), bool), covers])
    for start in range(0, len(covers), batch):
        part = covers[start:start + batch]
        yield photograph.isel(image=np.zeros(len(part), np.intp)).copy(
            data=np.where(part[..., np.newaxis], filling, values))


def _scored(score: Score, photographs: xr.DataArray) -> Array:
    scores = np.asarray(score(photographs), np.float64)
    if scores.shape != (photographs.sizes["image"],):
        raise InputError(Problem("score", f"gave {scores.shape} numbers for {photographs.sizes['image']} photographs",
                                 "one for each"))
    return scores
