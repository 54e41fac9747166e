"""Tables of the classifiers: accuracy, confusions and weights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from salcompare.report.tables.printed import PrintedTable, plain_table, table_of

if TYPE_CHECKING:
    import pandas as pd

    from salcompare.report.data import ReportData


def accuracy_table(estimates: pd.DataFrame) -> PrintedTable:
    """Make the table of the classifiers' accuracies."""
    return table_of("accuracy", "Accuracy of the classifiers", "n counts images; intervals are Wilson's.",
        estimates[estimates["statistic"] == "accuracy"], ["source", "metric", "value", "ci_low", "ci_high", "n"])


def classifier_tables(data: ReportData) -> Iterator[PrintedTable]:
    """Make the tables of each classifier's confusions and weights."""
    for name, tables in data.classifiers.items():
        confusion = tables["confusion"]
        wrong = confusion[(confusion["actor"] != confusion["predicted"]) & (confusion["n"] > 0)]
        yield plain_table(f"confusion_{name}", f"{name}: test images taken for another actor", wrong)
        yield plain_table(f"weights_{name}", f"{name}: share of weights near zero, by layer", tables["weights"])
