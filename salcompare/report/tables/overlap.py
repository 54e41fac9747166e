"""Tables of overlap and of its baselines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from salcompare.report.summary.picking import PRIMARY
from salcompare.report.tables.printed import PrintedTable, table_of
from salcompare.statistics import METRICS

if TYPE_CHECKING:
    from collections.abc import Iterator


_COMPARED = r"minus (?!baseline/)\S+/"  # a contrast with another classifier
_RESTRICTED = r", (?:same group|correctly classified images)"
_HEATMAPS = ("heatmaps", "smoothed heatmaps")
_VALUES = ["value", "ci_low", "ci_high"]


def overlap_tables(estimates: pd.DataFrame) -> Iterator[PrintedTable]:
    """Make the tables of overlap."""
    overlap = estimates[estimates["statistic"] == "overlap"]
    heatmaps, contrasts = overlap["form"].isin(_HEATMAPS), overlap["contrast"].fillna("")
    restricted, compared = (contrasts.str.contains(kind) for kind in (_RESTRICTED, _COMPARED))
    plain, whole = overlap[~(heatmaps | restricted | compared)], overlap["level"] == "population"
    whose = "human and classifier maps" if plain["source"].str.count("/").ge(2).any() else "human maps with baselines"
    yield _primary_overlap(plain, whose)
    yield _classifiers(overlap[compared])
    yield _restrictions(overlap[restricted & whole])
    yield from _heatmaps(overlap[heatmaps])
    yield _actor_similarity(estimates[estimates["statistic"] == "actor_similarity"])
    yield table_of("overlap_population", f"Overlap of {whose}, mean over actors, every metric",
        "Intervals over actors: t, and jackknife (ci_method) where actors meet other actors. The image effect "
        "permutes images within actors and the actor effect whole actors, both one-sided, towards better agreement; "
        "differences from a baseline or another classifier flip actors' signs and are two-sided (alternative). The "
        "overlap of every image, for all sources and metrics, is in data/processed/overlap_images.csv.",
        _population_overlap(plain),
        ["source", "contrast", "metric", "better", "form", *_VALUES, "ci_method", "p_value",
        "alternative", "ceiling", "n"], folded=True)
    yield _overlap_of_actors(overlap[~heatmaps & ~whole])
    yield table_of("overlap_curve", "Overlap over the smoothing's sigma",
        "Mean over actors of Pearson's correlation on the same image; sigma in pixels of the grid.",
        estimates[estimates["statistic"] == "overlap_curve"], ["source", "sigma", *_VALUES, "n"], folded=True)
    yield table_of("ties", "Ties in the areas that iou and dice compare, and maps too sparse to fill one",
        "Shares, mean over n images.", estimates[estimates["statistic"].isin(["tied_share", "short_maps"])],
        ["statistic", "source", "against", "value", "n"], folded=True)
    if len(overlap):
        yield _conventions()


def _classifiers(rows: pd.DataFrame) -> PrintedTable:
    return table_of(
        "overlap_classifiers", "One classifier's overlap with people less another's, mean over actors",
        "The same human maps on both sides. Two-sided p: whole sets of both classifiers' maps are exchanged within "
        "actors. One trained network is compared with another; other training seeds are not covered.", rows,
        ["source", "contrast", "metric", "form", *_VALUES, "ci_method", "p_value", "p_attainable", "n"], folded=True)


def _restrictions(rows: pd.DataFrame) -> PrintedTable:
    return table_of(
        "overlap_restricted", "Pairings within groups of actors, and of correctly classified images only",
        "The primary metric. Within groups, actors meet and are exchanged with actors of their own group only; there "
        "are no such rows where all actors are of one group, nor where every image is classified correctly.", rows,
        ["source", "contrast", "metric", "form", *_VALUES, "p_value", "p_attainable", "n", "n_undefined", "reason"],
        folded=True)


def _heatmaps(rows: pd.DataFrame) -> Iterator[PrintedTable]:
    """Print the primary metric of the population; the CSVs have all."""
    columns = ["source", "contrast", "metric", "form", *_VALUES, "ci_method", "p_value", "p_attainable", "n", "reason"]
    of_actors = rows["level"] == "actor"
    primary = (rows["metric"] == PRIMARY["metric"]) & rows["value"].notna()
    yield table_of(
        "overlap_heatmaps", "Overlap of heatmaps",
        "Each actor's (mean over actors), with the other actors' in their place, and the population's, whose interval "
        "is a jackknife over actors. Heatmaps of both sides are of the same photographs: \"same minus other actor\" "
        "says that they share those, or the actor. The primary metric; the CSV has all.", rows[~of_actors], columns,
        folded=True, shown=primary[~of_actors])
    yield table_of(
        "overlap_heatmaps_actor", "Overlap of each actor's heatmaps",
        "The primary metric on smoothed heatmaps; the CSV has all. p of one actor among n cannot go below 1/n.",
        rows[of_actors],
        ["actor", "source", "contrast", "metric", "form", "value", "p_value", "p_attainable", "p_adjusted"],
        folded=True, shown=(primary & (rows["form"] == _HEATMAPS[1]))[of_actors])


def _actor_similarity(rows: pd.DataFrame) -> PrintedTable:
    return table_of(
        "actor_similarity", "Do people and classifier find the same pairs of actors alike?",
        "Correlation, over pairs of actors, of people's and the classifier's unbiased distances from disjoint images; "
        "with metric mantel_r each actor's mean distance is not removed, and there is no test. Noise draws both "
        "towards 0.", rows,
        ["source", "metric", "form", *_VALUES, "p_value", "p_attainable", "null_mean", "n", "reason"])


def _conventions() -> PrintedTable:
    """Say what was chosen where tools disagree."""
    frame = pd.DataFrame([
        {"metric": metric.name, "better": metric.better, "from": metric.low, "to": metric.high,
         "of_a_map_with_itself": metric.perfect, "sees": metric.reads, "convention": metric.convention,
         "citation": metric.citation} for metric in METRICS.values()])
    return PrintedTable("overlap_conventions", "The metrics of overlap, and what was chosen where tools disagree", "",
                        frame, simulated=False, folded=True)


def _primary_overlap(overlap: pd.DataFrame, whose: str) -> PrintedTable:
    """Keep the primary metric alone, of every source and contrast."""
    keep = (overlap["level"] == "population") & (overlap["metric"] == PRIMARY["metric"]) & (
        overlap["form"] == PRIMARY["form"]) & overlap["value"].notna()
    return table_of(
        "overlap_primary", f"Overlap of {whose}, mean over actors",
        "Pearson's correlation of smoothed maps, the primary metric. Intervals over actors. p of the image and the "
        "actor effect is one-sided, towards better agreement: near 1, a map does worse than what it is compared with; "
        "p of a difference from a baseline or from another classifier is two-sided.", overlap[keep],
        ["source", "contrast", "value", "ci_low", "ci_high", "p_value", "ceiling", "n"])


def _population_overlap(overlap: pd.DataFrame) -> pd.DataFrame:
    """Rows of the population, each metric with the direction that is better."""
    rows = overlap[overlap["level"] == "population"]
    return rows.assign(better=[METRICS[metric].better for metric in rows["metric"]])


def _overlap_of_actors(rows: pd.DataFrame) -> PrintedTable:
    """Print the primary metric only: all of them are thousands of rows."""
    columns = ["actor", "source", "contrast", "metric", "form", *_VALUES, "p_value", "p_attainable", "p_adjusted", "n",
               "reason"]
    primary = (rows["metric"] == PRIMARY["metric"]) & (rows["form"] == PRIMARY["form"]) & ~rows[
        "contrast"].str.contains(_RESTRICTED)
    return table_of("overlap_actor", "Overlap of each actor",
                "The primary metric; the CSV has all. p adjusted over actors by Holm's method. The actor effect of one "
                "actor among n has a p that cannot go below 1/n (p attainable): no single actor of 20 or fewer can "
                "reach 0.05, adjusted or not.", rows, columns,
                folded=True, shown=primary)
