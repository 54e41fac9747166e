"""A CSV file as text cells, each row known by its line in the file; nothing is interpreted here."""

import codecs
import csv
import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from salcompare.errors import InputError, Problem

T = TypeVar("T", bound=np.generic)

DELIMITERS = (",", ";", "\t")


@dataclass(frozen=True)
class Fault:
    """What is wrong with one row: its line, the reason for machines and the problem for people."""

    line: int
    reason: str
    problem: Problem


@dataclass(frozen=True)
class Cells:
    """A file's cells.

    `frame` holds text as categories, by whose few distinct texts a million rows are worked on; its columns are named as
    in the header, trimmed and in lower case, and it is indexed by line, counted from 1. Blank lines are left out, and
    so are rows that have more cells than the header, which are `faults`.
    """

    frame: pd.DataFrame
    faults: list[Fault]


def read_cells(path: Path, *, shown: str, remedy: str, fold: bool = True) -> Cells:
    """Read a CSV file: UTF-8 with or without a mark, any line ends, cells parted by comma, semicolon or tab.

    Columns' names keep their case unless `fold`. Raises `InputError` if it is missing, has no rows, is not UTF-8, or
    its header names a column twice.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise InputError(Problem(shown, "does not exist", "a CSV file", remedy)) from error
    except OSError as error:
        raise InputError(Problem(shown, f"cannot be read: {error.strerror}", "a CSV file", remedy)) from error
    check_no_archive(content, shown=shown)
    cells = cells_of(content, shown=shown, remedy=remedy, fold=fold)
    if cells.frame.empty and not cells.faults:
        raise InputError(Problem(shown, "no row below the header", "a header line and rows", remedy))
    return cells


def cells_of(content: bytes, *, shown: str, remedy: str, first: int = 1, fold: bool = True) -> Cells:
    """Read a CSV file's bytes as `read_cells` does; `first` is the line that its header counts as."""
    content = content.removeprefix(codecs.BOM_UTF8)
    try:
        content.decode()
    except UnicodeDecodeError as error:
        line = content[:error.start].count(b"\n") + first
        raise InputError(Problem(f"{shown} row {line}", f"byte 0x{content[error.start]:02x} is not UTF-8", "UTF-8",
                                 "save it as 'CSV UTF-8'")) from error
    body = content.lstrip(b"\r\n")  # a header may follow blank lines
    first += len(content[:len(content) - len(body)].splitlines())
    if not body.strip():
        raise InputError(Problem(shown, "is empty", "a header line and rows", remedy))
    header = body[:1 << 16].splitlines()[0].decode(errors="replace")
    delimiter = max(DELIMITERS, key=header.count)
    faults: list[Fault] = []
    try:
        frame = _read_fast(body, delimiter, first)
    except pd.errors.EmptyDataError as error:  # nothing but a mark of UTF-8 below blank lines
        raise InputError(Problem(shown, "is empty", "a header line and rows", remedy)) from error
    except pd.errors.ParserError:
        frame, faults = _read_slowly(body.decode(), delimiter, first, shown)
    names = [str(name).strip() for name in frame.columns]
    frame.columns = pd.Index([name.lower() for name in names] if fold else names)
    twice = [repr(name) for name in frame.columns[frame.columns.duplicated()] if name]
    if twice:
        raise InputError(Problem(f"{shown} row {first}", f"column {', '.join(twice)} is listed twice",
                                 "each column once", "rename or delete one"))
    return Cells(_without_blank(frame), faults)


def need_columns(frame: pd.DataFrame, columns: Sequence[str], *, shown: str, remedy: str = "") -> None:
    """Raise `InputError` for a table that lacks columns, naming all of them."""
    missing = [name for name in columns if name not in frame.columns]
    if missing:
        raise InputError(Problem(shown, f"no column {', '.join(map(repr, missing))}", "columns " + ", ".join(columns),
                                 remedy or "add what is missing; found " + ", ".join(frame.columns)))


def each(column: pd.Series, function: Callable[[str], str]) -> pd.Series:
    """Apply a function to each distinct text of a column of categories; gives categories."""
    texts = categories(pd.Series([function(text) for text in column.cat.categories.tolist()], dtype="str"))
    codes = texts.cat.codes.to_numpy()[column.cat.codes.to_numpy()]
    return pd.Series(pd.Categorical.from_codes(codes, texts.cat.categories), index=column.index, name=column.name)


def number_hint(text: str) -> str:
    """Say what to do about a text that is no number."""
    if re.fullmatch(r"\s*[-+]?\d+,\d+\s*", text):
        return "write decimals with a point, not a comma"
    return "mend the cell or delete the row"


