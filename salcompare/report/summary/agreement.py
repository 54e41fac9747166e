"""Whether people agree with each other, and the classifier with them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from salcompare.report.summary.picking import PRIMARY, main_source, one
from salcompare.report.wording import contrast, estimate, number, verdict

if TYPE_CHECKING:
    from salcompare.report.data import ReportData


def ceiling(data: ReportData) -> list[str]:
    """Say what a perfect model could reach."""
    row = one(data.estimates, statistic="noise_ceiling", metric="pearson", form="smoothed", level="population")
    if row is None:
        return []
    if math.isnan(row["value"]):
        return [f"The noise ceiling could not be computed: {row['reason']}."]
    return [f"A model that knew the true human map of each image could correlate with the observed one by at most "
            f"{estimate(row)} on smoothed maps: the noise ceiling."]


def agreement(data: ReportData) -> list[str]:
    """Answer against chance and every baseline."""
    source = main_source(data.estimates)
    same = None if source is None else one(data.estimates, **PRIMARY, level="population", source=source,
                                           contrast="same image")
    if same is None or source is None:
        return []
    ceiling = "" if math.isnan(same["ceiling"]) else f"; the ceiling is {number(same['ceiling'], 2)}"
    said = [f"On the same image, the smoothed maps of people and {source} correlate by {estimate(same)}{ceiling}."]
    claims = {
        "image effect": "a human map agrees with the classifier's map of the same image more than with its maps of "
                        "the actor's other images",
        "actor effect": "human maps agree with the classifier's maps of other images of the same actor more than with "
                        "those of other actors",
        "minus baseline/centre": "the classifier agrees with people {} than a centred blob does",
        "minus baseline/other actors":
            "the classifier agrees with people {} than the mean human map of the other actors does",
    }
    for name, claim in claims.items():
        row = one(data.estimates, **PRIMARY, level="population", source=source, contrast=name)
        if row is not None:
            said.append(verdict(row, claim) if "effect" in name else
                        contrast(row, claim.format("less" if row["value"] < 0 else "more")))
    return said
