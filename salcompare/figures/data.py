"""What the figures are drawn from, and what a figure is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd
import xarray as xr
from plotnine import ggplot
from plotnine.composition import Compose

from salcompare.figures.theme import CLASSIFIERS, source_colours
from salcompare.naming import classifier_of
from salcompare.schema import ESTIMATES
from salcompare.study_data import StudyData

SIMULATED_RESPONSES = "Simulated responses: no person drew these boxes."
"""Said in the caption of every figure that rests on them, and so in its files and beside it."""


@dataclass(frozen=True)
class Figure:
    """A figure with what must stand beside it.

    Attributes
    ----------
    name : str
        File name without ending, such as ``fig5-heatmaps``.
    title, caption : str
        The caption says what n is and what the interval is.
    plot : ggplot or Compose
        To be drawn, or restyled.
    width, height : float
        Inches.
    """

    name: str
    title: str
    caption: str
    plot: ggplot | Compose
    width: float
    height: float

    @property
    def about(self) -> dict[str, str]:
        """What its files say of it: its title and, where it rests on simulated responses, that it does."""
        simulated = {"responses": "simulated"} if SIMULATED_RESPONSES in self.caption else {}
        return {"title": self.title, **simulated}


def rows(estimates: pd.DataFrame, **wanted: str | Iterable[str]) -> pd.DataFrame:
    """Rows of the estimates whose columns hold the wanted value, or one of the wanted values.

    Columns that the table lacks are added, empty, so that every column of `salcompare.schema.ESTIMATES` can be used.
    """
    table = estimates.reindex(columns=list(ESTIMATES.names))
    for column, value in wanted.items():
        values = [value] if isinstance(value, str) else list(value)
        table = table[table[column].isin(values)]
    return table.reset_index(drop=True)


def first_photograph(data: StudyData, actor: str) -> str | None:
    """Choose the image that stands for an actor: the first with human and main classifier maps, else the first.

    None where the actor has no photograph.
    """
    photographs = zip(texts(data.photographs.image), texts(data.photographs.actor), strict=True)
    own = [image for image, of in photographs if of == actor]
    maps = [data.classifier_maps[data.main]] if data.main else []
    held = [set(texts(dataset.image)) for dataset in [*maps, *([] if data.human is None else [data.human])]]
    both = [image for image in own if all(image in images for images in held)]
    return next(iter([*both, *own]), None)


def texts(coord: xr.DataArray) -> list[str]:
    """Give a coordinate of names as plain texts."""
    return [str(value) for value in coord.to_numpy()]


def colours_of(data: StudyData) -> dict[str, str]:
    """Give every source's colour, the same in all figures of a study."""
    first = classifier_of(data.main or "")
    return source_colours(data.classifier_maps, data.classifier_names or (first,))


def main_colour(data: StudyData) -> str:
    """Give the colour of the main source."""
    return colours_of(data).get(data.main or "", CLASSIFIERS[0])
