"""Figure 11: actors and labels that stand out, and whether the classifier's masks go with people's labels."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from plotnine import (
    aes,
    element_blank,
    element_text,
    geom_point,
    geom_segment,
    geom_text,
    geom_tile,
    geom_vline,
    ggplot,
    guides,
    labs,
    scale_fill_gradient2,
    scale_fill_identity,
    scale_x_continuous,
    scale_x_discrete,
    scale_y_discrete,
    theme,
)
from plotnine.composition import Beside, Compose

from salcompare.figures.captions import caption, interval
from salcompare.figures.data import Figure, FigureData, rows
from salcompare.figures.theme import (
    COLOUR_BAR,
    DOUBLE,
    HUMAN,
    INK,
    SIMULATED,
    SMALL,
    TEXT,
    figure_theme,
    source_name,
)
from salcompare.phrases import counted

MOST_LABELS = 14
ALPHA = 0.05
ROW, FRAME = 0.125, 1.35  # inches: of one actor, and of titles, axes and the bar
LOWEST = 2.8
BELOW, ABOVE = "#0072B2", HUMAN
MEAN = "Mean over labels"


def label_cells_missing(data: FigureData) -> str | None:
    """Why the figure cannot be drawn, or None."""
    return "the estimates have no differences of labels between actors" if _cells(data).empty else None


def label_cells_figure(data: FigureData) -> Figure:
    """Draw the matrix of actors and labels, and beside it the correlation of masks with people's shares by label."""
    cells, regions = _cells(data), _regions(data)
    labels = _columns(data, cells)
    width = DOUBLE
    height = max(LOWEST, ROW * cells["actor"].nunique() + FRAME)
    plots: list[ggplot | Compose] = [panel + figure_theme(width, height) + theme(
        plot_subtitle=element_text(color=HUMAN if data.simulated else INK)) + own for panel, own in (
            _matrix(data, cells[cells["label"].isin(labels)], labels),
            *([_association(data, regions, labels)] if len(regions) else []))]
    text = caption(data, _sentences(data, cells, regions, labels), responses=True, photographs=False)
    return Figure("fig11-label-cells", "Which actors stand out in which labels", text, Beside(plots), width, height)


def _cells(data: FigureData) -> pd.DataFrame:
    table = rows(data.estimates, statistic="label_difference", metric="share_difference", level="actor")
    return table[table["value"].notna()].reset_index(drop=True)


def _regions(data: FigureData) -> pd.DataFrame:
    """Correlations of the main classifier."""
    if data.main is None:
        return rows(data.estimates, statistic="none")
    table = rows(data.estimates, statistic="label_region", source=data.main)
    return table[table["value"].notna()].reset_index(drop=True)


def _columns(data: FigureData, cells: pd.DataFrame) -> list[str]:
    """Labels to draw: those drawn most often, whoever thought of them, as many as there is room for."""
    shares = rows(data.estimates, statistic="label_share", level="population")
    shares = shares[shares["value"] > 0].sort_values("value", ascending=False, kind="stable")
    held = list(dict.fromkeys(cells["label"]))
    ranked = [label for label in shares["label"] if label in held] or held
    return [str(label) for label in ranked[:MOST_LABELS]]


def _matrix(data: FigureData, cells: pd.DataFrame, labels: list[str]) -> tuple[ggplot, theme]:
    actors = list(dict.fromkeys(cells["actor"]))
    cells = cells.assign(actor=pd.Categorical(cells["actor"], actors[::-1]),
                         label=pd.Categorical(cells["label"], labels), points=100 * cells["value"])
    out = cells[cells["p_adjusted"] <= ALPHA]
    out = out.assign(number=[f"{'+' if value > 0 else ''}{text}" for value, text in zip(
        out["points"], _signed(np.rint(out["points"]).to_list()), strict=True)])
    largest = float(cells["points"].abs().max())
    end = math.floor(largest) or largest
    plot = (ggplot(cells, aes("label", "actor")) + geom_tile(aes(fill="points"), width=0.94, height=0.9)
            + geom_tile(data=out, fill="none", color=INK, size=0.6, width=0.94, height=0.9)
            + geom_text(aes(label="number"), data=out, size=SMALL - 1, color=INK)
            + scale_fill_gradient2(low=BELOW, mid="#FFFFFF", high=ABOVE, midpoint=0, limits=(-largest, largest),
                                   breaks=(-end, 0, end), name="Points above the others", labels=_signed)
            + guides(fill=COLOUR_BAR)
            + scale_x_discrete() + scale_y_discrete()
            + labs(x="", y="", title="a  Shares of labels, actor minus other actors", subtitle=_subtitle(data)))
    return plot, theme(axis_text_x=element_text(rotation=45, ha="right", size=SMALL), legend_position="bottom",
                       legend_direction="horizontal", axis_ticks_x=element_blank(), axis_line_x=element_blank(),
                       panel_grid_major_x=element_blank(), legend_key_width=60, legend_key_height=6)


