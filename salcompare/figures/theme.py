"""One look for all figures: sizes of journal columns, one font, and colours that keep their meaning."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import plotnine as p9
from matplotlib.ticker import MaxNLocator
from plotnine.themes.elements import margin

from salcompare.naming import Source, by_classifier, classifier_of

if TYPE_CHECKING:
    from plotnine.ggplot import PlotAddable

INCH = 25.4
SINGLE, MIDDLE, DOUBLE = 89 / INCH, 130 / INCH, 183 / INCH
"""Widths of one column, of one and a half, and of two columns of a journal, inches."""
DPI = 300
FONT = "DejaVu Sans"  # matplotlib ships it, so that pictures are the same on every machine
TEXT, SMALL = 7.0, 6.0
"""Sizes of text, points."""

HUMAN, PHOTOGRAPHS, NULL, INK = "#D55E00", "#5C5C5C", "#A6A6A6", "#222222"
CLASSIFIERS = ("#0072B2", "#009E73", "#332288", "#999933", "#661100", "#CC79A7")
"""Of classifiers, the main one first: of Okabe & Ito (2008) and of Tol (2021), those that people and nulls leave."""
PALER = (0.0, 0.45, 0.6, 0.7)
"""How much white is in the colours of one classifier's sources, the main one first."""
OTHER_IMAGES = "#56B4E9"
BASELINES = "#7A7A7A"
LABELS = ("#0072B2", "#D55E00", "#009E73", "#E69F00", "#CC79A7", "#56B4E9", "#F0E442")
OTHER_LABELS = "#999999"

SEQUENTIAL = "plasma"
SIMULATED = "Simulated responses"

# A continuous bar is thousands of triangles in an SVG, and looks the same.
COLOUR_BAR = p9.guide_colorbar(display="rectangles", nbin=64)
_NAMES = {"human": "Human", "photographs": "Photographs", "baseline/uniform": "Uniform map",
          "baseline/centre": "Centred Gaussian", "baseline/other actors": "Other actors' human map"}


def figure_theme(width: float, height: float) -> p9.theme:
    """Of every plot with axes; `width` and `height` in inches are the whole figure's."""
    return p9.theme_void(base_size=TEXT, base_family=FONT) + p9.theme(
        figure_size=(width, height), dpi=DPI, plot_margin=0.012,
        text=p9.element_text(color=INK),
        axis_text_x=p9.element_text(size=SMALL, color=INK, margin=margin(t=2)),
        axis_text_y=p9.element_text(size=SMALL, color=INK, ha="right", margin=margin(r=2)),
        axis_title_x=p9.element_text(size=TEXT, margin=margin(t=2)),
        axis_title_y=p9.element_text(size=TEXT, rotation=90, margin=margin(r=3)),
        axis_line_x=p9.element_line(color=INK, size=0.4), axis_ticks_x=p9.element_line(color=INK, size=0.4),
        axis_ticks_length_major=2,
        panel_grid_major_x=p9.element_line(color="#E4E4E4", size=0.3), panel_grid_major_y=p9.element_blank(),
        strip_text=p9.element_text(size=TEXT, margin=margin(t=2, b=3)),
        plot_title=p9.element_text(size=TEXT, weight="bold", ha="left", margin=margin(b=1)),
        plot_subtitle=p9.element_text(size=TEXT, color=HUMAN, style="italic", ha="left", margin=margin(b=3)),
        legend_title=p9.element_text(size=SMALL), legend_text=p9.element_text(size=SMALL),
        legend_key_size=8, legend_background=p9.element_blank(), legend_margin=0,
    )


