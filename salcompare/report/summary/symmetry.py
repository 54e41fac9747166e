"""Whether the maps are symmetric."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from salcompare.report.summary.picking import main_source, named, one, pick
from salcompare.report.wording import contrast, estimate, number

if TYPE_CHECKING:
    from salcompare.report.data import ReportData


def symmetry(data: ReportData) -> list[str]:
    """Answer for people and for the classifier."""
    said = []
    source = main_source(data.estimates)
    rows = pick(data.estimates, statistic="symmetry", metric="index", level="population")
    for _, row in rows[rows["source"].isin(["human", source])].iterrows():
        null = "" if math.isnan(row["null_mean"]) else (
            f"; truly symmetric maps with as much noise would give {number(row['null_mean'], 2)}")
        said.append(f"{named(row)}: symmetry index {estimate(row)}{null}.")
    odd = None if source is None else one(data.estimates, statistic="symmetry", metric="odd_share", level="population",
                                          source=source, contrast="human minus classifier")
    if odd is not None:
        less = "less" if odd["value"] < 0 else "more"
        said.append(contrast(odd, f"people's maps are {less} asymmetric than the classifier's (difference of the share "
                                  "of asymmetric energy)"))
    return said
