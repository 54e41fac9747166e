"""Tables of what a network loses with parts of the photographs, and of masks in labels' regions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from salcompare.report.tables.printed import PrintedTable, table_of

if TYPE_CHECKING:
    from collections.abc import Iterator


def removal_tables(estimates: pd.DataFrame) -> Iterator[PrintedTable]:
    """Make the tables of removal at equal area, of labels' regions, of areas under curves, and of enrichment."""
    drops = estimates[estimates["statistic"] == "removal_drop"]
    of_labels = drops["label"].notna()
    yield table_of(
        "removal_drop", "What the network loses without what people and its map mark, at equal area",
        "Drop in accuracy and in the actor's logit, paired over images, mean over n actors; above 0 the network loses. "
        "form: what stands in place of what was removed. random and random people: the same patches of the "
        "classifier's map, and of people's, at a random place. \"minus\": against's drop less the other's, tested by "
        "flipping the signs of actors' means; p adjusted by Holm's method over the contrasts of a metric and fill.",
        drops[~of_labels],
        ["source", "metric", "form", "against", "contrast", "value", "ci_low", "ci_high", "p_value", "p_adjusted", "n",
         "reason"])
    yield table_of(
        "removal_drop_label", "What the network loses without each label's region",
        "Regions of one area, where the other actors' boxes of the label lie most densely. Minus other labels: the "
        "drop less the mean of the other labels'; p adjusted over labels by Holm's method.", drops[of_labels],
        ["source", "metric", "form", "label", "contrast", "value", "ci_low", "ci_high", "p_value", "p_adjusted", "n",
         "reason"])
    areas = estimates[estimates["statistic"].isin(["deletion_auc", "insertion_auc"])]
    yield table_of(
        "removal_auc", "Areas under deletion and insertion curves",
        "Mean height of the curve from 0 to all pixels, the map's largest first. A map that finds what the network "
        "needs has a small area of deletion and a large one of insertion. random: the classifier's map moved to a "
        "random place. t intervals over n actors; differences tested by flipping the signs of actors' means.", areas,
        ["statistic", "metric", "form", "source", "against", "contrast", "value", "ci_low", "ci_high", "p_value", "n",
         "reason"], folded=True)
    yield from _enrichment(estimates[estimates["statistic"] == "enrichment"])


def _enrichment(rows: pd.DataFrame) -> Iterator[PrintedTable]:
    yield table_of(
        "enrichment", "In which labels' regions do the masks lie?",
        "Share of the mask inside the label's region, divided by the region's share of the photograph, mean over n "
        "actors: 1 is a mask laid anywhere. An actor's region comes from the other actors' boxes. p is two-sided, of "
        "flipped signs of actors' values - 1, adjusted over labels by Holm's method.",
        rows[rows["level"] == "population"],
        ["source", "label", "value", "ci_low", "ci_high", "p_value", "p_adjusted", "n", "reason"], folded=True)
    yield table_of(
        "enrichment_actor", "Enrichment of each actor's masks", "Intervals: t over the actor's n images.",
        rows[rows["level"] == "actor"], ["actor", "source", "label", "value", "ci_low", "ci_high", "n", "reason"],
        folded=True)
