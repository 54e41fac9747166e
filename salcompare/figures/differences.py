"""Figure 3: where the attribution of an image's own actor exceeds that of another actor."""

from __future__ import annotations

import pandas as pd
import xarray as xr
from plotnine import scale_color_cmap, scale_fill_cmap

from salcompare.figures.captions import caption
from salcompare.figures.data import Figure, FigureData, texts
from salcompare.figures.photographs import Layer, Row, picture_rows
from salcompare.figures.theme import SEQUENTIAL, picture_width, source_name, ticks, wrapped
from salcompare.maps import saliency_difference, top_mask
from salcompare.phrases import counted

MOST_IMAGES = 6
COLUMNS = ("Photograph", "Map of actor y", "Map of actor z", "Difference y − z")


def differences_missing(data: FigureData) -> str | None:
    """Why the figure cannot be drawn, or None."""
    if data.differences is None or data.differences.sizes["image"] == 0:
        return "attributions of one image to two actors are needed, and no pair was chosen"
    return None


def differences_figure(data: FigureData) -> Figure:
    """Draw a photograph, the two attributions and their difference, an image a row."""
    assert data.differences is not None  # noqa: S101 - differences_missing says so
    pairs = data.differences.isel(image=_chosen(data.differences)).load()
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


def _row(data: FigureData, pair: xr.Dataset, difference: xr.DataArray, highest: float, *, place: int) -> Row:
    """Lay out one image; all rows have the same two scales, whose bars stand beside the first two rows."""
    names = ("photograph" if "photograph" in pair.coords else "image", "actor", "other_actor")
    image, own, other = (texts(pair[name])[0] for name in names)
    photographs = dict.fromkeys(COLUMNS, data.photographs.sel(image=image).to_numpy())
    both = {column: _shown(_of_peak(maps), data.mask_share)
            for column, maps in zip(COLUMNS[1:3], (pair.own, pair.other), strict=True)}
    # Most values are far below the peak, hence the root.
    of_peak = scale_fill_cmap(SEQUENTIAL, limits=(0, 1), trans="sqrt", breaks=[0, 0.1, 0.5, 1],
                              labels=["0", "0.1", "0.5", "1"], name="Share of\nthe peak")
    between = scale_color_cmap(SEQUENTIAL, limits=(0, highest), trans="sqrt", name="Difference\ny − z",
                               breaks=[0, ticks(highest)[-1] / 4, ticks(highest)[-1]])
    title = f"{own} − {other}" if len(own + other) < 14 else f"{wrapped(own, 18)} −\n{wrapped(other, 18)}"
    return Row(title, photographs, (
        Layer(both, of_peak, bar=place == 0),
        Layer({COLUMNS[3]: _shown(difference, data.mask_share)}, between, bar=place == 1)))


def _of_peak(maps: xr.DataArray) -> xr.DataArray:
    scaled: xr.DataArray = maps / maps.max(["y", "x"])
    return scaled


def _shown(maps: xr.DataArray, share: float) -> xr.DataArray:
    shown: xr.DataArray = maps.where(top_mask(maps, share=share) & (maps > 0)).isel(image=0)
    return shown
