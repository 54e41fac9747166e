"""Responses as maps of which statistics use inner products: boxes by their sides, or any maps, such as gaze's."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from salcompare.blocks import side_by_side
from salcompare.errors import InputError, Problem
from salcompare.maps import mean_of_responses, rasterise_boxes, require_response_maps, smooth
from salcompare.maps.alignment import covered_by_image, is_aligned
from salcompare.maps.boxes import scale_edges
from salcompare.maps.checks import require_size
from salcompare.statistics.kernels import Values, maps_in_range

Responses = pd.DataFrame | xr.DataArray
"""Boxes (image, worker, x0, y0, x1, y1), or maps (response, y, x) with coordinates image, actor and worker."""
UNKNOWN = "leave out the responses to other images, or give these images, too"
_NUMBERS = 1 << 20
"""Values of all maps that are held in float64 at a time (8 MB)."""


@dataclass(frozen=True)
class ImageBoxes:
    """Boxes of one image as sides: a box's map is the outer product of its two sides, smoothed or not.

    Workers' codes are the same on all images, from 0 in the order of the workers' names.
    """

    down: Values  # (box, y), in [0, 1]
    across: Values  # (box, x), likewise
    worker: NDArray[np.intp]  # (box,), who drew it

    @property
    def sums(self) -> Values:
        """Sums of the boxes' maps over pixels (box,)."""
        return np.asarray(self.down.sum(axis=1) * self.across.sum(axis=1))

    @property
    def norms(self) -> Values:
        """Inner products of the boxes' maps with themselves (box,)."""
        return np.asarray((self.down**2).sum(axis=1) * (self.across**2).sum(axis=1))

    @property
    def pixels(self) -> int:
        """Pixels of a map."""
        return int(self.down.shape[1] * self.across.shape[1])

    @property
    def covariance(self) -> Values:
        """Inner products of all pairs of the boxes' maps, each less its mean over pixels (box, box)."""
        centred = self.products_with(self)
        centred -= np.outer(self.sums, self.sums / self.pixels)
        return centred

    def products_with(self, other: ImageBoxes) -> Values:
        """Inner products of these boxes' maps with others' (box, other box)."""
        inner: Values = self.down @ other.down.T
        inner *= self.across @ other.across.T
        return inner

    def products_with_map(self, one: Values) -> Values:
        """Inner products with a map (y, x): (box,)."""
        return np.asarray(np.einsum("bx,bx->b", self.down @ one, self.across))

    def rows(self, rows: NDArray[np.intp]) -> ImageBoxes:
        """Keep some boxes, in this order."""
        return ImageBoxes(self.down[rows], self.across[rows], self.worker[rows])


