"""Figure 13: headline numbers with and without the responses that the rules of quality leave out."""

from __future__ import annotations

import pandas as pd
import plotnine as p9

from salcompare.figures.figure import Figure, caption
from salcompare.figures.theme import HUMAN, MIDDLE, NULL, SIMULATED, figure_theme, kind_scales
from salcompare.printing import counted
from salcompare.study_data import StudyData

KEPT, ALL = "kept", "all"
COLOURS = {KEPT: HUMAN, ALL: NULL}
SHAPES = {KEPT: "o", ALL: "s"}
APART = 0.18  # rows: how far the two points of a number are from its line
WIDEST = 1.5  # numbers beyond would press the others together
ROW, FRAME = 0.14, 0.6  # inches


def exclusions_missing(data: StudyData) -> str | None:
    """Why the figure cannot be drawn, or None."""
    if data.get("headlines") is None or data.get("headlines").empty:
        return "there are no headline numbers of responses"
    return None if len(_table(data)) else "no headline number is defined"


def exclusions_figure(data: StudyData) -> Figure:
    """Draw each headline number twice, from the responses that are kept and from all."""
    table = _table(data)
    order = list(dict.fromkeys(table["headline"]))[::-1]
    height = FRAME + ROW * len(order) + (0.17 if data.simulated else 0)
    plot = _plot(data, table, order) + figure_theme(MIDDLE, height) + p9.theme(
        panel_grid_major_y=p9.element_line(color="#EFEFEF", size=0.3))
    text = caption(data, _sentences(data, table, order), responses=True, photographs=False)
    return Figure("fig13-exclusions", "Headline numbers with and without exclusions", text, plot, MIDDLE, height)


def _table(data: StudyData) -> pd.DataFrame:
    """Rows to draw: headline, kind, value, ci_low, ci_high, verdict."""
    headlines: pd.DataFrame = data.get("headlines", pd.DataFrame())
    columns = ["headline", "verdict", "value", "ci_low", "ci_high"]
    if headlines.empty:
        return pd.DataFrame(columns=[*columns, "kind"])
    parts = [headlines[[*columns[:2], *(f"{name}{end}" for name in columns[2:])]].set_axis(columns, axis=1).assign(
        kind=kind) for kind, end in ((ALL, "_all"), (KEPT, ""))]
    table = pd.concat(parts, ignore_index=True)
    within = (table["value"].abs() <= WIDEST).groupby(table["headline"]).transform("all")
    return table[within].reset_index(drop=True)


def _sentences(data: StudyData, table: pd.DataFrame, order: list[str]) -> list[str]:
    headlines: pd.DataFrame = data.get("headlines", table)
    undrawn = headlines["headline"].nunique() - len(order)
    same = bool((headlines["value"].fillna(0) == headlines["value_all"].fillna(0)).all())
    return [
        f"{counted(len(order), 'number')} that the summary rests on.",
        "Circles: from the responses that are kept, as in the rest of the report; squares: from all responses.",
        "Lines: 95% intervals, as the table of headline numbers names them.",
        "No response is left out, so that both are the same." if same else "",
        f"Not drawn: {counted(undrawn, 'number')} that are undefined or beyond {WIDEST:g}." if undrawn else ""]


def _plot(data: StudyData, table: pd.DataFrame, order: list[str]) -> p9.ggplot:
    place = {name: float(at) for at, name in enumerate(order)}
    shift = table["kind"].map({KEPT: APART, ALL: -APART})
    table = table.assign(row=table["headline"].map(place) + shift,
                         kind=pd.Categorical(table["kind"], categories=[KEPT, ALL]))
    lined = table[table["ci_low"].notna()].assign(
        ci_low=lambda rows: rows["ci_low"].clip(lower=-WIDEST), ci_high=lambda rows: rows["ci_high"].clip(upper=WIDEST))
    colours = list(COLOURS.values())
    plot = (p9.ggplot(table, p9.aes("value", "row", color="kind", fill="kind", shape="kind"))
            + p9.geom_vline(xintercept=0, size=0.3, color="#BBBBBB") + p9.geom_point(size=1.5, stroke=0)
            + p9.scale_y_continuous(breaks=list(place.values()), labels=list(place), expand=(0, 0.6))
            + kind_scales(colours, list(SHAPES.values()))
            + p9.labs(x="Value", y="", subtitle=SIMULATED if data.simulated else ""))
    if len(lined):
        plot = plot + p9.geom_segment(p9.aes(x="ci_low", xend="ci_high", yend="row"), data=lined, size=0.45)
    return plot


FIGURES = {13: (exclusions_missing, exclusions_figure)}
