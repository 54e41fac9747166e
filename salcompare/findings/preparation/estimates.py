"""Estimates of how far workers are confounded with actors."""

from __future__ import annotations

from collections.abc import Iterator

from salcompare.findings.analysis import Analysis, Draws, sharing_of_workers
from salcompare.findings.preparation import SHARED_WORKERS
from salcompare.findings.rows import Row, rows_of
from salcompare.naming import HUMAN


def estimates(analysis: Analysis) -> Iterator[tuple[list[Row], list[Draws]]]:
    """Measure whether images of one actor share workers."""
    sharing = sharing_of_workers(analysis.data, analysis.seed)
    if sharing is not None:
        yield rows_of(sharing, SHARED_WORKERS, {"source": HUMAN}), []
