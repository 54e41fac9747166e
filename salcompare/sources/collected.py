"""Responses from the database that ``salcompare collect`` fills, read with the standard library alone."""

import contextlib
import hashlib
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from salcompare.config import Responses
from salcompare.errors import InputError, Problem
from salcompare.sources.cells import Cells
from salcompare.store import guarded

DATABASE = "data/collected/responses.sqlite"
"""Where a study keeps what it collects."""

_ORIGIN = "collected"
_RESPONSES = """
    SELECT 'c' || printf('%06d', r.id), 'w' || substr(w.hmac, 1, 16), a.image, r.label, r.x0, r.y0, r.x1, r.y1,
           a.seconds, a.submitted
    FROM responses r JOIN assignments a ON a.id = r.assignment JOIN workers w ON w.id = a.worker
    WHERE a.kind = 'trial' ORDER BY r.id"""
_SHOWN = """
    SELECT 'w' || substr(w.hmac, 1, 16), a.image, a.kind, a.instruction_label, r.label, r.x0, r.y0, r.x1, r.y1,
           a.target_x0, a.target_y0, a.target_x1, a.target_y1, a.seconds, a.shown, a.submitted, a.no_box, a.passed,
           a.label_order
    FROM assignments a JOIN workers w ON w.id = a.worker LEFT JOIN responses r ON r.assignment = a.id
    ORDER BY a.id"""
_ORDERED = "SELECT 1 FROM pragma_table_info('assignments') WHERE name = 'label_order'"
_CHECKS = """
    SELECT w.hmac, a.image, a.instruction_label, r.label, r.x0, r.y0, r.x1, r.y1, a.target_x0, a.target_y0,
           a.target_x1, a.target_y1
    FROM assignments a JOIN workers w ON w.id = a.worker LEFT JOIN responses r ON r.assignment = a.id
    WHERE a.kind = 'check' AND a.submitted IS NOT NULL ORDER BY a.id"""
_RESPONSE_COLUMNS = ("response", "worker", "image", "label", "x0", "y0", "x1", "y1", "seconds", "submitted")
_SHOWN_COLUMNS = ("worker", "image", "kind", "instruction_label", "label", "x0", "y0", "x1", "y1", "target_x0",
                  "target_y0", "target_x1", "target_y1", "seconds", "shown", "submitted", "nothing", "passed",
                  "label_order")
_CHECK_COLUMNS = ("worker", "image", "label", "x0", "y0", "x1", "y1", "target_label", "target_x0", "target_y0",
                  "target_x1", "target_y1")


def collected_responses(path: Path, *, shown: str) -> pd.DataFrame:
    """Read the boxes of all trials, one row a box, in the order of submission; workers under their pseudonyms.

    Raises `InputError`, as all functions here do, if there is no database, or it is not one of ours.
    """
    rows = [(*row[:-1], _iso(row[-1])) for row in _rows(path, _RESPONSES, shown)]
    return pd.DataFrame(rows, columns=list(_RESPONSE_COLUMNS))


def collected_shown(path: Path, *, shown: str) -> pd.DataFrame:
    """Read everything that workers were shown, answered or not.

    `label_order` are the labels offered, as JSON in their order on the page.
    """
    of_old = not _rows(path, _ORDERED, shown)  # a database of version 1 did not keep the order of labels
    rows = _rows(path, _SHOWN.replace("a.label_order", "NULL") if of_old else _SHOWN, shown)
    table = pd.DataFrame(rows, columns=list(_SHOWN_COLUMNS))
    for name in ("shown", "submitted"):
        table[name] = table[name].map(_iso)
    for name in ("nothing", "passed"):
        table[name] = table[name].map({0: "no", 1: "yes"})
    return table


def collected_checks(path: Path, *, shown: str) -> pd.DataFrame:
    """Read the answers to instructed checks, with what was asked for.

    A check answered with "I see none" has no label and no box.
    """
    table = collected_shown(path, shown=shown)
    done = table[(table["kind"] == "check") & (table["submitted"] != "")]
    return done.rename(columns={"instruction_label": "target_label"})[list(_CHECK_COLUMNS)].reset_index(drop=True)


def collected_cells(path: Path, *, shown: str) -> Cells:
    """Give the collected boxes as the cells of a tidy CSV, so that they are checked like any; at least one."""
    table = collected_responses(path, shown=shown).assign(origin=_ORIGIN)
    if table.empty:
        raise InputError(Problem(shown, "holds no box yet", "at least one answer", "run: salcompare collect"))
    return _cells(table)


def collected_check_cells(path: Path, *, shown: str) -> Cells:
    """Give the answers to instructed checks as the cells of a CSV of checks."""
    return _cells(collected_checks(path, shown=shown))


def collected_path(path: str) -> str:
    """Say where the database is: what study.toml names, if it names something else than a CSV."""
    return DATABASE if path == Responses().path else path


def collected_sha256(path: Path, *, shown: str) -> str:
    """Hash the rows that a study's results depend on, whatever else changes in the file."""
    digest = hashlib.sha256()
    for query in (_RESPONSES, _CHECKS):
        for row in _rows(path, query, shown):
            digest.update(repr(row).encode())
    return digest.hexdigest()


def _rows(path: Path, query: str, shown: str) -> list[tuple[object, ...]]:
    if not path.is_file():
        raise InputError(Problem(shown, "does not exist", "the database of collected responses",
                                 "run: salcompare collect"))
    try:
        with contextlib.closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            return connection.execute(query).fetchall()
    except sqlite3.Error as error:
        raise InputError(Problem(shown, f"cannot be read: {error}", "a database that salcompare collect made",
                                 "restore it, or name another source in [responses]")) from error


def _iso(seconds: object) -> str:
    """Write a time in seconds since 1970 as ISO 8601, to the second."""
    if not isinstance(seconds, (int, float)) or seconds != seconds:  # NaN: pandas makes it of None
        return ""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _cells(table: pd.DataFrame) -> Cells:
    text = table.astype("object").map(_cell).astype("str").astype("category")
    return Cells(text.set_axis(range(1, len(text) + 1), axis=0), [])


def _cell(value: object) -> str:
    if value is None or value != value:  # NaN: nothing was drawn
        return ""
    if isinstance(value, str):
        return guarded(value)  # as in an exported file
    return repr(value) if isinstance(value, float) else str(value)
