"""Figure 10: how the classifier learnt, and how often it names the right actor."""

from __future__ import annotations

import pandas as pd
import plotnine as p9
from plotnine.composition import Compose

from salcompare.figures.figure import Figure, caption, interval, main_colour, rows
from salcompare.figures.theme import NULL, PHOTOGRAPHS, SINGLE, figure_theme, percent
from salcompare.findings.training import ACCURACY
from salcompare.naming import classifier_of, variant_of
from salcompare.printing import joined
from salcompare.study_data import StudyData

PARTS = ("train", "validation", "test")
COLOURS = {"train": NULL, "validation": PHOTOGRAPHS, "test": None}
"""Greys, and None for the classifier's colour."""
SHAPES = dict(zip(PARTS, ("s", "^", "o"), strict=True))


def training_missing(data: StudyData) -> str | None:
    """Why the figure cannot be drawn, or None."""
    return "the estimates have no accuracy" if _accuracy(data).empty else None


def training_figure(data: StudyData) -> Figure:
    """Draw accuracy by iteration, where the training's record is there, above the accuracy of each variant."""
    accuracy = _accuracy(data)
    curves = _curves(data)
    height = 1.75 if curves.empty else 3.4
    look = figure_theme(SINGLE, height) + p9.theme(
        panel_grid_major_y=p9.element_line(color="#E4E4E4", size=0.3), panel_grid_major_x=p9.element_blank(),
        axis_line_y=p9.element_line(size=0.4), legend_title=p9.element_blank(), legend_position="right")
    below = _accuracies(accuracy, main_colour(data)) + look
    plot: p9.ggplot | Compose = below if curves.empty else (_learning(curves, main_colour(data)) + look) / below
    n = {part: accuracy.loc[accuracy["metric"] == part, "n"].dropna() for part in PARTS}
    counts = joined(f"{int(values.max()):,} {part}" for part, values in n.items() if len(values))
    text = caption(data, [
        "" if curves.empty else "Above, accuracy during training by iteration (batch); no interval.",
        f"{'Accuracy' if curves.empty else 'Below, accuracy'} of the weights that were kept"
        f"{f' (n: {counts} images)' if counts else ''}; lines: {interval(accuracy)}."],
        responses=False, photographs=False)
    return Figure("fig10-training", "Training and accuracy", text, plot, SINGLE, height)


def _accuracy(data: StudyData) -> pd.DataFrame:
    table = rows(data.estimates, statistic=ACCURACY, metric=PARTS)
    classifier = classifier_of(data.main or "")
    table = table[table["value"].notna() & (table["source"].fillna("").map(classifier_of) == classifier)]
    return table.assign(variant=table["source"].map(variant_of)).reset_index(drop=True)


def _curves(data: StudyData) -> pd.DataFrame:
    """One row a look at the accuracy: ``variant, iteration, part, accuracy``."""
    course: pd.DataFrame | None = data.get("classifiers", {}).get(classifier_of(data.main or ""), {}).get("training")
    if course is None or course.empty:
        return pd.DataFrame()
    table = course.rename(columns={"train_accuracy": "train", "validation_accuracy": "validation"})
    long: pd.DataFrame = table.melt(id_vars=["variant", "iteration"], value_vars=["train", "validation"],
                                    var_name="part", value_name="accuracy")
    return long[long["accuracy"].notna()].reset_index(drop=True)


def _learning(curves: pd.DataFrame, colour: str) -> p9.ggplot:
    variants = list(dict.fromkeys(curves["variant"]))
    parts = [part for part in PARTS if part in set(curves["part"])]
    table = curves.assign(variant=pd.Categorical(curves["variant"], categories=variants),
                          part=pd.Categorical(curves["part"], categories=parts))
    plot: p9.ggplot = (
        p9.ggplot(table, p9.aes("iteration", "accuracy", color="part")) + p9.facet_grid(cols="variant", scales="free_x")
        + p9.geom_line(size=0.6, show_legend=False) + p9.scale_color_manual([COLOURS[part] or colour for part in parts])
        + p9.scale_y_continuous(labels=percent) + p9.labs(x="Iteration", y="Accuracy, %"))
    return plot


def _accuracies(accuracy: pd.DataFrame, colour: str) -> p9.ggplot:
    parts = [part for part in PARTS if part in set(accuracy["metric"])]
    variants = list(dict.fromkeys(accuracy["variant"]))
    table = accuracy.assign(variant=pd.Categorical(accuracy["variant"], categories=variants),
                            metric=pd.Categorical(accuracy["metric"], categories=parts))
    apart = p9.position_dodge(width=0.5)
    plot: p9.ggplot = (
        p9.ggplot(table, p9.aes("variant", "value", color="metric", shape="metric"))
        + p9.geom_linerange(p9.aes(ymin="ci_low", ymax="ci_high"), position=apart, size=0.5, show_legend=False)
        + p9.geom_point(position=apart, size=1.8, stroke=0) + p9.scale_x_discrete()
        + p9.scale_color_manual([COLOURS[part] or colour for part in parts])
        + p9.scale_shape_manual([SHAPES[part] for part in parts])
        + p9.scale_y_continuous(labels=percent) + p9.labs(x="", y="Accuracy, %"))
    return plot


FIGURES = {10: (training_missing, training_figure)}
