"""Which actors and labels drive it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from salcompare.report.summary.picking import PRIMARY, main_source, pick
from salcompare.report.wording import number, percent

if TYPE_CHECKING:
    import pandas as pd

    from salcompare.report.data import ReportData


def drivers(data: ReportData) -> list[str]:
    """Name the labels and the actors."""
    said = []
    labels = pick(data.estimates, statistic="label_share", level="population").sort_values("value", ascending=False)
    if len(labels):
        top = [f"{row['label']} {percent(row['value'])} ({percent(row['ci_low'])} to {percent(row['ci_high'])})"
               if not math.isnan(row["ci_low"]) else f"{row['label']} {percent(row['value'])}"
               for _, row in labels.head(4).iterrows()]
        said.append("Labels named most, each actor weighing the same: " + ", ".join(top) + ".")
    source = main_source(data.estimates)
    if source is not None:
        actors = pick(data.estimates, **PRIMARY, level="actor", source=source, contrast="same image")
        actors = actors[actors["value"].notna()].sort_values("value", ascending=False)
        if len(actors) >= 2:
            shown = min(3, len(actors) // 2)
            high, low = actors.head(shown), actors.tail(shown)
            said.append("Overlap on the same image is highest for " + _listed(high) + " and lowest for " + _listed(low)
                        + "; this is a description of the sample, not a test.")
    return said


def _listed(rows: pd.DataFrame) -> str:
    return ", ".join(f"{row['actor']} ({number(row['value'], 2)})" for _, row in rows.iterrows())
