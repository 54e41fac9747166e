"""Figures of what networks lose when parts are removed."""

from __future__ import annotations

import pandas as pd
import plotnine as p9
from plotnine.coords import coord_flip

from salcompare.figures import theme as look
from salcompare.figures.figure import Figure, caption, interval, rows
from salcompare.findings.perturbation import BOTH, CENTRE, CLASSIFIER, CURVES, DROP, PEOPLE, RANDOM, RANDOM_PEOPLE
from salcompare.naming import Source, classifier_of, network_of
from salcompare.printing import counted
from salcompare.study_data import StudyData

REMOVED = {PEOPLE: "what people marked", CLASSIFIER: "what the map marks", BOTH: "what both mark",
           RANDOM_PEOPLE: "people's patches elsewhere", RANDOM: "the map's patches elsewhere", CENTRE: "the centre"}
REGION = "region of "
PANELS = {"logit": "Drop of the actor's logit", "accuracy": "Drop of accuracy"}
COLOURS = (look.CLASSIFIERS[0], "#E69F00", "#009E73")
DODGE = p9.position_dodge(width=0.6)
ROW, FRAME = 0.21, 0.85  # inches: of what is removed, and of titles, legend and axes


def removal_missing(data: StudyData) -> str | None:
    """Why the figure cannot be drawn, or None."""
    return None if len(_table(data)) else "nothing was removed from the photographs"


def removal_figure(data: StudyData) -> Figure:
    """Draw the drop of logit and accuracy with each fill, and without each label's region."""
    table = _table(data)
    order = list(dict.fromkeys(table["row"]))
    height = FRAME + ROW * len(order)
    text = caption(data, [
        f"{look.source_name(table['source'].iloc[0])}: what it loses where parts of one area are removed, each fill by "
        f"itself; mean over {counted(int(table['n'].max()), 'actor')}, above 0 a loss.",
        "Patches elsewhere: the same patches moved to a random place."
        + (" Regions: where the other actors' boxes of a label lie most densely." if _of_labels(table) else ""),
        f"Lines: {interval(table)}."], responses=_of_people(table), photographs=False)
    return Figure("fig15-removal", "What the network needs", text,
                  _plot(data, table, order) + look.figure_theme(look.MIDDLE, height) + p9.theme(
                      panel_spacing_x=0.03, legend_position="bottom"), look.MIDDLE, height)


def _table(data: StudyData) -> pd.DataFrame:
    """Pick drops of the main classifier, with ``row`` and ``panel``; of several methods the first's."""
    table = rows(data.estimates, statistic=DROP, metric=list(PANELS))
    table = table[table["contrast"].isna() & table["value"].notna()]
    network = network_of(data.main)
    mine = table[table["source"].map(network_of) == network]
    table = mine if len(mine) else table
    table = table[table["source"] == next(iter(table["source"]), "")]
    order = [*REMOVED, *table["label"].dropna().unique()]
    place = table["label"].fillna(table["against"]).map({name: at for at, name in enumerate(order)})
    named = (REGION + table["label"]).where(table["label"].notna(), table["against"].map(REMOVED))
    return table.assign(row=named, panel=table["metric"].map(PANELS), place=place).sort_values(
        "place", kind="stable").reset_index(drop=True)


def _plot(data: StudyData, table: pd.DataFrame, order: list[str]) -> p9.ggplot:
    fills = list(dict.fromkeys(table["form"]))
    table = table.assign(row=pd.Categorical(table["row"], categories=order[::-1]),
                         panel=pd.Categorical(table["panel"], categories=list(PANELS.values())),
                         form=pd.Categorical(table["form"], categories=fills))
    lined = table[table["ci_low"].notna()]
    plot = (p9.ggplot(table, p9.aes("row", "value", color="form")) + p9.facet_wrap("panel", ncol=2, scales="free_x")
            + p9.geom_hline(yintercept=0, color=look.INK, size=0.3) + p9.geom_point(position=DODGE, size=1.5, stroke=0)
            + p9.scale_x_discrete(limits=order[::-1])
            + p9.scale_color_manual(list(COLOURS[:len(fills)]), name="Filled with")
            + coord_flip() + p9.labs(
                x="", y="", subtitle=look.SIMULATED if data.simulated and _of_people(table) else ""))
    if len(lined):
        plot = plot + p9.geom_linerange(p9.aes(ymin="ci_low", ymax="ci_high"), data=lined, position=DODGE, size=0.45)
    return plot


