"""What the report says of training with several seeds."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pandas as pd

from salcompare.config.sections import NEAR_ZERO
from salcompare.findings import seeds
from salcompare.findings.beside import beside
from salcompare.findings.overlap import SAME_IMAGE
from salcompare.naming import PRIMARY, SMOOTHED, classifier_of
from salcompare.printing import contrast, interval, number, percent, verdict
from salcompare.report.content import Section, classifier_table
from salcompare.report.tables import PrintedTable, pick, plain_table, table_of
from salcompare.study_data import StudyData


def summary(data: StudyData) -> list[str]:
    """Say how reliable maps, accuracies and overlaps are over training seeds; nothing for a single training."""
    estimates = data.estimates[data.estimates["level"] == "population"]
    return [*_maps(estimates), *_accuracies(estimates), *_overlaps(estimates), *_decay(data, estimates)]


def _maps(estimates: pd.DataFrame) -> Iterator[str]:
    smoothed = pick(estimates, statistic=seeds.RELIABILITY, form=SMOOTHED)
    for _, row in pick(smoothed, contrast=seeds.SAME_IMAGE).iterrows():
        ceiling = pick(estimates, statistic=seeds.CEILING, form=SMOOTHED, source=str(row["source"]))
        above = f"; so the classifier's own noise ceiling is {number(ceiling['value'].iloc[0], 2)}" if len(
            ceiling) else ""
        yield (f"Trained again with another seed, {row['source']} gives maps of the same image that correlate by "
               f"{number(row['value'], 2)} ({interval(row)}){above}.")
    for _, row in pick(smoothed, contrast=seeds.IMAGE_EFFECT).iterrows():
        yield verdict(row, f"maps of {row['source']} speak of the image whatever the seed, more than of the actor's "
                           "other images")
    for _, row in pick(smoothed, contrast=seeds.TUNED).iterrows():
        yield contrast(row, f"finetuning makes the maps of {classifier_of(row['source'])} {_more(row)} reliable over "
                            "seeds")


def _accuracies(estimates: pd.DataFrame) -> Iterator[str]:
    of = pick(estimates, **seeds.ACCURATE.name)
    for _, row in of[of["contrast"].isna()].iterrows():
        yield (f"{row['source']}: over {number(row['n'])} seeds, {percent(row['value'])} of test images right on "
               f"average ({interval(row, percents=1)}).")
    for _, row in pick(of, contrast=seeds.TUNED).iterrows():
        yield contrast(row, f"finetuning makes {classifier_of(row['source'])} {_more(row)} accurate, over seeds")


def _more(row: pd.Series[Any], less: str = "less") -> str:
    return "more" if row["value"] > 0 else less


def _overlaps(estimates: pd.DataFrame) -> Iterator[str]:
    of = pick(estimates, statistic=seeds.OVERLAP)
    for _, row in pick(of, contrast=seeds.FOR_SEEDS).iterrows():
        said = (f"Over its seeds, maps of {row['source']} overlap with people's by {number(row['value'], 2)} "
                f"({interval(row)})")
        bound = ("" if row["ceiling"] != row["ceiling"] else
                 f"; people's noise and the seed's together allow {number(row['ceiling'], 2)}")
        same = pd.Series({**row, "metric": PRIMARY, "form": SMOOTHED, "contrast": SAME_IMAGE})
        yield f"{said}{bound}; {beside(estimates, same).said}."


def _decay(data: StudyData, estimates: pd.DataFrame) -> Iterator[str]:
    """Compare classifiers that differ in whether the L2 penalty is on convolutions."""
    on = {settings["name"]: settings.get("l2_on", "all") for settings in data.settings["classifier"]}
    of = pick(estimates, statistic=seeds.NEAR_ZERO, metric=seeds.CONVOLUTIONS, form=seeds.RELATIVE)
    for _, row in of[of["contrast"].notna()].iterrows():
        one, other = (classifier_of(row[column]) for column in ("source", "against"))
        if on.get(one) == on.get(other) or row["value"] != row["value"]:
            continue
        yield contrast(row, f"{row['source']} (L2 on {on.get(one)} weights) has {_more(row, 'fewer')} convolution "
                            f"weights near zero than {row['against']} (L2 on {on.get(other)} weights)")


_VALUE = ["value", "ci_low", "ci_high", "resampled", "n", "reason"]


def tables(data: StudyData) -> Iterator[PrintedTable]:
    """Make the tables of training seeds; those of a classifier that was trained once have no rows."""
    estimates = data.estimates
    of = {name: estimates[(estimates["statistic"] == name) & (estimates["level"] == "population")] for name in (
        seeds.RELIABILITY, seeds.CEILING, seeds.OVERLAP, seeds.ACCURACY, seeds.NEAR_ZERO)}
    yield table_of(
        seeds.RELIABILITY, "Reliability of a classifier's maps over training seeds",
        "Pearson's correlation of the maps of two trainings: of one image, of two images of an actor, and their "
        "difference, the image effect, whose p is from images permuted within actors. Means over actors.",
        of[seeds.RELIABILITY], ["source", "form", "contrast", *_VALUE[:3], "p_value", *_VALUE[4:]])
    yield table_of(
        seeds.CEILING, "The classifier's own noise ceiling",
        "What the maps that all seeds have in common can correlate with the map of one training.",
        of[seeds.CEILING], ["source", "form", *_VALUE])
    yield table_of(
        seeds.OVERLAP, "Overlap with people over training seeds",
        "Pearson's correlation of smoothed maps, same image. The ceiling is people's noise ceiling times the "
        "classifier's own.", of[seeds.OVERLAP], ["source", "contrast", *_VALUE[:4], "ceiling", *_VALUE[4:]])
    yield table_of(seeds.ACCURACY, "Accuracy over training seeds", "Means over seeds, on the same images; t intervals "
                   "over seeds.", of[seeds.ACCURACY], ["source", "metric", "contrast", *_VALUE])
    yield table_of(
        seeds.NEAR_ZERO, "Share of weights near zero",
        f"Relative: below {percent(NEAR_ZERO['relative'], 0)} of the standard deviation that the layer's weights had "
        f"before training (a Gaussian has {percent(math.erf(NEAR_ZERO['relative'] / math.sqrt(2)))} there). Absolute: "
        f"below {NEAR_ZERO['absolute']:g}. All layers of a kind together; differences are paired over seeds.",
        of[seeds.NEAR_ZERO], ["source", "metric", "form", "contrast", *_VALUE], folded=True)


SEEDS = (
    "Some classifiers were trained several times, on the same photographs and split, with seeds derived from the "
    "study's; the first is the study's own, and all other statistics rest on it. New weights, batches, dropout and "
    "augmentation follow from the seed. Reliability is the mean correlation of the maps of one image over pairs of "
    "seeds; its root is the classifier's own noise ceiling, what the maps that all seeds have in common can correlate "
    "with the map of one training. It is tested against maps of the actor's other images, permuted within actors in "
    "each seed. The mean map of all seeds is stepped up by the Spearman-Brown formula (Brown 1910). Intervals over "
    f"seeds are t intervals, from {seeds.FEWEST_SEEDS} seeds on; they speak of other trainings on these "
    "photographs, not of other photographs.")

WEIGHTS = (
    f"A weight counts as near zero below {percent(NEAR_ZERO['relative'], 0)} of the standard deviation that its "
    f"layer's weights had before training, or, as the absolute form, below {NEAR_ZERO['absolute']:g}; biases and batch "
    "normalisation are left out. Where l2_on is linear, the L2 penalty leaves the convolutions out.")


DIFFERENCES = (
    "Accuracies of two classifiers, or of two variants of one, are compared on the same test images: the mean over "
    "actors of the difference of their shares of images named rightly, with a t interval over actors and p from "
    "exchanging both answers within actors.")


def methods(data: StudyData) -> list[tuple[str, str]]:
    """Say how trainings with several seeds were compared, and what a weight near zero is."""
    several = any(settings.get("seeds", 1) > 1 for settings in data.settings["classifier"])
    return [*([("Training seeds", SEEDS)] if several and data.classifiers else []),
            *([("Differences of accuracy", DIFFERENCES)] if data.classifiers else []),
            *([("Weights near zero", WEIGHTS)] if data.classifiers else [])]


def section(data: StudyData, name: str) -> Section:
    """Say on a classifier's page how stable it is over training seeds, and how many of its weights are near zero."""
    layers = data.classifiers.get(name, {}).get("weights", pd.DataFrame())
    return Section("seeds", "How stable is it?", tables=(
        classifier_table(data, name, "seeds", "Over training seeds", "", seeds.ACCURACY, seeds.RELIABILITY,
                         seeds.CEILING, seeds.OVERLAP),
        classifier_table(data, name, "near_zero", "Share of weights near zero",
                         f"Relative: below {percent(NEAR_ZERO['relative'], 0)} of the standard deviation of the "
                         f"layer's weights before training; absolute: below {NEAR_ZERO['absolute']:g}.",
                         seeds.NEAR_ZERO),
        plain_table(f"weights_{name}", f"By layer ({number(len(layers))} rows)", layers)),
        absent="It was trained once, so nothing is known of how its maps vary over training seeds; set seeds of its "
               "[[classifier]] in study.toml.")
