"""What a report is made from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:

    from salcompare.report.page import Page
    from salcompare.report.tables import PrintedTable


@dataclass(frozen=True)
class ReportFigure:
    """A figure as it stands in the report: its files are beside the page, its PNG also inside it."""

    name: str
    title: str
    caption: str
    png: Path
    svg: Path


@dataclass(frozen=True)
class Answer:
    """A question of the study and its answer."""

    question: str
    answers: tuple[str, ...]


@dataclass(frozen=True)
class Content:
    """What a report says, in the order in which it says it.

    Attributes
    ----------
    answers : tuple of Answer
        The summary.
    banners : tuple of str
        Warnings above it.
    tables : tuple of PrintedTable
    methods : tuple of (str, str)
        Headings and paragraphs.
    limits, references : tuple of str
    pages : tuple of Page
        Those beside the report.
    """

    answers: tuple[Answer, ...]
    banners: tuple[str, ...]
    tables: tuple[PrintedTable, ...]
    methods: tuple[tuple[str, str], ...]
    limits: tuple[str, ...]
    references: tuple[str, ...]
    pages: tuple[Page, ...]
