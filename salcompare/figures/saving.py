"""Writing figures as PNG and SVG, byte for byte the same for the same figure."""

from __future__ import annotations

import io
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from salcompare.figures.photographs import Picture
from salcompare.figures.theme import DPI, FONT
from salcompare.store import write_bytes

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from salcompare.figures.data import Figure

COLOURS = 256  # of a PNG's palette
GREY_STEPS = (2, 4, 6)  # between its greys; the finest that keeps the file small is taken
MOST_BYTES = 400_000
# Whatever a user's matplotlibrc says must not change a byte; "path" keeps the text's shape where the font is missing.
_SETTINGS = {"svg.hashsalt": "salcompare", "svg.fonttype": "path", "svg.image_inline": True, "font.family": FONT,
             "image.composite_image": False, "path.simplify": True, "text.usetex": False, "savefig.bbox": None,
             "savefig.transparent": False, "savefig.facecolor": "white", "agg.path.chunksize": 0}
# The backend is the caller's, and is not used: figures are written straight by Agg and by the SVG writer.
_DEFAULTS = {key: value for key, value in mpl.rcParamsDefault.items() if not key.startswith(("backend", "interactive"))}
_UNDATED = {"Date": None, "Creator": None}


def save_figure(figure: Figure, folder: Path) -> tuple[Path, Path]:
    """Write ``NAME.png`` (300 dots per inch) and ``NAME.svg`` (no outside references).

    Parameters
    ----------
    figure : Figure
        Drawn once for both files.
    folder : Path
        Made if it is not there.

    Returns
    -------
    Path, Path
        The PNG and the SVG.
    """
    png, svg = folder / f"{figure.name}.png", folder / f"{figure.name}.svg"
    with _pinned():
        drawing = figure.plot.draw()
        try:
            write_bytes(png, _png(drawing))
            write_bytes(svg, _svg(drawing))
        finally:
            drawing.clear()
    return png, svg


def _pinned() -> AbstractContextManager[None]:
    """Matplotlib's own defaults, with the settings above."""
    settings: dict[Any, Any] = {**_DEFAULTS, **_SETTINGS}
    return mpl.rc_context(settings)


def _png(drawing: Drawing) -> bytes:
    """Draw in full colour, then reduce greys and colours to a palette, so that files with photographs stay small."""
    drawn = io.BytesIO()
    drawing.savefig(drawn, format="png", dpi=DPI, metadata={"Software": None}, pil_kwargs={"compress_level": 1})
    picture = np.asarray(Image.open(drawn).convert("RGB"))
    red, green, blue = (picture[..., channel] for channel in range(3))
    coloured = (red != green) | (green != blue)
    # Each colour counts once, or large areas would take the palette from thin lines.
    colours, which = np.unique(picture[coloured], axis=0, return_inverse=True)
    for step in GREY_STEPS:
        written = io.BytesIO()
        ramp = np.append(np.arange(0, 255, step), 255).astype(np.uint8)
        indices = np.rint(green / step).astype(np.uint8)
        palette, nearest = _palette(colours, COLOURS - ramp.size)
        indices[coloured] = (nearest + ramp.size)[which.ravel()]
        image = Image.fromarray(indices, mode="P")
        image.putpalette([*ramp.repeat(3).tolist(), *palette])
        image.save(written, format="png", dpi=(DPI, DPI))
        if written.tell() <= MOST_BYTES:
            break
    return written.getvalue()


def _palette(colours: Picture, most: int) -> tuple[list[int], NDArray[np.uint8]]:
    """Reduce colours (n, 3) to a palette of at most `most`; each colour's place in it comes along."""
    if not len(colours):
        return [], np.zeros(0, np.uint8)
    reduced = Image.fromarray(colours[None]).quantize(most, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    return (reduced.getpalette() or [])[:3 * most], np.asarray(reduced)[0]


def _svg(drawing: Drawing) -> bytes:
    """Hold pictures at their own size; the viewer scales them."""
    for axes in drawing.axes:
        for picture in axes.images:
            picture.set_interpolation("none")
    written = io.BytesIO()
    drawing.savefig(written, format="svg", metadata=_UNDATED)
    return written.getvalue()
