"""Tables of what varies over training seeds, and of weights near zero."""

from __future__ import annotations

from typing import TYPE_CHECKING

from salcompare.report.tables.printed import PrintedTable, table_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

_VALUE = ["value", "ci_low", "ci_high", "resampled", "n", "reason"]


def seed_tables(estimates: pd.DataFrame) -> Iterator[PrintedTable]:
    """Make the tables of training seeds; those of a classifier that was trained once have no rows."""
    of = {name: estimates[(estimates["statistic"] == name) & (estimates["level"] == "population")] for name in (
        "seed_reliability", "seed_ceiling", "seed_overlap", "seed_accuracy", "near_zero_share")}
    yield table_of(
        "seed_reliability", "Reliability of a classifier's maps over training seeds",
        "Pearson's correlation of the maps of two trainings: of one image, of two images of an actor, and their "
        "difference, the image effect, whose p is from images permuted within actors. Means over actors.",
        of["seed_reliability"], ["source", "form", "contrast", *_VALUE[:3], "p_value", *_VALUE[4:]])
    yield table_of(
        "seed_ceiling", "The classifier's own noise ceiling",
        "What the maps that all seeds have in common can correlate with the map of one training.",
        of["seed_ceiling"], ["source", "form", *_VALUE])
    yield table_of(
        "seed_overlap", "Overlap with people over training seeds",
        "Pearson's correlation of smoothed maps, same image. The ceiling is people's noise ceiling times the "
        "classifier's own.", of["seed_overlap"], ["source", "contrast", *_VALUE[:4], "ceiling", *_VALUE[4:]])
    yield table_of("seed_accuracy", "Accuracy over training seeds", "Means over seeds, on the same images; t intervals "
                   "over seeds.", of["seed_accuracy"], ["source", "metric", "contrast", *_VALUE])
    yield table_of(
        "near_zero_share", "Share of weights near zero",
        "Relative: below 1% of the standard deviation that the layer's weights had before training (a Gaussian has "
        "0.8% there). Absolute: below 0.001. All layers of a kind together; differences are paired over seeds.",
        of["near_zero_share"], ["source", "metric", "form", "contrast", *_VALUE], folded=True)
