"""The page that compares all classifiers: one figure, one table, and their differences."""

from __future__ import annotations

import textwrap
from collections.abc import Hashable
from dataclasses import replace

import pandas as pd

from salcompare.findings.comparison.estimates import left_out, side_by_side
from salcompare.findings.overlap import OVERLAP
from salcompare.findings.seeds import ABSOLUTE, CONVOLUTIONS, LINEAR, NEAR_ZERO, SMALL, TUNED
from salcompare.findings.training import ACCURATE, DIFFERENCE
from salcompare.naming import COMPARISON, PRIMARY, RAW, by_classifier, classifier_of, classifier_sources
from salcompare.printing import joined, number
from salcompare.report.content import Page, Section, compact_table, with_rows
from salcompare.report.tables import PrintedTable
from salcompare.study_data import StudyData

TITLES = {OVERLAP: "Overlap with people", DIFFERENCE: ACCURATE.title, NEAR_ZERO: SMALL.title}
SOURCES_DOWN, WIDE = 3, 11  # from how many sources on these stand in rows; characters of a narrow column's title
_BESIDE = {"null_mean": "null", "ceiling": "ceiling"}


def comparison_page(data: StudyData) -> Page:
    """Gather the page that compares the classifiers."""
    table = side_by_side(data.estimates, compared_sources(data))
    figure = (data.get("comparison"),) if data.get("comparison") else ()
    missing = (*(f"{text}." for text in left_out(table)), *_gaps(table))
    return Page(COMPARISON, "Classifiers side by side", _LEAD, (
        Section("figure", "As one figure", figures=figure),
        Section("table", "As one table", tables=with_rows([comparison_table(table)])),
        Section("differences", "Differences", tables=with_rows(_differences(data))),
        *((Section("absent", "What is not here", notes=missing),) if missing else ())))


def _gaps(table: pd.DataFrame) -> list[str]:
    """Say why some sources have a dash where others have a value."""
    said = []
    for title, part in table.groupby("title", sort=False):
        without = part[part["value"].isna()]
        if 0 < len(without) < len(part):
            reasons = without["reason"].fillna("not computed")
            said += [f"{title}, of {joined([str(source) for source in of['source']])}: {reason}."
                     for reason, of in without.groupby(reasons, sort=False)]
    return said


_LEAD = ("Every classifier of the study with its variants and methods. Values of different classifiers may be compared "
         "where they rest on the same images; whether they differ is in the table of differences, not in whether "
         "intervals overlap.")


def compared_sources(data: StudyData) -> list[str]:
    """List sources of all classifiers that have estimates, as the figure does: of each the main one first."""
    names = data.classifier_names
    sources = data.estimates["source"].dropna().astype(str)
    return by_classifier((source for source in classifier_sources(sources.unique())
                          if classifier_of(source) in names), names)


def comparison_table(table: pd.DataFrame) -> PrintedTable:
    """Print a row a quantity for one or two sources, a row a source for more; the CSV is the long table."""
    shown = table[table["value"].notna().groupby(table["quantity"]).transform("any")]
    cells = shown.assign(cell=[_cell(row) for row in shown.to_dict("records")],
                         row=[_named(row) for row in shown.to_dict("records")])
    printed = cells.pivot_table(index="row", columns="source", values="cell", aggfunc="first", sort=False)
    printed = printed.reindex(index=cells["row"].unique(), columns=cells["source"].unique()).fillna("–")
    printed = (printed if len(printed.columns) < SOURCES_DOWN else _narrow(printed.T)).rename_axis(
        index="", columns=None).reset_index()
    return PrintedTable("comparison", "Classifiers side by side", "Estimate, 95% interval where there is one, and what "
                        "it is read against: the mean under the null, or people's noise ceiling. Beside a difference "
                        "stand the two that it is of, on the images of both.",
                        shown.reset_index(drop=True), printed=printed,
                        simulated=bool((shown["responses"] == "simulated").any()))


def _narrow(printed: pd.DataFrame) -> pd.DataFrame:
    """Break names and cells into lines, so that all quantities have room side by side."""
    lines = printed.map(lambda cell: str(cell).replace(" (", "\n(").replace("; ", "\n"))
    return lines.rename(index=lambda source: str(source).replace("/", "/\n"),
                        columns=lambda title: "\n".join(textwrap.wrap(str(title), WIDE, break_long_words=False)))


def _named(row: dict[Hashable, object]) -> str:
    """Name a quantity, with how its maps were prepared."""
    return f"{row['title']} ({row['detail']})" if isinstance(row["detail"], str) and row["detail"] else str(
        row["title"])


def _cell(row: dict[Hashable, object]) -> str:
    value, low, high, reference, one, other = (
        float(str(row[name])) if row[name] is not None else float("nan")
        for name in ("value", "ci_low", "ci_high", "reference", "value_one", "value_other"))
    if value != value:
        return "–"
    ends = f" ({number(low, 2)} to {number(high, 2)})" if low == low else ""
    beside = f"; {_BESIDE[str(row['beside'])]} {number(reference, 2)}" if reference == reference else ""
    sides = f"; {number(one)} less {number(other)}" if one == one and other == other else ""
    return f"{number(value, 2)}{ends}{sides}{beside}"


def _differences(data: StudyData) -> list[PrintedTable]:
    """Print all differences between two classifiers, variants or methods that the study estimated, by quantity."""
    table = data.estimates
    contrast = table["contrast"].fillna("").astype(str)
    between = contrast.str.contains(r"^minus [^/\s]+/[^/\s]+(?:/|$)") | (contrast == TUNED)
    of = table[between & (table["level"] == "population") & ~contrast.str.contains("baseline/")]
    metrics = (PRIMARY, ACCURATE.metric, CONVOLUTIONS, LINEAR)
    primary = of[of["metric"].isin(metrics) & ~of["form"].isin([RAW, ABSOLUTE])]
    return [_difference(str(name), rows) for name, rows in primary.groupby("statistic", sort=False)]


def _difference(statistic: str, rows: pd.DataFrame) -> PrintedTable:
    """Print the differences of one quantity: whose, from whose, and what is the same of all in the caption."""
    title = TITLES.get(statistic, statistic.replace("_", " ").capitalize())
    table = compact_table(f"comparison_{statistic}", title, "", rows, folded=statistic == NEAR_ZERO)
    whole = table.page
    shared = [name for name in ("metric", "form", "resampled", "null_mean", "n", "reason")
              if name in whole and whole[name].notna().all() and len(set(whole[name])) == 1]
    same = "; ".join(f"{name.replace('_', ' ')} {_said(whole[name].iloc[0])}" for name in shared)
    printed = whole.rename(columns={"contrast": "less"}).drop(columns=[*shared, "against"], errors="ignore")
    return replace(table, caption=f"Source less the other, paired. Of all rows: {same}." if same else
                   "Source less the other, paired.",
                   printed=printed.assign(less=printed["less"].str.removeprefix("minus ")))


def _said(value: object) -> str:
    return value if isinstance(value, str) else number(value)