def picture_theme(width: float, height: float, *, aspect: float, bar: float) -> p9.theme:
    """Of a row of pictures: no axes, panels of the photographs' own shape.

    `width` and `height` are the whole figure's, `bar` is the height of the bar that explains colours, all in inches;
    `aspect` is a picture's height over its width.
    """
    return figure_theme(width, height) + p9.theme(
        aspect_ratio=aspect, panel_spacing=0.006, plot_margin=0.004,
        axis_text_x=p9.element_blank(), axis_text_y=p9.element_blank(), axis_title_x=p9.element_blank(),
        axis_line_x=p9.element_blank(), axis_ticks_x=p9.element_blank(), axis_ticks_length_major=0,
        panel_grid_major_x=p9.element_blank(), panel_background=p9.element_rect(fill="#FFFFFF"),
        legend_key_width=6, legend_key_height=72 * bar,
    )


def kind_scales(colours: Sequence[str], shapes: Sequence[str]) -> list[PlotAddable]:
    """Give points of several kinds their colours and shapes, without a legend."""
    return [p9.scale_color_manual(colours, guide=None), p9.scale_fill_manual(colours, guide=None),
            p9.scale_shape_manual(shapes, guide=None)]


def source_name(source: str, sources: Iterable[str] = ()) -> str:
    """Name a source as figures do; the method is left out unless `sources` hold several."""
    if source in _NAMES:
        return _NAMES[source]
    of = Source.parse(source)
    name = (of.network if of else source).replace("/", " ")
    methods = {other.method for other in map(Source.parse, sources) if other}
    return f"{name} ({of.method.replace('_', ' ')})" if of and len(methods) > 1 else name


def source_colours(sources: Iterable[str], names: Sequence[str] = ()) -> dict[str, str]:
    """Give every source its colour: a hue a classifier, pure for its main source, paler for its other ones.

    Of each classifier the main source comes last. `names` are all the study's classifiers, the main one first, so that
    a part of them keeps its colours.
    """
    placed: dict[str, list[str]] = {name: [] for name in names}
    for source in by_classifier(sources, names):
        placed.setdefault(classifier_of(source), []).append(source)
    colours = {source: _paler(CLASSIFIERS[i % len(CLASSIFIERS)], PALER[min(at, len(PALER) - 1)])
               for i, sources_of in enumerate(placed.values()) for at, source in enumerate(sources_of)}
    return {"human": HUMAN, "photographs": PHOTOGRAPHS, **colours}


def _paler(colour: str, white: float) -> str:
    parts = (int(colour[at:at + 2], 16) for at in (1, 3, 5))
    return "#" + "".join(f"{round(part + (255 - part) * white):02X}" for part in parts)


def wrapped(text: str, width: int) -> str:
    """Break a text into lines of at most `width` characters, between words."""
    return "\n".join(textwrap.wrap(text, width)) or text


def picture_width(columns: int) -> float:
    """Width in inches of a figure with so many pictures side by side, each about 27 mm wide."""
    return {1: SINGLE, 2: SINGLE, 3: SINGLE, 4: MIDDLE}.get(columns, DOUBLE)


def sequential(unit: str, high: float) -> p9.scale_fill_cmap:
    """Colours from 0 to `high`, perceptually uniform, with a bar that names the unit."""
    return p9.scale_fill_cmap(SEQUENTIAL, limits=(0, high), breaks=ticks(high), name=unit)


def percent(values: Sequence[float] | Sequence[str]) -> list[str]:
    """Write shares as percents, without the sign."""
    return [f"{round(100 * float(value), 1):g}" for value in values]


def ticks(high: float, *, most: int = 3) -> list[float]:
    """Round numbers from 0 to at most `high`, about `most` steps apart."""
    steps = MaxNLocator(most, steps=[1, 2, 5, 10]).tick_values(0, high)
    return [float(step) for step in steps if 0 <= step <= high]


def few_breaks(limits: Sequence[float]) -> list[float]:
    """Three round numbers or so within the limits."""
    return [float(tick) for tick in MaxNLocator(3, steps=[1, 2, 5, 10]).tick_values(*limits)
            if limits[0] <= tick <= limits[1]]
