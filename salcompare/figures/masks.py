"""Figure 2: masks of the frozen and of the finetuned classifier on the same photographs."""

from __future__ import annotations

import xarray as xr
from plotnine import scale_fill_gradient

from salcompare.figures.captions import caption
from salcompare.figures.data import Figure, FigureData, first_photograph, texts
from salcompare.figures.photographs import Layer, Row, picture_rows
from salcompare.figures.theme import picture_width, source_name
from salcompare.maps import top_mask
from salcompare.phrases import counted


def masks_missing(data: FigureData) -> str | None:
    """Why the figure cannot be drawn, or None."""
    if len(_variants(data)) < 2:
        return "frozen and finetuned maps of one classifier are needed"
    return None if _images(data) else "no actor shown has a photograph with maps of both variants"


def masks_figure(data: FigureData) -> Figure:
    """Draw one photograph an actor, with the top pixels of each variant's map in colour."""
    images, variants = _images(data), _variants(data)
    columns = tuple(images)
    photographs = {actor: data.photographs.sel(image=image).to_numpy() for actor, image in images.items()}
    colours = data.colours
    rows = [Row("Photograph", photographs)]
    for source in variants:
        overlays = {actor: _shown(data, source, image) for actor, image in images.items()}
        colour = scale_fill_gradient(low=colours[source], high=colours[source])
        rows.append(Row(source.split("/")[1].capitalize(), photographs, (Layer(overlays, colour, bar=False),)))
    width = picture_width(len(columns))
    plot, height = picture_rows(rows, columns, width=width)
    text = caption(data, [
        f"In colour, the top {data.mask_share:.0%} of the pixels of the saliency map of one photograph, for "
        f"{counted(len(columns), 'actor')} (one image each); the map explains the actor's own logit.",
        f"Upper masks: {source_name(variants[0])}, of which only the new layers are trained; lower masks: "
        f"{source_name(variants[1])}, trained as a whole from there on.",
        "Single images: no interval."], responses=False, photographs=True)
    return Figure("fig2-masks", "Frozen and finetuned saliency masks", text, plot, width, height)


def _variants(data: FigureData) -> tuple[str, ...]:
    """Frozen and finetuned of the main classifier, by its method, in this order."""
    if data.main is None or data.main.count("/") != 2:
        return ()
    name, _, method = data.main.split("/")
    wanted = (f"{name}/frozen/{method}", f"{name}/finetuned/{method}")
    return tuple(source for source in wanted if source in data.classifier_maps)


def _images(data: FigureData) -> dict[str, str]:
    """One image an actor, one that every variant has a map of."""
    chosen = {actor: first_photograph(data, actor) for actor in data.shown_actors}
    held = [set(texts(data.classifier_maps[source].image)) for source in _variants(data)]
    return {actor: image for actor, image in chosen.items()
            if image is not None and all(image in images for images in held)}


def _shown(data: FigureData, source: str, image: str) -> xr.DataArray:
    maps = data.classifier_maps[source].saliency.sel(image=[image]).load()
    shown: xr.DataArray = top_mask(maps, share=data.mask_share).isel(image=0)
    return shown.astype(float).where(shown)
