"""Tables of labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from salcompare.report.tables.printed import PrintedTable, table_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd


def label_tables(estimates: pd.DataFrame) -> Iterator[PrintedTable]:
    """Make the tables of label histograms."""
    labels = estimates[estimates["statistic"] == "label_share"]
    yield table_of("label_share_population", "Label histogram, mean over actors",
        "Each actor weighs the same; within an actor each image does.", labels[labels["level"] == "population"],
        ["label", "value", "ci_low", "ci_high", "count", "n", "resampled"])
    yield table_of("label_share_actor", "Label histogram of each actor", "", labels[labels["level"] == "actor"],
        ["actor", "label", "value", "ci_low", "ci_high", "count", "n"], folded=True)
