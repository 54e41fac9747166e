"""The report's tables: which estimates stand together, under which caption, with which columns."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from salcompare.report.summary import PRIMARY
from salcompare.report.wording import number
from salcompare.statistics import METRICS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from salcompare.report.data import ReportData

_ALWAYS_TEXT = {"actor", "label", "predicted", "image", "variant", "layer", "reason"}


@dataclass(frozen=True)
class PrintedTable:
    """A table of the report.

    Attributes
    ----------
    name, title, caption : str
        The name is its CSV's.
    frame : DataFrame
        What the CSV holds.
    simulated : bool
        Whether it rests on simulated responses.
    folded : bool
        Whether the page shows it only on request.
    printed : DataFrame or None
        The rows that the page prints, where those are not all.
    """

    name: str
    title: str
    caption: str
    frame: pd.DataFrame
    simulated: bool
    folded: bool = False
    printed: pd.DataFrame | None = None

    @property
    def page(self) -> pd.DataFrame:
        """What the page prints."""
        return self.frame if self.printed is None else self.printed

    @property
    def header(self) -> list[str]:
        """The columns' names in words."""
        return [str(column).replace("_", " ") for column in self.page.columns]

    @property
    def rows(self) -> list[list[str]]:
        """The cells as printed."""
        frame = self.page
        return [[_cell(value, str(column)) for column, value in zip(frame.columns, row, strict=True)]
                for row in frame.itertuples(index=False, name=None)]

    def is_number(self, index: int) -> bool:
        """Whether a column is set flush right."""
        return self.page.dtypes.iloc[index].kind in "iuf" and self.page.columns[index] not in _ALWAYS_TEXT


def printed_tables(data: ReportData) -> list[PrintedTable]:
    """Make every table of the report, in order; one without rows is left out."""
    estimates = data.estimates
    ofs = {name: estimates[estimates["statistic"] == name] for name in estimates["statistic"].unique()}
    empty = estimates.iloc[:0]
    overlap = ofs.get("overlap", empty)
    labels = ofs.get("label_share", empty)
    symmetry = ofs.get("symmetry", empty)
    tables = [
        _of("accuracy", "Accuracy of the classifiers", "n counts images; intervals are Wilson's.",
            ofs.get("accuracy", empty), ["source", "metric", "value", "ci_low", "ci_high", "n"]),
        _variance(ofs.get("variance_explained", empty)),
        _of("variance_explained_all", "Variance of maps explained by actor, every variant",
            "n counts images: the test images, for people those that have responses. The null permutes images freely "
            "among actors; between_actor_share is bias-corrected, with a jackknife interval over images. R² itself "
            "carries no interval. The original study reports 92% and no definition of it: none of these numbers is "
            "known to be its counterpart.", ofs.get("variance_explained", empty),
            ["source", "form", "metric", "value", "ci_low", "ci_high", "null_mean", "p_value", "n"], folded=True),
        _primary_overlap(overlap),
        _of("overlap_population", "Overlap of human and classifier maps, mean over actors, every metric",
            "Intervals over actors: t, and jackknife (ci_method) where actors meet other actors. p is one-sided, "
            "towards better agreement (alternative): near 1, a map does worse than what it is compared with. The image "
            "effect permutes images within actors, the actor effect whole actors, differences from a baseline flip "
            "actors' signs.", _population_overlap(overlap),
            ["source", "contrast", "metric", "better", "form", "value", "ci_low", "ci_high", "ci_method", "p_value",
             "alternative", "ceiling", "n"], folded=True),
        _of("label_share_population", "Label histogram, mean over actors",
            "Each actor weighs the same; within an actor each image does.", labels[labels["level"] == "population"],
            ["label", "value", "ci_low", "ci_high", "count", "n", "resampled"]),
        _of("noise_ceiling", "Noise ceiling of the human maps", "", ofs.get("noise_ceiling", empty),
            ["level", "actor", "form", "value", "ci_low", "ci_high", "n", "reason"], folded=True),
        _of("symmetry_population", "Symmetry, mean over actors",
            "t intervals over actors; people's maps on the images that the classifiers' are of. null_mean: the index "
            "of symmetric maps with as much noise. odd_share compares smoothed coverage with smoothed masks.",
            symmetry[symmetry["level"] == "population"],
            ["source", "metric", "contrast", "value", "ci_low", "ci_high", "null_mean", "n"]),
        _overlap_of_actors(overlap[overlap["level"] == "actor"]),
        _of("overlap_curve", "Overlap over the smoothing's sigma",
            "Mean over actors of Pearson's correlation on the same image; sigma in pixels of the grid.",
            ofs.get("overlap_curve", empty), ["source", "sigma", "value", "ci_low", "ci_high", "n"], folded=True),
        _of("label_share_actor", "Label histogram of each actor", "", labels[labels["level"] == "actor"],
            ["actor", "label", "value", "ci_low", "ci_high", "count", "n"], folded=True),
        _of("ties", "Ties in the areas that iou and dice compare, and maps too sparse to fill one",
            "Shares, mean over n images.", estimates[estimates["statistic"].isin(["tied_share", "short_maps"])],
            ["statistic", "source", "against", "value", "n"], folded=True),
        _of("symmetry_actor", "Symmetry of each actor", "", symmetry[symmetry["level"] == "actor"],
            ["actor", "source", "metric", "value", "null_mean", "n"], folded=True),
        *_classifier_tables(data),
        _plain("images_left_out", "Files left out", data.images_left_out),
        _plain("responses_left_out", "Responses left out", data.responses_left_out),
    ]
    return [table for table in tables if len(table.frame)]


