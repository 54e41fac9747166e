"""Tables of ceilings, of the share of them that is reached, and of overlap by what was resampled."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from salcompare.report.tables.printed import PrintedTable, table_of

if TYPE_CHECKING:
    from collections.abc import Iterator


def ceiling_tables(estimates: pd.DataFrame) -> Iterator[PrintedTable]:
    """Make the tables of ceilings and of resampling."""
    of = {name: estimates[estimates["statistic"] == name] for name in (
        "share_of_ceiling", "resampled_overlap", "half_ceiling", "rest_ceiling", "noise_ceiling")}
    share = of["share_of_ceiling"]
    yield table_of(
        "share_of_ceiling", "Share of the noise ceiling that a classifier reaches",
        "Pearson's correlation of smoothed maps. A share (over a null) is (score - null) / (ceiling - null): 1 for a "
        "perfect model, 0 at the null, below 0 under it. \"ceiling over\" is how far the ceiling lies above the null; "
        "where its interval holds 0 the share is undefined. Workers and actors are both resampled.",
        share[share["level"] == "population"],
        ["source", "contrast", "value", "ci_low", "ci_high", "null_mean", "ceiling", "n", "reason"])
    yield table_of(
        "resampled_overlap", "Overlap of human and classifier maps, by what was resampled",
        "Pearson's correlation of smoothed maps, mean over actors. Workers with images: for these actors. Workers with "
        "actors: for actors like these. Crossed intervals from 2 (V + V) - V of both.", of["resampled_overlap"],
        ["source", "resampled", "value", "ci_low", "ci_high", "ci_method", "n", "reason"])
    yield _against_people(pd.concat([of["half_ceiling"], of["rest_ceiling"]]))
    yield table_of("share_of_ceiling_actor", "Share of the noise ceiling of each actor", "",
                   share[share["level"] == "actor"],
                   ["actor", "source", "contrast", "value", "ci_low", "ci_high", "null_mean", "ceiling", "n",
                    "resampled", "reason"], folded=True)
    yield table_of("noise_ceiling", "Noise ceiling of the human maps", "", of["noise_ceiling"],
                   ["level", "actor", "form", "value", "ci_low", "ci_high", "n", "reason"], folded=True)


def _against_people(rows: pd.DataFrame) -> PrintedTable:
    """Print the classifier beside the people whom it is compared with, a row for each metric."""
    rows = rows.assign(target=rows["statistic"].map({"half_ceiling": "half of the workers",
                                                     "rest_ceiling": "single workers"}))
    people = rows[rows["contrast"] == "ceiling"]
    classifier = rows[rows["contrast"] == "score"]
    key = ["target", "metric", "form"]
    beside = people[[*key, "against", "value"]].rename(columns={"against": "source", "value": "people"})
    table = classifier.merge(beside, on=[*key, "source"], how="left")
    columns = ["source", "target", "metric", "form", "value", "ci_low", "ci_high", "people", "n"]
    made = table_of(
        "ceilings_of_metrics", "People against the same people, for other metrics",
        "The classifier (value) and other workers (people) scored against one target: half of an image's workers, or "
        "a single worker. Compare within a row only. t intervals over actors.", table, columns, folded=True)
    return replace(made, frame=made.frame.reset_index(drop=True))
