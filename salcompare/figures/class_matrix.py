"""Figure 17: what tells each actor shown from each other one."""

from __future__ import annotations

import xarray as xr
from plotnine import scale_fill_cmap

from salcompare.figures.captions import caption
from salcompare.figures.data import Figure, FigureData, first_photograph, texts
from salcompare.figures.photographs import Layer, Row, picture_rows
from salcompare.figures.theme import SEQUENTIAL, picture_width, source_name, ticks, wrapped
from salcompare.maps import top_mask
from salcompare.phrases import counted


def class_matrix_missing(data: FigureData) -> str | None:
    """Why the figure cannot be drawn, or None."""
    if data.class_matrix is None or len(_actors(data)) < 2:
        return "maps of two actors' photographs, each explained for both, are needed"
    return None


def class_matrix_figure(data: FigureData) -> Figure:
    """Draw a row an actor y and a column an actor z: the mean difference y - z over y's photographs."""
    assert data.class_matrix is not None  # noqa: S101 - class_matrix_missing says so
    actors = _actors(data)
    maps = data.class_matrix.sel(actor=list(actors), other_actor=list(actors)).load()
    highest = float(maps.difference.max()) or 1.0
    columns = tuple(f"− {wrapped(actor, 12)}" for actor in actors)
    rows = [_row(data, maps.sel(actor=actor), columns, highest, bar=place == 0) for place, actor in enumerate(actors)]
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


def _of(data: FigureData) -> str:
    return f" ({source_name(data.main)})" if data.main else ""


def _actors(data: FigureData) -> tuple[str, ...]:
    """Those shown that the matrix holds and that have a photograph."""
    if data.class_matrix is None:
        return ()
    held = set(texts(data.class_matrix.actor))
    return tuple(actor for actor in data.shown_actors if actor in held and first_photograph(data, actor) is not None)


def _row(data: FigureData, maps: xr.Dataset, columns: tuple[str, ...], highest: float, *, bar: bool) -> Row:
    actor = str(maps.actor.item())
    photographs = dict.fromkeys(columns, data.photographs.sel(image=first_photograph(data, actor)).to_numpy())
    shown = {column: _shown(maps.difference.sel(other_actor=other, drop=True), data.mask_share)
             for column, other in zip(columns, texts(maps.other_actor), strict=True) if other != actor}
    scale = scale_fill_cmap(SEQUENTIAL, limits=(0, highest), trans="sqrt", name="Difference\ny − z",
                            breaks=[0, ticks(highest)[-1] / 4, ticks(highest)[-1]])
    return Row(wrapped(actor, 18), photographs, (Layer(shown, scale, bar=bar),))


def _shown(difference: xr.DataArray, share: float) -> xr.DataArray:
    known = difference.fillna(0).drop_vars("actor", errors="ignore")
    shown: xr.DataArray = known.where(top_mask(known, share=share) & (known > 0))
    return shown
