"""Simulated runs that are kept on disk, so that what was stopped goes on and more can be added.

Their files carry checksums; what is damaged is said, and made again.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from salcompare import __version__, provenance, store
from salcompare.errors import DamagedError
from salcompare.simulation.cases import PlannedStatistic, Result
from salcompare.simulation.scenario import Scenario

if TYPE_CHECKING:
    from salcompare.progress import Say

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
            write_kept(self.path, {"fingerprint": self.fingerprint, "simulated": True, "columns": Result._fields,
                                   "cells": plain})
            self._written = time.monotonic()


def open_kept(path: Path, *, scenario: Scenario, statistic: PlannedStatistic, seed: int, draws: int,
              say: Say | None = None) -> Kept:
    """Open what is kept in a file, if it was made by the same model, statistic, seed, draws and version.

    Parameters
    ----------
    path : Path
    scenario, statistic, seed, draws
        What the results depend on.
    say : callable, optional
        Told of a damaged file, of which nothing is used.
    """
    fingerprint = provenance.fingerprint({"scenario": scenario, "statistic": statistic.name, "seed": seed,
                                          "draws": draws, "version": __version__})
    found = read_kept(path, say=say)
    if found is None or found.get("fingerprint") != fingerprint:
        return Kept(path, fingerprint)
    cells = {cell: [Result(*(float("nan") if number is None else float(number) for number in row)) for row in rows]
             for cell, rows in found["cells"].items()}
    return Kept(path, fingerprint, cells)


def write_kept(path: Path, content: Mapping[str, object]) -> None:
    """Write runs as JSON on one line with a checksum of its own, whole or not at all; NaN becomes null."""
    store.write_text(path, provenance.canonical_json(provenance.sealed(content)) + "\n")


def read_kept(path: Path, *, say: Say | None = None) -> dict[str, Any] | None:
    """Read what `write_kept` wrote; None where there is none, or where it is not what was written, which is said.

    Parameters
    ----------
    path : Path
    say : callable, optional
        Told of a file that is empty, cut, changed or of a version that sealed none.
    """
    if not path.exists():
        return None
    try:
        return store.read_sealed(path)
    except DamagedError:
        if say:
            say(f"  {path} is damaged or of an older version; its runs are made again")
        return None
