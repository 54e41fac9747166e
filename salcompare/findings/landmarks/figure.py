"""Figure 20: the photographs whose landmarks fit the mean shape worst, with the landmarks drawn into them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr
from plotnine import scale_fill_gradient

from salcompare.faces import misfits
from salcompare.figures.figure import Figure
from salcompare.figures.photographs import Layer, Row, photographs_of, picture_figure
from salcompare.maps import move_landmarks, transforms_of
from salcompare.printing import counted, number
from salcompare.study_data import StudyData

ACROSS, DOWN = 6, 2
_DENSE = 100  # points, of which each is drawn as one pixel
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
    rows = []
    for first in range(0, len(fits), ACROSS):
        images = dict(zip(columns, fits.index[first:first + ACROSS].tolist(), strict=False))
        dots = {column: _dots(data, image) for column, image in images.items()}
        colour = scale_fill_gradient(low=_COLOUR, high=_COLOUR)
        rows.append(Row(f"{first + 1} to {first + len(images)}", photographs_of(data, images),
                        (Layer(dots, colour, bar=False),)))
    named = ", ".join(f"{image} ({number(value, 3)})" for image, value in fits.items())
    return picture_figure(data, "fig20-landmarks", "Landmarks that fit worst", rows, columns, [
        f"The {counted(len(fits), 'photograph')} of {len(worst_fits(data)):,} whose landmarks are least like the mean "
        f"shape, the worst first, with the share of their spread that a similarity of it leaves: {named}.",
        "Look whether the dots lie on the features; a wide open mouth or a turned face may fit badly and be right."])


def _dots(data: StudyData, image: str) -> xr.DataArray:
    """1 at the landmarks of an image, (y, x) of the grid, and NaN elsewhere."""
    grid = data.photographs.isel(image=0, channel=0, drop=True)
    height, width = grid.shape
    moved = move_landmarks(data.get("landmarks").sel(image=[image]), transforms_of(
        data.images[data.images["image"] == image], size=(height, width)))[0]
    radius = 0 if len(moved) > _DENSE else max(width // 100, 1)
    dots = np.full((height, width), np.nan)
    for x, y in np.floor(moved.to_numpy()).astype(int).tolist():
        dots[max(y - radius, 0):max(y + radius + 1, 0), max(x - radius, 0):max(x + radius + 1, 0)] = 1
    return xr.DataArray(dots, grid.coords, ("y", "x"))


FIGURES = {20: (landmarks_missing, landmarks_figure)}
