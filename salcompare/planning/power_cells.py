"""Runs that are kept on disk, so that what was stopped goes on and more can be added."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from pathlib import Path

from salcompare import __version__, checksums, provenance, store
from salcompare.planning.measures import PlannedStatistic, Result
from salcompare.planning.scenario import Scenario

_SECONDS_BETWEEN_WRITES = 5.0


@dataclass
class Kept:
    """Results by cell, in one JSON file that is replaced as a whole.

    Attributes
    ----------
    path : Path
        The file; made if it is not there.
    fingerprint : str
        Of what the results depend on; results of another fingerprint are not used.
    cells : dict
        Results by the cell's name.
    """

    path: Path
    fingerprint: str
    cells: dict[str, list[Result]] = field(default_factory=dict)
    _written: float = 0.0

    def results(self, cell: str) -> list[Result]:
        """Give a cell's results so far; changing the list changes nothing kept."""
        return list(self.cells.get(cell, []))

    def keep(self, cell: str, results: list[Result], *, finished: bool) -> None:
        """Keep a cell's results; they are on disk when a cell is finished, and every few seconds."""
        if len(results) >= len(self.cells.get(cell, [])):
            self.cells[cell] = list(results)
        if finished or time.monotonic() - self._written > _SECONDS_BETWEEN_WRITES:
            plain = {name: [[None if math.isnan(number) else number for number in row] for row in rows]
                     for name, rows in self.cells.items()}
            store.write_text(self.path, provenance.canonical_json(checksums.sealed({
                "fingerprint": self.fingerprint, "simulated": True, "columns": Result._fields, "cells": plain})))
            self._written = time.monotonic()


def open_kept(path: Path, *, scenario: Scenario, statistic: PlannedStatistic, seed: int, draws: int) -> Kept:
    """Open what is kept in a file, if it was made by the same model, statistic, seed, draws and version.

    Raises
    ------
    InputError
        If the file cannot be read.
    """
    fingerprint = provenance.fingerprint({"scenario": scenario, "statistic": statistic.name, "seed": seed,
                                          "draws": draws, "version": __version__})
    found = store.read_json(path) if path.exists() else {}
    if not checksums.seal_holds(found) or found.get("fingerprint") != fingerprint:
        return Kept(path, fingerprint)
    cells = {cell: [Result(*(float("nan") if number is None else float(number) for number in row)) for row in rows]
             for cell, rows in found["cells"].items()}
    return Kept(path, fingerprint, cells)
