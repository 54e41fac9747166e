"""The report's tables: which estimates stand together, under which caption, with which columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from salcompare.report.tables.ceilings import ceiling_tables
from salcompare.report.tables.classifiers import accuracy_table, classifier_tables
from salcompare.report.tables.controls import control_tables
from salcompare.report.tables.families import families_table
from salcompare.report.tables.labels import label_tables
from salcompare.report.tables.overlap import overlap_tables
from salcompare.report.tables.printed import PrintedTable, plain_table
from salcompare.report.tables.quality import quality_tables
from salcompare.report.tables.relative import relative_tables
from salcompare.report.tables.removal import removal_tables
from salcompare.report.tables.seeds import seed_tables
from salcompare.report.tables.symmetry import symmetry_tables
from salcompare.report.tables.variance import variance_tables

if TYPE_CHECKING:
    from salcompare.report.data import ReportData

__all__ = ["PrintedTable", "printed_tables"]


def printed_tables(data: ReportData) -> list[PrintedTable]:
    """Make every table of the report, in order; one without rows is left out."""
    estimates = data.estimates
    tables = [
        *quality_tables(data),
        accuracy_table(estimates), *variance_tables(estimates), *overlap_tables(estimates),
        *control_tables(estimates),
        *ceiling_tables(estimates), *label_tables(estimates),
        *removal_tables(estimates), *relative_tables(estimates), *symmetry_tables(estimates),
        *seed_tables(estimates), families_table(estimates), *classifier_tables(data),
        *([] if data.removal_curves is None else [
            plain_table("removal_curves", "Deletion and insertion curves, point by point", data.removal_curves)]),
        plain_table("images_left_out", "Files left out", data.images_left_out),
        plain_table("responses_left_out", "Responses left out", data.responses_left_out.assign(
            responses="simulated" if data.simulated else "collected")),
        *(plain_table(f"maps_left_out_{name}", f"{name}: maps left out", given["left_out"])
          for name, given in data.given_maps.items()),
    ]
    return [table for table in tables if len(table.frame)]
