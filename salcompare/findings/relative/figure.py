"""Figures 5 and 6: actors' heatmaps, and what sets them apart from the population, human and classifier."""

from __future__ import annotations

import numpy as np
import xarray as xr

from salcompare.figures.figure import Figure, rows, texts, typical_photographs, typical_words
from salcompare.figures.photographs import Layer, Outline, Row, photographs_of, picture_figure
from salcompare.figures.theme import sequential, source_name
from salcompare.findings.relative import LARGEST
from salcompare.maps import shown
from salcompare.naming import HUMAN
from salcompare.printing import ALPHA, counted, number, percent, ranged
from salcompare.study_data import StudyData


def heatmaps_missing(data: StudyData) -> str | None:
    """Why neither figure can be drawn, or None."""
    if not _sources(data):
        return "neither human nor classifier heatmaps are there"
    return None if _images(data) else "no actor shown has a photograph and a heatmap"


def relative_missing(data: StudyData) -> str | None:
    """Why relative saliency cannot be drawn, or None."""
    if data.heatmaps.sizes.get("actor") == 1:
        return "one actor: there is no population to differ from"
    return heatmaps_missing(data)


def heatmaps_figure(data: StudyData) -> Figure:
    """Draw, for each actor, a photograph, the human heatmap and the classifier's (Fig. 5)."""
    return _figure(data, "heatmap", "fig5-heatmaps", f"Heatmaps of {_whose(data)}",
                   "Colours run from 0 to the highest value of the row.")


def relative_figure(data: StudyData) -> Figure:
    """Draw the heatmaps minus the population's, with outlines of the pixels that survive a test (Fig. 6)."""
    return _figure(data, "relative", "fig6-relative", f"Relative saliency of {_whose(data)}",
                   "Relative saliency: the actor's heatmap minus the population's, which is the mean over actors. "
                   "Colours run from 0, as in the population, to the highest value of the row; pixels below the "
                   "population are not shown.")


def _whose(data: StudyData) -> str:
    sides = ["people" if source == HUMAN else "classifier" for source in _sources(data)]
    return "the classifier" if sides == ["classifier"] else " and ".join(sides)


def _figure(data: StudyData, variable: str, name: str, title: str, what: str) -> Figure:
    images, sources = _images(data), _sources(data)
    columns = tuple(images)
    photographs = photographs_of(data, images)
    maps = data.heatmaps[variable].sel(source=list(sources), actor=list(columns)).load()
    pictures = [Row("Photograph", photographs), *(_row(data, maps, source, photographs) for source in sources)]
    tested = _test_text(data, sources, columns) if variable == "relative" else ""
    return picture_figure(data, name, title, pictures, columns, [
        what, typical_words(data), *(_row_text(data, source) for source in sources), tested,
        _numbers(data, sources, columns), "" if tested else "Shown without interval."], responses=HUMAN in sources)


def _row(data: StudyData, maps: xr.DataArray, source: str, photographs: dict[str, np.ndarray]) -> Row:
    overlays = {actor: _shown(data, maps.sel(source=source, actor=[actor])) for actor in photographs}
    highest = max((float(overlay.max()) for overlay in overlays.values() if overlay.notnull().any()), default=1.0)
    unit = "Above\npopulation" if maps.name != "heatmap" else (
        _RESPONSES[_people(data)][0] if source == HUMAN else "Share of\nimages")
    outlines = _outlines(data, source, tuple(photographs)) if maps.name == "relative" else ()
    return Row(_title(source), photographs, (Layer(overlays, sequential(unit, highest)),), outlines)


def _outlines(data: StudyData, source: str, actors: tuple[str, ...]) -> tuple[Outline, ...]:
    """Outline what lies above the other actors in a solid line, and what lies below in a dotted one."""
    if "relative_p" not in data.heatmaps:
        return ()
    tested = data.heatmaps[["relative_t", "relative_p"]].sel(source=source, actor=list(actors)).load()
    survives = tested.relative_p <= ALPHA
    return tuple(Outline({actor: (survives & side).sel(actor=actor) for actor in actors}, dashes)
                 for side, dashes in ((tested.relative_t > 0, "solid"), (tested.relative_t < 0, "dotted")))


