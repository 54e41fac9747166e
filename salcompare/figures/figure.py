"""What a figure is, what it picks of a study's data, and the sentences that captions share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from plotnine import ggplot
from plotnine.composition import Compose

from salcompare.faces import misfits
from salcompare.figures.theme import CLASSIFIERS, source_colours
from salcompare.naming import classifier_of
from salcompare.printing import counted, joined
from salcompare.schema import ESTIMATES
from salcompare.study_data import StudyData

SIMULATED_RESPONSES = "Simulated responses: no person drew these boxes."
"""Said in the caption of every figure that rests on them, and so in its files and beside it."""


@dataclass(frozen=True)
class Figure:
    """A figure with what must stand beside it."""

    name: str  # of its files without ending, such as ``fig5-heatmaps``
    title: str
    caption: str  # says what n is and what the interval is
    plot: ggplot | Compose  # to be drawn, or restyled
    width: float  # inches
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


def typical_photographs(data: StudyData, actors: Iterable[str]) -> dict[str, str]:
    """Choose the image that stands for each actor, the most typical of those with human and main classifier maps.

    Of all the actor's images where none has these; actors without photographs are left out.
    """
    maps = [data.classifier_maps[data.main]] if data.main else []
    held = [set(texts(dataset.image)) for dataset in [*maps, *([] if data.human is None else [data.human])]]
    shown: dict[str, list[str]] = {actor: [] for actor in actors}
    for image, actor in zip(texts(data.photographs.image), texts(data.photographs.actor), strict=True):
        if actor in shown:
            shown[actor].append(image)
    groups = {actor: [image for image in images if all(image in names for names in held)] or images
              for actor, images in shown.items() if images}
    return dict(zip(groups, most_typical(data, groups.values()), strict=True))


def most_typical(data: StudyData, groups: Iterable[list[str]]) -> list[str]:
    """Choose of each group of images the first whose face, as it is seen, is nearest in shape to the study's mean.

    Where their shapes are not known, the nearest in its pixels to the mean of the group's photographs.
    """
    shapes = _shapes(data)
    away = pd.Series(dtype=float) if shapes is None else misfits(shapes).to_series().dropna()
    return [images[int(np.nanargmin(away.reindex(images)))] if away.index.isin(images).any()
            else images[_nearest_in_pixels(data.photographs.sel(image=images))] for images in groups]


def _nearest_in_pixels(photographs: xr.DataArray) -> int:
    pixels = photographs.astype(np.float64)
    distances = ((pixels - pixels.mean("image").compute()) ** 2).mean([dim for dim in pixels.dims if dim != "image"])
    return int(np.argmin(distances.to_numpy()))


def typical_words(data: StudyData) -> str:
    """Say which photograph of an actor is shown."""
    mean = "the mean of the actor's, in pixels" if _shapes(data) is None else "the mean of all faces, in shape"
    return f"Shown is each actor's most typical photograph, the nearest to {mean}."


def _shapes(data: StudyData) -> xr.DataArray | None:
    """Landmarks as they are seen, of three points or more; in space a head that is turned keeps its shape."""
    landmarks = data.get("landmarks")
    return None if landmarks is None or landmarks.sizes["point"] < 3 else landmarks.sel(axis=["x", "y"])


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


_METHODS = {"percentile": "percentile bootstrap", "wilson": "Wilson"}


def caption(data: StudyData, sentences: Iterable[str], *, responses: bool, photographs: bool) -> str:
    """Join sentences, ended by what must be said of simulated responses and of the photographs.

    Empty sentences are left out. `responses` and `photographs` are whether the figure uses responses, and shows
    photographs.
    """
    said = [sentence for sentence in sentences if sentence]
    if responses and data.simulated:
        said.append(SIMULATED_RESPONSES)
    if photographs and data.credit:
        credit = data.credit if data.credit.startswith("Photographs") else f"Photographs: {data.credit}"
        said.append(f"{credit.rstrip('.')}.")
    return " ".join(said)


def response_counts(data: StudyData) -> str:
    """Say how many responses, workers, images and actors there are."""
    table = data.responses
    if table is None:
        return ""
    parts = [counted(len(table), "response")]
    parts += [counted(int(table[column].nunique()), column) for column in ("worker", "image") if column in table]
    actors = table["actor"] if "actor" in table else table["image"].map(data.images.set_index("image")["actor"])
    return joined([*parts, counted(int(actors.nunique()), "actor")])


def interval(estimates: pd.DataFrame) -> str:
    """Name the interval of some estimates, as in ``95% percentile bootstrap intervals over workers``.

    Several kinds are joined; ``no interval`` where none of the estimates has one, with the reason if all share it.
    Where an estimate has a p-value, ``n_resamples`` counts its permutations, and so is no count of resamples.
    """
    held = estimates[estimates["ci_low"].notna() & estimates["ci_high"].notna()]
    tested = held.reindex(columns=["p_value", "p_attainable"]).notna().any(axis=1)
    held = held.assign(n_resamples=held["n_resamples"].mask(tested))
    kinds = held[["ci_method", "resampled", "n_resamples"]].drop_duplicates().itertuples(index=False)
    named = joined(dict.fromkeys(_one_interval(*kind) for kind in kinds))
    if named:
        return f"95% {named}"
    reasons = estimates["reason"].unique()
    shared = len(reasons) == 1 and pd.notna(reasons[0]) and reasons[0]
    return f"no interval ({reasons[0]})" if shared else "no interval"


def _one_interval(method: Any, resampled: Any, n_resamples: Any) -> str:  # noqa: ANN401 - cells, perhaps NaN
    name = "" if pd.isna(method) else _METHODS.get(str(method), str(method)) + " "
    units = "" if pd.isna(resampled) or not resampled else f" over {resampled}"
    draws = "" if pd.isna(n_resamples) or not n_resamples else f" ({int(n_resamples):,} resamples)"
    return f"{name}intervals{units}{draws}"
