"""Figures of how maps are made."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import xarray as xr
from plotnine import scale_color_cmap, scale_fill_cmap, scale_fill_gradient

from salcompare.figures.figure import Figure, caption, colours_of, first_photograph, texts
from salcompare.figures.photographs import Layer, Row, picture_rows
from salcompare.figures.theme import SEQUENTIAL, picture_width, source_name, ticks, wrapped
from salcompare.maps import saliency_difference, top_mask
from salcompare.naming import Source
from salcompare.printing import counted
from salcompare.study_data import StudyData


def masks_missing(data: StudyData) -> str | None:
    """Why the figure cannot be drawn, or None."""
    if len(_variants(data)) < 2:
        return "frozen and finetuned maps of one classifier are needed"
    return None if _images(data) else "no actor shown has a photograph with maps of both variants"


def masks_figure(data: StudyData) -> Figure:
    """Draw one photograph an actor, with the top pixels of each variant's map in colour."""
    images, variants = _images(data), _variants(data)
    columns = tuple(images)
    photographs = {actor: data.photographs.sel(image=image).to_numpy() for actor, image in images.items()}
    colours = colours_of(data)
    rows = [Row("Photograph", photographs)]
    for source, name in zip(variants, ("Frozen", "Finetuned"), strict=True):
        overlays = {actor: _shown(data, source, image) for actor, image in images.items()}
        colour = scale_fill_gradient(low=colours[source], high=colours[source])
        rows.append(Row(name, photographs, (Layer(overlays, colour, bar=False),)))
    width = picture_width(len(columns))
    plot, height = picture_rows(rows, columns, width=width)
    text = caption(data, [
        f"In colour, the top {data.mask_share:.0%} of the pixels of the saliency map of one photograph, for "
        f"{counted(len(columns), 'actor')} (one image each); the map explains the actor's own logit.",
        f"Upper masks: {source_name(variants[0])}, of which only the new layers are trained; lower masks: "
        f"{source_name(variants[1])}, trained as a whole from there on.",
        "Single images: no interval."], responses=False, photographs=True)
    return Figure("fig2-masks", "Frozen and finetuned saliency masks", text, plot, width, height)


def _variants(data: StudyData) -> tuple[str, ...]:
    """Frozen and finetuned of the main classifier, by its method, in this order."""
    main = Source.parse(data.main)
    wanted = [str(replace(main, variant=variant)) for variant in ("frozen", "finetuned")] if main else []
    return tuple(source for source in wanted if source in data.classifier_maps)


def _images(data: StudyData) -> dict[str, str]:
    """One image an actor, one that every variant has a map of."""
    chosen = {actor: first_photograph(data, actor) for actor in data.shown_actors}
    held = [set(texts(data.classifier_maps[source].image)) for source in _variants(data)]
    return {actor: image for actor, image in chosen.items()
            if image is not None and all(image in images for images in held)}


def _shown(data: StudyData, source: str, image: str) -> xr.DataArray:
    maps = data.classifier_maps[source].saliency.sel(image=[image]).load()
    shown: xr.DataArray = top_mask(maps, share=data.mask_share).isel(image=0)
    return shown.astype(float).where(shown)


MOST_IMAGES = 6
COLUMNS = ("Photograph", "Map of actor y", "Map of actor z", "Difference y − z")


def differences_missing(data: StudyData) -> str | None:
    """Why the figure cannot be drawn, or None."""
    if data.get("differences") is None or data.get("differences").sizes["image"] == 0:
        return "attributions of one image to two actors are needed, and no pair was chosen"
    return None


def differences_figure(data: StudyData) -> Figure:
    """Draw a photograph, the two attributions and their difference, an image a row."""
    assert data.get("differences") is not None  # noqa: S101 - differences_missing says so
    pairs = data.get("differences").isel(image=_chosen(data.get("differences"))).load()
    differences = saliency_difference(pairs.own, pairs.other)
    highest = float(differences.max()) or 1.0
    rows = [_row(data, pairs.isel(image=[i]), differences.isel(image=[i]), highest, place=i)
            for i in range(pairs.sizes["image"])]
    width = picture_width(len(COLUMNS))
    plot, height = picture_rows(rows, COLUMNS, width=width)
    of = f" ({source_name(data.main)})" if data.main else ""
    method = str(pairs.attrs.get("method", "guided_backprop"))
    made = "Guided Backpropagation (GB)" if method == "guided_backprop" else method.replace("_", " ").capitalize()
    text = caption(data, [
        f"Rows: {counted(len(rows), 'image')} of {counted(len(set(_names(pairs))), 'pair')} of actors, named y − z.",
        f"{made}{of} explains the logit of the image's own actor y, and of another actor z; each "
        "map is divided by its peak, and the difference is ReLU(y − z), on a scale of its own up "
        f"to {highest:.2g}.",
        f"Coloured: the top {data.mask_share:.0%} of each map's pixels; colours follow the square root.",
        "Single images: no interval."], responses=False, photographs=True)
    return Figure("fig3-differences", "Saliency differences", text, plot, width, height)


def _names(pairs: xr.Dataset) -> list[str]:
    return [f"{own} − {other}" for own, other in zip(texts(pairs.actor), texts(pairs.other_actor), strict=True)]


def _chosen(pairs: xr.Dataset) -> list[int]:
    """Places of the images to show: the first of each pair, then the second, until there are enough."""
    names = pd.Series(_names(pairs))
    turn = names.groupby(names).cumcount()
    return sorted(turn.sort_values(kind="stable").index[:MOST_IMAGES])