def check_no_archive(content: bytes, *, shown: str) -> None:
    """Raise `InputError` for a workbook, an archive or a compressed file that is given as a file of text."""
    start = content[:8]
    if start.startswith(b"PK\x03\x04") and any(part in content[:1 << 12] for part in (b"xl/", b"[Content_Types]",
                                                                                     b"opendocument.spreadsheet")):
        raise InputError(Problem(shown, "is a spreadsheet's own file, such as Excel's .xlsx", "a CSV file",
                                 "save the sheet as 'CSV UTF-8'"))
    if start == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        raise InputError(Problem(shown, "is an old Excel workbook, .xls", "a CSV file",
                                 "save the sheet as 'CSV UTF-8'"))
    kinds = {b"PK\x03\x04": "a ZIP archive", b"\x1f\x8b": "compressed (gzip)", b"7z\xbc\xaf": "a 7z archive",
             b"Rar!": "a RAR archive"}
    for magic, kind in kinds.items():
        if start.startswith(magic):
            raise InputError(Problem(shown, f"is {kind}", "a file of text", "unpack it, and name what is inside"))


def is_blank(column: pd.Series) -> NDArray[np.bool_]:
    """Say which rows of a column of categories have nothing but blanks."""
    return lookup(column, (_texts(column).str.strip() == "").to_numpy(dtype=np.bool_))


def lookup(column: pd.Series, values: NDArray[T]) -> NDArray[T]:
    """Give each row of a column of categories the value of its category."""
    taken: NDArray[T] = values[column.cat.codes.to_numpy()]
    return taken


def numbers(column: pd.Series) -> NDArray[np.float64]:
    """Read a column of categories as numbers; NaN where a text is none."""
    return lookup(column, pd.to_numeric(_texts(column), errors="coerce").to_numpy(dtype=np.float64))


def _texts(column: pd.Series) -> pd.Series:
    """List the distinct texts of a column of categories."""
    return pd.Series(column.cat.categories, dtype="str")


def _all_categories(frame: pd.DataFrame) -> pd.DataFrame:
    columns = [categories(frame.iloc[:, i]) for i in range(frame.shape[1])]  # apply leaves an empty frame as it is
    return pd.concat(columns, axis=1).set_axis(frame.columns, axis=1)


def categories(column: pd.Series) -> pd.Series:
    """Make a column of text one of categories, which astype would sort at great cost."""
    codes, texts = pd.factorize(column)
    return pd.Series(pd.Categorical.from_codes(codes, pd.Index(texts), validate=False), index=column.index)


def _read_fast(content: bytes, delimiter: str, first: int) -> pd.DataFrame:
    """Read with pandas' C parser, which stops at the first row with too many cells."""
    # The header is read as a row, for pandas would rename columns of one name.
    table = pd.read_csv(io.BytesIO(content), sep=delimiter, header=None, dtype="str", keep_default_na=False,
                        na_values=[], skip_blank_lines=False, index_col=False, low_memory=False)
    header = table.iloc[0].tolist()
    table = _all_categories(table)
    frame = table.iloc[1:].set_axis(header, axis=1)
    return frame.set_axis(_lines(table, content, first)[1:], axis=0)


def _lines(table: pd.DataFrame, content: bytes, first: int) -> NDArray[np.int64]:
    """Line on which each record begins; a quoted cell may go over several."""
    lines: NDArray[np.int64] = np.arange(first, first + len(table))
    if content.rstrip(b"\r\n").count(b"\n" if b"\n" in content else b"\r") >= len(table):
        breaks = np.zeros(len(table), dtype=np.int64)
        for name in table.columns:
            column = table[name]
            breaks += lookup(column, _texts(column).str.count(r"\r\n|\r|\n").to_numpy(dtype=np.int64))
        lines[1:] += np.cumsum(breaks)[:-1]
    return lines


def _read_slowly(text: str, delimiter: str, first: int, shown: str) -> tuple[pd.DataFrame, list[Fault]]:
    """Read record by record, to find every row that has too many cells."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header: list[str] = []
    rows: dict[int, list[str]] = {}
    faults: list[Fault] = []
    begin = first
    try:
        for cells in reader:
            if not header:
                header = cells
            elif len(cells) > len(header):
                faults.append(_fault(shown, begin, f"{len(cells)} cells", f"{len(header)} as in the header",
                                     "put quotes round a cell that holds the delimiter"
                                     + (", and write decimals with a point" if delimiter == "," else "")))
            else:
                rows[begin] = cells + [""] * (len(header) - len(cells))
            begin = first + reader.line_num
    except csv.Error as error:
        faults.append(_fault(shown, begin, f"cannot be read from here on: {error}", "quotes that are closed",
                             "mend the quotes of this row"))
    if not header:
        raise InputError([fault.problem for fault in faults])
    frame = pd.DataFrame(list(rows.values()), index=list(rows), columns=header, dtype="str")
    return _all_categories(frame), faults


def _fault(shown: str, line: int, wrong: str, expected: str, remedy: str) -> Fault:
    return Fault(line, "cells", Problem(f"{shown} row {line}", wrong, expected, remedy))


def _without_blank(frame: pd.DataFrame) -> pd.DataFrame:
    blank = np.ones(len(frame), dtype=np.bool_)
    for i in range(frame.shape[1]):  # by position: unnamed columns share a name
        blank &= is_blank(frame.iloc[:, i])
        if not blank.any():
            return frame
    return frame[~blank]
