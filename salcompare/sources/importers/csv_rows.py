"""The rows of a CSV file as importers go through them, one after another, never all at once."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TextIO

from salcompare.errors import InputError, Problem
from salcompare.sources.cells import DELIMITERS
from salcompare.sources.importers.content import Content
from salcompare.sources.importers.entries import Refused

LONGEST_CELL = 1 << 24
Cells = dict[str, str]


@dataclass(frozen=True)
class CsvRows:
    """A table: its named columns in lower case; going through it gives each row by its place, or why it is refused."""

    content: Content
    columns: tuple[str, ...]
    delimiter: str

    def __iter__(self) -> Iterator[tuple[str, Cells] | Refused]:
        before = csv.field_size_limit(LONGEST_CELL)
        try:
            with self.content.path.open(encoding="utf-8-sig", newline="") as stream:
                yield from self._rows(stream)
        except UnicodeDecodeError as error:
            raise InputError(_not_utf8(self.content)) from error
        finally:
            csv.field_size_limit(before)

    def _rows(self, stream: TextIO) -> Iterator[tuple[str, Cells] | Refused]:
        lines = _Lines(stream)
        reader = csv.reader(lines, delimiter=self.delimiter)
        n, begin, header = len(self.columns), 1, True
        named = [(at, name) for at, name in enumerate(self.columns) if name]
        try:
            for cells in reader:
                first, begin = begin, reader.line_num + 1
                if header or not any(cells):
                    header = header and not any(cells)
                elif lines.ended:  # the reader asked for a line more
                    yield self._unreadable(first, "a quote is not closed")
                elif len(cells) > n:
                    yield Refused(f"{self.content.shown} row {first}", "cells", f"{len(cells)} cells")
                elif any(map(str.strip, cells)):
                    cells += [""] * (n - len(cells))
                    yield f"{self.content.shown} row {first}", {name: cells[at] for at, name in named}
        except csv.Error as error:
            yield self._unreadable(begin, str(error))

    def _unreadable(self, line: int, why: str) -> Refused:
        return Refused(f"{self.content.shown} row {line}", "cells", f"cannot be read from here on: {why}")


class _Lines:
    """The lines of a file, which know whether more were asked for than there are."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.ended = False

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = next(self._stream, "")
        if not line:
            self.ended = True
            raise StopIteration
        return line


def csv_rows(content: Content) -> CsvRows:
    """Open a CSV file; columns without a name are passed over.

    Raises
    ------
    InputError
        If it is empty or names a column twice, or, when its rows are gone through, is not UTF-8.
    """
    header = next((line for line in content.head.splitlines() if line.strip()), "")
    delimiter = max(DELIMITERS, key=header.count)
    try:
        with content.path.open(encoding="utf-8-sig", newline="") as stream:
            cells = next((row for row in csv.reader(stream, delimiter=delimiter) if any(row)), [])
    except UnicodeDecodeError as error:
        raise InputError(_not_utf8(content)) from error
    except csv.Error as error:
        raise InputError(Problem(content.shown, f"has no header that can be read: {error}", "a CSV file",
                                 "export it again")) from error
    columns = tuple(name.strip("\ufeff \t").lower() for name in cells)
    if not any(columns):
        raise InputError(Problem(content.shown, "is empty", "a header line and rows", "export it again"))
    twice = [repr(name) for name in dict.fromkeys(columns) if name and columns.count(name) > 1]
    if twice:
        raise InputError(Problem(content.shown, f"column {', '.join(twice)} is listed twice", "each column once",
                                 "rename or delete one"))
    return CsvRows(content, columns, delimiter)


def _not_utf8(content: Content) -> Problem:
    """Find the line that is not UTF-8."""
    with content.path.open("rb") as stream:
        for at, line in enumerate(stream, start=1):
            try:
                line.decode()
            except UnicodeDecodeError as error:
                return Problem(f"{content.shown} row {at}", f"byte 0x{line[error.start]:02x} is not UTF-8", "UTF-8",
                               "save it as 'CSV UTF-8'")
    return Problem(content.shown, "is not UTF-8", "UTF-8", "save it as 'CSV UTF-8'")
