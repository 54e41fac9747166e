"""Whether the network needs what people and its map mark."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from salcompare.phrases import p_text
from salcompare.report.summary.picking import main_source, often_named, one, pick
from salcompare.report.wording import ALPHA, difference, estimate, number, percent

if TYPE_CHECKING:
    import pandas as pd

    from salcompare.report.data import ReportData

CALLED = {"people": "what people marked", "classifier": "what its map marks", "both": "what both mark",
          "centre": "the centre"}
CLAIMS = (("people", "random people", "the network needs what people marked more than the same patches elsewhere"),
          ("classifier", "random", "the network needs what its map marks more than the same patches elsewhere"),
          ("people", "classifier", "the network needs what people marked more than what its own map marks"))


def needs(data: ReportData) -> list[str]:
    """Say what the network loses at equal area, over all fills, and with which label's region."""
    source = main_source(data.estimates)
    drops = pick(data.estimates, statistic="removal_drop", metric="logit", source=source or "")
    if source is None or drops.empty:
        return _enriched(data, source) if source else []
    fills = list(dict.fromkeys(drops["form"]))
    area = percent(data.settings["removal"]["area"], 0)
    values = {name: one(drops, form=fills[0], against=name, contrast="", label="") for name in CALLED}
    listed = "; ".join(f"{called}: {estimate(row)}" for name, called in CALLED.items()
                       if (row := values[name]) is not None and not math.isnan(row["value"]))
    said = [f"Without {area} of the photograph (filled with {fills[0]}), the actor's logit drops by: {listed}."]
    said += [_over_fills(drops, fills, *claim) for claim in CLAIMS]
    said += _labels(data, pick(drops, against="label region"))
    return [text for text in [*said, *_areas(data, source, fills), *_enriched(data, source)] if text]


def _over_fills(drops: pd.DataFrame, fills: list[str], name: str, other: str, claim: str) -> str:
    """Say with how many fills a claim holds, as one fill alone may be what the network stumbles over."""
    rows = [row for fill in fills if (row := one(drops, form=fill, against=name, contrast=f"minus {other}",
                                                 label="")) is not None and not math.isnan(row["p_value"])]
    if not rows:
        return ""
    found = [row for row in rows if row["p_adjusted"] <= ALPHA]
    more = [row for row in found if row["value"] > 0]
    each = "; ".join(f"{row['form']} {_difference(row)}" for row in rows)
    if len(more) == len(rows):
        return f"There is evidence that {claim}, with every fill ({each})."
    if not found:
        return f"No evidence that {claim}, with any fill ({each})."
    less = len(found) - len(more)
    parts = [f"more with {len(more)} of {len(rows)} fills"] if more else []
    parts += [f"less with {less} of {len(rows)}"] if less else []
    return f"Whether {claim} depends on the fill, or is reversed: {' and '.join(parts)} ({each})."


def _difference(row: pd.Series[Any]) -> str:
    ends = "" if math.isnan(row["ci_low"]) else f", {number(row['ci_low'], 2)} to {number(row['ci_high'], 2)}"
    return f"{difference(row)}{ends}, adjusted {p_text(row, 'p_adjusted')}"


def _labels(data: ReportData, rows: pd.DataFrame) -> list[str]:
    """Set the label that people name most beside the regions that the network needs most."""
    plain = pick(rows, contrast="")
    plain = plain[plain["value"].notna()].sort_values("value", ascending=False)
    shares = pick(data.estimates, statistic="label_share", level="population").sort_values("value", ascending=False)
    if plain.empty or shares.empty:
        return []
    tests = pick(rows, contrast="minus other labels").set_index("label")
    out = [label for label in plain["label"] if label in tests.index and tests["p_adjusted"][label] <= ALPHA
           and tests["value"][label] > 0]
    found = f"the network needs {' and '.join(out)} more than the other labels' regions" if out else (
        "no label's region stands out as what the network needs")
    ranked = ", ".join(f"{row['label']} {number(row['value'], 2)}" for _, row in plain.iterrows())
    top = shares.iloc[0]
    return [f"People name {top['label']} most ({percent(top['value'])}); {found}. Drops of the logit without each "
            f"region: {ranked}."]


def _areas(data: ReportData, source: str, fills: list[str]) -> list[str]:
    """Say whether deleting by the map is faster, and inserting by it better, than by the map elsewhere."""
    said = []
    for statistic, good, claim in (
            ("deletion_auc", -1, "deleting pixels by the map lowers the actor's probability faster"),
            ("insertion_auc", 1, "inserting pixels by the map raises it faster")):
        rows = [one(data.estimates, statistic=statistic, metric="probability", form=fill, source=source,
                    contrast="minus random") for fill in fills]
        held = [row for row in rows if row is not None and row["p_value"] <= ALPHA and row["value"] * good > 0]
        if any(row is not None for row in rows):
            said.append(f"{claim} than by the map moved elsewhere with {len(held)} of {len(fills)} fills")
    return [f"Area under the curves: {'; '.join(said)} (p at most {ALPHA:g}, single tests)."] if said else []


def _enriched(data: ReportData, source: str) -> list[str]:
    """Name the labels in whose regions the masks lie more than area explains."""
    said = []
    for name, who in (("human", "people's masks"), (source, "the classifier's masks")):
        rows = often_named(data.estimates, pick(data.estimates, statistic="enrichment", level="population",
                                                source=name))
        rows = rows[(rows["p_adjusted"] <= ALPHA) & (rows["value"] > 1)].sort_values("value", ascending=False)
        if len(rows):
            said.append(f"{who} lie more than its area explains in the region of " + ", ".join(
                f"{row['label']} ({number(row['value'], 2)} times)" for _, row in rows.head(4).iterrows()))
    text = "; ".join(said)
    return [f"{text[0].upper()}{text[1:]}."] if text else []
