"""Figure 8: how far human and classifier maps overlap, beside mismatched pairings, baselines and the noise ceiling."""

from __future__ import annotations

import pandas as pd
from plotnine import (
    aes,
    element_blank,
    element_line,
    facet_grid,
    geom_linerange,
    geom_point,
    ggplot,
    labs,
    scale_color_manual,
    scale_fill_manual,
    scale_shape_manual,
    scale_x_discrete,
    theme,
)
from plotnine.coords import coord_flip

from salcompare.figures.figure import Figure, caption, interval, main_colour, rows
from salcompare.figures.theme import (
    BASELINES,
    HUMAN,
    OTHER_IMAGES,
    SIMULATED,
    SINGLE,
    figure_theme,
    source_name,
)
from salcompare.printing import counted, p_text
from salcompare.study_data import StudyData

METRIC, FORM = "pearson", "smoothed"
SAME, WITHIN, BETWEEN = "same image", "same actor, other image", "other actor"
BASELINE, CEILING = "baseline", "noise ceiling"
KINDS = {SAME: None, WITHIN: OTHER_IMAGES, BETWEEN: "#E69F00", BASELINE: BASELINES, CEILING: HUMAN}
"""Colours; None is the classifier's own."""
SHAPES = {SAME: "o", WITHIN: "s", BETWEEN: "^", BASELINE: "D", CEILING: "v"}
ROW = 0.125  # inches
_DIFFERENCES = {"image effect": "image effect (same image less the actor's other images)",
                "actor effect": "actor effect (other images less other actors)",
                "minus baseline/centre": "less the centred Gaussian", "minus baseline/other actors":
                "less the other actors' human map"}
_WHY = {"baseline/uniform": "the uniform map, which being constant correlates with nothing"}


def overlap_missing(data: StudyData) -> str | None:
    """Why the figure cannot be drawn, or None."""
    table = _table(data)
    drawn = (table["kind"] == SAME) & table["value"].notna()
    return None if drawn.any() else "the estimates have no overlap of human and classifier maps"


def overlap_figure(data: StudyData) -> Figure:
    """Draw the overlap of the population's pairings and baselines above, and of every actor below."""
    everything = _table(data)
    undefined = everything[(everything["panel"] == "Population") & everything["value"].isna()]
    table = everything[everything["value"].notna()].reset_index(drop=True)
    actors = int((table["panel"] == "Actors").groupby(table["row"]).any().sum())
    others = table["row"].nunique() - actors
    height = 0.5 + ROW * (actors + 1.15 * others) + (0.17 if data.simulated else 0)
    plot = _plot(data, table) + figure_theme(SINGLE, height) + theme(
        strip_text=element_blank(), strip_background=element_blank(), panel_spacing_y=0.015,
        panel_grid_major_y=element_line(color="#EFEFEF", size=0.3))
    text = caption(data, [*_sentences(data, table, actors), _undefined(undefined)], responses=True, photographs=False)
    return Figure("fig8-overlap", "Overlap of human and classifier maps", text, plot, SINGLE, height)


def _sentences(data: StudyData, table: pd.DataFrame, actors: int) -> list[str]:
    whole = table[(table["panel"] == "Population") & (table["kind"] == SAME)]
    n = whole["n"].dropna()
    said = _differences(data)
    single = table[(table["panel"] == "Actors") & (table["kind"] == SAME)]
    return [
        f"Pearson correlation of smoothed maps, human against {source_name(data.main or '')}.",
        f"Above, the mean over actors{f' (n = {int(n.max()):,})' if len(n) else ''}: maps of the same image, of the "
        "actor's other images and of other actors' images; baselines in the classifier's place; and the noise ceiling.",
        f"Below, {counted(actors, 'actor')}, sorted, with the symbols of above." if actors else "",
        f"Lines: {interval(table[table['panel'] == 'Population'])} (means)"
        + (f"; {interval(single)} (actors)." if actors else "."),
        f"Differences, paired over actors, which the lines above do not show (p of the effects one-sided, of the "
        f"others two-sided): {'; '.join(said)}." if said else ""]