def _test_text(data: StudyData, sources: tuple[str, ...], columns: tuple[str, ...]) -> str:
    """Say what the outlines are, and for how many actors there are any."""
    said = []
    for source in sources:
        tests = rows(data.estimates, source=source, **LARGEST[0].name)
        if len(tests) and tests["family_size"].notna().all():
            row = tests.iloc[0]
            shown = int((data.heatmaps["relative_p"].sel(source=source, actor=list(columns)) <= ALPHA).any(
                ["y", "x"]).sum())
            said.append(f"{_title(source).lower()} {number(row['family_size'])} tests, {number(row['n_resamples'])} "
                        f"permutations; pixels of {number(row['count'])} of {counted(int(row['n']), 'actor')} survive, "
                        f"{shown} of them shown here")
            sigma = row["sigma"]
    if not said:
        return ""
    return (f"Outlined: pixels at which the actor differs from the other actors (solid: above, dotted: below), p ≤ "
            f"{ALPHA:g} by the largest |t| over all pixels and actors, on maps smoothed with a Gaussian of "
            f"{number(sigma)} pixels, images permuted among actors ({'; '.join(said)}). Absence of a line is no "
            "evidence of likeness.")


def _title(source: str) -> str:
    return "Human" if source == HUMAN else "Classifier"


_RESPONSES = {
    "boxes": ("Share of\nresponses", "share of an image's responses whose box covers the pixel"),
    "fixations": ("Share of\nlooking", "share of the looking time, or of the clicks, that falls on the pixel, mean "
                  "over an image's trials"),
    "maps": ("Share of\nthe map", "ready-made maps, each scaled to sum to 1, mean over an image's maps"),
}
"""By what people's side is made of: the unit of its maps, and what they are."""


def _people(data: StudyData) -> str:
    """Name what people's side is made of, as its maps say."""
    return "boxes" if data.human is None else str(data.human.attrs.get("people", "boxes"))


def _shown(data: StudyData, maps: xr.DataArray) -> xr.DataArray:
    """Keep what is shown of one map (actor, y, x) with one actor; NaN elsewhere."""
    human = maps.source.item() == HUMAN
    chosen = shown(maps, share=data.human_share if human else data.mask_share, rule="quantile" if human else "count")
    return maps.where(chosen & (maps > 0)).isel(actor=0)


def _row_text(data: StudyData, source: str) -> str:
    if source == HUMAN:
        return (f"Human: {_RESPONSES[_people(data)][1]}, mean over the actor's images; shown "
                f"at or above its {100 * (1 - data.human_share):g}th percentile and above 0.")
    top = percent(data.mask_share, 0)
    return (f"Classifier ({source_name(source)}): share of the actor's images in whose top {top} the pixel is; the top "
            f"{top} of pixels are shown.")


def _numbers(data: StudyData, sources: tuple[str, ...], columns: tuple[str, ...]) -> str:
    """Say how many actors are shown and how many images their heatmaps rest on."""
    held = {HUMAN: data.human, **data.classifier_maps}
    parts = [counted(len(columns), "actor")]
    for source in sources:
        maps = held.get(source)
        if maps is not None:
            counts = [int((maps.actor == actor).sum()) for actor in columns]
            images = "image" if max(counts) == 1 else "images"
            parts.append(f"{ranged(counts)} {images} each ({_title(source).lower()})")
    return f"n = {', '.join(parts)}."


def _sources(data: StudyData) -> tuple[str, ...]:
    held = set(texts(data.heatmaps.source)) if "source" in data.heatmaps.coords else set()
    return tuple(source for source in (HUMAN, data.main) if source is not None and source in held)


def _images(data: StudyData) -> dict[str, str]:
    """One image for each actor shown that has a heatmap."""
    held = set(texts(data.heatmaps.actor)) if "actor" in data.heatmaps.coords else set()
    return typical_photographs(data, [actor for actor in data.shown_actors if actor in held])


FIGURES = {5: (heatmaps_missing, heatmaps_figure), 6: (relative_missing, relative_figure)}
