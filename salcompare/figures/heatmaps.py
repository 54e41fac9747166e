"""Figures 5 and 6: actors' heatmaps, and what sets them apart from the population, human and classifier."""

from __future__ import annotations

import numpy as np
import xarray as xr

from salcompare.figures.captions import caption, counted
from salcompare.figures.data import Figure, FigureData, first_photograph, texts
from salcompare.figures.photographs import Layer, Row, picture_rows
from salcompare.figures.theme import SIMULATED, picture_width, sequential, source_name
from salcompare.maps import shown


def heatmaps_missing(data: FigureData) -> str | None:
    """Why neither figure can be drawn, or None."""
    if not _sources(data):
        return "neither human nor classifier heatmaps are there"
    return None if _images(data) else "no actor shown has a photograph and a heatmap"


def heatmaps_figure(data: FigureData) -> Figure:
    """Draw, for each actor, a photograph, the human heatmap and the classifier's (Fig. 5)."""
    return _figure(data, "heatmap", "fig5-heatmaps", "Heatmaps of people and classifier",
                   "Heatmaps. Colours run from 0 to the highest value of the row.")


def relative_figure(data: FigureData) -> Figure:
    """Draw the heatmaps minus the population's (Fig. 6)."""
    return _figure(data, "relative", "fig6-relative", "Relative saliency of people and classifier",
                   "Relative saliency: the actor's heatmap minus the population's, which is the mean over actors. "
                   "Colours run from 0, as in the population, to the highest value of the row; pixels below the "
                   "population are not shown.")


def _figure(data: FigureData, variable: str, name: str, title: str, what: str) -> Figure:
    images, sources = _images(data), _sources(data)
    columns = tuple(images)
    photographs = {actor: data.photographs.sel(image=image).to_numpy() for actor, image in images.items()}
    maps = data.heatmaps[variable].sel(source=list(sources), actor=list(columns)).load()
    rows = [Row("Photograph", photographs), *(_row(data, maps, source, photographs) for source in sources)]
    width, human = picture_width(len(columns)), "human" in sources
    plot, height = picture_rows(rows, columns, width=width, subtitle=SIMULATED if human and data.simulated else "")
    text = caption(data, [
        what, *(_row_text(data, source) for source in sources), _numbers(data, sources, columns),
        "Shown without interval."], responses=human, photographs=True)
    return Figure(name, title, text, plot, width, height)


def _row(data: FigureData, maps: xr.DataArray, source: str, photographs: dict[str, np.ndarray]) -> Row:
    overlays = {actor: _shown(data, maps.sel(source=source, actor=[actor])) for actor in photographs}
    highest = max((float(overlay.max()) for overlay in overlays.values() if overlay.notnull().any()), default=1.0)
    unit = "Share of\nresponses" if source == "human" else "Share of\nimages"
    unit = unit if maps.name == "heatmap" else "Above\npopulation"
    return Row(_title(source), photographs, (Layer(overlays, sequential(unit, highest)),))


def _title(source: str) -> str:
    return "Human" if source == "human" else "Classifier"


def _shown(data: FigureData, maps: xr.DataArray) -> xr.DataArray:
    """Keep what is shown of one map (actor, y, x) with one actor; NaN elsewhere."""
    human = maps.source.item() == "human"
    chosen = shown(maps, share=data.human_share if human else data.mask_share, rule="quantile" if human else "count")
    return maps.where(chosen & (maps > 0)).isel(actor=0)


def _row_text(data: FigureData, source: str) -> str:
    if source == "human":
        return ("Human: share of an image's responses whose box covers the pixel, mean over the actor's images; shown "
                f"at or above its {100 * (1 - data.human_share):g}th percentile and above 0.")
    return (f"Classifier ({source_name(source)}): share of the actor's images in whose top {data.mask_share:.0%} the "
            f"pixel is; the top {data.mask_share:.0%} of pixels are shown.")


def _numbers(data: FigureData, sources: tuple[str, ...], columns: tuple[str, ...]) -> str:
    """Say how many actors are shown and how many images their heatmaps rest on."""
    held = {"human": data.human, **data.classifier_maps}
    parts = [counted(len(columns), "actor")]
    for source in sources:
        maps = held.get(source)
        if maps is not None:
            counts = [int((maps.actor == actor).sum()) for actor in columns]
            images = str(min(counts)) if min(counts) == max(counts) else f"{min(counts)} to {max(counts)}"
            parts.append(f"{images} images each ({'human' if source == 'human' else 'classifier'})")
    return f"n = {', '.join(parts)}."


def _sources(data: FigureData) -> tuple[str, ...]:
    held = set(texts(data.heatmaps.source)) if "source" in data.heatmaps.coords else set()
    return tuple(source for source in ("human", data.main) if source is not None and source in held)


def _images(data: FigureData) -> dict[str, str]:
    """One image for each actor shown that has a heatmap."""
    held = set(texts(data.heatmaps.actor)) if "actor" in data.heatmaps.coords else set()
    chosen = {actor: first_photograph(data, actor) for actor in data.shown_actors if actor in held}
    return {actor: image for actor, image in chosen.items() if image is not None}
