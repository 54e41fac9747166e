"""Tables of the controls: each overlap beside that of maps that cannot know the people."""

from __future__ import annotations

from math import nan
from typing import TYPE_CHECKING

from salcompare.report.summary.controls import NAMES
from salcompare.report.tables.printed import PrintedTable, table_of
from salcompare.statistics import METRICS

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

_VALUES = ["value", "ci_low", "ci_high"]
_KEYS = ["metric", "form"]
_PAIR = [*_KEYS, "source", "against"]
_COLUMNS = ["source", "against", *_KEYS, "better", "overlap", "overlap_of_control", *_VALUES, "spread", "p_value", "n",
            "reason"]


def control_tables(estimates: pd.DataFrame) -> Iterator[PrintedTable]:
    """Make the tables of controls."""
    yield beside_controls(
        estimates, "overlap_controls", "Overlap with people beside that of controls",
        "Each classifier's overlap, that of maps that cannot know the people, and the paired difference (value) with "
        "its interval: over actors, and for networks over these too. All three rest on the same images: those that "
        "the control's networks, which take turns, explained. spread is the standard deviation of the difference over "
        "networks. Variants of "
        "one classifier whose networks are the same once all weights are random are held against the same ones. Here "
        "the primary metric; the CSV has all.")
    yield table_of(
        "randomisation_similarity", "How like the network's maps those with randomised layers are",
        "Mean over randomisations, t intervals over them. cascading: these layers and all nearer to the head; "
        "independent: these alone. Maps that stay alike do not show what the lost weights knew.",
        estimates[estimates["statistic"] == "randomisation_similarity"],
        ["source", "metric", "form", "against", *_VALUES, "n", "n_undefined", "reason"], folded=True)


def beside_controls(estimates: pd.DataFrame, name: str, title: str, caption: str) -> PrintedTable:
    """Make a table of every overlap beside those of its controls; printed are those of the primary metric."""
    rows = _beside(estimates)
    primary = (rows["metric"] == "pearson") & (rows["form"] == "smoothed")
    return table_of(name, title, caption, rows, _COLUMNS, shown=primary)


def _beside(estimates: pd.DataFrame) -> pd.DataFrame:
    """Put each difference's two overlaps and its spread over networks in its row, source by source."""
    population = estimates[estimates["level"] == "population"]
    found = population[population["statistic"] == "overlap_control"]
    spread = population[population["statistic"] == "control_spread"].drop_duplicates(_PAIR).set_index(_PAIR)["value"]
    keys = [tuple(row) for row in found[_PAIR].itertuples(index=False)]
    table = found.rename(columns={"value_one": "overlap", "value_other": "overlap_of_control"}).assign(
        spread=[float(spread.get(key, nan)) for key in keys], better=[METRICS[key[0]].better for key in keys])
    sources, kinds = list(dict.fromkeys(table["source"])), list(NAMES)
    return table.sort_values(["source", "against"], kind="stable", key=lambda names: names.map(
        {name: at for at, name in enumerate(sources if names.name == "source" else kinds)}))