def _row(data: StudyData, pair: xr.Dataset, difference: xr.DataArray, highest: float, *, place: int) -> Row:
    """Lay out one image; all rows have the same two scales, whose bars stand beside the first two rows."""
    names = ("photograph" if "photograph" in pair.coords else "image", "actor", "other_actor")
    image, own, other = (texts(pair[name])[0] for name in names)
    photographs = dict.fromkeys(COLUMNS, data.photographs.sel(image=image).to_numpy())
    both = {column: _shown_pairs(_of_peak(maps), data.mask_share)
            for column, maps in zip(COLUMNS[1:3], (pair.own, pair.other), strict=True)}
    # Most values are far below the peak, hence the root.
    of_peak = scale_fill_cmap(SEQUENTIAL, limits=(0, 1), trans="sqrt", breaks=[0, 0.1, 0.5, 1],
                              labels=["0", "0.1", "0.5", "1"], name="Share of\nthe peak")
    between = scale_color_cmap(SEQUENTIAL, limits=(0, highest), trans="sqrt", name="Difference\ny − z",
                               breaks=[0, ticks(highest)[-1] / 4, ticks(highest)[-1]])
    title = f"{own} − {other}" if len(own + other) < 14 else f"{wrapped(own, 18)} −\n{wrapped(other, 18)}"
    return Row(title, photographs, (
        Layer(both, of_peak, bar=place == 0),
        Layer({COLUMNS[3]: _shown_pairs(difference, data.mask_share)}, between, bar=place == 1)))


def _of_peak(maps: xr.DataArray) -> xr.DataArray:
    scaled: xr.DataArray = maps / maps.max(["y", "x"])
    return scaled


def _shown_pairs(maps: xr.DataArray, share: float) -> xr.DataArray:
    shown: xr.DataArray = maps.where(top_mask(maps, share=share) & (maps > 0)).isel(image=0)
    return shown


def class_matrix_missing(data: StudyData) -> str | None:
    """Why the figure cannot be drawn, or None."""
    if data.get("class_matrix") is None or len(_actors(data)) < 2:
        return "maps of two actors' photographs, each explained for both, are needed"
    return None


def class_matrix_figure(data: StudyData) -> Figure:
    """Draw a row an actor y and a column an actor z: the mean difference y - z over y's photographs."""
    assert data.get("class_matrix") is not None  # noqa: S101 - class_matrix_missing says so
    actors = _actors(data)
    maps = data.get("class_matrix").sel(actor=list(actors), other_actor=list(actors)).load()
    highest = float(maps.difference.max()) or 1.0
    columns = tuple(f"− {wrapped(actor, 12)}" for actor in actors)
    rows = [_matrix_row(data, maps.sel(actor=actor), columns, highest, bar=place == 0)
            for place, actor in enumerate(actors)]
    width = picture_width(len(columns))
    plot, height = picture_rows(rows, columns, width=width)
    n = maps.n_images.to_numpy()
    some = f"{n.min()}" if n.min() == n.max() else f"{n.min()} to {n.max()}"
    text = caption(data, [
        f"Row y, column z: what in the photographs of actor y tells y from z{_of(data)}, the mean over "
        f"{some} test {'image' if n.max() == 1 else 'images'} of ReLU(y − z), of maps of one image explained for "
        f"either actor and divided by their peaks; {counted(len(actors), 'actor')}. Where y is z: one photograph of y.",
        f"Coloured: the top {data.mask_share:.0%} of pixels, up to {highest:.2g}; colours follow the square root.",
        "Descriptive: no interval."], responses=False, photographs=True)
    return Figure("fig17-class-matrix", "What tells one actor from another", text, plot, width, height)


def _of(data: StudyData) -> str:
    return f" ({source_name(data.main)})" if data.main else ""


def _actors(data: StudyData) -> tuple[str, ...]:
    """Those shown that the matrix holds and that have a photograph."""
    if data.get("class_matrix") is None:
        return ()
    held = set(texts(data.get("class_matrix").actor))
    return tuple(actor for actor in data.shown_actors if actor in held and first_photograph(data, actor) is not None)


def _matrix_row(data: StudyData, maps: xr.Dataset, columns: tuple[str, ...], highest: float, *, bar: bool) -> Row:
    actor = str(maps.actor.item())
    photographs = dict.fromkeys(columns, data.photographs.sel(image=first_photograph(data, actor)).to_numpy())
    shown = {column: _shown_matrix(maps.difference.sel(other_actor=other, drop=True), data.mask_share)
             for column, other in zip(columns, texts(maps.other_actor), strict=True) if other != actor}
    scale = scale_fill_cmap(SEQUENTIAL, limits=(0, highest), trans="sqrt", name="Difference\ny − z",
                            breaks=[0, ticks(highest)[-1] / 4, ticks(highest)[-1]])
    return Row(wrapped(actor, 18), photographs, (Layer(shown, scale, bar=bar),))


def _shown_matrix(difference: xr.DataArray, share: float) -> xr.DataArray:
    known = difference.fillna(0).drop_vars("actor", errors="ignore")
    shown: xr.DataArray = known.where(top_mask(known, share=share) & (known > 0))
    return shown


FIGURES = {2: (masks_missing, masks_figure), 3: (differences_missing, differences_figure),
           17: (class_matrix_missing, class_matrix_figure)}
