"""What a report and the pages beside it hold: answers, sections, figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from salcompare.naming import classifier_of, within
from salcompare.report.tables import PrintedTable, table_of
from salcompare.schema import ESTIMATES
from salcompare.study_data import StudyData


@dataclass(frozen=True)
class ReportFigure:
    """A figure as it stands in the report: its files are beside the page, its PNG also inside it."""

    name: str
    title: str
    caption: str
    png: Path
    svg: Path


@dataclass(frozen=True)
class Thumbnail:
    """A small picture on a page, with what it is of."""

    name: str
    words: str
    jpeg: bytes
    width: int  # pixels
    height: int


@dataclass(frozen=True)
class Answer:
    """A question of the study and its answer."""

    question: str
    answers: tuple[str, ...]


@dataclass(frozen=True)
class Content:
    """What a report says, in the order in which it says it, and the pages beside it."""

    answers: tuple[Answer, ...]  # the summary
    banners: tuple[str, ...]  # warnings above it
    tables: tuple[PrintedTable, ...]
    methods: tuple[tuple[str, str], ...]  # headings and paragraphs
    limits: tuple[str, ...]
    references: tuple[str, ...]
    pages: tuple[Page, ...]


_ALWAYS = ("source", "value")
_PRINTED = ("actor", "label", "region", "source", "metric", "form", "against", "contrast", "value", "ci_low",
            "ci_high", "resampled", "null_mean", "ceiling", "p_value", "p_adjusted", "n", "reason")


@dataclass(frozen=True)
class Section:
    """One section of a page."""

    name: str  # its anchor
    title: str
    said: tuple[str, ...] = ()  # paragraphs
    figures: tuple[ReportFigure, ...] = ()
    thumbnails: tuple[Thumbnail, ...] = ()
    tables: tuple[PrintedTable, ...] = ()  # those without rows are left out
    notes: tuple[str, ...] = ()  # a list below all
    absent: str = ""  # what its page says in the end where its first table has no rows

    @property
    def empty(self) -> bool:
        """Whether there is nothing in it."""
        return not (self.said or self.figures or self.thumbnails or self.tables or self.notes)


@dataclass(frozen=True)
class Page:
    """One page beside the report."""

    file: str  # its name in the report's folder
    title: str  # what it is of
    lead: str  # a line about it
    sections: tuple[Section, ...]  # in order; empty ones are left out
    report: str = "report.html"  # the report that it is beside; empty where it is beside none


def ready_made(maps: Mapping[str, Any]) -> str:
    """Say of maps that were given how many they are, and by which method."""
    return (f"{maps['n_maps']:,} maps that were given ready-made ({maps['method'].replace('_', ' ')}); no network was "
            "trained for them.")


def classifier_rows(estimates: pd.DataFrame, classifier: str, *statistics: str) -> pd.DataFrame:
    """Rows of the population that are of a classifier, in the order of the statistics."""
    table = estimates.reindex(columns=list(ESTIMATES.names))
    of = table["source"].fillna("").map(classifier_of) == classifier
    table = table[of & (table["level"] == "population") & table["statistic"].isin(statistics)]
    return table.sort_values("statistic", key=lambda names: names.map(statistics.index), kind="stable")


def compact_table(name: str, title: str, caption: str, rows: pd.DataFrame, *, folded: bool = False,
                  of: str = "") -> PrintedTable:
    """Make a table from rows of the estimates with the columns that hold anything; several statistics are named.

    On the page of the classifier `of`, the sources are printed without its name; the CSV has it.
    """
    columns = ["statistic"] if len(rows["statistic"].unique()) > 1 else []
    columns += [column for column in _PRINTED if column in _ALWAYS
                or bool((rows[column].notna() & (rows[column].astype(str) != "")).any())]
    table = table_of(name, title, caption, rows, columns, folded=folded)
    page = table.page
    return replace(table, printed=page.assign(source=within(page["source"], of))) if of else table


def classifier_table(data: StudyData, classifier: str, part: str, title: str, caption: str, *statistics: str,
                     folded: bool = False) -> PrintedTable:
    """Make the table of some statistics of a classifier, named ``classifier_NAME_PART``."""
    return compact_table(f"classifier_{classifier}_{part}", title, caption,
                         classifier_rows(data.estimates, classifier, *statistics), folded=folded, of=classifier)


def with_rows(tables: Iterable[PrintedTable]) -> tuple[PrintedTable, ...]:
    """Leave out tables without rows."""
    return tuple(table for table in tables if len(table.frame))
