"""The table of families: which p-values were adjusted together."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from salcompare.report.tables.printed import plain_table, with_p_texts
from salcompare.statistics.analysis.families import family_table

if TYPE_CHECKING:
    import pandas as pd

    from salcompare.report.tables.printed import PrintedTable


def families_table(estimates: pd.DataFrame) -> PrintedTable:
    """List every family of p-values with its size; the page prints those of more than one test."""
    frame = family_table(estimates)
    table = plain_table("families", "Families of tests", frame)
    printed = frame[frame["family_size"] > 1]
    smallest = estimates[estimates["p_value"].notna()].sort_values("p_value", kind="stable").drop_duplicates("family")
    texts = with_p_texts(smallest).set_index("family").reindex(printed["family"])
    printed = printed.assign(p_smallest=texts["p_value"].to_numpy(), p_smallest_adjusted=texts["p_adjusted"].to_numpy())
    return replace(table, printed=printed, caption=(
        "A family is one statistic, metric, form, source and contrast over its actors, labels or pixels; the CSV also "
        "lists the tests that stand alone. p_attainable is the smallest p that a test of the family can give, beside "
        "it what adjusting makes of that: where it is above 0.05, the family can find nothing. n_below counts p at "
        "most 0.05."))
