"""Figures 12 and 18: the share of the noise ceiling that maps reach, and how many workers and images it takes."""

from __future__ import annotations

import pandas as pd
import plotnine as p9

from salcompare.figures.figure import Figure, caption, colours_of, interval, rows
from salcompare.figures.theme import BASELINES, HUMAN, MIDDLE, SIMULATED, SINGLE, figure_theme, kind_scales, source_name
from salcompare.findings.ceilings import NULLS, SHARE
from salcompare.findings.ceilings.design import IMAGES, curves, place_of, shares_of
from salcompare.findings.controls import RANDOMISED
from salcompare.findings.overlap import CENTRE, SAME_IMAGE, minus
from salcompare.printing import number
from salcompare.statistics.variance.components import RELIABILITY
from salcompare.study_data import StudyData

NULL = "knows nothing of the image"
NAMES = {CENTRE: source_name(CENTRE), RANDOMISED: "Random-weight networks"}
ROW, FRAME = 0.2, 0.85  # inches: of one source, and of titles and axes


def ceilings_missing(data: StudyData) -> str | None:
    """Why the figure cannot be drawn, or None."""
    return None if len(_table(data)) else "the estimates have no share of the ceiling"


def ceilings_figure(data: StudyData) -> Figure:
    """Draw the share of each source with its interval, and those of the nulls of the main one."""
    table = _table(data)
    kinds = [kind for kind in dict.fromkeys(table["kind"]) if kind != NULL]
    order = list(dict.fromkeys(table["row"]))[::-1]
    table = table.assign(row=pd.Categorical(table["row"], categories=order),
                         kind=pd.Categorical(table["kind"], categories=[*kinds, NULL]))
    height = FRAME + ROW * len(order)
    plot = (p9.ggplot(table, p9.aes("value", "row", color="kind", fill="kind", shape="kind"))
            + p9.geom_vline(xintercept=1, color=HUMAN, size=0.5)
            + p9.geom_segment(p9.aes(x="ci_low", xend="ci_high", yend="row"), data=table[table["ci_low"].notna()],
                              size=0.45)
            + p9.geom_point(size=1.6, stroke=0) + p9.scale_y_discrete(limits=order)
            + kind_scales([*(colours_of(data)[kind] for kind in kinds), BASELINES], [*"o" * len(kinds), "D"])
            + p9.labs(x="Share of the noise ceiling", y="", subtitle=SIMULATED if data.simulated else "")
            + figure_theme(MIDDLE, height))
    ceiling = table["ceiling"].dropna()
    said = [f"Correlation of smoothed human maps with each source's, pooled over images, over the noise ceiling "
            f"({number(ceiling.iloc[0], 2)}); the line is a perfect model.", f"Lines: {interval(table)}.",
            "Below, without intervals: maps that know nothing of the image in the classifier's place"
            f"{_on_theirs(table)}."]
    return Figure("fig12-ceilings", "Share of the noise ceiling", caption(data, said, responses=True,
                  photographs=False), plot, MIDDLE, height)


def _table(data: StudyData) -> pd.DataFrame:
    """Rows to draw, with ``row`` (the source in words) and ``kind``."""
    shares = rows(data.estimates, statistic=SHARE, level="population", source=list(data.classifier_maps))
    shares = shares[shares["value"].notna()]
    reached = shares[shares["contrast"] == SAME_IMAGE].sort_values(
        "source", key=lambda names: names.map(data.ordered_sources.index))
    parts = [reached.assign(row=[source_name(source) for source in reached["source"]], kind=reached["source"])]
    for null in NULLS:
        beside = shares[(shares["contrast"] == minus(null)) & (shares["source"] == data.main)]
        parts.append(beside.assign(row=NAMES[null], kind=NULL, value=beside["value_other"], ci_low=float("nan"),
                                   ci_high=float("nan")))
    return pd.concat(parts, ignore_index=True)


def _on_theirs(table: pd.DataFrame) -> str:
    """Say what the main source reaches on the images of the random-weight networks."""
    reached = table.loc[table["row"] == NAMES[RANDOMISED], "value_one"]
    return "" if reached.empty else (f"; random-weight networks on the images that they explained, on which the "
                                 f"classifier reaches {number(reached.iloc[0], 2)}")


def design_missing(data: StudyData) -> str | None:
    """Why the figure of sizes cannot be drawn, or None."""
    return None if shares_of(data) is not None else "the estimates have no components of responses, or no actor's"


def design_figure(data: StudyData) -> Figure:
    """Draw reliability against workers for several numbers of images, and where the study stands."""
    shares = shares_of(data)
    if shares is None:
        message = "there are no components of responses"
        raise ValueError(message)
    place, table = place_of(data, shares), curves(shares)
    table["images"] = pd.Categorical(table["images"].astype(str), categories=[str(n) for n in IMAGES.to_numpy()])
    here = pd.DataFrame({"workers": [place.workers], "reliability": [place.reliability]})
    plot = (p9.ggplot(table, p9.aes("workers", "reliability"))
            + p9.geom_hline(yintercept=RELIABILITY, color=BASELINES, size=0.4)
            + p9.geom_line(p9.aes(color="images"), size=0.6)
            + p9.geom_point(data=here, color=HUMAN, shape="D", size=2.2, stroke=0)
            + p9.scale_color_cmap_d("viridis_r") + p9.guides(color=p9.guide_legend(reverse=True))  # as the lines lie
            + p9.scale_x_log10(breaks=(1, 2, 5, 10, 20, 50, 100)) + p9.scale_y_continuous(limits=(0, 1))
            + p9.labs(x="Workers an image", y="Reliability", color="Images of an actor",
                      subtitle=SIMULATED if data.simulated else "") + figure_theme(SINGLE, 2.6))
    said = ["Reliability of the differences between actors' smoothed human heatmaps in studies of other sizes, from "
            f"components of variance, without intervals; line: {RELIABILITY:g}.",
            f"Diamond: this study, {number(place.images, 1)} images of an actor and {number(place.workers, 1)} workers "
            f"an image (harmonic means), {number(place.reliability, 2)}."]
    return Figure("fig18-sizes", "How many workers and images", caption(data, said, responses=True, photographs=False),
                  plot, SINGLE, 2.6)


FIGURES = {12: (ceilings_missing, ceilings_figure), 18: (design_missing, design_figure)}
