"""Tables of overlap and of its baselines."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from salcompare.report.summary.picking import PRIMARY
from salcompare.report.tables.printed import PrintedTable, table_of
from salcompare.statistics import METRICS

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd


def overlap_tables(estimates: pd.DataFrame) -> Iterator[PrintedTable]:
    """Make the tables of overlap."""
    overlap = estimates[estimates["statistic"] == "overlap"]
    yield _primary_overlap(overlap)
    yield table_of("overlap_population", "Overlap of human and classifier maps, mean over actors, every metric",
        "Intervals over actors: t, and jackknife (ci_method) where actors meet other actors. p is one-sided, "
        "towards better agreement (alternative): near 1, a map does worse than what it is compared with. The image "
        "effect permutes images within actors, the actor effect whole actors, differences from a baseline flip "
        "actors' signs.", _population_overlap(overlap),
        ["source", "contrast", "metric", "better", "form", "value", "ci_low", "ci_high", "ci_method", "p_value",
        "alternative", "ceiling", "n"], folded=True)
    yield _overlap_of_actors(overlap[overlap["level"] == "actor"])
    yield table_of("overlap_curve", "Overlap over the smoothing's sigma",
        "Mean over actors of Pearson's correlation on the same image; sigma in pixels of the grid.",
        estimates[estimates["statistic"] == "overlap_curve"], ["source", "sigma", "value", "ci_low", "ci_high", "n"],
        folded=True)
    yield table_of("ties", "Ties in the areas that iou and dice compare, and maps too sparse to fill one",
        "Shares, mean over n images.", estimates[estimates["statistic"].isin(["tied_share", "short_maps"])],
        ["statistic", "source", "against", "value", "n"], folded=True)


def _primary_overlap(overlap: pd.DataFrame) -> PrintedTable:
    """Keep the primary metric alone, of every source and contrast."""
    keep = (overlap["level"] == "population") & (overlap["metric"] == PRIMARY["metric"]) & (
        overlap["form"] == PRIMARY["form"]) & overlap["value"].notna()
    return table_of(
        "overlap_primary", "Overlap of human and classifier maps, mean over actors",
        "Pearson's correlation of smoothed maps, the primary metric. Intervals over actors; p is one-sided, towards "
        "better agreement: near 1, a map does worse than what it is compared with.", overlap[keep],
        ["source", "contrast", "value", "ci_low", "ci_high", "p_value", "ceiling", "n"])


def _population_overlap(overlap: pd.DataFrame) -> pd.DataFrame:
    """Rows of the population, each metric with the direction that is better."""
    rows = overlap[overlap["level"] == "population"]
    return rows.assign(better=[METRICS[metric].better for metric in rows["metric"]])


def _overlap_of_actors(rows: pd.DataFrame) -> PrintedTable:
    """Print the primary metric only: all of them are thousands of rows."""
    columns = ["actor", "source", "contrast", "metric", "form", "value", "ci_low", "ci_high", "p_value", "p_adjusted",
               "n"]
    table = table_of("overlap_actor", "Overlap of each actor",
                "The primary metric; the CSV has all. p adjusted over actors by Holm's method.", rows, columns,
                folded=True)
    primary = (rows["metric"] == PRIMARY["metric"]) & (rows["form"] == PRIMARY["form"])
    return replace(table, printed=rows.loc[primary, columns])
