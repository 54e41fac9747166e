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
    frame = cells.frame.loc[:, [bool(name) for name in cells.frame.columns]].astype("str")
    refused = [Refused(fault.problem.where, fault.reason, fault.problem.found) for fault in cells.faults]
    places = [f"{content.shown} row {line}" for line in frame.index.tolist()]
    rows = [{str(name): cell for name, cell in row.items()} for row in frame.to_dict("records")]
    return CsvRows(tuple(map(str, frame.columns)), list(zip(places, rows, strict=True)), refused)
