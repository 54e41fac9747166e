"""Boxes as the sides that they are products of, so that statistics of coverage need no maps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from salcompare.errors import InputError, Problem
from salcompare.maps import smooth
from salcompare.maps.checks import require_size
from salcompare.maps.painting import scale_edges
from salcompare.statistics.kernels import Values


@dataclass(frozen=True)
class ImageBoxes:
    """Boxes of one image as sides: a box's map is the outer product of its two sides, smoothed or not.

    Attributes
    ----------
    down : ndarray (box, y)
        In [0, 1]; float64.
    across : ndarray (box, x)
        Likewise.
    worker : ndarray of int (box,)
        Who drew it: a code that is the same for a worker on all images, from 0 in the order of the workers' names.
    """

    down: Values
    across: Values
    worker: NDArray[np.intp]

    @property
    def products(self) -> Values:
        """Inner products of all pairs of the boxes' maps (box, box)."""
        return self.products_with(self)

    @property
    def sums(self) -> Values:
        """Sums of the boxes' maps over pixels (box,)."""
        total: Values = self.down.sum(axis=1) * self.across.sum(axis=1)
        return total

    @property
    def norms(self) -> Values:
        """Inner products of the boxes' maps with themselves (box,)."""
        squares: Values = (self.down**2).sum(axis=1) * (self.across**2).sum(axis=1)
        return squares

    @property
    def pixels(self) -> int:
        """Pixels of a map."""
        return int(self.down.shape[1] * self.across.shape[1])

    @property
    def covariance(self) -> Values:
        """Inner products of all pairs of the boxes' maps, each less its mean over pixels (box, box)."""
        centred = self.products
        centred -= np.outer(self.sums, self.sums / self.pixels)
        return centred

    def products_with(self, other: ImageBoxes) -> Values:
        """Inner products of these boxes' maps with others' (box, other box)."""
        inner: Values = self.down @ other.down.T
        inner *= self.across @ other.across.T
        return inner

    def products_with_map(self, one: Values) -> Values:
        """Inner products with a map (y, x): (box,)."""
        inner: Values = np.einsum("bx,bx->b", self.down @ one, self.across)
        return inner

    def rows(self, rows: slice) -> ImageBoxes:
        """Keep some boxes."""
        return ImageBoxes(self.down[rows], self.across[rows], self.worker[rows])


def boxes_by_image(responses: pd.DataFrame, images: pd.DataFrame, *, size: tuple[int, int],
                   sigma: float = 0.0) -> dict[str, ImageBoxes]:
    """Give the sides of all boxes by image, in the order of `images`.

    Parameters
    ----------
    responses : DataFrame
        One row a box: ``image``, ``worker``, ``x0, y0, x1, y1`` in pixels of the image as shown, half-open.
    images : DataFrame
        One row an image: ``image``, ``actor``, ``height``, ``width``.
    size : (int, int)
        Height and width of the grid.
    sigma : float
        Boxes are smoothed with a Gaussian of so many pixels of the grid; 0 for none.

    Returns
    -------
    dict of str to ImageBoxes
        Images that have responses. The mean of an image's box maps is its coverage, smoothed.

    Raises
    ------
    InputError
        If a column is missing or a response's image is unknown.
    """
    height, width = require_size(size)
    _require_columns(responses, images)
    at = pd.Index(images["image"]).get_indexer(pd.Index(responses["image"]))
    unknown = np.flatnonzero(at < 0)
    if unknown.size:
        raise InputError([Problem(f"responses row {responses.index[row]}", f"image {responses['image'].iloc[row]!r}",
                                  "one of the images") for row in unknown.tolist()])
    sides = {}
    for dim, extent, n in (("y", "height", height), ("x", "width", width)):
        low, high = (responses[f"{dim}{end}"].to_numpy(dtype=np.float64) for end in (0, 1))
        first, last = scale_edges(low, high, images[extent].to_numpy(dtype=np.float64)[at], n)
        sides[dim] = _smoothed_sides(first, last, n, sigma)
    worker = pd.factorize(responses["worker"], sort=True)[0].astype(np.intp)
    order = np.argsort(at, kind="stable")
    starts = np.searchsorted(at[order], np.arange(len(images) + 1))
    return {str(image): ImageBoxes(sides["y"][own], sides["x"][own], worker[own])
            for row, image in enumerate(images["image"].tolist())
            if (own := order[starts[row]:starts[row + 1]]).size}


def _require_columns(responses: pd.DataFrame, images: pd.DataFrame) -> None:
    problems = []
    for where, frame, wanted in (("responses", responses, ("image", "worker", "x0", "y0", "x1", "y1")),
                                 ("images", images, ("image", "actor", "height", "width"))):
        missing = [name for name in wanted if name not in frame.columns]
        if missing:
            problems.append(Problem(where, f"no column {', '.join(map(repr, missing))}", ", ".join(wanted)))
    if problems:
        raise InputError(problems)


def _smoothed_sides(first: NDArray[np.int32], last: NDArray[np.int32], n: int, sigma: float) -> Values:
    """Smoothed indicators (box, n) of the pixels first <= pixel < last; the maps' own smoothing, on maps one wide."""
    pixel = np.arange(n)
    inside = (pixel >= first[:, np.newaxis]) & (pixel < last[:, np.newaxis])
    column = xr.DataArray(inside[..., np.newaxis].astype(np.float64), dims=("box", "y", "x"))
    smoothed: Values = smooth(column, sigma=sigma).isel(x=0).to_numpy()
    return smoothed
