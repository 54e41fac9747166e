"""Figure 19: unique agreement of every classifier beside its controls, and the smallest effect of interest."""

from __future__ import annotations

import pandas as pd
import plotnine as p9

from salcompare.figures.figure import Figure, caption, colours_of, interval, rows
from salcompare.figures.theme import BASELINES, MIDDLE, NULL, SIMULATED, figure_theme, source_name
from salcompare.findings import unique as terms
from salcompare.findings.controls import RANDOMISED, SHUFFLED
from salcompare.findings.overlap import SAME_IMAGE
from salcompare.printing import number
from salcompare.study_data import StudyData

ROW = 0.17  # inches
LABELS = {RANDOMISED: "Random weights", SHUFFLED: "Shuffled actors"}


def unique_missing(data: StudyData) -> str | None:
    """Why the figure cannot be drawn, or None."""
    return "the estimates have no unique agreement" if _table(data).empty else None


def unique_figure(data: StudyData) -> Figure:
    """Draw each source's unique agreement with its controls' below it, against the smallest effect of interest."""
    table = _table(data)
    height = 0.5 + ROW * len(table) + (0.17 if data.simulated else 0)
    smallest, n = table["smallest_effect"].max(), table["n"].max()
    band = pd.DataFrame({"low": [-smallest], "high": [smallest]})
    plot = (
        p9.ggplot(table, p9.aes("row", "value", color="kind", shape="control"))
        + ([p9.geom_rect(p9.aes(xmin=-float("inf"), xmax=float("inf"), ymin="low", ymax="high"), data=band,
                         inherit_aes=False, fill=NULL, alpha=0.25)] if smallest == smallest else [])
        + p9.geom_hline(yintercept=0, color=NULL, size=0.4)
        + p9.geom_linerange(p9.aes(ymin="ci_low", ymax="ci_high"), data=table[table["ci_low"].notna()], size=0.5)
        + p9.geom_point(size=1.8, stroke=0.4, fill="white")
        + p9.scale_x_discrete(labels=lambda names: [str(name).split("\n")[-1] for name in names])
        + p9.scale_color_manual({**colours_of(data), "control": BASELINES}, guide=None)
        + p9.scale_shape_manual({True: "D", False: "o"}, guide=None) + p9.coord_flip()
        + p9.labs(x="", y="Unique agreement (correlation of residuals)", subtitle=SIMULATED if data.simulated else "")
        + figure_theme(MIDDLE, height))
    text = caption(data, [
        "Agreement of people's and each network's maps beyond the centre, the photographs' edges and the mean human "
        f"map of all actors: correlation of residuals, mean over actors (n = {int(n):,}); lines: {interval(table)}.",
        ("Diamonds: control networks, on the images that they explained; sources that share one have one row."
         if table["control"].any() else ""),
        f"Band: smaller than the smallest effect of interest, {number(smallest, 2)}; the ceiling is "
        f"{number(table['ceiling'].max(), 2)}." if smallest == smallest else ""], responses=True, photographs=False)
    return Figure("fig19-unique", "Agreement beyond what all faces share", text, plot, MIDDLE, height)


def _table(data: StudyData) -> pd.DataFrame:
    """Rows to draw, from the top: each source, and its controls below it; below the first, those that several share."""
    table = rows(data.estimates, statistic=terms.AGREEMENT, level="population", contrast=[
        SAME_IMAGE, *terms.CONTROLS])
    table = table[table["value"].notna() & table["source"].isin(data.classifier_maps)]
    sources, kinds = data.ordered_sources, [SAME_IMAGE, *terms.CONTROLS]
    table = table.assign(control=table["contrast"] != SAME_IMAGE, place=[
        sources.index(source) * len(kinds) + kinds.index(contrast)
        for source, contrast in zip(table["source"], table["contrast"], strict=True)]).sort_values("place")
    table = table[~(table["control"] & table.duplicated(["contrast", "value"]))]
    names = [f"{source}\n{LABELS.get(contrast) or source_name(source, sources)}"
             for source, contrast in zip(table["source"], table["contrast"], strict=True)]
    return table.assign(kind=table["source"].mask(table["control"], "control"),
                        row=pd.Categorical(names, categories=names[::-1]))


FIGURES = {19: (unique_missing, unique_figure)}
