"""Which actors and labels drive it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from salcompare.phrases import p_text
from salcompare.report.summary.picking import PRIMARY, main_source, often_named, one, pick
from salcompare.report.wording import ALPHA, number, percent, verdict
from salcompare.statistics.analysis.labels import FEWEST_BOXES

if TYPE_CHECKING:
    import pandas as pd

    from salcompare.report.data import ReportData

MOST_NAMED = 8  # actors or cells; the tables have all


def drivers(data: ReportData) -> list[str]:
    """Name the labels and the actors."""
    said = []
    labels = pick(data.estimates, statistic="label_share", level="population").sort_values("value", ascending=False)
    if len(labels):
        top = [f"{row['label']} {percent(row['value'])} ({percent(row['ci_low'])} to {percent(row['ci_high'])})"
               if not math.isnan(row["ci_low"]) else f"{row['label']} {percent(row['value'])}"
               for _, row in often_named(data.estimates, labels).head(4).iterrows()]
        seldom = int((labels["count"] < FEWEST_BOXES).sum())
        rule = f" Labels with fewer than {FEWEST_BOXES} boxes ({seldom} of them) are in the tables and not named here."
        said.append(f"No label has {FEWEST_BOXES} boxes, so none is named here; the tables have all of them." if not top
                    else "Labels named most, each actor weighing the same: " + ", ".join(top) + "."
                    + (rule if seldom else ""))
    said += _cells(data)
    source = main_source(data.estimates)
    said += [text for name in ("human", source) if name is not None for text in _where(data, name)]
    if source is not None:
        said += _regions(data, source)
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


def _cells(data: ReportData) -> list[str]:
    """Say whether actors differ in their labels, and which cells stand out from the other actors."""
    all_labels = one(data.estimates, statistic="label_difference", metric="mean_eta2", level="population")
    if all_labels is None or math.isnan(all_labels["p_value"]):
        return []
    if all_labels["p_value"] > ALPHA:
        return [f"No evidence that actors differ in the labels they get ({p_text(all_labels)})."]
    cells = often_named(data.estimates, pick(data.estimates, statistic="label_difference", level="actor"))
    cells = cells[cells["p_adjusted"] <= ALPHA].sort_values(["p_adjusted", "value"], ascending=[True, False])
    shown = [f"{row['actor']} {row['label']} ({'+' if row['value'] > 0 else ''}{number(100 * row['value'], 2)} points, "
             f"{p_text(row, 'p_adjusted')})" for _, row in cells.head(MOST_NAMED).iterrows()]
    more = f", and {len(cells) - len(shown)} more" if len(cells) > len(shown) else ""
    which = f"; standing out from the other actors: {', '.join(shown)}{more}" if shown else (
        "; no single actor's label stands out")
    return [f"There is evidence that actors differ in the labels they get ({p_text(all_labels)}){which}."]


def _where(data: ReportData, source: str) -> list[str]:
    """Name the actors whose maps differ from the other actors' somewhere, by the largest |t| over pixels and actors."""
    rows = pick(data.estimates, statistic="relative_saliency", metric="max_t", level="actor", source=source)
    if rows["p_value"].isna().all():
        return []
    who = "People's maps" if source == "human" else f"Maps of {source}"
    found = rows[rows["p_adjusted"] <= ALPHA].sort_values("p_adjusted")
    if found.empty:
        return [f"{who}: no evidence that any actor's differ from the other actors' at any pixel."]
    shown = ", ".join(found["actor"].head(MOST_NAMED)) + (", ..." if len(found) > MOST_NAMED else "")
    return [f"{who} differ from the other actors' at some pixels for {len(found)} of {len(rows)} actors ({shown}), "
            "adjusted over all pixels and actors."]


def _regions(data: ReportData, source: str) -> list[str]:
    """Say whether masks fall inside a label's region where people name the label more."""
    whole = one(data.estimates, statistic="label_region", metric="mean_pearson", level="population", source=source)
    if whole is None:
        return []
    claim = "an actor's masks lie more inside a label's region the more people name the label"
    said = [verdict(whole, claim, negative=claim.replace("more inside", "less inside"))]
    rows = often_named(data.estimates, pick(data.estimates, statistic="label_region", metric="pearson",
                                            level="population", source=source))
    found = rows[rows["p_adjusted"] <= ALPHA]
    if len(found):
        said.append("Taken one by one, labels for which it holds or is reversed: " + ", ".join(
            f"{row['label']} (correlation {number(row['value'], 2)}, {p_text(row, 'p_adjusted')})"
            for _, row in found.iterrows()) + ".")
    return said
