"""Figure 14: the overlap beside that of controls, and how like themselves maps stay as layers are randomised."""

from __future__ import annotations

import pandas as pd
from plotnine import (
    aes,
    element_line,
    element_text,
    facet_grid,
    geom_hline,
    geom_line,
    geom_linerange,
    geom_point,
    geom_ribbon,
    ggplot,
    labs,
    scale_color_manual,
    scale_fill_manual,
    scale_shape_manual,
    scale_x_continuous,
    scale_x_discrete,
    theme,
)
from plotnine.composition import Compose
from plotnine.coords import coord_flip

from salcompare.figures.captions import caption
from salcompare.figures.data import Figure, FigureData, rows
from salcompare.figures.theme import BASELINES, CLASSIFIERS, SIMULATED, SINGLE, figure_theme, source_name

METRIC, FORM = "pearson", "smoothed"
CONTROLS = {"randomised network": "Random weights", "shuffled labels": "Shuffled actors", "sobel": "Sobel edges",
            "photograph gradient": "Photograph's gradient"}
METRICS = {"spearman": "Spearman", "ssim": "SSIM"}
FORMS = {"cascading": CLASSIFIERS[0], "independent": "#E69F00"}
SHAPES = {"cascading": "o", "independent": "s"}
ROW, CURVES = 0.17, 1.6  # inches


def controls_missing(data: FigureData) -> str | None:
    """Why the figure cannot be drawn, or None."""
    neither = data.main is None or (_overlaps(data).empty and _curves(data).empty)
    return "the estimates hold no controls of the classifier's maps" if neither else None


def controls_figure(data: FigureData) -> Figure:
    """Draw overlaps with people above, curves of similarity below; either where the other is not there."""
    overlaps, curves = _overlaps(data), _curves(data)
    above = 0 if overlaps.empty else 0.55 + ROW * len(overlaps) + (0.17 if data.simulated else 0)
    height = above + (0 if curves.empty else CURVES + 0.5)
    look = figure_theme(SINGLE, height) + theme(
        panel_grid_major_y=element_line(color="#E4E4E4", size=0.3), axis_line_y=element_line(size=0.4),
        legend_title=element_text(size=6), legend_position="bottom")
    parts = [part + look for part in ([] if overlaps.empty else [_beside(data, overlaps)])
             + ([] if curves.empty else [_similarity(curves)])]
    plot: ggplot | Compose = parts[0] if len(parts) == 1 else parts[0] / parts[1]
    text = caption(data, [*_about_overlaps(data, overlaps), *_about_curves(curves)], responses=not overlaps.empty,
                   photographs=False)
    return Figure("fig14-controls", "Is it the network speaking?", text, plot, SINGLE, height)


def _overlaps(data: FigureData) -> pd.DataFrame:
    """Overlaps of the main classifier and of its controls, with the name of each row; empty without controls."""
    everything = rows(data.estimates, statistic="overlap", metric=METRIC, form=FORM, level="population",
                      contrast="same image", source=[data.main or "", *CONTROLS])
    table = everything[everything["value"].notna()]
    if not table["source"].isin(CONTROLS).any():
        return table.iloc[:0]
    names = {**CONTROLS, data.main or "": source_name(data.main or "")}
    order = [name for source, name in ((data.main or "", names[data.main or ""]), *CONTROLS.items())
             if source in set(table["source"])]
    return table.assign(row=pd.Categorical([names[source] for source in table["source"]], categories=order[::-1]),
                        own=["classifier" if source == data.main else "control" for source in table["source"]])


def _curves(data: FigureData) -> pd.DataFrame:
    """Similarities by step from the head, which is 1, with the intact network as step 0."""
    table = rows(data.estimates, statistic="randomisation_similarity", metric=METRICS)
    source = data.main if (table["source"] == data.main).any() else next(iter(table["source"]), None)
    table = table[(table["source"] == source) & table["value"].notna()]
    table = table.assign(step=table.groupby(["metric", "form"]).cumcount() + 1)
    start = table.drop_duplicates(["metric", "form"]).assign(step=0, value=1.0, ci_low=1.0, ci_high=1.0)
    both = pd.concat([start, table], ignore_index=True)
    return both.assign(metric=pd.Categorical(both["metric"].map(METRICS), categories=list(METRICS.values())),
                       form=pd.Categorical(both["form"], categories=list(FORMS)))


def _beside(data: FigureData, table: pd.DataFrame) -> ggplot:
    colours = {"classifier": data.own_colour, "control": BASELINES}
    plot: ggplot = (
        ggplot(table, aes("row", "value", color="own"))
        + geom_linerange(aes(ymin="ci_low", ymax="ci_high"), data=table[table["ci_low"].notna()], size=0.5)
        + geom_point(size=1.8, stroke=0) + scale_x_discrete() + scale_color_manual(colours, guide=None) + coord_flip()
        + labs(x="", y="Pearson correlation with people", subtitle=SIMULATED if data.simulated else ""))
    return plot


def _similarity(table: pd.DataFrame) -> ggplot:
    steps = int(table["step"].max())
    plot: ggplot = (
        ggplot(table, aes("step", "value", color="form", fill="form", shape="form")) + facet_grid(cols="metric")
        + geom_hline(yintercept=0, color="#BBBBBB", size=0.3)
        + geom_ribbon(aes(ymin="ci_low", ymax="ci_high"), data=table[table["ci_low"].notna()], alpha=0.25, color="none")
        + geom_line(size=0.5) + geom_point(size=1.5, stroke=0)
        + scale_color_manual(FORMS) + scale_fill_manual(FORMS) + scale_shape_manual(SHAPES)
        + scale_x_continuous(breaks=list(range(steps + 1)))
        + labs(x="Step (0: none, 1: the head)",
               y="Similarity to the intact map", color="Layers", fill="Layers", shape="Layers"))
    return plot


def _about_overlaps(data: FigureData, table: pd.DataFrame) -> list[str]:
    if table.empty:
        return []
    found = rows(data.estimates, statistic="overlap_control", metric=METRIC, form=FORM, level="population",
                 source=data.main or "", against=list(CONTROLS))
    said = [f"{CONTROLS[row['against']].lower()} {row['value']:.3f}"
            + (f", 95% CI {row['ci_low']:.3f} to {row['ci_high']:.3f}" if pd.notna(row["ci_low"]) else "")
            for row in found.to_dict("records") if pd.notna(row["value"])]
    n = table["n"].max()
    return [f"Above, overlap with people of {source_name(data.main or '')} and of maps that cannot know them, mean "
            f"over actors (n = {int(n):,}); lines: 95% t intervals over actors.",
            f"Differences, classifier less control, paired: {'; '.join(said)}." if said else ""]


def _about_curves(table: pd.DataFrame) -> list[str]:
    if table.empty:
        return []
    layers = table[(table["step"] > 0)].drop_duplicates("step").sort_values("step")
    named = "; ".join(f"{step} {layer}" for step, layer in zip(layers["step"], layers["against"], strict=True))
    n = int(table["n"].max())
    return [f"Below, similarity of maps to those of the intact network as layers get random weights, all from the head "
            f"down (cascading) or each step alone (independent); bands: 95% t intervals over {n} randomisations.",
            f"Steps: {named}."]
