"""Figure 15: what the network loses without what people, its map, chance or a label's region mark."""

from __future__ import annotations

import pandas as pd
from plotnine import (
    aes,
    facet_wrap,
    geom_hline,
    geom_linerange,
    geom_point,
    ggplot,
    labs,
    position_dodge,
    scale_color_manual,
    scale_x_discrete,
    theme,
)
from plotnine.coords import coord_flip

from salcompare.figures.captions import caption, interval
from salcompare.figures.data import Figure, FigureData, rows
from salcompare.figures.theme import CLASSIFIERS, INK, MIDDLE, SIMULATED, figure_theme, source_name
from salcompare.phrases import counted

REMOVED = {"people": "what people marked", "classifier": "what the map marks", "both": "what both mark",
           "random people": "people's patches elsewhere", "random": "the map's patches elsewhere",
           "centre": "the centre"}
REGION = "region of "
PANELS = {"logit": "Drop of the actor's logit", "accuracy": "Drop of accuracy"}
COLOURS = (CLASSIFIERS[0], "#E69F00", "#009E73")
DODGE = position_dodge(width=0.6)
ROW, FRAME = 0.21, 0.85  # inches: of what is removed, and of titles, legend and axes


def removal_missing(data: FigureData) -> str | None:
    """Why the figure cannot be drawn, or None."""
    return None if len(_table(data)) else "nothing was removed from the photographs"


def removal_figure(data: FigureData) -> Figure:
    """Draw the drop of logit and accuracy with each fill, and without each label's region."""
    table = _table(data)
    order = list(dict.fromkeys(table["row"]))
    height = FRAME + ROW * len(order)
    text = caption(data, [
        f"{source_name(table['source'].iloc[0])}: what it loses where parts of one area are removed, each fill by "
        f"itself; mean over {counted(int(table['n'].max()), 'actor')}, above 0 a loss.",
        "Patches elsewhere: the same patches moved to a random place."
        + (" Regions: where the other actors' boxes of a label lie most densely." if _of_labels(table) else ""),
        f"Lines: {interval(table)}."], responses=_of_people(table), photographs=False)
    return Figure("fig15-removal", "What the network needs", text,
                  _plot(data, table, order) + figure_theme(MIDDLE, height) + theme(
                      panel_spacing_x=0.03, legend_position="bottom"), MIDDLE, height)


def _table(data: FigureData) -> pd.DataFrame:
    """Pick drops of the main classifier, with ``row`` and ``panel``; of several methods the first's."""
    table = rows(data.estimates, statistic="removal_drop", metric=list(PANELS))
    table = table[table["contrast"].isna() & table["value"].notna()]
    network = "/".join((data.main or "").split("/")[:2])
    mine = table[table["source"].str.rsplit("/", n=1).str[0] == network]
    table = mine if len(mine) else table
    table = table[table["source"] == next(iter(table["source"]), "")]
    order = [*REMOVED, *(label for label in table["label"].dropna().unique())]
    place = table["label"].fillna(table["against"]).map({name: at for at, name in enumerate(order)})
    named = (REGION + table["label"]).where(table["label"].notna(), table["against"].map(REMOVED))
    return table.assign(row=named, panel=table["metric"].map(PANELS), place=place).sort_values(
        "place", kind="stable").reset_index(drop=True)


def _plot(data: FigureData, table: pd.DataFrame, order: list[str]) -> ggplot:
    fills = list(dict.fromkeys(table["form"]))
    table = table.assign(row=pd.Categorical(table["row"], categories=order[::-1]),
                         panel=pd.Categorical(table["panel"], categories=list(PANELS.values())),
                         form=pd.Categorical(table["form"], categories=fills))
    lined = table[table["ci_low"].notna()]
    plot = (ggplot(table, aes("row", "value", color="form")) + facet_wrap("panel", ncol=2, scales="free_x")
            + geom_hline(yintercept=0, color=INK, size=0.3) + geom_point(position=DODGE, size=1.5, stroke=0)
            + scale_x_discrete(limits=order[::-1])
            + scale_color_manual(list(COLOURS[:len(fills)]), name="Filled with")
            + coord_flip() + labs(x="", y="", subtitle=SIMULATED if data.simulated and _of_people(table) else ""))
    if len(lined):
        plot = plot + geom_linerange(aes(ymin="ci_low", ymax="ci_high"), data=lined, position=DODGE, size=0.45)
    return plot


def _of_labels(table: pd.DataFrame) -> bool:
    return bool(table["label"].notna().any())


def _of_people(table: pd.DataFrame) -> bool:
    return _of_labels(table) or bool(table["against"].isin(["people", "both"]).any())
