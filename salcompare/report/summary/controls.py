"""Whether it is the network that speaks through its maps: what decides it, in the banner and in the summary."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from salcompare.report.summary.picking import main_source, one, pick
from salcompare.report.wording import contrast, estimate, interval, number

if TYPE_CHECKING:
    import pandas as pd

    from salcompare.report.data import ReportData

RANDOMISED, SHUFFLED, SOBEL, GRADIENT = "randomised network", "shuffled labels", "sobel", "photograph gradient"
DECISIVE = (RANDOMISED, SOBEL)
"""What an overlap must lie above to be evidence about the network."""
NAMES = {RANDOMISED: "the same network with random weights", SHUFFLED: "the network taught shuffled actors",
         SOBEL: "the photographs' Sobel edges", GRADIENT: "the photographs' own gradient"}


def control_rows(estimates: pd.DataFrame, source: str) -> dict[str, pd.Series[Any]]:
    """Rows of the primary overlap of a classifier less that of each control, by the control."""
    found = {name: one(estimates, statistic="overlap_control", metric="pearson", form="smoothed", level="population",
                       source=source, against=name) for name in NAMES}
    return {name: row for name, row in found.items() if row is not None}


def is_above(row: pd.Series[Any] | None) -> bool:
    """Whether a difference's interval lies above 0."""
    return row is not None and not math.isnan(row["ci_low"]) and row["ci_low"] > 0


def banners(data: ReportData) -> list[str]:
    """Warn, at the head of the summary, where the overlap with people is no evidence about the network."""
    source = main_source(data.estimates)
    same = None if source is None else one(data.estimates, statistic="overlap", metric="pearson", form="smoothed",
                                           level="population", source=source, contrast="same image")
    if same is None or source is None or math.isnan(same["value"]):
        return []
    rows = control_rows(data.estimates, source)
    failed = [_failing(name, rows.get(name)) for name in DECISIVE if not is_above(rows.get(name))]
    if not failed:
        return []
    return [f"The overlap of people with {source} ({number(same['value'], 2)}) is no evidence about this network: "
            + "; ".join(failed) + "."]


def _failing(name: str, row: pd.Series[Any] | None) -> str:
    if row is None:
        return f"it has not been held against {NAMES[name]}"
    if math.isnan(row["ci_low"]):
        return f"its difference from {NAMES[name]}, {number(row['value'], 2)}, has {interval(row)}"
    way = "lies below" if row["ci_high"] < 0 else "does not lie above"
    return f"it {way} that of {NAMES[name]} (difference {estimate(row)})"


def controls(data: ReportData) -> list[str]:
    """Compare the overlap with that of maps that cannot know the people, and follow the maps as weights are lost."""
    source = main_source(data.estimates)
    if source is None:
        return []
    said = [contrast(row, f"{source} agrees with people {'less' if row['value'] < 0 else 'more'} than {NAMES[name]}")
            + _spread(data, source, name) for name, row in control_rows(data.estimates, source).items()]
    if said and not banners(data):
        said.insert(0, "The overlap lies above both that of the network with random weights and that of the "
                       "photographs' edges, so that it tells something of what this network has learnt.")
    return said + _curve(data, source)


def _spread(data: ReportData, source: str, name: str) -> str:
    row = one(data.estimates, statistic="control_spread", metric="pearson", form="smoothed", level="population",
              source=source, against=name)
    if row is None or math.isnan(row["value"]):
        return ""
    what = "random networks" if name == RANDOMISED else "shuffles"
    return f" From one of the {number(row['n'])} {what} to the next it differs by {number(row['value'], 2)} (SD)."


def _curve(data: ReportData, source: str) -> list[str]:
    rows = pick(data.estimates, statistic="randomisation_similarity", metric="spearman", form="cascading",
                source=source)
    rows = rows[rows["value"].notna()]
    if len(rows) < 2:
        return []
    head, last = rows.iloc[0], rows.iloc[-1]
    return [f"With random weights in the head alone, {source}'s maps keep a rank correlation of "
            f"{number(head['value'], 2)} with what they were; with random weights throughout, "
            f"{number(last['value'], 2)}. Maps that stay alike do not show what the lost weights knew."]
