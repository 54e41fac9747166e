"""Methods of variance explained."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from salcompare.report.data import ReportData


def variance(data: ReportData) -> str:
    """Say how variance explained was computed and tested."""
    n = data.settings["statistics"]["n_permutations"]
    return ("R² is the between-actor sum of squares over the total, pooled over pixels (Anderson 2001). Its null "
            f"permutes images freely among actors, {n:,} times; p = (1 + permutations at least as large) / (1 + "
            "permutations) (Phipson & Smyth 2010). Adjusted R², omega² and the bias-corrected between-actor share "
            "stand beside it, because R² alone grows with the number of actors. The original study reports 0.92 "
            "without a definition (Sun et al. 2020); no number here should be held against it.")
