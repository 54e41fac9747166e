"""Pictures and pixels of maps as layers of a plot, drawn as whole images; a rectangle a pixel would be slow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from plotnine import geom_raster
from plotnine.geoms.geom import geom

if TYPE_CHECKING:
    from matplotlib.axes import Axes


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


def _draw(ax: Axes, image: NDArray[np.uint8], size: tuple[int, int], zorder: float, *, smooth: bool) -> None:
    from matplotlib.image import AxesImage

    ax.add_image(AxesImage(ax, data=image, origin="upper", interpolation="bicubic" if smooth else "nearest",
                           extent=(0, size[1], -size[0], 0), zorder=zorder))
