"""Masses of maps in the regions of the canonical face, as their stage left them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from salcompare import store
from salcompare.findings.regions import TABLE

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from salcompare.study import Study

KEY = ("source", "network", "image", "worker")
"""The columns that name what a row's masses are of; the others are regions, squares of the inter-ocular distance."""
VISIBLE = "area"
"""Names, as a source, rows of how much of each region a photograph shows."""


def has_stage(study: Study) -> bool:
    """Whether there are maps and landmarks to bring them to the canonical face by."""
    return study.config.landmarks.source != "none" and (study.people != "none" or bool(study.sources))


def path_of(study: Study) -> Path:
    """Where the table is."""
    return study.processed / f"{TABLE}.csv"


def region_masses(study: Study) -> pd.DataFrame | None:
    """One row a map; None where there is no such stage."""
    return store.read_csv(path_of(study), text=KEY).fillna(dict.fromkeys(KEY, "")) if has_stage(study) else None


INPUTS = {TABLE: region_masses}
