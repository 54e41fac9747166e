"""Figure 7: how much of the maps' variance the actors explain, beside what chance explains."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotnine as p9
from plotnine.coords import coord_flip

from salcompare.figures import theme
from salcompare.figures.figure import Figure, caption, colours_of, rows
from salcompare.findings.variance import R2, VARIANCE
from salcompare.naming import HUMAN
from salcompare.printing import counted, number, p_text, ranged
from salcompare.study_data import StudyData

FORMS = ("raw", "smoothed", "masks", "smoothed masks")
ROW = 0.19  # inches


def variance_missing(data: StudyData) -> str | None:
    """Why the figure cannot be drawn, or None."""
    return "the estimates have no R² with a value" if _observed(data).empty else None


def variance_figure(data: StudyData) -> Figure:
    """Draw R² of every source and form beside the draws of its null distribution."""
    observed = _observed(data)
    names = [_strip(source, data) for source in dict.fromkeys(observed["source"])]
    height = 0.62 + ROW * len(observed) + 0.09 * len(names) + (0.17 if _simulated(data, observed) else 0)
    plot = _plot(data, observed, names) + theme.figure_theme(theme.SINGLE, height) + p9.theme(
        strip_text_y=p9.element_text(rotation=0, ha="left"), panel_spacing_y=0.012,
        plot_subtitle=p9.element_text(ha="left"))
    draws = _draws(data, observed)
    counts, n = observed["n"].dropna().astype(int).tolist(), observed["n_resamples"].dropna()
    times = f" ({number(n.max())} of them)" if len(n) else ""
    images = ranged(counts) if counts else "unknown"
    drawn = f"; grey: {counted(len(draws), 'draw')} of the null distributions" if len(draws) else ""
    text = caption(data, [
        f"Dots: R² by actor, pooled over pixels (n = {images} images of "
        f"{counted(data.images['actor'].nunique(), 'actor')}); tick: its mean where images are permuted{drawn}.",
        f"p: F2; null: {', '.join(dict.fromkeys(observed['null'].dropna()))}{times}.",
        "R² carries no interval: copies of an image in a bootstrap inflate it."],
        responses=HUMAN in set(observed["source"]), photographs=False)
    return Figure("fig7-variance", "Variance explained by actor", text, plot, theme.SINGLE, height)


def _plot(data: StudyData, observed: pd.DataFrame, names: list[str]) -> p9.ggplot:
    colours = colours_of(data)
    table = _placed(observed, data, names)
    table = table.assign(colour=[colours.get(source, theme.INK) for source in observed["source"]],
                         p=["" if np.isnan(row["p_value"]) else p_text(row) for row in observed.to_dict("records")])
    draws = _placed(_draws(data, observed), data, names)
    plot = p9.ggplot(table, p9.aes("form", "value")) + p9.facet_grid(rows="strip", scales="free_y", space="free_y")
    if len(draws):
        plot += p9.geom_violin(p9.aes("form", "value"), data=draws, fill=theme.NULL, color="none", width=0.95,
                               scale="width", n=128)
    simulated = theme.SIMULATED if _simulated(data, observed) else ""
    edge = float(np.nanmax([table["value"].max(), table["null_mean"].max(), 0]))
    return (plot + p9.geom_point(p9.aes(y="null_mean"), data=table[table["null_mean"].notna()], shape="|", size=2.2,
                                 color=theme.INK)
            + p9.geom_point(p9.aes(color="colour"), size=1.8, stroke=0)
            + p9.geom_text(p9.aes(label="p"), y=edge * 1.1, ha="left", size=theme.SMALL, color=theme.INK)
            + p9.scale_color_identity() + p9.scale_x_discrete()
            + p9.scale_y_continuous(limits=(min(0, float(table["value"].min())), edge * 1.85), expand=(0, 0, 0, 0),
                                    breaks=theme.ticks(edge, most=4))
            + coord_flip() + p9.labs(x="", y="Share of variance between actors, R²", subtitle=simulated))


def _observed(data: StudyData) -> pd.DataFrame:
    table = rows(data.estimates, **R2.name)
    return table[table["value"].notna()].reset_index(drop=True).assign(form=lambda shown: shown["form"].fillna("raw"))


def _draws(data: StudyData, observed: pd.DataFrame) -> pd.DataFrame:
    """Draws of the null of what is shown; a null of one value has no shape to draw."""
    nulls = data.nulls
    if nulls.empty:
        return nulls
    nulls = nulls[(nulls["statistic"] == VARIANCE) & (nulls["metric"] == R2.metric)]
    nulls = nulls.assign(form=nulls["form"].fillna("raw")).merge(observed[["source", "form"]], on=["source", "form"])
    varied = nulls.groupby(["source", "form"])["value"].transform("nunique") > 2
    return nulls[varied].reset_index(drop=True)


def _placed(table: pd.DataFrame, data: StudyData, names: list[str]) -> pd.DataFrame:
    """Add the strip and the ordered form that a row belongs to."""
    forms = [form for form in FORMS if form in set(table["form"])]
    forms += sorted(set(table["form"].dropna()) - set(forms))
    return table.assign(
        strip=pd.Categorical([_strip(source, data) for source in table["source"]], categories=names),
        form=pd.Categorical(table["form"].fillna("raw"), categories=forms[::-1]))


def _strip(source: str, data: StudyData) -> str:
    return theme.wrapped(theme.source_name(source, data.classifier_maps), 18)


def _simulated(data: StudyData, observed: pd.DataFrame) -> bool:
    return data.simulated and bool((observed["source"] == HUMAN).any())


FIGURES = {7: (variance_missing, variance_figure)}
