"""Rows of the estimates that the summary and the tables speak of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

FEWEST_BOXES = 10
"""Boxes of a label below which no summary names it: what stands out of fewer may be one worker's."""
PRIMARY = {"statistic": "overlap", "metric": "pearson", "form": "smoothed"}


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


def often_named(estimates: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Leave out rows of labels with fewer than `FEWEST_BOXES` boxes, so that no label stands out by one box."""
    shares = pick(estimates, statistic="label_share", level="population")
    seldom = shares.loc[shares["count"] < FEWEST_BOXES, "label"]
    return rows[~rows["label"].isin(seldom)]


def named(row: pd.Series[Any]) -> str:
    """Name an estimate's source and form in words."""
    source = {"human": "Human maps", "photographs": "The photographs themselves"}.get(row["source"], row["source"])
    form = row["form"]
    return f"{source}, {form}" if isinstance(form, str) and form not in ("", "raw") else f"{source}"
