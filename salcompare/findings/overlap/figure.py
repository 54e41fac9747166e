"""Figure 8: how far human and classifier maps overlap, beside mismatched pairings, baselines and the noise ceiling."""

from __future__ import annotations

import pandas as pd
import plotnine as p9

from salcompare.figures import theme as look
from salcompare.figures.figure import Figure, caption, interval, main_colour, rows
from salcompare.findings import overlap as terms
from salcompare.findings.ceilings import CEILING
from salcompare.naming import PRIMARY, SMOOTHED
from salcompare.printing import counted, estimate, p_text
from salcompare.study_data import StudyData

BASELINE = "baseline"
KINDS = {terms.SAME_IMAGE: (None, "o"), terms.OTHER_IMAGE: (look.OTHER_IMAGES, "s"),
         terms.OTHER_ACTOR: ("#E69F00", "^"), BASELINE: (look.BASELINES, "D"), CEILING: (look.HUMAN, "v")}
"""Colours, None the classifier's, and shapes."""
ROW = 0.125  # inches
_DIFFERENCES = {terms.IMAGE_EFFECT: "image effect (same image less the actor's other images)",
                terms.ACTOR_EFFECT: "actor effect (other images less other actors)",
                terms.minus(terms.CENTRE): "less the centred Gaussian",
                terms.minus(terms.OTHERS): "less the other actors' human map"}
_WHY = {terms.UNIFORM: "the uniform map, which being constant correlates with nothing"}


def overlap_missing(data: StudyData) -> str | None:
    """Why the figure cannot be drawn, or None."""
    table = _table(data)
    drawn = (table["kind"] == terms.SAME_IMAGE) & table["value"].notna()
    return None if drawn.any() else "the estimates have no overlap of human and classifier maps"


def overlap_figure(data: StudyData) -> Figure:
    """Draw the overlap of the population's pairings and baselines above, and of every actor below."""
    everything = _table(data)
    undefined = everything[(everything["panel"] == "Population") & everything["value"].isna()]
    table = everything[everything["value"].notna()].reset_index(drop=True)
    actors = int((table["panel"] == "Actors").groupby(table["row"]).any().sum())
    others = table["row"].nunique() - actors
    height = 0.5 + ROW * (actors + 1.15 * others) + (0.17 if data.simulated else 0)
    plot = _plot(data, table) + look.figure_theme(look.SINGLE, height) + p9.theme(
        strip_text=p9.element_blank(), strip_background=p9.element_blank(), panel_spacing_y=0.015,
        panel_grid_major_y=p9.element_line(color="#EFEFEF", size=0.3))
    text = caption(data, [*_sentences(data, table, actors), _undefined(undefined)], responses=True, photographs=False)
    return Figure("fig8-overlap", "Overlap of human and classifier maps", text, plot, look.SINGLE, height)


def _sentences(data: StudyData, table: pd.DataFrame, actors: int) -> list[str]:
    whole = table[(table["panel"] == "Population") & (table["kind"] == terms.SAME_IMAGE)]
    n = whole["n"].dropna()
    said = _differences(data)
    return [
        f"Pearson correlation of smoothed maps, human against {look.source_name(data.main or '')}.",
        f"Above, the mean over actors{f' (n = {int(n.max()):,})' if len(n) else ''}: maps of the same image, of the "
        "actor's other images and of other actors' images; baselines in the classifier's place; and the noise ceiling.",
        f"Below, {counted(actors, 'actor')}, sorted, with the symbols of above." if actors else "",
        f"Lines: {interval(table[table['panel'] == 'Population'])}; other means have none: "
        "all actors share workers.",
        f"Differences, paired over actors, which the lines above do not show (p of the effects one-sided, of the "
        f"others two-sided): {'; '.join(said)}." if said else ""]


