"""The figure of the comparison: every classifier's accuracy, R², symmetry, overlap, controls and deletion in rows."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import plotnine as p9

from salcompare.figures import theme as look
from salcompare.figures.figure import Figure, caption, colours_of, interval
from salcompare.findings import shown
from salcompare.findings.comparison.estimates import side_by_side
from salcompare.findings.finding import Compared
from salcompare.printing import counted, joined
from salcompare.study_data import StudyData

COLUMNS = 4
ROW, FRAME = 0.14, 0.52  # inches: of one source, and of a panel's title and axis


def comparison_missing(data: StudyData) -> str | None:
    """Why the figure cannot be drawn, or None."""
    return None if len(_table(data)) else "the estimates have nothing that classifiers could be compared by"


def comparison_figure(data: StudyData) -> Figure:
    """Draw one panel a quantity and one row a source, the main classifier on top."""
    table = _table(data)
    sources = [source for source in data.ordered_sources if source in set(table["source"])]
    n_panels = table["title"].nunique()
    height = -(-n_panels // COLUMNS) * (FRAME + ROW * len(sources)) + 0.15
    people = data.simulated and bool(table["responses"].notna().any())
    shown = look.figure_theme(look.DOUBLE, height) + p9.theme(
        strip_text=p9.element_text(size=look.SMALL, ha="left"), panel_spacing_x=0.02, panel_spacing_y=0.04,
        panel_grid_major_y=p9.element_line(color="#EFEFEF", size=0.3))
    plot = _plot(data, table, sources) + p9.labs(x="", y="", subtitle=look.SIMULATED if people else "") + shown
    text = caption(data, _sentences(table, sources), responses=people, photographs=False)
    return Figure("comparison", "Classifiers side by side", text, plot, look.DOUBLE, height)


def _table(data: StudyData) -> pd.DataFrame:
    table = side_by_side(data.estimates, data.ordered_sources)
    return table[table["value"].notna()].reset_index(drop=True)


def _sentences(table: pd.DataFrame, sources: Sequence[str]) -> list[str]:
    marks = []
    if ((table["beside"] == "null_mean") & table["reference"].notna()).any():
        marks.append("grey ticks, the mean under the null")
    if ((table["beside"] == "ceiling") & table["reference"].notna()).any():
        marks.append("orange ticks, people's noise ceiling")
    table = table.assign(n_resamples=None)
    parts = [f"{title}: {interval(table[table['title'] == title])}" for title in dict.fromkeys(table["title"])]
    smaller = [how.title or quantity.title for quantity, how in shown(Compared)
               if quantity.better == "lower" and how.name in set(table["quantity"])]
    return [
        f"{counted(len(sources), 'source')}: variants and methods of each classifier. Every panel has an axis of its "
        "own; the forms of the maps stand in the table.",
        f"Beside the estimates: {'; '.join(marks)}." if marks else "",
        f"Lines: {'; '.join(parts)}.",
        f"{joined(smaller)}: the smaller, the better." if smaller else ""]


def _plot(data: StudyData, table: pd.DataFrame, sources: Sequence[str]) -> p9.ggplot:
    names = {source: look.source_name(source, sources) for source in sources}
    colours = colours_of(data)
    titles = {title: look.wrapped(title, 24) for title in dict.fromkeys(table["title"])}
    table = table.assign(
        row=pd.Categorical(table["source"].map(names), categories=[names[source] for source in sources][::-1]),
        panel=pd.Categorical(table["title"].map(titles), categories=list(titles.values())),
        colour=pd.Categorical(table["source"], categories=list(sources)))
    lined, marked = table[table["ci_low"].notna()], table[table["reference"].notna()]
    plot = (p9.ggplot(table, p9.aes("value", "row", color="colour"))
            + p9.facet_wrap("panel", ncol=COLUMNS, scales="free_x")
            + p9.scale_y_discrete(limits=[names[source] for source in sources][::-1])
            + p9.scale_x_continuous(breaks=look.few_breaks) + p9.expand_limits(x=0)
            + p9.scale_color_manual([colours[source] for source in sources], guide=None))
    for kind, colour in (("null_mean", look.NULL), ("ceiling", look.HUMAN)):
        of = marked[marked["beside"] == kind]
        if len(of):
            plot = plot + p9.geom_point(p9.aes(x="reference"), data=of, shape="|", size=2.4, stroke=0.6, color=colour)
    if len(lined):
        plot = plot + p9.geom_segment(p9.aes(x="ci_low", xend="ci_high", yend="row"), data=lined, size=0.5)
    whole: p9.ggplot = plot + p9.geom_point(size=1.7, stroke=0)
    return whole
