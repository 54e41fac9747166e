"""From fixations and clicks to maps: a Gaussian on each place, weighed by how long it was looked at."""

from dataclasses import dataclass
from typing import Literal

import dask.array as da
import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from scipy.special import ndtr

from salcompare.blocks import one_thread
from salcompare.errors import InputError, Problem
from salcompare.maps.alignment import is_aligned, move_points, transforms_of
from salcompare.maps.checks import image_coords, pixel_coords, require_choice, require_size
from salcompare.maps.responses import mean_of_responses, response_array

COLUMNS = ("worker", "image", "x", "y")
CONVENTION = ("pixels of the image as shown, origin top left, the first pixel's centre at 0.5; a Gaussian integrated "
              "over each pixel, cut at the image's edges and scaled so that all of its weight is inside; each trial "
              "sums to 1")
_AT_A_TIME = 16
"""Maps of a block, where they are made as they are asked for."""


def sigma_in_pixels(sigma: float, *, unit: Literal["pixels", "degrees"] = "pixels",
                    pixels_per_degree: float | None = None) -> float:
    """Give a Gaussian's standard deviation in pixels; `InputError` if a number is not finite and above 0.

    Parameters
    ----------
    sigma, unit : float, {"pixels", "degrees"}
        Above 0, in pixels or in degrees of visual angle.
    pixels_per_degree : float, optional
        How many pixels a degree had on the screen; must be given for degrees.
    """
    require_choice(unit, ("pixels", "degrees"), "unit")
    wanted = {"sigma": sigma} | ({"pixels_per_degree": pixels_per_degree} if unit == "degrees" else {})
    problems = [Problem(name, repr(value), "a finite number above 0") for name, value in wanted.items()
                if value is None or not (np.isfinite(value) and value > 0)]
    if problems:
        raise InputError(problems)
    return sigma * pixels_per_degree if unit == "degrees" and pixels_per_degree is not None else sigma


def fixation_maps(fixations: pd.DataFrame, images: pd.DataFrame, *, size: tuple[int, int], sigma: float,
                  sigma_of: Literal["image", "grid"] = "image", chunked: bool = False) -> xr.DataArray:
    """Turn the fixations of each trial into a map.

    Parameters
    ----------
    fixations : DataFrame
        One row a fixation or click: ``worker``, ``image``, ``x`` and ``y`` in pixels of the image as shown; optional
        ``duration``, without which each row weighs the same, and ``trial``.
    images, size : DataFrame, (int, int)
        As for `rasterise_boxes`.
    sigma : float
        Standard deviation of the Gaussian on each fixation; see `sigma_in_pixels` for degrees.
    sigma_of : {"image", "grid"}
        Whether sigma is in pixels of the image as shown, whose aspect the grid need not have, or of the grid.
    chunked : bool
        Whether the maps are a dask array, made a few at a time when they are used, as many may not fit into memory.

    Returns
    -------
    DataArray (response, y, x), float32
        A response is one trial: one showing of an image to a worker. Coordinates ``image``, ``worker``, ``trial``,
        ``actor`` along it. Each map sums to 1: the share of the trial's looking time in each pixel. Responses stand in
        the order of `images`, then of workers and trials, whatever the order of the rows.

    Raises
    ------
    InputError
        If a column is missing, or naming every row whose image is unknown, whose place is not finite or outside its
        image, or whose duration is not above 0.

    Notes
    -----
    Pixels' values are integrals of the Gaussian, exact however narrow it is; it is cut at the image's edges only, and
    what would lie beyond them is spread over the inside, so that a fixation at the edge weighs as much as any. Where
    photographs are aligned (`salcompare.maps.alignment.COLUMNS`), fixations are moved first, and those that the grid
    does not show are left out; a trial without any others has no map.
    """
    grid = require_size(size)
    sigma_in_pixels(sigma)
    require_choice(sigma_of, ("image", "grid"), "sigma_of")
    table, images, at = _framed(*_checked(fixations, images), images, grid)
    order, starts = _responses(table, at)
    table, at = table.iloc[order], at[order]
    sides = []
    for dim, extent, n in (("y", "height", grid[0]), ("x", "width", grid[1])):
        scale = n / images[extent].to_numpy(dtype=np.float64)[at]
        spread = sigma * scale if sigma_of == "image" else np.full(len(at), float(sigma))
        sides.append(_Side(table[dim].to_numpy(dtype=np.float64) * scale, spread, n))
    trials = _Trials(table["duration"].to_numpy(dtype=np.float64), sides[0], sides[1], starts)
    maps = trials.lazy_maps() if chunked else trials.maps(np.arange(starts.size))
    first = table.iloc[starts]
    attrs = {"fixations": CONVENTION, "sigma_of_fixations": float(sigma), "sigma_in_pixels_of": sigma_of}
    return response_array(maps, images.iloc[at[starts]], worker=first["worker"], trial=first["trial"], attrs=attrs)


