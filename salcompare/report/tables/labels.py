"""Tables of labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from salcompare.report.tables.printed import PrintedTable, table_of
from salcompare.report.wording import ALPHA

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd


def label_tables(estimates: pd.DataFrame) -> Iterator[PrintedTable]:
    """Make the tables of label histograms, of differences between actors, of agreement and of masks in regions."""
    labels = _with_effective(estimates)
    whole = labels[labels["level"] == "population"]
    yield table_of("label_share_population", "Label histogram, mean over actors",
        "Each actor weighs the same; within an actor each image does. count of n responses have the label; n_effective "
        "is Kish's effective number of responses under these weights. The page lists labels that were drawn, the "
        "CSV also those offered that nobody drew.", whole,
        ["label", "value", "ci_low", "ci_high", "count", "n", "n_effective", "resampled"],
        shown=whole[whole["count"] != 0].sort_values("value", ascending=False, kind="stable").index)
    yield from _differences(estimates[estimates["statistic"] == "label_difference"])
    yield _agreement(estimates[(estimates["statistic"] == "label_agreement") & (estimates["level"] == "population")])
    yield _regions(estimates[estimates["statistic"] == "label_region"])
    yield table_of("label_share_actor", "Label histogram of each actor", "", labels[labels["level"] == "actor"],
        ["actor", "label", "value", "ci_low", "ci_high", "count", "n", "n_effective"], folded=True)


def _with_effective(estimates: pd.DataFrame) -> pd.DataFrame:
    """Shares of labels with the effective number of responses of the actor, or of all."""
    shares = estimates[estimates["statistic"] == "label_share"]
    effective = estimates[(estimates["statistic"] == "label_responses") & (estimates["metric"] == "n_effective")]
    of_actors = effective[effective["level"] == "actor"].set_index("actor")["value"]
    of_all = effective.loc[effective["level"] == "population", "value"]
    numbers = shares["actor"].map(of_actors).astype(float)
    return shares.assign(n_effective=numbers.where(shares["level"] == "actor", of_all.iloc[0] if len(of_all) else None))


def _differences(rows: pd.DataFrame) -> Iterator[PrintedTable]:
    yield table_of("label_difference", "Do actors differ in their labels?",
        "eta2: share of the variance between images' label shares that actors explain, of each label and the mean over "
        "labels; null: images permuted among actors with all their responses. p of the labels adjusted by Holm's "
        "method. n counts images.", rows[rows["level"] == "population"],
        ["metric", "label", "value", "null_mean", "p_value", "p_adjusted", "n", "reason"])
    cells = rows[rows["level"] == "actor"]
    columns = ["actor", "label", "value", "ci_low", "ci_high", "p_value", "p_adjusted", "family_size", "n"]
    out = cells[cells["p_adjusted"] <= ALPHA].sort_values(["p_adjusted", "value"], ascending=[True, False])
    yield table_of("label_difference_actor", "Actors and labels that stand out",
        "The actor's share minus the mean of the other actors'. p_adjusted holds over all actors and labels "
        f"(family_size cells); the page prints cells with p_adjusted at most {ALPHA:g}, the CSV has all. Intervals: t "
        "over n images, not adjusted.", cells, columns, shown=out.index)


def _agreement(rows: pd.DataFrame) -> PrintedTable:
    return table_of("label_agreement", "Do workers agree in the labels of an image?",
        "Krippendorff's alpha: 1 if all workers of an image name the same, 0 if its labels are no more alike than "
        "labels of any images. n counts images with two workers or more.", rows,
        ["metric", "value", "ci_low", "ci_high", "ci_method", "resampled", "n", "n_undefined", "reason"])


def _regions(rows: pd.DataFrame) -> PrintedTable:
    return table_of("label_region", "Does the classifier look at what people name, actor by actor?",
        "Pearson's correlation over n actors of people's share of a label with the share of the classifier's mask in "
        "the label's region, which comes from the other actors' boxes; mean_pearson is the mean over labels. p is "
        "two-sided, of permuted actors, for the labels adjusted by Holm's method.", rows,
        ["source", "metric", "label", "value", "ci_low", "ci_high", "p_value", "p_adjusted", "n", "reason"],
        folded=True)