def _signed(values: Sequence[float] | Sequence[str]) -> list[str]:
    """Write numbers with a minus sign that is not a hyphen."""
    return [f"{float(value):g}".replace("-", "\N{MINUS SIGN}") for value in values]


def _subtitle(data: FigureData) -> str:
    return SIMULATED if data.simulated else "People's responses"


def _association(data: FigureData, regions: pd.DataFrame, labels: list[str]) -> tuple[ggplot, theme]:
    assert data.main is not None  # noqa: S101 - _regions is empty without
    shown = regions[(regions["metric"] == "mean_pearson") | regions["label"].isin(labels)]
    names = [MEAN, *(label for label in labels if label in set(shown["label"]))]
    colour = data.own_colour
    shown = shown.assign(
        row=pd.Categorical(shown["label"].where(shown["metric"] == "pearson", MEAN), names[::-1]),
        colour=[colour if p <= ALPHA else "#FFFFFF" for p in shown["p_adjusted"]], edge=colour)
    bars = shown[shown["ci_low"].notna()]
    plot = (ggplot(shown, aes("value", "row")) + geom_vline(xintercept=0, color="#A6A6A6", size=0.4)
            + geom_segment(aes(x="ci_low", xend="ci_high", yend="row"), data=bars, color=colour, size=0.6)
            + geom_point(aes(fill="colour"), color=colour, shape="o", size=1.8, stroke=0.6)
            + scale_fill_identity() + scale_y_discrete() + scale_x_continuous(labels=_signed)
            + labs(x="Correlation over actors", y="", title="b  Masks in regions and labels",
                   subtitle=source_name(data.main, data.classifier_maps)))
    return plot, theme(legend_position="none", plot_subtitle=element_text(color=INK),
                       axis_title_x=element_text(size=TEXT))


def _sentences(data: FigureData, cells: pd.DataFrame, regions: pd.DataFrame, labels: list[str]) -> list[str]:
    n, size = int((cells["p_adjusted"] <= ALPHA).sum()), cells["family_size"].max()
    left_out = cells["label"].nunique() - len(labels)
    out = int((~cells["label"].isin(labels) & (cells["p_adjusted"] <= ALPHA)).sum())
    said = [f"(a) An actor's share of a label minus the mean of the other actors', percentage points; framed and "
            f"numbered: p at most {ALPHA:g}, adjusted over all {size:,.0f} cells by the most extreme in each "
            f"permutation ({_permuted(cells)}): {counted(n, 'cell')}.",
            f"{counted(left_out, 'label')} drawn less often {'is' if left_out == 1 else 'are'} not shown, of whose "
            f"cells {out if out else 'none'} {'stand' if out > 1 else 'stands'} out." if left_out > 0 else ""]
    if len(regions):
        held = regions[regions["metric"] == "pearson"]
        name = source_name(str(data.main), data.classifier_maps)
        said.append(
            f"(b) Correlation, over actors, of people's share of a label with the share of the mask of {name} in the "
            "label's region, which comes from the other actors' boxes, against the region's area and the other actors' "
            f"masks; n = {int(regions['n'].max())} actors; bars: {interval(held)}; filled: p at most {ALPHA:g}, "
            "adjusted over labels by Holm's method.")
    return said


def _permuted(cells: pd.DataFrame) -> str:
    held = cells[cells["null"].notna()]
    return f"{held['null'].iloc[0]}, {held['n_resamples'].max():,.0f} times" if len(held) else "no test"
