"""Figure 3: where the attribution of an image's own actor exceeds that of another actor."""

from __future__ import annotations

import xarray as xr
from plotnine import scale_fill_cmap

from salcompare.figures.captions import caption, counted
from salcompare.figures.data import Figure, FigureData, texts
from salcompare.figures.photographs import Row, picture_rows
from salcompare.figures.theme import SEQUENTIAL, picture_width, source_name, wrapped
from salcompare.maps import saliency_difference, top_mask

MOST_IMAGES = 6
COLUMNS = ("Photograph", "GB of actor y", "GB of actor z", "Difference y − z")


def differences_missing(data: FigureData) -> str | None:
    """Why the figure cannot be drawn, or None."""
    if data.differences is None or data.differences.sizes["image"] == 0:
        return "attributions of one image to two actors are needed, and no pair was chosen"
    return None


def differences_figure(data: FigureData) -> Figure:
    """Draw a photograph, the two attributions and their difference, an image a row."""
    assert data.differences is not None  # noqa: S101 - differences_missing says so
    pairs = data.differences.isel(image=slice(MOST_IMAGES)).load()
    rows = [_row(data, pairs.isel(image=[i]), bar=i == 0) for i in range(pairs.sizes["image"])]
    width = picture_width(len(COLUMNS))
    plot, height = picture_rows(rows, COLUMNS, width=width)
    named = [f"{own} − {other}" for own, other in zip(texts(pairs.actor), texts(pairs.other_actor), strict=True)]
    of = f" ({source_name(data.main)})" if data.main else ""
    text = caption(data, [
        f"Rows: {counted(len(rows), 'image')} of {counted(len(set(named)), 'pair')} of actors, named y − z.",
        f"Guided Backpropagation (GB){of} explains the logit of the image's own actor y, and of another actor z; each "
        "map is divided by its peak, and the difference is ReLU(y − z). Colours follow the square root.",
        f"Coloured: the top {data.mask_share:.0%} of each map's pixels, as a share of the peak.",
        "Single images: no interval."], responses=False, photographs=True)
    return Figure("fig3-differences", "Saliency differences", text, plot, width, height)


def _row(data: FigureData, pair: xr.Dataset, *, bar: bool) -> Row:
    """Lay out one image; all rows have one scale, whose bar stands beside the first."""
    # One photograph may stand under several pairs; `image` is then the pair's own id.
    of = "photograph" if "photograph" in pair.coords else "image"
    image, own, other = (texts(pair[name])[0] for name in (of, "actor", "other_actor"))
    photograph = data.photographs.sel(image=image).to_numpy()
    difference = saliency_difference(pair.own, pair.other)
    overlays = {column: _shown(maps, data.mask_share) for column, maps in
                zip(COLUMNS[1:], (_of_peak(pair.own), _of_peak(pair.other), difference), strict=True)}
    # Most values are far below the peak, hence the root.
    colours = scale_fill_cmap(SEQUENTIAL, limits=(0, 1), trans="sqrt", breaks=[0, 0.1, 0.25, 0.5, 1],
                              labels=["0", "0.1", "0.25", "0.5", "1"], name="Share of\nthe peak")
    return Row(wrapped(f"{own} − {other}", 16), dict.fromkeys(COLUMNS, photograph), overlays, colours, bar=bar)


def _of_peak(maps: xr.DataArray) -> xr.DataArray:
    scaled: xr.DataArray = maps / maps.max(["y", "x"])
    return scaled


def _shown(maps: xr.DataArray, share: float) -> xr.DataArray:
    shown: xr.DataArray = maps.where(top_mask(maps, share=share) & (maps > 0)).isel(image=0)
    return shown