@dataclass(frozen=True)
class ImageMaps:
    """Responses to one image as maps of any shape; `ImageBoxes` holds those that are products of two sides.

    What is computed of them is float64, some pixels at a time, so that memory holds each map once.
    """

    parts: tuple[NDArray[np.floating], ...]  # (response, pixel), in their precision; one part an image that is joined
    worker: NDArray[np.intp]  # (response,), as in `ImageBoxes`

    @property
    def sums(self) -> Values:
        """Sums of the maps over pixels (response,)."""
        return np.concatenate([part.sum(axis=1, dtype=np.float64) for part in self.parts])

    @property
    def norms(self) -> Values:
        """Inner products of the maps with themselves (response,)."""
        total: Values = sum(side_by_side(lambda pixels: np.einsum("rp,rp->r", *[self._at(pixels)] * 2),
                                         self._pixels()), np.zeros(len(self.worker)))
        return total

    @property
    def pixels(self) -> int:
        """Pixels of a map."""
        return int(self.parts[0].shape[1])

    @property
    def covariance(self) -> Values:
        """Inner products of all pairs of maps, each less its mean over pixels (response, response)."""
        return np.asarray(self.products_with(self) - np.outer(self.sums, self.sums) / self.pixels)

    def products_with(self, other: ImageMaps) -> Values:
        """Inner products of these maps with others (response, other response)."""
        def inner(pixels: slice) -> Values:
            """Sum over some pixels."""
            one = self._at(pixels)
            return np.asarray(one @ (one if other is self else other._at(pixels)).T)

        total = np.zeros((len(self.worker), len(other.worker)))
        for part in side_by_side(inner, max(self, other, key=lambda maps: len(maps.worker))._pixels()):
            total += part
        return total

    def products_with_map(self, one: Values) -> Values:
        """Inner products with a map (y, x): (response,)."""
        flat, total = one.ravel(), np.zeros(len(self.worker))
        for part in side_by_side(lambda pixels: self._at(pixels) @ flat[pixels], self._pixels()):
            total += part
        return total

    def rows(self, rows: NDArray[np.intp]) -> ImageMaps:
        """Keep some responses, in this order; no map is copied."""
        starts = np.cumsum([0, *map(len, self.parts[:-1])])
        of = np.searchsorted(starts, rows, side="right") - 1
        kept = [self.parts[part][at:at + 1] for part, at in zip(of.tolist(), (rows - starts[of]).tolist(), strict=True)]
        return ImageMaps(tuple(kept), self.worker[rows])

    @property
    def total(self) -> Values:
        """Sum of the maps (pixel,)."""
        return np.asarray(sum(part.sum(axis=0, dtype=np.float64) for part in self.parts))

    def _pixels(self) -> Iterator[slice]:
        step = max(64, _NUMBERS // max(1, len(self.worker)))
        return (slice(start, start + step) for start in range(0, self.pixels, step))

    def _at(self, pixels: slice) -> Values:
        """Take some pixels of all maps (response, w), in float64."""
        return np.concatenate([part[:, pixels] for part in self.parts], dtype=np.float64)


ImageResponses = ImageBoxes | ImageMaps


def responses_by_image(responses: Responses, images: pd.DataFrame, *, size: tuple[int, int],
                       sigma: float = 0.0) -> dict[str, ImageResponses]:
    """Give the responses by image, in the order of `images`.

    Parameters
    ----------
    responses : DataFrame or DataArray
        One row a box: ``image``, ``worker``, ``x0, y0, x1, y1`` in pixels of the image as shown, half-open; or maps
        (response, y, x) with coordinates ``image`` and ``worker``, eager or dask, on the grid.
    images : DataFrame
        One row an image: ``image``, ``actor``, and for boxes ``height``, ``width``.
    size : (int, int)
        Height and width of the grid.
    sigma : float
        Maps are smoothed with a Gaussian of so many pixels of the grid; 0 for none.

    Returns
    -------
    dict of str to ImageBoxes or ImageMaps
        Images that have responses. The mean of an image's maps is its coverage, smoothed.

    Raises
    ------
    InputError
        If a column or coordinate is missing, a response's image is unknown, or maps are of another grid.
    """
    if isinstance(responses, pd.DataFrame):
        return dict(_boxes_by_image(responses, images, size=size, sigma=sigma))
    _require_worker_maps(responses, images, size)
    responses = maps_in_range(responses)
    names = responses["image"].to_numpy()
    worker = pd.factorize(responses["worker"].to_numpy(), sort=True)[0].astype(np.intp)
    by_image: dict[str, ImageResponses] = {}
    for image in images["image"].tolist():
        rows = np.flatnonzero(names == image)
        if rows.size:
            maps = smooth(responses.isel(response=rows), sigma=sigma).transpose("response", "y", "x")
            by_image[str(image)] = ImageMaps((maps.to_numpy().reshape(rows.size, -1),), worker[rows])
    return by_image


def _boxes_by_image(responses: pd.DataFrame, images: pd.DataFrame, *, size: tuple[int, int],
                   sigma: float = 0.0) -> dict[str, ImageResponses]:
    """Give all boxes by image, their sides unless photographs are aligned; all is as for `responses_by_image`."""
    height, width = require_size(size)
    require_columns(("responses", responses, ("image", "worker", "x0", "y0", "x1", "y1")),
                    ("images", images, ("image", "actor", "height", "width")))
    at = pd.Index(images["image"]).get_indexer(pd.Index(responses["image"]))
    unknown = np.flatnonzero(at < 0)
    if unknown.size:
        raise InputError([Problem(f"responses row {responses.index[row]}", f"image {responses['image'].iloc[row]!r}",
                                  "one of the images", UNKNOWN) for row in unknown.tolist()])
    worker = pd.factorize(responses["worker"], sort=True)[0].astype(np.intp)
    if is_aligned(images):  # a box that is turned is no product of two sides
        edges = responses[["x0", "y0", "x1", "y1"]].to_numpy(np.float64)
        return {str(images["image"].iloc[at[boxes[0]]]): ImageMaps((_smoothed(inside, sigma),), worker[boxes])
                for boxes, inside in covered_by_image(edges, images, at, (height, width))}
    sides = {}
    for dim, extent, n in (("y", "height", height), ("x", "width", width)):
        low, high = (responses[f"{dim}{end}"].to_numpy(dtype=np.float64) for end in (0, 1))
        first, last = scale_edges(low, high, images[extent].to_numpy(dtype=np.float64)[at], n)
        sides[dim] = _smoothed_sides(first, last, n, sigma)
    order = np.argsort(at, kind="stable")
    starts = np.searchsorted(at[order], np.arange(len(images) + 1))
    return {str(image): ImageBoxes(sides["y"][rows], sides["x"][rows], worker[rows])
            for row, image in enumerate(images["image"].tolist())
            if (rows := order[starts[row]:starts[row + 1]]).size}


def require_columns(*tables: tuple[str, Container[object], Sequence[str]], remedy: str = "") -> None:
    """Hold tables, each given with its name and the columns it must have, to having them, or raise InputError."""
    problems = [Problem(where, f"no column {', '.join(map(repr, missing))}", ", ".join(wanted), remedy)
                for where, table, wanted in tables if (missing := [name for name in wanted if name not in table])]
    if problems:
        raise InputError(problems)


def _smoothed_sides(first: NDArray[np.int32], last: NDArray[np.int32], n: int, sigma: float) -> Values:
    """Smoothed indicators (box, n) of the pixels first <= pixel < last; the maps' own smoothing, on maps one wide."""
    pixel = np.arange(n)
    inside = (pixel >= first[:, np.newaxis]) & (pixel < last[:, np.newaxis])
    column = xr.DataArray(inside[..., np.newaxis].astype(np.float64), dims=("box", "y", "x"))
    return np.asarray(smooth(column, sigma=sigma).isel(x=0).to_numpy())


def _smoothed(inside: NDArray[np.bool_], sigma: float) -> NDArray[np.float32]:
    """Smoothed indicators (box, y, x) of what boxes cover, as (box, pixel)."""
    maps = inside.astype(np.float32)
    if sigma > 0:
        maps = smooth(xr.DataArray(maps, dims=("box", "y", "x")), sigma=sigma).to_numpy()
    return maps.reshape(len(inside), -1)


def joined(parts: Sequence[ImageResponses]) -> ImageResponses:
    """Put the responses of several images into one, as if to one image; all must be of one kind."""
    worker = np.concatenate([part.worker for part in parts])
    boxes = [part for part in parts if isinstance(part, ImageBoxes)]
    if boxes:
        return ImageBoxes(np.concatenate([box.down for box in boxes]), np.concatenate([box.across for box in boxes]),
                          worker)
    return ImageMaps(tuple(one for part in parts if isinstance(part, ImageMaps) for one in part.parts), worker)


def products_of(one: ImageResponses, other: ImageResponses) -> Values:
    """Inner products of the maps of two groups of responses of one kind (response, response)."""
    if isinstance(one, ImageBoxes) and isinstance(other, ImageBoxes):
        return one.products_with(other)
    if isinstance(one, ImageMaps) and isinstance(other, ImageMaps):
        return one.products_with(other)
    message = "responses of two kinds"
    raise TypeError(message)


def products_with_sums(every: ImageResponses, by_image: Sequence[ImageResponses]) -> Values:
    """Inner products of responses' maps with the sum of each image's maps (response, image).

    Maps are summed first, once; boxes, which have no map, after: they must all be of one kind.
    """
    totals = [part.total for part in by_image if isinstance(part, ImageMaps)]
    if totals:
        return products_of(every, ImageMaps(tuple(total[np.newaxis] for total in totals),
                                            np.zeros(len(totals), np.intp)))
    return np.stack([products_of(every, part).sum(axis=1) for part in by_image], axis=1)


def names_of(responses: Responses) -> pd.DataFrame:
    """Give each response's image and worker, one row a response; InputError if it does not name them."""
    where: Container[object] = responses if isinstance(responses, pd.DataFrame) else responses.coords
    require_columns(("responses", where, ("image", "worker")))
    if isinstance(responses, pd.DataFrame):
        return responses[["image", "worker"]].reset_index(drop=True)
    return pd.DataFrame({name: responses[name].to_numpy() for name in ("image", "worker")})


def chosen(responses: Responses, rows: NDArray[np.bool_]) -> Responses:
    """Keep some responses."""
    if isinstance(responses, pd.DataFrame):
        return responses[rows].reset_index(drop=True)
    return responses.isel(response=np.flatnonzero(rows))


def maps_of_responses(responses: Responses, images: pd.DataFrame, *, size: tuple[int, int]) -> xr.DataArray:
    """Give maps of single responses to one image (response, y, x), in their order; `images` has that image alone."""
    (of_image,) = responses_by_image(responses, images, size=size).values()
    maps = (of_image.down[:, :, np.newaxis] * of_image.across[:, np.newaxis] if isinstance(of_image, ImageBoxes)
            else np.concatenate(of_image.parts).reshape(-1, *size))
    return xr.DataArray(maps, dims=("response", "y", "x"))


def coverage_of(responses: Responses, images: pd.DataFrame, *, size: tuple[int, int]) -> xr.DataArray:
    """Mean over each image's responses of their maps (image, y, x): of boxes, coverage."""
    if isinstance(responses, pd.DataFrame):
        return rasterise_boxes(responses, images, size=size)["coverage"]
    return mean_of_responses(maps_in_range(responses))["coverage"]


def _require_worker_maps(maps: xr.DataArray, images: pd.DataFrame, size: tuple[int, int]) -> None:
    require_response_maps(maps)
    problems = [] if "worker" in maps.coords else [Problem("response maps", "no coordinate 'worker'", "image, worker")]
    if (maps.sizes["y"], maps.sizes["x"]) != tuple(size):
        problems.append(Problem("response maps", f"{maps.sizes['y']} x {maps.sizes['x']} pixels",
                                f"the grid's {size[0]} x {size[1]}"))
    unknown = sorted(set(maps["image"].to_numpy().tolist()) - set(images["image"]))
    problems += [Problem("response maps", f"image {image!r}", "one of the images", UNKNOWN) for image in unknown]
    if problems:
        raise InputError(problems)