def _differences(data: StudyData) -> list[str]:
    """Each difference with its interval and p."""
    tests = rows(data.estimates, statistic=terms.OVERLAP, metric=PRIMARY, form=SMOOTHED, level="population",
                 source=data.main or "", contrast=list(_DIFFERENCES))
    return [f"{_DIFFERENCES[row['contrast']]} {estimate(row)}"
            + (f", {p_text(row)}" if pd.notna(row["p_value"]) else "")
            for _, row in tests[tests["value"].notna()].iterrows()]


def _undefined(table: pd.DataFrame) -> str:
    parts = [_WHY.get(source) or f"{name}{f' ({reason})' if pd.notna(reason) and reason else ''}"
             for source, name, reason in zip(table["source"], table["row"], table["reason"], strict=True)]
    return f"Undefined and not drawn: {'; '.join(parts)}." if parts else ""


def _table(data: StudyData) -> pd.DataFrame:
    """Rows to draw, with ``panel``, ``row`` (its name at the left) and ``kind`` (its colour and shape)."""
    overlap = rows(data.estimates, statistic=terms.OVERLAP, metric=PRIMARY, form=SMOOTHED)
    main = overlap[(overlap["source"] == data.main) & overlap["contrast"].isin(list(KINDS))]
    main = main.assign(row=main["contrast"].str.capitalize().mask(main["level"] == "actor", main["actor"]),
                       kind=main["contrast"])
    whole, single = (main[main["level"] == level] for level in ("population", "actor"))
    baselines = overlap[(overlap["level"] == "population") & (overlap["contrast"] == terms.SAME_IMAGE)
                        & overlap["source"].isin([terms.UNIFORM, terms.CENTRE, terms.OTHERS])]
    baselines = baselines.assign(row=[look.source_name(s) for s in baselines["source"]], kind=BASELINE)
    ceiling = rows(data.estimates, statistic=CEILING, metric=PRIMARY, level="population")
    ceiling = ceiling[ceiling["form"].isna() | (ceiling["form"] == SMOOTHED)].assign(row="Noise ceiling", kind=CEILING)
    drawn = [part.assign(panel=panel) for part, panel in
             ((ceiling, "Population"), (whole, "Population"), (baselines, "Population"), (single, "Actors"))]
    return pd.concat(drawn, ignore_index=True)


def _plot(data: StudyData, table: pd.DataFrame) -> p9.ggplot:
    whole, single = (table[table["panel"] == panel] for panel in ("Population", "Actors"))
    ranked = single[single["kind"] == terms.SAME_IMAGE].sort_values("value", kind="stable")
    rest = [row for row in table["row"].unique() if row not in {*ranked["row"], *whole["row"]}]
    order = [*rest, *ranked["row"], *list(dict.fromkeys(whole["row"]))[::-1]]
    kinds = [kind for kind in KINDS if kind in set(table["kind"])]
    table = table.assign(row=pd.Categorical(table["row"], categories=list(dict.fromkeys(order))),
                         kind=pd.Categorical(table["kind"], categories=kinds),
                         panel=pd.Categorical(table["panel"], categories=["Population", "Actors"]))
    colours, shapes = [KINDS[kind][0] or main_colour(data) for kind in kinds], [KINDS[kind][1] for kind in kinds]
    lined = table["ci_low"].notna()
    table = table.sort_values("kind", ascending=False, kind="stable")  # maps of the same image are drawn on top
    return (p9.ggplot(table, p9.aes("row", "value", color="kind", shape="kind"))
            + p9.facet_grid(rows="panel", scales="free_y", space="free_y")
            + p9.geom_linerange(p9.aes(ymin="ci_low", ymax="ci_high"), data=table[lined[table.index]], size=0.45)
            + p9.geom_point(p9.aes(fill="kind"), size=1.6, stroke=0) + p9.scale_x_discrete()
            + look.kind_scales(colours, shapes) + p9.coord_flip()
            + p9.labs(x="", y="Pearson correlation, smoothed maps", subtitle=look.SIMULATED if data.simulated else ""))


FIGURES = {8: (overlap_missing, overlap_figure)}