def rasterise_fixations(fixations: pd.DataFrame, images: pd.DataFrame, *, size: tuple[int, int], sigma: float,
                        sigma_of: Literal["image", "grid"] = "image") -> xr.Dataset:
    """Turn fixations into people's map of each image.

    Parameters
    ----------
    fixations, images, size, sigma, sigma_of
        As for `fixation_maps`, errors too.

    Returns
    -------
    Dataset (image, y, x)
        As `rasterise_boxes` gives it: ``coverage``, float32, the mean over the image's trials of their maps, so that
        each map sums to 1 and trials weigh the same; ``n_responses`` (image), trials. Images without fixations are
        left out and counted in attrs.
    """
    maps = fixation_maps(fixations, images, size=size, sigma=sigma, sigma_of=sigma_of, chunked=True)
    means = mean_of_responses(maps).compute()
    return means.assign_attrs(n_images_without_responses=len(images) - means.sizes["image"])


def fixation_counts(fixations: pd.DataFrame, images: pd.DataFrame, *, size: tuple[int, int]) -> xr.DataArray:
    """Count the fixations on each pixel, as AUCs of fixations read them.

    Parameters
    ----------
    fixations, images, size
        As for `fixation_maps`, errors too; durations and trials do not count.

    Returns
    -------
    DataArray (image, y, x), int32
        How many fixations lie on the pixel of the grid, whoever made them and however often; images in the order of
        `images`, those without fixations left out. Coordinates as `rasterise_fixations` gives them.
    """
    height, width = require_size(size)
    table, images, at = _framed(*_checked(fixations, images), images, (height, width))
    used, codes = np.unique(at, return_inverse=True)
    counts = np.zeros((used.size, height, width), np.int32)
    y, x = (np.minimum((table[dim].to_numpy(dtype=np.float64) * n / images[extent].to_numpy(dtype=np.float64)[at])
                       .astype(np.intp), n - 1) for dim, extent, n in (("y", "height", height), ("x", "width", width)))
    np.add.at(counts, (codes, y, x), 1)
    return xr.DataArray(counts, dims=("image", "y", "x"), name="fixations",
                        coords={**image_coords(images.iloc[used]), **pixel_coords(height, width)})


def _checked(fixations: pd.DataFrame, images: pd.DataFrame) -> tuple[pd.DataFrame, NDArray[np.intp]]:
    """Hold fixations to their images; gives them with a trial and a duration, and each one's row in `images`."""
    problems = [Problem(where, f"no column {name!r}", ", ".join(wanted))
                for where, frame, wanted in (("fixations", fixations, COLUMNS),
                                             ("images", images, ("image", "actor", "height", "width")))
                for name in wanted if name not in frame]
    if problems:
        raise InputError(problems)
    table = fixations.copy(deep=False)
    for name, value in (("trial", "1"), ("duration", 1.0)):
        if name not in table:
            table[name] = value
    at = pd.Index(images["image"]).get_indexer(pd.Index(table["image"]))
    height, width = (np.append(images[name].to_numpy(dtype=np.float64), np.nan)[at] for name in ("height", "width"))
    x, y, duration = (table[name].to_numpy(dtype=np.float64) for name in ("x", "y", "duration"))
    good = (x >= 0) & (x <= width) & (y >= 0) & (y <= height) & (duration > 0) & np.isfinite(duration)
    bad = np.flatnonzero(~good)
    if bad.size or not len(table):
        raise InputError([_problem(table.iloc[row], images, int(at[row])) for row in bad.tolist()] or [
            Problem("fixations", "no row", "at least one")])
    return table, at.astype(np.intp)