def _differences(data: StudyData) -> list[str]:
    """Each difference with its interval and p."""
    tests = rows(data.estimates, statistic="overlap", metric=METRIC, form=FORM, level="population", source=data.main or
                 "", contrast=list(_DIFFERENCES))
    return [f"{_DIFFERENCES[row['contrast']]} {row['value']:z.3f}"
            + (f", 95% CI {row['ci_low']:z.3f} to {row['ci_high']:z.3f}" if pd.notna(row["ci_low"]) else "")
            + (f", {p_text(row)}" if pd.notna(row["p_value"]) else "")
            for row in tests.to_dict("records") if pd.notna(row["value"])]


def _undefined(table: pd.DataFrame) -> str:
    parts = [_WHY.get(source) or f"{name}{f' ({reason})' if pd.notna(reason) and reason else ''}"
             for source, name, reason in zip(table["source"], table["row"], table["reason"], strict=True)]
    return f"Undefined and not drawn: {'; '.join(parts)}." if parts else ""


def _table(data: StudyData) -> pd.DataFrame:
    """Rows to draw, with ``panel``, ``row`` (its name at the left) and ``kind`` (its colour and shape)."""
    overlap = rows(data.estimates, statistic="overlap", metric=METRIC, form=FORM)
    main = overlap[(overlap["source"] == data.main) & overlap["contrast"].isin([SAME, WITHIN, BETWEEN])]
    whole = main[main["level"] == "population"]
    whole = whole.assign(row=whole["contrast"].str.capitalize(), kind=whole["contrast"])
    single = main[main["level"] == "actor"]
    single = single.assign(row=single["actor"], kind=single["contrast"])
    baselines = overlap[(overlap["level"] == "population") & (overlap["contrast"] == SAME)
                        & overlap["source"].fillna("").str.startswith("baseline/")]
    baselines = baselines.assign(row=[source_name(s) for s in baselines["source"]], kind=BASELINE)
    ceiling = rows(data.estimates, statistic="noise_ceiling", metric=METRIC, level="population")
    ceiling = ceiling[ceiling["form"].isna() | (ceiling["form"] == FORM)].assign(row="Noise ceiling", kind=CEILING)
    drawn = [part.assign(panel=panel) for part, panel in
             ((ceiling, "Population"), (whole, "Population"), (baselines, "Population"), (single, "Actors"))]
    table = pd.concat(drawn, ignore_index=True)
    return table.reset_index(drop=True)


def _plot(data: StudyData, table: pd.DataFrame) -> ggplot:
    ranked = table[(table["panel"] == "Actors") & (table["kind"] == SAME)].sort_values("value", kind="stable")
    whole = table[table["panel"] == "Population"]
    rest = [row for row in table["row"].unique() if row not in set(ranked["row"]) | set(whole["row"])]
    order = [*dict.fromkeys(rest), *ranked["row"], *list(dict.fromkeys(whole["row"]))[::-1]]
    kinds = [kind for kind in KINDS if kind in set(table["kind"])]
    table = table.assign(row=pd.Categorical(table["row"], categories=list(dict.fromkeys(order))),
                         kind=pd.Categorical(table["kind"], categories=kinds),
                         panel=pd.Categorical(table["panel"], categories=["Population", "Actors"]))
    colours = [KINDS[kind] or main_colour(data) for kind in kinds]
    # Of an actor's three pairings only one has its interval drawn: they overlap.
    lined = table["ci_low"].notna() & ((table["panel"] == "Population") | (table["kind"] == SAME))
    table = table.sort_values("kind", ascending=False, kind="stable")  # maps of the same image are drawn on top
    return (ggplot(table, aes("row", "value", color="kind", shape="kind"))
            + facet_grid(rows="panel", scales="free_y", space="free_y")
            + geom_linerange(aes(ymin="ci_low", ymax="ci_high"), data=table[lined[table.index]], size=0.45)
            + geom_point(aes(fill="kind"), size=1.6, stroke=0) + scale_x_discrete()
            + scale_color_manual(colours, guide=None) + scale_fill_manual(colours, guide=None)
            + scale_shape_manual([SHAPES[kind] for kind in kinds], guide=None) + coord_flip()
            + labs(x="", y="Pearson correlation, smoothed maps", subtitle=SIMULATED if data.simulated else ""))


FIGURES = {8: (overlap_missing, overlap_figure)}
