"""Whether maps of one actor are alike."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from salcompare.phrases import p_text
from salcompare.report.summary.picking import main_source, named, one, pick
from salcompare.report.wording import ALPHA, estimate, percent

if TYPE_CHECKING:
    import pandas as pd

    from salcompare.report.data import ReportData


def alike(data: ReportData) -> list[str]:
    """Answer against chance, and beside the photographs themselves."""
    said = []
    rows = pick(data.estimates, statistic="variance_explained", metric="r2")
    main = main_source(data.estimates)
    why = rows.loc[rows["value"].isna(), "reason"].unique()
    if len(rows) and rows["value"].isna().all() and len(why) == 1:
        return [f"R² of who is shown is not defined: {why[0]}."]
    for _, row in rows[rows["source"].isin(["human", main, "photographs"])].iterrows():
        if math.isnan(row["value"]):
            said.append(f"{named(row)}: R² is not defined ({row['reason']}).")
            continue
        share = one(data.estimates, statistic="variance_explained", metric="between_actor_share",
                    source=str(row["source"]), form=str(row["form"]))
        beside = "" if share is None or math.isnan(share["value"]) else f"; bias-corrected, {estimate(share)}"
        said.append(f"{named(row)}: who is shown explains {percent(row['value'])} of the variance, by chance "
                    f"{percent(row['null_mean'])} ({p_text(row)}{beside}).")
        said += [*_beyond_photographs(data, row), *_uneven(data, row)]
    if rows["value"].notna().any() and "photographs" in set(rows["source"]):
        said.append("The photographs are the control: images of one actor are alike before any classifier or worker "
                    "looks at them, so a map's R² means something only beside theirs.")
    return said


def _beyond_photographs(data: ReportData, row: pd.Series[Any]) -> list[str]:
    """Say what actors explain once the photographs have explained what they can."""
    partial = one(data.estimates, statistic="variance_explained", metric="r2_partial", source=str(row["source"]),
                  form=str(row["form"]))
    if partial is None or math.isnan(partial["value"]):
        return []
    found = (f"who is shown explains {percent(partial['value'])} of what is left, by chance "
             f"{percent(partial['null_mean'])} ({p_text(partial)})")
    less = "" if partial["p_value"] <= ALPHA else ": no evidence that maps of one actor are alike beyond that"
    return [f"{named(row)}, {partial['contrast']}: {found}{less}."]


def _uneven(data: ReportData, row: pd.Series[Any]) -> list[str]:
    """Warn where actors differ in the spread of their maps, which the test of R² can react to."""
    spread = one(data.estimates, statistic="dispersion", metric="f_median", source=str(row["source"]),
                 form=str(row["form"]))
    if spread is None or not spread["p_value"] <= ALPHA:
        return []
    return [f"{named(row)}: actors differ in how much their maps spread ({p_text(spread)}), to which the "
            "test of R² can react, too."]