def _framed(table: pd.DataFrame, at: NDArray[np.intp], images: pd.DataFrame,
            size: tuple[int, int]) -> tuple[pd.DataFrame, pd.DataFrame, NDArray[np.intp]]:
    """Take the part of an aligned photograph that the grid shows for the photograph; its pixels stay as large.

    Gives fixations inside it, images with the sides of these parts, and each fixation's row in them.
    """
    if not is_aligned(images):
        return table, images, at
    transforms = transforms_of(images, size=size)
    scale = np.hypot(*(transforms.sel(of="x", to=to).to_numpy() for to in ("x", "y")))
    moved = move_points(table, transforms)
    seen = ((moved["x"] >= 0) & (moved["x"] <= size[1]) & (moved["y"] >= 0) & (moved["y"] <= size[0])).to_numpy()
    if not seen.any():
        raise InputError(Problem("fixations", f"none of {len(table):,} is on the part of its photograph that the "
                                 "aligned grid shows", "at least one", "look at what alignment keeps"))
    kept = moved[seen].assign(**{dim: moved[dim][seen] / scale[at[seen]] for dim in ("x", "y")})
    return kept, images.assign(height=size[0] / scale, width=size[1] / scale), at[seen]


def _problem(row: pd.Series, images: pd.DataFrame, at: int) -> Problem:
    where = f"fixations row {row.name}"
    if at < 0:
        return Problem(where, f"image {row['image']!r} is not among the images", "an image of this study")
    one = images.iloc[at]
    return Problem(where, f"x={row['x']:g}, y={row['y']:g}, duration={row['duration']:g} on image {row['image']!r}",
                   f"a place within its {one['width']} x {one['height']} pixels and a finite duration above 0")


def _responses(table: pd.DataFrame, at: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Give an order that does not depend on the rows', and where in it each response starts."""
    worker, trial = (pd.factorize(table[name].astype(str), sort=True)[0] for name in ("worker", "trial"))
    values = [table[name].to_numpy(dtype=np.float64) for name in ("duration", "y", "x")]
    order = np.lexsort((*values, trial, worker, at))
    keys = np.stack([at, worker, trial], axis=1)[order]
    new = np.append(True, (np.diff(keys, axis=0) != 0).any(axis=1))
    return order.astype(np.intp), np.flatnonzero(new)


@dataclass(frozen=True)
class _Side:
    """Gaussians along one side of the grid: their centres and spreads (fixation,) in its pixels, and its length."""

    centre: NDArray[np.float64]
    sigma: NDArray[np.float64]
    n: int

    def shares(self, rows: slice) -> NDArray[np.float64]:
        """Shares (fixation, n) of what of them lies within [0, n); mirrored centres give mirrored shares."""
        edges = (np.arange(self.n + 1) - self.centre[rows, np.newaxis]) / self.sigma[rows, np.newaxis]
        low, high = edges[:, :-1], edges[:, 1:]
        right = low + high > 0  # in the right tail ndtr is nearly 1, where differences are lost
        shares = ndtr(np.where(right, -low, high)) - ndtr(np.where(right, -high, low))
        return np.asarray(shares / shares.sum(axis=1, keepdims=True), np.float64)


@dataclass(frozen=True)
class _Trials:
    """Fixations in the order of their trials, and where each trial starts (response,)."""

    duration: NDArray[np.float64]
    down: _Side
    across: _Side
    starts: NDArray[np.intp]

    def maps(self, numbers: NDArray[np.intp]) -> NDArray[np.float32]:
        """Make the maps (response, y, x) of some trials."""
        maps = np.empty((numbers.size, self.down.n, self.across.n), np.float32)
        ends = np.append(self.starts[1:], len(self.duration))
        with one_thread():
            for at, number in enumerate(numbers.tolist()):
                rows = slice(int(self.starts[number]), int(ends[number]))
                weight = self.duration[rows] / self.duration[rows].max()  # first, as a sum of large ones may overflow
                weighed = self.down.shares(rows) * (weight / weight.sum())[:, np.newaxis]
                maps[at] = weighed.T @ self.across.shares(rows)
        return maps

    def lazy_maps(self) -> da.Array:
        """Give the maps of all trials, made a block at a time when they are used."""
        numbers = da.arange(self.starts.size, chunks=_AT_A_TIME)
        maps: da.Array = da.map_blocks(  # type: ignore[no-untyped-call]
            self.maps, numbers, new_axis=[1, 2], chunks=(*numbers.chunks, (self.down.n,), (self.across.n,)),
            meta=np.empty((0, 0, 0), np.float32))
        return maps
