"""Whether the maps are symmetric."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from salcompare.report.summary.picking import main_source, named, one, pick
from salcompare.report.wording import contrast, estimate, number, verdict

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
    said += [text for name in ("human", source, "photographs") if name is not None for text in _tests(data, name)]
    odd = None if source is None else one(data.estimates, statistic="symmetry", metric="odd_share", level="population",
                                          source=source, contrast="human minus classifier")
    if odd is not None:
        less = "less" if odd["value"] < 0 else "more"
        said.append(contrast(odd, f"people's maps are {less} asymmetric than the classifier's (difference of the share "
                                  "of asymmetric energy)"))
    return said


_CLAIMS = {
    "worker_laterality": "lean to one side in common (above 0: the viewer's left)",
    "common_laterality": "lean to one side in common",
    "asymmetry": "are asymmetric, be the side in common or the actor's own",
    "asymmetry_beyond_photographs": "are asymmetric beyond what the turn of the faces explains",
}


def _tests(data: ReportData, source: str) -> list[str]:
    who = {"human": "people's maps, with other workers and of other actors too,",
           "photographs": "the photographs themselves"}.get(source, f"maps of {source}")
    rows = {metric: one(data.estimates, statistic="symmetry_test", metric=metric, level="population", source=source)
            for metric in _CLAIMS}
    return [verdict(row, f"{who} {_CLAIMS[metric]}") for metric, row in rows.items() if row is not None]
