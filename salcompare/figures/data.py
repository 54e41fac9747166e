"""What the figures are drawn from, and what a figure is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pandas as pd
import xarray as xr
from plotnine import ggplot
from plotnine.composition import Compose

from salcompare.figures.theme import CLASSIFIERS, source_colours
from salcompare.naming import by_classifier
from salcompare.schema import ESTIMATES

SIMULATED_RESPONSES = "Simulated responses: no person drew these boxes."
"""Said in the caption of every figure that rests on them, and so in its files and beside it."""
MOST_ACTORS = 6  # side by side at the width of two columns, a face is still 27 mm wide


@dataclass(frozen=True)
class FigureData:
    """Everything the figures show; they compute none of it.

    Attributes
    ----------
    photographs : DataArray (image, y, x, channel), uint8
        On the study's grid, with coordinates ``image`` and ``actor``.
    images : DataFrame
        One row an image (`salcompare.schema.IMAGES`).
    responses : DataFrame or None
        One row a box (`salcompare.schema.RESPONSES`), or with ``actor`` instead of ``image`` and ``worker`` and boxes
        on the grid.
    human : Dataset or None
        `salcompare.schema.HUMAN_MAPS`.
    classifier_maps : mapping of str to Dataset
        By source, such as ``alexnet/finetuned/guided_backprop``; the last is the main one.
    heatmaps : Dataset
        ``heatmap`` and ``relative``, and where they were tested ``relative_t`` and ``relative_p``, family-wise over
        pixels and actors; all (source, actor, y, x).
    differences : Dataset or None
        ``own`` and ``other`` (image, y, x): the attribution of the image's own actor, and of the actor named by the
        coordinate ``other_actor``. Where a coordinate ``photograph`` is, it names the photograph, and ``image`` the
        pair.
    estimates : DataFrame
        `salcompare.schema.ESTIMATES`.
    nulls : DataFrame
        ``statistic, metric, form, source, value``: one row a draw under the null hypothesis.
    actors : tuple of str
        Those shown one by one, at most six; the first six where there are more.
    simulated : bool
        The responses are simulated; every figure that uses them then says so.
    mask_share, human_share : float
        Shares of pixels shown of a classifier's map and of a human heatmap.
    credit : str
        Whose the photographs are; ends the caption of a figure that shows one.
    training : DataFrame or None
        ``variant, iteration, loss, train_accuracy, validation_accuracy`` of the main classifier.
    headlines : DataFrame or None
        Headline numbers with and without exclusions: ``headline, value, ci_low, ci_high, value_all, ci_low_all,
        ci_high_all, verdict``.
    removal_curves : DataFrame or None
        Points of deletion and insertion curves: ``network, source, way, metric, fill, share, value, ci_low, ci_high,
        n``.
    class_matrix : Dataset or None
        ``difference`` (actor, other_actor, y, x): what in the actor's photographs tells them from the other actor, and
        ``n_images`` (actor).
    classifiers : tuple of str
        Names of all the study's classifiers, the main one first, also where only some of their maps are shown.
    """

    photographs: xr.DataArray
    images: pd.DataFrame
    responses: pd.DataFrame | None
    human: xr.Dataset | None
    classifier_maps: Mapping[str, xr.Dataset]
    heatmaps: xr.Dataset
    differences: xr.Dataset | None
    estimates: pd.DataFrame
    nulls: pd.DataFrame
    actors: tuple[str, ...]
    simulated: bool
    mask_share: float
    human_share: float
    credit: str
    training: pd.DataFrame | None = None
    headlines: pd.DataFrame | None = None
    removal_curves: pd.DataFrame | None = None
    class_matrix: xr.Dataset | None = None
    classifiers: tuple[str, ...] = ()

    @property
    def main(self) -> str | None:
        """The classifier source that figures of one classifier show; None where there is none."""
        return list(self.classifier_maps)[-1] if self.classifier_maps else None

    @property
    def ordered_sources(self) -> list[str]:
        """The classifiers' sources as figures list them: by classifier, and of each the main one first."""
        first = (self.main or "").split("/")[0]
        return by_classifier(self.classifier_maps, self.classifiers or (first,))

    @property
    def colours(self) -> dict[str, str]:
        """Every source's colour, the same in all figures of a study."""
        first = (self.main or "").split("/")[0]
        return source_colours(self.classifier_maps, self.classifiers or (first,))

    @property
    def own_colour(self) -> str:
        """Colour of the main source."""
        return self.colours.get(self.main or "", CLASSIFIERS[0])

    @property
    def shown_actors(self) -> tuple[str, ...]:
        """The actors shown one by one, at most six."""
        return self.actors[:MOST_ACTORS]


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


def first_photograph(data: FigureData, actor: str) -> str | None:
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
