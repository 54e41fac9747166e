"""What a printed table is, how its cells are printed, and which estimates it picks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from salcompare.printing import number, p_number

SIDES = ("value_one", "value_other")
_P = ("p_value", "p_adjusted", "p_value_all", "p_smallest", "p_smallest_adjusted")
_ALWAYS_TEXT = {"actor", "label", "region", "predicted", "image", "variant", "layer", "reason", "worker", "response"}

MOST_ROWS = 500
"""Rows of a plain table that a page prints."""


@dataclass(frozen=True)
class PrintedTable:
    """A table of the report."""

    name: str  # its CSV's
    title: str
    caption: str
    frame: pd.DataFrame  # what the CSV holds
    simulated: bool  # whether it rests on simulated responses; then its CSV says so, too, in column responses
    folded: bool = False  # whether the page shows it only on request
    printed: pd.DataFrame | None = None  # the rows that the page prints, where those are not all
    section: Literal["tables", "quality"] = "tables"  # the part of the page that it stands in
    undefined: str = ""  # why none of its values is defined: the page says so and prints no table; empty where one is

    @property
    def page(self) -> pd.DataFrame:
        """What the page prints."""
        return self.frame if self.printed is None else self.printed

    @property
    def nothing(self) -> str:
        """Why the page prints no table; empty where it prints one."""
        return self.undefined or ("" if len(self.page) else "none; the CSV has all rows")

    @property
    def header(self) -> list[str]:
        """The columns' names in words; names of sources as they are."""
        return [name if "/" in name else name.replace("_", " ") for name in map(str, self.page.columns)]

    @property
    def rows(self) -> list[list[str]]:
        """The cells as printed."""
        frame = self.page
        return [[_cell(value, str(column)) for column, value in zip(frame.columns, row, strict=True)]
                for row in frame.itertuples(index=False, name=None)]

    @property
    def flush_right(self) -> list[bool]:
        """Of each column whether it holds numbers."""
        page = self.page
        return [str(column).startswith("p_") or (kind.kind in "iuf" and column not in _ALWAYS_TEXT)
                for column, kind in zip(page.columns, page.dtypes, strict=True)]


def table_of(name: str, title: str, caption: str, rows: pd.DataFrame, columns: Sequence[str],
             *, folded: bool = False, shown: pd.Series[bool] | pd.Index | None = None) -> PrintedTable:
    """Make a table from rows of the estimates, which its CSV holds with p_is and the responses' kind.

    `columns` are those that are printed; beside the value of differences stand the two that they are of. `folded` is
    whether the page shows it only on request, `shown` the rows that the page prints, where those are not all: booleans,
    or an index, which also says in which order.
    """
    simulated = bool((rows["responses"] == "simulated").any())
    columns = with_sides(columns, rows)
    printed = with_p_texts(rows if shown is None else rows.loc[shown])[columns]
    said = ["p_is"] if any(column in _P for column in columns) else []
    frame = rows.reindex(columns=[*columns, *said, "responses"])
    return PrintedTable(name, title, caption, frame, simulated, folded, printed, undefined=why_undefined(rows))


def wide_table(name: str, title: str, caption: str, rows: pd.DataFrame, key: Sequence[str],
               columns: Mapping[str, tuple[str, str]], *, folded: bool = False) -> PrintedTable:
    """Make a table, otherwise as `table_of`, with the estimates of several metrics in one row.

    `key` are the columns that tell the rows apart, and `columns`, by the table's column, the metric and the column of
    the estimates that fill it; of the first metric there is a row for each of the table.
    """
    def wide(rows: pd.DataFrame) -> pd.DataFrame:
        """Put each metric's source into a column."""
        table = rows.loc[rows["metric"] == next(iter(columns.values()))[0], [*key, "responses"]]
        for column, (metric, source) in columns.items():
            beside = rows.loc[rows["metric"] == metric, [*key, source]].rename(columns={source: column})
            table = table.merge(beside, how="left", on=list(key))
        return table[[*key, *columns, "responses"]]

    table = wide(rows)
    return PrintedTable(name, title, caption, table, bool((table["responses"] == "simulated").any()), folded,
                        wide(with_p_texts(rows)).drop(columns="responses"), undefined=why_undefined(rows))


def why_undefined(rows: pd.DataFrame) -> str:
    """Give the reasons, at most two, why none of these estimates has a value; empty where one has, or there is none."""
    if rows.empty or rows["value"].notna().any():
        return ""
    return "; ".join(rows["reason"].value_counts().index.astype(str)[:2]) or "no value is defined"


def with_sides(columns: Sequence[str], rows: pd.DataFrame) -> list[str]:
    """Add, beside the value, the two that it is the difference of, where any row has them."""
    sides = [name for name in SIDES if name in rows and name not in columns and rows[name].notna().any()]
    return [name for column in columns for name in ([column, *sides] if column == "value" else [column])]


def with_p_texts(rows: pd.DataFrame) -> pd.DataFrame:
    """Write p of rows of the estimates as text, with the sign that says whether it is a bound."""
    said = rows.to_dict("records")
    return rows.assign(**{column: [p_number(row, column) or "–" for row in said] for column in _P if column in rows})


def plain_table(name: str, title: str, frame: pd.DataFrame) -> PrintedTable:
    """Make a table that is no table of estimates; folded. Its column responses, if it has one, is not printed.

    Of a long one only the first rows are printed.
    """
    simulated = "responses" in frame and bool((frame["responses"] == "simulated").any())
    caption = f"The first {MOST_ROWS} of {len(frame):,} rows; the CSV holds all." if len(frame) > MOST_ROWS else ""
    printed = frame.drop(columns="responses", errors="ignore").head(MOST_ROWS)
    return PrintedTable(name, title, caption, frame, simulated, folded=True, printed=printed)


def _cell(value: object, column: str) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if isinstance(value, float) and column.startswith("p_"):
        return p_number({column: value}, column)
    if isinstance(value, (int, float)) and column not in _ALWAYS_TEXT:
        return number(value)
    return str(value)


def pick(estimates: pd.DataFrame, **criteria: str) -> pd.DataFrame:
    """Rows of the estimates whose columns have these values; an empty text picks the rows that leave it open."""
    keep = estimates["statistic"].notna()
    for column, value in criteria.items():
        keep &= estimates[column].isna() | (estimates[column] == "") if value == "" else estimates[column] == value
    return estimates[keep]


def one(estimates: pd.DataFrame, **criteria: str) -> pd.Series[Any] | None:
    """Return the only row that fits, or None if there is none."""
    rows = pick(estimates, **criteria)
    if len(rows) > 1:
        message = f"{criteria} names {len(rows)} estimates"
        raise ValueError(message)
    return rows.iloc[0] if len(rows) else None


def named(row: pd.Series[Any]) -> str:
    """Name an estimate's source and form in words."""
    source = {"human": "Human maps", "photographs": "The photographs themselves"}.get(row["source"], row["source"])
    form = row["form"]
    return f"{source}, {form}" if isinstance(form, str) and form not in ("", "raw") else f"{source}"
