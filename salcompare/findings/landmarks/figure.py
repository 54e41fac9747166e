"""Figure 20: the photographs whose landmarks fit the mean shape worst, with the landmarks drawn into them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from plotnine import scale_fill_gradient

from salcompare.faces import misfits
from salcompare.figures.figure import Figure
from salcompare.figures.photographs import Layer, Row, photographs_of, picture_figure
from salcompare.maps import move_landmarks, transforms_of
from salcompare.printing import counted, number
from salcompare.study_data import StudyData

ACROSS, DOWN = 6, 2
DENSE = 100  # points, of which each is drawn as small as may be
_COLOUR = "#D81B60"


def landmarks_missing(data: StudyData) -> str | None:
    """Why the figure cannot be drawn, or None."""
    if data.get("landmarks") is None:
        return "the study has no landmarks"
    return None if len(worst_fits(data)) else "no photograph has one face"


def worst_fits(data: StudyData) -> pd.Series:
    """Misfit of each photograph's landmarks by image, the worst first; photographs without a face are left out."""
    fits: pd.Series = misfits(data.get("landmarks")).to_series().dropna()
    return fits.sort_values(ascending=False, kind="stable")


def landmarks_figure(data: StudyData) -> Figure:
    """Draw the worst fits, a photograph a column, with a dot at each landmark."""
    fits = worst_fits(data).head(ACROSS * DOWN)
    columns = tuple(str(at + 1) for at in range(min(ACROSS, len(fits))))
    grid = data.photographs.isel(image=0, channel=0, drop=True)
    rows = []
    for first in range(0, len(fits), ACROSS):
        images = dict(zip(columns, fits.index[first:first + ACROSS].tolist(), strict=False))
        at = places_on_grid(data, list(images.values())).to_numpy()
        side = 1 if at.shape[1] > DENSE else max(grid.sizes["x"] // 100, 1) * 2 + 1
        marks = {column: grid.copy(data=np.where(dots(places, (grid.sizes["y"], grid.sizes["x"]), side), 1, np.nan))
                 for column, places in zip(images, at, strict=True)}
        colour = scale_fill_gradient(low=_COLOUR, high=_COLOUR)
        rows.append(Row(f"{first + 1} to {first + len(images)}", photographs_of(data, images),
                        (Layer(marks, colour, bar=False),)))
    named = ", ".join(f"{image} ({number(value, 3)})" for image, value in fits.items())
    return picture_figure(data, "fig20-landmarks", "Landmarks that fit worst", rows, columns, [
        f"The {counted(len(fits), 'photograph')} of {len(worst_fits(data)):,} whose landmarks are least like the mean "
        f"shape, the worst first, with the share of their spread that a similarity of it leaves: {named}.",
        "Look whether the dots lie on the features; a wide open mouth or a turned face may fit badly and be right."])


def places_on_grid(data: StudyData, images: Sequence[str]) -> xr.DataArray:
    """Landmarks of images, (image, point, axis), in pixels of the study's grid."""
    size = (data.photographs.sizes["y"], data.photographs.sizes["x"])
    catalogue = data.images.set_index("image", drop=False).loc[list(images)]
    return move_landmarks(data.get("landmarks").sel(image=list(images)), transforms_of(catalogue, size=size))


def dots(places: NDArray[np.float64], size: tuple[int, int], side: int) -> NDArray[np.bool_]:
    """Where squares of so many pixels a side lie about each place (x, y) of a picture (height, width)."""
    marked = np.zeros(size, bool)
    corners = places[np.isfinite(places).all(axis=1)] - (side - 1) / 2
    for x, y in np.floor(corners).astype(int).tolist():
        marked[max(y, 0):max(y + side, 0), max(x, 0):max(x + side, 0)] = True
    return marked


FIGURES = {20: (landmarks_missing, landmarks_figure)}
