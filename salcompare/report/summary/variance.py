"""Whether maps of one actor are alike."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from salcompare.report.summary.picking import main_source, named, one, pick
from salcompare.report.wording import estimate, p_value, percent

if TYPE_CHECKING:
    from salcompare.report.data import ReportData


def alike(data: ReportData) -> list[str]:
    """Answer against chance, and beside the photographs themselves."""
    said = []
    rows = pick(data.estimates, statistic="variance_explained", metric="r2")
    main = main_source(data.estimates)
    for _, row in rows[rows["source"].isin(["human", main, "photographs"])].iterrows():
        if math.isnan(row["value"]):
            said.append(f"{named(row)}: R² is not defined ({row['reason']}).")
            continue
        share = one(data.estimates, statistic="variance_explained", metric="between_actor_share",
                    source=str(row["source"]), form=str(row["form"]))
        beside = "" if share is None or math.isnan(share["value"]) else f"; bias-corrected, {estimate(share)}"
        said.append(f"{named(row)}: who is shown explains {percent(row['value'])} of the variance, by chance "
                    f"{percent(row['null_mean'])} ({p_value(row['p_value'])}{beside}).")
    if rows["value"].notna().any() and "photographs" in set(rows["source"]):
        said.append("The photographs are the control: images of one actor are alike before any classifier or worker "
                    "looks at them, so a map's R² means something only beside theirs.")
    return said
