"""Headlines: the numbers that a report's summary rests on, and their rows of the estimates."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from salcompare.findings import findings, shown
from salcompare.findings.finding import Headline
from salcompare.naming import HUMAN
from salcompare.report.tables import pick


def named_headlines(one: pd.DataFrame, other: pd.DataFrame, source: str | None) -> Iterator[tuple[str, dict[str, str]]]:
    """Name every headline with the columns of its row: those that findings declare, and those that depend on data.

    ``one`` and ``other`` are two tables of estimates, ``source`` is the classifier that the summary speaks of.
    """
    for quantity, how in shown(Headline):
        of = HUMAN if how.of == "human" else source
        columns = {"statistic": quantity.statistic, "metric": quantity.metric, "source": of, "form": how.form,
                   "contrast": how.contrast}
        if of:
            yield how.named(quantity.title), {name: value for name, value in columns.items() if value}
    for finding in findings():
        yield from finding.calls("estimates", "more_headlines", one, other, source)


def headline_row(table: pd.DataFrame, key: dict[str, str]) -> dict[str, object] | None:
    """Give the first row of the population with these columns; None where there is none."""
    rows = pick(table, **{"level": "population", **key}).to_dict("records")
    return {str(name): value for name, value in rows[0].items()} if rows else None
