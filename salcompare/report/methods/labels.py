"""Methods of labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from salcompare.report.data import ReportData


def labels(data: ReportData) -> str:
    """Say how label histograms were made."""
    n = data.settings["statistics"]["n_resamples"]
    return ("Shares of labels are normalised within actor, images weighing the same, then averaged over actors. "
            f"Intervals are percentiles of {n:,} bootstrap resamples of workers, each with all responses.")
