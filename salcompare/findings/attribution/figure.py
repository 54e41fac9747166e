"""Figures of how maps are made."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import xarray as xr
from plotnine import scale_color_cmap, scale_fill_cmap, scale_fill_gradient

from salcompare.figures.figure import Figure, colours_of, texts, typical_photographs
from salcompare.figures.photographs import Layer, Row, photographs_of, picture_figure
from salcompare.figures.theme import SEQUENTIAL, source_name, ticks, wrapped
from salcompare.maps import saliency_difference, top_mask
from salcompare.naming import Source
from salcompare.printing import counted, number, percent, ranged
from salcompare.study_data import StudyData

MOST_IMAGES = 6
COLUMNS = ("Photograph", "Map of actor y", "Map of actor z", "Difference y − z")
_ROOT = "colours follow the square root."  # most values are far below the peak


def masks_missing(data: StudyData) -> str | None:
    """Why the figure cannot be drawn, or None."""
    if len(_variants(data)) < 2:
        return "frozen and finetuned maps of one classifier are needed"
    return None if _images(data) else "no actor shown has a photograph with maps of both variants"


def masks_figure(data: StudyData) -> Figure:
    """Draw one photograph an actor, with the top pixels of each variant's map in colour."""
    images, variants, colours = _images(data), _variants(data), colours_of(data)
    photographs = photographs_of(data, images)
    rows = [Row("Photograph", photographs)]
    for source, name in zip(variants, ("Frozen", "Finetuned"), strict=True):
        maps = data.classifier_maps[source]["saliency"]
        masks = {actor: top_mask(maps.sel(image=[image]).load(), share=data.mask_share).isel(image=0)
                 for actor, image in images.items()}
        overlays = {actor: mask.astype(float).where(mask) for actor, mask in masks.items()}
        colour = scale_fill_gradient(low=colours[source], high=colours[source])
        rows.append(Row(name, photographs, (Layer(overlays, colour, bar=False),)))
    return picture_figure(data, "fig2-masks", "Frozen and finetuned saliency masks", rows, tuple(images), [
        f"In colour, the top {percent(data.mask_share, 0)} of the pixels of the saliency map of one photograph, for "
        f"{counted(len(images), 'actor')} (one image each); the map explains the actor's own logit.",
        f"Upper masks: {source_name(variants[0])}, of which only the new layers are trained; lower masks: "
        f"{source_name(variants[1])}, trained as a whole from there on.",
        "Single images: no interval."])


def _variants(data: StudyData) -> tuple[str, ...]:
    """Frozen and finetuned of the main classifier, by its method, in this order."""
    main = Source.parse(data.main)
    wanted = [str(replace(main, variant=variant)) for variant in ("frozen", "finetuned")] if main else []
    return tuple(source for source in wanted if source in data.classifier_maps)


def _images(data: StudyData) -> dict[str, str]:
    """One image an actor, one that every variant has a map of."""
    held = [set(texts(data.classifier_maps[source].image)) for source in _variants(data)]
    return {actor: image for actor, image in typical_photographs(data, data.shown_actors).items()
            if all(image in images for images in held)}


def differences_missing(data: StudyData) -> str | None:
    """Why the figure cannot be drawn, or None."""
    if data.get("differences") is None or data.get("differences").sizes["image"] == 0:
        return "attributions of one image to two actors are needed, and no pair was chosen"
    return None


def differences_figure(data: StudyData) -> Figure:
    """Draw a photograph, the two attributions and their difference, an image a row."""
    pairs = data.get("differences")
    pairs = pairs.isel(image=_chosen(pairs)).load()
    differences = saliency_difference(pairs.own, pairs.other)
    highest = float(differences.max()) or 1.0
    rows = [_row(data, pairs.isel(image=[i]), differences.isel(image=[i]), highest, place=i)
            for i in range(pairs.sizes["image"])]
    method = str(pairs.attrs.get("method", "guided_backprop"))
    made = "Guided Backpropagation (GB)" if method == "guided_backprop" else method.replace("_", " ").capitalize()
    return picture_figure(data, "fig3-differences", "Saliency differences", rows, COLUMNS, [
        f"Rows: {counted(len(rows), 'image')} of {counted(len(set(_names(pairs))), 'pair')} of actors, named y − z.",
        f"{made}{_of(data)} explains the logit of the image's own actor y, and of another actor z; each map is divided "
        f"by its peak, and the difference is ReLU(y − z), on a scale of its own up to {number(highest, 2)}.",
        f"Coloured: the top {percent(data.mask_share, 0)} of each map's pixels; {_ROOT}",
        "Single images: no interval."])


def _names(pairs: xr.Dataset) -> list[str]:
    return [f"{actor} − {other}" for actor, other in zip(texts(pairs.actor), texts(pairs.other_actor), strict=True)]


