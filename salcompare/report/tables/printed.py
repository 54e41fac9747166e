"""What a printed table is, and how its cells are printed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from salcompare.report.wording import number

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

_ALWAYS_TEXT = {"actor", "label", "predicted", "image", "variant", "layer", "reason", "worker", "response"}


@dataclass(frozen=True)
class PrintedTable:
    """A table of the report.

    Attributes
    ----------
    name, title, caption : str
        The name is its CSV's.
    frame : DataFrame
        What the CSV holds.
    simulated : bool
        Whether it rests on simulated responses.
    folded : bool
        Whether the page shows it only on request.
    printed : DataFrame or None
        The rows that the page prints, where those are not all.
    section : {"tables", "quality"}
        The part of the page that it stands in.
    undefined : str
        Why none of its values is defined, so that the page names it and prints no table; empty where one is.
    """

    name: str
    title: str
    caption: str
    frame: pd.DataFrame
    simulated: bool
    folded: bool = False
    printed: pd.DataFrame | None = None
    section: Literal["tables", "quality"] = "tables"
    undefined: str = ""

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
        return [kind.kind in "iuf" and column not in _ALWAYS_TEXT
                for column, kind in zip(page.columns, page.dtypes, strict=True)]


def table_of(name: str, title: str, caption: str, rows: pd.DataFrame, columns: Sequence[str],
             *, folded: bool = False) -> PrintedTable:
    """Make a table from rows of the estimates: the columns that are printed, and in the CSV the responses' kind."""
    simulated = bool((rows["responses"] == "simulated").any())
    printed = rows[list(columns)]
    return PrintedTable(name, title, caption, rows[[*columns, "responses"]], simulated, folded, printed,
                        undefined=why_undefined(rows))


def why_undefined(rows: pd.DataFrame) -> str:
    """Give the reasons, at most two, why none of these estimates has a value; empty where one has, or there is none."""
    if rows.empty or rows["value"].notna().any():
        return ""
    return "; ".join(rows["reason"].value_counts().index.astype(str)[:2]) or "no value is defined"


def plain_table(name: str, title: str, frame: pd.DataFrame) -> PrintedTable:
    """Make a table that is no table of estimates; folded."""
    return PrintedTable(name, title, "", frame, simulated=False, folded=True)


def _cell(value: object, column: str) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if isinstance(value, float) and column.startswith("p_"):
        return f"{value:.2g}"
    if isinstance(value, (int, float)) and column not in _ALWAYS_TEXT:
        return number(value)
    return str(value)
