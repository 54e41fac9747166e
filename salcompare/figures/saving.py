"""Writing figures as PNG and SVG, byte for byte the same for the same figure."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.ticker import FixedFormatter
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from salcompare.figures.figure import SIMULATED_RESPONSES
from salcompare.figures.photographs import Picture
from salcompare.figures.theme import DPI, FONT
from salcompare.store import write_bytes

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from salcompare.figures.figure import Figure

COLOURS = 256  # of a PNG's palette
GREY_STEPS = (2, 4, 6, 8)  # between its greys; the finest that keeps the file small is taken
MOST_BYTES = 400_000
# Whatever a user's matplotlibrc says must not change a byte; "path" keeps the text's shape where the font is missing.
_SETTINGS = {"svg.hashsalt": "salcompare", "svg.fonttype": "path", "svg.image_inline": True, "font.family": FONT,
             "image.composite_image": False, "path.simplify": True, "text.usetex": False, "savefig.bbox": None,
             "savefig.transparent": False, "savefig.facecolor": "white", "agg.path.chunksize": 0}
# The backend is the caller's, and is not used: figures are written straight by Agg and by the SVG writer.
_PINNED: dict[Any, Any] = {**{key: value for key, value in mpl.rcParamsDefault.items()
                              if not key.startswith(("backend", "interactive"))}, **_SETTINGS}
_UNDATED = {"Date": None, "Creator": None}


def save_figure(figure: Figure, folder: Path) -> tuple[Path, Path]:
    """Write ``NAME.png`` (300 dots per inch) and ``NAME.svg`` (no outside references).

    Both say what `Figure.about` says: the PNG in text chunks of these names, the SVG in its title and description.

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
    with mpl.rc_context(_PINNED):
        drawing = figure.plot.draw()
        _print_minus_signs(drawing)
        try:
            write_bytes(png, _png(drawing, figure.about))
            write_bytes(svg, _svg(drawing, figure.about))
        finally:
            drawing.clear()
    return png, svg


def _print_minus_signs(drawing: Drawing) -> None:
    """Print minus signs on axes as the text beside a figure does; scales write hyphens."""
    for axes in drawing.axes:
        for formatter in (axes.xaxis.get_major_formatter(), axes.yaxis.get_major_formatter()):
            if isinstance(formatter, FixedFormatter):
                formatter.seq = [re.sub(r"^-(?=[\d.]+$)", "−", label) for label in formatter.seq]


def _png(drawing: Drawing, about: Mapping[str, str]) -> bytes:
    """Draw in full colour, then reduce greys and colours to a palette, so that files with photographs stay small."""
    picture = _pixels(drawing)
    red, green, blue = (picture[..., channel] for channel in range(3))
    coloured = (red != green) | (green != blue)
    colours, which, counts = _colours(picture[coloured])
    for step in GREY_STEPS:
        ramp = np.append(np.arange(0, 255, step), 255).astype(np.uint8)
        indices = np.abs(np.arange(256)[:, None] - ramp).argmin(axis=1).astype(np.uint8)[green]
        palette, places = _palette(colours, counts, COLOURS - ramp.size)
        indices[coloured] = (places + ramp.size)[which]
        image = Image.fromarray(indices, mode="P")
        image.putpalette([*ramp.repeat(3).tolist(), *palette.ravel().tolist()])
        written = io.BytesIO()
        image.save(written, format="png", dpi=(DPI, DPI), pnginfo=_text(about))
        if written.tell() <= MOST_BYTES:
            break
    return written.getvalue()


def _text(about: Mapping[str, str]) -> PngInfo:
    chunks = PngInfo()
    for name, said in about.items():
        chunks.add_itxt(name, said)
    return chunks


def _pixels(drawing: Drawing) -> Picture:
    """Draw once; `savefig` would lay everything out a first time for a bounding box that is not asked for."""
    dpi = drawing.dpi
    drawing.set_facecolor("white")
    drawing.dpi = DPI
    canvas = FigureCanvasAgg(drawing)
    canvas.draw()
    drawing.dpi = dpi
    return np.asarray(canvas.buffer_rgba())[..., :3]


def _colours(pixels: Picture) -> tuple[Picture, NDArray[np.intp], NDArray[np.intp]]:
    """Colours (n, 3) of pixels (m, 3) in order of red, green, blue; each pixel's colour; how often each comes up."""
    red, green, blue = pixels.astype(np.uint32).T
    numbers, which, counts = np.unique(red << 16 | green << 8 | blue, return_inverse=True, return_counts=True)
    return np.stack([numbers >> 16, numbers >> 8 & 255, numbers & 255], axis=1).astype(np.uint8), which, counts


def _palette(colours: Picture, counts: NDArray[np.intp], most: int) -> tuple[Picture, NDArray[np.uint8]]:
    """Reduce colours (n, 3) to a palette (at most `most`, 3), and give each its place in it.

    The commonest, which fill areas, are kept as they are; the rest, edges mostly, are brought together.
    """
    order = np.argsort(-counts, kind="stable")
    exact, rest = order[:most // 2], order[most // 2:]
    places = np.zeros(len(colours), np.uint8)
    places[exact] = np.arange(exact.size)
    if not rest.size:
        return colours[exact], places
    reduced = Image.fromarray(colours[rest][None]).quantize(most - exact.size, method=Image.Quantize.MEDIANCUT,
                                                            dither=Image.Dither.NONE)
    places[rest] = np.asarray(reduced)[0] + exact.size
    return np.concatenate([colours[exact], np.array(reduced.getpalette(), np.uint8).reshape(-1, 3)]), places


def _svg(drawing: Drawing, about: Mapping[str, str]) -> bytes:
    """Hold pictures at their own size; the viewer scales them."""
    for axes in drawing.axes:
        for picture in axes.images:
            picture.set_interpolation("none")
    written = io.BytesIO()
    simulated = {"Description": SIMULATED_RESPONSES, "Keywords": ["responses: simulated"]}
    said = {**_UNDATED, "Title": about["title"], **(simulated if "responses" in about else {})}
    FigureCanvasSVG(drawing).print_svg(written, metadata=said)
    return written.getvalue()
