"""Which estimates stand side by side when classifiers are compared: one row a quantity and source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd

from salcompare.findings import shown
from salcompare.findings.finding import Compared, Quantity
from salcompare.naming import network_of
from salcompare.report.tables import pick
from salcompare.schema import ESTIMATES

COLUMNS = ("quantity", "title", "detail", "source", "value", "value_one", "value_other", "ci_low", "ci_high",
           "ci_method", "resampled", "beside", "reference", "p_value", "p_is", "n", "reason", "responses")


def side_by_side(estimates: pd.DataFrame, sources: Sequence[str]) -> pd.DataFrame:
    """Take from the estimates what a comparison of classifiers' ``sources`` shows: one row a quantity and source.

    **detail** says how the maps were prepared, **reference** what the value is read against and **beside** which kind
    that is (null_mean or ceiling), **reason** why a value is NaN; the other `COLUMNS` are those of the estimates.
    """
    population = estimates.reindex(columns=list(ESTIMATES.names))
    population = population[population["level"] == "population"]
    rows = [row for quantity, how in shown(Compared) for row in _rows(population, quantity, how, sources)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def left_out(table: pd.DataFrame) -> list[str]:
    """Say which quantities no source has, and why, from what `side_by_side` gives."""
    return [f"{title}: {'; '.join(dict.fromkeys(part['reason'].dropna()))}"
            for title, part in table.groupby("title", sort=False) if part["value"].isna().all()]


def _rows(population: pd.DataFrame, quantity: Quantity, how: Compared,
          sources: Sequence[str]) -> Iterator[dict[str, object]]:
    names = {source: source if how.of == "source" else network_of(source) for source in sources}
    rows = _chosen(population[population["source"].isin(names.values())], quantity, how)
    detail = "" if rows.empty else ", ".join(
        text for text in rows.iloc[0][list(how.open)] if isinstance(text, str) and text)
    for source, name in names.items():
        row: dict[str, object] = {"quantity": how.name, "title": how.title or quantity.title, "detail": detail,
                                  "source": source, "beside": how.beside}
        of = rows[rows["source"] == name]
        if of.empty:
            yield {**row, "reason": f"not computed; it needs {how.requires}" if how.requires else "not computed"}
            continue
        one = of.iloc[0]
        yield {**row, **{name: one[name] for name in COLUMNS if name in one}, "source": source,
               "reference": one[how.beside] if how.beside else None}


def _chosen(rows: pd.DataFrame, quantity: Quantity, how: Compared) -> pd.DataFrame:
    """Rows of the first choice that has a value of any source; those of the first choice where none has."""
    named = {"form": how.form, "against": how.against}
    key = {"statistic": quantity.statistic, "metric": quantity.metric, "contrast": how.contrast} | {
        name: value for name, value in named.items() if value}
    fitting = [pick(rows, **{**key, **choice}) for choice in how.choices]
    return next((some for some in fitting if some["value"].notna().any()), fitting[0])
