"""The report's tables: which estimates stand together, under which caption, with which columns."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from salcompare.report.wording import number

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from salcompare.report.data import ReportData

_ALWAYS_TEXT = {"actor", "label", "predicted", "image", "variant", "layer", "reason"}


@dataclass(frozen=True)
class PrintedTable:
    """A table as it is printed: `name` is its CSV's; `simulated` whether it rests on simulated responses."""

    name: str
    title: str
    caption: str
    frame: pd.DataFrame
    simulated: bool
    folded: bool = False

    @property
    def header(self) -> list[str]:
        """The columns' names in words."""
        return [str(column).replace("_", " ") for column in self.frame.columns]

    @property
    def rows(self) -> list[list[str]]:
        """The cells as printed."""
        return [[_cell(value, str(column)) for column, value in zip(self.frame.columns, row, strict=True)]
                for row in self.frame.itertuples(index=False, name=None)]

    def is_number(self, index: int) -> bool:
        """Whether a column is set flush right."""
        return self.frame.dtypes.iloc[index].kind in "iuf" and self.frame.columns[index] not in _ALWAYS_TEXT


def printed_tables(data: ReportData) -> list[PrintedTable]:
    """Make every table of the report, in order; one without rows is left out."""
    estimates = data.estimates
    ofs = {name: estimates[estimates["statistic"] == name] for name in estimates["statistic"].unique()}
    empty = estimates.iloc[:0]
    overlap = ofs.get("overlap", empty)
    labels = ofs.get("label_share", empty)
    symmetry = ofs.get("symmetry", empty)
    tables = [
        _of(data, "accuracy", "Accuracy of the classifiers", "n counts images; intervals are Wilson's.",
            ofs.get("accuracy", empty), ["source", "metric", "value", "ci_low", "ci_high", "n"]),
        _of(data, "variance_explained", "Variance of maps explained by actor",
            "Test images. The null permutes images freely among actors; between_actor_share is bias-corrected, with a "
            "jackknife interval over images. R² itself carries no interval.", ofs.get("variance_explained", empty),
            ["source", "form", "metric", "value", "ci_low", "ci_high", "null_mean", "p_value", "n"]),
        _of(data, "overlap_population", "Overlap of human and classifier maps, mean over actors",
            "Intervals are t intervals over actors; the image effect permutes images within actors, the actor effect "
            "whole actors.", overlap[overlap["level"] == "population"],
            ["source", "contrast", "metric", "form", "value", "ci_low", "ci_high", "p_value", "ceiling", "n"]),
        _of(data, "label_share_population", "Label histogram, mean over actors",
            "Each actor weighs the same; within an actor each image does.", labels[labels["level"] == "population"],
            ["label", "value", "ci_low", "ci_high", "n", "resampled"]),
        _of(data, "noise_ceiling", "Noise ceiling of the human maps", "", ofs.get("noise_ceiling", empty),
            ["level", "actor", "form", "value", "ci_low", "ci_high", "n", "reason"], folded=True),
        _of(data, "symmetry_population", "Symmetry, mean over actors", "", symmetry[symmetry["level"] == "population"],
            ["source", "metric", "contrast", "value", "ci_low", "ci_high", "null_mean", "p_value", "n"]),
        _of(data, "overlap_actor", "Overlap of each actor", "", overlap[overlap["level"] == "actor"],
            ["actor", "source", "contrast", "metric", "form", "value", "ci_low", "ci_high", "p_value", "n"],
            folded=True),
        _of(data, "label_share_actor", "Label histogram of each actor", "", labels[labels["level"] == "actor"],
            ["actor", "label", "value", "ci_low", "ci_high", "n"], folded=True),
        _of(data, "symmetry_actor", "Symmetry of each actor", "", symmetry[symmetry["level"] == "actor"],
            ["actor", "source", "metric", "value", "null_mean", "n"], folded=True),
        *_classifier_tables(data),
        _plain("images_left_out", "Files left out", data.images_left_out),
        _plain("responses_left_out", "Responses left out", data.responses_left_out),
    ]
    return [table for table in tables if len(table.frame)]


def uses_responses(row: pd.Series[Any]) -> bool:
    """Whether an estimate rests on people's responses."""
    human = ("human", "baseline/")
    return (str(row["statistic"]) in ("label_share", "noise_ceiling", "overlap")
            or str(row["source"]).startswith(human) or str(row["against"]).startswith(human))


def marked(estimates: pd.DataFrame, *, simulated: bool) -> pd.DataFrame:
    """Add the column `responses`, which says ``simulated`` or ``collected`` where an estimate rests on responses."""
    kind = "simulated" if simulated else "collected"
    said = [kind if uses_responses(row) else "" for _, row in estimates.iterrows()]
    return estimates.assign(responses=said)


def _of(data: ReportData, name: str, title: str, caption: str, rows: pd.DataFrame, columns: Sequence[str],
        *, folded: bool = False) -> PrintedTable:
    simulated = data.simulated and len(rows) > 0 and any(uses_responses(row) for _, row in rows.iterrows())
    return PrintedTable(name, title, caption, rows[list(columns)], simulated, folded)


def _plain(name: str, title: str, frame: pd.DataFrame) -> PrintedTable:
    return PrintedTable(name, title, "", frame, simulated=False, folded=True)


def _classifier_tables(data: ReportData) -> list[PrintedTable]:
    found = []
    for name, tables in data.classifiers.items():
        confusion = tables["confusion"]
        wrong = confusion[(confusion["actor"] != confusion["predicted"]) & (confusion["n"] > 0)]
        found += [
            _plain(f"confusion_{name}", f"{name}: test images taken for another actor", wrong),
            _plain(f"weights_{name}", f"{name}: share of weights near zero, by layer", tables["weights"]),
        ]
    return found


def _cell(value: object, column: str) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if isinstance(value, (int, float)) and column not in _ALWAYS_TEXT:
        return number(value)
    return str(value)
