"""Tables of the controls: each overlap beside that of maps that cannot know the people."""

from __future__ import annotations

from dataclasses import replace
from math import nan
from typing import TYPE_CHECKING, Any

from salcompare.report.summary.controls import NAMES
from salcompare.report.tables.printed import PrintedTable, table_of
from salcompare.statistics import METRICS

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

    import pandas as pd

_VALUES = ["value", "ci_low", "ci_high"]
_KEYS = ["metric", "form"]


def control_tables(estimates: pd.DataFrame) -> Iterator[PrintedTable]:
    """Make the tables of controls."""
    rows = _beside(estimates)
    columns = ["source", "against", *_KEYS, "better", "overlap", "overlap_of_control", *_VALUES, "spread", "p_value",
               "n", "reason"]
    table = table_of(
        "overlap_controls", "Overlap with people beside that of controls",
        "Each classifier's overlap, that of maps that cannot know the people, and the paired difference (value) with "
        "its interval: over actors, and for networks over these too. spread is the standard deviation of the "
        "difference over networks. The overlap is of all images; a control's networks take turns on them. Here the "
        "primary metric; the CSV has all.", rows, columns)
    primary = (rows["metric"] == "pearson") & (rows["form"] == "smoothed")
    yield replace(table, printed=rows.loc[primary, columns])
    yield table_of(
        "randomisation_similarity", "How like the network's maps those with randomised layers are",
        "Mean over randomisations, t intervals over them. cascading: these layers and all nearer to the head; "
        "independent: these alone. Maps that stay alike do not show what the lost weights knew.",
        estimates[estimates["statistic"] == "randomisation_similarity"],
        ["source", "metric", "form", "against", *_VALUES, "n", "n_undefined", "reason"], folded=True)


def _beside(estimates: pd.DataFrame) -> pd.DataFrame:
    """Put each difference's two overlaps and its spread over networks in its row."""
    found = estimates[(estimates["statistic"] == "overlap_control") & (estimates["level"] == "population")]
    same = estimates[(estimates["statistic"] == "overlap") & (estimates["contrast"] == "same image")
                     & (estimates["level"] == "population")].set_index([*_KEYS, "source"])["value"]
    spread = estimates[estimates["statistic"] == "control_spread"].set_index([*_KEYS, "source", "against"])["value"]
    keys = found[[*_KEYS, "source", "against"]].to_dict("records")
    own = [_at(same, key, key["source"]) for key in keys]
    theirs = [_at(same, key, f"{key['against']} of {key['source']}", key["against"]) for key in keys]
    spreads = [float(spread.get((key["metric"], key["form"], key["source"], key["against"]), nan)) for key in keys]
    order = {name: at for at, name in enumerate(NAMES)}
    table = found.assign(overlap=own, overlap_of_control=theirs, spread=spreads,
                         better=[METRICS[key["metric"]].better for key in keys])
    return table.sort_values("against", key=lambda names: names.map(order), kind="stable")


def _at(overlaps: pd.Series[Any], key: dict[Hashable, Any], *sources: str) -> float:
    """Give the overlap of the first of the sources that has one."""
    found = [float(overlaps[at]) for at in ((key["metric"], key["form"], source) for source in sources)
             if at in overlaps.index]
    return found[0] if found else nan
