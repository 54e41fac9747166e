"""The tidy table of estimates: one row an estimate, every column declared in `salcompare.schema.ESTIMATES`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from salcompare.schema import ESTIMATES

Row = Mapping[str, object]


def estimates_table(rows: Iterable[Row]) -> pd.DataFrame:
    """Put estimates into a table with every declared column; what a row does not give is NaN.

    Raises
    ------
    KeyError
        If a row has a column that is not declared.
    """
    rows = list(rows)
    undeclared = {name for row in rows for name in row} - set(ESTIMATES.names)
    if undeclared:
        message = f"columns {sorted(undeclared)} are not declared in schema.ESTIMATES"
        raise KeyError(message)
    frame = pd.DataFrame(rows, columns=list(ESTIMATES.names))
    numbers = [name for name in ESTIMATES.names if name not in ESTIMATES.text_columns]
    text = dict.fromkeys(ESTIMATES.text_columns, "str")
    return frame.astype(text | dict.fromkeys(numbers, "float64"))


def with_responses(estimates: pd.DataFrame, kind: str) -> pd.DataFrame:
    """Say of each estimate whether it rests on responses, and of what kind they are.

    Parameters
    ----------
    estimates : DataFrame
        As `estimates_table` gives it.
    kind : {"collected", "simulated"}
        What kind the study's responses are.
    """
    human = estimates["source"].str.startswith(("human", "baseline/"), na=False)
    of_responses = estimates["statistic"].isin([
        "label_share", "noise_ceiling", "half_ceiling", "rest_ceiling", "share_of_ceiling", "overlap", "overlap_curve",
        "resampled_overlap", "actor_similarity", "enrichment", "seed_overlap", "overlap_control", "overlap_of_control",
        "overlap_beside_control", "control_spread"])
    compared = estimates["contrast"].str.startswith("human", na=False)
    # At equal area, what people marked is among what was removed, or what it is compared with.
    removed = (estimates["statistic"] == "removal_drop") & (
        estimates["against"].isin(["people", "random people", "both", "label region"])
        | estimates["contrast"].isin(["minus people", "minus random people"]))
    said = pd.Series(kind, estimates.index, dtype="str")
    return estimates.assign(responses=said.where(human | of_responses | compared | removed))


def nulls_table(parts: Iterable[tuple[Row, Iterable[float]]]) -> pd.DataFrame:
    """Put the draws of null distributions into one long table."""
    columns = ["statistic", "metric", "form", "source"]
    frames = [pd.DataFrame({**{name: row.get(name, "") for name in columns}, "value": np.asarray(list(draws), float)})
              for row, draws in parts]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=[*columns, "value"])