def _chosen(pairs: xr.Dataset) -> list[int]:
    """Places of the images to show: the first of each pair, then the second, until there are enough."""
    names = pd.Series(_names(pairs))
    turn = names.groupby(names).cumcount()
    return sorted(turn.sort_values(kind="stable").index[:MOST_IMAGES])


def _row(data: StudyData, pair: xr.Dataset, difference: xr.DataArray, highest: float, *, place: int) -> Row:
    """Lay out one image; all rows have the same two scales, whose bars stand beside the first two rows."""
    names = ("photograph" if "photograph" in pair.coords else "image", "actor", "other_actor")
    image, actor, other = (texts(pair[name])[0] for name in names)
    of_peak = {column: _shown((maps / maps.max(["y", "x"])).isel(image=0), data.mask_share)
               for column, maps in zip(COLUMNS[1:3], (pair.own, pair.other), strict=True)}
    scale = scale_fill_cmap(SEQUENTIAL, limits=(0, 1), trans="sqrt", breaks=[0, 0.1, 0.5, 1],
                            labels=["0", "0.1", "0.5", "1"], name="Share of\nthe peak")
    between = scale_color_cmap(SEQUENTIAL, **_between(highest))
    title = f"{actor} − {other}" if len(actor + other) < 14 else f"{wrapped(actor, 18)} −\n{wrapped(other, 18)}"
    return Row(title, photographs_of(data, dict.fromkeys(COLUMNS, image)), (
        Layer(of_peak, scale, bar=place == 0),
        Layer({COLUMNS[3]: _shown(difference.isel(image=0), data.mask_share)}, between, bar=place == 1)))


def _between(highest: float) -> dict[str, Any]:
    """Say how differences are coloured."""
    return {"limits": (0, highest), "trans": "sqrt", "name": "Difference\ny − z",
            "breaks": [0, ticks(highest)[-1] / 4, ticks(highest)[-1]]}


def _shown(values: xr.DataArray, share: float) -> xr.DataArray:
    """Keep the top share of the pixels (y, x) of one map, as far as they are above 0; NaN elsewhere."""
    shown: xr.DataArray = values.where(top_mask(values, share=share) & (values > 0))
    return shown


def class_matrix_missing(data: StudyData) -> str | None:
    """Why the figure cannot be drawn, or None."""
    return None if len(_actors(data)) > 1 else "maps of two actors' photographs, each explained for both, are needed"


def class_matrix_figure(data: StudyData) -> Figure:
    """Draw a row an actor y and a column an actor z: the mean difference y - z over y's photographs."""
    actors = _actors(data)
    maps = data.get("class_matrix").sel(actor=list(actors), other_actor=list(actors)).load()
    highest = float(maps.difference.max()) or 1.0
    columns = tuple(f"− {wrapped(actor, 12)}" for actor in actors)
    rows = [_matrix_row(data, maps.sel(actor=actor), image, columns, highest, bar=not place)
            for place, (actor, image) in enumerate(actors.items())]
    counts = maps.n_images.to_numpy().tolist()
    return picture_figure(data, "fig17-class-matrix", "What tells one actor from another", rows, columns, [
        f"Row y, column z: what in the photographs of actor y tells y from z{_of(data)}, the mean over "
        f"{ranged(counts)} test image{'s' * (max(counts) > 1)} of ReLU(y − z), of maps of one image explained for "
        f"either actor and divided by their peaks; {counted(len(actors), 'actor')}. Where y is z: y's most "
        "typical photograph.",
        f"Coloured: the top {percent(data.mask_share, 0)} of pixels, up to {number(highest, 2)}; {_ROOT}",
        "Descriptive: no interval."])


def _of(data: StudyData) -> str:
    return f" ({source_name(data.main)})" if data.main else ""


def _actors(data: StudyData) -> dict[str, str]:
    """Those shown that the matrix holds and that have a photograph, with the one to show."""
    matrix = data.get("class_matrix")
    held = set() if matrix is None else set(texts(matrix.actor))
    return typical_photographs(data, [actor for actor in data.shown_actors if actor in held])


def _matrix_row(data: StudyData, maps: xr.Dataset, image: str, columns: tuple[str, ...], highest: float, *,
                bar: bool) -> Row:
    actor = str(maps.actor.item())
    shown = {column: _shown(maps.difference.sel(other_actor=other, drop=True).fillna(0), data.mask_share)
             for column, other in zip(columns, texts(maps.other_actor), strict=True) if other != actor}
    scale = scale_fill_cmap(SEQUENTIAL, **_between(highest))
    return Row(wrapped(actor, 18), photographs_of(data, dict.fromkeys(columns, image)), (Layer(shown, scale, bar=bar),))


FIGURES = {2: (masks_missing, masks_figure), 3: (differences_missing, differences_figure),
           17: (class_matrix_missing, class_matrix_figure)}
