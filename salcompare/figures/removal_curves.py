"""Figure 16: how fast the network loses its actor as pixels are deleted, and finds it as they are inserted."""

from __future__ import annotations

import pandas as pd
from plotnine import (
    aes,
    facet_grid,
    geom_line,
    geom_point,
    geom_ribbon,
    ggplot,
    labs,
    scale_color_manual,
    scale_fill_manual,
    scale_x_continuous,
    theme,
)

from salcompare.figures.captions import caption
from salcompare.figures.data import Figure, FigureData
from salcompare.figures.theme import (
    CLASSIFIERS,
    HUMAN,
    MIDDLE,
    NULL,
    SIMULATED,
    figure_theme,
    percent,
    source_name,
)
from salcompare.phrases import counted

METRIC, PEOPLE, RANDOM = "probability", "people", "random"
NAMES = {PEOPLE: "people's maps", RANDOM: "the map's patches elsewhere"}
WAYS = {"deletion": "Deletion", "insertion": "Insertion"}
HEIGHT = 3.4  # inches


def curves_missing(data: FigureData) -> str | None:
    """Why the figure cannot be drawn, or None."""
    return None if len(_table(data)) else "there are no deletion curves"


def curves_figure(data: FigureData) -> Figure:
    """Draw the mean probability of the image's own actor over the share of pixels, for each fill."""
    table = _table(data)
    of_people = PEOPLE in set(table["source"])
    text = caption(data, [
        f"{source_name(table['network'].iloc[0])}: probability of the image's own actor, mean over "
        f"{counted(int(table['n'].max()), 'actor')}, as the pixels that a map marks most are replaced by each fill "
        "(deletion), or alone are left of the photograph (insertion).",
        "A map that finds what the network needs falls fast in deletion and rises fast in insertion.",
        "Bands: 95% t intervals over actors." if table["ci_low"].notna().any() else "No intervals: too few actors."],
        responses=of_people, photographs=False)
    plot = _plot(data, table) + figure_theme(MIDDLE, HEIGHT) + theme(
        panel_spacing_x=0.03, panel_spacing_y=0.05, legend_position="bottom")
    return Figure("fig16-removal-curves", "Deletion and insertion", text, plot, MIDDLE, HEIGHT)


def _table(data: FigureData) -> pd.DataFrame:
    """Points of the main network's curves; of the first network's where the main one was not asked."""
    table = data.removal_curves
    if table is None or table.empty:
        return pd.DataFrame()
    table = table[table["metric"] == METRIC]
    networks = list(dict.fromkeys(table["network"]))
    main = "/".join((data.main or "").split("/")[:2])
    return table[table["network"] == (main if main in networks else networks[0])].reset_index(drop=True)


def _plot(data: FigureData, table: pd.DataFrame) -> ggplot:
    sources = list(dict.fromkeys(table["source"]))
    methods = [source for source in sources if source not in NAMES]
    colours = {source: CLASSIFIERS[at % len(CLASSIFIERS)] for at, source in enumerate(methods)} | {
        PEOPLE: HUMAN, RANDOM: NULL}
    named = {source: NAMES.get(source, source.rsplit("/", 1)[-1].replace("_", " ")) for source in sources}
    table = table.assign(
        map=pd.Categorical(table["source"].map(named), categories=[named[source] for source in sources]),
        way=pd.Categorical(table["way"].map(WAYS), categories=list(WAYS.values())),
        fill=pd.Categorical(table["fill"], categories=list(dict.fromkeys(table["fill"]))))
    banded = table[table["ci_low"].notna()]
    plot = ggplot(table, aes("share", "value", color="map")) + facet_grid("way", "fill")
    if len(banded):
        plot = plot + geom_ribbon(aes(ymin="ci_low", ymax="ci_high", fill="map"), data=banded, alpha=0.18, color="none",
                                  show_legend=False)
    values = [colours[source] for source in sources]
    return (plot + geom_line(size=0.6) + geom_point(size=1, stroke=0) + scale_color_manual(values, name="Order")
            + scale_fill_manual(values, guide=None) + scale_x_continuous(labels=percent)
            + labs(x="Share of pixels deleted, or inserted (%)", y="Probability of the actor",
                   subtitle=SIMULATED if data.simulated and PEOPLE in sources else ""))