def _of(name: str, title: str, caption: str, rows: pd.DataFrame, columns: Sequence[str],
        *, folded: bool = False) -> PrintedTable:
    simulated = bool((rows["responses"] == "simulated").any())
    printed = rows[list(columns)]
    return PrintedTable(name, title, caption, rows[[*columns, "responses"]], simulated, folded, printed)


def _variance(rows: pd.DataFrame) -> PrintedTable:
    """One row for each source and form: R² beside its null, its corrected relatives and the variants."""
    key = ["source", "form"]
    table = rows[rows["metric"] == "r2"][[*key, "value", "null_mean", "p_value", "n", "responses"]]
    table = table.rename(columns={"value": "r2"})
    for metric in ("r2_adjusted", "omega2", "r2_pixel_mean", "r2_uncentred"):
        beside = rows[rows["metric"] == metric][[*key, "value"]]
        table = table.merge(beside.rename(columns={"value": metric}), how="left")
    share = rows[rows["metric"] == "between_actor_share"][[*key, "value", "ci_low", "ci_high"]]
    table = table.merge(share.rename(columns={"value": "between_actor_share"}), how="left")
    order = [*key, "r2", "null_mean", "p_value", "between_actor_share", "ci_low", "ci_high", "r2_adjusted", "omega2",
             "r2_pixel_mean", "r2_uncentred", "n", "responses"]
    return PrintedTable(
        "variance_explained", "Variance of maps explained by actor",
        "n counts images. null_mean and p: images permuted freely among actors. The interval is that of the "
        "bias-corrected between-actor share, by jackknife over images; R² itself carries none. The original study "
        "reports 92% and no definition of it: none of these numbers is known to be its counterpart.", table[order],
        bool((table["responses"] == "simulated").any()), printed=table[order[:-1]])


def _primary_overlap(overlap: pd.DataFrame) -> PrintedTable:
    """Keep the primary metric alone, of every source and contrast."""
    keep = (overlap["level"] == "population") & (overlap["metric"] == PRIMARY["metric"]) & (
        overlap["form"] == PRIMARY["form"]) & overlap["value"].notna()
    return _of(
        "overlap_primary", "Overlap of human and classifier maps, mean over actors",
        "Pearson's correlation of smoothed maps, the primary metric. Intervals over actors; p is one-sided, towards "
        "better agreement: near 1, a map does worse than what it is compared with.", overlap[keep],
        ["source", "contrast", "value", "ci_low", "ci_high", "p_value", "ceiling", "n"])


def _population_overlap(overlap: pd.DataFrame) -> pd.DataFrame:
    """Rows of the population, each metric with the direction that is better."""
    rows = overlap[overlap["level"] == "population"]
    return rows.assign(better=[METRICS[metric].better for metric in rows["metric"]])


def _overlap_of_actors(rows: pd.DataFrame) -> PrintedTable:
    """Print the primary metric only: all of them are thousands of rows."""
    columns = ["actor", "source", "contrast", "metric", "form", "value", "ci_low", "ci_high", "p_value", "p_adjusted",
               "n"]
    table = _of("overlap_actor", "Overlap of each actor",
                "The primary metric; the CSV has all. p adjusted over actors by Holm's method.", rows, columns,
                folded=True)
    primary = (rows["metric"] == PRIMARY["metric"]) & (rows["form"] == PRIMARY["form"])
    return replace(table, printed=rows.loc[primary, columns])


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
    if isinstance(value, float) and column.startswith("p_"):
        return f"{value:.2g}"
    if isinstance(value, (int, float)) and column not in _ALWAYS_TEXT:
        return number(value)
    return str(value)
