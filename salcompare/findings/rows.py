"""The tidy table of estimates: one row an estimate, every column declared in `salcompare.schema.ESTIMATES`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from salcompare.findings import findings
from salcompare.findings.finding import FAMILY, TEST, Quantity
from salcompare.findings.labels import FEWEST_BOXES, SHARES
from salcompare.report.tables import pick
from salcompare.schema import ESTIMATES

Row = Mapping[str, object]


def rows_of(result: xr.Dataset, quantity: Quantity, key: Row) -> list[Row]:
    """Make rows of the estimates from a result, as a quantity says: one for each combination of labels along its dims.

    The result's variables, coordinates and attrs fill the columns, KeyError if they do not; a variable with dims that
    the quantity is not over, such as the draws of a null, is none of them. Columns of ``key``, which name what the
    result is of, go before what the quantity says. A row without p states no test and no family; an empty text is None.
    """
    labels = [result[dim].to_numpy().tolist() for dim in quantity.over]
    shape = tuple(map(len, labels))
    columns = {column: _values(result, name, quantity.over, shape)
               for column, name in {"value": quantity.value, **quantity.columns}.items()}
    rows: list[Row] = []
    for at in np.ndindex(shape):
        named = {dim: names[place] for dim, names, place in zip(quantity.over, labels, at, strict=True)
                 if dim in ESTIMATES.names}
        row = {**quantity.name, **named, **quantity.fixed, **{name: values[at] for name, values in columns.items()}}
        untested = "p_value" in columns and np.isnan(row["p_value"])
        rows.append({**{name: None if value == "" else value for name, value in row.items()
                        if not (untested and name in {*TEST, *FAMILY, "p_is"})}, **key})
    return rows


def _values(result: xr.Dataset, name: str | tuple[str, ...], over: tuple[str, ...],
            shape: tuple[int, ...]) -> NDArray[np.object_]:
    """Give what fills a column, as plain Python values, for every combination of labels."""
    if isinstance(name, tuple):
        texts = [_values(result, one, over, shape).ravel() for one in name]
        joined = ["; ".join(dict.fromkeys(filter(None, parts))) for parts in zip(*texts, strict=True)]
        return np.array(joined, object).reshape(shape)
    if name in result.variables and set(map(str, result[name].dims)) <= set(over):
        values = result[name].expand_dims([dim for dim in over if dim not in result[name].dims]).transpose(*over)
        return np.broadcast_to(values.to_numpy().astype(object), shape)
    return np.full(shape, result.attrs[name], object)


def estimates_table(rows: Iterable[Row]) -> pd.DataFrame:
    """Put estimates into a table with every declared column, KeyError for others; what a row does not give is NaN.

    The frame of a row that does not name it is the one that its statistic's quantities declare.
    """
    rows = list(rows)
    undeclared = {name for row in rows for name in row} - set(ESTIMATES.names)
    if undeclared:
        message = f"columns {sorted(undeclared)} are not declared in schema.ESTIMATES"
        raise KeyError(message)
    frame = pd.DataFrame(rows, columns=list(ESTIMATES.names))
    numbers = [name for name in ESTIMATES.names if name not in ESTIMATES.text_columns]
    text = dict.fromkeys(ESTIMATES.text_columns, "str")
    table = frame.astype(text | dict.fromkeys(numbers, "float64"))
    return table.assign(frame=table["frame"].fillna(table["statistic"].map(frames()).astype("str")))


def frames() -> dict[str, str]:
    """Give the frame of the maps that each statistic is of, by its name, as the findings declare it."""
    return {quantity.statistic: frame for finding in findings() for quantity in finding.quantities
            if (frame := finding.frame if quantity.frame is None else quantity.frame)}


def with_responses(estimates: pd.DataFrame, kind: str) -> pd.DataFrame:
    """Say of each estimate (see `estimates_table`) whether it rests on responses, and of what kind the study's are."""
    human = estimates["source"].str.startswith(("human", "baseline/"), na=False)
    people = human | estimates["contrast"].str.startswith("human", na=False)
    for finding in findings():
        for quantity in finding.quantities:
            every = finding.rests_on_people if quantity.rests_on_people is None else quantity.rests_on_people
            for column, values in ({"statistic": (quantity.statistic,)} if every else quantity.of_people).items():
                people |= (estimates["statistic"] == quantity.statistic) & estimates[column].isin(values)
    return estimates.assign(responses=pd.Series(kind, estimates.index, dtype="str").where(people))


def often_named(estimates: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Leave out rows of labels with fewer than `FEWEST_BOXES` boxes, so that no label stands out by one box."""
    shares = pick(estimates, **SHARES.name)
    return rows[~rows["label"].isin(shares.loc[shares["count"] < FEWEST_BOXES, "label"])]


def nulls_table(parts: Iterable[tuple[Row, Iterable[float]]]) -> pd.DataFrame:
    """Put the draws of null distributions into one long table."""
    columns = ["statistic", "metric", "form", "source"]
    frames = [pd.DataFrame({**{name: row.get(name, "") for name in columns}, "value": np.asarray(list(draws), float)})
              for row, draws in parts]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=[*columns, "value"])
