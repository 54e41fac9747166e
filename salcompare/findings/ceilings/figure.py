"""Figure 12: between null and ceiling, where each actor's overlap lies, and the share of the way that it is."""

from __future__ import annotations

import pandas as pd
import plotnine as p9

from salcompare.figures.figure import Figure, caption, interval, main_colour, rows
from salcompare.figures.theme import BASELINES, HUMAN, MIDDLE, SIMULATED, figure_theme, kind_scales, source_name
from salcompare.findings.ceilings import OTHER_FACES, OTHER_MAPS, SHARE, over
from salcompare.findings.overlap import OVERLAP, SAME_IMAGE
from salcompare.naming import PRIMARY, SMOOTHED
from salcompare.printing import counted
from salcompare.study_data import StudyData

SCORE, CEILING, OVER_NULL, OVER_FACE = "score", "ceiling", "null", "average face"
KINDS = {SCORE: None, CEILING: HUMAN, OVER_NULL: BASELINES, OVER_FACE: "#E69F00"}
"""Colours; None is the classifier's own."""
SHAPES = {SCORE: "o", CEILING: "v", OVER_NULL: "D", OVER_FACE: "s"}
ALL = "Mean over actors"
PANELS = ("Pearson correlation", "Share of the ceiling")
ROW, FRAME = 0.125, 0.75  # inches: of one actor, and of titles and axes


def ceilings_missing(data: StudyData) -> str | None:
    """Why the figure cannot be drawn, or None."""
    table = _table(data)
    return None if table["value"].notna().any() else "the estimates have no share of the ceiling"


def ceilings_figure(data: StudyData) -> Figure:
    """Draw null, score and ceiling of each actor at the left, and at the right the share over the null."""
    table = _table(data)
    order = _order(table)
    table = table[table["value"].notna()]
    height = FRAME + ROW * len(order)
    plot = _plot(data, table, order) + figure_theme(MIDDLE, height) + p9.theme(
        panel_spacing_x=0.03, panel_grid_major_y=p9.element_line(color="#EFEFEF", size=0.3))
    text = caption(data, _sentences(data, table, order), responses=True, photographs=False)
    return Figure("fig12-ceilings", "Share of the noise ceiling", text, plot, MIDDLE, height)


def _table(data: StudyData) -> pd.DataFrame:
    """Rows to draw, with ``panel``, ``row`` (an actor, or all) and ``kind``."""
    shares = rows(data.estimates, statistic=SHARE, source=data.main or "",
                  contrast=[over(OTHER_MAPS), over(OTHER_FACES)])
    shares = shares.assign(row=shares["actor"].where(shares["level"] == "actor", ALL))
    over_null = shares[shares["null"] == OTHER_MAPS]
    scores = rows(data.estimates, statistic=OVERLAP, metric=PRIMARY, form=SMOOTHED, contrast=SAME_IMAGE,
                  source=data.main or "")
    scores = scores.assign(row=scores["actor"].where(scores["level"] == "actor", ALL))
    scores = scores[scores["row"].isin(over_null["row"])]
    bare = {"ci_low": float("nan"), "ci_high": float("nan")}
    parts = [over_null.assign(kind=SCORE, panel=PANELS[1]), scores.assign(kind=SCORE, panel=PANELS[0], **bare)]
    for kind, table, column in ((CEILING, over_null, "ceiling"), (OVER_NULL, over_null, "null_mean"),
                                (OVER_FACE, shares[shares["null"] == OTHER_FACES], "null_mean")):
        parts.append(table.assign(kind=kind, panel=PANELS[0], value=table[column], **bare))
    return pd.concat(parts, ignore_index=True)


def _order(table: pd.DataFrame) -> list[str]:
    """Actors by their score, the best above, and all of them on top."""
    scores = table[(table["kind"] == SCORE) & (table["panel"] == PANELS[0])].sort_values("value", kind="stable")
    rest = [row for row in table["row"].unique() if row not in set(scores["row"])]
    ranked = [*rest, *scores["row"]]
    return [*(row for row in ranked if row != ALL), *([ALL] if ALL in ranked else [])]


def _sentences(data: StudyData, table: pd.DataFrame, order: list[str]) -> list[str]:
    shares = table[table["panel"] == PANELS[1]]
    whole, single = shares[shares["row"] == ALL], shares[shares["row"] != ALL]
    n = len([row for row in order if row != ALL])
    undrawn = n - single["row"].nunique()
    return [
        f"Human maps against {source_name(data.main or '')}, smoothed; {counted(n, 'actor')} sorted by score.",
        "Left: the score (circles), the noise ceiling (triangles), the null, which is the classifier's maps of other "
        "actors (diamonds), and what the average face scores, the other actors' mean human map (squares).",
        "Right: (score - null) / (ceiling - null), 1 for a perfect model and 0 at the null.",
        f"Lines: {interval(whole)} (mean)" + (f"; {interval(single)} (actors)." if len(single) else ".")
        if len(whole) else f"Lines: {interval(single)}.",
        f"Not drawn: {counted(undrawn, 'share')} that are undefined." if undrawn else ""]


def _plot(data: StudyData, table: pd.DataFrame, order: list[str]) -> p9.ggplot:
    kinds = [kind for kind in KINDS if kind in set(table["kind"])]
    table = table.assign(row=pd.Categorical(table["row"], categories=order),
                         kind=pd.Categorical(table["kind"], categories=kinds),
                         panel=pd.Categorical(table["panel"], categories=list(PANELS)))
    lined = table[table["ci_low"].notna()]
    table = table.sort_values("kind", ascending=False, kind="stable")  # scores are drawn on top
    colours = [KINDS[kind] or main_colour(data) for kind in kinds]
    plot = (p9.ggplot(table, p9.aes("value", "row", color="kind", fill="kind", shape="kind"))
            + p9.facet_wrap("panel", ncol=2, scales="free_x") + p9.geom_point(size=1.6, stroke=0)
            + p9.scale_y_discrete(limits=order)
            + kind_scales(colours, [SHAPES[kind] for kind in kinds])
            + p9.labs(x="", y="", subtitle=SIMULATED if data.simulated else ""))
    if len(lined):
        plot = plot + p9.geom_segment(p9.aes(x="ci_low", xend="ci_high", yend="row"), data=lined, size=0.45)
    return plot


FIGURES = {12: (ceilings_missing, ceilings_figure)}
