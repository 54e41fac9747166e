"""The rows of a CSV file as importers go through them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from salcompare.sources.cells import read_cells
from salcompare.sources.importers.content import Content
from salcompare.sources.importers.entries import Refused


@dataclass(frozen=True)
class CsvRows:
    """A table: its named columns in lower case, each row by its place, and the rows that cannot be read."""

    columns: tuple[str, ...]
    rows: list[tuple[str, dict[str, str]]]
    refused: list[Refused]

    def __iter__(self) -> Iterator[tuple[str, dict[str, str]]]:
        return iter(self.rows)


def csv_rows(content: Content) -> CsvRows:
    """Read a CSV file; columns without a name are passed over.

    Raises
    ------
    InputError
        If it is none, or names a column twice.
    """
    cells = read_cells(content.path, shown=content.shown, remedy="export it again")
    refused = [Refused(fault.problem.where, fault.reason, fault.problem.found) for fault in cells.faults]
    texts = {str(name): cells.frame.iloc[:, at].tolist() for at, name in enumerate(cells.frame.columns) if name}
    places = [f"{content.shown} row {line}" for line in cells.frame.index.tolist()]
    rows = [dict(zip(texts, row, strict=True)) for row in zip(*texts.values(), strict=True)]
    return CsvRows(tuple(texts), list(zip(places, rows, strict=bool(texts))), refused)
