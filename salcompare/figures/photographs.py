"""Photographs, and maps over them, as rows of pictures, drawn whole: a rectangle a pixel would be slow."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
import plotnine as p9
import xarray as xr
from numpy.typing import NDArray
from plotnine import geom_raster
from plotnine.composition import Compose, Stack
from plotnine.geoms.geom import geom

from salcompare.figures.figure import Figure, caption
from salcompare.figures.theme import COLOUR_BAR, SIMULATED, picture_theme, picture_width, wrapped
from salcompare.maps.alignment import is_aligned
from salcompare.study_data import StudyData

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PRINTED = 340  # pixels of a 29 mm picture at 300 dots per inch; more are never seen
FADE = 0.5  # how far a photograph under a map goes towards white, so that every colour stands out from it
MARGIN, TITLE_LINE, BAR_WIDTH, GAP, STRIP_LINE = 0.08, 0.13, 0.6, 0.03, 0.12  # inches beside and between the pictures
_GREY = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601 luma
Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class Layer:
    """Maps that lie over photographs and share their colours."""

    overlays: Mapping[str, xr.DataArray]  # (y, x), by column; NaN where the photograph shows
    # named for the unit; of two layers of one row one is of fill, the other of color
    scale: p9.scale_fill_cmap | p9.scale_fill_gradient | p9.scale_color_cmap
    bar: bool = True  # whether a bar at the right explains the colours


@dataclass(frozen=True)
class Outline:
    """Pixels that a line goes round."""

    inside: Mapping[str, xr.DataArray]  # bool (y, x), by column
    dashes: str = "solid"  # the line's style, as matplotlib names them


@dataclass(frozen=True)
class Row:
    """One row of pictures: a title at its left, and a photograph, perhaps under a map, for each column."""

    title: str  # stands at the left, turned
    photographs: Mapping[str, Picture]  # by column
    layers: tuple[Layer, ...] = ()  # what lies over them
    outlines: tuple[Outline, ...] = ()  # lines over those


def grey(photograph: Picture) -> Picture:
    """Grey and faded, to lie under a map; uint8 (y, x, 3)."""
    luma = (photograph.astype(np.float64) @ _GREY)[..., None].repeat(3, axis=-1)
    faded: Picture = np.rint(luma + (255 - luma) * FADE).astype(np.uint8)
    return faded


def printed_picture(picture: Picture, *, most: int = PRINTED) -> Picture:
    """Average blocks of a picture until no side has more than `most` pixels; a smaller one stays as it is."""
    step = block(picture.shape, most)
    if step == 1:
        return picture
    height, width = (side // step * step for side in picture.shape[:2])
    blocks = picture[:height, :width].reshape(height // step, step, width // step, step, -1)
    reduced: Picture = np.rint(blocks.mean(axis=(1, 3))).astype(np.uint8)
    return reduced


def printed_map(shown: xr.DataArray, *, most: int = PRINTED) -> xr.DataArray:
    """Average blocks of a map (y, x) until no side has more than `most` pixels.

    NaN is where nothing is shown; a block is shown where half of it is.
    """
    step = block((shown.sizes["y"], shown.sizes["x"]), most)
    if step == 1:
        return shown
    blocks = shown.coarsen(y=step, x=step, boundary="trim")
    held = shown.notnull().coarsen(y=step, x=step, boundary="trim")  # noqa: PD004 - of xarray
    reduced: xr.DataArray = blocks.mean().where(held.mean() >= 0.5)
    return reduced


def pixels_frame(overlays: Mapping[str, xr.DataArray], columns: Sequence[str]) -> pd.DataFrame:
    """One row a pixel that is shown: ``column, x, y`` (its centre on the grid) and ``value``."""
    parts = []
    for column in (column for column in columns if column in overlays):
        whole = overlays[column].transpose("y", "x")
        small = printed_map(whole).to_numpy()
        step = block(whole.shape)
        y, x = np.nonzero(~np.isnan(small))
        parts.append(pd.DataFrame({"column": column, "x": (x + 0.5) * step, "y": (y + 0.5) * step,
                                   "value": small[y, x].astype(np.float64)}))
    frame = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["column", "x", "y", "value"])
    return frame.assign(column=pd.Categorical(frame["column"], categories=list(columns)))


def block(shape: Sequence[int], most: int = PRINTED) -> int:
    """Side of the square blocks of pixels that are printed as one."""
    return math.ceil(max(shape[:2]) / most)


def picture_row(row: Row, columns: Sequence[str]) -> p9.ggplot:
    """Draw one row of pictures: greyscale under an overlay, as it is where there is none.

    The columns' names stand above, left to right; a column that the row lacks stays empty.
    """
    names = [_strip(column) for column in columns]
    covered = {column for layer in row.layers for column in layer.overlays}
    pictures = {_strip(column): printed_picture(grey(photo) if column in covered else photo)
                for column, photo in row.photographs.items()}
    height, width = size = next(iter(row.photographs.values())).shape[:2]
    under = pd.DataFrame({"column": pd.Categorical(list(pictures), categories=names), "picture": list(pictures)})
    plot: p9.ggplot = (p9.ggplot(under) + geom_picture(p9.aes(picture="picture"), pictures=pictures, size=size)
                    + p9.facet_grid(cols="column", drop=False)
                    + p9.scale_x_continuous(limits=(0, width), expand=(0, 0), breaks=None)
                    + p9.scale_y_reverse(limits=(height, 0), expand=(0, 0), breaks=None) + p9.labs(y=row.title))
    for layer in row.layers:
        frame = pixels_frame({_strip(column): overlay for column, overlay in layer.overlays.items()}, names)
        if len(frame):
            aesthetic = layer.scale.aesthetics[0]
            plot += geom_pixels(p9.aes("x", "y", **{aesthetic: "value"}), data=frame, size=size, step=block(size))
            plot += layer.scale
            bar: p9.guide_colorbar | Literal["none"] = COLOUR_BAR if layer.bar else "none"
            plot += p9.guides(color=bar) if aesthetic == "color" else p9.guides(fill=bar)
    for outline in row.outlines:
        inside = {_strip(column): pixels.astype(float).where(pixels) for column, pixels in outline.inside.items()}
        frame = pixels_frame(inside, names)
        if len(frame):
            plot += geom_outline(p9.aes("x", "y"), data=frame, size=size, step=block(size), dashes=outline.dashes)
    return plot


def picture_rows(rows: Sequence[Row], columns: Sequence[str], *, width: float, aspect: float,
                 subtitle: str = "") -> tuple[Stack, float]:
    """Stack rows of pictures, panels aligned, the columns' names above the first and a subtitle above all.

    `width` is of the whole, inches, `aspect` a picture's height over its width as it is drawn, whatever its grid's;
    gives what to draw, and its height in inches.
    """
    titles = TITLE_LINE * max(row.title.count("\n") + 1 for row in rows)
    side = (width - MARGIN - titles - BAR_WIDTH * any(layer.bar for row in rows for layer in row.layers)) / len(columns)
    strip = STRIP_LINE * max(_strip(column).count("\n") + 1 for column in columns)
    height = len(rows) * (side * aspect + GAP) + 0.09 + strip + (0.17 if subtitle else 0)
    look = picture_theme(width, height, aspect=aspect, bar=min(0.65, side * aspect - 0.4))
    nameless = p9.theme(strip_text=p9.element_blank(), strip_background=p9.element_blank())
    plots: list[p9.ggplot | Compose] = [picture_row(row, columns) + look + (
        nameless if i else p9.labs(subtitle=subtitle)) for i, row in enumerate(rows)]
    return Stack(plots), height


def picture_figure(data: StudyData, name: str, title: str, rows: Sequence[Row], columns: Sequence[str],
                   sentences: Iterable[str], *, responses: bool = False) -> Figure:
    """Make a figure of rows of pictures, with its caption, where ``responses`` says whether it rests on responses."""
    width = picture_width(len(columns))
    plot, height = picture_rows(rows, columns, width=width, aspect=true_aspect(data),
                                subtitle=SIMULATED if responses and data.simulated else "")
    return Figure(name, title, caption(data, sentences, responses=responses, photographs=True), plot, width, height)


def true_aspect(data: StudyData) -> float:
    """Height over width of a picture as it is drawn: of the median photograph as it was shown.

    Aligned photographs have the shape of their grid.
    """
    if is_aligned(data.images):
        return data.photographs.sizes["y"] / data.photographs.sizes["x"]
    return float((data.images["height"] / data.images["width"]).median())


def photographs_of(data: StudyData, images: Mapping[str, str]) -> dict[str, Picture]:
    """Give the photograph of each column, whose images are named."""
    return {column: data.photographs.sel(image=image).to_numpy() for column, image in images.items()}


def _strip(column: str) -> str:
    return wrapped(column, 18)


class geom_picture(geom):  # noqa: N801 - as plotnine names its geoms
    """Draw whole pictures, one a row of the data; for a reversed y scale, on which y runs downwards as the grid's does.

    `pictures` are uint8 arrays (height, width, 3) by the values of the aesthetic ``picture``; they cover the grid of
    `size` (height, width), whatever their own.
    """

    REQUIRED_AES = {"picture"}  # noqa: RUF012 - as plotnine declares it
    DEFAULT_AES: dict[str, Any] = {}  # noqa: RUF012
    DEFAULT_PARAMS = {"stat": "identity", "position": "identity", "na_rm": False,  # noqa: RUF012
                      "pictures": {}, "size": (1, 1)}

    def draw_panel(self, data: pd.DataFrame, panel_params: Any, coord: Any, ax: Axes) -> None:  # noqa: ANN401, ARG002
        """Draw the panel's pictures."""
        for key in data["picture"]:
            _draw(ax, self.params["pictures"][key], self.params["size"], self.params["zorder"], smooth=True)


