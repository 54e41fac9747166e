"""Figure 9: left-right symmetry of human and classifier heatmaps, actor by actor."""

from __future__ import annotations

from collections import Counter

import pandas as pd
from plotnine import (
    aes,
    element_blank,
    element_line,
    element_text,
    facet_grid,
    geom_hline,
    geom_linerange,
    geom_point,
    ggplot,
    guide_legend,
    guides,
    labs,
    position_dodge,
    scale_color_manual,
    scale_shape_manual,
    scale_x_discrete,
    theme,
)
from plotnine.coords import coord_flip

from salcompare.figures.captions import caption, counted, interval
from salcompare.figures.data import Figure, FigureData, rows, texts
from salcompare.figures.theme import DOUBLE, SIMULATED, figure_theme, source_colours, source_name

METRICS = {"index": "Symmetry index", "mirror_correlation": "Mirror correlation",
           "laterality": "Laterality, (L−R)/(L+R)"}
SHAPES = ("^", "o")
ROW = 0.14  # inches
POPULATION = "All actors"


def symmetry_missing(data: FigureData) -> str | None:
    """Why the figure cannot be drawn, or None."""
    return "the estimates have no symmetry with a value" if _table(data).empty else None


def symmetry_figure(data: FigureData) -> Figure:
    """Draw the three indices of every actor, human beside classifier, with the population above."""
    table = _table(data)
    n_rows = table["row"].nunique()
    human = bool((table["source"] == "human").any())
    simulated = SIMULATED if human and data.simulated else ""
    height = 0.95 + ROW * (n_rows + 1) + (0.17 if simulated else 0)
    plot = _plot(data, table) + labs(x="", y="", subtitle=simulated) + figure_theme(DOUBLE, height) + theme(
        strip_text_y=element_blank(), strip_background_y=element_blank(), strip_text_x=element_text(weight="bold"),
        panel_spacing_x=0.02, panel_spacing_y=0.01, panel_grid_major_y=element_line(color="#EFEFEF", size=0.3),
        legend_position="bottom", legend_title=element_blank(), legend_box_spacing=0.01)
    text = caption(data, _sentences(data, table), responses=human, photographs=False)
    return Figure("fig9-symmetry", "Left-right symmetry", text, plot, DOUBLE, height)


def _sentences(data: FigureData, table: pd.DataFrame) -> list[str]:
    single, whole = table[table["level"] == "actor"], table[table["level"] == "population"]
    return [
        f"Heatmaps of {counted(single['actor'].nunique(), 'actor')}{_images(data)}, sorted by the human index (by the "
        "classifier's where there is none); above them the mean over actors.",
        "Index and mirror correlation are 1 for a heatmap that equals its mirror image; laterality is positive where "
        "the viewer's left holds more.",
        f"Lines: {interval(whole)} (mean over actors); {interval(single)} (single actors).",
        "The index falls with noise, so it is to be read beside its mean for symmetric maps as noisy as these (ticks)."
        if table["null_mean"].notna().any() else "", _odd_shares(data)]


def _images(data: FigureData) -> str:
    """Say how many images an actor's heatmap rests on."""
    held = [data.human, data.classifier_maps.get(data.main or "")]
    counts = [n for maps in held if maps is not None for n in Counter(texts(maps.actor)).values()]
    if not counts:
        return ""
    few, many = min(counts), max(counts)
    return f", each from {few if few == many else f'{few} to {many}'} {'image' if many == 1 else 'images'}"


def _odd_shares(data: FigureData) -> str:
    """Give the comparison of the sources that noise does not bias."""
    found = rows(data.estimates, statistic="symmetry", metric="odd_share", level="population", source=data.main or "",
                 contrast="human minus classifier")
    if found.empty or found["value"].isna().all():
        return ""
    one = found.iloc[0]
    between = "" if pd.isna(one["ci_low"]) else f" ({one['ci_low']:.3f} to {one['ci_high']:.3f}, {interval(found)})"
    return f"Cross-validated odd share, human minus classifier: {one['value']:.3f}{between}."


def _table(data: FigureData) -> pd.DataFrame:
    sources = ["human", *([data.main] if data.main else [])]
    table = rows(data.estimates, statistic="symmetry", metric=METRICS, level=["actor", "population"], source=sources)
    table = table[table["value"].notna()].reset_index(drop=True)
    return table.assign(row=table["actor"].where(table["level"] == "actor", POPULATION))


def _plot(data: FigureData, table: pd.DataFrame) -> ggplot:
    # The flipped axis counts from below: human comes last to stand above.
    sources = [source for source in (data.main, "human") if source is not None and source in set(table["source"])]
    names = [source_name(source) for source in sources]
    table = _ordered(table, sources)
    colours = source_colours(data.classifier_maps)
    apart = position_dodge(width=0.6)
    return (ggplot(table, aes("row", "value", color="source", group="source"))
            + facet_grid(rows="panel", cols="metric", scales="free", space={"x": [1, 1, 1], "y": _heights(table)})
            + geom_hline(aes(yintercept="zero"), data=_zero(table), color="#A6A6A6", size=0.4)
            + geom_point(aes(y="null_mean"), data=table[table["null_mean"].notna()], shape="|", size=1.8, alpha=0.6,
                         position=apart, show_legend=False)
            + geom_linerange(aes(ymin="ci_low", ymax="ci_high"), data=table[table["ci_low"].notna()], size=0.45,
                             position=apart, show_legend=False)
            + geom_point(aes(shape="source"), size=1.4, stroke=0, position=apart) + scale_x_discrete()
            + scale_color_manual([colours[source] for source in sources], labels=names)
            + scale_shape_manual([SHAPES[source == "human"] for source in sources], labels=names)
            + guides(color=guide_legend(reverse=True), shape=guide_legend(reverse=True)) + coord_flip())


def _ordered(table: pd.DataFrame, sources: list[str]) -> pd.DataFrame:
    """Order actors by the last source's index, sources and metrics as they are listed."""
    ranked = table[(table["level"] == "actor") & (table["source"] == sources[-1]) & (table["metric"] == "index")]
    first = list(dict.fromkeys(ranked.sort_values("value", kind="stable")["row"]))
    rest = [row for row in dict.fromkeys(table["row"]) if row not in first and row != POPULATION]
    panels = {"population": "Population", "actor": "Actors"}
    return table.assign(
        row=pd.Categorical(table["row"], categories=[*rest, *first, POPULATION]),
        source=pd.Categorical(table["source"], categories=sources),
        panel=pd.Categorical(table["level"].map(panels), categories=list(panels.values())),
        metric=pd.Categorical(table["metric"].map(METRICS), categories=list(METRICS.values()))
    ).pipe(lambda frame: frame.assign(metric=frame["metric"].cat.remove_unused_categories()))


def _zero(table: pd.DataFrame) -> pd.DataFrame:
    """Where laterality favours neither side."""
    lateral = table.loc[table["metric"] == METRICS["laterality"], ["panel", "metric"]].drop_duplicates()
    return lateral.assign(zero=0.0)


def _heights(table: pd.DataFrame) -> list[int]:
    """Rows of each panel, so that the population's is as high as its share."""
    return [1, max(1, table.loc[table["level"] == "actor", "row"].nunique())]