def _of_labels(table: pd.DataFrame) -> bool:
    return bool(table["label"].notna().any())


def _of_people(table: pd.DataFrame) -> bool:
    return _of_labels(table) or bool(table["against"].isin([PEOPLE, BOTH]).any())


METRIC = "probability"
NAMES = {PEOPLE: "people's maps", RANDOM: "the map's patches elsewhere"}
WAYS = {"deletion": "Deletion", "insertion": "Insertion"}
HEIGHT = 3.4  # inches


def curves_missing(data: StudyData) -> str | None:
    """Why the figure cannot be drawn, or None."""
    return None if len(_curve_table(data)) else "there are no deletion curves"


def curves_figure(data: StudyData) -> Figure:
    """Draw the mean probability of the image's own actor over the share of pixels, for each fill."""
    table = _curve_table(data)
    of_people = PEOPLE in set(table["source"])
    text = caption(data, [
        f"{look.source_name(table['network'].iloc[0])}: probability of the image's own actor, mean over "
        f"{counted(int(table['n'].max()), 'actor')}, as the pixels that a map marks most are replaced by each fill "
        "(deletion), or alone are left of the photograph (insertion).",
        "A map that finds what the network needs falls fast in deletion and rises fast in insertion.",
        "Bands: 95% t intervals over actors." if table["ci_low"].notna().any() else "No intervals: too few actors."],
        responses=of_people, photographs=False)
    plot = _curve_plot(data, table) + look.figure_theme(look.MIDDLE, HEIGHT) + p9.theme(
        panel_spacing_x=0.03, panel_spacing_y=0.05, legend_position="bottom")
    return Figure("fig16-removal-curves", "Deletion and insertion", text, plot, look.MIDDLE, HEIGHT)


def _curve_table(data: StudyData) -> pd.DataFrame:
    """Points of the main network's curves; of the first network's where the main one was not asked."""
    table: pd.DataFrame | None = data.get(CURVES)
    if table is None or table.empty:
        return pd.DataFrame()
    shown = table["network"].map(classifier_of).isin(map(classifier_of, data.classifier_maps))
    table = table[(table["metric"] == METRIC) & shown]
    networks = list(dict.fromkeys(table["network"]))
    main = network_of(data.main)
    return table[table["network"] == (main if main in networks else next(iter(networks), ""))].reset_index(drop=True)


def _curve_plot(data: StudyData, table: pd.DataFrame) -> p9.ggplot:
    sources = list(dict.fromkeys(table["source"]))
    methods = [source for source in sources if source not in NAMES]
    colours = {source: look.CLASSIFIERS[at % len(look.CLASSIFIERS)] for at, source in enumerate(methods)} | {
        PEOPLE: look.HUMAN, RANDOM: look.NULL}
    of = {source: Source.parse(source) for source in sources}
    named = {source: name.method.replace("_", " ") if name else NAMES.get(source, source)
             for source, name in of.items()}
    table = table.assign(
        map=pd.Categorical(table["source"].map(named), categories=[named[source] for source in sources]),
        way=pd.Categorical(table["way"].map(WAYS), categories=list(WAYS.values())),
        fill=pd.Categorical(table["fill"], categories=list(dict.fromkeys(table["fill"]))))
    banded = table[table["ci_low"].notna()]
    plot = p9.ggplot(table, p9.aes("share", "value", color="map")) + p9.facet_grid("way", "fill")
    if len(banded):
        plot = plot + p9.geom_ribbon(p9.aes(ymin="ci_low", ymax="ci_high", fill="map"), data=banded, alpha=0.18,
                                     color="none", show_legend=False)
    values = [colours[source] for source in sources]
    return (plot + p9.geom_line(size=0.6) + p9.geom_point(size=1, stroke=0)
            + p9.scale_color_manual(values, name="Order") + p9.scale_fill_manual(values, guide=None)
            + p9.scale_x_continuous(labels=look.percent)
            + p9.labs(x="Share of pixels deleted, or inserted (%)", y="Probability of the actor",
                      subtitle=look.SIMULATED if data.simulated and PEOPLE in sources else ""))


FIGURES = {15: (removal_missing, removal_figure), 16: (curves_missing, curves_figure)}