class geom_pixels(geom_raster):  # noqa: N801 - as plotnine names its geoms
    """Draw those pixels of a map that the data holds, one a row, by the centre of each; the others let through.

    `size` is the grid's height and width, `step` a pixel's side on it. A pixel's colour follows the aesthetic ``color``
    where that is mapped, else ``fill``: two layers of one plot can so have a scale each. geom_raster guesses the grid
    from the pixels that it is given; a few scattered ones mislead it.
    """

    DEFAULT_AES = {"alpha": 1, "fill": "#333333", "color": None}  # noqa: RUF012
    DEFAULT_PARAMS = {"stat": "identity", "position": "identity", "na_rm": False,  # noqa: RUF012
                      "size": (1, 1), "step": 1}

    def setup_data(self, data: pd.DataFrame) -> pd.DataFrame:
        """Leave the data as it is."""
        return data

    def draw_panel(self, data: pd.DataFrame, panel_params: Any, coord: Any, ax: Axes) -> None:  # noqa: ANN401, ARG002
        """Draw the panel's pixels."""
        from matplotlib.colors import to_rgba_array

        step = self.params["step"]
        height, width = (side // step for side in self.params["size"])
        image = np.zeros((height, width, 4), np.uint8)
        down, right = (np.floor(np.abs(data[axis].to_numpy(float)) / step).astype(int) for axis in ("y", "x"))
        colours = data["fill"] if data["color"].isna().any() else data["color"]
        image[down, right] = np.rint(255 * to_rgba_array(colours.to_numpy(), data["alpha"].to_numpy(float)))
        _draw(ax, image, (height * step, width * step), self.params["zorder"], smooth=False)


class geom_outline(geom):  # noqa: N801 - as plotnine names its geoms
    """Draw the outline of the pixels that the data holds, as `geom_pixels` takes them; `dashes` is the line's style.

    A white line on a wider black one can be told from any photograph and from any colour of a map.
    """

    DEFAULT_AES: dict[str, Any] = {}  # noqa: RUF012
    DEFAULT_PARAMS = {"stat": "identity", "position": "identity", "na_rm": False,  # noqa: RUF012
                      "size": (1, 1), "step": 1, "dashes": "solid"}
    WIDTHS = (("#000000", 1.1), ("#FFFFFF", 0.5))

    def draw_panel(self, data: pd.DataFrame, panel_params: Any, coord: Any, ax: Axes) -> None:  # noqa: ANN401, ARG002
        """Draw the panel's outlines."""
        step = self.params["step"]
        held = np.zeros([side // step + 2 for side in self.params["size"]])  # a rim of nothing, so that lines close
        down, right = (np.floor(np.abs(data[axis].to_numpy(float)) / step).astype(int) for axis in ("y", "x"))
        held[down + 1, right + 1] = 1
        y, x = (step * (np.arange(side) - 0.5) for side in held.shape)
        for colour, width in self.WIDTHS:
            dashes = "solid" if colour == self.WIDTHS[0][0] else self.params["dashes"]
            ax.contour(x, -y, held, levels=[0.5], colors=colour, linewidths=width, linestyles=dashes,
                       zorder=self.params["zorder"])


def _draw(ax: Axes, image: Picture, size: tuple[int, int], zorder: float, *, smooth: bool) -> None:
    from matplotlib.image import AxesImage

    ax.add_image(AxesImage(ax, data=image, origin="upper", interpolation="bicubic" if smooth else "nearest",
                           extent=(0, size[1], -size[0], 0), zorder=zorder))
