"""Instructed checks: trials that ask for one feature, so that an answer is right or wrong."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from salcompare.errors import InputError, Problem
from salcompare.schema import CHECKS as DECLARED
from salcompare.sources.candidates import clean_name
from salcompare.sources.cells import Cells, each, is_blank, need_columns, numbers, read_cells
from salcompare.sources.labels import normalise_label, synonyms_table
from salcompare.sources.quality.geometry import iou
from salcompare.store import unguarded
from salcompare.texts import hidden_in

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from salcompare.config import Quality

EDGES = ("x0", "y0", "x1", "y1")
TARGET_EDGES = tuple(f"target_{edge}" for edge in EDGES)
CHECKS = DECLARED.names
"""Columns of a table of checks: the answer, empty where nothing was drawn, and what was asked for."""
_TEXT = ("worker", "image", "label", "target_label")


def read_checks(path: Path, synonyms: Mapping[str, str]) -> pd.DataFrame:
    """Read answers to instructed checks.

    Parameters
    ----------
    path : Path
        A CSV with the columns of `CHECKS`; others are kept out. label and edges of an answer may be empty: the worker
        drew nothing.
    synonyms : mapping
        What a worker may write -> the label it counts as.

    Returns
    -------
    DataFrame
        One row a check, the columns of `CHECKS`, labels normalised.

    Raises
    ------
    InputError
        If the file or a column is missing, or naming each row without worker, target label or a whole target box, or
        with an edge that is no finite number.
    """
    cells = read_cells(path, shown=path.name, remedy="set [responses] checks in study.toml")
    return checks_in(cells, synonyms, shown=path.name)


def checks_in(cells: Cells, synonyms: Mapping[str, str], *, shown: str) -> pd.DataFrame:
    """Read answers to instructed checks from the cells of a table; see `read_checks`."""
    need_columns(cells.frame, CHECKS, shown=shown)
    frame, table = cells.frame, synonyms_table(synonyms)
    frame = frame.assign(**{name: each(frame[name], unguarded) for name in _TEXT})
    found = pd.DataFrame({name: each(frame[name], clean_name) for name in ("worker", "image")})
    for name in ("label", "target_label"):
        found[name] = each(frame[name], lambda label: table.get(normalise_label(label), normalise_label(label)))
    for name in (*EDGES, *TARGET_EDGES):
        found[name] = numbers(frame[name])
    problems = [fault.problem for fault in cells.faults] + _problems(frame, found, shown)
    if problems:
        raise InputError(problems)
    return found.astype(dict.fromkeys(_TEXT, "str"))[list(CHECKS)].reset_index(drop=True)


def _problems(frame: pd.DataFrame, found: pd.DataFrame, shown: str) -> list[Problem]:
    """Find cells that are empty or no number, and targets without area, which no answer could meet."""
    empty = {name: is_blank(frame[name]) for name in CHECKS}
    wrong = [(row, f"{name} is empty", "a text") for name in ("worker", "target_label")
             for row in np.flatnonzero(empty[name])]
    wrong += [(row, f"{name}={found[name].iloc[row]!r} holds {hidden_in(found[name].iloc[row])}",
               "an id of which every character is seen") for name in ("worker", "image")
              for row in np.flatnonzero(each(found[name], hidden_in) != "")]
    for name in (*EDGES, *TARGET_EDGES):
        bad = ~np.isfinite(found[name].to_numpy()) & ~(empty[name] & (name in EDGES))
        wrong += [(row, f"{name}={frame[name].iloc[row]!r}", "a finite number") for row in np.flatnonzero(bad)]
    for low, high in (("target_x0", "target_x1"), ("target_y0", "target_y1")):
        bad = (found[low] >= found[high]).to_numpy()
        wrong += [(row, f"{low}={found[low].iloc[row]:g}, {high}={found[high].iloc[row]:g}", f"{low} < {high}")
                  for row in np.flatnonzero(bad)]
    lines = frame.index.tolist()
    return [Problem(f"{shown} row {lines[row]}", was, expected) for row, was, expected in sorted(wrong)]


def judge_checks(checks: pd.DataFrame, config: Quality) -> pd.DataFrame:
    """Say of each check how well the answer meets what was asked for.

    Parameters
    ----------
    checks : DataFrame
        The columns of `CHECKS`.
    config : Quality
        check_iou and check_label.

    Returns
    -------
    DataFrame
        checks with iou (0 where nothing was drawn) and right.
    """
    overlap = np.nan_to_num(iou(_boxes(checks, EDGES), _boxes(checks, TARGET_EDGES)))
    named = (checks["label"].fillna("") == checks["target_label"]).to_numpy() | (not config.check_label)
    return checks.assign(iou=overlap, right=(overlap >= config.check_iou) & named & (overlap > 0))


def _boxes(table: pd.DataFrame, edges: tuple[str, ...]) -> NDArray[np.float64]:
    return table[list(edges)].to_numpy(dtype=np.float64)
