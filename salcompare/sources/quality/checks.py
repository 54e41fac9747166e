"""Instructed checks: trials that ask for one feature, so that an answer is right or wrong."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from salcompare.schema import CHECKS as DECLARED
from salcompare.sources.boxes import EDGES, Rows, add_edges, check_corners, check_not_relative
from salcompare.sources.candidates import clean_name
from salcompare.sources.cells import Cells, each, is_blank, need_columns, read_cells
from salcompare.sources.labels import normalise_label, synonyms_table
from salcompare.sources.quality.geometry import iou
from salcompare.sources.tidy import refuse_hidden
from salcompare.store import unguarded

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from salcompare.config import Quality

TARGET_EDGES = tuple(f"target_{edge}" for edge in EDGES)
CHECKS = DECLARED.names
"""Columns of a table of checks: the answer, empty where nothing was drawn, and what was asked for."""
_TEXT = ("worker", "image", "label", "target_label")
IN_PIXELS = "multiply them by the photograph's width and height"
"""What to do about shares of the sides where there is no option to read them."""


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
        If the file or a column is missing, if edges are shares of the sides, or naming each row without worker, target
        label or a whole target box, with an edge that is no finite number, or with a box without area.
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
    rows = Rows(found, shown, list(cells.faults))
    for name in ("worker", "target_label"):
        rows.refuse((found[name] == "").to_numpy(), f"empty_{name}", f"{name} is empty", "a text",
                    "fill the cell or delete the row")
    refuse_hidden(rows, ("worker", "image"))
    nothing = np.all([is_blank(frame[name]) for name in EDGES], axis=0)
    add_edges(rows, cells, EDGES, none=nothing)
    add_edges(rows, cells, TARGET_EDGES)
    for edges in (EDGES, TARGET_EDGES):
        check_not_relative(rows.table[list(edges)].to_numpy(), shown=shown, remedy=IN_PIXELS, fewest=1)
        check_corners(rows, edges=edges)
    rows.check()
    return rows.table.astype(dict.fromkeys(_TEXT, "str"))[list(CHECKS)].reset_index(drop=True)


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
